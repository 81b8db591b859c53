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
    for gw in made:
        gw.stop()


@pytest.fixture
def gridwarden(make):
    """A running one with the default rules."""
    return make().start()
