"""What changes without a restart; and what is broken leaves everything as it was."""

import json
import signal
import socket
import ssl
import threading
from datetime import datetime

import pytest
from harness import KEY, event_grid, flat_alert, make_certificate
from test_guards import card_text, changes
from test_main_job import isolated

HARMLESS = flat_alert("Unusual sign-in", "Low", "jump-01")
TELL_ONLY = """
rules:
  - name: only-tell
    match: {severity: High}
    actions: [notify: soc]
"""


def figure(gw, name):
    """The value of a metric."""
    lines = gw.operations("/metrics").body.decode().splitlines()
    (value,) = [line.split()[-1] for line in lines if line.startswith(f"gridwarden_{name} ")]
    return int(value)


def reloaded(gw):
    line = gw.reload()
    assert line["message"].startswith("configuration reloaded: "), gw.log()
    assert figure(gw, "config_last_reload_successful") == 1


def refused(gw, words):
    """The reload is refused, says why and shows in the figures; deliveries go on as before."""
    good_at = figure(gw, "config_last_reload_success_timestamp_seconds")
    since = len(gw.lines)
    line = gw.reload()
    assert line["message"].startswith(
        "configuration not reloaded, the old one stays in force: "), gw.log()
    assert line["level"] == "error"
    said = "\n".join(line["message"] for line in gw.lines[since:])
    assert words in said
    assert KEY not in gw.log()
    assert figure(gw, "config_last_reload_successful") == 0
    assert figure(gw, "config_last_reload_success_timestamp_seconds") == good_at
    assert gw.operations("/readyz").status == 200
    assert gw.deliver(event_grid(HARMLESS)).status == 200
    gw.wait_step("notify")


