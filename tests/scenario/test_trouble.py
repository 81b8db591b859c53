"""Azure and Teams in trouble: what passes is waited for, what does not is told, nothing twice."""

import json
import time

import pytest
from harness import KEY, SHOP, event_grid, flat_alert, nic, vm
from test_guards import card_text
from test_main_job import group_of, isolated, isolations

NICS = ("web-01-nic", "web-01-nic-back")
NIC = "networkInterfaces/web-01-nic$"
SIGNATURE = "Zm9yLXRlc3RzLW9ubHk"
APPLICATION = {"tenant": "7f1c2a64-30d8-4b8e-9a55-6c0f4f2b9d17",
               "client_id": "0c6f1f5e-52f0-4f0e-8c7b-6b1f1d0c2a11",
               "client_secret_file": "client-secret", "type": "client_secret"}


def puts(azure, name="web-01-nic"):
    return [c for c in azure.calls()
            if c["method"] == "PUT" and c["path"].endswith("/networkInterfaces/" + name)]


def isolate(gw, **alert):
    assert gw.deliver(event_grid(flat_alert(**alert))).status == 200


def not_authorized(action, scope):
    return {"error": {"code": "AuthorizationFailed", "message":
                      "The client '0c6f' with object id '11aa' does not have authorization to "
                      f"perform action '{action}' over scope '{scope}' or the scope is invalid. "
                      "If access was recently granted, please refresh your credentials."}}


def test_the_log_names_the_step_and_its_rule_and_target(gridwarden):
    isolate(gridwarden)
    line = gridwarden.wait_step("isolate_vm")
    (step,) = gridwarden.actions("isolate_vm")
    assert (line["step"], line["rule"], line["target"]) == \
        (str(step["id"]), step["rule"], step["target"])


# ---- what does not pass ----

def test_a_missing_permission_cuts_off_what_it_can_and_names_the_permission(azure, gridwarden):
    azure.fault(method="PUT", path=NIC, status=403, times=-1,
                body=not_authorized("Microsoft.Network/networkInterfaces/write", nic("web-01-nic")))
    isolate(gridwarden)
    gridwarden.wait_step("notify")
    (step,) = gridwarden.actions("isolate_vm")
    assert step["state"] == "failed"
    for words in ("1 of 2 network interfaces are cut off",
                  f"our identity lacks Microsoft.Network/networkInterfaces/write on "
                  f"{nic('web-01-nic')}"):
        assert words in step["reason"]
        assert words in card_text(azure)
    assert not isolated(azure, "web-01-nic") and isolated(azure, "web-01-nic-back")
    # What was cut off before it failed can be given back.
    gridwarden.ask("release", str(step["id"]))
    gridwarden.wait_step("isolate_vm", undo=True)
    assert not isolated(azure, "web-01-nic-back")


def test_a_machine_that_is_gone_is_told(azure, gridwarden):
    azure.delete_resource(vm("web-01"))
    isolate(gridwarden)
    gridwarden.wait_step("notify")
    (step,) = gridwarden.actions("isolate_vm")
    assert step["state"] == "failed"
    assert step["reason"].startswith("the machine is gone: ")
    assert "failed: the machine is gone: " in card_text(azure)


def test_a_wrong_client_secret_is_told_and_never_shown(azure, make):
    secret = "n0t+the/right&secret=~ %"
    gw = make(azure={"credential": APPLICATION}, log_level="debug")
    (gw.folder / "client-secret").write_text(secret + "\n")
    gw.start()
    isolate(gw)
    gw.wait_step("notify")
    (step,) = gw.actions("isolate_vm")
    assert step["state"] == "failed"
    assert "the client secret is wrong" in step["reason"] and "AADSTS7000215" in step["reason"]
    assert "the client secret is wrong" in card_text(azure)
    (asked,) = [c for c in azure.calls() if c["path"].endswith("/token")]
    assert asked["status"] == 401
    shown = "".join([gw.log(), card_text(azure), gw.operations("/metrics").body.decode(),
                     json.dumps(gw.ask("alerts", "show", "1")),
                     *(json.dumps(gw.ask("actions", "show", str(s["id"]))) for s in gw.actions())])
    for hidden in (secret, "n0t%2B", "right&secret", KEY, SIGNATURE):
        assert hidden not in shown


