"""Subscriptions, resource groups, and what the caller may do.

"List subscriptions", "Resource groups - Get", and Microsoft.Authorization permissions (which
actions the signed-in identity has at a scope).
"""

from arm import page, read
from messages import Answer
from world import visible

SUBSCRIPTION_TYPE = "Microsoft.Resources/subscriptions"
GROUP_TYPE = "Microsoft.Resources/resourceGroups"
PERMISSION_TYPE = "Microsoft.Authorization/permissions"


class Subscriptions:
    def __init__(self, world):
        self.world = world

    def routes(self):
        one = "/subscriptions/{subscription}"
        return [
            ("GET", "/subscriptions", SUBSCRIPTION_TYPE, self.list),
            ("GET", one, SUBSCRIPTION_TYPE, self.get),
            ("GET", one + "/resourceGroups", GROUP_TYPE, self.list_groups),
            ("GET", one + "/resourceGroups/{group}", GROUP_TYPE, self.get_group),
            ("GET", "{scope}/providers/Microsoft.Authorization/permissions", PERMISSION_TYPE,
             self.permissions),
        ]

    def shown(self, subscription):
        return {"id": "/subscriptions/" + subscription["subscriptionId"],
                "tenantId": self.world.tenant["id"], "state": "Enabled",
                "authorizationSource": "RoleBased", **subscription}

    def list(self, request, names):
        return page(request, [self.shown(entry) for entry in self.world.subscriptions],
                    self.world.settings)

    def get(self, request, names):
        return Answer(200, self.shown(self.world.subscription(names["subscription"])))

    def list_groups(self, request, names):
        scope = "/subscriptions/" + names["subscription"]
        return page(request, [visible(group) for group in self.world.of_type(GROUP_TYPE, scope)],
                    self.world.settings)

    def get_group(self, request, names):
        return read(self.world.require(request.path))

    def permissions(self, request, names):
        settings = self.world.settings
        if names["scope"].count("/") > 2:
            self.world.require(names["scope"])
        return Answer(200, {"value": [{
            "actions": settings["granted_actions"], "notActions": settings["granted_not_actions"],
            "dataActions": [], "notDataActions": []}]})
