/* contract_oom_test.c -- memory runs out at every allocation of every public call that works on a
 * running engine, also when a worker does it for a submitter. Nothing is left behind, the same call
 * succeeds afterwards, and the store is whole. */
#include "support/support.h"

#include <unistd.h>

#include "support/runtime_house.h"

enum { DIMENSION = 4 };
static const float values[DIMENSION] = {1, 2, 3, 4};

struct world {
    struct hall hall;
    omega_id known;
    omega_cq *cq;
    char path[512];
    char file[512];
    unsigned count;
};

static omega_memory_input keyed(const char *content)
{
    omega_memory_input input = hall_input(content);
    input.key = omega_str_of("the same");
    input.importance = 0.5;
    return input;
}

static omega_status step_store(void *context)
{
    struct world *world = context;
    const omega_memory_input input = keyed("Ann prefers tea");
    omega_id id;
    return omega_memory_store(world->hall.rt, &input, &id);
}

static omega_status step_batch(void *context)
{
    struct world *world = context;
    omega_memory_input two[] = {keyed("one of two"), keyed("two of two")};
    omega_id ids[2];
    two[1].key = omega_str_of("another");
    return omega_memory_store_batch(world->hall.rt, two, 2, NULL, ids);
}

static omega_status step_get(void *context)
{
    struct world *world = context;
    omega_memories *memories = NULL;
    omega_status status = omega_memory_get(world->hall.rt, world->known.text, NULL, &memories);
    assert_true((memories != NULL) == (status == OMEGA_OK));
    omega_memories_free(memories);
    if (status == OMEGA_OK) {
        status = omega_memory_get_by_key(world->hall.rt, omega_str_of("known"), NULL, &memories);
        omega_memories_free(memories);
    }
    return status;
}

static omega_status step_history(void *context)
{
    struct world *world = context;
    omega_memories *memories = NULL;
    const omega_status status =
        omega_memory_history(world->hall.rt, world->known.text, NULL, &memories);
    omega_memories_free(memories);
    return status;
}

static omega_status step_list(void *context)
{
    struct world *world = context;
    omega_list_options list = OMEGA_LIST_OPTIONS_INIT;
    omega_memories *memories = NULL;
    uint64_t count = 0;
    list.filter_json = omega_str_of("{\"@importance\":{\"$gte\":0}}");
    omega_status status = omega_memory_list(world->hall.rt, &list, &memories);
    omega_memories_free(memories);
    if (status == OMEGA_OK) {
        status = omega_memory_count(world->hall.rt, &list, &count);
    }
    return status;
}

static omega_status step_recall(void *context)
{
    struct world *world = context;
    omega_recall_options recall = OMEGA_RECALL_OPTIONS_INIT;
    omega_memories *memories = NULL;
    recall.query = omega_str_of("what is known to all");
    recall.explain = true;
    const omega_status status = omega_memory_recall(world->hall.rt, &recall, &memories);
    assert_true((memories != NULL) == (status == OMEGA_OK));
    omega_memories_free(memories);
    return status;
}

static omega_status step_embed(void *context)
{
    struct world *world = context;
    float out[768];
    omega_status status = omega_embed(world->hall.rt, omega_str_of("green tea"), out, 768);
    return status == OMEGA_OK ? omega_embed(world->hall.rt, omega_str_of("green tea"), out, 100)
                              : status;
}

static omega_status step_update(void *context)
{
    struct world *world = context;
    omega_update_options update = OMEGA_UPDATE_OPTIONS_INIT;
    update.id = world->known.text;
    update.importance = 0.25;
    return omega_memory_update(world->hall.rt, &update, NULL);
}

static omega_status step_delete_where(void *context)
{
    struct world *world = context;
    const omega_list_options where = OMEGA_LIST_OPTIONS_INIT;
    omega_delete_options delete = OMEGA_DELETE_OPTIONS_INIT;
    omega_deletion deletion = {.struct_size = sizeof deletion};
    delete.where = &where;
    delete.dry_run = true;
    return omega_memory_delete_where(world->hall.rt, &delete, &deletion);
}

static omega_status step_vectors(void *context)
{
    struct world *world = context;
    omega_runtime *rt = world->hall.rt;
    const omega_str space = omega_str_of("mine");
    const omega_point point = {.key = omega_str_of("p"), .values = values};
    const omega_vector_add_options add = {.struct_size = sizeof add,
                                          .space = space,
                                          .points = &point,
                                          .count = 1,
                                          .dimension = DIMENSION};
    omega_vectors *vectors = NULL;
    omega_status status = omega_vector_add(rt, &add);
    if (status == OMEGA_OK) {
        status = omega_vector_get(rt, space, point.key, &vectors);
        omega_vectors_free(vectors);
    }
    vectors = NULL;
    const omega_vector_search_options search = {.struct_size = sizeof search,
                                                .k = 3,
                                                .space = space,
                                                .query = values,
                                                .dimension = DIMENSION};
    if (status == OMEGA_OK) {
        status = omega_vector_search(rt, &search, &vectors);
        omega_vectors_free(vectors);
    }
    return status;
}