# ---- what passes ----

@pytest.mark.parametrize("calls,fault", [
    (2, {"status": 412}),
    (4, {"status": 500, "times": 3}),
    (2, {"status": 503, "headers": {"Retry-After": "1"}}),
    (2, {"status": 409, "headers": {"Retry-After": "1"}, "body": {"error": {
        "code": "AnotherOperationInProgress", "message": "Another operation is in progress."}}}),
    (2, {"cut": "before"}),
    (1, {"cut": "after"}),
    (1, {"cut": "middle"}),
    (1, {"status": 500, "when": "after"}),
])
def test_what_passes_is_waited_for_and_changes_each_interface_once(azure, gridwarden, calls, fault):
    azure.fault(method="PUT", path=NIC, **fault)
    isolate(gridwarden)
    gridwarden.wait_step("notify")
    assert isolated(azure, *NICS)
    assert (len(puts(azure)), len(puts(azure, "web-01-nic-back"))) == (calls, 1)
    assert "isolate_vm web-01: done" in card_text(azure)


def test_a_change_by_a_colleague_in_between_is_kept(azure, gridwarden):
    azure.fault(method="PUT", path="networkSecurityGroups/gridwarden", delay_s=1)
    isolate(gridwarden)
    azure.wait(method="PUT", path="networkSecurityGroups/gridwarden", arrived=1)
    azure.change_resource(nic("web-01-nic"), tags={"owner": "somebody else"})
    gridwarden.wait_step("notify")
    assert isolated(azure, *NICS)
    assert azure.resource(nic("web-01-nic"))["tags"]["owner"] == "somebody else"


def test_a_long_operation_that_fails_is_begun_again(azure, gridwarden):
    azure.fault(method="PUT", path=NIC, longop={"end": "Failed", "polls": 1})
    isolate(gridwarden)
    gridwarden.wait_step("notify")
    assert isolated(azure, *NICS)
    assert len(puts(azure)) == 2


@pytest.mark.parametrize("pattern", ["async", "location", "both", "body"])
def test_every_kind_of_long_operation_is_waited_for(azure, gridwarden, pattern):
    azure.fault(method="PUT", path=NIC, longop={"pattern": pattern, "polls": 2})
    isolate(gridwarden)
    gridwarden.wait_step("notify")
    assert len(puts(azure)) == 1
    assert azure.resource(nic("web-01-nic"))["properties"]["provisioningState"] == "Succeeded"
    assert isolated(azure, *NICS)


def test_a_token_that_expires_in_the_middle_is_renewed(azure, gridwarden):
    azure.fault(method="PUT", path=NIC, longop={"polls": 2})
    isolate(gridwarden)
    azure.wait(method="PUT", path=NIC, status=200)
    azure.expire_tokens()
    gridwarden.wait_step("notify")
    assert isolated(azure, *NICS)
    assert [c["status"] for c in azure.calls() if c["service"] == "imds"] == [200, 200]
    assert [c["status"] for c in azure.calls() if c["service"] == "arm"].count(401) == 1


@pytest.mark.parametrize("fault", [{"status": 500}, {"cut": "before"}, {"status": 404}])
def test_a_metadata_service_that_is_away_is_waited_for(azure, gridwarden, fault):
    azure.fault(service="imds", times=-1, **fault)
    isolate(gridwarden)
    azure.wait(service="imds", count=2)
    (step,) = gridwarden.actions("isolate_vm")
    assert step["state"] in ("waiting", "running")
    azure.clear_faults()
    gridwarden.wait_step("notify")
    assert isolated(azure, *NICS)


def test_a_client_secret_with_every_character_signs_in(azure, make):
    gw = make(azure={"credential": APPLICATION})
    (gw.folder / "client-secret").write_text("p4ss+word/&=~ %\n")
    gw.start()
    isolate(gw)
    gw.wait_step("notify")
    assert isolated(azure, *NICS)
    assert [c for c in azure.calls() if c["service"] == "imds"] == []


# ---- Teams ----

