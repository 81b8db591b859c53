"""A disk that fails: what was answered 200 is there, the rest is told to come again, and it is said."""

import subprocess
from pathlib import Path

import pytest
from disk_world import (NOTHING, NOTIFY, count_lines, deliver, metric, mount_or_skip, on_mount,
                        ready, stored, until, wait_decided)
from harness import event_grid, flat_alert


def test_a_delivery_whose_sync_fails_is_answered_503_and_not_kept(disk):
    gw, bad = disk()
    assert deliver(gw, "before") == 200
    bad.fail("EIO", "inbox/segment")
    answer = gw.deliver(event_grid(flat_alert(), event_id="during"))
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    bad.heal()
    until(lambda: ready(gw)[0] == 200, "readiness")
    assert deliver(gw, "after") == 200
    wait_decided(gw)
    assert gw.stop() == 0
    assert stored(gw.folder / "state/db/gridwarden.db") == {"before": 1, "after": 1}


@pytest.mark.parametrize("error,words", [("EIO", "Input/output error"),
                                         ("EROFS", "Read-only file system"),
                                         ("ENOSPC", "No space left")])
def test_a_failing_inbox_is_said_shown_and_over_without_a_restart(disk, error, words):
    gw, bad = disk()
    assert deliver(gw, "first") == 200
    bad.fail(error, "inbox/")
    for n in range(5):
        assert deliver(gw, f"refused-{n}") == 503
    status, text = ready(gw)
    assert status == 503
    assert text.startswith("deliveries could not be kept") and words in text
    assert metric(gw, 'trouble{part="receive"}') == 1
    bad.heal()  # nobody delivers: it must find out by itself
    gw.wait_line(lambda line: line["message"] == "deliveries are kept again")
    assert ready(gw) == (200, "ready\n")
    assert metric(gw, 'trouble{part="receive"}') == 0
    assert deliver(gw, "refused-0") == 200
    assert count_lines(gw, "deliveries could not be kept") == 1
    wait_decided(gw)


def test_a_duplicate_touches_no_disk_and_ends_no_trouble(disk):
    gw, bad = disk()
    assert deliver(gw, "kept before") == 200
    bad.fail("EIO", "inbox/")
    assert deliver(gw, "refused") == 503
    assert deliver(gw, "kept before") == 200
    assert ready(gw)[0] == 503
    assert metric(gw, 'trouble{part="receive"}') == 1
    assert count_lines(gw, "deliveries are kept again") == 0
    bad.heal()
    gw.wait_line(lambda line: line["message"] == "deliveries are kept again")
    assert ready(gw) == (200, "ready\n")


@pytest.mark.parametrize("error,words", [("EIO", "Input/output error"),
                                         ("EROFS", "Read-only file system"),
                                         ("ENOSPC", "the disk is full")])
def test_a_failing_store_stops_deciding_but_not_receiving(disk, error, words):
    gw, bad = disk(rules=NOTIFY)
    assert deliver(gw, "first") == 200
    gw.wait_step("notify")
    bad.fail(error, "/db/")
    assert deliver(gw, "kept meanwhile") == 200
    gw.wait_line(lambda line: line["message"].startswith("decisions cannot be stored"))
    status, text = ready(gw)
    assert status == 503 and "decisions cannot be stored" in text and words in text
    assert deliver(gw, "kept too", machine="web-02") == 200
    assert metric(gw, "inbox_waiting") == 2
    bad.heal()
    gw.wait_line(lambda line: line["message"] == "decisions are stored again")
    wait_decided(gw)
    until(lambda: ready(gw) == (200, "ready\n"), "readiness")
    assert count_lines(gw, "decisions cannot be stored") == 1
    until(lambda: [s["state"] for s in gw.actions("notify")] == ["done"] * 3, "three cards")
    assert gw.stop() == 0
    assert stored(gw.folder / "state/db/gridwarden.db") == {
        "first": 1, "kept meanwhile": 1, "kept too": 1}


def test_a_step_in_flight_when_the_store_fails_is_settled_later_and_done_once(disk, azure):
    gw, bad = disk(rules=NOTIFY)
    azure.fault(method="POST", path="/teams", delay_s=2)
    assert deliver(gw, "in flight") == 200
    until(lambda: [s["state"] for s in gw.actions("notify")] == ["running"], "the claim")
    bad.fail("EIO", "/db/")
    gw.wait_line(lambda line: line["message"].startswith("actions cannot be stored"))
    status, text = ready(gw)
    assert status == 503 and "actions cannot be stored" in text
    bad.heal()
    gw.wait_step("notify")
    gw.wait_line(lambda line: line["message"] == "actions are stored again")
    assert [s["state"] for s in gw.actions("notify")] == ["done"]
    assert len(azure.cards()) == 1


