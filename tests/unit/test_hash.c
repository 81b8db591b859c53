#include "base/hash.h"

#include "test.h"

TEST(crc32c_gives_the_known_answers)
{
	static const unsigned char zeros[32];
	unsigned char ones[32];

	memset(ones, 0xff, sizeof(ones));
	/* RFC 3720, B.4 */
	CHECK_INT(crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa);
	CHECK_INT(crc32c(0, ones, sizeof(ones)), 0x62a8ab43);
	CHECK_INT(crc32c(0, "123456789", 9), 0xe3069283);
	CHECK_INT(crc32c(0, "", 0), 0);
}

TEST(crc32c_of_parts_is_that_of_the_whole)
{
	static const char text[] = "an append-only journal of deliveries, framed and checksummed";
	uint32_t whole = crc32c(0, text, sizeof(text));

	for (size_t i = 0; i <= sizeof(text); i++)
		CHECK_INT(crc32c(crc32c(0, text, i), text + i, sizeof(text) - i), whole);
}

TEST(crc32c_sees_every_flipped_bit)
{
	unsigned char text[20] = "gridwarden";
	uint32_t right = crc32c(0, text, sizeof(text));

	for (size_t bit = 0; bit < 8 * sizeof(text); bit++) {
		text[bit / 8] ^= (unsigned char)(1 << bit % 8);
		CHECK(crc32c(0, text, sizeof(text)) != right);
		text[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
}

TEST(digests_of_parts_carry_their_lengths)
{
	const struct str parts[] = { STR("ab"), STR("c") }, moved[] = { STR("a"), STR("bc") };
	char hex[SHA256_HEX_MAX], other[SHA256_HEX_MAX];

	sha256_parts_hex(parts, 2, hex);
	CHECK_CSTR(hex, "43ee655579de01ca739b3f95c1c2d3f46d353b2c0df818064ea594506cdb2617");
	sha256_parts_hex(moved, 2, other);
	CHECK(strcmp(hex, other) != 0);
	sha256_parts_hex(NULL, 0, hex);
	CHECK_CSTR(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
check_hash128(const struct str *parts, size_t n, const char *want)
{
	unsigned char key[HASH_KEY_SIZE];
	struct hash128 hash;
	char hex[33];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)i;
	hash128_parts(key, parts, n, &hash);
	hex_encode(hash.bytes, sizeof(hash.bytes), hex);
	CHECK_CSTR(hex, want);
}

/*
 * Made with the definition in RFC 8439, 2.5.1, in whole numbers of any size, by a program that
 * gives the tag of its example, 2.5.2.
 */
TEST(hash128_gives_the_known_answers)
{
	static char many[4096];
	const struct str parts[] = { STR("ab"), STR("c") }, moved[] = { STR("a"), STR("bc") };
	const struct str large[] = { { many, sizeof(many) }, STR("") };

	memset(many, 'x', sizeof(many));
	check_hash128(NULL, 0, "101112131415161718191a1b1c1d1e1f");
	check_hash128(parts, 2, "e8d4e18443b48872b3fe852df1cec4d0");
	check_hash128(moved, 2, "ce7c5b10c8c76f20cace286b2c03864b");
	check_hash128(large, 2, "1de73c264c6da4b03cfd0cfbe435b2d3");
	check_hash128(parts, 2, "e8d4e18443b48872b3fe852df1cec4d0");
}

TEST(several_hashes_make_another_one_and_a_single_one_stays_itself)
{
	static const struct hash128 list[] = { { { 1 } }, { { 2 } } };
	static const struct hash128 turned[] = { { { 2 } }, { { 1 } } };
	struct hash128 one, both, other;

	hash128_all(list, 1, &one);
	CHECK(memcmp(&one, &list[0], sizeof(one)) == 0);
	hash128_all(list, 2, &both);
	hash128_all(turned, 2, &other);
	CHECK(memcmp(&both, &list[0], sizeof(both)) != 0);
	CHECK(memcmp(&both, &other, sizeof(both)) != 0);
}

TEST(hash128_depends_on_its_key)
{
	static const unsigned char one[HASH_KEY_SIZE] = { 1 }, two[HASH_KEY_SIZE] = { 2 };
	const struct str part = STR("x");
	struct hash128 x, y;

	hash128_parts(one, &part, 1, &x);
	hash128_parts(two, &part, 1, &y);
	CHECK(memcmp(&x, &y, sizeof(x)) != 0);
}

TEST(a_uuid_made_from_text_is_always_the_same)
{
	char x[UUID_MAX], y[UUID_MAX];

	CHECK_CSTR(uuid_from(STR("gridwarden"), x), "6bb4e894-3e89-58c5-b722-f7be88caed37");
	CHECK(strcmp(uuid_from(STR("gridwarden2"), y), x) != 0);
}

TEST(a_random_uuid_is_of_version_4_and_new)
{
	char x[UUID_MAX], y[UUID_MAX];

	uuid_random(x);
	uuid_random(y);
	CHECK_INT(strlen(x), 36);
	CHECK(x[8] == '-' && x[13] == '-' && x[18] == '-' && x[23] == '-');
	CHECK(x[14] == '4');
	CHECK(strchr("89ab", x[19]) != NULL);
	CHECK(strcmp(x, y) != 0);
}

TEST(random_bytes_fill_all_and_no_more)
{
	unsigned char bytes[34] = { 0 };
	int seen = 0;

	/* Each byte is zero once in 256 fills: eight fills leave none untouched. */
	for (int fill = 0; fill < 8; fill++) {
		random_bytes(bytes + 1, 32);
		for (size_t i = 1; i <= 32; i++)
			seen += bytes[i] != 0;
	}
	CHECK(seen > 200);
	CHECK(bytes[0] == 0 && bytes[33] == 0);
}

TEST(hex_is_lower_case)
{
	char out[9] = "????????";

	hex_encode("\x00\xab\x7f", 3, out);
	CHECK_CSTR(out, "00ab7f");
	hex_encode("", 0, out);
	CHECK_CSTR(out, "");
}

/* RFC 4231, test cases 2 and 6. */
TEST(hmac_is_that_of_the_rfc)
{
	unsigned char mac[SHA256_SIZE];
	char hex[SHA256_HEX_MAX], key[131];

	hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), mac);
	hex_encode(mac, sizeof(mac), hex);
	CHECK_CSTR(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	hmac_sha256((struct str){ key, sizeof(key) },
	    STR("Test Using Larger Than Block-Size Key - Hash Key First"), mac);
	hex_encode(mac, sizeof(mac), hex);
	CHECK_CSTR(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}
