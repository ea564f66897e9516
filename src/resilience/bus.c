/* bus.c -- one broadcast ring, a word of state in each slot.
 *
 * A publisher takes position p with one fetch_add; its slot is p mod slots. The slot's word is
 *
 *     p << 2 | SKIP | ACTIVE
 *
 * ACTIVE while somebody writes the payload, SKIP when position p holds no event. Positions start at
 * `slots`, so that a fresh slot (0) is older than any.
 *
 *   publish  CAS the word from an older position to p|ACTIVE, store the payload, clear ACTIVE.
 *   lapped   the word is already newer than p: a whole ring was published since our fetch_add, no
 *            reader can reach p any more, so the event counts as overwritten and we are done.
 *   busy     the word is older and ACTIVE: its publisher has been off the processor for a whole
 *            ring. We do not wait: mark p as skipped (its ACTIVE stays), take a new position.
 *   read     word == p: copy, then look at the word again (a seqlock); changed: lapped meanwhile.
 *            older: not yet published. newer: lagged, go on at head - slots. SKIP: step over.
 *
 * So neither side ever waits for the other, and a publisher that loses the processor in the middle
 * holds up readers at its own slot only until it comes back or is lapped. Rejected: a ring
 * head/tail pair that a preempted publisher stalls for all (Disruptor, DPDK MP) and a lock with a
 * list of waiters (quadratic past some ten receivers).
 *
 * Waking: bit i of `parked` says that subscriber i sleeps on its eventfd. A reader sets its bit and
 * then looks at its slot once more; a publisher publishes and then looks at `parked`; both orders
 * are sequentially consistent, so one of the two sees the other (Dekker). Whoever clears the bit
 * signals. A subscriber whose mask does not want the type is woken only when it is a quarter of a
 * ring behind, so that it steps over what it would filter anyway instead of being lapped.
 *
 * Orders: payload words are stored with release and loaded with acquire, so that seeing a new
 * payload word implies seeing at least the ACTIVE mark before it when the word is read again. This
 * is the seqlock of Boehm (MSPC 2012) without fences, which ThreadSanitizer does not model; on x86
 * both are plain moves.
 *
 * Locks: `mutex` (bus) guards the slots of subscriptions (`used`), subscribe and free only. */
#include "resilience/bus.h"

#define WORD_ACTIVE UINT64_C(1)
#define WORD_SKIP UINT64_C(2)
#define WORD_SHIFT 2

enum {
    HEADER_WORDS = 3, /* of struct om_event before the payload */
    EVENT_WORDS = sizeof(struct om_event) / sizeof(uint64_t),
    SLOTS_MAX = 1 << 20,
    SPINS = 64,  /* looks at an empty slot before parking: well under 1 us */
    PREFETCH = 2 /* slots ahead of the head that a publisher asks its cache for */
};

struct slot {
    _Alignas(64) _Atomic uint64_t word;
    _Atomic uint64_t event[EVENT_WORDS];
};
_Static_assert(sizeof(struct slot) == 256, "a slot is four cache lines");
_Static_assert(sizeof(struct om_event) == 248, "an event fills its slot");
_Static_assert(OM_LIMIT_SUBSCRIBERS <= 64, "a bit of `parked` for each subscriber");

struct om_subscription {
    struct om_bus *bus;
    _Atomic uint64_t mask;
    unsigned index;
    int fd; /* -1: not yet opened; then open as long as the bus */
    atomic_bool closed;
    bool polled; /* the descriptor was asked for: stay armed between calls */
    /* The reader's own; the cursor is also looked at by publishers (see wake_readers). */
    _Alignas(64) _Atomic uint64_t cursor;
    struct om_subscription_counts counts;
    bool armed;
};

struct om_bus {
    _Alignas(64) _Atomic uint64_t head; /* the next position: the one line all publishers write */
    _Alignas(64) _Atomic uint64_t parked;
    uint64_t slot_count;
    size_t mapped_size;
    atomic_bool closed;
    _Atomic uint64_t skipped; /* positions without an event */
    struct om_mutex mutex;
    uint64_t used;
    struct om_subscription subscriptions[OM_LIMIT_SUBSCRIBERS];
    struct slot slots[];
};

