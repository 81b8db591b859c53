"""What was answered 200 is on disk: power cuts, full and failing disks, damaged files, upgrades."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness import BINARY, LIMIT_S, ROOT, Gridwarden, event_grid, flat_alert  # noqa: E402

NOTIFY = """rules:
  - name: tell
    match: {severity: [Low, Medium, High]}
    actions: [{notify: soc}]
"""
NOTHING = """rules:
  - name: never
    match: {severity: Unheard}
    actions: [{notify: soc}]
"""
SANITIZED = "build/asan" in str(BINARY) or "build/tsan" in str(BINARY)


def until(condition, what, limit_s=LIMIT_S):
    """Wait for something that the daemon says nothing about."""
    deadline = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def metric(gw, name):
    page = gw.operations("/metrics").body.decode()
    return next(float(line.rsplit(" ", 1)[1]) for line in page.splitlines()
                if line.startswith(f"gridwarden_{name} "))


def ready(gw):
    answer = gw.operations("/readyz")
    return answer.status, answer.body.decode()


def count_lines(gw, text):
    return sum(text in line["message"] for line in gw.lines)


def stored(path):
    """{event id: how often} of a store that nobody has open."""
    with sqlite3.connect(path) as db:
        return dict(db.execute("SELECT event_id, count(*) FROM events GROUP BY event_id"))


def deliver(gw, event_id, **more):
    return gw.deliver(event_grid(flat_alert(event=event_id, **more), event_id=event_id)).status


def wait_decided(gw):
    until(lambda: metric(gw, "inbox_waiting") == 0, "all to be decided")


# ---- a disk that can fail ----

@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    if SANITIZED:
        pytest.skip("a sanitizer wants to be loaded first")
    library = tmp_path_factory.mktemp("disk") / "disk.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library),
                    str(ROOT / "tests/scenario/disk.c")], check=True)
    return library


class Disk:
    def __init__(self, gw, shim):
        self.gw, self.order = gw, gw.folder / "trouble"
        self.remains = gw.folder / "remains"
        self.remains.mkdir()
        self.env = {"LD_PRELOAD": str(shim), "DISK_FOLDER": str(gw.folder / "state"),
                    "DISK_TROUBLE": str(self.order), "DISK_REMAINS": str(self.remains)}

    def fail(self, error, part):
        draft = self.gw.folder / "draft"
        draft.write_text(f"{error} {part}")
        draft.rename(self.order)

    def heal(self):
        self.order.unlink()

    def cut(self, chance):
        """End without warning; what was not synced is lost but for what `chance` had written."""
        self.gw.kill()
        state = self.gw.folder / "state"
        after = self.gw.folder / "after"
        shutil.rmtree(after, ignore_errors=True)
        self.restore(state, after, chance)
        shutil.rmtree(state)
        after.rename(state)
        shutil.rmtree(self.remains)
        self.remains.mkdir()

    def restore(self, live, to, chance):
        to.mkdir()
        names = self.remains / f"names-{live.stat().st_ino}"
        for line in names.read_text().splitlines() if names.exists() else []:
            ino, name = line.split(" ", 1)
            if name in (".", ".."):
                continue
            if (live / name).is_dir():
                self.restore(live / name, to / name, chance)
                continue
            synced = self.remains / f"inode-{ino}"
            data = bytearray(synced.read_bytes()) if synced.exists() else bytearray()
            now = live / name
            if now.exists() and now.stat().st_ino == int(ino):
                written = now.read_bytes()
                if len(written) > len(data) and chance.random() < 0.5:
                    data.extend(bytes(len(written) - len(data)))
                for at in range(0, min(len(data), len(written)), 4096):
                    if chance.random() < 0.3:  # this page happened to be written in time
                        end = min(at + 4096, len(data), len(written))
                        data[at:end] = written[at:end]
            (to / name).write_bytes(data)


@pytest.fixture
def disk(make, shim):
    """A gridwarden on such a disk; its state is below one folder."""
    def start(rules=NOTHING, **settings):
        gw = make(rules=rules, inbox="state/inbox", store="sqlite:state/db/gridwarden.db",
                  **settings)
        # Folders that are there from the start: what is made in them is what matters.
        for folder in ("state", "state/inbox", "state/db"):
            (gw.folder / folder).mkdir()
        disk = Disk(gw, shim)
        for folder in ("state",):
            listing = "\n".join(f"{(gw.folder / folder / n).stat().st_ino} {n}"
                                for n in ("inbox", "db"))
            (disk.remains / f"names-{(gw.folder / folder).stat().st_ino}").write_text(listing)
        gw.env.update(disk.env)
        return gw.start(), disk
    return start


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


def test_a_delivery_whose_sync_fails_is_answered_503_and_not_kept(disk):
    gw, bad = disk()
    assert deliver(gw, "before") == 200
    bad.fail("EIO", "inbox/segment")
    answer = gw.deliver(event_grid(flat_alert(), event_id="during"))
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    bad.heal()
    until(lambda: ready(gw)[0] == 200, "readiness")
    assert deliver(gw, "after") == 200
    wait_decided(gw)
    assert gw.stop() == 0
    assert stored(gw.folder / "state/db/gridwarden.db") == {"before": 1, "after": 1}


@pytest.mark.parametrize("error,words", [("EIO", "Input/output error"),
                                         ("EROFS", "Read-only file system"),
                                         ("ENOSPC", "No space left")])
def test_a_failing_inbox_is_said_shown_and_over_without_a_restart(disk, error, words):
    gw, bad = disk()
    assert deliver(gw, "first") == 200
    bad.fail(error, "inbox/")
    for n in range(5):
        assert deliver(gw, f"refused-{n}") == 503
    status, text = ready(gw)
    assert status == 503
    assert text.startswith("deliveries could not be kept") and words in text
    assert metric(gw, 'trouble{part="receive"}') == 1
    bad.heal()  # nobody delivers: it must find out by itself
    gw.wait_line(lambda line: line["message"] == "deliveries are kept again")
    assert ready(gw) == (200, "ready\n")
    assert metric(gw, 'trouble{part="receive"}') == 0
    assert deliver(gw, "refused-0") == 200
    assert count_lines(gw, "deliveries could not be kept") == 1
    wait_decided(gw)


@pytest.mark.parametrize("error,words", [("EIO", "Input/output error"),
                                         ("EROFS", "Read-only file system"),
                                         ("ENOSPC", "the disk is full")])
def test_a_failing_store_stops_deciding_but_not_receiving(disk, error, words):
    gw, bad = disk(rules=NOTIFY)
    assert deliver(gw, "first") == 200
    gw.wait_step("notify")
    bad.fail(error, "/db/")
    assert deliver(gw, "kept meanwhile") == 200
    gw.wait_line(lambda line: line["message"].startswith("decisions cannot be stored"))
    status, text = ready(gw)
    assert status == 503 and "decisions cannot be stored" in text and words in text
    assert deliver(gw, "kept too", machine="web-02") == 200
    assert metric(gw, "inbox_waiting") == 2
    bad.heal()
    gw.wait_line(lambda line: line["message"] == "decisions are stored again")
    wait_decided(gw)
    until(lambda: ready(gw) == (200, "ready\n"), "readiness")
    assert count_lines(gw, "decisions cannot be stored") == 1
    until(lambda: [s["state"] for s in gw.actions("notify")] == ["done"] * 3, "three cards")
    assert gw.stop() == 0
    assert stored(gw.folder / "state/db/gridwarden.db") == {
        "first": 1, "kept meanwhile": 1, "kept too": 1}


def test_a_step_in_flight_when_the_store_fails_is_settled_later_and_done_once(disk, azure):
    gw, bad = disk(rules=NOTIFY)
    azure.fault(method="POST", path="/teams", delay_s=2)
    assert deliver(gw, "in flight") == 200
    until(lambda: [s["state"] for s in gw.actions("notify")] == ["running"], "the claim")
    bad.fail("EIO", "/db/")
    gw.wait_line(lambda line: line["message"].startswith("actions cannot be stored"))
    status, text = ready(gw)
    assert status == 503 and "actions cannot be stored" in text
    bad.heal()
    gw.wait_step("notify")
    gw.wait_line(lambda line: line["message"] == "actions are stored again")
    assert [s["state"] for s in gw.actions("notify")] == ["done"]
    assert len(azure.cards()) == 1


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


# ---- real file systems ----

def mount_or_skip(kind):
    """Root that may mount in a name space of its own; else this cannot be tried here."""
    if os.geteuid() != 0:
        pytest.skip("mounting takes root")
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount name space is allowed here")
    if kind == "loop" and not Path("/dev/loop-control").exists():
        pytest.skip("no loop devices here")


def on_mount(gw, mount):
    """Run the daemon in a mount name space of its own, `mount` done first; folder/state is it."""
    (gw.folder / "state").mkdir(exist_ok=True)
    script = gw.folder / "inside"
    script.write_text(f"""#!/bin/sh
