"""The world the emulator starts with: a small web shop, described in README.md."""

import uuid

from nic import DEFAULTS, DOMAIN_SUFFIX
from nsg import default_rules
from posture_world import KINDS, posture

TENANT = "7f1c2a64-30d8-4b8e-9a55-6c0f4f2b9d17"
SHOP = "11111111-2222-3333-4444-555555555555"
OTHER = "66666666-7777-8888-9999-000000000000"
REGION = "westeurope"


def guid(name):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "emulator/" + name))


def resource(kind, group, name, properties, location=REGION, subscription=SHOP, **fields):
    properties.setdefault("provisioningState", "Succeeded")
    return {"name": name, "type": kind, "location": location,
            "id": f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}",
            "properties": properties, **fields}


def group(name, location=REGION, subscription=SHOP):
    return {"id": f"/subscriptions/{subscription}/resourceGroups/{name}", "name": name,
            "type": "Microsoft.Resources/resourceGroups", "location": location,
            "properties": {"provisioningState": "Succeeded"}}


def network_id(group_name, kind, name, subscription=SHOP):
    return (f"/subscriptions/{subscription}/resourceGroups/{group_name}/providers/"
            f"Microsoft.Network/{kind}/{name}")


def virtual_network(group_name, name, space, subnets, location=REGION, subscription=SHOP):
    network = network_id(group_name, "virtualNetworks", name, subscription)
    parts = []
    for subnet, (prefix, nsg) in subnets.items():
        properties = {"addressPrefix": prefix, "provisioningState": "Succeeded",
                      "privateEndpointNetworkPolicies": "Disabled", "delegations": []}
        if nsg:
            properties["networkSecurityGroup"] = {
                "id": network_id(group_name, "networkSecurityGroups", nsg, subscription)}
        parts.append({"name": subnet, "id": f"{network}/subnets/{subnet}",
                      "type": "Microsoft.Network/virtualNetworks/subnets",
                      "properties": properties})
    return resource("Microsoft.Network/virtualNetworks", group_name, name,
                    {"addressSpace": {"addressPrefixes": [space]}, "subnets": parts},
                    location, subscription)


def rule(name, priority, direction, access, protocol, source, destination, port):
    return {"name": name, "properties": {
        "priority": priority, "direction": direction, "access": access, "protocol": protocol,
        "sourceAddressPrefix": source, "sourcePortRange": "*",
        "destinationAddressPrefix": destination, "destinationPortRange": port,
        "sourceAddressPrefixes": [], "sourcePortRanges": [], "destinationAddressPrefixes": [],
        "destinationPortRanges": [], "provisioningState": "Succeeded"}}


def security_group(group_name, name, rules, **fields):
    nsg = resource("Microsoft.Network/networkSecurityGroups", group_name, name,
                   {"resourceGuid": guid(name), "securityRules": rules}, **fields)
    for entry in rules:
        entry.update(id=f"{nsg['id']}/securityRules/{entry['name']}",
                     type="Microsoft.Network/networkSecurityGroups/securityRules")
    nsg["properties"]["defaultSecurityRules"] = default_rules(nsg["id"])
    return nsg


def interface(group_name, name, machine_id, subnet_id, address, *, primary=True, nsg=None,
              location=REGION, subscription=SHOP, tags=None, configuration=None, **changes):
    own_id = network_id(group_name, "networkInterfaces", name, subscription)
    servers = changes.pop("dns_servers", [])
    number = uuid.uuid5(uuid.NAMESPACE_URL, name).hex[:6].upper()
    properties = {
        **DEFAULTS, **changes,
        "dnsSettings": {"dnsServers": servers, "appliedDnsServers": servers,
                        "internalDomainNameSuffix": DOMAIN_SUFFIX},
        "ipConfigurations": [{
            "name": "ipconfig1", "id": f"{own_id}/ipConfigurations/ipconfig1",
            "type": "Microsoft.Network/networkInterfaces/ipConfigurations",
            "properties": {
                "provisioningState": "Succeeded", "primary": True,
                "privateIPAddress": address, "privateIPAddressVersion": "IPv4",
                "privateIPAllocationMethod": "Dynamic", "subnet": {"id": subnet_id},
                **(configuration or {})}}],
        "macAddress": f"00-0D-3A-{number[:2]}-{number[2:4]}-{number[4:]}",
        "primary": primary, "virtualMachine": {"id": machine_id}, "resourceGuid": guid(name),
        "hostedWorkloads": [], "tapConfigurations": [], "vnetEncryptionSupported": False}
    if nsg:
        properties["networkSecurityGroup"] = {"id": nsg}
    nic = resource("Microsoft.Network/networkInterfaces", group_name, name, properties, location,
                   subscription)
    if tags:
        nic["tags"] = tags
    return nic


