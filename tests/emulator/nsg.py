"""Network security groups and their rules.

Fields from Microsoft.Network networkSecurityGroup (OpenAPI 2024-01-01); rule limits and default
rules from "Network security groups overview"; a referenced group cannot be deleted.
"""

import copy
import ipaddress
import re
import uuid

from arm import page, read
from longop import accepted_status, nothing
from messages import Answer, ArmError
from shapes import BOOLEAN, INTEGER, READ_ONLY, REFERENCE, STRING, TAGS, Choice, check_body
from world import check_preconditions, name_of, same_region, visible

TYPE = "Microsoft.Network/networkSecurityGroups"
SHAPE_ERROR = "InvalidRequestFormat"
GROUP = ("/subscriptions/{subscription}/resourceGroups/{group}/providers/"
         "Microsoft.Network/networkSecurityGroups")
RULE_PROPERTIES = {
    "description": STRING, "protocol": Choice("Tcp", "Udp", "Icmp", "Esp", "Ah", "*"),
    "sourcePortRange": STRING, "sourcePortRanges": [STRING],
    "destinationPortRange": STRING, "destinationPortRanges": [STRING],
    "sourceAddressPrefix": STRING, "sourceAddressPrefixes": [STRING],
    "sourceApplicationSecurityGroups": [REFERENCE],
    "destinationAddressPrefix": STRING, "destinationAddressPrefixes": [STRING],
    "destinationApplicationSecurityGroups": [REFERENCE],
    "access": Choice("Allow", "Deny"), "priority": INTEGER,
    "direction": Choice("Inbound", "Outbound"), "provisioningState": READ_ONLY,
}
RULE = {"id": STRING, "name": STRING, "type": STRING, "etag": READ_ONLY,
        "properties": RULE_PROPERTIES}
SECURITY_GROUP = {
    "id": STRING, "name": STRING, "type": STRING, "etag": READ_ONLY, "location": STRING,
    "tags": TAGS,
    "properties": {
        "flushConnection": BOOLEAN, "securityRules": [RULE], "defaultSecurityRules": READ_ONLY,
        "networkInterfaces": READ_ONLY, "subnets": READ_ONLY, "flowLogs": READ_ONLY,
        "resourceGuid": READ_ONLY, "provisioningState": READ_ONLY,
    },
}
DEFAULT_RULES = (
    # name, priority, direction, access, source, destination, description
    ("AllowVnetInBound", 65000, "Inbound", "Allow", "VirtualNetwork", "VirtualNetwork",
     "Allow inbound traffic from all VMs in VNET"),
    ("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", "AzureLoadBalancer", "*",
     "Allow inbound traffic from azure load balancer"),
    ("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*", "Deny all inbound traffic"),
    ("AllowVnetOutBound", 65000, "Outbound", "Allow", "VirtualNetwork", "VirtualNetwork",
     "Allow outbound traffic from all VMs to all VMs in VNET"),
    ("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "Internet",
     "Allow outbound traffic from all VMs to Internet"),
    ("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*", "Deny all outbound traffic"),
)
SERVICE_TAGS = {tag.lower() for tag in (
    "VirtualNetwork", "Internet", "AzureLoadBalancer", "AzureCloud", "AzurePlatformDNS",
    "AzurePlatformIMDS", "AzurePlatformLKM", "AzureActiveDirectory", "AzureMonitor",
    "AzureResourceManager", "AzureKeyVault", "AzureBackup", "AzureUpdateDelivery", "AzureFrontDoor",
    "AzureEventGrid", "AzureArcInfrastructure", "AzureSecurityCenter", "EventHub", "GatewayManager",
    "GuestAndHybridManagement", "LogicApps", "MicrosoftDefenderForEndpoint", "OneDsCollector",
    "ServiceBus", "Sql", "Storage")}
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?")


