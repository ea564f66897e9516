/* health_test.c -- fall and rise against a naive reading of the rule, dwell, flap damping, stale
 * and hanging probes, the order of fallback, snapshot and observer. */
#include "support/support.h"

#include <string.h>

#include "resilience/health.h"

enum { SECOND = 1000 };

struct fixture {
    struct om_fake_clock clock;
    struct om_health *health;
    /* What the probe says and takes. */
    omega_health answer;
    int64_t takes_ms;
    int probes;
    /* What the observer heard. */
    size_t heard;
    struct om_health_change last;
    /* The fallback's notes. */
    omega_health in_force;
    int fallbacks;
};

static void probe(void *context, int64_t deadline_ns, struct om_probe_result *result)
{
    struct fixture *f = context;
    assert_true(deadline_ns > om_mono_ns(&f->clock.clock));
    f->probes++;
    om_fake_clock_advance_ms(&f->clock, f->takes_ms);
    om_probe_say(result, f->answer, "says %s", omega_health_name(f->answer));
}

static omega_health status_of(struct fixture *f, const char *name)
{
    struct om_health_entry entry;
    assert_ok(om_health_get(f->health, name, &entry));
    return entry.status;
}

static const char *fallback(void *context, omega_health status)
{
    struct fixture *f = context;
    f->in_force = status;
    f->fallbacks++;
    /* The snapshot must not yet show what is only about to be served differently. */
    struct om_health_entry entry;
    assert_ok(om_health_get(f->health, "index", &entry));
    assert_int_equal(entry.changes, f->fallbacks - 1);
    assert_true(status != OMEGA_UNHEALTHY || entry.status != OMEGA_UNHEALTHY);
    return status == OMEGA_HEALTHY ? NULL : "exact scan";
}

static void observe(void *context, const struct om_health_change *change)
{
    struct fixture *f = context;
    f->heard++;
    assert_int_equal(change->rev, f->heard);
    assert_int_equal(status_of(f, change->component), change->new_status);
    if (strcmp(change->component, "index") == 0) {
        struct om_health_entry entry;
        assert_int_equal(f->in_force, change->new_status);
        assert_ok(om_health_get(f->health, "index", &entry));
        assert_int_equal(entry.changes, f->fallbacks);
    }
    f->last = *change;
}

/* "index" has a probe and a fallback and is not critical; "store" is critical and only reported. */
static void open_fixture(struct fixture *f, int64_t interval_ms)
{
    memset(f, 0, sizeof(*f));
    om_fake_clock_init(&f->clock, 1700000000000);
    om_fake_clock_advance_ms(&f->clock, 100 * SECOND);
    assert_ok(om_health_new(om_alloc_default(), &f->clock.clock, &f->health));
    om_health_observe(f->health, observe, f);
    const struct om_health_row index = {.name = "index",
                                        .interval_ms = interval_ms,
                                        .probe = probe,
                                        .fallback = fallback,
                                        .context = f};
    const struct om_health_row store = {.name = "store", .critical = true};
    assert_ok(om_health_add(f->health, &index));
    assert_ok(om_health_add(f->health, &store));
}

static void close_fixture(struct fixture *f)
{
    om_health_free(f->health);
}

static void probe_once(struct fixture *f, omega_health answer)
{
    f->answer = answer;
    om_health_check_all(f->health);
}

static void test_the_first_result_counts_at_once(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, 5 * SECOND);
    struct om_health_snapshot snapshot;
    om_health_snapshot(f.health, &snapshot);
    assert_int_equal(snapshot.count, 2);
    assert_int_equal(snapshot.overall, OMEGA_DEGRADED);
    assert_string_equal(snapshot.entries[0].reason, "not checked yet");
    assert_int_equal(snapshot.entries[0].checked_wall_ms, OMEGA_TIME_UNSET);
    assert_int_equal(snapshot.entries[0].latency_ns, -1);
    assert_int_equal(snapshot.entries[1].status, OMEGA_HEALTHY);
    f.takes_ms = 3;
    probe_once(&f, OMEGA_HEALTHY);
    om_health_snapshot(f.health, &snapshot);
    assert_int_equal(snapshot.overall, OMEGA_HEALTHY);
    assert_int_equal(snapshot.entries[0].latency_ns, 3000000);
    assert_int_equal(snapshot.entries[0].checked_wall_ms, om_wall_ms(&f.clock.clock));
    assert_string_equal(snapshot.entries[0].reason, "");
    assert_int_equal(f.heard, 0);
    close_fixture(&f);

    open_fixture(&f, 5 * SECOND);
    probe_once(&f, OMEGA_UNHEALTHY);
    assert_int_equal(f.heard, 1);
    assert_int_equal(f.last.new_status, OMEGA_UNHEALTHY);
    assert_int_equal(f.last.overall, OMEGA_DEGRADED); /* it is not critical */
    assert_string_equal(f.last.reason, "says unhealthy; exact scan");
    close_fixture(&f);
}

