"""What the running daemon holds: `make bench`.  Exit code 1 when a promise is not kept.

A lean client (load.c) sends alerts of 4 KB over TLS, each with ids of its own, and waits for the
200 that means "on disk".  Beside it, in turns, an nginx with two workers and the same certificate
that keeps nothing and answers 200.  Client and server share the machine, so a figure alone says
little; the ratio of two that were taken seconds apart says more, and of those the median counts.

BENCH_SECONDS   one measurement (2)
BENCH_PAIRS     measurements of each kind, of both servers (3)
BENCH_REQUESTS  deliveries after which memory must not have grown (100000)
"""

import os
import statistics
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import servers  # noqa: E402
from servers import disk, harness, load  # noqa: E402
from client import Emulator  # noqa: E402

SECONDS = float(os.environ.get("BENCH_SECONDS", "0.5"))
PAIRS = int(os.environ.get("BENCH_PAIRS", "15"))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "100000"))
CONNECTIONS = 64
NEW_AT_ONCE = 16
IDLE_S = 3

MEDIAN_LIMIT_MS = 5.0
IDLE_LIMIT_MB = 12
LOAD_LIMIT_MB = 30
SINGLE, BATCH = 0.50, 0.40  # of nginx's rate
DISK_MULTIPLE, ACKS_A_SYNC = 4, 15
FULL, RESUMED = 0.75, 0.95  # of nginx's rate of new connections
GROWTH_LIMIT_MB = 2  # what the allocator may keep of what was in flight

broken = []


def promise(kept, words):
    if not kept:
        broken.append(words)
    return "" if kept else "   NOT KEPT"


def median(values):
    return statistics.median(values)


class Pairs:
    """Measurements of both servers in turns."""

    def __init__(self, ours, nginx, folder):
        self.ours, self.nginx, self.folder = ours, nginx, folder

    def measure(self, file, before=None, **options):
        pairs = []
        for _ in range(PAIRS):
            extra = before() if before else None
            syncs = self.ours.metric("inbox_syncs_total")
            self.ours.forget_peak()
            self.nginx.forget_peak()
            own = load(self.ours, self.folder / file, **options)
            own["syncs"] = self.ours.metric("inbox_syncs_total") - syncs
            own["peak"] = self.ours.peak_mb()
            own["before"] = extra
            # Deciding what was received must not steal time from the other one.
            self.ours.settle()
            other = load(self.nginx, self.folder / file, **options)
            other["peak"] = self.nginx.peak_mb()
            pairs.append((own, other))
            self.check(own)
        return pairs

    def check(self, own):
        if own["not_200"] or own["errors"]:
            promise(False, f"{own['not_200']} answers were not 200, {own['errors']} connections "
                           "failed")


def ratio(pairs, key="rate"):
    return median([own[key] / other[key] for own, other in pairs])


def row(name, pairs, unit=1):
    own = {key: median([pair[0][key] for pair in pairs]) for key in ("rate", "p50", "p99", "max",
                                                                      "cpu_us")}
    print(f"{name:<34}{own['rate'] * unit:>9.0f}/s {ratio(pairs):>6.2f}   "
          f"{own['p50']:>6.2f} /{own['p99']:>7.2f} ms {ratio(pairs, 'p99'):>6.2f}   "
          f"{own['cpu_us']:>6.0f} us")
    print(f"{'   nginx':<34}{median([p[1]['rate'] for p in pairs]) * unit:>9.0f}/s {'':>6}   "
          f"{median([p[1]['p50'] for p in pairs]):>6.2f} /"
          f"{median([p[1]['p99'] for p in pairs]):>7.2f} ms {'':>6}   "
          f"{median([p[1]['cpu_us'] for p in pairs]):>6.0f} us")


def alone(ours, folder):
    """One connection: the latency of a single alert."""
    figures = load(ours, folder / "single.json", connections=1, seconds=2, warmup=0.3)
    ours.settle()
    print(f"one connection: {figures['rate']:.0f}/s, median {figures['p50']:.2f} ms, "
          f"p99 {figures['p99']:.2f} ms" +
          promise(figures["p50"] < MEDIAN_LIMIT_MS, f"median under {MEDIAN_LIMIT_MS} ms"))


