/* Which fronts of the journal's records are taken for what they say. */

#include "store/record.h"

#include <string.h>

#include "test.h"

#define MARK 7

/* A gap of 64 bytes from first up to behind, of which so many were answered with yes. */
static bool
gap_fits(uint64_t first, uint64_t behind, uint64_t lost)
{
	struct record_front f;

	record_build_gap(MARK, first, behind, lost, 64, &f);
	CHECK(record_holds(&f));
	return record_front_fits(&f, MARK, 64);
}

static bool
delivery_fits(uint64_t seq, uint64_t group)
{
	struct delivery d = { .headers = STR("h"), .body = STR("body") };
	_Alignas(RECORD_ALIGN) char bytes[128] = { 0 };
	struct record_front f;

	record_build(&d, MARK, seq, group, bytes);
	memcpy(bytes + record_front_size(&d), d.body.p, d.body.n);
	memcpy(&f, bytes, sizeof(f));
	CHECK(record_holds(bytes));
	return record_front_fits(&f, MARK, sizeof(bytes));
}

TEST(a_gap_spans_what_it_counts)
{
	CHECK(gap_fits(5, 8, 0));
	CHECK(gap_fits(5, 8, 3));
	CHECK(!gap_fits(5, 8, 4));
	CHECK(gap_fits(5, 5, 0));
	CHECK(!gap_fits(5, 4, 0)); /* the walk would go back, again and again */
}

TEST(a_delivery_is_not_older_than_its_write)
{
	CHECK(delivery_fits(5, 5));
	CHECK(delivery_fits(5, 4));
	CHECK(!delivery_fits(5, 6));
}

TEST(a_number_that_the_store_cannot_keep_does_not_fit)
{
	CHECK(delivery_fits(RECORD_SEQ_MAX, 1));
	CHECK(!delivery_fits(RECORD_SEQ_MAX + 1, 1));
	CHECK(gap_fits(1, RECORD_SEQ_MAX, 1));
	CHECK(!gap_fits(1, RECORD_SEQ_MAX + 1, 1));
}
