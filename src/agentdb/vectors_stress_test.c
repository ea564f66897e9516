/* One publisher, readers beside it, and nothing a reader sees may belong to another moment.
 *
 * What the set holds at sequence s follows from s alone: at every sequence t one item is given a
 * new vector {item, t, ...} and another is removed. A reader enters, loads the published sequence,
 * searches for everything, and compares each item's presence and version with that rule. The
 * second test makes the set large enough for helpers to take part; the third compares every bit
 * of a search that had help with one that had none. */
#include "support/support.h"

#include "agentdb/vectors.h"

enum { ITEMS_MAX = 3300, READERS = 2 };

struct stress {
    struct om_vectors *v;
    uint32_t dimension;
    uint32_t items;
    uint64_t rounds;
    _Atomic uint64_t commit_seq;
    atomic_bool over;
    atomic_uint searches;
    atomic_uint errors;
};

/* The sequence at which the item got the vector that s shows; 0: none. */
static uint64_t version_at(const struct stress *stress, uint32_t item, uint64_t s)
{
    uint64_t n = stress->items;
    uint64_t removal_phase = (item + n - n / 2) % n;
    uint64_t added = s >= item ? s - (s - item) % n : 0;
    uint64_t removed = s >= removal_phase ? s - (s - removal_phase) % n : 0;
    return added > removed ? added : 0;
}

static void publish(struct stress *stress, uint64_t seq, float *values)
{
    uint32_t item = (uint32_t)(seq % stress->items);
    values[0] = (float)item;
    values[1] = (float)seq;
    if (om_vectors_add(stress->v, item, 1, seq, values) != OMEGA_OK) {
        atomic_fetch_add(&stress->errors, 1);
    }
    (void)om_vectors_remove(stress->v, (item + stress->items / 2) % stress->items, seq);
    /* Release: what is published comes before its sequence. */
    atomic_store_explicit(&stress->commit_seq, seq, memory_order_release);
    if (seq % 3 == 0) {
        (void)om_vectors_reclaim(stress->v);
    }
}

static void run_publisher(void *context)
{
    struct stress *stress = context;
    float *values = om_get0(om_alloc_default(), stress->dimension, sizeof(float));
    for (uint64_t seq = 1; values != NULL && seq <= stress->rounds; seq++) {
        publish(stress, seq, values);
        if (seq == stress->items) {
            /* Go on only beside readers. */
            while (atomic_load(&stress->searches) < 2) {
                om_os_yield();
            }
        }
    }
    om_put(om_alloc_default(), values);
    atomic_store(&stress->over, true);
}

static unsigned check_everything(const struct stress *stress, uint64_t snapshot,
                                 const struct om_vector_hit *hits, size_t count)
{
    unsigned errors = 0;
    size_t wanted = 0;
    for (uint32_t item = 0; item < stress->items; item++) {
        wanted += version_at(stress, item, snapshot) > 0;
    }
    errors += count != wanted;
    for (size_t i = 0; i < count; i++) {
        uint64_t version = version_at(stress, hits[i].item, snapshot);
        errors += version == 0 || hits[i].score != (float)version;
    }
    return errors;
}

static unsigned check_single_items(const struct stress *stress,
                                   const struct om_vectors_query *query, float *values)
{
    unsigned errors = 0;
    for (uint32_t item = 0; item < stress->items; item += 1 + item / 7) {
        uint64_t version = version_at(stress, item, query->snapshot);
        float score = 0;
        bool found = om_vectors_score(stress->v, query, item, &score);
        errors += found != (version > 0) || score != (float)version;
        found = om_vectors_get(stress->v, item, query->snapshot, values);
        errors += found != (version > 0) ||
                  (found && (values[0] != (float)item || values[1] != (float)version));
    }
    return errors;
}

struct buffers {
    struct om_vector_hit hits[ITEMS_MAX];
    float values[OM_LIMIT_DIMENSION];
    float axis[OM_LIMIT_DIMENSION]; /* the inner product with it is the version */
};

static unsigned read_once(struct stress *stress, struct buffers *buffers)
{
    struct om_vectors_query query;
    unsigned ticket = om_vectors_enter(stress->v);
    uint64_t snapshot = atomic_load_explicit(&stress->commit_seq, memory_order_acquire);
    unsigned errors =
        om_vectors_query(stress->v, buffers->axis, stress->dimension, snapshot, &query) != OMEGA_OK;
    size_t count = om_vectors_search(stress->v, &query, NULL, stress->items, buffers->hits);
    errors += check_everything(stress, snapshot, buffers->hits, count);
    errors += check_single_items(stress, &query, buffers->values);
    om_vectors_leave(stress->v, ticket);
    return errors;
}

