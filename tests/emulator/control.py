"""The control interface, /_emulator: what tests order, read and wait for.

Not part of Azure.  It needs no sign-in and its calls are not recorded.
"""

import copy
import time
import uuid

from calls import call_matcher
from keys import SIGNING_KEYS, json_web_token
from messages import Answer, Refusal
from sentinel import COMMENT_TYPE, TYPE
from world import DEFAULT_SETTINGS, visible

WAIT_LIMIT_S = 60
EVENT_GRID_APP = "4962773b-9cdb-44cf-a8bf-237846a00ab7"  # Microsoft.EventGrid, public cloud


class Control:
    def __init__(self, emulator):
        self.emulator = emulator
        self.world = emulator.world
        self.handlers = {
            ("GET", "calls"): self.calls, ("GET", "wait"): self.wait,
            ("POST", "faults"): self.add_faults, ("DELETE", "faults"): self.clear_faults,
            ("GET", "faults"): self.faults,
            ("GET", "state"): self.state, ("POST", "settings"): self.settings,
            ("GET", "resource"): self.read, ("PUT", "resource"): self.write,
            ("PATCH", "resource"): self.merge, ("DELETE", "resource"): self.delete,
            ("GET", "tickets"): self.tickets,
            ("POST", "defender"): emulator.endpoint.somebody,
            ("GET", "cards"): self.cards, ("POST", "reset"): self.reset,
            ("POST", "tokens/expire"): self.expire_tokens, ("POST", "tokens"): self.token,
            ("POST", "keys"): self.keys, ("POST", "applications"): self.application,
        }

    def handle(self, request):
        what = request.path.removeprefix("/_emulator").strip("/")
        handler = self.handlers.get((request.method, what))
        try:
            if handler is None:
                raise Refusal(404, {"error": f"no {request.method} /_emulator/{what}"})
            return handler(request)
        except Refusal as refusal:
            return refusal.answer
        except (ValueError, KeyError, TypeError) as error:
            return Answer(400, {"error": f"{type(error).__name__}: {error}"})

    def calls(self, request):
        return Answer(200, self.emulator.calls.since(int(request.query.get("since", 0))))

    def wait(self, request):
        query = request.query
        count = int(query.get("count", 1))
        timeout_s = min(float(query.get("timeout", 10)), WAIT_LIMIT_S)
        found = self.emulator.calls.wait(call_matcher(query), count, timeout_s)
        return Answer(200 if len(found) >= count else 408, {"seen": len(found), "calls": found})

    def add_faults(self, request):
        orders = request.json_value()
        for order in orders if isinstance(orders, list) else [orders]:
            self.emulator.faults.add(order)
        return Answer(204)

    def faults(self, request):
        return Answer(200, self.emulator.faults.left())

    def clear_faults(self, request):
        self.emulator.faults.clear()
        return Answer(204)

    def state(self, request):
        with self.world.lock:
            return Answer(200, copy.deepcopy({
                "tenant": self.world.tenant, "subscriptions": self.world.subscriptions,
                "identities": self.world.identities, "settings": self.world.settings,
                "resources": {resource["id"]: resource
                              for resource in self.world.resources.values()},
                "defender": self.world.defender, "alerts": self.world.alerts, "cards": self.world.cards,
                "posts": self.world.posts}))

    def settings(self, request):
        changes = request.json_value()
        unknown = set(changes) - set(DEFAULT_SETTINGS)
        if unknown:
            raise ValueError(f"unknown settings: {sorted(unknown)}")
        with self.world.lock:
            self.world.settings.update(changes)
            return Answer(200, dict(self.world.settings))

    def known_resource(self, request):
        resource = self.world.get(request.query.get("id", ""))
        if resource is None:
            raise Refusal(404, {"error": f"no resource {request.query.get('id')}"})
        return resource

    def read(self, request):
        with self.world.lock:
            return Answer(200, copy.deepcopy(self.known_resource(request)))

    def write(self, request):
        """Replaces or makes a resource behind the client's back, as a colleague would."""
        with self.world.lock:
            resource = request.json_value()
            old = self.world.get(request.query.get("id", resource.get("id", "")))
            if old:
                resource = {**{name: old[name] for name in ("id", "name", "type", "_emulator")
                               if name in old}, **resource}
                resource.update({"etag": old["etag"]} if "etag" in old else {})
            return Answer(200, copy.deepcopy(self.world.put(resource)))

    def merge(self, request):
        """The same for a part of it (RFC 7396: null removes)."""
        with self.world.lock:
            resource = self.known_resource(request)
            merge_patch(resource, request.json_value())
            return Answer(200, copy.deepcopy(self.world.put(resource)))

    def delete(self, request):
        with self.world.lock:
            return Answer(200, visible(self.world.delete(self.known_resource(request)["id"])))

    def cards(self, request):
        with self.world.lock:
            return Answer(200, copy.deepcopy(self.world.cards))

    def tickets(self, request):
        """What each ticket system has; incidents of Sentinel with their comments."""
        with self.world.lock:
            incidents = [{**copy.deepcopy(incident), "comments": [
                comment["properties"]["message"] for comment in self.world.of_type(
                    COMMENT_TYPE, incident["id"])]} for incident in self.world.of_type(TYPE)]
            return Answer(200, {**copy.deepcopy(self.world.tickets), "sentinel": incidents})

    def reset(self, request):
        self.emulator.reset()
        return Answer(204)

    def expire_tokens(self, request):
        with self.world.lock:
            self.emulator.identity.expire_tokens()
        return Answer(204)

    def token(self, request):
        """A signed token such as Event Grid delivers with, and its forgeries.

        {"audience", "version": "1.0"|"2.0", "lifetime_s", "roles", "claims": {…, null removes},
        "key", "algorithm", "header", "break_signature"}: all optional.
        """
        order = request.json_value()
        now = int(time.time())
        tenant = self.world.tenant["id"]
        version = order.get("version", "1.0")
        claims = {
            "aud": order.get("audience", ""), "iat": now, "nbf": now,
            "exp": now + order.get("lifetime_s", 3600), "tid": tenant, "ver": version,
            "oid": str(uuid.uuid5(uuid.NAMESPACE_URL, EVENT_GRID_APP)), "uti": uuid.uuid4().hex,
            "roles": order.get("roles", ["AzureEventGridSecureWebhookSubscriber"])}
        claims["sub"] = claims["oid"]
        if version == "2.0":
            claims.update(iss=f"https://login.microsoftonline.com/{tenant}/v2.0",
                          azp=EVENT_GRID_APP, azpacr="2")
        else:
            claims.update(iss=f"https://sts.windows.net/{tenant}/",
                          appid=EVENT_GRID_APP, appidacr="2")
        merge_patch(claims, order.get("claims", {}))
        key = SIGNING_KEYS[order.get("key", self.emulator.identity.signing)]
        token = json_web_token(key, claims, order.get("algorithm", "RS256"), order.get("header"))
        if order.get("break_signature"):
            head, _, signature = token.rpartition(".")
            token = f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
        return Answer(200, {"token": token, "claims": claims})

    def keys(self, request):
        """{"published": [names], "signing": name}: which keys Entra shows, and which it uses."""
        order = request.json_value()
        identity = self.emulator.identity
        with self.world.lock:
            published = order.get("published", identity.published)
            signing = order.get("signing", identity.signing)
            if not {*published, signing} <= set(SIGNING_KEYS):
                raise ValueError(f"the keys are {sorted(SIGNING_KEYS)}")
            identity.published, identity.signing = list(published), signing
            return Answer(200, {"published": published, "signing": signing})


    def application(self, request):
        """Registers an application, or changes the one with this client_id.

        {"client_id", "secret", "certificates": [PEM], "federated": [{"issuer", "subject",
        "audience"}], "subscriptions": [those that it reaches]}
        """
        order = request.json_value()
        with self.world.lock:
            known = next((entry for entry in self.world.applications
                          if entry["client_id"] == order["client_id"]), None)
            if known is None:
                known = {"client_id": order["client_id"], "object_id": str(uuid.uuid4())}
                self.world.applications.append(known)
            known.update(order)
            return Answer(200, {"client_id": known["client_id"]})


def merge_patch(target, patch):
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict) and isinstance(target.get(name), dict):
            merge_patch(target[name], value)
        else:
            target[name] = value
