"""guards.confirm_at_source: what an event says is asked of Defender for Cloud before it is acted on."""

import json

import pytest
from harness import event_grid, flat_alert, vm
from test_guards import changes, refused_and_told
from test_main_job import isolated

NAME = "2518770965529163669_F144EE95-A3E5-42DA-A279-967D115809AA"
ALERT = (f"{vm('web-01').split('/providers/')[0]}/providers/Microsoft.Security/locations/westeurope/"
         f"alerts/{NAME}")
RULES = """
rules:
  - name: isolate
    match: {severity: High}
    actions: [isolate_vm, notify: soc]
"""


def alert(**properties):
    """As Defender for Cloud has it, and as its events bring it."""
    return {"id": ALERT, "name": NAME, "type": "Microsoft.Security/Locations/alerts", "properties": {
        "version": "2022-01-01", "alertType": "VM_SuspiciousProcess", "systemAlertId": NAME,
        "alertDisplayName": "Suspicious process executed", "severity": "High", "status": "Active",
        "startTimeUtc": "2026-11-23T03:12:45.1234567Z", "compromisedEntity": "web-01",
        "resourceIdentifiers": [{"type": "AzureResource", "azureResourceId": vm("web-01")}],
        **properties}}


@pytest.fixture
def confirming(azure, make):
    """A gridwarden that asks, started; rules= and more as make() takes them."""
    def confirming(rules=RULES, **settings):
        azure.settings(any_alert=False)
        return make(rules=rules, guards={"confirm_at_source": True}, **settings).start()
    return confirming


def test_what_defender_says_too_is_done(azure, confirming):
    azure.put_resource(ALERT, alert(status="InProgress"))
    gw = confirming()
    gw.deliver(event_grid(alert()))
    gw.wait_step("notify")
    assert isolated(azure, "web-01-nic", "web-01-nic-back")
    (step,) = gw.actions("isolate_vm")
    assert f"GET {ALERT}" in [f"{c['method']} {c['path']}" for c in
                              gw.ask("actions", "show", str(step["id"]))["calls"]]


@pytest.mark.parametrize("at_source,words", [
    ({"alertType": "VM_EICAR"}, "the alert's type is 'VM_EICAR', the event says "
                                "'VM_SuspiciousProcess'"),
    ({"severity": "Low"}, "the alert's severity is 'Low', the event says 'High'"),
    ({"resourceIdentifiers": [{"type": "AzureResource", "azureResourceId": vm("web-02")}]},
     f"the alert's resource is '{vm('web-02')}', the event says '{vm('web-01')}'"),
    ({"status": "Dismissed"}, "the alert's status is 'Dismissed'"),
    ({"status": "Resolved"}, "the alert's status is 'Resolved'"),
])
def test_what_defender_says_otherwise_is_refused_and_told(azure, confirming, at_source, words):
    azure.put_resource(ALERT, alert(**at_source))
    gw = confirming()
    gw.deliver(event_grid(alert()))
    gw.wait_step("notify")
    refused_and_told(azure, gw, f"not confirmed at source: Defender for Cloud says {words}")
    shown = gw.run("actions", "show", str(gw.actions("isolate_vm")[0]["id"]), "--config", gw.config)
    assert "not confirmed at source: Defender for Cloud says" in shown.stdout


def test_an_alert_that_defender_does_not_have_is_refused(azure, confirming):
    gw = confirming()
    gw.deliver(event_grid(alert()))
    gw.wait_step("notify")
    (step,) = gw.actions("isolate_vm")
    assert step["state"] == "refused"
    assert step["reason"].startswith(
        "not confirmed at source: Defender for Cloud does not have the alert (any more): ")
    assert changes(azure) == []


def test_a_missing_permission_to_ask_refuses_and_is_named(azure, confirming):
    azure.put_resource(ALERT, alert())
    azure.fault(method="GET", path="/alerts/", status=403, times=-1, body={"error": {
        "code": "AuthorizationFailed", "message": "The client 'x' does not have authorization to "
        f"perform action 'Microsoft.Security/locations/alerts/read' over scope '{ALERT}'."}})
    gw = confirming()
    gw.deliver(event_grid(alert()))
    gw.wait_step("notify")
    (step,) = gw.actions("isolate_vm")
    assert step["state"] == "refused"
    assert "our identity lacks Microsoft.Security/locations/alerts/read" in step["reason"]
    assert changes(azure) == []


@pytest.mark.parametrize("trouble", [
    {"status": 503}, {"status": 429, "headers": {"Retry-After": "1"}}, {"cut": "before"}])
def test_trouble_that_passes_only_delays(azure, confirming, trouble):
    azure.put_resource(ALERT, alert())
    azure.fault(method="GET", path="/alerts/", times=1, **trouble)
    gw = confirming()
    gw.deliver(event_grid(alert()))
    gw.wait_step("notify")
    assert isolated(azure, "web-01-nic", "web-01-nic-back")


def test_a_step_of_ours_that_closes_the_alert_does_not_stop_the_others(azure, confirming):
    azure.put_resource(ALERT, alert())
    gw = confirming(RULES.replace("isolate_vm,", "set_alert_status: resolve, isolate_vm,"))
    # The isolation begins when the alert is closed already.
    azure.fault(method="GET", path="/alerts/", delay_s=0.4, times=1)
    gw.deliver(event_grid(alert()))
    gw.wait_step("notify")
    assert {s["action"]: s["state"] for s in gw.actions()} == {
        "set_alert_status": "done", "isolate_vm": "done", "notify": "done"}
    assert isolated(azure, "web-01-nic", "web-01-nic-back")


def test_an_alert_that_somebody_closed_stops_also_what_would_close_it(azure, confirming):
    azure.put_resource(ALERT, alert(status="Dismissed"))
    gw = confirming(RULES.replace("isolate_vm,", "set_alert_status: resolve, isolate_vm,"))
    gw.deliver(event_grid(alert()))
    gw.wait_step("notify")
    assert {s["action"]: s["state"] for s in gw.actions()} == {
        "set_alert_status": "refused", "isolate_vm": "refused", "notify": "done"}
    assert changes(azure) == []


def test_a_way_back_is_not_asked_about(azure, confirming):
    azure.put_resource(ALERT, alert())
    gw = confirming()
    gw.deliver(event_grid(alert()))
    gw.wait_step("notify")
    azure.delete_resource(ALERT)
    gw.ask("release", str(gw.actions("isolate_vm")[0]["id"]))
    gw.wait_step("isolate_vm", undo=True)
    assert not isolated(azure, "web-01-nic")


def test_what_does_not_say_where_the_alert_is_kept_is_refused_and_explained(
        azure, confirming, tmp_path):
    gw = confirming()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    reason = ("not confirmed at source: the event does not say where Defender for Cloud keeps the "
              "alert: it has neither the alert's resource id nor its link to the portal")
    refused_and_told(azure, gw, reason)
    file = tmp_path / "alert.json"
    file.write_text(json.dumps(flat_alert()))
    assert reason in gw.run("explain", file, "--config", gw.config).stdout
    file.write_text(json.dumps(alert()))
    assert "would be done once Defender for Cloud confirms the alert" in gw.run(
        "explain", file, "--config", gw.config).stdout