/* The rule read naively: keep all results since the last switch. */
struct naive {
    omega_health level;
    omega_health results[4096];
    size_t count;
};

static bool all_beyond(const struct naive *naive, size_t n, bool worse, omega_health *level)
{
    if (naive->count < n) {
        return false;
    }
    *level = naive->results[naive->count - 1];
    for (size_t i = naive->count - n; i < naive->count; i++) {
        omega_health result = naive->results[i];
        if (worse ? result <= naive->level : result >= naive->level) {
            return false;
        }
        *level = worse ? OM_MIN(*level, result) : OM_MAX(*level, result);
    }
    return true;
}

static void naive_take(struct naive *naive, omega_health result)
{
    omega_health level;
    naive->results[naive->count++] = result;
    if (all_beyond(naive, OM_HEALTH_FALL, true, &level) ||
        all_beyond(naive, OM_HEALTH_RISE, false, &level)) {
        naive->level = level;
        naive->count = 0;
    }
}

static void test_fall_and_rise_against_the_naive_rule(void **state)
{
    (void)state;
    static struct naive naive;
    struct om_rng rng;
    size_t switches = 0;
    om_rng_seed(&rng, 5);
    struct fixture f;
    open_fixture(&f, 600 * SECOND);
    probe_once(&f, OMEGA_HEALTHY);
    omega_health answer = OMEGA_HEALTHY;
    for (int i = 0; i < 4000; i++) {
        if (om_rng_below(&rng, 10) < 4) { /* sticky, so that runs happen */
            answer = (omega_health)om_rng_below(&rng, 3);
        }
        om_fake_clock_advance_ms(&f.clock, 600 * SECOND); /* beyond dwell and penalty */
        omega_health before = naive.level;
        naive_take(&naive, answer);
        switches += naive.level != before;
        probe_once(&f, answer);
        assert_int_equal(status_of(&f, "index"), naive.level);
    }
    assert_int_equal(f.heard, switches);
    assert_true(switches > 100);
    close_fixture(&f);
}

static void test_reports_are_facts(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, 5 * SECOND);
    probe_once(&f, OMEGA_HEALTHY);
    assert_ok(om_health_report(f.health, "store", OMEGA_UNHEALTHY, "the disk is full"));
    assert_int_equal(f.heard, 1);
    assert_string_equal(f.last.component, "store");
    assert_string_equal(f.last.reason, "the disk is full");
    assert_int_equal(f.last.overall, OMEGA_UNHEALTHY);
    struct om_health_entry entry;
    assert_ok(om_health_get(f.health, "store", &entry));
    assert_string_equal(entry.reason, "the disk is full");
    assert_int_equal(entry.since_wall_ms, om_wall_ms(&f.clock.clock));
    assert_int_equal(entry.changes, 1);
    /* A new reason of the same status is shown, not told. */
    assert_ok(om_health_report(f.health, "store", OMEGA_UNHEALTHY, "read-only"));
    assert_ok(om_health_get(f.health, "store", &entry));
    assert_string_equal(entry.reason, "read-only");
    assert_int_equal(f.heard, 1);
    /* The worse of report and probe. */
    assert_ok(om_health_report(f.health, "index", OMEGA_DEGRADED, "slow"));
    for (int i = 0; i < OM_HEALTH_FALL; i++) {
        probe_once(&f, OMEGA_UNHEALTHY);
    }
    assert_int_equal(status_of(&f, "index"), OMEGA_UNHEALTHY);
    assert_string_equal(f.last.reason, "says unhealthy; exact scan");
    close_fixture(&f);
}

static void test_getting_better_waits_for_the_dwell(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, 5 * SECOND);
    int64_t begin_ns = om_mono_ns(&f.clock.clock);
    assert_ok(om_health_report(f.health, "store", OMEGA_DEGRADED, "slow disk"));
    om_fake_clock_advance_ms(&f.clock, 3 * SECOND);
    assert_ok(om_health_report(f.health, "store", OMEGA_HEALTHY, NULL));
    assert_int_equal(status_of(&f, "store"), OMEGA_DEGRADED);
    int64_t wanted_ns = begin_ns + (int64_t)OM_HEALTH_DWELL_MS * 1000000;
    assert_int_equal(om_health_tick(f.health), OM_MIN(wanted_ns, begin_ns)); /* the probe is due */
    om_fake_clock_advance_ms(&f.clock, 7 * SECOND - 1);
    om_health_tick(f.health);
    assert_int_equal(status_of(&f, "store"), OMEGA_DEGRADED);
    om_fake_clock_advance_ms(&f.clock, 1);
    om_health_tick(f.health);
    assert_int_equal(status_of(&f, "store"), OMEGA_HEALTHY);
    assert_int_equal(f.heard, 2);
    assert_int_equal(f.last.new_status, OMEGA_HEALTHY);
    close_fixture(&f);
}

