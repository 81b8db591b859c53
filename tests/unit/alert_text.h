/*
 * Alerts as C texts: JSON with ' for ", read as the data of one Event Grid event.
 */
#ifndef TESTS_UNIT_ALERT_TEXT_H
#define TESTS_UNIT_ALERT_TEXT_H

#include "core/alert.h"
#include "test.h"

#define SUB "/subscriptions/11111111-2222-3333-4444-555555555555"
#define VM SUB "/resourceGroups/rg-shop/providers/Microsoft.Compute/virtualMachines/web-01"
/* The same machine as Defender for Cloud writes it. */
#define VM_UPPER                                                                     \
	"/SUBSCRIPTIONS/11111111-2222-3333-4444-555555555555/RESOURCEGROUPS/rg-shop" \
	"/providers/Microsoft.Compute/virtualMachines/web-01"
#define ALERT_ID "2518103877412290935_5c8a1f0e-93d4-4f5b-8e51-7b1f6a2d9c40"
#define START "2026-03-14T08:40:58.2122906Z"

static struct arena *arena;
static struct event event;

static inline struct str
json_of(const char *text)
{
	struct arena *fresh = arena_new();
	size_t n = strlen(text);
	char *p = arena_alloc(fresh, n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = text[i] == '\'' ? '"' : text[i];
	arena_free(arena);
	arena = fresh;
	return (struct str){ p, n };
}

/* What is given stays valid until the next call. */
static inline struct alert
alert_of(const char *data)
{
	struct alert al;
	struct err e;

	event = (struct event){ .schema = SCHEMA_EVENT_GRID,
		.id = STR("e-1"),
		.source = STR("/t"),
		.type = STR("Contoso.Alert"),
		.subject = STR("alerts"),
		.time = STR("2026-03-14T08:41:20Z"),
		.data = json_of(data) };
	CHECK_OK(alert_parse(&event, arena, &al, &e));
	return al;
}

#endif
