"""A past in, `gridwarden backtest` out: compared with what was agreed on.

GOLDEN_UPDATE=1 writes what is said anew; look at the difference before you commit it.
"""

import json
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import past  # noqa: E402
from harness import run_gridwarden  # noqa: E402

HOUR = 3600 * 1000
DAY = 24 * HOUR
START = past.ms("2026-03-01T00:00:00")
PERIOD = ["--since", "2026-03-01", "--until", "2026-03-31"]

SETTINGS = """
listen: {certificate: c.pem, private_key: k.pem}
auth: {keys_file: key}
store: sqlite:g.db
rules: rules.yaml
channels: {soc: {type: teams, url_file: url}, night: {type: teams, url_file: url}}
guards:
  protected: [{resource: "*/virtualMachines/dc-*"}]
  budgets:
    isolate_vm: {per_hour: 2, cooldown: 4h}
"""

RULES = """
rules:
  - name: isolate
    match: {severity: High, compromisedEntity: [web-*, dc-*]}
    actions: [isolate_vm, {notify: soc}]
  - {name: tell, match: {severity|gte: Low}, actions: [notify: soc]}
  - {name: dropped, match: {compromisedEntity: app-*}, actions: [{enable_jit: {ports: [22], sources: "*"}}]}
"""

NEW = """
rules:
  - name: isolate
    match: {severity: High}
    actions: [isolate_vm, {notify: soc}]
  - name: web-02-is-a-honeypot
    match: {compromisedEntity: web-02}
    mode: "off"
    actions: [notify: soc]
  - {name: tell, match: {severity|gte: Medium}, actions: [notify: soc]}
  - {name: at-night, match: {severity|gte: Medium, compromisedEntity: db-*}, actions: [notify: night]}
  - {name: never, match: {compromisedEntity: nobody}, actions: [notify: soc]}
"""


def month():
    """A quiet month, one machine that a rule is about, and a storm at its end."""
    done = [("isolate", "isolate_vm", "done", "")]
    events = [past.alert("app-01", START + HOUR, "Brute force attack", "Medium"),
              past.alert("web-01", START + DAY, then=done),
              past.alert("dc-01", START + 2 * DAY,
                         then=[("isolate", "isolate_vm", "refused", "protected")])]
    for day in range(3, 20):
        events.append(past.alert(f"web-{day:02}", START + day * DAY, "Unusual sign-in", "Low"))
    events += [past.alert(f"db-{i:02}", START + 20 * DAY + i * 60000) for i in range(4)]
    # The same alert again: what was done about it once is not done twice.
    events.append(past.alert("db-00", START + 21 * DAY, key=f"db-00-{START + 20 * DAY}"))
    return events


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "g.yaml").write_text(SETTINGS)
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "new.yaml").write_text(NEW)
    past.make(tmp_path / "g.db", month())
    return tmp_path


def backtest(folder, *arguments):
    return run_gridwarden("backtest", "-c", "g.yaml", *arguments, cwd=folder)


def agreed(name, text):
    file = HERE / "backtest" / name
    if os.environ.get("GOLDEN_UPDATE"):
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("form", ["table", "json", "tsv"])
def test_the_difference_is_as_agreed(folder, form):
    result = backtest(folder, "--rules", "new.yaml", *PERIOD, "-o", form)
    assert (result.returncode, result.stderr) == (0, "")
    agreed(f"difference.{form}", result.stdout)


def test_without_new_rules_it_is_said_what_was_decided_otherwise_then(folder):
    result = backtest(folder, *PERIOD)
    assert (result.returncode, result.stderr) == (0, "")
    agreed("then.table", result.stdout)


def test_yaml_says_what_json_says(folder):
    said = [backtest(folder, "--rules", "new.yaml", *PERIOD, "-o", form).stdout
            for form in ("json", "yaml")]
    verdict = json.loads(said[0])["verdict"]
    assert verdict and verdict in said[1]


