"""What scenarios about the disk share: questions to the daemon, a disk that fails, real mounts."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from harness import BINARY, LIMIT_S, event_grid, flat_alert

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


def database(gw):
    return gw.folder / "state/db/gridwarden.db"


def stored(path):
    """{event id: how often} of a store that nobody has open."""
    with sqlite3.connect(path) as db:
        return dict(db.execute("SELECT event_id, count(*) FROM events GROUP BY event_id"))


def deliver(gw, event_id, **more):
    return gw.deliver(event_grid(flat_alert(event=event_id, **more), event_id=event_id)).status


def wait_decided(gw):
    until(lambda: metric(gw, "inbox_waiting") == 0, "all to be decided")


def cannot_decide(gw):
    gw.wait_line(lambda line: line["message"].startswith("decisions cannot be stored"))


@contextlib.contextmanager
def reading(path):
    """Somebody's sqlite3 shell: what it may still need stays in the log."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        yield
        reader.execute("COMMIT")


# ---- a disk that can fail ----

class Never:
    """The worst chance: nothing that was not synced is on disk."""
    @staticmethod
    def random():
        return 1.0


class Disk:
    def __init__(self, gw, shim):
        self.gw, self.order = gw, gw.folder / "trouble"
        self.unreadable = gw.folder / "unreadable"
        self.remains = gw.folder / "remains"
        self.remains.mkdir()
        self.env = {"LD_PRELOAD": str(shim), "DISK_FOLDER": str(gw.folder / "state"),
                    "DISK_TROUBLE": str(self.order), "DISK_UNREADABLE": str(self.unreadable),
                    "DISK_REMAINS": str(self.remains)}

    def fail(self, error, part, calls=""):
        """From now on too: writes to and syncs of a path that holds `part` (with "$": ends in it)
        fail; or only its "sync", or "read"."""
        draft = self.gw.folder / "draft"
        before = self.order.read_text() if self.order.exists() else ""
        draft.write_text(f"{before}{error} {part} {calls}\n")
        draft.rename(self.order)

    def heal(self):
        self.order.unlink()

    def fail_reads(self, part):
        draft = self.gw.folder / "draft"
        draft.write_text(part)
        draft.rename(self.unreadable)

    def heal_reads(self):
        self.unreadable.unlink()

    def cut(self, chance):
        """End without warning; what was not synced is lost but for what `chance` had written."""
        self.gw.kill()
        state = self.gw.folder / "state"
        after = self.gw.folder / "after"
        self.restore(state, after, chance)
        shutil.rmtree(state)
        after.rename(state)
        shutil.rmtree(self.remains)
        self.remains.mkdir()
        self.settle(state)

    def settle(self, folder):
        """All that is there now is on disk."""
        entries = {path: path.stat().st_ino for path in folder.iterdir()}
        (self.remains / f"names-{folder.stat().st_ino}").write_text(
            "".join(f"{ino} {path.name}\n" for path, ino in entries.items()))
        for path, ino in entries.items():
            if path.is_dir():
                self.settle(path)
            else:
                shutil.copy(path, self.remains / f"inode-{ino}")

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


class KeptMount:
    """As on_mount(), and what is mounted outlives the daemon: until close()."""

    def __init__(self, gw, mount):
        (gw.folder / "state").mkdir()
        self.holder = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-ec",
             f"{mount}; echo mounted; exec sleep infinity"], stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"mounted\n"
        self.path = Path(f"/proc/{self.holder.pid}/root{gw.folder}/state")
        script = gw.folder / "inside"
        script.write_text(f"""#!/bin/sh
[ "$1" = serve ] || exec {gw.binary} "$@"
exec nsenter -t {self.holder.pid} -m {gw.binary} "$@"
""")
        script.chmod(0o755)
        gw.binary = str(script)

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


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
