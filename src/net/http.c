/*
 * An exchange:
 *	the URL is parsed by libcurl's own parser and refused unless it may be called;
 *	the handle is set up from nothing, only its open connections are kept between calls;
 *	header lines and body are copied into the caller's arena, each up to a cap.
 *
 * What can go wrong: no answer at all (name, connect, TLS, cut, silence, too slow, too large, we
 * end). Then nobody knows whether the other side acted; the caller has to look.
 */
#include "net/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/buf.h"
#include "base/file.h"

/* All header lines of one answer together. */
#define HEADER_BYTES_MAX (256 * 1024)
/* Slower than this for that long is a hang. */
#define SLOW_BYTES_PER_S 1L
#define SLOW_S 30L
/* Where Debian keeps the system's trust, one file for each authority. */
#define SYSTEM_TRUST "/etc/ssl/certs"
#define METADATA_ADDRESS "169.254.169.254"
/* No service means a longer wait than this. */
#define RETRY_AFTER_MAX_MS (24 * 3600 * INT64_C(1000))
#define URL_FILE_RETRY_MS 30000

struct http {
	CURL *easy;
	char *ca_file;
	const atomic_bool *ending; /* NULL = nobody cuts calls off */
	char problem[CURL_ERROR_SIZE];
};

struct place {
	char *scheme, *host, *port, *user;
};

bool
http_global_init(struct err *e)
{
	CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);

	if (rc != CURLE_OK)
		return fail(e, ERR_SYSTEM, "cannot start libcurl: %s", curl_easy_strerror(rc));
	return true;
}

struct http *
http_new(const char *ca_file)
{
	struct http *h = xcalloc(1, sizeof(*h));

	h->easy = curl_easy_init();
	if (h->easy == NULL)
		abort();
	h->ca_file = ca_file == NULL || ca_file[0] == '\0' ? NULL : xstrdup(ca_file);
	return h;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	curl_easy_cleanup(h->easy);
	free(h->ca_file);
	free(h);
}

void
http_obey(struct http *h, const atomic_bool *ending)
{
	h->ending = ending;
}

bool
http_is_ending(const struct http *h)
{
	return h->ending != NULL && atomic_load(h->ending);
}

/* ---- addresses ---- */

static void
place_done(struct place *p)
{
	curl_free(p->scheme);
	curl_free(p->host);
	curl_free(p->port);
	curl_free(p->user);
}

/* curl reads "https:/host" and "https:///host" as "https://host"; others may not. */
static bool
has_two_slashes(struct str url)
{
	const char *colon = url.n == 0 ? NULL : memchr(url.p, ':', url.n);
	struct str rest =
	    colon == NULL ? STR_EMPTY : str_slice(url, (size_t)(colon - url.p), url.n);

	return rest.n > 3 && memcmp(rest.p, "://", 3) == 0 && rest.p[3] != '/';
}

static bool
place_parse(struct str url, struct place *p)
{
	CURLU *u = curl_url();
	char *text = xstrndup(url);
	bool ok;

	*p = (struct place){ 0 };
	ok = u != NULL && memchr(url.p, '\0', url.n) == NULL && has_two_slashes(url) &&
	     curl_url_set(u, CURLUPART_URL, text, 0) == CURLUE_OK &&
	     curl_url_get(u, CURLUPART_SCHEME, &p->scheme, 0) == CURLUE_OK &&
	     curl_url_get(u, CURLUPART_HOST, &p->host, 0) == CURLUE_OK &&
	     curl_url_get(u, CURLUPART_PORT, &p->port, CURLU_DEFAULT_PORT) == CURLUE_OK;
	if (ok)
		(void)curl_url_get(u, CURLUPART_USER, &p->user, 0);
	else
		place_done(p);
	curl_url_cleanup(u);
	free(text);
	return ok;
}

static bool
is_loopback(const char *host)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return str_is_nocase(str_of(host), "localhost") || strcmp(host, "[::1]") == 0;
}

static bool
may_be_plain(const struct place *p)
{
	return is_loopback(p->host) ||
	       (strcmp(p->host, METADATA_ADDRESS) == 0 && strcmp(p->port, "80") == 0);
}

/* Such a call never leaves the machine and its host. */
static bool
is_link_local(const struct place *p)
{
	struct in_addr v4;

	return p->user == NULL && strcmp(p->scheme, "http") == 0 &&
	       inet_pton(AF_INET, p->host, &v4) == 1 && ntohl(v4.s_addr) >> 16 == 0xa9fe;
}

static bool
place_allowed(const struct place *p, struct err *e)
{
	if (p->user != NULL)
		return fail(e, ERR_INPUT, "the address of %s must not hold a user name", p->host);
	if (strcmp(p->scheme, "https") == 0)
		return true;
	if (strcmp(p->scheme, "http") != 0)
		return fail(e, ERR_INPUT, "the address of %s must begin with https://", p->host);
	if (!may_be_plain(p))
		return fail(e, ERR_INPUT,
		    "plain http to %s is refused: it is for loopback addresses only", p->host);
	return true;
}

