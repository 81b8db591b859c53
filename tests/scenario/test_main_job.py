"""The main job: an alert comes in, the machine is isolated, access is armed, the team is told."""

import copy
import json
import sqlite3

import pytest
from harness import SHOP, event_grid, flat_alert, nic, vm

POLICY = f"{SHOP}/Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies/default"
READ_ONLY = {"etag", "provisioningState", "resourceGuid", "macAddress", "virtualMachine", "primary"}


def without_group(resource):
    """A NIC's writable state but for its network security group."""
    resource = copy.deepcopy(resource)
    resource["properties"].pop("networkSecurityGroup", None)

    def strip(value):
        if isinstance(value, dict):
            return {k: strip(v) for k, v in value.items() if k not in READ_ONLY}
        return [strip(v) for v in value] if isinstance(value, list) else value
    return strip(resource)


def group_of(azure, name):
    return (azure.resource(nic(name))["properties"].get("networkSecurityGroup") or {}).get("id", "")


def isolated(azure, *names):
    return all("gridwarden-quarantine" in group_of(azure, name) for name in names)


def isolations(azure, name):
    """How often the NIC was really changed."""
    return [c for c in azure.calls() if c["method"] == "PUT" and c["status"] in (200, 201)
            and c["path"].lower().endswith("/networkinterfaces/" + name)]


def test_a_suspicious_process_isolates_both_nics_and_nothing_else_on_them_changes(azure, gridwarden):
    before = {name: azure.resource(nic(name)) for name in ("web-01-nic", "web-01-nic-back")}
    assert gridwarden.deliver(event_grid(flat_alert())).status == 200
    gridwarden.wait_step("notify")
    for name, was in before.items():
        assert isolated(azure, name)
        assert without_group(azure.resource(nic(name))) == without_group(was)
    assert not isolated(azure, "web-02-nic")
    (card,) = azure.cards()
    assert card["format"] == "adaptive"
    assert "Suspicious process executed" in json.dumps(card)
    assert "verified" in json.dumps(card)


def test_a_brute_force_attack_arms_jit_and_keeps_the_machines_that_were_there(azure, gridwarden):
    was = {m["id"]: m for m in azure.resource(POLICY)["properties"]["virtualMachines"]}
    assert gridwarden.deliver(event_grid(flat_alert("Brute force attack"))).status == 200
    gridwarden.wait_step("notify")
    now = {m["id"].lower(): m for m in azure.resource(POLICY)["properties"]["virtualMachines"]}
    assert sorted(p["number"] for p in now[vm("web-01").lower()]["ports"]) == [22, 3389]
    assert len(now) == 4
    for machine, entry in was.items():
        assert now[machine.lower()]["ports"] == entry["ports"]
    assert not isolated(azure, "web-01-nic")


def test_a_harmless_alert_is_only_told(azure, gridwarden):
    gridwarden.deliver(event_grid(flat_alert("Unusual sign-in", "Low", "jump-01")))
    gridwarden.wait_step("notify")
    assert [s["action"] for s in gridwarden.actions()] == ["notify"]
    assert len(azure.cards()) == 1


REST = {
    "id": f"{SHOP}/Microsoft.Security/locations/westeurope/alerts/2518_rest",
    "name": "2518_rest", "type": "Microsoft.Security/Locations/alerts",
    "properties": {
        "alertDisplayName": "Suspicious process executed", "alertType": "VM_SuspiciousProcess",
        "severity": "High", "status": "Active", "systemAlertId": "2518_rest",
        "startTimeUtc": "2026-11-23T03:12:45.1234567Z",
        "resourceIdentifiers": [
            {"type": "LogAnalytics", "workspaceId": "00000000-0000-0000-0000-000000000001"},
            {"type": "AzureResource",
             "azureResourceId": vm("web-01").replace("subscriptions", "SUBSCRIPTIONS")
             .replace("resourceGroups", "RESOURCEGROUPS")}]},
}
EXPORT = {
    "VendorName": "Microsoft", "AlertType": "VM_SuspiciousProcess", "Severity": "High",
    "Status": "New", "SystemAlertId": "2518_export",
    "AlertDisplayName": "Suspicious process executed",
    "StartTimeUtc": "2026-11-23T03:12:45.1234567Z", "AzureResourceId": vm("web-01"),
    "ResourceIdentifiers": [{"AzureResourceId": vm("web-01"), "Type": "AzureResource"}],
}


@pytest.mark.parametrize("data", [flat_alert(), REST, EXPORT], ids=["flat", "rest", "export"])
def test_every_form_of_the_alert_gives_the_same_decision(azure, gridwarden, data):
    gridwarden.deliver(event_grid(data))
    gridwarden.wait_step("notify")
    assert isolated(azure, "web-01-nic", "web-01-nic-back")
    steps = {(s["action"], s["state"]) for s in gridwarden.actions()}
    assert steps == {("isolate_vm", "done"), ("notify", "done")}
    (alert,) = gridwarden.alerts()
    assert (alert["severity"], alert["status"]) == ("High", "Active")


CLOUD_EVENT = {"specversion": "1.0", "id": "ce-1", "source": "/soc/relay",
               "type": "Microsoft.Security.Alert", "time": "2026-11-23T03:12:46Z"}


