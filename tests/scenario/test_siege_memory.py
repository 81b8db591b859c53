"""A request leaves nothing behind: memory after very many is what it was after some."""

import signal
import threading
import time
from itertools import islice

from siege import (NO_RULES, TARGET, Wire, context, deliver, dial, event, figure, forget_peak,
                   metric, open_files, peak_kb, post, resident_kb, size, statuses, wait_decided,
                   wait_until)

SENDERS = 4
AT_ONCE = 50  # requests on their way on each connection
KNOWN = 65_536  # INBOX_KNOWN_MAX: so many duplicates are seen at the door, which takes memory
NOISE_KB = 512  # the allocator's
LAST_HALF_KB = 256  # when it has found its size: half a byte for each request of a full siege


def check_growth(what, begin, half, end):
    """Resident at three moments; as many requests lie between the last two as before them."""
    figure(what, f"{begin} KB before, {half} KB after half of them, {end} KB after all")
    assert end - half <= LAST_HALF_KB
    assert end - begin < NOISE_KB


def in_threads(run):
    failures = []

    def guarded(n):
        try:
            run(n)
        except Exception as e:
            failures.append(e)
            raise
    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(SENDERS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []


def pipeline(port, requests, status):
    """Say them all, many at a time, on one connection; each must be answered with that."""
    wanted = b"HTTP/1.1 %d " % status
    requests = iter(requests)
    with Wire(port) as wire:
        while burst := list(islice(requests, AT_ONCE)):
            count = len(burst)
            wire.say(b"".join(burst))
            heard = b""
            while heard.count(b"HTTP/1.1 ") < count or not heard.endswith(b"\r\n\r\n"):
                part = wire.tls.recv(65536)
                assert part, "closed"
                heard += part
            assert heard.count(wanted) == count, heard


def send_unique(gw, begin, count, at_once=1):
    """In deliveries of so many events each."""
    in_threads(lambda n: pipeline(
        gw.port, (post([event(f"e-{i + k}") for k in range(at_once)]) for i in
                  range(begin + n * at_once, begin + count, SENDERS * at_once)), 200))
    wait_decided(gw, 600)


def test_deliveries_leave_nothing_in_memory(make):
    count = size("REQUESTS", 20_000)
    gw = make(NO_RULES).start()
    gw.write_settings(log_level="warning")  # a line for each event is kept by the harness
    gw.process.send_signal(signal.SIGHUP)
    pid = gw.process.pid
    send_unique(gw, 0, 2 * KNOWN, 64)
    send_unique(gw, 2 * KNOWN, 5000)
    first, half = 2 * KNOWN + 5000, count // 2
    resident, begun = [resident_kb(pid)], time.monotonic()
    for begin in (first, first + half):
        send_unique(gw, begin, half)
        resident.append(resident_kb(pid))
    assert metric(gw, "gridwarden_events_received_total") == first + 2 * half
    check_growth(f"{2 * half} deliveries, in {time.monotonic() - begun:.0f} s", *resident)


REFUSED = {
    401: [post(b"[]", "/api/events?code=wrong"), post(b"[]", "/api/events")],
    404: [post(b"[]", "/else"), post(b"x" * 3000, "/else")],
    405: [post(b"[]").replace(b"POST", b"PUT", 1)],
}


def refuse(gw, count):
    def run(n):
        for status, requests in REFUSED.items():
            each = count // SENDERS // len(REFUSED)
            pipeline(gw.port, (requests[i % len(requests)] for i in range(each)), status)
    in_threads(run)


# What ends a connection of its own, and how often it is answered: bad framing, half a request, and
# what libmicrohttpd refuses twice over, so that it closes without a word of the request's end.
ENDED = [
    (post(b"[]", headers="Content-Length: 2\r\n"), [400]),
    (f"POST {TARGET} HTTP/1.1\r\nHost".encode(), None),
    (f"GET /?{'a&' * 1000} HTTP/1.1\r\nHost: gw\r\n\r\n".encode(), []),
    (f"GET /?{'a&' * 12000} HTTP/1.1\r\n".encode(), []),
    (post(b"[]", headers=f"Cookie: a={'x' * 18000}\r\nContent-Length: +5\r\n"), []),
    (post(b"[]", headers=f"Content-Length: +5\r\nCookie: a={'x' * 18000}\r\n"), []),
]


def refuse_new(gw, count):
    """Connections of their own, and as many handshakes that are none."""
    tls = context()

    def run(n):
        for i in range(count // SENDERS):
            s = dial(gw.port)
            s.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"A" * 300)
            s.close()
            request, answers = ENDED[i % len(ENDED)]
            with Wire(gw.port, tls=tls) as wire:
                wire.say(request)
                assert answers is None or statuses(wire.hear()) == answers
    in_threads(run)


def test_refusals_and_connections_leave_nothing_in_memory(make):
    count, new = size("REQUESTS", 20_000), size("CONNECTIONS", 800)
    gw = make(NO_RULES).start()
    pid = gw.process.pid
    deliver(gw.port, "first")
    refuse(gw, 3000)
    refuse_new(gw, min(new, 800))
    wait_until(lambda: metric(gw, "gridwarden_connections") == 0, what="the connections' end")
    resident, files = [resident_kb(pid)], open_files(pid)
    for _ in range(2):
        refuse(gw, count // 2)
        resident.append(resident_kb(pid))
    check_growth(f"{count} requests refused", *resident)
    resident = resident[-1:]
    for _ in range(2):
        refuse_new(gw, new // 2)
        wait_until(lambda: metric(gw, "gridwarden_connections") == 0, what="the connections' end")
        resident.append(resident_kb(pid))
    check_growth(f"{2 * new} connections, half of them no TLS", *resident)
    assert open_files(pid) <= files + 2


def test_events_take_memory_only_while_they_are_read(make):
    """10,000 events in 30 KB: read they are 6 MB, which no delivery keeps while it waits."""
    waiting, body = 32, b"[" + b",".join([b"{}"] * 10_000) + b"]"
    gw = make(NO_RULES, listen={"connections_max": 2 * waiting}).start(
        GRIDWARDEN_FAULT="journal.sync:slow:1+")
    pid, tls = gw.process.pid, context()
    wires = [Wire(gw.port, tls=tls) for _ in range(waiting)]
    before = resident_kb(pid)
    forget_peak(pid)
    for wire in wires:
        wire.say(post(body))
    for wire in wires:
        assert wire.answer()[0] == 200
        wire.close()
    wait_decided(gw)
    more = peak_kb(pid) - before
    print(f"{waiting} deliveries of {len(body)} bytes: {more} KB more at most")
    assert metric(gw, "gridwarden_events_received_total") == waiting * 10_000
    assert more < 40 * 1024
