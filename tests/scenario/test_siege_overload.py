"""More than it can take: 503 and come again, never a loss; too large: 413; an end under load: all
that was promised is there."""

import signal
import sqlite3
import threading
import time

import pytest
from harness import LIMIT_S
from siege import (FULL, NO_RULES, TARGET, Wire, context, deliver, event, metric, post, resident_kb,
                   statuses, wait_decided, wait_until)

MIB = 1024 * 1024
DEADLINE_S = 15


def stored(gw):
    db = sqlite3.connect(f"file:{gw.folder}/gridwarden.db?mode=ro", uri=True)
    try:
        return sorted(row[0] for row in db.execute("SELECT event_id FROM events"))
    finally:
        db.close()


# ---- a disk that does not keep up ----

def test_a_full_queue_is_503_with_a_time_and_loses_nothing(make):
    """A sync takes half a second: half of the connections may wait for it, the others hear 503."""
    gw = make(NO_RULES, listen={"connections_max": 200}).start(
        GRIDWARDEN_FAULT="journal.sync:slow:1+")
    tls, wires = context(), []
    for _ in range(160):
        wires.append(Wire(gw.port, tls=tls))
    for n, wire in enumerate(wires):
        wire.say(post([event(f"e-{n}")]))
    answers = [wire.answer() for wire in wires]
    taken = sorted(f"e-{n}" for n, (status, _, _) in enumerate(answers) if status == 200)
    refused = [answer for status, answer, _ in answers if status != 200]
    assert 60 <= len(taken) < 160
    assert all(a.startswith(b"HTTP/1.1 503") and b"Retry-After: 30\r\n" in a for a in refused)
    ready = gw.operations("/readyz")
    assert (ready.status, ready.body[:16]) == (503, b"too much at once")
    assert gw.operations("/livez").status == 200
    assert metric(gw, "gridwarden_overload_total") == len(refused)
    # They come again, on the same connections, as the answer asked for; nobody is refused for good.
    again = [n for n, (status, _, _) in enumerate(answers) if status != 200]
    while again:
        for n in again:
            wires[n].say(post([event(f"e-{n}")]))
        again = [n for n in again if wires[n].answer()[0] != 200]
    for wire in wires:
        wire.close()
    wait_decided(gw)
    assert stored(gw) == sorted(f"e-{n}" for n in range(160))
    wait_until(lambda: gw.operations("/readyz").status == 200, what="readiness")


class Pressing(threading.Thread):
    """Delivers again and again on a connection that it keeps while it may; counts what it hears."""

    def __init__(self, port, name, tls, ended):
        super().__init__()
        self.port, self.label, self.tls, self.ended = port, name, tls, ended
        self.kept, self.put_off = 0, 0

    def run(self):
        while not self.ended.is_set():
            try:
                with Wire(self.port, tls=self.tls) as wire:
                    while not self.ended.is_set():
                        wire.say(post([event(f"{self.label}-{self.kept}")]))
                        status = wire.answer()[0]
                        self.kept += status == 200
                        self.put_off += status == 503
                        self.ended.wait(0.2 if status == 503 else 0)
            except OSError:
                self.ended.wait(0.2)  # others were let in for it


def test_while_the_queue_is_full_who_comes_anew_hears_503(make):
    """More senders than connections, and a disk that takes half a second: half of the connections
    wait for it, those being written included, and the other half has room for refusals."""
    gw = make(NO_RULES, listen={"connections_max": 64}).start(
        GRIDWARDEN_FAULT="journal.sync:slow:1+")
    tls, ended, held, heard = context(), threading.Event(), [], []
    pressing = [Pressing(gw.port, f"p{n}", tls, ended) for n in range(80)]
    for p in pressing:
        p.start()
    try:
        wait_until(lambda: metric(gw, "gridwarden_requests_held") > 20, what="load")
        syncs = metric(gw, "gridwarden_inbox_syncs_total")
        while metric(gw, "gridwarden_inbox_syncs_total") < syncs + 8:
            with Wire(gw.port, tls=tls) as wire:
                wire.say(post([event(f"new-{len(heard)}")]))
                status, answer, _ = wire.answer()
            heard.append(status)
            held.append(metric(gw, "gridwarden_requests_held"))
            assert status == 200 or b"Retry-After: 30\r\n" in answer
    finally:
        ended.set()
        for p in pressing:
            p.join()
    print(f"held {min(held):.0f} to {max(held):.0f}; new ones heard {heard.count(200)} times 200 "
          f"and {heard.count(503)} times 503; the others {sum(p.kept for p in pressing)} times 200 "
          f"and {sum(p.put_off for p in pressing)} times 503")
    assert 503 in heard and set(heard) <= {200, 503}
    assert max(held) < 40  # 32, and some that have been answered just now


