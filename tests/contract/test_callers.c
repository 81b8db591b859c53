/* The table of open connections by caller. */
#include "daemon/callers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "test.h"

static struct sockaddr_storage
from(const char *text)
{
	struct sockaddr_storage address = { .ss_family = AF_INET };
	struct sockaddr_in *in4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;

	if (inet_pton(AF_INET, text, &in4->sin_addr) == 1)
		return address;
	address.ss_family = AF_INET6;
	CHECK(inet_pton(AF_INET6, text, &in6->sin6_addr) == 1);
	return address;
}

static bool
enter(struct callers *c, const char *text)
{
	struct sockaddr_storage address = from(text);

	return callers_enter(c, (struct sockaddr *)&address);
}

static void
leave(struct callers *c, const char *text)
{
	struct sockaddr_storage address = from(text);

	callers_leave(c, (struct sockaddr *)&address);
}

TEST(a_caller_has_so_many_connections_and_again_as_many_when_they_have_ended)
{
	struct callers *c = callers_new(2);

	for (int i = 0; i < 2; i++) {
		CHECK(enter(c, "192.0.2.1"));
		CHECK(enter(c, "192.0.2.1"));
		CHECK(!enter(c, "192.0.2.1"));
		CHECK(enter(c, "192.0.2.2"));
		leave(c, "192.0.2.1");
		CHECK(enter(c, "192.0.2.1"));
		CHECK(!enter(c, "192.0.2.1"));
		leave(c, "192.0.2.1");
		leave(c, "192.0.2.1");
		leave(c, "192.0.2.2");
	}
	callers_free(c);
}

TEST(an_ipv6_network_of_64_bits_is_one_caller)
{
	struct callers *c = callers_new(2);

	CHECK(enter(c, "2001:db8:0:1::1"));
	CHECK(enter(c, "2001:db8:0:1:ffff:ffff:ffff:ffff"));
	CHECK(!enter(c, "2001:db8:0:1:8000::"));
	CHECK(enter(c, "2001:db8:0:2::1"));
	CHECK(enter(c, "2001:db8:0:0:1::1"));
	leave(c, "2001:db8:0:1::1");
	CHECK(enter(c, "2001:db8:0:1::3"));
	callers_free(c);
}

TEST(an_ipv4_address_that_is_written_as_ipv6_is_the_same_caller)
{
	struct callers *c = callers_new(1);

	CHECK(enter(c, "192.0.2.1"));
	CHECK(!enter(c, "::ffff:192.0.2.1"));
	CHECK(enter(c, "::ffff:192.0.2.2")); /* not one caller with all that begin with zeros */
	leave(c, "::ffff:192.0.2.1");
	CHECK(enter(c, "192.0.2.1"));
	callers_free(c);
}

/* The first eight bytes of an IPv6 address may be those of an IPv4 one and zeros. */
TEST(the_two_families_are_told_apart)
{
	struct callers *c = callers_new(1);

	CHECK(enter(c, "32.1.13.184"));
	CHECK(enter(c, "2001:db8::"));
	CHECK(!enter(c, "2001:db8::"));
	callers_free(c);
}

TEST(many_callers_are_counted_each)
{
	struct callers *c = callers_new(1);
	char text[64];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 20000; i++) {
			snprintf(text, sizeof(text), "2001:db8:%x:%x::1", i / 256, i % 256);
			CHECK(enter(c, text));
			CHECK(!enter(c, text));
		}
		for (int i = 0; i < 20000; i++) {
			snprintf(text, sizeof(text), "2001:db8:%x:%x::2", i / 256, i % 256);
			leave(c, text);
		}
	}
	callers_free(c);
}
