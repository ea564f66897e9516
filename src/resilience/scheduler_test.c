/* scheduler_test.c -- a simulated year against a naive reference, catch-up over restarts, backoff,
 * CPU share, jitter, the token, and the verbs against a live thread. */
#include "support/support.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "resilience/scheduler.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define YEAR_MS INT64_C(31557600000)
#define NS_PER_MS INT64_C(1000000)

enum { START_WALL_MS = 1700000000 };

/* ---- A world: clock, store, scheduler ----------------------------------------------------- */

enum { STORED = 8 };

struct stored {
    char name[24];
    int64_t due_ms, last_ms;
};

struct world {
    struct om_fake_clock clock;
    struct stored stored[STORED];
    size_t stored_count;
    omega_status save_status;
    omega_status load_status;
    struct om_scheduler *scheduler;
    /* The last report of the observer. */
    size_t reports;
    struct om_schedule_run report;
    char error[OM_ERROR_MESSAGE_SIZE];
};

static struct stored *find_stored(struct world *world, const char *name)
{
    for (size_t i = 0; i < world->stored_count; i++) {
        if (strcmp(world->stored[i].name, name) == 0) {
            return &world->stored[i];
        }
    }
    return NULL;
}

static omega_status load(void *context, const char *name, int64_t *due_ms, int64_t *last_ms)
{
    struct world *world = context;
    const struct stored *stored = find_stored(world, name);
    if (world->load_status != OMEGA_OK) {
        return om_fail(world->load_status, "the store cannot load");
    }
    if (stored == NULL) {
        return om_fail(OMEGA_ENOTFOUND, "nothing stored for '%s'", name);
    }
    *due_ms = stored->due_ms;
    *last_ms = stored->last_ms;
    return OMEGA_OK;
}

static omega_status save(void *context, const char *name, int64_t due_ms, int64_t last_ms)
{
    struct world *world = context;
    struct stored *stored = find_stored(world, name);
    if (world->save_status != OMEGA_OK) {
        return om_fail(world->save_status, "the store cannot save");
    }
    if (stored == NULL) {
        stored = &world->stored[world->stored_count++];
        assert_true(strlen(name) < sizeof(stored->name));
        memcpy(stored->name, name, strlen(name) + 1);
    }
    stored->due_ms = due_ms;
    stored->last_ms = last_ms;
    return OMEGA_OK;
}

static void observe(void *context, const struct om_schedule_run *run)
{
    struct world *world = context;
    world->reports++;
    world->report = *run;
    memset(world->error, 0, sizeof(world->error));
    if (run->error != NULL) {
        memcpy(world->error, run->error->message, sizeof(world->error));
    }
}

static struct om_schedule_store store_of(struct world *world)
{
    return (struct om_schedule_store){.load = load, .save = save, .context = world};
}

/* The store struct is borrowed by the scheduler, so it is the test's. */
static void open_world(struct world *world, const struct om_schedule_store *store)
{
    const struct om_scheduler_options options = {
        .alloc = om_alloc_default(),
        .clock = &world->clock.clock,
        .seed = 42,
        .store = store,
        .observer = observe,
        .observer_context = world,
    };
    assert_ok(om_scheduler_new(&options, &world->scheduler));
}

static void init_world(struct world *world)
{
    memset(world, 0, sizeof(*world));
    om_fake_clock_init(&world->clock, START_WALL_MS);
    om_fake_clock_advance_ms(&world->clock, 5000);
}

static int64_t now_ns(struct world *world)
{
    return om_mono_ns(&world->clock.clock);
}

static void advance_to(struct world *world, int64_t ns)
{
    int64_t ahead_ns = ns - now_ns(world);
    if (ahead_ns > 0) {
        om_fake_clock_advance_ms(&world->clock, (ahead_ns + NS_PER_MS - 1) / NS_PER_MS);
    }
}

/* Follows the due times up to `end_ns`; returns the runs. */
static size_t run_until(struct world *world, int64_t end_ns)
{
    size_t runs = 0;
    while (om_scheduler_next_due_ns(world->scheduler) <= end_ns) {
        advance_to(world, om_scheduler_next_due_ns(world->scheduler));
        runs += om_scheduler_run_due(world->scheduler);
    }
    advance_to(world, end_ns);
    return runs;
}

struct job {
    struct world *world;
    int64_t takes_ms;
    omega_status result;
    int64_t again_ms;
    size_t runs;
    int64_t last_ns;
};

static omega_status run_job(void *context, struct om_task *task)
{
    struct job *job = context;
    job->runs++;
    job->last_ns = now_ns(job->world);
    om_fake_clock_advance_ms(&job->world->clock, job->takes_ms);
    if (job->again_ms > 0) {
        om_task_again(task, job->again_ms);
    }
    return job->result == OMEGA_OK ? OMEGA_OK : om_fail(job->result, "job number %zu", job->runs);
}

