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


SETTINGS = """
listen: {address: "127.0.0.1:0"}
auth:
  insecure: true
  subscriptions: [soc-alerts]
  sources: [%s]
  event_types: [Contoso.Security.*]
channels: {soc: {url_file: url}}
rules: %s
"""


def explain(tmp_path, alert, source, *more):
    config = tmp_path / "gridwarden.yaml"
    config.write_text(SETTINGS % (source, harness.ROOT / "config/rules.d"))
    result = harness.run_gridwarden("explain", HERE / "alerts" / alert, "--config", config, *more)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_an_event_that_no_list_allows_is_never_judged(tmp_path):
    refused = ("event     Contoso.Security.AlertRaised\nkind      notification\n"
               "refused   never judged: ")
    (event,) = json.loads((HERE / "alerts/export-event-grid.json").read_text())
    out = explain(tmp_path, "export-event-grid.json", "/other/*")
    assert out == f"{refused}source '{event['topic']}' is not in auth.sources\n"
    out = explain(tmp_path, "export-event-grid.json", event["topic"].upper())
    assert "rule isolate-on-suspicious-process fires" in out
    out = explain(tmp_path, "export-event-grid.json", event["topic"], "--subscription", "evil")
    assert out == f"{refused}event subscription 'evil' is not in auth.subscriptions\n"
    (answer,) = json.loads(explain(tmp_path, "export-event-grid.json", "/other", "-o", "json"))
    assert answer["refused"].endswith("is not in auth.sources")
    assert "plan" not in answer


def test_no_alert_lacks_its_agreed_answer():
    stems = {path.stem for path in ALERTS}
    assert {path.stem for path in (HERE / "expected").glob("*.txt")} == stems
