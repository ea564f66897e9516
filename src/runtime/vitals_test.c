/* vitals_test.c -- health: probes, drills, what is told and when. */
#include "support/support.h"

#include "runtime/runtime_int.h"
#include "support/runtime_house.h"

static const char *const parts[] = {"store", "memory", "agentdb", "embedding", "loops"};

static omega_health_report report_of(struct hall *hall)
{
    omega_health_report report = {.struct_size = sizeof report};
    assert_ok(omega_health_status(hall->rt, &report));
    return report;
}

static const omega_subsystem_health *part_of(const omega_health_report *report, const char *name)
{
    for (size_t i = 0; i < report->subsystem_count; i++) {
        if (strcmp(report->subsystems[i].name, name) == 0) {
            return &report->subsystems[i];
        }
    }
    fail();
    return NULL;
}

/* Time passes and the schedule runs, as it would by itself. */
static void live(struct hall *hall, int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        hall_wait(hall, 1000);
        om_runtime_run_due(hall->rt);
    }
}

static void test_healthy_at_the_start(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    const omega_health_report report = report_of(&hall);
    assert_int_equal(report.overall, OMEGA_HEALTHY);
    assert_int_equal(report.subsystem_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(report.subsystems[i].name, parts[i]);
        assert_int_equal(report.subsystems[i].status, OMEGA_HEALTHY);
        assert_string_equal(report.subsystems[i].reason, "");
        assert_int_equal(report.subsystems[i].since_ms, hall_start_ms);
    }
    hall_say(&hall, "something to look at");
    omega_health_report probed = {.struct_size = sizeof probed};
    assert_ok(omega_health_probe(hall.rt, &probed));
    assert_int_equal(probed.overall, OMEGA_HEALTHY);
    hall_close(&hall);
}

static void test_a_drill_and_back(void **state)
{
    (void)state;
    struct hall hall;
    omega_subscription *events = NULL;
    omega_event event = {.struct_size = sizeof event};
    hall_open(&hall);
    hall_say(&hall, "Ann prefers tea");
    live(&hall, 60);
    assert_ok(
        omega_events_subscribe(hall.rt, OMEGA_EVENT_BIT(OMEGA_EVENT_HEALTH_CHANGED), &events));
    assert_ok(omega_drill(hall.rt, "index", true));
    omega_health_report report = report_of(&hall);
    const omega_subsystem_health *agentdb = part_of(&report, "agentdb");
    assert_int_equal(agentdb->status, OMEGA_UNHEALTHY);
    assert_non_null(strstr(agentdb->reason, "drill"));
    assert_non_null(strstr(agentdb->reason, "scan of the rows"));
    assert_int_equal(report.overall, OMEGA_DEGRADED); /* agentdb is not critical */
    assert_ok(omega_events_next(events, 0, &event));
    assert_string_equal(event.u.health_changed.component, "agentdb");
    assert_int_equal(event.u.health_changed.old_status, OMEGA_HEALTHY);
    assert_int_equal(event.u.health_changed.new_status, OMEGA_UNHEALTHY);
    assert_non_null(strstr(event.u.health_changed.reason, "scan of the rows"));
    hall_expect_recall(&hall, "tea", "Ann prefers tea"); /* the fallback answers */
    live(&hall, 30);                                     /* probes agree and change nothing */
    assert_status(omega_events_next(events, 0, &event), OMEGA_ETIMEDOUT);
    assert_ok(omega_drill(hall.rt, "index", false));
    live(&hall, 20); /* two good probes */
    report = report_of(&hall);
    assert_int_equal(report.overall, OMEGA_HEALTHY);
    assert_string_equal(part_of(&report, "agentdb")->reason, "");
    assert_ok(omega_events_next(events, 0, &event));
    assert_int_equal(event.u.health_changed.new_status, OMEGA_HEALTHY);
    omega_events_close(events);
    hall_close(&hall);
}

/* When the change is told, recall already answers by the fallback. */
static void test_the_fallback_comes_first(void **state)
{
    (void)state;
    struct hall hall;
    const char *reason = NULL;
    omega_memories *found = NULL;
    hall_open(&hall);
    hall_say(&hall, "Ann prefers tea");
    assert_ok(omega_drill(hall.rt, "index", true));
    omega_recall_options recall = OMEGA_RECALL_OPTIONS_INIT;
    recall.query = omega_str_of("tea");
    assert_ok(omega_memory_recall(hall.rt, &recall, &found));
    assert_int_equal(omega_memories_count(found), 1);
    assert_true(omega_memories_degraded(found, &reason));
    assert_true(reason != NULL && reason[0] != '\0');
    omega_memories_free(found);
    assert_ok(omega_drill(hall.rt, "index", false));
    assert_ok(omega_memory_recall(hall.rt, &recall, &found));
    assert_false(omega_memories_degraded(found, NULL));
    omega_memories_free(found);
    hall_close(&hall);
}