static struct om_schedule_row row_of(const char *name, int64_t interval_ms, struct job *job)
{
    return (struct om_schedule_row){
        .name = name, .interval_ms = interval_ms, .enabled = true, .run = run_job, .context = job};
}

static struct om_schedule_status status_of(struct world *world, const char *name)
{
    struct om_schedule_status status;
    assert_ok(om_scheduler_status(world->scheduler, name, &status));
    return status;
}

/* ---- The year ----------------------------------------------------------------------------- */

/* A row of the reference: plain milliseconds, loops instead of divisions. */
struct model {
    int64_t interval, slot, due;
    int64_t share;
    uint64_t runs, skipped;
    struct om_rng rng; /* lengths and results of runs, the same on both sides */
    uint32_t failures;
};

enum { MODELS = 6, NEVER_FAILS = 3 };

/* What the next run of a row does: its length in ms, and whether it fails. */
static int64_t draw_run(struct om_rng *rng, int row, bool *fails)
{
    *fails = row >= NEVER_FAILS && om_rng_below(rng, 4) == 0;
    return (int64_t)om_rng_below(rng, row % 2 == 0 ? 2000 : 40 * 60000);
}

static void model_next(struct model *model, int64_t begin, int64_t end, bool fails)
{
    model->failures = fails ? model->failures + 1 : 0;
    if (fails) {
        int64_t cap = OM_MAX(model->interval, HOUR_MS), wait = model->interval;
        for (uint32_t i = 1; i < model->failures; i++) {
            wait = OM_MIN(wait * 2, cap);
        }
        model->slot = model->due = end + wait;
    } else {
        int missed = -1;
        while (model->slot <= end) {
            model->slot += model->interval;
            missed++;
        }
        if (missed > 0 && 2 * (model->slot - begin) < model->interval) {
            model->slot += model->interval;
            missed++;
        }
        model->skipped += (uint64_t)missed;
        model->due = model->slot;
    }
    if (model->share > 0) {
        int64_t used = end - begin;
        model->due = OM_MAX(model->due, end + used * (100 - model->share) / model->share);
    }
}

struct year {
    struct world world;
    struct model models[MODELS];
    struct year_job {
        struct year *year;
        struct om_rng rng;
        int index;
    } jobs[MODELS];
    size_t runs;
    int64_t model_now;
    size_t mismatches;
};

/* Each real run asks the reference which row runs now, and when. */
static omega_status run_of_year(void *context, struct om_task *task)
{
    (void)task;
    struct year_job *job = context;
    struct year *year = job->year;
    int index = job->index;
    struct model *best = &year->models[0];
    for (int i = 1; i < MODELS; i++) {
        best = year->models[i].due < best->due ? &year->models[i] : best;
    }
    int64_t begin = OM_MAX(year->model_now, best->due);
    year->mismatches += best != &year->models[index];
    year->mismatches += begin * NS_PER_MS != now_ns(&year->world);
    bool fails, model_fails;
    int64_t takes = draw_run(&job->rng, index, &fails);
    int64_t end = begin + draw_run(&best->rng, index, &model_fails);
    best->runs++;
    model_next(best, begin, end, model_fails);
    year->model_now = end;
    year->runs++;
    om_fake_clock_advance_ms(&year->world.clock, takes);
    return fails ? om_fail(OMEGA_EIO, "drawn") : OMEGA_OK;
}

static void test_a_year_against_the_naive_reference(void **state)
{
    (void)state;
    static const int64_t intervals[MODELS] = {5000 * 12,   HOUR_MS,    DAY_MS,
                                              7 * HOUR_MS, 10 * 60000, 7 * DAY_MS};
    static const char *const names[MODELS] = {"a", "b", "c", "d", "e", "f"};
    static struct year year;
    init_world(&year.world);
    open_world(&year.world, NULL);
    int64_t begin = now_ns(&year.world) / NS_PER_MS;
    for (int i = 0; i < MODELS; i++) {
        struct om_schedule_row row = {.name = names[i],
                                      .interval_ms = intervals[i],
                                      .cpu_share_percent = i == 4 ? 10 : 0,
                                      .enabled = true,
                                      .run = run_of_year,
                                      .context = &year.jobs[i]};
        assert_ok(om_scheduler_add(year.world.scheduler, &row));
        year.models[i] = (struct model){.interval = intervals[i],
                                        .slot = begin + intervals[i],
                                        .due = begin + intervals[i],
                                        .share = i == 4 ? 10 : 0};
        om_rng_seed(&year.models[i].rng, 100 + (uint64_t)i);
        year.jobs[i].year = &year;
        year.jobs[i].index = i;
        om_rng_seed(&year.jobs[i].rng, 100 + (uint64_t)i);
    }
    size_t runs = run_until(&year.world, now_ns(&year.world) + YEAR_MS * NS_PER_MS);
    assert_int_equal(year.mismatches, 0);
    assert_int_equal(runs, year.runs);
    assert_true(runs > 100000);
    for (int i = 0; i < MODELS; i++) {
        struct om_schedule_status status = status_of(&year.world, names[i]);
        assert_int_equal(status.runs, year.models[i].runs);
        assert_int_equal(status.skipped, year.models[i].skipped);
        assert_int_equal(status.consecutive_failures, year.models[i].failures);
    }
    om_scheduler_free(year.world.scheduler);
}