def test_the_catalogue_is_tried_as_agreed(tmp_path):
    (tmp_path / "new.yaml").write_text(NEW)
    result = run_gridwarden("backtest", "--against-samples", "--rules", "new.yaml", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    agreed("samples.table", result.stdout)


def test_each_type_of_the_catalogue_is_in_the_json(tmp_path):
    (tmp_path / "new.yaml").write_text(NEW)
    result = run_gridwarden("backtest", "--against-samples", "--rules", "new.yaml", "-o", "json",
                            cwd=tmp_path)
    types = json.loads(result.stdout)
    assert len(types) > 600
    (one,) = [t for t in types if t["type"] == "VM_AmDisablementAndCodeExecution"]
    assert one["rules"] == ["isolate", "tell"]
    assert one["actions"] == ["isolate_vm would be done"]
    assert one["severities"] == ["High"] and not one["retired"]


def test_guards_of_the_settings_hold_for_the_catalogue(folder):
    settings = SETTINGS.replace("*/virtualMachines/dc-*", "*/virtualMachines/vm-*")
    (folder / "g.yaml").write_text(settings)
    result = backtest(folder, "--against-samples")
    assert "isolate_vm would be refused: protected by resource" not in result.stdout  # of web-*
    result = backtest(folder, "--against-samples", "--rules", "new.yaml")
    assert "isolate_vm would be refused: protected by resource */virtualMachines/vm-*, on\n" \
        in result.stdout
    assert "on 0 a machine would be isolated" in result.stdout


def test_a_pipeline_may_fail_on_a_change_and_only_then(folder):
    changed = backtest(folder, "--rules", "new.yaml", *PERIOD, "--fail-on-change")
    assert changed.returncode == 1 and "more would be isolated" in changed.stdout
    same = backtest(folder, "--rules", "rules.yaml", *PERIOD, "--fail-on-change")
    assert same.returncode == 0
    assert "the same 1 machine would be isolated; " in same.stdout
    assert "What would be done otherwise" not in same.stdout


def test_nothing_is_left_beside_the_store(folder):
    before = sorted(p.name for p in folder.iterdir())
    assert backtest(folder, "--rules", "new.yaml", *PERIOD).returncode == 0
    assert sorted(p.name for p in folder.iterdir()) == before


def test_an_hour_before_the_period_counts_for_its_budgets(folder):
    since = "2026-03-21T00:02:00Z"  # behind the first two of the storm
    result = backtest(folder, "--rules", "new.yaml", "--since", since, "--until", "2026-03-31",
                      "-o", "json")
    report = json.loads(result.stdout)
    assert report["alerts"] == 3
    assert {row["change"] for row in report["actions"]} == {"otherwise"}
    assert report["budgets"] == [{"reason": "budget used up: 2 isolate_vm an hour",
                                  "before": 0, "after": 2}]


WAVE = """
rules:
  - {name: hit, match: {severity: High}}
  - name: wave
    correlation:
      {type: event_count, rules: [hit], group-by: [subscriptionId], timespan: 10m, condition: {gte: 3}}
    actions: [{notify: night}]
"""


@pytest.mark.parametrize("since,fires", [
    ("2026-03-01", 1),
    ("2026-03-21T00:02:00Z", 1),  # two of three came before
    ("2026-03-21T00:03:00Z", 0),  # it fired before, and is quiet
])
def test_what_new_rules_count_is_counted_over_the_past(folder, since, fires):
    (folder / "new.yaml").write_text(WAVE)
    result = backtest(folder, "--rules", "new.yaml", "--since", since, "--until", "2026-03-31",
                      "-o", "json")
    report = json.loads(result.stdout)
    (wave,) = [rule for rule in report["rules"] if rule["rule"] == "wave"]
    assert wave["after"] == fires
    assert sum(m["after"] for m in report["messages"] if m["target"] == "night") == fires


def test_mistakes_in_the_new_rules_are_told_as_check_does(folder):
    (folder / "new.yaml").write_text(NEW.replace("isolate_vm", "isolat_vm"))
    result = backtest(folder, "--rules", "new.yaml", *PERIOD)
    assert (result.returncode, result.stdout) == (1, "")
    assert "new.yaml:5:15: error: unknown action 'isolat_vm', did you mean 'isolate_vm'?" \
        in result.stderr


def test_rules_whose_tests_fail_are_not_tried(folder):
    (folder / "new.yaml").write_text("""
rules:
  - name: a
    match: {severity: High}
    actions: [notify: soc]
    tests: [{alert: {alertName: n, severity: Low, resourceIdentifiers: []}, expect: {fires: true}}]
""")
    result = backtest(folder, "--rules", "new.yaml", *PERIOD)
    assert (result.returncode, result.stdout) == (1, "")
    assert "new.yaml:6:" in result.stderr


@pytest.mark.parametrize("arguments,code,words", [
    (["--since", "30"], 2, "--since takes a time ago (8h, 30d) or a time"),
    (["--until", "2026-13-01"], 2, "--until takes a time ago"),
    (["--since", "1h", "--until", "2h"], 2, "--since is not before --until"),
    (["new.yaml"], 2, "takes no operand"),
    (["--store", "gone.db"], 3, "gone.db: cannot read the store: No such file"),
    (["--store", "g.yaml"], 1, "file is not a database"),
], ids=lambda x: " ".join(x) if isinstance(x, list) else None)
def test_what_cannot_be_done_is_said(folder, arguments, code, words):
    result = backtest(folder, *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert words in result.stderr


def test_an_empty_past_is_no_error(folder):
    result = backtest(folder, "--rules", "new.yaml", "--since", "2020-01-01", "--until",
                      "2020-01-02")
    assert result.returncode == 0
    assert result.stdout.startswith("0 alerts since 2020-01-01T00:00:00Z: no machine would be")