# ---- a disk that cannot read ----

def test_what_cannot_be_read_for_a_moment_is_waited_for_however_much_comes_meanwhile(disk):
    gw, bad = disk()
    assert deliver(gw, "before") == 200
    wait_decided(gw)
    bad.fail_reads("inbox/segment")
    assert deliver(gw, "first") == 200
    line = gw.wait_line(lambda line: line["message"].startswith("decisions cannot be stored"))
    assert "cannot read segment-000001 at " in line["message"]
    for n in range(60):  # each of them wakes the decider
        assert deliver(gw, f"meanwhile-{n}") == 200
    status, text = ready(gw)
    assert status == 503 and "Input/output error" in text
    assert metric(gw, 'trouble{part="decide"}') == 1
    assert metric(gw, "inbox_waiting") == 61
    bad.heal_reads()
    gw.wait_line(lambda line: line["message"] == "decisions are stored again")
    wait_decided(gw)
    assert ready(gw) == (200, "ready\n")
    assert metric(gw, "events_damaged_total") == 0
    assert gw.stop() == 0
    events = ["before", "first"] + [f"meanwhile-{n}" for n in range(60)]
    assert stored(gw.folder / "state/db/gridwarden.db") == dict.fromkeys(events, 1)


def test_a_journal_that_cannot_be_read_at_start_refuses_it_and_loses_nothing(disk):
    gw, bad = disk()
    bad.fail("EIO", "/db/")  # nothing is decided: all of it is in the journal only
    for n in range(3):
        assert deliver(gw, f"event-{n}") == 200
    gw.kill()
    bad.heal()
    bad.fail_reads("inbox/segment")
    gw.launch()
    assert gw.wait_end() == 1
    assert "cannot read segment-000001 at " in gw.log()
    bad.heal_reads()
    gw.start()
    wait_decided(gw)
    assert metric(gw, "inbox_lost_records") == 0
    assert gw.stop() == 0
    assert stored(gw.folder / "state/db/gridwarden.db") == {f"event-{n}": 1 for n in range(3)}


# ---- a file system that turns read-only ----

def test_a_file_system_that_turns_read_only_breaks_no_promise(make):
    mount_or_skip("loop")
    gw = make(rules=NOTHING, inbox="state/inbox", store="sqlite:state/gridwarden.db")
    (gw.folder / "state").mkdir()
    image = gw.folder / "image"
    with open(image, "wb") as f:
        f.truncate(128 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    mount = f"mount -o loop,errors=remount-ro {image} {gw.folder}/state"
    if subprocess.run(["unshare", "-m", "sh", "-c", mount + f" && umount {gw.folder}/state"],
                      capture_output=True).returncode != 0:
        pytest.skip("no loop device can be mounted here")
    on_mount(gw, mount).start()
    for n in range(10):
        assert deliver(gw, f"before-{n}") == 200
    device = subprocess.run(["losetup", "-j", str(image)], capture_output=True, text=True,
                            check=True).stdout.split(":")[0]
    trigger = Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error"
    if not trigger.exists():
        pytest.skip("this kernel cannot be asked for an error of the file system")
    # As after an error of the disk: also what is open for writing can be written no more.
    trigger.write_text("an error for a test of gridwarden")
    assert deliver(gw, "refused") == 503
    status, text = ready(gw)
    assert status == 503 and "Read-only file system" in text
    assert gw.stop() == 0
    subprocess.run(["e2fsck", "-p", str(image)], capture_output=True)
    gw.start()
    until(lambda: ready(gw)[0] == 200, "readiness")
    wait_decided(gw)
    copy = gw.folder / "copy.db"
    assert gw.run("backup", copy, "--config", gw.config).returncode == 0
    assert stored(copy) == {f"before-{n}": 1 for n in range(10)}


def test_a_read_only_file_system_at_start_is_named(make):
    mount_or_skip("tmpfs")
    gw = make(rules=NOTHING, inbox="state/inbox", store="sqlite:state/gridwarden.db")
    on_mount(gw, f"mount -t tmpfs none {gw.folder}/state; mount -o remount,ro {gw.folder}/state")
    gw.launch()
    assert gw.wait_end() == 1
    assert f"{gw.folder}/state/gridwarden.db-lock: Read-only file system" in gw.log()