/* ---- Life --------------------------------------------------------------------------------- */

/* Whole pages, because the lines of a bus must not be shared and untouched slots should cost
 * nothing; they come zeroed. */
omega_status om_bus_new(uint32_t slots, struct om_bus **out)
{
    *out = NULL;
    if (slots < 2 || slots > SLOTS_MAX || (slots & (slots - 1)) != 0) {
        return om_fail(OMEGA_EINVAL, "a bus of %u slots: a power of two in 2..%d is wanted", slots,
                       SLOTS_MAX);
    }
    size_t size = sizeof(struct om_bus) + slots * sizeof(struct slot);
    void *pages = NULL;
    omega_status status = om_os_pages(size, &pages);
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_bus *bus = pages;
    bus->slot_count = slots;
    bus->mapped_size = size;
    atomic_init(&bus->head, slots);
    om_mutex_init(&bus->mutex, OM_RANK_BUS);
    for (unsigned i = 0; i < OM_LIMIT_SUBSCRIBERS; i++) {
        bus->subscriptions[i].fd = -1;
    }
    *out = bus;
    return OMEGA_OK;
}

void om_bus_close(struct om_bus *bus)
{
    om_mutex_lock(&bus->mutex);
    atomic_store(&bus->closed, true);
    for (unsigned i = 0; i < OM_LIMIT_SUBSCRIBERS; i++) {
        if ((bus->used >> i & 1) != 0) {
            om_subscription_close(&bus->subscriptions[i]);
        }
    }
    om_mutex_unlock(&bus->mutex);
}

void om_bus_free(struct om_bus *bus)
{
    if (bus == NULL) {
        return;
    }
    OM_ASSERT(bus->used == 0);
    for (unsigned i = 0; i < OM_LIMIT_SUBSCRIBERS; i++) {
        om_os_close(&bus->subscriptions[i].fd);
    }
    om_mutex_fini(&bus->mutex);
    om_os_pages_free(bus, bus->mapped_size);
}

/* ---- Publishing --------------------------------------------------------------------------- */

static struct slot *slot_of(struct om_bus *bus, uint64_t position)
{
    return &bus->slots[position & (bus->slot_count - 1)];
}

enum claim { CLAIM_OURS, CLAIM_LAPPED, CLAIM_BUSY };

/* Takes the slot of `position` for writing, or finds out why not. */
static enum claim claim_slot(struct slot *slot, uint64_t position)
{
    /* Relaxed: nothing is read through this word; the exchange below is what counts. */
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
    for (;;) {
        if (word >> WORD_SHIFT > position) {
            return CLAIM_LAPPED;
        }
        bool busy = (word & WORD_ACTIVE) != 0;
        uint64_t next = position << WORD_SHIFT | WORD_ACTIVE | (busy ? WORD_SKIP : 0);
        /* Acquire pairs with the previous publisher's release, so its stores come before ours. */
        if (atomic_compare_exchange_weak_explicit(&slot->word, &word, next, memory_order_acquire,
                                                  memory_order_relaxed)) {
            return busy ? CLAIM_BUSY : CLAIM_OURS;
        }
    }
}

static void store_event(struct slot *slot, const struct om_event *event)
{
    const unsigned char *bytes = (const unsigned char *)event;
    size_t size = offsetof(struct om_event, payload) + event->size;
    size_t i = 0;
    for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t), i++) {
        uint64_t word;
        memcpy(&word, bytes + i * sizeof(word), sizeof(word));
        atomic_store_explicit(&slot->event[i], word, memory_order_release); /* see the head */
    }
    if (size > 0) {
        uint64_t word = 0;
        memcpy(&word, bytes + i * sizeof(word), size);
        atomic_store_explicit(&slot->event[i], word, memory_order_release);
    }
}

static void wake(struct om_subscription *subscription)
{
    uint64_t bit = UINT64_C(1) << subscription->index;
    if ((atomic_fetch_and(&subscription->bus->parked, ~bit) & bit) != 0) {
        om_os_eventfd_signal(subscription->fd);
    }
}