/* ---- Downtime ----------------------------------------------------------------------------- */

static void test_catch_up_happens_once(void **state)
{
    (void)state;
    struct world world;
    struct job job = {.world = &world};
    init_world(&world);
    const struct om_schedule_store store = store_of(&world);
    struct om_schedule_row row = row_of("hourly", HOUR_MS, &job);
    row.persistent = true;
    open_world(&world, &store);
    assert_ok(om_scheduler_add(world.scheduler, &row));
    assert_int_equal(run_until(&world, now_ns(&world) + 3 * HOUR_MS * NS_PER_MS), 3);
    om_scheduler_free(world.scheduler);

    om_fake_clock_advance_ms(&world.clock, 100 * DAY_MS + 20 * 60000);
    open_world(&world, &store);
    assert_ok(om_scheduler_add(world.scheduler, &row));
    assert_int_equal(status_of(&world, "hourly").last_start_wall_ms, world.stored[0].last_ms);
    assert_int_equal(om_scheduler_run_due(world.scheduler), 1);
    assert_int_equal(om_scheduler_run_due(world.scheduler), 0);
    assert_int_equal(status_of(&world, "hourly").skipped, 100 * 24 - 1);
    /* Back on its grid: 40 minutes on. */
    int64_t ahead_ns = om_scheduler_next_due_ns(world.scheduler) - now_ns(&world);
    assert_int_equal(ahead_ns, 40 * 60000 * NS_PER_MS);
    assert_int_equal(world.stored[0].due_ms, om_wall_ms(&world.clock.clock) + 40 * 60000);
    om_scheduler_free(world.scheduler);
}

static void test_after_a_late_run_the_next_is_half_an_interval_away(void **state)
{
    (void)state;
    struct world world;
    struct job job = {.world = &world};
    init_world(&world);
    open_world(&world, NULL);
    struct om_schedule_row row = row_of("hourly", HOUR_MS, &job);
    assert_ok(om_scheduler_add(world.scheduler, &row));
    om_fake_clock_advance_ms(&world.clock, 3 * HOUR_MS - 60000); /* a minute before the third */
    assert_int_equal(om_scheduler_run_due(world.scheduler), 1);
    int64_t ahead_ns = om_scheduler_next_due_ns(world.scheduler) - now_ns(&world);
    assert_int_equal(ahead_ns, (HOUR_MS + 60000) * NS_PER_MS);
    assert_int_equal(status_of(&world, "hourly").skipped, 2);
    om_scheduler_free(world.scheduler);
}

static void test_a_yearly_row_survives_daily_restarts(void **state)
{
    (void)state;
    struct world world;
    struct job job = {.world = &world};
    init_world(&world);
    const struct om_schedule_store store = store_of(&world);
    struct om_schedule_row row = row_of("yearly", YEAR_MS, &job);
    row.persistent = true;
    for (int day = 0; day < 2 * 366; day++) {
        open_world(&world, &store);
        assert_ok(om_scheduler_add(world.scheduler, &row));
        run_until(&world, now_ns(&world) + DAY_MS * NS_PER_MS);
        om_scheduler_free(world.scheduler);
    }
    assert_int_equal(job.runs, 2);
}

static void test_a_stepped_wall_clock_moves_a_row_by_one_interval_at_most(void **state)
{
    (void)state;
    struct world world;
    struct job job = {.world = &world};
    init_world(&world);
    const struct om_schedule_store store = store_of(&world);
    struct om_schedule_row row = row_of("hourly", HOUR_MS, &job);
    row.persistent = true;
    static const int64_t dues[] = {INT64_MAX, INT64_MIN + 1, 0, START_WALL_MS + 50 * YEAR_MS};
    for (size_t i = 0; i < OM_COUNT_OF(dues); i++) {
        world.stored[0] = (struct stored){.name = "hourly", .due_ms = dues[i]};
        world.stored_count = 1;
        open_world(&world, &store);
        assert_ok(om_scheduler_add(world.scheduler, &row));
        int64_t ahead_ns = om_scheduler_next_due_ns(world.scheduler) - now_ns(&world);
        assert_true(ahead_ns <= HOUR_MS * NS_PER_MS);
        assert_int_equal(ahead_ns > 0, dues[i] > om_wall_ms(&world.clock.clock));
        om_scheduler_free(world.scheduler);
    }
}