bool
http_url_allowed(struct str url, struct err *e)
{
	struct place p;
	bool ok;

	if (!place_parse(url, &p))
		return fail(e, ERR_INPUT, "not an https:// address");
	ok = place_allowed(&p, e);
	place_done(&p);
	return ok;
}

bool
http_read_url(struct str file, struct arena *a, struct str *url, struct err *e)
{
	if (!file_read_secret(arena_cstr(a, file), a, url, e)) {
		e->kind = ERR_AGAIN;
		e->retry_ms = URL_FILE_RETRY_MS;
		return fail_in(e, "url_file");
	}
	return http_url_allowed(*url, e) || fail_in(e, "url_file %.*s", STR_ARG(file));
}

bool
http_origin(struct str url, struct arena *a, struct str *origin)
{
	struct place p;

	if (!place_parse(url, &p))
		return false;
	for (char *c = p.host; *c != '\0'; c++)
		*c = ascii_lower(*c);
	*origin = arena_printf(a, "%s://%s:%s", p.scheme, p.host, p.port);
	place_done(&p);
	return true;
}

struct str
http_escape(struct str s, struct arena *a)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = arena_alloc(a, s.n * 3 + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '.' || c == '_' || c == '~') {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	return n == 0 ? STR_EMPTY : (struct str){ out, n };
}

/* ---- the answer as it comes in ---- */

struct incoming {
	struct arena *arena;
	struct http_header *headers; /* HTTP_HEADERS_MAX */
	size_t n_headers, header_bytes;
	struct buf body;
	const char *too_large; /* which cap was passed; NULL = none */
};

static size_t
take_header(char *p, size_t size, size_t n, void *ctx)
{
	struct incoming *in = ctx;
	struct str line = str_trim((struct str){ p, size * n });
	const char *colon = line.n == 0 ? NULL : memchr(line.p, ':', line.n);

	in->header_bytes += size * n;
	/* Also after "100 Continue": only the last block of headers counts. */
	if (str_starts_nocase(line, STR("HTTP/")))
		in->n_headers = 0;
	else if (in->n_headers == HTTP_HEADERS_MAX || in->header_bytes > HEADER_BYTES_MAX)
		in->too_large = "headers";
	else if (colon != NULL) {
		size_t at = (size_t)(colon - line.p);
		struct str value = str_trim(str_slice(line, at + 1, line.n));

		in->headers[in->n_headers++] = (struct http_header){
			.name = arena_lower(in->arena, str_slice(line, 0, at)).p,
			.value = value.n == 0 ? STR_EMPTY : arena_str(in->arena, value),
		};
	}
	return in->too_large != NULL ? 0 : size * n;
}

static size_t
take_body(char *p, size_t size, size_t n, void *ctx)
{
	struct incoming *in = ctx;

	buf_add(&in->body, (struct str){ p, size * n });
	if (!buf_over(&in->body))
		return size * n;
	in->too_large = "body";
	return 0;
}

/* ---- one exchange ---- */

/* At least once a second, whatever the call waits for.  Not 0: it is cut off. */
static int
on_progress(void *ctx, curl_off_t dl_max, curl_off_t dl, curl_off_t ul_max, curl_off_t ul)
{
	struct http *h = ctx;

	(void)dl_max;
	(void)dl;
	(void)ul_max;
	(void)ul;
	if (!http_is_ending(h))
		return 0;
	/* Or the end would wait for a name service that does not answer. */
	curl_easy_setopt(h->easy, CURLOPT_QUICK_EXIT, 1L);
	return 1;
}

static bool
has_line_break(struct str s)
{
	return s.n > 0 && (memchr(s.p, '\r', s.n) != NULL || memchr(s.p, '\n', s.n) != NULL ||
			      memchr(s.p, '\0', s.n) != NULL);
}

static bool
header_list(const struct http_request *rq, struct arena *a, struct curl_slist **list, struct err *e)
{
	struct curl_slist *more;

	/* Neither waits for "100 Continue" nor says what it does not know. */
	*list = curl_slist_append(NULL, "Expect:");
	for (size_t i = 0; *list != NULL && i < rq->n_headers; i++) {
		struct str value = rq->headers[i].value;

		if (has_line_break(value)) {
			curl_slist_free_all(*list);
			return fail(e, ERR_INPUT, "the header %s would hold a line break",
			    rq->headers[i].name);
		}
		more = curl_slist_append(
		    *list, arena_printf(a, "%s: %.*s", rq->headers[i].name, STR_ARG(value)).p);
		if (more == NULL)
			abort();
		*list = more;
	}
	if (*list == NULL)
		abort();
	return true;
}

static bool
only_reads(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static void
set_safety(const struct http *h, int64_t timeout_ms)
{
	CURL *c = h->easy;

	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, ""); /* the environment must not choose who reads us */
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_TIMEOUT_MS);
	curl_easy_setopt(
	    c, CURLOPT_TIMEOUT_MS, (long)(timeout_ms > 0 ? timeout_ms : HTTP_TIMEOUT_MS));
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_PER_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, SLOW_S);
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE, (long)HTTP_RESPONSE_MAX);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (h->ca_file != NULL) {
		curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
		curl_easy_setopt(c, CURLOPT_CAPATH, SYSTEM_TRUST);
	}
}

