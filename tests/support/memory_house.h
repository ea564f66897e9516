/* memory_house.h -- a store with memories for tests: temporary directory, clock by hand, built-in
 * embedder. Everything is static: a test includes it after "support/support.h".
 *
 *     struct house house;
 *     house_open(&house);
 *     ... om_memory_store(house.memory, &input, &id) ...
 *     house_close(&house); */
#ifndef OM_TEST_MEMORY_HOUSE_H
#define OM_TEST_MEMORY_HOUSE_H

#include "memory/memory.h"
#include "omega/events.h"
#include "providers/providers.h"

enum { HOUSE_EVENTS = 64 };
/* 2026-01-01T00:00:00Z */
static const int64_t house_start_ms = INT64_C(1767225600000);

struct house {
    char dir[256];
    struct om_alloc alloc;
    struct om_fake_clock clock;
    struct om_uuid_source ids;
    struct om_stemmers stemmers;
    struct om_embedder embedder;
    struct om_scan_pool *pool;
    struct om_spaces *spaces;
    struct om_memory *memory;
    struct om_store *store;
    struct om_memory_options options; /* what to change before house_start */
    bool keep_operations;
    unsigned event_counts[OMEGA_EVENT_TYPE_COUNT];
    omega_id last_event_id;
};

static inline void house_note_event(void *context, const struct om_store_event *event)
{
    struct house *house = context;
    house->event_counts[event->type]++;
    if (event->payload != NULL) {
        memcpy(&house->last_event_id, event->payload, sizeof house->last_event_id);
    }
}

