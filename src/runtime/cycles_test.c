/* cycles_test.c -- the cycle contract by hand and by the schedule: events, counts, due times, a
 * year. */
#include "support/support.h"

#include <stdlib.h>

#include "runtime/runtime_int.h"
#include "support/runtime_house.h"

enum { RETENTION = OMEGA_LOOP_RETENTION, CHECKPOINT = OMEGA_LOOP_CHECKPOINT };
static const int64_t hour_ms = 3600000;
static const int64_t day_ms = 86400000;
static const uint64_t cycle_events = OMEGA_EVENT_BIT(OMEGA_EVENT_LOOP_CYCLE_STARTED) |
                                     OMEGA_EVENT_BIT(OMEGA_EVENT_LOOP_CYCLE_COMPLETED);

static omega_loop_info info_of(struct hall *hall, int loop)
{
    omega_loop_info infos[8];
    size_t count = 0;
    assert_ok(omega_loop_status(hall->rt, infos, 8, &count));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        if ((int)infos[i].loop == loop) {
            return infos[i];
        }
    }
    fail();
    return infos[0];
}

static omega_id say_in(struct hall *hall, const char *content, omega_tier tier)
{
    omega_memory_input input = hall_input(content);
    omega_id id = {""};
    input.tier = tier;
    assert_ok(omega_memory_store(hall->rt, &input, &id));
    return id;
}

/* A member of the result as text; the caller's document. */
static struct om_json_doc *parse(const omega_cycle_output *output)
{
    struct om_json_doc *doc = NULL;
    assert_ok(om_json_parse(om_alloc_default(), omega_cycle_json(output), NULL, &doc));
    return doc;
}

static int64_t number_at(const struct om_json *object, const char *key)
{
    int64_t number = -1;
    assert_true(om_json_is_int(om_json_get(object, key), &number));
    return number;
}

static void expect_event(omega_subscription *events, omega_event_type type, int loop,
                         omega_event *out)
{
    *out = (omega_event){.struct_size = sizeof *out};
    assert_ok(omega_events_next(events, 0, out));
    assert_int_equal(out->type, type);
    assert_int_equal((int)out->u.loop_cycle.loop_type, loop);
    assert_int_equal(out->row, 0);
}

static void expect_silence(omega_subscription *events)
{
    omega_event event = {.struct_size = sizeof event};
    assert_status(omega_events_next(events, 0, &event), OMEGA_ETIMEDOUT);
}

/* ---- By hand -------------------------------------------------------------------------------- */

static void test_a_cycle_by_hand(void **state)
{
    (void)state;
    struct hall hall;
    omega_subscription *events = NULL;
    omega_cycle_output *output = NULL;
    omega_event started;
    omega_event completed;
    hall_open(&hall);
    assert_ok(omega_events_subscribe(hall.rt, cycle_events, &events));
    say_in(&hall, "a passing thought", OMEGA_TIER_IMMEDIATE);
    say_in(&hall, "the sky is blue", OMEGA_TIER_SEMANTIC);
    hall_wait(&hall, day_ms);
    omega_cycle_input input = OMEGA_CYCLE_INPUT_INIT;
    input.context = omega_str_of("a \"test\"");
    input.data = omega_str_of("{\"any\": 1}");
    assert_ok(omega_loop_execute_cycle(hall.rt, (omega_loop)RETENTION, &input, &output));

    struct om_json_doc *doc = parse(output);
    const struct om_json *root = om_json_root(doc);
    assert_true(om_json_bool(om_json_get(root, "success")));
    assert_true(om_str_eq_text(om_json_str(om_json_get(root, "loop")), "retention"));
    assert_true(om_str_eq_text(om_json_str(om_json_get(root, "context")), "a \"test\""));
    assert_int_equal(number_at(om_json_get(root, "results"), "archived"), 1);
    assert_int_equal(om_json_count(om_json_get(root, "actions")), 1);
    assert_int_equal(om_json_count(om_json_get(root, "insights")), 0);
    assert_int_equal(om_json_type_of(om_json_get(root, "next_objectives")), OM_JSON_ARRAY);
    const struct om_json *metrics = om_json_get(root, "metrics");
    assert_int_equal(number_at(om_json_get(metrics, "before"), "active"), 2);
    assert_int_equal(number_at(om_json_get(metrics, "after"), "active"), 1);
    assert_int_equal(number_at(om_json_get(metrics, "after"), "archived"), 1);
    assert_int_equal(number_at(root, "duration_us"), 0); /* by a clock that stands still */

    expect_event(events, OMEGA_EVENT_LOOP_CYCLE_STARTED, RETENTION, &started);
    expect_event(events, OMEGA_EVENT_LOOP_CYCLE_COMPLETED, RETENTION, &completed);
    assert_true(completed.u.loop_cycle.success);
    assert_string_equal(started.u.loop_cycle.cycle_id.text, completed.u.loop_cycle.cycle_id.text);
    assert_true(om_str_eq_text(om_json_str(om_json_get(root, "cycle_id")),
                               started.u.loop_cycle.cycle_id.text));
    expect_silence(events);
    om_json_free(doc);
    assert_int_equal(omega_cycle_insight_count(output), 0);
    assert_null(omega_cycle_insight_at(output, 0));
    omega_cycle_output_free(output);
    const omega_loop_info info = info_of(&hall, RETENTION);
    assert_int_equal(info.cycles, 1);
    assert_int_equal(info.failures, 0);
    omega_events_close(events);
    hall_close(&hall);
}

