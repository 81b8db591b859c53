"""New rules on what a real daemon received and decided, beside the daemon."""

import json
import sqlite3
import threading

from disk_world import wait_decided
from harness import event_grid, flat_alert, run_gridwarden, vm

DAY = 24 * 3600 * 1000

RULES = """
rules:
  - name: isolate-web
    match: {severity: High, compromisedEntity: web-*}
    actions: [isolate_vm]
  - name: tell-medium
    match: {severity: Medium}
    actions: [notify: soc]
"""

# Machines more are isolated, one of them is over the budget; a rule is gone.
NEW = """
rules:
  - name: isolate-all
    match: {severity: High, compromisedEntity: [web-*, db-*]}
    actions: [isolate_vm]
  - name: never
    match: {severity: High, compromisedEntity: nobody}
    actions: [notify: soc]
"""

GUARDS = {"mode": "enforce", "budgets": {"isolate_vm": {"per_hour": 2}}}


def alert(key, severity="Low", machine="app-01"):
    return flat_alert("Suspicious process executed", severity, machine, systemAlertId=key,
                      compromisedEntity=machine)


def day(number):
    """A hundred alerts: what nobody minds, five of medium severity, and what the day is about."""
    alerts = [alert(f"quiet-{number}-{i}") for i in range(92)]
    alerts += [alert(f"medium-{number}-{i}", "Medium", "app-02") for i in range(5)]
    if number == 0:
        alerts.append(alert("attack-0-web", "High", "web-01"))
    if number == 1:
        alerts += [alert(f"attack-1-db-{i}", "High", f"db-{i:02}") for i in (1, 2, 3)]
    return [event for data in alerts for event in event_grid(data)]


def deliver(gw, events):
    assert gw.deliver(events).status == 200
    wait_decided(gw)


def move_back(gw):
    """In the stopped daemon's store: as if day n had been received 3 - n days ago."""
    with sqlite3.connect(gw.folder / "gridwarden.db") as db:
        of_day = "(SELECT substr(key, instr(key, '-') + 1, 1) FROM alerts a WHERE a.id = alert)"
        db.execute(f"UPDATE events SET received_ms = received_ms - {DAY} * (3 - {of_day}),"
                   f" decided_ms = decided_ms - {DAY} * (3 - {of_day})")
    db.close()


def stored(gw):
    db = sqlite3.connect(f"file:{gw.folder}/gridwarden.db?mode=ro", uri=True)
    rows = [db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in ("alerts", "events")]
    steps = db.execute("SELECT id, key, rule, action, target FROM steps ORDER BY 1").fetchall()
    db.close()
    return rows, steps


def three_days(make):
    """A daemon with a past of three days, running."""
    gw = make(rules=RULES, guards=GUARDS).start()
    for number in range(3):
        deliver(gw, day(number))
    gw.wait_step("isolate_vm")
    assert gw.stop() == 0
    move_back(gw)
    (gw.folder / "new.yaml").write_text(NEW)
    return gw.start()


def backtest(gw, *arguments):
    return gw.run("backtest", "--config", str(gw.config), *arguments)


def test_new_rules_are_tried_on_three_days_beside_the_running_daemon(make):
    gw = three_days(make)
    before = stored(gw)
    result = backtest(gw, "--rules", str(gw.folder / "new.yaml"), "--since", "30d", "-o", "json")
    assert (result.returncode, result.stderr) == (0, "")
    report = json.loads(result.stdout)

    assert (report["alerts"], report["events"]) == (295, 295)
    assert report["verdict"].startswith("295 alerts since ")
    assert "2 machines more would be isolated; 1 other change below; " in report["verdict"]
    assert {row["target"]: row["change"] for row in report["actions"]} == {
        vm("db-01"): "added", vm("db-02"): "added", vm("db-03"): "otherwise"}
    (cause,) = report["actions"][0]["alerts"]
    assert cause["id"] == gw_alert(gw, "attack-1-db-1")
    assert cause["after"] == {"effect": "done", "rule": "isolate-all"}
    (over,) = report["actions"][2]["alerts"]
    assert over["after"]["reason"] == "budget used up: 2 isolate_vm an hour"
    assert report["budgets"] == [
        {"reason": "budget used up: 2 isolate_vm an hour", "before": 0, "after": 1}]
    told = {(m["target"], m["rule"]): (m["before"], m["after"]) for m in report["messages"]}
    assert told[("soc", "tell-medium")] == (15, 0)
    fired = {r["rule"]: (r.get("before"), r.get("after")) for r in report["rules"]}
    assert fired == {"isolate-web": (1, None), "tell-medium": (15, None),
                     "isolate-all": (None, 4), "never": (None, 0)}
    # The daemon decided as its rules do today.
    assert report["then"] == {"events_by_other_rules": 0, "events_decided_otherwise": 0,
                              "actions": []}
    assert stored(gw) == before


def gw_alert(gw, key):
    db = sqlite3.connect(f"file:{gw.folder}/gridwarden.db?mode=ro", uri=True)
    ((number,),) = db.execute("SELECT id FROM alerts WHERE key = ?", (key,)).fetchall()
    db.close()
    return number


def test_deliveries_are_answered_and_decided_while_a_backtest_runs(make):
    gw = three_days(make)
    results = []
    running = threading.Thread(target=lambda: [results.append(
        backtest(gw, "--rules", str(gw.folder / "new.yaml"), "-o", "json")) for _ in range(5)])
    running.start()
    for i in range(20):
        deliver(gw, event_grid(alert(f"meanwhile-3-{i}")))
    running.join()
    assert [r.returncode for r in results] == [0] * 5
    assert gw.stop() == 0
    report = json.loads(backtest(gw, "--rules", str(gw.folder / "new.yaml"), "-o", "json").stdout)
    assert report["events"] == 295 + 20


def test_the_store_s_copy_tells_the_same_elsewhere(make, tmp_path):
    gw = three_days(make)
    copy = tmp_path / "past.db"
    assert gw.run("backup", str(copy), "--config", str(gw.config)).returncode == 0
    until = "--until", "2100-01-01"
    here = backtest(gw, "--rules", str(gw.folder / "new.yaml"), *until)
    there = backtest(gw, "--rules", str(gw.folder / "new.yaml"), *until, "--store", str(copy))
    assert here.returncode == there.returncode == 0
    assert here.stdout == there.stdout
    assert sorted(p.name for p in tmp_path.glob("past.db*")) == ["past.db"]


def test_rules_that_were_changed_since_are_told_apart_from_the_difference(make):
    gw = three_days(make)
    assert gw.stop() == 0
    gw.write_rules(RULES.replace("web-*", "[web-*, db-*]"))
    result = backtest(gw, "-o", "json")
    report = json.loads(result.stdout)
    assert report["verdict"].endswith("3 would be decided otherwise today than were then.")
    assert report["then"]["events_by_other_rules"] == 295
    assert report["then"]["events_decided_otherwise"] == 3
    assert {row["target"] for row in report["then"]["actions"]} == {
        vm("db-01"), vm("db-02"), vm("db-03")}
    assert run_gridwarden("backtest", "--config", gw.config, "--fail-on-change").returncode == 0
