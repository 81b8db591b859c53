/*
 * Happy path: a token and its end in JSON.
 * What can go wrong: the service is away or busy (ERR_AGAIN, with the wait it asks for), it refuses
 * us (ERR_DENIED, with what to mend), its answer holds no usable token (ERR_AGAIN).
 */
#include "base/clock.h"
#include "credential_internal.h"

/*
 * The metadata service is being updated (410): it is back within 70 seconds, mostly much sooner,
 * and Microsoft's own clients ask every ten.
 */
#define UPDATING_MS (10 * INT64_C(1000))
#define WORDS_MAX 300

static bool
is_passing(int status, bool is_local)
{
	if (status == 408 || status == 429 || status >= 500)
		return true;
	return is_local && (status == 404 || status == 410);
}

/* What the service says, on one line: the trace ids behind the sentence help nobody here. */
static struct str
words(const struct http_response *rs, struct arena *a)
{
	struct err ignored;
	const struct json *j = json_parse(rs->body, a, &ignored);
	struct str text = json_text(json_get(j, "error_description"));
	struct str end = STR(" Trace ID:");

	if (text.n == 0)
		text = json_text(json_get(j, "error"));
	for (size_t i = 0; i + end.n <= text.n; i++)
		if (str_eq(str_slice(text, i, i + end.n), end) || text.p[i] == '\r' ||
		    text.p[i] == '\n')
			text = str_slice(text, 0, i);
	return str_slice(text, 0, WORDS_MAX);
}

/* What to mend, for the refusals that people meet (error codes of Microsoft Entra ID). */
static const char *
advice(struct str said)
{
	static const struct {
		const char *sign, *advice;
	} known[] = {
		{ "AADSTS7000215", "the client secret is wrong: write the secret's value, not its "
				   "id, to client_secret_file" },
		{ "AADSTS7000222",
		    "the client secret has expired: make a new one and replace the file" },
		{ "AADSTS700016", "the client_id is not an application of this tenant" },
		{ "AADSTS700024", "the assertion is not of this time: set the clock of this "
				  "machine, or renew the token file" },
		{ "AADSTS700027", "the certificate is not one of the application's: upload it to "
				  "its registration, or mend client_certificate_file" },
		{ "AADSTS70021", "no federated credential of the application has issuer, subject "
				 "and audience of this token" },
		{ "AADSTS90002", "the tenant does not exist" },
		{ "AADSTS500011", "the audience is not known in this tenant" },
		{ "Identity not found",
		    "assign the managed identity to this machine, or mend client_id" },
		{ "Multiple user assigned", "this machine has several identities: set client_id" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_has_nocase(said, str_of(known[i].sign)))
			return known[i].advice;
	return NULL;
}

static bool
refused(const struct sign_in *si, const struct http_response *rs, const struct speaker *who,
    struct err *e)
{
	struct str said = words(rs, si->a);
	int64_t wait = http_retry_after_ms(rs, si->now_ms);
	const char *mend = advice(said);

	if (is_passing(rs->status, who->is_local))
		return fail_again(e,
		    wait > 0		? wait
		    : rs->status == 410 ? UPDATING_MS
					: 0,
		    "no token: %s answered %d%s%.*s", who->name, rs->status, said.n > 0 ? ": " : "",
		    STR_ARG(said));
	return fail(e, ERR_DENIED, "no token: %s (%s answered %d%s%.*s)",
	    mend != NULL ? mend : who->advice, who->name, rs->status, said.n > 0 ? ": " : "",
	    STR_ARG(said));
}

bool
answer_seconds(const struct json *j, struct arena *a, int64_t *out)
{
	struct str text = json_scalar(j, a);
	int64_t ms;

	if (str_to_int(text, 0, INT64_C(1) << 40, out))
		return true;
	if (json_is(j, JSON_STRING) && clock_parse(text, &ms)) {
		*out = ms / 1000;
		return true;
	}
	return false;
}

static bool
read_expiry(const struct json *j, int64_t now_ms, struct arena *a, int64_t *expires_ms)
{
	int64_t s;

	if (answer_seconds(json_get(j, "expires_in"), a, &s))
		*expires_ms = now_ms + s * 1000;
	else if (answer_seconds(json_get(j, "expires_on"), a, &s))
		*expires_ms = s * 1000;
	else
		return false;
	return true;
}

/* Bearer tokens are visible ASCII (RFC 6750): anything else would break the header. */
static bool
is_token(struct str s)
{
	if (s.n == 0 || s.n > TOKEN_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

bool
granted_check(const struct granted *g, int64_t now_ms, struct err *e)
{
	if (!is_token(g->token))
		return fail_again(e, 0, "no token: the identity service answered without one");
	if (g->expires_ms - now_ms < TOKEN_LEFT_MIN_MS)
		return fail_again(
		    e, 0, "no token: the one given ends within five minutes; is our clock right?");
	return true;
}

bool
answer_read(const struct sign_in *si, const struct http_response *rs, const struct speaker *who,
    struct granted *out, struct err *e)
{
	struct granted g = { .refresh_ms = 0 };
	const struct json *j;
	int64_t s;

	if (rs->status != 200)
		return refused(si, rs, who, e);
	j = json_parse(rs->body, si->a, e);
	g.token = json_text(json_get(j, "access_token"));
	if (!read_expiry(j, si->now_ms, si->a, &g.expires_ms))
		g.token = STR_EMPTY;
	if (answer_seconds(json_get(j, "refresh_in"), si->a, &s) &&
	    s * 1000 < g.expires_ms - si->now_ms)
		g.refresh_ms = si->now_ms + s * 1000;
	if (!granted_check(&g, si->now_ms, e))
		return false;
	*out = g;
	return true;
}
