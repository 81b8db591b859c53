"""Killed again and again under load: what was answered 200 is there once, and the start is quick."""

import os
import random
import shutil
import sqlite3
import statistics
import threading
import time
from collections import Counter

from siege import (NO_RULES, READY_LIMIT_S, TARGET, Wire, context, event, figure, post,
                   seconds_to_ready, size, wait_decided)

SENDERS = 4


class Senders:
    """A few keep-alive connections that send until the daemon is gone."""

    def __init__(self, port, ledger, choose, tls):
        self.port, self.ledger, self.choose, self.tls = port, ledger, choose, tls
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(SENDERS)]

    def run(self, n):
        rnd = random.Random(self.choose[n])
        try:
            with Wire(self.port, tls=self.tls) as wire:
                while True:
                    ids, padding = self.ledger.take(rnd)
                    wire.say(post([event(i, padding) for i in ids], TARGET))
                    if wire.answer()[0] == 200:
                        self.ledger.kept(ids)
        except OSError:
            return  # killed

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *exc):
        for t in self.threads:
            t.join()


class Ledger:
    """What was sent and what was promised."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent, self.promised, self.open = 0, set(), []
        self.large = False

    def take(self, rnd):
        """Ids of the next delivery: new ones, or on purpose some that were sent before."""
        with self.lock:
            if self.open and rnd.random() < 0.3:
                return self.open.pop(rnd.randrange(len(self.open)))
            n = rnd.choice((1, 1, 1, 1, 2, 10))
            ids = [f"e-{self.sent + i}" for i in range(n)]
            self.sent += n
            delivery = (ids, 600_000 // n if self.large else rnd.choice((0, 0, 100, 4000)))
            # Sent a second time later on: either it is not answered, or it is a duplicate.
            self.open.append(delivery)
            del self.open[:-20]
            return delivery

    def kept(self, ids):
        with self.lock:
            self.promised.update(ids)


def stored(gw):
    db = sqlite3.connect(f"file:{gw.folder}/gridwarden.db?mode=ro", uri=True)
    try:
        return Counter(row[0] for row in db.execute("SELECT event_id FROM events"))
    finally:
        db.close()


def check(gw, ledger):
    wait_decided(gw, 300)
    there = stored(gw)
    lost = ledger.promised - there.keys()
    twice = [i for i, n in there.items() if n > 1]
    assert not lost, f"{len(lost)} lost, {sorted(lost)[:5]}"
    assert not twice, f"{len(twice)} twice, {sorted(twice)[:5]}"
    assert all(i.startswith("e-") and int(i[2:]) < ledger.sent for i in there)
    return there


def wait_life(gw, seconds):
    """Let it live for this long; the moment is the test's choice, not a condition."""
    threading.Event().wait(seconds)
    gw.kill()
    gw.process.stderr.close()


def test_killed_under_load_each_promise_is_kept_once(make):
    rounds, seed = size("ROUNDS", 15), size("SEED", 0) or int.from_bytes(os.urandom(4), "big")
    print(f"rounds {rounds}, SIEGE_SEED={seed}")
    rnd, ledger, tls, ready = random.Random(seed), Ledger(), context(), []
    gw, begun = make(NO_RULES), time.monotonic()
    for n in range(rounds):
        # A quarter of the starts does not live to see its port: killed in the replay.
        if rnd.random() < 0.25:
            gw.launch()
            wait_life(gw, rnd.uniform(0, 0.06))
        ledger.large = rnd.random() < 0.08  # some 20 MB: segments fill, roll over, are used again
        life = rnd.uniform(0, 0.25)
        choose = [rnd.getrandbits(32) for _ in range(SENDERS)]
        gw.start()
        ready.append(seconds_to_ready(gw))
        assert ready[-1] < READY_LIMIT_S, f"round {n + 1}: ready after {ready[-1]:.3f} s"
        with Senders(gw.port, ledger, choose, tls):
            wait_life(gw, life)
        if n % 100 == 99:
            with gw.start():
                there = check(gw, ledger)
            print(f"round {n + 1}: {len(ledger.promised)} promised, {len(there)} there, "
                  f"{time.monotonic() - begun:.0f} s")
    with gw.start():
        there = check(gw, ledger)
        sample = {row["name"] for row in gw.alerts()}
        assert sample  # and the command line shows them
    figure(f"{rounds} kills under load, in {time.monotonic() - begun:.0f} s",
           f"{len(ledger.promised)} events answered 200, none lost, none twice; {ledger.sent} sent")
    figure("start after each of them",
           f"median {statistics.median(ready):.3f} s, at most {max(ready):.3f} s")
    assert len(ledger.promised) >= rounds  # or it was no load
    shutil.rmtree(gw.folder, ignore_errors=True)  # gigabytes, when it went well
