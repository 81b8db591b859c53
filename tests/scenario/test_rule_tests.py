"""Rules of which a test fails are not put in force; a start goes on, and destroys nothing."""

from harness import event_grid, flat_alert
from test_guards import card_text, changes
from test_main_job import isolated
from test_reload import figure, refused, reloaded

ISOLATE = """
rules:
  - name: isolate
    match: {severity: SEVERITY}
    actions: [isolate_vm, {notify: soc}]
    tests:
      - alert: {alertDisplayName: x, severity: High}
        expect: {fires: true}
"""
GOOD, FAILING = ISOLATE.replace("SEVERITY", "High"), ISOLATE.replace("SEVERITY", "[Low, Medium]")
WORDS = ("10-rules.yaml:7:9: the test of 'isolate' fails: expected: fires; happened: does not fire "
         "- severity is Low or Medium: no, saw High")


def test_a_reload_with_a_failing_test_is_refused_and_the_old_rules_stay(azure, make):
    gw = make(rules=GOOD).start()
    gw.write_rules(FAILING)
    refused_with_no_card(gw, WORDS)
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("isolate_vm")
    assert isolated(azure, "web-01-nic")
    gw.write_rules(GOOD)
    reloaded(gw)
    assert figure(gw, "rules_tests_failed") == 0


def refused_with_no_card(gw, words):
    line = gw.reload()
    assert line["message"].startswith("configuration not reloaded, the old one stays in force: ")
    assert words in line["message"]
    assert figure(gw, "config_last_reload_successful") == 0
    assert figure(gw, "rules_tests_failed") == 1


def test_an_alert_of_a_test_that_is_missing_refuses_the_reload(make):
    gw = make().start()
    (gw.folder / "samples" / "brute-force.json").unlink()
    refused(gw, "brute-force.json: No such file or directory")


def test_a_start_with_a_failing_test_receives_and_holds_what_is_destructive(azure, make):
    gw = make(rules=FAILING).start()
    gw.wait_line(lambda line: line["message"].startswith(
        "1 of the tests of the rules fail: what is destructive waits"))
    assert gw.operations("/readyz").status == 200
    assert figure(gw, "rules_tests_failed") == 1
    gw.deliver(event_grid(flat_alert(severity="Low")))
    gw.wait_step("notify", count=1)
    assert "1 of the tests of the rules fail" in card_text(azure)
    (held,) = gw.actions("isolate_vm")
    assert held["state"] == "approval" and changes(azure) == []
    assert gw.run("approve", str(held["id"]), "--config", gw.config).returncode == 0
    gw.wait_step("isolate_vm")
    assert isolated(azure, "web-01-nic")


def test_rules_whose_tests_pass_again_end_the_doubt(azure, make):
    gw = make(rules=FAILING).start()
    gw.write_rules(GOOD)
    reloaded(gw)
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("isolate_vm")
    assert isolated(azure, "web-01-nic")
