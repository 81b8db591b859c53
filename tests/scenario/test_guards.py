"""What a rule wants and a guard forbids: nothing is touched, the reason is kept, a person is told."""

import json
import os
import pwd

import pytest
from harness import SHOP, SUBSCRIPTION, event_grid, flat_alert, vm
from test_main_job import isolated, isolations

LAB = "66666666-7777-8888-9999-000000000000"
COMPUTE = "providers/Microsoft.Compute/virtualMachines"
DOMAIN_CONTROLLER = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-identity/{COMPUTE}/dc-01"
LAB_MACHINE = f"/subscriptions/{LAB}/resourceGroups/rg-lab/{COMPUTE}/lab-01"

ISOLATE_ONLY = """
rules:
  - name: isolate-only
    match: {severity: High}
    actions: [isolate_vm]
"""


def about(resource_id, **more):
    return event_grid(flat_alert(resourceIdentifiers=[{"azureResourceId": resource_id}], **more))


def changes(azure):
    """Every call that may have changed something in Azure."""
    return [c for c in azure.calls() if c["service"] == "arm" and c["method"] != "GET"]


def card_text(azure, number=-1):
    return json.dumps(azure.cards()[number], ensure_ascii=False)


def refused_and_told(azure, gw, reason):
    (step,) = gw.actions("isolate_vm")
    assert (step["state"], step["reason"]) == ("refused", reason)
    assert f"refused: {reason}" in card_text(azure)
    assert changes(azure) == []


# ---- protected ----

@pytest.mark.parametrize("entry,machine,reason", [
    ({"resource_group": "RG-Shop"}, vm("web-01"), "protected by resource_group RG-Shop"),
    ({"subscription": LAB.upper()}, LAB_MACHINE, f"protected by subscription {LAB.upper()}"),
    ({"resource": "*/virtualmachines/WEB-0?"}, vm("web-01"),
     "protected by resource */virtualmachines/WEB-0?"),
    ({"subscription": SUBSCRIPTION, "resource_group": "rg-shop"}, vm("web-01").upper(),
     f"protected by subscription {SUBSCRIPTION}, resource_group rg-shop"),
])
def test_what_is_protected_by_its_id_is_refused_without_asking_azure(
        azure, make, entry, machine, reason):
    gw = make(guards={"protected": [entry]}).start()
    gw.deliver(about(machine))
    gw.wait_step("notify")
    refused_and_told(azure, gw, reason)
    assert [c for c in azure.calls() if c["service"] == "arm"] == []


@pytest.mark.parametrize("entry", [
    {"resource_group": "rg-sho"}, {"subscription": LAB}, {"resource": "*/virtualMachines/web-0"},
    {"subscription": LAB, "resource_group": "rg-shop"}, {"tag": {"gridwarden": "protected"}},
])
def test_what_is_almost_protected_is_isolated(azure, make, entry):
    gw = make(guards={"protected": [entry]}).start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    assert isolated(azure, "web-01-nic", "web-01-nic-back")


@pytest.mark.parametrize("tag,words", [({"gridwarden": "protected"}, "gridwarden=protected"),
                                       ({"GridWarden": "*"}, "GridWarden")])
def test_what_is_protected_by_its_tag_is_refused(azure, make, tag, words):
    gw = make(guards={"protected": [{"tag": tag}]}).start()
    gw.deliver(about(DOMAIN_CONTROLLER))
    gw.wait_step("notify")
    refused_and_told(azure, gw, f"protected by tag {words}")


def test_a_machine_whose_tags_cannot_be_read_is_not_isolated(azure, make):
    azure.fault(method="GET", path="virtualMachines/dc-01$", status=403, times=-1, body={
        "error": {"code": "AuthorizationFailed", "message":
                  "The client 'x' with object id 'y' does not have authorization to perform action "
                  f"'Microsoft.Compute/virtualMachines/read' over scope '{DOMAIN_CONTROLLER}' or "
                  "the scope is invalid."}})
    gw = make(guards={"protected": [{"tag": {"gridwarden": "protected"}}]}).start()
    gw.deliver(about(DOMAIN_CONTROLLER))
    gw.wait_step("notify")
    (step,) = gw.actions("isolate_vm")
    assert step["state"] == "failed"
    assert "our identity lacks Microsoft.Compute/virtualMachines/read" in step["reason"]
    assert "our identity lacks Microsoft.Compute/virtualMachines/read" in card_text(azure)
    assert changes(azure) == []


def test_a_protected_machine_does_not_use_up_the_budget_of_others(azure, make):
    gw = make(guards={"protected": [{"resource_group": "rg-identity"}],
                      "budgets": {"isolate_vm": {"per_hour": 1}}}).start()
    gw.deliver(about(DOMAIN_CONTROLLER))
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify", count=2)
    assert isolated(azure, "web-01-nic")


