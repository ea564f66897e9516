/* scrub_test.c -- what was deleted is in no file any more: searched for byte by byte. */
#include "support/support.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/toy_store.h"
#include "support/vfs.h"

enum { ROWS = 1500, TEXT_MAX = 9000 };

struct fixture {
    char dir[256];
    struct om_store_options options;
    struct om_store *store;
    bool alive[ROWS + 1];
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    om_test_dir(f.dir, sizeof(f.dir));
    f.options = toy_options(f.dir);
    f.options.vfs = om_test_vfs();
    om_test_vfs_reset();
    om_test_vfs_real_sync(false);
    assert_ok(om_store_open(&f.options, &f.store));
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    om_store_close(f->store);
    om_test_vfs_reset();
    om_test_dir_remove(f->dir);
    return 0;
}

/* Every text is made of its row's own word: "<W0042>". Lengths go from one page's gap to several
 * overflow pages. Rows come in a scattered order, so that pages are split and rebuilt. */
static int64_t scattered(int64_t i)
{
    return i * 7919 % ROWS + 1;
}

static size_t make_text(int64_t id, char *out)
{
    uint64_t draw = om_hash(&id, sizeof(id), 3);
    size_t wanted = draw % 12 == 0 ? draw / 16 % (TEXT_MAX - 100) : draw / 16 % 250;
    size_t len = 0;
    do {
        len += (size_t)snprintf(out + len, 16, "<W%05lld>", (long long)id);
    } while (len < wanted);
    return len;
}

static void fill_part(struct fixture *f, int64_t from, int64_t to)
{
    char *text = malloc(TEXT_MAX + 64);
    assert_non_null(text);
    for (int64_t i = from; i < to; i++) {
        int64_t id = scattered(i);
        size_t len = make_text(id, text);
        assert_ok(toy_put_one(f->store, id, (omega_str){text, len}, OM_DURABILITY_PROCESS, NULL));
        f->alive[id] = true;
    }
    free(text);
}

static void fill(struct fixture *f)
{
    fill_part(f, 0, ROWS);
}

static void drop_every(struct fixture *f, int64_t step, int64_t from)
{
    for (int64_t id = from; id <= ROWS; id += step) {
        if (f->alive[id]) {
            assert_ok(toy_drop_one(f->store, id));
            f->alive[id] = false;
        }
    }
}

/* ---- Searching ------------------------------------------------------------------------------- */

static struct fixture *searched;
static int64_t stale, living;

static int search_file(const char *path, const struct stat *info, int kind)
{
    if (kind != FTW_F || info->st_size == 0) {
        return 0;
    }
    FILE *file = fopen(path, "rb");
    char *bytes = malloc((size_t)info->st_size + 16);
    assert_non_null(file);
    assert_non_null(bytes);
    size_t size = fread(bytes, 1, (size_t)info->st_size, file);
    memset(bytes + size, 0, 16);
    for (size_t i = 0; i + 7 < size; i++) {
        if (bytes[i] == 'W' && bytes[i + 6] == '>') {
            char digits[6] = {0};
            memcpy(digits, bytes + i + 1, 5);
            long id = strtol(digits, NULL, 10);
            if (id >= 1 && id <= ROWS) {
                stale += !searched->alive[id];
                living += searched->alive[id];
            }
        }
    }
    free(bytes);
    (void)fclose(file);
    return 0;
}

static int64_t search(struct fixture *f)
{
    searched = f;
    stale = living = 0;
    assert_int_equal(ftw(f->dir, search_file, 8), 0);
    return stale;
}

