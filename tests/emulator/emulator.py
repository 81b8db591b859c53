"""The emulated Azure as a whole: the services, their shared state, and how they come together."""

from alerts import Alerts
from arm import Arm
from calls import CallLog
from compute import Machines
from control import Control
from disks import Disks
from effective import EffectiveRules
from endpoint import Endpoint
from faults import Faults
from hooks import Hooks
from identity import Identity
from jit import JitPolicies
from longop import LongOperations
from network import Network
from nic import Interfaces
from nsg import SecurityGroups
from posture import Posture
from sentinel import Sentinel
from subscriptions import Subscriptions
from tags import Tags
from teams import Teams
from tickets import Jira, PagerDuty, Receiver, ServiceNow
from world import World


class Emulator:
    def __init__(self, document):
        self.calls = CallLog()
        self.faults = Faults()
        self.world = World(document)
        self.identity = Identity(self.world)
        self.longops = LongOperations(self.world)
        world, longops = self.world, self.longops
        self.arm = Arm(world, self.identity, longops, [
            longops, Subscriptions(world), Tags(world, longops), Network(world),
            SecurityGroups(world, longops), Interfaces(world, longops),
            EffectiveRules(world, longops), Machines(world, longops), Disks(world, longops),
            JitPolicies(world), Alerts(world), Sentinel(world), Posture(world)])
        self.endpoint = Endpoint(world, self.identity)
        self.services = {"defender": self.endpoint.handle, "arm": self.arm.handle, "imds": self.identity.imds,
                         "app_service": self.identity.app_service, "arc": self.identity.arc,
                         "entra": self.identity.entra, "teams": Teams(world).handle,
                         "hooks": Hooks(world).handle,
                         "servicenow": ServiceNow(world).handle, "jira": Jira(world).handle,
                         "pagerduty": PagerDuty(world).handle,
                         "receiver": Receiver(world).handle}
        self.control = Control(self).handle

    def finished(self, service, request, answer):
        return self.arm.finished(request, answer) if service == "arm" else answer

    def reset(self):
        """Back to the start: the world, faults, tokens, long operations and recorded calls."""
        with self.world.lock:
            self.world.reset()
            self.identity.reset()
            self.longops.clear()
            self.faults.clear()
            self.calls.clear()
