"""Incoming webhooks of Microsoft Teams: Workflows, and the connectors that preceded them.

"Create and send messages with incoming webhooks": a Workflow takes a message with Adaptive Cards
up to version 1.4 and answers 202 without a body; without `attachments` its loop has nothing to
loop over.  A connector takes a MessageCard and answers 200 with the text 1.  28 KB is the limit.
"""

import json

from messages import Answer, Refusal, arm_error

SIZE_LIMIT = 28 * 1024
CARD_TYPE = "application/vnd.microsoft.card.adaptive"
NEWEST_VERSION = (1, 4)
ACTIONS = ("Action.OpenUrl", "Action.ShowCard", "Action.ToggleVisibility")


class Teams:
    def __init__(self, world):
        self.world = world

    def handle(self, request):
        with self.world.lock:
            if request.method != "POST":
                raise Refusal(405, arm_error("MethodNotAllowed", "A webhook takes POST."))
            if len(request.body) > SIZE_LIMIT:
                raise Refusal(413, arm_error("RequestEntityTooLarge",
                                             "The message is larger than 28 KB."))
            parts = request.path.strip("/").split("/")
            if parts[0].lower() == "teams":
                return self.workflow(request, parts[-1])
            return self.connector(request, parts[-1])

    def workflow(self, request, name):
        known = self.world.webhooks.get(name)
        given = request.query.get("sig")
        if not given or (known is not None and given != known):
            raise Refusal(401, arm_error(
                "DirectApiAuthorizationRequired", "The request must be authenticated only by "
                "Shared Access scheme: the 'sig' query parameter is missing or wrong."))
        message = json_body(request)
        if message.get("type") != "message":
            raise mismatch("Required property 'type' must be 'message'.")
        attachments = message.get("attachments")
        if not isinstance(attachments, list) or not attachments:
            raise mismatch("The result of the evaluation of 'foreach' action expression "
                           "'@triggerBody()?['attachments']' is of type 'Null'. The result must "
                           "be a valid array.")
        for attachment in attachments:
            check_attachment(attachment)
        self.keep(request, name, "adaptive", message)
        return Answer(202)

    def connector(self, request, name):
        card = json_body(request)
        if card.get("@type") != "MessageCard":
            raise Refusal(400, "Bad payload received by generic incoming webhook.")
        if not card.get("summary") and not card.get("text"):
            raise Refusal(400, "Summary or Text is required.")
        self.keep(request, name, "messagecard", card)
        return Answer(200, "1")

    def keep(self, request, name, card_format, message):
        self.world.cards.append({"n": len(self.world.cards) + 1, "call": request.call["n"],
                                 "time": request.call["time"], "channel": name,
                                 "format": card_format, "message": message})


def json_body(request):
    content_type = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    if content_type != "application/json" or not isinstance(body, dict):
        raise Refusal(400, arm_error("InvalidRequestContent",
                                     "The request content is not a JSON object."))
    return body


def check_attachment(attachment):
    if not isinstance(attachment, dict) or attachment.get("contentType") != CARD_TYPE:
        raise mismatch(f"Every attachment needs contentType '{CARD_TYPE}'.")
    card = attachment.get("content")
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        raise mismatch("The content of an attachment must be an AdaptiveCard.")
    if not isinstance(card.get("body"), list):
        raise mismatch("An AdaptiveCard needs a body.")
    if version_of(card) > NEWEST_VERSION:
        raise mismatch(f"AdaptiveCard version {card['version']} is not supported: at most 1.4.")
    check_actions(card)


def version_of(card):
    try:
        return tuple(int(part) for part in card["version"].split("."))
    except (KeyError, AttributeError, ValueError):
        raise mismatch("An AdaptiveCard needs a version such as '1.4'.") from None


def check_actions(part):
    """Nobody listens behind a webhook: Action.Submit and Action.Execute cannot work."""
    if isinstance(part, list):
        for element in part:
            check_actions(element)
    elif isinstance(part, dict):
        kind = part.get("type")
        if isinstance(kind, str) and kind.startswith("Action.") and kind not in ACTIONS:
            raise mismatch(f"{kind} is not supported over a webhook.")
        check_actions(list(part.values()))


def mismatch(text):
    return Refusal(400, arm_error(
        "TriggerInputSchemaMismatch", "The input body for trigger 'manual' of type 'Request' did "
        f"not match its schema definition. Error details: '{text}'"))