# ---- scope, cooldown ----

def test_outside_of_the_scope_nothing_is_touched(azure, make):
    gw = make(guards={"scope": [{"resource_group": "RG-SHOP"}]}).start()
    gw.deliver(about(DOMAIN_CONTROLLER))
    gw.wait_step("notify")
    (step,) = gw.actions("isolate_vm")
    assert (step["state"], step["reason"]) == ("refused", "outside of guards.scope")
    assert changes(azure) == []
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify", count=2)
    assert isolated(azure, "web-01-nic")


def test_a_scope_that_is_narrowed_stops_what_is_planned(azure, make):
    gw = make().start()
    azure.fault(method="GET", path="/virtualMachines/web-01$", status=503, times=1)
    gw.deliver(event_grid(flat_alert()))
    azure.wait("GET", "/virtualMachines/web-01")
    gw.write_settings(guards={"scope": [{"resource_group": "rg-lab"}]})
    gw.reload()
    gw.wait_step("isolate_vm", "refused")
    assert changes(azure) == []


def test_a_machine_has_to_cool_down_and_another_does_not(azure, make):
    gw = make(guards={"budgets": {"isolate_vm": {"cooldown": "4h"}}}).start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    gw.deliver(event_grid(flat_alert(startTimeUtc="2026-11-23T05:00:00Z")))
    gw.wait_step("notify", count=2)
    again = gw.actions("isolate_vm")[0]
    assert (again["state"], again["reason"]) == (
        "refused", "cooldown: isolate_vm was done on this target within the last 4h")
    gw.deliver(event_grid(flat_alert(machine="web-02")))
    gw.wait_step("notify", count=3)
    assert isolated(azure, "web-02-nic")


# ---- shadow ----

def test_in_shadow_mode_nothing_is_touched_and_the_card_says_so(azure, make):
    gw = make(guards={"mode": "shadow"}).start()
    assert any("shadow mode: nothing is touched" in line["message"] for line in gw.lines)
    gw.deliver(event_grid(flat_alert()))
    gw.deliver(event_grid(flat_alert("Brute force attack", machine="web-02")))
    gw.wait_step("notify", count=2)
    assert {(s["action"], s["state"], s["reason"]) for s in gw.actions() if s["action"] != "notify"} \
        == {("isolate_vm", "shadow", "guards.mode is shadow"),
            ("enable_jit", "shadow", "guards.mode is shadow")}
    for number in (0, 1):
        assert " SHADOW " in card_text(azure, number)
        assert "would be done, nothing was touched" in card_text(azure, number)
    assert changes(azure) == []


def test_a_rule_in_shadow_mode_touches_nothing_and_the_others_act(azure, make):
    gw = make(rules="""
rules:
  - name: trying-out
    mode: shadow
    match: {severity: High}
    actions: [isolate_vm, notify: soc]
  - name: proven
    match: {severity: Low}
    actions: [isolate_vm, notify: soc]
""").start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    (step,) = gw.actions("isolate_vm")
    assert (step["state"], step["reason"]) == ("shadow", "the rule's mode is shadow")
    assert " SHADOW " in card_text(azure)
    assert changes(azure) == []
    gw.deliver(event_grid(flat_alert(severity="Low", machine="web-02")))
    gw.wait_step("notify", count=2)
    assert isolated(azure, "web-02-nic")
    assert " SHADOW " not in card_text(azure)


# ---- budgets and approval ----

def test_over_budget_is_refused_and_told(azure, make):
    gw = make(guards={"digest_wait": "0s",
                      "budgets": {"isolate_vm": {"per_hour": 1, "over": "refuse"}}}).start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    gw.deliver(event_grid(flat_alert(machine="web-02")))
    gw.wait_step("notify", count=2)
    states = {s["target"].rsplit("/")[-1]: (s["state"], s["reason"])
              for s in gw.actions("isolate_vm")}
    assert states == {"web-01": ("done", ""),
                      "web-02": ("refused", "budget used up: 1 isolate_vm an hour")}
    assert "refused: budget used up: 1 isolate_vm an hour" in card_text(azure)
    assert not isolated(azure, "web-02-nic")


def test_each_subscription_has_its_own_budget(azure, make):
    gw = make(guards={"digest_wait": "0s",
                      "budgets": {"isolate_vm": {"per_subscription_per_hour": 1}}}).start()
    for machine in (vm("web-01"), LAB_MACHINE, vm("web-02")):
        gw.deliver(about(machine))
    gw.wait_step("notify", count=3)
    states = {s["target"].rsplit("/")[-1]: s["state"] for s in gw.actions("isolate_vm")}
    assert states == {"web-01": "done", "lab-01": "done", "web-02": "refused"}


