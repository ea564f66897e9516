/* runtime_house.h -- a runtime for tests: temporary directory, clock by hand, schedule by hand.
 * Everything is static: a test includes it after "support/support.h".
 *
 *     struct hall hall;
 *     hall_open(&hall);
 *     ... omega_memory_store(hall.rt, &input, &id) ...
 *     hall_close(&hall); */
#ifndef OM_TEST_RUNTIME_HOUSE_H
#define OM_TEST_RUNTIME_HOUSE_H

#include <stdio.h>

#include "runtime/runtime.h"

/* 2026-01-01T00:00:00Z */
static const int64_t hall_start_ms = INT64_C(1767225600000);

struct hall {
    char dir[256];
    struct om_fake_clock clock;
    struct om_runtime_options options;
    omega_config config; /* what to change before hall_start */
    omega_runtime *rt;
};

static inline void hall_init(struct hall *hall)
{
    memset(hall, 0, sizeof *hall);
    om_test_dir(hall->dir, sizeof hall->dir);
    om_fake_clock_init(&hall->clock, hall_start_ms);
    omega_config_init(&hall->config);
    snprintf(hall->config.runtime_data_dir, sizeof hall->config.runtime_data_dir, "%s/data",
             hall->dir);
    hall->config.store_durability = OMEGA_DURABILITY_PROCESS;
    hall->config.runtime_log_level = 4;
    hall->options.config = &hall->config;
    hall->options.clock = &hall->clock.clock;
    hall->options.manual_schedule = true;
    hall->options.carry.take = om_test_alloc_token;
    hall->options.carry.adopt = om_test_alloc_adopt;
}

static inline void hall_make(struct hall *hall)
{
    assert_ok(om_runtime_new_with(&hall->options, &hall->rt));
}

static inline void hall_start(struct hall *hall)
{
    hall_make(hall);
    assert_ok(omega_runtime_start(hall->rt));
}

static inline void hall_open(struct hall *hall)
{
    hall_init(hall);
    hall_start(hall);
}

static inline void hall_stop(struct hall *hall)
{
    assert_ok(omega_runtime_stop(hall->rt, 10000));
}

/* Another handle on the same directory. */
static inline void hall_reopen(struct hall *hall)
{
    if (omega_runtime_state(hall->rt) != OMEGA_STATE_STOPPED) {
        hall_stop(hall);
    }
    omega_runtime_free(hall->rt);
    hall_start(hall);
}

static inline void hall_close(struct hall *hall)
{
    omega_runtime_free(hall->rt);
    om_test_dir_remove(hall->dir);
}

static inline void hall_wait(struct hall *hall, int64_t ms)
{
    om_fake_clock_advance_ms(&hall->clock, ms);
}

static inline omega_memory_input hall_input(const char *content)
{
    omega_memory_input input = OMEGA_MEMORY_INPUT_INIT;
    input.content = omega_str_of(content);
    return input;
}

static inline omega_id hall_say(struct hall *hall, const char *content)
{
    const omega_memory_input input = hall_input(content);
    omega_id id = {""};
    assert_ok(omega_memory_store(hall->rt, &input, &id));
    return id;
}

static inline uint64_t hall_count(struct hall *hall)
{
    omega_list_options all = OMEGA_LIST_OPTIONS_INIT;
    uint64_t count = 0;
    all.all_roots = true;
    all.include = OMEGA_INCLUDE_ARCHIVED;
    assert_ok(omega_memory_count(hall->rt, &all, &count));
    return count;
}

/* The best match's content is this. */
static inline void hall_expect_recall(struct hall *hall, const char *query, const char *best)
{
    omega_recall_options recall = OMEGA_RECALL_OPTIONS_INIT;
    omega_memories *found = NULL;
    recall.query = omega_str_of(query);
    assert_ok(omega_memory_recall(hall->rt, &recall, &found));
    assert_true(omega_memories_count(found) > 0);
    const omega_str content = omega_memories_at(found, 0)->content;
    assert_int_equal(content.len, strlen(best));
    assert_memory_equal(content.ptr, best, content.len);
    omega_memories_free(found);
}

#endif
