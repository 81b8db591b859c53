/* What is gathered into pages lies in the file byte for byte, whatever the pieces. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "folder.h"
#include "store/pages.h"
#include "test.h"

#define MIB (1024 * 1024)

/* A segment in use, and beside it what it should hold. */
struct world {
	struct segment *s;
	struct pages p;
	char *wanted;
	size_t n;
};

static void
begin(struct world *w, int64_t size)
{
	struct err e;

	folder_make("pages");
	*w = (struct world){ .wanted = xcalloc(1, (size_t)size) };
	CHECK_OK(segment_make(folder, 1, size, &w->s, &e));
	CHECK_OK(segment_use(w->s, 1, 1, &e));
	pages_init(&w->p);
	CHECK_OK(pages_begin(&w->p, w->s, folder, &e));
}

static void
add(struct world *w, size_t n)
{
	struct err e;

	for (size_t i = 0; i < n; i++)
		w->wanted[w->n + i] = (char)('a' + (w->n + i) % 23);
	CHECK_OK(pages_add(&w->p, w->wanted + w->n, n, &e));
	w->n += n;
}

static void
flush(struct world *w)
{
	struct err e;

	CHECK_OK(pages_flush(&w->p, &e));
	CHECK_OK(segment_sync(w->s, &e));
	w->s->end = SEGMENT_DATA + (int64_t)w->n;
}

/* The file holds what was added, then zeros up to the end of a page at least. */
static void
check(struct world *w)
{
	size_t rest = (PAGES_PAGE - w->n % PAGES_PAGE) % PAGES_PAGE;
	size_t room = (size_t)w->s->size - SEGMENT_DATA;
	size_t n = w->n + rest < room ? w->n + rest : room;
	char *got = xcalloc(1, n);
	struct err e;

	CHECK_OK(segment_read_exactly(w->s, SEGMENT_DATA, got, n, &e));
	CHECK(memcmp(got, w->wanted, n) == 0);
	free(got);
}

static void
end(struct world *w)
{
	pages_done(&w->p);
	segment_close(w->s);
	free(w->wanted);
	folder_remove();
}

TEST(pieces_of_any_size_in_groups_of_any_size_lie_one_behind_the_other)
{
	static const size_t sizes[] = { 1, 7, 4095, 4096, 4097, 3, 8192, 100, 12000, 4089, 8 };
	const size_t n = sizeof(sizes) / sizeof(sizes[0]);
	struct world w;

	begin(&w, MIB);
	for (size_t group = 1; group < 6; group++) {
		for (size_t i = 0; i < n; i++) {
			add(&w, sizes[i]);
			if (i % group == 0) {
				flush(&w);
				check(&w);
			}
		}
		flush(&w);
		check(&w);
	}
	end(&w);
}

TEST(a_group_larger_than_the_buffer_goes_out_in_several_writes)
{
	struct world w;

	begin(&w, 8 * MIB);
	add(&w, 100);
	add(&w, 3 * PAGES_SIZE + 5);
	flush(&w);
	check(&w);
	add(&w, PAGES_SIZE - (w.n % PAGES_SIZE)); /* ends with the buffer */
	flush(&w);
	check(&w);
	add(&w, 1);
	flush(&w);
	check(&w);
	end(&w);
}

/* As after a restart: what the last page held before must not become zeros. */
TEST(who_begins_in_the_middle_of_a_page_keeps_what_is_in_front)
{
	struct world w;
	struct err e;

	begin(&w, MIB);
	add(&w, 5000);
	flush(&w);
	pages_done(&w.p);
	pages_init(&w.p);
	CHECK_OK(pages_begin(&w.p, w.s, folder, &e));
	add(&w, 300);
	flush(&w);
	check(&w);
	end(&w);
}

/* As on a file system without O_DIRECT. */
TEST(a_file_that_does_not_end_with_a_page_is_filled_through_the_cache)
{
	struct world w;

	begin(&w, 64 * 1024 + 512);
	CHECK(w.p.direct < 0);
	add(&w, 5000);
	flush(&w);
	check(&w);
	add(&w, 64 * 1024 + 512 - SEGMENT_DATA - 5000);
	flush(&w);
	check(&w);
	end(&w);
}

TEST(a_write_that_the_kernel_does_not_allow_past_the_cache_goes_through_it)
{
	struct world w;

	begin(&w, MIB);
	add(&w, 6000);
	/* From the middle of a page: what a file system with larger ones says to all. */
	w.p.at += 16;
	w.p.segment->end += 16;
	flush(&w);
	w.p.at -= 16;
	{
		char *got = xcalloc(1, w.n);
		struct err e;

		CHECK_OK(segment_read_exactly(w.s, SEGMENT_DATA + 16, got, w.n, &e));
		CHECK(memcmp(got, w.wanted, w.n) == 0);
		free(got);
	}
	end(&w);
}

TEST(a_write_that_fails_names_the_segment)
{
	struct world w;
	struct err e;

	begin(&w, MIB);
	add(&w, 10);
	if (w.p.direct >= 0)
		close(w.p.direct);
	w.p.direct = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CHECK(w.p.direct >= 0);
	CHECK(!pages_flush(&w.p, &e));
	CHECK_HAS(e.text, "cannot write segment-000001");
	CHECK_INT(e.kind, ERR_AGAIN);
	end(&w);
}
