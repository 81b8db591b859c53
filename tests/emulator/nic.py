"""Network interfaces.

Fields from Microsoft.Network networkInterface (OpenAPI 2024-01-01).  PUT replaces the whole
interface: what the body leaves out goes back to its default.  It answers 200 or 201 and still is
asynchronous (Azure-AsyncOperation).  Everything an interface refers to must exist in the same
region, and a security group must be provisioned before it is referred to.
"""

import copy
import ipaddress
import uuid

from arm import page, read
from longop import accepted_status, nothing
from messages import Answer, ArmError
from nsg import another_operation, check_location, check_name
from shapes import (BOOLEAN, INTEGER, READ_ONLY, REFERENCE, STRING, TAGS, Choice, check_body)
from world import check_preconditions, name_of, same_region, scope_of, visible

TYPE = "Microsoft.Network/networkInterfaces"
NSG_TYPE = "Microsoft.Network/networkSecurityGroups"
SHAPE_ERROR = "InvalidRequestFormat"
INTERFACES = ("/subscriptions/{subscription}/resourceGroups/{group}/providers/"
              "Microsoft.Network/networkInterfaces")
REFERENCE_LISTS = {  # of an IP configuration, with the type of what they refer to
    "applicationGatewayBackendAddressPools": "Microsoft.Network/applicationGateways",
    "loadBalancerBackendAddressPools": "Microsoft.Network/loadBalancers",
    "loadBalancerInboundNatRules": "Microsoft.Network/loadBalancers",
    "applicationSecurityGroups": "Microsoft.Network/applicationSecurityGroups",
}
IP_CONFIGURATION = {
    "id": STRING, "name": STRING, "type": STRING, "etag": READ_ONLY,
    "properties": {
        "privateIPAddress": STRING, "privateIPAddressPrefixLength": INTEGER,
        "privateIPAllocationMethod": Choice("Static", "Dynamic"),
        "privateIPAddressVersion": Choice("IPv4", "IPv6"),
        "subnet": REFERENCE, "gatewayLoadBalancer": REFERENCE,
        "publicIPAddress": {"id": STRING,
                            "properties": {"deleteOption": Choice("Delete", "Detach")}},
        "primary": BOOLEAN, "virtualNetworkTaps": [REFERENCE],
        **{name: [REFERENCE] for name in REFERENCE_LISTS},
        "provisioningState": READ_ONLY, "privateLinkConnectionProperties": READ_ONLY,
    },
}
INTERFACE = {
    "id": STRING, "name": STRING, "type": STRING, "etag": READ_ONLY, "location": STRING,
    "tags": TAGS, "extendedLocation": {"name": STRING, "type": STRING},
    "properties": {
        "networkSecurityGroup": REFERENCE, "ipConfigurations": [IP_CONFIGURATION],
        "dnsSettings": {
            "dnsServers": [STRING], "internalDnsNameLabel": STRING,
            "appliedDnsServers": READ_ONLY, "internalFqdn": READ_ONLY,
            "internalDomainNameSuffix": READ_ONLY},
        "enableAcceleratedNetworking": BOOLEAN, "enableIPForwarding": BOOLEAN,
        "disableTcpStateTracking": BOOLEAN, "workloadType": STRING,
        "nicType": Choice("Standard", "Elastic"),
        "auxiliaryMode": Choice("None", "MaxConnections", "Floating", "AcceleratedConnections"),
        "auxiliarySku": Choice("None", "A1", "A2", "A4", "A8"),
        "migrationPhase": Choice("None", "Prepare", "Commit", "Abort", "Committed"),
        "privateLinkService": REFERENCE,
        **dict.fromkeys((
            "virtualMachine", "privateEndpoint", "tapConfigurations", "macAddress", "primary",
            "vnetEncryptionSupported", "hostedWorkloads", "dscpConfiguration", "resourceGuid",
            "provisioningState", "defaultOutboundConnectivityEnabled"), READ_ONLY),
    },
}
DEFAULTS = {
    "enableAcceleratedNetworking": False, "enableIPForwarding": False,
    "disableTcpStateTracking": False, "nicType": "Standard", "auxiliaryMode": "None",
    "auxiliarySku": "None",
}
KEPT = ("resourceGuid", "macAddress", "virtualMachine", "primary")  # belong to the interface
DOMAIN_SUFFIX = "gx2ynmt5hu3ehpvtqf0wzbkzub.ax.internal.cloudapp.net"


