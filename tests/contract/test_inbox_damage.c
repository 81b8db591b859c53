/* What the journal must do with files that are torn, damaged, missing or half made. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inbox_world.h"

static void
expect_two_then_go_on(const char *damage, size_t at)
{
	struct inbox *in = open_inbox(0);
	uint64_t after = 0;
	struct err e;

	if (read_numbered(in, &after) != 1 || read_numbered(in, &after) != 2 ||
	    read_numbered(in, &after) != 0) {
		print_error("%s at %zu: not the first two records\n", damage, at);
		_fail(__FILE__, __LINE__);
	}
	CHECK_OK(append_numbered(in, 3, 20, &e));
	CHECK_OK(append_numbered(in, 4, 20, &e));
	inbox_close(in);
	in = open_inbox(0);
	CHECK_INT(count_records(in), 4);
	inbox_close(in);
}

TEST(a_tail_torn_at_any_byte_is_cut)
{
	struct image im;
	size_t from, to;

	write_numbered(3, 20, &im);
	from = image_find(&im, "delivery 000002") + 36;
	to = image_find(&im, "delivery 000003") + 36;
	for (size_t at = from; at < to; at++) {
		image_write(&im, at);
		CHECK(truncate(im.path, (off_t)im.n) == 0); /* zeros behind it */
		expect_two_then_go_on("torn", at);
	}
	image_done(&im);
}

TEST(what_was_torn_is_zeroed)
{
	struct image im, mended;
	size_t middle;

	write_numbered(3, 20, &im);
	middle = image_find(&im, "delivery 000003") + 20;
	memset(im.bytes + middle, 0, im.n - middle);
	image_write(&im, im.n);
	inbox_close(open_inbox(0));
	image_read(&mended, "segment-000001");
	CHECK(memmem(mended.bytes, mended.n, "delivery 000002", 15) != NULL);
	CHECK(memmem(mended.bytes, mended.n, "delivery 000003", 15) == NULL);
	image_done(&im);
	image_done(&mended);
}

TEST(a_file_cut_short_at_any_byte_of_the_tail_still_opens)
{
	struct image im;
	struct inbox *in;
	size_t from, to;

	write_numbered(3, 20, &im);
	from = image_find(&im, "delivery 000002") + 36;
	from += (8 - from % 8) % 8;
	to = image_find(&im, "delivery 000003") + 36;
	for (size_t at = from; at < to; at++) {
		image_write(&im, at);
		in = open_inbox(0);
		CHECK_INT(count_records(in), 2);
		inbox_close(in);
	}
	image_done(&im);
}

TEST(a_flipped_bit_at_any_byte_of_the_last_record_cuts_it)
{
	struct image im;
	size_t from, to;

	write_numbered(3, 20, &im);
	from = image_find(&im, "delivery 000002") + 36;
	from += (8 - from % 8) % 8;
	to = image_find(&im, "delivery 000003") + 36;
	for (size_t at = from; at < to; at++) {
		im.bytes[at] = (char)(im.bytes[at] ^ 0x10);
		image_write(&im, im.n);
		im.bytes[at] = (char)(im.bytes[at] ^ 0x10);
		expect_two_then_go_on("flipped", at);
	}
	image_done(&im);
}

TEST(damage_in_the_middle_loses_that_record_only_and_is_told_at_each_start)
{
	struct image im;
	size_t from, to;

	write_numbered(3, 20, &im);
	from = image_find(&im, "delivery 000001") + 36;
	from += (8 - from % 8) % 8;
	to = image_find(&im, "delivery 000002") + 36;
	for (size_t at = from; at < to; at++) {
		im.bytes[at] = (char)(im.bytes[at] ^ 0x01);
		image_write(&im, im.n);
		im.bytes[at] = (char)(im.bytes[at] ^ 0x01);
		for (int start = 0; start < 2; start++) {
			struct inbox *in = open_inbox(0);
			struct inbox_figures f;
			uint64_t after = 0;

			CHECK_INT(read_numbered(in, &after), 1);
			CHECK_INT(read_numbered(in, &after), 3);
			CHECK_INT(read_numbered(in, &after), 0);
			inbox_figures(in, &f);
			CHECK_INT(f.lost, 1);
			CHECK_HAS(f.damage, "segment-000001");
			CHECK_HAS(f.damage, "records 2 to 2 cannot be read");
			inbox_close(in);
		}
	}
	image_done(&im);
}

