"""Certificates that change without a signal, and certificates of clients."""

import http.client
import json
import os
import ssl
import subprocess
import threading

import pytest
from harness import KEY, LIMIT_S, event_grid, flat_alert, make_certificate
from test_reload import certificate_in_file, certificate_in_use, figure

RELOADED = "certificate reloaded since its files have changed"


def delivery():
    return event_grid(flat_alert("Unusual sign-in", "Low", "jump-01"))


def openssl(*arguments, **more):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, **more)


# ---- the daemon's own certificate ----

def trust_anything(gw):
    def tls():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    gw.tls = tls


@pytest.fixture
def served(gridwarden):
    """A running one, to which deliveries are made all the while; all of them must be answered."""
    statuses, done = [], threading.Event()
    trust_anything(gridwarden)

    def deliver():
        while not done.is_set():
            statuses.append(gridwarden.deliver(delivery()).status)
            done.wait(0.05)
    thread = threading.Thread(target=deliver)
    thread.start()
    yield gridwarden
    done.set()
    thread.join()
    assert statuses and set(statuses) == {200}


def new_pair(folder, days):
    folder.mkdir()
    return make_certificate(folder, days=days)


def changes(gw, change):
    """Do it, and wait until the daemon has noticed by itself."""
    since = len(gw.lines)
    before = figure(gw, "tls_cert_not_after_timestamp_seconds")
    change()
    gw.wait_line(lambda line: line["message"].startswith(RELOADED), since=since)
    assert certificate_in_use(gw) == certificate_in_file(gw)
    assert figure(gw, "tls_cert_not_after_timestamp_seconds") > before
    assert figure(gw, "tls_reload_failures_total") == 0


def overwrite(gw, pair):
    (gw.folder / "fullchain.pem").write_bytes(pair[0].read_bytes())
    (gw.folder / "privkey.pem").write_bytes(pair[1].read_bytes())


def rename_over(gw, pair):
    for new, old in zip(pair, ("fullchain.pem", "privkey.pem")):
        os.replace(new, gw.folder / old)


@pytest.mark.parametrize("way", [overwrite, rename_over])
def test_a_replaced_pair_is_used_without_a_signal(served, way):
    pair = new_pair(served.folder / "new", 60)
    changes(served, lambda: way(served, pair))


def test_links_that_certbot_swaps_are_followed_again_and_again(make):
    gw = make()
    live, archive = gw.folder / "live", gw.folder / "archive"
    live.mkdir()
    archive.mkdir()
    names = ("fullchain", "privkey")

    def issue(number):
        pair = new_pair(gw.folder / f"issued{number}", 30 * number)
        for name, file in zip(names, pair):
            os.rename(file, archive / f"{name}{number}.pem")
        for name in names:
            (live / "new").symlink_to(f"../archive/{name}{number}.pem")
            os.replace(live / "new", live / f"{name}.pem")
    issue(1)
    for name in names:
        (gw.folder / f"{name}.pem").unlink()
        (gw.folder / f"{name}.pem").symlink_to(f"live/{name}.pem")
    gw.start()
    trust_anything(gw)
    changes(gw, lambda: issue(2))
    changes(gw, lambda: issue(3))
    assert gw.deliver(delivery()).status == 200


def test_half_a_key_is_refused_the_old_pair_stays_and_the_rest_is_taken(served):
    first = certificate_in_use(served)
    pair = new_pair(served.folder / "new", 60)
    key = pair[1].read_bytes()
    (served.folder / "privkey.pem").write_bytes(key[:60])
    line = served.wait_line(lambda line: line["message"].startswith("certificate not reloaded"))
    assert line["level"] == "error" and "privkey.pem: not a private key" in line["message"]
    assert "BEGIN" not in line["message"]
    assert figure(served, "tls_reload_failures_total") == 1
    assert certificate_in_use(served) == first
    since = len(served.lines)
    (served.folder / "fullchain.pem").write_bytes(pair[0].read_bytes())
    with open(served.folder / "privkey.pem", "ab") as file:
        file.write(key[60:])
    served.wait_line(lambda line: line["message"].startswith(RELOADED), since=since)
    assert certificate_in_use(served) == certificate_in_file(served) != first