def test_each_rule_has_its_own_budget(azure, make):
    gw = make(rules="""
rules:
  - name: one
    match: {severity: High}
    actions: [isolate_vm, notify: soc]
  - name: two
    match: {severity: Medium}
    actions: [isolate_vm, notify: soc]
""", guards={"digest_wait": "0s", "budgets": {"isolate_vm": {"per_rule_per_hour": 1}}}).start()
    gw.deliver(event_grid(flat_alert(machine="web-01")))
    gw.deliver(event_grid(flat_alert(machine="web-02")))
    gw.deliver(event_grid(flat_alert(machine="jump-01", severity="Medium")))
    gw.wait_step("notify", count=3)
    states = {s["target"].rsplit("/")[-1]: (s["state"], s["reason"])
              for s in gw.actions("isolate_vm")}
    assert states == {
        "web-01": ("done", ""), "jump-01": ("done", ""),
        "web-02": ("refused", "budget used up: 1 isolate_vm an hour by one rule")}
    assert not isolated(azure, "web-02-nic")


@pytest.fixture
def held(azure, make):
    """A gridwarden that holds every isolation for approval, with one held: (gridwarden, its id)."""
    gw = make(guards={"budgets": {"isolate_vm": {"per_hour": 1, "over": "approve"}}}).start()
    gw.deliver(event_grid(flat_alert(machine="jump-01")))
    gw.wait_step("isolate_vm")
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify", count=2)
    (step,) = [s for s in gw.actions("isolate_vm") if s["state"] == "approval"]
    return gw, str(step["id"])


def as_a_person(gw, *arguments):
    return gw.run(*arguments, "--config", gw.config)


def test_what_is_held_for_approval_is_told_and_done_once_it_is_approved(azure, held):
    gw, number = held
    assert " NEEDS APPROVAL " in card_text(azure)
    assert f"gridwarden approve {number}" in card_text(azure)
    assert not isolated(azure, "web-01-nic")
    result = as_a_person(gw, "approve", number)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"gridwarden actions show {number}" in result.stdout
    gw.wait_step("notify", count=3)
    assert isolated(azure, "web-01-nic", "web-01-nic-back")
    assert "isolate_vm web-01: done" in card_text(azure)
    assert " NEEDS APPROVAL " not in card_text(azure)
    assert as_a_person(gw, "approve", number).returncode == 5
    assert as_a_person(gw, "deny", number).returncode == 5


def test_what_is_denied_is_never_done_and_stays_denied(azure, held):
    gw, number = held
    before = len(changes(azure))
    result = as_a_person(gw, "deny", number)
    assert (result.returncode, result.stderr) == (0, "")
    (step,) = [s for s in gw.actions("isolate_vm") if str(s["id"]) == number]
    person = pwd.getpwuid(os.getuid()).pw_name
    assert (step["state"], step["reason"]) == ("refused", f"denied by {person} (command line)")
    result = as_a_person(gw, "approve", number)
    assert result.returncode == 5
    assert f"action {number} is refused, it is not held for approval" in result.stderr
    # The same alert again does not bring it back.
    gw.deliver(event_grid(flat_alert()))
    gw.wait_line(lambda line: "decided" in line["message"], since=len(gw.lines) - 1)
    assert len(changes(azure)) == before


def test_what_nobody_approves_in_time_is_refused_and_told_also_after_a_restart(azure, make):
    gw = make(guards={"approval_timeout": "3s",
                      "budgets": {"isolate_vm": {"per_hour": 1, "over": "approve"}}}).start()
    gw.deliver(event_grid(flat_alert(machine="jump-01")))
    gw.wait_step("isolate_vm")
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify", count=2)
    assert "unless approved" in card_text(azure)
    gw.kill()
    gw.start()
    gw.wait_step("isolate_vm", "refused")
    gw.wait_step("notify")
    (step,) = [s for s in gw.actions("isolate_vm") if s["state"] == "refused"]
    assert step["reason"].startswith("nobody approved it in time; it was held: budget used up")
    assert "nobody approved it in time" in card_text(azure)
    assert not isolated(azure, "web-01-nic")
    assert as_a_person(gw, "approve", str(step["id"])).returncode == 5


@pytest.mark.parametrize("command", ["approve", "deny", "release"])
def test_an_action_that_does_not_exist_is_not_found(gridwarden, command):
    result = as_a_person(gridwarden, command, "4711")
    assert result.returncode == 3
    assert result.stderr == "gridwarden: there is no action 4711\n"
    for wrong in ("x", "0", "-1", "1.5", ""):
        assert as_a_person(gridwarden, command, "--", wrong).returncode == 2