TEST(damage_to_decided_records_is_no_loss)
{
	struct inbox_figures f;
	struct inbox *in;
	struct image im;

	write_numbered(3, 20, &im);
	im.bytes[image_find(&im, "delivery 000002")] = 'D';
	image_write(&im, im.n);
	in = open_inbox(2);
	inbox_figures(in, &f);
	CHECK_INT(f.lost, 0);
	CHECK_CSTR(f.damage, "");
	inbox_close(in);
	image_done(&im);
}

TEST(a_bit_that_flips_while_it_runs_is_told_with_its_place_and_can_be_passed)
{
	struct inbox *in = new_inbox();
	struct arena *a = arena_new();
	uint64_t after = 1;
	struct delivery d;
	struct image im;
	struct err e;
	bool found;
	int fd;

	for (uint64_t i = 1; i <= 3; i++)
		CHECK_OK(append_numbered(in, i, 20, &e));
	image_read(&im, "segment-000001");
	fd = open(im.path, O_WRONLY);
	CHECK(pwrite(fd, "D", 1, (off_t)image_find(&im, "delivery 000002")) == 1);
	close(fd);
	CHECK(!inbox_read(in, 1, a, &d, &found, &e));
	CHECK_INT(e.kind, ERR_NOT_FOUND);
	CHECK_HAS(e.text, "segment-000001 at ");
	CHECK_HAS(e.text, "record 2 does not hold any more");
	after = 2;
	CHECK_INT(read_numbered(in, &after), 3);
	image_done(&im);
	arena_free(a);
	inbox_close(in);
}

TEST(a_power_cut_that_keeps_any_sectors_of_the_last_write_loses_nothing_answered)
{
	enum { SECTOR = 512 };
	struct image before, after;
	struct inbox *in;
	struct sample s[3];
	struct delivery *d[3];
	static char bodies[3][3000];
	unsigned chance = 4711;
	struct err e;

	write_numbered(5, 300, &before);
	in = open_inbox(0);
	for (uint64_t i = 0; i < 3; i++) {
		snprintf(bodies[i], sizeof(bodies[i]), "delivery %06d %02000d", (int)i + 6, 0);
		d[i] = sample(&s[i], bodies[i], i + 6);
	}
	CHECK_OK(inbox_append(in, d, 3, &e));
	inbox_close(in);
	image_read(&after, "segment-000001");
	for (int round = 0; round < 200; round++) {
		struct image mixed = after;
		struct inbox_figures f;
		uint64_t seq = 0, n, last = 5;

		mixed.bytes = malloc(mixed.n);
		for (size_t at = 0; at < mixed.n; at += SECTOR)
			memcpy(mixed.bytes + at,
			    (rand_r(&chance) & 1 ? before.bytes : after.bytes) + at, SECTOR);
		image_write(&mixed, mixed.n);
		free(mixed.bytes);
		in = open_inbox(0);
		for (uint64_t i = 1; i <= 5; i++)
			CHECK_INT(read_numbered(in, &seq), i);
		for (; (n = read_numbered(in, &seq)) != 0; last = n)
			CHECK(n > last && n <= 8);
		inbox_figures(in, &f);
		CHECK_INT(f.lost, 0);
		CHECK_OK(append_numbered(in, 9, 300, &e));
		inbox_close(in);
		in = open_inbox(0);
		inbox_figures(in, &f);
		CHECK_INT(f.lost, 0);
		inbox_close(in);
	}
	image_done(&before);
	image_done(&after);
}

TEST(a_segment_used_again_does_not_give_its_old_records_back)
{
	struct inbox *in = new_inbox();
	uint64_t after = 0, n = 0;
	struct inbox_figures f;
	struct err e;

	/* Four times round: what lies behind the newest record is always an older one. */
	for (int round = 0; round < 4; round++) {
		while (append_numbered(in, n + 1, 5000 + (size_t)round * 64, &e))
			n++;
		CHECK_INT(e.kind, ERR_AGAIN);
		while (read_numbered(in, &after) != 0)
			;
		CHECK_INT(after, n);
		inbox_release(in, n);
		CHECK_OK(append_numbered(in, ++n, 777, &e));
		inbox_close(in);
		in = open_inbox(n - 1);
		after = 0;
		CHECK_INT(read_numbered(in, &after), n);
		CHECK_INT(read_numbered(in, &after), 0);
		inbox_release(in, n);
		inbox_figures(in, &f);
		CHECK_INT(f.lost, 0);
	}
	inbox_close(in);
}

