"""The front door of Azure Resource Manager: sign-in, api-versions, routes, headers and paging.

From the resource provider contract ("Common API details", "Resource APIs") and from "Resolve
errors for resource provider registration" for the api-version errors.
"""

import base64
import re
import uuid
from datetime import datetime, timezone

from messages import Answer, ArmError
from world import visible

NETWORK_VERSIONS = (
    "2020-11-01", "2021-02-01", "2021-03-01", "2021-05-01", "2021-08-01", "2022-01-01",
    "2022-05-01", "2022-07-01", "2022-09-01", "2022-11-01", "2023-02-01", "2023-04-01",
    "2023-05-01", "2023-06-01", "2023-09-01", "2023-11-01", "2024-01-01", "2024-03-01",
    "2024-05-01", "2024-07-01", "2025-01-01", "2025-03-01", "2025-05-01")
VM_VERSIONS = (
    "2021-07-01", "2021-11-01", "2022-03-01", "2022-08-01", "2022-11-01", "2023-03-01",
    "2023-07-01", "2023-09-01", "2024-03-01", "2024-07-01", "2024-11-01", "2025-04-01",
    "2026-03-01")
DISK_VERSIONS = (
    "2021-12-01", "2022-03-02", "2022-07-02", "2023-01-02", "2023-04-02", "2023-10-02",
    "2024-03-02", "2025-01-02")
RESOURCE_VERSIONS = (
    "2020-06-01", "2020-10-01", "2021-01-01", "2021-04-01", "2022-09-01", "2023-07-01",
    "2024-03-01", "2024-07-01", "2024-11-01", "2025-04-01")
API_VERSIONS = {
    "Microsoft.Network/networkInterfaces": NETWORK_VERSIONS,
    "Microsoft.Network/networkSecurityGroups": NETWORK_VERSIONS,
    "Microsoft.Network/virtualNetworks": NETWORK_VERSIONS,
    "Microsoft.Network/publicIPAddresses": NETWORK_VERSIONS,
    "Microsoft.Network/applicationSecurityGroups": NETWORK_VERSIONS,
    "Microsoft.Network/loadBalancers": NETWORK_VERSIONS,
    "Microsoft.Compute/virtualMachines": VM_VERSIONS,
    "Microsoft.Compute/virtualMachineScaleSets": VM_VERSIONS,
    "Microsoft.Compute/disks": DISK_VERSIONS,
    "Microsoft.Compute/snapshots": DISK_VERSIONS,
    "Microsoft.Security/jitNetworkAccessPolicies": ("2015-06-01-preview", "2020-01-01"),
    "Microsoft.Security/pricings": ("2018-06-01", "2022-03-01", "2023-01-01", "2024-01-01"),
    "Microsoft.Security/regulatoryComplianceStandards": ("2019-01-01-preview",),
    "Microsoft.Security/applicationWhitelistings": ("2020-01-01",),
    "Microsoft.Security/secureScores": ("2020-01-01",),
    "Microsoft.Security/secureScoreControls": ("2020-01-01",),
    "Microsoft.Security/assessments": ("2020-01-01", "2021-06-01"),
    "Microsoft.Security/assessmentMetadata": ("2020-01-01", "2021-06-01"),
    "Microsoft.SecurityInsights/incidents": ("2023-11-01", "2024-03-01", "2024-09-01"),
    "Microsoft.OperationalInsights/workspaces": ("2022-10-01", "2023-09-01"),
    "Microsoft.Security/alerts": ("2019-01-01", "2021-01-01", "2021-11-01", "2022-01-01"),
    "Microsoft.Resources/tags": RESOURCE_VERSIONS,
    "Microsoft.Resources/resourceGroups": RESOURCE_VERSIONS,
    "Microsoft.Resources/subscriptions": ("2016-06-01", "2020-01-01", "2021-01-01", "2022-12-01"),
    "Microsoft.Authorization/permissions": ("2015-07-01", "2018-07-01", "2022-04-01"),
}
ANY_VERSION = "operations"  # polling addresses check their own
LIMITS = {"GET": ("reads", 249), "DELETE": ("deletes", 199)}
WRITE_LIMIT = ("writes", 199)


def compiled(template):
    """A path template as a pattern; {scope} stands for any resource id."""
    pattern = re.escape(template).replace(r"\{scope\}", r"(?P<scope>/subscriptions/.+?)")
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)
    return re.compile(pattern + "/?", re.IGNORECASE)


