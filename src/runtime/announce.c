/* announce.c -- what the parts have to tell, on its way to the bus; and the calls of
 * omega/events.h.
 *
 * The bus carries the union of omega_event as its payload. Durable events come from the store after
 * their commit, with the row they stand in; live ones are built here. */
#include "runtime/runtime_int.h"

#include <stdio.h>

_Static_assert(sizeof(((omega_event *)NULL)->u) <= OM_EVENT_PAYLOAD, "an event fits a slot");
_Static_assert((int)OMEGA_EVENT_TYPE_COUNT <= (int)OM_EVENT_TYPES, "the types fit the mask");

enum { EVENTS_DEFAULT = 100 };

struct event_row {
    const char *name;
    bool durable;
};
static const struct event_row event_rows[OMEGA_EVENT_TYPE_COUNT] = {
#define EVENT_ROW(name, value, text, durable) [name] = {text, durable},
    OMEGA_EVENT_ROWS(EVENT_ROW)
#undef EVENT_ROW
};

const char *omega_event_name(omega_event_type type)
{
    return (unsigned)type < OMEGA_EVENT_TYPE_COUNT ? event_rows[type].name : "?";
}

omega_status omega_event_parse(omega_str name, omega_event_type *out)
{
    if (out == NULL) {
        return om_fail(OMEGA_EINVAL, "the place for the event is NULL");
    }
    for (unsigned i = 0; i < OMEGA_EVENT_TYPE_COUNT; i++) {
        if (om_str_eq_nocase(name, omega_str_of(event_rows[i].name))) {
            *out = (omega_event_type)i;
            return OMEGA_OK;
        }
    }
    return om_fail(OMEGA_EINVAL, "there is no event '%.*s'", OM_STR_ARG(om_utf8_clip(name, 64)));
}

/* ---- Onto the bus --------------------------------------------------------------------------- */

static void publish(omega_runtime *rt, struct om_event *event, const void *body, size_t size)
{
    OM_ASSERT(size <= sizeof event->payload);
    event->size = (uint16_t)size;
    memcpy(event->payload, body, size);
    om_bus_publish(rt->bus, event);
}

void om_announce(omega_runtime *rt, omega_event_type type, const void *body, size_t size)
{
    struct om_event event = {.type = (uint8_t)type, .wall_ms = om_wall_ms(rt->clock)};
    publish(rt, &event, body, size);
}

void om_announce_stored(void *context, const struct om_store_event *stored)
{
    omega_runtime *rt = (omega_runtime *)context;
    struct om_event event = {.row = stored->row,
                             .n = stored->n,
                             .wall_ms = stored->at_ms,
                             .type = (uint8_t)stored->type};
    publish(rt, &event, stored->payload, stored->payload_size);
}

static void copy_text(char *out, size_t size, const char *text)
{
    const omega_str clipped = om_utf8_clip(omega_str_of(text), size - 1);
    memcpy(out, clipped.ptr, clipped.len);
    memset(out + clipped.len, 0, size - clipped.len);
}

void om_announce_transition(void *context, const struct om_transition *transition)
{
    omega_event event = {.type = OMEGA_EVENT_STATE_CHANGED};
    copy_text(event.u.state_changed.old_state, sizeof event.u.state_changed.old_state,
              om_state_name(transition->old_state));
    copy_text(event.u.state_changed.new_state, sizeof event.u.state_changed.new_state,
              om_state_name(transition->new_state));
    copy_text(event.u.state_changed.cause, sizeof event.u.state_changed.cause, transition->cause);
    om_announce((omega_runtime *)context, OMEGA_EVENT_STATE_CHANGED, &event.u, sizeof event.u);
}

void om_announce_health(void *context, const struct om_health_change *change)
{
    omega_event event = {.type = OMEGA_EVENT_HEALTH_CHANGED};
    copy_text(event.u.health_changed.component, sizeof event.u.health_changed.component,
              change->component);
    copy_text(event.u.health_changed.reason, sizeof event.u.health_changed.reason, change->reason);
    event.u.health_changed.old_status = change->old_status;
    event.u.health_changed.new_status = change->new_status;
    om_announce((omega_runtime *)context, OMEGA_EVENT_HEALTH_CHANGED, &event.u, sizeof event.u);
}

