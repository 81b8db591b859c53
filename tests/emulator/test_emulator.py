"""What the emulator promises its users: sign-in, strictness, faults, long operations, Teams."""

import base64
import hashlib
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest

from client import HERE, Emulator
from conftest import SHOP, SUBSCRIPTION

NIC = SHOP + "/providers/Microsoft.Network/networkInterfaces/web-01-nic-back"
NSG = SHOP + "/providers/Microsoft.Network/networkSecurityGroups/quarantine"
VM = SHOP + "/providers/Microsoft.Compute/virtualMachines/web-02"
ALERT = SUBSCRIPTION + "/providers/Microsoft.Security/locations/westeurope/alerts/2518"
TENANT = "7f1c2a64-30d8-4b8e-9a55-6c0f4f2b9d17"
APP = {"client_id": "0c6f1f5e-52f0-4f0e-8c7b-6b1f1d0c2a11", "client_secret": "p4ss+word/&=~ %",
       "grant_type": "client_credentials", "scope": "https://management.azure.com//.default"}
METADATA = "/metadata/identity/oauth2/token?api-version=2018-02-01"
ARM = "&resource=https%3A%2F%2Fmanagement.azure.com%2F"
WORKFLOW = "/teams/workflows/soc?api-version=1&sig=Zm9yLXRlc3RzLW9ubHk"
JSON = {"Content-Type": "application/json"}


def card(version="1.4", **fields):
    return {"type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None,
        "content": {"type": "AdaptiveCard", "version": version,
                    "body": [{"type": "TextBlock", "text": "hello"}], **fields}}]}


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


# Sign-in

def test_the_metadata_endpoint_issues_tokens_arm_accepts(azure):
    answer = azure.raw("GET", METADATA + ARM, headers={"Metadata": "true"})
    assert answer.status == 200
    assert isinstance(answer.json["expires_in"], str) and answer.json["token_type"] == "Bearer"
    assert azure.get(VM).status == 200


@pytest.mark.parametrize("query, headers, words", [
    (ARM, {}, "metadata header"),
    (ARM, {"Metadata": "true", "X-Forwarded-For": "10.0.0.1"}, "X-Forwarded-For"),
    ("", {"Metadata": "true"}, "'resource' is missing"),
    (ARM + "&client_id=nobody", {"Metadata": "true"}, "Identity not found"),
    ("&resource=https%3A%2F%2Fnowhere.example", {"Metadata": "true"}, "AADSTS500011"),
])
def test_the_metadata_endpoint_refuses(azure, query, headers, words):
    answer = azure.raw("GET", METADATA + query, headers=headers)
    assert answer.status == 400 and words in answer.json["error_description"]


def ask_entra(azure, **changes):
    form = urllib.parse.urlencode({**APP, **changes})
    return azure.raw("POST", f"/{TENANT}/oauth2/v2.0/token", form,
                     {"Content-Type": "application/x-www-form-urlencoded"})


def test_a_client_secret_gives_a_token_arm_accepts(azure):
    azure.token = ask_entra(azure).json["access_token"]
    assert azure.get(VM).status == 200


@pytest.mark.parametrize("changes, status, code", [
    ({"client_secret": "wrong"}, 401, 7000215), ({"client_secret": ""}, 401, 7000218),
    ({"client_id": "nobody"}, 400, 700016), ({"grant_type": "password"}, 400, 70003),
    ({"scope": "https://management.azure.com/"}, 400, 1002012),
])
def test_entra_refuses_with_its_own_codes(azure, changes, status, code):
    answer = ask_entra(azure, **changes)
    assert answer.status == status and answer.json["error_codes"] == [code]


def test_an_expired_token_is_refused_with_a_challenge(azure, emulator):
    azure.sign_in()
    emulator.expire_tokens()
    answer = azure.get(VM)
    assert (answer.status, answer.code) == (401, "ExpiredAuthenticationToken")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_a_token_for_another_audience_is_refused(azure):
    azure.sign_in("https://vault.azure.net")
    assert azure.get(VM).code == "InvalidAuthenticationTokenAudience"


def test_no_token_and_a_foreign_token_are_refused(azure):
    assert azure.raw("GET", VM + "?api-version=2024-07-01").status == 401
    azure.token = "eyJhbGciOiJub25lIn0.e30."
    assert azure.get(VM).code == "InvalidAuthenticationToken"


