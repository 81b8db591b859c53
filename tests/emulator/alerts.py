"""Alerts of Defender for Cloud.

Microsoft.Security alerts (OpenAPI 2022-01-01): POST activate, inProgress, resolve or dismiss,
without a body, answers 204; GET shows the alert with properties.status.  Alerts come from outside
the emulator: what was put there (PUT /_emulator/resource) is shown whole.  Any other name is known
too, active at first and without a word about what it is, unless settings.any_alert says no.
"""

import copy

from arm import page
from messages import Answer, ArmError
from world import visible

TYPE = "Microsoft.Security/alerts"
STORED_TYPE = "Microsoft.Security/Locations/alerts"
ALERT = "/providers/Microsoft.Security/locations/{location}/alerts/{alert}"
STATUS = {"activate": "Active", "inProgress": "InProgress", "resolve": "Resolved",
          "dismiss": "Dismissed"}


class Alerts:
    def __init__(self, world):
        self.world = world

    def routes(self):
        places = ("/subscriptions/{subscription}",
                  "/subscriptions/{subscription}/resourceGroups/{group}")
        listed = [("GET", places[0] + "/providers/Microsoft.Security/alerts", TYPE, self.list)]
        return listed + [("GET", place + ALERT, TYPE, self.get) for place in places] + [
                ("POST", place + ALERT + "/" + action, TYPE, self.setter(status))
                for place in places for action, status in STATUS.items()]

    def list(self, request, names):
        """Those that somebody put there."""
        scope = "/subscriptions/" + names["subscription"]
        return page(request, [self.shown(alert["id"], alert)
                              for alert in self.world.of_type(STORED_TYPE, scope)],
                    self.world.settings)

    def shown(self, path, alert):
        shown = copy.deepcopy(visible(alert))
        shown["properties"]["status"] = self.world.alerts.get(
            path.lower(), shown["properties"].get("status", "Active"))
        return shown

    def known(self, path):
        """The alert as it was put there; None for one that nobody described."""
        self.world.require_group(path.split("/providers/")[0])
        alert = self.world.get(path)
        if alert is None and not self.world.settings["any_alert"]:
            raise ArmError(404, "ResourceNotFound",
                           f"The alert '{path.rsplit('/', 1)[1]}' was not found.")
        return alert

    def get(self, request, names):
        alert = self.known(request.path) or {
            "id": request.path, "name": names["alert"], "type": STORED_TYPE,
            "properties": {"status": "Active"}}
        return Answer(200, self.shown(request.path, alert))

    def setter(self, status):
        def post(request, names):
            if request.body:
                raise ArmError(400, "InvalidRequestContent", "No body is expected.")
            path = request.path.rsplit("/", 1)[0]
            self.known(path)
            self.world.alerts[path.lower()] = status
            return Answer(204)
        return post
