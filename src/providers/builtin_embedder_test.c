/* builtin_embedder_test.c -- the interface, from many threads, and without memory. */
#include "support/support.h"

#include "providers/providers.h"

static void test_fills_the_interface(void **state)
{
    (void)state;
    struct om_embedder embedder = {0};
    assert_ok(om_builtin_embedder(om_alloc_default(), &embedder));
    assert_string_equal(embedder.space, OM_BUILTIN_SPACE);
    assert_int_equal(embedder.dimension, OM_BUILTIN_DIMENSION);
    assert_true(embedder.is_local);
    float vector[OM_BUILTIN_DIMENSION];
    assert_ok(embedder.embed(embedder.context, OM_STR("hello world"), vector));
    double squares = 0;
    for (size_t i = 0; i < OM_BUILTIN_DIMENSION; i++) {
        squares += (double)vector[i] * (double)vector[i];
    }
    assert_true(squares > 0.9999 && squares < 1.0001);
    om_builtin_embedder_fini(&embedder);
    assert_null(embedder.context);
}

static void test_fini_of_nothing(void **state)
{
    (void)state;
    struct om_embedder embedder = {0};
    om_builtin_embedder_fini(&embedder);
    om_builtin_embedder_fini(NULL);
}

enum { THREADS = 4, ROUNDS = 200 };

struct shared {
    struct om_embedder embedder;
    float wanted[OM_BUILTIN_DIMENSION];
    atomic_int equal;
};

static const omega_str sentence = {"Running \xd0\xb4\xd0\xbe\xd0\xbc\xd0\xb0 with many threads",
                                   33};

static void embed_often(void *context)
{
    struct shared *shared = context;
    for (int i = 0; i < ROUNDS; i++) {
        float got[OM_BUILTIN_DIMENSION];
        omega_status status = shared->embedder.embed(shared->embedder.context, sentence, got);
        bool same = memcmp(got, shared->wanted, sizeof(got)) == 0;
        atomic_fetch_add(&shared->equal, status == OMEGA_OK && same);
    }
}

static void test_threads_get_the_same_vector(void **state)
{
    (void)state;
    static struct shared shared;
    atomic_init(&shared.equal, 0);
    assert_ok(om_builtin_embedder(om_alloc_default(), &shared.embedder));
    assert_ok(shared.embedder.embed(shared.embedder.context, sentence, shared.wanted));
    struct om_thread threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_ok(om_thread_start(&threads[i], "embed", embed_often, &shared));
    }
    for (size_t i = 0; i < THREADS; i++) {
        om_thread_join(&threads[i]);
    }
    assert_int_equal(atomic_load(&shared.equal), THREADS * ROUNDS);
    om_builtin_embedder_fini(&shared.embedder);
}

static omega_status embed_once(void *context)
{
    struct om_alloc *alloc = context;
    struct om_embedder embedder = {0};
    float vector[OM_BUILTIN_DIMENSION];
    omega_status status = om_builtin_embedder(alloc, &embedder);
    if (status == OMEGA_OK) {
        status = embedder.embed(embedder.context, sentence, vector);
    }
    om_builtin_embedder_fini(&embedder);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct om_alloc alloc;
    om_alloc_init(&alloc, NULL);
    assert_true(om_test_oom_sweep(embed_once, &alloc) > 0);
    assert_int_equal(atomic_load(&alloc.live_count), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fills_the_interface),
        cmocka_unit_test(test_fini_of_nothing),
        cmocka_unit_test(test_threads_get_the_same_vector),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