def machine_id(group_name, name, subscription=SHOP):
    return (f"/subscriptions/{subscription}/resourceGroups/{group_name}/providers/"
            f"Microsoft.Compute/virtualMachines/{name}")


def disk_id(machine, name):
    return machine.split("/Microsoft.Compute/")[0] + "/Microsoft.Compute/disks/" + name


def machine(group_name, name, interfaces, *, data_disks=0, system="Linux", location=REGION,
            subscription=SHOP, tags=None, identity=None, **properties):
    """A virtual machine and its managed disks."""
    own_id = machine_id(group_name, name, subscription)
    disks = [(f"{name}_OsDisk", 64)] + [(f"{name}_data{n}", 256) for n in range(data_disks)]
    managed = [{"name": disk, "diskSizeGB": size, "caching": "ReadWrite",
                "managedDisk": {"id": disk_id(own_id, disk), "storageAccountType": "Premium_LRS"}}
               for disk, size in disks]
    vm = resource("Microsoft.Compute/virtualMachines", group_name, name, {
        "vmId": guid("vm/" + own_id), "timeCreated": "2026-01-15T08:00:00.0000000+00:00",
        "hardwareProfile": {"vmSize": "Standard_D4s_v5"},
        "storageProfile": {
            "osDisk": {"osType": system, "createOption": "FromImage", **managed[0]},
            "dataDisks": [{"lun": lun, "createOption": "Attach", **disk}
                          for lun, disk in enumerate(managed[1:])]},
        "osProfile": {"computerName": name, f"{system.lower()}Configuration": {}},
        "networkProfile": {"networkInterfaces": [
            {"id": nic["id"], "properties": {"primary": nic["properties"]["primary"]}}
            for nic in interfaces]},
        **properties}, location, subscription)
    if tags:
        vm["tags"] = tags
    if identity:
        vm["identity"] = identity
    return [vm, *interfaces] + [
        resource("Microsoft.Compute/disks", group_name, disk, {
            "osType": system, "hyperVGeneration": "V2", "diskSizeGB": size,
            "diskState": "Attached", "uniqueId": guid("disk/" + disk),
            "creationData": {"createOption": "Empty"}}, location, subscription,
            managedBy=own_id, sku={"name": "Premium_LRS", "tier": "Premium"})
        for disk, size in disks]


def plain_machine(group_name, name, subnet_id, address, nsg=None, **fields):
    """A virtual machine with one interface and one disk."""
    place = {key: fields[key] for key in ("location", "subscription") if key in fields}
    own_id = machine_id(group_name, name, place.get("subscription", SHOP))
    nic = interface(group_name, f"{name}-nic", own_id, subnet_id, address, nsg=nsg, **place)
    return machine(group_name, name, [nic], **fields)


def jit_policy(group_name, name, location, machines):
    """machines: {name: [(port, longest access, source prefixes)]}"""
    return {
        "id": f"/subscriptions/{SHOP}/resourceGroups/{group_name}/providers/Microsoft.Security/"
              f"locations/{location}/jitNetworkAccessPolicies/{name}",
        "name": name, "type": "Microsoft.Security/locations/jitNetworkAccessPolicies",
        "kind": "Basic", "location": location,
        "properties": {"provisioningState": "Succeeded", "requests": [], "virtualMachines": [
            {"id": machine_id(group_name, machine_name), "ports": [jit_port(*port)
                                                                  for port in ports]}
            for machine_name, ports in machines.items()]}}


def jit_port(number, longest, sources):
    prefix = ({"allowedSourceAddressPrefix": sources} if isinstance(sources, str)
              else {"allowedSourceAddressPrefixes": sources})
    return {"number": number, "protocol": "TCP", **prefix, "maxRequestAccessDuration": longest}


