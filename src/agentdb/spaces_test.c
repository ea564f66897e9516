/* spaces_test.c -- the registry of spaces and the rows of vectors: in one batch, in failing
 * records, across a reopening, damaged. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>

#include "agentdb/agentdb.h"

enum { DIMENSION = 4 };

/* What one record of the test does. */
struct task {
    struct om_space wanted;
    int64_t row; /* 0: none */
    float values[DIMENSION];
    bool drops, fails;
    omega_status status; /* of om_spaces_ensure */
    uint64_t removed;
};

struct home {
    char dir[256];
    struct om_alloc alloc;
    struct om_uuid_source ids;
    struct om_spaces *spaces;
    struct om_store *store;
    struct om_record_kind kind;
};

static omega_status apply(void *context, struct om_txn *txn, const struct om_record *record,
                          struct om_buf *result)
{
    struct home *home = context;
    struct task *task = NULL;
    const struct om_space *space = NULL;
    (void)result;
    memcpy(&task, record->body.ptr, sizeof task);
    omega_status status = om_spaces_ensure(home->spaces, txn, &task->wanted, &space);
    task->status = status;
    if (status == OMEGA_OK && task->row != 0) {
        status = om_spaces_put(txn, space, task->row, task->values);
    }
    if (status == OMEGA_OK && task->row != 0) {
        status = om_spaces_reserve(space, (uint32_t)task->row);
    }
    if (status == OMEGA_OK && task->drops) {
        status = om_spaces_drop(home->spaces, txn, task->row, &task->removed);
    }
    return status == OMEGA_OK && task->fails ? om_fail(OMEGA_ECONFLICT, "as asked") : status;
}

static void home_start(struct home *home)
{
    static const struct om_schema *const schemas[] = {&om_agentdb_schema};
    const struct om_record_kind *kinds[] = {&home->kind};
    struct om_reader reader = {0};
    home->kind = (struct om_record_kind){"test.space", apply, home};
    assert_ok(om_spaces_new(&home->alloc, NULL, &home->spaces));
    struct om_store_options options = {.alloc = &home->alloc,
                                       .clock = om_clock_system(),
                                       .dir = home->dir,
                                       .schemas = schemas,
                                       .schema_count = 1,
                                       .kinds = kinds,
                                       .kind_count = 1};
    assert_ok(om_store_open(&options, &home->store));
    assert_ok(om_store_read(home->store, 1000, &reader));
    assert_ok(om_spaces_load(home->spaces, &reader));
    om_store_read_end(&reader);
}

static void home_stop(struct home *home)
{
    om_store_close(home->store);
    om_spaces_free(home->spaces);
}

static void home_open(struct home *home)
{
    memset(home, 0, sizeof *home);
    om_test_dir(home->dir, sizeof home->dir);
    om_alloc_init(&home->alloc, NULL);
    om_uuid_source_init(&home->ids, om_clock_system(), 3);
    home_start(home);
}

static void home_close(struct home *home)
{
    home_stop(home);
    om_uuid_source_fini(&home->ids);
    om_test_dir_remove(home->dir);
    assert_int_equal(atomic_load(&home->alloc.live_count), 0);
}

static struct task task_of(const char *name, uint32_t dimension, int64_t row)
{
    struct task task;
    memset(&task, 0, sizeof task);
    task.wanted.owner = OM_SPACE_MEMORIES;
    task.wanted.metric = OM_METRIC_COSINE;
    task.wanted.dimension = dimension;
    task.wanted.name = name;
    task.row = row;
    for (int i = 0; i < DIMENSION; i++) {
        task.values[i] = (float)(row * 10 + i);
    }
    return task;
}