static void test_a_store_that_fails_is_told(void **state)
{
    (void)state;
    struct world world;
    struct job job = {.world = &world};
    init_world(&world);
    const struct om_schedule_store store = store_of(&world);
    open_world(&world, &store);
    struct om_schedule_row row = row_of("row", HOUR_MS, &job);
    row.persistent = true;
    world.load_status = OMEGA_ECORRUPT;
    assert_status(om_scheduler_add(world.scheduler, &row), OMEGA_ECORRUPT);
    assert_int_equal(om_scheduler_count(world.scheduler), 0);
    world.load_status = OMEGA_OK;
    world.save_status = OMEGA_EREADONLY;
    assert_ok(om_scheduler_add(world.scheduler, &row)); /* runs all the same */
    assert_int_equal(world.reports, 1);
    assert_int_equal(world.report.duration_ns, -1);
    assert_string_equal(world.error, "the store cannot save");
    run_until(&world, now_ns(&world) + HOUR_MS * NS_PER_MS);
    assert_int_equal(job.runs, 1);
    assert_int_equal(world.report.result, OMEGA_OK);
    assert_string_equal(world.error, "the store cannot save");
    om_scheduler_free(world.scheduler);
}

/* ---- Rules of one row --------------------------------------------------------------------- */

static void test_failures_back_off_and_recover(void **state)
{
    (void)state;
    struct world world;
    struct job job = {.world = &world, .result = OMEGA_EIO};
    init_world(&world);
    open_world(&world, NULL);
    struct om_schedule_row row = row_of("row", 60000, &job);
    row.retry_base_ms = 1000;
    row.retry_cap_ms = 10000;
    row.run_at_start = true;
    assert_ok(om_scheduler_add(world.scheduler, &row));
    static const int64_t waits_ms[] = {1000, 2000, 4000, 8000, 10000, 10000};
    for (size_t i = 0; i < OM_COUNT_OF(waits_ms); i++) {
        assert_int_equal(om_scheduler_run_due(world.scheduler), 1);
        assert_int_equal(world.report.result, OMEGA_EIO);
        assert_int_equal(world.report.consecutive_failures, i + 1);
        int64_t ahead_ns = om_scheduler_next_due_ns(world.scheduler) - now_ns(&world);
        assert_int_equal(ahead_ns, waits_ms[i] * NS_PER_MS);
        advance_to(&world, om_scheduler_next_due_ns(world.scheduler));
    }
    assert_string_equal(world.error, "job number 6");
    assert_string_equal(status_of(&world, "row").last_error, "job number 6");
    job.result = OMEGA_OK;
    assert_int_equal(om_scheduler_run_due(world.scheduler), 1);
    assert_int_equal(om_scheduler_next_due_ns(world.scheduler) - now_ns(&world), 60000 * NS_PER_MS);
    struct om_schedule_status status = status_of(&world, "row");
    assert_int_equal(status.failures, 6);
    assert_int_equal(status.runs, 7);
    assert_int_equal(status.consecutive_failures, 0);
    assert_null(world.report.error);
    om_scheduler_free(world.scheduler);
}

static void test_the_cpu_share_holds(void **state)
{
    (void)state;
    struct world world;
    struct job job = {.world = &world, .takes_ms = 80};
    init_world(&world);
    open_world(&world, NULL);
    struct om_schedule_row row = row_of("busy", 100, &job);
    row.cpu_share_percent = 5;
    assert_ok(om_scheduler_add(world.scheduler, &row));
    run_until(&world, now_ns(&world) + 1000000 * NS_PER_MS);
    assert_in_range(job.runs * 80, 1000000 * 4 / 100, 1000000 * 5 / 100 + 80);
    assert_true(status_of(&world, "busy").cpu_delays >= job.runs - 1);
    job.again_ms = 1; /* asking for more does not get around it */
    size_t before = job.runs;
    run_until(&world, now_ns(&world) + 1000000 * NS_PER_MS);
    assert_in_range((job.runs - before) * 80, 1000000 * 4 / 100, 1000000 * 5 / 100 + 80);
    om_scheduler_free(world.scheduler);
}

static void test_jitter_spreads_and_does_not_drift(void **state)
{
    (void)state;
    struct world world;
    struct job job = {.world = &world};
    init_world(&world);
    open_world(&world, NULL);
    struct om_schedule_row row = row_of("row", 10000, &job);
    row.jitter_percent = 20;
    assert_ok(om_scheduler_add(world.scheduler, &row));
    int64_t begin_ns = now_ns(&world), low = INT64_MAX, high = 0;
    for (int i = 1; i <= 1000; i++) {
        advance_to(&world, om_scheduler_next_due_ns(world.scheduler));
        assert_int_equal(om_scheduler_run_due(world.scheduler), 1);
        int64_t late_ms = (job.last_ns - begin_ns) / NS_PER_MS - i * 10000;
        low = OM_MIN(low, late_ms);
        high = OM_MAX(high, late_ms);
    }
    assert_in_range(low, 0, 40);
    assert_in_range(high, 1960, 2000);
    om_scheduler_free(world.scheduler);
}

