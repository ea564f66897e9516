/* items_test.c -- dense numbers against a plain model, under random calls. */
#include "support/support.h"

#include "agentdb/items.h"

enum { ROWS = 200, STEPS = 20000, ITEMS = 4096 };

static unsigned freed_count;
static bool is_freed[ITEMS];

static void note_freed(void *context, uint32_t item)
{
    (void)context;
    assert_true(item < ITEMS);
    assert_false(is_freed[item]);
    is_freed[item] = true;
    freed_count++;
}

static struct om_items *make(void)
{
    struct om_items *items = NULL;
    memset(is_freed, 0, sizeof is_freed);
    freed_count = 0;
    assert_ok(om_items_new(om_alloc_default(), note_freed, NULL, &items));
    return items;
}

static uint32_t add(struct om_items *items, int64_t row)
{
    uint32_t item = 0;
    assert_ok(om_items_prepare(items, row, &item));
    is_freed[item] = false;
    om_items_add(items, item);
    return item;
}

static void test_random(void **state)
{
    struct om_items *items = make();
    struct om_rng rng;
    bool there[ROWS + 1] = {false};
    uint32_t item_of[ROWS + 1] = {0};
    (void)state;
    om_rng_seed(&rng, 3);
    for (int step = 0; step < STEPS; step++) {
        int64_t row = (int64_t)om_rng_below(&rng, ROWS) + 1;
        uint32_t found = 0;
        assert_int_equal(om_items_find(items, row, &found), there[row]);
        if (there[row]) {
            assert_int_equal(found, item_of[row]);
            assert_int_equal(om_items_row(items, found), row);
        }
        switch (om_rng_below(&rng, 5)) {
        case 0:
        case 1:
            if (there[row]) { /* a newer item takes over, then the older one goes */
                uint32_t older = item_of[row];
                item_of[row] = add(items, row);
                om_items_remove(items, older);
            } else {
                item_of[row] = add(items, row);
            }
            there[row] = true;
            break;
        case 2:
            if (there[row]) {
                om_items_remove(items, item_of[row]);
                there[row] = false;
            }
            break;
        case 3:
            assert_ok(om_items_prepare(items, row, &found)); /* its record fails */
            is_freed[found] = false;
            break;
        default:
            (void)om_items_reclaim(items);
            break;
        }
        if (step % 100 == 0) {
            assert_null(om_items_validate(items));
        }
    }
    assert_true(om_items_limit(items) < 2000); /* numbers are used again */
    om_items_free(items);
}

static void test_readers_keep_items(void **state)
{
    struct om_items *items = make();
    uint32_t item = add(items, 1);
    (void)state;
    unsigned ticket = om_items_enter(items);
    om_items_remove(items, item);
    for (int i = 0; i < 5; i++) {
        (void)om_items_reclaim(items);
    }
    assert_int_equal(freed_count, 0);
    assert_int_equal(om_items_row(items, item), 1);
    om_items_leave(items, ticket);
    assert_true(om_items_reclaim(items));
    assert_true(om_items_reclaim(items));
    assert_int_equal(freed_count, 1);
    assert_int_equal(om_items_row(items, item), 0);
    om_items_free(items);
}

static void test_failed_records(void **state)
{
    struct om_items *items = make();
    uint32_t a = 0, b = 0, c = 0;
    (void)state;
    /* One batch: a fails, b and c are prepared before either is published. */
    assert_ok(om_items_prepare(items, 1, &a));
    assert_ok(om_items_prepare(items, 2, &b));
    assert_ok(om_items_prepare(items, 3, &c));
    om_items_add(items, b);
    om_items_remove(items, b);
    om_items_add(items, c);
    assert_int_equal(freed_count, 0);
    assert_ok(om_items_prepare(items, 4, &b));
    assert_int_equal(freed_count, 1);
    assert_true(is_freed[a]);
    assert_int_equal(b, a); /* used again at once: nobody saw it */
    assert_null(om_items_validate(items));
    om_items_free(items);
}

static omega_status fill(void *context)
{
    struct om_items *items = NULL;
    (void)context;
    memset(is_freed, 0, sizeof is_freed);
    omega_status status = om_items_new(om_alloc_default(), note_freed, NULL, &items);
    for (int64_t row = 1; row <= 200 && status == OMEGA_OK; row++) {
        uint32_t item = 0;
        status = om_items_prepare(items, row, &item);
        if (status == OMEGA_OK) {
            om_items_add(items, item);
        }
    }
    assert_true(items == NULL || om_items_validate(items) == NULL);
    om_items_free(items);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(om_test_oom_sweep(fill, NULL) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_readers_keep_items),
        cmocka_unit_test(test_failed_records),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
