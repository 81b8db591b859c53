/*
 * A settings file as text, and the places of its mistakes.
 */
#ifndef TESTS_PARSE_SETTINGS_H
#define TESTS_PARSE_SETTINGS_H

#include <stdio.h>

#include "core/settings.h"
#include "test.h"

static struct arena *arena;
static struct diags d;
static struct source source;
static struct buf out;
static struct settings *s;

/* The last settings stay valid until the next call. */
static inline struct settings *
parse_as(const char *file, const char *text)
{
	settings_free(s);
	buf_done(&out);
	arena_free(arena);
	arena = arena_new();
	diags_init(&d, arena);
	buf_init(&out, 65536);
	source = (struct source){ file, str_of(text) };
	s = settings_parse(&source, &d);
	diags_print(&d, &out);
	return s;
}

static inline struct settings *
parse(const char *text)
{
	parse_as("/etc/gw/gridwarden.yaml", text);
	if (s == NULL)
		print_error("%s", buf_cstr(&out));
	CHECK(s != NULL);
	return s;
}

#define BASE                                                      \
	"listen: {certificate: tls/c.pem, private_key: /k.pem}\n" \
	"auth: {keys_file: key}\n"

/* One mistake, at that place, with these words. */
static inline void
check_refused(const char *text, int line, int col, const char *words)
{
	char place[64];

	CHECK(parse_as("g.yaml", text) == NULL);
	snprintf(place, sizeof(place), "g.yaml:%d:%d: error: ", line, col);
	CHECK_HAS(buf_cstr(&out), place);
	CHECK_HAS(buf_cstr(&out), words);
	if (d.errors != 1)
		print_error("%s", buf_cstr(&out));
	CHECK_INT(d.errors, 1);
}

#endif