static void test_more_to_do_comes_back_soon(void **state)
{
    (void)state;
    struct world world;
    struct job job = {.world = &world, .again_ms = 20};
    init_world(&world);
    open_world(&world, NULL);
    struct om_schedule_row row = row_of("slices", HOUR_MS, &job);
    assert_ok(om_scheduler_add(world.scheduler, &row));
    assert_int_equal(run_until(&world, now_ns(&world) + (HOUR_MS + 199) * NS_PER_MS), 10);
    job.again_ms = 0;
    assert_int_equal(run_until(&world, now_ns(&world) + HOUR_MS * NS_PER_MS / 2), 1);
    assert_int_equal(run_until(&world, now_ns(&world) + HOUR_MS * NS_PER_MS / 2), 1);
    om_scheduler_free(world.scheduler);
}

static void test_verbs_on_rows(void **state)
{
    (void)state;
    struct world world;
    struct job job = {.world = &world};
    init_world(&world);
    open_world(&world, NULL);
    struct om_schedule_row row = row_of("row", HOUR_MS, &job);
    assert_ok(om_scheduler_add(world.scheduler, &row));
    /* An extra run leaves the regular one where it was. */
    int64_t due_ns = om_scheduler_next_due_ns(world.scheduler);
    om_fake_clock_advance_ms(&world.clock, 60000);
    assert_ok(om_scheduler_trigger(world.scheduler, "row"));
    assert_int_equal(om_scheduler_run_due(world.scheduler), 1);
    assert_int_equal(om_scheduler_next_due_ns(world.scheduler), due_ns);
    assert_int_equal(status_of(&world, "row").skipped, 0);
    /* Disabled it stands still; what passed meanwhile is due once. */
    assert_ok(om_scheduler_enable(world.scheduler, "row", false));
    assert_status(om_scheduler_trigger(world.scheduler, "row"), OMEGA_ESTATE);
    assert_int_equal(om_scheduler_next_due_ns(world.scheduler), INT64_MAX);
    assert_int_equal(status_of(&world, "row").next_due_wall_ms, OMEGA_TIME_UNSET);
    om_fake_clock_advance_ms(&world.clock, 30 * HOUR_MS);
    assert_int_equal(om_scheduler_run_due(world.scheduler), 0);
    assert_ok(om_scheduler_enable(world.scheduler, "row", true));
    assert_int_equal(om_scheduler_run_due(world.scheduler), 1);
    assert_int_equal(om_scheduler_run_due(world.scheduler), 0);
    /* A shorter interval holds from now; a longer one after the next run. */
    assert_ok(om_scheduler_set_interval(world.scheduler, "row", 1000));
    assert_int_equal(om_scheduler_next_due_ns(world.scheduler), now_ns(&world) + 1000 * NS_PER_MS);
    assert_ok(om_scheduler_set_interval(world.scheduler, "row", DAY_MS));
    assert_int_equal(run_until(&world, now_ns(&world) + 1000 * NS_PER_MS), 1);
    assert_int_equal(om_scheduler_next_due_ns(world.scheduler),
                     now_ns(&world) + DAY_MS * NS_PER_MS);
    assert_status(om_scheduler_set_interval(world.scheduler, "row", 9), OMEGA_EINVAL);
    assert_int_equal(om_scheduler_set_interval(world.scheduler, "row", OM_SCHEDULE_INTERVAL_MAX_MS),
                     OMEGA_OK);
    assert_status(om_scheduler_cancel(world.scheduler, "row"), OMEGA_ESTATE);
    om_scheduler_free(world.scheduler);
}

static void test_a_pause_holds_everything_but_what_may_go_on(void **state)
{
    (void)state;
    struct world world;
    struct job job = {.world = &world}, probe = {.world = &world};
    init_world(&world);
    open_world(&world, NULL);
    struct om_schedule_row row = row_of("row", 1000, &job);
    assert_ok(om_scheduler_add(world.scheduler, &row));
    row = row_of("probe", 1000, &probe);
    row.while_paused = true;
    assert_ok(om_scheduler_add(world.scheduler, &row));
    assert_ok(om_scheduler_pause(world.scheduler, -1));
    run_until(&world, now_ns(&world) + 10000 * NS_PER_MS);
    assert_int_equal(job.runs, 0);
    assert_int_equal(probe.runs, 10);
    assert_status(om_scheduler_trigger(world.scheduler, "row"), OMEGA_ESTATE);
    assert_error_says("paused");
    assert_ok(om_scheduler_trigger(world.scheduler, "probe"));
    om_scheduler_resume(world.scheduler);
    om_scheduler_run_due(world.scheduler);
    om_scheduler_run_due(world.scheduler);
    assert_int_equal(job.runs, 1);
    om_scheduler_free(world.scheduler);
}

