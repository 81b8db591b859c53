"""Years of events and a full segment of the journal: the start does not wait for them."""

import shutil
import sys
import time

from harness import ROOT
from siege import NO_RULES, READY_LIMIT_S, figure, metric, seconds_to_ready, size, wait_decided

sys.path.insert(0, str(ROOT / "tests/bench"))
import big_state  # noqa: E402


def test_the_start_does_not_wait_for_what_is_stored(make):
    events = size("EVENTS", 20_000)
    gw = make(NO_RULES, retention="3650d")
    begun = time.monotonic()
    big_state.make(gw.folder, events)
    print(f"made in {time.monotonic() - begun:.0f} s")
    journal = sum(path.stat().st_size for path in (gw.folder / "inbox").glob("segment-*"))
    database = (gw.folder / "gridwarden.db").stat().st_size
    assert journal == 64 << 20
    assert database > 16 << 20  # not checked whole at once
    gw.start()
    took = seconds_to_ready(gw)
    figure(f"start with {events} events and a full segment of the journal",
           f"{took:.3f} s; {database >> 20} MiB of database, {journal >> 20} MiB of journal")
    assert took < READY_LIMIT_S
    wait_decided(gw)
    assert not [line for line in gw.lines if "damaged" in line["message"]]
    ready = gw.operations("/readyz")
    assert (ready.status, ready.body) == (200, b"ready\n")
    assert metric(gw, "gridwarden_store_damaged") == 0
    assert gw.stop() == 0
    shutil.rmtree(gw.folder)  # gigabytes, when it went well
