/*
 * One HTTPS exchange.  The only user of libcurl.  No redirects, no proxy unless configured, TLS 1.2
 * or newer, every byte and second bounded.  Plain http is for loopback addresses and for the
 * instance metadata service only, and for link-local ones when the caller says so.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct http_header {
	const char *name;
	struct str value;
};

struct http_request {
	const char *method; /* "GET", "PUT", ... */
	struct str url;	    /* absolute, already escaped */
	const struct http_header *headers;
	size_t n_headers;
	struct str body;
	bool has_body;	    /* an empty body is sent with Content-Length: 0 */
	bool link_local;    /* plain http to 169.254.0.0/16 too: identity endpoints are there */
	int64_t timeout_ms; /* whole exchange; 0 = HTTP_TIMEOUT_MS */
};

#define HTTP_TIMEOUT_MS 60000
#define HTTP_CONNECT_TIMEOUT_MS 10000
/* Azure Resource Manager passes at most 8 MB on. */
#define HTTP_RESPONSE_MAX (9 * 1024 * 1024)
#define HTTP_HEADERS_MAX 100

struct http_response {
	int status;
	struct http_header *headers; /* names in lower case */
	size_t n_headers;
	struct str body;
};

struct http; /* one thread's handle: it keeps connections open between calls */

bool http_global_init(struct err *e) MUST_CHECK; /* once, before threads */
struct http *http_new(const char *ca_file);	 /* NULL = the system's trust */
void http_free(struct http *h);
/*
 * While *ending is true the handle's calls are cut off, about a second later, and none begins: both
 * is "no answer", and whether the other side acted is not known.  It must outlive h.
 */
void http_obey(struct http *h, const atomic_bool *ending);
bool http_is_ending(const struct http *h);

/*
 * True: an answer came, whatever its status.  False: none did, kind ERR_AGAIN, except ERR_INPUT for
 * a URL that must not be called.  The query of the URL never appears in an error text: it may hold
 * a secret.
 */
bool http_call(struct http *h, const struct http_request *rq, struct arena *a,
    struct http_response *rs, struct err *e) MUST_CHECK;

struct str http_get_header(const struct http_response *rs, const char *name); /* "" when absent */

/* Retry-After (seconds or HTTP date), retry-after-ms, x-ms-retry-after-ms; -1 when absent. */
int64_t http_retry_after_ms(const struct http_response *rs, int64_t now_ms);

/* Date: what the server's clock says, milliseconds of the wall clock; -1 when absent. */
int64_t http_date_ms(const struct http_response *rs);

/* scheme://host:port of a URL, lower case, default port filled in; for comparing hosts. */
bool http_origin(struct str url, struct arena *a, struct str *origin);
/* May this URL be called?  https, or http on a loopback address. */
bool http_url_allowed(struct str url, struct err *e) MUST_CHECK;
/*
 * A URL that is a secret, from its file, read each time: a new one needs no restart.  ERR_AGAIN
 * when the file cannot be read: an administrator may be at work on it.  The URL is never in e.
 */
bool http_read_url(struct str file, struct arena *a, struct str *url, struct err *e) MUST_CHECK;
/* Percent-encode all but unreserved characters. */
struct str http_escape(struct str s, struct arena *a);

/*
 * What the other side says about a refusal, as one short line: the message of one of the usual
 * shapes of JSON errors (Azure, ServiceNow, Jira, PagerDuty), else the text.
 */
struct str http_said(struct str body, struct arena *a);

#endif
