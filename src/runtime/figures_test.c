/* figures_test.c -- what is counted: right after a known script, and the same in all three
 * views. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>

#include "runtime/runtime_int.h"
#include "support/runtime_house.h"

/* The value of the line that begins with this name and labels; -1: no such line. */
static double line_of(const char *text, const char *series)
{
    const size_t len = strlen(series);
    for (const char *at = strstr(text, series); at != NULL; at = strstr(at + 1, series)) {
        if ((at == text || at[-1] == '\n') && at[len] == ' ') {
            return strtod(at + len, NULL);
        }
    }
    return -1;
}

/* The sum over all labels of a name. */
static double sum_of(const char *text, const char *name)
{
    const size_t len = strlen(name);
    double sum = 0;
    for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name)) {
        if ((at == text || at[-1] == '\n') && (at[len] == '{' || at[len] == ' ')) {
            sum += strtod(strchr(at, at[len] == '{' ? '}' : ' ') + 1, NULL);
        }
    }
    return sum;
}

/* Three stores in two tiers, two recalls, one of them refused, one cycle of retention. */
static void run_script(struct hall *hall)
{
    omega_recall_options recall = OMEGA_RECALL_OPTIONS_INIT;
    omega_memories *found = NULL;
    omega_cycle_output *output = NULL;
    omega_memory_input input = hall_input("Ann prefers tea");
    omega_id id;
    hall_say(hall, "Ben prefers coffee");
    hall_say(hall, "Cleo plays chess");
    input.tier = OMEGA_TIER_SEMANTIC;
    assert_ok(omega_memory_store(hall->rt, &input, &id));
    recall.query = omega_str_of("tea");
    assert_ok(omega_memory_recall(hall->rt, &recall, &found));
    omega_memories_free(found);
    recall.k = 0;
    assert_status(omega_memory_recall(hall->rt, &recall, &found), OMEGA_EINVAL);
    assert_ok(omega_loop_execute_cycle(hall->rt, (omega_loop)OMEGA_LOOP_RETENTION, NULL, &output));
    omega_cycle_output_free(output);
    hall_wait(hall, 2500);
}

static omega_runtime_metrics metrics_of(struct hall *hall)
{
    omega_runtime_metrics metrics = {.struct_size = sizeof metrics};
    assert_ok(omega_metrics(hall->rt, &metrics));
    return metrics;
}

static void test_the_script_is_counted(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    run_script(&hall);
    const omega_runtime_metrics m = metrics_of(&hall);
    assert_true(m.uptime_s == 2.5);
    assert_int_equal(m.total_memories, 3);
    assert_int_equal(m.memories_by_tier[OMEGA_TIER_EPISODIC], 2);
    assert_int_equal(m.memories_by_tier[OMEGA_TIER_SEMANTIC], 1);
    assert_int_equal(m.archived_memories, 0);
    assert_int_equal(m.total_cycles, 1);
    assert_int_equal(m.cycles_by_loop[OMEGA_LOOP_RETENTION], 1);
    assert_int_equal(m.intelligence_count, 0);
    assert_int_equal(m.operations, 6);
    assert_int_equal(m.errors, 1);
    assert_true(fabs(m.error_rate - 1.0 / 6.0) < 1e-12);
    assert_true(m.avg_response_time_s == 0); /* by a clock that stands still */
    assert_true(m.resident_bytes >= m.private_bytes);
    assert_true(m.private_bytes > 0);
    /* Memories are those of the store, counts those since the start. */
    hall_reopen(&hall);
    const omega_runtime_metrics again = metrics_of(&hall);
    assert_int_equal(again.total_memories, 3);
    assert_int_equal(again.operations, 0);
    assert_true(again.error_rate == 0);
    hall_close(&hall);
}

static double number_at(const struct om_json *object, const char *key)
{
    const double number = om_json_number(om_json_get(object, key));
    assert_true(number == number);
    return number;
}

