"""The state of the emulated Azure: resources by id, their ETags, and who may sign in.

Resource ids are case-insensitive and case-preserving (resource provider contract, "Resource
APIs").  Microsoft.Network answers weak ETags, Microsoft.Compute quoted numbers.  A resource is
kept as a GET shows it; what Azure knows and does not show (a VM's power) is under "_emulator".
"""

import copy
import threading
import uuid

from messages import ArmError

DEFAULT_SETTINGS = {
    "page_size": 50,             # entries in one page of a list
    "jit_page_size": 1,          # the same for JIT policies, so that paging is always met
    "empty_first_page": False,   # a first page without entries, which ARM allows
    "longop_polls": 1,           # polls answered InProgress before a long operation ends
    "longop_retry_after": 0,     # its Retry-After, in seconds
    "longop_limit_s": 2,         # it also ends by itself after this time
    "imds_token_lifetime_s": 86400,
    "entra_token_lifetime_s": 3599,
    "token_refresh_in_s": None,  # "refresh_in" of the v2.0 token endpoint, if any
    "any_alert": True,           # alerts that nobody put there are known too
    "jira_unseen": 0,            # searches that do not find a new issue yet
    "identity_header": "emulated-app-service",  # what App Service gives an app
    "arc_tokens": "/nonexistent",  # folder of the keys of Azure Arc's agent
    "arc_realm": None,           # what its challenge names instead of the file
    "arc_is_old": False,         # it answers for the system's identity, whatever is asked
    "defender_roles": ["Machine.Isolate", "Machine.Read.All"],  # of the application
    "defender_polls": 1,         # looks at a machine action before it ends
    "defender_end": "Succeeded",  # how it ends
    "assessments": 0,            # added to those of the first subscription
    "assessment_page_size": 2,   # entries in one page of them
    "failing_extension": None,   # of a plan: cannot be turned on
    "granted_actions": ["*"],    # what the permissions API answers
    "granted_not_actions": [],
}


class World:
    def __init__(self, document):
        self.lock = threading.RLock()
        self.document = document
        self.reset()

    def reset(self):
        with self.lock:
            start = copy.deepcopy(self.document)
            self.tenant = start["tenant"]
            self.applications = start.get("applications", [])
            self.identities = start.get("identities", [])
            self.audiences = start.get("audiences", [])
            self.subscriptions = start.get("subscriptions", [])
            self.webhooks = start.get("webhooks", {})
            self.settings = {**DEFAULT_SETTINGS, **start.get("settings", {})}
            self.accounts = start.get("accounts", {})
            self.tickets = {"servicenow": [], "jira": [], "pagerduty": [], "receiver": []}
            self.alerts = {}
            self.defender = {"machines": start.get("machines", []), "actions": []}
            self.cards = []
            self.posts = {}
            self.posture = {key.lower(): value for key, value in start.get("posture", {}).items()}
            self.assessment_kinds = start.get("assessment_kinds", {})
            self.resources = {}
            for resource in start.get("resources", []):
                self.put(resource)

    def put(self, resource):
        """Stores a new or changed resource under a new ETag."""
        renew_etag(resource)
        if resource["type"] == "Microsoft.Compute/virtualMachines":
            resource.setdefault("_emulator", {"power": "running"})
        self.resources[resource["id"].lower()] = resource
        return resource

    def get(self, resource_id):
        return self.resources.get(str(resource_id).lower())

    def delete(self, resource_id):
        return self.resources.pop(resource_id.lower(), None)

    def of_type(self, resource_type, under=""):
        """Resources of one type whose id begins with `under`, by id."""
        prefix = under.lower().rstrip("/") + "/"
        return [resource for key, resource in sorted(self.resources.items())
                if resource["type"].lower() == resource_type.lower() and key.startswith(prefix)]

    def require(self, resource_id):
        """The resource, or the 404 Azure gives for it."""
        resource = self.get(resource_id)
        if resource is None:
            self.require_group(resource_id)
            parts = resource_id.strip("/").split("/")
            raise ArmError(404, "ResourceNotFound",
                           f"The Resource '{'/'.join(parts[5:])}' under resource group "
                           f"'{parts[3]}' was not found. For more details please go to "
                           "https://aka.ms/ARMResourceNotFoundFix")
        return resource

    def require_group(self, resource_id):
        parts = resource_id.strip("/").split("/")
        if len(parts) > 3 and self.get("/" + "/".join(parts[:4])) is None:
            raise ArmError(404, "ResourceGroupNotFound",
                           f"Resource group '{parts[3]}' could not be found.")

    def subscription(self, subscription_id):
        return next((subscription for subscription in self.subscriptions
                     if subscription["subscriptionId"].lower() == subscription_id.lower()), None)


def renew_etag(resource):
    if resource["type"].startswith("Microsoft.Network/"):
        resource["etag"] = f'W/"{uuid.uuid4()}"'
        renew_parts(resource)
    elif resource["type"] == "Microsoft.Compute/virtualMachines":
        number = int(resource.get("etag", '"0"').strip('"')) + 1
        resource["etag"] = f'"{number}"'


def renew_parts(resource):
    """Parts of a network resource (rules, subnets, IP configurations) carry its ETag."""
    for parts in ("ipConfigurations", "securityRules", "subnets", "backendAddressPools"):
        for part in resource["properties"].get(parts, []):
            part["etag"] = resource["etag"]


def check_preconditions(request, resource):
    """If-Match and If-None-Match (RFC 9110; resource provider contract, "ETags")."""
    wanted = request.headers.get("If-Match")
    if wanted is not None:
        current = resource.get("etag") if resource else None
        if resource is None or (wanted != "*" and current is not None
                                and strong(current) not in map(strong, wanted.split(","))):
            raise ArmError(412, "PreconditionFailed", "Precondition failed.", [{
                "code": "PreconditionFailedEtagMismatch",
                "message": f"Etag provided in if-match header {wanted} does not match etag "
                           f"{current} of resource."}])
    if request.headers.get("If-None-Match") == "*" and resource is not None:
        raise ArmError(412, "PreconditionFailed", "The resource already exists.")


def strong(etag):
    return etag.strip().removeprefix("W/")


def visible(resource):
    """The resource as Azure shows it."""
    return {name: copy.deepcopy(value)
            for name, value in resource.items() if name != "_emulator"}


def name_of(resource_id):
    return resource_id.rsplit("/", 1)[1]


def scope_of(resource_id):
    """(subscription id, resource group name or None) of a resource id, in lower case."""
    parts = str(resource_id).lower().strip("/").split("/")
    subscription = parts[1] if len(parts) > 1 and parts[0] == "subscriptions" else None
    group = parts[3] if len(parts) > 3 and parts[2] == "resourcegroups" else None
    return subscription, group


def same_region(one, other):
    """Azure compares regions without case and spaces: "West Europe" is "westeurope"."""
    return one.replace(" ", "").lower() == other.replace(" ", "").lower()