static omega_status step_backup(void *context)
{
    struct world *world = context;
    (void)unlink(world->path);
    return omega_backup(world->hall.rt, world->path, NULL, NULL);
}

static omega_status step_check(void *context)
{
    struct world *world = context;
    omega_check_report report = {.struct_size = sizeof report};
    return omega_check(world->hall.rt, NULL, NULL, NULL, &report);
}

static omega_status step_export(void *context)
{
    struct world *world = context;
    const omega_export_options export = {.struct_size = sizeof export, .path = world->path};
    uint64_t count = 0;
    (void)unlink(world->path);
    return omega_export(world->hall.rt, &export, &count);
}

static omega_status step_import(void *context)
{
    struct world *world = context;
    const omega_import_options import = {
        .struct_size = sizeof import, .path = world->file, .tier = OMEGA_TIER_UNSET};
    omega_import_report report = {.struct_size = sizeof report};
    return omega_import(world->hall.rt, &import, &report);
}

/* By a worker: the count of the submitting thread goes along. */
static omega_status submit_and_take(struct world *world, omega_op op, const void *options)
{
    const omega_request request = {.struct_size = sizeof request, .op = op, .options = options};
    omega_completion done = {.struct_size = sizeof done};
    omega_status status = omega_submit(world->hall.rt, &request, world->cq, NULL, NULL);
    if (status == OMEGA_OK) {
        status = omega_cq_next(world->cq, -1, &done);
    }
    if (status == OMEGA_OK) {
        status = done.status;
        omega_completion_release(&done);
    }
    return status;
}

static omega_status step_submitted_store(void *context)
{
    const omega_memory_input input = keyed("Ann prefers coffee");
    return submit_and_take(context, OMEGA_OP_STORE_MEMORY, &input);
}

static omega_status step_submitted_recall(void *context)
{
    omega_recall_options recall = OMEGA_RECALL_OPTIONS_INIT;
    recall.query = omega_str_of("what is known to all");
    return submit_and_take(context, OMEGA_OP_RECALL_MEMORIES, &recall);
}

static omega_status step_queue(void *context)
{
    struct world *world = context;
    omega_cq *cq = NULL;
    const omega_status status = omega_cq_new(world->hall.rt, 8, &cq);
    omega_cq_free(cq);
    return status;
}

static const struct row {
    const char *name;
    omega_status (*step)(void *context);
} rows[] = {
    {"store", step_store},
    {"store_batch", step_batch},
    {"get", step_get},
    {"history", step_history},
    {"list and count", step_list},
    {"recall", step_recall},
    {"embed", step_embed},
    {"update", step_update},
    {"delete_where", step_delete_where},
    {"vectors", step_vectors},
    {"backup", step_backup},
    {"check", step_check},
    {"export", step_export},
    {"import", step_import},
    {"submitted store", step_submitted_store},
    {"submitted recall", step_submitted_recall},
    {"queue", step_queue},
};

static void world_open(struct world *world)
{
    memset(world, 0, sizeof *world);
    hall_init(&world->hall);
    world->hall.config.runtime_threads = 1; /* one worker: each run allocates the same */
    hall_start(&world->hall);
    omega_memory_input input = hall_input("this is known to all");
    input.key = omega_str_of("known");
    assert_ok(omega_memory_store(world->hall.rt, &input, &world->known));
    assert_ok(omega_cq_new(world->hall.rt, 8, &world->cq));
    snprintf(world->path, sizeof world->path, "%s/made", world->hall.dir);
    snprintf(world->file, sizeof world->file, "%s/to_import.jsonl", world->hall.dir);
    FILE *file = fopen(world->file, "w");
    assert_non_null(file);
    assert_true(fputs("{\"content\":\"imported\",\"importance\":0.5}\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_every_call(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world;
        omega_check_report report = {.struct_size = sizeof report};
        world_open(&world);
        print_message("%s: ", rows[i].name);
        om_test_oom_sweep(rows[i].step, &world);
        assert_ok(rows[i].step(&world));
        assert_ok(omega_check(world.hall.rt, NULL, NULL, NULL, &report));
        assert_int_equal(report.faults, 0);
        omega_cq_free(world.cq);
        hall_close(&world.hall);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
