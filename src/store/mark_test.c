/* mark_test.c -- the mark's two slots: turns, torn writes, damage. */
#include "support/support.h"

#include "store/store_int.h"

struct fixture {
    char dir[256];
    char path[OM_PATH_SIZE];
    int fd;
};

static int setup(void **state)
{
    static struct fixture f;
    om_test_dir(f.dir, sizeof(f.dir));
    assert_ok(om_os_join(f.path, f.dir, "omega.mark"));
    assert_ok(om_os_open_private(f.path, true, &f.fd));
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    om_os_close(&f->fd);
    om_test_dir_remove(f->dir);
    return 0;
}

static struct om_mark read_mark(const struct fixture *f)
{
    struct om_mark mark;
    assert_ok(om_mark_read(f->path, &mark));
    return mark;
}

static void write_upto(const struct fixture *f, uint64_t count)
{
    struct om_mark mark = {.database_id = {{7}}};
    for (uint64_t seq = 1; seq <= count; seq++) {
        mark.seq = seq * 10;
        assert_ok(om_mark_write(f->fd, &mark));
        assert_int_equal(mark.generation, seq);
    }
}

static void test_the_newest_counts(void **state)
{
    struct fixture *f = *state;
    struct om_mark mark = read_mark(f);
    assert_false(mark.found);
    assert_false(mark.damaged); /* empty: a new one */
    for (uint64_t count = 1; count <= 5; count++) {
        write_upto(f, count);
        mark = read_mark(f);
        assert_true(mark.found);
        assert_int_equal(mark.seq, count * 10);
        assert_int_equal(mark.database_id.bytes[0], 7);
        assert_false(mark.needs_check);
        assert_ok(om_os_remove(f->path));
        om_os_close(&f->fd);
        assert_ok(om_os_open_private(f->path, true, &f->fd));
    }
    assert_ok(om_mark_read("/nonexistent/mark", &mark));
    assert_false(mark.found);
}

static void test_every_damaged_byte(void **state)
{
    struct fixture *f = *state;
    write_upto(f, 4); /* the newest, an even generation, stands in the first slot */
    for (uint64_t at = 0; at < 568; at++) {
        unsigned char byte = 0;
        size_t got = 0;
        assert_ok(om_os_pread(f->fd, &byte, 1, at, &got));
        unsigned char flipped = byte ^ 0x10;
        assert_ok(om_os_pwrite(f->fd, &flipped, 1, at));
        struct om_mark mark = read_mark(f);
        assert_true(mark.found);
        assert_false(mark.damaged);
        assert_int_equal(mark.seq, at < 56 ? 30 : 40);
        assert_ok(om_os_pwrite(f->fd, &byte, 1, at));
    }
}

static void test_both_slots_damaged(void **state)
{
    struct fixture *f = *state;
    write_upto(f, 2);
    assert_ok(om_os_pwrite(f->fd, "x", 1, 0));
    assert_ok(om_os_pwrite(f->fd, "x", 1, 512 + 33));
    struct om_mark mark = read_mark(f);
    assert_false(mark.found);
    assert_true(mark.damaged);
}

static void test_needs_check_is_kept(void **state)
{
    struct fixture *f = *state;
    struct om_mark mark = {.seq = 5, .needs_check = true};
    assert_ok(om_mark_write(f->fd, &mark));
    assert_true(read_mark(f).needs_check);
    mark.needs_check = false;
    assert_ok(om_mark_write(f->fd, &mark));
    assert_false(read_mark(f).needs_check);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_the_newest_counts),
        T(test_every_damaged_byte),
        T(test_both_slots_damaged),
        T(test_needs_check_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