def shop():
    subnet = network_id("rg-shop", "virtualNetworks", "vnet-shop") + "/subnets/"
    groups = network_id("rg-shop", "networkSecurityGroups", "")
    balancer = network_id("rg-shop", "loadBalancers", "lb-shop")
    web = machine_id("rg-shop", "web-01")
    web_nic = interface(
        "rg-shop", "web-01-nic", web, subnet + "web", "10.20.1.10", nsg=groups + "nsg-web",
        enableAcceleratedNetworking=True, dns_servers=["10.20.0.4", "10.20.0.5"],
        tags={"cost-center": "shop", "owner": "web team"},
        configuration={
            "privateIPAllocationMethod": "Static",
            "publicIPAddress": {"id": network_id("rg-shop", "publicIPAddresses", "web-01-ip")},
            "loadBalancerBackendAddressPools": [{"id": balancer + "/backendAddressPools/web"}],
            "applicationSecurityGroups": [
                {"id": network_id("rg-shop", "applicationSecurityGroups", "asg-web")}]})
    back_nic = interface("rg-shop", "web-01-nic-back", web, subnet + "back", "10.20.2.10",
                         primary=False, enableIPForwarding=True)
    return [
        group("rg-shop"),
        security_group("rg-shop", "nsg-web", [
            rule("Allow-Https", 100, "Inbound", "Allow", "Tcp", "Internet", "*", "443"),
            rule("Allow-Ssh-Office", 110, "Inbound", "Allow", "Tcp", "198.51.100.0/24", "*",
                 "22")]),
        security_group("rg-shop", "nsg-shop-subnet", [
            rule("Allow-Internal", 200, "Inbound", "Allow", "*", "VirtualNetwork", "*", "*")]),
        virtual_network("rg-shop", "vnet-shop", "10.20.0.0/16", {
            "web": ("10.20.1.0/24", "nsg-shop-subnet"), "back": ("10.20.2.0/24", None),
            "data": ("10.20.3.0/24", "nsg-shop-subnet")}),
        resource("Microsoft.Network/publicIPAddresses", "rg-shop", "web-01-ip", {
            "ipAddress": "203.0.113.10", "publicIPAllocationMethod": "Static",
            "publicIPAddressVersion": "IPv4", "resourceGuid": guid("web-01-ip")},
            sku={"name": "Standard", "tier": "Regional"}),
        resource("Microsoft.Network/applicationSecurityGroups", "rg-shop", "asg-web",
                 {"resourceGuid": guid("asg-web")}),
        resource("Microsoft.Network/loadBalancers", "rg-shop", "lb-shop", {
            "resourceGuid": guid("lb-shop"),
            "backendAddressPools": [{"name": "web", "id": balancer + "/backendAddressPools/web",
                                     "properties": {"provisioningState": "Succeeded"}}]}),
        *machine("rg-shop", "web-01", [web_nic, back_nic], data_disks=2,
                 tags={"env": "prod", "owner": "web team"},
                 identity={"type": "SystemAssigned", "principalId": guid("web-01"),
                           "tenantId": TENANT}),
        *plain_machine("rg-shop", "web-02", subnet + "web", "10.20.1.11", groups + "nsg-web",
                       tags={"env": "prod"}),
        *plain_machine("rg-shop", "db-01", subnet + "data", "10.20.3.10", data_disks=1),
        *plain_machine("rg-shop", "db-02", subnet + "data", "10.20.3.11", data_disks=1),
        *plain_machine("rg-shop", "jump-01", subnet + "back", "10.20.2.20", groups + "nsg-web",
                       system="Windows"),
        jit_policy("rg-shop", "default", REGION, {
            "web-02": [(22, "PT3H", "*")],
            "db-01": [(22, "PT1H", "198.51.100.0/24"),
                      (5432, "PT3H", ["10.20.2.0/24", "10.20.1.0/24"])],
            "db-02": [(22, "PT1H", "198.51.100.0/24"), (3306, "PT2H", "10.20.2.20")]}),
        resource("Microsoft.Compute/virtualMachineScaleSets", "rg-shop", "api-flex",
                 {"orchestrationMode": "Flexible", "uniqueId": guid("api-flex")}),
        *plain_machine("rg-shop", "api-flex_1a2b3c4d", subnet + "web", "10.20.1.30",
                       groups + "nsg-web", virtualMachineScaleSet={
                           "id": machine_id("rg-shop", "api-flex").replace(
                               "virtualMachines", "virtualMachineScaleSets")}),
    ]


def north():
    subnet = network_id("rg-shop", "virtualNetworks", "vnet-north") + "/subnets/web"
    return [
        virtual_network("rg-shop", "vnet-north", "10.30.0.0/16", {"web": ("10.30.1.0/24", None)},
                        "northeurope"),
        *plain_machine("rg-shop", "web-north-01", subnet, "10.30.1.10", location="northeurope"),
        jit_policy("rg-shop", "default", "northeurope",
                   {"web-north-01": [(22, "PT3H", "198.51.100.0/24")]}),
    ]


