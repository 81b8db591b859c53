"""Long-running operations in the three ways of Azure Resource Manager.

"Track asynchronous Azure operations": the first answer carries Azure-AsyncOperation (poll it for
a status), Location (poll it until it no longer answers 202), or neither, and then the resource's
own provisioningState tells.  Azure-AsyncOperation also comes with 200 and 201.  Polling addresses
are absolute and opaque: they carry their own api-version and a signature.
"""

import secrets
import time
import uuid
from datetime import datetime, timezone

from messages import Answer, ArmError

OPERATION_API_VERSIONS = {"Microsoft.Network": "2023-11-01", "Microsoft.Compute": "2024-03-01",
                          "Microsoft.Resources": "2021-04-01"}
DEFAULT_ERROR = {"code": "InternalExecutionError",
                 "message": "An internal execution error occurred. Please retry later."}
ORDER_FIELDS = {"pattern", "polls", "retry_after", "end", "error"}
PATTERNS = ("async", "location", "both", "body")


def now_text():
    return datetime.now(timezone.utc).isoformat()


class Operation:
    def __init__(self, order, settings, pattern, resource, on_end, result):
        self.id = str(uuid.uuid4())
        self.pattern = order.get("pattern", pattern)
        self.polls_left = order.get("polls", settings["longop_polls"])
        self.retry_after = order.get("retry_after", settings["longop_retry_after"])
        self.end = order.get("end", "Succeeded")
        self.error = None if self.end == "Succeeded" else order.get("error", DEFAULT_ERROR)
        self.deadline = None if order else time.monotonic() + settings["longop_limit_s"]
        self.resource_id = resource["id"].lower() if resource else None
        self.on_end = on_end
        self.result = result
        self.ended = False
        self.signature = secrets.token_urlsafe(32)
        self.started_at = now_text()
        self.ended_at = None

    def poll(self):
        if self.ended:
            return
        if self.polls_left > 0 and not self.overdue():
            self.polls_left -= 1
            return
        self.finish()

    def overdue(self):
        return self.deadline is not None and time.monotonic() >= self.deadline

    def finish(self):
        self.ended = True
        self.ended_at = now_text()
        self.on_end(self.end)


class LongOperations:
    def __init__(self, world):
        self.world = world
        self.operations = {}

    def clear(self):
        self.operations.clear()

    def start(self, request, provider, location, *, pattern, resource=None, on_end=None,
              result=None):
        """Begins an operation; on_end(state) runs once, result() is its outcome for Location.

        Without on_end the resource's provisioningState gets the state in which it ended.
        """
        order = request.longop or {}
        if set(order) - ORDER_FIELDS or order.get("pattern", "async") not in PATTERNS:
            raise ArmError(400, "EmulatorOrder", f"not a long operation order: {order}")
        if on_end is None:
            on_end = self.provisioned(resource["id"])
        operation = Operation(order, self.world.settings, pattern, resource, on_end, result)
        operation.address = self.address(request, provider, location, operation)
        self.operations[operation.id] = operation
        return operation

    def provisioned(self, resource_id):
        """Looked up at the end: the resource may have been changed or deleted meanwhile."""
        def end(state):
            resource = self.world.get(resource_id)
            if resource:
                resource["properties"]["provisioningState"] = state
                self.world.put(resource)
        return end

    def address(self, request, provider, location, operation):
        subscription = request.path.split("/")[2]
        base = (f"{request.origin}/subscriptions/{subscription}/providers/{provider}/locations/"
                f"{location}")
        query = (f"api-version={OPERATION_API_VERSIONS[provider]}"
                 f"&t={time.time_ns() // 100}&c={'MIIHhz' + 'CCBm-gAwIB' * 120}"
                 f"&s={operation.signature}")
        return {"async": f"{base}/operations/{operation.id}?{query}",
                "location": f"{base}/operationResults/{operation.id}?{query}"}

    def headers(self, operation):
        """What the first answer says about where to poll."""
        headers = {}
        if operation.pattern in ("async", "both"):
            headers["Azure-AsyncOperation"] = operation.address["async"]
            headers["Azure-AsyncNotification"] = "Enabled"
        if operation.pattern in ("location", "both"):
            headers["Location"] = operation.address["location"]
        if headers and operation.retry_after is not None:
            headers["Retry-After"] = str(operation.retry_after)
        return headers

    def running_on(self, resource_id):
        key = resource_id.lower()
        return next((operation for operation in self.operations.values()
                     if operation.resource_id == key and not operation.ended), None)

    def resource_read(self, resource_id):
        """A GET of the resource is a poll where the resource itself tells the state."""
        operation = self.running_on(resource_id)
        if operation and operation.pattern == "body":
            operation.poll()

    def end_overdue(self):
        for operation in self.operations.values():
            if not operation.ended and operation.overdue():
                operation.finish()

    def find(self, request, operation_id, provider):
        operation = self.operations.get(operation_id.lower())
        versions = {name.lower(): version for name, version in OPERATION_API_VERSIONS.items()}
        if (operation is None or request.query.get("s") != operation.signature
                or request.query["api-version"] != versions.get(provider.lower())):
            raise ArmError(404, "OperationNotFound", "The operation was not found.")
        return operation

    def status(self, request, names):
        """GET of an Azure-AsyncOperation address."""
        operation = self.find(request, names["operation"], names["provider"])
        operation.poll()
        body = {"id": request.path, "name": operation.id, "startTime": operation.started_at}
        if not operation.ended:
            return Answer(200, {**body, "status": "InProgress"}, self.retry_header(operation))
        body.update(status=operation.end, endTime=operation.ended_at)
        if operation.error:
            body["error"] = operation.error
        return Answer(200, body)

    def outcome(self, request, names):
        """GET of a Location address."""
        operation = self.find(request, names["operation"], names["provider"])
        operation.poll()
        if not operation.ended:
            return Answer(202, None, {"Location": operation.address["location"],
                                      **self.retry_header(operation)})
        if operation.error:
            return Answer(409, {"error": operation.error})
        result = operation.result() if operation.result else None
        return Answer(200 if result is not None else 204, result)

    def retry_header(self, operation):
        return {} if operation.retry_after is None else {"Retry-After": str(operation.retry_after)}

    def routes(self):
        place = "/subscriptions/{subscription}/providers/{provider}/locations/{location}"
        return [("GET", place + "/operations/{operation}", "operations", self.status),
                ("GET", place + "/operationResults/{operation}", "operations", self.outcome)]


def nothing(state):
    """The end of an operation whose whole effect came at its start, such as a deletion."""


def accepted_status(operation, status):
    """202 where Location alone tells the outcome; otherwise what the operation documents."""
    return 202 if operation.pattern == "location" else status
