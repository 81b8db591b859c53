"""Rules that do not act now: in cooldown, at a time that mutes them, for values of a list."""

from harness import event_grid, flat_alert
from test_guards import changes
from test_reload import reloaded

COOLDOWN = """
rules:
  - name: tell-once-an-hour
    match: {severity: High}
    cooldown: 1h
    actions: [{notify: soc}]
"""

MUTED = """
time_intervals:
  - {name: always, time_intervals: [{}]}
rules:
  - name: isolate-when-awake
    match: {severity: High}
    stop: true
    mute_time_intervals: [always]
    actions: [isolate_vm]
  - name: page
    match: {severity: High, alertDisplayName|contains: page}
    actions: [{notify: soc}]
"""

LIST = """
rules:
  - name: tell-unless-known
    match:
      high: {severity: High}
      known: {resourceName|in_file: lists/known.txt}
      condition: high and not known
    actions: [{notify: soc}]
"""



def test_a_rule_in_cooldown_tells_once_about_a_machine_also_after_a_restart(azure, make):
    gw = make(rules=COOLDOWN).start()
    # Two about one machine in one delivery: what is decided counts at once.
    gw.deliver(event_grid(flat_alert()) + event_grid(flat_alert()))
    gw.wait_step("notify")
    assert len(azure.cards()) == 1
    gw.stop()
    gw.start()
    gw.deliver(event_grid(flat_alert()) + event_grid(flat_alert(machine="app-01")))
    gw.wait_step("notify")
    assert len(azure.cards()) == 2
    held = [s for s in gw.actions() if s["state"] == "refused"]
    assert len(held) == 2
    for step in held:
        assert step["reason"].startswith("the rule is in cooldown of 1h since 20")
        assert step["reason"].endswith("because of alert 1")


def test_a_muted_rule_touches_nothing_tells_nobody_and_is_on_record(azure, make):
    gw = make(rules=MUTED).start()
    gw.deliver(event_grid(flat_alert()))
    gw.deliver(event_grid(flat_alert("Suspicious process: page us")))
    gw.wait_step("notify")
    assert len(azure.cards()) == 1  # the rule behind it was asked, and tells
    assert changes(azure) == []
    held = gw.actions("isolate_vm")
    assert [s["state"] for s in held] == ["refused", "refused"]
    assert {s["reason"] for s in held} == \
        {"the rule is muted: in mute_time_intervals (always)"}
    shown = gw.run("alerts", "show", "1", "-o", "table", "--config", str(gw.config)).stdout
    assert "rule isolate-when-awake fires, muted: in mute_time_intervals (always)" in shown


def test_a_changed_list_counts_from_the_reload(azure, make):
    gw = make(rules=LIST)
    known = gw.folder / "rules.d/lists/known.txt"
    known.parent.mkdir()
    known.write_text("web-01 until 2099-12-31 # scanned by us\n")
    gw.start()
    gw.deliver(event_grid(flat_alert()) + event_grid(flat_alert(machine="app-01")))
    gw.wait_step("notify")
    assert len(gw.actions()) == 1
    known.write_text("app-01\n")
    reloaded(gw)
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify", count=2)
    known.write_text("app-01 until never\n")
    line = gw.reload()
    assert line["message"].startswith("configuration not reloaded")
    assert any("known.txt:1:14" in said["message"] for said in gw.lines), gw.log()
