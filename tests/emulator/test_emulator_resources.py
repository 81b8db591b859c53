"""What the emulated resources accept, refuse and compute: networks, machines, JIT policies."""

import copy
from datetime import datetime, timedelta, timezone

import pytest

from conftest import SHOP, SUBSCRIPTION

NICS = SHOP + "/providers/Microsoft.Network/networkInterfaces/"
NIC = NICS + "web-01-nic"
BACK = NICS + "web-01-nic-back"
GROUPS = SHOP + "/providers/Microsoft.Network/networkSecurityGroups/"
NSG = GROUPS + "quarantine"
SUBNETS = SHOP + "/providers/Microsoft.Network/virtualNetworks/vnet-shop/subnets/"
PUBLIC_IP = SHOP + "/providers/Microsoft.Network/publicIPAddresses/web-01-ip"
VM = SHOP + "/providers/Microsoft.Compute/virtualMachines/web-01"
DB = SHOP + "/providers/Microsoft.Compute/virtualMachines/db-01"
DISK = SHOP + "/providers/Microsoft.Compute/disks/web-01_OsDisk"
SNAPSHOT = SHOP + "/providers/Microsoft.Compute/snapshots/evidence-1"
LISTS = "/providers/Microsoft.Security/jitNetworkAccessPolicies"
REGION = "/providers/Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies"
JIT = SHOP + REGION + "/default"

READ_ONLY_TOP = ("etag", "name", "id", "type")
READ_ONLY = ("macAddress", "primary", "virtualMachine", "resourceGuid", "hostedWorkloads",
             "tapConfigurations", "vnetEncryptionSupported", "provisioningState")


def writable(nic):
    """The part of a network interface which a client may send."""
    nic = copy.deepcopy(nic)
    for field in READ_ONLY_TOP:
        nic.pop(field)
    properties = nic["properties"]
    for field in READ_ONLY:
        properties.pop(field, None)
    properties["dnsSettings"] = {"dnsServers": properties["dnsSettings"]["dnsServers"]}
    for configuration in properties["ipConfigurations"]:
        for field in ("etag", "id", "type"):
            configuration.pop(field)
        configuration["properties"].pop("provisioningState")
    return nic


def rule(name="Deny-All-In", **changes):
    return {"name": name, "properties": {
        "priority": 4096, "direction": "Inbound", "access": "Deny", "protocol": "*",
        "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*",
        "destinationPortRange": "*", **changes}}


def finish(azure, answer):
    while azure.get(answer.headers["Azure-AsyncOperation"]).json["status"] == "InProgress":
        pass


def make_group(azure, *rules, path=NSG, **properties):
    answer = azure.put(path, {"location": "westeurope",
                              "properties": {"securityRules": list(rules), **properties}})
    assert answer.status in (200, 201), answer.text
    finish(azure, answer)
    return answer


# Network interfaces

def test_a_get_shows_what_azure_computes(azure):
    answer = azure.get(NIC)
    properties = answer.json["properties"]
    assert answer.headers["ETag"] == answer.json["etag"]
    assert answer.json["etag"].startswith('W/"')
    assert properties["virtualMachine"]["id"] == VM
    assert set(READ_ONLY) <= set(properties)
    assert properties["dnsSettings"]["appliedDnsServers"] == ["10.20.0.4", "10.20.0.5"]


def test_a_careful_put_changes_only_the_security_group(azure):
    make_group(azure, rule())
    before = azure.get(NIC)
    body = writable(before.json)
    body["properties"]["networkSecurityGroup"] = {"id": NSG.lower()}
    answer = azure.put(NIC, body, {"If-Match": before.headers["ETag"]})
    assert answer.status == 200 and answer.json["etag"] != before.json["etag"]
    finish(azure, answer)
    after = azure.get(NIC).json
    assert after["properties"].pop("networkSecurityGroup") == {"id": NSG}
    expected = before.json
    expected["properties"].pop("networkSecurityGroup")
    for shown in (after, expected):
        shown.pop("etag")
        shown["properties"]["ipConfigurations"][0].pop("etag")
    assert after == expected
    assert {"id": NIC} in azure.get(NSG).json["properties"]["networkInterfaces"]