static void test_a_flapper_is_told_twice_at_most(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, 5 * SECOND);
    for (int i = 0; i < 600; i++) { /* 10 Hz for a minute */
        omega_health status = i % 2 == 0 ? OMEGA_UNHEALTHY : OMEGA_HEALTHY;
        assert_ok(om_health_report(f.health, "store", status, "flaps"));
        om_fake_clock_advance_ms(&f.clock, 100);
        om_health_tick(f.health);
    }
    assert_in_range(f.heard, 1, 2);
    struct om_health_entry entry;
    assert_ok(om_health_get(f.health, "store", &entry));
    assert_true(entry.suppressed);
    assert_int_equal(entry.status, OMEGA_UNHEALTHY);
    size_t heard = f.heard;
    /* The penalty is capped at 8 times its reuse level: 3 half-lives. */
    om_fake_clock_advance_ms(&f.clock, 170 * SECOND);
    om_health_tick(f.health);
    assert_int_equal(status_of(&f, "store"), OMEGA_UNHEALTHY);
    om_fake_clock_advance_ms(&f.clock, 11 * SECOND);
    om_health_tick(f.health);
    assert_int_equal(status_of(&f, "store"), OMEGA_HEALTHY);
    assert_int_equal(f.heard, heard + 1);
    close_fixture(&f);
}

/* Following only the times that tick asks for, a held component is released without polling. */
static void test_tick_says_when_to_come_again(void **state)
{
    (void)state;
    struct fixture f;
    memset(&f, 0, sizeof(f));
    om_fake_clock_init(&f.clock, 0);
    assert_ok(om_health_new(om_alloc_default(), &f.clock.clock, &f.health));
    const struct om_health_row row = {.name = "store"};
    assert_ok(om_health_add(f.health, &row));
    assert_int_equal(om_health_tick(f.health), INT64_MAX);
    for (int i = 0; i < 9; i++) {
        assert_ok(om_health_report(f.health, "store", i % 2 == 0 ? OMEGA_UNHEALTHY : OMEGA_HEALTHY,
                                   "flaps"));
    }
    assert_ok(om_health_report(f.health, "store", OMEGA_HEALTHY, NULL));
    int ticks = 0;
    for (int64_t next_ns; (next_ns = om_health_tick(f.health)) != INT64_MAX; ticks++) {
        int64_t ahead_ns = next_ns - om_mono_ns(&f.clock.clock);
        om_fake_clock_advance_ms(&f.clock, (ahead_ns + 999999) / 1000000);
        assert_true(ticks < 5);
    }
    assert_int_equal(status_of(&f, "store"), OMEGA_HEALTHY);
    om_health_free(f.health);
}

static void test_probes_run_at_their_interval(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, 5 * SECOND);
    int64_t begin_ns = om_mono_ns(&f.clock.clock);
    assert_int_equal(om_health_run_due(f.health), begin_ns + INT64_C(5000000000));
    assert_int_equal(om_health_run_due(f.health), begin_ns + INT64_C(5000000000));
    assert_int_equal(f.probes, 1);
    om_fake_clock_advance_ms(&f.clock, 5 * SECOND);
    assert_int_equal(om_health_run_due(f.health), begin_ns + INT64_C(10000000000));
    assert_int_equal(f.probes, 2);
    close_fixture(&f);
}

static void test_no_fresh_result_is_degraded(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, 5 * SECOND);
    om_health_run_due(f.health);
    om_fake_clock_advance_ms(&f.clock, 15 * SECOND);
    assert_int_equal(status_of(&f, "index"), OMEGA_HEALTHY);
    om_fake_clock_advance_ms(&f.clock, 1);
    struct om_health_entry entry;
    assert_ok(om_health_get(f.health, "index", &entry)); /* without anybody's help */
    assert_int_equal(entry.status, OMEGA_DEGRADED);
    assert_string_equal(entry.reason, "no fresh result");
    assert_int_equal(f.heard, 0);
    om_health_tick(f.health);
    assert_int_equal(f.heard, 1);
    assert_string_equal(f.last.reason, "no fresh result; exact scan");
    om_health_run_due(f.health);
    om_fake_clock_advance_ms(&f.clock, 10 * SECOND);
    om_health_run_due(f.health);
    assert_int_equal(status_of(&f, "index"), OMEGA_HEALTHY);
    assert_int_equal(f.in_force, OMEGA_HEALTHY);
    close_fixture(&f);
}

