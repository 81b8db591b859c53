"""Virtual machines: reading, power, identity and tags.

Fields from Microsoft.Compute virtualMachine (OpenAPI 2024-07-01).  Power states from "States and
billing status of Azure Virtual Machines".  Removing an identity and the new principal a fresh
system-assigned identity gets: "Configure managed identities on Azure virtual machines".
"""

import uuid

from arm import page, read
from longop import accepted_status, now_text
from messages import Answer, ArmError
from shapes import OBJECT, READ_ONLY, STRING, TAGS, Choice, check_body
from world import check_preconditions, visible

TYPE = "Microsoft.Compute/virtualMachines"
SCALE_SET_TYPE = "Microsoft.Compute/virtualMachineScaleSets"
MACHINES = ("/subscriptions/{subscription}/resourceGroups/{group}/providers/"
            "Microsoft.Compute/virtualMachines")
SHAPE_ERROR = "InvalidRequestContent"
UPDATE = {
    "tags": TAGS, "plan": OBJECT, "zones": [STRING], "properties": OBJECT,
    "identity": {
        "type": Choice("SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned", "None"),
        "userAssignedIdentities": OBJECT, "principalId": READ_ONLY, "tenantId": READ_ONLY},
}
POWER = {  # action: (state while it runs, state afterwards)
    "powerOff": ("stopping", "stopped"), "deallocate": ("deallocating", "deallocated"),
    "start": ("starting", "running"), "restart": ("starting", "running"),
}


class Machines:
    def __init__(self, world, longops):
        self.world = world
        self.longops = longops

    def routes(self):
        machine = MACHINES + "/{name}"
        return [
            ("GET", MACHINES, TYPE, self.list),
            ("GET", "/subscriptions/{subscription}/providers/" + TYPE, TYPE, self.list),
            ("GET", machine, TYPE, self.get),
            ("PATCH", machine, TYPE, self.patch),
            ("GET", machine + "/instanceView", TYPE, self.get_instance_view),
            ("GET", MACHINES.replace(TYPE, SCALE_SET_TYPE) + "/{name}", SCALE_SET_TYPE,
             self.get_scale_set),
        ] + [("POST", f"{machine}/{action}", TYPE, self.power_action(action)) for action in POWER]

    def list(self, request, names):
        scope = request.path.lower().split("/providers/")[0]
        self.world.require_group(scope)
        return page(request, [visible(machine) for machine in self.world.of_type(TYPE, scope)],
                    self.world.settings)

    def get(self, request, names):
        self.longops.resource_read(request.path)
        machine = self.world.require(request.path)
        answer = read(machine)
        if request.query.get("$expand", "").lower() == "instanceview":
            answer.body["properties"]["instanceView"] = instance_view(machine)
        return answer

    def get_scale_set(self, request, names):
        return read(self.world.require(request.path))

    def get_instance_view(self, request, names):
        return Answer(200, instance_view(self.world.require(request.path.rsplit("/", 1)[0])))

    def power_action(self, action):
        meanwhile, afterwards = POWER[action]

        def post(request, names):
            machine = self.world.require(request.path.rsplit("/", 1)[0])
            before = machine["_emulator"]["power"]
            if action == "restart" and before != "running":
                raise ArmError(409, "OperationNotAllowed",
                               f"Cannot restart VM '{machine['name']}' because it is {before}.")
            machine["_emulator"]["power"] = meanwhile

            def end(state):
                current = self.world.get(machine["id"])
                if current:
                    power = afterwards if state == "Succeeded" else before
                    current["_emulator"]["power"] = power

            operation = self.longops.start(request, "Microsoft.Compute", machine["location"],
                                           pattern="both", resource=machine, on_end=end)
            if operation.pattern == "body":
                operation.finish()
                return Answer(200)
            return Answer(202, None, self.longops.headers(operation))
        return post

    def patch(self, request, names):
        body = request.json()
        check_body(body, UPDATE, SHAPE_ERROR)
        if set(body) - {"tags", "identity"}:
            raise ArmError(400, "EmulatorLimit", "Only tags and identity can be changed here.")
        machine = self.world.require(request.path)
        check_preconditions(request, machine)
        if "tags" in body:
            machine["tags"] = body["tags"] or {}
        if body.get("identity"):
            self.change_identity(machine, body["identity"])
        machine["properties"]["provisioningState"] = "Updating"
        self.world.put(machine)
        operation = self.longops.start(
            request, "Microsoft.Compute", machine["location"], pattern="async", resource=machine,
            result=lambda: visible(self.world.require(machine["id"])))
        answer = read(machine, accepted_status(operation, 200))
        answer.headers.update(self.longops.headers(operation))
        return answer

    def change_identity(self, machine, wanted):
        """`type` says what the machine has afterwards; null removes one assigned identity."""
        kinds = {kind.strip().lower() for kind in (wanted.get("type") or "").split(",")}
        old = machine.pop("identity", {})
        identity = {"type": wanted.get("type")}
        if "systemassigned" in kinds:
            identity["principalId"] = old.get("principalId") or str(uuid.uuid4())
            identity["tenantId"] = self.world.tenant["id"]
        if "userassigned" in kinds:
            assigned = dict(old.get("userAssignedIdentities", {}))
            for identity_id, value in (wanted.get("userAssignedIdentities") or {}).items():
                known = next((key for key in assigned if key.lower() == identity_id.lower()), None)
                if value is None:
                    assigned.pop(known, None)
                elif known is None:
                    assigned[identity_id] = {"principalId": str(uuid.uuid4()),
                                             "clientId": str(uuid.uuid4())}
            if not assigned:
                raise ArmError(400, "InvalidIdentityValues",
                               "The identity type 'UserAssigned' needs at least one identity.")
            identity["userAssignedIdentities"] = assigned
        if kinds != {"none"}:
            machine["identity"] = identity


def instance_view(machine):
    profile = machine["properties"].get("osProfile", {})
    disks = machine["properties"]["storageProfile"]
    power = machine["_emulator"]["power"]
    state = machine["properties"]["provisioningState"]
    view = {
        "computerName": profile.get("computerName", machine["name"]),
        "osName": "ubuntu" if "linuxConfiguration" in profile else "Windows Server 2022 Datacenter",
        "hyperVGeneration": "V2",
        "disks": [{"name": disk["name"], "statuses": [status("ProvisioningState/succeeded",
                                                              "Provisioning succeeded")]}
                  for disk in [disks["osDisk"], *disks["dataDisks"]]],
        "statuses": [status(f"ProvisioningState/{state.lower()}", f"Provisioning {state.lower()}"),
                     status(f"PowerState/{power}", f"VM {power}")],
    }
    if power == "running":
        view["vmAgent"] = {"vmAgentVersion": "2.9.1.1",
                           "statuses": [status("ProvisioningState/succeeded", "Ready")]}
    return view


def status(code, text):
    return {"code": code, "level": "Info", "displayStatus": text, "time": now_text()}
