/*
 * The parts of `backtest`: backtest.c decides the past again, backtest_report.c makes JSON of what
 * came out, backtest_print.c shows it, backtest_samples.c tries rules on the catalogue.
 */
#ifndef CMD_BACKTEST_H
#define CMD_BACKTEST_H

#include <stdint.h>

#include "cmd/cmd.h"
#include "core/difference.h"
#include "core/rules.h"
#include "core/settings.h"

struct backtest {
	const struct settings *settings;
	const struct rules *before, *after; /* the same when no others are tried */
	const char *after_path;		    /* NULL: no others are tried */
	int64_t since_ms, until_ms;
	enum format format;
	bool fail_on_change;
	int64_t skipped; /* events that were kept as damaged: nobody looks into them again */
};

/* All that came out, for every format. */
struct json *backtest_report(const struct backtest *b, struct difference *d, struct arena *a);
void backtest_print(const struct json *report, enum format format, struct arena *a);

/* The rules on each alert of the catalogue. */
void backtest_samples(const struct settings *settings, const struct rules *rules,
    enum format format, struct arena *a);

/* "12,431" */
struct str backtest_number(int64_t n, struct arena *a);

#endif