static void test_every_loop_has_its_cycle(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    hall_say(&hall, "something");
    for (int loop = RETENTION; loop <= OMEGA_LOOP_ERASURE; loop++) {
        omega_cycle_output *output = NULL;
        assert_ok(omega_loop_execute_cycle(hall.rt, (omega_loop)loop, NULL, &output));
        struct om_json_doc *doc = parse(output);
        assert_true(om_str_eq_text(om_json_str(om_json_get(om_json_root(doc), "loop")),
                                   omega_loop_name((omega_loop)loop)));
        om_json_free(doc);
        omega_cycle_output_free(output);
        assert_int_equal(info_of(&hall, loop).cycles, 1);
        assert_string_equal(info_of(&hall, loop).name, omega_loop_name((omega_loop)loop));
    }
    hall_close(&hall);
}

static void test_misuse(void **state)
{
    (void)state;
    struct hall hall;
    omega_cycle_output *output = NULL;
    size_t count = 0;
    hall_open(&hall);
    omega_runtime *rt = hall.rt;
    const omega_loop retention = (omega_loop)RETENTION;
    assert_status(omega_loop_execute_cycle(rt, OMEGA_LOOP_REFLEXIVE, NULL, &output),
                  OMEGA_EUNSUPPORTED);
    assert_error_says("reflexive");
    assert_error_says("retention, checkpoint, erasure");
    assert_null(output);
    assert_status(omega_loop_execute_cycle(rt, retention, NULL, NULL), OMEGA_EINVAL);
    omega_cycle_input input = OMEGA_CYCLE_INPUT_INIT;
    input.struct_size = 3;
    assert_status(omega_loop_execute_cycle(rt, retention, &input, &output), OMEGA_EINVAL);
    input = omega_cycle_input_default();
    input.data = omega_str_of("[1]");
    assert_status(omega_loop_execute_cycle(rt, retention, &input, &output), OMEGA_EINVAL);
    assert_error_says("object");
    input.data = omega_str_of("{\"a\":");
    assert_status(omega_loop_execute_cycle(rt, retention, &input, &output), OMEGA_EINVAL);
    input.data = (omega_str){NULL, 0};
    input.context = omega_str_of("\xff");
    assert_status(omega_loop_execute_cycle(rt, retention, &input, &output), OMEGA_EINVAL);
    static const char *const objectives[] = {"be quick"};
    input = omega_cycle_input_default();
    input.objectives = objectives;
    input.objective_count = 1;
    assert_status(omega_loop_execute_cycle(rt, retention, &input, &output), OMEGA_EINVAL);
    assert_error_says("objectives");
    assert_status(omega_loop_status(rt, NULL, 1, &count), OMEGA_EINVAL);
    assert_status(omega_loop_status(rt, NULL, 0, NULL), OMEGA_EINVAL);
    assert_ok(omega_loop_status(rt, NULL, 0, &count));
    assert_int_equal(count, 3);
    assert_status(omega_loop_enable(rt, OMEGA_LOOP_ADAPTIVE, true), OMEGA_EUNSUPPORTED);
    assert_int_equal(omega_cycle_json(NULL).len, 0);
    omega_cycle_output_free(NULL);
    assert_int_equal(info_of(&hall, RETENTION).cycles, 0);
    assert_ok(omega_runtime_pause(rt));
    assert_status(omega_loop_execute_cycle(rt, retention, NULL, &output), OMEGA_ESTATE);
    assert_ok(omega_loop_status(rt, NULL, 0, &count)); /* looking goes on */
    hall_close(&hall);
}

