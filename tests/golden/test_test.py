"""`gridwarden test`: what it prints, what it ends with, and what the shipped rules promise."""

import json
import shutil
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness import ROOT, flat_alert, run_gridwarden  # noqa: E402

RULES = """
rules:
  - name: isolate
    match: {severity: High, alertDisplayName|contains: process}
    actions: [isolate_vm, {notify: soc}]
    tests:
      - {alert: alert.json, expect: {fires: true, actions: [isolate_vm, notify]}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "rules.d" / "alert.json").write_text(json.dumps(flat_alert()))
    write(tmp_path, RULES)
    return tmp_path


def write(folder, text, name="a.yaml"):
    (folder / "rules.d" / name).write_text(text)


def run(folder, *arguments):
    return run_gridwarden("test", "--rules", "rules.d", *arguments, cwd=folder)


def test_the_shipped_rules_pass_their_tests_and_all_of_them_is_covered():
    result = run_gridwarden("test", "config/gridwarden.yaml", "--require-coverage", "100",
                            cwd=ROOT)
    assert (result.returncode, result.stdout) == (0, ""), result.stdout
    assert "passed\n" in result.stderr
    check = run_gridwarden("check", "config/gridwarden.yaml", cwd=ROOT)
    assert (check.returncode, check.stdout) == (0, "")
    assert "tests pass" in check.stderr


def test_what_passes_is_only_counted(folder):
    result = run(folder)
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "1 test: 1 passed\n"


def test_what_fails_is_shown_with_its_place_and_what_decided(folder):
    write(folder, RULES.replace("High", "Low"))
    result = run(folder)
    assert result.returncode == 1
    assert result.stdout == """\
rules.d/a.yaml:7:9: failed: isolate on rules.d/alert.json
  expected  fires; does isolate_vm and notify
  happened  does not fire
  no        severity is Low; saw High
"""
    assert result.stderr == "1 test: 0 passed, 1 failed\n"


def test_check_says_of_a_test_that_fails_what_the_daemon_would(folder):
    write(folder, RULES.replace("High", "Low"))
    result = run_gridwarden("check", "--rules", "rules.d", cwd=folder)
    assert result.returncode == 1
    assert result.stdout.startswith(
        "rules.d/a.yaml:7:9: error: the test of 'isolate' fails: expected: fires; does isolate_vm "
        "and notify; happened: does not fire - severity is Low: no, saw High\n")


@pytest.mark.parametrize("command,place,words", [
    ("test", "rules.d/a.yaml:7:17: unusable: isolate on rules.d/alert.json", "No such file"),
    ("check", "rules.d/a.yaml:7:17: error: the test of 'isolate' cannot be run", "No such file")])
def test_an_alert_that_is_missing_is_a_mistake_at_its_place(folder, command, place, words):
    (folder / "rules.d" / "alert.json").unlink()
    result = run_gridwarden(command, "--rules", "rules.d", cwd=folder)
    assert result.returncode == 1
    assert place in result.stdout and words in result.stdout


def test_an_alert_that_is_none_is_a_mistake(folder):
    (folder / "rules.d" / "alert.json").write_text("{")
    result = run(folder)
    assert result.returncode == 1 and "unusable" in result.stdout


def test_an_alert_that_is_too_large_is_a_mistake(folder):
    (folder / "rules.d" / "alert.json").write_text(" " * (1 << 20) + "{}")
    assert "is larger than" in run(folder).stdout


def test_json_has_every_test_and_the_conditions_that_decided(folder):
    write(folder, RULES + "      - {alert: alert.json, overrides: {severity: Low},"
                          " expect: {fires: true}}\n")
    result = run(folder, "-o", "json", "--coverage")
    assert result.returncode == 1
    said = json.loads(result.stdout)
    assert (said["passed"], said["failed"]) == (1, 1)
    assert [t["result"] for t in said["tests"]] == ["passed", "failed"]
    assert said["tests"][1]["conditions"] == [
        {"field": "severity", "wanted": "High", "seen": "Low", "answer": "no"}]
    assert said["coverage"]["percent"] == 75
    (condition,) = said["coverage"]["conditions"]
    assert (condition["field"], condition["yes"], condition["no"]) == (
        "alertDisplayName|contains", True, False)


def test_tsv_has_a_line_for_each_test(folder):
    line, = run(folder, "-o", "tsv").stdout.splitlines()
    assert line.split("\t") == ["rules.d/a.yaml", "7", "9", "isolate", "passed", ""]


def test_coverage_names_what_no_test_reaches(folder):
    write(folder, RULES + """
  - name: untested
    match: {severity: Low}
    actions: [{notify: soc}]
  - name: never
    match: {severity: Low}
    actions: [{notify: soc}]
    tests: [{alert: alert.json, expect: {fires: false}}]
  - name: is-off
    mode: off
    match: {severity: Low}
    actions: [{notify: soc}]
    tests: [{alert: alert.json, expect: {fires: true}}]
