"""What network interfaces are attached to: virtual networks, public addresses and the like.

Read-only here.  Azure fills in who uses them (subnet ipConfigurations, the ipConfiguration of a
public address), and so does this.
"""

from arm import page, read
from messages import ArmError
from world import visible

PLACE = "/subscriptions/{subscription}/resourceGroups/{group}/providers/"
TYPES = ("virtualNetworks", "publicIPAddresses", "applicationSecurityGroups", "loadBalancers")


class Network:
    def __init__(self, world):
        self.world = world

    def routes(self):
        routes = []
        for kind in TYPES:
            resource_type = "Microsoft.Network/" + kind
            routes += [
                ("GET", PLACE + resource_type, resource_type, self.lister(resource_type)),
                ("GET", "/subscriptions/{subscription}/providers/" + resource_type, resource_type,
                 self.lister(resource_type)),
                ("GET", PLACE + resource_type + "/{name}", resource_type, self.get)]
        network = "Microsoft.Network/virtualNetworks"
        return routes + [("GET", PLACE + network + "/{name}/subnets/{subnet}", network,
                          self.get_subnet)]

    def lister(self, resource_type):
        def list_resources(request, names):
            scope = request.path.lower().split("/providers/")[0]
            self.world.require_group(scope)
            return page(request, [self.shown(resource)
                                  for resource in self.world.of_type(resource_type, scope)],
                        self.world.settings)
        return list_resources

    def get(self, request, names):
        return read(self.shown(self.world.require(request.path)))

    def get_subnet(self, request, names):
        network = self.shown(self.world.require(request.path.rsplit("/", 2)[0]))
        for subnet in network["properties"]["subnets"]:
            if subnet["name"].lower() == names["subnet"].lower():
                return read(subnet)
        raise ArmError(404, "NotFound", f"Resource {request.path} not found.")

    def shown(self, resource):
        resource = visible(resource)
        properties = resource["properties"]
        for subnet in properties.get("subnets", []):
            users = self.users("subnet", subnet["id"])
            if users:
                subnet["properties"]["ipConfigurations"] = users
        if resource["type"] == "Microsoft.Network/publicIPAddresses":
            users = self.users("publicIPAddress", resource["id"])
            if users:
                properties["ipConfiguration"] = users[0]
        return resource

    def users(self, field, resource_id):
        """IP configurations which refer to the resource."""
        return [{"id": configuration["id"]}
                for nic in self.world.of_type("Microsoft.Network/networkInterfaces")
                for configuration in nic["properties"]["ipConfigurations"]
                if configuration["properties"].get(field, {}).get("id", "").lower()
                == resource_id.lower()]