static void test_a_late_probe_is_unhealthy(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, 5 * SECOND);
    f.takes_ms = 1001; /* the default deadline is a second */
    probe_once(&f, OMEGA_HEALTHY);
    assert_int_equal(status_of(&f, "index"), OMEGA_UNHEALTHY);
    assert_non_null(strstr(f.last.reason, "1001 ms"));
    close_fixture(&f);
}

/* ---- A probe that hangs ------------------------------------------------------------------- */

struct hang {
    struct om_health *health;
    atomic_bool entered;
    atomic_bool release;
};

static void hanging_probe(void *context, int64_t deadline_ns, struct om_probe_result *result)
{
    struct hang *hang = context;
    (void)deadline_ns;
    (void)result;
    atomic_store(&hang->entered, true);
    while (!atomic_load(&hang->release)) {
        om_os_yield();
    }
}

static void run_probes(void *context)
{
    struct hang *hang = context;
    (void)om_health_run_due(hang->health);
}

static void test_nobody_waits_for_a_probe_that_hangs(void **state)
{
    (void)state;
    struct hang hang = {0};
    struct om_thread thread = {0};
    struct om_health_snapshot snapshot;
    assert_ok(om_health_new(om_alloc_default(), om_clock_system(), &hang.health));
    const struct om_health_row row = {.name = "sick", .probe = hanging_probe, .context = &hang};
    assert_ok(om_health_add(hang.health, &row));
    assert_ok(om_thread_start(&thread, "probes", run_probes, &hang));
    while (!atomic_load(&hang.entered)) {
        om_os_yield();
    }
    om_health_snapshot(hang.health, &snapshot); /* a snapshot that waits hangs the test */
    assert_int_equal(snapshot.overall, OMEGA_DEGRADED);
    om_health_check_all(hang.health); /* one caller at a time probes a component */
    om_health_tick(hang.health);
    atomic_store(&hang.release, true);
    om_thread_join(&thread);
    om_health_snapshot(hang.health, &snapshot);
    assert_int_equal(snapshot.overall, OMEGA_HEALTHY);
    om_health_free(hang.health);
}

/* ---- Many reporters ----------------------------------------------------------------------- */

struct crowd {
    struct om_fake_clock clock; /* runs so fast that nothing is damped */
    struct om_health *health;
    uint64_t rev;
    omega_health shown[4];
    atomic_int inside;
    atomic_uint next;
};

static void observe_crowd(void *context, const struct om_health_change *change)
{
    struct crowd *crowd = context;
    assert_int_equal(atomic_fetch_add(&crowd->inside, 1), 0);
    assert_int_equal(change->rev, ++crowd->rev);
    size_t i = (size_t)(change->component[0] - 'a');
    assert_int_equal(change->old_status, crowd->shown[i]);
    assert_int_not_equal(change->new_status, change->old_status);
    crowd->shown[i] = change->new_status;
    om_os_yield(); /* an invitation to overtake */
    atomic_fetch_sub(&crowd->inside, 1);
}

static void report_many(void *context)
{
    struct crowd *crowd = context;
    struct om_rng rng;
    char name[2] = {0};
    om_rng_seed(&rng, atomic_fetch_add(&crowd->next, 1) + 1);
    for (int i = 0; i < 3000; i++) {
        name[0] = (char)('a' + om_rng_below(&rng, 4));
        om_fake_clock_advance_ms(&crowd->clock, 3600 * SECOND);
        om_health_report(crowd->health, name, (omega_health)om_rng_below(&rng, 3), "crowd");
        struct om_health_snapshot snapshot;
        om_health_snapshot(crowd->health, &snapshot);
    }
}

static void test_changes_are_told_one_at_a_time(void **state)
{
    (void)state;
    struct crowd crowd = {0};
    static const char *const names[] = {"a", "b", "c", "d"};
    struct om_thread threads[4] = {{0}};
    om_fake_clock_init(&crowd.clock, 0);
    assert_ok(om_health_new(om_alloc_default(), &crowd.clock.clock, &crowd.health));
    om_health_observe(crowd.health, observe_crowd, &crowd);
    for (size_t i = 0; i < 4; i++) {
        const struct om_health_row row = {.name = names[i]};
        assert_ok(om_health_add(crowd.health, &row));
    }
    for (size_t i = 0; i < 4; i++) {
        assert_ok(om_thread_start(&threads[i], "reporter", report_many, &crowd));
    }
    for (size_t i = 0; i < 4; i++) {
        om_thread_join(&threads[i]);
    }
    assert_true(crowd.rev > 100);
    om_health_free(crowd.health);
}