TEST(a_body_that_looks_like_a_record_is_not_one)
{
	struct image im;
	struct inbox *in;
	struct sample s;
	struct delivery *d;
	size_t at;
	struct err e;

	/* A record of another journal, front and all, as the body of a delivery here. */
	write_numbered(2, 200, &im);
	at = image_find(&im, "delivery 000002") - 120;
	in = new_inbox();
	CHECK_OK(append_numbered(in, 1, 20, &e));
	d = sample(&s, "", 2);
	d->body = (struct str){ im.bytes + at, 400 };
	CHECK_OK(inbox_append(in, &d, 1, &e));
	inbox_close(in);
	image_done(&im);
	/* The delivery around it is damaged, so the bytes inside are searched for records. */
	image_read(&im, "segment-000001");
	at = image_find(&im, "delivery 000002") - 200;
	im.bytes[at] = (char)~im.bytes[at];
	image_write(&im, im.n);
	in = open_inbox(0);
	CHECK_INT(count_records(in), 1);
	inbox_close(in);
	image_done(&im);
}

TEST(a_segment_whose_header_cannot_be_read_is_set_aside_and_told)
{
	struct inbox_figures f;
	struct image im;
	struct inbox *in;
	struct err e;

	write_numbered(3, 20, &im);
	memset(im.bytes, 0x55, 100);
	image_write(&im, im.n);
	in = open_inbox(0); /* one copy of the header is enough */
	CHECK_INT(count_records(in), 3);
	inbox_close(in);
	memset(im.bytes + 4096, 0x55, 100);
	image_write(&im, im.n);
	in = open_inbox(0);
	CHECK_INT(count_records(in), 0);
	inbox_figures(in, &f);
	CHECK_HAS(f.damage, "set aside as unreadable-segment-000001");
	CHECK_OK(append_numbered(in, 4, 20, &e));
	inbox_close(in);
	snprintf(im.path, sizeof(im.path), "%s/unreadable-segment-000001", folder);
	CHECK(access(im.path, F_OK) == 0);
	image_done(&im);
}

TEST(a_missing_segment_is_told)
{
	struct inbox *in = new_inbox();
	struct inbox_figures f;
	char path[128];
	struct err e;

	for (uint64_t i = 1; i <= 15; i++)
		CHECK_OK(append_numbered(in, i, 10000, &e));
	inbox_close(in);
	snprintf(path, sizeof(path), "%s/segment-000002", folder);
	CHECK(unlink(path) == 0);
	in = open_inbox(0);
	inbox_figures(in, &f);
	CHECK_INT(f.lost, 5);
	CHECK_HAS(f.damage, "records 6 to 10 cannot be read");
	CHECK_INT(count_records(in), 10);
	inbox_close(in);
}

TEST(a_half_made_segment_is_made_anew)
{
	char path[128];
	struct inbox *in = new_inbox();
	struct err e;
	int fd;

	inbox_close(in);
	snprintf(path, sizeof(path), "%s/draft", folder);
	fd = open(path, O_WRONLY | O_CREAT, 0640);
	CHECK(fd >= 0 && write(fd, "half", 4) == 4);
	close(fd);
	in = open_inbox(0);
	for (uint64_t i = 1; i <= 15; i++)
		CHECK_OK(append_numbered(in, i, 10000, &e));
	CHECK_INT(count_records(in), 15);
	inbox_close(in);
}

TEST(thousands_of_files_in_the_folder_are_no_hindrance)
{
	struct inbox *in = new_inbox();
	char path[128];
	struct err e;

	CHECK_OK(append_numbered(in, 1, 20, &e));
	inbox_close(in);
	for (unsigned n = 1; n <= 3000; n++) {
		snprintf(path, sizeof(path), "%s/unreadable-segment-%06u", folder, n);
		close(open(path, O_WRONLY | O_CREAT, 0640));
	}
	in = open_inbox(0);
	CHECK_INT(count_records(in), 1);
	inbox_close(in);
}

TEST(files_are_closed_to_others)
{
	struct stat st;
	char path[128];

	inbox_close(new_inbox());
	snprintf(path, sizeof(path), "%s/segment-000001", folder);
	CHECK(stat(path, &st) == 0);
	CHECK_INT(st.st_mode & 07777, 0640);
}
