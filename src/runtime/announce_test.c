/* announce_test.c -- events: live and durable, in order, after a restart, lagging, closing. */
#include "support/support.h"

#include <unistd.h>

#include "runtime/runtime_int.h"
#include "support/runtime_house.h"

static const uint64_t stored_bit = OMEGA_EVENT_BIT(OMEGA_EVENT_MEMORY_STORED);

static omega_event next_of(omega_subscription *events)
{
    omega_event event = {.struct_size = sizeof event};
    assert_ok(omega_events_next(events, 0, &event));
    return event;
}

static void expect_none(omega_subscription *events)
{
    omega_event event = {.struct_size = sizeof event};
    assert_status(omega_events_next(events, 0, &event), OMEGA_ETIMEDOUT);
}

enum { PAGE = 3 };

/* The outbox after the id, a page or all of it, each line parsed; how many there are. n counts
 * from 1 in each row, so (row, 0) is before the first of the row. */
static size_t past_events(struct hall *hall, uint64_t row, bool page, uint64_t mask,
                          struct om_json_doc **docs)
{
    const omega_events_query query = {
        .struct_size = sizeof query, .row = row, .type_mask = mask, .max = page ? PAGE : 0};
    char *text = NULL;
    size_t count = 0;
    assert_ok(omega_events_since(hall->rt, &query, &text, NULL));
    omega_str rest = omega_str_of(text);
    while (rest.len > 0) {
        const omega_str line = om_str_cut(rest, '\n', &rest);
        if (line.len > 0) {
            assert_ok(om_json_parse(om_alloc_default(), line, NULL, &docs[count++]));
        }
    }
    omega_text_free(text);
    return count;
}

static bool text_is(const struct om_json_doc *doc, const char *key, const char *wanted)
{
    return om_str_eq_text(om_json_str(om_json_get(om_json_root(doc), key)), wanted);
}

static void test_a_store_is_told_once_it_is_committed(void **state)
{
    (void)state;
    struct hall hall;
    omega_subscription *events = NULL;
    struct om_json_doc *docs[8];
    char id_text[64];
    hall_open(&hall);
    hall_say(&hall, "before the subscription");
    assert_ok(omega_events_subscribe(hall.rt, stored_bit, &events));
    expect_none(events);
    hall_wait(&hall, 1500);
    const omega_id id = hall_say(&hall, "Ann prefers tea");
    const omega_event event = next_of(events);
    assert_int_equal(event.type, OMEGA_EVENT_MEMORY_STORED);
    assert_string_equal(event.u.memory.id.text, id.text);
    assert_int_equal(event.u.memory.tier, OMEGA_TIER_EPISODIC);
    assert_int_equal(event.at_ms, hall_start_ms + 1500);
    assert_true(event.row > 0);
    expect_none(events);
    /* The outbox has the same one under the same id. */
    assert_int_equal(past_events(&hall, event.row, false, stored_bit, docs), 1);
    snprintf(id_text, sizeof id_text, "%llu.%u", (unsigned long long)event.row, event.n);
    assert_true(text_is(docs[0], "id", id_text));
    assert_true(text_is(docs[0], "type", "MemoryStored"));
    assert_true(text_is(docs[0], "memory", id.text));
    assert_true(text_is(docs[0], "tier", "episodic"));
    assert_true(text_is(docs[0], "at", "2026-01-01T00:00:01.500Z"));
    om_json_free(docs[0]);
    /* And its JSON form is that of the row. */
    char *json = NULL;
    assert_ok(omega_event_json(&event, &json));
    assert_ok(om_json_parse(om_alloc_default(), omega_str_of(json), NULL, &docs[0]));
    assert_true(text_is(docs[0], "id", id_text));
    assert_true(text_is(docs[0], "memory", id.text));
    om_json_free(docs[0]);
    omega_text_free(json);
    omega_events_close(events);
    hall_close(&hall);
}

/* Whoever reads the event finds the memory: told after the commit, never before. */
static void test_what_is_told_can_be_read(void **state)
{
    (void)state;
    struct hall hall;
    omega_subscription *events = NULL;
    omega_memories *memories = NULL;
    hall_open(&hall);
    assert_ok(omega_events_subscribe(hall.rt, OMEGA_EVENTS_ALL, &events));
    omega_memory_input refused = hall_input("x");
    omega_id id;
    refused.importance = 2;
    assert_status(omega_memory_store(hall.rt, &refused, &id), OMEGA_EINVAL);
    expect_none(events); /* what failed is not told */
    hall_say(&hall, "Ann prefers tea");
    const omega_event stored = next_of(events);
    assert_ok(omega_memory_get(hall.rt, stored.u.memory.id.text, NULL, &memories));
    omega_memories_free(memories);
    omega_update_options update = OMEGA_UPDATE_OPTIONS_INIT;
    update.id = stored.u.memory.id.text;
    update.content = omega_str_of("Ann prefers coffee");
    assert_ok(omega_memory_update(hall.rt, &update, NULL));
    assert_int_equal(next_of(events).type, OMEGA_EVENT_MEMORY_UPDATED);
    omega_delete_options delete = OMEGA_DELETE_OPTIONS_INIT;
    delete.id = stored.u.memory.id.text;
    assert_ok(omega_memory_delete(hall.rt, &delete, NULL));
    const omega_event forgotten = next_of(events);
    assert_int_equal(forgotten.type, OMEGA_EVENT_MEMORY_FORGOTTEN);
    assert_string_equal(forgotten.u.memory.id.text, stored.u.memory.id.text);
    omega_events_close(events);
    hall_close(&hall);
}

