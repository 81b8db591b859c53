/*
 * What several actions need.
 */
#ifndef ACTION_TOOLS_H
#define ACTION_TOOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "action/action.h"
#include "azure/nic.h"
#include "azure/vm.h"
#include "base/err.h"
#include "base/json.h"
#include "core/resource_id.h"

/* LATER for what may pass, NEVER for what will not. */
enum outcome outcome_of(const struct err *e);

/* OUTCOME_LATER, with what is waited for; 0 ms after a record = call again at once. */
enum outcome later(struct err *e, int64_t retry_ms, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Go on as soon as the step is committed; not 0, which may mean a pause. */
#define SOON_MS 1
/* Somebody else's change is under way. */
#define BUSY_MS 3000

/*
 * Somebody said panic: a step forward goes no further.  Ask before each destructive change; true: e
 * says so.
 */
bool is_halted(const struct action_env *env, const struct step *step, struct err *e);

/* The machine a step is about; ERR_INPUT when it is about something else. */
bool target_machine(const struct step *step, struct resource_id *id, struct err *e) MUST_CHECK;

/*
 * Seen only now: the settings may have changed since the step was planned, and tags have to be
 * read.  True: e says what protects the machine.
 */
bool protected_now(const struct action_env *env, const struct resource_id *id,
    const struct json *tags, struct err *e);

/* JSON that we stored ourselves: parameters, the record, the cursor.  Empty text gives NULL. */
bool stored_json(struct str text, const char *what, struct arena *a, struct json **out,
    struct err *e) MUST_CHECK;

/* The machine as it is now; that it is gone is said so. */
bool machine_read(
    struct action_env *env, const struct resource_id *id, struct vm *out, struct err *e) MUST_CHECK;

/* All interfaces of a machine as they are now: vm->n_interfaces of them. */
bool machine_nics(
    struct action_env *env, const struct vm *vm, struct nic **out, struct err *e) MUST_CHECK;

/* x-ms-request-id of the call that was answered last: what Microsoft's support asks for. */
struct str last_request_id(const struct arm *arm);

/* A parameter that names a resource group; empty is none and fine. */
bool check_resource_group(struct str group, struct err *e) MUST_CHECK;

/* A parameter that lists ports: not too many, none twice. */
#define PORTS_MAX 50
bool check_port_list(const struct json *ports, struct err *e) MUST_CHECK;

/* The alert, what was done about it and why, as people are told. */
struct card card_of(const struct action_env *env);

#endif