def certificate_in_use(gw):
    """The certificate that a new connection gets, whatever it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", gw.port)) as plain, \
            context.wrap_socket(plain) as secure:
        return secure.getpeercert(binary_form=True)


def certificate_in_file(gw):
    return ssl.PEM_cert_to_DER_cert((gw.folder / "fullchain.pem").read_text())


# ---- what is picked up ----

def test_new_rules_hold_for_the_next_alert(azure, make):
    gw = make(rules=TELL_ONLY).start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    assert changes(azure) == []
    gw.write_rules(TELL_ONLY.replace("[notify: soc]", "[isolate_vm, notify: soc]"))
    reloaded(gw)
    gw.deliver(event_grid(flat_alert(machine="web-02")))
    gw.wait_step("notify", count=2)
    assert isolated(azure, "web-02-nic") and not isolated(azure, "web-01-nic")


def test_a_rule_file_that_is_added_or_taken_away_counts(azure, make):
    gw = make(rules=TELL_ONLY).start()
    gw.write_rules(TELL_ONLY.replace("only-tell", "more").replace("High", "Low"), "20-more.yaml")
    assert "2 rules" in gw.reload()["message"]
    (gw.folder / "rules.d" / "10-rules.yaml").unlink()
    assert "1 rules" in gw.reload()["message"]
    gw.deliver(event_grid(flat_alert()))
    gw.deliver(event_grid(HARMLESS))
    gw.wait_step("notify", rule="more")
    assert len(gw.actions()) == 1


def test_a_guard_that_is_added_protects_at_once(azure, gridwarden):
    gridwarden.write_settings(guards={"protected": [{"resource_group": "rg-shop"}]})
    reloaded(gridwarden)
    gridwarden.deliver(event_grid(flat_alert()))
    gridwarden.wait_step("notify")
    assert "refused: protected by resource_group rg-shop" in card_text(azure)
    assert changes(azure) == []


def test_a_shared_key_is_rotated_without_a_lost_delivery(gridwarden):
    def answers():
        return [gridwarden.deliver(event_grid(HARMLESS), code=code).status
                for code in (KEY, "the-new-shared-key-of-this-run")]
    assert answers() == [200, 401]
    (gridwarden.folder / "key.new").write_text("the-new-shared-key-of-this-run\n")
    assert answers() == [200, 401]
    gridwarden.write_settings(auth={"keys_file": ["key.new", "key"],
                                    "subscriptions": ["soc-alerts"]})
    reloaded(gridwarden)
    assert answers() == [200, 200]
    gridwarden.write_settings(auth={"keys_file": ["key.new"], "subscriptions": ["soc-alerts"]})
    reloaded(gridwarden)
    assert answers() == [401, 200]


def test_a_key_whose_file_was_rewritten_is_the_new_one(gridwarden):
    (gridwarden.folder / "key").write_text("another-key-in-the-same-file\n")
    reloaded(gridwarden)
    assert gridwarden.deliver(event_grid(HARMLESS)).status == 401
    assert gridwarden.deliver(event_grid(HARMLESS),
                              code="another-key-in-the-same-file").status == 200


def test_a_new_certificate_is_shown_to_new_connections_and_old_ones_go_on(gridwarden):
    def delivery(connection):
        connection.request("POST", f"/api/events?code={KEY}", "[]",
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    old = gridwarden.connection()
    assert delivery(old) == 200
    first = certificate_in_use(gridwarden)
    make_certificate(gridwarden.folder)
    reloaded(gridwarden)
    assert certificate_in_use(gridwarden) == certificate_in_file(gridwarden) != first
    assert delivery(old) == 200
    old.close()
    assert gridwarden.deliver(event_grid(HARMLESS)).status == 200


def test_a_new_address_of_teams_is_used(azure, gridwarden):
    gridwarden.deliver(event_grid(HARMLESS))
    gridwarden.wait_step("notify")
    gridwarden.write_settings(channels={
        "soc": {"type": "teams", "format": "message_card", "url_file": "legacy-url"}})
    reloaded(gridwarden)
    gridwarden.deliver(event_grid(flat_alert("Another sign-in", "Low")))
    gridwarden.wait_step("notify", count=2)
    assert [card["format"] for card in azure.cards()] == ["adaptive", "messagecard"]


def test_an_address_of_teams_in_a_rewritten_file_is_used_without_a_reload(azure, gridwarden):
    (gridwarden.folder / "teams-url").write_text(
        f"{azure.url}/teams/workflows/other?api-version=1&sig=another-signature\n")
    gridwarden.deliver(event_grid(HARMLESS))
    gridwarden.wait_step("notify")
    assert [card["channel"] for card in azure.cards()] == ["other"]


# ---- what is refused ----

def break_rules(gw):
    gw.write_rules(TELL_ONLY.replace("severity", "severity|grater"))
    return "10-rules.yaml:4:22: unknown modifier 'grater'"


def name_an_unknown_channel(gw):
    gw.write_rules(TELL_ONLY.replace("soc", "sos"))
    return "the settings have no channel 'sos', did you mean 'soc'?"


def break_settings(gw):
    gw.config.write_text(gw.config.read_text() + "]")
    return "gridwarden.yaml:"


def remove_settings(gw):
    gw.config.unlink()
    return "gridwarden.yaml: "


def remove_rules(gw):
    for path in (gw.folder / "rules.d").iterdir():
        path.unlink()
    (gw.folder / "rules.d").rmdir()
    return "rules.d: No such file or directory"


def remove_key(gw):
    (gw.folder / "key").unlink()
    return "key: No such file or directory"


def empty_key(gw):
    (gw.folder / "key").write_text("\n")
    return "/key"


def empty_certificate(gw):
    (gw.folder / "fullchain.pem").write_text("")
    return "fullchain.pem"


def foreign_private_key(gw):
    certificate = (gw.folder / "fullchain.pem").read_text()
    make_certificate(gw.folder)
    (gw.folder / "fullchain.pem").write_text(certificate)
    return "privkey.pem"


def certificate_for_clients(gw):
    make_certificate(gw.folder, purpose="clientAuth")
    return "fullchain.pem: its extended key usage is not for TLS servers"


def remove_private_key(gw):
    (gw.folder / "privkey.pem").unlink()
    return "privkey.pem"


def written(gw):
    """The files that an administrator writes, with their text."""
    files = [gw.config, gw.folder / "key", *gw.folder.glob("*.pem"), *gw.folder.glob("rules.d/*")]
    return {path: path.read_text() for path in files if path.exists()}


@pytest.mark.parametrize("harm", [
    break_rules, name_an_unknown_channel, break_settings, remove_settings, remove_rules,
    remove_key, empty_key, empty_certificate, foreign_private_key, remove_private_key,
    certificate_for_clients])
def test_what_is_broken_is_refused_and_the_old_stays_in_force(make, harm):
    gw = make()
    gw.start()
    good = written(gw)
    shown = certificate_in_use(gw)
    trusted = gw.tls()
    gw.tls = lambda: trusted  # as it was when the connection was first made
    refused(gw, harm(gw))
    assert certificate_in_use(gw) == shown
    # Mended, the same command is good again.
    for path in set(written(gw)) - set(good):
        path.unlink()
    for path, text in good.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    reloaded(gw)


def test_a_broken_reload_takes_nothing_of_the_good_part(azure, gridwarden):
    """New rules and a new key, and a certificate that is no certificate: all or nothing."""
    shown = certificate_in_use(gridwarden)
    trusted = gridwarden.tls()
    gridwarden.tls = lambda: trusted
    gridwarden.write_rules(TELL_ONLY)
    (gridwarden.folder / "key").write_text("the-new-shared-key-of-this-run\n")
    (gridwarden.folder / "fullchain.pem").write_text("no certificate\n")
    refused(gridwarden, "fullchain.pem")
    assert certificate_in_use(gridwarden) == shown
    gridwarden.deliver(event_grid(flat_alert()))
    gridwarden.wait_step("isolate_vm")
    assert isolated(azure, "web-01-nic")


# ---- without a credential ----

@pytest.mark.parametrize("address,words", [
    # The running listener stays where it is: everybody who reaches it would be let in.
    ("127.0.0.1:0", "auth.insecure is only taken at start: restart it"),
    ("0.0.0.0:0", "insecure is for a loopback address, and listen.address is '0.0.0.0:0'"),
])
def test_a_listener_for_everybody_does_not_become_insecure_by_a_reload(make, address, words):
    gw = make(listen={"address": "0.0.0.0:0"}).start()
    gw.write_settings(listen={"address": address}, auth={"insecure": True, "keys_file": []})
    refused(gw, words)
    assert gw.deliver(event_grid(HARMLESS), code=None).status == 401


def test_an_insecure_listener_can_be_reloaded_and_made_secure(make):
    gw = make(auth={"insecure": True, "keys_file": []}).start()
    assert gw.deliver(event_grid(HARMLESS), code=None).status == 200
    reloaded(gw)
    assert gw.deliver(event_grid(HARMLESS), code=None).status == 200
    gw.write_settings(auth={"keys_file": ["key"], "insecure": False})
    reloaded(gw)
    assert gw.deliver(event_grid(HARMLESS), code=None).status == 401


# ---- two at once ----

def ask(gw, command):
    """A line to the command line's socket; the answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(gw.folder / "gridwarden.sock"))
        s.sendall(json.dumps({"command": command}).encode() + b"\n")
        return json.loads(s.makefile().readline())