/* The slow path of a publisher. A subscription may be freed and its place reused meanwhile: then
 * this is a wake too many, which every reader takes; descriptors stay open as long as the bus. */
static void wake_readers(struct om_bus *bus, uint64_t parked, uint64_t position, unsigned type)
{
    for (; parked != 0; parked &= parked - 1) {
        struct om_subscription *subscription = &bus->subscriptions[__builtin_ctzll(parked)];
        /* Relaxed: hints; one that misses is most of a ring away from harm. */
        uint64_t mask = atomic_load_explicit(&subscription->mask, memory_order_relaxed);
        uint64_t cursor = atomic_load_explicit(&subscription->cursor, memory_order_relaxed);
        int64_t behind = (int64_t)(position + 1 - cursor); /* < 0: it has read on meanwhile */
        bool far_behind = behind >= (int64_t)bus->slot_count / 4;
        if ((mask & OM_EVENT_BIT(type)) != 0 || far_behind) {
            wake(subscription);
        }
    }
}

void om_bus_publish(struct om_bus *bus, const struct om_event *event)
{
    OM_ASSERT(event->type < OM_EVENT_TYPES && event->size <= OM_EVENT_PAYLOAD);
    for (;;) {
        /* Relaxed: the position is only a ticket; its slot's word orders what is in it. */
        uint64_t position = atomic_fetch_add_explicit(&bus->head, 1, memory_order_relaxed);
        struct slot *slot = slot_of(bus, position);
        __builtin_prefetch(slot_of(bus, position + PREFETCH), 1);
        enum claim claim = claim_slot(slot, position);
        if (claim == CLAIM_OURS) {
            store_event(slot, event);
            atomic_fetch_and(&slot->word, ~WORD_ACTIVE);
            uint64_t parked = atomic_load(&bus->parked);
            if (parked != 0) {
                wake_readers(bus, parked, position, event->type);
            }
            return;
        }
        if (claim == CLAIM_LAPPED) {
            return;
        }
        atomic_fetch_add_explicit(&bus->skipped, 1, memory_order_relaxed);
    }
}

uint64_t om_bus_published(const struct om_bus *bus)
{
    /* Relaxed: a statistic. */
    uint64_t positions = atomic_load_explicit(&bus->head, memory_order_relaxed) - bus->slot_count;
    return positions - om_bus_skipped(bus);
}

uint64_t om_bus_skipped(const struct om_bus *bus)
{
    return atomic_load_explicit(&bus->skipped, memory_order_relaxed);
}

/* ---- Reading ------------------------------------------------------------------------------ */

/* Finds a free place and its descriptor, which stays with the place. */
static omega_status take_place_locked(struct om_bus *bus, unsigned *out) OM_REQUIRES(bus->mutex)
{
    if (atomic_load(&bus->closed)) {
        return om_fail(OMEGA_ECLOSED, "the event bus is closed");
    }
    unsigned index = 0;
    while (index < OM_LIMIT_SUBSCRIBERS && (bus->used >> index & 1) != 0) {
        index++;
    }
    if (index == OM_LIMIT_SUBSCRIBERS) {
        return om_fail(OMEGA_ELIMIT, "at most %d event subscriptions at a time",
                       OM_LIMIT_SUBSCRIBERS);
    }
    struct om_subscription *subscription = &bus->subscriptions[index];
    if (subscription->fd < 0) {
        omega_status status = om_os_eventfd(&subscription->fd);
        if (status != OMEGA_OK) {
            subscription->fd = -1;
            return status;
        }
    }
    bus->used |= UINT64_C(1) << index;
    *out = index;
    return OMEGA_OK;
}

omega_status om_bus_subscribe(struct om_bus *bus, uint64_t type_mask, struct om_subscription **out)
{
    *out = NULL;
    unsigned index = 0;
    om_mutex_lock(&bus->mutex);
    omega_status status = take_place_locked(bus, &index);
    if (status == OMEGA_OK) {
        struct om_subscription *subscription = &bus->subscriptions[index];
        subscription->bus = bus;
        subscription->index = index;
        subscription->armed = false;
        subscription->polled = false;
        memset(&subscription->counts, 0, sizeof(subscription->counts));
        atomic_store(&subscription->closed, false);
        atomic_store(&subscription->mask, type_mask);
        atomic_store(&subscription->cursor, atomic_load(&bus->head));
        *out = subscription;
    }
    om_mutex_unlock(&bus->mutex);
    return status;
}

