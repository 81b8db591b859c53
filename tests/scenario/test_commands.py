"""What people type and what programs ask: every format, every filter, every exit code."""

import json
import re
import subprocess

import pytest
from harness import BINARY, KEY, ROOT, event_grid, flat_alert, run_gridwarden, vm
from test_main_job import REST, isolated

try:
    import yaml
except ImportError:  # not part of what the tests need
    yaml = None

COMMANDS = re.findall(r"^  (\w+) +\S", run_gridwarden("--help").stdout.split("Commands:\n")[1],
                      re.MULTILINE)
SAMPLE = ROOT / "config/samples/suspicious-process.json"
FORMATS = ("table", "json", "yaml", "tsv")
# A title that would clear the screen, colour it red, and pass for two more rows.
HOSTILE = "\x1b[2J\x1b[31mred\x07\r\n9\t9\u009b1m\u202egone"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")


@pytest.fixture
def told(gridwarden):
    """A gridwarden that isolated web-01 and told of it, and then told of jump-01."""
    gridwarden.deliver(event_grid(flat_alert()))
    gridwarden.wait_step("notify")
    gridwarden.deliver(event_grid(flat_alert("Unusual sign-in", "Low", "jump-01")))
    gridwarden.wait_step("notify", count=2)
    return gridwarden


def typed(gw, *arguments, **more):
    return gw.run(*arguments, "--config", gw.config, **more)


def rows(gw, *arguments):
    result = typed(gw, *arguments, "-o", "json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def ids(gw, *arguments):
    return [row["id"] for row in rows(gw, *arguments)]


def wrong(result, words):
    """A mistake in what was typed: nothing on standard output, the mistake, and where to look."""
    assert result.returncode == 2, result
    assert result.stdout == ""
    assert words in result.stderr
    assert re.search(r"^Try 'gridwarden (\w+ )?--help'\.$", result.stderr, re.MULTILINE)


# ---- help ----

@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_given_for_every_command(command):
    for flag in ("--help", "-h"):
        result = run_gridwarden(command, flag)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith(f"Usage: gridwarden {command} ")


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "posture"])
def test_help_names_every_option_that_is_understood(command):
    """What getopt is told is read from the source: an option that nobody can find is none."""
    sources = [path.read_text() for path in (ROOT / "src/cmd").glob("*.c")]
    (source,) = [text for text in sources if f"cmd_{command} = {{" in text]
    if "list_run(" in source:
        source += (ROOT / "src/cmd/list.c").read_text()
    usage = run_gridwarden(command, "--help").stdout
    known = set(re.findall(r'\{ "([a-z-]+)", .{1,24}?, (?:true|false) \}', source))
    assert known
    understood = {name for name in known if not is_unknown(command, name)}
    assert {name for name in understood if f"--{name}" not in usage} == set()


def is_unknown(command, option):
    result = run_gridwarden(command, f"--{option}=", "--help")
    return "unknown option" in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_that_does_not_exist_is_named(command):
    wrong(run_gridwarden(command, "--bogus"), f"gridwarden {command}: unknown option '--bogus'")
    wrong(run_gridwarden(command, "-!"), f"gridwarden {command}: unknown option '-!'")
    wrong(run_gridwarden(command, "--no-color", "-!o", "json"), "unknown option '-!'")


def test_a_command_that_does_not_exist_is_named():
    wrong(run_gridwarden("alrets"), "unknown command 'alrets', did you mean 'alerts'?")
    assert run_gridwarden().returncode == 2


