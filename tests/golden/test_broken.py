"""Broken files in, `gridwarden check` out: each mistake with its file, line and column.

GOLDEN_UPDATE=1 writes what is said anew; look at the difference before you commit it.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import harness  # noqa: E402

FOLDER = HERE / "broken"
FILES = sorted(FOLDER.glob("*.yaml"))


def check(path, **options):
    rules = ["--rules"] if path.name.endswith(".rules.yaml") else []
    return harness.run_gridwarden("check", *rules, path, **options)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_mistake_is_said_as_agreed_at_its_place(path):
    result = check(Path(path.name), cwd=FOLDER)
    assert result.returncode == 1, result.stderr
    expected = path.with_suffix(".txt")
    if os.environ.get("GOLDEN_UPDATE"):
        expected.write_text(result.stdout)
    assert result.stdout == expected.read_text()
    assert f"{path.name}:" in result.stdout and ": error: " in result.stdout


def test_there_are_forty_and_none_is_left_over():
    assert len(FILES) >= 40
    assert {p.stem for p in FOLDER.glob("*.txt")} == {p.stem for p in FILES}


def limited():
    """What a bomb would need: more memory than this, more time than this."""
    resource.setrlimit(resource.RLIMIT_DATA, (256 << 20, 256 << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))


BOMBS = {
    "large": (b"# " + b"x" * (10 << 20), "is larger than"),
    "deep": (b"rules: " + b"[" * 100_000, "nested deeper than"),
    "wide": (b"rules: [" + b"x," * 300_000, "too many brackets and commas"),
    "laughs": (b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
        f"{chr(c)}: &{chr(c)} [{', '.join(['*' + chr(c - 1)] * 9)}]\n".encode()
        for c in range(ord("b"), ord("z"))), "anchors (&name) are not used here"),
    "errors": (b"rules:\n" + b"- {}\n" * 20_000, "the key 'name' is missing"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_bounded_time_and_memory(tmp_path, name):
    content, words = BOMBS[name]
    path = tmp_path / "bomb.rules.yaml"
    path.write_bytes(content)
    result = subprocess.run([harness.BINARY, "check", "--rules", path], capture_output=True,
                            timeout=60, preexec_fn=limited, check=False)
    said = result.stdout.decode() + result.stderr.decode()
    assert result.returncode == 1, said
    assert words in said
    assert len(said) < 200_000
