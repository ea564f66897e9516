/* bus_test.c -- order, filter, lag, waking and closing; and a stress in which every ring position
 * of every reader must be accounted for and no payload may be torn. */
#include "support/support.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "resilience/bus.h"

static struct om_event make_event(uint8_t type, uint64_t row, const char *text)
{
    struct om_event event = {.type = type, .row = row, .n = 3, .wall_ms = 77};
    event.size = (uint16_t)strlen(text);
    memcpy(event.payload, text, event.size);
    return event;
}

static void publish(struct om_bus *bus, uint8_t type, uint64_t row)
{
    struct om_event event = make_event(type, row, "x");
    om_bus_publish(bus, &event);
}

static void test_delivers_what_the_mask_wants_in_order(void **state)
{
    (void)state;
    struct om_bus *bus = NULL;
    struct om_subscription *all = NULL, *some = NULL;
    assert_ok(om_bus_new(OM_BUS_SLOTS, &bus));
    publish(bus, 1, 1); /* before anyone listens */
    assert_ok(om_bus_subscribe(bus, OM_EVENT_ALL, &all));
    assert_ok(om_bus_subscribe(bus, OM_EVENT_BIT(5) | OM_EVENT_BIT(62), &some));
    for (uint8_t type = 0; type < OM_EVENT_TYPES; type++) {
        struct om_event event = make_event(type, type, "a payload of some length, not of 8");
        om_bus_publish(bus, &event);
    }
    struct om_event got;
    for (uint8_t type = 0; type < OM_EVENT_TYPES; type++) {
        struct om_event wanted = make_event(type, type, "a payload of some length, not of 8");
        assert_ok(om_subscription_next(all, 0, &got));
        assert_memory_equal(&got, &wanted, offsetof(struct om_event, payload) + wanted.size);
        assert_int_equal(om_event_lost(&got), 0);
    }
    assert_int_equal(om_subscription_next(all, 0, &got), OMEGA_ETIMEDOUT);
    assert_ok(om_subscription_next(some, 0, &got));
    assert_int_equal(got.type, 5);
    assert_ok(om_subscription_next(some, 0, &got));
    assert_int_equal(got.type, 62);
    assert_int_equal(om_subscription_next(some, 0, &got), OMEGA_ETIMEDOUT);
    struct om_subscription_counts counts;
    om_subscription_counts(some, &counts);
    assert_int_equal(counts.delivered, 2);
    assert_int_equal(counts.filtered, OM_EVENT_TYPES - 2);
    assert_int_equal(om_bus_published(bus), OM_EVENT_TYPES + 1);
    om_subscription_free(all);
    om_subscription_free(some);
    om_bus_free(bus);
}

static void test_payloads_of_every_size(void **state)
{
    (void)state;
    struct om_bus *bus = NULL;
    struct om_subscription *subscription = NULL;
    assert_ok(om_bus_new(2, &bus));
    assert_ok(om_bus_subscribe(bus, OM_EVENT_ALL, &subscription));
    for (uint16_t size = 0; size <= OM_EVENT_PAYLOAD; size++) {
        struct om_event event = {.type = 9, .size = size}, got;
        memset(event.payload, size, size);
        om_bus_publish(bus, &event);
        memset(&got, 0xee, sizeof(got));
        assert_ok(om_subscription_next(subscription, 0, &got));
        assert_int_equal(got.size, size);
        assert_memory_equal(got.payload, event.payload, size);
    }
    om_subscription_free(subscription);
    om_bus_free(bus);
}