@pytest.mark.parametrize("arguments,words", [
    (["alerts", "-n"], "option '-n' needs a value"),
    (["alerts", "--limit"], "option '--limit' needs a value"),
    (["alerts", "--limit", "0"], "'0' is not a number above 0"),
    (["alerts", "--since", "soon"], "--since: "),
    (["alerts", "--state", "decidde"], "did you mean 'decided'?"),
    (["actions", "--state", "dnoe"], "did you mean 'done'?"),
    (["actions", "--action", "isolat_vm"], "did you mean 'isolate_vm'?"),
    (["alerts", "--action", "notify"], "unknown option '--action'"),
    (["alerts", "--alert", "1"], "unknown option '--alert'"),
    (["actions", "show"], "show takes one id"),
    (["actions", "show", "1", "2"], "show takes one id"),
    (["actions", "show", "one"], "'one' is not a number above 0"),
    (["actions", "delete", "1"], "'delete' is neither list nor show"),
    (["alerts", "-o", "xml"], "unknown output format 'xml', choose table, json, yaml or tsv"),
    (["explain"], "takes one file"), (["explain", "a", "b"], "takes one file"),
    (["send"], "takes one file"), (["send", "-m", "xml", "x"], "unknown schema 'xml'"),
    (["check", "a", "b"], "takes one settings file"), (["serve", "x"], "takes no argument"),
    (["version", "x"], "takes no argument"), (["release"], "takes the id of one action"),
])
def test_what_is_typed_wrongly_is_told(arguments, words):
    wrong(run_gridwarden(*arguments), words)


# ---- alerts and actions ----

def test_alerts_and_actions_are_listed_newest_first(told):
    assert [(a["id"], a["name"], a["severity"], a["state"]) for a in rows(told, "alerts")] == \
        [(2, "Unusual sign-in", "Low", "decided"),
         (1, "Suspicious process executed", "High", "decided")]
    assert [(s["id"], s["alert"], s["action"], s["state"]) for s in rows(told, "actions")] == \
        [(3, 2, "notify", "done"), (2, 1, "notify", "done"), (1, 1, "isolate_vm", "done")]
    assert rows(told, "actions", "list") == rows(told, "actions")


@pytest.mark.parametrize("command,titles", [
    ("alerts", ["ID", "RECEIVED", "SEVERITY", "ALERT", "ENTITY", "STATE", "ACTIONS"]),
    ("actions", ["ID", "CREATED", "ALERT", "ACTION", "STATE", "MACHINE", "TARGET", "RULE",
                 "REASON"])])
def test_every_format_tells_the_same(told, command, titles):
    text = {f: typed(told, command, "-o", f).stdout for f in FORMATS}
    values = json.loads(text["json"])
    assert text["table"] == typed(told, command).stdout
    head, *table = text["table"].splitlines()
    assert head.split() == titles
    cells = [line.split("\t") for line in text["tsv"].splitlines()]
    assert len(table) == len(cells) == len(values)
    for row, value, line in zip(cells, values, table):
        assert len(row) == len(titles)
        assert row[0] == str(value["id"]) == line.split()[0]
        assert all(cell in line for cell in row)
    assert text["yaml"].startswith(f'- "id": {values[0]["id"]}\n  "')
    if yaml:
        assert yaml.safe_load(text["yaml"]) == values


@pytest.mark.parametrize("command", ["alerts", "actions"])
def test_one_is_shown_in_every_format(told, command):
    text = {f: typed(told, command, "show", "1", "-o", f).stdout for f in FORMATS}
    value = json.loads(text["json"])
    assert value["id"] == 1
    assert text["yaml"].startswith('"id": 1\n')
    if yaml:
        assert yaml.safe_load(text["yaml"]) == value
    assert "id\t1" in text["tsv"].splitlines()
    assert re.search(r"^id +1$", text["table"], re.MULTILINE)
    assert "isolate" in text["table"]


def test_what_is_shown_of_an_action_holds_each_call_to_azure(azure, told):
    shown = rows(told, "actions", "show", "1")
    made = [c for c in azure.calls() if c["service"] == "arm"]
    assert [(c["method"], c["path"], c["status"], c["request_id"]) for c in shown["calls"]] == \
        [(c["method"], c["path"], c["status"], c["x-ms-request-id"]) for c in made]
    table = typed(told, "actions", "show", "1").stdout
    assert all(c["x-ms-request-id"] in table for c in made)
    assert len(shown["before"]["interfaces"]) == 2