/* ---- By the schedule ------------------------------------------------------------------------ */

static void test_idle_cycles_are_only_counted(void **state)
{
    (void)state;
    struct hall hall;
    omega_subscription *events = NULL;
    hall_open(&hall);
    say_in(&hall, "kept for a year", OMEGA_TIER_SEMANTIC);
    hall_wait(&hall, 2 * hour_ms);
    om_runtime_run_due(hall.rt); /* the WAL is moved, nothing else */
    assert_ok(omega_events_subscribe(hall.rt, cycle_events, &events));
    const omega_loop_info before = info_of(&hall, RETENTION);
    for (int i = 0; i < 5; i++) {
        hall_wait(&hall, hour_ms + hour_ms / 10); /* with its jitter */
        om_runtime_run_due(hall.rt);
    }
    omega_loop_info after = info_of(&hall, RETENTION);
    assert_int_equal(after.idle, before.idle + 5);
    assert_int_equal(after.cycles, 0);
    assert_true(after.last_start_ms > before.last_start_ms);
    omega_event event = {.struct_size = sizeof event};
    while (omega_events_next(events, 0, &event) == OMEGA_OK) {
        assert_int_equal((int)event.u.loop_cycle.loop_type, CHECKPOINT); /* of the due time's row */
    }
    omega_events_close(events);
    hall_close(&hall);
}

/* Emptying the WAL makes no WAL: an idle runtime becomes quiet. */
static void test_checkpoints_come_to_rest(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    hall_say(&hall, "a write");
    hall_wait(&hall, 6000);
    om_runtime_run_due(hall.rt);
    assert_int_equal(info_of(&hall, CHECKPOINT).cycles, 1);
    for (int i = 0; i < 10; i++) {
        hall_wait(&hall, 6000);
        om_runtime_run_due(hall.rt);
    }
    assert_int_equal(info_of(&hall, CHECKPOINT).cycles, 1);
    assert_int_equal(info_of(&hall, CHECKPOINT).idle, 10);
    hall_close(&hall);
}

static void test_a_scheduled_cycle_acts(void **state)
{
    (void)state;
    struct hall hall;
    omega_subscription *events = NULL;
    omega_event event;
    hall_open(&hall);
    say_in(&hall, "a passing thought", OMEGA_TIER_IMMEDIATE);
    const omega_loop_info before = info_of(&hall, RETENTION);
    assert_int_equal(before.last_start_ms, OMEGA_TIME_UNSET);
    assert_int_equal(before.interval_ms, hour_ms);
    assert_true(before.enabled);
    assert_in_range(before.next_due_ms - hall_start_ms, hour_ms, hour_ms + hour_ms / 20);
    assert_ok(omega_events_subscribe(hall.rt, OMEGA_EVENTS_ALL, &events));
    hall_wait(&hall, before.next_due_ms + 1 - hall_start_ms); /* shown in whole milliseconds */
    assert_true(om_runtime_run_due(hall.rt) > 0);
    const omega_loop_info after = info_of(&hall, RETENTION);
    assert_int_equal(after.cycles, 1);
    assert_int_equal(after.last_start_ms, before.next_due_ms + 1);
    assert_true(after.next_due_ms > before.next_due_ms);
    assert_false(after.running);
    assert_string_equal(after.last_error, "");
    bool started = false;
    bool archived = false;
    bool completed = false;
    event.struct_size = sizeof event;
    while (omega_events_next(events, 0, &event) == OMEGA_OK) {
        const bool ours = (event.type == OMEGA_EVENT_LOOP_CYCLE_STARTED ||
                           event.type == OMEGA_EVENT_LOOP_CYCLE_COMPLETED) &&
                          (int)event.u.loop_cycle.loop_type == RETENTION;
        if (ours && event.type == OMEGA_EVENT_LOOP_CYCLE_STARTED) {
            assert_false(archived);
            started = true;
        } else if (ours) {
            assert_true(archived);
            completed = event.u.loop_cycle.success;
        } else if (event.type == OMEGA_EVENT_MEMORY_ARCHIVED) {
            assert_true(started);
            archived = true;
        }
    }
    assert_true(completed);
    omega_events_close(events);
    hall_close(&hall);
}