""")
    result = run(folder, "--coverage")
    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        "rules.d/a.yaml:9:5: no test: untested",
        "rules.d/a.yaml:12:5: never fires: never",
        "rules.d/a.yaml:4:13: never no: severity is High  [isolate]",
        "rules.d/a.yaml:4:29: never no: alertDisplayName contains process  [isolate]",
        "rules.d/a.yaml:13:13: never yes: severity is Low  [never]"]
    assert "3 tests: 2 passed, 1 skipped" in result.stderr
    assert "coverage 37 %" in result.stderr and "3 of 8 were seen" in result.stderr


def test_too_little_coverage_is_a_failure(folder):
    assert run(folder, "--require-coverage", "50").returncode == 0
    result = run(folder, "--require-coverage", "51")
    assert result.returncode == 1
    assert "that is less than the 51 % that are required" in result.stderr


def test_one_rule_can_be_tested_alone(folder):
    write(folder, RULES.replace("name: isolate", "name: other").replace("High", "Low"), "b.yaml")
    assert run(folder).returncode == 1
    assert run(folder, "--rule", "isolate").returncode == 0
    assert run(folder, "--rule", "other").returncode == 1
    missing = run(folder, "--rule", "isolat")
    assert missing.returncode == 3 and "there is no rule 'isolat'" in missing.stderr


def test_what_is_wrong_with_the_call_has_its_own_exit_code(folder):
    assert run_gridwarden("test", "--rules", folder / "nothing").returncode == 3
    assert run_gridwarden("test", "a", "b").returncode == 2
    assert run(folder, "--require-coverage", "101").returncode == 2
    write(folder, RULES.replace("severity", "severity|grater"))
    broken = run(folder)
    assert broken.returncode == 1 and "a.yaml:4:22: error: unknown modifier" in broken.stderr


def test_guards_of_the_settings_count_in_a_test_that_speaks_of_them(folder):
    (folder / "gridwarden.yaml").write_text(json.dumps({
        "auth": {"insecure": True}, "listen": {"address": "127.0.0.1:0"}, "rules": "rules.d",
        "channels": {"soc": {"type": "teams", "url_file": "u"}},
        "guards": {"protected": [{"resource_group": "rg-shop"}]}}))
    result = run_gridwarden("test", folder / "gridwarden.yaml")
    assert result.returncode == 0  # a test that says nothing of guards
    write(folder, RULES.replace("notify]}}", "notify], refused: []}}"))
    result = run_gridwarden("test", folder / "gridwarden.yaml")
    assert result.returncode == 1
    assert "happened  fires; does notify; refuses isolate_vm: protected by resource_group rg-shop" \
        in result.stdout


def test_ten_thousand_tests_do_not_make_a_reload_slow(folder):
    for n in range(5):
        write(folder, "rules:\n" + "".join(f"""\
  - name: r{n}-{i}
    match: {{severity: High, alertDisplayName|contains: process{n}-{i}}}
    actions: [isolate_vm]
    tests:
      - {{alert: alert.json, overrides: {{alertName: process{n}-{i}}}, expect: {{fires: true}}}}
      - {{alert: alert.json, expect: {{fires: false}}}}
""" for i in range(1000)), f"{n}.yaml")
    began = time.monotonic()
    result = run_gridwarden("check", "--rules", "rules.d", cwd=folder)
    assert result.returncode == 0, result.stdout[:1000]
    assert "10001 tests pass" in result.stderr
    assert time.monotonic() - began < 9


def test_a_rule_file_alone_finds_its_alerts(folder):
    shutil.move(folder / "rules.d", folder / "elsewhere")
    assert run_gridwarden("test", "-r", folder / "elsewhere/a.yaml").returncode == 0
    assert run_gridwarden("test", "-r", "a.yaml", cwd=folder / "elsewhere").returncode == 0