def test_a_reload_by_the_socket_and_one_by_a_signal_come_one_after_the_other(make):
    gw = make().start(GRIDWARDEN_FAULT="reload:slow:1+")
    since, answers, times = len(gw.lines), [], []
    asking = threading.Thread(target=lambda: answers.append(ask(gw, "reload")))
    asking.start()
    gw.process.send_signal(signal.SIGHUP)

    def twice(line):
        if line["message"].startswith("configuration reloaded"):
            times.append(datetime.fromisoformat(line["time"].replace("Z", "+00:00")))
        return len(times) == 2
    gw.wait_line(twice, since=since)
    asking.join()
    (answer,) = answers
    assert answer["ok"] and answer["result"]["count"] == 3
    assert answer["result"]["rules"]["old"] == answer["result"]["rules"]["new"]
    assert (times[1] - times[0]).total_seconds() > 0.4  # a slow one takes half a second


def test_what_is_wrong_is_told_to_who_reloads_by_the_socket(gridwarden):
    words = break_rules(gridwarden)
    answer = ask(gridwarden, "reload")
    assert (answer["ok"], answer["kind"]) == (False, "input")
    assert words in answer["error"]
    (mistake,) = answer["report"]["mistakes"]
    assert (mistake["line"], mistake["column"], mistake["level"]) == (4, 22, "error")
    assert figure(gridwarden, "config_last_reload_successful") == 0


# ---- gridwarden reload ----

def test_reload_says_which_versions_are_in_force(make):
    gw = make(rules=TELL_ONLY).start()
    gw.write_rules(TELL_ONLY.replace("only-tell", "other"))
    result = gw.run("reload", "--config", gw.config)
    assert result.returncode == 0, result.stderr
    settings, rules = result.stdout.splitlines()
    assert settings.startswith("settings ") and settings.endswith(", as before")
    assert rules.startswith("rules ") and ", before " in rules
    assert result.stderr == "reloaded: 1 rule\n"
    page = gw.operations("/metrics").body.decode()
    assert f'gridwarden_config_info{{rules="{rules.split()[1].rstrip(",")}"' in page
    assert 'gridwarden_config_reloads_total{trigger="command",result="done"} 1\n' in page


def test_reload_shows_the_mistakes_as_check_does(make):
    gw = make(rules=TELL_ONLY).start()
    words = break_rules(gw)
    result = gw.run("reload", "--config", gw.config)
    assert result.returncode == 1
    assert words.replace(": unknown", ": error: unknown") in result.stdout
    assert "not reloaded, the old configuration stays in force: " in result.stderr
    check = gw.run("check", gw.config)
    assert check.stdout == result.stdout
    answer = json.loads(gw.run("reload", "--config", gw.config, "-o", "json").stdout)
    assert answer["report"]["mistakes"][0]["line"] == 4


def test_reload_of_a_daemon_that_is_not_there_says_so(make):
    gw = make()
    assert gw.run("reload", "--config", gw.config).returncode == 6