def test_what_is_shown_of_an_alert_says_why(told):
    shown = rows(told, "alerts", "show", "1")
    assert [s["action"] for s in shown["actions"]] == ["isolate_vm", "notify"]
    assert {r["rule"]: r["answer"] for r in shown["why"]["rules"]} == {
        "isolate-on-suspicious-process": "yes", "arm-jit-on-brute-force": "no",
        "tell-the-soc": "yes"}
    assert shown["event"]["data"]["alertName"] == "Suspicious process executed"
    table = typed(told, "alerts", "show", "1").stdout
    assert "rule isolate-on-suspicious-process fires" in table
    assert re.search("  yes        severity is High +saw High\n", table)


@pytest.mark.parametrize("arguments,expected", [
    (["--state", "done"], [3, 2, 1]), (["--state", "failed"], []),
    (["--action", "isolate_vm"], [1]), (["-a", "notify"], [3, 2]),
    (["--alert", "1"], [2, 1]), (["--alert", "77"], []), (["--limit", "1"], [3]),
    (["-n", "2", "--action", "notify"], [3, 2]), (["--since", "1h"], [3, 2, 1]),
    (["--alert", "1", "--action", "notify", "--state", "done", "--since", "1d", "-n", "9"], [2]),
])
def test_actions_are_filtered(told, arguments, expected):
    assert ids(told, "actions", *arguments) == expected


def test_alerts_are_filtered(told):
    assert told.deliver("not json").status == 200
    told.wait_line(lambda line: line["message"].endswith("is unreadable"))
    assert ids(told, "alerts") == [3, 2, 1]
    assert ids(told, "alerts", "--state", "unreadable") == [3]
    assert ids(told, "alerts", "--state", "decided", "--limit", "1") == [2]
    assert ids(told, "alerts", "--since", "1d") == [3, 2, 1]


def test_an_empty_list_is_a_word_to_people_and_nothing_to_programs(gridwarden):
    for command, words in (("alerts", "no alerts\n"), ("actions", "no actions\n")):
        result = typed(gridwarden, command)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", words)
        assert [typed(gridwarden, command, "-o", f).stdout for f in FORMATS[1:]] == \
            ["[]\n", "[]\n", ""]


@pytest.mark.parametrize("command", ["alerts", "actions"])
def test_what_does_not_exist_is_not_found(gridwarden, command):
    result = typed(gridwarden, command, "show", "4711")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith("gridwarden: there is no ") and "4711" in result.stderr


def test_a_daemon_that_does_not_run_is_unreachable(make):
    gw = make()
    for arguments in (["alerts"], ["actions", "show", "1"], ["release", "1"], ["approve", "1"],
                      ["deny", "1"]):
        result = typed(gw, *arguments)
        assert (result.returncode, result.stdout) == (6, "")
        assert "the daemon cannot be reached: " in result.stderr
        assert str(gw.folder / "gridwarden.sock") in result.stderr
    result = run_gridwarden("alerts", "--socket", gw.folder / "elsewhere")
    assert result.returncode == 6 and "elsewhere: No such file" in result.stderr


def test_a_socket_is_enough_to_ask(told):
    result = run_gridwarden("alerts", "--socket", told.folder / "gridwarden.sock", "-o", "json")
    assert len(json.loads(result.stdout)) == 2
    result = run_gridwarden("alerts", "--config", told.folder / "no.yaml")
    assert result.returncode == 1 and "--socket" in result.stderr


def test_what_an_attacker_named_never_reaches_the_terminal(gridwarden):
    gridwarden.deliver(event_grid(flat_alert(HOSTILE, compromisedEntity=HOSTILE,
                                             alertType=HOSTILE, status=HOSTILE)))
    gridwarden.deliver(event_grid({}, event_type=HOSTILE, event_id=HOSTILE))
    gridwarden.deliver(f'{{"{HOSTILE}'.encode())
    gridwarden.wait_line(lambda line: line["message"].endswith("is unreadable"))
    gridwarden.wait_step("notify")
    for f in FORMATS:
        for arguments in (["alerts"], ["actions"], ["alerts", "show", "1"],
                          ["alerts", "show", "2"], ["alerts", "show", "3"],
                          ["actions", "show", "1"]):
            result = typed(gridwarden, *arguments, "-o", f)
            assert result.returncode == 0
            assert not RAW.search(result.stdout), (arguments, f, result.stdout)
    assert len(typed(gridwarden, "alerts", "-o", "tsv").stdout.splitlines()) == 3
    assert rows(gridwarden, "alerts", "show", "1")["name"] == HOSTILE


