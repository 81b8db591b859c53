/*
 * One rule's match about one alert.
 */
#ifndef TESTS_UNIT_JUDGE_TEXT_H
#define TESTS_UNIT_JUDGE_TEXT_H

#include "alert_text.h"
#include "rules_text.h"

#define ATTACK                                                                                    \
	"{'alertDisplayName':'Suspicious process executed [seen multiple times]',"                \
	" 'severity':'High', 'status':'Active', 'alertType':'VM_SuspiciousProcess',"              \
	" 'description':'C:\\\\Temp\\\\a*b?.exe ran \\u00e9t\\u00e9', "                           \
	"'compromisedEntity':'WEB-01',"                                                           \
	" 'remediationSteps':[], 'productName':'',"                                               \
	" 'resourceIdentifiers':[{'$id':'1','type':'AzureResource','azureResourceId':'" VM "'}]," \
	" 'extendedProperties':{'attempts':'17','ratio':0.5,'blocked':true,'odd':'many',"         \
	"   'hex':'0x20','big':'1e3','inf':'inf','negative':'-3','blank':'17 '},"                 \
	" 'entities':[{'type':'ip','address':'203.0.113.77'},{'type':'ip','address':'10.1.2.3'}," \
	"   {'type':'host','hostName':'web-01','v6':'2001:db8::1','mapped':'::ffff:10.9.9.9',"    \
	"    'name':'not an address'}]}"

/* The only rule's verdict; its trace is kept in `verdict`. */
static struct verdict *verdict;
static size_t n_verdicts;

static inline enum answer
judge(const char *match, const char *data)
{
	struct alert al = alert_of(data);
	struct str text;
	struct rules *r;
	enum answer answer;
	static struct rules *last;

	rules_free(last);
	text =
	    arena_printf(arena, "rules: [{name: r, actions: [{notify: soc}], match: %s}]", match);
	r = rules_of(text.p);
	if (r == NULL)
		print_error("%s", complaints());
	CHECK(r != NULL);
	last = r;
	rules_judge(r, &al, rules_now_ms, arena, &verdict, &n_verdicts);
	CHECK_INT(n_verdicts, 1);
	answer = verdict[0].answer;
	return answer;
}

struct match_case {
	const char *match;
	enum answer want;
};

static inline void
check_cases(const struct match_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum answer got = judge(cases[i].match, ATTACK);

		if (got != cases[i].want)
			print_error("%s: got %s\n", cases[i].match, answer_name(got));
		CHECK_INT(got, cases[i].want);
	}
}
#define CHECK_CASES(cases) check_cases(cases, sizeof(cases) / sizeof((cases)[0]))

#endif
