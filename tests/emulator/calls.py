"""The record of every call the emulated services received, in order of arrival.

Tests read it to see what a client really did, and wait on it instead of sleeping.  Secrets
(bearer tokens, client secrets, webhook signatures) never get into it.
"""

import json
import re
import threading
import time
from datetime import datetime, timezone
from urllib.parse import parse_qsl

KEPT_HEADERS = (
    "if-match", "if-none-match", "content-type", "accept", "user-agent", "metadata",
    "x-ms-client-request-id", "x-ms-correlation-request-id", "x-ms-return-client-request-id",
)
SECRET_FIELDS = ("client_secret", "client_assertion", "sig", "routing_key")
LONG_QUERY_FIELDS = ("c",)  # the certificate inside a polling address: long, and says nothing
NO_ANSWER = 0


def readable_body(body, content_type):
    if not body:
        return None
    text = body.decode("utf-8", "replace")
    if "x-www-form-urlencoded" in content_type:
        return masked(dict(parse_qsl(text, keep_blank_values=True)))
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if not isinstance(value, dict):
        return value
    return {name: "(secret)" if name in SECRET_FIELDS else part for name, part in value.items()}


def masked(fields):
    return {name: "(secret)" if name in SECRET_FIELDS else value
            for name, value in fields.items() if name not in LONG_QUERY_FIELDS}


class CallLog:
    def __init__(self):
        self.changed = threading.Condition()
        self.calls = []

    def arrived(self, service, request):
        headers = {name: request.headers[name]
                   for name in KEPT_HEADERS if request.headers.get(name) is not None}
        call = {
            "time": datetime.now(timezone.utc).isoformat(),
            "service": service, "method": request.method, "path": request.path,
            "query": masked(request.query), "headers": headers,
            "has_bearer": request.headers.get("Authorization", "").startswith("Bearer "),
            "body": readable_body(request.body, request.headers.get("Content-Type", "")),
            "status": None, "x-ms-request-id": None, "fault": None,
        }
        with self.changed:
            self.calls.append(call)
            call["n"] = len(self.calls)
            self.changed.notify_all()
        return call

    def answered(self, call, status, request_id=None):
        with self.changed:
            call["status"] = status
            call["x-ms-request-id"] = request_id
            self.changed.notify_all()

    def since(self, number):
        with self.changed:
            return [dict(call) for call in self.calls[number:]]

    def clear(self):
        with self.changed:
            self.calls.clear()

    def wait(self, matches, count, timeout_s):
        """The calls that match, as soon as there are `count` of them or the time is over."""
        deadline = time.monotonic() + timeout_s
        with self.changed:
            while True:
                found = [dict(call) for call in self.calls if matches(call)]
                left = deadline - time.monotonic()
                if len(found) >= count or left <= 0:
                    return found
                self.changed.wait(left)


def call_matcher(query):
    """What /_emulator/wait asks for: an answered call, or with arrived=1 any call."""
    method = query.get("method", "").upper()
    path = re.compile(query.get("path", ""), re.IGNORECASE)
    status = query.get("status")
    service = query.get("service")
    arrived = query.get("arrived") == "1"
    since = int(query.get("since", 0))

    def matches(call):
        return (call["n"] > since
                and (not method or call["method"] == method)
                and path.search(call["path"]) is not None
                and (not service or call["service"] == service)
                and (arrived or call["status"] is not None)
                and (status is None or str(call["status"]) == status))
    return matches
