"""What the sieges share: a raw TLS client that may come from any loopback address, a sender of many
unique events, and a look at the daemon's memory and files from outside.

Sizes are small by default; `make siege` sets them by environment variables to the full ones.
"""

import json
import os
import re
import socket
import ssl
import threading
import time
from datetime import datetime

import harness
from harness import KEY, LIMIT_S

TARGET = f"/api/events?code={KEY}"
FULL = os.environ.get("SIEGE_FULL", "0") != "0"
# Promised; but the small siege shares its machine with other tests.
READY_LIMIT_S = 1 if FULL else 15
NO_RULES = "rules: []\n"


def size(name, small):
    """How many of something: small in a normal run, what the environment says in a siege."""
    return int(os.environ.get(f"SIEGE_{name}", small))


FIGURES = []  # of this run, for the table at its end


def figure(what, value):
    """One line of that table."""
    FIGURES.append((what, value))
    print(f"{what}: {value}")


def context():
    """A client that does not check the certificate: handshakes are what counts here."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    return c


def dial(port, source="127.0.0.1", receive_buffer=None):
    """A TCP connection."""
    s = socket.socket()
    s.settimeout(LIMIT_S)
    if receive_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    s.bind((source, 0))
    s.connect(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


class Wire:
    """A TLS connection on which anything can be said."""

    def __init__(self, port, source="127.0.0.1", tls=None, receive_buffer=None):
        self.raw = dial(port, source, receive_buffer)
        try:
            self.tls = (tls or context()).wrap_socket(self.raw)
        except BaseException:
            self.raw.close()
            raise

    def say(self, data):
        self.tls.sendall(data)

    def hear(self, limit_s=LIMIT_S):
        """All that comes until the other side closes; TimeoutError when it does not."""
        heard = b""
        deadline = time.monotonic() + limit_s
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"not closed after {limit_s} s, heard {heard!r}")
            self.tls.settimeout(left)
            try:
                part = self.tls.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return heard  # a reset: what came before it counts
            if not part:
                return heard
            heard += part

    def answer(self, limit_s=LIMIT_S):
        """One answer on a connection that may stay open: status, head and body."""
        self.tls.settimeout(limit_s)
        return read_answer(self.tls)

    def end(self):
        """No more is said, but all is heard."""
        try:
            self.raw_shutdown()
        except OSError:
            pass

    def raw_shutdown(self):
        socket.socket.shutdown(self.tls, socket.SHUT_WR)

    def close(self):
        self.tls.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def read_answer(stream, rest=b""):
    """(status, whole answer, what came after it) from a stream that may stay open."""
    heard = rest
    while b"\r\n\r\n" not in heard:
        part = stream.recv(65536)
        if not part:
            raise ConnectionError(f"closed after {heard!r}")
        heard += part
    head, _, body = heard.partition(b"\r\n\r\n")
    match = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
    n = int(match[1]) if match else 0
    while len(body) < n:
        part = stream.recv(65536)
        if not part:
            raise ConnectionError(f"closed after {heard!r}")
        body += part
    return int(head[9:12]), head + b"\r\n\r\n" + body[:n], body[n:]


def statuses(heard):
    """Of all answers in it, in order."""
    return [int(s) for s in re.findall(rb"HTTP/1\.[01] (\d\d\d) ", heard)]


def event(event_id, padding=0):
    """A small event that no rule is interested in."""
    return {"id": event_id, "topic": "/siege", "subject": "s", "eventType": "Siege.Event",
            "eventTime": "2026-11-23T03:12:46Z", "data": {"p": "x" * padding},
            "dataVersion": "1"}


def post(body, target=TARGET, headers=""):
    """A delivery as bytes; a list of events or bytes."""
    if not isinstance(body, bytes):
        body = json.dumps(body, separators=(",", ":")).encode()
    return (f"POST {target} HTTP/1.1\r\nHost: gw\r\nContent-Type: application/json\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def deliver(port, event_id, source="127.0.0.1", tls=None):
    """One good delivery on a connection of its own; its status and how long it took."""
    begin = time.monotonic()
    with Wire(port, source, tls) as wire:
        wire.say(post([event(event_id)], headers="Connection: close\r\n"))
        status = wire.answer()[0]
    return status, time.monotonic() - begin


# ---- the daemon seen from outside ----

def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.split(":", 1) for line in file)


def resident_kb(pid):
    return int(status_of(pid)["VmRSS"].split()[0])


def seconds_to_ready(gw):
    """From the start of its process to the line that says so, by the daemon's own clock."""
    with open(f"/proc/{gw.process.pid}/stat") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    begun = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")
    ready = next(line["time"] for line in gw.lines if " ready: port " in line["message"])
    return datetime.fromisoformat(ready.replace("Z", "+00:00")).timestamp() - begun


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


def peak_kb(pid):
    """The most that was resident since forget_peak()."""
    return int(status_of(pid)["VmHWM"].split()[0])


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def metric(gw, name):
    text = gw.operations("/metrics").body.decode()
    return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)[1])


def wait_until(holds, limit_s=LIMIT_S, what="it"):
    """Poll something that has no event of its own."""
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        threading.Event().wait(0.02)


def wait_decided(gw, limit_s=LIMIT_S):
    wait_until(lambda: metric(gw, "gridwarden_inbox_waiting") == 0, limit_s, "the decider")


__all__ = [name for name in dir() if not name.startswith("_")] + ["harness"]