def test_published_keys_verify_the_tokens(azure, emulator):
    discovery = azure.raw("GET", f"/{TENANT}/v2.0/.well-known/openid-configuration").json
    assert discovery["issuer"].endswith(TENANT + "/v2.0")
    keys = azure.raw("GET", urllib.parse.urlsplit(discovery["jwks_uri"]).path).json["keys"]
    head, claims, signature = emulator.token(audience="api://hook", version="2.0").split(".")
    key = next(key for key in keys if key["kid"] == json.loads(decoded(head))["kid"])
    modulus = int.from_bytes(decoded(key["n"]), "big")
    recovered = pow(int.from_bytes(decoded(signature), "big"), 65537, modulus)
    digest = hashlib.sha256(f"{head}.{claims}".encode()).digest()
    assert recovered.to_bytes(256, "big").endswith(digest)
    assert json.loads(decoded(claims))["aud"] == "api://hook"


def test_a_key_can_be_withdrawn(azure, emulator):
    emulator.keys(published=["second"], signing="first")
    shown = azure.raw("GET", f"/{TENANT}/discovery/keys").json["keys"]
    head = json.loads(decoded(emulator.token().split(".")[0]))
    assert len(shown) == 1 and shown[0]["kid"] != head["kid"]


# Strictness of Azure Resource Manager

@pytest.mark.parametrize("path, version, status, code", [
    (VM, "", 400, "MissingApiVersionParameter"), (VM, "soon", 400, "InvalidApiVersionParameter"),
    (VM, "2024-03-02", 400, "NoRegisteredProviderFound"),
    (VM + "/nothing", "2024-07-01", 404, "InvalidResourceType"),
    (VM.replace("Compute", "Nowhere"), "2024-07-01", 404, "InvalidResourceNamespace"),
    (VM + "x", "2024-07-01", 404, "ResourceNotFound"),
    (VM.replace("rg-shop", "rg-none"), "2024-07-01", 404, "ResourceGroupNotFound"),
    (VM.replace("1111-", "1112-", 1), "2024-07-01", 404, "SubscriptionNotFound"),
])
def test_arm_refuses_what_it_does_not_know(azure, path, version, status, code):
    answer = azure.get(f"{path}?api-version={version}")
    assert (answer.status, answer.code) == (status, code)


def test_a_wrong_method_is_refused(azure):
    assert azure.call("DELETE", VM).status == 405


def test_ids_are_compared_without_case(azure):
    assert azure.get(VM.upper() + "?api-version=2024-07-01").json["name"] == "web-02"


def test_every_answer_names_the_request(azure):
    mine = {"x-ms-client-request-id": "c-1", "x-ms-correlation-request-id": "k-1",
            "x-ms-return-client-request-id": "true"}
    one, other = azure.get(VM, headers=mine).headers, azure.get(VM).headers
    assert one["x-ms-correlation-request-id"] == "k-1" and one["x-ms-client-request-id"] == "c-1"
    assert one["x-ms-request-id"] != other["x-ms-request-id"]
    assert "x-ms-client-request-id" not in other
    assert "x-ms-ratelimit-remaining-subscription-reads" in other


def test_bodies_must_be_json(azure):
    plain = {"Content-Type": "text/plain"}
    assert azure.put(NSG, {"location": "westeurope"}, plain).status == 415
    azure.sign_in()
    broken = azure.raw("PUT", NSG + "?api-version=2024-01-01", b"{", {
        **JSON, "Authorization": "Bearer " + azure.token})
    assert (broken.status, broken.code) == (400, "InvalidRequestContent")


def test_a_connection_serves_several_calls(emulator):
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=20)
    for _ in range(3):
        connection.request("GET", METADATA + ARM, headers={"Metadata": "true"})
        assert connection.getresponse().read()
        socket = connection.sock
        assert socket is not None
    connection.close()


# Calls and faults

def test_calls_are_recorded_without_secrets(azure, emulator):
    ask_entra(azure)
    azure.raw("POST", WORKFLOW, json.dumps(card()), JSON)
    azure.get(VM)
    calls = emulator.calls()
    assert [call["service"] for call in calls] == ["entra", "teams", "imds", "arm"]
    assert [call["n"] for call in calls] == [1, 2, 3, 4]
    text = json.dumps(calls)
    assert APP["client_secret"] not in text and "Zm9yLXRlc3Rz" not in text
    assert azure.token not in text and calls[-1]["has_bearer"]


def test_a_fault_before_has_no_effect(azure, emulator):
    emulator.fault(method="PUT", path="/networksecuritygroups/", status=429,
                   headers={"Retry-After": "7"})
    first = azure.put(NSG, {"location": "westeurope"})
    assert (first.status, first.headers["Retry-After"]) == (429, "7")
    assert emulator.resource(NSG) is None
    assert azure.put(NSG, {"location": "westeurope"}).status == 201
    assert emulator.calls()[1]["fault"]["status"] == 429


