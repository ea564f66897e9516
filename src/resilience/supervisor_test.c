/* supervisor_test.c -- order, unwinding, deadlines, restarts with their dependents, backoff and
 * quarantine on a fake clock; a random life in which no part is ever up without its dependencies.
 * */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "resilience/supervisor.h"

#define NS_PER_MS INT64_C(1000000)
#define MINUTE_MS INT64_C(60000)

enum { PARTS = 6, LOG_SIZE = 400 };

struct world;

struct toy {
    struct world *world;
    const char *name;
    const char *deps[PARTS];
    omega_status start_result;
    int64_t start_takes_ms;
    omega_status stop_result;
    int64_t stop_takes_ms;
    int64_t deadline_left_ms; /* seen by the last call */
    bool up;
    bool fallback; /* in force */
    size_t starts;
};

struct world {
    struct om_fake_clock clock;
    struct om_supervisor *supervisor;
    struct om_health *health;
    struct toy toys[PARTS];
    size_t count;
    char log[LOG_SIZE]; /* "+a" started, "-a" stopped, "!a" failed to start */
    bool quiet;
};

static void note(struct toy *toy, char what)
{
    size_t len = strlen(toy->world->log);
    if (!toy->world->quiet) {
        (void)snprintf(toy->world->log + len, LOG_SIZE - len, "%c%s ", what, toy->name);
    }
}

static int64_t now_ns(struct world *world)
{
    return om_mono_ns(&world->clock.clock);
}

static struct toy *toy_of(struct world *world, const char *name)
{
    for (size_t i = 0; i < world->count; i++) {
        if (strcmp(world->toys[i].name, name) == 0) {
            return &world->toys[i];
        }
    }
    fail_msg("no toy %s", name);
    return NULL;
}

static bool deps_up(struct toy *toy)
{
    for (size_t i = 0; toy->deps[i] != NULL; i++) {
        if (!toy_of(toy->world, toy->deps[i])->up) {
            return false;
        }
    }
    return true;
}