@pytest.mark.parametrize("fault,posts", [
    ({"status": 429, "headers": {"Retry-After": "1"}}, 2), ({"status": 500, "times": 2}, 3),
    ({"cut": "before"}, 2)])
def test_a_card_that_teams_cannot_take_now_comes_later(azure, gridwarden, fault, posts):
    azure.fault(service="teams", **fault)
    gridwarden.deliver(event_grid(flat_alert("Unusual sign-in", "Low")))
    gridwarden.wait_step("notify")
    assert len(azure.cards()) == 1
    assert len([c for c in azure.calls() if c["service"] == "teams"]) == posts


@pytest.mark.parametrize("status,words", [
    (400, "Teams refused the card: 400"), (404, "the webhook does not exist (any more)")])
def test_a_card_that_teams_refuses_is_a_visible_failure(azure, gridwarden, status, words):
    azure.fault(service="teams", status=status, times=-1,
                body={"error": {"code": "Bad", "message": "no\x1b[31m good"}})
    isolate(gridwarden)
    line = gridwarden.wait_step("notify", state="failed")
    assert line["level"] == "warning"
    assert words in line["reason"] and "channel 'soc'" in line["reason"]
    (step,) = gridwarden.actions("notify")
    assert (step["state"], words in step["reason"]) == ("failed", True)
    assert SIGNATURE not in gridwarden.log()
    assert isolated(azure, *NICS)


def test_a_connector_that_hides_its_throttle_in_a_200_is_asked_again(azure, make):
    azure.fault(service="teams", status=200, headers={"Retry-After": "1"}, body=(
        "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error "
        "429 with ContextId tcid=0,server=AM3PPF"))
    gw = make(channels={"soc": {"type": "teams", "format": "message_card",
                                "url_file": "legacy-url"}}).start()
    gw.deliver(event_grid(flat_alert("Unusual sign-in", "Low")))
    gw.wait_step("notify")
    assert len(azure.cards()) == 1


@pytest.mark.parametrize("url,words", [
    ("http://example.com/teams?sig=a-secret-signature", "plain http to example.com is refused"),
    ("a-secret-signature", "not an https:// address"),
    ("ftp://127.0.0.1/x?sig=a-secret-signature", "must begin with https://")])
def test_an_address_of_teams_that_cannot_be_used_fails_and_is_not_shown(make, url, words):
    gw = make()
    (gw.folder / "teams-url").write_text(url + "\n")
    gw.start()
    gw.deliver(event_grid(flat_alert("Unusual sign-in", "Low")))
    line = gw.wait_step("notify", state="failed")
    assert words in line["reason"] and "teams-url" in line["reason"]
    assert "a-secret-signature" not in gw.log()


def test_an_address_of_teams_that_cannot_be_read_is_waited_for(azure, make):
    gw = make(log_level="debug").start()
    (gw.folder / "teams-url").unlink()
    gw.deliver(event_grid(flat_alert("Unusual sign-in", "Low")))
    gw.wait_line(lambda line: line["message"] == "notify goes on later")
    (step,) = gw.actions("notify")
    assert step["state"] == "waiting"
    assert "teams-url" in step["reason"]


def test_what_ends_after_the_card_was_sent_is_told_in_a_second_one(azure, make):
    gw = make(report_wait="1s").start()
    azure.fault(method="PUT", path=NIC, longop={"polls": 3, "retry_after": 1})
    isolate(gw)
    gw.wait_step("notify")
    assert "isolate_vm web-01: under way" in card_text(azure)
    gw.wait_step("notify", count=2)
    assert "isolate_vm web-01: done (2 network interfaces" in card_text(azure)
    assert len(azure.cards()) == 2


# ---- crash and company ----

@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_in_the_middle_of_a_long_operation_goes_on_waiting(azure, gridwarden, end):
    azure.fault(method="PUT", path=NIC, longop={"polls": 3, "retry_after": 1})
    isolate(gridwarden)
    (put,) = azure.wait(method="PUT", path=NIC, status=200)
    azure.wait(path="/operations/", since=put["n"], status=200)
    getattr(gridwarden, end)()
    before = len(azure.calls())
    gridwarden.start()
    gridwarden.wait_step("notify")
    assert azure.wait(path="/operations/", since=before, status=200)
    assert isolated(azure, *NICS)
    assert [len(puts(azure, name)) for name in NICS] == [1, 1]
    assert len(azure.cards()) == 1