def test_on_a_terminal_long_names_are_cut_and_hostile_ones_are_tamed(gridwarden):
    gridwarden.deliver(event_grid(flat_alert(HOSTILE + "\u00e9" * 80)))
    gridwarden.wait_step("notify")
    for arguments in (["alerts"], ["actions"], ["alerts", "show", "1"]):
        command = " ".join([gridwarden.binary, *arguments, "--config", str(gridwarden.config)])
        shown = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True,
                               encoding="utf-8", errors="strict", check=True,
                               env={"TERM": "xterm", "NO_COLOR": "1"}).stdout.replace("\r\n", "\n")
        assert not RAW.search(shown), shown
        if arguments == ["alerts"]:
            assert "\\x1b[2J\\x1b[31mred" in shown and "\u2026" in shown


# ---- commands without a daemon ----

EXPLAIN = ["explain", str(ROOT / "config/samples/brute-force.json"), "--rules",
           str(ROOT / "config/rules.d")]


def on_a_terminal(*arguments, **env):
    command = " ".join([str(BINARY), *arguments])
    return subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, text=True,
                          check=True, env={"TERM": "xterm", **env}).stdout


def test_colours_are_for_terminals_alone_and_can_be_refused():
    assert "\x1b[32mfires\x1b[0m" in on_a_terminal(*EXPLAIN)
    for shown in (run_gridwarden(*EXPLAIN).stdout, on_a_terminal(*EXPLAIN, "--no-color"),
                  on_a_terminal(*EXPLAIN, NO_COLOR="1"), on_a_terminal(*EXPLAIN, TERM="dumb")):
        assert "fires" in shown and "\x1b" not in shown

def test_the_version_is_told_in_every_format():
    assert re.fullmatch(r"gridwarden \d+\.\d+\.\d+\n", run_gridwarden("version").stdout)
    assert run_gridwarden("--version").stdout == run_gridwarden("version").stdout
    told = json.loads(run_gridwarden("version", "-o", "json").stdout)
    assert told["name"] == "gridwarden"
    number = told["version"]
    assert run_gridwarden("version", "-o", "yaml").stdout == \
        f'"name": "gridwarden"\n"version": "{number}"\n'
    assert run_gridwarden("version", "-o", "tsv").stdout == f"name\tgridwarden\nversion\t{number}\n"


