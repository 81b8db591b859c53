"""Defender for Cloud's posture: plans, secure score, assessments and their metadata.

Microsoft.Security pricings (2024-01-01): the whole list comes without nextLink; a plan that was
taken back says deprecated and replacedBy, and cannot be turned on; what an extension could not do
is in its operationStatus while the answer is 200.  secureScores (2020-01-01).  assessments and
assessmentMetadata (2021-06-01): severity and remediation are in the metadata alone.

`settings.assessments` adds that many unhealthy assessments to the first subscription.
"""

import copy
import re

from arm import page
from messages import Answer, ArmError

PRICING = "Microsoft.Security/pricings"
SCORE = "Microsoft.Security/secureScores"
CONTROL = "Microsoft.Security/secureScoreControls"
ASSESSMENT = "Microsoft.Security/assessments"
METADATA = "Microsoft.Security/assessmentMetadata"
STANDARD = "Microsoft.Security/regulatoryComplianceStandards"
APP_CONTROL = "Microsoft.Security/applicationWhitelistings"
SUB_PLANS = {"VirtualMachines": ("P1", "P2"), "KeyVaults": ("PerKeyVault", "PerTransaction"),
             "StorageAccounts": ("DefenderForStorageV2", "PerStorageAccount", "PerTransaction"),
             "Arm": ("PerSubscription", "PerApiCall")}
SETTABLE = {"pricingTier", "subPlan", "enforce", "extensions"}
MANY = "00000000-0000-4000-8000-00000000{:04x}"
KINDS = 40  # of the added ones


