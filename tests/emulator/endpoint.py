"""Microsoft Defender for Endpoint: machines, isolation, and what becomes of it.

From "List machines", "Isolate machine", "Release device from isolation", "List machine actions",
"Cancel machine action", "MachineAction resource type", "OData queries" and "Common REST API errors".
An action goes from Pending over InProgress to its end as it is looked at; a machine has one of
Isolate and Unisolate at a time.
"""

import re
import uuid
from datetime import datetime, timezone

from messages import Answer, Refusal

AUDIENCES = {"https://api.securitycenter.microsoft.com"}
RESOURCE = "WindowsDefenderATP"
UNSETTLED = ("Pending", "InProgress")
MACHINE_ID = re.compile(r"[0-9a-f]{40}")
MACHINE_FIELDS = {"computerDnsName", "id", "aadDeviceId", "healthStatus", "lastSeen", "osPlatform",
                  "onboardingStatus", "lastIpAddress", "rbacGroupId", "riskScore"}
ACTION_FIELDS = {"id", "status", "machineId", "type", "requestor", "creationDateTimeUtc"}
ISOLATE = {"Comment", "IsolationType", "ExternalId"}
RELEASE = {"Comment", "ExternalId"}
TERM = re.compile(r"(?:(startswith|contains)\((\w+),'([^']*)'\)|(\w+) eq (?:'([^']*)'|([0-9a-f-]+)))",
                  re.IGNORECASE)


def error(status, code, message, target=""):
    return Refusal(status, {"error": {"code": code, "message": message, "target": target}})


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Endpoint:
    def __init__(self, world, identity):
        self.world = world
        self.identity = identity

    def handle(self, request):
        with self.world.lock:
            self.identity.check_token(request, AUDIENCES)
            parts = request.path.strip("/").split("/")[1:]
            route = (request.method, parts[0].lower(), len(parts),
                     parts[2].lower() if len(parts) == 3 else "")
            handler = {
                ("GET", "machines", 1, ""): self.machines, ("GET", "machines", 2, ""): self.machine,
                ("POST", "machines", 3, "isolate"): self.isolate,
                ("POST", "machines", 3, "unisolate"): self.release,
                ("GET", "machineactions", 1, ""): self.actions,
                ("GET", "machineactions", 2, ""): self.action,
                ("POST", "machineactions", 3, "cancel"): self.cancel,
            }.get(route)
            if handler is None:
                raise error(404, "NotFound", f"No HTTP resource was found for {request.path}.")
            return handler(request, *parts[1:2])

    def need(self, *roles):
        if not set(roles) & set(self.world.settings["defender_roles"]):
            raise error(403, "Forbidden", "The application does not have any of the required "
                        f"application permissions ({', '.join(roles)}), resource application "
                        f"({RESOURCE}).")

    # machines

    def machines(self, request):
        self.need("Machine.Read.All", "Machine.ReadWrite.All")
        found = filtered(request, self.world.defender["machines"], MACHINE_FIELDS)
        return Answer(200, {"@odata.context": request.origin + "/api/$metadata#Machines",
                            "value": found})

    def known(self, machine_id):
        if not MACHINE_ID.fullmatch(machine_id):
            raise error(400, "InvalidInput", f"Invalid input {machine_id}.")
        for machine in self.world.defender["machines"]:
            if machine["id"] == machine_id:
                return machine
        raise error(404, "ResourceNotFound", f"Machine {machine_id} was not found.")

    def machine(self, request, machine_id):
        self.need("Machine.Read.All", "Machine.ReadWrite.All")
        return Answer(200, self.known(machine_id))

    # actions

    def isolate(self, request, machine_id):
        self.need("Machine.Isolate")
        body = fields_of(request, ISOLATE)
        if body.get("IsolationType", "Full") not in ("Full", "Selective", "UnManagedDevice"):
            raise error(400, "InvalidRequestBody", "IsolationType is not valid.", "IsolationType")
        return self.begin(request, machine_id, "Isolate", body.get("IsolationType", "Full"), body)

    def release(self, request, machine_id):
        self.need("Machine.Isolate")
        return self.begin(request, machine_id, "Unisolate", None, fields_of(request, RELEASE))

    def begin(self, request, machine_id, kind, scope, body):
        machine = self.known(machine_id)
        if any(a["machineId"] == machine_id and a["status"] in UNSETTLED
               for a in self.world.defender["actions"]):
            raise error(400, "ActiveRequestAlreadyExists", "Action is already in progress")
        action = self.add(machine, kind, "gridwarden", body["Comment"], scope,
                          body.get("ExternalId"))
        return Answer(201, {"@odata.context": request.origin + "/api/$metadata#MachineActions/"
                                              "$entity", **shown(action)})

    def add(self, machine, kind, requestor, comment="", scope=None, external_id=None,
            status="Pending"):
        action = {
            "id": str(uuid.uuid4()), "type": kind, "title": None, "requestor": requestor,
            "requestorComment": comment, "status": status, "machineId": machine["id"],
            "computerDnsName": machine["computerDnsName"], "creationDateTimeUtc": now(),
            "lastUpdateDateTimeUtc": now(), "cancellationRequestor": None,
            "cancellationComment": None, "cancellationDateTimeUtc": None, "errorHResult": 0,
            "scope": scope, "externalId": external_id, "requestSource": "PublicApi",
            "relatedFileInfo": None, "commands": [], "troubleshootInfo": None, "polls": 0}
        self.world.defender["actions"].append(action)
        return action

    def look_at(self, action):
        if action["status"] not in UNSETTLED:
            return
        action["polls"] += 1
        limit = self.world.settings["defender_polls"]
        if action["polls"] > limit:
            action["status"] = self.world.settings["defender_end"]
        elif action["polls"] > 1 or limit == 1:
            action["status"] = "InProgress"
        action["lastUpdateDateTimeUtc"] = now()

    def actions(self, request):
        self.need("Machine.Read.All", "Machine.ReadWrite.All")
        found = filtered(request, self.world.defender["actions"], ACTION_FIELDS)
        for action in found:
            self.look_at(action)
        found.sort(key=lambda action: action["creationDateTimeUtc"], reverse=True)
        return Answer(200, {"@odata.context": request.origin + "/api/$metadata#MachineActions",
                            "value": [shown(action) for action in found]})

    def one(self, action_id):
        for action in self.world.defender["actions"]:
            if action["id"] == action_id:
                return action
        raise error(404, "ResourceNotFound", f"Machine action {action_id} was not found.")

    def action(self, request, action_id):
        self.need("Machine.Read.All", "Machine.ReadWrite.All")
        action = self.one(action_id)
        self.look_at(action)
        return Answer(200, shown(action))

    def cancel(self, request, action_id):
        self.need("Machine.Isolate")
        body = fields_of(request, {"Comment"})
        action = self.one(action_id)
        if action["status"] not in UNSETTLED:
            raise error(400, "BadRequest", "The action is in a final state.")
        action.update(status="Cancelled", cancellationRequestor="gridwarden",
                      cancellationComment=body["Comment"], cancellationDateTimeUtc=now())
        return Answer(200, shown(action))

    # what somebody else does, for tests

    def somebody(self, request):
        order = request.json_value()
        with self.world.lock:
            machine = self.known(order["machineId"])
            return Answer(200, shown(self.add(machine, order["type"], order.get(
                "requestor", "analyst@contoso.example"), order.get("comment", ""),
                order.get("scope"), status=order.get("status", "Succeeded"))))