static void test_enabling(void **state)
{
    (void)state;
    struct hall hall;
    omega_cycle_output *output = NULL;
    hall_open(&hall);
    say_in(&hall, "a passing thought", OMEGA_TIER_IMMEDIATE);
    assert_ok(omega_loop_enable(hall.rt, (omega_loop)RETENTION, false));
    assert_false(info_of(&hall, RETENTION).enabled);
    hall_wait(&hall, 5 * hour_ms);
    om_runtime_run_due(hall.rt);
    assert_int_equal(info_of(&hall, RETENTION).cycles, 0);
    assert_ok(omega_loop_execute_cycle(hall.rt, (omega_loop)RETENTION, NULL, &output));
    omega_cycle_output_free(output);
    assert_int_equal(info_of(&hall, RETENTION).cycles, 1);
    say_in(&hall, "another thought", OMEGA_TIER_IMMEDIATE);
    hall_wait(&hall, 2000);
    assert_ok(omega_loop_enable(hall.rt, (omega_loop)RETENTION, true));
    om_runtime_run_due(hall.rt); /* what was due meanwhile, once */
    assert_int_equal(info_of(&hall, RETENTION).cycles, 2);
    hall_close(&hall);
    /* Off by the config: only when asked to. */
    for (int i = 0; i < 2; i++) {
        hall_init(&hall);
        hall.config.loops_enable_all_loops = i != 0;
        hall.config.memory_enable_auto_consolidation = i == 0;
        hall_start(&hall);
        assert_false(info_of(&hall, RETENTION).enabled);
        assert_true(info_of(&hall, CHECKPOINT).enabled); /* the store's own upkeep goes on */
        hall_close(&hall);
    }
}

static void test_a_paused_runtime_rests(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    say_in(&hall, "a passing thought", OMEGA_TIER_IMMEDIATE);
    assert_ok(omega_runtime_pause(hall.rt));
    hall_wait(&hall, 10 * hour_ms);
    om_runtime_run_due(hall.rt);
    assert_int_equal(info_of(&hall, RETENTION).cycles, 0);
    assert_ok(omega_runtime_resume(hall.rt));
    om_runtime_run_due(hall.rt);
    assert_int_equal(info_of(&hall, RETENTION).cycles, 1); /* once, not ten times */
    hall_close(&hall);
}

static void test_due_times_are_kept_over_a_restart(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    say_in(&hall, "a passing thought", OMEGA_TIER_IMMEDIATE);
    hall_wait(&hall, 2 * hour_ms);
    om_runtime_run_due(hall.rt);
    const omega_loop_info before = info_of(&hall, RETENTION);
    assert_int_equal(before.cycles, 1);
    hall_reopen(&hall);
    omega_loop_info after = info_of(&hall, RETENTION);
    /* The jitter is drawn anew; the grid is the same. */
    assert_in_range(after.next_due_ms, before.next_due_ms - hour_ms / 20,
                    before.next_due_ms + hour_ms / 20);
    assert_int_equal(after.last_start_ms, before.last_start_ms);
    /* A long time away: once. */
    say_in(&hall, "another thought", OMEGA_TIER_IMMEDIATE);
    hall_stop(&hall);
    hall_wait(&hall, 100 * day_ms);
    hall_reopen(&hall);
    om_runtime_run_due(hall.rt);
    assert_int_equal(info_of(&hall, RETENTION).cycles, 1);
    om_runtime_run_due(hall.rt);
    after = info_of(&hall, RETENTION);
    assert_int_equal(after.cycles + after.idle, 1);
    hall_close(&hall);
}

/* ---- A year --------------------------------------------------------------------------------- */

/* How many of a tier stand in a state; listing is no use that would keep them. */
static size_t count_in(struct hall *hall, omega_tier tier, omega_memory_state wanted)
{
    omega_list_options list = OMEGA_LIST_OPTIONS_INIT;
    omega_memories *memories = NULL;
    size_t count = 0;
    list.tiers = &tier;
    list.tier_count = 1;
    list.include = OMEGA_INCLUDE_ARCHIVED;
    assert_ok(omega_memory_list(hall->rt, &list, &memories));
    for (size_t i = 0; i < omega_memories_count(memories); i++) {
        count += omega_memories_at(memories, i)->state == wanted;
    }
    omega_memories_free(memories);
    return count;
}

