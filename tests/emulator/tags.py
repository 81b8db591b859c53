"""The tags of any resource, resource group or subscription, without touching the rest of it.

Microsoft.Resources/tags (OpenAPI 2024-03-01): PUT and Replace set all tags, Merge adds and
changes, Delete removes by name, or by name and value.
"""

from longop import nothing
from messages import Answer, ArmError
from shapes import READ_ONLY, TAGS, Choice, ShapeError, check_body, check_tags

TYPE = "Microsoft.Resources/tags"
PATH = "{scope}/providers/Microsoft.Resources/tags/default"
SHAPE_ERROR = "InvalidRequestContent"
WHOLE = {"id": READ_ONLY, "name": READ_ONLY, "type": READ_ONLY, "properties": {"tags": TAGS}}
CHANGE = {"operation": Choice("Replace", "Merge", "Delete"), "properties": {"tags": TAGS}}


class Tags:
    def __init__(self, world, longops):
        self.world = world
        self.longops = longops

    def routes(self):
        return [("GET", PATH, TYPE, self.get), ("PUT", PATH, TYPE, self.put),
                ("PATCH", PATH, TYPE, self.patch), ("DELETE", PATH, TYPE, self.delete)]

    def owner(self, names):
        scope = names["scope"]
        if scope.count("/") == 2:
            return self.world.subscription(scope.split("/")[2])
        return self.world.require(scope)

    def get(self, request, names):
        return Answer(200, shown(names, self.owner(names)))

    def put(self, request, names):
        body = request.json()
        check_body(body, WHOLE, SHAPE_ERROR)
        if body.get("properties") is None:
            raise ArmError(400, SHAPE_ERROR, "The property 'properties' is required.")
        return self.accept(request, names, dict(body["properties"].get("tags") or {}))

    def patch(self, request, names):
        body = request.json()
        check_body(body, CHANGE, SHAPE_ERROR)
        operation = (body.get("operation") or "").lower()
        given = (body.get("properties") or {}).get("tags") or {}
        tags = dict(self.owner(names).get("tags", {}))
        if operation == "replace":
            tags = dict(given)
        elif operation == "merge":
            lowered = {name.lower(): name for name in tags}
            tags.update({lowered.get(name.lower(), name): text for name, text in given.items()})
        elif operation == "delete":
            gone = {name.lower(): text for name, text in given.items()}
            tags = {name: text for name, text in tags.items()
                    if gone.get(name.lower()) not in ("", text)}
        else:
            raise ArmError(400, SHAPE_ERROR, "The property 'operation' is required.")
        return self.accept(request, names, tags)

    def delete(self, request, names):
        answer = self.accept(request, names, {})
        answer.body = None
        return answer

    def accept(self, request, names, tags):
        owner = self.owner(names)
        try:
            check_tags(tags, "tags")
        except ShapeError as error:
            raise ArmError(400, "InvalidTagsRequest", str(error)) from None
        owner["tags"] = tags
        if "type" in owner:
            self.world.put(owner)
        if request.longop is None:
            return Answer(200, shown(names, owner))
        operation = self.longops.start(
            request, "Microsoft.Resources", owner.get("location", "global"), pattern="location",
            on_end=nothing, result=lambda: shown(names, owner))
        return Answer(202, None, self.longops.headers(operation))


def shown(names, owner):
    return {"id": names["scope"] + "/providers/Microsoft.Resources/tags/default",
            "name": "default", "type": TYPE, "properties": {"tags": owner.get("tags", {})}}
