"""Hundreds of connections that never come to an end, and a sender that does not notice them."""

import ssl
import subprocess
import threading
import time

import pytest
from siege import (FULL, NO_RULES, TARGET, context, deliver, dial, event, figure, metric,
                   open_files, post, resident_kb, size, wait_until)

DEADLINE_S = 15  # LISTENER_DEADLINE_MS
PER_ADDRESS = 200  # the default of listen.per_address_max
SPARE_KB = 32 * 1024
WITHIN_S = size("WITHIN_MS", 10_000) / 1000  # how long the good sender may wait


def hello():
    """The first flight of a TLS handshake."""
    out = ssl.MemoryBIO()
    try:
        context().wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    except ssl.SSLWantReadError:
        return out.read()


# ---- one attacker's connection: begin() opens it, drip() says a little more now and then ----

class Slow:
    tls = True
    counted = True  # cut at the deadline, and counted as that
    buffer = None

    def __init__(self, port, source, context_):
        self.socket = dial(port, source, self.buffer)
        if self.tls:
            self.socket = context_.wrap_socket(self.socket)
        self.begin()
        self.socket.setblocking(False)

    def begin(self):
        pass

    def drip(self):
        """False: the other side has closed."""
        try:
            self.more()
            return self.socket.recv(65536) != b""
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError:
            return False

    def more(self):
        self.socket.send(b"x")

    def close(self):
        self.socket.close()


class SlowHead(Slow):
    def begin(self):
        self.socket.sendall(b"POST / HTTP/1.1\r\nX: ")


class SlowLine(Slow):
    def begin(self):
        self.socket.sendall(b"POST /")


class SlowBody(Slow):
    def begin(self):
        self.socket.sendall(f"POST {TARGET} HTTP/1.1\r\nHost: gw\r\nContent-Length: 90000\r\n\r\n"
                            .encode())


class SlowChunks(Slow):
    def begin(self):
        self.socket.sendall(f"POST {TARGET} HTTP/1.1\r\nHost: gw\r\n"
                            "Transfer-Encoding: chunked\r\n\r\n".encode())

    def more(self):
        self.socket.send(b"1\r\nx\r\n")


class SlowRead(Slow):
    """Asks again and again for an answer of some length and reads none."""
    buffer = 2048
    ask = post([{**event("v"), "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
                 "data": {"validationCode": "c" * 500}}],
               headers="aeg-subscription-name: soc-alerts\r\n")

    def begin(self):
        self.socket.setblocking(False)
        self.more()

    def more(self):
        for _ in range(400):
            self.socket.send(self.ask)

    def drip(self):
        try:
            self.more()
            return True
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError:
            return False


class Silent(Slow):
    tls = False

    def more(self):
        pass


class HalfHello(Slow):
    tls = False
    hello = hello()

    def begin(self):
        self.socket.sendall(self.hello[:-40])
        self.sent = len(self.hello) - 40

    def more(self):
        if self.sent < len(self.hello) - 1:  # it never comes to an end
            self.socket.send(self.hello[self.sent:self.sent + 1])
            self.sent += 1


class Idle(Slow):
    """A keep-alive connection between two requests: may stay for a minute."""
    counted = False

    def begin(self):
        self.socket.sendall(post([event("idle")]))
        if self.socket.recv(4096) == b"":
            raise ConnectionResetError("closed instead of answered")

    def more(self):
        pass


KINDS = [SlowLine, SlowHead, SlowBody, SlowChunks, SlowRead, Silent, HalfHello, Idle]


def attack(port, kind, source, count):
    """Connections that got in, and how many were refused."""
    connections, refused, context_ = [], 0, context()
    for _ in range(count):
        try:
            connections.append(kind(port, source, context_))
        except OSError:  # also ssl.SSLError: closed in the handshake
            refused += 1
    return connections, refused


class Sender(threading.Thread):
    """A delivery now and again on a new connection, as Event Grid does; how long the worst took."""

    def __init__(self, port):
        super().__init__()
        self.port, self.ended, self.taken, self.bad = port, threading.Event(), [], []

    def run(self):
        tls = context()
        while not self.ended.wait(0.05):
            try:
                status, seconds = deliver(self.port, f"good-{len(self.taken)}", tls=tls)
            except OSError as e:
                status, seconds = repr(e), 0
            self.taken.append(seconds)
            if status != 200:
                self.bad.append(status)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.ended.set()
        self.join()


