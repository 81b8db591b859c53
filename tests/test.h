/*
 * What a test file needs: TEST() states a fact about the product in its name, CHECK() and its
 * family say what must hold.  Each file becomes one program; tests/main.c runs what registered.
 */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#undef fail /* ours is a function: base/err.h */

#include "base/err.h"
#include "base/str.h"

void test_register(const char *name, CMUnitTestFunction run);

#define TEST(name)                                                     \
	static void name(void);                                        \
	static void name##_run(void **state)                           \
	{                                                              \
		(void)state;                                           \
		name();                                                \
	}                                                              \
	__attribute__((constructor)) static void name##_register(void) \
	{                                                              \
		test_register(#name, name##_run);                      \
	}                                                              \
	static void name(void)

#define CHECK(condition) _assert_true((unsigned long)(condition), #condition, __FILE__, __LINE__)

/* A call that returns bool and fills `struct err e`; the error's words are shown when it fails. */
#define CHECK_OK(call)                                          \
	do {                                                    \
		if (!(call)) {                                  \
			print_error("%s: %s\n", #call, e.text); \
			_fail(__FILE__, __LINE__);              \
		}                                               \
	} while (0)

#define CHECK_INT(got, want) \
	_assert_int_equal((uintmax_t)(got), (uintmax_t)(want), __FILE__, __LINE__)

#define CHECK_CSTR(got, want) _assert_string_equal((got), (want), __FILE__, __LINE__)

/* Compares a struct str with a C string. */
#define CHECK_STR(got, want)                                                                    \
	do {                                                                                    \
		struct str check_str_ = (got);                                                  \
		const char *check_want_ = (want);                                               \
		if (check_str_.n != strlen(check_want_) ||                                      \
		    memcmp(check_str_.p, check_want_, check_str_.n) != 0) {                     \
			print_error("%s: got \"%.*s\", want \"%s\"\n", #got, (int)check_str_.n, \
			    check_str_.p, check_want_);                                         \
			_fail(__FILE__, __LINE__);                                              \
		}                                                                               \
	} while (0)

/* The text must contain the words. */
#define CHECK_HAS(text, words)                                                        \
	do {                                                                          \
		if (strstr((text), (words)) == NULL) {                                \
			print_error("\"%s\" does not say \"%s\"\n", (text), (words)); \
			_fail(__FILE__, __LINE__);                                    \
		}                                                                     \
	} while (0)

#endif
