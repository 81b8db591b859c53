/*
 * What handlers may ask of a request: plain reading, nothing of libmicrohttpd.
 */
#include "request.h"

#include "daemon/query.h"

struct str
request_method(const struct request *rq)
{
	return rq->method;
}

struct str
request_path(const struct request *rq)
{
	return rq->path;
}

struct str
request_peer(const struct request *rq)
{
	return rq->peer;
}

struct str
request_body(const struct request *rq)
{
	return rq->body.n == 0 ? STR_EMPTY : (struct str){ rq->body.p, rq->body.n };
}

struct str
request_header_counted(const struct request *rq, const char *name, size_t *times)
{
	struct str wanted = str_of(name), first = STR_EMPTY;

	*times = 0;
	for (size_t i = 0; i < rq->n_headers; i++)
		if (str_eq_nocase(rq->headers[i].name, wanted) && (*times)++ == 0)
			first = str_trim(rq->headers[i].value);
	return first;
}

struct str
request_header(const struct request *rq, const char *name)
{
	size_t times;

	return request_header_counted(rq, name, &times);
}

size_t
request_header_count(const struct request *rq, const char *name)
{
	size_t times;

	(void)request_header_counted(rq, name, &times);
	return times;
}

struct str
request_query(struct request *rq, const char *name)
{
	return query_value(rq->query, name, rq->arena);
}

struct arena *
request_arena(struct request *rq)
{
	return rq->arena;
}