static void
set_request(CURL *c, const struct http_request *rq, const char *url, struct curl_slist *headers)
{
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	if (rq->has_body) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.n);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, rq->body.p);
	}
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method);
	if (strcmp(rq->method, "HEAD") == 0)
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	/*
	 * libcurl sends a request again, unasked, when a kept connection turns out dead: what may
	 * change something gets a connection of its own and goes out at most once.
	 */
	if (!only_reads(rq->method))
		curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
}

static CURLcode
perform(struct http *h, struct incoming *in, int *status)
{
	CURLcode rc;
	long code = 0;

	curl_easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(h->easy, CURLOPT_HEADERDATA, in);
	curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, in);
	curl_easy_setopt(h->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h->easy, CURLOPT_XFERINFODATA, h);
	curl_easy_setopt(h->easy, CURLOPT_NOPROGRESS, 0L);
	h->problem[0] = '\0';
	curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->problem);
	rc = curl_easy_perform(h->easy);
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &code);
	*status = (int)code;
	return rc;
}

static bool
no_answer(
    const struct http *h, CURLcode rc, const struct incoming *in, const char *host, struct err *e)
{
	if (in->too_large != NULL || rc == CURLE_FILESIZE_EXCEEDED)
		return fail_again(e, 0, "the answer of %s is too large (%s)", host,
		    in->too_large != NULL ? in->too_large : "body");
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return fail_again(e, 0, "no answer from %s: cut off, since we are ending", host);
	return fail_again(e, 0, "no answer from %s: %s", host,
	    h->problem[0] != '\0' ? h->problem : curl_easy_strerror(rc));
}

bool
http_call(struct http *h, const struct http_request *rq, struct arena *a, struct http_response *rs,
    struct err *e)
{
	struct incoming in = { .arena = a };
	struct curl_slist *headers = NULL;
	struct place place;
	int status = 0;
	CURLcode rc;
	bool ok;

	if (!place_parse(rq->url, &place))
		return fail(e, ERR_INPUT, "not an https:// address");
	ok = (rq->link_local && is_link_local(&place)) || place_allowed(&place, e);
	if (ok && http_is_ending(h))
		ok = fail_again(e, 0, "%s is not asked: we are ending", place.host);
	if (!ok || !header_list(rq, a, &headers, e)) {
		place_done(&place);
		return false;
	}
	in.headers = arena_alloc(a, HTTP_HEADERS_MAX * sizeof(*in.headers));
	buf_init(&in.body, HTTP_RESPONSE_MAX);
	curl_easy_reset(h->easy);
	set_safety(h, rq->timeout_ms);
	set_request(h->easy, rq, arena_cstr(a, rq->url), headers);
	rc = perform(h, &in, &status);
	ok = rc == CURLE_OK ? true : no_answer(h, rc, &in, place.host, e);
	if (ok)
		*rs = (struct http_response){
			.status = status,
			.headers = in.headers,
			.n_headers = in.n_headers,
			.body = in.body.n == 0 ? STR_EMPTY : arena_str(a, buf_str(&in.body)),
		};
	curl_slist_free_all(headers);
	buf_done(&in.body);
	place_done(&place);
	return ok;
}

/* ---- reading an answer ---- */

struct str
http_get_header(const struct http_response *rs, const char *name)
{
	for (size_t i = 0; i < rs->n_headers; i++)
		if (str_is_nocase(str_of(rs->headers[i].name), name))
			return rs->headers[i].value;
	return STR_EMPTY;
}

static int64_t
at_most(int64_t ms)
{
	return ms < 0 ? 0 : ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
}

/* The year 36812: what is later is as far away. */
#define DATE_SECONDS_MAX (INT64_C(1) << 40)

/* An HTTP date, milliseconds of the wall clock; -1 when it is none. */
static int64_t
date_ms(struct str value)
{
	char date[64];
	time_t at;

	if (value.n == 0 || value.n >= sizeof(date))
		return -1;
	memcpy(date, value.p, value.n);
	date[value.n] = '\0';
	at = curl_getdate(date, NULL);
	if (at < 0)
		return -1;
	return (at < DATE_SECONDS_MAX ? (int64_t)at : DATE_SECONDS_MAX) * 1000;
}

int64_t
http_date_ms(const struct http_response *rs)
{
	return date_ms(http_get_header(rs, "date"));
}

int64_t
http_retry_after_ms(const struct http_response *rs, int64_t now_ms)
{
	static const char *const in_ms[] = { "retry-after-ms", "x-ms-retry-after-ms" };
	struct str value;
	int64_t n, at;

	for (size_t i = 0; i < sizeof(in_ms) / sizeof(in_ms[0]); i++)
		if (str_to_int(http_get_header(rs, in_ms[i]), 0, INT64_MAX, &n))
			return at_most(n);
	value = http_get_header(rs, "retry-after");
	if (str_to_int(value, 0, INT64_MAX, &n))
		return at_most(n > RETRY_AFTER_MAX_MS ? n : n * 1000);
	at = date_ms(value);
	return at < 0 ? -1 : at_most(at - now_ms);
}