# In full also where each address may hold all of its connections.
@pytest.mark.parametrize("per_address", [PER_ADDRESS, 1000] if FULL else [PER_ADDRESS])
def test_a_sender_does_not_notice_hundreds_that_never_come_to_an_end(make, per_address):
    count = size("SLOW", 230)
    let_in = min(count, per_address)
    gw = make(NO_RULES, listen={"connections_max": 4000, "per_address_max": per_address}).start()
    pid = gw.process.pid
    for i in range(20):
        deliver(gw.port, f"warm-{i}")
    files, before = open_files(pid), resident_kb(pid)
    with Sender(gw.port) as sender:
        begun = time.monotonic()
        waves = []
        threads = [threading.Thread(target=lambda n=n, kind=kind: waves.append(
            (kind, *attack(gw.port, kind, f"127.0.1.{n + 1}", count))))
            for n, kind in enumerate(KINDS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        opened, most = time.monotonic() - begun, resident_kb(pid)
        held = metric(gw, "gridwarden_connections")
        left = {kind: connections for kind, connections, _ in waves if kind is not Idle}
        while any(left.values()):
            assert time.monotonic() - begun < opened + 4 * DEADLINE_S, \
                {kind.__name__: len(c) for kind, c in left.items()}
            for kind, connections in left.items():
                left[kind] = [c for c in connections if c.drip()]
            sender.ended.wait(0.3)
        cut = time.monotonic() - begun
    assert sender.bad == [] and len(sender.taken) > 20
    assert max(sender.taken) < WITHIN_S, sorted(sender.taken)[-5:]
    for kind, connections, refused in waves:
        # Beyond the limit of one address they are closed, at once; without TLS the client learns
        # it when it looks.
        if kind.tls:
            assert (len(connections), refused) == (let_in, count - let_in), kind
        for c in connections:
            c.close()
    wait_until(lambda: metric(gw, "gridwarden_connections") == 0, what="the connections' end")
    # What a storm used is given back soon after it.
    wait_until(lambda: resident_kb(pid) < before + SPARE_KB, what="the memory")
    after = resident_kb(pid)
    figure(f"{count} slow connections of each of {len(KINDS)} kinds, at most {per_address} of an "
           "address let in",
           f"{held:.0f} held, opened in {opened:.1f} s, all cut after {cut:.1f} s; "
           f"{before} KB before, {most} KB with them, {after} KB after")
    figure("a sender at another address meanwhile",
           f"{len(sender.taken)} deliveries on new connections, at most {max(sender.taken):.3f} s")
    assert metric(gw, "gridwarden_connections_expired_total") >= let_in * (len(KINDS) - 2)
    # The journal's segments and the store's log may have come; no sockets are left.
    assert open_files(pid) <= files + 3


def test_a_second_handshake_on_a_connection_is_refused(make):
    """Renegotiation, of TLS 1.2 only, would cost us much more than the client."""
    gw = make(NO_RULES).start()
    client = subprocess.Popen(
        ["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{gw.port}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    client.stdin.write(b"R\n")
    client.stdin.flush()
    said = client.communicate(timeout=60)[0]
    assert b"RENEGOTIATING" in said
    assert b"no renegotiation" in said or b"error" in said or client.returncode != 0, said
    assert b"HTTP/1.1" not in said
    assert deliver(gw.port, "after")[0] == 200


@pytest.mark.parametrize("kind", [Silent, SlowHead, SlowBody, Idle])
def test_a_sender_gets_in_when_many_addresses_hold_every_connection(make, kind):
    gw = make(NO_RULES, listen={"connections_max": 64}).start()
    context_ = context()
    held = [kind(gw.port, f"127.0.2.{n + 1}", context_) for n in range(100)]  # more than fit
    status, seconds = deliver(gw.port, "good")
    print(f"{kind.__name__}: a delivery took {seconds:.3f} s")
    assert status == 200
    assert seconds < DEADLINE_S / 2
    assert metric(gw, "gridwarden_connections") <= 64
    assert metric(gw, "gridwarden_connections_displaced_total") >= 100 - 64
    for c in held:
        c.close()
