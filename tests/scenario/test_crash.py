"""Killed or failed at any point: after a restart the machine is isolated exactly once."""

import http.client

import harness
import pytest
from client import Emulator
from harness import event_grid, flat_alert, nic
from test_main_job import group_of, isolated, isolations

NICS = ("web-01-nic", "web-01-nic-back")
EVENT = event_grid(flat_alert(), event_id="the-one-event")


def fault_points():
    """The points that the way of one alert passes, as the program itself reports them."""
    import tempfile
    with tempfile.TemporaryDirectory() as folder, Emulator() as azure:
        names = f"{folder}/points"
        gw = harness.Gridwarden(folder, azure.url, env={"GRIDWARDEN_FAULT_LIST": names})
        with gw.start():
            gw.deliver(EVENT)
            gw.wait_step("notify")
        with open(names) as file:
            return sorted(set(file.read().split()))


def pytest_generate_tests(metafunc):
    if "point" in metafunc.fixturenames:
        metafunc.parametrize("point", fault_points())


def deliver_until_kept(gw):
    """As Event Grid does: the same event again, until somebody says 200."""
    try:
        return gw.deliver(EVENT).status == 200
    except (OSError, http.client.HTTPException):
        return False


def test_the_way_of_an_alert_has_fault_points_in_every_stage():
    points = fault_points()
    for stage in ("journal.", "decide.", "store.commit", "store.claim", "store.settle",
                  "action.isolate.", "action.notify.", "perform."):
        assert any(point.startswith(stage) for point in points), (stage, points)


@pytest.mark.parametrize("passing", ["1", "2"])
def test_killed_at_any_point_it_isolates_exactly_once(azure, make, point, passing):
    gw = make()
    was = {name: group_of(azure, name) for name in NICS}
    gw.launch(GRIDWARDEN_FAULT=f"{point}:kill:{passing}")
    kept = False
    try:
        gw.wait_line(lambda line: " ready: port " in line["message"])
        gw.port = int(gw.lines[-1]["message"].split("port ")[1].split(",")[0])
        kept = deliver_until_kept(gw)
        gw.wait_step("notify")  # this point is not passed that often
        gw.stop()
    except AssertionError:
        assert gw.wait_end() == -9, gw.log()
    gw.start()
    if not kept:
        assert deliver_until_kept(gw)
    if not [s for s in gw.actions("notify") if s["state"] == "done"]:
        gw.wait_step("notify")
    assert isolated(azure, *NICS)
    assert [len(isolations(azure, name)) for name in NICS] == [1, 1]
    (step,) = gw.actions("isolate_vm")
    assert step["state"] == "done"
    # A card may be told twice, when the answer of Teams was lost; never not at all.
    assert 1 <= len(azure.cards()) <= 2
    # What undo needs is the state before the first change, whatever happened since.
    gw.ask("release", str(step["id"]))
    gw.wait_step("isolate_vm", undo=True)
    assert {name: group_of(azure, name) for name in NICS} == was


def test_a_failure_at_any_point_is_overcome(azure, make, point):
    gw = make()
    try:
        gw.start(GRIDWARDEN_FAULT=f"{point}:fail:1")
    except AssertionError:  # a failure while starting is said, and the next start is good
        assert any(line["message"].startswith("cannot start: ") for line in gw.lines)
        gw.start()
    while not deliver_until_kept(gw):
        pass
    gw.wait_step("notify")
    assert isolated(azure, *NICS)
    assert [len(isolations(azure, name)) for name in NICS] == [1, 1]


def test_an_event_that_kills_the_decider_is_set_aside_and_the_others_go_on(azure, make):
    gw = make()
    batch = EVENT + event_grid(flat_alert("Unusual sign-in", "Low", "jump-01"))
    # The first event of each process's decider kills it.
    gw.start(GRIDWARDEN_FAULT="decide.event:kill:1")
    deliver_until_kept(gw) or gw.lines
    gw.wait_end()
    for _ in range(2):
        gw.launch(GRIDWARDEN_FAULT="decide.event:kill:1")
        assert gw.wait_end() == -9
    gw.start()
    gw.deliver(batch)
    gw.wait_line(lambda line: line["message"].endswith("is damaged"))
    gw.wait_step("notify")
    states = {row["state"] for row in gw.alerts()}
    assert states == {"damaged", "decided"}
    assert not isolated(azure, "web-01-nic")

