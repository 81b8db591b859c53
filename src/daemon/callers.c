#include "daemon/callers.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define uthash_fatal(what) abort() /* out of memory */
#include <uthash.h>

#include "base/arena.h"

#define NETWORK_BYTES 8

/* No padding: its bytes are compared. */
struct place {
	unsigned char family;
	unsigned char network[NETWORK_BYTES];
};

struct caller {
	struct place place;
	int64_t open; /* at least one */
	UT_hash_handle hh;
};

struct callers {
	int64_t each;
	struct caller *all;
};

struct callers *
callers_new(int64_t each)
{
	struct callers *c = xcalloc(1, sizeof(*c));

	assert(each > 0);
	c->each = each;
	return c;
}

void
callers_free(struct callers *c)
{
	struct caller *one, *next;

	if (c == NULL)
		return;
	HASH_ITER(hh, c->all, one, next)
	{
		HASH_DEL(c->all, one);
		free(one);
	}
	free(c);
}

static struct place
place_of(const struct sockaddr *address)
{
	const struct sockaddr_in6 *in6 = (const void *)address;
	const struct sockaddr_in *in4 = (const void *)address;
	struct place p = { .family = AF_INET };

	if (address->sa_family == AF_INET) {
		memcpy(p.network, &in4->sin_addr, sizeof(in4->sin_addr));
	} else if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		memcpy(p.network, &in6->sin6_addr.s6_addr[12], sizeof(in4->sin_addr));
	} else {
		p.family = AF_INET6;
		memcpy(p.network, &in6->sin6_addr, NETWORK_BYTES);
	}
	return p;
}

static struct caller *
find(struct callers *c, const struct place *place)
{
	struct caller *one;

	HASH_FIND(hh, c->all, place, sizeof(*place), one);
	return one;
}

bool
callers_enter(struct callers *c, const struct sockaddr *address)
{
	struct place place = place_of(address);
	struct caller *one = find(c, &place);

	if (one == NULL) {
		one = xcalloc(1, sizeof(*one));
		one->place = place;
		HASH_ADD(hh, c->all, place, sizeof(place), one);
	}
	if (one->open >= c->each)
		return false;
	one->open++;
	return true;
}

void
callers_leave(struct callers *c, const struct sockaddr *address)
{
	struct place place = place_of(address);
	struct caller *one = find(c, &place);

	assert(one != NULL && one->open > 0);
	if (--one->open > 0)
		return;
	HASH_DEL(c->all, one);
	free(one);
}
