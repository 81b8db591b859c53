"""A store and a journal as large as wanted, for measuring: python3 big_state.py FOLDER EVENTS.

The real schema and a real alert; the journal is one full segment of 64 MiB of small records, as
src/store/segment.c and record.h describe it, all of them decided but the last hundred.
"""

import os
import sqlite3
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SEGMENT = 64 << 20
NOW = 1795000000000


def crc32c_table():
    table = []
    for i in range(256):
        crc = i
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
        table.append(crc)
    return table


TABLE = crc32c_table()


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def store(path, events, decided, now):
    raw = ('{"id":"x","topic":"/subscriptions/11111111-2222-3333-4444-555555555555",'
           '"data":{"alertName":"Suspicious process executed","blob":"' + "x" * 1500 + '"}}')
    db = sqlite3.connect(path)
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -400000")
    db.executescript((ROOT / "src/store/sqlite.sql").read_text())
    db.executescript((ROOT / "src/store/sqlite_2.sql").read_text())
    db.execute("PRAGMA user_version = 2")
    for first in range(1, events + 1, 50000):
        rows = range(first, min(first + 50000, events + 1))
        db.executemany(
            "INSERT INTO alerts VALUES (?1,'alert-'||?1,'name','High','Active','','/subscriptions',"
            "'web','flat',?2,?2)", ((n, now + n) for n in rows))
        db.executemany(
            "INSERT INTO events VALUES (?1,?3,?1,'event-'||?1,'','',?2,?2,'decided','','{}',?4,"
            "'{}','')", ((n, now + n, os.urandom(16), raw) for n in rows))
        db.executemany(
            "INSERT INTO steps VALUES (?1,'key-'||?1,?1,?1,'r','notify','soc','{}',0,1,0,'done','',"
            "1,0,?2,?2,NULL,?2,'','','','','')", ((n, now + n) for n in rows))
        db.commit()
    db.execute("INSERT INTO meta VALUES ('decided_seq', CAST(? AS BLOB))", (str(decided),))
    db.commit()
    db.close()


def journal(folder):
    """One full segment; the newest record's number."""
    folder.mkdir(parents=True)
    mark = 0x1234567890abcdef
    header = struct.pack("<8sQQQI", b"GWSEG01", 1, mark, 1, 0)
    header += struct.pack("<I", crc32c(header))
    out = bytearray(SEGMENT)
    out[0:len(header)] = out[4096:4096 + len(header)] = header
    body = b'{"alertName":"Suspicious process executed","severity":"High"}'
    at, seq = 8192, 0
    # One event each; the checksum covers mark to the end, so it is computed for each record.
    while True:
        n = 56 + 16 + 1 + 2 + len(body)
        length = (n + 7) // 8 * 8
        if at + length > SEGMENT:
            break
        seq += 1
        rest = struct.pack("<QQQqIIII", mark, seq, seq, NOW, length, 1, 2, len(body))
        rest += os.urandom(16) + b"\1{}" + body + bytes(length - n)
        out[at:at + length] = struct.pack("<II", 0x52445747, crc32c(rest)) + rest
        at += length
    (folder / "segment-000001").write_bytes(out)
    return seq


def make(folder, events, now=NOW):
    newest = journal(folder / "inbox")
    store(folder / "gridwarden.db", events, newest - 100, now)


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