static void run_reader(void *context)
{
    struct stress *stress = context;
    struct buffers *buffers = om_get0(om_alloc_default(), 1, sizeof *buffers);
    if (buffers == NULL) {
        atomic_fetch_add(&stress->errors, 1);
        return;
    }
    buffers->axis[1] = 1;
    do {
        atomic_fetch_add(&stress->errors, read_once(stress, buffers));
        atomic_fetch_add(&stress->searches, 1);
    } while (!atomic_load(&stress->over));
    om_put(om_alloc_default(), buffers);
}

static void run_stress(struct stress *stress, unsigned helpers)
{
    struct om_scan_pool *pool;
    assert_ok(om_scan_pool_open(om_alloc_default(), helpers, &pool));
    const struct om_vectors_options options = {.alloc = om_alloc_default(),
                                               .pool = pool,
                                               .name = "stress",
                                               .dimension = stress->dimension,
                                               .metric = OM_METRIC_DOT};
    assert_ok(om_vectors_new(&options, &stress->v));
    struct om_thread publisher;
    struct om_thread readers[READERS];
    assert_ok(om_thread_start(&publisher, "publisher", run_publisher, stress));
    for (unsigned i = 0; i < READERS; i++) {
        assert_ok(om_thread_start(&readers[i], "reader", run_reader, stress));
    }
    om_thread_join(&publisher);
    for (unsigned i = 0; i < READERS; i++) {
        om_thread_join(&readers[i]);
    }
    print_message("%u searches\n", atomic_load(&stress->searches));
    assert_int_equal(atomic_load(&stress->errors), 0);
    assert_null(om_vectors_validate(stress->v));
    while (om_vectors_reclaim(stress->v) > 0) {
    }
    assert_null(om_vectors_validate(stress->v));
    om_vectors_free(stress->v);
    om_scan_pool_close(pool);
}

static void test_readers_see_one_moment(void **state)
{
    (void)state;
    struct stress stress = {.dimension = 17, .items = 60, .rounds = 60000};
    run_stress(&stress, 0);
}

static void test_helpers_see_the_same_moment(void **state)
{
    (void)state;
    struct stress stress = {.dimension = 1040, .items = 3300, .rounds = 20000};
    run_stress(&stress, 2);
}

static float component(uint32_t item, uint32_t i)
{
    uint32_t mixed = (item * 2654435761u + i * 40503u) * 2246822519u;
    return (float)(mixed >> 20) - 2048.0f;
}

static struct om_vectors *make_large_set(struct om_scan_pool *pool, uint32_t count)
{
    enum { DIMENSION = 48 };
    const struct om_vectors_options options = {.alloc = om_alloc_default(),
                                               .pool = pool,
                                               .name = "large",
                                               .dimension = DIMENSION,
                                               .metric = OM_METRIC_COSINE};
    struct om_vectors *v;
    float values[DIMENSION];
    assert_ok(om_vectors_new(&options, &v));
    for (uint32_t item = 0; item < count; item++) {
        for (uint32_t i = 0; i < DIMENSION; i++) {
            values[i] = component(item % 60000, i); /* some vectors come twice */
        }
        assert_ok(om_vectors_add(v, item, 1, 1, values));
    }
    return v;
}

static size_t search_large(struct om_vectors *v, size_t k, struct om_vector_hit *hits)
{
    float values[48];
    for (uint32_t i = 0; i < 48; i++) {
        values[i] = component(77, i) + 5;
    }
    struct om_vectors_query query;
    unsigned ticket = om_vectors_enter(v);
    assert_ok(om_vectors_query(v, values, 48, 1, &query));
    size_t count = om_vectors_search(v, &query, NULL, k, hits);
    om_vectors_leave(v, ticket);
    return count;
}

static void test_helpers_change_no_bit(void **state)
{
    (void)state;
    enum { COUNT = 80000 };
    static struct om_vector_hit alone[OM_LIMIT_K];
    static struct om_vector_hit shared[OM_LIMIT_K];
    const size_t ks[] = {1, 10, 1000, OM_LIMIT_K};
    struct om_scan_pool *pool;
    assert_ok(om_scan_pool_open(om_alloc_default(), 3, &pool));
    struct om_vectors *one = make_large_set(NULL, COUNT);
    struct om_vectors *many = make_large_set(pool, COUNT);
    for (int round = 0; round < 20; round++) {
        size_t k = ks[round % 4];
        assert_int_equal(search_large(one, k, alone), k);
        /* Half of the rounds without memory for the helpers' heaps: slower, not different. */
        om_test_fail_alloc(round % 2 == 0 ? 0 : 1, true);
        assert_int_equal(search_large(many, k, shared), k);
        om_test_fail_alloc(0, false);
        assert_memory_equal(alone, shared, k * sizeof alone[0]);
    }
    om_vectors_free(one);
    om_vectors_free(many);
    om_scan_pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_see_one_moment),
        cmocka_unit_test(test_helpers_see_the_same_moment),
        cmocka_unit_test(test_helpers_change_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
