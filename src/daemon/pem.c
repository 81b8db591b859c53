#include "pem.h"

#include <string.h>

/* Takes off what stands in front of the mark, and the mark.  False: it is not there. */
static bool
cut(struct str *rest, struct str mark, struct str *front)
{
	const char *at = memmem(rest->p, rest->n, mark.p, mark.n);
	size_t n;

	if (at == NULL)
		return false;
	n = (size_t)(at - rest->p);
	*front = str_slice(*rest, 0, n);
	*rest = str_slice(*rest, n + mark.n, rest->n);
	return true;
}

/* From behind "-----BEGIN " to behind "-----END LABEL-----"; Base64 has no hyphen. */
static bool
take_block(struct str *rest)
{
	struct str label, body, end;

	return cut(rest, STR("-----"), &label) && memchr(label.p, '\n', label.n) == NULL &&
	       cut(rest, STR("-----"), &body) && cut(rest, STR("-----"), &end) &&
	       end.n == label.n + 4 && memcmp(end.p, "END ", 4) == 0 &&
	       memcmp(end.p + 4, label.p, label.n) == 0;
}

bool
pem_is_whole(struct str text, struct err *e)
{
	struct str rest = text, words, line;

	while (cut(&rest, STR("-----BEGIN "), &words))
		if (!take_block(&rest))
			return fail(e, ERR_INPUT, "half written: a PEM block in it has no end");
	while (str_next(&rest, '\n', &line))
		if (line.n > 0 && line.p[0] == '-')
			return fail(e, ERR_INPUT, "half written: another PEM block begins");
	return true;
}
