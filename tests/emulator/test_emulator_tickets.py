"""Ticket systems of the emulator: what they take, and what they refuse as the real ones do."""

import base64
import json

import pytest

from conftest import SUBSCRIPTION

INCIDENT = (SUBSCRIPTION + "/resourceGroups/rg-security/providers/Microsoft.OperationalInsights/"
            "workspaces/soc/providers/Microsoft.SecurityInsights/incidents/"
            "73e01a99-5cd7-4139-a149-9f2736ff2ab5?api-version=2024-03-01")
GOOD = {"title": "t", "severity": "High", "status": "New"}
PD = {"routing_key": "R0UT1NGKEY0123456789ABCDEF012345", "event_action": "trigger",
      "dedup_key": "k", "payload": {"summary": "s", "source": "x", "severity": "critical"}}


def basic(pair):
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
            "Content-Type": "application/json"}


SNOW, JIRA = basic("gridwarden:snow-p:ss"), basic("gw@contoso.com:jira-token")


def send(azure, method, path, body, headers):
    return azure.raw(method, path, json.dumps(body) if body is not None else None, headers)


def test_an_incident_is_made_once_and_replaced_only_with_its_etag(azure, emulator):
    first = azure.put(INCIDENT, {"properties": GOOD})
    assert first.status == 201
    number = first.json["properties"]["incidentNumber"]
    again = azure.put(INCIDENT, {"etag": first.json["etag"], "properties": GOOD})
    assert (again.status, again.json["properties"]["incidentNumber"]) == (200, number)
    assert azure.put(INCIDENT, {"etag": first.json["etag"], "properties": GOOD}).status == 412
    comment = INCIDENT.replace("?", "/comments/4bb36b7b-26ff-4d1c-9cbe-0d8ab3da0014?")
    for status in (201, 200):
        assert azure.put(comment, {"properties": {"message": "m"}}).status == status
    (incident,) = emulator.tickets()["sentinel"]
    assert incident["comments"] == ["m"]


@pytest.mark.parametrize("properties", [
    {"severity": "High", "status": "New"}, {**GOOD, "severity": "Critical"},
    {**GOOD, "status": "Closed"}, {**GOOD, "description": "x" * 5001},
    {**GOOD, "incidentNumber": 7}], ids=["title", "severity", "closed", "long", "read-only"])
def test_an_incident_that_sentinel_would_refuse_is_refused(azure, properties):
    assert azure.put(INCIDENT, {"properties": properties}).status == 400


def test_servicenow_finds_by_correlation_and_answers_anything_to_a_query_it_does_not_know(azure):
    table = "/api/now/table/incident"
    made = send(azure, "POST", table, {"short_description": "s", "correlation_id": "c"}, SNOW)
    assert made.status == 201

    def found(query):
        answer = azure.raw("GET", f"{table}?sysparm_query={query}&sysparm_limit=1", headers=SNOW)
        return len(answer.json["result"])
    assert [found("correlation_id%3Dc"), found("correlation_id%3Dd"), found("x%3Dd")] == [1, 0, 1]
    row = table + "/" + made.json["result"]["sys_id"]
    assert send(azure, "PATCH", row, {"work_notes": "n"}, SNOW).status == 200
    assert send(azure, "PATCH", row, {"state": "7"}, SNOW).status == 403
    assert send(azure, "PATCH", table + "/0", {"work_notes": "n"}, SNOW).status == 404
    assert send(azure, "POST", table, {"nothing": "x"}, SNOW).status == 400
    assert send(azure, "POST", table, {}, basic("gridwarden:wrong")).status == 401


def test_jira_cloud_has_only_the_new_search_and_an_index_that_follows(azure, emulator):
    emulator.settings(jira_unseen=1)
    fields = {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "s",
              "labels": ["l-1"]}
    assert send(azure, "POST", "/rest/api/2/issue", {"fields": fields}, JIRA).status == 201
    query = {"jql": 'project = "SEC" AND labels = "l-1"', "maxResults": 1}
    counts = [len(send(azure, "POST", "/rest/api/3/search/jql", query, JIRA).json["issues"])
              for _ in range(2)]
    assert counts == [0, 1]
    assert send(azure, "POST", "/rest/api/2/search", query, JIRA).status == 410
    bearer = {"Authorization": "Bearer jira-token", "Content-Type": "application/json"}
    assert send(azure, "POST", "/rest/api/2/search", query, bearer).status == 200
    for bad in ({"summary": "a\nb"}, {"project": {"key": "X"}}, {"priority": {"name": "P9"}},
                {"description": {"type": "doc"}}, {"labels": ["a b"]}):
        refused = send(azure, "POST", "/rest/api/2/issue", {"fields": {**fields, **bad}}, JIRA)
        assert refused.status == 400, bad


def test_pagerduty_knows_an_open_incident_again_and_no_other(azure, emulator):
    kind = {"Content-Type": "application/json"}
    for action in ("trigger", "trigger", "acknowledge", "resolve", "trigger"):
        assert send(azure, "POST", "/v2/enqueue", {**PD, "event_action": action},
                    kind).status == 202
    assert [i["status"] for i in emulator.tickets()["pagerduty"]] == ["resolved", "triggered"]
    for bad in ({"routing_key": "x"}, {"event_action": "open"}, {"payload": {"summary": "s"}},
                {"payload": {**PD["payload"], "severity": "High"}}):
        assert send(azure, "POST", "/v2/enqueue", {**PD, **bad}, kind).status == 400, bad
    assert "R0UT1NG" not in json.dumps(emulator.calls())


def test_the_receiver_keeps_one_of_what_comes_twice(azure, emulator):
    headers = {"Authorization": "Bearer receiver-token", "Content-Type": "application/json",
               "Idempotency-Key": "1"}
    for _ in range(2):
        assert send(azure, "POST", "/receiver", {"a": 1}, headers).status == 200
    assert emulator.tickets()["receiver"] == [{"once": "1", "body": {"a": 1}}]
    assert send(azure, "POST", "/receiver", {}, {**headers, "Authorization": "x"}).status == 401
