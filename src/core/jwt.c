/*
 * Happy path: three parts, a header that names RS256 and a key, claims that mean us, a signature of
 * that key over the first two parts, now within their time, the role.
 * What can go wrong: every sentence of it.  What needs no key is looked at first, so that a token
 * for somebody else never makes us look for its key; time and role come after the signature, so
 * that a forger learns nothing from their answers.
 */
#include "core/jwt.h"

#include <string.h>

#include "base/base64.h"
#include "base/hash.h"
#include "jose.h"

/* Beyond any date that is meant (the year 36812). */
#define SECONDS_MAX (INT64_C(1) << 40)

static bool
bad(struct err *e, const char *why)
{
	return fail(e, ERR_DENIED, "%s", why);
}

/* ---- taking it apart ---- */

static bool
split(struct str token, struct str parts[3], struct str *signed_text)
{
	struct str rest = token;

	for (int i = 0; i < 3; i++)
		if (!str_next(&rest, '.', &parts[i]) || parts[i].n == 0)
			return false;
	*signed_text = str_slice(token, 0, parts[0].n + 1 + parts[1].n);
	/* A fourth part would be left over, with its dot. */
	return signed_text->n + 1 + parts[2].n == token.n;
}

static bool
read_object(struct str part, struct arena *a, struct jose *object)
{
	struct str text;

	return base64url_decode(part, a, &text) && jose_read(text, JWT_NAMES_MAX, a, object);
}

/* Keys come from the settings' own identity service, never from the token. */
static bool
read_header(const struct jose *header, struct arena *a, struct jwt *out, struct err *e)
{
	static const char *const refused[] = { "crit", "jwk", "jku", "x5u", "x5c", "b64", "zip",
		"enc" };

	if (!str_is(jose_text(header, "alg", a), "RS256"))
		return bad(e, "its algorithm is not RS256");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (jose_has(header, refused[i]))
			return fail(e, ERR_DENIED, "its header has '%s'", refused[i]);
	if (jose_has(header, "typ") && !str_is_nocase(jose_text(header, "typ", a), "JWT") &&
	    !str_is_nocase(jose_text(header, "typ", a), "at+jwt"))
		return bad(e, "its type is not JWT");
	out->kid = jose_text(header, "kid", a);
	if (out->kid.n == 0 || out->kid.n > SIGNING_KEY_ID_MAX)
		return bad(e, "it names no key");
	return true;
}

/* A whole number of seconds, as Entra writes it: no text, sign, fraction or exponent. */
static bool
read_time(const struct jose *claims, const char *name, int64_t *ms)
{
	struct str value = jose_value(claims, name);
	int64_t s;

	if (value.n == 0 || json_text_type(value) != JSON_NUMBER || value.p[0] == '-' ||
	    !str_to_int(value, 0, SECONDS_MAX, &s))
		return false;
	*ms = s * 1000;
	return true;
}

static bool
read_claims(const struct jose *claims, struct arena *a, struct jwt *out, struct err *e)
{
	struct str version = jose_text(claims, "ver", a);

	if (str_is(version, "1.0"))
		out->version = JWT_V1;
	else if (str_is(version, "2.0"))
		out->version = JWT_V2;
	else
		return bad(e, "its version is neither 1.0 nor 2.0");
	out->issuer = jose_text(claims, "iss", a);
	out->tenant = jose_text(claims, "tid", a);
	/* A list of audiences is legal, but Entra has one: with more, others could use it here. */
	out->audience = jose_text(claims, "aud", a);
	out->application = jose_text(claims, out->version == JWT_V1 ? "appid" : "azp", a);
	out->roles = jose_value(claims, "roles");
	if (!read_time(claims, "exp", &out->expires_ms) ||
	    !read_time(claims, "nbf", &out->not_before_ms))
		return bad(e, "exp or nbf is not a whole number of seconds");
	return true;
}

