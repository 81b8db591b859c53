#include "core/cidr.h"

#include "test.h"

TEST(only_what_is_somebodys_on_the_internet_is_public)
{
	static const char *const public[] = { "8.8.8.8", "203.0.113.66", "172.32.0.1",
		"100.63.255.255", "168.63.129.15", "2a00:1450::5", "2600::1", "::ffff:8.8.8.8" };
	static const char *const others[] = { "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1",
		"168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"198.19.255.255", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fd00::1",
		"ff02::1", "2001::1", "2002:7f00:1::", "::ffff:10.0.0.1", "::10.0.0.1", "", "x",
		"8.8.8.8/32", "1.2.3", "8.8.8.8 " };

	for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++)
		CHECK(cidr_address_is_public(str_of(public[i])));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CHECK(!cidr_address_is_public(str_of(others[i])));
}