/* An index that fails by itself is found by the probes, after three. */
static void test_probes_find_it_by_themselves(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    hall_say(&hall, "Ann prefers tea");
    live(&hall, 10);
    om_memory_disable_index(hall.rt->memory, true);
    live(&hall, 6);
    omega_health_report report = report_of(&hall);
    assert_int_equal(part_of(&report, "agentdb")->status, OMEGA_HEALTHY);
    live(&hall, 20);
    report = report_of(&hall);
    assert_int_equal(part_of(&report, "agentdb")->status, OMEGA_UNHEALTHY);
    om_memory_disable_index(hall.rt->memory, false);
    live(&hall, 30);
    assert_int_equal(report_of(&hall).overall, OMEGA_HEALTHY);
    hall_close(&hall);
}

static void test_a_drill_ends_with_the_runtime(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    assert_ok(omega_drill(hall.rt, "index", true));
    hall_stop(&hall);
    assert_ok(omega_runtime_start(hall.rt));
    hall_say(&hall, "Ann prefers tea");
    live(&hall, 120);
    assert_int_equal(report_of(&hall).overall, OMEGA_HEALTHY);
    hall_close(&hall);
}

static void test_in_every_state(void **state)
{
    (void)state;
    struct hall hall;
    hall_init(&hall);
    hall_make(&hall);
    omega_health_report report = report_of(&hall);
    assert_int_equal(report.overall, OMEGA_UNHEALTHY); /* nothing is served yet */
    assert_non_null(strstr(report.subsystems[0].reason, "created"));
    assert_status(omega_health_probe(hall.rt, &report), OMEGA_ESTATE);
    assert_ok(omega_runtime_start(hall.rt));
    assert_int_equal(report_of(&hall).overall, OMEGA_HEALTHY);
    assert_ok(omega_runtime_pause(hall.rt));
    live(&hall, 30); /* probes go on */
    assert_int_equal(report_of(&hall).overall, OMEGA_HEALTHY);
    hall_stop(&hall);
    hall_wait(&hall, 60000);
    report = report_of(&hall);
    assert_int_equal(report.overall, OMEGA_UNHEALTHY); /* nothing is served */
    assert_non_null(strstr(report.subsystems[0].reason, "stopped"));
    assert_ok(omega_runtime_start(hall.rt));
    live(&hall, 20);
    assert_int_equal(report_of(&hall).overall, OMEGA_HEALTHY);
    hall_close(&hall);
}

static void test_misuse(void **state)
{
    (void)state;
    struct hall hall;
    omega_health_report report = {.struct_size = 0};
    hall_open(&hall);
    assert_status(omega_health_status(hall.rt, &report), OMEGA_EINVAL);
    assert_status(omega_health_status(hall.rt, NULL), OMEGA_EINVAL);
    assert_status(omega_health_status(NULL, &report), OMEGA_EINVAL);
    assert_status(omega_health_probe(hall.rt, NULL), OMEGA_EINVAL);
    assert_status(omega_drill(hall.rt, "moon", true), OMEGA_EINVAL);
    assert_error_says("index");
    assert_status(omega_drill(hall.rt, NULL, true), OMEGA_EINVAL);
    assert_status(omega_drill(NULL, "index", true), OMEGA_EINVAL);
    /* A caller of an older header gets what fits. */
    struct {
        uint32_t size;
        omega_health overall;
        uint64_t untouched;
    } old = {.size = 8, .untouched = 42};
    assert_ok(omega_health_status(hall.rt, (omega_health_report *)(void *)&old));
    assert_int_equal(old.overall, OMEGA_HEALTHY);
    assert_int_equal(old.untouched, 42);
    assert_int_equal(old.size, 8);
    hall_close(&hall);
}

static omega_status probe_all(void *context)
{
    struct hall *hall = context;
    omega_health_report report = {.struct_size = sizeof report};
    return omega_health_probe(hall->rt, &report);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    hall_say(&hall, "something to look at");
    om_test_oom_sweep(probe_all, &hall);
    hall_close(&hall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_healthy_at_the_start),
        cmocka_unit_test(test_a_drill_and_back),
        cmocka_unit_test(test_the_fallback_comes_first),
        cmocka_unit_test(test_probes_find_it_by_themselves),
        cmocka_unit_test(test_a_drill_ends_with_the_runtime),
        cmocka_unit_test(test_in_every_state),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