class Interfaces:
    def __init__(self, world, longops):
        self.world = world
        self.longops = longops
        self.given = 100  # the last part of the dynamic address given out last

    def routes(self):
        interface = INTERFACES + "/{name}"
        return [
            ("GET", INTERFACES, TYPE, self.list),
            ("GET", "/subscriptions/{subscription}/providers/" + TYPE, TYPE, self.list),
            ("GET", interface, TYPE, self.get),
            ("PUT", interface, TYPE, self.put),
            ("PATCH", interface, TYPE, self.patch_tags),
            ("DELETE", interface, TYPE, self.delete),
        ]

    def list(self, request, names):
        scope = request.path.lower().split("/providers/")[0]
        self.world.require_group(scope)
        return page(request, [visible(nic) for nic in self.world.of_type(TYPE, scope)],
                    self.world.settings)

    def get(self, request, names):
        self.longops.resource_read(request.path)
        return read(self.world.require(request.path))

    def put(self, request, names):
        body = request.json()
        check_body(body, INTERFACE, SHAPE_ERROR)
        check_name(names["name"])
        self.world.require_group(request.path)
        old = self.world.get(request.path)
        check_preconditions(request, old)
        check_location(body, old)
        if self.longops.running_on(request.path):
            raise another_operation(request.path)
        interface = self.replacement(request, body, old)
        self.touch_groups(old, interface)
        self.touch_addresses(old, interface)
        self.world.put(interface)
        operation = self.longops.start(
            request, "Microsoft.Network", interface["location"], pattern="async",
            resource=interface, result=lambda: visible(self.world.require(interface["id"])))
        answer = read(interface, accepted_status(operation, 200 if old else 201))
        answer.headers.update(self.longops.headers(operation))
        return answer

    def replacement(self, request, body, old):
        """The interface which the body describes, in place of the old one."""
        given = body.get("properties") or {}
        interface_id = old["id"] if old else request.path.rstrip("/")
        properties = {name: value if given.get(name) is None else given[name]
                      for name, value in DEFAULTS.items()}
        for name in ("workloadType", "migrationPhase"):
            if given.get(name) is not None:
                properties[name] = given[name]
        if given.get("networkSecurityGroup"):
            group = self.referred(interface_id, body, given["networkSecurityGroup"], NSG_TYPE)
            self.check_provisioned(interface_id, group)
            properties["networkSecurityGroup"] = {"id": group["id"]}
        servers = (given.get("dnsSettings") or {}).get("dnsServers") or []
        properties["dnsSettings"] = {"dnsServers": servers, "appliedDnsServers": list(servers),
                                     "internalDomainNameSuffix": DOMAIN_SUFFIX}
        if old:
            properties.update({name: old["properties"][name]
                               for name in KEPT if name in old["properties"]})
        else:
            properties["resourceGuid"] = str(uuid.uuid4())
        properties.update(hostedWorkloads=[], tapConfigurations=[], vnetEncryptionSupported=False,
                          provisioningState="Updating")
        properties["ipConfigurations"] = self.ip_configurations(interface_id, body, given, old)
        interface = {"name": name_of(interface_id), "id": interface_id, "type": TYPE,
                     "location": body["location"], "properties": properties}
        for name in ("tags", "extendedLocation"):
            if body.get(name):
                interface[name] = body[name]
        return interface

    def referred(self, interface_id, body, reference, resource_type):
        """What a reference points to: it must exist, in the same subscription and region."""
        resource_id = reference.get("id")
        if not resource_id:
            raise ArmError(400, SHAPE_ERROR, "Cannot parse the request.", [{
                "code": "MissingJsonReferenceId",
                "message": f"Value for reference id is missing. Path {resource_type}."}])
        target = self.world.get(resource_id)
        if (target is None or target["type"].lower() != resource_type.lower()
                or scope_of(resource_id)[0] != scope_of(interface_id)[0]
                or not same_region(target["location"], body["location"])):
            raise bad_reference(interface_id, resource_id)
        return target

    def check_provisioned(self, interface_id, target):
        if target["properties"]["provisioningState"] != "Succeeded":
            raise ArmError(429, "RetryableError", "A retryable error occurred.", [{
                "code": "ReferencedResourceNotProvisioned",
                "message": f"Cannot proceed with operation because resource {target['id']} used "
                           f"by resource {interface_id} is not in Succeeded state. Resource is in "
                           f"{target['properties']['provisioningState']} state."}])

    def ip_configurations(self, interface_id, body, given, old):
        configurations = given.get("ipConfigurations") or []
        if not configurations:
            raise ArmError(400, "NetworkInterfaceMustHaveAtLeastOneIpConfiguration",
                           f"Network interface {interface_id} must have at least one IP "
                           "configuration.")
        names = [(configuration.get("name") or "").lower() for configuration in configurations]
        if "" in names or len(set(names)) < len(names):
            raise ArmError(400, SHAPE_ERROR, "Every IP configuration needs a name of its own.")
        primaries = [configuration for configuration in configurations
                     if (configuration.get("properties") or {}).get("primary")]
        if len(configurations) > 1 and len(primaries) != 1:
            raise ArmError(400, "NetworkInterfaceWithMultipleIpConfigurationsMustHaveOnePrimary",
                           f"Network interface {interface_id} has several IP configurations; "
                           "exactly one must be primary.")
        before = {configuration["name"].lower(): configuration["properties"]
                  for configuration in (old["properties"]["ipConfigurations"] if old else [])}
        stored = [self.ip_configuration(interface_id, body, configuration, before)
                  for configuration in configurations]
        if len(stored) == 1:
            stored[0]["properties"]["primary"] = True
        self.check_one_network(interface_id, stored, before)
        return stored

    def ip_configuration(self, interface_id, body, configuration, before):
        given = configuration.get("properties") or {}
        subnet, network = self.subnet(interface_id, body, given)
        properties = {
            "provisioningState": "Succeeded", "primary": bool(given.get("primary")),
            "privateIPAllocationMethod": given.get("privateIPAllocationMethod") or "Dynamic",
            "privateIPAddressVersion": given.get("privateIPAddressVersion") or "IPv4",
            "subnet": {"id": subnet["id"]},
        }
        old = before.get(configuration["name"].lower())
        properties["privateIPAddress"] = self.address(interface_id, given, subnet, network, old)
        if given.get("publicIPAddress"):
            public = self.referred(interface_id, body, given["publicIPAddress"],
                                   "Microsoft.Network/publicIPAddresses")
            self.check_free(interface_id, public)
            properties["publicIPAddress"] = {"id": public["id"]}
            option = (given["publicIPAddress"].get("properties") or {}).get("deleteOption")
            if option:
                properties["publicIPAddress"]["properties"] = {"deleteOption": option}
        if given.get("gatewayLoadBalancer"):
            properties["gatewayLoadBalancer"] = {"id": given["gatewayLoadBalancer"]["id"]}
        for name, resource_type in REFERENCE_LISTS.items():
            if given.get(name):
                properties[name] = [self.member(interface_id, body, reference, resource_type)
                                    for reference in given[name]]
        return {"name": configuration["name"], "type": TYPE + "/ipConfigurations",
                "id": f"{interface_id}/ipConfigurations/{configuration['name']}",
                "properties": properties}

    def subnet(self, interface_id, body, given):
        resource_id = (given.get("subnet") or {}).get("id")
        if not resource_id:
            raise ArmError(400, "SubnetIdIsRequired",
                           f"IP configuration of {interface_id} must have a subnet.")
        network = self.referred(interface_id, body, {"id": resource_id.rsplit("/", 2)[0]},
                                "Microsoft.Network/virtualNetworks")
        for subnet in network["properties"]["subnets"]:
            if subnet["id"].lower() == resource_id.lower():
                return subnet, network
        raise bad_reference(interface_id, resource_id)

    def address(self, interface_id, given, subnet, network, old):
        """A static address is the caller's; a dynamic one is kept while the subnet stays."""
        prefix = ipaddress.ip_network(subnet["properties"]["addressPrefix"])
        taken = self.addresses_in(network, interface_id)
        if (given.get("privateIPAllocationMethod") or "Dynamic").lower() == "static":
            address = given.get("privateIPAddress")
            if not address:
                raise ArmError(400, "PrivateIPAddressNotProvided",
                               "A static IP configuration needs privateIPAddress.")
            if ipaddress.ip_address(address) not in prefix:
                raise ArmError(400, "PrivateIPAddressNotInSubnet",
                               f"Private static IP address {address} does not belong to the range "
                               f"of subnet prefix {prefix}.")
            if address in taken:
                raise ArmError(400, "PrivateIPAddressIsAllocated",
                               f"IP address {address} is already allocated.")
            return address
        if old and old["subnet"]["id"].lower() == subnet["id"].lower():
            return old["privateIPAddress"]
        return next(str(host) for host in list(prefix.hosts())[3:] if str(host) not in taken)

    def addresses_in(self, network, except_interface):
        """Addresses in use by other interfaces of the virtual network."""
        start = network["id"].lower() + "/"
        return {configuration["properties"]["privateIPAddress"]
                for nic in self.world.of_type(TYPE) if nic["id"] != except_interface
                for configuration in nic["properties"]["ipConfigurations"]
                if configuration["properties"]["subnet"]["id"].lower().startswith(start)}

    def check_free(self, interface_id, public):
        for nic in self.world.of_type(TYPE):
            for configuration in nic["properties"]["ipConfigurations"]:
                used = (configuration["properties"].get("publicIPAddress") or {}).get("id", "")
                if used.lower() == public["id"].lower() and nic["id"] != interface_id:
                    raise ArmError(400, "PublicIPAddressInUse",
                                   f"Resource {interface_id} is referencing public IP address "
                                   f"{public['id']} that is already allocated to resource "
                                   f"{configuration['id']}.")

    def member(self, interface_id, body, reference, resource_type):
        """A reference to a resource or to a part of it, such as a load balancer's pool."""
        resource_id = reference.get("id") or ""
        parts = resource_id.split("/")
        owner = self.referred(interface_id, body, {"id": "/".join(parts[:9])}, resource_type)
        if len(parts) > 9 and not any(
                part["id"].lower() == resource_id.lower()
                for kind in ("backendAddressPools", "inboundNatRules")
                for part in owner["properties"].get(kind, [])):
            raise bad_reference(interface_id, resource_id)
        return {"id": resource_id}

    def check_one_network(self, interface_id, stored, before):
        """All configurations in one virtual network, and never moved out of it."""
        networks = {configuration["subnet"]["id"].lower().rsplit("/", 2)[0]
                    for configuration in
                    [*(entry["properties"] for entry in stored), *before.values()]}
        if len(networks) > 1:
            raise ArmError(400, "SubnetsNotInSameVnet",
                           f"Subnets of network interface {interface_id} must belong to the same "
                           "virtual network.")

    def touch_groups(self, old, new):
        """A security group lists its interfaces, so that its ETag changes with them."""
        before = group_id(old["properties"]) if old else None
        after = group_id(new["properties"])
        for changed in {before, after} - {None} if before != after else ():
            group = self.world.get(changed)
            if group:
                self.world.put(group)

    def touch_addresses(self, old, new):
        """A dynamic public address is given back when it is taken off: the next is another one."""
        before, after = public_ids(old["properties"]) if old else set(), public_ids(
            new["properties"])
        for changed in before ^ after:
            public = self.world.get(changed)
            if public and public["properties"]["publicIPAllocationMethod"] == "Dynamic":
                public["properties"].pop("ipAddress", None)
                if changed in after:
                    self.given += 1
                    public["properties"]["ipAddress"] = f"198.51.100.{self.given}"
                self.world.put(public)

    def patch_tags(self, request, names):
        body = request.json()
        check_body(body, {"tags": TAGS}, SHAPE_ERROR)
        interface = self.world.require(request.path)
        check_preconditions(request, interface)
        interface["tags"] = copy.deepcopy(body.get("tags") or {})
        return read(self.world.put(interface))

    def delete(self, request, names):
        interface = self.world.get(request.path)
        check_preconditions(request, interface)
        if interface is None:
            self.world.require_group(request.path)
            return Answer(204)
        if "virtualMachine" in interface["properties"]:
            raise ArmError(400, "NicInUse",
                           f"Network Interface {interface['id']} is used by existing resource "
                           f"{interface['properties']['virtualMachine']['id']}.")
        self.world.delete(interface["id"])
        operation = self.longops.start(request, "Microsoft.Network", interface["location"],
                                       pattern="both", on_end=nothing)
        return Answer(202, None, self.longops.headers(operation))


def group_id(properties):
    return (properties.get("networkSecurityGroup") or {}).get("id", "").lower() or None


def public_ids(properties):
    return {configuration["properties"]["publicIPAddress"]["id"].lower()
            for configuration in properties["ipConfigurations"]
            if configuration["properties"].get("publicIPAddress")}


def bad_reference(interface_id, resource_id):
    return ArmError(400, "InvalidResourceReference",
                    f"Resource {resource_id} referenced by resource {interface_id} was not found. "
                    "Please make sure that the referenced resource exists, and that both resources "
                    "are in the same region.")