def test_a_careless_put_resets_what_it_leaves_out(azure):
    body = {"location": "westeurope", "properties": {"ipConfigurations": [
        {"name": "ipconfig1", "properties": {"subnet": {"id": SUBNETS + "web"}}}]}}
    finish(azure, azure.put(NIC, body))
    nic = azure.get(NIC).json
    properties = nic["properties"]
    assert "tags" not in nic and "networkSecurityGroup" not in properties
    assert properties["enableAcceleratedNetworking"] is False
    assert properties["dnsSettings"]["dnsServers"] == []
    configuration = properties["ipConfigurations"][0]["properties"]
    assert configuration["privateIPAllocationMethod"] == "Dynamic"
    assert not {"publicIPAddress", "loadBalancerBackendAddressPools",
                "applicationSecurityGroups"} & set(configuration)
    assert properties["macAddress"] and properties["virtualMachine"]["id"] == VM
    assert "ipConfiguration" not in azure.get(PUBLIC_IP).json["properties"]


def test_a_stale_etag_is_refused(azure, emulator):
    before = azure.get(BACK)
    emulator.change_resource(BACK, tags={"owner": "a colleague"})
    stale = azure.put(BACK, writable(before.json), {"If-Match": before.headers["ETag"]})
    assert (stale.status, stale.code) == (412, "PreconditionFailed")
    assert stale.json["error"]["details"][0]["code"] == "PreconditionFailedEtagMismatch"
    fresh = azure.get(BACK)
    assert fresh.json["tags"] == {"owner": "a colleague"}
    same = azure.put(BACK, writable(fresh.json), {"If-Match": fresh.headers["ETag"]})
    assert same.status == 200


@pytest.mark.parametrize("change, code", [
    (lambda nic: nic.pop("location"), "LocationRequired"),
    (lambda nic: nic.update(colour="red"), "InvalidRequestFormat"),
    (lambda nic: nic.update(etag='W/"1"'), "InvalidRequestFormat"),
    (lambda nic: nic.update(tags={"a": 1}), "InvalidRequestFormat"),
    (lambda nic: nic["properties"].update(macAddress="00"), "InvalidRequestFormat"),
    (lambda nic: nic["properties"].update(enableIPForwarding="yes"), "InvalidRequestFormat"),
    (lambda nic: nic["properties"]["ipConfigurations"].clear(),
     "NetworkInterfaceMustHaveAtLeastOneIpConfiguration"),
    (lambda nic: nic["properties"]["ipConfigurations"][0]["properties"].pop("subnet"),
     "SubnetIdIsRequired"),
    (lambda nic: nic["properties"]["ipConfigurations"][0]["properties"].update(
        privateIPAllocationMethod="Static", privateIPAddress="192.0.2.1"),
     "PrivateIPAddressNotInSubnet"),
    (lambda nic: nic["properties"]["ipConfigurations"][0]["properties"].update(
        publicIPAddress={"id": PUBLIC_IP}), "PublicIPAddressInUse"),
    (lambda nic: nic["properties"].update(networkSecurityGroup={"id": GROUPS + "none"}),
     "InvalidResourceReference"),
    (lambda nic: nic["properties"].update(networkSecurityGroup={"id": PUBLIC_IP}),
     "InvalidResourceReference"),
])
def test_an_interface_is_refused(azure, change, code):
    body = writable(azure.get(BACK).json)
    change(body)
    answer = azure.put(BACK, body)
    assert (answer.status, answer.code) == (400, code), answer.text


def test_a_public_address_is_taken_off_and_put_back_with_what_becomes_of_it(azure, emulator):
    kept = {"id": PUBLIC_IP, "properties": {"deleteOption": "Delete"}}
    for wanted in (kept, None, kept):
        nic = writable(azure.get(NIC).json)
        configuration = nic["properties"]["ipConfigurations"][0]["properties"]
        configuration.pop("publicIPAddress", None)
        if wanted:
            configuration["publicIPAddress"] = wanted
        finish(azure, azure.put(NIC, nic))
        shown = azure.get(NIC).json["properties"]["ipConfigurations"][0]["properties"]
        assert shown.get("publicIPAddress") == wanted
        # A static one stays what it is, whoever has it.
        assert azure.get(PUBLIC_IP).json["properties"]["ipAddress"] == "203.0.113.10"
    nic["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] = {
        "id": PUBLIC_IP, "properties": {"ipAddress": "203.0.113.10"}}
    assert azure.put(NIC, nic).status == 400