def default_rules(group_id):
    return [{
        "name": name, "id": f"{group_id}/defaultSecurityRules/{name}",
        "type": TYPE + "/defaultSecurityRules",
        "properties": {
            "provisioningState": "Succeeded", "description": description, "protocol": "*",
            "sourcePortRange": "*", "destinationPortRange": "*", "sourceAddressPrefix": source,
            "destinationAddressPrefix": destination, "access": access, "priority": priority,
            "direction": direction},
    } for name, priority, direction, access, source, destination, description in DEFAULT_RULES]


def check_name(name):
    if not NAME.fullmatch(name):
        raise ArmError(400, "InvalidResourceName", f"Resource name {name} is invalid. The name can "
                       "be up to 80 characters long.")


def check_port_range(text, rule_name):
    ends = text.split("-")
    valid = text == "*" or (len(ends) <= 2 and all(end.isdigit() for end in ends)
                            and all(int(end) <= 65535 for end in ends)
                            and int(ends[0]) <= int(ends[-1]))
    if not valid:
        raise ArmError(400, "SecurityRuleInvalidPortRange",
                       f"Security rule has invalid Port range. Value provided: {text}. Rule: "
                       f"{rule_name}. Value should be an integer OR integer range with '-' "
                       "delimiter. Valid range 0-65535.")


def check_address_prefix(text, rule_name):
    if text == "*" or text.split(".")[0].lower() in SERVICE_TAGS:
        return
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ArmError(400, "SecurityRuleInvalidAddressPrefix",
                       f"Security rule {rule_name} has invalid Address prefix. Value provided: "
                       f"{text}") from None


def check_rule(rule):
    name = rule.get("name") or ""
    properties = rule.get("properties") or {}
    check_name(name)
    if name.lower() in (default[0].lower() for default in DEFAULT_RULES):
        raise ArmError(400, "SecurityRuleConflict", f"Security rule {name} conflicts with a "
                       "default rule of the same name.")
    for field in ("protocol", "access", "priority", "direction"):
        if properties.get(field) is None:
            raise missing(name, field)
    if not 100 <= properties["priority"] <= 4096:
        raise ArmError(400, "SecurityRuleInvalidPriority",
                       f"Security rule {name} has an invalid priority "
                       f"{properties['priority']}. Value should be between 100 and 4096.")
    if len(properties.get("description") or "") > 140:
        raise ArmError(400, "SecurityRuleParameterExceedsLimit",
                       f"The description of security rule {name} exceeds 140 characters.")
    for side in ("source", "destination"):
        check_side(name, properties, side)


def check_side(name, properties, side):
    """One kind of address and one kind of port on each side of a rule."""
    ports = one_of(name, properties, f"{side}PortRange", f"{side}PortRanges")
    for port in [ports] if isinstance(ports, str) else ports:
        check_port_range(port, name)
    addresses = one_of(name, properties, f"{side}AddressPrefix", f"{side}AddressPrefixes",
                       f"{side}ApplicationSecurityGroups")
    for address in [addresses] if isinstance(addresses, str) else addresses:
        if isinstance(address, str):
            check_address_prefix(address, name)


def one_of(name, properties, *fields):
    given = [field for field in fields if properties.get(field)]
    if not given:
        raise missing(name, fields[0])
    if len(given) > 1:
        raise ArmError(400, "SecurityRuleParameterConflict",
                       f"Security rule {name} must not have both {' and '.join(given)}.")
    return properties[given[0]]


def missing(rule_name, field):
    return ArmError(400, "SecurityRuleParameterRequired",
                    f"Required security rule parameter is missing. Rule: {rule_name}, parameter: "
                    f"{field}.")


def check_rules(rules):
    taken, names = {}, set()
    for rule in rules:
        check_rule(rule)
        properties = rule["properties"]
        place = (properties["direction"].lower(), properties["priority"])
        if place in taken or rule["name"].lower() in names:
            raise ArmError(400, "SecurityRuleConflict",
                           f"Security rule {taken.get(place, rule['name'])} conflicts with rule "
                           f"{rule['name']}. Rules cannot have the same Priority and Direction. "
                           "To learn more, see aka.ms/nsgrules.")
        taken[place] = rule["name"]
        names.add(rule["name"].lower())


