/*
 * Happy path: what the file says, and the certificate of the public listener where it says nothing.
 * What can go wrong: a page that nobody is led to, links that lead nowhere, a page without TLS,
 * channels that do not exist, a quorum that links alone cannot reach.
 */
#include "settings_approvals.h"

#include "core/approval.h"
#include "endpoint.h"
#include "settings_text.h"

/* A link has to fit into a card several times. */
#define URL_MAX 200
#define NAMES_MAX 64

static struct str
file(const struct json *j, const char *where, const char *folder, struct arena *a)
{
	return settings_readable(json_text(json_at(j, where)), folder, a);
}

void
settings_approvals_copy(struct settings *s, const struct json *j, const struct yaml *written,
    const char *folder, struct arena *a)
{
	struct settings_approvals *ap = &s->approvals;
	const struct yaml *actions = yaml_get(written, "actions");

	*ap = (struct settings_approvals){ .quorum = 1 };
	json_int(json_get(j, "quorum"), &ap->quorum);
	ap->actions = json_texts(json_get(j, "actions"), a, &ap->n_actions);
	ap->line = actions == NULL ? 0 : actions->line;
	ap->col = actions == NULL ? 0 : actions->col;
	ap->channels = json_texts(json_get(j, "channels"), a, &ap->n_channels);
	ap->address = arena_str(a, json_text(json_at(j, "listen.address")));
	ap->certificate = file(j, "listen.certificate", folder, a);
	ap->private_key = file(j, "listen.private_key", folder, a);
	if (ap->certificate.n == 0 && ap->private_key.n == 0) {
		ap->certificate = s->listen.certificate;
		ap->private_key = s->listen.private_key;
	}
	ap->public_url = str_trim_end(arena_str(a, json_text(json_get(j, "public_url"))), '/');
	ap->key_file = file(j, "key_file", folder, a);
}

bool
settings_links_in(const struct settings *s, struct str channel)
{
	const struct settings_approvals *ap = &s->approvals;

	for (size_t i = 0; i < ap->n_channels; i++)
		if (str_eq(ap->channels[i], channel))
			return true;
	return ap->n_channels == 0;
}

/* ---- what makes no sense together ---- */

static const struct yaml *
at(const struct yaml *y, const char *key)
{
	const struct yaml *inner = yaml_get(y, key);

	return inner == NULL ? y : inner;
}

static void
check_page(const struct settings_approvals *ap, const struct yaml *y, struct diags *d)
{
	const struct yaml *listen = at(y, "listen");
	struct str scheme, host;

	if (!endpoint_parse(ap->address, &host))
		yaml_error(d, at(listen, "address"),
		    "address must be an IP address and a port such as [::]:8444, not '%.*s'",
		    STR_ARG(ap->address));
	if (ap->certificate.n == 0 || ap->private_key.n == 0)
		yaml_error(d, listen,
		    "certificate and private_key go together, and the page is served over HTTPS "
		    "only");
	if (ap->public_url.n == 0)
		yaml_error(d, y,
		    "public_url is missing: where people reach the page, such as "
		    "https://gridwarden.example.com:8444");
	else if (!endpoint_parse_url(ap->public_url, &scheme, &host) || !str_is(scheme, "https") ||
		 ap->public_url.n > URL_MAX)
		yaml_error(d, at(y, "public_url"),
		    "public_url must begin with https:// and have at most %d bytes", URL_MAX);
}

static bool
is_written(const struct yaml *y, const char *key)
{
	return yaml_get(y, key) != NULL;
}

static void
check_channel(const struct settings *s, struct str name, const struct yaml *at_name,
    struct arena *a, struct diags *d)
{
	const char *names[NAMES_MAX], *near;
	size_t n = 0;

	if (name.n > APPROVAL_CHANNEL_MAX)
		yaml_error(d, at_name,
		    "a channel whose cards hold links has a name of at most %d bytes",
		    APPROVAL_CHANNEL_MAX);
	if (settings_channel(s, name) != NULL)
		return;
	for (size_t i = 0; i < s->n_channels && n < NAMES_MAX; i++)
		names[n++] = arena_cstr(a, s->channels[i].name);
	near = str_nearest(name, names, n);
	yaml_error(d, at_name, "there is no channel '%.*s'%s%s%s", STR_ARG(name), NEAR_ARG(near));
}

/* One link of a channel counts once: with too few channels somebody has to use the command line. */
static void
check_quorum(const struct settings *s, const struct yaml *y, struct diags *d)
{
	const struct settings_approvals *ap = &s->approvals;
	size_t channels = ap->n_channels > 0 ? ap->n_channels : s->n_channels;

	if (ap->address.n > 0 && ap->quorum > (int64_t)channels)
		yaml_warning(d, at(y, "quorum"),
		    "links count once for each channel, and the cards of %zu hold links: the other "
		    "approvals are given with 'gridwarden approve'",
		    channels);
}

void
settings_approvals_check(
    const struct settings *s, const struct yaml *y, struct arena *a, struct diags *d)
{
	const struct settings_approvals *ap = &s->approvals;
	const struct yaml *channels = yaml_get(y, "channels");

	if (y == NULL || y->type != YAML_MAPPING)
		return;
	if (ap->address.n > 0)
		check_page(ap, y, d);
	else if (!is_written(y, "listen") && is_written(y, "public_url"))
		yaml_error(
		    d, at(y, "public_url"), "public_url is for the page, and listen is missing");
	for (size_t i = 0; channels != NULL && i < ap->n_channels; i++)
		check_channel(s, ap->channels[i], yaml_entry(channels, i), a, d);
	check_quorum(s, y, d);
}
