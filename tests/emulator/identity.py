"""Sign-in: the managed identity endpoints of machines and the token endpoint of Entra ID.

"How to use managed identities on a VM to acquire an access token" (errors included), the REST
references of "managed identities for App Service" and of "Azure Arc-enabled servers", "OAuth 2.0
client credentials flow", "Microsoft Entra error codes" and OpenID Connect discovery in its v1.0
and v2.0 forms.  Tokens are real signed JWTs; Azure Resource Manager accepts those issued here,
for its own audience, until they expire.
"""

import os
import re
import time
import uuid
from datetime import datetime, timezone
from urllib.parse import parse_qs

from assertions import Assertion, BadAssertion, check_certificate, check_federated
from keys import SIGNING_KEYS, json_web_token
from messages import Answer, ArmError, Refusal

ARM_AUDIENCES = {"https://management.azure.com", "https://management.core.windows.net"}
AUDIENCES = ARM_AUDIENCES | {
    "https://vault.azure.net", "https://storage.azure.com", "https://graph.microsoft.com",
    "https://api.loganalytics.io", "https://api.securitycenter.microsoft.com",
    "https://eventhubs.azure.net", "https://servicebus.azure.net",
    "https://service.flow.microsoft.com"}
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FEDERATION_AUDIENCE = "api://AzureADTokenExchange"
IMDS_VERSIONS = re.compile(r"20(18-02-01|[12]\d-\d\d-\d\d)")
SELECTORS = {"client_id": "client_id", "object_id": "object_id", "msi_res_id": "resource_id",
             "mi_res_id": "resource_id"}


