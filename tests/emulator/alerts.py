"""The status of Defender for Cloud alerts.

Microsoft.Security alerts (OpenAPI 2022-01-01): POST activate, inProgress, resolve or dismiss,
without a body, answers 204.  Any alert name is known here: alerts come from outside the emulator.
"""

from messages import Answer

TYPE = "Microsoft.Security/alerts"
ALERT = "/providers/Microsoft.Security/locations/{location}/alerts/{alert}"
STATUS = {"activate": "Active", "inProgress": "InProgress", "resolve": "Resolved",
          "dismiss": "Dismissed"}


class Alerts:
    def __init__(self, world):
        self.world = world

    def routes(self):
        return [("POST", place + ALERT + "/" + action, TYPE, self.setter(status))
                for place in ("/subscriptions/{subscription}",
                              "/subscriptions/{subscription}/resourceGroups/{group}")
                for action, status in STATUS.items()]

    def setter(self, status):
        def post(request, names):
            self.world.require_group(request.path.split("/providers/")[0])
            self.world.alerts[request.path.rsplit("/", 1)[0].lower()] = status
            return Answer(204)
        return post