/* Nothing is removed by the defaults; each tier is archived when its time is over. */
static void test_a_year_with_the_defaults(void **state)
{
    (void)state;
    enum { EACH = 20 };
    struct hall hall;
    omega_id pinned = {""};
    char text[64];
    hall_open(&hall);
    for (int i = 0; i < EACH; i++) {
        for (int tier = 0; tier < OMEGA_TIER_COUNT; tier++) {
            snprintf(text, sizeof text, "memory %d of tier %s", i,
                     omega_tier_name((omega_tier)tier));
            say_in(&hall, text, (omega_tier)tier);
        }
    }
    omega_memory_input input = hall_input("pinned for ever");
    input.tier = OMEGA_TIER_SESSION;
    input.pinned = true;
    assert_ok(omega_memory_store(hall.rt, &input, &pinned));
    /* When each tier is archived, in hours: its retention (notes of memory/) and a cycle. */
    static const int64_t archived_by[OMEGA_TIER_COUNT] = {[OMEGA_TIER_IMMEDIATE] = 6,
                                                          [OMEGA_TIER_SHORT_TERM] = 6,
                                                          [OMEGA_TIER_SESSION] = 30,
                                                          [OMEGA_TIER_EPISODIC] = 30 * 24 + 6,
                                                          [OMEGA_TIER_SEMANTIC] = 365 * 24 + 6};
    const int64_t checks[] = {6, 20, 30, 29 * 24, 30 * 24 + 6, 364 * 24, 365 * 24 + 6, 366 * 24};
    int64_t hours = 0;
    for (size_t i = 0; i < OM_COUNT_OF(checks); i++) {
        while (hours < checks[i]) {
            const int64_t step = OM_MIN(checks[i] - hours, 3);
            hall_wait(&hall, step * hour_ms);
            hours += step;
            om_runtime_run_due(hall.rt);
        }
        om_runtime_run_due(hall.rt);
        for (int tier = 0; tier < OMEGA_TIER_COUNT; tier++) {
            const bool archived = archived_by[tier] > 0 && hours >= archived_by[tier];
            const size_t kept = tier == OMEGA_TIER_SESSION; /* the pinned one */
            assert_int_equal(count_in(&hall, (omega_tier)tier, OMEGA_MEMORY_ARCHIVED),
                             archived ? EACH : 0);
            assert_int_equal(count_in(&hall, (omega_tier)tier, OMEGA_MEMORY_ACTIVE),
                             archived ? kept : EACH + kept);
        }
        assert_int_equal(hall_count(&hall), EACH * OMEGA_TIER_COUNT + 1); /* 0 rows lost */
    }
    const omega_loop_info info = info_of(&hall, RETENTION);
    assert_int_equal(info.failures, 0);
    assert_true(info.idle > 2000); /* what had nothing to do left no trace */
    assert_true(info.cycles <= 6);
    omega_check_report report = {.struct_size = sizeof report};
    assert_ok(omega_check(hall.rt, NULL, NULL, NULL, &report));
    assert_int_equal(report.faults, 0);
    hall_reopen(&hall);
    assert_int_equal(hall_count(&hall), EACH * OMEGA_TIER_COUNT + 1);
    hall_close(&hall);
}

static void test_deleted_bytes_leave_by_themselves(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    const omega_id id = hall_say(&hall, "zanzibar xylophone quicksilver");
    omega_delete_options delete = OMEGA_DELETE_OPTIONS_INIT;
    omega_deletion deletion = {.struct_size = sizeof deletion};
    delete.id = id.text;
    assert_ok(omega_memory_delete(hall.rt, &delete, &deletion));
    assert_false(deletion.erased);
    hall_wait(&hall, 60000);
    om_runtime_run_due(hall.rt);
    assert_int_equal(info_of(&hall, OMEGA_LOOP_ERASURE).cycles, 1);
    assert_false(om_store_wants_erase(hall.rt->store));
    hall_close(&hall);
}

/* ---- Memory runs out ------------------------------------------------------------------------ */

static omega_status one_cycle(void *context)
{
    struct hall *hall = context;
    omega_cycle_output *output = NULL;
    const omega_status status =
        omega_loop_execute_cycle(hall->rt, (omega_loop)RETENTION, NULL, &output);
    assert_true((output != NULL) == (status == OMEGA_OK));
    omega_cycle_output_free(output);
    return status;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    say_in(&hall, "kept", OMEGA_TIER_SEMANTIC);
    om_test_oom_sweep(one_cycle, &hall);
    hall_close(&hall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cycle_by_hand),
        cmocka_unit_test(test_every_loop_has_its_cycle),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_idle_cycles_are_only_counted),
        cmocka_unit_test(test_checkpoints_come_to_rest),
        cmocka_unit_test(test_a_scheduled_cycle_acts),
        cmocka_unit_test(test_enabling),
        cmocka_unit_test(test_a_paused_runtime_rests),
        cmocka_unit_test(test_due_times_are_kept_over_a_restart),
        cmocka_unit_test(test_a_year_with_the_defaults),
        cmocka_unit_test(test_deleted_bytes_leave_by_themselves),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
