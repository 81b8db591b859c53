#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "test.h"

/* Registered before main() by the constructors that TEST() makes. */
static struct CMUnitTest tests[512];
static size_t count;

void
test_register(const char *name, CMUnitTestFunction run)
{
	if (count == sizeof(tests) / sizeof(tests[0]))
		abort();
	tests[count++] = (struct CMUnitTest){ .name = name, .test_func = run };
}

int
main(int argc, char **argv)
{
	(void)argc;
	if (count == 0) {
		fprintf(stderr, "%s: no test registered\n", argv[0]);
		return 1;
	}
	return _cmocka_run_group_tests(program_invocation_short_name, tests, count, NULL, NULL);
}
