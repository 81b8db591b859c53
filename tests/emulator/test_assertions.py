"""The emulated Entra ID believes no assertion that the real one would not."""

import base64
import hashlib
import json
import subprocess
import time
import urllib.parse
import uuid

import pytest

TENANT = "7f1c2a64-30d8-4b8e-9a55-6c0f4f2b9d17"
CLIENT = "0c6f1f5e-52f0-4f0e-8c7b-6b1f1d0c2a11"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ISSUER = "https://oidc.example/cluster/"


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encoded_json(value):
    return encoded(json.dumps(value).encode())


class Application:
    """Signs with openssl, so that the verification is held against another's work."""

    def __init__(self, folder, emulator):
        self.folder, self.emulator = folder, emulator
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                        "/CN=app", "-keyout", str(folder / "key"), "-out", str(folder / "crt")],
                       check=True, stderr=subprocess.DEVNULL)
        self.pem = (folder / "crt").read_text()
        body = self.pem.split("-----")[2]
        self.der = base64.b64decode("".join(body.split()))
        emulator.application(client_id=CLIENT, certificates=[self.pem])

    def claims(self, **changes):
        now = int(time.time())
        return {"aud": f"{self.emulator.url}/{TENANT}/oauth2/v2.0/token", "iss": CLIENT,
                "sub": CLIENT, "jti": str(uuid.uuid4()), "nbf": now, "exp": now + 600, **changes}

    def assertion(self, header=None, salt="32", padding="pss", **changes):
        head = {"alg": "PS256", "typ": "JWT",
                "x5t#S256": encoded(hashlib.sha256(self.der).digest()), **(header or {})}
        signed = f"{encoded_json(head)}.{encoded_json(self.claims(**changes))}"
        how = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", f"rsa_pss_saltlen:{salt}"] \
            if padding == "pss" else []
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self.folder / "key"), *how],
            input=signed.encode(), check=True, capture_output=True).stdout
        return f"{signed}.{encoded(signature)}"


@pytest.fixture
def application(tmp_path, emulator):
    return Application(tmp_path, emulator)


def shown(azure, assertion, **changes):
    form = {"grant_type": "client_credentials", "client_id": CLIENT,
            "scope": "https://management.azure.com//.default",
            "client_assertion_type": JWT_BEARER, "client_assertion": assertion, **changes}
    return azure.raw("POST", f"/{TENANT}/oauth2/v2.0/token", urllib.parse.urlencode(form),
                     {"Content-Type": "application/x-www-form-urlencoded"})


def test_a_right_assertion_gives_a_token_once(azure, application):
    assertion = application.assertion()
    assert shown(azure, assertion).status == 200
    again = shown(azure, assertion)
    assert again.status == 401 and "AADSTS50027" in again.json["error_description"]
    assert shown(azure, application.assertion()).status == 200


def test_the_certificates_may_go_along(azure, application):
    chain = [base64.b64encode(application.der).decode()]
    assert shown(azure, application.assertion({"x5c": chain})).status == 200
    wrong = [base64.b64encode(application.der[1:]).decode()]
    assert shown(azure, application.assertion({"x5c": wrong})).status == 401


@pytest.mark.parametrize("code, order", [
    (700027, {"salt": "20"}), (700027, {"padding": "pkcs1"}),
    (700027, {"header": {"x5t#S256": "AAAA"}}), (50027, {"header": {"alg": "RS256"}}),
    (50027, {"aud": "https://login.example/token"}), (50027, {"jti": None}),
    (700024, {"exp": 1}), (700024, {"nbf": 4102444800}), (700024, {"exp": 4102444800}),
    (700021, {"sub": "another"}),
])
def test_a_wrong_assertion_gives_none(azure, application, code, order):
    answer = shown(azure, application.assertion(**order))
    assert answer.status == 401
    assert f"AADSTS{code}:" in answer.json["error_description"]


def test_a_signature_of_another_key_gives_none(azure, application, tmp_path, emulator):
    (tmp_path / "other").mkdir()
    Application(tmp_path / "other", emulator)  # now the application has that certificate only
    assert shown(azure, application.assertion()).status == 401
    emulator.application(client_id=CLIENT, certificates=[application.pem])
    good = application.assertion()
    head, body, signature = good.split(".")
    for bad in (f"{head}.{body}.{encoded(b'x' * 256)}", f"{head}.{body}.", f"{head}.{body}", "x",
                f"{head}.{encoded_json(application.claims(exp=int(time.time()) + 601))}."
                f"{signature}"):
        assert shown(azure, bad).status == 401
    assert shown(azure, good).status == 200
    assert shown(azure, application.assertion(), client_assertion_type="x").status == 400


def test_a_federated_token_needs_issuer_subject_audience_and_signature(azure, emulator):
    emulator.application(client_id=CLIENT, federated=[
        {"issuer": ISSUER, "subject": "s", "audience": "api://AzureADTokenExchange"}])

    def token(audience="api://AzureADTokenExchange", iss=ISSUER, sub="s", **more):
        return emulator.token(audience=audience, claims={"iss": iss, "sub": sub}, **more)
    assert shown(azure, token()).status == 200
    for wrong in (token(sub="other"), token(iss="https://x/"), token(audience="api://x"),
                  token(break_signature=True), token(lifetime_s=-3600), token(algorithm="none")):
        assert shown(azure, wrong).status == 401


def test_an_application_reaches_only_its_subscriptions(azure, emulator):
    emulator.application(client_id=CLIENT, subscriptions=["66666666-7777-8888-9999-000000000000"])
    form = {"client_secret": "p4ss+word/&=~ %", "client_assertion": "", "client_assertion_type": ""}
    azure.token = shown(azure, "", **form).json["access_token"]
    lab = "/subscriptions/66666666-7777-8888-9999-000000000000?api-version=2022-12-01"
    assert azure.get(lab).status == 200
    refused = azure.get(lab.replace("66666666-7777-8888-9999-000000000000",
                                    "11111111-2222-3333-4444-555555555555"))
    assert (refused.status, refused.code) == (403, "AuthorizationFailed")


# Managed identities of other machines

def test_app_service_wants_its_header(azure):
    path = "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com%2F"
    right = {"X-IDENTITY-HEADER": "emulated-app-service"}
    assert azure.raw("GET", path, headers=right).status == 200
    assert azure.raw("GET", path).status == 401
    assert azure.raw("GET", path.replace("2019-08-01", "2018-02-01"), headers=right).status == 400


def test_arc_wants_the_content_of_its_file_once(azure, emulator, tmp_path):
    emulator.settings(arc_tokens=str(tmp_path))
    path = ("/arc/metadata/identity/oauth2/token?api-version=2020-06-01"
            "&resource=https%3A%2F%2Fmanagement.azure.com%2F")
    first = azure.raw("GET", path, headers={"Metadata": "true"})
    assert first.status == 401
    realm = first.headers["WWW-Authenticate"].removeprefix("Basic realm=")
    with open(realm, encoding="ascii") as file:
        right = {"Metadata": "true", "Authorization": "Basic " + file.read()}
    assert azure.raw("GET", path, headers={**right, "Authorization": "Basic x"}).status == 401
    assert azure.raw("GET", path, headers=right).status == 200
    assert azure.raw("GET", path, headers=right).status == 401
