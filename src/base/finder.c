/*
 * A trie whose edges lie in one hash table, and for each state the longest of its proper suffixes
 * that is a state too.  From the first state, where most bytes of a text are looked at, the edges
 * lie in a plain table.
 */
#include "base/finder.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/ascii.h"

#define NONE UINT32_MAX
#define EDGES_MIN 64

struct edge {
	uint32_t from, to; /* to 0: the place is free, as no edge leads to the first state */
	unsigned char byte;
};

struct state {
	uint32_t suffix;  /* the longest proper suffix */
	uint32_t literal; /* that ends here */
	uint32_t shorter; /* the longest suffix at which a literal ends */
};

struct finder {
	struct state *states; /* [0]: nothing read that counts */
	size_t n, cap;
	struct edge *edges; /* open addressing; their number a power of two */
	size_t n_edges, cap_edges;
	uint32_t first[256];
	uint32_t literals;
};

/* ---- edges ---- */

static struct edge *
place(struct edge *edges, size_t cap, uint32_t from, unsigned char byte)
{
	uint64_t h = (((uint64_t)from << 8) | byte) * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(h >> 32) & (cap - 1);

	while (edges[at].to != 0 && (edges[at].from != from || edges[at].byte != byte))
		at = (at + 1) & (cap - 1);
	return &edges[at];
}

static uint32_t
step(const struct finder *f, uint32_t from, unsigned char byte)
{
	uint32_t to;

	if (from == 0)
		return f->first[byte];
	to = place(f->edges, f->cap_edges, from, byte)->to;
	return to == 0 ? NONE : to;
}

static void
grow_edges(struct finder *f)
{
	size_t cap = 2 * f->cap_edges;
	struct edge *edges = xcalloc(cap, sizeof(*edges));

	for (size_t i = 0; i < f->cap_edges; i++)
		if (f->edges[i].to != 0)
			*place(edges, cap, f->edges[i].from, f->edges[i].byte) = f->edges[i];
	free(f->edges);
	f->edges = edges;
	f->cap_edges = cap;
}

static uint32_t
new_state(struct finder *f)
{
	if (f->n == f->cap) {
		f->cap = f->cap == 0 ? EDGES_MIN : 2 * f->cap;
		f->states = xrealloc(f->states, f->cap * sizeof(*f->states));
	}
	f->states[f->n] = (struct state){ 0, NONE, NONE };
	return (uint32_t)f->n++;
}

static uint32_t
add_edge(struct finder *f, uint32_t from, unsigned char byte)
{
	uint32_t to = new_state(f);

	if (from == 0) {
		f->first[byte] = to;
		return to;
	}
	if (2 * ++f->n_edges > f->cap_edges)
		grow_edges(f);
	*place(f->edges, f->cap_edges, from, byte) = (struct edge){ from, to, byte };
	return to;
}

/* ---- building ---- */

struct finder *
finder_new(void)
{
	struct finder *f = xcalloc(1, sizeof(*f));

	f->cap_edges = EDGES_MIN;
	f->edges = xcalloc(f->cap_edges, sizeof(*f->edges));
	memset(f->first, 0xff, sizeof(f->first)); /* NONE */
	new_state(f);
	return f;
}

void
finder_free(struct finder *f)
{
	if (f == NULL)
		return;
	free(f->states);
	free(f->edges);
	free(f);
}

uint32_t
finder_add(struct finder *f, struct str literal)
{
	uint32_t at = 0;

	for (size_t i = 0; i < literal.n; i++) {
		uint32_t to = step(f, at, (unsigned char)ascii_lower(literal.p[i]));

		at = to == NONE ? add_edge(f, at, (unsigned char)ascii_lower(literal.p[i])) : to;
	}
	if (f->states[at].literal == NONE)
		f->states[at].literal = f->literals++;
	return f->states[at].literal;
}

size_t
finder_count(const struct finder *f)
{
	return f->literals;
}

/* Where to go from a state with a byte, by way of its suffixes. */
static uint32_t
go(const struct finder *f, uint32_t from, unsigned char byte)
{
	uint32_t to = step(f, from, byte);

	while (to == NONE && from != 0) {
		from = f->states[from].suffix;
		to = step(f, from, byte);
	}
	return to == NONE ? 0 : to;
}

static void
join(struct finder *f, uint32_t from, uint32_t to, unsigned char byte)
{
	struct state *s = &f->states[to];
	const struct state *suffix;

	s->suffix = from == 0 ? 0 : go(f, f->states[from].suffix, byte);
	suffix = &f->states[s->suffix];
	s->shorter = suffix->literal != NONE ? s->suffix : suffix->shorter;
}

/* A state's suffix is shorter than it: the states in the order of their length. */
void
finder_ready(struct finder *f)
{
	struct edge *in = xcalloc(f->n, sizeof(*in)); /* the one edge into each state */
	uint32_t *next = xcalloc(f->n, sizeof(*next)), *child = xcalloc(f->n, sizeof(*child));
	uint32_t *queue = xcalloc(f->n, sizeof(*queue));
	size_t n = 1;

	for (int b = 0; b < 256; b++)
		if (f->first[b] != NONE)
			in[f->first[b]] = (struct edge){ 0, f->first[b], (unsigned char)b };
	for (size_t i = 0; i < f->cap_edges; i++)
		if (f->edges[i].to != 0)
			in[f->edges[i].to] = f->edges[i];
	for (uint32_t s = 1; s < f->n; s++) { /* lists of children */
		next[s] = child[in[s].from];
		child[in[s].from] = s;
	}
	for (size_t i = 0; i < n; i++)
		for (uint32_t s = child[queue[i]]; s != 0; s = next[s]) {
			join(f, in[s].from, s, in[s].byte);
			queue[n++] = s;
		}
	free(in);
	free(next);
	free(child);
	free(queue);
}

void
finder_scan(const struct finder *f, struct str text, finder_found *found, void *ctx)
{
	uint32_t at = 0;

	for (size_t i = 0; i < text.n; i++) {
		at = go(f, at, (unsigned char)ascii_lower(text.p[i]));
		for (uint32_t s = f->states[at].literal != NONE ? at : f->states[at].shorter;
		     s != NONE; s = f->states[s].shorter)
			found(ctx, f->states[s].literal);
	}
}