static inline omega_status house_try_start(struct house *house)
{
    static const struct om_schema *const schemas[] = {&om_agentdb_schema, &om_memory_schema};
    size_t kind_count = 0;
    house->options.spaces = NULL;
    omega_status status = om_spaces_new(&house->alloc, NULL, &house->spaces);
    house->options.spaces = house->spaces;
    if (status == OMEGA_OK) {
        status = om_memory_new(&house->options, &house->memory);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    const struct om_record_kind *const *kinds = om_memory_kinds(house->memory, &kind_count);
    struct om_store_options options = {.alloc = &house->alloc,
                                       .clock = &house->clock.clock,
                                       .dir = house->dir,
                                       .keep_operations = house->keep_operations,
                                       .schemas = schemas,
                                       .schema_count = OM_COUNT_OF(schemas),
                                       .kinds = kinds,
                                       .kind_count = kind_count,
                                       .on_event = house_note_event,
                                       .on_event_context = house};
    status = om_store_open(&options, &house->store);
    if (status == OMEGA_OK) {
        status = om_memory_load(house->memory, house->store, NULL, NULL);
    }
    return status;
}

static inline void house_stop(struct house *house)
{
    om_store_close(house->store);
    house->store = NULL;
    om_memory_free(house->memory);
    house->memory = NULL;
    om_spaces_free(house->spaces);
    house->spaces = NULL;
}

static inline void house_start(struct house *house)
{
    assert_ok(house_try_start(house));
}

/* Everything but the store and the memory, so that options can be changed. */
static inline void house_init(struct house *house)
{
    memset(house, 0, sizeof *house);
    om_test_dir(house->dir, sizeof house->dir);
    om_alloc_init(&house->alloc, NULL);
    om_fake_clock_init(&house->clock, house_start_ms);
    om_uuid_source_init(&house->ids, &house->clock.clock, 7);
    om_stemmers_init(&house->stemmers, &house->alloc);
    assert_ok(om_builtin_embedder(&house->alloc, &house->embedder));
    house->options = (struct om_memory_options){.alloc = &house->alloc,
                                                .clock = &house->clock.clock,
                                                .ids = &house->ids,
                                                .embedder = &house->embedder,
                                                .stemmers = &house->stemmers,
                                                .session_gap_secs = 1800,
                                                .vector_weight = 0.5,
                                                .importance_weight = 0.05,
                                                .durability = OM_DURABILITY_PROCESS};
}

static inline void house_open(struct house *house)
{
    house_init(house);
    house_start(house);
}

static inline void house_close(struct house *house)
{
    house_stop(house);
    om_builtin_embedder_fini(&house->embedder);
    om_stemmers_fini(&house->stemmers);
    om_uuid_source_fini(&house->ids);
    om_test_dir_remove(house->dir);
    assert_int_equal(atomic_load(&house->alloc.live_count), 0);
}

/* Closes and opens again: what stands on the disk is all there is. */
static inline void house_reopen(struct house *house)
{
    house_stop(house);
    house_start(house);
}

static inline void house_count_fault(void *context, const char *fault)
{
    (void)context;
    print_error("check: %s\n", fault);
}

/* `omega check` finds nothing. */
static inline void house_check(struct house *house)
{
    struct om_check check = {.each = house_count_fault};
    assert_ok(om_store_check(house->store, &check));
    assert_int_equal(check.faults, 0);
}

static inline void house_wait(struct house *house, int64_t ms)
{
    om_fake_clock_advance_ms(&house->clock, ms);
}

/* A memory of user `user` (NULL: shared). */
static inline omega_memory_input house_input(const char *content, const char *user)
{
    omega_memory_input input = omega_memory_input_default();
    input.content = omega_str_of(content);
    input.scope.user = omega_str_of(user);
    return input;
}

static inline omega_id house_store(struct house *house, const omega_memory_input *input)
{
    omega_id id = {""};
    assert_ok(om_memory_store(house->memory, input, &id));
    return id;
}

static inline omega_id house_say(struct house *house, const char *content, const char *user)
{
    omega_memory_input input = house_input(content, user);
    return house_store(house, &input);
}

static inline omega_scope house_scope(const char *user)
{
    omega_scope scope = {omega_str_of(user), {NULL, 0}, {NULL, 0}};
    return scope;
}

/* The memory as user `user` sees it; freed by the caller. */
static inline omega_memories *house_get(struct house *house, omega_id id, const char *user)
{
    omega_memories *got = NULL;
    omega_scope scope = house_scope(user);
    assert_ok(om_memory_get(house->memory, id.text, &scope, &got));
    assert_int_equal(om_memories_count(got), 1);
    return got;
}

static inline uint64_t house_count(struct house *house, const char *user, uint32_t include)
{
    uint64_t count = 0;
    omega_list_options options = omega_list_options_default();
    options.scope = house_scope(user);
    options.include = include;
    assert_ok(om_memory_count(house->memory, &options, &count));
    return count;
}

/* ---- Memory that is out ---------------------------------------------------------------------- */

/* One verb on a house that `prepare` has furnished. */
struct house_trial {
    void (*prepare)(struct house *house, void *context);
    omega_status (*verb)(struct house *house, void *context);
    void *context;
};

/* Runs the verb in a fresh house with allocation `nth` failing (0: none); returns whether one was
 * made to fail. After a refusal the same call succeeds, and nothing is damaged. */
static inline bool house_try(const struct house_trial *trial, uint64_t nth, bool persistent,
                             uint64_t *allocations)
{
    struct house house;
    house_open(&house);
    trial->prepare(&house, trial->context);
    om_test_fail_alloc(nth, persistent);
    omega_status status = trial->verb(&house, trial->context);
    *allocations = om_test_alloc_count();
    bool failed = om_test_alloc_failed();
    om_test_fail_alloc(0, false);
    if (status != OMEGA_OK) {
        assert_true(failed);
        assert_int_equal(status, OMEGA_ENOMEM);
        assert_ok(trial->verb(&house, trial->context));
    }
    om_memory_reclaim(house.memory);
    house_check(&house);
    house_close(&house);
    return failed;
}

/* Every allocation of the verb fails once, then it and all after it; every trial starts anew, so
 * that the count of a plain run and that of the sweep are the same. */
static inline void house_sweep(const char *name, const struct house_trial *trial)
{
    uint64_t plain, ignored, swept = 0;
    (void)house_try(trial, 0, false, &plain);
    enum om_log_level level = om_log_level_now();
    om_log_set_level(OM_LOG_OFF);
    for (int persistent = 0; persistent < 2; persistent++) {
        swept = 0;
        while (house_try(trial, swept + 1, persistent != 0, &ignored)) {
            swept++;
        }
        assert_int_equal(swept, plain);
    }
    om_log_set_level(level);
    print_message("%s: %llu allocations, %llu made to fail\n", name, (unsigned long long)plain,
                  (unsigned long long)swept);
}

#define assert_str(got, wanted)                                                                    \
    do {                                                                                           \
        omega_str got_ = (got);                                                                    \
        omega_str wanted_ = omega_str_of(wanted);                                                  \
        assert_int_equal(got_.len, wanted_.len);                                                   \
        assert_memory_equal(got_.len > 0 ? got_.ptr : "", wanted_.len > 0 ? wanted_.ptr : "",      \
                            wanted_.len);                                                          \
    } while (0)

#endif
