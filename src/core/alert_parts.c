#include "alert_parts.h"

#include "core/event.h"

const struct json *
look_inside(const struct json *j, struct arena *a)
{
	struct str text = str_trim(json_text(j));
	const struct json *inside;
	struct err e;

	if (text.n == 0 || (text.p[0] != '{' && text.p[0] != '['))
		return j;
	inside = json_parse_within(text, EVENT_VALUES_MAX, a, &e);
	return inside == NULL ? j : inside;
}

const struct json *
first_of(const struct json *object, const char *names)
{
	struct str rest = str_of(names), name;

	while (str_next(&rest, '|', &name)) {
		const struct json *j = json_get_nocase(object, name);

		if (json_type(j) != JSON_NULL)
			return j;
	}
	return NULL;
}

struct str
text_of(const struct json *object, const char *names, struct arena *a)
{
	struct str rest = str_of(names), name, text = STR_EMPTY;

	while (text.n == 0 && str_next(&rest, '|', &name)) {
		const struct json *j = json_get_nocase(object, name);

		if (json_is(j, JSON_OBJECT))
			j = json_get_nocase(j, STR("value"));
		text = str_trim(json_scalar(j, a));
	}
	return text;
}

size_t
words_of(const struct json *j, struct arena *a, struct str *out, size_t max)
{
	struct str rest, word;
	size_t n = 0;

	j = look_inside(j, a);
	if (json_is(j, JSON_ARRAY)) {
		for (const struct json *c = json_first(j); c != NULL && n < max; c = json_next(c)) {
			word = str_trim(json_scalar(c, a));
			if (word.n > 0)
				out[n++] = word;
		}
		return n;
	}
	rest = json_scalar(j, a);
	while (n < max && str_next(&rest, ',', &word)) {
		word = str_trim(word);
		if (word.n > 0)
			out[n++] = word;
	}
	return n;
}
