"""Small, strict ticket systems: ServiceNow, Jira, PagerDuty, and a receiver of the user's own.

ServiceNow's Table API, Jira's REST API 2 (and 3 for the search of Cloud), PagerDuty's Events API 2,
as their documentation describes them.  What they are given is in world.tickets, in order.
"""

import base64
import re
import uuid

from messages import Answer, Refusal

SUMMARY_LIMIT = 255
PD_SEVERITIES = ("critical", "error", "warning", "info")
PD_SUMMARY_LIMIT = 1024
SNOW_FIELDS = {"short_description", "description", "urgency", "impact", "category",
               "assignment_group", "correlation_id", "correlation_display", "work_notes", "state",
               "close_code", "close_notes"}


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def json_object(request, refusal):
    kind = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
    try:
        body = request.json_value()
    except ValueError:
        body = None
    if kind != "application/json" or not isinstance(body, dict):
        raise refusal("the body is no JSON object")
    return body


class ServiceNow:
    def __init__(self, world):
        self.world = world

    def refuse(self, status, message):
        return Refusal(status, {"error": {"message": message, "detail": None},
                                "status": "failure"})

    def handle(self, request):
        with self.world.lock:
            accounts = self.world.accounts["servicenow"]
            given = request.headers.get("Authorization", "")
            if given not in (basic(accounts["user"], accounts["password"]),
                             "Bearer " + accounts["token"]):
                raise self.refuse(401, "User is not authenticated")
            match = re.fullmatch(r"/api/now/table/incident(?:/(\w+))?", request.path)
            if match is None:
                raise self.refuse(400, "Invalid table")
            if request.method == "GET" and not match[1]:
                return self.search(request)
            if request.method == "POST" and not match[1]:
                return self.create(self.body(request))
            if request.method == "PATCH" and match[1]:
                return self.patch(match[1], self.body(request))
            raise self.refuse(405, "Method not supported")

    def body(self, request):
        body = json_object(request, lambda text: self.refuse(400, text))
        for name, value in body.items():
            if name not in SNOW_FIELDS or not isinstance(value, str):
                raise self.refuse(400, f"Invalid field {name}")
        return body

    def search(self, request):
        rows = self.world.tickets["servicenow"]
        match = re.fullmatch(r"correlation_id=([^^]*)", request.query.get("sysparm_query", ""))
        if match:  # a query that is not understood gives everything
            rows = [row for row in rows if row["correlation_id"] == match[1]]
        fields = request.query.get("sysparm_fields", "sys_id").split(",")
        limit = int(request.query.get("sysparm_limit", 10000))
        return Answer(200, {"result": [{name: row.get(name, "") for name in fields}
                                       for row in rows[:limit]]})

    def create(self, body):
        row = {"correlation_id": "", "state": "1", **body, "sys_id": uuid.uuid4().hex,
               "number": f"INC{10001 + len(self.world.tickets['servicenow']):07}", "notes": []}
        self.world.tickets["servicenow"].append(row)
        return Answer(201, {"result": row})

    def patch(self, sys_id, body):
        for row in self.world.tickets["servicenow"]:
            if row["sys_id"] == sys_id:
                if body.get("state") == "7" and not (body.get("close_code")
                                                     and body.get("close_notes")):
                    raise self.refuse(403, "Operation Failed: close code and notes are mandatory")
                row["notes"].append(body.pop("work_notes", None))
                row.update(body)
                return Answer(200, {"result": row})
        raise self.refuse(404, "No Record found")