def test_a_dynamic_public_address_is_another_one_afterwards(azure, emulator):
    emulator.change_resource(PUBLIC_IP, properties={"publicIPAllocationMethod": "Dynamic"})
    nic = writable(azure.get(NIC).json)
    address = nic["properties"]["ipConfigurations"][0]["properties"].pop("publicIPAddress")
    finish(azure, azure.put(NIC, nic))
    assert "ipAddress" not in azure.get(PUBLIC_IP).json["properties"]
    nic["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] = address
    finish(azure, azure.put(NIC, nic))
    assert azure.get(PUBLIC_IP).json["properties"]["ipAddress"] not in ("", "203.0.113.10")


def test_a_group_of_another_region_is_refused(azure):
    assert azure.put(NSG, {"location": "northeurope"}).status == 201
    body = writable(azure.get(BACK).json)
    body["properties"]["networkSecurityGroup"] = {"id": NSG}
    assert azure.put(BACK, body).code == "InvalidResourceReference"


def test_a_group_still_being_made_is_a_retryable_error(azure, emulator):
    emulator.fault(method="PUT", longop={"polls": 5})
    azure.put(NSG, {"location": "westeurope"})
    body = writable(azure.get(BACK).json)
    body["properties"]["networkSecurityGroup"] = {"id": NSG}
    answer = azure.put(BACK, body)
    assert (answer.status, answer.code) == (429, "RetryableError")
    assert answer.json["error"]["details"][0]["code"] == "ReferencedResourceNotProvisioned"


def test_a_second_change_during_the_first_is_a_retryable_error(azure, emulator):
    emulator.fault(method="PUT", longop={"polls": 5})
    body = writable(azure.get(BACK).json)
    assert azure.put(BACK, body).status == 200
    assert azure.put(BACK, body).json["error"]["details"][0]["code"] == (
        "RetryableErrorDueToAnotherOperation")


# Security groups

def test_a_group_gets_its_default_rules(azure):
    make_group(azure, rule(), flushConnection=True)
    properties = azure.get(NSG).json["properties"]
    assert len(properties["defaultSecurityRules"]) == 6 and properties["flushConnection"]
    assert properties["securityRules"][0]["id"] == NSG + "/securityRules/Deny-All-In"
    assert make_group(azure).status == 200
    assert azure.get(NSG).json["properties"]["securityRules"] == []


@pytest.mark.parametrize("rules, code", [
    ([rule(priority=99)], "SecurityRuleInvalidPriority"),
    ([rule(), rule("Other")], "SecurityRuleConflict"),
    ([rule("DenyAllInBound", priority=300)], "SecurityRuleConflict"),
    ([rule(protocol=None)], "SecurityRuleParameterRequired"),
    ([rule(destinationPortRange=None)], "SecurityRuleParameterRequired"),
    ([rule(destinationPortRange="70000")], "SecurityRuleInvalidPortRange"),
    ([rule(sourceAddressPrefix="AzurePlatformImds2")], "SecurityRuleInvalidAddressPrefix"),
    ([rule(sourceAddressPrefixes=["10.0.0.0/8"])], "SecurityRuleParameterConflict"),
    ([rule("x" * 81)], "InvalidResourceName"), ([rule(colour="red")], "InvalidRequestFormat"),
    ([rule(description="x" * 141)], "SecurityRuleParameterExceedsLimit"),
    ([rule(provisioningState="Succeeded")], "InvalidRequestFormat"),
])
def test_a_rule_is_refused(azure, rules, code):
    answer = azure.put(NSG, {"location": "westeurope", "properties": {"securityRules": rules}})
    assert (answer.status, answer.code) == (400, code), answer.text


def test_a_single_rule_is_added_and_removed(azure):
    make_group(azure, rule())
    one = {"properties": rule(priority=100)["properties"]}
    added = azure.put(NSG + "/securityRules/Forensics", one)
    assert added.status == 201
    finish(azure, added)
    assert len(azure.get(NSG).json["properties"]["securityRules"]) == 2
    assert azure.call("DELETE", NSG + "/securityRules/forensics").status == 202
    assert len(azure.get(NSG + "/securityRules").json["value"]) == 1


def test_a_group_in_use_is_not_deleted(azure):
    answer = azure.call("DELETE", GROUPS + "nsg-web")
    assert answer.code == "InUseNetworkSecurityGroupCannotBeDeleted"
    make_group(azure)
    assert azure.call("DELETE", NSG).status == 202
    assert azure.call("DELETE", NSG).status == 204


def test_effective_rules_come_from_interface_and_subnet(azure):
    answer = azure.post(NIC + "/effectiveNetworkSecurityGroups")
    assert answer.status == 202 and "Azure-AsyncOperation" not in answer.headers
    assert azure.get(answer.headers["Location"]).status == 202
    groups = azure.get(answer.headers["Location"]).json["value"]
    assert [list(group["association"]) for group in groups] == [["networkInterface"], ["subnet"]]
    https = groups[0]["effectiveSecurityRules"][0]
    assert https["name"] == "securityRules/Allow-Https"
    assert (https["destinationPortRange"], https["destinationAddressPrefix"]) == (
        "443-443", "0.0.0.0/0")


def test_a_stopped_machine_has_no_effective_rules(azure, emulator):
    emulator.change_resource(VM, _emulator={"power": "deallocated"})
    assert azure.post(NIC + "/effectiveNetworkSecurityGroups").status == 400


# Machines, disks, tags

def power(azure):
    statuses = azure.get(VM + "/instanceView").json["statuses"]
    return next(entry["code"] for entry in statuses if entry["code"].startswith("PowerState/"))


def test_a_machine_names_its_interfaces_and_disks(azure):
    machine = azure.get(VM + "?$expand=instanceView").json
    interfaces = machine["properties"]["networkProfile"]["networkInterfaces"]
    assert [(entry["id"], entry["properties"]["primary"]) for entry in interfaces] == [
        (NIC, True), (BACK, False)]
    storage = machine["properties"]["storageProfile"]
    assert storage["osDisk"]["managedDisk"]["id"] == DISK and len(storage["dataDisks"]) == 2
    assert machine["properties"]["instanceView"]["statuses"]
    assert azure.get(DISK).json["managedBy"] == VM


def test_an_instance_of_a_flexible_scale_set_is_a_machine(azure):
    machine = azure.get(VM.replace("web-01", "api-flex_1a2b3c4d")).json
    scale_set = machine["properties"]["virtualMachineScaleSet"]["id"]
    found = azure.get(scale_set + "?api-version=2024-07-01").json
    assert found["properties"]["orchestrationMode"] == "Flexible"


def test_a_machine_is_deallocated_and_started(azure, emulator):
    answer = azure.post(VM + "/deallocate")
    assert answer.status == 202 and power(azure) == "PowerState/deallocating"
    finish(azure, answer)
    assert power(azure) == "PowerState/deallocated"
    assert azure.post(VM + "/restart").status == 409
    emulator.fault(path="/start$", longop={"end": "Failed", "polls": 0})
    finish(azure, azure.post(VM + "/start"))
    assert power(azure) == "PowerState/deallocated"


def test_a_removed_identity_comes_back_as_another(azure):
    before = azure.get(VM).json["identity"]["principalId"]
    gone = azure.call("PATCH", VM, {"identity": {"type": "None"}})
    assert gone.status == 200 and "identity" not in gone.json
    back = azure.call("PATCH", VM, {"identity": {"type": "SystemAssigned"}})
    assert back.json["identity"]["principalId"] != before


def test_tags_are_merged_replaced_and_deleted(azure):
    path = VM + "/providers/Microsoft.Resources/tags/default"
    before = azure.get(VM).headers["ETag"]

    def change(operation, **tags):
        answer = azure.call("PATCH", path, {"operation": operation, "properties": {"tags": tags}})
        return answer.json["properties"]["tags"]

    assert change("Merge", quarantine="yes") == {
        "env": "prod", "owner": "web team", "quarantine": "yes"}
    assert "owner" in change("Delete", owner="another value")
    assert "owner" not in change("Delete", owner="web team")
    assert change("Replace", only="this") == {"only": "this"}
    assert azure.get(VM).json["tags"] == {"only": "this"}
    assert azure.get(VM).headers["ETag"] != before
    many = {"operation": "Merge", "properties": {"tags": {str(n): "" for n in range(50)}}}
    assert azure.call("PATCH", path, many).status == 400


def test_a_snapshot_is_made_and_deleted(azure):
    body = {"location": "westeurope", "sku": {"name": "Standard_ZRS"}, "properties": {
        "incremental": True, "networkAccessPolicy": "DenyAll",
        "creationData": {"createOption": "Copy", "sourceResourceId": DISK}}}
    answer = azure.put(SNAPSHOT, body)
    assert (answer.status, answer.json["properties"]["provisioningState"]) == (202, "Updating")
    finish(azure, answer)
    snapshot = azure.get(SNAPSHOT).json["properties"]
    assert (snapshot["provisioningState"], snapshot["diskSizeGB"]) == ("Succeeded", 64)
    assert azure.put(SNAPSHOT, {**body, "location": "northeurope"}).code == "InvalidParameter"
    assert azure.put(SNAPSHOT, {**body, "managedBy": "me"}).code == "InvalidRequestContent"
    assert azure.call("DELETE", SNAPSHOT).status == 202
    assert azure.call("DELETE", SNAPSHOT).status == 204


def test_a_snapshot_of_a_premium_v2_disk_is_incremental_and_filled_later(azure, emulator):
    emulator.change_resource(DISK, sku={"name": "PremiumV2_LRS"})
    body = {"location": "westeurope", "properties": {
        "incremental": False, "creationData": {"createOption": "Copy", "sourceResourceId": DISK}}}
    assert azure.put(SNAPSHOT, body).code == "BadRequest"
    body["properties"]["incremental"] = True
    finish(azure, azure.put(SNAPSHOT, body))
    seen = [azure.get(SNAPSHOT).json["properties"]["completionPercent"] for _ in range(3)]
    assert (seen[0], seen[-1]) == (0.0, 100.0)


# Alerts

ALERT = "/providers/Microsoft.Security/locations/westeurope/alerts/2518_one"


def test_an_alert_is_shown_as_it_was_put_there_with_the_status_it_was_set_to(azure, emulator):
    emulator.put_resource(SHOP + ALERT, {
        "id": SHOP + ALERT, "name": "2518_one", "type": "Microsoft.Security/Locations/alerts",
        "properties": {"alertType": "VM_EICAR", "status": "Active"}})
    assert azure.get(SHOP + ALERT).json["properties"]["alertType"] == "VM_EICAR"
    assert azure.post(SHOP + ALERT + "/dismiss").status == 204
    assert azure.get(SHOP + ALERT).json["properties"] == {
        "alertType": "VM_EICAR", "status": "Dismissed"}
    emulator.settings(any_alert=False)
    assert azure.get(SHOP + ALERT.replace("one", "two")).status == 404
    assert azure.post(SHOP + ALERT.replace("one", "two") + "/dismiss").status == 404


# JIT policies

def entry(machine=DB, **changes):
    port = {"number": 22, "protocol": "TCP", "allowedSourceAddressPrefix": "198.51.100.7",
            "maxRequestAccessDuration": "PT3H", **changes}
    return {"id": machine, "ports": [{name: value for name, value in port.items()
                                      if value is not None}]}


def policy(*entries):
    return {"kind": "Basic", "properties": {"virtualMachines": list(entries)}}


def test_policies_come_in_pages(azure, emulator):
    def names_of(path):
        found, pages = [], 0
        while path:
            page = azure.get(path).json
            found += [entry["location"] for entry in page["value"]]
            path, pages = page.get("nextLink"), pages + 1
        return found, pages

    assert names_of(SUBSCRIPTION + LISTS) == (["northeurope", "westeurope"], 2)
    assert names_of(SHOP + LISTS) == (["northeurope", "westeurope"], 2)
    assert names_of(SHOP + REGION) == (["westeurope"], 1)
    emulator.settings(empty_first_page=True)
    assert names_of(SUBSCRIPTION + REGION) == (["westeurope"], 2)


def test_a_put_replaces_all_machines(azure):
    assert len(azure.get(JIT).json["properties"]["virtualMachines"]) == 3
    answer = azure.put(JIT, policy(entry()))
    assert answer.status == 200 and "ETag" not in answer.headers
    assert [found["id"] for found in azure.get(JIT).json["properties"]["virtualMachines"]] == [DB]


@pytest.mark.parametrize("change", [
    {"number": 0}, {"number": 65536}, {"number": "22"}, {"protocol": "SCTP"}, {"protocol": None},
    {"maxRequestAccessDuration": "PT4M"}, {"maxRequestAccessDuration": "P1DT1M"},
    {"maxRequestAccessDuration": "3h"}, {"maxRequestAccessDuration": None},
    {"allowedSourceAddressPrefix": None}, {"allowedSourceAddressPrefix": "everywhere"},
    {"allowedSourceAddressPrefixes": ["10.0.0.0/8"]}, {"status": "Initiated"},
])
def test_a_port_is_refused(azure, change):
    assert azure.put(JIT, policy(entry(**change))).status == 400


@pytest.mark.parametrize("body", [
    {**policy(entry()), "name": "default"}, {"kind": "Basic"}, {**policy(entry()), "kind": "Pro"},
    policy({"id": DB, "ports": []}), policy(entry(), entry()), policy(entry(DB + "x")),
    policy(entry(DB.replace("db-01", "web-north-01"))),
    policy(entry(DB.replace("rg-shop", "rg-identity").replace("db-01", "dc-01"))),
    {"properties": {**policy()["properties"], "provisioningState": "Succeeded"}},
])
def test_a_policy_is_refused(azure, body):
    assert azure.put(JIT, body).status == 400


def test_a_machine_is_in_one_policy_only(azure):
    assert azure.put(SHOP + REGION + "/second", policy(entry())).status == 409
    assert azure.put(SHOP + REGION + "/second", policy(entry(VM))).status == 200
    assert azure.call("DELETE", SHOP + REGION + "/second").status == 200
    assert azure.call("DELETE", SHOP + REGION + "/second").status == 204


def initiation(minutes, port=22, **fields):
    end = datetime.now(timezone.utc) + timedelta(minutes=minutes)
    return {"virtualMachines": [{"id": DB, "ports": [{
        "number": port, "endTimeUtc": end.isoformat(), "allowedSourceAddressPrefix": "198.51.100.7",
        **fields}]}], "justification": "alert"}


def test_access_is_requested(azure):
    answer = azure.post(JIT + "/initiate", initiation(30))
    assert answer.status == 202 and "Location" not in answer.headers
    port = answer.json["virtualMachines"][0]["ports"][0]
    assert (port["status"], port["statusReason"]) == ("Initiated", "UserRequested")
    assert azure.get(JIT).json["properties"]["requests"] == [answer.json]


def test_a_newer_request_ends_the_older_one_and_a_put_keeps_both(azure):
    for _ in range(2):
        assert azure.post(JIT + "/initiate", initiation(30)).status == 202
    assert azure.put(JIT, policy(entry())).status == 200
    assert [request["virtualMachines"][0]["ports"][0]["statusReason"]
            for request in azure.get(JIT).json["properties"]["requests"]] == [
                "NewerRequestInitiated", "UserRequested"]


@pytest.mark.parametrize("body", [
    initiation(120), initiation(-1), initiation(30, port=80), initiation(30, duration="PT1H"),
    initiation(30, endTimeUtc=None), {"justification": "none"},
    initiation(30, allowedSourceAddressPrefix="203.0.113.7"),
    initiation(30, allowedSourceAddressPrefix="198.51.0.0/16"),
    initiation(30, allowedSourceAddressPrefix="*"),
    initiation(30, allowedSourceAddressPrefix=None),
])
def test_a_request_for_access_is_refused(azure, body):
    assert azure.post(JIT + "/initiate", body).status == 400