static uint64_t cursor_of(const struct om_subscription *subscription)
{
    /* Relaxed: only the reader writes it. */
    return atomic_load_explicit(&subscription->cursor, memory_order_relaxed);
}

static void move_to(struct om_subscription *subscription, uint64_t position)
{
    atomic_store_explicit(&subscription->cursor, position, memory_order_relaxed);
}

/* The reader was lapped: says how much is gone and goes on at the oldest that is left. */
static void report_lag(struct om_subscription *subscription, struct om_event *out)
{
    struct om_bus *bus = subscription->bus;
    /* Who overwrote our slot took its position before, and we have seen its word. */
    uint64_t oldest = atomic_load(&bus->head) - bus->slot_count;
    uint64_t lost = oldest - cursor_of(subscription);
    memset(out, 0, offsetof(struct om_event, payload));
    out->type = OM_EVENT_LAGGED;
    out->size = sizeof(lost);
    memcpy(out->payload, &lost, sizeof(lost));
    subscription->counts.lagged += lost;
    move_to(subscription, oldest);
}

uint64_t om_event_lost(const struct om_event *event)
{
    uint64_t lost = 0;
    if (event->type == OM_EVENT_LAGGED) {
        memcpy(&lost, event->payload, sizeof(lost));
    }
    return lost;
}

static void load_words(struct slot *slot, size_t first, size_t end, struct om_event *out)
{
    for (size_t i = first; i < end; i++) {
        uint64_t word = atomic_load_explicit(&slot->event[i], memory_order_acquire);
        memcpy((unsigned char *)out + i * sizeof(word), &word, sizeof(word));
    }
}

enum look { LOOK_EVENT, LOOK_FILTERED, LOOK_LAPPED };

/* Copies what stands in the slot; the payload only if the mask wants it. The copy may be torn: it
 * counts only if the word is the same afterwards. */
static enum look copy_event(const struct om_subscription *subscription, struct slot *slot,
                            uint64_t word, struct om_event *out)
{
    load_words(slot, 0, HEADER_WORDS, out);
    uint64_t mask = atomic_load_explicit(&subscription->mask, memory_order_relaxed);
    bool wanted = out->type < OM_EVENT_TYPES && (mask & OM_EVENT_BIT(out->type)) != 0;
    if (wanted) {
        size_t size = OM_MIN((size_t)out->size, (size_t)OM_EVENT_PAYLOAD);
        load_words(slot, HEADER_WORDS, HEADER_WORDS + (size + 7) / 8, out);
    }
    /* Relaxed: the acquire loads above keep it behind them. */
    if (atomic_load_explicit(&slot->word, memory_order_relaxed) != word) {
        return LOOK_LAPPED;
    }
    return wanted ? LOOK_EVENT : LOOK_FILTERED;
}

/* Advances over what is skipped or filtered to the next event or lag; false when there is none. */
static bool take_next(struct om_subscription *subscription, struct om_event *out)
{
    for (;;) {
        uint64_t position = cursor_of(subscription);
        struct slot *slot = slot_of(subscription->bus, position);
        uint64_t word = atomic_load(&slot->word); /* the reader's half of Dekker */
        uint64_t found = word >> WORD_SHIFT;
        if (found < position || (found == position && (word & 3) == WORD_ACTIVE)) {
            return false;
        }
        if (found == position && (word & WORD_SKIP) != 0) {
            move_to(subscription, position + 1);
            subscription->counts.skipped++;
            continue;
        }
        enum look look = found > position ? LOOK_LAPPED : copy_event(subscription, slot, word, out);
        if (look == LOOK_LAPPED) {
            report_lag(subscription, out);
            return true;
        }
        move_to(subscription, position + 1);
        if (look == LOOK_EVENT) {
            subscription->counts.delivered++;
            return true;
        }
        subscription->counts.filtered++;
    }
}

