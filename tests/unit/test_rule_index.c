/*
 * Whatever rules there are and whatever alert comes: of many rules those that are asked are all
 * that say yes or unsure when each is asked.
 */
#include "alert_text.h"
#include "rules_text.h"

#include <stdlib.h>

#define RULES 150
#define ALERTS 40
#define ROUNDS 25

static const char *const fields[] = { "severity", "alertDisplayName", "alertType", "description",
	"entities.address", "extendedProperties.n", "resourceGroup", "nothing.of.the.sort" };
static const char *const texts[] = { "high", "Low", "a", "ab", "abc", "proc", "process run",
	"Suspicious process", "10.0.0.7", "5", "rg", "", "b*c", "a?c", "*", "?", "x\\\\*y",
	"PROC*" };
static const char *const modifiers[] = { "", "", "", "", "|contains", "|contains", "|startswith",
	"|endswith", "|cased", "|contains|cased", "|re", "|re|i", "|neq", "|in_file",
	"|contains|in_file", "|gte", "|exists", "|cidr" };

#define PICK(list) ((list)[(size_t)rand() % (sizeof(list) / sizeof((list)[0]))])

static void
random_value(struct buf *b, const char *modifier)
{
	if (strstr(modifier, "in_file") != NULL)
		buf_add_cstr(b, "l.txt");
	else if (strcmp(modifier, "|exists") == 0)
		buf_add_cstr(b, rand() % 2 ? "true" : "false");
	else if (strcmp(modifier, "|gte") == 0)
		buf_printf(b, "%d", rand() % 9);
	else if (strcmp(modifier, "|cidr") == 0)
		buf_add_cstr(b, "10.0.0.0/29");
	else if (strncmp(modifier, "|re", 3) == 0)
		buf_add_cstr(b, "a+b?c");
	else if (modifier[0] == '\0' && rand() % 12 == 0)
		buf_add_cstr(b, "null");
	else {
		const char *text = PICK(texts);

		buf_printf(b, "\"%s\"", text[0] == '\0' && modifier[0] != '\0' ? "q" : text);
	}
}

static void
random_condition(struct buf *b, int nth)
{
	const char *modifier = PICK(modifiers), *field = fields[2 * (rand() % 4) + nth];
	bool one = strcmp(modifier, "|exists") == 0 || strcmp(modifier, "|gte") == 0;
	int n = one || rand() % 2 ? 1 : 2 + rand() % 3;
	bool all = n > 1 && rand() % 3 == 0 && strcmp(modifier, "|neq") != 0 &&
		   strstr(modifier, "in_file") == NULL;

	if (strcmp(modifier, "|gte") == 0 && nth == 1)
		field = "extendedProperties.n";
	else if (strcmp(modifier, "|gte") == 0)
		field = "extendedProperties.m";
	buf_printf(b, "\"%s%s%s\": [", field, modifier, all ? "|all" : "");
	for (int i = 0; i < n; i++) {
		buf_add_cstr(b, i == 0 ? "" : ", ");
		random_value(b, modifier);
	}
	buf_add_cstr(b, "]");
}

/* Any of one to three groups, or selections under a condition. */
static void
random_match(struct buf *b)
{
	static const char *const conditions[] = { "a", "not a", "a and b", "a or b", "a and not b",
		"1 of them", "all of them", "not (a or b) or c", "b and (a or c)" };
	bool named = rand() % 2;
	const char *condition = PICK(conditions);

	buf_add_cstr(b, named ? "{" : "[");
	for (int s = 0; s < 3; s++) {
		buf_printf(b, "%s%.*s{", s == 0 ? "" : ", ", named ? 3 : 0, &"a: b: c: "[3 * s]);
		for (int i = rand() % 2; i >= 0; i--) {
			random_condition(b, i);
			buf_add_cstr(b, i > 0 ? ", " : "");
		}
		buf_add_cstr(b, "}");
	}
	if (named)
		buf_printf(b, ", condition: %s}", condition);
	else
		buf_add_cstr(b, "]");
}

static struct rules *
random_rules(void)
{
	struct buf text;
	struct rules *r;

	buf_init(&text, 1024 * 1024);
	buf_add_cstr(&text, "rules:\n");
	for (int i = 0; i < RULES; i++) {
		buf_printf(&text,
		    "- {name: r%d, actions: [{notify: soc}], mode: %s, stop: %s, match: ", i,
		    rand() % 10 ? "enforce" : "off", rand() % 200 ? "false" : "true");
		random_match(&text);
		buf_add_cstr(&text, "}\n");
	}
	r = rules_of(buf_cstr(&text));
	if (r == NULL)
		print_error("%s", complaints());
	CHECK(r != NULL);
	buf_done(&text);
	return r;
}

