"""Just-in-time access, asked for by a rule."""

from harness import event_grid, flat_alert, vm
from test_guards import card_text
from test_main_job import POLICY

RULES = """
rules:
  - name: let-the-investigator-in
    match: {severity: High}
    actions:
      - request_jit: {ports: 22, source: 198.51.100.7, duration: %s, justification: look at it}
      - notify: soc
"""


def requests(azure):
    return [(request["justification"].split(" (")[0], port["number"], port["statusReason"])
            for request in azure.resource(POLICY)["properties"]["requests"]
            for machine in request["virtualMachines"] for port in machine["ports"]]


def test_access_is_opened_told_and_ended(azure, make):
    gw = make(rules=RULES % "30m").start()
    gw.deliver(event_grid(flat_alert(machine="db-01")))
    gw.wait_step("notify")
    assert requests(azure) == [("look at it", 22, "UserRequested")]
    assert "request_jit db-01: done (port 22 open for 198.51.100.7, policy default, until 20" \
        in card_text(azure)
    (step,) = gw.actions("request_jit")
    assert f"gridwarden release {step['id']}" in card_text(azure)
    gw.ask("release", str(step["id"]))
    gw.wait_step("request_jit", undo=True)
    assert requests(azure) == [("look at it", 22, "NewerRequestInitiated"),
                               ("look at it", 22, "UserRequested")]


def test_what_the_policy_does_not_allow_fails_and_is_told(azure, make):
    gw = make(rules=RULES % "2h").start()
    gw.deliver(event_grid(flat_alert(machine="db-01")))
    gw.wait_step("notify")
    reason = "port 22: duration is 120m, and just-in-time policy default allows PT1H at most"
    (step,) = gw.actions("request_jit")
    assert (step["state"], step["reason"]) == ("failed", reason)
    assert reason in card_text(azure)
    assert requests(azure) == []


def test_a_policy_that_was_written_over_is_written_again_with_what_is_new_in_it(azure, make):
    """Somebody else's PUT right behind ours: theirs stays, ours comes again."""

    gw = make().start()
    machines = azure.resource(POLICY)["properties"]["virtualMachines"]
    theirs = machines + [{"id": vm("jump-01"), "ports": [{
        "number": 3389, "protocol": "TCP", "allowedSourceAddressPrefix": "192.0.2.1",
        "maxRequestAccessDuration": "PT1H"}]}]
    # What we read after our PUT has to wait for theirs.
    azure.fault(method="GET", path="/jitNetworkAccessPolicies/default$", delay_s=1, times=1)
    gw.deliver(event_grid(flat_alert("Brute force attack")))
    azure.wait("PUT", "/jitNetworkAccessPolicies/default")
    azure.change_resource(POLICY, properties={"virtualMachines": theirs})
    gw.wait_step("notify")
    held = {m["id"].rsplit("/", 1)[1] for m in
            azure.resource(POLICY)["properties"]["virtualMachines"]}
    assert held == {"web-01", "web-02", "db-01", "db-02", "jump-01"}
    assert len([c for c in azure.calls() if c["method"] == "PUT"]) == 2
