/* What correlations count, over a past in memory; tests/contract asks the store the same. */
#include "alert_text.h"
#include "correlation_model.h"
#include "rules_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

/* ---- the same answers as recounting everything ---- */

/* From 64 rules on an index says which are asked: then what is counted wakes what counts it. */
static struct rules *
rules_of_model(bool indexed)
{
	struct arena *a = arena_new();
	struct buf b;
	struct rules *r;

	buf_init(&b, 1 << 20);
	buf_add_cstr(&b, model_rules);
	for (int i = 0; indexed && i < 80; i++)
		buf_printf(&b,
		    "- {name: other-%d, match: {alertType: T%d}, actions: [isolate_vm]}\n", i, i);
	r = rules_of(arena_cstr(a, buf_str(&b)));
	buf_done(&b);
	arena_free(a);
	return r;
}

TEST(counting_by_an_index_says_what_recounting_everything_says)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct rules *r = rules_of_model(seed % 2 == 0);
		struct past_memory *memory = past_memory_new();
		struct model *m = xcalloc(1, sizeof(*m));
		size_t fired = 0;

		CHECK(r != NULL);
		m->seed = seed;
		m->now_ms = 1700000000000;
		for (int i = 0; i < MODEL_ALERTS; i++) {
			struct model_alert next;
			struct judged judged;
			struct alert al;
			struct past past;
			char json[1000];

			model_next(m, &next);
			al = alert_of(model_json(m, &next, json, sizeof(json)));
			past = past_in_memory(memory, next.at_ms);
			rules_judge_after(r, &al, 0, &past, arena, &judged);
			model_compare(m, &next, &judged);
			past_memory_add(memory, &judged.counted, al.id, 0, next.at_ms);
			fired += judged.counted.n_firings;
			if (i % 50 == 0)
				past_memory_forget(memory, next.at_ms - MODEL_SPAN_MS);
		}
		CHECK(fired > 20);
		free(m);
		past_memory_free(memory);
		rules_free(r);
	}
}