def acknowledged(pairs_of, folder):
    print(f"\n{CONNECTIONS} connections{'':<20}{'':>8}rate  /nginx   p50 / p99          /nginx   "
          "CPU a request")
    options = dict(connections=CONNECTIONS, seconds=SECONDS, warmup=0.3)
    single = pairs_of.measure("single.json", before=lambda: disk(folder, SECONDS),
                              **options)
    row("acknowledged, one alert of 4 KB", single)
    batch = pairs_of.measure("batch.json", **options)
    row("alerts in batches of ten", batch, unit=10)
    acks = median([own["all"] / max(own["syncs"], 1) for own, _ in single])
    multiple = median([own["rate"] / own["before"] for own, _ in single])
    print(f"acknowledged a sync: {acks:.1f}" +
          promise(acks >= ACKS_A_SYNC, f"{ACKS_A_SYNC} acknowledged a sync: {acks:.1f}"))
    print(f"the disk alone, write + fdatasync of 4 KB: "
          f"{median([own['before'] for own, _ in single]):.0f}/s; acknowledged: {multiple:.1f} "
          "times that" + promise(multiple >= DISK_MULTIPLE,
                                 f"{DISK_MULTIPLE} times the disk's own rate: {multiple:.1f}"))
    promise(ratio(single) >= SINGLE, f"{SINGLE} of nginx, single: {ratio(single):.2f}")
    promise(ratio(single, "p99") <= 1, f"p99 not above nginx's: {ratio(single, 'p99'):.2f} times")
    promise(ratio(batch) >= BATCH, f"{BATCH} of nginx, in batches: {ratio(batch):.2f}")
    return single + batch


def new_connections(pairs_of):
    print(f"\nnew connections, {NEW_AT_ONCE} at once{'':<15}rate  /nginx   p50 / p99")
    for tls in "1.3", "1.2":
        for kind, least in ("new", FULL), ("resume", RESUMED):
            pairs = pairs_of.measure("single.json", connections=NEW_AT_ONCE, seconds=SECONDS,
                                     warmup=0.1, tls=tls, **{kind: True})
            name = f"TLS {tls}, {'resumed' if kind == 'resume' else 'full handshake'}"
            row(name, pairs)
            promise(ratio(pairs) >= least, f"{least} of nginx, {name}: {ratio(pairs):.2f}")
            if kind == "resume":
                part = median([own["resumed"] / max(own["asked"], 1) for own, _ in pairs])
                print(f"   resumed: {part:.1%}" +
                      promise(part >= 0.95, f"{name}: only {part:.0%} are"))


def memory(ours, folder, idle, pairs):
    """The peak of each load; growth is measured between two equal loads, the second as long as
    wished."""
    load(ours, folder / "single.json", connections=CONNECTIONS, count=REQUESTS // 4)
    print(f"\ndecided, once nobody delivers: {ours.settle():.0f} events/s")
    before = ours.resident_mb()
    ours.forget_peak()
    for _ in range(max(1, REQUESTS // 50000)):
        load(ours, folder / "single.json", connections=CONNECTIONS, count=min(REQUESTS, 50000))
        ours.settle()
    growth = ours.resident_mb() - before
    loaded = max([own["peak"] for own, _ in pairs] + [ours.peak_mb()])
    print(f"resident: {idle:.1f} MB idle" +
          promise(idle < IDLE_LIMIT_MB, f"idle under {IDLE_LIMIT_MB} MB: {idle:.1f}") +
          f", {loaded:.1f} MB at most under load" +
          promise(loaded < LOAD_LIMIT_MB, f"under {LOAD_LIMIT_MB} MB under load: {loaded:.1f}") +
          f" (nginx {max(other['peak'] for _, other in pairs):.1f} MB)" +
          f", {growth:+.1f} MB after {REQUESTS} more deliveries" +
          promise(growth < GROWTH_LIMIT_MB, f"no growth: {growth:.1f} MB in {REQUESTS} deliveries"))


def rest(ours):
    """Nobody is connected: nothing wakes."""
    deadline = time.monotonic() + harness.LIMIT_S
    while ours.metric("connections") > 0 and time.monotonic() < deadline:
        pass
    # Whoever watches connections looks once more after the last one is gone (two seconds).
    time.sleep(4)
    before = ours.wakeups()
    time.sleep(IDLE_S)
    woken = ours.wakeups() - before
    print(f"idle: {woken} wake-ups in {IDLE_S} s" +
          promise(woken == 0, f"no wake-ups when idle: {woken} in {IDLE_S} s"))


def run(folder, azure):
    (folder / "single.json").write_text(servers.body(1, 4096))
    (folder / "batch.json").write_text(servers.body(10, 40951))
    ours = servers.Gridwarden(folder, azure.url)
    ours.start()
    nginx = servers.Nginx(folder)
    try:
        ours.quiet()
        time.sleep(1)  # what only the start needed is given back once it is over
        idle = ours.resident_mb()
        print(f"start: {ours.started_ms:.0f} ms")
        pairs_of = Pairs(ours, nginx, folder)
        alone(ours, folder)
        pairs = acknowledged(pairs_of, folder)
        new_connections(pairs_of)
        memory(ours, folder, idle, pairs)
        rest(ours)
    finally:
        nginx.stop()
        ours.stop()


def main():
    # On the disk of the sources: /tmp may be memory.
    place = harness.ROOT / "build"
    with tempfile.TemporaryDirectory(prefix="bench-", dir=place) as folder, Emulator() as azure:
        run(servers.Path(folder), azure)
    for words in broken:
        print(f"promise not kept: {words}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
