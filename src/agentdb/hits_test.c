/* The heap of the best k against sorting everything. */
#include "support/support.h"

#include <stdlib.h>

#include "agentdb/hits_int.h"

enum { MOST = 500 };

static int compare(const void *a, const void *b)
{
    const struct om_vector_hit *x = a;
    const struct om_vector_hit *y = b;
    if (x->score > y->score || x->score < y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return x->item < y->item ? -1 : x->item > y->item;
}

/* Distinct items in random order, few distinct scores, so that ties decide most places. */
static size_t make_stream(struct om_rng *rng, struct om_vector_hit *all)
{
    size_t count = (size_t)om_rng_below(rng, MOST);
    for (size_t i = 0; i < count; i++) {
        size_t at = (size_t)om_rng_below(rng, i + 1);
        all[i] = all[at];
        all[at] = (struct om_vector_hit){(uint32_t)i, (float)om_rng_below(rng, 7) - 3.0f};
    }
    return count;
}

static void test_keeps_what_sorting_would_keep(void **state)
{
    (void)state;
    struct om_vector_hit all[MOST];
    struct om_vector_hit kept[MOST];
    struct om_rng rng;
    om_rng_seed(&rng, 11);
    for (int round = 0; round < 2000; round++) {
        size_t count = make_stream(&rng, all);
        struct om_hits heap;
        om_hits_init(&heap, kept, 1 + (size_t)om_rng_below(&rng, MOST));
        for (size_t i = 0; i < count; i++) {
            om_hits_offer(&heap, all[i]);
        }
        om_hits_sort(&heap);
        qsort(all, count, sizeof all[0], compare);
        assert_int_equal(heap.count, OM_MIN(count, heap.capacity));
        assert_memory_equal(kept, all, heap.count * sizeof all[0]);
    }
}

static void test_nothing_offered_nothing_kept(void **state)
{
    (void)state;
    struct om_vector_hit kept[1];
    struct om_hits heap;
    om_hits_init(&heap, kept, 1);
    om_hits_sort(&heap);
    assert_int_equal(heap.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_what_sorting_would_keep),
        cmocka_unit_test(test_nothing_offered_nothing_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
