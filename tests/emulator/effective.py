"""Effective security rules of a network interface.

"Effective security rules overview": the rules of the security group of the subnet and of the one
of the interface, with default rules and service tags written out, as one list per group.  Only an
interface of a running VM has them.  The operation ends through Location.

Security admin rules of a network manager come first, in a list of their own whose association names
the manager ("EffectiveNetworkSecurityGroupAssociation").  A test orders them at the virtual network,
as "_emulator": {"security_admin": {"manager": ID, "rules": [effective rules]}}.
"""

from longop import nothing
from messages import Answer, ArmError
from nic import INTERFACES, TYPE
from world import visible

WHOLE_TAGS = {  # prefixes to which Azure expands a tag, abridged
    "internet": ["1.0.0.0/8", "2.0.0.0/7", "4.0.0.0/6", "32.0.0.0/3"],
    "azureloadbalancer": ["168.63.129.16/32"],
}


class EffectiveRules:
    def __init__(self, world, longops):
        self.world = world
        self.longops = longops

    def routes(self):
        return [("POST", INTERFACES + "/{name}/effectiveNetworkSecurityGroups", TYPE, self.post)]

    def post(self, request, names):
        interface = self.world.require(request.path.rsplit("/", 1)[0])
        machine_id = interface["properties"].get("virtualMachine", {}).get("id")
        machine = self.world.get(machine_id) if machine_id else None
        if machine is None or machine["_emulator"]["power"] != "running":
            raise ArmError(400, "NetworkInterfaceNotAttachedToRunningVirtualMachine",
                           f"Network interface {interface['id']} must be attached to a running "
                           "virtual machine to get its effective security groups.")
        operation = self.longops.start(
            request, "Microsoft.Network", interface["location"], pattern="location",
            on_end=nothing, result=lambda: {"value": self.groups(interface)})
        if operation.pattern == "body":
            return Answer(200, {"value": self.groups(interface)})
        return Answer(202, None, self.longops.headers(operation))

    def groups(self, interface):
        found = []
        configuration = interface["properties"]["ipConfigurations"][0]["properties"]
        network, subnet = self.subnet(configuration["subnet"]["id"])
        for owner, kind, identity in ((interface, "networkInterface", interface["id"]),
                                      (subnet, "subnet", subnet["id"])):
            reference = owner["properties"].get("networkSecurityGroup")
            group = self.world.get(reference["id"]) if reference else None
            if group:
                found.append({
                    "networkSecurityGroup": {"id": group["id"]},
                    "association": {kind: {"id": identity}},
                    "effectiveSecurityRules": effective_rules(visible(group), network)})
        admin = network.get("_emulator", {}).get("security_admin")
        if admin:
            found.insert(0, {"association": {"networkManager": {"id": admin["manager"]}},
                             "effectiveSecurityRules": admin["rules"]})
        return found

    def subnet(self, subnet_id):
        network = self.world.get(subnet_id.rsplit("/", 2)[0])
        return network, next(subnet for subnet in network["properties"]["subnets"]
                             if subnet["id"].lower() == subnet_id.lower())


def effective_rules(group, network):
    space = network["properties"]["addressSpace"]["addressPrefixes"]
    return [effective_rule(kind, rule, space)
            for kind in ("securityRules", "defaultSecurityRules")
            for rule in group["properties"][kind]]


def effective_rule(kind, rule, space):
    properties = rule["properties"]
    protocol = "All" if properties["protocol"] == "*" else properties["protocol"]
    effective = {"name": f"{kind}/{rule['name']}", "protocol": protocol,
                 "access": properties["access"], "priority": properties["priority"],
                 "direction": properties["direction"]}
    for side in ("source", "destination"):
        put(effective, f"{side}PortRange", properties, port_range)
        put(effective, f"{side}AddressPrefix", properties, address_prefix)
        tag = (properties.get(f"{side}AddressPrefix") or "").lower()
        expanded = {"virtualnetwork": space}.get(tag) or WHOLE_TAGS.get(tag)
        if expanded:
            effective[f"expanded{side.capitalize()}AddressPrefix"] = expanded
    return effective


def put(effective, name, properties, form):
    plural = f"{name}es" if name.endswith("x") else f"{name}s"
    several = properties.get(plural)
    if several:
        effective[plural] = [form(value) for value in several]
    elif properties.get(name):
        effective[name] = form(properties[name])


def port_range(text):
    if text == "*":
        return "0-65535"
    return text if "-" in text else f"{text}-{text}"


def address_prefix(text):
    if text == "*":
        return "0.0.0.0/0"
    return text + "/32" if text[0].isdigit() and "/" not in text and ":" not in text else text
