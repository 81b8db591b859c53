#include "base/err.h"

#include <errno.h>

#include "test.h"

TEST(a_failure_has_a_kind_and_words)
{
	struct err e = { .retry_ms = 99 };

	CHECK(!fail(&e, ERR_NOT_FOUND, "no %s called '%s'", "rule", "x"));
	CHECK_INT(e.kind, ERR_NOT_FOUND);
	CHECK_INT(e.retry_ms, 0);
	CHECK_CSTR(e.text, "no rule called 'x'");
}

TEST(a_failure_of_the_system_names_its_cause)
{
	struct err e;

	errno = ENOENT;
	CHECK(!fail_errno(&e, ERR_SYSTEM, "cannot open %s", "/x"));
	CHECK_CSTR(e.text, "cannot open /x: No such file or directory");
}

TEST(a_passing_failure_says_when_to_come_again)
{
	struct err e;

	CHECK(!fail_again(&e, 1500, "throttled"));
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_INT(e.retry_ms, 1500);
	CHECK_CSTR(e.text, "throttled");
}

TEST(context_goes_in_front_and_the_rest_stays)
{
	struct err e;

	fail_again(&e, 1500, "throttled");
	CHECK(!fail_in(&e, "isolate_vm %s", "web-01"));
	CHECK(!fail_in(&e, "step %d", 7));
	CHECK_CSTR(e.text, "step 7: isolate_vm web-01: throttled");
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_INT(e.retry_ms, 1500);
}

TEST(long_texts_lose_their_tail_never_their_context)
{
	char text[2 * ERR_TEXT_MAX];
	struct err e;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fail(&e, ERR_INPUT, "%s", text);
	CHECK_INT(strlen(e.text), ERR_TEXT_MAX - 1);
	fail_in(&e, "front");
	CHECK_INT(strlen(e.text), ERR_TEXT_MAX - 1);
	CHECK(strncmp(e.text, "front: xxx", 10) == 0);
	fail_in(&e, "%s", text);
	CHECK_INT(strlen(e.text), ERR_TEXT_MAX - 1);
	errno = ENOENT;
	fail_errno(&e, ERR_SYSTEM, "%s", text);
	CHECK_INT(strlen(e.text), ERR_TEXT_MAX - 1);
}

TEST(kinds_have_names)
{
	CHECK_CSTR(err_kind_name(ERR_INPUT), "input");
	CHECK_CSTR(err_kind_name(ERR_NOT_FOUND), "not found");
	CHECK_CSTR(err_kind_name(ERR_DENIED), "denied");
	CHECK_CSTR(err_kind_name(ERR_CONFLICT), "conflict");
	CHECK_CSTR(err_kind_name(ERR_AGAIN), "temporary");
	CHECK_CSTR(err_kind_name(ERR_SYSTEM), "system");
}