def test_check_gives_every_mistake_its_place(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n  - name: x\n    match: {severity: High}\n    acitons: []\n")
    result = run_gridwarden("check", "--rules", rules, "-o", "json")
    assert result.returncode == 1
    places = [(d["file"], d["line"], d["column"], d["level"]) for d in json.loads(result.stdout)]
    assert (str(rules), 4, 5, "error") in places
    assert re.search(r"^\d+ errors?, 0 warnings$", result.stderr, re.MULTILINE)
    tsv = run_gridwarden("check", "--rules", rules, "-o", "tsv").stdout.splitlines()
    assert [tuple(line.split("\t")[:4]) for line in tsv] == \
        [tuple(map(str, place)) for place in places]
    rules.write_text("rules:\n  - name: x\n    match: {severity: High}\n    actions: [isolate_vm]\n")
    result = run_gridwarden("check", "--rules", rules, "-o", "json")
    assert (result.returncode, result.stdout, result.stderr) == (0, "[]\n", "ok: 1 rule\n")


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_settings_that_cannot_be_read_are_named(tmp_path, name):
    for command in ("check", "explain"):
        operand = [] if command == "check" else [SAMPLE]
        result = run_gridwarden(command, *operand, "--config", tmp_path / name)
        assert result.returncode == 1
        assert str(tmp_path / name) in result.stdout + result.stderr


def test_explain_gives_the_decision_to_programs(make):
    gw = make()
    for text in (SAMPLE.read_text(), json.dumps(event_grid(flat_alert()))):
        result = typed(gw, "explain", "-", "-o", "json", input=text)
        assert (result.returncode, result.stderr) == (0, "")
        (told,) = json.loads(result.stdout)
        assert told["alert"]["name"] == "Suspicious process executed"
        assert [(r["rule"], r["answer"]) for r in told["rules"]][0] == \
            ("isolate-on-suspicious-process", "yes")
        assert [(s["action"], s["state"]) for s in told["plan"]] == \
            [("isolate_vm", "waiting"), ("notify", "waiting")]
    assert typed(gw, "explain", gw.folder / "missing.json").returncode == 3


def test_explain_shows_what_a_guard_would_do(make):
    gw = make(guards={"protected": [{"resource_group": "rg-shop"}]})
    (told,) = json.loads(typed(gw, "explain", SAMPLE, "-o", "json").stdout)
    assert (told["plan"][0]["state"], told["plan"][0]["reason"]) == \
        ("refused", "protected by resource_group rg-shop")


# ---- send ----

@pytest.mark.parametrize("schema", ["event-grid", "cloud-events"])
def test_send_does_what_event_grid_does(azure, gridwarden, schema):
    result = typed(gridwarden, "send", "-", "--schema", schema, "-o", "json",
                   input=json.dumps(flat_alert()))
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {"handshake": {"status": 200}, "delivery": {"status": 200}}
    gridwarden.wait_step("notify")
    assert isolated(azure, "web-01-nic")
    event = rows(gridwarden, "alerts", "show", "1")["event"]
    assert ("specversion" in event) == (schema == "cloud-events")


def test_send_reads_standard_input_and_events_as_they_are(gridwarden):
    events = event_grid(flat_alert(severity="Low"), event_id="mine") + event_grid(
        {**REST["properties"], "severity": "Low"}, event_id="mine too")
    result = typed(gridwarden, "send", "-", input=json.dumps(events))
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(r"handshake +200\ndelivery +200\n", result.stdout)
    gridwarden.wait_step("notify", count=2)
    assert {rows(gridwarden, "alerts", "show", n)["event"]["id"] for n in "12"} == \
        {"mine", "mine too"}


def test_send_takes_an_id_so_that_the_same_event_is_known(gridwarden):
    for _ in range(2):
        assert typed(gridwarden, "send", SAMPLE, "--id", "7", "--no-handshake").returncode == 0
    gridwarden.wait_step("notify")
    (row,) = rows(gridwarden, "alerts")
    assert row["events"] == 1


def test_send_with_a_wrong_key_is_refused(gridwarden, tmp_path):
    (tmp_path / "wrong").write_text("not-the-key-of-this-gridwarden\n")
    for more in ([], ["--no-handshake"], ["--schema", "cloud-events"]):
        result = typed(gridwarden, "send", SAMPLE, "--key-file", tmp_path / "wrong", *more)
        assert result.returncode == 4
        assert "401 refused" in result.stdout
        assert "not-the-key" not in result.stdout + result.stderr
    assert gridwarden.alerts() == []


def test_send_as_a_subscription_that_is_not_allowed_is_refused(gridwarden):
    result = typed(gridwarden, "send", SAMPLE, "--subscription", "evil")
    assert (result.returncode, "403 refused" in result.stdout) == (4, True)


def test_send_to_nobody_says_so(gridwarden):
    gridwarden.stop()
    result = run_gridwarden("send", SAMPLE, "--to", f"https://localhost:{gridwarden.port}/api",
                            "--key-file", gridwarden.folder / "key")
    assert (result.returncode, result.stdout) == (6, "")
    assert result.stderr.startswith("gridwarden send: ")
    assert KEY not in result.stderr
    result = typed(gridwarden, "send", SAMPLE)
    assert result.returncode == 6
    assert result.stderr.count("\n") == 1


def test_send_trusts_only_the_certificate_it_is_told(gridwarden):
    result = run_gridwarden(
        "send", SAMPLE, "--to", f"https://localhost:{gridwarden.port}/api/events",
        "--key-file", gridwarden.folder / "key")
    assert result.returncode == 6
    assert "certificate" in result.stderr
    assert KEY not in result.stderr


@pytest.mark.parametrize("url", ["http://example.com/api", "localhost:8443", "ftp://localhost/x"])
def test_send_takes_no_address_that_shows_the_key(url, tmp_path):
    (tmp_path / "key").write_text(KEY)
    result = run_gridwarden("send", SAMPLE, "--to", url, "--key-file", tmp_path / "key")
    assert result.returncode == 1
    assert KEY not in result.stderr


def test_send_of_a_missing_file_is_not_found(gridwarden):
    result = typed(gridwarden, "send", "missing.json")
    assert (result.returncode, "missing.json" in result.stderr) == (3, True)


# ---- operations ----

def test_health_is_told(gridwarden):
    for path, words in (("/livez", b"ok\n"), ("/readyz", b"ready\n"), ("/healthz", b"ready\n")):
        answer = gridwarden.operations(path)
        assert (answer.status, answer.body) == (200, words)
        assert answer.headers["Cache-Control"] == "no-store"
    for path in ("/", "/metrics/", "/api/events", "/livez/../metrics", "/%6civez"):
        assert gridwarden.operations(path).status == 404


def test_operations_are_not_on_the_public_side(gridwarden):
    for path in ("/metrics", "/livez", "/readyz", "/healthz"):
        assert gridwarden.request("GET", path).status == 404


def test_the_metrics_are_prometheus_text(told):
    told.deliver(event_grid(flat_alert()), code=None)
    told.deliver(event_grid(flat_alert()), code="wrong")
    answer = told.operations("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = answer.body.decode("ascii")
    assert text.endswith("\n") and "\n\n" not in text
    about, samples, current = {}, {}, None
    for line in text.splitlines():
        comment = re.fullmatch(r"# (HELP|TYPE) (gridwarden_[a-z0-9_]+) (\S.*)", line)
        if comment:
            kind, name, words = comment.groups()
            assert (name, kind) not in about
            about[name, kind], current = words, name
            continue
        sample = re.fullmatch(r'([a-z0-9_]+)(\{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\})?'
                              r" (-?\d+(?:\.\d+)?)", line)
        assert sample, line
        assert sample[1] == current  # all samples of one metric stand together, behind its words
        assert sample[1] + (sample[2] or "") not in samples
        samples[sample[1] + (sample[2] or "")] = float(sample[3])
    for name in {name for name, _ in about}:
        assert about[name, "HELP"] and about[name, "TYPE"] in ("counter", "gauge")
        assert (about[name, "TYPE"] == "counter") == name.endswith("_total"), name
    assert samples['gridwarden_steps{state="done"}'] == 3
    assert samples["gridwarden_alerts"] == samples["gridwarden_deliveries_total"] == 2
    assert samples['gridwarden_unauthorized_total{reason="missing"}'] == 1
    assert samples['gridwarden_unauthorized_total{reason="wrong"}'] == 1


def test_while_it_ends_it_is_not_ready(azure, gridwarden):
    azure.fault(method="GET", path="virtualMachines/web-01$", delay_s=3)
    gridwarden.deliver(event_grid(flat_alert()))
    azure.wait(method="GET", path="virtualMachines/web-01$", arrived=1)
    gridwarden.process.terminate()
    gridwarden.wait_line(lambda line: line["message"].startswith("ending: "))
    answer = gridwarden.operations("/readyz")
    assert (answer.status, answer.body) == (503, b"shutting down\n")
    assert gridwarden.operations("/livez").status == 200
    assert gridwarden.wait_end() == 0
    gridwarden.start()
    gridwarden.wait_step("notify")
    assert isolated(azure, "web-01-nic")


def test_resource_names_are_shown_as_azure_spells_them(gridwarden):
    gridwarden.deliver(event_grid(flat_alert(resourceIdentifiers=[
        {"azureResourceId": vm("web-01").upper()}])))
    gridwarden.wait_step("isolate_vm")
    (step,) = gridwarden.actions("isolate_vm")
    assert step["target"].lower() == vm("web-01").lower()
