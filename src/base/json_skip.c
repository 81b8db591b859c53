/*
 * Happy path, in two steps over a window of the text: find where tokens begin, 64 bytes at a time
 * and without a branch for each byte; then follow the grammar from token to token.  A string is one
 * token, whatever is in it.  (After Langdale and Lemire, "Parsing Gigabytes of JSON per Second",
 * VLDB Journal 28, 2019.)
 *
 * What can go wrong: all that json_read.c refuses.  It is not said here what: the reader goes over
 * the same text step by step, and knows the byte.
 */
#include "json_parts.h"

#include "base/json.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define WIDE __attribute__((target("avx2,bmi,popcnt")))

#define BLOCK 64
/* Blocks in a window: one at first, as most values are small, then twice as many each time. */
#define BLOCKS_MAX 8
/* Positions are written eight at a time. */
#define TOKENS_MAX (BLOCKS_MAX * BLOCK + 8)

/* One bit for each byte of a block, the first byte lowest. */
typedef uint64_t mask;

struct scan {
	const unsigned char *from, *end;
	size_t at; /* of the next block, from `from` */
	/* What the block before leaves. */
	mask in_string; /* all ones: it ended in a string */
	mask escapes;	/* 1: it ended in a backslash that counts */
	mask in_scalar; /* 1: it ended in a number or word, or in what pretends to be one */
	const unsigned char *utf8_end; /* up to here it is checked */
	const unsigned char
	    *low_half; /* the u of a "\uDC00" that its first half has accounted for */
};

struct block {
	__m256i low, high;
};

/* ---- one block ---- */

WIDE static inline mask
bits(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low) | (mask)(uint32_t)_mm256_movemask_epi8(high)
							 << 32;
}

WIDE static inline mask
equal(const struct block *b, char c)
{
	__m256i each = _mm256_set1_epi8(c);

	return bits(_mm256_cmpeq_epi8(b->low, each), _mm256_cmpeq_epi8(b->high, each));
}

/* Each byte's low half names a place of the table, which holds the one byte wanted there, or none.
 */
WIDE static inline __m256i
look_up(__m256i table, __m256i v)
{
	return _mm256_shuffle_epi8(table, v);
}

WIDE static inline __m256i
blank(__m256i v)
{
	const __m256i table = _mm256_broadcastsi128_si256(
	    _mm_setr_epi8(' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', '\n', 0, 0, '\r', 0, 0));

	return _mm256_cmpeq_epi8(v, look_up(table, v));
}

/*
 * A comma, a colon, or a bracket: '[' and '{', and ']' and '}', differ in one bit, which is set
 * here.  So are two control bytes, whose tokens nothing expects.
 */
WIDE static inline __m256i
punctuation(__m256i v)
{
	const __m256i table = _mm256_broadcastsi128_si256(
	    _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0));

	return _mm256_cmpeq_epi8(_mm256_or_si256(v, _mm256_set1_epi8(0x20)), look_up(table, v));
}

/* A backslash, a control byte, or one that is not ASCII, which is negative. */
WIDE static inline __m256i
special(__m256i v)
{
	return _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')),
	    _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), v));
}

/* Behind the last whole block the text goes on in spaces. */
WIDE static inline struct block
load(const struct scan *s)
{
	const unsigned char *p = s->from + s->at;
	unsigned char rest[BLOCK];

	if (s->end - p < BLOCK) {
		memset(rest, ' ', sizeof(rest));
		memcpy(rest, p, (size_t)(s->end - p));
		p = rest;
	}
	return (struct block){ _mm256_loadu_si256((const __m256i *)(const void *)p),
		_mm256_loadu_si256((const __m256i *)(const void *)(p + BLOCK / 2)) };
}

/* Each bit is the parity of those up to it: set from an opening quote on, up to the closing one. */
static inline mask
parity(mask m)
{
	m ^= m << 1;
	m ^= m << 2;
	m ^= m << 4;
	m ^= m << 8;
	m ^= m << 16;
	return m ^ m << 32;
}

/* ---- strings with more than plain ASCII ---- */

/* The bytes that a backslash before them escapes. */
static mask
escaped_bytes(struct scan *s, mask backslashes)
{
	mask escaped = s->escapes, rest = backslashes & ~escaped;

	s->escapes = 0;
	while (rest != 0) {
		mask slash = rest & (0 - rest);

		s->escapes = slash >> (BLOCK - 1);
		escaped |= slash << 1;
		rest &= ~(slash | slash << 1);
	}
	return escaped;
}

