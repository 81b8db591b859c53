"""One emulator for all tests of a run, put back to its start before each of them."""

import http.client
import json
import urllib.parse

import pytest

from client import Emulator

SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555"
SHOP = SUBSCRIPTION + "/resourceGroups/rg-shop"
API_VERSIONS = (("Microsoft.Network", "2024-01-01"), ("virtualMachines", "2024-07-01"),
                ("Microsoft.Compute", "2024-03-02"), ("alerts", "2022-01-01"),
                ("Microsoft.Security", "2020-01-01"), ("Microsoft.Resources", "2024-03-01"))


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def code(self):
        return self.json["error"]["code"]


class Azure:
    """A client with a token, as plain as can be."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.token = None

    def raw(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.emulator.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def sign_in(self, resource="https://management.azure.com/"):
        query = urllib.parse.urlencode({"api-version": "2018-02-01", "resource": resource})
        answer = self.raw("GET", "/metadata/identity/oauth2/token?" + query,
                          headers={"Metadata": "true"})
        self.token = answer.json["access_token"]

    def call(self, method, path, body=None, headers=None, version=None):
        if self.token is None:
            self.sign_in()
        if "api-version=" not in path:
            version = version or next(value for part, value in API_VERSIONS if part in path)
            path += ("&" if "?" in path else "?") + "api-version=" + version
        headers = {"Authorization": "Bearer " + self.token, **(headers or {})}
        data = b"" if method == "POST" else None
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            data = json.dumps(body).encode()
        return self.raw(method, path.removeprefix(self.emulator.url), data, headers)

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def put(self, path, body, headers=None):
        return self.call("PUT", path, body, headers)

    def post(self, path, body=None):
        return self.call("POST", path, body)


@pytest.fixture(scope="session")
def running():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running):
    running.reset()
    return running


@pytest.fixture
def azure(emulator):
    return Azure(emulator)
