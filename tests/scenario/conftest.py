"""Each test gets an Azure of its own and, from it, a gridwarden of its own."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import harness  # noqa: E402
from client import Emulator  # noqa: E402


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
