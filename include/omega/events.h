/* events.h -- what happens inside, told as it happens.
 *
 * Two kinds. *Durable* events (memory_stored, memory_updated, memory_forgotten, memory_archived
 * ...) are told of a committed row; they stand in the outbox in the same transaction and can be
 * read again after a restart (omega_events_since). *Live* events (cycles, health, states, errors)
 * pass through the ring only.
 * A publisher never waits: a subscriber that falls 8,192 events behind is told how many it lost
 * (OMEGA_EVENT_LAGGED) and goes on with the oldest that is left.
 *
 * JSON form: {"type":"MemoryStored","id":"17.1","at":"...","tier":"semantic","memory":"..."}.
 *
 * Threads: one thread at a time per subscription; omega_events_close from any. Since 0.1. */
#ifndef OMEGA_EVENTS_H
#define OMEGA_EVENTS_H

#include "omega/memory.h"

#ifdef __cplusplus
extern "C" {
#endif

/* enumerator, value (stable), name in JSON, durable */
#define OMEGA_EVENT_ROWS(X)                                                                        \
    X(OMEGA_EVENT_MEMORY_STORED, 0, "MemoryStored", true)                                          \
    X(OMEGA_EVENT_MEMORY_CONSOLIDATED, 1, "MemoryConsolidated", true)                              \
    X(OMEGA_EVENT_LOOP_CYCLE_STARTED, 2, "LoopCycleStarted", false)                                \
    X(OMEGA_EVENT_LOOP_CYCLE_COMPLETED, 3, "LoopCycleCompleted", false)                            \
    X(OMEGA_EVENT_INTELLIGENCE_CREATED, 4, "IntelligenceCreated", true)                            \
    X(OMEGA_EVENT_ARCHITECTURE_EVOLVED, 5, "ArchitectureEvolved", true)                            \
    X(OMEGA_EVENT_HEALTH_CHANGED, 6, "HealthChanged", false)                                       \
    X(OMEGA_EVENT_ERROR_OCCURRED, 7, "ErrorOccurred", false)                                       \
    X(OMEGA_EVENT_MEMORY_UPDATED, 8, "MemoryUpdated", true)                                        \
    X(OMEGA_EVENT_MEMORY_FORGOTTEN, 9, "MemoryForgotten", true)                                    \
    X(OMEGA_EVENT_MEMORY_ARCHIVED, 10, "MemoryArchived", true)                                     \
    X(OMEGA_EVENT_STATE_CHANGED, 11, "StateChanged", false)                                        \
    X(OMEGA_EVENT_LAGGED, 12, "Lagged", false)

typedef enum omega_event_type {
#define OMEGA_EVENT_ENUM(name, value, text, durable) name = (value),
    OMEGA_EVENT_ROWS(OMEGA_EVENT_ENUM)
#undef OMEGA_EVENT_ENUM
        OMEGA_EVENT_TYPE_COUNT = 13
} omega_event_type;

#define OMEGA_EVENT_BIT(type) (UINT64_C(1) << (type))
#define OMEGA_EVENTS_ALL UINT64_MAX
OMEGA_API const char *omega_event_name(omega_event_type type);
OMEGA_API OMEGA_MUST_CHECK omega_status omega_event_parse(omega_str name, omega_event_type *out);

typedef struct omega_event {
    uint32_t struct_size;
    omega_event_type type;
    uint64_t row; /* of the outbox: its id is "<row>.<n>"; 0 for a live event */
    uint32_t n;
    uint32_t reserved;
    int64_t at_ms;
    union {
        char bytes[200];
        struct {
            omega_id id;
            omega_tier tier;
        } memory; /* STORED, UPDATED, FORGOTTEN, ARCHIVED */
        struct {
            omega_tier from_tier, to_tier;
            uint64_t count;
        } memory_consolidated;
        struct {
            omega_id cycle_id;
            omega_loop loop_type;
            bool success; /* of COMPLETED */
        } loop_cycle;
        struct {
            omega_id id;
            char name[64];
        } intelligence_created;
        struct {
            omega_id id;
            uint32_t generation;
            double fitness;
        } architecture_evolved;
        struct {
            char component[24];
            omega_health old_status, new_status;
            char reason[96];
        } health_changed;
        struct {
            char component[24];
            char error[160];
        } error_occurred;
        struct {
            char old_state[16], new_state[16];
            char cause[96];
        } state_changed;
        struct {
            uint64_t count;
        } lagged;
    } u;
} omega_event;
static inline omega_event omega_event_default(void)
{
    omega_event event;
    memset(&event, 0, sizeof event);
    event.struct_size = (uint32_t)sizeof event;
    return event;
}
#define OMEGA_EVENT_INIT omega_event_default()

typedef struct omega_subscription omega_subscription;

/* Events from now on whose type bit is in `type_mask`. OMEGA_ELIMIT above 64 subscriptions. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_events_subscribe(omega_runtime *rt,
                                                               uint64_t type_mask,
                                                               omega_subscription **out);
/* The next one into *out, whose struct_size the caller has set. Waits at most timeout_ms (0: not at
 * all, < 0: for ever). OMEGA_ETIMEDOUT when none came, OMEGA_ECLOSED when the subscription was
 * closed or the runtime freed; a stopped runtime's subscriptions stay. */
OMEGA_API omega_status omega_events_next(omega_subscription *subscription, int timeout_ms,
                                         omega_event *out);
/* NULL is allowed; a waiting omega_events_next returns OMEGA_ECLOSED. */
OMEGA_API void omega_events_close(omega_subscription *subscription);

typedef struct omega_events_query {
    uint32_t struct_size;
    uint32_t n; /* the id (row, n) after which to begin; 0, 0: at the oldest kept */
    uint64_t row;
    uint64_t type_mask; /* 0: all */
    uint32_t max;       /* 1..1,000; 0: 100 */
    uint32_t reserved;
} omega_events_query;

/* Durable events after an id, oldest first, each as one line of JSON in *out (transferred:
 * omega_text_free). Needs a Running or Paused runtime. *trimmed (may be NULL): some after that id
 * are no longer kept (1,000,000 rows, 7 days). */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_events_since(omega_runtime *rt,
                                                           const omega_events_query *query,
                                                           char **out, bool *trimmed);
/* The JSON form of one event (transferred: omega_text_free). */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_event_json(const omega_event *event, char **out);

#ifdef __cplusplus
}
#endif
#endif
