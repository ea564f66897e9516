/* bus.h -- events to subscribers in this process.
 *
 * One broadcast ring of fixed slots. A publisher never waits, allocates or takes a lock; each
 * subscriber owns its cursor, and one that falls more than a ring behind is told how many it lost
 * and goes on at the oldest event that is left.
 *
 * Promises: every event published after a subscription began is, for that subscription, either
 *           delivered, filtered by its mask, or counted as lagged; events come in ring order, which
 *           for one publishing thread is its own order.
 * Threads:  any number publish. One thread at a time reads a subscription; another may close it.
 *           Nothing of the subscriber runs on the publisher's thread.
 * Memory:   all of it is mapped at creation and touched as it is used (2 MiB for OM_BUS_SLOTS);
 *           nothing is allocated later but one descriptor for each subscription. */
#ifndef OM_BUS_H
#define OM_BUS_H

#include "core/core.h"

enum {
    OM_BUS_SLOTS = 8192,
    OM_EVENT_PAYLOAD = 224, /* bytes; what is larger travels by id */
    OM_EVENT_TYPES = 63,    /* types of publishers: 0..62 */
    OM_EVENT_LAGGED = 63    /* made by the bus itself for one subscriber: see om_event_lost */
};
#define OM_EVENT_BIT(type) (UINT64_C(1) << (type))
#define OM_EVENT_ALL UINT64_MAX

/* The id of an event is {row, n}: the outbox row that tells it and its number inside that row; row
 * 0 for a live event. */
struct om_event {
    uint64_t row;
    int64_t wall_ms;
    uint32_t n;
    uint16_t size; /* of the payload */
    uint8_t type;
    uint8_t reserved;                                    /* 0 */
    _Alignas(8) unsigned char payload[OM_EVENT_PAYLOAD]; /* only `size` bytes are carried */
};

struct om_bus;
struct om_subscription;

/* `slots`: a power of two, 2..2^20; OM_BUS_SLOTS in the engine. OMEGA_EINVAL, OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_bus_new(uint32_t slots, struct om_bus **out);
/* Closes every subscription: waiters get OMEGA_ECLOSED, new subscriptions OMEGA_ECLOSED. What is
 * published afterwards goes unread. */
void om_bus_close(struct om_bus *bus);
/* After the last publisher, and after every subscription was freed. NULL is allowed. */
void om_bus_free(struct om_bus *bus);

/* Copies the event into the ring and wakes who waits for its type. Type above 62 or size above
 * OM_EVENT_PAYLOAD is a broken caller (asserted). */
void om_bus_publish(struct om_bus *bus, const struct om_event *event);
/* Events published so far; and ring positions left empty, because a publisher had been off the
 * processor in the middle of its event for a whole ring. */
uint64_t om_bus_published(const struct om_bus *bus);
uint64_t om_bus_skipped(const struct om_bus *bus);

/* Begins with the next event published. `type_mask`: an or of OM_EVENT_BIT.
 * OMEGA_ELIMIT beyond OM_LIMIT_SUBSCRIBERS, OMEGA_ECLOSED, OMEGA_EIO (no descriptor left). */
OMEGA_MUST_CHECK omega_status om_bus_subscribe(struct om_bus *bus, uint64_t type_mask,
                                               struct om_subscription **out);

/* The next event into *out. timeout_ms < 0 waits for ever, 0 never. OMEGA_ETIMEDOUT when none came
 * (no error is recorded: it is ordinary), OMEGA_ECLOSED once closed, at once and for good. After an
 * overrun *out has type OM_EVENT_LAGGED, whatever the mask. */
OMEGA_MUST_CHECK omega_status om_subscription_next(struct om_subscription *subscription,
                                                   int timeout_ms, struct om_event *out);
/* For an event of type OM_EVENT_LAGGED: how many ring positions, of any type, were overwritten
 * before they were read. 0 for other events. */
uint64_t om_event_lost(const struct om_event *event);

/* A descriptor for any event loop. It becomes readable when something may have come after a call of
 * next(0) said OMEGA_ETIMEDOUT; then call next(0) until it says so again. Call next(0) once before
 * the first wait. It belongs to the subscription: do not read or close it. */
int om_subscription_fd(struct om_subscription *subscription);

/* Their sum is the number of ring positions passed: events published plus positions skipped. */
struct om_subscription_counts {
    uint64_t delivered;
    uint64_t filtered;
    uint64_t lagged;  /* the sum of all om_event_lost */
    uint64_t skipped; /* empty positions stepped over */
};
/* By the reading thread. */
void om_subscription_counts(const struct om_subscription *subscription,
                            struct om_subscription_counts *out);

/* Ends it: the waiter, if any, and every later next() get OMEGA_ECLOSED. Any thread, any number of
 * times, until it is freed. */
void om_subscription_close(struct om_subscription *subscription);
/* Closes and gives it back, when no thread is in next() any more. NULL is allowed. */
void om_subscription_free(struct om_subscription *subscription);

#endif
