/*
 * A running emulator of Azure (tests/emulator) and its control interface, for tests in C.
 */
#ifndef TESTS_EMULATOR_H
#define TESTS_EMULATOR_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "net/http.h"
#include "test.h"

struct emulator {
	pid_t pid;
	char url[64];
	struct http *http;
	struct arena *arena;
};

/* certificate and key: files for TLS, or NULL for plain HTTP. */
static inline void
emulator_start(struct emulator *m, const char *certificate, const char *key)
{
	const char *const args[] = { "/usr/bin/python3", "tests/emulator/azure.py",
		certificate == NULL ? NULL : "--tls-cert", certificate, "--tls-key", key, NULL };
	char line[256] = "";
	int ends[2];
	FILE *out;
	char *url;

	CHECK(pipe(ends) == 0);
	m->pid = fork();
	CHECK(m->pid >= 0);
	if (m->pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execv(args[0], (char *const *)(uintptr_t)args);
		_exit(127);
	}
	close(ends[1]);
	out = fdopen(ends[0], "r");
	CHECK(out != NULL && fgets(line, sizeof(line), out) != NULL);
	fclose(out);
	url = strstr(line, "\"url\": \"");
	CHECK(url != NULL);
	snprintf(m->url, sizeof(m->url), "%.*s", (int)strcspn(url + 8, "\""), url + 8);
	m->arena = arena_new();
	m->http = http_new(certificate);
}

static inline void
emulator_stop(struct emulator *m)
{
	http_free(m->http);
	arena_free(m->arena);
	kill(m->pid, SIGTERM);
	waitpid(m->pid, NULL, 0);
}

/* What its control interface answers, which must be below 300; NULL for an empty body. */
static inline struct json *
emulator_control(struct emulator *m, const char *method, const char *what, const char *body)
{
	struct http_request rq = { .method = method,
		.url = arena_printf(m->arena, "%s/_emulator/%s", m->url, what),
		.body = str_of(body),
		.has_body = body != NULL };
	struct http_response rs;
	struct err e;

	CHECK_OK(http_call(m->http, &rq, m->arena, &rs, &e));
	if (rs.status >= 300)
		print_error("%s %s: %d %.*s\n", method, what, rs.status, STR_ARG(rs.body));
	CHECK(rs.status < 300);
	return rs.body.n == 0 ? NULL : json_parse(rs.body, m->arena, &e);
}

static inline void
emulator_fault(struct emulator *m, const char *order)
{
	emulator_control(m, "POST", "faults", order);
}

/* The n-th last call (0 = the last) to one of its services. */
static inline const struct json *
emulator_call(struct emulator *m, const char *service, size_t n)
{
	const struct json *calls = emulator_control(m, "GET", "calls", NULL), *all[512];
	size_t found = 0;

	for (const struct json *c = json_first(calls); c != NULL; c = json_next(c))
		if (str_is(json_text(json_get(c, "service")), service) && found < 512)
			all[found++] = c;
	CHECK(n < found);
	return all[found - 1 - n];
}

static inline size_t
emulator_count(struct emulator *m, const char *service, const char *method)
{
	size_t n = 0;

	for (const struct json *c = json_first(emulator_control(m, "GET", "calls", NULL));
	     c != NULL; c = json_next(c))
		n += str_is(json_text(json_get(c, "service")), service) &&
		     str_is(json_text(json_get(c, "method")), method);
	return n;
}

#endif