static void expect_summary(const struct om_json *root, const omega_runtime_metrics *m)
{
    assert_true(number_at(root, "uptime_s") == m->uptime_s);
    assert_true(number_at(root, "total_memories") == (double)m->total_memories);
    assert_true(number_at(root, "archived_memories") == (double)m->archived_memories);
    assert_true(number_at(root, "total_cycles") == (double)m->total_cycles);
    assert_true(number_at(root, "intelligence_count") == (double)m->intelligence_count);
    assert_true(number_at(root, "avg_response_time_s") == m->avg_response_time_s);
    assert_true(number_at(root, "error_rate") == m->error_rate);
    assert_true(number_at(root, "operations") == (double)m->operations);
    assert_true(number_at(root, "errors") == (double)m->errors);
    assert_true(number_at(root, "recall_p50_us") == m->recall_p50_us);
    assert_true(number_at(root, "write_p99_us") == m->write_p99_us);
    assert_true(number_at(root, "resident_bytes") > 0);
    assert_true(number_at(root, "private_bytes") > 0);
    const struct om_json *tiers = om_json_get(root, "memories_by_tier");
    for (int tier = 0; tier < OMEGA_TIER_COUNT; tier++) {
        assert_true(number_at(tiers, omega_tier_name((omega_tier)tier)) ==
                    (double)m->memories_by_tier[tier]);
    }
    const struct om_json *loops = om_json_get(root, "cycles_by_loop");
    for (int loop = 0; loop < 32; loop++) {
        const char *name = omega_loop_name((omega_loop)loop);
        if (name[0] != '?') {
            assert_true(number_at(loops, name) == (double)m->cycles_by_loop[loop]);
        }
    }
}

/* Prometheus has no means and rates: they follow from what it has. */
static void expect_series(const char *text, const omega_runtime_metrics *m)
{
    char series[96];
    assert_true(line_of(text, "omega_uptime_seconds") == m->uptime_s);
    assert_true(sum_of(text, "omega_memories") == (double)m->total_memories);
    assert_true(line_of(text, "omega_intelligences") == (double)m->intelligence_count);
    assert_true(line_of(text, "omega_memories_archived") == (double)m->archived_memories);
    assert_true(sum_of(text, "omega_cycles_total") == (double)m->total_cycles);
    const double operations = sum_of(text, "omega_operations_total");
    const double errors = sum_of(text, "omega_operation_errors_total");
    assert_true(operations == (double)m->operations);
    assert_true(errors / operations == m->error_rate);
    const double duration = sum_of(text, "omega_operation_duration_seconds_sum");
    assert_true(fabs(duration / operations - m->avg_response_time_s) < 1e-9);
    for (int tier = 0; tier < OMEGA_TIER_COUNT; tier++) {
        snprintf(series, sizeof series, "omega_memories{tier=\"%s\"}",
                 omega_tier_name((omega_tier)tier));
        assert_true(line_of(text, series) == (double)m->memories_by_tier[tier]);
    }
    for (int loop = 0; loop < 32; loop++) {
        const char *name = omega_loop_name((omega_loop)loop);
        snprintf(series, sizeof series, "omega_cycles_total{loop=\"%s\"}", name);
        if (name[0] != '?') {
            assert_true(line_of(text, series) == (double)m->cycles_by_loop[loop]);
        }
    }
}

/* Of durations that are known, since the clock stands still. */
static void test_three_views_of_one_moment(void **state)
{
    (void)state;
    struct hall hall;
    char *json = NULL;
    char *text = NULL;
    struct om_json_doc *doc = NULL;
    hall_open(&hall);
    run_script(&hall);
    om_figures_operation(hall.rt, OMEGA_OP_RECALL_MEMORIES, OMEGA_OK, 1234567);
    om_figures_operation(hall.rt, OMEGA_OP_STORE_MEMORY, OMEGA_OK, 7654321);
    const omega_runtime_metrics m = metrics_of(&hall);
    assert_true(m.avg_response_time_s > 0);
    assert_true(m.recall_p99_us >= m.recall_p50_us);
    assert_ok(omega_metrics_json(hall.rt, &json));
    assert_ok(omega_metrics_prometheus(hall.rt, &text));
    assert_ok(om_json_parse(om_alloc_default(), omega_str_of(json), NULL, &doc));
    expect_summary(om_json_root(doc), &m);
    expect_series(text, &m);
    om_json_free(doc);
    omega_text_free(json);
    omega_text_free(text);
    hall_close(&hall);
}

