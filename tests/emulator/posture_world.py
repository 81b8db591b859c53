"""The posture of the default world: two subscriptions, one in a better state than the other."""

MFA = "94290b00-4d0c-d7b4-7cea-064a9554e681"
DISK = "d57a4221-a804-52ca-3dea-768284f06bb7"
JIT = "805651bc-6ecd-4c73-9b55-97a19d0582d0"

KINDS = {
    MFA: {"displayName": "Accounts with owner permissions on Azure resources should be MFA enabled",
          "severity": "High", "assessmentType": "BuiltIn",
          "remediationDescription": "Require multifactor authentication with Conditional Access."},
    DISK: {"displayName": "Virtual machines should encrypt temp disks, caches, and data flows",
           "severity": "Medium", "assessmentType": "BuiltIn",
           "remediationDescription": "Turn on encryption at host."},
    JIT: {"displayName": "Management ports of virtual machines should be protected with "
                         "just-in-time network access control",
          "severity": "High", "assessmentType": "BuiltIn",
          "remediationDescription": "Enable just-in-time VM access."},
}


def plans(servers="Standard"):
    return {
        "VirtualMachines": {"pricingTier": servers, "freeTrialRemainingTime": "PT0S",
                            **({"subPlan": "P2"} if servers == "Standard" else {}),
                            "resourcesCoverageStatus": "PartiallyCovered" if servers == "Standard"
                            else "NotCovered",
                            "extensions": [{"name": "AgentlessVmScanning", "isEnabled": "True"},
                                           {"name": "MdeDesignatedSubscription",
                                            "isEnabled": "False"}]},
        "StorageAccounts": {"pricingTier": "Free", "freeTrialRemainingTime": "P30D",
                            "resourcesCoverageStatus": "NotCovered"},
        "KeyVaults": {"pricingTier": "Standard", "subPlan": "PerKeyVault",
                      "freeTrialRemainingTime": "PT0S",
                      "resourcesCoverageStatus": "FullyCovered"},
        "Containers": {"pricingTier": "Free", "freeTrialRemainingTime": "P30D",
                       "resourcesCoverageStatus": "NotCovered"},
        "KubernetesService": {"pricingTier": "Free", "deprecated": True,
                              "replacedBy": ["Containers"]},
        "ContainerRegistry": {"pricingTier": "Free", "deprecated": True,
                              "replacedBy": ["Containers"]},
        "Dns": {"pricingTier": "Free", "deprecated": True, "replacedBy": ["VirtualMachines"]},
    }


def score(current, most):
    return {"displayName": "ASC score", "weight": 67,
            "score": {"max": most, "current": current, "percentage": round(current / most, 4)}}


def control(name, current, most, healthy, unhealthy):
    return {"displayName": name, "healthyResourceCount": healthy,
            "unhealthyResourceCount": unhealthy, "notApplicableResourceCount": 0, "weight": 1,
            "score": {"max": most, "current": current,
                      "percentage": round(current / most, 4) if most else 0}}


def assessment(key, resource, code="Unhealthy", **more):
    return {"key": key, "name": KINDS[key]["displayName"], "resource": resource,
            "status": {"code": code, **more}}


def compliance():
    return {"Microsoft-cloud-security-benchmark": {
        "state": "Failed", "passedControls": 1, "failedControls": 1, "skippedControls": 0,
        "unsupportedControls": 1,
        "controls": {
            "NS.1": {"state": "Failed", "passedAssessments": 3, "failedAssessments": 2,
                     "skippedAssessments": 0, "description": "Establish network segmentation "
                     "boundaries"},
            "IM.6": {"state": "Passed", "passedAssessments": 4, "failedAssessments": 0,
                     "skippedAssessments": 0, "description": "Use strong authentication controls"},
            "IR.1": {"state": "Unsupported", "passedAssessments": 0, "failedAssessments": 0,
                     "skippedAssessments": 0, "description": "Preparation"}}}}


def posture(shop, lab):
    machines = f"/subscriptions/{shop}/resourceGroups/rg-shop/providers/" \
               "Microsoft.Compute/virtualMachines/"
    return {
        shop: {"plans": plans(), "standards": compliance(), "scores": [score(23.53, 39)],
               "controls": [control("Enable MFA", 0, 10, 0, 1),
                            control("Secure management ports", 5.33, 8, 2, 1),
                            control("Encrypt data in transit", 4, 4, 3, 0)],
               "assessments": [
                   assessment(MFA, f"/subscriptions/{shop}"),
                   assessment(DISK, machines + "web-01"),
                   assessment(DISK, machines + "jump-01", "Healthy"),
                   assessment(JIT, machines + "web-01"),
                   assessment(JIT, machines + "jump-01", "NotApplicable", cause="OffByPolicy")]},
        lab: {"plans": plans("Free"), "standards": {}, "scores": [score(12, 24)],
              "controls": [control("Enable MFA", 10, 10, 1, 0)],
              "assessments": [assessment(MFA, f"/subscriptions/{lab}", "Healthy")]},
    }