[ "$1" = serve ] || exec {gw.binary} "$@"
exec unshare -m --propagation private sh -ec '{mount}; exec {gw.binary} "$@"' sh "$@"
""")
    script.chmod(0o755)
    gw.binary = str(script)
    return gw


def inside(gw):
    """The daemon's own view of the state folder."""
    return Path(f"/proc/{gw.process.pid}/root{gw.folder}/state")


def fill(folder):
    """Until nothing more fits."""
    with open(folder / "ballast", "wb", buffering=0) as f:
        size = 1 << 20
        while size >= 1:
            try:
                f.write(bytes(size))
            except OSError:
                size //= 2
    return folder / "ballast"


def test_a_really_full_disk_breaks_no_promise_and_is_over_when_there_is_room(make):
    mount_or_skip("tmpfs")
    gw = make(rules=NOTHING, inbox="state/inbox", store="sqlite:state/gridwarden.db")
    on_mount(gw, f"mount -t tmpfs -o size=64m none {gw.folder}/state").start()
    answered = set()
    for n in range(10):
        assert deliver(gw, f"room-{n}") == 200
        answered.add(f"room-{n}")
    wait_decided(gw)
    ballast = fill(inside(gw))
    # What the journal took in advance is used up first: everything answered 200 has a place.
    for n in range(10000):
        status = deliver(gw, f"full-{n}", blob="x" * 1000000)
        if status == 503:
            break
        assert status == 200
        answered.add(f"full-{n}")
    assert status == 503 and 5 < n < 50
    status, text = ready(gw)
    assert status == 503 and "No space left on device" in text
    assert "decisions cannot be stored" in text and "the disk is full" in text
    ballast.unlink()
    gw.wait_line(lambda line: line["message"] == "deliveries are kept again")
    gw.wait_line(lambda line: line["message"] == "decisions are stored again")
    until(lambda: ready(gw) == (200, "ready\n"), "readiness")
    assert deliver(gw, "room again") == 200
    wait_decided(gw)
    copy = gw.folder / "copy.db"
    assert gw.run("backup", copy, "--config", gw.config).returncode == 0
    assert stored(copy) == dict.fromkeys(answered | {"room again"}, 1)


