"""The status of Defender for Cloud alerts.

Microsoft.Security alerts (OpenAPI 2022-01-01): POST activate, inProgress, resolve or dismiss,
without a body, answers 204; GET shows properties.status.  Any alert name is known here, and active
at first: alerts come from outside the emulator.
"""

from messages import Answer, ArmError

TYPE = "Microsoft.Security/alerts"
ALERT = "/providers/Microsoft.Security/locations/{location}/alerts/{alert}"
STATUS = {"activate": "Active", "inProgress": "InProgress", "resolve": "Resolved",
          "dismiss": "Dismissed"}


class Alerts:
    def __init__(self, world):
        self.world = world

    def routes(self):
        places = ("/subscriptions/{subscription}",
                  "/subscriptions/{subscription}/resourceGroups/{group}")
        return [("GET", place + ALERT, TYPE, self.get) for place in places] + [
                ("POST", place + ALERT + "/" + action, TYPE, self.setter(status))
                for place in places for action, status in STATUS.items()]

    def get(self, request, names):
        self.world.require_group(request.path.split("/providers/")[0])
        return Answer(200, {
            "id": request.path, "name": names["alert"], "type": "Microsoft.Security/Locations/alerts",
            "properties": {"status": self.world.alerts.get(request.path.lower(), "Active")}})

    def setter(self, status):
        def post(request, names):
            if request.body:
                raise ArmError(400, "InvalidRequestContent", "No body is expected.")
            self.world.require_group(request.path.split("/providers/")[0])
            self.world.alerts[request.path.rsplit("/", 1)[0].lower()] = status
            return Answer(204)
        return post
