"""What is stored, over the years: damaged files, upgrades, retention, backup, a large database."""

import json
import os
import resource
import shutil
import socket
import sqlite3
import threading
from pathlib import Path

import pytest
from disk_world import (NOTHING, NOTIFY, count_lines, deliver, metric, ready, stored, until,
                        wait_decided)
from harness import LIMIT_S, ROOT, event_grid, flat_alert

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
        assert db.execute("PRAGMA user_version").fetchone() == (4,)
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

def test_the_start_asks_systemd_for_as_much_time_as_the_journal_may_take(make):
    gw = make(rules=NOTHING).start()
    for n in range(6):  # until a second segment was needed
        assert deliver(gw, f"event-{n}", blob="x" * 3_900_000) == 200
    assert gw.stop() == 0
    size = sum(path.stat().st_size for path in (gw.folder / "inbox").glob("segment-*"))
    assert size >= 32 << 20
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with notices:
        notices.settimeout(LIMIT_S)
        notices.bind(str(gw.folder / "notify"))
        gw.start(NOTIFY_SOCKET=str(gw.folder / "notify"))
        said = [notices.recv(4096).decode()]
        while said[-1] != "READY=1":
            said.append(notices.recv(4096).decode())
    extended = [int(text.split("=")[1]) for text in said if text.startswith("EXTEND_TIMEOUT_USEC=")]
    assert extended == [size // (8 << 20) * 1_000_000]


def limit_files(gw, *limits):
    """Run the daemon under these limits of open files, as ulimit is told them."""
    script = gw.folder / "limited"
    script.write_text(f"""#!/bin/sh
[ "$1" != serve ] || ulimit {' '.join(limits)}
exec {gw.binary} "$@"
""")
    script.chmod(0o755)
    gw.binary = str(script)


def test_a_file_descriptor_for_each_segment_of_a_full_journal_is_reserved(make):
    wanted = 1000 + 64 * 1024 // 16  # connections, segments of 16 MiB in 64 GiB
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < wanted + 200:
        pytest.skip("not so many files may be open here")
    gw = make(rules=NOTHING, inbox_max="64GiB")
    limit_files(gw, "-S", "-n", "256")
    gw.start()
    limits = Path(f"/proc/{gw.process.pid}/limits").read_text().splitlines()
    soft = next(line.split()[3] for line in limits if line.startswith("Max open files"))
    assert int(soft) > wanted
    assert count_lines(gw, "raise LimitNOFILE") == 0


def test_too_few_file_descriptors_are_said_at_start(make):
    gw = make(rules=NOTHING)
    limit_files(gw, "-n", "300")
    gw.start()
    line = next(line for line in gw.lines if "raise LimitNOFILE" in line["message"])
    assert line["level"] == "warning"
    assert line["message"].startswith("300 files may be open, ")
    assert deliver(gw, "kept all the same") == 200