def test_a_file_system_that_turns_read_only_breaks_no_promise(make):
    mount_or_skip("loop")
    gw = make(rules=NOTHING, inbox="state/inbox", store="sqlite:state/gridwarden.db")
    (gw.folder / "state").mkdir()
    image = gw.folder / "image"
    with open(image, "wb") as f:
        f.truncate(128 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    mount = f"mount -o loop,errors=remount-ro {image} {gw.folder}/state"
    if subprocess.run(["unshare", "-m", "sh", "-c", mount + f" && umount {gw.folder}/state"],
                      capture_output=True).returncode != 0:
        pytest.skip("no loop device can be mounted here")
    on_mount(gw, mount).start()
    for n in range(10):
        assert deliver(gw, f"before-{n}") == 200
    device = subprocess.run(["losetup", "-j", str(image)], capture_output=True, text=True,
                            check=True).stdout.split(":")[0]
    trigger = Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error"
    if not trigger.exists():
        pytest.skip("this kernel cannot be asked for an error of the file system")
    # As after an error of the disk: also what is open for writing can be written no more.
    trigger.write_text("an error for a test of gridwarden")
    assert deliver(gw, "refused") == 503
    status, text = ready(gw)
    assert status == 503 and "Read-only file system" in text
    assert gw.stop() == 0
    subprocess.run(["e2fsck", "-p", str(image)], capture_output=True)
    gw.start()
    until(lambda: ready(gw)[0] == 200, "readiness")
    wait_decided(gw)
    copy = gw.folder / "copy.db"
    assert gw.run("backup", copy, "--config", gw.config).returncode == 0
    assert stored(copy) == {f"before-{n}": 1 for n in range(10)}


def test_a_read_only_file_system_at_start_is_named(make):
    mount_or_skip("tmpfs")
    gw = make(rules=NOTHING, inbox="state/inbox", store="sqlite:state/gridwarden.db")
    on_mount(gw, f"mount -t tmpfs none {gw.folder}/state; mount -o remount,ro {gw.folder}/state")
    gw.launch()
    assert gw.wait_end() == 1
    assert f"{gw.folder}/state/gridwarden.db-lock: Read-only file system" in gw.log()


# ---- a full journal ----

def test_a_full_journal_refuses_until_some_is_decided(disk):
    gw, bad = disk(inbox_max="128MiB")
    bad.fail("EIO", "/db/")
    kept = 0
    limit = 40
    # The store fails, so nothing is decided and nothing is released: 16 and 64 MiB are taken.
    while kept < limit and deliver(gw, f"event-{kept}", blob="x" * 3900000) == 200:
        kept += 1
    assert 10 < kept < limit
    status, text = ready(gw)
    assert status == 503 and "inbox is full" in text
    bad.heal()
    gw.wait_line(lambda line: line["message"] == "deliveries are kept again")
    wait_decided(gw)
    assert deliver(gw, "after") == 200
    assert metric(gw, "inbox_bytes") <= 128 << 20
    wait_decided(gw)
    assert gw.stop() == 0
    found = stored(gw.folder / "state/db/gridwarden.db")
    assert found == dict.fromkeys([f"event-{n}" for n in range(kept)] + ["after"], 1)


# ---- damaged, old and foreign files ----

def test_a_redelivery_after_a_restart_has_one_effect(make, azure):
    gw = make(rules=NOTIFY).start()
    event = event_grid(flat_alert(), event_id="the same")
    assert gw.deliver(event).status == 200
    gw.wait_step("notify")
    assert gw.stop() == 0
    shutil.rmtree(gw.folder / "inbox")  # the journal's memory with it: only the store knows
    gw.start()
    assert gw.deliver(event).status == 200
    wait_decided(gw)
    until(lambda: metric(gw, "events_decided_total") == 1, "it to be looked at")
    assert len(gw.actions("notify")) == 1 and len(azure.cards()) == 1
    assert gw.alerts()[0]["events"] == 1


def test_a_damaged_database_is_refused_with_what_to_do(make):
    gw = make(rules=NOTHING).start()
    for n in range(50):
        assert deliver(gw, f"event-{n}") == 200
    wait_decided(gw)
    assert gw.stop() == 0
    database = gw.folder / "gridwarden.db"
    good = database.read_bytes()
    for bad in (good[:len(good) // 2], b"garbage!" * 2048,
                good[:9 * 4096] + b"\xff" * 4096 + good[10 * 4096:]):
        database.write_bytes(bad)
        gw.launch()
        assert gw.wait_end() == 1
        assert f"cannot start: store {database}: " in gw.log()
        assert "keep its files aside, put a backup in their place" in gw.log()
        assert database.read_bytes() == bad
    database.write_bytes(good)
    gw.start()
    assert len(gw.ask("alerts", "-n", "100")) == 50


def test_a_new_database_beside_an_old_journal_is_said(make):
    gw = make(rules=NOTHING).start()
    for n in range(3):
        assert deliver(gw, f"event-{n}") == 200
    wait_decided(gw)
    assert count_lines(gw, "is new, but the journal") == 0
    assert gw.stop() == 0
    for path in gw.folder.glob("gridwarden.db*"):
        path.unlink()
    gw.start()
    line = gw.wait_line(lambda line: "is new, but the journal" in line["message"])
    assert line["level"] == "warning"
    assert str(gw.folder / "gridwarden.db") in line["message"]
    assert f"{gw.folder / 'inbox'} holds 3 deliveries" in line["message"]
    wait_decided(gw)
    assert metric(gw, "events") == 3


def test_a_store_of_version_1_is_brought_up_to_date(make):
    gw = make(rules=NOTIFY).start()
    secret_only = gw.folder / "gridwarden.db"
    assert gw.stop() == 0
    shutil.rmtree(gw.folder / "inbox")
    secret_only.unlink()
    with sqlite3.connect(secret_only) as db:
        db.executescript((ROOT / "src/store/sqlite.sql").read_text())
        db.execute("PRAGMA user_version = 1")
        for n in range(1, 31):
            db.execute("INSERT INTO alerts VALUES (?,?,'name','High','Active','','','','flat',1,1)",
                       (n, f"alert-{n}"))
            db.execute("INSERT INTO events VALUES (?,?,?,?,'','',1,1,'decided','','{}','{}','','')",
                       (n, n.to_bytes(16, "big"), n, f"event-{n}"))
        db.execute("INSERT INTO steps VALUES (1,'key',30,30,'r','isolate_vm','','{}',1,0,0,'done',"
                   "'',1,0,1,1,NULL,1,'{\"was\":1}','','','','')")
    gw.start()
    until(lambda: metric(gw, "events") == 1, "the old ones to go")  # decided in 1970
    assert metric(gw, 'steps{state="done"}') == 1
    assert metric(gw, "events_deleted_total") == 29
    assert deliver(gw, "new") == 200
    gw.wait_step("notify")
    assert gw.stop() == 0
    with sqlite3.connect(secret_only) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
        assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)


# ---- retention ----

def test_what_is_older_than_the_retention_goes_and_a_reload_is_enough(make):
    gw = make(rules=NOTIFY, retention="30d").start()
    for n in range(20):
        assert deliver(gw, f"event-{n}", machine=f"web-{n:02}") == 200
    gw.wait_step("notify", count=20)
    assert gw.stop() == 0
    twenty_days = 20 * 86400 * 1000
    with sqlite3.connect(gw.folder / "gridwarden.db") as db:
        for table, column in (("alerts", "last_ms"), ("steps", "settled_ms")):
            db.execute(f"UPDATE {table} SET {column} = {column} - {twenty_days} WHERE id <= 10")
    gw.start()
    assert metric(gw, "events") == 20
    gw.write_settings(retention="10d")
    assert gw.reload()["message"].startswith("configuration reloaded")
    gw.wait_line(lambda line: line["message"].startswith("10 events were older"))
    assert metric(gw, "events") == 10
    assert metric(gw, "events_deleted_total") == 10
    assert metric(gw, 'steps{state="done"}') == 10
    assert len(gw.alerts()) == 10


def test_a_clock_that_leapt_deletes_nothing(make):
    gw = make(rules=NOTHING, retention="2d").start()
    for n in range(5):
        assert deliver(gw, f"event-{n}") == 200
    gw.wait_line(lambda line: 'event-4' in str(line.get("event_id")))
    assert gw.stop() == 0
    # Seen three weeks ago, and ten days pass for the events at once: as a wrong clock would do it.
    days = 86400 * 1000
    with sqlite3.connect(gw.folder / "gridwarden.db") as db:
        assert db.execute("SELECT count(*) FROM meta WHERE name = 'clock_seen'").fetchone() == (1,)
        db.execute("UPDATE meta SET value = CAST(CAST(CAST(value AS TEXT) AS INTEGER) - ? AS BLOB) "
                   "WHERE name = 'clock_seen'", (21 * days,))
        db.execute("UPDATE alerts SET last_ms = last_ms - ?", (10 * days,))
    gw.start()
    line = gw.wait_line(lambda line: line["message"].startswith("the clock is 21 days ahead of "))
    assert line["level"] == "warning"
    assert metric(gw, "events") == 5
    # The clock is set right: what was seen is not long ago.
    assert gw.stop() == 0
    with sqlite3.connect(gw.folder / "gridwarden.db") as db:
        db.execute("UPDATE meta SET value = CAST(CAST(CAST(value AS TEXT) AS INTEGER) + ? AS BLOB) "
                   "WHERE name = 'clock_seen'", (20 * days,))
    gw.start()
    gw.wait_line(lambda line: line["message"].startswith("4 events were older"))
    assert metric(gw, "events") == 1  # the newest keeps its number


def test_the_log_of_the_database_shrinks_after_a_reader_that_took_its_time(make):
    """A reader holds back what it may still need: a copy of the folder, somebody's sqlite3 shell."""
    gw = make(rules=NOTHING).start()
    log = gw.folder / "gridwarden.db-wal"
    limit = 17 * 1024 * 1024  # what SQLite is told to keep, and a header
    with sqlite3.connect(gw.folder / "gridwarden.db", isolation_level=None) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (0,)
        n = 0
        while log.stat().st_size < 2 * limit:
            assert deliver(gw, f"event-{n}", description="." * 700_000) == 200
            n += 1
            wait_decided(gw)
        reader.execute("COMMIT")
    reader.close()
    assert n < 100
    for more in range(100):
        assert deliver(gw, f"after-{more}", description="." * 700_000) == 200
        wait_decided(gw)
        if log.stat().st_size <= limit:
            break
    assert log.stat().st_size <= limit
    assert metric(gw, "events") == n + more + 1


# ---- backup ----

def test_a_backup_is_written_while_events_come_in_and_can_be_restored(make):
    gw = make(rules=NOTIFY).start()
    for n in range(30):
        assert deliver(gw, f"before-{n}", machine=f"web-{n:02}") == 200
    gw.wait_step("notify", count=30)
    stop, sent = threading.Event(), []

    def send():
        while not stop.is_set():
            sent.append(deliver(gw, f"meanwhile-{len(sent)}"))
    thread = threading.Thread(target=send)
    thread.start()
    copy = gw.folder / "copy.db"
    result = gw.run("backup", copy, "--config", gw.config, "-o", "json")
    stop.set()
    thread.join()
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["file"] == str(copy) and told["events"] >= 30 and told["bytes"] > 0
    assert os.stat(copy).st_mode & 0o777 == 0o600
    assert set(sent) <= {200}
    assert not (gw.folder / "copy.db.partial").exists()
    # Refused: a name that is taken, and a folder that is not there.
    assert gw.run("backup", copy, "--config", gw.config).returncode == 5
    assert gw.run("backup", gw.folder / "no/copy", "--config", gw.config).returncode == 1
    wait_decided(gw)
    assert gw.stop() == 0
    assert gw.run("backup", gw.folder / "x", "--config", gw.config).returncode == 6
    assert not (gw.folder / "x.partial").exists()
    # The disaster: the store is gone, the journal is there.
    for name in ("gridwarden.db", "gridwarden.db-wal", "gridwarden.db-shm"):
        (gw.folder / name).unlink(missing_ok=True)
    shutil.copy(copy, gw.folder / "gridwarden.db")
    gw.start()
    wait_decided(gw)
    assert gw.stop() == 0
    found = stored(gw.folder / "gridwarden.db")
    assert set(found) == {f"before-{n}" for n in range(30)} | {
        f"meanwhile-{n}" for n in range(len(sent))}
    assert set(found.values()) == {1}


# ---- start ----

def test_the_start_does_not_wait_for_what_is_stored(make):
    """DURABILITY_EVENTS=1000000 for the real thing; a small one has the same road."""
    sys.path.insert(0, str(ROOT / "tests/bench"))
    import big_state
    gw = make(rules=NOTHING, retention="3650d")
    big_state.make(gw.folder, int(os.environ.get("DURABILITY_EVENTS", "20000")))
    assert (gw.folder / "gridwarden.db").stat().st_size > 16 << 20  # not checked whole at once
    begun = time.monotonic()
    gw.start()
    took = time.monotonic() - begun
    print(f"\nexec to ready: {took:.3f} s")
    assert took < 20  # a figure of the machine; what is wrong takes minutes
    wait_decided(gw)
    assert not [line for line in gw.lines if "damaged" in line["message"]]
    assert ready(gw) == (200, "ready\n")
    assert metric(gw, "store_damaged") == 0