void om_announce_error(omega_runtime *rt, const char *component, const char *error)
{
    omega_event event = {.type = OMEGA_EVENT_ERROR_OCCURRED};
    copy_text(event.u.error_occurred.component, sizeof event.u.error_occurred.component, component);
    copy_text(event.u.error_occurred.error, sizeof event.u.error_occurred.error, error);
    om_announce(rt, OMEGA_EVENT_ERROR_OCCURRED, &event.u, sizeof event.u);
}

/* ---- Off the bus ---------------------------------------------------------------------------- */

/* The bus is held by the runtime and by each subscription, so that closing one late, also after the
 * runtime, is harmless; a subscription is held by its owner and by who waits in it. */
struct om_shared_bus {
    struct om_bus *bus;
    atomic_uint holders;
};

struct omega_subscription {
    struct om_shared_bus *shared;
    struct om_subscription *inner;
    unsigned fork_generation; /* of the process that subscribed */
    atomic_uint holders;
};

omega_status om_shared_bus_new(struct om_shared_bus **out)
{
    struct om_alloc *alloc = om_alloc_default();
    struct om_shared_bus *shared = (struct om_shared_bus *)om_get0(alloc, 1, sizeof *shared);
    if (shared == NULL) {
        return om_nomem();
    }
    atomic_init(&shared->holders, 1);
    const omega_status status = om_bus_new(OM_BUS_SLOTS, &shared->bus);
    if (status != OMEGA_OK) {
        om_put(alloc, shared);
        return status;
    }
    *out = shared;
    return OMEGA_OK;
}

struct om_bus *om_shared_bus_of(struct om_shared_bus *shared)
{
    return shared->bus;
}

void om_shared_bus_drop(struct om_shared_bus *shared)
{
    if (shared != NULL && atomic_fetch_sub(&shared->holders, 1) == 1) {
        om_bus_free(shared->bus);
        om_put(om_alloc_default(), shared);
    }
}

static void drop_subscription(omega_subscription *subscription)
{
    if (atomic_fetch_sub(&subscription->holders, 1) == 1) {
        struct om_shared_bus *shared = subscription->shared;
        om_subscription_free(subscription->inner);
        om_put(om_alloc_default(), subscription);
        om_shared_bus_drop(shared);
    }
}

omega_status omega_events_subscribe(omega_runtime *rt, uint64_t type_mask, omega_subscription **out)
{
    omega_status status = om_require_runtime(rt);
    if (status != OMEGA_OK) {
        return status;
    }
    if (out == NULL) {
        return om_fail(OMEGA_EINVAL, "the place for the subscription is NULL");
    }
    *out = NULL;
    omega_subscription *subscription =
        (omega_subscription *)om_get0(om_alloc_default(), 1, sizeof *subscription);
    if (subscription == NULL) {
        return om_nomem();
    }
    status = om_bus_subscribe(rt->bus, type_mask, &subscription->inner);
    if (status != OMEGA_OK) {
        om_put(om_alloc_default(), subscription);
        return status;
    }
    atomic_init(&subscription->holders, 1);
    subscription->fork_generation = rt->fork_generation;
    subscription->shared = rt->shared_bus;
    atomic_fetch_add(&rt->shared_bus->holders, 1);
    *out = subscription;
    return OMEGA_OK;
}

static void show_event(const struct om_event *event, omega_event *out)
{
    omega_event shown = {.struct_size = out->struct_size,
                         .type = (omega_event_type)event->type,
                         .row = event->row,
                         .n = event->n,
                         .at_ms = event->wall_ms};
    if (event->type == OM_EVENT_LAGGED) {
        shown.type = OMEGA_EVENT_LAGGED;
        shown.u.lagged.count = om_event_lost(event);
    } else {
        memcpy(&shown.u, event->payload, OM_MIN((size_t)event->size, sizeof shown.u));
    }
    *out = shown;
}

