/* lifecycle_test.c -- every state with every input against the written chain, order and gaplessness
 * of what observers hear, refusals that change nothing. */
#include "support/support.h"

#include <string.h>

#include "resilience/lifecycle.h"

/* The design's sentence as a text: "from input to", one fact each. Everything else is refused. */
static const struct {
    const char *from, *input, *to;
} chain[] = {
    {"created", "start", "starting"},   {"starting", "started", "running"},
    {"running", "pause", "paused"},     {"paused", "resume", "running"},
    {"running", "stop", "stopping"},    {"paused", "stop", "stopping"},
    {"starting", "stop", "stopping"},   {"failed", "stop", "stopping"},
    {"stopping", "stopped", "stopped"}, {"stopped", "start", "starting"},
    {"created", "fail", "failed"},      {"starting", "fail", "failed"},
    {"running", "fail", "failed"},      {"paused", "fail", "failed"},
    {"stopping", "fail", "failed"},     {"stopped", "fail", "failed"},
};

static const char *wanted_next(const char *from, const char *input)
{
    for (size_t i = 0; i < OM_COUNT_OF(chain); i++) {
        if (strcmp(chain[i].from, from) == 0 && strcmp(chain[i].input, input) == 0) {
            return chain[i].to;
        }
    }
    return NULL;
}

/* The shortest inputs that lead to each state. */
static void lead_to(struct om_lifecycle *life, enum om_state state)
{
    static const enum om_input paths[OM_STATE_COUNT][4] = {
        [OM_STATE_STARTING] = {OM_INPUT_START, OM_INPUT_COUNT},
        [OM_STATE_RUNNING] = {OM_INPUT_START, OM_INPUT_STARTED, OM_INPUT_COUNT},
        [OM_STATE_PAUSED] = {OM_INPUT_START, OM_INPUT_STARTED, OM_INPUT_PAUSE, OM_INPUT_COUNT},
        [OM_STATE_STOPPING] = {OM_INPUT_START, OM_INPUT_STOP, OM_INPUT_COUNT},
        [OM_STATE_STOPPED] = {OM_INPUT_START, OM_INPUT_STOP, OM_INPUT_STOPPED, OM_INPUT_COUNT},
        [OM_STATE_FAILED] = {OM_INPUT_FAIL, OM_INPUT_COUNT},
    };
    for (size_t i = 0; state != OM_STATE_CREATED && i < 4; i++) {
        if (paths[state][i] == OM_INPUT_COUNT) {
            break;
        }
        assert_ok(om_lifecycle_apply(life, paths[state][i], "led"));
    }
    assert_int_equal(om_lifecycle_state(life), state);
}

static void check_pair(struct om_fake_clock *clock, enum om_state from, enum om_input input)
{
    struct om_lifecycle life;
    om_lifecycle_init(&life, &clock->clock);
    lead_to(&life, from);
    struct om_transition before, after;
    om_lifecycle_last(&life, &before);
    om_fake_clock_advance_ms(clock, 7);
    const char *to = wanted_next(om_state_name(from), om_input_name(input));
    omega_status status = om_lifecycle_apply(&life, input, "the test");
    om_lifecycle_last(&life, &after);
    if (to == NULL) {
        assert_int_equal(status, OMEGA_ESTATE);
        assert_error_says(om_state_name(from));
        assert_error_says(om_input_name(input));
        assert_int_equal(om_lifecycle_state(&life), from);
        assert_memory_equal(&before, &after, sizeof(before));
    } else {
        assert_int_equal(status, OMEGA_OK);
        assert_string_equal(om_state_name(om_lifecycle_state(&life)), to);
        assert_int_equal(after.rev, before.rev + 1);
        assert_int_equal(after.old_state, from);
        assert_int_equal(after.input, input);
        assert_string_equal(after.cause, "the test");
        assert_int_equal(after.mono_ns, om_mono_ns(&clock->clock));
        assert_int_equal(after.wall_ms, om_wall_ms(&clock->clock));
    }
    om_lifecycle_fini(&life);
}

