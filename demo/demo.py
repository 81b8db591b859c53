"""The main job, shown to a person: alert -> rule -> steps -> each Azure call -> the card.

Starts the Azure emulator and gridwarden, sends the article's two alerts and a harmless one as Event
Grid would, waits until everything is done, shows what happened, and checks that it is right.
Exit code 0 only if all of it is.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests"))
import harness  # noqa: E402
from client import Emulator  # noqa: E402  (harness puts the emulator's folder on the path)

SAMPLES = ["suspicious-process.json", "brute-force.json", "low-severity.json"]
NICS = ["web-01-nic", "web-01-nic-back"]
POLICY = f"{harness.SHOP}/Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies/default"

color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if color else text


def title(text):
    print("\n" + paint("1", text), flush=True)


def short(resource_id):
    return resource_id.rsplit("/", 1)[-1]


class Checks:
    """What must hold, said as it is checked."""

    def __init__(self):
        self.failed = 0

    def that(self, fact, holds):
        print(f"  {paint('32', 'ok') if holds else paint('31;1', 'NOT')}   {fact}")
        self.failed += not holds


# ---- what is compared: the writable part of a NIC, without its security group ----

READ_ONLY = {"etag", "provisioningState", "resourceGuid", "macAddress", "virtualMachine", "primary"}


def writable(value):
    if isinstance(value, dict):
        return {k: writable(v) for k, v in value.items()
                if k not in READ_ONLY and k != "networkSecurityGroup"}
    if isinstance(value, list):
        return [writable(v) for v in value]
    return value


def primary_flags(nic):
    return [c["properties"].get("primary") for c in nic["properties"]["ipConfigurations"]]


def machines_of(policy):
    return {short(m["id"]): m["ports"] for m in policy["properties"]["virtualMachines"]}


# ---- the story ----

def show_alert(gw, alert):
    detail = gw.ask("alerts", "show", str(alert["id"]))
    title(f"{alert['severity']}: {alert['name']}")
    print(f"  on      {short(alert['resource'])}   (alert {alert['id']}, {alert['form']} form)")
    for rule in detail["why"]["rules"]:
        if rule["answer"] != "yes":
            continue
        print(f"  rule    {paint('36', rule['rule'])}  "
              f"({Path(rule['file']).name}:{rule['line']})")
        for c in rule["conditions"]:
            print(f"            {c['field']}: {c['wanted']}; saw {c['seen']}")
    for step in detail["actions"]:
        show_step(gw, step)


def show_step(gw, step):
    step = gw.ask("actions", "show", str(step["id"]))
    tint = "32" if step["state"] == "done" else "31"
    print(f"  step    {step['action']} {short(step['target'])}: {paint(tint, step['state'])}"
          f"{'  ' + step['reason'] if step['reason'] else ''}   (action {step['id']})")
    for call in step["calls"]:
        # The provider and what follows it: the front of the path is the same for all.
        path = call["path"].rsplit("/providers/", 1)[-1]
        print(paint("2", f"            {call['method']:<6}{call['status']}  {path}"))


def show_card(n, card):
    title(f"card {n} in Teams ({card['format']})")
    body = card["body"] if "body" in card else card["message"]
    for depth, text in texts(body["attachments"][0]["content"]["body"]):
        print("  " + "  " * depth + text)


def texts(parts, depth=0):
    """What a reader of an adaptive card sees, top to bottom."""
    for part in parts:
        kind = part.get("type")
        if kind == "TextBlock":
            yield depth, paint("1", part["text"])
        elif kind == "RichTextBlock":
            yield depth, "".join(run["text"] if isinstance(run, dict) else run
                                 for run in part["inlines"])
        elif kind == "FactSet":
            for fact in part["facts"]:
                yield depth, f"{fact['title']:<10} {fact['value']}"
        elif kind == "ColumnSet":
            cells = [" ".join(text for _, text in texts(c.get("items", [])))
                     for c in part["columns"]]
            yield depth, "   ".join(cells)
        for inner in ("items", "body"):
            if kind == "Container" and inner in part:
                yield from texts(part[inner], depth)


# ---- the run ----

def send_all(gw):
    title("Sent as Event Grid would: handshake, envelope, headers, key")
    for name in SAMPLES:
        result = gw.run("send", ROOT / "config/samples" / name, "--config", gw.config)
        print(f"  gridwarden send config/samples/{name}")
        print("".join(f"    {line}\n" for line in result.stdout.splitlines()), end="")
        if result.returncode != 0:
            sys.exit(f"send failed:\n{result.stderr}\n{gw.log()}")


def verify(azure, gw, before):
    checks = Checks()
    title("Is it right?")
    for name in NICS:
        nic = azure.resource(harness.nic(name))
        group = (nic["properties"].get("networkSecurityGroup") or {}).get("id", "(none)")
        checks.that(f"{name} carries the quarantine group ({short(group)})",
                    short(group).startswith("gridwarden-quarantine"))
        checks.that(f"{name}: nothing else on it changed",
                    writable(nic) == writable(before[name])
                    and primary_flags(nic) == primary_flags(before[name]))
    rules = azure.resource(group)["properties"]["securityRules"]
    denied = {(r["properties"]["direction"], r["properties"]["access"]) for r in rules
              if r["properties"]["priority"] == 4096}
    checks.that("that group denies everything in and out",
                denied == {("Inbound", "Deny"), ("Outbound", "Deny")})
    was, now = machines_of(before["policy"]), machines_of(azure.resource(POLICY))
    checks.that(f"the just-in-time policy holds web-01 (ports "
                f"{sorted(p['number'] for p in now.get('web-01', []))})", "web-01" in now)
    checks.that(f"and the {len(was)} machines that were there, unchanged: {', '.join(was)}",
                all(now.get(name) == ports for name, ports in was.items()) and len(was) == 3)
    checks.that("no step failed", all(s["state"] == "done" for s in gw.actions()))
    checks.that(f"the team got three cards ({len(azure.cards())})", len(azure.cards()) == 3)
    return checks.failed


def keep_running(gw, azure):
    title("Everything keeps running; end it with Ctrl-C")
    binary, config = os.path.relpath(gw.binary), gw.config
    print(f"""
  {binary} alerts --config {config}
  {binary} actions --config {config}
  {binary} actions show 1 --config {config}
  {binary} release 1 --config {config}
  {binary} explain config/samples/brute-force.json --config {config}
  {binary} send config/samples/brute-force.json --config {config}
  curl http://127.0.0.1:{gw.operations_port}/metrics
  curl {azure.url}/_emulator/calls     what Azure was asked
  curl {azure.url}/_emulator/cards     what Teams got
""", flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    arguments = parser.parse_args()
    # Blocked from the start, so that sigwait() gets them and children are taken down with us.
    if arguments.keep:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with tempfile.TemporaryDirectory(prefix="gridwarden-demo-") as folder, Emulator() as azure:
        gw = harness.Gridwarden(folder, azure.url)
        before = {name: azure.resource(harness.nic(name)) for name in NICS}
        before["policy"] = azure.resource(POLICY)
        title(f"An Azure emulator on {azure.url}, gridwarden beside it")
        with gw.start():
            print(f"  listening on https://localhost:{gw.port}/api/events, store "
                  f"{Path(folder) / 'gridwarden.db'}")
            send_all(gw)
            gw.wait_step("notify", count=len(SAMPLES))
            for alert in sorted(gw.alerts(), key=lambda alert: alert["id"]):
                show_alert(gw, alert)
            for n, card in enumerate(azure.cards(), 1):
                show_card(n, card)
            failed = verify(azure, gw, before)
            if arguments.keep:
                keep_running(gw, azure)
    print("\n" + ("All right." if failed == 0 else f"{failed} things are not right."))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
