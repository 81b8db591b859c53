"""Approvals over a page: links in cards, a form that decides, a quorum, and what must not decide."""

import hashlib
import base64
import hmac
import http.client
import json
import os
import re
import socket
import ssl
import stat
import time
import urllib.parse

import pytest
from harness import LIMIT_S, Answer, event_grid, flat_alert, make_certificate, vm
from test_main_job import isolated

URL = "https://approvals.example:8444"
FORM = "application/x-www-form-urlencoded"


def page(**more):
    return {"listen": "127.0.0.1:0", "public_url": URL, "actions": ["isolate_vm"], **more}


def channels(*names):
    return {name: {"type": "teams", "url_file": "teams-url"} for name in names}


class Person:
    """A browser at the page; links of cards are opened at the port that the log tells."""

    def __init__(self, gw):
        self.gw = gw

    def port(self):
        line = self.gw.wait_line(lambda line: line["message"].startswith("approvals: people"))
        return int(line["message"].rsplit(" ", 1)[1])

    def ask(self, method, link, body=None, headers=None):
        assert link.startswith(URL + "/")
        context = ssl.create_default_context(cafile=str(self.gw.folder / "fullchain.pem"))
        connection = http.client.HTTPSConnection("localhost", self.port(), context=context,
                                                 timeout=LIMIT_S)
        try:
            connection.request(method, link[len(URL):], body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()},
                          answer.read())
        finally:
            connection.close()

    def open(self, link):
        return self.ask("GET", link)

    def post(self, link, **fields):
        return self.ask("POST", link, urllib.parse.urlencode(fields),
                        {"Content-Type": FORM, "User-Agent": "Browser/1.0 <b>"})

    def tokens(self, link):
        found = re.findall(r'name="token" value="([^"]+)"', text(self.open(link)))
        assert len(found) == 2
        return dict(zip(("approve", "deny"), found))

    def decide(self, link, decision, name="Ann"):
        return self.post(link, token=self.tokens(link)[decision], name=name)


def text(answer):
    return answer.body.decode()


def content(card):
    return card["message"]["attachments"][0]["content"]


def links(card):
    actions = content(card).get("actions", [])
    return [a["url"] for a in actions if a["url"].startswith(URL)]


def held(gw):
    return [s for s in gw.actions("isolate_vm") if s["state"] == "approval"]


def step_of(gw, number=1):
    return gw.ask("actions", "show", str(number))


def changes(azure):
    return [c for c in azure.calls() if c["service"] == "arm" and c["method"] != "GET"]


@pytest.fixture
def begin(azure, make):
    """begin(**approvals) -> (gridwarden, a person, the link of the first card); one step is held."""
    def begin(settings=None, cards=1, **approvals):
        gw = make(approvals=page(**approvals), **(settings or {})).start()
        gw.deliver(event_grid(flat_alert()))
        gw.wait_step("notify", count=cards)
        (link,) = links(azure.cards()[0])
        return gw, Person(gw), link
    return begin


def test_explain_says_that_it_would_be_held_and_for_how_many(make):
    for quorum, words in ((1, "would be held for approval: it always waits for approval"),
                          (2, "would be held for approval by 2 people: it always waits")):
        gw = make(approvals=page(quorum=quorum))
        shown = gw.run("explain", "-", "--config", gw.config, input=json.dumps(flat_alert()))
        assert words in shown.stdout


# ---- looking changes nothing ----

def test_the_card_has_a_link_and_following_it_changes_nothing(azure, begin):
    gw, person, link = begin()
    (card,) = azure.cards()
    action = content(card)["actions"][0]
    assert action["type"] == "Action.OpenUrl"
    assert action["title"] == "Approve or deny isolate_vm web-01"
    first = person.open(link)
    assert person.open(link).status == first.status == 200
    head = person.ask("HEAD", link)
    assert (head.status, head.body) == (200, b"")
    assert [s["state"] for s in gw.actions("isolate_vm")] == ["approval"]
    assert "approvals" not in step_of(gw)
    assert changes(azure) == []


def test_the_page_says_what_to_what_why_and_until_when(begin):
    gw, person, link = begin()
    shown = text(person.open(link))
    due = held(gw)[0]["due"]
    for words in ("<h1>Approve or deny: isolate_vm on web-01</h1>",
                  "isolate_vm: cut a virtual machine off", vm("web-01"),
                  "it always waits for approval", "Suspicious process executed", "High",
                  "isolate-on-suspicious-process: ", f'datetime="{due}"', "gridwarden release 1",
                  "Nobody yet", "0 of 1 approvals"):
        assert words in shown, words
    assert '<html lang="en">' in shown and shown.count("<label for=") == 2
    assert shown.count(" required") == 2 and "<script" not in shown