/* ---- The token ---------------------------------------------------------------------------- */

struct token {
    struct world *world;
    omega_status seen;
    int64_t left_ns;
    bool pause;
    bool cancel;
    bool trigger;
    size_t runs;
};

static omega_status run_token(void *context, struct om_task *task)
{
    struct token *token = context;
    token->runs++;
    token->left_ns = om_task_deadline_ns(task) - now_ns(token->world);
    assert_int_equal(om_task_start_wall_ms(task), om_wall_ms(&token->world->clock.clock));
    assert_true(om_task_due_wall_ms(task) <= om_task_start_wall_ms(task));
    assert_false(om_task_should_stop(task));
    if (token->trigger && token->runs == 1) {
        assert_ok(om_scheduler_trigger(token->world->scheduler, "token"));
    } else if (token->pause) {
        assert_ok(om_scheduler_pause(token->world->scheduler, -1)); /* does not wait for itself */
        assert_status(om_scheduler_stop(token->world->scheduler, -1), OMEGA_ESTATE);
    } else if (token->cancel) {
        assert_ok(om_scheduler_cancel(token->world->scheduler, "token"));
    } else {
        om_fake_clock_advance_ms(&token->world->clock, 500);
    }
    token->seen = om_task_stop_status(task);
    assert_int_equal(om_task_should_stop(task), token->seen != OMEGA_OK);
    return token->seen == OMEGA_OK ? OMEGA_OK : om_fail(token->seen, "asked to stop");
}

static void open_token(struct world *world, struct token *token)
{
    init_world(world);
    open_world(world, NULL);
    struct om_schedule_row row = {.name = "token",
                                  .interval_ms = 10000,
                                  .deadline_ms = 500,
                                  .run_at_start = true,
                                  .enabled = true,
                                  .run = run_token,
                                  .context = token};
    assert_ok(om_scheduler_add(world->scheduler, &row));
}

static void test_the_token_knows_deadline_pause_and_cancel(void **state)
{
    (void)state;
    struct world world;
    struct token token = {.world = &world};
    open_token(&world, &token);
    assert_int_equal(om_scheduler_run_due(world.scheduler), 1);
    assert_int_equal(token.left_ns, 500 * NS_PER_MS);
    assert_int_equal(token.seen, OMEGA_ETIMEDOUT);
    assert_int_equal(status_of(&world, "token").failures, 1);
    assert_int_equal(status_of(&world, "token").overruns, 0);
    om_scheduler_free(world.scheduler);

    token = (struct token){.world = &world, .cancel = true};
    open_token(&world, &token);
    assert_int_equal(om_scheduler_run_due(world.scheduler), 1);
    assert_int_equal(token.seen, OMEGA_ECANCELLED);
    assert_int_equal(status_of(&world, "token").failures, 0);
    assert_int_equal(om_scheduler_next_due_ns(world.scheduler), now_ns(&world) + 10000 * NS_PER_MS);
    om_scheduler_free(world.scheduler);

    token = (struct token){.world = &world, .pause = true};
    open_token(&world, &token);
    assert_int_equal(om_scheduler_run_due(world.scheduler), 1);
    assert_int_equal(token.seen, OMEGA_ECANCELLED);
    assert_int_equal(status_of(&world, "token").failures, 0);
    assert_int_equal(om_scheduler_next_due_ns(world.scheduler), INT64_MAX);
    om_scheduler_resume(world.scheduler);
    assert_int_equal(om_scheduler_next_due_ns(world.scheduler), now_ns(&world)); /* still due */
    om_scheduler_free(world.scheduler);

    token = (struct token){.world = &world, .trigger = true};
    open_token(&world, &token);
    assert_int_equal(om_scheduler_run_due(world.scheduler), 1);
    assert_int_equal(om_scheduler_next_due_ns(world.scheduler), now_ns(&world)); /* again */
    om_scheduler_free(world.scheduler);
}

/* ---- The thread --------------------------------------------------------------------------- */

struct live {
    atomic_uint runs;
    atomic_bool running;
    atomic_bool stubborn; /* ignores its token */
    atomic_bool release;
};

static omega_status run_live(void *context, struct om_task *task)
{
    struct live *live = context;
    atomic_fetch_add(&live->runs, 1);
    atomic_store(&live->running, true);
    while (!atomic_load(&live->release) &&
           (atomic_load(&live->stubborn) || !om_task_should_stop(task))) {
        om_os_yield();
    }
    atomic_store(&live->running, false);
    return om_task_stop_status(task);
}

static omega_status run_quick(void *context, struct om_task *task)
{
    (void)task;
    atomic_fetch_add((atomic_uint *)context, 1);
    return OMEGA_OK;
}

static void wait_until_running(struct live *live)
{
    while (!atomic_load(&live->running)) {
        om_os_yield();
    }
}