static void test_a_lapped_reader_is_told_and_resumes_at_the_oldest(void **state)
{
    (void)state;
    enum { SLOTS = 8, LOST = 5 };
    struct om_bus *bus = NULL;
    struct om_subscription *subscription = NULL;
    assert_ok(om_bus_new(SLOTS, &bus));
    assert_ok(om_bus_subscribe(bus, OM_EVENT_BIT(1), &subscription));
    for (uint64_t row = 1; row <= SLOTS; row++) {
        publish(bus, 1, row);
    }
    struct om_event got;
    assert_ok(om_subscription_next(subscription, 0, &got)); /* a full ring is no lag */
    assert_int_equal(got.row, 1);
    for (uint64_t row = SLOTS + 1; row <= SLOTS + 1 + LOST; row++) {
        publish(bus, 1, row);
    }
    assert_ok(om_subscription_next(subscription, 0, &got));
    assert_int_equal(got.type, OM_EVENT_LAGGED);
    assert_int_equal(om_event_lost(&got), LOST);
    for (uint64_t row = 2 + LOST; row <= SLOTS + 1 + LOST; row++) {
        assert_ok(om_subscription_next(subscription, 0, &got));
        assert_int_equal(got.row, row);
    }
    assert_int_equal(om_subscription_next(subscription, 0, &got), OMEGA_ETIMEDOUT);
    om_subscription_free(subscription);
    om_bus_free(bus);
}

static void test_misuse_and_bounds(void **state)
{
    (void)state;
    struct om_bus *bus = NULL;
    assert_status(om_bus_new(0, &bus), OMEGA_EINVAL);
    assert_status(om_bus_new(12, &bus), OMEGA_EINVAL);
    assert_status(om_bus_new(1u << 21, &bus), OMEGA_EINVAL);
    assert_null(bus);
    om_bus_free(NULL);
    om_subscription_free(NULL);
    assert_ok(om_bus_new(4, &bus));
    struct om_subscription *list[OM_LIMIT_SUBSCRIBERS], *extra = NULL;
    for (int i = 0; i < OM_LIMIT_SUBSCRIBERS; i++) {
        assert_ok(om_bus_subscribe(bus, OM_EVENT_ALL, &list[i]));
    }
    assert_status(om_bus_subscribe(bus, OM_EVENT_ALL, &extra), OMEGA_ELIMIT);
    assert_null(extra);
    publish(bus, 1, 1);
    om_subscription_free(list[7]);
    assert_ok(om_bus_subscribe(bus, OM_EVENT_ALL, &list[7])); /* a reused place starts anew */
    struct om_event got;
    assert_int_equal(om_subscription_next(list[7], 0, &got), OMEGA_ETIMEDOUT);
    assert_ok(om_subscription_next(list[8], 0, &got));
    om_bus_close(bus);
    assert_status(om_subscription_next(list[9], -1, &got), OMEGA_ECLOSED);
    for (int i = 0; i < OM_LIMIT_SUBSCRIBERS; i++) {
        om_subscription_free(list[i]);
    }
    assert_status(om_bus_subscribe(bus, OM_EVENT_ALL, &extra), OMEGA_ECLOSED);
    publish(bus, 1, 2); /* goes unread */
    om_bus_free(bus);
}

struct waiter {
    struct om_subscription *subscription;
    struct om_event got;
    atomic_int status; /* 1: still waiting */
};

static void wait_for_one(void *context)
{
    struct waiter *waiter = context;
    omega_status status = om_subscription_next(waiter->subscription, -1, &waiter->got);
    atomic_store(&waiter->status, status);
}

/* Lets the other thread run until it waits: by its parked descriptor there is nothing to see from
 * outside, so give it a moment; the test is right either way, this only makes it see the sleep. */
static void let_it_park(void)
{
    for (int i = 0; i < 200; i++) {
        om_os_yield();
    }
    (void)poll(NULL, 0, 5);
}

static void test_publishing_and_closing_wake_a_waiter(void **state)
{
    (void)state;
    struct om_bus *bus = NULL;
    struct waiter waiter = {0};
    struct om_thread thread = {0};
    assert_ok(om_bus_new(64, &bus));
    assert_ok(om_bus_subscribe(bus, OM_EVENT_BIT(4), &waiter.subscription));
    atomic_store(&waiter.status, 1);
    assert_ok(om_thread_start(&thread, "waiter", wait_for_one, &waiter));
    let_it_park();
    publish(bus, 3, 1); /* not wanted */
    let_it_park();
    assert_int_equal(atomic_load(&waiter.status), 1);
    publish(bus, 4, 2);
    om_thread_join(&thread);
    assert_int_equal(atomic_load(&waiter.status), OMEGA_OK);
    assert_int_equal(waiter.got.row, 2);

    struct om_event got;
    assert_int_equal(om_subscription_next(waiter.subscription, 1, &got), OMEGA_ETIMEDOUT);
    atomic_store(&waiter.status, 1);
    thread = (struct om_thread){0};
    assert_ok(om_thread_start(&thread, "waiter", wait_for_one, &waiter));
    let_it_park();
    om_subscription_close(waiter.subscription);
    om_thread_join(&thread);
    assert_int_equal(atomic_load(&waiter.status), OMEGA_ECLOSED);
    om_subscription_close(waiter.subscription);
    assert_status(om_subscription_next(waiter.subscription, 0, &got), OMEGA_ECLOSED);
    om_subscription_free(waiter.subscription);
    om_bus_free(bus);
}