def test_the_page_is_not_kept_framed_or_scripted(begin):
    _, person, link = begin()
    answer = person.open(link)
    style = re.search(r"<style>(.*?)</style>", text(answer), re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'")
    for name, value in {"cache-control": "no-store", "referrer-policy": "no-referrer",
                        "x-frame-options": "DENY", "x-content-type-options": "nosniff",
                        "content-type": "text/html; charset=utf-8"}.items():
        assert answer.headers[name] == value
    for status in (person.ask("GET", URL + "/"), person.ask("GET", link + "x")):
        assert status.headers["referrer-policy"] == "no-referrer"


def test_what_an_attacker_wrote_is_shown_as_text(azure, make):
    gw = make(approvals=page()).start()
    evil = "Suspicious process executed <script>alert(1)</script> \"'&"
    gw.deliver(event_grid(flat_alert(evil)))
    gw.wait_step("notify")
    shown = text(Person(gw).open(links(azure.cards()[0])[0]))
    assert "<script" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &quot;&#39;&amp;" in shown


# ---- a form decides, once ----

def test_a_form_approves_once_and_everything_says_who(azure, begin):
    gw, person, link = begin()
    tokens = person.tokens(link)
    answer = person.post(link, token=tokens["approve"], name="  Ann <i>Müller</i> ")
    assert answer.status == 200
    assert "<h1>Approved: isolate_vm on web-01</h1>" in text(answer)
    gw.wait_step("notify", count=2)
    assert isolated(azure, "web-01-nic", "web-01-nic-back")
    step = step_of(gw)
    assert step["state"] == "done"
    (said,) = step["approvals"]
    assert (said["answer"], said["name"], said["way"], said["seat"], said["address"],
            said["agent"]) == ("approved", "Ann <i>Müller</i>", "link in soc", "channel soc",
                               "127.0.0.1", "Browser/1.0 <b>")
    shown = gw.run("actions", "show", "1", "--config", gw.config).stdout
    assert re.search(r"approved +Ann <i>Müller</i> +link in soc +channel soc +127\.0\.0\.1", shown)
    card = json.dumps(azure.cards()[-1], ensure_ascii=False)
    assert "approved by Ann <i>Müller</i> (link in soc)" in card
    assert links(azure.cards()[-1]) == []
    line = gw.wait_line(lambda line: line["message"] == "action 1 was approved")
    assert (line["way"], line["address"]) == ("link in soc", "127.0.0.1")

    before = len(changes(azure))
    for token in tokens.values():
        used = person.post(link, token=token, name="Ann")
        assert used.status == 409
        assert "Ann &lt;i&gt;Müller&lt;/i&gt; (link in soc)" in text(used)
    assert person.open(link).status == 410
    assert len(changes(azure)) == before and len(step_of(gw)["approvals"]) == 1
    assert not any(token in gw.log() for token in tokens.values())
    figures = gw.operations("/metrics").body.decode()
    for line in ("page 1", "decided_total 1", "refused_total 2"):
        assert f"\ngridwarden_approvals_{line}\n" in figures


def test_a_form_denies_and_the_channel_hears_of_it(azure, begin):
    gw, person, link = begin()
    assert "It will not be done" in text(person.decide(link, "deny", "Ben"))
    gw.wait_step("notify", count=2)
    step = step_of(gw)
    assert (step["state"], step["reason"]) == ("refused", "denied by Ben (link in soc)")
    assert "refused: denied by Ben (link in soc)" in json.dumps(azure.cards()[-1])
    assert changes(azure) == []
    assert person.open(link).status == 410


@pytest.mark.parametrize("fields,status", [
    ({"name": "Ann"}, 403), ({"token": "", "name": "Ann"}, 403), ({}, 403),
    ({"token": "TOKEN"}, 400), ({"token": "TOKEN", "name": " \u200b "}, 400),
    ({"token": "TOKEN", "name": "a\nb"}, 400), ({"token": "TOKEN", "name": "A", "x": "1"}, 400),
    ({"token": "SHOWN", "name": "Ann"}, 403),
])
def test_an_incomplete_form_decides_nothing(begin, fields, status):
    gw, person, link = begin()
    known = {"TOKEN": person.tokens(link)["approve"], "SHOWN": link.rsplit("/", 1)[1]}
    answer = person.post(link, **{k: known.get(v, v) for k, v in fields.items()})
    assert answer.status == status
    assert len(held(gw)) == 1 and "approvals" not in step_of(gw)


def test_what_is_no_form_decides_nothing(begin):
    gw, person, link = begin()
    token = person.tokens(link)["approve"]
    body = urllib.parse.urlencode({"token": token, "name": "Ann"})
    assert person.ask("POST", link, body, {"Content-Type": "text/plain"}).status == 415
    assert person.ask("POST", link + "?" + body).status == 415
    assert person.ask("POST", link + "?" + body, "", {"Content-Type": FORM}).status == 403
    assert person.ask("POST", link, body + "&" + body, {"Content-Type": FORM}).status == 400
    assert person.ask("POST", link, "x" * 5000, {"Content-Type": FORM}).status == 413
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
        answer = person.ask(method, link)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert person.ask("GET", URL + "/approvals/").status == 404
    assert person.ask("GET", URL + "/api/events").status == 404
    assert len(held(gw)) == 1 and "approvals" not in step_of(gw)


# ---- forged, of another step, over ----

def test_forged_links_are_refused_and_do_not_fill_the_log(begin):
    gw, person, link = begin()
    for number in range(25):
        forged = link[:-1] + ("A" if link[-1] != "A" else "B") if number else link + "x"
        answer = person.open(forged)
        assert answer.status == 403 and "not valid" in text(answer)
    good = link.rsplit("/", 1)[1].split(".")
    key = b"x" * 32
    for change in ({2: "2"}, {3: "9999999999999"}, {1: "approve"}, {5: "bGVhZHM"}):
        parts = [change.get(i, p) for i, p in enumerate(good[:-1])]
        mac = hmac.new(key, ("gridwarden approval\n" + ".".join(parts)).encode(), hashlib.sha256)
        signed = base64.urlsafe_b64encode(mac.digest()).decode().rstrip("=")
        for end in (good[-1], signed):
            assert person.open(f"{URL}/approvals/{'.'.join([*parts, end])}").status == 403
    told = [line for line in gw.lines if "its link is not one of ours" in line["message"]]
    assert 1 <= len(told) <= 10
    assert len(held(gw)) == 1


def test_a_token_of_another_step_or_channel_does_not_decide_this_one(azure, make):
    gw = make(channels=channels("soc", "leads"),
              approvals=page(channels=["soc", "leads"])).start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify", count=2)
    gw.deliver(event_grid(flat_alert(machine="web-02")))
    gw.wait_step("notify", count=4)
    person = Person(gw)
    every = [link for card in azure.cards() for link in links(card)]
    assert len(set(every)) == 4
    for link in every:
        for other in every:
            if other != link:
                token = person.tokens(other)["approve"]
                assert person.post(link, token=token, name="Ann").status == 403
    assert len(held(gw)) == 2


def test_nobody_in_time_is_a_no_and_the_link_is_over(azure, begin):
    gw, person, link = begin(settings={"guards": {"approval_timeout": "4s"}})
    tokens = person.tokens(link)
    gw.wait_step("isolate_vm", "refused")
    for answer in (person.open(link), person.post(link, token=tokens["approve"], name="Ann")):
        assert answer.status == 410
        assert "nobody approved it in time" in text(answer)
    gw.wait_step("notify", count=2)
    assert "nobody approved it in time" in json.dumps(azure.cards()[-1])
    assert changes(azure) == [] and "approvals" not in step_of(gw)


# ---- quorum ----

def two_channels(**more):
    return {"channels": channels("soc", "leads"), **more}


def test_a_quorum_takes_the_links_of_two_channels(azure, begin):
    gw, person, link = begin(two_channels(), cards=2, quorum=2, channels=["soc", "leads"])
    (other,) = links(azure.cards()[1])
    first = person.decide(link, "approve", "Ann")
    assert first.status == 200 and "It takes 1 more" in text(first)
    assert len(held(gw)) == 1 and changes(azure) == []
    again = person.decide(link, "approve", "Ben")
    assert again.status == 409 and "that counts once" in text(again)
    same = person.decide(other, "approve", "ANN")
    assert same.status == 409 and "another person" in text(same)
    shown = text(person.open(other))
    assert "Approved by Ann (link in soc)" in shown or "Approved by Ann (link in leads)" in shown
    assert "1 of 2 approvals" in shown
    assert person.decide(other, "approve", "Ben").status == 200
    gw.wait_step("isolate_vm")
    assert isolated(azure, "web-01-nic")
    gw.wait_step("notify", count=4)  # both channels hear what came of it
    assert [a["name"] for a in step_of(gw)["approvals"]] == ["Ann", "Ben"]


def test_a_quorum_takes_a_link_and_the_command_line(azure, begin):
    gw, person, link = begin(quorum=2)
    result = gw.run("approve", "1", "--config", gw.config)
    assert result.returncode == 0
    assert result.stdout.startswith("action 1 is approval, 1 more must approve it")
    twice = gw.run("approve", "1", "--config", gw.config)
    assert twice.returncode == 5 and "counts once" in twice.stderr
    assert len(held(gw)) == 1
    assert person.decide(link, "approve", "Somebody else").status == 200
    gw.wait_step("isolate_vm")
    first, second = step_of(gw)["approvals"]
    assert (first["way"], first["seat"]) == ("command line", f"user {os.getuid()}")
    assert second["way"] == "link in soc"


def test_one_denial_is_enough_also_of_who_approved(begin):
    gw, person, link = begin(quorum=2)
    assert person.decide(link, "approve").status == 200
    assert person.decide(link, "deny").status == 200
    assert step_of(gw)["state"] == "refused"
    assert [a["answer"] for a in step_of(gw)["approvals"]] == ["approved", "denied"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be two users")
def test_two_users_of_the_command_line_are_a_quorum_and_root_is_one(azure, begin):
    gw, _, _ = begin(quorum=2)
    assert gw.run("approve", "1", "--config", gw.config).returncode == 0
    child = os.fork()
    if child == 0:
        try:  # as the other end sees it: SO_PEERCRED tells who connects
            s = socket.socket(socket.AF_UNIX)
            path = str(gw.folder / "gridwarden.sock")
            os.chmod(path, 0o666)
            fd = os.open(gw.folder, os.O_RDONLY)
            os.fchdir(fd)
            os.setuid(65534)
            s.connect("gridwarden.sock")
            s.sendall(b'{"command":"approve","id":1}\n')
            os._exit(0 if b'"missing":0' in s.recv(65536) else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    gw.wait_step("isolate_vm")
    assert [a["seat"] for a in step_of(gw)["approvals"]] == ["user 0", "user 65534"]


# ---- restarts, kills, backups, keys ----

def key_file(gw):
    return gw.folder / "gridwarden.db-approvals"


def test_a_link_outlives_a_restart_and_stays_used(azure, begin):
    gw, person, link = begin(quorum=2)
    tokens = person.tokens(link)
    assert stat.S_IMODE(key_file(gw).stat().st_mode) == 0o600
    assert person.post(link, token=tokens["approve"], name="Ann").status == 200
    gw.kill()
    gw.start()
    assert person.post(link, token=tokens["approve"], name="Ben").status == 409
    assert "1 of 2 approvals" in text(person.open(link))
    assert person.post(link, token=tokens["deny"], name="Ann").status == 200
    assert step_of(gw)["state"] == "refused"


@pytest.mark.parametrize("point,again", [("approval.kept", 409), ("store.approve", 200)])
def test_a_kill_around_the_commit_leaves_one_decision(azure, begin, point, again):
    gw, person, link = begin()
    token = person.tokens(link)["approve"]
    gw.stop()
    gw.start(GRIDWARDEN_FAULT=f"{point}:kill:1")
    with pytest.raises((OSError, http.client.HTTPException)):
        person.post(link, token=token, name="Ann")
    gw.wait_end()
    gw.start()
    if again == 409:  # it was kept: it is done without another word
        gw.wait_step("isolate_vm")
    assert person.post(link, token=token, name="Ann").status == again
    if again == 200:
        gw.wait_step("isolate_vm")
    assert len(step_of(gw)["approvals"]) == 1
    assert isolated(azure, "web-01-nic")


@pytest.mark.parametrize("point,decided", [("approval.kept", True), ("store.approve", False)])
def test_what_could_not_be_kept_is_told_as_such(begin, point, decided):
    gw, person, link = begin()
    token = person.tokens(link)["deny"]
    gw.stop()
    gw.start(GRIDWARDEN_FAULT=f"{point}:fail:1")
    answer = person.post(link, token=token, name="Ann")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert person.open(link).status == (410 if decided else 200)


def test_a_backup_put_back_does_not_revive_a_link(azure, begin):
    gw, person, link = begin()
    token = person.tokens(link)["approve"]
    copy = gw.folder / "copy.db"
    assert gw.run("backup", copy, "--config", gw.config).returncode == 0
    assert person.decide(link, "deny").status == 200
    gw.stop()
    for name in ("gridwarden.db", "gridwarden.db-wal", "gridwarden.db-shm"):
        (gw.folder / name).unlink(missing_ok=True)
    copy.rename(gw.folder / "gridwarden.db")
    gw.start()
    gw.wait_line(lambda line: "older ones do not count: the database is older" in line["message"])
    assert len(held(gw)) == 1
    assert person.open(link).status == 403
    assert person.post(link, token=token, name="Ann").status == 403
    assert len(held(gw)) == 1
    assert gw.run("deny", "1", "--config", gw.config).returncode == 0


@pytest.mark.parametrize("change,words", [
    (lambda f: f.unlink(), "there was none"),
    (lambda f: f.chmod(0o644), "others could read the one that was there"),
    (lambda f: f.write_text("garbage"), "the one that was there is damaged"),
])
def test_a_key_that_is_lost_or_known_to_others_is_made_anew(begin, change, words):
    gw, person, link = begin()
    gw.stop()
    change(key_file(gw))
    gw.start()
    gw.wait_line(lambda line: line["message"].endswith(f"older ones do not count: {words}"))
    assert person.open(link).status == 403
    assert stat.S_IMODE(key_file(gw).stat().st_mode) == 0o600
    assert gw.run("deny", "1", "--config", gw.config).returncode == 0


def test_a_secret_of_the_settings_changes_with_a_reload(begin, azure):
    gw, person, link = begin()
    (gw.folder / "secret").write_text("short\n")
    gw.write_settings(approvals=page(key_file="secret"))
    refused = gw.reload()
    assert "not reloaded" in refused["message"] and "fewer than 16 bytes" in refused["message"]
    assert person.open(link).status == 200
    (gw.folder / "secret").write_text("a secret of this test run\n")
    assert gw.reload()["message"].startswith("configuration reloaded")
    assert person.open(link).status == 403


# ---- the listener ----

def test_a_page_that_cannot_listen_does_not_harm_the_intake(azure, make):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        gw = make(approvals=page(listen=address)).start()
        line = gw.wait_line(lambda line: "there is no page of approvals" in line["message"])
        assert line["level"] == "error" and address.rsplit(":")[1] in line["message"]
        assert gw.deliver(event_grid(flat_alert())).status == 200
        gw.wait_step("notify")
        assert links(azure.cards()[0]) == []
        assert "gridwarden approve 1" in json.dumps(azure.cards()[0])
    gw.reload()  # its port is free again
    gw.wait_line(lambda line: line["message"].startswith("approvals: people decide"))
    gw.deliver(event_grid(flat_alert(machine="web-02")))
    gw.wait_step("notify", count=2)
    assert Person(gw).open(links(azure.cards()[1])[0]).status == 200


def test_slow_and_many_visitors_do_not_harm_the_intake(begin):
    gw, person, link = begin()
    visitors = [socket.create_connection(("127.0.0.1", person.port())) for _ in range(140)]
    try:
        assert gw.deliver(event_grid(flat_alert(machine="web-02"))).status == 200
    finally:
        for s in visitors:
            s.close()


def test_its_certificate_follows_its_files_and_it_may_have_its_own(azure, make):
    gw = make(approvals=page(listen={"address": "127.0.0.1:0", "certificate": "page/fullchain.pem",
                                     "private_key": "page/privkey.pem"}))
    folder = gw.folder / "page"
    folder.mkdir()
    make_certificate(folder, days=20)
    gw.start()
    port = Person(gw).port()

    def served():
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))

    def written(path):
        return ssl.PEM_cert_to_DER_cert((path / "fullchain.pem").read_text())
    assert served() == written(folder) != written(gw.folder)
    make_certificate(folder, days=40)
    gw.wait_line(lambda line: line["message"].startswith("certificate reloaded since its files"))
    assert served() == written(folder)
    make_certificate(folder, days=60)
    assert gw.reload()["message"].startswith("configuration reloaded")
    assert served() == written(folder)


def test_a_reload_without_a_page_takes_it_away(azure, begin):
    gw, person, link = begin()
    gw.write_settings(approvals={"listen": "127.0.0.1:0", "public_url": URL, "quorum": 1})
    gw.reload()
    assert person.open(link).status == 200
    gw.settings["approvals"] = {"actions": ["isolate_vm"]}
    gw.write_settings()
    gw.reload()
    assert person.open(link).status == 403
    gw.deliver(event_grid(flat_alert(machine="web-02")))
    gw.wait_step("notify", count=2)
    assert links(azure.cards()[-1]) == []
