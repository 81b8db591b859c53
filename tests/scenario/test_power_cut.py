"""What was answered 200 is there after a power cut, exactly once."""

import random
import sqlite3
import struct
import threading

import pytest
from disk_world import (Never, cannot_decide, count_lines, database, deliver, metric, reading,
                        ready, stored, until, wait_decided)


def start_again(gw, **env):
    gw.start(**env)
    assert count_lines(gw, "damaged") == 0
    assert count_lines(gw, "could not be read") == 0


def all_stored(gw):
    """Of a gridwarden that is decided and ended for it."""
    wait_decided(gw)
    assert gw.stop() == 0
    return stored(database(gw))


def cut_under_load(gw, power, chance, largest, enough):
    """Four senders, until `enough(answered)`; then the power goes, and comes back."""
    answered, stop = [], threading.Event()

    def send(worker):
        n = 0
        while not stop.is_set():
            n += 1
            event = f"event-{worker}-{n}"
            try:
                if deliver(gw, event, blob="x" * random.randrange(1, largest)) == 200:
                    answered.append(event)
            except OSError:
                return  # cut off, never answered

    threads = [threading.Thread(target=send, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: enough(answered), "enough answers")
    shown = {a["alert_id"] for a in gw.ask("alerts", "-n", "10000")}
    power.cut(chance)
    stop.set()
    for thread in threads:
        thread.join()
    with sqlite3.connect(database(gw)) as db:  # what a person was shown was committed
        assert shown <= {key for key, in db.execute("SELECT key FROM alerts")}
    start_again(gw)
    found = all_stored(gw)
    assert set(answered) <= set(found)
    assert set(found.values()) == {1}


@pytest.mark.parametrize("seed", range(4))
def test_after_a_power_cut_every_answered_event_is_there_exactly_once(disk, seed):
    gw, power = disk()
    chance = random.Random(seed) if seed else Never
    cut_under_load(gw, power, chance, 9000, lambda answered: len(answered) > 40 + 20 * seed)


def segment_use(gw, number):
    """How often segments had been put to use when this one was; 0 = a spare, or not there."""
    path = gw.folder / f"state/inbox/segment-{number:06}"
    if not path.exists():
        return 0
    with open(path, "rb") as f:
        magic, epoch = struct.unpack("<8sQ", f.read(16))
    return epoch if magic.startswith(b"GWSEG") else 0


@pytest.mark.parametrize("chance", [Never, random.Random(1)], ids=["worst", "random"])
def test_a_power_cut_while_the_journal_goes_on_in_another_segment_loses_nothing(disk, chance):
    gw, power = disk()
    cut_under_load(gw, power, chance, 3_000_000, lambda answered: segment_use(gw, 2) > 0)


@pytest.mark.parametrize("chance", [Never, random.Random(1)], ids=["worst", "random"])
def test_a_power_cut_while_a_segment_is_used_again_loses_nothing(disk, chance):
    gw, power = disk()
    cut_under_load(gw, power, chance, 3_900_000, lambda answered: segment_use(gw, 1) > 1)


def test_what_is_answered_200_is_on_disk_though_an_earlier_sync_of_it_failed(disk):
    gw, bad = disk()
    assert gw.stop() == 0
    # Nothing else may be written behind the record whose sync fails: no other segment is taken.
    start_again(gw, GRIDWARDEN_FAULT="journal.rollover:fail:1+")
    assert deliver(gw, "before") == 200
    wait_decided(gw)
    bad.fail("EIO", "inbox/segment", "sync")
    assert deliver(gw, "in doubt", blob="x" * 20000) == 503
    gw.kill()
    bad.heal()
    # The page cache has it, the disk does not: it is no duplicate of something that is kept.
    start_again(gw, GRIDWARDEN_FAULT="decide.event:fail:1+")
    assert deliver(gw, "in doubt", blob="x" * 20000) == 200
    assert deliver(gw, "after") == 200
    bad.cut(Never)
    start_again(gw)
    assert all_stored(gw) == {"before": 1, "in doubt": 1, "after": 1}


# ---- the store ----

def shown_then_cut(gw, power):
    """What a person was shown was committed: it is there before anything is decided again."""
    wait_decided(gw)
    shown = {a["alert_id"] for a in gw.ask("alerts", "-n", "10000")}
    assert shown
    power.cut(Never)
    with sqlite3.connect(database(gw)) as db:
        assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
        assert shown == {key for key, in db.execute("SELECT key FROM alerts")}


def test_a_power_cut_after_a_failed_sync_of_the_log_loses_nothing(disk):
    gw, bad = disk()
    for n in range(20):
        assert deliver(gw, f"before-{n}") == 200
    wait_decided(gw)
    bad.fail("EIO", "gridwarden.db-wal", "sync")
    for n in range(20):
        assert deliver(gw, f"during-{n}") == 200
    cannot_decide(gw)
    bad.heal()
    shown_then_cut(gw, bad)
    start_again(gw)
    found = all_stored(gw)
    assert len(found) == 40 and set(found.values()) == {1}


def test_folders_that_the_daemon_made_itself_survive_a_power_cut(disk):
    gw, power = disk(folders=())
    assert deliver(gw, "the first") == 200
    wait_decided(gw)
    power.cut(random.Random(1))
    assert (gw.folder / "state/inbox/segment-000001").exists()
    gw.start()
    wait_decided(gw)
    assert metric(gw, "events") == 1
    assert gw.stop() == 0
    assert stored(database(gw)) == {"the first": 1}


def test_a_log_whose_sync_failed_before_a_crash_is_written_again_at_start(disk):
    gw, bad = disk()
    assert deliver(gw, "before") == 200
    wait_decided(gw)
    bad.fail("EIO", "gridwarden.db-wal", "sync")
    assert deliver(gw, "in doubt") == 200
    cannot_decide(gw)
    gw.kill()
    bad.heal()
    start_again(gw)
    assert deliver(gw, "after") == 200
    shown_then_cut(gw, bad)
    start_again(gw)
    assert all_stored(gw) == {"before": 1, "in doubt": 1, "after": 1}


def deliver_until(gw, name, condition):
    """Large ones, each decided before the next."""
    for n in range(100):
        if condition():
            return n
        assert deliver(gw, f"{name}-{n}", blob="x" * 700_000) == 200
        wait_decided(gw)
    raise AssertionError("in vain")


def log_begins(gw):
    """Changes each time that the log is begun anew: www.sqlite.org/fileformat2.html, salt-1."""
    with open(f"{database(gw)}-wal", "rb") as f:
        return f.read(24)[16:]


def test_a_power_cut_after_a_failed_sync_of_the_database_loses_nothing(disk):
    gw, bad = disk()
    for n in range(20):
        assert deliver(gw, f"before-{n}") == 200
    wait_decided(gw)
    size = database(gw).stat().st_size
    with reading(database(gw)):
        # What the reader does not need of the log is copied into the database, and not synced.
        more = deliver_until(gw, "held", lambda: database(gw).stat().st_size > size)
        bad.fail("EIO", "gridwarden.db$", "sync")
    assert deliver(gw, "during") == 200
    cannot_decide(gw)
    status, text = ready(gw)
    assert status == 503 and "Input/output error" in text
    bad.heal()
    begins = log_begins(gw)
    more += deliver_until(gw, "after", lambda: log_begins(gw) != begins)
    shown_then_cut(gw, bad)
    start_again(gw)
    found = all_stored(gw)
    assert len(found) == 20 + more + 1 and set(found.values()) == {1}
