"""Each test gets an Azure of its own and, from it, a gridwarden of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import harness  # noqa: E402
from client import Emulator  # noqa: E402
from disk_world import NOTHING, SANITIZED, Disk, KeptMount, mount_or_skip  # noqa: E402
from siege import FIGURES, FULL  # noqa: E402

TIDY_BYTES = 1 << 20


def pytest_terminal_summary(terminalreporter):
    """A full siege ends with what it measured, as docs/performance.md has it."""
    if FULL and FIGURES:
        terminalreporter.section("figures of the siege")
        terminalreporter.write_line("| siege | measured |\n|---|---|")
        for what, value in FIGURES:
            terminalreporter.write_line(f"| {what} | {value} |")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.passed = outcome.get_result().passed


@pytest.fixture(autouse=True)
def tidy(request, tmp_path):
    """Journals and disks are made in full: 15 GB for all tests.  What failed keeps its own."""
    yield
    if getattr(request.node, "passed", False):
        for path in list(tmp_path.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.stat().st_size > TIDY_BYTES:
                path.unlink()


@pytest.fixture
def azure():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def make(tmp_path, azure):
    """make(rules=..., settings...) -> a gridwarden that is not started yet."""
    made = []

    def make(rules=None, **settings):
        folder = tmp_path / f"gw{len(made)}"
        folder.mkdir()
        made.append(harness.Gridwarden(folder, azure.url, rules=rules, **settings))
        return made[-1]
    yield make
    running = [gw for gw in made if gw.process and gw.process.poll() is None]
    codes = [gw.stop() for gw in running]
    assert codes == [0] * len(running), [gw.log() for gw in running]
    for gw in set(made) - set(running):  # ended by its test, as that expected
        gw.stop()


@pytest.fixture
def gridwarden(make):
    """A running one with the default rules."""
    return make().start()


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    if SANITIZED:
        pytest.skip("a sanitizer wants to be loaded first")
    library = tmp_path_factory.mktemp("disk") / "disk.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library),
                    str(harness.ROOT / "tests/scenario/disk.c")], check=True)
    return library


@pytest.fixture
def disk(make, shim):
    """A gridwarden on such a disk; its state is below one folder."""
    def start(rules=NOTHING, folders=("inbox", "db"), **settings):
        gw = make(rules=rules, inbox="state/inbox", store="sqlite:state/db/gridwarden.db",
                  **settings)
        # Folders that are there from the start: what is made in them is what matters.
        state = gw.folder / "state"
        state.mkdir()
        for name in folders:
            (state / name).mkdir()
        disk = Disk(gw, shim)
        disk.settle(state)
        gw.env.update(disk.env)
        return gw.start(), disk
    return start


@pytest.fixture
def kept_mount(make):
    """kept_mount(gw, "mount ...") -> its state folder is that, also over restarts."""
    kept = []

    def mount(gw, command):
        mount_or_skip("tmpfs")
        kept.append(KeptMount(gw, command))
        return kept[-1]
    yield mount
    for one in kept:
        one.close()
