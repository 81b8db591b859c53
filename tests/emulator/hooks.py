"""Somebody's service that takes JSON by POST: /hooks/{name}.

As "The Idempotency-Key HTTP Header Field" (IETF draft) wants it, a key that was seen before has no
second effect and gets the same answer; without one the request is refused.
"""

import json

from messages import Answer, Refusal


class Hooks:
    def __init__(self, world):
        self.world = world

    def handle(self, request):
        with self.world.lock:
            if request.method != "POST":
                raise Refusal(405, "POST only")
            if not request.headers.get("Content-Type", "").startswith("application/json"):
                raise Refusal(415, "application/json only")
            key = request.headers.get("Idempotency-Key")
            if not key:
                raise Refusal(400, "no Idempotency-Key")
            try:
                body = json.loads(request.body)
            except ValueError:
                raise Refusal(400, "not JSON") from None
            self.world.posts.setdefault(key, {"hook": request.path.rsplit("/", 1)[1], "body": body})
            return Answer(201)
