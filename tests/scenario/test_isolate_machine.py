"""A machine is cut off by its sensor: once whatever kills or fails it, told, bounded by the guards,
and released only when it was us."""

import json

import pytest
from harness import event_grid, flat_alert

WEB = f"{0x101:040x}"
RULES = """
rules:
  - name: cut-off
    match: {severity: High}
    actions:
      - isolate_machine: {expires_after: 8h}
      - notify: soc
"""
POINTS = [f"action.machine.post{end}:{how}:1" for end in ("", ".done") for how in ("kill", "fail")]


def asked(azure):
    return [(a["type"], a["status"]) for a in azure.state()["defender"]["actions"]]


def the_step(gw):
    (step,) = [s for s in gw.actions("isolate_machine") if not s.get("undo_of")]
    return step


def release(gw, *options):
    return gw.run("release", str(the_step(gw)["id"]), "--wait", *options, "--config", gw.config)


def test_a_machine_is_isolated_told_and_released(azure, make):
    gw = make(rules=RULES).start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    assert asked(azure) == [("Isolate", "Succeeded")]
    step = the_step(gw)
    assert (step["state"], step["containment"]["state"]) == ("done", "isolated")
    assert step["containment"]["expires"] is not None
    (card,) = azure.cards()
    assert "computer web-01.contoso.example, isolated by its sensor, until" in json.dumps(card)
    done = release(gw)
    assert (done.returncode, done.stderr) == (0, "")
    assert asked(azure) == [("Isolate", "Succeeded"), ("Unisolate", "Succeeded")]
    assert the_step(gw)["containment"]["state"] == "released"
    # The token for it is another one than Azure Resource Manager's.
    assert {c["status"] for c in azure.calls() if c["service"] == "defender"} <= {200, 201}


@pytest.mark.parametrize("point", POINTS)
def test_killed_or_failed_at_any_point_it_is_isolated_once(azure, make, point):
    gw = make(rules=RULES).start(GRIDWARDEN_FAULT=point)
    gw.deliver(event_grid(flat_alert()))
    if ":kill:" in point:
        assert gw.wait_end() == -9, gw.log()
        gw.start()
    gw.wait_step("notify")
    assert asked(azure) == [("Isolate", "Succeeded")]
    assert the_step(gw)["state"] == "done"


def test_what_somebody_else_isolated_stays_theirs(azure, make):
    azure.asked("POST", "defender", {"machineId": WEB, "type": "Isolate"})
    gw = make(rules=RULES).start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    (card,) = azure.cards()
    assert "isolated already by analyst@contoso.example" in json.dumps(card)
    assert release(gw).returncode == 0
    assert asked(azure) == [("Isolate", "Succeeded")]


def test_two_alerts_within_a_second_give_one_isolation(azure, make):
    gw = make(rules=RULES).start()
    gw.deliver(event_grid(flat_alert(id="a")) + event_grid(flat_alert(id="b")))
    gw.wait_step("notify", count=2)
    assert asked(azure) == [("Isolate", "Succeeded")]
    assert sorted(s["result"]["isolation"] for s in gw.actions("isolate_machine")
                  if s["state"] == "done") == ["Full", "already"]


@pytest.mark.parametrize("guards,state,words", [
    ({"mode": "shadow"}, "shadow", "shadow"),
    ({"protected": [{"resource_group": "rg-shop"}]}, "refused", "protected by"),
    ({"protected": [{"tag": {"env": "prod"}}]}, "refused", "protected by"),
    ({"digest_wait": "0s",
      "budgets": {"isolate_machine": {"per_hour": 1, "over": "refuse"}}}, "done", ""),
])
def test_the_guards_hold(azure, make, guards, state, words):
    gw = make(rules=RULES, guards=guards).start()
    gw.deliver(event_grid(flat_alert(id="a")))
    gw.wait_step("notify")
    step = the_step(gw)
    assert step["state"] == state and words in (step.get("reason") or ""), step
    assert asked(azure) == ([("Isolate", "Succeeded")] if state == "done" else [])
    if state == "done":
        gw.deliver(event_grid(flat_alert(id="b", machine="web-02")))
        gw.wait_step("notify", count=2)
        assert len(asked(azure)) == 1
        assert any("budget used up" in (s.get("reason") or "")
                   for s in gw.actions("isolate_machine"))


def test_a_machine_that_cannot_be_told_apart_is_refused_in_words(azure, make):
    gw = make(rules=RULES).start()
    gw.deliver(event_grid(flat_alert(machine="db-02")))
    gw.wait_step("notify")
    step = the_step(gw)
    assert step["state"] == "failed" and "2 machines named db-02" in step["reason"]
    assert asked(azure) == []