/* All tasks in one batch. */
static void run(struct home *home, struct task *tasks, size_t count)
{
    struct om_write writes[4];
    struct task *pointers[4];
    memset(writes, 0, sizeof writes);
    for (size_t i = 0; i < count; i++) {
        pointers[i] = &tasks[i];
        writes[i].record.op_id = om_uuid_new(&home->ids);
        writes[i].record.kind = &home->kind;
        writes[i].record.actor = OM_STR("system");
        writes[i].record.body = (omega_str){(const char *)&pointers[i], sizeof pointers[i]};
        writes[i].record.durability = OM_DURABILITY_PROCESS;
        om_buf_init(&writes[i].result, &home->alloc, 64);
    }
    (void)om_store_commit(home->store, writes, count);
    for (size_t i = 0; i < count; i++) {
        bool fails = tasks[i].fails || tasks[i].status != OMEGA_OK;
        assert_int_equal(writes[i].status == OMEGA_OK, !fails);
        om_buf_fini(&writes[i].result);
    }
}

static omega_status get(struct home *home, const char *name, int64_t row, float *out)
{
    struct om_reader reader = {0};
    assert_ok(om_store_read(home->store, 1000, &reader));
    omega_status status =
        om_spaces_get(&reader, om_spaces_find(home->spaces, omega_str_of(name)), row, out);
    om_store_read_end(&reader);
    return status;
}

/* ---- Making --------------------------------------------------------------------------------- */

static void test_one_batch(void **state)
{
    struct home home;
    float out[DIMENSION];
    (void)state;
    home_open(&home);
    struct task tasks[] = {task_of("a", DIMENSION, 1), task_of("a", DIMENSION, 2),
                           task_of("a", DIMENSION + 1, 0), task_of("b", DIMENSION, 1)};
    run(&home, tasks, 4);
    assert_int_equal(tasks[2].status, OMEGA_EINVAL);
    assert_int_equal(om_spaces_count(home.spaces), 2);
    assert_ok(get(&home, "a", 2, out));
    assert_memory_equal(out, tasks[1].values, sizeof out);
    assert_status(get(&home, "b", 2, out), OMEGA_ENOTFOUND);
    home_stop(&home);
    home_start(&home);
    assert_int_equal(om_spaces_count(home.spaces), 2);
    assert_int_equal(om_spaces_find(home.spaces, OM_STR("b"))->dimension, DIMENSION);
    assert_ok(get(&home, "a", 1, out));
    assert_memory_equal(out, tasks[0].values, sizeof out);
    home_close(&home);
}

static void test_failed_record_makes_nothing(void **state)
{
    struct home home;
    (void)state;
    home_open(&home);
    struct task failing = task_of("a", DIMENSION, 1);
    failing.fails = true;
    run(&home, &failing, 1);
    assert_null(om_spaces_find(home.spaces, OM_STR("a")));
    /* In one batch: the first fails, the second takes its id with another shape. */
    struct task tasks[] = {failing, task_of("b", DIMENSION, 1), task_of("a", DIMENSION, 7)};
    run(&home, tasks, 3);
    assert_int_equal(om_spaces_count(home.spaces), 2);
    assert_string_equal(om_spaces_at(home.spaces, 1)->name, "b");
    assert_string_equal(om_spaces_at(home.spaces, 2)->name, "a");
    assert_null(om_spaces_at(home.spaces, 3));
    assert_null(om_spaces_at(home.spaces, 0));
    home_close(&home);
}

static void test_drop(void **state)
{
    struct home home;
    float out[DIMENSION];
    (void)state;
    home_open(&home);
    struct task tasks[] = {task_of("a", DIMENSION, 1), task_of("b", DIMENSION, 1),
                           task_of("b", DIMENSION, 2), task_of("c", DIMENSION, 1)};
    tasks[3].drops = true; /* in the batch that made them */
    run(&home, tasks, 4);
    assert_int_equal(tasks[3].removed, 3);
    assert_status(get(&home, "a", 1, out), OMEGA_ENOTFOUND);
    assert_ok(get(&home, "b", 2, out));
    home_close(&home);
}

/* ---- Checks --------------------------------------------------------------------------------- */

