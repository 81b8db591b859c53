#include "place.h"

struct place
place_walk(struct str text, struct place at, size_t from, size_t to)
{
	for (size_t i = from; i < to && i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '\r' && i + 1 < text.n && text.p[i + 1] == '\n')
			continue;
		if (c == '\n' || c == '\r')
			at = (struct place){ at.line + 1, 1 };
		else
			at.col += (c & 0xc0) != 0x80;
	}
	return at;
}

struct place
place_of(struct str text, size_t offset)
{
	return place_walk(text, (struct place){ 1, 1 }, 0, offset);
}

size_t
place_offset(struct str text, struct place want)
{
	struct place at = { 1, 1 };
	size_t i = 0;

	while (i < text.n && (at.line < want.line || (at.line == want.line && at.col < want.col))) {
		size_t n = utf8_sequence(str_slice(text, i, text.n));

		n = n == 0 ? 1 : n;
		at = place_walk(text, at, i, i + n);
		i += n;
	}
	return i;
}