@pytest.mark.parametrize("fault", [
    {"method": "PUT", "path": NIC}, {"service": "imds"}, {"service": "teams"}])
def test_a_call_that_hangs_does_not_hold_up_the_end_and_is_made_again(azure, gridwarden, fault):
    azure.fault(hang_s=60, **fault)
    isolate(gridwarden)
    azure.wait(arrived=1, **fault)
    before = time.monotonic()
    assert gridwarden.stop() == 0
    assert time.monotonic() - before < 15  # five seconds of grace; systemd kills after 45
    # What had been done was kept, and nothing is done twice but what got no answer.
    gridwarden.start()
    gridwarden.wait_step("notify")
    assert isolated(azure, *NICS)
    assert len([c for c in puts(azure) if c["status"] == 200]) == 1
    assert len(isolations(azure, "web-01-nic-back")) == 1
    assert len(azure.cards()) == 1


def test_a_redelivery_while_the_first_is_worked_on_does_nothing(azure, gridwarden):
    event = event_grid(flat_alert(), event_id="the-same")
    azure.fault(method="GET", path="virtualMachines/web-01$", delay_s=1)
    gridwarden.deliver(event)
    azure.wait(method="GET", path="virtualMachines/web-01$", arrived=1)
    for _ in range(3):
        assert gridwarden.deliver(event).status == 200
    gridwarden.wait_step("notify")
    assert [len(isolations(azure, name)) for name in NICS] == [1, 1]
    assert [s["action"] for s in gridwarden.actions()] == ["notify", "isolate_vm"]


def test_two_rules_that_isolate_one_machine_isolate_it_once(azure, make):
    gw = make(rules="""
rules:
  - name: by-severity
    match: {severity: High}
    actions: [isolate_vm, notify: soc]
  - name: by-name
    match: {alertDisplayName|contains: process}
    actions: [notify: soc, isolate_vm]
""").start()
    isolate(gw)
    gw.wait_step("notify")
    assert [s["action"] for s in gw.actions()] == ["notify", "isolate_vm"]
    assert [len(puts(azure, name)) for name in NICS] == [1, 1]
    assert "by-severity" in card_text(azure) and "by-name" in card_text(azure)


def test_two_alerts_about_one_machine_change_each_interface_once(azure, gridwarden):
    isolate(gridwarden)
    isolate(gridwarden, name="Suspicious process executed twice")
    gridwarden.wait_step("notify", count=2)
    assert [s["state"] for s in gridwarden.actions("isolate_vm")] == ["done", "done"]
    assert [len(isolations(azure, name)) for name in NICS] == [1, 1]
    assert isolated(azure, *NICS)


@pytest.mark.parametrize("first", [0, 1])
def test_releasing_both_of_two_isolations_gives_the_machine_back(azure, gridwarden, first):
    was = {name: group_of(azure, name) for name in NICS}
    isolate(gridwarden)
    isolate(gridwarden, name="Suspicious process executed twice")
    gridwarden.wait_step("notify", count=2)
    steps = gridwarden.actions("isolate_vm")
    for step in (steps[first], steps[1 - first]):
        gridwarden.ask("release", str(step["id"]))
    gridwarden.wait_step("isolate_vm", undo=True, count=2)
    assert {name: group_of(azure, name) for name in NICS} == was


def test_the_quarantine_group_is_made_once_for_a_region(azure, gridwarden):
    for machine in ("web-01", "web-02", "jump-01"):
        isolate(gridwarden, machine=machine)
    gridwarden.wait_step("notify", count=3)
    made = [c for c in azure.calls() if c["method"] == "PUT" and c["status"] in (200, 201)
            and "networkSecurityGroups/gridwarden-quarantine" in c["path"]]
    assert len(made) == 1
    assert azure.resource(f"{SHOP}/Microsoft.Network/networkSecurityGroups/"
                          "gridwarden-quarantine-westeurope")