static void test_checks(void **state)
{
    struct home home;
    float values[DIMENSION] = {1, 2, 3, 4};
    float bad[DIMENSION] = {1, 2, INFINITY, 4};
    (void)state;
    home_open(&home);
    omega_str name = OM_STR("a");
    enum om_space_owner owner = OM_SPACE_MEMORIES;
    assert_ok(om_spaces_check(home.spaces, name, owner, values, DIMENSION));
    om_spaces_fix(home.spaces, "a", 3);
    assert_status(om_spaces_check(home.spaces, name, owner, values, DIMENSION), OMEGA_EINVAL);
    assert_error_says("space 'a' has 3 dimensions, the vector has 4");
    om_spaces_fix(home.spaces, "a", 0);
    assert_status(om_spaces_check(home.spaces, name, owner, bad, DIMENSION), OMEGA_EINVAL);
    assert_error_says("value 2 of the vector is not finite");
    assert_status(om_spaces_check(home.spaces, name, owner, values, 0), OMEGA_EINVAL);
    assert_status(om_spaces_check(home.spaces, OM_STR(""), owner, values, 1), OMEGA_EINVAL);
    struct task task = task_of("a", DIMENSION, 1);
    run(&home, &task, 1);
    assert_status(om_spaces_check(home.spaces, name, owner, values, 3), OMEGA_EINVAL);
    assert_status(om_spaces_check(home.spaces, name, OM_SPACE_POINTS, values, DIMENSION),
                  OMEGA_ECONFLICT);
    assert_error_says("space 'a' holds memories, not points");
    home_close(&home);
}

/* ---- Damage --------------------------------------------------------------------------------- */

struct scanned {
    int sound, damaged;
};

static omega_status count_vector(void *context, int64_t row, const float *values)
{
    struct scanned *scanned = context;
    *(values != NULL ? &scanned->sound : &scanned->damaged) += 1;
    assert_true(values == NULL || (values[0] > 9 && values[0] < 41));
    (void)row;
    return OMEGA_OK;
}

static void damage_vector(const char *dir, const float *values)
{
    static char bytes[4 << 20];
    char path[512];
    (void)snprintf(path, sizeof path, "%s/omega.db", dir);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    char *at = memmem(bytes, size, values, DIMENSION * sizeof *values);
    assert_non_null(at);
    assert_int_equal(fseek(file, (long)(at - bytes), SEEK_SET), 0);
    (void)fputc(*at ^ 4, file);
    assert_int_equal(fclose(file), 0);
}

static void test_damage(void **state)
{
    struct home home;
    float out[DIMENSION];
    struct om_reader reader = {0};
    struct scanned scanned = {0, 0};
    struct om_check check = {.rows = 0};
    (void)state;
    home_open(&home);
    struct task tasks[] = {task_of("a", DIMENSION, 1), task_of("a", DIMENSION, 2),
                           task_of("a", DIMENSION, 3), task_of("b", DIMENSION, 4)};
    run(&home, tasks, 4);
    home_stop(&home);
    damage_vector(home.dir, tasks[1].values);
    home_start(&home);
    assert_status(get(&home, "a", 2, out), OMEGA_ECORRUPT);
    assert_error_says("the vector of row 2 in space 'a' is damaged");
    assert_ok(get(&home, "a", 3, out));
    assert_ok(om_store_read(home.store, 1000, &reader));
    assert_ok(om_spaces_scan(home.spaces, &reader, om_spaces_find(home.spaces, OM_STR("a")),
                             count_vector, &scanned));
    om_store_read_end(&reader);
    assert_int_equal(scanned.sound, 2);
    assert_int_equal(scanned.damaged, 1);
    assert_ok(om_store_check(home.store, &check));
    assert_int_equal(check.faults, 1);
    home_close(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_batch), cmocka_unit_test(test_failed_record_makes_nothing),
        cmocka_unit_test(test_drop),      cmocka_unit_test(test_checks),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
