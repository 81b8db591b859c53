"""Just-in-time network access policies of Defender for Cloud.

Fields from Microsoft.Security jitNetworkAccessPolicies (OpenAPI 2020-01-01); rules from "Enable
just-in-time access on VMs".  PUT replaces the policy with all its machines; requests are the
service's own and stay when the body has none.  The location in the path is the region of the
machines, the resource group is theirs; policies have no ETag.

A request ends when its time is over (Revoked, Expired) and when a newer one comes for the same port
(Revoked, NewerRequestInitiated).
"""

import copy
import ipaddress
import re
from datetime import datetime, timedelta, timezone

from arm import page
from messages import Answer, ArmError
from shapes import INTEGER, OBJECT, READ_ONLY, STRING, Choice, check_body
from world import name_of, same_region, scope_of, visible

TYPE = "Microsoft.Security/jitNetworkAccessPolicies"
STORED_TYPE = "Microsoft.Security/locations/jitNetworkAccessPolicies"
SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = SUBSCRIPTION + "/resourceGroups/{group}"
ANYWHERE = "/providers/Microsoft.Security/jitNetworkAccessPolicies"
IN_REGION = "/providers/Microsoft.Security/locations/{location}/jitNetworkAccessPolicies"
SHAPE_ERROR = "InvalidRequestContent"
POLICY = {
    "kind": STRING,
    **dict.fromkeys(("id", "name", "type", "location"), READ_ONLY),
    "properties": {
        "virtualMachines": [{
            "id": STRING, "publicIpAddress": STRING,
            "ports": [{
                "number": INTEGER, "protocol": Choice("TCP", "UDP", "*"),
                "allowedSourceAddressPrefix": STRING, "allowedSourceAddressPrefixes": [STRING],
                "maxRequestAccessDuration": STRING}]}],
        "requests": [OBJECT], "provisioningState": READ_ONLY},
}
INITIATION = {
    "justification": STRING,
    "virtualMachines": [{"id": STRING, "ports": [{
        "number": INTEGER, "allowedSourceAddressPrefix": STRING, "endTimeUtc": STRING}]}],
}
DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=1)
NAMES_LIMIT = 56  # of the policy's and a machine's name together


def invalid(message):
    return ArmError(400, "InvalidInput", message)


def duration(text):
    match = DURATION.fullmatch(text or "")
    if not match or not any(match.groups()):
        raise invalid(f"'{text}' is not an ISO 8601 duration.")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def check_prefix(text):
    if text == "*":
        return
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise invalid(f"'{text}' is not an IP address, a CIDR or '*'.") from None


def check_port_number(port):
    if port.get("number") is None or not 0 < port["number"] <= 65535:
        raise invalid(f"Port number {port.get('number')} is not between 1 and 65535.")


def check_port(port):
    check_port_number(port)
    if not port.get("protocol"):
        raise invalid(f"Port {port['number']} needs a protocol.")
    longest = duration(port.get("maxRequestAccessDuration"))
    if not SHORTEST <= longest <= LONGEST:
        raise invalid(f"maxRequestAccessDuration of port {port['number']} must be between 5 "
                      "minutes and 1 day.")
    single, several = (port.get("allowedSourceAddressPrefix"),
                       port.get("allowedSourceAddressPrefixes"))
    if bool(single) == bool(several):
        raise invalid(f"Port {port['number']} needs either allowedSourceAddressPrefix or "
                      "allowedSourceAddressPrefixes.")
    for prefix in several or [single]:
        check_prefix(prefix)