class Posture:
    def __init__(self, world):
        self.world = world

    def routes(self):
        one = "/subscriptions/{subscription}/providers/Microsoft.Security"
        return [
            ("GET", one + "/pricings", PRICING, self.plans),
            ("GET", one + "/pricings/{name}", PRICING, self.plan),
            ("PUT", one + "/pricings/{name}", PRICING, self.set_plan),
            ("GET", one + "/secureScores", SCORE, self.scores),
            ("GET", one + "/secureScores/{name}/secureScoreControls", CONTROL, self.controls),
            ("GET", one + "/assessmentMetadata", METADATA, self.metadata),
            ("GET", one + "/regulatoryComplianceStandards", STANDARD, self.standards),
            ("GET", one + "/regulatoryComplianceStandards/{name}/regulatoryComplianceControls",
             STANDARD, self.standard_controls),
            ("GET", one + "/applicationWhitelistings", APP_CONTROL, self.app_control),
            ("GET", "{scope}/providers/Microsoft.Security/assessments", ASSESSMENT,
             self.assessments),
        ]

    def of(self, names):
        empty = {"plans": {}, "scores": [], "controls": [], "assessments": [], "standards": {}}
        return self.world.posture.get(names["subscription"].lower(), empty)

    # ---- plans ----

    def shown(self, subscription, name, properties):
        return {"id": f"/subscriptions/{subscription}/providers/Microsoft.Security/pricings/{name}",
                "name": name, "type": PRICING, "properties": copy.deepcopy(properties)}

    def plans(self, request, names):
        return Answer(200, {"value": [self.shown(names["subscription"], name, properties)
                                      for name, properties in self.of(names)["plans"].items()]})

    def known(self, names):
        plans = self.of(names)["plans"]
        for name in plans:
            if name.lower() == names["name"].lower():
                return name, plans[name]
        raise ArmError(404, "ResourceNotFound", f"The pricing '{names['name']}' was not found.")

    def plan(self, request, names):
        return Answer(200, self.shown(names["subscription"], *self.known(names)))

    def set_plan(self, request, names):
        name, properties = self.known(names)
        body = request.json_value()
        wanted = body.get("properties", {})
        if set(body) - {"properties"} or set(wanted) - SETTABLE:
            raise ArmError(400, "InvalidRequestContent", "Unknown or read-only properties: "
                           f"{sorted(set(wanted) - SETTABLE)}")
        if wanted.get("pricingTier") not in ("Free", "Standard"):
            raise ArmError(400, "InvalidPricingTier", "pricingTier is Free or Standard.")
        if properties.get("deprecated"):
            raise ArmError(400, "DeprecatedPlan", f"The plan {name} is deprecated.")
        sub_plan = wanted.get("subPlan")
        if sub_plan and sub_plan not in SUB_PLANS.get(name, ()):
            raise ArmError(400, "InvalidSubPlan", f"'{sub_plan}' is no sub-plan of {name}.")
        properties["pricingTier"] = wanted["pricingTier"]
        properties.pop("subPlan", None)
        if wanted["pricingTier"] == "Standard" and name in SUB_PLANS:
            properties["subPlan"] = sub_plan or SUB_PLANS[name][-1 if name == "VirtualMachines"
                                                                else 0]
        properties["resourcesCoverageStatus"] = (
            "FullyCovered" if wanted["pricingTier"] == "Standard" else "NotCovered")
        for extension in properties.get("extensions", []):
            failed = extension["name"] == self.world.settings["failing_extension"]
            extension["operationStatus"] = {
                "code": "Failed" if failed else "Succeeded",
                "message": "The role assignment of the agentless scanner could not be made."
                           if failed else "Successfully enabled extension"}
        return Answer(200, self.shown(names["subscription"], name, properties))

    # ---- score ----

    def scores(self, request, names):
        return page(request, [
            {"id": f"/subscriptions/{names['subscription']}/providers/{SCORE}/ascScore",
             "name": "ascScore", "type": SCORE, "properties": score}
            for score in self.of(names)["scores"]], self.world.settings)

    def controls(self, request, names):
        if names["name"] != "ascScore":
            raise ArmError(404, "ResourceNotFound", "There is only ascScore.")
        return page(request, [
            {"id": f"{request.path}/{number}", "name": str(number), "type": SCORE + "/secureScoreControls",
             "properties": control}
            for number, control in enumerate(self.of(names)["controls"])], self.world.settings)

    # ---- compliance, and what was retired ----

    def standards(self, request, names):
        return page(request, [
            {"id": f"{request.path}/{name}", "name": name, "type": STANDARD,
             "properties": {key: value for key, value in standard.items() if key != "controls"}}
            for name, standard in self.of(names)["standards"].items()], self.world.settings)

    def standard_controls(self, request, names):
        standard = self.of(names)["standards"].get(names["name"])
        if standard is None:
            raise ArmError(404, "ResourceNotFound",
                           f"The standard '{names['name']}' was not found.")
        return page(request, [
            {"id": f"{request.path}/{name}", "name": name,
             "type": STANDARD + "/regulatoryComplianceControls", "properties": control}
            for name, control in standard["controls"].items()], self.world.settings)

    def app_control(self, request, names):
        return Answer(200, {"value": []})

    # ---- assessments ----

    def added(self):
        return self.world.settings["assessments"]

    def metadata(self, request, names):
        kinds = list(self.world.assessment_kinds.items())
        if self.added():
            kinds += [(MANY.format(i), {"displayName": f"Machines should have setting {i} in force",
                                        "severity": ("High", "Medium", "Low")[i % 3],
                                        "assessmentType": "BuiltIn",
                                        "remediationDescription": "1. Open the machine. 2. Set it."})
                      for i in range(KINDS)]
        return page(request, [
            {"id": f"/providers/{METADATA}/{key}", "name": key, "type": METADATA,
             "properties": properties} for key, properties in kinds], self.world.settings,
            "assessment_page_size")

    def every(self, subscription):
        first = self.world.subscriptions[0]["subscriptionId"]
        yield from self.of({"subscription": subscription})["assessments"]
        if subscription.lower() == first.lower():
            for i in range(self.added()):
                yield {"key": MANY.format(i % KINDS), "status": {"code": "Unhealthy"},
                       "name": f"Machines should have setting {i % KINDS} in force",
                       "resource": f"/subscriptions/{first}/resourceGroups/rg-many/providers/"
                                   f"Microsoft.Compute/virtualMachines/vm-{i:05d}"}

    def assessments(self, request, names):
        scope = names["scope"].lower()
        subscription = re.match(r"/subscriptions/([^/]+)", scope)[1]
        items = [{"id": f"{one['resource']}/providers/{ASSESSMENT}/{one['key']}",
                  "name": one["key"], "type": ASSESSMENT,
                  "properties": {"resourceDetails": {"source": "Azure", "id": one["resource"]},
                                 "displayName": one["name"], "status": one["status"]}}
                 for one in self.every(subscription)
                 if (one["resource"].lower() + "/").startswith(scope + "/")]
        return page(request, items, self.world.settings, "assessment_page_size")
