"""No room, on the disk or in the journal: it is said, and over when there is room."""

import os

from disk_world import (NOTHING, deliver, fill, inside, metric, mount_or_skip, on_mount, ready,
                        stored, until, wait_decided)


def test_a_really_full_disk_breaks_no_promise_and_is_over_when_there_is_room(make):
    mount_or_skip("tmpfs")
    gw = make(rules=NOTHING, inbox="state/inbox", store="sqlite:state/gridwarden.db")
    on_mount(gw, f"mount -t tmpfs -o size=64m none {gw.folder}/state").start()
    answered = set()
    for n in range(10):
        assert deliver(gw, f"room-{n}") == 200
        answered.add(f"room-{n}")
    wait_decided(gw)
    ballast = fill(inside(gw))
    # What the journal took in advance is used up first: everything answered 200 has a place.
    for n in range(10000):
        status = deliver(gw, f"full-{n}", blob="x" * 1000000)
        if status == 503:
            break
        assert status == 200
        answered.add(f"full-{n}")
    assert status == 503 and 5 < n < 50
    status, text = ready(gw)
    assert status == 503 and "No space left on device" in text
    assert "decisions cannot be stored" in text and "the disk is full" in text
    ballast.unlink()
    gw.wait_line(lambda line: line["message"] == "deliveries are kept again")
    gw.wait_line(lambda line: line["message"] == "decisions are stored again")
    until(lambda: ready(gw) == (200, "ready\n"), "readiness")
    assert deliver(gw, "room again") == 200
    wait_decided(gw)
    copy = gw.folder / "copy.db"
    assert gw.run("backup", copy, "--config", gw.config).returncode == 0
    assert stored(copy) == dict.fromkeys(answered | {"room again"}, 1)


def test_restarts_on_a_full_disk_are_not_held_against_an_event(make, kept_mount):
    gw = make(rules=NOTHING, inbox="state/inbox", store="sqlite:state/gridwarden.db")
    disk = kept_mount(gw, f"mount -t tmpfs -o size=64m none {gw.folder}/state")
    gw.start()
    ballast = fill(disk.path)
    os.truncate(ballast, ballast.stat().st_size - 500_000)  # room for a start, not for the alert
    assert deliver(gw, "large", blob="x" * 900_000) == 200
    for _ in range(4):
        line = gw.wait_line(lambda line: line["message"].startswith("decisions cannot be stored"))
        assert "the disk is full" in line["message"]
        assert gw.stop() == 0
        gw.start()
    ballast.unlink()
    wait_decided(gw)
    assert [alert["state"] for alert in gw.alerts()] == ["decided"]
    assert metric(gw, "events_damaged_total") == 0


# ---- a full journal ----

def test_a_full_journal_refuses_until_some_is_decided(disk):
    gw, bad = disk(inbox_max="128MiB")
    bad.fail("EIO", "/db/")
    kept = 0
    limit = 40
    # The store fails, so nothing is decided and nothing is released: 16 and 64 MiB are taken.
    while kept < limit and deliver(gw, f"event-{kept}", blob="x" * 3900000) == 200:
        kept += 1
    assert 10 < kept < limit
    status, text = ready(gw)
    assert status == 503 and "inbox is full" in text
    bad.heal()
    gw.wait_line(lambda line: line["message"] == "deliveries are kept again")
    wait_decided(gw)
    assert deliver(gw, "after") == 200
    assert metric(gw, "inbox_bytes") <= 128 << 20
    wait_decided(gw)
    assert gw.stop() == 0
    found = stored(gw.folder / "state/db/gridwarden.db")
    assert found == dict.fromkeys([f"event-{n}" for n in range(kept)] + ["after"], 1)
