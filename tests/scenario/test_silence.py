"""Silences: a person holds notifications back for a while; what is done about alerts goes on."""

import re
from datetime import datetime, timedelta, timezone

import pytest
from harness import event_grid, flat_alert

RULES = """
rules:
  - name: tell
    match: {severity|gte: Low}
    actions: [{notify: soc}]
  - name: cut-off
    match: {alertDisplayName: Cut me off}
    actions: [isolate_vm]
"""


@pytest.fixture
def gridwarden(make):
    return make(rules=RULES).start()


def silence(gridwarden, *arguments):
    done = gridwarden.run("silence", *arguments, "--config", gridwarden.config)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def add(gridwarden, *arguments):
    """Its id."""
    text = silence(gridwarden, "add", *arguments, "--reason", "patch day")
    return re.match(r"silence (\d+) is ", text)[1]


def tell(gridwarden, name="Suspicious process executed", machine="web-01", **more):
    gridwarden.deliver(event_grid(flat_alert(name=name, machine=machine, **more)))
    gridwarden.wait_line(lambda line: line["message"].startswith(f'alert "{name}" decided'))


def metrics(gridwarden):
    page = gridwarden.operations("/metrics").body.decode()
    return {line.split()[0]: int(line.split()[1]) for line in page.splitlines()
            if line.startswith(("gridwarden_silences", "gridwarden_notifications"))}


def test_a_notification_is_held_back_and_says_by_whom_until_when_and_why(azure, gridwarden):
    one = add(gridwarden, "resourceName=web-01", "severity=High", "--for", "2h", "--owner", "Ann")
    tell(gridwarden)
    (step,) = gridwarden.actions("notify")
    assert step["state"] == "suppressed"
    assert re.fullmatch(rf"silenced by #{one} \(Ann, until \S+Z\): patch day", step["reason"])
    tell(gridwarden, name="Elsewhere", machine="web-02")
    gridwarden.wait_step("notify")
    assert len(azure.cards()) == 1 and "Elsewhere" in str(azure.cards())
    (alert,) = [a for a in gridwarden.alerts() if a["name"].startswith("Suspicious")]
    assert alert["steps"] == "notify suppressed"
    (row,) = gridwarden.ask("silence", "list")
    assert (row["held_back"], row["state"], row["reason"]) == (1, "active", "patch day")
    assert row["last"] is not None
    assert metrics(gridwarden) == {
        'gridwarden_notifications_suppressed_total{reason="silence"}': 1,
        'gridwarden_silences{state="active"}': 1, 'gridwarden_silences{state="pending"}': 0}


def test_a_machine_that_is_cut_off_is_told_under_any_silence(azure, gridwarden):
    add(gridwarden, "resourceName=web-01", "--for", "2h")
    tell(gridwarden, name="Cut me off")
    gridwarden.wait_step("notify")
    (card,) = azure.cards()
    assert "isolate_vm web-01: done" in str(card)
    assert gridwarden.ask("silence", "list")[0]["held_back"] == 0


def test_expire_takes_effect_for_the_next_alert_and_stays_on_record(azure, gridwarden):
    one = add(gridwarden, "resourceName=web-01", "--for", "2h")
    tell(gridwarden)
    assert "people are told again" in silence(gridwarden, "expire", one)
    tell(gridwarden, name="Now I am told")
    gridwarden.wait_step("notify")
    assert len(azure.cards()) == 1
    assert gridwarden.ask("silence", "list") == []
    (row,) = gridwarden.ask("silence", "list", "--all")
    assert row["state"] == "expired"
    record = gridwarden.ask("silence", "show", one)["record"]
    assert [word["what"] for word in record] == ["added", "expired"]
    assert all(word["name"] and word["seat"].startswith("user ") for word in record)
    again = gridwarden.run("silence", "expire", one, "--config", gridwarden.config)
    assert again.returncode == 5 and "has ended already" in again.stderr


def test_a_silence_survives_a_kill(azure, gridwarden):
    add(gridwarden, "alertDisplayName|contains=suspicious", "--for", "2h")
    gridwarden.kill()
    gridwarden.start()
    tell(gridwarden)
    assert [s["state"] for s in gridwarden.actions("notify")] == ["suppressed"]
    assert azure.cards() == []


def test_one_that_has_not_begun_holds_nothing_back(azure, gridwarden):
    start = datetime.now(timezone.utc) + timedelta(hours=1)
    add(gridwarden, "resourceName=web-01", "--start", start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "--for", "1h")
    assert [row["state"] for row in gridwarden.ask("silence", "list")] == ["pending"]
    tell(gridwarden)
    gridwarden.wait_step("notify")
    assert len(azure.cards()) == 1


def test_extend_moves_the_end(gridwarden):
    one = add(gridwarden, "resourceName=web-01", "--for", "1h")
    before = gridwarden.ask("silence", "show", one)["ends"]
    silence(gridwarden, "extend", one, "--for", "5h")
    shown = gridwarden.ask("silence", "show", one)
    assert shown["ends"] > before
    assert [word["what"] for word in shown["record"]] == ["added", "extended"]


@pytest.mark.parametrize("arguments, code, words", [
    (["resourceGroup=rg", "--for", "2h"], 2, "add needs a --reason"),
    (["resourceGroup=rg", "--reason", "r"], 2, "no silence is for ever"),
    (["resourceGroup=rg", "--reason", "r", "--for", "60d"], 2, "holds at most 30d"),
    (["resourceGroup=rg", "--reason", "r", "--until", "2020-01-01"], 2, "is no time such as"),
    (["resourceGroup=rg", "--reason", "r", "--until", "2020-01-01T00:00:00Z"], 2,
     "ended already"),
    (["--reason", "r", "--for", "2h"], 2, "takes matchers"),
    (["resourceGroup", "--reason", "r", "--for", "2h"], 2, "a matcher is FIELD=VALUE"),
    (["resourceName|in_file=x.txt", "--reason", "r", "--for", "2h"], 2,
     "no files can be read here"),
    (["severity!=High", "--reason", "r", "--for", "2h"], 2, "FIELD|neq=VALUE"),
    (["severity|neq=High", "--reason", "r", "--for", "2h"], 2, "lack the field"),
    (["alertDisplayName|contians=x", "--reason", "r", "--for", "2h"], 2,
     "matcher:1:18: error: unknown modifier 'contians', did you mean 'contains'?"),
])
def test_what_makes_no_silence_is_refused_with_its_place(gridwarden, arguments, code, words):
    done = gridwarden.run("silence", "add", *arguments, "--config", gridwarden.config)
    assert done.returncode == code and words in done.stderr, done.stderr
    assert gridwarden.ask("silence", "list", "--all") == []


def test_a_pager_is_silenced_and_other_tickets_are_not(azure, make):
    """PagerDuty wakes somebody up; a record in Sentinel is no notification."""
    gw = make(rules="""
rules:
  - name: tell
    match: {severity|gte: Low}
    actions: [{open_ticket: pager}, {open_ticket: desk}]
""", tickets={
        "pager": {"type": "pagerduty", "url": azure.url, "routing_key_file": "key"},
        "desk": {"type": "http", "url": f"{azure.url}/desk", "template": {"text": "{alert.name}"}},
    }).start()
    add(gw, "resourceName=web-01", "--for", "2h")
    tell(gw)
    states = {s["target"]: s["state"] for s in gw.actions("open_ticket")}
    assert states["pager"] == "suppressed" and states["desk"] != "suppressed"