static bool is_needed(struct toy *toy)
{
    for (size_t i = 0; i < toy->world->count; i++) {
        struct toy *other = &toy->world->toys[i];
        for (size_t d = 0; other->up && other->deps[d] != NULL; d++) {
            if (strcmp(other->deps[d], toy->name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static omega_status start_toy(void *context, int64_t deadline_ns)
{
    struct toy *toy = context;
    assert_false(toy->up);
    assert_true(deps_up(toy));
    toy->starts++;
    toy->deadline_left_ms = (deadline_ns - now_ns(toy->world)) / NS_PER_MS;
    om_fake_clock_advance_ms(&toy->world->clock, toy->start_takes_ms);
    if (toy->start_result != OMEGA_OK) {
        note(toy, '!');
        return om_fail(toy->start_result, "%s is broken", toy->name);
    }
    toy->up = true;
    note(toy, '+');
    return OMEGA_OK;
}

static omega_status stop_toy(void *context, int64_t deadline_ns)
{
    struct toy *toy = context;
    assert_true(toy->up);
    assert_false(is_needed(toy));
    toy->deadline_left_ms = (deadline_ns - now_ns(toy->world)) / NS_PER_MS;
    om_fake_clock_advance_ms(&toy->world->clock, toy->stop_takes_ms);
    toy->up = false;
    note(toy, '-');
    return toy->stop_result == OMEGA_OK ? OMEGA_OK
                                        : om_fail(toy->stop_result, "%s hangs on", toy->name);
}

static const char *degrade(void *context, omega_health status)
{
    struct toy *toy = context;
    toy->fallback = status != OMEGA_HEALTHY;
    return toy->fallback ? "the spare" : NULL;
}

static void open_world(struct world *world, bool with_health)
{
    memset(world, 0, sizeof(*world));
    om_fake_clock_init(&world->clock, 1700000000000);
    om_fake_clock_advance_ms(&world->clock, MINUTE_MS);
    if (with_health) {
        assert_ok(om_health_new(om_alloc_default(), &world->clock.clock, &world->health));
    }
    const struct om_supervisor_options options = {.alloc = om_alloc_default(),
                                                  .clock = &world->clock.clock,
                                                  .seed = 7,
                                                  .health = world->health};
    assert_ok(om_supervisor_new(&options, &world->supervisor));
}

static void close_world(struct world *world)
{
    om_supervisor_free(world->supervisor);
    om_health_free(world->health);
}

/* `deps`: names in one text, separated by spaces, each of one letter. */
static struct om_supervised_row make_row(struct world *world, const char *name, const char *deps,
                                         bool essential)
{
    static const char *const letters[] = {"a", "b", "c", "d", "e", "f"};
    struct toy *toy = &world->toys[world->count++];
    size_t count = 0;
    toy->world = world;
    toy->name = name;
    for (; *deps != '\0'; deps++) {
        if (*deps != ' ') {
            toy->deps[count++] = letters[*deps - 'a'];
        }
    }
    return (struct om_supervised_row){.name = name,
                                      .deps = toy->deps,
                                      .essential = essential,
                                      .start = start_toy,
                                      .stop = stop_toy,
                                      .context = toy};
}

static void add(struct world *world, const char *name, const char *deps, bool essential)
{
    struct om_supervised_row row = make_row(world, name, deps, essential);
    assert_ok(om_supervisor_add(world->supervisor, &row));
}

static struct om_supervised_status status_of(struct world *world, const char *name)
{
    struct om_supervised_status status = {0};
    size_t count = om_supervisor_count(world->supervisor);
    for (size_t i = 0; i < count; i++) {
        assert_ok(om_supervisor_status_at(world->supervisor, i, &status));
        if (strcmp(status.name, name) == 0) {
            return status;
        }
    }
    fail_msg("no row %s", name);
    return status;
}

static void assert_log(struct world *world, const char *wanted)
{
    assert_string_equal(world->log, wanted);
    world->log[0] = '\0';
}

/* ---- Start and stop ----------------------------------------------------------------------- */

static void test_dependency_order_and_its_reverse(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add(&world, "c", "a b", true);
    add(&world, "d", "c", true);
    add(&world, "a", "", true);
    add(&world, "b", "a", true);
    add(&world, "e", "", true);
    assert_ok(om_supervisor_start(world.supervisor));
    assert_log(&world, "+a +b +c +d +e ");
    assert_int_equal(status_of(&world, "d").state, OM_ROW_UP);
    assert_ok(om_supervisor_start(world.supervisor)); /* what is up stays */
    assert_log(&world, "");
    assert_ok(om_supervisor_stop(world.supervisor, -1));
    assert_log(&world, "-e -d -c -b -a ");
    assert_ok(om_supervisor_stop(world.supervisor, -1));
    assert_ok(om_supervisor_start(world.supervisor));
    assert_ok(om_supervisor_stop(world.supervisor, -1));
    assert_log(&world, "+a +b +c +d +e -e -d -c -b -a ");
    close_world(&world);
}

static void test_a_failed_start_unwinds(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add(&world, "a", "", true);
    add(&world, "b", "a", true);
    add(&world, "c", "b", true);
    add(&world, "d", "c", true);
    toy_of(&world, "c")->start_result = OMEGA_EIO;
    assert_status(om_supervisor_start(world.supervisor), OMEGA_EIO);
    assert_error_says("cannot start 'c'");
    assert_error_says("c is broken");
    assert_log(&world, "+a +b !c -b -a ");
    for (size_t i = 0; i < world.count; i++) {
        assert_int_equal(status_of(&world, world.toys[i].name).state, OM_ROW_DOWN);
    }
    assert_int_equal(om_supervisor_run_due(world.supervisor), INT64_MAX); /* no retry is left */
    toy_of(&world, "c")->start_result = OMEGA_OK;
    assert_ok(om_supervisor_start(world.supervisor));
    assert_log(&world, "+a +b +c +d ");
    assert_ok(om_supervisor_stop(world.supervisor, -1));
    close_world(&world);
}

static void test_deadlines(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add(&world, "a", "", true);
    struct om_supervised_row row = make_row(&world, "b", "a", true);
    row.start_deadline_ms = 50;
    row.stop_deadline_ms = 20;
    assert_ok(om_supervisor_add(world.supervisor, &row));
    toy_of(&world, "b")->start_takes_ms = 51;
    assert_status(om_supervisor_start(world.supervisor), OMEGA_ETIMEDOUT);
    assert_error_says("51 ms");
    assert_log(&world, "+a +b -b -a "); /* up too late is stopped */
    toy_of(&world, "b")->start_takes_ms = 50;
    assert_ok(om_supervisor_start(world.supervisor));
    assert_int_equal(toy_of(&world, "a")->deadline_left_ms, 30000);
    assert_int_equal(toy_of(&world, "b")->deadline_left_ms, 50);
    /* The whole stop has 25 ms: b may use its own 20, a gets what is left. */
    toy_of(&world, "b")->stop_takes_ms = 21;
    toy_of(&world, "a")->stop_result = OMEGA_EIO;
    assert_status(om_supervisor_stop(world.supervisor, 25), OMEGA_ETIMEDOUT); /* the first one */
    assert_error_says("'b'");
    assert_int_equal(toy_of(&world, "b")->deadline_left_ms, 20);
    assert_int_equal(toy_of(&world, "a")->deadline_left_ms, 4);
    assert_false(toy_of(&world, "a")->up);
    close_world(&world);
}

static void test_what_is_not_essential_may_come_later(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, true);
    add(&world, "a", "", true);
    struct om_supervised_row row = make_row(&world, "b", "a", false);
    row.degraded = degrade;
    assert_ok(om_supervisor_add(world.supervisor, &row));
    add(&world, "c", "b", false);
    toy_of(&world, "b")->start_result = OMEGA_EUNAVAILABLE;
    assert_ok(om_supervisor_start(world.supervisor));
    assert_log(&world, "+a !b ");
    assert_true(toy_of(&world, "b")->fallback);
    struct om_health_entry entry;
    assert_ok(om_health_get(world.health, "b", &entry));
    assert_int_equal(entry.status, OMEGA_UNHEALTHY);
    assert_string_equal(entry.reason, "b is broken; the spare");
    assert_int_equal(status_of(&world, "b").state, OM_ROW_BACKOFF);
    assert_string_equal(status_of(&world, "b").cause, "b is broken");
    assert_int_equal(status_of(&world, "c").state, OM_ROW_WAITING);
    toy_of(&world, "b")->start_result = OMEGA_OK;
    om_fake_clock_advance_ms(&world.clock, 100);
    assert_int_equal(om_supervisor_run_due(world.supervisor), INT64_MAX);
    assert_log(&world, "+b +c ");
    om_fake_clock_advance_ms(&world.clock, OM_HEALTH_DWELL_MS);
    om_health_tick(world.health);
    assert_false(toy_of(&world, "b")->fallback);
    assert_ok(om_supervisor_stop(world.supervisor, -1));
    close_world(&world);
}

/* ---- Restarts ----------------------------------------------------------------------------- */

static void advance_to(struct world *world, int64_t ns)
{
    int64_t ahead_ns = ns - now_ns(world);
    if (ahead_ns > 0) {
        om_fake_clock_advance_ms(&world->clock, (ahead_ns + NS_PER_MS - 1) / NS_PER_MS);
    }
}

static void test_a_restart_takes_its_dependents_along(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add(&world, "a", "", true);
    add(&world, "b", "a", true);
    add(&world, "c", "b", true);
    add(&world, "d", "a", true);
    assert_ok(om_supervisor_start(world.supervisor));
    assert_log(&world, "+a +b +c +d ");
    assert_ok(om_supervisor_fail(world.supervisor, "b", "it hung"));
    assert_ok(om_supervisor_fail(world.supervisor, "b", "said twice")); /* no second failure */
    assert_string_equal(status_of(&world, "b").cause, "it hung");
    int64_t next_ns = om_supervisor_run_due(world.supervisor);
    assert_log(&world, "-c -b ");
    assert_true(next_ns > now_ns(&world));
    assert_in_range(next_ns - now_ns(&world), 1, OM_RESTART_BASE_MS * NS_PER_MS);
    assert_in_range(status_of(&world, "b").retry_wall_ms - om_wall_ms(&world.clock.clock), 0,
                    OM_RESTART_BASE_MS);
    assert_int_equal(status_of(&world, "c").state, OM_ROW_WAITING);
    assert_int_equal(status_of(&world, "c").retry_wall_ms, OMEGA_TIME_UNSET);
    advance_to(&world, next_ns);
    assert_int_equal(om_supervisor_run_due(world.supervisor), INT64_MAX);
    assert_log(&world, "+b +c ");
    assert_int_equal(status_of(&world, "b").restarts, 1);
    assert_ok(om_supervisor_stop(world.supervisor, -1));
    close_world(&world);
}

/* Runs every retry that falls due in the next `ms`; returns how often "a" was tried. */
static size_t retries_in(struct world *world, int64_t ms)
{
    size_t before = toy_of(world, "a")->starts;
    int64_t end_ns = now_ns(world) + ms * NS_PER_MS, next_ns;
    while ((next_ns = om_supervisor_run_due(world->supervisor)) <= end_ns) {
        advance_to(world, next_ns);
    }
    advance_to(world, end_ns);
    return toy_of(world, "a")->starts - before;
}

static void test_backoff_then_quarantine_then_forgiveness(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add(&world, "a", "", false);
    assert_ok(om_supervisor_start(world.supervisor));
    toy_of(&world, "a")->start_result = OMEGA_EIO;
    assert_ok(om_supervisor_fail(world.supervisor, "a", "broke"));
    /* The 6th failure ends the burst: 5 retries, together within 100 + 200 + ... + 1600 ms. */
    assert_int_equal(retries_in(&world, 3100), OM_RESTART_BURST);
    assert_int_equal(status_of(&world, "a").state, OM_ROW_QUARANTINED);
    /* From then on every 5 minutes. */
    assert_int_equal(retries_in(&world, 60 * MINUTE_MS), 12);
    /* Back, but a failure before 10 good minutes returns it there at once. */
    toy_of(&world, "a")->start_result = OMEGA_OK;
    assert_int_equal(retries_in(&world, 5 * MINUTE_MS), 1);
    assert_int_equal(status_of(&world, "a").state, OM_ROW_UP);
    om_fake_clock_advance_ms(&world.clock, 4 * MINUTE_MS);
    assert_ok(om_supervisor_fail(world.supervisor, "a", "broke"));
    assert_int_equal(status_of(&world, "a").state, OM_ROW_QUARANTINED);
    assert_int_equal(retries_in(&world, 5 * MINUTE_MS), 1);
    /* After 10 good minutes all is forgotten. */
    om_fake_clock_advance_ms(&world.clock, OM_RESTART_GOOD_MS);
    assert_ok(om_supervisor_fail(world.supervisor, "a", "broke"));
    assert_int_equal(status_of(&world, "a").state, OM_ROW_BACKOFF);
    assert_int_equal(retries_in(&world, OM_RESTART_BASE_MS), 1);
    assert_int_equal(status_of(&world, "a").state, OM_ROW_UP);
    assert_ok(om_supervisor_stop(world.supervisor, -1));
    close_world(&world);
}

static void test_slow_failures_never_quarantine(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add(&world, "a", "", false);
    assert_ok(om_supervisor_start(world.supervisor));
    int64_t longest_ns = 0;
    for (int i = 0; i < 50; i++) { /* 5 other failures never fall within a minute */
        om_fake_clock_advance_ms(&world.clock, OM_RESTART_WINDOW_MS / OM_RESTART_BURST + 1);
        assert_ok(om_supervisor_fail(world.supervisor, "a", "broke"));
        assert_int_equal(status_of(&world, "a").state, OM_ROW_BACKOFF);
        int64_t next_ns = om_supervisor_run_due(world.supervisor);
        assert_true(next_ns - now_ns(&world) <= OM_RESTART_CAP_MS * NS_PER_MS);
        longest_ns = OM_MAX(longest_ns, next_ns - now_ns(&world));
        advance_to(&world, next_ns);
        om_supervisor_run_due(world.supervisor);
        assert_int_equal(status_of(&world, "a").state, OM_ROW_UP);
    }
    assert_true(longest_ns > OM_RESTART_CAP_MS * NS_PER_MS / 2); /* it has grown */
    assert_ok(om_supervisor_stop(world.supervisor, -1));
    close_world(&world);
}

/* Random failures, broken starts and time: start_toy and stop_toy assert the order all along, and
 * with everything mended all parts come back. */
static void test_a_random_life(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    struct om_rng rng;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct world world;
        open_world(&world, false);
        world.quiet = true;
        om_rng_seed(&rng, seed);
        add(&world, "a", "", true);
        add(&world, "b", "a", seed % 2 == 0);
        add(&world, "c", "a b", false);
        add(&world, "d", seed % 3 == 0 ? "c" : "", false);
        add(&world, "e", "d b", false);
        add(&world, "f", "", false);
        assert_ok(om_supervisor_start(world.supervisor));
        for (int step = 0; step < 300; step++) {
            const char *name = names[om_rng_below(&rng, PARTS)];
            toy_of(&world, name)->start_result = om_rng_below(&rng, 3) == 0 ? OMEGA_EIO : OMEGA_OK;
            if (om_rng_below(&rng, 2) == 0) {
                assert_ok(om_supervisor_fail(world.supervisor, name, "random"));
            }
            om_supervisor_run_due(world.supervisor);
            om_fake_clock_advance_ms(&world.clock, (int64_t)om_rng_below(&rng, 20000));
        }
        for (size_t i = 0; i < PARTS; i++) {
            toy_of(&world, names[i])->start_result = OMEGA_OK;
        }
        retries_in(&world, 6 * MINUTE_MS);
        for (size_t i = 0; i < PARTS; i++) {
            assert_int_equal(status_of(&world, names[i]).state, OM_ROW_UP);
        }
        assert_ok(om_supervisor_stop(world.supervisor, -1));
        close_world(&world);
    }
}

static void test_the_scheduler_carries_out_restarts(void **state)
{
    (void)state;
    struct world world;
    struct om_scheduler *scheduler = NULL;
    open_world(&world, false);
    const struct om_scheduler_options options = {
        .alloc = om_alloc_default(), .clock = &world.clock.clock, .seed = 3};
    assert_ok(om_scheduler_new(&options, &scheduler));
    add(&world, "a", "", true);
    assert_ok(om_supervisor_attach(world.supervisor, scheduler));
    assert_status(om_supervisor_attach(world.supervisor, scheduler), OMEGA_EINVAL);
    assert_ok(om_supervisor_start(world.supervisor));
    assert_int_equal(om_scheduler_run_due(scheduler), 0); /* nothing failed, nothing runs */
    assert_ok(om_supervisor_fail(world.supervisor, "a", "broke"));
    int runs = 0;
    while (status_of(&world, "a").state != OM_ROW_UP) {
        advance_to(&world, om_scheduler_next_due_ns(scheduler));
        runs += (int)om_scheduler_run_due(scheduler);
        assert_true(runs <= 3);
    }
    assert_log(&world, "+a -a +a ");
    assert_ok(om_supervisor_stop(world.supervisor, -1));
    om_scheduler_free(scheduler);
    close_world(&world);
}

/* ---- Threads ------------------------------------------------------------------------------ */

struct live_part {
    atomic_int up;
    atomic_uint starts;
};

static omega_status start_live(void *context, int64_t deadline_ns)
{
    struct live_part *part = context;
    (void)deadline_ns;
    assert_int_equal(atomic_fetch_add(&part->up, 1), 0);
    atomic_fetch_add(&part->starts, 1);
    return OMEGA_OK;
}

static omega_status stop_live(void *context, int64_t deadline_ns)
{
    struct live_part *part = context;
    (void)deadline_ns;
    assert_int_equal(atomic_fetch_sub(&part->up, 1), 1);
    return OMEGA_OK;
}

static void fail_often(void *context)
{
    struct om_supervisor *supervisor = context;
    for (int i = 0; i < 200; i++) {
        omega_status status = om_supervisor_fail(supervisor, i % 2 == 0 ? "x" : "y", "live");
        assert_int_equal(status, OMEGA_OK);
        om_os_yield();
    }
}

static void test_failures_and_stop_from_other_threads(void **state)
{
    (void)state;
    struct live_part x = {0}, y = {0};
    struct om_supervisor *supervisor = NULL;
    struct om_scheduler *scheduler = NULL;
    struct om_thread threads[2] = {{0}};
    const struct om_supervisor_options options = {.alloc = om_alloc_default(),
                                                  .clock = om_clock_system()};
    const struct om_scheduler_options timing = {.alloc = om_alloc_default(),
                                                .clock = om_clock_system()};
    static const char *const deps[] = {"x", NULL};
    struct om_supervised_row rows[] = {
        {.name = "x", .start = start_live, .stop = stop_live, .context = &x},
        {.name = "y", .deps = deps, .start = start_live, .stop = stop_live, .context = &y},
    };
    assert_ok(om_supervisor_new(&options, &supervisor));
    assert_ok(om_scheduler_new(&timing, &scheduler));
    assert_ok(om_supervisor_add(supervisor, &rows[0]));
    assert_ok(om_supervisor_add(supervisor, &rows[1]));
    assert_ok(om_supervisor_attach(supervisor, scheduler));
    assert_ok(om_supervisor_start(supervisor));
    assert_ok(om_scheduler_start(scheduler));
    for (int i = 0; i < 2; i++) {
        assert_ok(om_thread_start(&threads[i], "failer", fail_often, supervisor));
    }
    for (int i = 0; i < 2; i++) {
        om_thread_join(&threads[i]);
    }
    while (atomic_load(&x.starts) < 2) { /* at least one restart went through */
        om_os_yield();
    }
    assert_ok(om_supervisor_stop(supervisor, -1));
    assert_int_equal(atomic_load(&x.up), 0);
    assert_int_equal(atomic_load(&y.up), 0);
    om_scheduler_free(scheduler);
    om_supervisor_free(supervisor);
}

/* ---- Bounds ------------------------------------------------------------------------------- */

static void test_misuse_and_bounds(void **state)
{
    (void)state;
    struct world world;
    struct om_supervised_status status;
    open_world(&world, true);
    struct om_supervised_row row = {.name = NULL};
    assert_status(om_supervisor_add(world.supervisor, &row), OMEGA_EINVAL);
    row = (struct om_supervised_row){.name = "x", .start_deadline_ms = -1};
    assert_status(om_supervisor_add(world.supervisor, &row), OMEGA_EINVAL);
    add(&world, "a", "b", true);
    row = (struct om_supervised_row){.name = "a"};
    assert_status(om_supervisor_add(world.supervisor, &row), OMEGA_EINVAL);
    assert_status(om_supervisor_start(world.supervisor), OMEGA_EINVAL);
    assert_error_says("'b', which is not supervised");
    add(&world, "b", "c", true);
    add(&world, "c", "a", true);
    assert_status(om_supervisor_start(world.supervisor), OMEGA_EINVAL);
    assert_error_says("cycle");
    assert_log(&world, "");
    assert_status(om_supervisor_fail(world.supervisor, "nobody", ""), OMEGA_ENOTFOUND);
    assert_status(om_supervisor_fail(world.supervisor, NULL, NULL), OMEGA_ENOTFOUND);
    assert_ok(om_supervisor_fail(world.supervisor, "a", "not up: nothing happens"));
    assert_int_equal(status_of(&world, "a").state, OM_ROW_DOWN);
    assert_status(om_supervisor_status_at(world.supervisor, 3, &status), OMEGA_ENOTFOUND);
    assert_string_equal(om_row_state_name((enum om_row_state)77), "?");
    assert_string_equal(om_row_state_name(OM_ROW_QUARANTINED), "quarantined");
    static char names[OM_SUPERVISOR_ROWS][4];
    for (size_t i = om_supervisor_count(world.supervisor); i < OM_SUPERVISOR_ROWS; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%02zu", i);
        row = (struct om_supervised_row){.name = names[i]};
        assert_ok(om_supervisor_add(world.supervisor, &row));
    }
    row = (struct om_supervised_row){.name = "one more"};
    assert_status(om_supervisor_add(world.supervisor, &row), OMEGA_ELIMIT);
    close_world(&world);
    om_supervisor_free(NULL);
}

static void test_rows_without_functions_are_up_and_down(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    for (int i = 0; i < OM_SUPERVISOR_ROWS; i++) { /* all bits of the sets */
        static char names[OM_SUPERVISOR_ROWS][4];
        (void)snprintf(names[i], sizeof(names[i]), "%02d", i);
        const struct om_supervised_row row = {.name = names[i], .essential = true};
        assert_ok(om_supervisor_add(world.supervisor, &row));
    }
    assert_ok(om_supervisor_start(world.supervisor));
    assert_int_equal(status_of(&world, "31").state, OM_ROW_UP);
    assert_ok(om_supervisor_stop(world.supervisor, 0));
    close_world(&world);
}

static omega_status open_once(void *context)
{
    (void)context;
    struct om_supervisor *supervisor = NULL;
    const struct om_supervisor_options options = {.alloc = om_alloc_default(),
                                                  .clock = om_clock_system()};
    omega_status status = om_supervisor_new(&options, &supervisor);
    om_supervisor_free(supervisor);
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
        cmocka_unit_test(test_dependency_order_and_its_reverse),
        cmocka_unit_test(test_a_failed_start_unwinds),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_what_is_not_essential_may_come_later),
        cmocka_unit_test(test_a_restart_takes_its_dependents_along),
        cmocka_unit_test(test_backoff_then_quarantine_then_forgiveness),
        cmocka_unit_test(test_slow_failures_never_quarantine),
        cmocka_unit_test(test_a_random_life),
        cmocka_unit_test(test_the_scheduler_carries_out_restarts),
        cmocka_unit_test(test_failures_and_stop_from_other_threads),
        cmocka_unit_test(test_misuse_and_bounds),
        cmocka_unit_test(test_rows_without_functions_are_up_and_down),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