class Arm:
    def __init__(self, world, identity, longops, providers):
        self.world = world
        self.identity = identity
        self.longops = longops
        self.routes = [(method, compiled(template), resource_type, handler)
                       for provider in providers
                       for method, template, resource_type, handler in provider.routes()]

    def handle(self, request):
        with self.world.lock:
            self.identity.check_arm_token(request)
            self.check_subscription(request)
            handler, names = self.route(request)
            self.longops.end_overdue()
            return handler(request, names)

    def check_subscription(self, request):
        parts = request.path.strip("/").split("/")
        if (parts[0].lower() == "subscriptions" and len(parts) > 1
                and self.world.subscription(parts[1]) is None):
            raise ArmError(404, "SubscriptionNotFound",
                           f"The subscription '{parts[1]}' could not be found.")

    def route(self, request):
        """The handler of the path; its type decides which api-versions are right."""
        found = [(method, match, resource_type, handler)
                 for method, pattern, resource_type, handler in self.routes
                 if (match := pattern.fullmatch(request.path))]
        if not found:
            raise unknown_path(request)
        check_api_version(request, found[0][2])
        for method, match, _, handler in found:
            if method == request.method:
                return handler, match.groupdict()
        raise ArmError(405, "MethodNotAllowed",
                       f"The HTTP method {request.method} is not supported at scope "
                       f"'{request.path}'.")

    @staticmethod
    def finished(request, answer):
        """The headers every answer of ARM has."""
        correlation = request.headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
        now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        kind, left = LIMITS.get(request.method, WRITE_LIMIT)
        headers = {
            "Cache-Control": "no-cache",
            "x-ms-request-id": str(uuid.uuid4()),
            "x-ms-correlation-request-id": correlation,
            "x-ms-routing-request-id": f"WESTEUROPE:{now}:{correlation}",
            f"x-ms-ratelimit-remaining-subscription-{kind}": str(left),
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
        }
        client_id = request.headers.get("x-ms-client-request-id")
        if client_id and request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
            headers["x-ms-client-request-id"] = client_id
        answer.headers = {**headers, **answer.headers}
        return answer


def check_api_version(request, resource_type):
    version = request.query.get("api-version")
    if not version:
        raise ArmError(400, "MissingApiVersionParameter", "The api-version query parameter "
                       "(?api-version=) is required for all requests.")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}(-\w+)?", version):
        raise ArmError(400, "InvalidApiVersionParameter", f"The api-version '{version}' is "
                       "invalid. The supported versions are "
                       f"'{','.join(sorted(set(RESOURCE_VERSIONS), reverse=True))}'.")
    if resource_type == ANY_VERSION:
        return
    supported = API_VERSIONS[resource_type]
    if version.lower() not in supported:
        raise ArmError(400, "NoRegisteredProviderFound",
                       "No registered resource provider found for location 'westeurope' and API "
                       f"version '{version}' for type '{resource_type.split('/')[1]}'. The "
                       f"supported api-versions are '{', '.join(supported)}'.")


def unknown_path(request):
    parts = re.split(r"/providers/", request.path, flags=re.IGNORECASE)[-1].split("/")
    namespaces = {resource_type.split("/")[0].lower() for resource_type in API_VERSIONS}
    if len(parts) < 2 or "/providers/" not in request.path.lower():
        return ArmError(404, "NotFound", f"No route for '{request.path}'.")
    if parts[0].lower() not in namespaces:
        return ArmError(404, "InvalidResourceNamespace",
                        f"The resource namespace '{parts[0]}' is invalid.")
    return ArmError(404, "InvalidResourceType",
                    f"The resource type '{'/'.join(parts[1:])}' could not be found in the "
                    f"namespace '{parts[0]}' for api version "
                    f"'{request.query.get('api-version', '')}'.")


def read(resource, status=200):
    """A resource as the answer to a GET or PUT, with its ETag."""
    headers = {"ETag": resource["etag"]} if "etag" in resource else {}
    return Answer(status, visible(resource), headers)


def page(request, items, settings, size_setting="page_size"):
    """One page of a list.  nextLink is absolute, opaque, and absent on the last page."""
    start, size = 0, settings[size_setting]
    token = request.query.get("$skiptoken")
    if token:
        try:
            start = int(base64.urlsafe_b64decode(token))
        except ValueError:
            raise ArmError(400, "InvalidSkipToken", "The skip token is invalid.") from None
    elif settings["empty_first_page"]:
        size = 0
    body = {"value": items[start:start + size]}
    if start + size < len(items):
        after = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        body["nextLink"] = (f"{request.origin}{request.path}"
                            f"?api-version={request.query['api-version']}&$skiptoken={after}")
    return Answer(200, body)