def test_a_fault_after_has_its_effect(azure, emulator):
    emulator.fault(method="PUT", status=500, when="after", body={"error": {"code": "Odd"}})
    assert azure.put(NSG, {"location": "westeurope"}).code == "Odd"
    assert emulator.resource(NSG) is not None


def test_faults_are_skipped_counted_and_cleared(azure, emulator):
    emulator.fault(path="web-02", status=503, skip=1, times=2)
    assert [azure.get(VM).status for _ in range(4)] == [200, 503, 503, 200]
    emulator.fault(path="web-02", status=503, times=-1)
    assert azure.get(VM).status == 503
    emulator.clear_faults()
    assert azure.get(VM).status == 200


@pytest.mark.parametrize("cut, done", [("before", False), ("after", True), ("middle", True)])
def test_a_connection_is_cut(azure, emulator, cut, done):
    emulator.fault(method="PUT", cut=cut)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        azure.put(NSG, {"location": "westeurope"})
    assert (emulator.resource(NSG) is not None) == done
    assert emulator.wait("PUT", status=0)[0]["fault"]["cut"] == cut


def test_a_hanging_call_ends_with_its_client(azure, emulator):
    azure.sign_in()
    emulator.fault(path="web-02", hang_s=60)
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port)
    connection.request("GET", VM + "?api-version=2024-07-01")
    assert emulator.wait(path="web-02", arrived=1)[0]["status"] is None
    connection.close()
    assert emulator.wait(path="web-02", status=0)


def test_an_unknown_order_is_refused(emulator):
    assert emulator.control("POST", "faults", {"stauts": 500})[0] == 400
    assert emulator.control("POST", "settings", {"polls": 1})[0] == 400


def test_waiting_ends_with_the_call_or_with_the_limit(azure, emulator):
    azure.sign_in()
    call = threading.Thread(target=azure.get, args=(VM,))
    call.start()
    assert emulator.wait("GET", "/virtualmachines/WEB-02$", status=200)[0]["status"] == 200
    call.join()
    with pytest.raises(TimeoutError):
        emulator.wait("GET", "web-02", count=2, timeout=0.01)


# Long operations

def start_group(azure, emulator, **order):
    emulator.fault(method="PUT", longop=order)
    return azure.put(NSG, {"location": "westeurope"})


def state(azure):
    return azure.get(NSG).json["properties"]["provisioningState"]


def test_a_put_answers_201_and_is_asynchronous(azure):
    answer = azure.put(NSG, {"location": "westeurope"})
    assert answer.status == 201 and answer.json["properties"]["provisioningState"] == "Updating"
    address = answer.headers["Azure-AsyncOperation"]
    assert address.startswith("http://127.0.0.1:") and "Location" not in answer.headers
    assert [azure.get(address).json["status"] for _ in range(2)] == ["InProgress", "Succeeded"]
    assert state(azure) == "Succeeded"


def test_polling_needs_the_token_and_the_whole_address(azure):
    address = azure.put(NSG, {"location": "westeurope"}).headers["Azure-AsyncOperation"]
    path = address.removeprefix(azure.emulator.url)
    assert azure.raw("GET", path).status == 401
    assert azure.get(path.replace("2023-11-01", "2024-01-01")).status == 404
    assert azure.get(path.split("&")[0]).status == 404


def test_location_answers_202_until_the_result_is_there(azure, emulator):
    answer = start_group(azure, emulator, pattern="location", polls=2, retry_after=1)
    assert (answer.status, answer.headers["Retry-After"]) == (202, "1")
    assert "Azure-AsyncOperation" not in answer.headers
    polls = [azure.get(answer.headers["Location"]) for _ in range(3)]
    assert [poll.status for poll in polls] == [202, 202, 200]
    assert polls[-1].json["name"] == "quarantine"


def test_the_resource_itself_may_tell_the_state(azure, emulator):
    answer = start_group(azure, emulator, pattern="body", polls=1)
    assert answer.status == 201 and "Azure-AsyncOperation" not in answer.headers
    assert [state(azure), state(azure)] == ["Updating", "Succeeded"]


@pytest.mark.parametrize("end", ["Failed", "Canceled"])
def test_an_operation_may_end_badly(azure, emulator, end):
    error = {"code": "AnotherOperationInProgress", "message": "busy"}
    answer = start_group(azure, emulator, polls=0, end=end, error=error)
    poll = azure.get(answer.headers["Azure-AsyncOperation"])
    assert (poll.status, poll.json["status"], poll.json["error"]) == (200, end, error)
    assert state(azure) == end


def test_a_failed_location_answers_the_error(azure, emulator):
    answer = start_group(azure, emulator, pattern="location", polls=0, end="Failed")
    poll = azure.get(answer.headers["Location"])
    assert (poll.status, poll.code) == (409, "InternalExecutionError")