static int
unit_at(const unsigned char *p, const unsigned char *end)
{
	return end - p < 5 || *p != 'u' ? -1 : json_hex4(p + 1, end);
}

/* At the u of "\uXXXX". */
static bool
unicode_fits(struct scan *s, const unsigned char *p)
{
	int unit = unit_at(p, s->end), low;

	if (p == s->low_half)
		return true;
	if (unit <= 0 || (unit >= 0xdc00 && unit <= 0xdfff))
		return false;
	if (unit < 0xd800 || unit > 0xdfff)
		return true;
	if (s->end - p < 11 || p[5] != '\\')
		return false;
	s->low_half = p + 6;
	low = unit_at(s->low_half, s->end);
	return low >= 0xdc00 && low <= 0xdfff;
}

static bool
escapes_fit(struct scan *s, mask escaped)
{
	for (; escaped != 0; escaped &= escaped - 1) {
		const unsigned char *p = s->from + s->at + __builtin_ctzll(escaped);

		if (p >= s->end || *p == '\0' || strchr("\"\\/bfnrtu", *p) == NULL ||
		    (*p == 'u' && !unicode_fits(s, p)))
			return false;
	}
	return true;
}

/* Of bytes in strings that are no ASCII, or no characters at all. */
static bool
characters_fit(struct scan *s, mask odd)
{
	for (; odd != 0; odd &= odd - 1) {
		const unsigned char *p = s->from + s->at + __builtin_ctzll(odd);
		size_t n;

		if (p < s->utf8_end)
			continue;
		n = *p < 0x80
			? 0
			: utf8_sequence((struct str){ (const char *)p, (size_t)(s->end - p) });
		if (n == 0)
			return false;
		s->utf8_end = p + n;
	}
	return true;
}

/* ---- where tokens begin ---- */

/* Strings of the next block: inside, from the opening quote to before the closing one. */
WIDE static inline bool
strings(struct scan *s, const struct block *b, mask *quotes, mask *inside)
{
	mask rare = bits(special(b->low), special(b->high)), backslashes = 0, escaped = 0;

	*quotes = equal(b, '"');
	if ((rare | s->escapes) != 0) {
		backslashes = equal(b, '\\');
		escaped = escaped_bytes(s, backslashes);
		*quotes &= ~escaped;
	}
	*inside = parity(*quotes) ^ s->in_string;
	s->in_string = 0 - (*inside >> (BLOCK - 1));
	return (rare | escaped) == 0 ||
	       (escapes_fit(s, escaped) && characters_fit(s, rare & ~backslashes & *inside));
}

WIDE static inline bool
tokens_of(struct scan *s, mask *tokens)
{
	struct block b = load(s);
	mask marks = bits(punctuation(b.low), punctuation(b.high));
	mask quotes, inside, scalars;

	if (!strings(s, &b, &quotes, &inside))
		return false;
	scalars = ~(inside | quotes | marks | bits(blank(b.low), blank(b.high)));
	*tokens =
	    (marks & ~inside) | (quotes & inside) | (scalars & ~(scalars << 1 | s->in_scalar));
	s->in_scalar = scalars >> (BLOCK - 1);
	return true;
}

WIDE static inline mask
put(uint32_t *out, size_t at, mask tokens)
{
	*out = (uint32_t)(at + _tzcnt_u64(tokens));
	return tokens & (tokens - 1);
}

/* Eight are written whether there are so many or not: no branch hangs on each. */
WIDE static inline uint32_t *
write_down(uint32_t *out, size_t at, mask tokens)
{
	uint32_t *end = out + __builtin_popcountll(tokens);

	for (; tokens != 0; out += 8) {
		tokens = put(out, at, tokens);
		tokens = put(out + 1, at, tokens);
		tokens = put(out + 2, at, tokens);
		tokens = put(out + 3, at, tokens);
		tokens = put(out + 4, at, tokens);
		tokens = put(out + 5, at, tokens);
		tokens = put(out + 6, at, tokens);
		tokens = put(out + 7, at, tokens);
	}
	return end;
}