static void test_past_events_stand_after_a_restart(void **state)
{
    (void)state;
    enum { COUNT = 10 };
    struct hall hall;
    struct om_json_doc *docs[COUNT];
    omega_id ids[COUNT];
    char text[64];
    hall_open(&hall);
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, "memory number %d", i);
        ids[i] = hall_say(&hall, text);
    }
    hall_reopen(&hall);
    assert_int_equal(past_events(&hall, 0, false, 0, docs), COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_true(text_is(docs[i], "memory", ids[i].text)); /* oldest first */
        om_json_free(docs[i]);
    }
    assert_int_equal(past_events(&hall, 0, true, 0, docs), PAGE);
    assert_true(text_is(docs[2], "memory", ids[2].text));
    const omega_str third = om_json_str(om_json_get(om_json_root(docs[2]), "id"));
    uint64_t row = 0;
    assert_true(om_str_to_u64(om_str_cut(third, '.', &(omega_str){NULL, 0}), &row));
    for (int i = 0; i < 3; i++) {
        om_json_free(docs[i]);
    }
    assert_int_equal(past_events(&hall, row + 1, false, 0, docs),
                     COUNT - 3); /* each has a row of its own */
    assert_true(text_is(docs[0], "memory", ids[3].text));
    for (int i = 0; i < COUNT - 3; i++) {
        om_json_free(docs[i]);
    }
    assert_int_equal(
        past_events(&hall, 0, false, OMEGA_EVENT_BIT(OMEGA_EVENT_MEMORY_FORGOTTEN), docs), 0);
    hall_close(&hall);
}

static void test_states_are_told(void **state)
{
    (void)state;
    static const char *const states[] = {"created", "starting", "running", "paused",
                                         "running", "stopping", "stopped"};
    struct hall hall;
    omega_subscription *events = NULL;
    hall_init(&hall);
    hall_make(&hall);
    assert_ok(omega_events_subscribe(hall.rt, OMEGA_EVENT_BIT(OMEGA_EVENT_STATE_CHANGED),
                                     &events)); /* before a start */
    assert_ok(omega_runtime_start(hall.rt));
    assert_ok(omega_runtime_pause(hall.rt));
    assert_ok(omega_runtime_resume(hall.rt));
    hall_stop(&hall);
    for (size_t i = 1; i < OM_COUNT_OF(states); i++) {
        const omega_event event = next_of(events);
        assert_string_equal(event.u.state_changed.old_state, states[i - 1]);
        assert_string_equal(event.u.state_changed.new_state, states[i]);
        assert_true(event.u.state_changed.cause[0] != '\0');
        assert_int_equal(event.row, 0);
    }
    expect_none(events);
    omega_events_close(events);
    hall_close(&hall);
}

static void test_who_is_too_slow_is_told(void **state)
{
    (void)state;
    enum { MANY = 9000 };
    struct hall hall;
    omega_subscription *events = NULL;
    hall_open(&hall);
    assert_ok(omega_events_subscribe(hall.rt, OMEGA_EVENTS_ALL, &events));
    for (int i = 0; i < MANY; i++) {
        om_announce_error(hall.rt, "test", "again");
    }
    const omega_event lagged = next_of(events);
    assert_int_equal(lagged.type, OMEGA_EVENT_LAGGED);
    uint64_t seen = 0;
    omega_event event = {.struct_size = sizeof event};
    while (omega_events_next(events, 0, &event) == OMEGA_OK) {
        assert_int_equal(event.type, OMEGA_EVENT_ERROR_OCCURRED);
        assert_string_equal(event.u.error_occurred.component, "test");
        seen++;
    }
    assert_int_equal(seen + lagged.u.lagged.count, MANY); /* nothing is lost untold */
    omega_events_close(events);
    hall_close(&hall);
}

static void wait_in_it(void *context)
{
    omega_subscription *events = context;
    omega_event event = {.struct_size = sizeof event};
    assert_int_equal(omega_events_next(events, -1, &event), OMEGA_ECLOSED);
}