/* ---- Bounds ------------------------------------------------------------------------------- */

static void test_misuse_and_bounds(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, 5 * SECOND);
    struct om_health_entry entry;
    assert_status(om_health_report(f.health, "nobody", OMEGA_HEALTHY, ""), OMEGA_ENOTFOUND);
    assert_error_says("nobody");
    assert_status(om_health_report(f.health, NULL, OMEGA_HEALTHY, ""), OMEGA_ENOTFOUND);
    assert_status(om_health_report(f.health, "store", (omega_health)7, ""), OMEGA_EINVAL);
    assert_status(om_health_get(f.health, "nobody", &entry), OMEGA_ENOTFOUND);
    struct om_health_row row = {.name = "store"};
    assert_status(om_health_add(f.health, &row), OMEGA_EINVAL);
    row = (struct om_health_row){.name = ""};
    assert_status(om_health_add(f.health, &row), OMEGA_EINVAL);
    row = (struct om_health_row){.name = "fast", .interval_ms = 9};
    assert_status(om_health_add(f.health, &row), OMEGA_EINVAL);
    row = (struct om_health_row){.name = "odd", .deadline_ms = -1};
    assert_status(om_health_add(f.health, &row), OMEGA_EINVAL);
    static char names[OM_HEALTH_COMPONENTS][8];
    for (int i = 2; i < OM_HEALTH_COMPONENTS; i++) {
        names[i][0] = 'n';
        names[i][1] = (char)('0' + i / 10);
        names[i][2] = (char)('0' + i % 10);
        row = (struct om_health_row){.name = names[i]};
        assert_ok(om_health_add(f.health, &row));
    }
    row = (struct om_health_row){.name = "one more"};
    assert_status(om_health_add(f.health, &row), OMEGA_ELIMIT);
    char longer[OM_HEALTH_REASON_SIZE * 2];
    memset(longer, 'r', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    assert_ok(om_health_report(f.health, "index", OMEGA_DEGRADED, longer));
    assert_int_equal(strlen(f.last.reason), OM_HEALTH_REASON_SIZE - 1);
    assert_non_null(strstr(f.last.reason, "r; exact scan"));
    close_fixture(&f);
    om_health_free(NULL);
}

static void test_hysteresis(void **state)
{
    (void)state;
    struct om_hysteresis disk = {.on_at = 90, .off_at = 85};
    assert_false(om_hysteresis_step(&disk, 89.9));
    assert_true(om_hysteresis_step(&disk, 90));
    assert_true(om_hysteresis_step(&disk, 85.1));
    assert_false(om_hysteresis_step(&disk, 85));
    assert_false(om_hysteresis_step(&disk, 89));
    struct om_hysteresis free_space = {.on_at = 10, .off_at = 15};
    assert_false(om_hysteresis_step(&free_space, 11));
    assert_true(om_hysteresis_step(&free_space, 10));
    assert_true(om_hysteresis_step(&free_space, 14));
    assert_false(om_hysteresis_step(&free_space, 15));
}

static omega_status open_once(void *context)
{
    (void)context;
    struct om_health *health = NULL;
    omega_status status = om_health_new(om_alloc_default(), om_clock_system(), &health);
    om_health_free(health);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_int_equal(om_test_oom_sweep(open_once, NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_result_counts_at_once),
        cmocka_unit_test(test_fall_and_rise_against_the_naive_rule),
        cmocka_unit_test(test_reports_are_facts),
        cmocka_unit_test(test_getting_better_waits_for_the_dwell),
        cmocka_unit_test(test_a_flapper_is_told_twice_at_most),
        cmocka_unit_test(test_tick_says_when_to_come_again),
        cmocka_unit_test(test_probes_run_at_their_interval),
        cmocka_unit_test(test_no_fresh_result_is_degraded),
        cmocka_unit_test(test_a_late_probe_is_unhealthy),
        cmocka_unit_test(test_nobody_waits_for_a_probe_that_hangs),
        cmocka_unit_test(test_changes_are_told_one_at_a_time),
        cmocka_unit_test(test_misuse_and_bounds),
        cmocka_unit_test(test_hysteresis),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
