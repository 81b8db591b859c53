"""What the emulated Defender for Endpoint accepts, refuses and does."""

import json

import pytest

from conftest import Azure

AUDIENCE = "https://api.securitycenter.microsoft.com"
WEB = f"{0x101:040x}"


class Defender(Azure):
    def ask(self, method, path, body=None):
        if self.token is None:
            self.sign_in(AUDIENCE)
        headers = {"Authorization": "Bearer " + self.token}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self.raw(method, path.replace(" ", "%20"),
                        None if body is None else json.dumps(body), headers)


@pytest.fixture
def defender(emulator):
    return Defender(emulator)


def isolate(defender, **more):
    return defender.ask("POST", f"/api/machines/{WEB}/isolate",
                        {"Comment": "alert 1", "IsolationType": "Full", **more})


def test_machines_are_found_by_the_fields_that_can_be_filtered(defender):
    def ids(term):
        found = defender.ask("GET", "/api/machines?$filter=" + term).json["value"]
        return [int(machine["id"], 16) for machine in found]
    assert ids("startswith(computerDnsName,'web-01')") == [0x101, 0x102]
    assert ids("computerDnsName eq 'WEB-01'") == [0x102]
    machine = defender.ask("GET", "/api/machines/" + WEB).json
    assert ids(f"aadDeviceId eq {machine['aadDeviceId']}") == [0x101]
    for term in ("vmMetadata eq 'x'", "length(computerDnsName) gt 2"):
        assert defender.ask("GET", "/api/machines?$filter=" + term).code == "ODataError"
    assert defender.ask("GET", "/api/machines/nonsense").status == 400
    assert defender.ask("GET", f"/api/machines/{7:040x}").code == "ResourceNotFound"


def test_a_machine_is_isolated_step_by_step_and_released(defender):
    begun = isolate(defender, ExternalId="one")
    assert begun.status == 201 and begun.json["status"] == "Pending"
    assert begun.json["externalId"] == "one" and begun.json["scope"] == "Full"
    again = isolate(defender)
    assert (again.status, again.code) == (400, "ActiveRequestAlreadyExists")
    path = "/api/machineactions/" + begun.json["id"]
    assert [defender.ask("GET", path).json["status"] for _ in range(3)] == [
        "InProgress", "Succeeded", "Succeeded"]
    released = defender.ask("POST", f"/api/machines/{WEB}/unisolate", {"Comment": "over"})
    assert released.status == 201 and released.json["type"] == "Unisolate"
    listed = defender.ask("GET", f"/api/machineactions?$filter=machineId eq '{WEB}'").json["value"]
    assert [action["type"] for action in listed] == ["Unisolate", "Isolate"]


@pytest.mark.parametrize("body,code", [
    ({"Comment": ""}, "MissingRequiredParameter"), ({}, "MissingRequiredParameter"),
    ({"Comment": "x", "IsolationType": "Half"}, "InvalidRequestBody"),
    ({"Comment": "x", "Force": True}, "InvalidRequestBody"),
])
def test_a_body_is_refused(defender, body, code):
    answer = defender.ask("POST", f"/api/machines/{WEB}/isolate", body)
    assert (answer.status, answer.code) == (400, code)


def test_an_action_under_way_is_cancelled_and_one_that_ended_is_not(defender):
    path = "/api/machineactions/" + isolate(defender).json["id"] + "/cancel"
    assert defender.ask("POST", path, {"Comment": "no"}).json["status"] == "Cancelled"
    assert defender.ask("POST", path, {"Comment": "no"}).status == 400
    assert isolate(defender).status == 201


def test_a_permission_and_the_right_audience_are_needed(defender, emulator):
    emulator.settings(defender_roles=["Machine.Read.All"])
    assert (isolate(defender).status, isolate(defender).code) == (403, "Forbidden")
    defender.sign_in()
    assert isolate(defender).status == 401
