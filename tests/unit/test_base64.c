#include "base/base64.h"
#include "test.h"

static struct arena *arena;

static bool
decode(struct str text, struct str *out)
{
	arena_free(arena);
	arena = arena_new();
	return base64url_decode(text, arena, out);
}

TEST(texts_of_every_length_are_decoded)
{
	static const struct {
		const char *text, *bytes;
	} known[] = { { "", "" }, { "Zg", "f" }, { "Zm8", "fo" }, { "Zm9v", "foo" },
		{ "Zm9vYg", "foob" }, { "Zm9vYmE", "fooba" }, { "Zm9vYmFy", "foobar" },
		{ "-_-_", "\xfb\xff\xbf" } };
	struct str out;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		CHECK(decode(str_of(known[i].text), &out));
		CHECK_STR(out, known[i].bytes);
	}
}

TEST(every_byte_survives)
{
	char text[8];
	struct str out;

	for (int byte = 0; byte < 256; byte++) {
		static const char digits[] =
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

		text[0] = digits[byte >> 2];
		text[1] = digits[(byte & 3) << 4];
		CHECK(decode((struct str){ text, 2 }, &out));
		CHECK(out.n == 1 && (unsigned char)out.p[0] == byte);
	}
}

TEST(what_was_encoded_is_decoded_again)
{
	char bytes[70];
	struct str out;

	for (size_t n = 0; n <= sizeof(bytes); n++) {
		for (size_t i = 0; i < n; i++)
			bytes[i] = (char)(i * 37 + n * 11);
		CHECK(decode(STR(""), &out)); /* a new arena */
		CHECK(base64url_decode(
		    base64url_encode((struct str){ bytes, n }, arena), arena, &out));
		CHECK(str_eq(out, (struct str){ bytes, n }));
	}
}

TEST(what_could_be_written_in_two_ways_is_refused)
{
	static const struct str wrong[] = { { "Zg==", 4 }, { "Zg=", 3 }, { "Zm8=", 4 }, { "Z", 1 },
		{ "Zm9vY", 5 }, { "Zh", 2 }, { "Zm9", 3 }, { "Zm 9v", 5 }, { "Zm9v\n", 5 },
		{ "Zm9v\0", 5 }, { "+/+/", 4 }, { "Zm9v.", 5 }, { "Z\xc3\xa9g", 4 }, { "=", 1 } };
	struct str out;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (decode(wrong[i], &out)) {
			print_error("accepted: \"%.*s\"\n", STR_ARG(wrong[i]));
			CHECK(false);
		}
	CHECK(decode(STR("Zm8"), &out)); /* and its like without a stray bit is fine */
}

/* RFC 4648, section 10, and the two digits in which the forms differ. */
TEST(both_forms_are_written)
{
	static const struct {
		struct str bytes;
		const char *url, *plain;
	} known[] = { { { "", 0 }, "", "" }, { { "f", 1 }, "Zg", "Zg==" },
		{ { "fo", 2 }, "Zm8", "Zm8=" }, { { "foo", 3 }, "Zm9v", "Zm9v" },
		{ { "foob", 4 }, "Zm9vYg", "Zm9vYg==" }, { { "fooba", 5 }, "Zm9vYmE", "Zm9vYmE=" },
		{ { "foobar", 6 }, "Zm9vYmFy", "Zm9vYmFy" },
		{ { "\xfb\xff\xbf\0", 4 }, "-_-_AA", "+/+/AA==" } };
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		CHECK_STR(base64url_encode(known[i].bytes, a), known[i].url);
		CHECK_STR(base64_encode(known[i].bytes, a), known[i].plain);
	}
	arena_free(a);
}
