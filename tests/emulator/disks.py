"""Managed disks (reading) and snapshots.

Fields from the Disk resource provider (OpenAPI 2024-03-02), which has api-versions of its own.
A snapshot by Copy is made in the region of its disk, one of an Ultra or Premium v2 disk only
incrementally, and that one goes on being filled after provisioningState says Succeeded: see its
completionPercent ("Create an incremental snapshot for managed disks").  PUT on the name of an
existing snapshot succeeds without a word.
"""

import re
import uuid

from arm import page, read
from longop import nothing, now_text
from messages import Answer, ArmError
from shapes import (BOOLEAN, INTEGER, NUMBER, OBJECT, READ_ONLY, STRING, TAGS, Choice, check_body)
from world import name_of, same_region, visible

DISK_TYPE = "Microsoft.Compute/disks"
TYPE = "Microsoft.Compute/snapshots"
PLACE = "/subscriptions/{subscription}/resourceGroups/{group}/providers/"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
SHAPE_ERROR = "InvalidRequestContent"
FILLED_LATER = ("UltraSSD_LRS", "PremiumV2_LRS")
CREATION = {
    "createOption": Choice("Empty", "Attach", "FromImage", "Import", "Copy", "Restore", "Upload",
                           "CopyStart", "ImportSecure", "UploadPreparedSecure",
                           "CopyFromSanSnapshot"),
    "storageAccountId": STRING, "imageReference": OBJECT, "galleryImageReference": OBJECT,
    "sourceUri": STRING, "sourceResourceId": STRING, "sourceUniqueId": READ_ONLY,
    "uploadSizeBytes": INTEGER, "logicalSectorSize": INTEGER, "securityDataUri": STRING,
    "performancePlus": BOOLEAN, "elasticSanResourceId": STRING,
    "provisionedBandwidthCopySpeed": Choice("None", "Enhanced"),
}
SNAPSHOT = {
    "id": STRING, "name": STRING, "type": STRING, "location": STRING, "tags": TAGS,
    "managedBy": READ_ONLY, "extendedLocation": OBJECT,
    "sku": {"name": Choice("Standard_LRS", "Premium_LRS", "Standard_ZRS"), "tier": READ_ONLY},
    "properties": {
        "osType": Choice("Windows", "Linux"), "hyperVGeneration": Choice("V1", "V2"),
        "purchasePlan": OBJECT, "supportedCapabilities": OBJECT, "creationData": CREATION,
        "diskSizeGB": INTEGER, "encryptionSettingsCollection": OBJECT, "incremental": BOOLEAN,
        "encryption": OBJECT, "diskAccessId": STRING, "securityProfile": OBJECT,
        "networkAccessPolicy": Choice("AllowAll", "AllowPrivate", "DenyAll"),
        "publicNetworkAccess": Choice("Enabled", "Disabled"), "supportsHibernation": BOOLEAN,
        "dataAccessAuthMode": Choice("AzureActiveDirectory", "None"),
        "completionPercent": NUMBER, "copyCompletionError": OBJECT, "diskState": STRING,
        **dict.fromkeys(("timeCreated", "diskSizeBytes", "uniqueId", "provisioningState",
                         "incrementalSnapshotFamilyId"), READ_ONLY),
    },
}


