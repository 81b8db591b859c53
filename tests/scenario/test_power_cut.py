"""What was answered 200 is there after a power cut, exactly once."""

import random
import sqlite3
import threading

import pytest
from disk_world import deliver, stored, until, wait_decided


@pytest.mark.parametrize("seed", range(4))
def test_after_a_power_cut_every_answered_event_is_there_exactly_once(disk, seed):
    gw, power = disk()
    chance = random.Random(seed)
    answered, stop = [], threading.Event()

    def send(worker):
        n = 0
        while not stop.is_set():
            n += 1
            event = f"event-{seed}-{worker}-{n}"
            try:
                if deliver(gw, event, blob="x" * chance.randrange(1, 9000)) == 200:
                    answered.append(event)
            except OSError:
                return  # cut off, never answered

    threads = [threading.Thread(target=send, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(answered) > 40 + 20 * seed, "some answers")
    before = {a["alert_id"] for a in gw.ask("alerts", "-n", "10000")}
    power.cut(chance)
    stop.set()
    for thread in threads:
        thread.join()
    database = gw.folder / "state/db/gridwarden.db"
    with sqlite3.connect(database) as db:  # what a person was shown was committed
        assert before <= {key for key, in db.execute("SELECT key FROM alerts")}
    gw.start()
    wait_decided(gw)
    assert not [line for line in gw.lines if "damaged" in line["message"]]
    assert gw.stop() == 0
    found = stored(database)
    assert set(answered) <= set(found)
    assert set(found.values()) == {1}


def test_a_power_cut_after_a_failed_sync_of_the_store_loses_nothing(disk):
    gw, bad = disk()
    for n in range(20):
        assert deliver(gw, f"before-{n}") == 200
    wait_decided(gw)
    bad.fail("EIO", "gridwarden.db-wal")
    for n in range(20):
        assert deliver(gw, f"during-{n}") == 200
    gw.wait_line(lambda line: line["message"].startswith("decisions cannot be stored"))
    bad.heal()
    wait_decided(gw)
    bad.cut(random.Random(7))
    gw.start()
    wait_decided(gw)
    assert gw.stop() == 0
    found = stored(gw.folder / "state/db/gridwarden.db")
    assert len(found) == 40 and set(found.values()) == {1}
