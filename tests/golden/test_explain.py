"""Alert in, `gridwarden explain` out: every form of an alert, compared with what was agreed on.

GOLDEN_UPDATE=1 writes the answers anew; look at the difference before you commit it.
"""

import json
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import harness  # noqa: E402

ALERTS = sorted((HERE / "alerts").glob("*.json")) + \
    sorted((harness.ROOT / "config/samples").glob("*.json"))


@pytest.mark.parametrize("path", ALERTS, ids=lambda path: path.stem)
def test_the_explanation_is_as_agreed(path):
    result = harness.run_gridwarden(
        "explain", path.relative_to(harness.ROOT), "--rules", "config/rules.d",
        cwd=harness.ROOT)
    assert result.returncode == 0, result.stderr
    expected = HERE / "expected" / (path.stem + ".txt")
    if os.environ.get("GOLDEN_UPDATE"):
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(result.stdout)
    assert result.stdout == expected.read_text()


def test_the_decisive_fields_are_the_same_in_every_form():
    """The article's payload, the REST form and the export say the same."""
    seen = set()
    for name in ("flat", "rest-2022", "export-event-grid", "export-cloud-events"):
        result = harness.run_gridwarden(
            "explain", HERE / "alerts" / (name + ".json"), "--rules",
            harness.ROOT / "config/rules.d", "-o", "json")
        (event,) = json.loads(result.stdout)
        alert = event["alert"]
        seen.add((alert["name"], alert["severity"], alert["status"], alert["start"],
                  tuple((step["action"], step["target"].lower(), step["state"])
                        for step in event["plan"])))
    assert len(seen) == 1, seen


def test_no_alert_lacks_its_agreed_answer():
    stems = {path.stem for path in ALERTS}
    assert {path.stem for path in (HERE / "expected").glob("*.txt")} == stems