static void test_closing_wakes_who_waits(void **state)
{
    (void)state;
    for (int by_runtime = 0; by_runtime < 2; by_runtime++) {
        struct hall hall;
        struct om_thread waiter = {0};
        omega_subscription *events = NULL;
        hall_open(&hall);
        assert_ok(omega_events_subscribe(hall.rt, stored_bit, &events));
        assert_ok(om_thread_start(&waiter, "waiter", wait_in_it, events));
        usleep(20000);
        if (by_runtime) {
            hall_close(&hall); /* the runtime is gone: closing late is harmless */
            om_thread_join(&waiter);
            omega_events_close(events);
        } else {
            omega_events_close(events);
            om_thread_join(&waiter);
            hall_close(&hall);
        }
    }
}

static void test_names(void **state)
{
    (void)state;
    omega_event_type type;
    for (int i = 0; i < OMEGA_EVENT_TYPE_COUNT; i++) {
        assert_ok(omega_event_parse(omega_str_of(omega_event_name((omega_event_type)i)), &type));
        assert_int_equal(type, i);
        omega_event event = {.struct_size = sizeof event, .type = (omega_event_type)i};
        struct om_json_doc *doc = NULL;
        char *json = NULL;
        assert_ok(omega_event_json(&event, &json));
        assert_ok(om_json_parse(om_alloc_default(), omega_str_of(json), NULL, &doc));
        assert_true(text_is(doc, "type", omega_event_name((omega_event_type)i)));
        om_json_free(doc);
        omega_text_free(json);
    }
    assert_string_equal(omega_event_name((omega_event_type)99), "?");
    assert_status(omega_event_parse(OM_STR("MemoryLost"), &type), OMEGA_EINVAL);
    assert_error_says("MemoryLost");
}

static void test_misuse(void **state)
{
    (void)state;
    enum { MOST = 64 };
    struct hall hall;
    omega_subscription *all[MOST + 1] = {NULL};
    omega_event event = {.struct_size = sizeof event};
    char *text = NULL;
    hall_open(&hall);
    assert_status(omega_events_subscribe(hall.rt, stored_bit, NULL), OMEGA_EINVAL);
    assert_status(omega_events_subscribe(NULL, stored_bit, &all[0]), OMEGA_EINVAL);
    for (int i = 0; i < MOST; i++) {
        assert_ok(omega_events_subscribe(hall.rt, stored_bit, &all[i]));
    }
    assert_status(omega_events_subscribe(hall.rt, stored_bit, &all[MOST]), OMEGA_ELIMIT);
    assert_null(all[MOST]);
    assert_status(omega_events_next(NULL, 0, &event), OMEGA_EINVAL);
    assert_status(omega_events_next(all[0], 0, NULL), OMEGA_EINVAL);
    event.struct_size = 8;
    assert_status(omega_events_next(all[0], 0, &event), OMEGA_EINVAL);
    assert_status(omega_event_json(&event, &text), OMEGA_EINVAL);
    assert_status(omega_event_json(NULL, &text), OMEGA_EINVAL);
    for (int i = 0; i < MOST; i++) {
        omega_events_close(all[i]);
    }
    omega_events_close(NULL);
    omega_events_query query = {.struct_size = sizeof query, .max = 1001};
    assert_status(omega_events_since(hall.rt, &query, &text, NULL), OMEGA_EINVAL);
    assert_error_says("1000");
    query.max = 10;
    assert_status(omega_events_since(hall.rt, &query, NULL, NULL), OMEGA_EINVAL);
    query.struct_size = 4;
    assert_status(omega_events_since(hall.rt, &query, &text, NULL), OMEGA_EINVAL);
    assert_status(omega_events_since(hall.rt, NULL, &text, NULL), OMEGA_EINVAL);
    query.struct_size = sizeof query;
    hall_stop(&hall);
    assert_status(omega_events_since(hall.rt, &query, &text, NULL), OMEGA_ESTATE);
    hall_close(&hall);
}

static omega_status subscribe_and_read(void *context)
{
    struct hall *hall = context;
    omega_subscription *events = NULL;
    char *text = NULL;
    const omega_events_query query = {.struct_size = sizeof query};
    omega_status status = omega_events_subscribe(hall->rt, stored_bit, &events);
    if (status == OMEGA_OK) {
        status = omega_events_since(hall->rt, &query, &text, NULL);
    }
    omega_text_free(text);
    omega_events_close(events);
    return status;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    hall_say(&hall, "an event to read");
    om_test_oom_sweep(subscribe_and_read, &hall);
    hall_close(&hall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_store_is_told_once_it_is_committed),
        cmocka_unit_test(test_what_is_told_can_be_read),
        cmocka_unit_test(test_past_events_stand_after_a_restart),
        cmocka_unit_test(test_states_are_told),
        cmocka_unit_test(test_who_is_too_slow_is_told),
        cmocka_unit_test(test_closing_wakes_who_waits),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
