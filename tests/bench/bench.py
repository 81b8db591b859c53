"""Latency and memory of the running daemon: `make bench`.

One keep-alive TLS connection on loopback sends alerts of 4 KB, each with an id of its own, and waits
for the 200 that means "on disk"; then eight connections do so at once.  The client is Python and
shares the machine, so the figures are upper bounds.  Exit code 1 when a promise is not kept.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import harness  # noqa: E402
from client import Emulator  # noqa: E402

BODY_BYTES = 4096
MEDIAN_LIMIT_MS = 5.0
IDLE_LIMIT_KB = 12 * 1024


def resident_kb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def body(number):
    """An alert that no rule acts on, filled up to exactly BODY_BYTES."""
    alert = harness.flat_alert("Unusual sign-in", "Informational", "jump-01",
                               systemAlertId=f"{number:012}-{uuid.uuid4()}", description="")
    text = json.dumps(harness.event_grid(alert))
    alert["description"] = "x" * (BODY_BYTES - len(text))
    return json.dumps(harness.event_grid(alert))


def send(gw, count, times):
    bodies = [body(n) for n in range(count)]
    connection = gw.connection()
    path = f"/api/events?code={harness.KEY}"
    headers = {"Content-Type": "application/json; charset=utf-8",
               "aeg-event-type": "Notification", "aeg-subscription-name": "soc-alerts"}
    for text in bodies:
        start = time.perf_counter()
        connection.request("POST", path, text, headers)
        answer = connection.getresponse()
        answer.read()
        times.append((time.perf_counter() - start) * 1000)
        if answer.status != 200:
            raise AssertionError(f"answered {answer.status}")
    connection.close()


def figures(name, times, seconds):
    times.sort()
    median = statistics.median(times)
    print(f"{name:<32} {len(times):>6} alerts   {len(times) / seconds:>7.0f}/s   "
          f"median {median:6.2f} ms   p99 {times[int(len(times) * 0.99)]:6.2f} ms   "
          f"max {times[-1]:6.2f} ms")
    return median


def run(gw, connections, count):
    times = [[] for _ in range(connections)]
    threads = [threading.Thread(target=send, args=(gw, count, t)) for t in times]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    done = [t for one in times for t in one]
    if len(done) != connections * count:
        raise AssertionError("a connection failed")
    return figures(f"{connections} connection{'s' if connections > 1 else ''}, 4 KB, TLS", done,
                   seconds)


def settled(gw, count):
    """Until everything that was answered is decided as well."""
    while True:
        metrics = gw.operations("/metrics").body.decode()
        if f"\ngridwarden_events_decided_total {count}\n" in metrics:
            return


def main():
    count = int(os.environ.get("BENCH_ALERTS", "2000"))
    with tempfile.TemporaryDirectory(prefix="gridwarden-bench-") as folder, Emulator() as azure:
        gw = harness.Gridwarden(folder, azure.url)
        with gw.start():
            pid = gw.process.pid
            idle = resident_kb(pid)
            gw.write_settings(log_level="warning")
            os.kill(pid, 1)  # SIGHUP: no line for each alert while measuring
            run(gw, 1, 200)  # warm up
            median = run(gw, 1, count)
            run(gw, 8, count // 4)
            settled(gw, 200 + count + 8 * (count // 4))
            loaded = resident_kb(pid)
    print(f"resident memory: {idle / 1024:.1f} MB idle, {loaded / 1024:.1f} MB afterwards")
    kept = median < MEDIAN_LIMIT_MS and idle < IDLE_LIMIT_KB
    print(f"promised: median under {MEDIAN_LIMIT_MS} ms, idle under {IDLE_LIMIT_KB // 1024} MB: "
          f"{'kept' if kept else 'NOT KEPT'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