omega_status omega_events_next(omega_subscription *subscription, int timeout_ms, omega_event *out)
{
    struct om_event event;
    if (subscription == NULL || out == NULL || out->struct_size < sizeof *out) {
        return om_fail(OMEGA_EINVAL, "a subscription and an event with its struct_size are needed");
    }
    if (subscription->fork_generation != om_os_fork_generation()) {
        return om_fail(OMEGA_ESTATE, "this subscription belongs to the parent of this process");
    }
    atomic_fetch_add(&subscription->holders, 1);
    const omega_status status = om_subscription_next(subscription->inner, timeout_ms, &event);
    drop_subscription(subscription);
    if (status == OMEGA_OK) {
        show_event(&event, out);
    }
    return status;
}

void omega_events_close(omega_subscription *subscription)
{
    if (subscription != NULL && subscription->fork_generation == om_os_fork_generation()) {
        om_subscription_close(subscription->inner);
        drop_subscription(subscription);
    }
}

/* ---- As JSON -------------------------------------------------------------------------------- */

static void put_body(struct om_json_out *out, const omega_event *event)
{
    switch (event->type) {
    case OMEGA_EVENT_MEMORY_STORED:
    case OMEGA_EVENT_MEMORY_UPDATED:
    case OMEGA_EVENT_MEMORY_FORGOTTEN:
    case OMEGA_EVENT_MEMORY_ARCHIVED:
        om_json_put_text(out, "tier", omega_tier_name(event->u.memory.tier));
        om_json_put_text(out, "memory", event->u.memory.id.text);
        break;
    case OMEGA_EVENT_MEMORY_CONSOLIDATED:
        om_json_put_text(out, "from_tier", omega_tier_name(event->u.memory_consolidated.from_tier));
        om_json_put_text(out, "to_tier", omega_tier_name(event->u.memory_consolidated.to_tier));
        om_json_put_u64(out, "count", event->u.memory_consolidated.count);
        break;
    case OMEGA_EVENT_LOOP_CYCLE_STARTED:
    case OMEGA_EVENT_LOOP_CYCLE_COMPLETED:
        om_json_put_text(out, "loop_type", omega_loop_name(event->u.loop_cycle.loop_type));
        om_json_put_text(out, "cycle_id", event->u.loop_cycle.cycle_id.text);
        if (event->type == OMEGA_EVENT_LOOP_CYCLE_COMPLETED) {
            om_json_put_bool(out, "success", event->u.loop_cycle.success);
        }
        break;
    case OMEGA_EVENT_INTELLIGENCE_CREATED:
        om_json_put_text(out, "intelligence", event->u.intelligence_created.id.text);
        om_json_put_text(out, "name", event->u.intelligence_created.name);
        break;
    case OMEGA_EVENT_ARCHITECTURE_EVOLVED:
        om_json_put_text(out, "intelligence", event->u.architecture_evolved.id.text);
        om_json_put_u64(out, "generation", event->u.architecture_evolved.generation);
        om_json_put_double(out, "fitness", event->u.architecture_evolved.fitness);
        break;
    case OMEGA_EVENT_HEALTH_CHANGED:
        om_json_put_text(out, "component", event->u.health_changed.component);
        om_json_put_text(out, "old", omega_health_name(event->u.health_changed.old_status));
        om_json_put_text(out, "new", omega_health_name(event->u.health_changed.new_status));
        om_json_put_text(out, "reason", event->u.health_changed.reason);
        break;
    case OMEGA_EVENT_ERROR_OCCURRED:
        om_json_put_text(out, "component", event->u.error_occurred.component);
        om_json_put_text(out, "error", event->u.error_occurred.error);
        break;
    case OMEGA_EVENT_STATE_CHANGED:
        om_json_put_text(out, "old", event->u.state_changed.old_state);
        om_json_put_text(out, "new", event->u.state_changed.new_state);
        om_json_put_text(out, "cause", event->u.state_changed.cause);
        break;
    case OMEGA_EVENT_LAGGED:
        om_json_put_u64(out, "count", event->u.lagged.count);
        break;
    case OMEGA_EVENT_TYPE_COUNT:
        break;
    }
}