bool
jwt_parse(struct str token, struct arena *a, struct jwt *out, struct err *e)
{
	struct str parts[3];
	struct jose header, claims;
	struct jwt t = { .roles = STR_EMPTY };

	if (token.n > JWT_TOKEN_MAX)
		return bad(e, "it is too long");
	if (!split(token, parts, &t.signed_text) || !read_object(parts[0], a, &header) ||
	    !read_object(parts[1], a, &claims) || !base64url_decode(parts[2], a, &t.signature))
		return bad(e, "it is not a signed JSON Web Token in compact form");
	if (!read_header(&header, a, &t, e) || !read_claims(&claims, a, &t, e))
		return false;
	*out = t;
	return true;
}

/* ---- whom it is meant for ---- */

static bool
lists(const struct str *list, size_t n, struct str text)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], text) || (uuid_is(text) && str_eq_nocase(list[i], text)))
			return text.n > 0;
	return false;
}

static bool
is_meant_for(const struct jwt *t, const struct jwt_wanted *w, struct err *e)
{
	if (!lists(w->issuers[t->version].list, w->issuers[t->version].n, t->issuer))
		return bad(e, "its issuer is not ours");
	if (!str_eq_nocase(t->tenant, w->tenant))
		return bad(e, "its tenant is not ours");
	if (!lists(w->audience, w->n_audience, t->audience))
		return bad(e, "its audience is not ours");
	if (!str_eq_nocase(t->application, w->application))
		return bad(e, "it was not issued to Event Grid");
	return true;
}

/* ---- who signed it ---- */

/* Documents that all tenants share have keys of other issuers in them. */
static bool
signs_for(const struct signing_key *key, const struct jwt *t, struct arena *a)
{
	static const char slot[] = "{tenantid}";
	struct str issuer = signing_key_issuer(key);
	const char *at = memmem(issuer.p, issuer.n, slot, strlen(slot));

	if (at != NULL)
		issuer = arena_printf(a, "%.*s%.*s%.*s", (int)(at - issuer.p), issuer.p,
		    STR_ARG(t->tenant), (int)(issuer.n - (size_t)(at - issuer.p) - strlen(slot)),
		    at + strlen(slot));
	return issuer.n == 0 || str_eq(issuer, t->issuer);
}

static enum jwt_answer
check_signature(const struct jwt *t, const struct jwt_keys *keys, struct arena *a, struct err *e)
{
	const struct signing_keys *set = keys->of[t->version];
	const struct signing_key *key = set == NULL ? NULL : signing_keys_find(set, t->kid);

	if (key == NULL) {
		(void)bad(e, "the key that it names is not known");
		return JWT_UNKNOWN_KEY;
	}
	if (!signs_for(key, t, a)) {
		(void)bad(e, "its key signs for another issuer");
		return JWT_BAD;
	}
	if (!signing_key_verify(key, t->signed_text, t->signature)) {
		(void)bad(e, "its signature is wrong");
		return JWT_BAD;
	}
	return JWT_GOOD;
}

/* ---- when, and what it may ---- */

static bool
is_in_time(const struct jwt *t, int64_t now_ms, struct err *e)
{
	if (now_ms >= t->expires_ms + JWT_SKEW_MS)
		return bad(e, "it has expired");
	if (now_ms < t->not_before_ms - JWT_SKEW_MS)
		return bad(e, "it is not valid yet");
	return true;
}

static bool
has_role(const struct jwt *t, struct str wanted, struct arena *a)
{
	struct str *roles;
	size_t n;

	if (wanted.n == 0 || !jose_list(t->roles, JWT_ROLES_MAX, a, &roles, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (str_eq(json_text_string(roles[i], a), wanted))
			return true;
	return false;
}

enum jwt_answer
jwt_verify(const struct jwt_wanted *wanted, const struct jwt_keys *keys, struct str token,
    int64_t now_ms, struct arena *a, struct jwt *out, struct err *e)
{
	enum jwt_answer signed_by_key;

	if (!jwt_parse(token, a, out, e) || !is_meant_for(out, wanted, e))
		return JWT_BAD;
	signed_by_key = check_signature(out, keys, a, e);
	if (signed_by_key != JWT_GOOD)
		return signed_by_key;
	if (!is_in_time(out, now_ms, e))
		return JWT_NOT_NOW;
	if (!has_role(out, wanted->role, a)) {
		fail(e, ERR_DENIED, "it lacks the role %.*s", STR_ARG(wanted->role));
		return JWT_NO_ROLE;
	}
	return JWT_GOOD;
}