static struct om_scheduler *open_live(void)
{
    struct om_scheduler *scheduler = NULL;
    const struct om_scheduler_options options = {.alloc = om_alloc_default(),
                                                 .clock = om_clock_system()};
    assert_ok(om_scheduler_new(&options, &scheduler));
    return scheduler;
}

static void test_the_thread_runs_sleeps_and_starts_again(void **state)
{
    (void)state;
    atomic_uint quick = 0, yearly = 0;
    struct om_scheduler *scheduler = open_live();
    struct om_schedule_row row = {
        .name = "quick", .interval_ms = 10, .enabled = true, .run = run_quick, .context = &quick};
    assert_ok(om_scheduler_stop(scheduler, -1)); /* nothing to stop */
    assert_ok(om_scheduler_start(scheduler));
    assert_status(om_scheduler_start(scheduler), OMEGA_ESTATE);
    assert_ok(om_scheduler_add(scheduler, &row)); /* while it sleeps for ever */
    while (atomic_load(&quick) < 5) {
        om_os_yield();
    }
    row = (struct om_schedule_row){.name = "yearly",
                                   .interval_ms = YEAR_MS,
                                   .enabled = true,
                                   .run = run_quick,
                                   .context = &yearly};
    assert_ok(om_scheduler_add(scheduler, &row));
    assert_ok(om_scheduler_trigger(scheduler, "yearly"));
    while (atomic_load(&yearly) < 1) {
        om_os_yield();
    }
    assert_ok(om_scheduler_stop(scheduler, -1));
    unsigned before = atomic_load(&quick);
    (void)poll(NULL, 0, 25);
    assert_int_equal(atomic_load(&quick), before);
    assert_ok(om_scheduler_start(scheduler));
    while (atomic_load(&quick) == before) {
        om_os_yield();
    }
    om_scheduler_free(scheduler); /* stops it */
    assert_int_equal(atomic_load(&yearly), 1);
}

static void test_pause_and_stop_wait_for_the_run(void **state)
{
    (void)state;
    struct live live = {0};
    struct om_scheduler *scheduler = open_live();
    const struct om_schedule_row row = {.name = "live",
                                        .interval_ms = HOUR_MS,
                                        .run_at_start = true,
                                        .enabled = true,
                                        .run = run_live,
                                        .context = &live};
    assert_ok(om_scheduler_add(scheduler, &row));
    assert_ok(om_scheduler_start(scheduler));
    wait_until_running(&live);
    assert_ok(om_scheduler_pause(scheduler, -1));
    assert_false(atomic_load(&live.running));
    struct om_schedule_status status;
    assert_ok(om_scheduler_status(scheduler, "live", &status));
    assert_int_equal(status.last_result, OMEGA_ECANCELLED);
    assert_int_equal(status.failures, 0);

    atomic_store(&live.stubborn, true);
    om_scheduler_resume(scheduler); /* interrupted, so due at once */
    wait_until_running(&live);
    assert_status(om_scheduler_pause(scheduler, 5), OMEGA_ETIMEDOUT);
    assert_error_says("live");
    assert_status(om_scheduler_stop(scheduler, 5), OMEGA_ETIMEDOUT);
    assert_ok(om_scheduler_status(scheduler, "live", &status));
    assert_true(status.running);
    atomic_store(&live.release, true);
    assert_ok(om_scheduler_stop(scheduler, -1));
    assert_int_equal(atomic_load(&live.runs), 2);
    om_scheduler_free(scheduler);
}

static void test_cancel_from_another_thread(void **state)
{
    (void)state;
    struct live live = {0};
    struct om_scheduler *scheduler = open_live();
    const struct om_schedule_row row = {.name = "live",
                                        .interval_ms = HOUR_MS,
                                        .run_at_start = true,
                                        .enabled = true,
                                        .run = run_live,
                                        .context = &live};
    assert_ok(om_scheduler_add(scheduler, &row));
    assert_ok(om_scheduler_start(scheduler));
    wait_until_running(&live);
    assert_ok(om_scheduler_trigger(scheduler, "live")); /* again afterwards */
    assert_ok(om_scheduler_cancel(scheduler, "live"));
    while (atomic_load(&live.runs) < 2) {
        om_os_yield();
    }
    om_scheduler_free(scheduler);
}

/* ---- Bounds ------------------------------------------------------------------------------- */