/* One event, one answer: a wake that is lost has no later one to make up for it. */
struct echo {
    struct om_subscription *questions;
    struct om_bus *answers;
    uint64_t rounds;
};

static void answer(void *context)
{
    struct echo *echo = context;
    struct om_event got;
    for (uint64_t i = 0; i < echo->rounds; i++) {
        if (om_subscription_next(echo->questions, 10000, &got) != OMEGA_OK) {
            return;
        }
        om_bus_publish(echo->answers, &got);
    }
}

static void test_no_wake_is_lost_between_two(void **state)
{
    (void)state;
    struct om_bus *questions = NULL;
    struct om_subscription *answers = NULL;
    struct echo echo = {.rounds = 5000};
    struct om_thread thread = {0};
    struct om_event got;
    struct om_rng rng;
    om_rng_seed(&rng, 9);
    assert_ok(om_bus_new(8, &questions));
    assert_ok(om_bus_new(8, &echo.answers));
    assert_ok(om_bus_subscribe(questions, OM_EVENT_ALL, &echo.questions));
    assert_ok(om_bus_subscribe(echo.answers, OM_EVENT_ALL, &answers));
    assert_ok(om_thread_start(&thread, "echo", answer, &echo));
    for (uint64_t i = 0; i < echo.rounds; i++) {
        int64_t until_ns = om_mono_ns(om_clock_system()) + (int64_t)om_rng_below(&rng, 6000);
        while (om_mono_ns(om_clock_system()) < until_ns) {
        } /* around the time at which the other one gives up looking and goes to sleep */
        publish(questions, 1, i);
        assert_ok(om_subscription_next(answers, 10000, &got));
        assert_int_equal(got.row, i);
    }
    om_thread_join(&thread);
    om_subscription_free(echo.questions);
    om_subscription_free(answers);
    om_bus_free(questions);
    om_bus_free(echo.answers);
}

/* A sleeper that wants nothing of what passes is woken to step over it, not lapped. */
static void test_a_sleeper_is_not_lapped_by_what_it_filters(void **state)
{
    (void)state;
    enum { SLOTS = 1024 };
    struct om_bus *bus = NULL;
    struct waiter waiter = {0};
    struct om_thread thread = {0};
    assert_ok(om_bus_new(SLOTS, &bus));
    assert_ok(om_bus_subscribe(bus, OM_EVENT_BIT(4), &waiter.subscription));
    atomic_store(&waiter.status, 1);
    assert_ok(om_thread_start(&thread, "waiter", wait_for_one, &waiter));
    for (int round = 0; round < 40; round++) {
        let_it_park();
        for (int i = 0; i < SLOTS / 10; i++) {
            publish(bus, 3, 1);
        }
    }
    publish(bus, 4, 99);
    om_thread_join(&thread);
    assert_int_equal(waiter.got.type, 4);
    assert_int_equal(waiter.got.row, 99);
    om_subscription_free(waiter.subscription);
    om_bus_free(bus);
}

static bool readable(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    return poll(&poller, 1, 0) == 1;
}