def others():
    identity = network_id("rg-identity", "virtualNetworks", "vnet-identity") + "/subnets/default"
    labs = network_id("rg-lab", "virtualNetworks", "vnet-lab", OTHER) + "/subnets/default"
    return [
        group("rg-identity"), group("rg-security"), group("rg-lab", subscription=OTHER),
        virtual_network("rg-identity", "vnet-identity", "10.40.0.0/16",
                        {"default": ("10.40.1.0/24", None)}),
        *plain_machine("rg-identity", "dc-01", identity, "10.40.1.4", system="Windows",
                       tags={"gridwarden": "protected"}),
        virtual_network("rg-lab", "vnet-lab", "10.50.0.0/16",
                        {"default": ("10.50.1.0/24", None)}, subscription=OTHER),
        *plain_machine("rg-lab", "lab-01", labs, "10.50.1.4", subscription=OTHER),
    ]


def sensor(name, number, seen, *, machine=None, health="Active", onboarding="Onboarded",
           system="Linux"):
    """A machine as Defender for Endpoint knows it; machine: the virtual machine that it says it is."""
    record = {
        "id": f"{number:040x}", "computerDnsName": name, "osPlatform": system,
        "firstSeen": "2026-01-15T09:00:00Z", "lastSeen": seen, "healthStatus": health,
        "onboardingStatus": onboarding, "lastIpAddress": "10.20.1.10", "rbacGroupId": 0,
        "riskScore": "None", "aadDeviceId": guid(f"device/{number}"), "machineTags": [],
        "vmMetadata": None}
    if machine:
        record["vmMetadata"] = {"vmId": guid("vm/" + machine), "cloudProvider": "Azure",
                                "resourceId": machine, "subscriptionId": machine.split("/")[2]}
    return record


def sensors():
    web, web2 = machine_id("rg-shop", "web-01"), machine_id("rg-shop", "web-02")
    return [
        sensor("web-01.contoso.example", 0x101, "2026-11-23T02:00:00Z", machine=web),
        # Another machine of the same name, in some other cloud.
        sensor("web-01", 0x102, "2026-11-23T03:00:00Z", machine=web + "-elsewhere"),
        # The same machine before it was set up anew.
        sensor("web-02", 0x201, "2026-08-01T00:00:00Z", machine=web2, health="Inactive"),
        sensor("web-02", 0x202, "2026-11-23T01:00:00Z", machine=web2),
        # Two that are alive and say nothing of which machine they are.
        sensor("db-02", 0x301, "2026-11-23T01:00:00Z"),
        sensor("db-02.contoso.example", 0x302, "2026-11-23T02:00:00Z"),
        sensor("jump-01", 0x401, "2026-11-23T01:00:00Z", system="Windows10"),
        sensor("db-01", 0x501, "2026-11-20T01:00:00Z", onboarding="CanBeOnboarded"),
        sensor("dc-01", 0x601, "2026-11-23T01:00:00Z",
               machine=machine_id("rg-identity", "dc-01")),
    ]


def default_world():
    return {
        "tenant": {"id": TENANT, "domain": "contoso.example"},
        "posture": posture(SHOP, OTHER), "assessment_kinds": KINDS,
        "subscriptions": [{"subscriptionId": SHOP, "displayName": "Shop"},
                          {"subscriptionId": OTHER, "displayName": "Lab"}],
        "applications": [{
            "client_id": "0c6f1f5e-52f0-4f0e-8c7b-6b1f1d0c2a11", "object_id": guid("responder"),
            "secret": "p4ss+word/&=~ %"}],
        "identities": [
            {"kind": "system", "client_id": "3d1f8f57-2a0b-4c7c-9d66-0f3f5f1e7b21",
             "object_id": guid("system identity")},
            {"kind": "user", "client_id": "9a7f4b6d-8c3e-4d15-b0a2-5e6c7d8f9a31",
             "object_id": guid("user identity"),
             "resource_id": f"/subscriptions/{SHOP}/resourceGroups/rg-security/providers/"
                            "Microsoft.ManagedIdentity/userAssignedIdentities/responder"}],
        "machines": sensors(),
        "webhooks": {"soc": "Zm9yLXRlc3RzLW9ubHk"},
        "accounts": {
            "servicenow": {"user": "gridwarden", "password": "snow-p:ss", "token": "snow-token"},
            "jira": {"user": "gw@contoso.com", "token": "jira-token"},
            "pagerduty": {"routing_key": "R0UT1NGKEY0123456789ABCDEF012345"},
            "receiver": {"token": "receiver-token"}},
        "resources": shop() + north() + others() + [
            resource("Microsoft.OperationalInsights/workspaces", "rg-security", "soc", {})],
    }