def test_files_that_cannot_be_watched_are_said_at_start(make):
    gw = make()
    way = "rules.d/../" * 300  # more names than are watched
    gw.write_settings(listen={"address": "127.0.0.1:0", "certificate": way + "fullchain.pem",
                              "private_key": "privkey.pem"})
    gw.start()
    (line,) = [line for line in gw.lines if "certificate files" in line["message"]]
    assert line["level"] == "warning"
    assert line["message"] == ("changes of certificate files are not noticed, they are read every "
                               "60 s: more than 256 names to watch")


def expire(gw):
    """The same certificate and key, signed anew, until yesterday."""
    pair = gw.folder / "fullchain.pem", gw.folder / "privkey.pem"
    openssl("x509", "-in", pair[0], "-signkey", pair[1], "-days", -1, "-out", pair[0])


def test_an_expired_certificate_is_said_at_start_and_serves_who_does_not_look(make):
    gw = make()
    expire(gw)
    gw.start()
    (line,) = [line for line in gw.lines if "fullchain.pem has expired on" in line["message"]]
    assert line["level"] == "warning"
    trust_anything(gw)
    assert gw.deliver(delivery()).status == 200


def test_a_certificate_that_serves_nobody_ends_the_start(make):
    gw = make()
    make_certificate(gw.folder, purpose="clientAuth")
    gw.launch()
    assert gw.wait_end() == 78
    assert "fullchain.pem: its extended key usage is not for TLS servers" in gw.log()


def test_connections_that_are_no_tls_are_counted_and_say_nothing_in_the_log(gridwarden):
    before = len(gridwarden.lines)
    for _ in range(30):
        plain = http.client.HTTPConnection("127.0.0.1", gridwarden.port, timeout=LIMIT_S)
        with pytest.raises((http.client.HTTPException, OSError)):
            plain.request("GET", "/")
            plain.getresponse()
        plain.close()
    assert gridwarden.deliver(delivery()).status == 200
    assert figure(gridwarden, "tls_handshake_failures_total") == 30
    gridwarden.wait_step("notify")
    said = [line["message"] for line in gridwarden.lines[before:] if "event_id" not in line
            and "step" not in line]
    assert said == []


# ---- what systemd hands over ----

def hand_over(gw):
    """Key, private key and channel as LoadCredential does: a folder that only we may read."""
    folder = gw.folder / "credentials"
    folder.mkdir(mode=0o500)
    folder.chmod(0o700)
    for name in ("key", "privkey.pem", "teams-url"):
        os.rename(gw.folder / name, folder / name)
        (folder / name).chmod(0o400)
    gw.write_settings(
        listen={"address": "127.0.0.1:0", "certificate": "fullchain.pem",
                "private_key": "credential:privkey.pem"},
        auth={"keys_file": ["credential:key"]},
        channels={"soc": {"type": "teams", "url_file": "credential:teams-url"}})
    return folder


def test_credentials_of_systemd_are_read_by_their_names(azure, make):
    gw = make()
    gw.start(CREDENTIALS_DIRECTORY=str(hand_over(gw)))
    assert gw.deliver(delivery()).status == 200
    gw.wait_step("notify")
    assert len(azure.cards()) == 1
    gw.reload()
    assert figure(gw, "config_last_reload_successful") == 1


@pytest.mark.parametrize("environment,words", [
    ({}, "CREDENTIALS_DIRECTORY is not set"),
    ({"CREDENTIALS_DIRECTORY": "/nonexistent"}, "cannot open credential:key")])
def test_credentials_that_are_not_handed_over_are_named(make, environment, words):
    gw = make()
    hand_over(gw)
    gw.env.pop("CREDENTIALS_DIRECTORY", None)
    gw.launch(**environment)
    assert gw.wait_end() == 78
    assert words in gw.log() and "credential:key" in gw.log()


# ---- certificates of clients ----

class Authority:
    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.cert = folder / f"{name}.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", 30, "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key",
                "-out", self.cert)

    def issue(self, name):
        key, cert = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key,
                "-out", self.folder / "request")
        openssl("x509", "-req", "-in", self.folder / "request", "-CA", self.cert, "-CAkey",
                self.folder / f"{self.name}.key", "-CAcreateserial", "-days", 10, "-out", cert)
        return cert, key


