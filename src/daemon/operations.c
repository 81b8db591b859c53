#include "daemon/operations.h"

#include <assert.h>

static const struct operations_page *
page_find(const struct operations_page *pages, struct str path)
{
	for (; pages->path != NULL; pages++)
		if (str_is(path, pages->path))
			return pages;
	return NULL;
}

static void
answer_short(struct request *rq, int status, const char *allow)
{
	struct reply r = { .status = status, .body = STR_EMPTY };

	if (allow != NULL)
		r.headers[r.n_headers++] = (struct reply_header){ "Allow", str_of(allow) };
	request_answer(rq, &r);
}

static void
answer_page(struct request *rq, const struct operations_page *page)
{
	struct reply r = { .content_type = page->content_type };
	struct buf out;

	buf_init(&out, OPERATIONS_PAGE_MAX);
	r.status = page->fill(page->ctx, &out);
	r.body = buf_str(&out);
	r.headers[r.n_headers++] = (struct reply_header){ "Cache-Control", STR("no-store") };
	if (buf_over(&out))
		answer_short(rq, 500, NULL);
	else
		request_answer(rq, &r);
	buf_done(&out);
}

static void
on_head(void *ctx, struct request *rq)
{
	if (page_find(ctx, request_path(rq)) == NULL)
		answer_short(rq, 404, NULL);
	else if (!str_is(request_method(rq), "GET") && !str_is(request_method(rq), "HEAD"))
		answer_short(rq, 405, "GET, HEAD");
}

static void
on_handle(void *ctx, struct request *rq)
{
	const struct operations_page *page = page_find(ctx, request_path(rq));

	assert(page != NULL); /* on_head answered otherwise */
	answer_page(rq, page);
}

struct listener_handler
operations_handler(const struct operations_page *pages)
{
	/* Handlers share one kind of context; these two only read theirs. */
	union {
		const struct operations_page *in;
		void *out;
	} ctx = { .in = pages };

	return (struct listener_handler){ .head = on_head, .handle = on_handle, .ctx = ctx.out };
}