static void test_every_state_with_every_input(void **state)
{
    (void)state;
    struct om_fake_clock clock;
    om_fake_clock_init(&clock, 1000);
    size_t allowed = 0;
    for (unsigned s = 0; s < OM_STATE_COUNT; s++) {
        for (unsigned i = 0; i < OM_INPUT_COUNT; i++) {
            check_pair(&clock, (enum om_state)s, (enum om_input)i);
            allowed += om_lifecycle_next((enum om_state)s, (enum om_input)i) != OM_STATE_COUNT;
        }
    }
    assert_int_equal(allowed, OM_COUNT_OF(chain));
}

struct heard {
    struct om_lifecycle *life;
    size_t count;
    struct om_transition list[64];
    bool answer; /* applies STARTED when it hears of Starting */
    struct om_mutex mutex;
};

static void hear(void *context, const struct om_transition *transition)
{
    struct heard *heard = context;
    om_mutex_lock(&heard->mutex); /* would deadlock if called under the machine's own lock twice */
    assert_true(heard->count < 64);
    heard->list[heard->count++] = *transition;
    om_mutex_unlock(&heard->mutex);
    if (heard->answer && transition->new_state == OM_STATE_STARTING) {
        assert_ok(om_lifecycle_apply(heard->life, OM_INPUT_STARTED, "answered"));
    }
}

static void test_observers_hear_in_order_and_may_apply(void **state)
{
    (void)state;
    struct om_lifecycle life;
    om_lifecycle_init(&life, om_clock_system());
    struct heard first = {.life = &life, .answer = true};
    struct heard second = {.life = &life};
    om_mutex_init(&first.mutex, OM_RANK_LEAF);
    om_mutex_init(&second.mutex, OM_RANK_LEAF);
    assert_ok(om_lifecycle_observe(&life, hear, &first));
    assert_ok(om_lifecycle_observe(&life, hear, &second));
    assert_ok(om_lifecycle_apply(&life, OM_INPUT_START, "begin"));
    assert_int_equal(om_lifecycle_state(&life), OM_STATE_RUNNING);
    assert_int_equal(second.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(first.list[i].rev, i + 1);
        assert_memory_equal(&first.list[i], &second.list[i], sizeof(first.list[i]));
    }
    assert_string_equal(second.list[1].cause, "answered");
    om_lifecycle_fini(&life);
    om_mutex_fini(&first.mutex);
    om_mutex_fini(&second.mutex);
}

enum { RACE_THREADS = 4, RACE_STEPS = 5000 };

struct race {
    struct om_lifecycle life;
    uint64_t last_rev; /* the observer's, one at a time by contract */
    enum om_state last_state;
    atomic_uint inside;
    atomic_uint applied;
};

static void check_sequence(void *context, const struct om_transition *transition)
{
    struct race *race = context;
    assert_int_equal(atomic_fetch_add(&race->inside, 1), 0);
    assert_int_equal(transition->rev, race->last_rev + 1);
    assert_int_equal(transition->old_state, race->last_state);
    race->last_rev = transition->rev;
    race->last_state = transition->new_state;
    atomic_fetch_sub(&race->inside, 1);
}

static void toggle(void *context)
{
    struct race *race = context;
    for (int i = 0; i < RACE_STEPS; i++) {
        enum om_input input = i % 2 == 0 ? OM_INPUT_PAUSE : OM_INPUT_RESUME;
        if (om_lifecycle_apply(&race->life, input, "race") == OMEGA_OK) {
            atomic_fetch_add(&race->applied, 1);
        }
    }
}

static void test_threads_never_reorder_what_is_heard(void **state)
{
    (void)state;
    static struct race race;
    om_lifecycle_init(&race.life, om_clock_system());
    assert_ok(om_lifecycle_observe(&race.life, check_sequence, &race));
    assert_ok(om_lifecycle_apply(&race.life, OM_INPUT_START, ""));
    assert_ok(om_lifecycle_apply(&race.life, OM_INPUT_STARTED, ""));
    struct om_thread threads[RACE_THREADS] = {0};
    for (int i = 0; i < RACE_THREADS; i++) {
        assert_ok(om_thread_start(&threads[i], "race", toggle, &race));
    }
    for (int i = 0; i < RACE_THREADS; i++) {
        om_thread_join(&threads[i]);
    }
    assert_int_equal(race.last_rev, 2 + atomic_load(&race.applied));
    assert_true(race.last_rev > 2);
    om_lifecycle_fini(&race.life);
}

struct flood {
    struct om_lifecycle *life;
    unsigned accepted;
    bool done;
};

