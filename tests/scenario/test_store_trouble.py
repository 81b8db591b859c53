"""While the store is in trouble, or busy with itself, deliveries are kept and answered."""

import shutil
import sys
import time

import pytest
from disk_world import (NOTHING, NOTIFY, cannot_decide, database, deliver, fill, metric, reading,
                        ready, stored, until, wait_decided)
from harness import ROOT

sys.path.insert(0, str(ROOT / "tests/bench"))
import big_state  # noqa: E402


def decided_again(gw):
    gw.wait_line(lambda line: line["message"] == "decisions are stored again")
    wait_decided(gw)
    until(lambda: ready(gw) == (200, "ready\n"), "readiness")


# ---- an error that passes ----

def test_a_reader_does_not_keep_the_store_from_going_on_after_an_error(disk):
    gw, bad = disk()
    assert deliver(gw, "before") == 200
    wait_decided(gw)
    with reading(database(gw)):
        bad.fail("EIO", "gridwarden.db-wal")
        assert deliver(gw, "during") == 200
        cannot_decide(gw)
        bad.heal()
        decided_again(gw)
        assert deliver(gw, "after") == 200
        wait_decided(gw)
    assert gw.stop() == 0
    assert stored(database(gw)) == {"before": 1, "during": 1, "after": 1}


@pytest.mark.parametrize("error,calls,words", [("EIO", "", "Input/output error"),
                                               ("EIO", "sync", "Input/output error"),
                                               ("ENOSPC", "", "the disk is full")])
def test_a_database_that_cannot_be_written_is_said_before_its_log_fills_the_disk(
        disk, error, calls, words):
    gw, bad = disk()
    bad.fail(error, "gridwarden.db$", calls)
    for n in range(40):
        assert deliver(gw, f"event-{n}", blob="x" * 700_000) == 200
    line = gw.wait_line(lambda line: line["message"].startswith("decisions cannot be stored"))
    assert "its log cannot be copied into it" in line["message"] and words in line["message"]
    status, text = ready(gw)
    assert status == 503 and "its log cannot be copied into it" in text
    assert metric(gw, 'trouble{part="decide"}') == 1
    log = database(gw).with_name("gridwarden.db-wal").stat().st_size
    assert metric(gw, "store_log_bytes") == log < 10_000_000
    bad.heal()
    decided_again(gw)
    assert gw.stop() == 0
    assert stored(database(gw)) == {f"event-{n}": 1 for n in range(40)}


# ---- the start ----

@pytest.mark.parametrize("error,words", [("EIO", "Input/output error"),
                                         ("ENOSPC", "No space left on device")])
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_start_beside_a_failing_store_receives_and_decides_later(disk, azure, end, error, words):
    gw, bad = disk(rules=NOTIFY)
    assert deliver(gw, "before") == 200
    gw.wait_step("notify")
    wait_decided(gw)
    if end == "stop":
        assert gw.stop() == 0
    else:
        gw.kill()
    bad.fail(error, "/db/")
    gw.start()
    assert deliver(gw, "during", machine="web-02") == 200
    cannot_decide(gw)
    status, text = ready(gw)
    assert status == 503 and "decisions cannot be stored" in text
    assert words in text or (error == "ENOSPC" and "the disk is full" in text)
    assert metric(gw, 'trouble{part="decide"}') == 1
    assert metric(gw, "inbox_waiting") == 1
    answer = gw.run("alerts", "--config", gw.config)
    assert answer.returncode == 1 and "not open yet" in answer.stderr
    bad.heal()
    decided_again(gw)
    gw.wait_step("notify")
    assert deliver(gw, "before") == 200
    wait_decided(gw)
    assert gw.stop() == 0
    assert stored(database(gw)) == {"before": 1, "during": 1}
    assert len(azure.cards()) == 2


def test_a_start_on_a_really_full_disk_receives_and_decides_when_there_is_room(make, kept_mount):
    gw = make(rules=NOTHING, inbox="state/inbox", store="sqlite:state/gridwarden.db")
    state = kept_mount(gw, f"mount -t tmpfs -o size=64m none {gw.folder}/state").path
    gw.start()
    assert deliver(gw, "before") == 200
    wait_decided(gw)
    assert gw.stop() == 0
    ballast = fill(state)
    assert not (state / "gridwarden.db-wal").exists()
    gw.start()
    for n in range(5):  # the journal's room was taken before
        assert deliver(gw, f"full-{n}") == 200
    cannot_decide(gw)
    assert ready(gw)[0] == 503
    ballast.unlink()
    decided_again(gw)
    assert gw.stop() == 0
    copy = shutil.copy(state / "gridwarden.db", gw.folder / "copy.db")  # SQLite follows no /proc
    assert stored(copy) == dict.fromkeys(
        ["before"] + [f"full-{n}" for n in range(5)], 1)


# ---- retention ----

def deliver_well(gw, event):
    assert deliver(gw, event, machine=f"web-{len(event)}") == 200


def timed(action):
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def test_retention_that_deletes_very_much_keeps_nobody_waiting(make):
    gw = make(rules=NOTIFY)
    days = 86400 * 1000
    # Ten days beyond the default of `retention`; with their alerts and steps 90,000 rows.
    big_state.make(gw.folder, 30_000, now=int(time.time() * 1000) - 100 * days)
    gw.start()
    answers, decisions = [], []
    while metric(gw, "events_deleted_total") < 29_000:
        for _ in range(10):
            event = f"event-{len(answers)}"
            answers.append(timed(lambda: deliver_well(gw, event)))
        decisions.append(timed(lambda: wait_decided(gw)))
    print(f"\n{len(answers)} deliveries while 29,000 events were deleted: the slowest answer took "
          f"{max(answers):.3f} s, the slowest decision {max(decisions):.3f} s")
    assert len(answers) > 20
    assert max(answers) < 1 and max(decisions) < 2