/* The tokens of the next window; false when it holds what no text may. */
WIDE static bool
next_window(struct scan *s, int blocks, uint32_t *tokens, size_t *n)
{
	uint32_t *out = tokens;
	mask found;

	for (; blocks > 0 && s->from + s->at < s->end; blocks--) {
		if (!tokens_of(s, &found))
			return false;
		out = write_down(out, s->at, found);
		s->at += BLOCK;
	}
	*n = (size_t)(out - tokens);
	return *n > 0 || s->from + s->at < s->end;
}

/* ---- the grammar ---- */

enum expected {
	KEY,
	COLON,
	VALUE,
	COMMA, /* or the end */
};

struct walk {
	enum expected expected;
	bool opened;   /* the last token was an opening bracket: the end may follow */
	size_t values; /* so far */
	int depth, depth_max;
	struct level {
		bool object;
		size_t members;
	} levels[JSON_DEPTH_MAX + 1];
};

static inline bool
open_bracket(struct walk *w, bool object)
{
	if (w->expected != VALUE || w->depth == w->depth_max)
		return false;
	w->levels[++w->depth] = (struct level){ .object = object };
	w->values++;
	w->expected = object ? KEY : VALUE;
	w->opened = true;
	return true;
}

static inline bool
close_bracket(struct walk *w, bool object)
{
	if (w->levels[w->depth].object != object || (w->expected != COMMA && !w->opened))
		return false;
	w->depth--;
	w->expected = COMMA;
	w->opened = false;
	return true;
}

static inline bool
comma(struct walk *w)
{
	if (w->expected != COMMA)
		return false;
	w->expected = w->levels[w->depth].object ? KEY : VALUE;
	return true;
}

static inline bool
colon(struct walk *w)
{
	if (w->expected != COLON)
		return false;
	w->expected = VALUE;
	return true;
}

static inline bool
string(struct walk *w)
{
	w->opened = false;
	if (w->expected == KEY) {
		w->expected = COLON;
		return ++w->levels[w->depth].members <= JSON_MEMBERS_MAX;
	}
	if (w->expected != VALUE)
		return false;
	w->expected = COMMA;
	w->values++;
	return true;
}

static inline bool
scalar(struct walk *w, const unsigned char *p, const unsigned char *end)
{
	const unsigned char *behind = json_scalar_end(p, end);

	w->opened = false;
	if (w->expected != VALUE || behind == NULL || behind == end ||
	    strchr(" \t\n\r,]}", *behind) == NULL || *behind == '\0')
		return false;
	w->expected = COMMA;
	w->values++;
	return true;
}

static inline bool
follow(struct walk *w, const unsigned char *p, const unsigned char *end)
{
	switch (*p) {
	case '"':
		return string(w);
	case ':':
		return colon(w);
	case ',':
		return comma(w);
	case '{':
	case '[':
		return open_bracket(w, *p == '{');
	case '}':
	case ']':
		return close_bracket(w, *p == '}');
	default:
		return scalar(w, p, end);
	}
}

bool
json_skip_possible(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("popcnt");
}

const unsigned char *
json_skip(const unsigned char *p, const unsigned char *end, int depth_max, size_t *values)
{
	struct scan s = { .from = p, .end = end };
	struct walk w; /* without its levels, which would be a kilobyte of zeros */
	uint32_t tokens[TOKENS_MAX];
	size_t n;

	w.expected = VALUE;
	w.opened = false;
	w.values = 0;
	w.depth = 0;
	w.depth_max = depth_max;
	if (!json_skip_possible() || end - p > INT32_MAX)
		return NULL;
	for (int blocks = 1;; blocks = blocks < BLOCKS_MAX ? 2 * blocks : BLOCKS_MAX) {
		if (!next_window(&s, blocks, tokens, &n))
			return NULL;
		for (size_t i = 0; i < n; i++) {
			if (!follow(&w, p + tokens[i], end))
				return NULL;
			if (w.depth == 0) {
				*values = w.values;
				return p + tokens[i] + 1;
			}
		}
	}
}

#else

bool
json_skip_possible(void)
{
	return false;
}

const unsigned char *
json_skip(const unsigned char *p, const unsigned char *end, int depth_max, size_t *values)
{
	(void)p, (void)end, (void)depth_max, (void)values;
	return NULL;
}

#endif