static void test_a_descriptor_for_event_loops(void **state)
{
    (void)state;
    struct om_bus *bus = NULL;
    struct om_subscription *subscription = NULL;
    struct om_event got;
    assert_ok(om_bus_new(64, &bus));
    assert_ok(om_bus_subscribe(bus, OM_EVENT_BIT(4), &subscription));
    int fd = om_subscription_fd(subscription);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(om_subscription_next(subscription, 0, &got), OMEGA_ETIMEDOUT);
        assert_false(readable(fd));
        publish(bus, 3, 1);
        assert_false(readable(fd));
        publish(bus, 4, 1);
        publish(bus, 4, 2);
        assert_true(readable(fd));
        assert_ok(om_subscription_next(subscription, 0, &got));
        assert_ok(om_subscription_next(subscription, 0, &got));
    }
    assert_int_equal(om_subscription_next(subscription, 0, &got), OMEGA_ETIMEDOUT);
    om_subscription_close(subscription);
    assert_true(readable(fd));
    assert_status(om_subscription_next(subscription, 0, &got), OMEGA_ECLOSED);
    om_subscription_free(subscription);
    om_bus_free(bus);
}

/* ---- A publisher that loses the processor in the middle ----------------------------------- */

/* Its event ends in a page that cannot be read, so copying it faults in the middle of the payload;
 * the handler holds the publisher there until it is released. */
static struct {
    unsigned char *pages;
    size_t page_size;
    atomic_bool inside, release;
    struct om_bus *bus;
} stall;

static void hold_in_fault(int signal_number)
{
    (void)signal_number;
    atomic_store(&stall.inside, true);
    while (!atomic_load(&stall.release)) {
        om_os_yield();
    }
    (void)mprotect(stall.pages + stall.page_size, stall.page_size, PROT_READ | PROT_WRITE);
}

static void publish_and_stall(void *context)
{
    sigset_t faults;
    sigemptyset(&faults);
    sigaddset(&faults, SIGSEGV);
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &faults, NULL), 0);
    om_bus_publish(stall.bus, context);
}

/* An event whose last 64 bytes of payload lie in the second page. */
static struct om_event *make_stalling_event(void)
{
    stall.page_size = (size_t)sysconf(_SC_PAGESIZE);
    void *pages = NULL;
    assert_ok(om_os_pages(2 * stall.page_size, &pages));
    stall.pages = pages;
    struct om_event *event =
        (struct om_event *)(stall.pages + stall.page_size + 64 - sizeof(*event));
    *event = (struct om_event){.type = 1, .row = 1000, .size = OM_EVENT_PAYLOAD};
    assert_int_equal(mprotect(stall.pages + stall.page_size, stall.page_size, PROT_NONE), 0);
    atomic_store(&stall.inside, false);
    atomic_store(&stall.release, false);
    return event;
}

static void read_rows(struct om_subscription *subscription, uint64_t first, uint64_t last)
{
    struct om_event got;
    for (uint64_t row = first; row <= last; row++) {
        assert_ok(om_subscription_next(subscription, 0, &got));
        assert_int_equal(got.type, 1);
        assert_int_equal(got.row, row);
    }
    assert_int_equal(om_subscription_next(subscription, 0, &got), OMEGA_ETIMEDOUT);
}

static void read_lag(struct om_subscription *subscription, uint64_t lost)
{
    struct om_event got;
    assert_ok(om_subscription_next(subscription, 0, &got));
    assert_int_equal(om_event_lost(&got), lost);
}

static void test_a_stalled_publisher_holds_up_nobody(void **state)
{
    (void)state;
    struct om_subscription *before = NULL, *after = NULL;
    struct om_thread thread = {0};
    struct om_event got;
    struct sigaction hold = {.sa_handler = hold_in_fault}, old;
    assert_ok(om_bus_new(4, &stall.bus));
    assert_ok(om_bus_subscribe(stall.bus, OM_EVENT_ALL, &before));
    assert_ok(om_bus_subscribe(stall.bus, OM_EVENT_ALL, &after));
    assert_int_equal(sigaction(SIGSEGV, &hold, &old), 0);
    struct om_event *event = make_stalling_event();
    assert_ok(om_thread_start(&thread, "stalled", publish_and_stall, event));
    while (!atomic_load(&stall.inside)) {
        om_os_yield();
    }
    /* Positions: 0 is the stalled one, 1..3 follow; readers wait at the hole. */
    publish(stall.bus, 1, 1);
    publish(stall.bus, 1, 2);
    publish(stall.bus, 1, 3);
    assert_int_equal(om_subscription_next(before, 0, &got), OMEGA_ETIMEDOUT);
    /* Position 4 has the stalled slot: it is skipped, the event is at 5 and laps position 1. */
    publish(stall.bus, 1, 4);
    assert_int_equal(om_bus_skipped(stall.bus), 1);
    read_lag(before, 2);
    read_rows(before, 2, 4);
    atomic_store(&stall.release, true);
    om_thread_join(&thread);
    assert_int_equal(sigaction(SIGSEGV, &old, NULL), 0);
    /* What it finished too late is gone, and its slot serves again. */
    assert_int_equal(om_subscription_next(before, 0, &got), OMEGA_ETIMEDOUT);
    publish(stall.bus, 1, 5);
    publish(stall.bus, 1, 6);
    publish(stall.bus, 1, 7);
    assert_int_equal(om_bus_skipped(stall.bus), 1);
    assert_int_equal(om_bus_published(stall.bus), 8);
    read_rows(before, 5, 7);
    read_lag(after, 5);
    read_rows(after, 4, 7);
    om_subscription_free(before);
    om_subscription_free(after);
    om_bus_free(stall.bus);
    om_os_pages_free(stall.pages, 2 * stall.page_size);
}