static void flood(void *context, const struct om_transition *transition)
{
    struct flood *self = context;
    (void)transition;
    if (self->done) {
        return;
    }
    self->done = true;
    omega_status status = OMEGA_OK;
    while (status == OMEGA_OK) {
        enum om_state now = om_lifecycle_state(self->life);
        status = om_lifecycle_apply(self->life,
                                    now == OM_STATE_RUNNING ? OM_INPUT_PAUSE : OM_INPUT_RESUME, "");
        self->accepted += status == OMEGA_OK;
    }
    assert_int_equal(status, OMEGA_EAGAIN);
}

static void test_slow_observers_bound_the_queue(void **state)
{
    (void)state;
    struct om_lifecycle life;
    om_lifecycle_init(&life, om_clock_system());
    assert_ok(om_lifecycle_apply(&life, OM_INPUT_START, ""));
    struct flood self = {.life = &life};
    assert_ok(om_lifecycle_observe(&life, flood, &self));
    assert_ok(om_lifecycle_apply(&life, OM_INPUT_STARTED, ""));
    assert_int_equal(self.accepted, OM_LIFECYCLE_PENDING);
    struct om_transition last;
    om_lifecycle_last(&life, &last);
    assert_int_equal(last.rev, 2 + OM_LIFECYCLE_PENDING);
    om_lifecycle_fini(&life);
}

static void test_misuse_and_bounds(void **state)
{
    (void)state;
    struct om_lifecycle life;
    om_lifecycle_init(&life, om_clock_system());
    struct heard heard = {.life = &life};
    om_mutex_init(&heard.mutex, OM_RANK_LEAF);
    for (int i = 0; i < OM_LIFECYCLE_OBSERVERS; i++) {
        assert_ok(om_lifecycle_observe(&life, hear, &heard));
    }
    assert_status(om_lifecycle_observe(&life, hear, &heard), OMEGA_ELIMIT);
    assert_status(om_lifecycle_apply(&life, (enum om_input)99, NULL), OMEGA_ESTATE);
    assert_status(om_lifecycle_apply(&life, (enum om_input) - 1, NULL), OMEGA_ESTATE);
    assert_string_equal(om_state_name((enum om_state)99), "?");
    assert_string_equal(om_input_name((enum om_input)99), "?");
    assert_int_equal(om_lifecycle_next((enum om_state)99, OM_INPUT_FAIL), OM_STATE_COUNT);

    char text[400];
    memset(text, 'x', sizeof(text));
    memcpy(&text[OM_LIFECYCLE_CAUSE_SIZE - 2], "\xc3\xa4", 2); /* would be cut in the middle */
    text[sizeof(text) - 1] = '\0';
    assert_ok(om_lifecycle_apply(&life, OM_INPUT_FAIL, text));
    struct om_transition last;
    om_lifecycle_last(&life, &last);
    assert_int_equal(strlen(last.cause), OM_LIFECYCLE_CAUSE_SIZE - 2);
    om_lifecycle_fini(&life);
    om_lifecycle_fini(&life);
    om_lifecycle_fini(NULL);
    om_mutex_fini(&heard.mutex);
}

static void test_require_names_the_state(void **state)
{
    (void)state;
    struct om_lifecycle life;
    om_lifecycle_init(&life, om_clock_system());
    unsigned open = OM_STATE_BIT(OM_STATE_RUNNING) | OM_STATE_BIT(OM_STATE_PAUSED);
    assert_status(om_lifecycle_require(&life, open, "store_memory"), OMEGA_ESTATE);
    assert_error_says("store_memory");
    assert_error_says("created");
    assert_ok(om_lifecycle_apply(&life, OM_INPUT_START, NULL));
    assert_ok(om_lifecycle_apply(&life, OM_INPUT_STARTED, NULL));
    assert_ok(om_lifecycle_require(&life, open, "store_memory"));
    om_lifecycle_fini(&life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_with_every_input),
        cmocka_unit_test(test_observers_hear_in_order_and_may_apply),
        cmocka_unit_test(test_threads_never_reorder_what_is_heard),
        cmocka_unit_test(test_slow_observers_bound_the_queue),
        cmocka_unit_test(test_misuse_and_bounds),
        cmocka_unit_test(test_require_names_the_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