class SecurityGroups:
    def __init__(self, world, longops):
        self.world = world
        self.longops = longops

    def routes(self):
        group, rule = GROUP + "/{name}", GROUP + "/{name}/securityRules/{rule}"
        return [
            ("GET", GROUP, TYPE, self.list),
            ("GET", "/subscriptions/{subscription}/providers/" + TYPE, TYPE, self.list),
            ("GET", group, TYPE, self.get),
            ("PUT", group, TYPE, self.put),
            ("PATCH", group, TYPE, self.patch_tags),
            ("DELETE", group, TYPE, self.delete),
            ("GET", group + "/securityRules", TYPE, self.list_rules),
            ("GET", rule, TYPE, self.get_rule),
            ("PUT", rule, TYPE, self.put_rule),
            ("DELETE", rule, TYPE, self.delete_rule),
        ]

    def shown(self, group):
        """With the lists Azure computes: which interfaces and subnets use the group."""
        group = visible(group)
        interfaces = [{"id": nic["id"]}
                      for nic in self.world.of_type("Microsoft.Network/networkInterfaces")
                      if uses(nic["properties"], group["id"])]
        subnets = [{"id": subnet["id"]}
                   for network in self.world.of_type("Microsoft.Network/virtualNetworks")
                   for subnet in network["properties"]["subnets"]
                   if uses(subnet["properties"], group["id"])]
        for name, users in (("networkInterfaces", interfaces), ("subnets", subnets)):
            if users:
                group["properties"][name] = users
        return group

    def list(self, request, names):
        scope = request.path.lower().split("/providers/")[0]
        self.world.require_group(scope)
        groups = [self.shown(group) for group in self.world.of_type(TYPE, scope)]
        return page(request, groups, self.world.settings)

    def get(self, request, names):
        self.longops.resource_read(request.path)
        return read(self.shown(self.world.require(request.path)))

    def put(self, request, names):
        body = request.json()
        check_body(body, SECURITY_GROUP, SHAPE_ERROR)
        check_name(names["name"])
        self.world.require_group(request.path)
        existing = self.world.get(request.path)
        check_preconditions(request, existing)
        check_location(body, existing)
        properties = body.get("properties") or {}
        rules = properties.get("securityRules") or []
        check_rules(rules)
        self.check_idle(request.path)
        group_id = existing["id"] if existing else request.path.rstrip("/")
        group = {
            "name": name_of(group_id), "id": group_id, "type": TYPE, "location": body["location"],
            "properties": {
                "provisioningState": "Updating",
                "resourceGuid": (existing["properties"]["resourceGuid"] if existing
                                 else str(uuid.uuid4())),
                "securityRules": [self.stored_rule(group_id, rule) for rule in rules],
                "defaultSecurityRules": default_rules(group_id)}}
        if properties.get("flushConnection") is not None:
            group["properties"]["flushConnection"] = properties["flushConnection"]
        if body.get("tags"):
            group["tags"] = body["tags"]
        return self.accept(request, group, 200 if existing else 201)

    def stored_rule(self, group_id, rule):
        properties = {name: copy.deepcopy(value)
                      for name, value in rule["properties"].items() if value is not None}
        for several in ("sourcePortRanges", "destinationPortRanges",
                        "sourceAddressPrefixes", "destinationAddressPrefixes"):
            properties.setdefault(several, [])
        return {"name": rule["name"], "id": f"{group_id}/securityRules/{rule['name']}",
                "type": TYPE + "/securityRules",
                "properties": {"provisioningState": "Succeeded", **properties}}

    def check_idle(self, resource_id):
        if self.longops.running_on(resource_id):
            raise another_operation(resource_id)

    def accept(self, request, group, status, shown=None):
        """Stores the group and lets it become provisioned as a long operation."""
        self.world.put(group)
        operation = self.longops.start(
            request, "Microsoft.Network", group["location"], pattern="async", resource=group,
            result=lambda: self.shown(self.world.require(group["id"])))
        answer = read(self.shown(group), accepted_status(operation, status))
        if shown:
            answer.body = visible(shown)
        answer.headers.update(self.longops.headers(operation))
        return answer

    def patch_tags(self, request, names):
        body = request.json()
        check_body(body, {"tags": TAGS}, SHAPE_ERROR)
        group = self.world.require(request.path)
        check_preconditions(request, group)
        group["tags"] = body.get("tags") or {}
        return read(self.shown(self.world.put(group)))

    def delete(self, request, names):
        group = self.world.get(request.path)
        check_preconditions(request, group)
        if group is None:
            self.world.require_group(request.path)
            return Answer(204)
        shown = self.shown(group)["properties"]
        users = shown.get("networkInterfaces", []) + shown.get("subnets", [])
        if users:
            raise ArmError(400, "InUseNetworkSecurityGroupCannotBeDeleted",
                           f"Network security group {group['id']} cannot be deleted because it is "
                           f"in use by the following resources: "
                           f"{', '.join(user['id'] for user in users)}.")
        self.check_idle(request.path)
        self.world.delete(group["id"])
        operation = self.longops.start(request, "Microsoft.Network", group["location"],
                                       pattern="both", on_end=nothing)
        return Answer(202, None, self.longops.headers(operation))

    def list_rules(self, request, names):
        group = self.world.require(request.path.rsplit("/", 1)[0])
        return page(request, copy.deepcopy(group["properties"]["securityRules"]),
                    self.world.settings)

    def rule(self, request, names):
        """(group, rule or None) which a rule's own address names."""
        group = self.world.require(request.path.rsplit("/", 2)[0])
        wanted = names["rule"].lower()
        return group, next((rule for rule in group["properties"]["securityRules"]
                            if rule["name"].lower() == wanted), None)

    def get_rule(self, request, names):
        _, rule = self.rule(request, names)
        if rule is None:
            raise rule_not_found(request)
        return read(rule)

    def put_rule(self, request, names):
        body = request.json()
        check_body(body, RULE, SHAPE_ERROR)
        group, old = self.rule(request, names)
        check_preconditions(request, old)
        new = {"name": old["name"] if old else names["rule"],
               "properties": body.get("properties") or {}}
        others = [rule for rule in group["properties"]["securityRules"] if rule is not old]
        check_rules([new, *others])
        self.check_idle(group["id"])
        stored = self.stored_rule(group["id"], new)
        group["properties"].update(securityRules=[*others, stored], provisioningState="Updating")
        return self.accept(request, group, 200 if old else 201, shown=stored)

    def delete_rule(self, request, names):
        group, old = self.rule(request, names)
        check_preconditions(request, old)
        if old is None:
            return Answer(204)
        self.check_idle(group["id"])
        group["properties"]["securityRules"].remove(old)
        self.world.put(group)
        operation = self.longops.start(request, "Microsoft.Network", group["location"],
                                       pattern="both", on_end=nothing)
        return Answer(202, None, self.longops.headers(operation))


def uses(properties, group_id):
    reference = properties.get("networkSecurityGroup") or {}
    return reference.get("id", "").lower() == group_id.lower()


def check_location(body, existing):
    if not body.get("location"):
        raise ArmError(400, "LocationRequired",
                       "The location property is required for this definition.")
    if existing and not same_region(body["location"], existing["location"]):
        raise ArmError(409, "InvalidResourceLocation",
                       f"The resource '{existing['name']}' already exists in location "
                       f"'{existing['location']}'. A resource with the same name cannot be created "
                       f"in location '{body['location']}'.")


def another_operation(resource_id):
    """Microsoft.Network answers a conflict as a throttle which is worth a retry."""
    return ArmError(429, "RetryableError", "A retryable error occurred.", [{
        "code": "RetryableErrorDueToAnotherOperation",
        "message": f"Operation on resource {resource_id} is preempted by another operation."}])


def rule_not_found(request):
    return ArmError(404, "NotFound", f"Resource {request.path} not found.")