/* ---- Waiting ------------------------------------------------------------------------------ */

static void arm(struct om_subscription *subscription)
{
    subscription->armed = true;
    atomic_fetch_or(&subscription->bus->parked, UINT64_C(1) << subscription->index);
}

/* A publisher that has taken our bit may signal only after this: one wake too many, later. */
static void disarm(struct om_subscription *subscription)
{
    if (subscription->armed) {
        subscription->armed = false;
        atomic_fetch_and(&subscription->bus->parked, ~(UINT64_C(1) << subscription->index));
        om_os_eventfd_clear(subscription->fd);
    }
}

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool spin_for_next(struct om_subscription *subscription, struct om_event *out)
{
    for (int i = 0; i < SPINS; i++) {
        relax();
        if (take_next(subscription, out)) {
            return true;
        }
    }
    return false;
}

/* Milliseconds of `timeout_ms` that are left, rounded up; < 0: for ever. */
static int time_left_ms(int timeout_ms, int64_t begin_ns)
{
    if (timeout_ms < 0) {
        return -1;
    }
    int64_t end_ns = begin_ns + (int64_t)timeout_ms * 1000000;
    int64_t left_ns = end_ns - om_mono_ns(om_clock_system());
    return left_ns <= 0 ? 0 : (int)((left_ns + 999999) / 1000000);
}

/* Sleeps until there is an event, the end, or the time is up. What woke us is handed out before the
 * descriptor is cleared: the next call does that, off the way of this event. */
static omega_status wait_for_next(struct om_subscription *subscription, int timeout_ms,
                                  struct om_event *out)
{
    int64_t begin_ns = timeout_ms > 0 ? om_mono_ns(om_clock_system()) : 0;
    for (;;) {
        arm(subscription);
        bool found = take_next(subscription, out);
        if (atomic_load(&subscription->closed)) {
            return OMEGA_ECLOSED;
        }
        if (found) {
            return OMEGA_OK;
        }
        int left_ms = timeout_ms == 0 ? 0 : time_left_ms(timeout_ms, begin_ns);
        if (left_ms == 0) {
            if (!subscription->polled) {
                disarm(subscription);
            }
            return OMEGA_ETIMEDOUT;
        }
        (void)om_os_wait_readable(subscription->fd, left_ms);
        if (take_next(subscription, out)) {
            return OMEGA_OK;
        }
        disarm(subscription);
    }
}

omega_status om_subscription_next(struct om_subscription *subscription, int timeout_ms,
                                  struct om_event *out)
{
    disarm(subscription);
    omega_status status = OMEGA_OK;
    if (atomic_load(&subscription->closed)) {
        status = OMEGA_ECLOSED;
    } else if (take_next(subscription, out)) {
        return OMEGA_OK;
    } else if (timeout_ms == 0 && !subscription->polled) {
        return OMEGA_ETIMEDOUT;
    } else if (timeout_ms == 0 || !spin_for_next(subscription, out)) {
        status = wait_for_next(subscription, timeout_ms, out);
    }
    if (status == OMEGA_ECLOSED) {
        return om_fail(OMEGA_ECLOSED, "the event subscription is closed");
    }
    return status;
}

int om_subscription_fd(struct om_subscription *subscription)
{
    subscription->polled = true;
    return subscription->fd;
}

void om_subscription_counts(const struct om_subscription *subscription,
                            struct om_subscription_counts *out)
{
    *out = subscription->counts;
}

/* ---- The end ------------------------------------------------------------------------------ */

void om_subscription_close(struct om_subscription *subscription)
{
    /* Dekker again: the reader arms and then looks at `closed`. */
    atomic_store(&subscription->closed, true);
    wake(subscription);
}

void om_subscription_free(struct om_subscription *subscription)
{
    if (subscription == NULL) {
        return;
    }
    struct om_bus *bus = subscription->bus;
    om_subscription_close(subscription);
    om_os_eventfd_clear(subscription->fd);
    om_mutex_lock(&bus->mutex);
    bus->used &= ~(UINT64_C(1) << subscription->index);
    om_mutex_unlock(&bus->mutex);
}
