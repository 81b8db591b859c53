"""gridwarden posture: plans, score and recommendations of an Azure, without a daemon."""

import json
import os
import pty
import re
import subprocess
import time
from pathlib import Path

import pytest
from harness import LIMIT_S, ROOT, run_gridwarden, SUBSCRIPTION as SHOP, vm

LAB = "66666666-7777-8888-9999-000000000000"
PLANS = "/providers/Microsoft.Security/pricings"
FORBIDDEN = {"error": {"code": "AuthorizationFailed", "message":
             "The client 'x' with object id 'y' does not have authorization to perform action "
             "'Microsoft.Security/assessments/read' over scope '/subscriptions/z' or the scope is "
             "invalid."}}


@pytest.fixture
def posture(make):
    """posture("plans", "list") -> what the command did; it needs settings and no daemon."""
    gw = make()
    return lambda *words, **more: gw.run("posture", *words, "--config", gw.config, **more)


def rows(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def changes(azure):
    return [call for call in azure.calls() if call["method"] not in ("GET", "POST")]


# ---- whose ----

def test_several_subscriptions_are_not_guessed(posture):
    result = posture("score")
    assert result.returncode == 2 and result.stdout == ""
    assert "choose with --subscription, or --all-subscriptions" in result.stderr
    assert SHOP in result.stderr and LAB in result.stderr


def test_a_wrong_subscription_and_a_wrong_command_are_told(posture):
    result = posture("score", "--subscription", "shop")
    assert result.returncode == 2 and "takes its id" in result.stderr
    result = posture("score", "--subscription", "99999999-0000-0000-0000-000000000000")
    assert result.returncode == 3 and "could not be found" in result.stderr
    result = posture("plan", "list")
    assert result.returncode == 2 and "did you mean 'plans list'?" in result.stderr
    result = posture("complianse", "--config")
    assert result.returncode == 2 and "unknown command 'complianse'" in result.stderr
    result = posture("score", "--subscription", SHOP, "-A")
    assert result.returncode == 2 and "not both" in result.stderr


COMMANDS = re.findall(r"^  (\w[\w-]*(?: \w+)?)  ", run_gridwarden("posture", "--help").stdout, re.M)
OPTIONS = set(re.findall(r'{ "([a-z-]+)", .{1,8}?, (?:true|false) }', "".join(
    path.read_text() for pattern in ("src/cmd/posture*.c", "include/cmd/posture.h")
    for path in ROOT.glob(pattern))))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_option_that_a_command_understands(command):
    usage = run_gridwarden("posture", *command.split(), "--help").stdout
    assert {"subscription", "sub-plan", "yes", "controls"} <= OPTIONS
    for name in OPTIONS:
        result = run_gridwarden("posture", *command.split(), f"--{name}=", "--help")
        if "unknown option" not in result.stderr:
            assert f"--{name}" in usage


# ---- score ----

def test_scores_stand_side_by_side(posture):
    result = posture("score", "-A")
    assert result.stdout == (
        "SUBSCRIPTION                          SCORE      CURRENT  MAX  PERCENT\n"
        f"{SHOP}  ASC score  23.53    39   60.33\n"
        f"{LAB}  ASC score  12       24   50\n")
    assert "classic secure score" in result.stderr
    assert rows(posture("score", "-A", "-o", "json"))[0] == {
        "subscription": SHOP, "score": "ASC score", "current": 23.53, "max": 39, "percent": 60.33}


def test_the_controls_say_where_points_are_lost(posture):
    controls = rows(posture("score", "--controls", "-s", SHOP, "-o", "json"))
    assert [(c["score"], c["unhealthy"]) for c in controls] == [
        ("Enable MFA", 1), ("Secure management ports", 1), ("Encrypt data in transit", 0)]


# ---- plans ----

def test_plans_are_listed_and_the_deprecated_ones_named(posture):
    result = posture("plans", "list", "-s", SHOP, "-o", "tsv")
    lines = result.stdout.splitlines()
    assert lines[0] == f"{SHOP}\tVirtualMachines\tStandard\tP2\tPartiallyCovered\t"
    assert lines[6] == f"{SHOP}\tDns\tFree\t\t\tdeprecated, VirtualMachines took its place"
    assert len(lines) == 7


def test_what_took_the_place_of_a_deprecated_plan_is_turned_on(posture, azure):
    result = posture("plans", "enable", "KubernetesService", "ContainerRegistry", "-s", SHOP, "--yes")
    assert result.returncode == 0
    assert "KubernetesService is deprecated, Containers took its place" in result.stderr
    assert [call["path"] for call in changes(azure)] == [
        f"/subscriptions/{SHOP}{PLANS}/Containers"]
    tiers = {row["plan"]: row["tier"] for row in rows(posture("plans", "list", "-s", SHOP, "-o", "json"))}
    assert tiers["Containers"] == "Standard" and tiers["KubernetesService"] == "Free"


def test_what_is_on_already_is_left_alone_but_for_another_sub_plan(posture, azure):
    result = posture("plans", "enable", "virtualmachines", "-s", SHOP, "--yes")
    assert result.returncode == 0 and "is Standard already" in result.stderr
    assert changes(azure) == []
    result = posture("plans", "enable", "VirtualMachines", "--sub-plan", "P1", "-s", SHOP, "--yes")
    assert "VirtualMachines of " in result.stderr and "sub-plan P1" in result.stderr
    assert len(changes(azure)) == 1


def test_all_turns_on_what_is_not_deprecated(posture, azure):
    assert posture("plans", "enable", "--all", "-s", LAB, "--yes").returncode == 0
    assert [call["path"].rsplit("/", 1)[1] for call in changes(azure)] == [
        "VirtualMachines", "StorageAccounts", "Containers"]
    assert posture("plans", "disable", "Containers", "-s", LAB, "--yes").returncode == 0
    tiers = {row["plan"]: row["tier"] for row in rows(posture("plans", "list", "-s", LAB, "-o", "json"))}
    assert tiers["Containers"] == "Free" and tiers["StorageAccounts"] == "Standard"


def test_an_extension_that_could_not_be_turned_on_is_told(posture, azure):
    azure.settings(failing_extension="AgentlessVmScanning")
    result = posture("plans", "enable", "VirtualMachines", "-s", LAB, "--yes")
    assert result.returncode == 1
    assert "but not all of it works:\nAgentlessVmScanning: The role assignment" in result.stderr


def test_a_plan_that_nobody_knows_changes_nothing(posture, azure):
    result = posture("plans", "enable", "Containers", "Storage", "-s", SHOP, "--yes")
    assert result.returncode == 3
    assert "unknown plan 'Storage'" in result.stderr
    assert changes(azure) == []


def test_nothing_is_changed_without_a_yes(posture, azure):
    result = posture("plans", "enable", "Containers", "-s", SHOP)
    assert result.returncode == 4 and "without --yes" in result.stderr
    result = posture("plans", "enable", "Containers", "-s", SHOP, "--dry-run")
    assert result.returncode == 0
    assert result.stdout == (f"PUT /subscriptions/{SHOP}{PLANS}/Containers?api-version=2024-01-01\n"
                             '{"properties":{"pricingTier":"Standard"}}\n')
    assert changes(azure) == []


@pytest.mark.parametrize("answer, code, count", [(b"y\n", 0, 1), (b"\n", 4, 0), (b"no\n", 4, 0)])
def test_a_person_at_a_terminal_is_asked(make, azure, answer, code, count):
    gw = make()
    keyboard, terminal = pty.openpty()
    os.write(keyboard, answer)
    result = subprocess.run([gw.binary, "posture", "plans", "enable", "Containers", "-s", SHOP,
                             "--config", str(gw.config)],
                            stdin=terminal, capture_output=True, text=True, timeout=LIMIT_S)
    os.close(terminal)
    os.close(keyboard)
    assert f"Turn on Containers for {SHOP}? [y/N]" in result.stderr
    assert result.returncode == code
    assert len(changes(azure)) == count


# ---- lists as Azure gives them ----

ALERT = (f"/subscriptions/{SHOP}/resourceGroups/rg-shop/providers/Microsoft.Security/locations/"
         "westeurope/alerts/2518298467986649999_4d25bfef-2d77-4a08-adc0-3e35715cc92a")


def test_alerts_are_listed_as_defender_has_them(posture, azure):
    azure.put_resource(ALERT, {
        "id": ALERT, "name": ALERT.rsplit("/", 1)[1], "type": "Microsoft.Security/Locations/alerts",
        "properties": {"severity": "High", "alertDisplayName": "Suspicious process\u202e executed",
                       "status": "Active", "compromisedEntity": "web-01",
                       "startTimeUtc": "2026-03-14T08:40:58Z"}})
    assert rows(posture("alerts", "list", "-A", "-o", "json"))[0]["id"] == ALERT
    shown = posture("alerts", "list", "-A").stdout
    assert "High      Suspicious process\\u202e executed  Active  web-01" in shown


def test_standards_and_their_controls(posture):
    standards = rows(posture("compliance", "standards", "-A", "-o", "json"))
    assert [(s["standard"], s["passed_controls"], s["failed_controls"]) for s in standards] == [
        ("Microsoft-cloud-security-benchmark", 1, 1)]
    controls = rows(posture("compliance", "controls", standards[0]["standard"], "-s", SHOP,
                            "-o", "json"))
    assert [(c["control"], c["state"]) for c in controls] == [
        ("NS.1", "Failed"), ("IM.6", "Passed"), ("IR.1", "Unsupported")]
    assert posture("compliance", "controls", "none", "-s", SHOP).returncode == 3
    for wrong in ([], ["a/b"], ["one", "two"]):
        assert posture("compliance", "controls", *wrong, "-s", SHOP).returncode == 2


def test_app_control_says_that_it_is_retired(posture):
    result = posture("app-control", "list", "-A", "-o", "json")
    assert rows(result) == []
    assert "retired adaptive application controls in 2024" in result.stderr


# ---- just-in-time access ----

POLICY = (f"/subscriptions/{SHOP}/resourceGroups/rg-shop/providers/Microsoft.Security/locations/"
          "westeurope/jitNetworkAccessPolicies/default")


def machines(azure):
    policy = azure.resource(POLICY)["properties"]
    return {m["id"].rsplit("/", 1)[1]: [port["number"] for port in m["ports"]]
            for m in policy["virtualMachines"]}


def test_jit_list_has_a_row_for_each_port(posture):
    found = rows(posture("jit", "list", "-s", SHOP, "-o", "json"))
    ports = {(row["machine"].rsplit("/", 1)[1], row["port"]): row for row in found}
    assert ports["db-01", 5432]["sources"] == "10.20.2.0/24, 10.20.1.0/24"
    assert ports["db-01", 5432]["longest"] == "PT3H"


def test_jit_enable_keeps_the_other_machines(posture, azure):
    before = machines(azure)
    words = ("jit", "enable", vm("web-01"), "--ports", "22,3389", "--source", "203.0.113.0/24",
             "--max", "2h")
    shown = posture(*words, "--dry-run")
    assert shown.stdout.startswith(f"PUT {POLICY}?api-version=2020-01-01\n")
    assert machines(azure) == before
    assert posture(*words, "--yes").returncode == 0
    assert machines(azure) == {**before, "web-01": [22, 3389]}
    again = posture(*words, "--yes")
    assert again.returncode == 0 and "has these ports already" in again.stderr


def test_jit_request_opens_a_port_until_a_time(posture, azure):
    words = ("jit", "request", vm("web-02"), "--port", "22", "--for", "30m", "--source",
             "203.0.113.10")
    assert posture(*words).returncode == 4
    assert azure.resource(POLICY)["properties"]["requests"] == []
    assert posture(*words, "--yes", "--justification", "ticket 7").returncode == 0
    asked = azure.resource(POLICY)["properties"]["requests"][0]
    assert asked["justification"] == "ticket 7"
    assert asked["virtualMachines"][0]["ports"][0]["allowedSourceAddressPrefix"] == "203.0.113.10"
    result = posture("jit", "request", vm("web-01"), "--port", "22", "--source", "203.0.113.10",
                     "--yes")
    assert result.returncode == 3 and "jit enable' makes one" in result.stderr


@pytest.mark.parametrize("words, told", [
    ((vm("web-01"), "--ports", "0", "--source", "203.0.113.1"), "'0' is no port"),
    ((vm("web-01"), "--ports", "22", "--source", "anywhere"), "'anywhere' is no address"),
    ((vm("web-01"), "--ports", "22", "--source", "203.0.113.1", "--max", "2d"), "5m to 1d"),
    ((vm("web-01"), "--ports", "22"), "needs --ports and --source"),
    (("web-01", "--ports", "22", "--source", "203.0.113.1"), "does not start with '/'"),
    ((POLICY, "--ports", "22", "--source", "203.0.113.1"), "is no virtual machine")])
def test_jit_enable_tells_what_was_typed_wrong(posture, azure, words, told):
    result = posture("jit", "enable", *words, "--yes")
    assert result.returncode == 2 and told in result.stderr
    assert azure.calls() == []


# ---- recommendations ----

def test_what_is_unhealthy_is_recommended_with_what_to_do(posture):
    found = rows(posture("recommendations", "-A", "-o", "json"))
    assert [(row["severity"], row["resource"].rsplit("/", 1)[1]) for row in found] == [
        ("High", SHOP), ("Medium", "web-01"), ("High", "web-01")]
    assert found[1]["remediation"] == "Turn on encryption at host."


def test_recommendations_of_one_severity_or_one_resource(posture):
    high = rows(posture("recommendations", "-A", "--severity", "high", "-o", "json"))
    assert {row["severity"] for row in high} == {"High"} and len(high) == 2
    one = rows(posture("recommendations", "--resource", vm("web-01"), "-o", "json"))
    assert len(one) == 2 and {row["resource"] for row in one} == {vm("web-01")}
    result = posture("recommendations", "-A", "--severity", "Critical")
    assert result.returncode == 2 and "High, Medium or Low, not 'Critical'" in result.stderr


def test_an_empty_page_is_not_the_last(posture, azure):
    azure.settings(empty_first_page=True)
    assert len(rows(posture("recommendations", "-A", "-o", "json"))) == 3


def test_a_throttled_page_is_waited_for(posture, azure):
    azure.fault(path="assessments$", status=429, headers={"Retry-After": "1"})
    result = posture("recommendations", "-A", "-o", "json")
    assert len(rows(result)) == 3
    assert "again in 1 s" in result.stderr and "429" in result.stderr


def test_a_missing_permission_is_named_and_the_other_subscription_shown(posture, azure):
    azure.fault(path=f"{LAB}/.*assessments$", status=403, body=FORBIDDEN)
    result = posture("recommendations", "-A", "-o", "json")
    assert result.returncode == 4
    assert "our identity lacks Microsoft.Security/assessments/read" in result.stderr
    assert len(json.loads(result.stdout)) == 3


def test_twenty_thousand_assessments_are_shown_as_they_come(make, azure):
    azure.settings(assessments=20000, assessment_page_size=1000)
    gw = make()
    began = time.monotonic()
    process = subprocess.Popen([gw.binary, "posture", "recommendations", "-s", SHOP,
                                "--config", str(gw.config)],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    next(process.stdout)
    assert "vm-" in [next(process.stdout) for _ in range(10)][-1]
    first = azure.calls()
    # What is shown was shown before the last pages were asked for.
    for _ in range(18000):
        next(process.stdout)
    # The last rows are more than a pipe holds: it is at work still.
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())[1])
    lines = sum(1 for _ in process.stdout)
    print(f"20000 assessments in {time.monotonic() - began:.2f} s, {peak} KB")
    assert process.wait(LIMIT_S) == 0
    assert 11 + 18000 + lines == 1 + 3 + 20000
    assert len(first) < len(azure.calls()) - 5
    assert peak < 40 * 1024
