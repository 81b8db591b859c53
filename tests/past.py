"""A store with a past: alerts that were received and decided at given times.

    past.make(path, [past.alert("vm-1", at=..., severity="High"), ...])

The schema is the program's own; what was decided (steps) is what the caller says.
"""

import hashlib
import json
import sqlite3
from datetime import datetime, timezone
from pathlib import Path

SCHEMA = Path(__file__).resolve().parent.parent / "src/store"
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TOPIC = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-soc/providers" \
    "/Microsoft.EventGrid/topics/defender-alerts"


def machine(name, subscription=SUBSCRIPTION):
    return f"/subscriptions/{subscription}/resourceGroups/rg-shop/providers" \
        f"/Microsoft.Compute/virtualMachines/{name}"


def ms(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() * 1000)


def alert(vm, at, name="Suspicious process executed", severity="High", key=None, **more):
    """One event about a machine; `then`: what was decided: (rule, action, state, reason)."""
    then = more.pop("then", ())
    return {"at": at, "vm": vm, "key": key or f"{vm}-{at}", "name": name, "severity": severity,
            "then": then, "resource": more.pop("resource", machine(vm)), "more": more}


def raw(event):
    return json.dumps({
        "id": f"{event['key']}-{event['at']}", "topic": TOPIC, "subject": "alerts",
        "eventType": "Contoso.Security.AlertRaised", "eventTime": "2026-03-14T08:41:20Z",
        "dataVersion": "1.0", "metadataVersion": "1", "data": {
            "systemAlertId": event["key"], "alertName": event["name"],
            "severity": event["severity"], "status": "New",
            "startTimeUtc": "2026-03-14T08:40:58Z", "compromisedEntity": event["vm"],
            "resourceIdentifiers": [
                {"type": "AzureResource", "azureResourceId": event["resource"]}],
            **event["more"]}})


def put(db, number, event, rules):
    text = raw(event)
    digest = hashlib.sha256(f"{number} {text}".encode()).digest()[:16]
    (row,) = db.execute(
        "INSERT INTO alerts (key, name, severity, status, type, resource, entity, form, first_ms,"
        " last_ms) VALUES (?, ?, ?, 'Active', '', ?, ?, 'flat', ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET last_ms = excluded.last_ms RETURNING id",
        (event["key"], event["name"], event["severity"], event["resource"], event["vm"],
         event["at"], event["at"])).fetchone()
    db.execute(
        "INSERT INTO events (id, hash, alert, event_id, source, type, received_ms, decided_ms,"
        " state, reason, headers, raw, trace, rules)"
        " VALUES (?, ?, ?, ?, '', '', ?, ?, ?, '', '{}', ?, '{}', ?)",
        (number, digest, row, str(number), event["at"], event["at"],
         event["more"].get("state", "decided"), text, rules))
    for rule, action, state, reason in event["then"]:
        db.execute(
            "INSERT INTO steps (key, alert, event, rule, action, target, params, disruptive,"
            " reports, undo_of, state, reason, attempts, troubles, created_ms, due_ms, settled_ms,"
            " record, cursor, result, destination, subscription) VALUES (?, ?, ?, ?, ?, ?, '{}', 1,"
            " 0, 0, ?, ?, 1, 0, ?, ?, ?, '', '', '', '', ?)",
            (f"{number} {action}", row, number, rule, action, event["resource"], state, reason,
             event["at"], event["at"], event["at"], SUBSCRIPTION))


def make(path, events, rules=""):
    """Writes the store; `events` in the order in which they were received."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    files = ["sqlite.sql"] + sorted(p.name for p in SCHEMA.glob("sqlite_*.sql"))
    for name in files:
        db.executescript((SCHEMA / name).read_text())
    db.execute(f"PRAGMA user_version = {len(files)}")
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    for number, event in enumerate(events, 1):
        put(db, number, event, rules)
    db.execute("COMMIT")
    db.close()