static void test_misuse_and_bounds(void **state)
{
    (void)state;
    struct world world;
    struct job job = {.world = &world};
    struct om_schedule_status status;
    init_world(&world);
    open_world(&world, NULL);
    struct om_schedule_row good = row_of("row", 1000, &job), bad;
    bad = good, bad.name = NULL;
    assert_status(om_scheduler_add(world.scheduler, &bad), OMEGA_EINVAL);
    bad = good, bad.run = NULL;
    assert_status(om_scheduler_add(world.scheduler, &bad), OMEGA_EINVAL);
    bad = good, bad.interval_ms = OM_SCHEDULE_INTERVAL_MIN_MS - 1;
    assert_status(om_scheduler_add(world.scheduler, &bad), OMEGA_EINVAL);
    bad = good, bad.interval_ms = OM_SCHEDULE_INTERVAL_MAX_MS + 1;
    assert_status(om_scheduler_add(world.scheduler, &bad), OMEGA_EINVAL);
    assert_error_says("row");
    bad = good, bad.jitter_percent = 101;
    assert_status(om_scheduler_add(world.scheduler, &bad), OMEGA_EINVAL);
    bad = good, bad.cpu_share_percent = 101;
    assert_status(om_scheduler_add(world.scheduler, &bad), OMEGA_EINVAL);
    bad = good, bad.deadline_ms = -1;
    assert_status(om_scheduler_add(world.scheduler, &bad), OMEGA_EINVAL);
    assert_ok(om_scheduler_add(world.scheduler, &good));
    assert_status(om_scheduler_add(world.scheduler, &good), OMEGA_EINVAL);
    assert_status(om_scheduler_trigger(world.scheduler, "nobody"), OMEGA_ENOTFOUND);
    assert_status(om_scheduler_trigger(world.scheduler, NULL), OMEGA_ENOTFOUND);
    assert_status(om_scheduler_enable(world.scheduler, "nobody", true), OMEGA_ENOTFOUND);
    assert_status(om_scheduler_cancel(world.scheduler, "nobody"), OMEGA_ENOTFOUND);
    assert_status(om_scheduler_set_interval(world.scheduler, "nobody", 10), OMEGA_ENOTFOUND);
    assert_status(om_scheduler_status(world.scheduler, "nobody", &status), OMEGA_ENOTFOUND);
    assert_ok(om_scheduler_status_at(world.scheduler, 0, &status));
    assert_status(om_scheduler_status_at(world.scheduler, 1, &status), OMEGA_ENOTFOUND);
    static char names[OM_SCHEDULER_ROWS][4];
    for (int i = 1; i < OM_SCHEDULER_ROWS; i++) {
        names[i][0] = (char)('0' + i / 10);
        names[i][1] = (char)('0' + i % 10);
        struct om_schedule_row row = row_of(names[i], OM_SCHEDULE_INTERVAL_MAX_MS, &job);
        assert_ok(om_scheduler_add(world.scheduler, &row));
    }
    bad = good, bad.name = "one more";
    assert_status(om_scheduler_add(world.scheduler, &bad), OMEGA_ELIMIT);
    assert_int_equal(om_scheduler_count(world.scheduler), OM_SCHEDULER_ROWS);
    om_scheduler_free(world.scheduler);
    om_scheduler_free(NULL);
}

static omega_status open_once(void *context)
{
    struct world *world = context;
    struct job job = {.world = world};
    struct om_scheduler *scheduler = NULL;
    const struct om_scheduler_options options = {
        .alloc = om_alloc_default(), .clock = &world->clock.clock, .seed = 1};
    struct om_schedule_row row = row_of("row", 1000, &job);
    row.run_at_start = true;
    omega_status status = om_scheduler_new(&options, &scheduler);
    if (status == OMEGA_OK) {
        status = om_scheduler_add(scheduler, &row);
    }
    if (status == OMEGA_OK) {
        assert_int_equal(om_scheduler_run_due(scheduler), 1);
    }
    om_scheduler_free(scheduler);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct world world;
    init_world(&world);
    size_t before = atomic_load(&om_alloc_default()->live_count);
    assert_int_equal(om_test_oom_sweep(open_once, &world), 2);
    assert_int_equal(atomic_load(&om_alloc_default()->live_count), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_year_against_the_naive_reference),
        cmocka_unit_test(test_catch_up_happens_once),
        cmocka_unit_test(test_after_a_late_run_the_next_is_half_an_interval_away),
        cmocka_unit_test(test_a_yearly_row_survives_daily_restarts),
        cmocka_unit_test(test_a_stepped_wall_clock_moves_a_row_by_one_interval_at_most),
        cmocka_unit_test(test_a_store_that_fails_is_told),
        cmocka_unit_test(test_failures_back_off_and_recover),
        cmocka_unit_test(test_the_cpu_share_holds),
        cmocka_unit_test(test_jitter_spreads_and_does_not_drift),
        cmocka_unit_test(test_more_to_do_comes_back_soon),
        cmocka_unit_test(test_verbs_on_rows),
        cmocka_unit_test(test_a_pause_holds_everything_but_what_may_go_on),
        cmocka_unit_test(test_the_token_knows_deadline_pause_and_cancel),
        cmocka_unit_test(test_the_thread_runs_sleeps_and_starts_again),
        cmocka_unit_test(test_pause_and_stop_wait_for_the_run),
        cmocka_unit_test(test_cancel_from_another_thread),
        cmocka_unit_test(test_misuse_and_bounds),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