def test_an_operation_nobody_polls_ends_by_itself(azure, emulator):
    emulator.settings(longop_limit_s=0)
    azure.put(NSG, {"location": "westeurope"})
    assert state(azure) == "Succeeded"


# Teams and alerts

def test_a_workflow_takes_an_adaptive_card(azure, emulator):
    answer = azure.raw("POST", WORKFLOW, json.dumps(card()), JSON)
    assert (answer.status, answer.text) == (202, "")
    kept = emulator.cards()[0]
    assert (kept["channel"], kept["format"], kept["message"]) == ("soc", "adaptive", card())


@pytest.mark.parametrize("path, body, status", [
    (WORKFLOW, {**card(), "type": "event"}, 400), (WORKFLOW, {"type": "message"}, 400),
    (WORKFLOW, card("1.5"), 400), (WORKFLOW, card(actions=[{"type": "Action.Submit"}]), 400),
    (WORKFLOW, card(note="x" * 28672), 413), (WORKFLOW.split("sig=")[0], card(), 401),
    (WORKFLOW + "x", card(), 401), ("/webhookb2/old", {"@type": "MessageCard"}, 400),
    ("/webhookb2/old", card(), 400),
])
def test_teams_refuses(azure, emulator, path, body, status):
    assert azure.raw("POST", path, json.dumps(body), JSON).status == status
    assert emulator.cards() == []


def test_a_connector_answers_1_or_hides_its_error_in_a_200(azure, emulator):
    message = json.dumps({"@type": "MessageCard", "summary": "hello"})
    answer = azure.raw("POST", "/webhookb2/old", message, JSON)
    assert (answer.status, answer.text) == (200, "1")
    emulator.fault(service="teams", status=200, body="Webhook message delivery failed with error: "
                   "Microsoft Teams endpoint returned HTTP error 429")
    answer = azure.raw("POST", "/webhookb2/old", message, JSON)
    assert answer.status == 200 and "HTTP error 429" in answer.text
    assert len(emulator.cards()) == 1


@pytest.mark.parametrize("action, status", [("inProgress", "InProgress"), ("resolve", "Resolved"),
                                            ("dismiss", "Dismissed"), ("activate", "Active")])
def test_the_status_of_an_alert_is_set(azure, emulator, action, status):
    assert azure.post(f"{ALERT}/{action}").status == 204
    assert list(emulator.state()["alerts"].values()) == [status]


def test_a_hook_takes_a_key_once(emulator):
    def post(body, **headers):
        request = urllib.request.Request(
            emulator.url + "/hooks/tickets", method="POST", data=body,
            headers={"Content-Type": "application/json", **headers})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert post(b"{}") == 400
    assert [post(b'{"n": 1}', **{"Idempotency-Key": "k"}) for _ in range(2)] == [201, 201]
    assert emulator.state()["posts"] == {"k": {"hook": "tickets", "body": {"n": 1}}}


# The process

def test_it_ends_on_sigterm_and_writes_its_ready_file(tmp_path):
    ready = tmp_path / "ready.json"
    with Emulator("--ready-file", str(ready)) as emulator:
        assert json.loads(ready.read_text())["port"] == emulator.port
        emulator.process.send_signal(signal.SIGTERM)
        assert emulator.process.wait(10) == 0


def test_it_ends_with_its_parent(tmp_path):
    """The reader of its output sees the end: nobody holds the pipe any more."""
    starter = ("import subprocess, sys\n"
               f"subprocess.Popen([sys.executable, {os.path.join(HERE, 'azure.py')!r}],"
               " stdout=sys.stdout)\ninput()\n")
    parent = subprocess.Popen([sys.executable, "-c", starter], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    assert json.loads(parent.stdout.readline())["port"]
    rest, _ = parent.communicate("\n", timeout=10)
    assert rest == ""


def test_it_speaks_tls(tmp_path):
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", certificate,
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    with Emulator("--tls-cert", certificate, "--tls-key", key) as emulator:
        trusted = ssl.create_default_context(cafile=certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", emulator.port, context=trusted)
        connection.request("GET", METADATA + ARM, headers={"Metadata": "true"})
        assert connection.getresponse().status == 200
        connection.close()


def test_another_world_can_be_loaded(tmp_path):
    world = tmp_path / "world.json"
    world.write_text(json.dumps({"tenant": {"id": "t", "domain": "d"}, "resources": [],
                                 "subscriptions": [{"subscriptionId": "s"}]}))
    with Emulator("--world", str(world)) as emulator:
        assert emulator.state()["subscriptions"] == [{"subscriptionId": "s"}]
