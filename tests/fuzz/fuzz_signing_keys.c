/*
 * core/signing_keys.c: a JSON Web Key Set.
 *
 * What must hold: the keys are those, and only those, that a slow reading of the same text finds
 * usable (RSA, for signatures, of an accepted size, an id that no key before it has); no key takes
 * a signature that nobody made; a refusal has words; asked twice, the answer is the same.
 */
#include "core/signing_keys.h"

#include "base/json.h"
#include "base64url.h"

/* src/core/signing_keys.c has the reasons. */
#define KEY_NAMES_MAX 64
#define KEY_OPS_MAX 16
#define EXPONENT_BYTES_MAX 8

static bool
nothing_twice(const struct json *object)
{
	for (const struct json *x = json_first(object); x != NULL; x = json_next(x))
		for (const struct json *y = json_next(x); y != NULL; y = json_next(y))
			if (str_eq(json_name(x), json_name(y)))
				return false;
	return true;
}

static bool
may_verify(const struct json *ops)
{
	if (ops == NULL)
		return true;
	if (!json_is(ops, JSON_ARRAY) || json_count(ops) > KEY_OPS_MAX)
		return false;
	for (const struct json *op = json_first(ops); op != NULL; op = json_next(op))
		if (str_is(json_text(op), "verify"))
			return true;
	return false;
}

static bool
is_or_is_absent(const struct json *key, const char *name, const char *value)
{
	return json_get(key, name) == NULL || str_is(json_text(json_get(key, name)), value);
}

/* A number's bytes without leading zeros, at most `max` with them. */
static bool
number(const struct json *key, const char *name, size_t max, struct arena *a, struct str *out)
{
	if (!slow_base64url_decode(json_text(json_get(key, name)), a, out) || out->n > max)
		return false;
	while (out->n > 0 && out->p[0] == '\0')
		*out = str_slice(*out, 1, out->n);
	return out->n > 0 && (out->p[out->n - 1] & 1) == 1;
}

static size_t
bits(struct str number)
{
	size_t n = number.n * 8;

	while (n > 0 && bit_of(number, number.n * 8 - n) == 0)
		n--;
	return n;
}

static bool
is_usable(const struct json *key, struct arena *a)
{
	struct str kid = json_text(json_get(key, "kid")), n, e;

	return json_is(key, JSON_OBJECT) && json_count(key) <= KEY_NAMES_MAX &&
	       nothing_twice(key) && str_is(json_text(json_get(key, "kty")), "RSA") &&
	       is_or_is_absent(key, "use", "sig") && is_or_is_absent(key, "alg", "RS256") &&
	       may_verify(json_get(key, "key_ops")) && kid.n > 0 && kid.n <= SIGNING_KEY_ID_MAX &&
	       number(key, "n", SIGNING_KEY_BITS_MAX / 8 + 1, a, &n) &&
	       number(key, "e", EXPONENT_BYTES_MAX, a, &e) && bits(n) >= SIGNING_KEY_BITS_MIN &&
	       bits(n) <= SIGNING_KEY_BITS_MAX && bits(e) > 1;
}

static bool
is_first_of_its_id(const struct json *list, const struct json *key, struct arena *a)
{
	struct str kid = json_text(json_get(key, "kid"));

	for (const struct json *k = json_first(list); k != key; k = json_next(k))
		if (str_eq(json_text(json_get(k, "kid")), kid) && is_usable(k, a))
			return false;
	return true;
}

static void
check_key(const struct signing_keys *keys, const struct json *json, struct arena *a)
{
	static const char zeros[SIGNING_KEY_BITS_MAX / 8];
	const struct signing_key *k = signing_keys_find(keys, json_text(json_get(json, "kid")));
	char *full = arena_alloc(a, sizeof(zeros));

	MUST(k != NULL);
	MUST(str_eq(signing_key_issuer(k), json_text(json_get(json, "issuer"))));
	memset(full, 0xff, sizeof(zeros));
	for (size_t n = SIGNING_KEY_BITS_MIN / 8; n <= sizeof(zeros); n *= 2) {
		MUST(!signing_key_verify(k, STR("text"), (struct str){ zeros, n }));
		MUST(!signing_key_verify(k, STR("text"), (struct str){ full, n }));
	}
	MUST(!signing_key_verify(k, STR_EMPTY, STR_EMPTY));
	MUST(!signing_key_verify(k, STR("text"), json_text(json_get(json, "n"))));
}

static size_t
check_list(const struct signing_keys *keys, const struct json *list, struct arena *a)
{
	size_t usable = 0;

	for (const struct json *k = json_first(list); k != NULL; k = json_next(k)) {
		if (!is_usable(k, a) || !is_first_of_its_id(list, k, a))
			continue;
		usable++;
		if (keys != NULL)
			check_key(keys, k, a);
	}
	return usable;
}

static bool
is_set(const struct json *j)
{
	return json_is(j, JSON_OBJECT) && json_count(j) <= KEY_NAMES_MAX && nothing_twice(j) &&
	       json_is(json_get(j, "keys"), JSON_ARRAY) &&
	       json_count(json_get(j, "keys")) <= SIGNING_KEYS_MAX;
}

FUZZ(input)
{
	struct signing_keys *keys = NULL, *again = NULL;
	struct err e = { .kind = ERR_SYSTEM }, e2 = e, ignored;
	const struct json *j = json_parse(input, arena, &ignored);
	bool ok = signing_keys_parse(input, &keys, &e);

	MUST(signing_keys_parse(input, &again, &e2) == ok);
	if (ok) {
		MUST(is_set(j));
		MUST(check_list(keys, json_get(j, "keys"), arena) == signing_keys_count(keys));
		MUST(signing_keys_count(keys) >= 1);
		MUST(signing_keys_count(keys) == signing_keys_count(again));
		MUST(signing_keys_find(keys, STR_EMPTY) == NULL);
	} else {
		MUST(keys == NULL && e.kind == ERR_INPUT && e.text[0] != '\0');
		MUST(strcmp(e.text, e2.text) == 0);
		MUST(!is_set(j) || check_list(NULL, json_get(j, "keys"), arena) == 0);
		/* What is no JSON is refused with the byte at which it stops to be. */
		MUST(j != NULL || strstr(e.text, "byte") != NULL);
	}
	signing_keys_free(keys);
	signing_keys_free(again);
}