/* Finished while its position is still the slot's newest: readers step over the skipped one. */
static void test_a_skipped_position_is_stepped_over(void **state)
{
    (void)state;
    struct om_subscription *subscription = NULL;
    struct om_thread thread = {0};
    struct sigaction hold = {.sa_handler = hold_in_fault}, old;
    assert_ok(om_bus_new(4, &stall.bus));
    assert_int_equal(sigaction(SIGSEGV, &hold, &old), 0);
    struct om_event *event = make_stalling_event();
    assert_ok(om_thread_start(&thread, "stalled", publish_and_stall, event));
    while (!atomic_load(&stall.inside)) {
        om_os_yield();
    }
    for (uint64_t row = 1; row <= 3; row++) {
        publish(stall.bus, 1, row);
    }
    assert_ok(om_bus_subscribe(stall.bus, OM_EVENT_ALL, &subscription)); /* begins at 4 */
    publish(stall.bus, 1, 4);
    atomic_store(&stall.release, true);
    om_thread_join(&thread);
    assert_int_equal(sigaction(SIGSEGV, &old, NULL), 0);
    read_rows(subscription, 4, 4);
    struct om_subscription_counts counts;
    om_subscription_counts(subscription, &counts);
    assert_int_equal(counts.skipped, 1);
    assert_int_equal(counts.lagged, 0);
    om_subscription_free(subscription);
    om_bus_free(stall.bus);
    om_os_pages_free(stall.pages, 2 * stall.page_size);
}

/* ---- Stress ------------------------------------------------------------------------------- */

enum { PRODUCERS = 3, READERS = 3, END_TYPE = 62 };

struct stress {
    struct om_bus *bus;
    uint64_t events; /* of each producer */
    bool gaps;       /* producers let go of the processor now and then, so readers park */
    atomic_uint next_producer;
};

/* Every payload word follows from producer and number, so a torn one shows. */
static void fill_words(struct om_event *event, uint64_t producer, uint64_t number)
{
    uint64_t words[OM_EVENT_PAYLOAD / 8];
    size_t count = 1 + number % OM_COUNT_OF(words);
    for (size_t i = 0; i < count; i++) {
        words[i] = (producer << 56 ^ number * UINT64_C(0x9e3779b97f4a7c15)) + i;
    }
    memset(event, 0, sizeof(*event));
    event->row = number;
    event->n = (uint32_t)producer;
    event->type = (uint8_t)(number % 4);
    event->size = (uint16_t)(count * 8);
    memcpy(event->payload, words, event->size);
}

static void produce(void *context)
{
    struct stress *stress = context;
    uint64_t producer = atomic_fetch_add(&stress->next_producer, 1);
    struct om_event event;
    for (uint64_t number = 1; number <= stress->events; number++) {
        fill_words(&event, producer, number);
        om_bus_publish(stress->bus, &event);
        if (stress->gaps && number % 64 == 0) {
            om_os_yield();
        }
    }
}

struct reader {
    struct om_subscription *subscription;
    uint64_t mask;
    uint64_t last[PRODUCERS];
    bool ended;
    const char *fault;
};