@pytest.mark.parametrize("mode", ["structured", "batch"])
def test_cloud_events_in_each_mode_isolate(azure, gridwarden, mode):
    event = {**CLOUD_EVENT, "data": flat_alert()}
    kind = "application/cloudevents" + ("-batch+json" if mode == "batch" else "+json")
    answer = gridwarden.deliver([event] if mode == "batch" else event,
                                **{"Content-Type": kind + "; charset=utf-8"})
    assert answer.status == 200
    gridwarden.wait_step("notify")
    assert isolated(azure, "web-01-nic", "web-01-nic-back")


def test_a_binary_cloud_event_of_a_relay_isolates(azure, make):
    """Event Grid sends none, so it comes without a header of Event Grid."""
    gw = make(auth={"keys_file": ["key"], "subscriptions": ["none"]}).start()
    headers = {"ce-" + k: v for k, v in CLOUD_EVENT.items()}
    headers["Content-Type"] = "application/json"
    assert gw.request("POST", body=flat_alert(), headers=headers).status == 200
    gw.wait_step("notify")
    assert isolated(azure, "web-01-nic", "web-01-nic-back")


def test_a_redelivered_event_isolates_once(azure, gridwarden):
    event = event_grid(flat_alert(), event_id="the-same")
    for _ in range(3):
        assert gridwarden.deliver(event).status == 200
    gridwarden.wait_step("notify")
    # The same alert in another event: known by its systemAlertId.
    for n in range(2):
        gridwarden.deliver(event_grid(dict(REST["properties"]), event_id=f"other-{n}"))
    gridwarden.wait_step("notify", count=2)
    assert len(isolations(azure, "web-01-nic")) == 1
    assert len(gridwarden.actions("isolate_vm")) == 2  # two alerts, and the second found it done
    assert len(azure.cards()) == 2


def test_throttling_by_arm_is_waited_for_and_ends_in_one_isolation(azure, gridwarden):
    azure.fault(method="PUT", path="networkInterfaces/web-01-nic$", status=429,
                headers={"Retry-After": "2"}, times=2)
    gridwarden.deliver(event_grid(flat_alert()))
    gridwarden.wait_step("notify")
    assert isolated(azure, "web-01-nic", "web-01-nic-back")
    assert len(isolations(azure, "web-01-nic")) == 1
    times = [c["time"] for c in azure.calls() if c["method"] == "PUT"
             and c["path"].endswith("networkInterfaces/web-01-nic")]
    assert len(times) == 3


def test_release_gives_the_machine_its_groups_back(azure, gridwarden):
    was = {name: group_of(azure, name) for name in ("web-01-nic", "web-01-nic-back")}
    gridwarden.deliver(event_grid(flat_alert()))
    gridwarden.wait_step("notify")
    (step,) = gridwarden.actions("isolate_vm")
    undo = gridwarden.ask("release", str(step["id"]))
    assert undo["undo_of"] == step["id"]
    gridwarden.wait_step("isolate_vm", undo=True)
    assert {name: group_of(azure, name) for name in was} == was


def test_release_needs_nothing_of_an_event_that_can_no_longer_be_read(azure, gridwarden):
    """A later version may read more strictly; what it cannot read was acted on all the same."""
    was = {name: group_of(azure, name) for name in ("web-01-nic", "web-01-nic-back")}
    gridwarden.deliver(event_grid(flat_alert()))
    gridwarden.wait_step("notify")
    (step,) = gridwarden.actions("isolate_vm")
    gridwarden.stop()
    with sqlite3.connect(gridwarden.folder / "gridwarden.db") as db:
        db.execute("UPDATE events SET raw = '{\"specversion\":\"1.0\",\"topic\":\"/t\"}'")
    gridwarden.start()
    gridwarden.ask("release", str(step["id"]))
    gridwarden.wait_step("isolate_vm", undo=True)
    assert {name: group_of(azure, name) for name in was} == was


def test_an_isolation_that_expires_is_taken_back_even_after_a_restart(azure, make):
    gw = make(rules="""
rules:
  - name: short
    match: {severity: High}
    actions: [{isolate_vm: {expires_after: 5s}}]
""").start()
    was = group_of(azure, "web-01-nic")
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("isolate_vm")
    assert isolated(azure, "web-01-nic")
    gw.stop()
    gw.start()
    gw.wait_step("isolate_vm", undo=True)
    assert group_of(azure, "web-01-nic") == was


def test_a_message_card_has_the_colours_and_facts_of_the_article(azure, make):
    gw = make(channels={"soc": {"type": "teams", "format": "message_card",
                                "url_file": "legacy-url"}}).start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    gw.deliver(event_grid(flat_alert("Unusual sign-in", "Low", "jump-01")))
    gw.wait_step("notify", count=2)
    high, low = [c["message"] for c in azure.cards()]
    assert (high["@type"], high["themeColor"], low["themeColor"]) == \
        ("MessageCard", "FF0000", "FFA500")
    assert high["summary"] == "Security Alert: Suspicious process executed"
    facts = high["sections"][0]["facts"]
    assert [f["name"] for f in facts[:3]] == ["Severity", "Status", "Time"]
    assert [f["value"] for f in facts[:2]] == ["High", "Active"]