static void test_states_and_health_are_shown(void **state)
{
    (void)state;
    struct hall hall;
    char *text = NULL;
    hall_init(&hall);
    hall_make(&hall);
    assert_ok(omega_metrics_prometheus(hall.rt, &text)); /* in every state */
    assert_true(line_of(text, "omega_state") == OMEGA_STATE_CREATED);
    assert_true(line_of(text, "omega_subsystem_health{component=\"store\"}") == OMEGA_UNHEALTHY);
    omega_text_free(text);
    assert_ok(omega_runtime_start(hall.rt));
    assert_ok(omega_drill(hall.rt, "index", true));
    assert_ok(omega_metrics_prometheus(hall.rt, &text));
    assert_true(line_of(text, "omega_state") == OMEGA_STATE_RUNNING);
    assert_true(line_of(text, "omega_subsystem_health{component=\"store\"}") == OMEGA_HEALTHY);
    assert_true(line_of(text, "omega_subsystem_health{component=\"agentdb\"}") == OMEGA_UNHEALTHY);
    omega_text_free(text);
    hall_close(&hall);
}

static void test_submitted_operations_count_too(void **state)
{
    (void)state;
    struct hall hall;
    omega_cq *cq = NULL;
    omega_completion done = {.struct_size = sizeof done};
    hall_open(&hall);
    assert_ok(omega_cq_new(hall.rt, 1, &cq));
    const omega_memory_input input = hall_input("counted");
    const omega_request request = {
        .struct_size = sizeof request, .op = OMEGA_OP_STORE_MEMORY, .options = &input};
    assert_ok(omega_submit(hall.rt, &request, cq, NULL, NULL));
    assert_ok(omega_cq_next(cq, 10000, &done));
    omega_completion_release(&done);
    assert_int_equal(metrics_of(&hall).operations, 1);
    omega_cq_free(cq);
    hall_close(&hall);
}

static void test_misuse(void **state)
{
    (void)state;
    struct hall hall;
    omega_runtime_metrics metrics = {.struct_size = 0};
    hall_open(&hall);
    assert_status(omega_metrics(hall.rt, &metrics), OMEGA_EINVAL);
    assert_status(omega_metrics(hall.rt, NULL), OMEGA_EINVAL);
    assert_status(omega_metrics(NULL, &metrics), OMEGA_EINVAL);
    assert_status(omega_metrics_json(hall.rt, NULL), OMEGA_EINVAL);
    assert_status(omega_metrics_prometheus(hall.rt, NULL), OMEGA_EINVAL);
    struct {
        uint32_t size, reserved;
        double uptime_s;
        uint64_t untouched;
    } old = {.size = 16, .untouched = 42};
    assert_ok(omega_metrics(hall.rt, (omega_runtime_metrics *)(void *)&old));
    assert_int_equal(old.untouched, 42);
    hall_close(&hall);
}

static omega_status all_views(void *context)
{
    struct hall *hall = context;
    omega_runtime_metrics metrics = {.struct_size = sizeof metrics};
    char *json = NULL;
    char *text = NULL;
    omega_status status = omega_metrics(hall->rt, &metrics);
    if (status == OMEGA_OK) {
        status = omega_metrics_json(hall->rt, &json);
    }
    if (status == OMEGA_OK) {
        status = omega_metrics_prometheus(hall->rt, &text);
    }
    omega_text_free(json);
    omega_text_free(text);
    return status;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    om_test_oom_sweep(all_views, &hall);
    hall_close(&hall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_script_is_counted),
        cmocka_unit_test(test_three_views_of_one_moment),
        cmocka_unit_test(test_states_and_health_are_shown),
        cmocka_unit_test(test_submitted_operations_count_too),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
