/*
 * Happy path: format the message, put each line into one write.
 * What can go wrong: standard error is gone or full - the line is lost, the program goes on.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define LINE_MAX_BYTES 8192
#define FIELDS_MAX 16

/* The priorities of syslog(3). */
static const int priorities[] = { 3, 4, 6, 7 };
static const char *const names[] = { "error", "warning", "info", "debug" };

enum sink { SINK_JSON, SINK_TEXT, SINK_JOURNAL };

static atomic_int threshold = LOG_LEVEL_INFO;
static enum sink sink;
static pthread_once_t sink_once = PTHREAD_ONCE_INIT;

/* systemd sets JOURNAL_STREAM to "device:inode" of the stderr it gave us. */
static void
choose_sink(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode)
		sink = SINK_JOURNAL;
	else
		sink = isatty(STDERR_FILENO) ? SINK_TEXT : SINK_JSON;
}

void
log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
}

bool
log_is_on(enum log_level level)
{
	return (int)level <= atomic_load(&threshold);
}

bool
log_level_parse(struct str name, enum log_level *out)
{
	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		if (str_is_nocase(name, names[i])) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static void
add_escaped(struct buf *b, struct str s, bool json)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f)
			buf_printf(b, json ? "\\u%04x" : "\\x%02x", c);
		else if (json && (c == '"' || c == '\\'))
			buf_printf(b, "\\%c", c);
		else
			buf_add_char(b, (char)c);
	}
}

static void
add_member(struct buf *b, const char *name, struct str value)
{
	buf_printf(b, "%s\"%s\":\"", b->n == 0 ? "{" : ",", name);
	add_escaped(b, value, true);
	buf_add_char(b, '"');
}

static void
write_stderr(enum log_level level, struct str text, const struct log_field *fields, size_t n)
{
	char time[CLOCK_TEXT_MAX];
	struct buf b;

	buf_init(&b, LINE_MAX_BYTES);
	clock_format_ms(clock_now_ms(), time);
	if (sink == SINK_JSON) {
		add_member(&b, "time", str_of(time));
		add_member(&b, "level", str_of(names[level]));
		add_member(&b, "message", text);
		for (size_t i = 0; i < n; i++)
			add_member(&b, fields[i].name, fields[i].value);
		buf_add_char(&b, '}');
	} else {
		buf_printf(&b, "%s %-7s ", time, names[level]);
		add_escaped(&b, text, false);
		for (size_t i = 0; i < n; i++) {
			buf_printf(&b, " %s=", fields[i].name);
			add_escaped(&b, fields[i].value, false);
		}
	}
	buf_add_char(&b, '\n');
	if (buf_over(&b)) {
		buf_reset(&b);
		buf_printf(&b, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"line too long\"}\n",
		    time, names[level]);
	}
	(void)!write(STDERR_FILENO, b.p, b.n);
	buf_done(&b);
}

static void
write_journal(enum log_level level, struct str text, const struct log_field *fields, size_t n)
{
	struct buf parts[FIELDS_MAX + 2];
	struct iovec io[FIELDS_MAX + 2];
	size_t count = n > FIELDS_MAX ? FIELDS_MAX : n;

	for (size_t i = 0; i < count + 2; i++)
		buf_init(&parts[i], LINE_MAX_BYTES);
	buf_printf(&parts[0], "PRIORITY=%d", priorities[level]);
	buf_add_cstr(&parts[1], "MESSAGE=");
	buf_add(&parts[1], text);
	for (size_t i = 0; i < count; i++) {
		struct buf *b = &parts[i + 2];

		buf_add_cstr(b, fields[i].name);
		for (size_t k = 0; k < b->n; k++)
			if (b->p[k] >= 'a' && b->p[k] <= 'z')
				b->p[k] = (char)(b->p[k] - 'a' + 'A');
		buf_add_char(b, '=');
		buf_add(b, fields[i].value);
	}
	for (size_t i = 0; i < count + 2; i++)
		io[i] = (struct iovec){ parts[i].p, parts[i].n };
	(void)sd_journal_sendv(io, (int)count + 2);
	for (size_t i = 0; i < count + 2; i++)
		buf_done(&parts[i]);
}

void
log_line(enum log_level level, const struct log_field *fields, size_t n, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	if (!log_is_on(level))
		return;
	pthread_once(&sink_once, choose_sink);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (sink == SINK_JOURNAL)
		write_journal(level, str_of(text), fields, n);
	else
		write_stderr(level, str_of(text), fields, n);
}

bool
log_gate_open(struct log_gate *g)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int64_t minute = clock_mono_ms() / 60000;
	int dropped = 0;
	bool open;

	pthread_mutex_lock(&lock);
	if (minute != g->minute) {
		dropped = g->dropped;
		g->minute = minute;
		g->passed = g->dropped = 0;
	}
	open = g->passed < g->burst;
	if (open)
		g->passed++;
	else
		g->dropped++;
	pthread_mutex_unlock(&lock);
	if (dropped > 0)
		log_warning("%d similar messages were left out in the minutes before", dropped);
	return open;
}