def show(gw, pair):
    """Deliveries from now on show this certificate, or none."""
    def tls():
        context = ssl.create_default_context(cafile=str(gw.folder / "fullchain.pem"))
        if pair:
            context.load_cert_chain(*map(str, pair))
        return context
    gw.tls = tls


def answer(gw, pair, code=None):
    show(gw, pair)
    return gw.deliver(delivery(), code=code).status


def test_a_relay_delivers_with_its_certificate_alone(make):
    gw = make()
    ours, other = Authority(gw.folder, "relays-ca"), Authority(gw.folder, "other-ca")
    gw.write_settings(auth={"client_certificates": {"ca": "relays-ca.pem", "names": ["relay"]},
                            "keys_file": []})
    gw.start()
    assert answer(gw, ours.issue("relay")) == 200
    assert answer(gw, None) == 401
    assert answer(gw, ours.issue("stranger")) == 401
    assert answer(gw, other.issue("relay")) == 401
    said = [line["message"] for line in gw.lines if "refused" in line["message"]]
    assert said == [
        "delivery refused: no key was shown",
        "delivery refused: the client certificate is not trusted: none of its names is listed",
        "delivery refused: the client certificate is not trusted: it is not of an authority in "
        "client_certificates.ca"]
    assert 'unauthorized_total{reason="wrong"} 2' in gw.operations("/metrics").body.decode()


def test_a_key_and_a_certificate_each_let_in(make):
    gw = make()
    ours, other = Authority(gw.folder, "relays-ca"), Authority(gw.folder, "other-ca")
    relay, stranger = ours.issue("relay"), other.issue("stranger")
    gw.write_settings(auth={"client_certificates": "relays-ca.pem", "keys_file": ["key"]})
    gw.start()
    key = (gw.folder / "key").read_text().strip()
    assert answer(gw, None, key) == 200
    assert answer(gw, relay) == 200
    assert answer(gw, relay, "a-wrong-key") == 200
    assert answer(gw, stranger, key) == 200
    assert answer(gw, stranger) == 401
    assert answer(gw, stranger, "a-wrong-key") == 401
    assert answer(gw, None) == 401


def test_another_authority_in_its_file_counts_without_a_signal(make):
    gw = make()
    ours, other = Authority(gw.folder, "relays-ca"), Authority(gw.folder, "other-ca")
    old, new = ours.issue("relay"), other.issue("relay-2")
    gw.write_settings(auth={"client_certificates": "relays-ca.pem"})
    gw.start()
    assert [answer(gw, old), answer(gw, new)] == [200, 401]
    os.replace(other.cert, ours.cert)
    gw.wait_line(lambda line: line["message"].startswith(RELOADED))
    assert [answer(gw, old), answer(gw, new)] == [401, 200]


def on(connection, method="POST", code=None, **headers):
    """One request on this connection: status and headers of the answer."""
    body = json.dumps(delivery()) if method == "POST" else None
    connection.request(method, "/api/events" + (f"?code={code}" if code else ""), body,
                       {"Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    answer.read()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def test_who_was_connected_before_certificates_were_asked_for_connects_again(make):
    gw = make().start()
    relay = Authority(gw.folder, "relays-ca").issue("relay")
    show(gw, relay)
    kept = [gw.connection() for _ in range(3)]
    for connection in kept:
        assert on(connection, code=KEY)[0] == 200
    gw.write_settings(auth={"client_certificates": "relays-ca.pem", "keys_file": ["key"]})
    assert gw.reload()["message"].startswith("configuration reloaded")
    # It may have a right certificate, which it was never asked for: it is not refused for good.
    status, headers = on(kept[0])
    assert (status, headers["connection"].lower()) == (503, "close")
    assert int(headers["retry-after"]) > 0
    status, headers = on(kept[1], code="a-wrong-key")
    assert (status, headers["connection"].lower()) == (503, "close")
    assert on(gw.connection())[0] == 200
    # What needs no certificate goes on as before.
    assert on(kept[2], code=KEY)[0] == 200
    assert on(kept[2], "OPTIONS", **{"WebHook-Request-Origin": "eventgrid.azure.net"})[0] == 200
    assert figure(gw, "unjudged_total") == 2