class JitPolicies:
    def __init__(self, world):
        self.world = world

    def routes(self):
        policy = GROUP + IN_REGION + "/{name}"
        lists = [SUBSCRIPTION + ANYWHERE, SUBSCRIPTION + IN_REGION,
                 GROUP + ANYWHERE, GROUP + IN_REGION]
        return [("GET", path, TYPE, self.list) for path in lists] + [
            ("GET", policy, TYPE, self.get), ("PUT", policy, TYPE, self.put),
            ("DELETE", policy, TYPE, self.delete),
            ("POST", policy + "/initiate", TYPE, self.initiate)]

    def list(self, request, names):
        scope = request.path.lower().split("/providers/")[0]
        self.world.require_group(scope)
        wanted = names.get("location")
        policies = [shown(policy) for policy in self.world.of_type(STORED_TYPE, scope)
                    if wanted is None or same_region(policy["location"], wanted)]
        return page(request, policies, self.world.settings, "jit_page_size")

    def get(self, request, names):
        return Answer(200, shown(self.world.require(request.path)))

    def put(self, request, names):
        body = request.json()
        check_body(body, POLICY, SHAPE_ERROR)
        self.world.require_group(request.path)
        if body.get("kind", "Basic") != "Basic":
            raise invalid(f"Kind '{body['kind']}' is not supported.")
        machines = (body.get("properties") or {}).get("virtualMachines")
        if machines is None:
            raise invalid("properties.virtualMachines is required.")
        for machine in machines:
            self.check_machine(request, names, machine)
        ids = [machine["id"].lower() for machine in machines]
        if len(set(ids)) < len(ids):
            raise invalid("A virtual machine is in the policy twice.")
        old = self.world.get(request.path)
        policy = {
            "kind": "Basic", "id": old["id"] if old else request.path,
            "name": name_of(old["id"] if old else request.path), "type": STORED_TYPE,
            "location": old["location"] if old else names["location"].lower(),
            "properties": {
                "virtualMachines": copy.deepcopy(machines),
                "requests": copy.deepcopy(body["properties"].get(
                    "requests", old["properties"]["requests"] if old else [])),
                "provisioningState": "Succeeded"}}
        return Answer(200, visible(self.world.put(policy)))

    def check_machine(self, request, names, entry):
        if not entry.get("id") or not entry.get("ports"):
            raise invalid("Every virtual machine of a policy needs an id and ports.")
        machine = self.world.get(entry["id"])
        if machine is None or scope_of(entry["id"]) != scope_of(request.path):
            raise invalid(f"Virtual machine '{entry['id']}' was not found in the resource group "
                          "of the policy.")
        if not same_region(machine["location"], names["location"]):
            raise invalid(f"Virtual machine '{machine['name']}' is in {machine['location']}, not "
                          f"in {names['location']}.")
        if len(names["name"]) + len(machine["name"]) > NAMES_LIMIT:
            raise invalid("The names of the policy and of the virtual machine have more than "
                          f"{NAMES_LIMIT} characters together.")
        for port in entry["ports"]:
            check_port(port)
        places = [(port["number"], port["protocol"].upper()) for port in entry["ports"]]
        if len(set(places)) < len(places):
            raise invalid(f"Virtual machine '{machine['name']}' has a port twice.")
        self.check_not_elsewhere(request, entry["id"])

    def check_not_elsewhere(self, request, machine_id):
        for policy in self.world.of_type(STORED_TYPE):
            if policy["id"].lower() != request.path.lower() and machine_in(policy, machine_id):
                raise ArmError(409, "Conflict", f"Virtual machine '{machine_id}' is already in "
                               f"policy '{policy['id']}'.")

    def delete(self, request, names):
        self.world.require_group(request.path)
        return Answer(204 if self.world.delete(request.path) is None else 200)

    def initiate(self, request, names):
        body = request.json()
        check_body(body, INITIATION, SHAPE_ERROR)
        policy = self.world.require(request.path.rsplit("/", 1)[0])
        if not body.get("virtualMachines"):
            raise invalid("virtualMachines is required.")
        now = datetime.now(timezone.utc)
        access = {
            "virtualMachines": [self.opened(policy, machine, now)
                                for machine in body["virtualMachines"]],
            "startTimeUtc": utc_text(now), "requestor": "responder@contoso.example"}
        if body.get("justification"):
            access["justification"] = body["justification"]
        shown(policy)
        for machine in access["virtualMachines"]:
            for port in machine["ports"]:
                revoke(policy, machine["id"], port["number"])
        policy["properties"]["requests"].append(access)
        return Answer(202, copy.deepcopy(access))

    def opened(self, policy, machine, now):
        entry = machine_in(policy, machine.get("id") or "")
        if entry is None:
            raise invalid(f"Virtual machine '{machine.get('id')}' is not in the policy.")
        if not machine.get("ports"):
            raise invalid("Every virtual machine needs ports.")
        numbers = [port.get("number") for port in machine["ports"]]
        if len(set(numbers)) < len(numbers):
            raise invalid("A port is asked for twice.")
        return {"id": entry["id"], "ports": [opened_port(entry, port, now)
                                             for port in machine["ports"]]}


def requested_ports(policy, machine_id=None):
    """Ports of requests that are open."""
    return [port for request in policy["properties"]["requests"]
            for machine in request["virtualMachines"] for port in machine["ports"]
            if machine_id in (None, machine["id"]) and port["status"] == "Initiated"]


def revoke(policy, machine_id, number):
    for port in requested_ports(policy, machine_id):
        if port["number"] == number:
            port.update(status="Revoked", statusReason="NewerRequestInitiated")


def shown(policy):
    """As a GET shows it: what is over has ended."""
    for port in requested_ports(policy):
        if moment(port["endTimeUtc"]) <= datetime.now(timezone.utc):
            port.update(status="Revoked", statusReason="Expired")
    return visible(policy)


def moment(text):
    end = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return end if end.tzinfo else end.replace(tzinfo=timezone.utc)


def allows(rule, source):
    """Does the source lie in what the policy allows for the port?"""
    wanted = ipaddress.ip_network(source, strict=False) if source != "*" else None
    for prefix in (rule.get("allowedSourceAddressPrefixes")
                   or [rule["allowedSourceAddressPrefix"]]):
        if prefix == "*":
            return True
        network = ipaddress.ip_network(prefix, strict=False)
        if wanted and wanted.version == network.version and wanted.subnet_of(network):
            return True
    return False


def machine_in(policy, machine_id):
    return next((entry for entry in policy["properties"]["virtualMachines"]
                 if entry["id"].lower() == machine_id.lower()), None)


def opened_port(entry, port, now):
    check_port_number(port)
    allowed = next((rule for rule in entry["ports"] if rule["number"] == port["number"]), None)
    if allowed is None:
        raise invalid(f"Port {port['number']} is not in the policy.")
    try:
        end = moment(port.get("endTimeUtc") or "")
    except ValueError:
        raise invalid("endTimeUtc is required, in ISO 8601.") from None
    if not now < end <= now + duration(allowed["maxRequestAccessDuration"]) + timedelta(minutes=1):
        raise invalid(f"endTimeUtc of port {port['number']} is over, or beyond "
                      "maxRequestAccessDuration.")
    source = port.get("allowedSourceAddressPrefix") or "127.0.0.1"
    check_prefix(source)
    if not allows(allowed, source):
        raise invalid(f"Source '{source}' is not allowed for port {port['number']}.")
    return {"number": port["number"], "allowedSourceAddressPrefix": source,
            "endTimeUtc": port["endTimeUtc"], "status": "Initiated",
            "statusReason": "UserRequested"}


def utc_text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