def storm(gw, machines=100):
    for ten in range(machines // 10):
        gw.deliver([event for one in range(10)
                    for event in event_grid(flat_alert(machine=f"made-up-{ten}{one}"))])


def five_an_hour(make, **guards):
    return make(rules=ISOLATE_ONLY.replace("[isolate_vm]", "[isolate_vm, notify: soc]"),
                guards={"budgets": {"isolate_vm": {"per_hour": 5, "over": "refuse"}}, **guards})


def test_a_storm_of_a_hundred_machines_isolates_five_and_is_told_in_one_digest(azure, make):
    gw = five_an_hour(make, digest_wait="6s").start()
    storm(gw)
    gw.wait_step("notify", count=6)
    isolations_of = gw.actions("isolate_vm")
    refused = [s for s in isolations_of if s["state"] == "refused"]
    assert (len(isolations_of), len(refused)) == (100, 95)
    assert {s["reason"] for s in refused} == {"budget used up: 5 isolate_vm an hour"}
    asked = {c["path"] for c in azure.calls() if c["service"] == "arm"}
    assert len(asked) == 5
    # Whatever was not done was told, in one card.
    texts = [json.dumps(card) for card in azure.cards()]
    assert sum("the machine is gone" in text for text in texts) == 5
    (digest,) = [text for text in texts if "refused: budget used up" in text]
    assert "95 actions were refused: a budget is used up" in digest
    assert digest.count("refused: budget used up") >= 12 and "more" in digest
    assert "gridwarden actions list --state refused" in digest
    told = [s for s in gw.actions("notify") if s["reason"] == "told in a digest"]
    assert (len(told), {s["state"] for s in told}) == (95, {"done"})
    # What is refused behind it is told again.
    gw.deliver(event_grid(flat_alert(machine="made-up-later")))
    gw.wait_step("notify", count=7)
    last = json.dumps(azure.cards()[-1])
    assert "1 action was refused: a budget is used up" in last and "made-up-later" in last


def test_a_digest_outlives_a_kill(azure, make):
    gw = five_an_hour(make, digest_wait="3s").start()
    storm(gw, 20)
    gw.wait_line(lambda line: " decided: " in line["message"] and sum(
        " decided: " in seen["message"] for seen in gw.lines) == 20)
    gw.kill()
    gw.start()
    gw.wait_line(lambda line: line["message"] == "notify done" and
                 any("15 actions were refused" in json.dumps(card) for card in azure.cards()))
    told = [json.dumps(card) for card in azure.cards()]
    assert sum("actions were refused" in card for card in told) == 1


def test_without_a_wait_each_refusal_has_a_card(azure, make):
    gw = five_an_hour(make, digest_wait="0s").start()
    storm(gw, 10)
    gw.wait_step("notify", count=10)
    texts = [json.dumps(card) for card in azure.cards()]
    assert sum("isolate_vm made-up" in text and "refused: budget used up" in text
               for text in texts) == 5


# ---- unsure, samples, nobody to tell ----

def test_a_rule_that_cannot_be_decided_isolates_nothing_and_is_told(azure, make):
    gw = make(rules="""
rules:
  - name: anything-serious
    match: {severity|gte: High}
    actions: [isolate_vm, notify: soc]
""").start()
    gw.deliver(event_grid(flat_alert(severity="Critical")))
    gw.wait_step("notify")
    (step,) = gw.actions("isolate_vm")
    assert step["state"] == "refused"
    assert step["reason"].startswith("the rule could not be decided: severity|gte: ")
    assert f"refused: {step['reason']}" in card_text(azure)
    assert ("anything-serious: could not be decided, as severity is at least High: not a severity "
            "that can be compared") in card_text(azure)
    assert changes(azure) == []


@pytest.mark.parametrize("allowed", [False, True])
def test_a_sample_alert_isolates_only_where_the_rule_allows_it(azure, make, allowed):
    gw = make(rules=f"""
rules:
  - name: drill
    allow_sample: {"true" if allowed else "false"}
    match: {{severity: High}}
    actions: [isolate_vm, notify: soc]
""").start()
    gw.deliver(event_grid(flat_alert(alertType="SIMULATED_VM_SuspiciousProcess")))
    gw.wait_step("notify")
    assert isolated(azure, "web-01-nic") == allowed
    assert " SAMPLE " in card_text(azure)


@pytest.mark.parametrize("guards", [
    {"protected": [{"resource_group": "rg-shop"}]}, {"protected": [{"tag": {"owner": "*"}}]}])
def test_a_refusal_by_a_rule_that_tells_nobody_is_told_to_the_first_channel(azure, make, guards):
    azure.change_resource(vm("web-01"), tags={"owner": "shop"})
    gw = make(rules=ISOLATE_ONLY, guards=guards).start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    (step,) = gw.actions("isolate_vm")
    assert step["state"] == "refused"
    assert f"refused: {step['reason']}" in card_text(azure)
    assert isolations(azure, "web-01-nic") == []