class Disks:
    def __init__(self, world, longops):
        self.world = world
        self.longops = longops

    def routes(self):
        snapshot = PLACE + TYPE + "/{name}"
        routes = [("GET", PLACE + DISK_TYPE + "/{name}", DISK_TYPE, self.get),
                  ("GET", snapshot, TYPE, self.get), ("PUT", snapshot, TYPE, self.put),
                  ("DELETE", snapshot, TYPE, self.delete)]
        for kind in (DISK_TYPE, TYPE):
            for place in (PLACE, "/subscriptions/{subscription}/providers/"):
                routes.append(("GET", place + kind, kind, self.lister(kind)))
        return routes

    def lister(self, kind):
        def list_resources(request, names):
            scope = request.path.lower().split("/providers/")[0]
            self.world.require_group(scope)
            return page(request, [visible(resource)
                                  for resource in self.world.of_type(kind, scope)],
                        self.world.settings)
        return list_resources

    def get(self, request, names):
        self.longops.resource_read(request.path)
        resource = self.world.require(request.path)
        answer = read(resource)
        fill(resource)
        return answer

    def put(self, request, names):
        body = request.json()
        check_body(body, SNAPSHOT, SHAPE_ERROR)
        if not NAME.fullmatch(names["name"]):
            raise ArmError(400, "InvalidParameter", "The entity name 'snapshot' is invalid: up to "
                           "80 letters, digits, '_', '.' and '-'.")
        self.world.require_group(request.path)
        if not body.get("location"):
            raise ArmError(400, "LocationRequired",
                           "The location property is required for this definition.")
        disk = self.source(body)
        snapshot = self.world.get(request.path)
        if snapshot is None:
            snapshot = self.world.put(new_snapshot(request, body, disk))
        snapshot["tags"] = body.get("tags") or {}
        snapshot["properties"]["provisioningState"] = "Updating"
        operation = self.longops.start(
            request, "Microsoft.Compute", snapshot["location"], pattern="both", resource=snapshot,
            result=lambda: visible(self.world.require(snapshot["id"])))
        answer = read(snapshot, 200 if operation.pattern == "body" else 202)
        answer.headers.update(self.longops.headers(operation))
        return answer

    def source(self, body):
        creation = (body.get("properties") or {}).get("creationData") or {}
        if not creation.get("createOption"):
            raise missing("creationData.createOption")
        if creation["createOption"].lower() != "copy":
            raise ArmError(400, "EmulatorLimit", "Only createOption Copy is emulated.")
        if not creation.get("sourceResourceId"):
            raise missing("creationData.sourceResourceId")
        disk = self.world.get(creation["sourceResourceId"])
        if disk is None or disk["type"] not in (DISK_TYPE, TYPE):
            raise ArmError(404, "NotFound",
                           f"Resource {creation['sourceResourceId']} is not found.")
        if not same_region(disk["location"], body["location"]):
            raise ArmError(400, "InvalidParameter",
                           f"Disk {disk['id']} is in {disk['location']}; a snapshot by Copy must "
                           "be in the same region.")
        if is_filled_later(disk) and not body["properties"].get("incremental"):
            raise ArmError(400, "BadRequest", f"Disk {disk['id']} can be copied by an incremental "
                           "snapshot only.")
        return disk

    def delete(self, request, names):
        snapshot = self.world.delete(request.path)
        if snapshot is None:
            self.world.require_group(request.path)
            return Answer(204)
        operation = self.longops.start(request, "Microsoft.Compute", snapshot["location"],
                                       pattern="both", on_end=nothing)
        return Answer(202, None, self.longops.headers(operation))


def is_filled_later(disk):
    return (disk.get("sku") or {}).get("name") in FILLED_LATER


def fill(snapshot):
    """A background copy comes on while it is looked at."""
    percent = snapshot["properties"].get("completionPercent", 100.0)
    if snapshot["properties"]["provisioningState"] == "Succeeded" and percent < 100.0:
        snapshot["properties"]["completionPercent"] = min(100.0, percent + 50.0)


def new_snapshot(request, body, disk):
    given = body["properties"]
    source = disk["properties"]
    properties = {
        "osType": source.get("osType"), "hyperVGeneration": source.get("hyperVGeneration"),
        "creationData": {"createOption": "Copy", "sourceResourceId": disk["id"],
                         "sourceUniqueId": source["uniqueId"]},
        "diskSizeGB": source["diskSizeGB"], "diskSizeBytes": source["diskSizeGB"] << 30,
        "timeCreated": now_text(), "uniqueId": str(uuid.uuid4()), "diskState": "Unattached",
        "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
        "incremental": bool(given.get("incremental")),
        "networkAccessPolicy": given.get("networkAccessPolicy") or "AllowAll",
        "publicNetworkAccess": given.get("publicNetworkAccess") or "Enabled",
        "completionPercent": 0.0 if is_filled_later(disk) else 100.0,
    }
    if properties["incremental"]:
        properties["incrementalSnapshotFamilyId"] = str(uuid.uuid4())
    sku = (body.get("sku") or {}).get("name") or "Standard_LRS"
    return {"name": name_of(request.path), "id": request.path, "type": TYPE,
            "location": body["location"], "sku": {"name": sku, "tier": sku.split("_")[0]},
            "properties": {name: value for name, value in properties.items() if value is not None}}


def missing(field):
    return ArmError(400, "InvalidParameter", f"Required parameter '{field}' is missing (null).")
