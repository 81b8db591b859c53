"""Rules of which a test fails are not put in force; a start goes on, and destroys nothing."""

import json
import re

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
    refused_as(gw, WORDS)
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("isolate_vm")
    assert isolated(azure, "web-01-nic")
    gw.write_rules(GOOD)
    reloaded(gw)
    assert figure(gw, "rules_tests_failed") == 0


def refused_as(gw, words):
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
    gw.wait_step("notify", count=2)
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


# ---- the channel is told ----

def titles(azure):
    """Of each card, the bold line on top."""
    return [card_title(card) for card in azure.cards()]


def card_title(card):
    (title,) = re.findall(r'"text": "\w+: (Gridwarden: [^"]*)"', json.dumps(card["message"]))
    return title


REFUSED = "Gridwarden: changed settings or rules are refused"
WELL = "Gridwarden: settings and rules are good again"


def test_a_refused_version_is_told_once_and_so_is_the_good_one_behind_it(azure, make):
    gw = make(rules=GOOD).start()
    gw.write_rules(FAILING)
    refused_as(gw, WORDS)
    gw.wait_step("notify", count=1)
    for _ in range(3):  # the same again
        refused_as(gw, WORDS)
    gw.stop()
    gw.write_rules(GOOD)
    gw.start()  # remembered over a restart
    gw.wait_step("notify", count=1)
    reloaded(gw)
    gw.write_rules(FAILING)
    refused_as(gw, WORDS)
    gw.wait_step("notify", count=2)
    assert titles(azure) == [REFUSED, WELL, REFUSED]
    text = card_text(azure, 0)
    assert "The old ones stay in force." in text
    assert "10-rules.yaml:7:9: the test of 'isolate' fails" in text
    assert {row["state"] for row in gw.alerts()} == {"notice"}


def test_what_is_mended_at_once_is_not_told_when_nobody_asked_for_the_reload(azure, make):
    gw = make(rules=GOOD).start()
    since = len(gw.lines)
    gw.write_rules(FAILING)
    gw.wait_line(lambda line: line["message"].startswith("configuration not reloaded"),
                 since=since)
    since = len(gw.lines)
    gw.write_rules(GOOD)
    gw.wait_line(lambda line: line["message"].startswith("configuration reloaded"), since=since)
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    assert len(azure.cards()) == 1
    (settled,) = [step for step in gw.actions("notify") if step["state"] == "refused"]
    assert settled["reason"] == "it was over before it was told"


def test_a_start_with_a_failing_test_is_told(azure, make):
    gw = make(rules=FAILING).start()
    gw.wait_step("notify")
    assert titles(azure) == ["Gridwarden: it has started with rules whose tests fail"]
    gw.write_rules(GOOD)
    reloaded(gw)
    gw.wait_step("notify", count=2)
    assert titles(azure)[1] == WELL