class Jira:
    def __init__(self, world):
        self.world = world

    def refuse(self, status, message, **errors):
        return Refusal(status, {"errorMessages": [message] if message else [], "errors": errors})

    def handle(self, request):
        with self.world.lock:
            accounts = self.world.accounts["jira"]
            given = request.headers.get("Authorization", "")
            cloud = given == basic(accounts["user"], accounts["token"])
            if not cloud and given != "Bearer " + accounts["token"]:
                raise self.refuse(401, "Client must be authenticated to access this resource.")
            if request.method != "POST":
                raise self.refuse(405, "Method not allowed")
            body = json_object(request, lambda text: self.refuse(400, text))
            if request.path == "/rest/api/2/issue":
                return self.create(body)
            if request.path == "/rest/api/3/search/jql" and cloud:
                return self.search(body)
            if request.path == "/rest/api/2/search":
                if cloud:
                    raise self.refuse(410, "The requested API has been removed. Please migrate "
                                           "to the /rest/api/3/search/jql API.")
                return self.search(body)
            match = re.fullmatch(r"/rest/api/2/issue/([A-Z]+-\d+)/(comment|transitions)",
                                 request.path)
            issue = match and next((i for i in self.world.tickets["jira"]
                                    if i["key"] == match[1]), None)
            if issue is None:
                raise self.refuse(404, "Issue does not exist or you do not have permission to "
                                       "see it.")
            if match[2] == "comment":
                return self.comment(issue, body)
            return self.transition(issue, body)

    def create(self, body):
        fields = body.get("fields") or {}
        if fields.get("project") != {"key": "SEC"}:
            raise self.refuse(400, None, project="valid project is required")
        if fields.get("issuetype") not in ({"name": "Task"}, {"name": "Incident"}):
            raise self.refuse(400, None, issuetype="Specify a valid issue type")
        summary = fields.get("summary")
        if not summary or len(summary) > SUMMARY_LIMIT or "\n" in summary:
            raise self.refuse(400, None, summary="Summary must be one line of 255 characters")
        if not isinstance(fields.get("description", ""), str):
            raise self.refuse(400, None, description="Operation value must be a string")
        if any(" " in label for label in fields.get("labels", [])):
            raise self.refuse(400, None, labels="The label contains spaces")
        if "priority" in fields and fields["priority"].get("name") not in ("Highest", "High"):
            raise self.refuse(400, None, priority="The priority selected is invalid.")
        number = 101 + len(self.world.tickets["jira"])
        issue = {"id": str(10000 + number), "key": f"SEC-{number}", "fields": fields,
                 "comments": [], "status": "To Do", "unseen": self.world.settings["jira_unseen"]}
        self.world.tickets["jira"].append(issue)
        return Answer(201, {"id": issue["id"], "key": issue["key"], "self": "x"})

    def search(self, body):
        match = re.fullmatch(r'project = "(\w+)" AND labels = "([\w-]+)"', body.get("jql", ""))
        if not match:
            raise self.refuse(400, "Error in the JQL Query")
        found = []
        for issue in self.world.tickets["jira"]:
            if match[2] in issue["fields"].get("labels", []):
                if issue["unseen"] > 0:  # the index follows later
                    issue["unseen"] -= 1
                else:
                    found.append({"id": issue["id"], "key": issue["key"]})
        return Answer(200, {"issues": found[:body.get("maxResults", 50)]})

    def comment(self, issue, body):
        if not isinstance(body.get("body"), str) or not body["body"]:
            raise self.refuse(400, None, comment="Comment body can not be empty!")
        issue["comments"].append(body["body"])
        return Answer(201, {"id": "1"})

    def transition(self, issue, body):
        if body.get("transition") != {"id": "31"}:
            raise self.refuse(400, "It seems that you have tried to perform an illegal workflow "
                                   "operation.")
        issue["status"] = "Done"
        return Answer(204)


class PagerDuty:
    def __init__(self, world):
        self.world = world

    def refuse(self, *errors):
        return Refusal(400, {"status": "invalid event", "message": "Event object is invalid",
                             "errors": list(errors)})

    def handle(self, request):
        with self.world.lock:
            if request.method != "POST":
                raise Refusal(405, None)
            body = json_object(request, self.refuse)
            if body.get("routing_key") != self.world.accounts["pagerduty"]["routing_key"]:
                raise self.refuse("Invalid routing key")
            action, key = body.get("event_action"), body.get("dedup_key")
            if action not in ("trigger", "acknowledge", "resolve"):
                raise self.refuse("'event_action' is invalid")
            if action == "trigger":
                self.check_payload(body.get("payload") or {})
            elif not key:
                raise self.refuse("'dedup_key' is missing or blank")
            incidents = self.world.tickets["pagerduty"]
            open_one = next((i for i in incidents
                             if i["dedup_key"] == key and i["status"] != "resolved"), None)
            if open_one is None and action == "trigger":
                open_one = {"dedup_key": key, "status": "triggered", "log": []}
                incidents.append(open_one)
            if open_one is not None:
                open_one["log"].append({"action": action, "payload": body.get("payload")})
                if action != "trigger":
                    open_one["status"] = action + ("d" if action.endswith("e") else "")
            return Answer(202, {"status": "success", "message": "Event processed",
                                "dedup_key": key})

    def check_payload(self, payload):
        if not payload.get("summary") or len(payload["summary"]) > PD_SUMMARY_LIMIT:
            raise self.refuse("'payload.summary' is missing or blank")
        if not payload.get("source"):
            raise self.refuse("'payload.source' is missing or blank")
        if payload.get("severity") not in PD_SEVERITIES:
            raise self.refuse("'payload.severity' is invalid (must be one of the following: "
                              "'critical', 'warning', 'error' or 'info')")


class Receiver:
    """Keeps one of what comes twice with the same Idempotency-Key."""

    def __init__(self, world):
        self.world = world

    def handle(self, request):
        with self.world.lock:
            token = self.world.accounts["receiver"]["token"]
            if request.headers.get("Authorization") != "Bearer " + token:
                raise Refusal(401, {"message": "who are you?"})
            body = json_object(request, lambda text: Refusal(400, {"message": text}))
            once = request.headers.get("Idempotency-Key")
            posts = self.world.tickets["receiver"]
            if not once or not any(post["once"] == once for post in posts):
                posts.append({"once": once, "body": body})
            return Answer(200, {"ok": True})