def shown(action):
    return {name: value for name, value in action.items() if name != "polls"}


def fields_of(request, known):
    if not request.headers.get("Content-Type", "").startswith("application/json"):
        raise error(415, "UnsupportedMediaType", "application/json only")
    try:
        body = request.json_value()
    except ValueError:
        body = None
    if not isinstance(body, dict) or set(body) - known:
        raise error(400, "InvalidRequestBody", "Invalid request body.")
    if not isinstance(body.get("Comment"), str) or not body["Comment"]:
        raise error(400, "MissingRequiredParameter", "Parameter Comment is missing.", "Comment")
    return body


def filtered(request, entities, fields):
    """$filter of terms that all hold; anything else is no OData that is known here."""
    unknown = set(request.query) - {"$filter", "$top"}
    if unknown:
        raise error(400, "ODataError", f"Invalid OData URI query: {sorted(unknown)}.")
    terms = [term for term in re.split(r"\s+and\s+", request.query.get("$filter", "")) if term]
    found = list(entities)
    for term in terms:
        match = TERM.fullmatch(term.strip())
        if match is None:
            raise error(400, "ODataError", f"Invalid OData URI query: {term}.")
        function, of, part, name, text, plain = match.groups()
        field = of or name
        if field not in fields:
            raise error(400, "ODataError", f"Invalid OData URI query: {field} cannot be filtered.")
        found = [entity for entity in found
                 if holds(function, str(entity.get(field) or ""), part, text if text is not None
                          else plain)]
    return found[:int(request.query.get("$top", 10000))]


def holds(function, value, part, wanted):
    if function is None:
        return value.lower() == (wanted or "").lower()
    if function.lower() == "startswith":
        return value.lower().startswith(part.lower())
    return part.lower() in value.lower()