static void put_event(struct om_json_out *out, const omega_event *event)
{
    char id[48] = "";
    om_json_open(out, NULL, '{');
    om_json_put_text(out, "type", omega_event_name(event->type));
    if (event->row > 0) {
        snprintf(id, sizeof id, "%llu.%u", (unsigned long long)event->row, event->n);
        om_json_put_text(out, "id", id);
    }
    om_json_put_time(out, "at", event->at_ms);
    put_body(out, event);
    om_json_close(out, '}');
}

omega_status omega_event_json(const omega_event *event, char **out)
{
    struct om_buf buf;
    struct om_json_out json;
    if (event == NULL || out == NULL || event->struct_size < sizeof *event) {
        return om_fail(OMEGA_EINVAL, "an event with its struct_size and a place are needed");
    }
    *out = NULL;
    om_buf_init(&buf, om_alloc_default(), OM_LIMIT_METADATA);
    om_json_out_init(&json, &buf);
    put_event(&json, event);
    const omega_status status = om_buf_take(&buf, out, NULL);
    om_buf_fini(&buf);
    return status;
}

static bool add_stored(void *context, const struct om_store_event *event)
{
    struct om_buf *buf = (struct om_buf *)context;
    struct om_json_out json;
    char id[48];
    char at[OM_TIME_TEXT_SIZE];
    snprintf(id, sizeof id, "%llu.%u", (unsigned long long)event->row, event->n);
    om_time_format(event->at_ms, at);
    /* The stored text is an object: its id and stamp, which the row knows, go in front. */
    om_json_out_init(&json, buf);
    om_json_open(&json, NULL, '{');
    om_json_put_text(&json, "id", id);
    om_json_put_text(&json, "at", at);
    if (event->json.len > 2) {
        om_buf_add_char(buf, ',');
        om_buf_add(buf, event->json.ptr + 1, event->json.len - 1);
    } else {
        om_buf_add_char(buf, '}');
    }
    om_buf_add_char(buf, '\n');
    return buf->status == OMEGA_OK;
}

omega_status omega_events_since(omega_runtime *rt, const omega_events_query *query, char **out,
                                bool *trimmed)
{
    struct om_reader reader = {0};
    struct om_buf buf;
    bool gap = false;
    if (out == NULL || query == NULL || query->struct_size < sizeof *query) {
        return om_fail(OMEGA_EINVAL, "a query with its struct_size and a place are needed");
    }
    *out = NULL;
    if (query->max > OM_LIMIT_LIST) {
        return om_fail(OMEGA_EINVAL, "max is %u: 1 to %d is allowed", query->max,
                       (int)OM_LIMIT_LIST);
    }
    const uint32_t max = query->max > 0 ? query->max : EVENTS_DEFAULT;
    const uint64_t mask = query->type_mask != 0 ? query->type_mask : OMEGA_EVENTS_ALL;
    omega_status status = om_gate_enter(rt, OM_OP_READ, "events");
    if (status != OMEGA_OK) {
        return status;
    }
    om_buf_init(&buf, om_alloc_default(), OM_LIMIT_BULK);
    om_buf_add_text(&buf, "");
    status = om_store_read(rt->store, 1000, &reader);
    if (status == OMEGA_OK) {
        const struct om_outbox_query wanted = {query->row, query->n, mask, max, add_stored, &buf};
        status = om_store_events(&reader, &wanted, &gap);
    }
    om_store_read_end(&reader);
    if (status == OMEGA_OK) {
        status = om_buf_take(&buf, out, NULL);
    }
    if (status == OMEGA_OK && trimmed != NULL) {
        *trimmed = gap;
    }
    om_buf_fini(&buf);
    om_gate_leave(rt, OM_OP_READ);
    return status;
}