class Identity:
    def __init__(self, world):
        self.world = world
        self.reset()

    def reset(self):
        self.issued = {}
        self.arc_keys = {}
        self.shown = set()  # assertions: none is taken twice
        self.published = list(SIGNING_KEYS)
        self.signing = self.published[0]

    def expire_tokens(self):
        for record in self.issued.values():
            record["expires"] = 0

    def issue(self, audience, client_id, object_id, lifetime_s):
        """A v1.0 token, as Azure Resource Manager and most services get."""
        now = int(time.time())
        tenant = self.world.tenant["id"]
        claims = {
            "aud": audience, "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now, "nbf": now, "exp": now + lifetime_s, "appid": client_id, "appidacr": "2",
            "idp": f"https://sts.windows.net/{tenant}/", "idtyp": "app", "oid": object_id,
            "sub": object_id, "tid": tenant, "uti": uuid.uuid4().hex, "ver": "1.0"}
        token = json_web_token(SIGNING_KEYS[self.signing], claims)
        self.issued[token] = {"audience": audience.rstrip("/"), "expires": now + lifetime_s,
                              "client_id": client_id, "object_id": object_id}
        return token, now + lifetime_s

    def check_arm_token(self, request):
        self.check_reach(request.path, self.check_token(request, ARM_AUDIENCES))

    def check_token(self, request, audiences):
        """What is known of the caller; each service takes tokens for itself only."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self.unauthorized("AuthenticationFailed", "Authentication failed. The "
                                    "'Authorization' header is missing or invalid.")
        record = self.issued.get(token)
        if record is None:
            raise self.unauthorized("InvalidAuthenticationToken", "The access token is invalid.")
        if record["expires"] <= time.time():
            raise self.unauthorized("ExpiredAuthenticationToken",
                                    "The access token expiry UTC time is earlier than current "
                                    f"UTC time '{datetime.now(timezone.utc)}'.")
        if record["audience"] not in audiences:
            raise self.unauthorized("InvalidAuthenticationTokenAudience",
                                    "The access token has been obtained for wrong audience or "
                                    f"resource '{record['audience']}'.")
        return record

    def check_reach(self, path, record):
        """An application may be limited to subscriptions, as by where its roles are assigned."""
        reach = next((entry.get("subscriptions") for entry in self.world.applications
                      if entry["client_id"] == record["client_id"]), None)
        parts = path.strip("/").lower().split("/")
        if reach is not None and parts[0] == "subscriptions" and parts[1:2] != []:
            if parts[1] not in [entry.lower() for entry in reach]:
                raise ArmError(403, "AuthorizationFailed",
                               f"The client '{record['client_id']}' with object id "
                               f"'{record['object_id']}' does not have authorization to perform "
                               f"action over scope '/subscriptions/{parts[1]}'.")

    def unauthorized(self, code, message):
        authority = f"https://login.microsoftonline.com/{self.world.tenant['id']}"
        return ArmError(401, code, message, headers={
            "WWW-Authenticate": f'Bearer authorization_uri="{authority}", '
                                f'error="invalid_token", error_description="{message}"'})

    # The managed identity endpoint

    def imds(self, request):
        if request.path.lower() != "/metadata/identity/oauth2/token":
            raise Refusal(404, {"error": "Not found"})
        if request.method != "GET":
            raise Refusal(405, {"error": "Method not allowed"})
        with self.world.lock:
            return self.managed_identity_token(request)

    def managed_identity_token(self, request):
        query = request.query
        if request.headers.get("X-Forwarded-For") is not None:
            raise bad_metadata("Request with X-Forwarded-For header is not accepted")
        if request.headers.get("Metadata", "").lower() != "true":
            raise bad_metadata("Required metadata header not specified")
        if not IMDS_VERSIONS.fullmatch(query.get("api-version", "")):
            raise bad_metadata("Required query variable 'api-version' is missing or invalid")
        return self.identity_answer(query, SELECTORS)

    def identity_answer(self, query, selectors):
        resource = query.get("resource", "")
        if not resource:
            raise bad_metadata("Required query variable 'resource' is missing")
        identity = self.chosen_identity(query, selectors)
        if not self.known_audience(resource):
            raise Refusal(400, {
                "error": "invalid_resource",
                "error_description": f"AADSTS500011: The resource principal named {resource} was "
                                     f"not found in the tenant named {self.world.tenant['id']}."})
        lifetime = self.world.settings["imds_token_lifetime_s"]
        token, expires = self.issue(resource, identity["client_id"], identity["object_id"],
                                    lifetime)
        return Answer(200, {
            "access_token": token, "client_id": identity["client_id"],
            "expires_in": str(lifetime), "expires_on": str(expires),
            "ext_expires_in": str(lifetime), "not_before": str(expires - lifetime),
            "resource": resource, "token_type": "Bearer"})

    # App Service, Functions, Container Apps

    def app_service(self, request):
        if request.headers.get("X-IDENTITY-HEADER") != self.world.settings["identity_header"]:
            raise Refusal(401, {"statusCode": 401, "message": "X-IDENTITY-HEADER is wrong"})
        if request.query.get("api-version") != "2019-08-01":
            raise Refusal(400, {"statusCode": 400, "message": "api-version is not 2019-08-01"})
        with self.world.lock:
            return self.identity_answer(request.query, ("client_id", "object_id", "mi_res_id"))

    # Azure Arc

    def arc(self, request):
        """The first request is answered with a file that only the agent's group can read."""
        if request.headers.get("Metadata", "").lower() != "true":
            raise bad_metadata("Required metadata header not specified")
        if request.query.get("api-version") != "2020-06-01":
            raise bad_metadata("Required query variable 'api-version' is missing or invalid")
        folder = self.world.settings["arc_tokens"]
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        with self.world.lock:
            path = self.arc_keys.pop(shown, None)
            if scheme != "Basic" or path is None:
                key, path = uuid.uuid4().hex, os.path.join(folder, f"{uuid.uuid4()}.key")
                with open(path, "w", encoding="ascii") as file:
                    file.write(key)
                self.arc_keys[key] = path
                realm = self.world.settings["arc_realm"] or path
                raise Refusal(401, {"error": "unauthorized"},
                              {"WWW-Authenticate": f"Basic realm={realm}"})
            os.unlink(path)
            query = request.query
            if self.world.settings["arc_is_old"]:  # it does not know user-assigned identities
                query = {"resource": query.get("resource", "")}
            return self.identity_answer(query, SELECTORS)

    def chosen_identity(self, query, selectors):
        """By client, object or resource id; else the system-assigned one, else the only one."""
        given = [name for name in selectors if query.get(name)]
        if len(given) > 1:
            raise bad_metadata("Only one of client_id, object_id and msi_res_id may be given")
        identities = self.world.identities
        if given:
            wanted = query[given[0]].lower()
            identities = [identity for identity in identities
                          if identity.get(SELECTORS[given[0]], "").lower() == wanted]
        else:
            identities = ([identity for identity in identities if identity["kind"] == "system"]
                          or identities)
        if not identities:
            raise bad_metadata("Identity not found")
        if len(identities) > 1:
            raise bad_metadata("Multiple user assigned identities exist, please specify the "
                               "clientId / resourceId of the identity in the token request")
        return identities[0]

    def known_audience(self, audience):
        known = AUDIENCES | {entry.rstrip("/") for entry in self.world.audiences}
        return audience.rstrip("/") in known

    # Entra ID

    def entra(self, request):
        parts = request.path.strip("/").split("/")
        tenant, what = parts[0], "/".join(parts[1:]).lower()
        handlers = {
            ("POST", "oauth2/v2.0/token"): self.client_credentials_token,
            ("GET", ".well-known/openid-configuration"): self.discovery,
            ("GET", "v2.0/.well-known/openid-configuration"): self.discovery_v2,
            ("GET", "discovery/keys"): self.published_keys,
            ("GET", "discovery/v2.0/keys"): self.published_keys_v2,
        }
        handler = handlers.get((request.method, what))
        if handler is None:
            raise Refusal(404, None)
        known = {self.world.tenant["id"].lower(), self.world.tenant["domain"].lower(), "common"}
        if tenant.lower() not in known:
            raise entra_error(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        with self.world.lock:
            return handler(request)

    def client_credentials_token(self, request):
        content_type = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if content_type != "application/x-www-form-urlencoded":
            raise entra_error(400, "invalid_request", 900144, "The request body must be form "
                              "encoded and contain the parameter 'grant_type'.")
        form = {name: values[-1] for name, values in
                parse_qs(request.body.decode(), keep_blank_values=True).items()}
        for name in ("grant_type", "client_id", "scope"):
            if not form.get(name):
                raise entra_error(400, "invalid_request", 900144, "The request body must contain "
                                  f"the following parameter: '{name}'.")
        if form["grant_type"] != "client_credentials":
            raise entra_error(400, "unsupported_grant_type", 70003, "The app requested an "
                              f"unsupported grant type '{form['grant_type']}'.")
        application = self.application(form, request)
        audience = self.scope_audience(form["scope"])
        lifetime = self.world.settings["entra_token_lifetime_s"]
        token, _ = self.issue(audience, application["client_id"], application["object_id"],
                              lifetime)
        body = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime,
                "access_token": token}
        if self.world.settings["token_refresh_in_s"] is not None:
            body["refresh_in"] = self.world.settings["token_refresh_in_s"]
        return Answer(200, body, {"Cache-Control": "no-store, no-cache"})

    def application(self, form, request):
        application = next((entry for entry in self.world.applications
                            if entry["client_id"].lower() == form["client_id"].lower()), None)
        if application is None:
            raise entra_error(400, "unauthorized_client", 700016,
                              f"Application with identifier '{form['client_id']}' was not found "
                              "in the directory.")
        if form.get("client_assertion"):
            self.check_assertion(form, application, request)
            return application
        if not form.get("client_secret"):
            raise entra_error(401, "invalid_client", 7000218, "The request body must contain the "
                              "following parameter: 'client_assertion' or 'client_secret'.")
        if form["client_secret"] != application.get("secret"):
            raise entra_error(401, "invalid_client", 7000215, "Invalid client secret provided.")
        if application.get("secret_expired"):
            raise entra_error(401, "invalid_client", 7000222, "The provided client secret keys "
                              f"for app '{application['client_id']}' are expired.")
        return application

    def check_assertion(self, form, application, request):
        if form.get("client_assertion_type") != JWT_BEARER:
            raise entra_error(400, "invalid_request", 900144, "The request body must contain the "
                              "following parameter: 'client_assertion_type'.")
        if form.get("client_secret"):
            raise entra_error(400, "invalid_request", 90023, "Both a secret and an assertion.")
        try:
            assertion = Assertion(form["client_assertion"])
            if assertion.claims.get("iss") == application["client_id"]:
                assertion.check_claims(request.origin + request.path)
                check_certificate(assertion, application)
                self.take_once(assertion.claims.get("jti"))
            else:
                assertion.check_claims(FEDERATION_AUDIENCE)
                check_federated(assertion, application, SIGNING_KEYS.values())
        except BadAssertion as bad:
            raise entra_error(401, "invalid_client", bad.code, str(bad)) from None

    def take_once(self, jti):
        if not jti or jti in self.shown:
            raise BadAssertion(50027, "JWT id is missing or was shown before.")
        self.shown.add(jti)

    def scope_audience(self, scope):
        if not scope.endswith("/.default"):
            raise entra_error(400, "invalid_scope", 1002012, "The provided value for scope "
                              f"{scope} is not valid. Client credential flows must have a scope "
                              "value with /.default suffixed to the resource identifier.")
        audience = scope.removesuffix("/.default")
        if not self.known_audience(audience):
            raise entra_error(400, "invalid_resource", 500011, "The resource principal named "
                              f"{audience} was not found in the tenant.")
        return audience

    def discovery(self, request):
        tenant = self.world.tenant["id"]
        return self.metadata(request, f"https://sts.windows.net/{tenant}/", "discovery/keys",
                             "oauth2/token")

    def discovery_v2(self, request):
        tenant = self.world.tenant["id"]
        return self.metadata(request, f"https://login.microsoftonline.com/{tenant}/v2.0",
                             "discovery/v2.0/keys", "oauth2/v2.0/token")

    def metadata(self, request, issuer, keys_path, token_path):
        base = request.origin + "/" + self.world.tenant["id"]
        return Answer(200, {
            "issuer": issuer, "jwks_uri": f"{base}/{keys_path}",
            "token_endpoint": f"{base}/{token_path}",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"], "subject_types_supported": ["pairwise"]})

    def published_keys(self, request):
        return Answer(200, {"keys": [SIGNING_KEYS[name].jwk() for name in self.published]})

    def published_keys_v2(self, request):
        issuer = f"https://login.microsoftonline.com/{self.world.tenant['id']}/v2.0"
        return Answer(200, {"keys": [SIGNING_KEYS[name].jwk(issuer) for name in self.published]})


def bad_metadata(description):
    return Refusal(400, {"error": "invalid_request", "error_description": description})


def entra_error(status, error, code, description):
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
    return Refusal(status, {
        "error": error,
        "error_description": f"AADSTS{code}: {description} Trace ID: {trace} Correlation ID: "
                             f"{correlation} Timestamp: {now}",
        "error_codes": [code], "timestamp": now, "trace_id": trace, "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}"})