static void expect_clean(struct fixture *f)
{
    assert_int_equal(search(f), 0);
    assert_true(living > 0);
    struct om_check check = {0};
    assert_ok(om_store_check(f->store, &check));
    assert_int_equal(check.faults, 0);
    int64_t count = 0;
    for (int64_t id = 1; id <= ROWS; id++) {
        count += f->alive[id];
    }
    assert_int_equal(toy_count(f->store, NULL), count);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void test_nothing_is_left(void **state)
{
    struct fixture *f = *state;
    uint64_t overwritten = 0;
    fill(f);
    assert_false(om_store_wants_erase(f->store));
    drop_every(f, 3, 1);
    assert_true(om_store_wants_erase(f->store));
    /* Without the scrub it would be there: in the log, and in the gaps of pages. */
    assert_true(search(f) > 0);
    assert_ok(om_store_checkpoint(f->store, true, 0));
    assert_true(search(f) > 0);
    assert_ok(om_store_erase(f->store, 0, &overwritten));
    assert_true(overwritten > 0);
    assert_false(om_store_wants_erase(f->store));
    expect_clean(f);
    /* Nor does it come back when the writer changes every page again. */
    drop_every(f, 3, 2);
    for (int64_t id = 2; id <= ROWS; id += 3) {
        f->alive[id] = true; /* dropped, but not erased yet */
    }
    assert_int_equal(search(f), 0);
    assert_ok(om_store_checkpoint(f->store, true, 0));
    assert_int_equal(search(f), 0);
    for (int64_t id = 2; id <= ROWS; id += 3) {
        f->alive[id] = false;
    }
    assert_ok(om_store_erase(f->store, 0, &overwritten));
    expect_clean(f);
}

static void test_nearly_everything_goes(void **state)
{
    struct fixture *f = *state;
    uint64_t overwritten = 0;
    fill(f);
    drop_every(f, 2, 1);
    drop_every(f, 4, 2);
    drop_every(f, 8, 4);
    assert_ok(om_store_erase(f->store, 0, &overwritten));
    expect_clean(f);
}

/* After the first erasure only pages that went through the log are looked at. */
static void test_again_with_what_was_noted(void **state)
{
    struct fixture *f = *state;
    uint64_t overwritten = 0;
    fill_part(f, 0, ROWS / 2);
    assert_ok(toy_drop_one(f->store, scattered(3)));
    f->alive[scattered(3)] = false;
    assert_ok(om_store_erase(f->store, 0, &overwritten));
    for (int64_t i = 0; i < 4; i++) {
        fill_part(f, ROWS / 2 + i * ROWS / 8, ROWS / 2 + (i + 1) * ROWS / 8);
        assert_ok(om_store_checkpoint(f->store, i % 2 == 0, 0));
    }
    drop_every(f, 3, 1);
    assert_ok(om_store_checkpoint(f->store, true, 0));
    assert_true(search(f) > 0);
    assert_ok(om_store_erase(f->store, 0, &overwritten));
    expect_clean(f);
}

static void test_a_reader_stands_in_the_way(void **state)
{
    struct fixture *f = *state;
    struct om_reader reader;
    uint64_t overwritten = 0;
    fill(f);
    assert_ok(om_store_read(f->store, 0, &reader));
    drop_every(f, 3, 1);
    assert_status(om_store_erase(f->store, 0, &overwritten), OMEGA_EAGAIN);
    assert_true(om_store_wants_erase(f->store));
    om_store_read_end(&reader);
    assert_ok(om_store_erase(f->store, 0, &overwritten));
    expect_clean(f);
}

static void test_cut_short_and_finished_at_open(void **state)
{
    struct fixture *f = *state;
    uint64_t overwritten = 0;
    fill(f);
    drop_every(f, 3, 1);
    /* The machine loses power somewhere inside the erasure, again and again. */
    for (uint64_t step = 2; step < 400; step += 57) {
        om_test_vfs_die_at(om_test_vfs_io() + step);
        omega_status status = om_store_erase(f->store, 0, &overwritten);
        bool died = om_test_vfs_is_dead();
        assert_true(status != OMEGA_OK || !died);
        om_store_close(f->store);
        om_test_vfs_cut_power(step % 2 == 0 ? step : 0);
        assert_ok(om_store_open(&f->options, &f->store));
        assert_false(om_store_wants_erase(f->store));
        expect_clean(f);
        int64_t next = (int64_t)step + 1;
        while (!f->alive[next]) {
            next++;
        }
        assert_ok(toy_drop_one(f->store, next));
        f->alive[next] = false;
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_nothing_is_left),
        T(test_nearly_everything_goes),
        T(test_again_with_what_was_noted),
        T(test_a_reader_stands_in_the_way),
        T(test_cut_short_and_finished_at_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
