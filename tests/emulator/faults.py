"""Faults on order: throttling, refusals, lost connections, hangs and long operations that fail.

An order names a method and a path; the first order that fits a call and is not used up applies.
What Azure really sends in these cases is documented under "Throttling Resource Manager requests"
and "Troubleshoot common Azure deployment errors".
"""

import re
import threading

from messages import Answer, arm_error

FIELDS = {"method", "path", "service", "times", "skip", "status", "headers", "body", "delay_s",
          "cut", "hang_s", "when", "longop"}
CUTS = ("before", "after", "middle")
FOREVER = -1
DEFAULT_ERRORS = {
    403: ("AuthorizationFailed", "The client does not have authorization to perform the action."),
    404: ("ResourceNotFound", "The resource was not found."),
    409: ("Conflict", "The request failed due to conflict with a concurrent request."),
    412: ("PreconditionFailed", "Precondition failed."),
    429: ("TooManyRequests", "The request is being throttled."),
    500: ("InternalServerError", "Encountered internal server error."),
    502: ("BadGateway", "The gateway did not receive a response from the service."),
    503: ("ServiceUnavailable", "The service is currently unavailable."),
    504: ("GatewayTimeout", "The gateway did not receive a response in time."),
}


class Fault:
    def __init__(self, order):
        unknown = set(order) - FIELDS
        if unknown:
            raise ValueError(f"unknown fields in a fault: {sorted(unknown)}")
        if order.get("cut") not in (None, *CUTS):
            raise ValueError(f"cut is one of {CUTS}")
        if order.get("when", "before") not in ("before", "after"):
            raise ValueError("when is 'before' or 'after'")
        self.order = order
        self.path = re.compile(order.get("path", ""), re.IGNORECASE)
        self.skip = order.get("skip", 0)
        self.times = order.get("times", 1)
        self.delay_s = order.get("delay_s", 0)
        self.hang_s = order.get("hang_s", 0)
        self.cut = order.get("cut")
        self.longop = order.get("longop")
        self.takes_effect = order.get("when") == "after" or self.cut in ("after", "middle")

    def fits(self, service, request):
        return (self.times != 0
                and self.order.get("method", request.method).upper() == request.method
                and self.order.get("service", service) == service
                and self.path.search(request.path) is not None)

    def used(self):
        """Counts one matching call; True if the fault applies to it."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times != FOREVER:
            self.times -= 1
        return True

    @property
    def ends_call(self):
        return "status" in self.order or bool(self.cut) or bool(self.hang_s)

    def answer(self, service):
        if "status" not in self.order:
            return None
        status = self.order["status"]
        body = self.order.get("body")
        if "body" not in self.order and service == "arm" and status in DEFAULT_ERRORS:
            body = arm_error(*DEFAULT_ERRORS[status])
        return Answer(status, body, dict(self.order.get("headers", {})))


class Faults:
    def __init__(self):
        self.lock = threading.Lock()
        self.orders = []

    def add(self, order):
        with self.lock:
            self.orders.append(Fault(order))

    def clear(self):
        with self.lock:
            self.orders.clear()

    def left(self):
        """The orders not used up, with what is left of them."""
        with self.lock:
            return [{**fault.order, "times": fault.times, "skip": fault.skip}
                    for fault in self.orders if fault.times != 0]

    def for_call(self, service, request):
        with self.lock:
            for fault in self.orders:
                if fault.fits(service, request) and fault.used():
                    return fault
        return None