def test_no_memory_for_a_body_is_503_with_a_time_and_is_told(make):
    gw = make(NO_RULES).start(GRIDWARDEN_FAULT="listener.body:fail:1")
    with Wire(gw.port) as wire:
        wire.say(post([event("e-1")]))
        status, answer, _ = wire.answer()
    assert status == 503 and b"Retry-After: 30\r\n" in answer
    ready = gw.operations("/readyz")
    assert (ready.status, ready.body[:16]) == (503, b"too much at once")
    assert metric(gw, "gridwarden_overload_total") == 1
    assert deliver(gw.port, "e-1")[0] == 200
    wait_until(lambda: gw.operations("/readyz").status == 200, what="readiness")


@pytest.mark.skipif(not FULL, reason="takes half a gigabyte: make siege")
def test_bodies_together_have_a_cap(make):
    gw = make(NO_RULES, listen={"body_max": "12MiB"}).start()
    tls, wires = context(), []
    for _ in range(60):
        wire = Wire(gw.port, tls=tls)
        wires.append(wire)
        wire.say(f"POST {TARGET} HTTP/1.1\r\nHost: gw\r\nContent-Length: {11 * MIB}\r\n\r\n"
                 .encode())
        try:
            wire.say(b" " * (9 * MIB))  # and never the rest
        except OSError:
            pass  # told 503, and cut since it did not stop
    # 42 of 12 MiB fit into the cap.
    wait_until(lambda: metric(gw, "gridwarden_requests_refused_total") == 60 - 42, DEADLINE_S,
               "the refusals")
    assert metric(gw, "gridwarden_overload_total") == 60 - 42
    assert gw.operations("/readyz").status == 503
    most = resident_kb(gw.process.pid)
    print(f"42 bodies, {most // 1024} MB")
    assert most < 640 * 1024
    for wire in wires:
        wire.close()
    assert deliver(gw.port, "after", tls=tls)[0] == 200
    wait_until(lambda: resident_kb(gw.process.pid) < 64 * 1024, what="the memory")


# ---- too large ----

def test_a_body_of_exactly_the_limit_is_taken_and_a_byte_more_is_413(make):
    gw = make(NO_RULES).start()
    fits = post([event("fits")])
    body = fits.split(b"\r\n\r\n", 1)[1]
    body += b" " * (4 * MIB - len(body))
    with Wire(gw.port) as wire:
        wire.say(post(body))
        assert wire.answer()[0] == 200
        wire.say(post(body + b" "))
        status, answer, _ = wire.answer()
        assert status == 413 and b"connection: close" in answer.lower()
        assert statuses(wire.hear()) == []
    wait_decided(gw)
    assert stored(gw) == ["fits"]


def test_the_largest_delivery_that_settings_allow_is_kept(make):
    """With as many events as are read and as many headers as are kept: one record holds it."""
    gw = make(NO_RULES, listen={"body_max": "12MiB"}).start()
    body = b"[" + b",".join([b"{}"] * 10_000)
    body += b" " * (12 * MIB - len(body) - 1) + b"]"
    with Wire(gw.port) as wire:
        wire.say(post(body, headers="aeg-subscription-name: " + '"' * 30_000 + "\r\n"))
        assert wire.answer()[0] == 200
    wait_decided(gw)
    assert metric(gw, "gridwarden_events_received_total") == 10_000


def test_who_asks_first_hears_413_and_sends_nothing(make):
    gw = make(NO_RULES).start()
    with Wire(gw.port) as wire:
        wire.say(f"POST {TARGET} HTTP/1.1\r\nHost: gw\r\nExpect: 100-continue\r\n"
                 f"Content-Length: {4 * MIB + 1}\r\n\r\n".encode())
        assert statuses(wire.hear()) == [413]