static void check_event(struct reader *reader, const struct om_event *got)
{
    struct om_event wanted;
    if (got->n >= PRODUCERS) {
        reader->fault = "unknown producer";
        return;
    }
    fill_words(&wanted, got->n, got->row);
    if (memcmp(got, &wanted, offsetof(struct om_event, payload) + wanted.size) != 0) {
        reader->fault = "torn event";
    } else if ((OM_EVENT_BIT(got->type) & reader->mask) == 0) {
        reader->fault = "filtered event";
    } else if (got->row <= reader->last[got->n]) {
        reader->fault = "order of one producer";
    }
    reader->last[got->n] = got->row;
}

static void consume(void *context)
{
    struct reader *reader = context;
    struct om_event got;
    while (reader->fault == NULL && !reader->ended) {
        omega_status status = om_subscription_next(reader->subscription, 20000, &got);
        if (status != OMEGA_OK) {
            reader->fault = "a wake was lost";
        } else if (got.type == END_TYPE) {
            reader->ended = true;
        } else if (got.type != OM_EVENT_LAGGED) {
            check_event(reader, &got);
        }
    }
}

static void run_stress(uint32_t slots, uint64_t events, bool gaps)
{
    struct stress stress = {.events = events, .gaps = gaps};
    struct reader readers[READERS] = {{0}};
    struct om_thread producers[PRODUCERS] = {{0}}, consumers[READERS] = {{0}};
    assert_ok(om_bus_new(slots, &stress.bus));
    for (unsigned i = 0; i < READERS; i++) {
        readers[i].mask = (i == 0 ? OM_EVENT_ALL : OM_EVENT_BIT(i)) | OM_EVENT_BIT(END_TYPE);
        assert_ok(om_bus_subscribe(stress.bus, readers[i].mask, &readers[i].subscription));
        assert_ok(om_thread_start(&consumers[i], "reader", consume, &readers[i]));
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        assert_ok(om_thread_start(&producers[i], "producer", produce, &stress));
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        om_thread_join(&producers[i]);
    }
    publish(stress.bus, END_TYPE, 0);
    uint64_t positions = om_bus_published(stress.bus) + om_bus_skipped(stress.bus);
    assert_int_equal(om_bus_published(stress.bus), PRODUCERS * events + 1);
    for (unsigned i = 0; i < READERS; i++) {
        om_thread_join(&consumers[i]);
        assert_string_equal(readers[i].fault != NULL ? readers[i].fault : "", "");
        struct om_subscription_counts counts;
        om_subscription_counts(readers[i].subscription, &counts);
        assert_int_equal(counts.delivered + counts.filtered + counts.lagged + counts.skipped,
                         positions);
        om_subscription_free(readers[i].subscription);
    }
    om_bus_free(stress.bus);
}

static void test_stress_in_a_tiny_ring(void **state)
{
    (void)state;
    run_stress(4, 60000, false);
}

static void test_stress_with_sleeping_readers(void **state)
{
    (void)state;
    run_stress(256, 40000, true);
}

static void test_stress_in_the_engines_ring(void **state)
{
    (void)state;
    run_stress(OM_BUS_SLOTS, 60000, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivers_what_the_mask_wants_in_order),
        cmocka_unit_test(test_payloads_of_every_size),
        cmocka_unit_test(test_a_lapped_reader_is_told_and_resumes_at_the_oldest),
        cmocka_unit_test(test_misuse_and_bounds),
        cmocka_unit_test(test_publishing_and_closing_wake_a_waiter),
        cmocka_unit_test(test_no_wake_is_lost_between_two),
        cmocka_unit_test(test_a_sleeper_is_not_lapped_by_what_it_filters),
        cmocka_unit_test(test_a_descriptor_for_event_loops),
        cmocka_unit_test(test_a_stalled_publisher_holds_up_nobody),
        cmocka_unit_test(test_a_skipped_position_is_stepped_over),
        cmocka_unit_test(test_stress_in_a_tiny_ring),
        cmocka_unit_test(test_stress_with_sleeping_readers),
        cmocka_unit_test(test_stress_in_the_engines_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