static struct str
random_alert(struct buf *b)
{
	static const char *const words[] = { "a", "ab", "abc", "process ", "run", "Suspicious ",
		"x*y", "B", "\u00e9", "" };

	buf_reset(b);
	buf_printf(b, "{'severity':'%s','alertType':'%s%s','description':'",
	    PICK(((const char *const[]){ "High", "low", "odd" })), PICK(words), PICK(words));
	for (int i = rand() % 6; i > 0; i--)
		buf_add_cstr(b, PICK(words));
	buf_printf(b, "','extendedProperties':{'n':%s},'entities':[", rand() % 2 ? "5" : "'ab'");
	for (int i = rand() % 30 == 0 ? 400 : rand() % 4; i >= 0; i--)
		buf_printf(b, "{'address':'10.0.0.%d'}%s", rand() % 12, i > 0 ? "," : "");
	buf_printf(b,
	    "],'alertDisplayName':'%s%s%s','resourceIdentifiers':[{'type':'AzureResource',"
	    "'azureResourceId':'" VM "'}]}",
	    PICK(words), PICK(words), PICK(words));
	return buf_str(b);
}

/* All that do not say no, in order. */
static size_t
next_of_note(const struct verdict *v, size_t n, size_t i)
{
	while (i < n && v[i].answer == ANSWER_NO)
		i++;
	return i;
}

/* How many rules the index left out. */
static size_t
check_same(const struct rules *r, const struct alert *al)
{
	struct verdict *some, *all;
	size_t n, n_all, i = 0, k = 0, left_out;

	left_out = rules_judge(r, al, 0, arena, &some, &n);
	rules_judge_all(r, al, 0, arena, &all, &n_all);
	CHECK_INT(left_out, n_all - n);
	for (;;) {
		i = next_of_note(some, n, i);
		k = next_of_note(all, n_all, k);
		if (i == n || k == n_all)
			break;
		CHECK_STR(some[i].rule->name, all[k].rule->name.p);
		CHECK_INT(some[i].answer, all[k].answer);
		CHECK_INT(some[i].n_lines, all[k].n_lines);
		i++;
		k++;
	}
	CHECK_INT(i, n);
	CHECK_INT(k, n_all);
	return n_all - n;
}

TEST(what_is_asked_of_many_rules_is_what_asking_each_would_find)
{
	size_t left_out = 0;
	struct buf text;

	srand(11);
	list_text = "ab\nhigh\n5 until 1970-01-01\nprocess run\n10.0.0.7\n";
	buf_init(&text, 1024 * 1024);
	for (int round = 0; round < ROUNDS; round++) {
		struct rules *r = random_rules();

		for (int i = 0; i < ALERTS; i++) {
			struct alert al = alert_of(random_alert(&text).p);

			left_out += check_same(r, &al);
		}
		rules_free(r);
	}
	buf_done(&text);
	CHECK(left_out > (size_t)ROUNDS * ALERTS * RULES / 10); /* or it tests nothing */
}

/* 100 rules, of which each compares with so many values that a long field uses up what it may. */
TEST(a_field_too_long_for_a_condition_is_asked_of_each)
{
	struct buf text, alert;
	struct verdict *v;
	struct rules *r;
	struct alert al;
	size_t n;

	buf_init(&text, 1024 * 1024);
	buf_init(&alert, 1024 * 1024);
	buf_add_cstr(&text, "rules:\n");
	for (int i = 0; i < 100; i++) {
		buf_printf(&text,
		    "- {name: r%d, actions: [{notify: soc}], match: {description|contains: [", i);
		for (int k = 0; k < (i == 50 ? 300 : 2); k++)
			buf_printf(&text, "%sz%d-%d", k == 0 ? "" : ", ", i, k);
		buf_add_cstr(&text, "]}}\n");
	}
	r = rules_of(buf_cstr(&text));
	CHECK(r != NULL);
	buf_add_cstr(&alert, "{'alertType':'x','description':'");
	for (int i = 0; i < 100000; i++)
		buf_add_cstr(&alert, "z");
	buf_add_cstr(&alert, "'}");
	al = alert_of(buf_cstr(&alert));
	rules_judge(r, &al, 0, arena, &v, &n);
	CHECK_INT(n, 1);
	CHECK_STR(v[0].rule->name, "r50");
	CHECK_INT(v[0].answer, ANSWER_UNSURE);
	check_same(r, &al);
	rules_free(r);
	buf_done(&text);
	buf_done(&alert);
}