def test_a_chunked_body_over_the_limit_is_413_and_an_endless_one_is_cut(make):
    gw = make(NO_RULES).start()
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    head = f"POST {TARGET} HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with Wire(gw.port) as wire:
        wire.say(head + piece * 66 + b"0\r\n\r\n")
        assert statuses(wire.hear()) == [413]
    with Wire(gw.port) as wire:
        with pytest.raises(OSError):
            wire.say(head)
            for _ in range(10_000):
                wire.say(piece)
    assert deliver(gw.port, "after")[0] == 200


# ---- the end, under load ----

class Sending(threading.Thread):
    """One keep-alive connection that sends until it hears something else than 200."""

    def __init__(self, port, name, tls):
        super().__init__()
        self.port, self.label, self.tls = port, name, tls
        self.promised, self.last, self.half = [], None, b""

    def run(self):
        try:
            with Wire(self.port, tls=self.tls) as wire:
                while True:
                    event_id = f"{self.label}-{len(self.promised)}"
                    wire.say(post([event(event_id, 500)]))
                    self.last, answer, _ = wire.answer()
                    if self.last != 200:
                        return
                    self.promised.append(event_id)
                    if b"connection: close" in answer.lower():
                        self.last = "closed"
                        return
        except ConnectionError as e:
            self.last = type(e).__name__
            self.half = str(e).encode() if "HTTP" in str(e) else b""
        except OSError as e:
            self.last = type(e).__name__


@pytest.mark.parametrize("signals", [1, 2])
def test_an_end_under_load_breaks_no_promise_and_no_answer(make, signals):
    gw = make(NO_RULES).start()
    tls = context()
    sending = [Sending(gw.port, f"s{n}", tls) for n in range(8)]
    for s in sending:
        s.start()
    wait_until(lambda: all(len(s.promised) > 20 for s in sending), what="load")
    for _ in range(signals):
        gw.process.send_signal(signal.SIGTERM)
    assert gw.wait_end() == 0, gw.log()
    for s in sending:
        s.join()
    print("the last that each heard:", [s.last for s in sending])
    assert [s.half for s in sending] == [b""] * 8  # no answer broke off in its middle
    gw.process = None
    gw.start()
    wait_decided(gw)
    there = stored(gw)
    promised = [i for s in sending for i in s.promised]
    assert set(promised) <= set(there) and len(there) == len(set(there))
    # What was on its way when the end came: at most one of each.
    assert len(there) - len(promised) <= 8


@pytest.mark.parametrize("what", ["a head", "a body", "a handshake", "an answer"])
def test_an_end_does_not_wait_for_a_slow_client(make, what):
    gw = make(NO_RULES).start()
    if what == "a handshake":
        from siege import dial
        slow = dial(gw.port)
    else:
        slow = Wire(gw.port)
        if what == "an answer":
            slow.say(post([event("x")]))
        else:
            slow.say(f"POST {TARGET} HTTP/1.1\r\nHost: gw\r\nContent-Length: 9000\r\n".encode()
                     + (b"\r\n[" if what == "a body" else b""))
    wait_until(lambda: metric(gw, "gridwarden_connections") == 1, what="the connection")
    begun = time.monotonic()
    gw.process.send_signal(signal.SIGTERM)
    assert gw.wait_end(LIMIT_S) == 0
    print(f"{what}: ended after {time.monotonic() - begun:.2f} s")
    assert time.monotonic() - begun < 9
    gw.process = None
    slow.close()


def test_an_end_while_the_disk_is_slow_keeps_what_it_promises(make):
    gw = make(NO_RULES).start(GRIDWARDEN_FAULT="journal.sync:slow:1+")
    tls = context()
    wires = [Wire(gw.port, tls=tls) for _ in range(20)]
    for n, wire in enumerate(wires):
        wire.say(post([event(f"e-{n}")]))
    wait_until(lambda: metric(gw, "gridwarden_requests_held") > 0, what="load")
    gw.process.send_signal(signal.SIGTERM)
    answers = [statuses(wire.hear()) for wire in wires]
    assert gw.wait_end() == 0
    gw.process = None
    gw.start()
    wait_decided(gw)
    there = set(stored(gw))
    for n, heard in enumerate(answers):
        assert heard in ([200], [503], []), heard
        assert heard != [200] or f"e-{n}" in there
    assert sum(heard == [200] for heard in answers) > 0
