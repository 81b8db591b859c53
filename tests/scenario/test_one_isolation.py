"""Two alerts about one machine within a second, or two rules that both isolate it, give one isolation
and one set of snapshots."""

import pytest
from harness import event_grid, flat_alert
from test_containment import snapshots
from test_main_job import group_of, isolated, isolations

NICS = ("web-01-nic", "web-01-nic-back")
ONE = """
rules:
  - name: contain
    match: {severity: High}
    actions:
      - isolate_vm: {snapshot: true}
      - notify: soc
"""
TWO = """
rules:
  - name: contain
    match: {severity: High}
    actions: [{isolate_vm: {snapshot: true, expires_after: 8h}}]
  - name: contain-too
    match: {alertDisplayName|contains: process}
    actions:
      - isolate_vm: {snapshot: {resource_group: rg-security}}
      - notify: soc
"""


def check_once(azure):
    assert isolated(azure, *NICS)
    assert [len(isolations(azure, name)) for name in NICS] == [1, 1]
    copied = sorted(s["properties"]["creationData"]["sourceResourceId"].rsplit("/", 1)[1]
                    for s in snapshots(azure))
    assert copied == ["web-01_OsDisk", "web-01_data0", "web-01_data1"]


def isolating(gw):
    steps = sorted((s for s in gw.actions("isolate_vm") if not s.get("undo_of")),
                   key=lambda s: s["id"])
    assert [s["state"] for s in steps] == ["done", "done"], steps
    return steps


def check_told(gw):
    first, second = isolating(gw)
    assert second["result"]["joined"] == first["id"]
    assert second["result"]["copies"]["action"] == first["id"]
    for name in ("snapshots", "failed"):
        assert [s["snapshot"] for s in first["result"]["copies"][name]] == \
            [s["snapshot"] for s in second["result"]["copies"][name]]
    assert len(first["result"]["copies"]["snapshots"]) == 3


def two_alerts(gw):
    """In one delivery, so that two performers have them at the same moment."""
    gw.deliver(event_grid(flat_alert("Suspicious process executed", id="a"))
               + event_grid(flat_alert("Suspicious process seen again", id="b")))


def test_two_alerts_within_a_second_give_one_isolation(azure, make):
    gw = make(rules=ONE).start()
    was = {name: group_of(azure, name) for name in NICS}
    two_alerts(gw)
    gw.wait_step("notify", count=2)
    check_once(azure)
    check_told(gw)
    # The way back of the second frees nothing: it is the first's.
    first, second = isolating(gw)
    for step, free in ((second, False), (first, True)):
        done = gw.run("release", str(step["id"]), "--wait", "--config", gw.config)
        assert done.returncode == 0, done.stdout
        assert ({name: group_of(azure, name) for name in NICS} == was) == free


def test_two_rules_give_one_isolation(azure, make):
    gw = make(rules=TWO).start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    check_once(azure)
    check_told(gw)


@pytest.mark.parametrize("point", ["action.isolate.put:kill:1", "action.isolate.put.done:kill:2",
                                   "action.snapshot.put:kill:2", "action.snapshot.put.done:kill:3",
                                   "store.settle:kill:1", "store.settle:kill:2",
                                   "action.isolate.group.done:kill:1"])
def test_killed_at_any_point_it_is_one_isolation_all_the_same(azure, make, point):
    gw = make(rules=ONE).start(GRIDWARDEN_FAULT=point)
    two_alerts(gw)
    assert gw.wait_end() == -9, gw.log()
    gw.start()
    while len([s for s in gw.actions("isolate_vm") if s["state"] == "done"]) < 2:
        gw.wait_step("isolate_vm")
    check_once(azure)
    isolating(gw)


def test_the_machine_is_cut_off_while_no_snapshot_is_taken(azure, make):
    azure.fault(method="PUT", path="/snapshots/", times=-1, status=503)
    gw = make(rules=ONE, report_wait="3s").start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    assert isolated(azure, *NICS)
    (step,) = gw.actions("isolate_vm")
    assert step["state"] in ("waiting", "running")
    assert step["containment"]["state"] == "isolated"
    azure.clear_faults()
    gw.wait_step("isolate_vm")
    check_once(azure)


def test_a_machine_that_was_released_is_isolated_and_copied_anew(azure, make):
    gw = make(rules=ONE).start()
    gw.deliver(event_grid(flat_alert(id="a")))
    gw.wait_step("notify")
    (first,) = gw.actions("isolate_vm")
    assert gw.run("release", str(first["id"]), "--wait", "--config",
                  gw.config).returncode == 0
    gw.deliver(event_grid(flat_alert(id="b")))
    gw.wait_step("isolate_vm", count=2)
    assert isolated(azure, *NICS)
    assert len(snapshots(azure)) == 6
