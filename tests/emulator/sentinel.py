"""Incidents of Microsoft Sentinel and their comments.

Fields from Microsoft.SecurityInsights (OpenAPI 2024-03-01).  PUT replaces the incident; with an
etag in the body it must be the current one, without it overwrites.
"""

import copy
import uuid
from datetime import datetime, timezone

from messages import Answer, ArmError
from shapes import READ_ONLY, STRING, Choice, check_body
from world import name_of, visible

TYPE = "Microsoft.SecurityInsights/incidents"
COMMENT_TYPE = "Microsoft.SecurityInsights/incidents/comments"
WORKSPACE_TYPE = "Microsoft.OperationalInsights/workspaces"
INCIDENTS = ("/subscriptions/{subscription}/resourceGroups/{group}/providers/" + WORKSPACE_TYPE
             + "/{workspace}/providers/Microsoft.SecurityInsights/incidents")
READ_ONLY_FIELDS = ("additionalData", "createdTimeUtc", "incidentUrl", "providerName",
                    "providerIncidentId", "incidentNumber", "lastModifiedTimeUtc",
                    "relatedAnalyticRuleIds")
INCIDENT = {
    **dict.fromkeys(("id", "name", "type", "systemData"), READ_ONLY),
    "etag": STRING,
    "properties": {
        "title": STRING, "description": STRING,
        "severity": Choice("High", "Medium", "Low", "Informational"),
        "status": Choice("New", "Active", "Closed"),
        "classification": Choice("Undetermined", "TruePositive", "BenignPositive",
                                 "FalsePositive"),
        "classificationReason": Choice("SuspiciousActivity", "SuspiciousButExpected",
                                       "IncorrectAlertLogic", "InaccurateData"),
        "classificationComment": STRING,
        "firstActivityTimeUtc": STRING, "lastActivityTimeUtc": STRING,
        "labels": [{"labelName": STRING, "labelType": STRING}],
        "owner": {"objectId": STRING, "email": STRING, "assignedTo": STRING,
                  "userPrincipalName": STRING, "ownerType": STRING},
        **dict.fromkeys(READ_ONLY_FIELDS, READ_ONLY)},
}
COMMENT = {
    **dict.fromkeys(("id", "name", "type"), READ_ONLY),
    "etag": STRING,
    "properties": {"message": STRING, "createdTimeUtc": READ_ONLY,
                   "lastModifiedTimeUtc": READ_ONLY, "author": READ_ONLY},
}
DESCRIPTION_LIMIT = 5000
MESSAGE_LIMIT = 30000


def bad(message):
    return ArmError(400, "BadRequest", message)


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Sentinel:
    def __init__(self, world):
        self.world = world

    def routes(self):
        incident = INCIDENTS + "/{incident}"
        return [("GET", incident, TYPE, self.get), ("PUT", incident, TYPE, self.put),
                ("PUT", incident + "/comments/{comment}", TYPE, self.comment)]

    def require_workspace(self, request):
        self.world.require(request.path[:request.path.lower().index(
            "/providers/microsoft.securityinsights")])

    def known(self, path):
        incident = self.world.get(path)
        if incident is None:
            raise ArmError(404, "NotFound", f"Incident '{name_of(path)}' was not found")
        return incident

    def get(self, request, names):
        self.require_workspace(request)
        return Answer(200, visible(self.known(request.path)))

    def put(self, request, names):
        body = request.json()
        check_body(body, INCIDENT, "BadRequest")
        self.require_workspace(request)
        properties = body.get("properties") or {}
        for name in ("title", "severity", "status"):
            if not properties.get(name):
                raise bad(f"Invalid data model. [Property '{name}' is required]")
        if len(properties.get("description") or "") > DESCRIPTION_LIMIT:
            raise bad("The description is longer than 5000 characters")
        if properties["status"] == "Closed" and not properties.get("classification"):
            raise bad("A closed incident must have a classification")
        old = self.world.get(request.path)
        if body.get("etag") and body["etag"] != (old or {}).get("etag"):
            raise ArmError(412, "PreconditionFailed", "The incident was changed meanwhile")
        number = (old or {}).get("properties", {}).get("incidentNumber")
        if number is None:
            number = 3001 + len(self.world.of_type(TYPE))
        incident = self.world.put({
            "id": request.path, "name": name_of(request.path), "type": TYPE,
            "etag": f'"{uuid.uuid4()}"',
            "properties": {**copy.deepcopy(properties), "incidentNumber": number,
                           "createdTimeUtc": now(), "lastModifiedTimeUtc": now(),
                           "providerName": "Azure Sentinel", "relatedAnalyticRuleIds": [],
                           "additionalData": {"alertsCount": 0}}})
        return Answer(200 if old else 201, visible(incident))

    def comment(self, request, names):
        body = request.json()
        check_body(body, COMMENT, "BadRequest")
        self.require_workspace(request)
        self.known(request.path.rsplit("/comments/", 1)[0])
        message = (body.get("properties") or {}).get("message")
        if not message or len(message) > MESSAGE_LIMIT:
            raise bad("A comment needs a message of at most 30000 characters")
        old = self.world.get(request.path)
        comment = self.world.put({
            "id": request.path, "name": name_of(request.path), "type": COMMENT_TYPE,
            "etag": f'"{uuid.uuid4()}"',
            "properties": {"message": message, "createdTimeUtc": now()}})
        return Answer(200 if old else 201, visible(comment))
