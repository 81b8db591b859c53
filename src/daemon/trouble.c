#include "daemon/trouble.h"

#include <string.h>

void
trouble_init(struct trouble *t, const char *begins, const char *ends)
{
	*t = (struct trouble){
		.begins = begins, .ends = ends, .gate = { .burst = TROUBLE_LINES_MAX }
	};
	pthread_mutex_init(&t->lock, NULL);
}

void
trouble_done(struct trouble *t)
{
	pthread_mutex_destroy(&t->lock);
}

/* Another reason while it lasts is shown, not said: one trouble is one line. */
void
trouble_begin(struct trouble *t, const struct err *e)
{
	pthread_mutex_lock(&t->lock);
	memcpy(t->text, e->text, sizeof(t->text));
	if (!atomic_load(&t->now) && log_gate_open(&t->gate)) {
		log_error("%s: %s", t->begins, t->text);
		t->said = true;
	}
	atomic_store(&t->now, true);
	pthread_mutex_unlock(&t->lock);
}

void
trouble_end(struct trouble *t)
{
	if (!atomic_load(&t->now))
		return;
	pthread_mutex_lock(&t->lock);
	atomic_store(&t->now, false);
	if (t->said)
		log_info("%s", t->ends);
	t->said = false;
	pthread_mutex_unlock(&t->lock);
}

bool
trouble_now(struct trouble *t, char out[ERR_TEXT_MAX])
{
	bool now;

	pthread_mutex_lock(&t->lock);
	now = atomic_load(&t->now);
	memcpy(out, t->text, ERR_TEXT_MAX);
	pthread_mutex_unlock(&t->lock);
	return now;
}
