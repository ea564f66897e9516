/* submit_test.c -- submitted operations against their blocking forms; bounds, cancel, deadlines,
 * exactly one completion whatever happens. */
#include "support/support.h"

#include <stdlib.h>
#include <unistd.h>

#include "support/runtime_house.h"

enum { DIMENSION = 4 };

struct world {
    struct hall hall;
    omega_cq *cq;
    omega_id known; /* a stored memory */
    char path[512];
};

static void world_open(struct world *world)
{
    static const float values[DIMENSION] = {1, 2, 3, 4};
    memset(world, 0, sizeof *world);
    hall_open(&world->hall);
    assert_ok(omega_cq_new(world->hall.rt, 256, &world->cq));
    omega_memory_input input = hall_input("Ann prefers green tea");
    input.key = omega_str_of("ann");
    assert_ok(omega_memory_store(world->hall.rt, &input, &world->known));
    const omega_point point = {.key = omega_str_of("p"), .values = values};
    const omega_vector_add_options add = {.struct_size = sizeof add,
                                          .space = omega_str_of("mine"),
                                          .points = &point,
                                          .count = 1,
                                          .dimension = DIMENSION};
    assert_ok(omega_vector_add(world->hall.rt, &add));
}

static void world_close(struct world *world)
{
    omega_cq_free(world->cq);
    hall_stop(&world->hall);
    hall_close(&world->hall);
}

static omega_status submit(struct world *world, omega_op op, const void *options, uint64_t *ticket)
{
    const omega_request request = {.struct_size = sizeof request, .op = op, .options = options};
    return omega_submit(world->hall.rt, &request, world->cq, world, ticket);
}

static void next_of(omega_cq *cq, omega_completion *done)
{
    *done = (omega_completion){.struct_size = sizeof *done};
    assert_ok(omega_cq_next(cq, 20000, done));
}

/* Submits, waits; the completion carries what was submitted and succeeded. */
static omega_completion run(struct world *world, omega_op op, const void *options)
{
    omega_completion done;
    uint64_t ticket = 0;
    assert_ok(submit(world, op, options, &ticket));
    next_of(world->cq, &done);
    if (done.status != OMEGA_OK) {
        print_error("%s: %s\n", omega_op_name(op), done.error);
    }
    assert_int_equal(done.status, OMEGA_OK);
    assert_int_equal(done.op, op);
    assert_int_equal(done.ticket, ticket);
    assert_ptr_equal(done.user_data, world);
    assert_string_equal(done.error, "");
    return done;
}

static void expect_text(omega_str got, omega_str wanted)
{
    assert_int_equal(got.len, wanted.len);
    assert_memory_equal(got.ptr, wanted.ptr, got.len);
}

static void same_memories(const omega_memories *a, const omega_memories *b)
{
    assert_int_equal(omega_memories_count(a), omega_memories_count(b));
    for (size_t i = 0; i < omega_memories_count(a); i++) {
        const omega_memory *x = omega_memories_at(a, i);
        const omega_memory *y = omega_memories_at(b, i);
        assert_string_equal(x->id.text, y->id.text);
        expect_text(x->content, y->content);
        assert_true(x->score == y->score);
        assert_int_equal(x->version, y->version);
    }
}

static void same_vectors(const omega_vectors *a, const omega_vectors *b)
{
    assert_int_equal(omega_vectors_count(a), omega_vectors_count(b));
    for (size_t i = 0; i < omega_vectors_count(a); i++) {
        const omega_vector *x = omega_vectors_at(a, i);
        const omega_vector *y = omega_vectors_at(b, i);
        expect_text(x->key, y->key);
        assert_int_equal(x->dimension, y->dimension);
        assert_true(x->score == y->score);
        if (x->values != NULL) {
            assert_memory_equal(x->values, y->values, x->dimension * sizeof(float));
        }
    }
}

/* ---- Each operation, both ways -------------------------------------------------------------- */

static void test_reads_are_the_same(void **state)
{
    (void)state;
    struct world world;
    omega_completion done;
    omega_memories *memories = NULL;
    uint64_t count = 0;
    world_open(&world);
    omega_runtime *rt = world.hall.rt;
    hall_say(&world.hall, "Ben prefers black tea");

    omega_get_options get = {.struct_size = sizeof get, .id = omega_str_of(world.known.text)};
    assert_ok(omega_memory_get(rt, world.known.text, NULL, &memories));
    done = run(&world, OMEGA_OP_GET_MEMORY, &get);
    same_memories(done.result, memories);
    omega_completion_release(&done);
    assert_null(done.owned);
    omega_completion_release(&done);
    get.id = (omega_str){NULL, 0};
    get.key = omega_str_of("ann");
    done = run(&world, OMEGA_OP_GET_MEMORY, &get);
    same_memories(done.result, memories);
    omega_completion_release(&done);
    omega_memories_free(memories);

    get = (omega_get_options){.struct_size = sizeof get, .id = omega_str_of(world.known.text)};
    assert_ok(omega_memory_history(rt, world.known.text, NULL, &memories));
    done = run(&world, OMEGA_OP_MEMORY_HISTORY, &get);
    same_memories(done.result, memories);
    omega_completion_release(&done);
    omega_memories_free(memories);

    const omega_list_options list = OMEGA_LIST_OPTIONS_INIT;
    assert_ok(omega_memory_list(rt, &list, &memories));
    assert_int_equal(omega_memories_count(memories), 2);
    done = run(&world, OMEGA_OP_LIST_MEMORIES, &list);
    same_memories(done.result, memories);
    omega_completion_release(&done);
    omega_memories_free(memories);

    assert_ok(omega_memory_count(rt, &list, &count));
    done = run(&world, OMEGA_OP_COUNT_MEMORIES, &list);
    assert_int_equal(*(const uint64_t *)done.result, count);
    omega_completion_release(&done);

    omega_recall_options recall = OMEGA_RECALL_OPTIONS_INIT;
    recall.query = omega_str_of("who prefers tea");
    assert_ok(omega_memory_recall(rt, &recall, &memories));
    assert_int_equal(omega_memories_count(memories), 2);
    done = run(&world, OMEGA_OP_RECALL_MEMORIES, &recall);
    same_memories(done.result, memories);
    omega_completion_release(&done);
    omega_memories_free(memories);
    world_close(&world);
}

static void test_vectors_are_the_same(void **state)
{
    (void)state;
    struct world world;
    omega_vectors *vectors = NULL;
    float embedded[768];
    static const float values[DIMENSION] = {4, 3, 2, 1};
    world_open(&world);
    omega_runtime *rt = world.hall.rt;

    const omega_embed_options embed = {.struct_size = sizeof embed,
                                       .text = omega_str_of("green tea")};
    assert_ok(omega_embed(rt, embed.text, embedded, 768));
    omega_completion done = run(&world, OMEGA_OP_EMBED, &embed);
    assert_int_equal(omega_vectors_at(done.result, 0)->dimension, 768);
    assert_memory_equal(omega_vectors_at(done.result, 0)->values, embedded, sizeof embedded);
    omega_completion_release(&done);

    const omega_point point = {.key = omega_str_of("q"), .values = values};
    const omega_vector_add_options add = {.struct_size = sizeof add,
                                          .space = omega_str_of("mine"),
                                          .points = &point,
                                          .count = 1,
                                          .dimension = DIMENSION};
    done = run(&world, OMEGA_OP_ADD_VECTORS, &add);
    assert_null(done.result);
    omega_completion_release(&done);

    const omega_vector_key key = {.struct_size = sizeof key, .space = add.space, .key = point.key};
    assert_ok(omega_vector_get(rt, key.space, key.key, &vectors));
    done = run(&world, OMEGA_OP_GET_VECTOR, &key);
    same_vectors(done.result, vectors);
    assert_memory_equal(omega_vectors_at(done.result, 0)->values, values, sizeof values);
    omega_completion_release(&done);
    omega_vectors_free(vectors);

    const omega_vector_search_options search = {.struct_size = sizeof search,
                                                .k = 2,
                                                .space = add.space,
                                                .query = values,
                                                .dimension = DIMENSION,
                                                .with_values = true};
    assert_ok(omega_vector_search(rt, &search, &vectors));
    assert_int_equal(omega_vectors_count(vectors), 2);
    done = run(&world, OMEGA_OP_SEARCH_VECTORS, &search);
    same_vectors(done.result, vectors);
    omega_completion_release(&done);
    omega_vectors_free(vectors);

    const omega_vector_delete_options remove = {
        .struct_size = sizeof remove, .space = add.space, .key = point.key};
    done = run(&world, OMEGA_OP_DELETE_VECTOR, &remove);
    omega_completion_release(&done);
    assert_status(omega_vector_get(rt, key.space, key.key, &vectors), OMEGA_ENOTFOUND);
    world_close(&world);
}

static void expect_content(struct world *world, const char *id, const char *content)
{
    omega_memories *memories = NULL;
    assert_ok(omega_memory_get(world->hall.rt, id, NULL, &memories));
    expect_text(omega_memories_at(memories, 0)->content, omega_str_of(content));
    omega_memories_free(memories);
}

static void test_writes_are_the_same(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);

    omega_memory_input input = hall_input("Cleo plays chess");
    omega_completion done = run(&world, OMEGA_OP_STORE_MEMORY, &input);
    const omega_id id = *(const omega_id *)done.result;
    omega_completion_release(&done);
    expect_content(&world, id.text, "Cleo plays chess");

    const omega_memory_input two[] = {hall_input("first of two"), hall_input("second of two")};
    const omega_store_batch batch = {.struct_size = sizeof batch, .memories = two, .count = 2};
    done = run(&world, OMEGA_OP_STORE_MEMORIES, &batch);
    const omega_ids *ids = done.result;
    assert_int_equal(ids->count, 2);
    expect_content(&world, ids->ids[1].text, "second of two");
    omega_completion_release(&done);

    const omega_message messages[] = {
        {.role = omega_str_of("user"),
         .content = omega_str_of("hello"),
         .occurred_at_ms = OMEGA_TIME_UNSET},
        {.role = omega_str_of("assistant"),
         .content = omega_str_of("good day"),
         .occurred_at_ms = OMEGA_TIME_UNSET},
    };
    const omega_messages_options talk = {
        .struct_size = sizeof talk, .messages = messages, .count = 2};
    done = run(&world, OMEGA_OP_ADD_MESSAGES, &talk);
    ids = done.result;
    assert_int_equal(ids->count, 2);
    assert_true(ids->session[0] != '\0');
    omega_completion_release(&done);

    omega_update_options update = OMEGA_UPDATE_OPTIONS_INIT;
    update.id = id.text;
    update.content = omega_str_of("Cleo plays go");
    done = run(&world, OMEGA_OP_UPDATE_MEMORY, &update);
    assert_int_equal(*(const uint64_t *)done.result, 2);
    omega_completion_release(&done);
    expect_content(&world, id.text, "Cleo plays go");

    omega_supersede_options supersede = {.struct_size = sizeof supersede,
                                         .old_id = omega_str_of(id.text),
                                         .memory = hall_input("Cleo plays nothing")};
    done = run(&world, OMEGA_OP_SUPERSEDE_MEMORY, &supersede);
    const omega_id newer = *(const omega_id *)done.result;
    omega_completion_release(&done);
    expect_content(&world, newer.text, "Cleo plays nothing");

    omega_delete_options delete = OMEGA_DELETE_OPTIONS_INIT;
    delete.id = newer.text;
    done = run(&world, OMEGA_OP_DELETE_MEMORY, &delete);
    assert_int_equal(((const omega_deletion *)done.result)->deleted, 1);
    omega_completion_release(&done);

    const omega_list_options where = OMEGA_LIST_OPTIONS_INIT;
    delete = omega_delete_options_default();
    delete.where = &where;
    delete.dry_run = true;
    done = run(&world, OMEGA_OP_DELETE_MEMORIES, &delete);
    assert_true(((const omega_deletion *)done.result)->matched >= 3);
    assert_int_equal(((const omega_deletion *)done.result)->deleted, 0);
    omega_completion_release(&done);
    world_close(&world);
}

static bool count_steps(void *context, const char *phase, uint64_t done, uint64_t total)
{
    (void)phase;
    (void)done;
    (void)total;
    ++*(unsigned *)context;
    return true;
}

static void test_long_work_is_the_same(void **state)
{
    (void)state;
    struct world world;
    unsigned steps = 0;
    world_open(&world);
    omega_runtime *rt = world.hall.rt;

    snprintf(world.path, sizeof world.path, "%s/backup", world.hall.dir);
    const omega_backup_options backup = {.struct_size = sizeof backup,
                                         .file = world.path,
                                         .progress = count_steps,
                                         .context = &steps};
    omega_completion done = run(&world, OMEGA_OP_BACKUP, &backup);
    omega_completion_release(&done);
    assert_true(steps > 0);
    assert_int_equal(access(world.path, R_OK), 0);

    const omega_check_options check = {.struct_size = sizeof check};
    omega_check_report report = {.struct_size = sizeof report};
    assert_ok(omega_check(rt, NULL, NULL, NULL, &report));
    done = run(&world, OMEGA_OP_CHECK, &check);
    assert_int_equal(((const omega_check_report *)done.result)->faults, 0);
    assert_true(((const omega_check_report *)done.result)->rows >= report.rows);
    omega_completion_release(&done);

    snprintf(world.path, sizeof world.path, "%s/export", world.hall.dir);
    const omega_export_options export = {.struct_size = sizeof export, .path = world.path};
    done = run(&world, OMEGA_OP_EXPORT, &export);
    assert_int_equal(*(const uint64_t *)done.result, 1);
    omega_completion_release(&done);

    const omega_import_options import = {
        .struct_size = sizeof import, .path = world.path, .tier = OMEGA_TIER_UNSET};
    done = run(&world, OMEGA_OP_IMPORT, &import);
    assert_int_equal(((const omega_import_report *)done.result)->known, 1);
    omega_completion_release(&done);

    omega_cycle_options cycle = {.struct_size = sizeof cycle,
                                 .loop = (omega_loop)OMEGA_LOOP_CHECKPOINT,
                                 .input = OMEGA_CYCLE_INPUT_INIT};
    done = run(&world, OMEGA_OP_EXECUTE_LOOP_CYCLE, &cycle);
    assert_true(omega_cycle_json(done.result).len > 0);
    omega_completion_release(&done);

    done = run(&world, OMEGA_OP_HEALTH_PROBE, NULL);
    assert_int_equal(((const omega_health_report *)done.result)->overall, OMEGA_HEALTHY);
    omega_completion_release(&done);
    done = run(&world, OMEGA_OP_NOOP, NULL);
    assert_null(done.result);
    omega_completion_release(&done);
    world_close(&world);
}

/* What the caller gave may go as soon as the submission returned. */
static void test_options_are_copied(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    char *content = strdup("words that the caller wipes");
    float *embedding = calloc(DIMENSION, sizeof *embedding);
    for (int i = 0; i < DIMENSION; i++) {
        embedding[i] = (float)i;
    }
    omega_memory_input *input = malloc(sizeof *input);
    *input = hall_input(content);
    input->embedding = embedding;
    input->dimension = DIMENSION;
    assert_ok(submit(&world, OMEGA_OP_STORE_MEMORY, input, NULL));
    memset(content, 'x', strlen(content));
    memset(embedding, 0xff, DIMENSION * sizeof *embedding);
    memset(input, 0xff, sizeof *input);
    free(content);
    free(embedding);
    free(input);
    omega_completion done;
    next_of(world.cq, &done);
    assert_int_equal(done.status, OMEGA_OK);
    expect_content(&world, ((const omega_id *)done.result)->text, "words that the caller wipes");
    omega_completion_release(&done);
    world_close(&world);
}

/* ---- Failures ------------------------------------------------------------------------------- */

static void test_a_failure_carries_its_error(void **state)
{
    (void)state;
    struct world world;
    omega_completion done;
    world_open(&world);
    omega_memory_input input = hall_input("x");
    input.importance = 1.5;
    omega_id id;
    assert_status(omega_memory_store(world.hall.rt, &input, &id), OMEGA_EINVAL);
    char said[512];
    snprintf(said, sizeof said, "%s", omega_error_message());
    assert_ok(submit(&world, OMEGA_OP_STORE_MEMORY, &input, NULL));
    next_of(world.cq, &done);
    assert_int_equal(done.status, OMEGA_EINVAL);
    assert_string_equal(done.error, said);
    assert_null(done.result);
    omega_completion_release(&done);
    world_close(&world);
}

static void test_misuse(void **state)
{
    (void)state;
    struct world world;
    struct hall other;
    omega_cq *cq = NULL;
    omega_completion done = {.struct_size = sizeof done};
    world_open(&world);
    omega_runtime *rt = world.hall.rt;
    omega_request request = {.struct_size = sizeof request, .op = OMEGA_OP_NOOP};
    assert_status(omega_submit(NULL, &request, world.cq, NULL, NULL), OMEGA_EINVAL);
    assert_status(omega_submit(rt, NULL, world.cq, NULL, NULL), OMEGA_EINVAL);
    assert_status(omega_submit(rt, &request, NULL, NULL, NULL), OMEGA_EINVAL);
    request.struct_size = 4;
    assert_status(omega_submit(rt, &request, world.cq, NULL, NULL), OMEGA_EINVAL);
    request.struct_size = sizeof request;
    request.op = OMEGA_OP_COUNT;
    assert_status(omega_submit(rt, &request, world.cq, NULL, NULL), OMEGA_EINVAL);
    request.op = OMEGA_OP_STORE_MEMORY; /* without its options */
    assert_status(omega_submit(rt, &request, world.cq, NULL, NULL), OMEGA_EINVAL);
    assert_error_says("store_memory");
    const uint32_t bare = 4; /* options that were not initialised */
    request.options = &bare;
    assert_status(omega_submit(rt, &request, world.cq, NULL, NULL), OMEGA_EINVAL);
    request =
        (omega_request){.struct_size = sizeof request, .op = OMEGA_OP_NOOP, .deadline_ms = -1};
    assert_status(omega_submit(rt, &request, world.cq, NULL, NULL), OMEGA_EINVAL);
    assert_error_says("deadline_ms");
    omega_store_batch batch = {.struct_size = sizeof batch, .count = 1};
    const omega_memory_input input = hall_input("x");
    batch.memories = &input;
    batch.count = SIZE_MAX / 2;
    request = (omega_request){
        .struct_size = sizeof request, .op = OMEGA_OP_STORE_MEMORIES, .options = &batch};
    assert_status(omega_submit(rt, &request, world.cq, NULL, NULL), OMEGA_ELIMIT);
    hall_open(&other);
    request = (omega_request){.struct_size = sizeof request, .op = OMEGA_OP_NOOP};
    assert_status(omega_submit(other.rt, &request, world.cq, NULL, NULL), OMEGA_EINVAL);
    hall_close(&other);
    assert_status(omega_cq_new(rt, 0, &cq), OMEGA_EINVAL);
    assert_status(omega_cq_new(rt, 257, &cq), OMEGA_EINVAL);
    assert_error_says("256");
    assert_status(omega_cq_new(rt, 1, NULL), OMEGA_EINVAL);
    assert_status(omega_cq_next(NULL, 0, &done), OMEGA_EINVAL);
    assert_status(omega_cq_next(world.cq, 0, NULL), OMEGA_EINVAL);
    done.struct_size = 0;
    assert_status(omega_cq_next(world.cq, 0, &done), OMEGA_EINVAL);
    done.struct_size = sizeof done;
    assert_status(omega_cq_next(world.cq, 0, &done), OMEGA_ETIMEDOUT);
    assert_status(omega_cq_next(world.cq, 5, &done), OMEGA_ETIMEDOUT);
    assert_status(omega_op_cancel(rt, 12345), OMEGA_ENOTFOUND);
    assert_status(omega_op_cancel(NULL, 1), OMEGA_EINVAL);
    assert_int_equal(omega_cq_fd(NULL), -1);
    assert_int_equal(omega_cq_dispatch(world.cq, 1, NULL, NULL), 0);
    omega_completion_release(NULL);
    omega_cq_free(NULL);
    assert_string_equal(omega_op_name(OMEGA_OP_COUNT), "?");
    world_close(&world);
}

/* ---- Holding a worker ----------------------------------------------------------------------- */

/* A backup whose progress waits until it is let go: long work that has begun. */
struct hold {
    atomic_bool begun, let_go;
};

static bool hold_on(void *context, const char *phase, uint64_t done, uint64_t total)
{
    struct hold *hold = context;
    (void)phase;
    (void)done;
    (void)total;
    atomic_store(&hold->begun, true);
    while (!atomic_load(&hold->let_go)) {
        usleep(200);
    }
    return true;
}

static void wait_for(const atomic_bool *flag)
{
    for (int i = 0; i < 100000 && !atomic_load(flag); i++) {
        usleep(100);
    }
    assert_true(atomic_load(flag));
}

/* A runtime with one worker, which is busy. */
static uint64_t hold_worker(struct world *world, struct hold *hold)
{
    snprintf(world->path, sizeof world->path, "%s/held", world->hall.dir);
    const omega_backup_options backup = {
        .struct_size = sizeof backup, .file = world->path, .progress = hold_on, .context = hold};
    uint64_t ticket = 0;
    assert_ok(submit(world, OMEGA_OP_BACKUP, &backup, &ticket));
    wait_for(&hold->begun);
    return ticket;
}

static void world_with_one_worker(struct world *world)
{
    memset(world, 0, sizeof *world);
    hall_init(&world->hall);
    world->hall.config.runtime_threads = 1;
    hall_start(&world->hall);
    hall_say(&world->hall, "something to copy");
    assert_ok(omega_cq_new(world->hall.rt, 256, &world->cq));
}

static void test_cancel(void **state)
{
    (void)state;
    struct world world;
    struct hold hold = {false, false};
    omega_completion done;
    uint64_t waiting = 0;
    world_with_one_worker(&world);
    const uint64_t held = hold_worker(&world, &hold);
    const omega_memory_input input = hall_input("never stored");
    assert_ok(submit(&world, OMEGA_OP_STORE_MEMORY, &input, &waiting));
    assert_ok(omega_op_cancel(world.hall.rt, waiting)); /* one that waits */
    assert_ok(omega_op_cancel(world.hall.rt, held));    /* one that has begun, and asks */
    atomic_store(&hold.let_go, true);
    for (int i = 0; i < 2; i++) {
        next_of(world.cq, &done);
        assert_int_equal(done.status, OMEGA_ECANCELLED);
        assert_true(done.ticket == held || done.ticket == waiting);
        omega_completion_release(&done);
    }
    assert_status(omega_op_cancel(world.hall.rt, waiting), OMEGA_ENOTFOUND);
    assert_int_equal(hall_count(&world.hall), 1);
    omega_operation_info info;
    size_t count = 0;
    assert_ok(omega_operation_list(world.hall.rt, &info, 1, &count));
    assert_int_equal(info.state, OMEGA_OPERATION_CANCELLED);
    world_close(&world);
}

static void test_deadlines(void **state)
{
    (void)state;
    struct world world;
    struct hold hold = {false, false};
    omega_completion done;
    world_with_one_worker(&world);
    hold_worker(&world, &hold);
    const omega_memory_input input = hall_input("too late");
    const omega_request request = {.struct_size = sizeof request,
                                   .op = OMEGA_OP_STORE_MEMORY,
                                   .options = &input,
                                   .deadline_ms = 50};
    assert_ok(omega_submit(world.hall.rt, &request, world.cq, &hold, NULL));
    hall_wait(&world.hall, 51);
    atomic_store(&hold.let_go, true);
    unsigned late = 0;
    for (int i = 0; i < 2; i++) {
        next_of(world.cq, &done);
        if (done.user_data == &hold) {
            assert_int_equal(done.status, OMEGA_ETIMEDOUT);
            assert_true(done.latency_us >= 50000);
            late++;
        }
        omega_completion_release(&done);
    }
    assert_int_equal(late, 1);
    assert_int_equal(hall_count(&world.hall), 1);
    world_close(&world);
}

static void test_bounds(void **state)
{
    (void)state;
    struct world world;
    struct hold hold = {false, false};
    omega_completion done;
    omega_cq *small = NULL;
    world_with_one_worker(&world);
    hold_worker(&world, &hold);
    const omega_list_options list = OMEGA_LIST_OPTIONS_INIT;
    const omega_request request = {
        .struct_size = sizeof request, .op = OMEGA_OP_COUNT_MEMORIES, .options = &list};
    assert_ok(omega_cq_new(world.hall.rt, 2, &small));
    assert_ok(omega_submit(world.hall.rt, &request, small, NULL, NULL));
    assert_ok(omega_submit(world.hall.rt, &request, small, NULL, NULL));
    assert_status(omega_submit(world.hall.rt, &request, small, NULL, NULL), OMEGA_EAGAIN);
    assert_error_says("queue");
    for (int i = 0; i < 256 - 3; i++) { /* one is held, two wait for `small` */
        assert_ok(submit(&world, OMEGA_OP_COUNT_MEMORIES, &list, NULL));
    }
    assert_status(submit(&world, OMEGA_OP_COUNT_MEMORIES, &list, NULL), OMEGA_EAGAIN);
    assert_error_says("runtime");
    atomic_store(&hold.let_go, true);
    for (int i = 0; i < 254; i++) {
        next_of(world.cq, &done);
        assert_int_equal(done.status, OMEGA_OK);
        omega_completion_release(&done);
    }
    next_of(small, &done);
    /* One is taken, so one more may come. */
    assert_ok(omega_submit(world.hall.rt, &request, small, NULL, NULL));
    omega_completion_release(&done);
    omega_cq_free(small); /* drops what it holds */
    world_close(&world);
}

static void count_completion(void *context, const omega_completion *completion)
{
    assert_int_equal(completion->status, OMEGA_OK);
    ++*(unsigned *)context;
}

static void test_the_eventfd(void **state)
{
    (void)state;
    struct world world;
    unsigned seen = 0;
    world_open(&world);
    const int fd = omega_cq_fd(world.cq);
    assert_false(om_os_wait_readable(fd, 0));
    for (int i = 0; i < 5; i++) {
        assert_ok(submit(&world, OMEGA_OP_NOOP, NULL, NULL));
    }
    assert_true(om_os_wait_readable(fd, 1000));
    assert_int_equal(omega_cq_dispatch(world.cq, 3, count_completion, &seen), 3);
    assert_true(om_os_wait_readable(fd, 0)); /* two are left */
    assert_int_equal(omega_cq_dispatch(world.cq, 100, count_completion, &seen), 2);
    assert_int_equal(seen, 5);
    assert_false(om_os_wait_readable(fd, 0));
    const omega_list_options list = OMEGA_LIST_OPTIONS_INIT;
    assert_ok(submit(&world, OMEGA_OP_COUNT_MEMORIES, &list, NULL));
    assert_true(om_os_wait_readable(fd, 10000)); /* a worker's, too */
    assert_int_equal(omega_cq_dispatch(world.cq, 1, count_completion, &seen), 1);
    world_close(&world);
}

/* ---- Stopping ------------------------------------------------------------------------------- */

static void test_a_stop_drains(void **state)
{
    (void)state;
    struct world world;
    omega_completion done;
    world_open(&world);
    for (int i = 0; i < 100; i++) {
        char text[32];
        snprintf(text, sizeof text, "number %d", i);
        const omega_memory_input input = hall_input(text);
        assert_ok(submit(&world, OMEGA_OP_STORE_MEMORY, &input, NULL));
    }
    hall_stop(&world.hall);
    assert_status(submit(&world, OMEGA_OP_NOOP, NULL, NULL), OMEGA_ESTATE);
    for (int i = 0; i < 100; i++) {
        next_of(world.cq, &done);
        assert_int_equal(done.status, OMEGA_OK);
        omega_completion_release(&done);
    }
    done = (omega_completion){.struct_size = sizeof done};
    assert_status(omega_cq_next(world.cq, -1, &done), OMEGA_ECLOSED);
    assert_ok(omega_runtime_start(world.hall.rt));
    assert_int_equal(hall_count(&world.hall), 101);
    assert_status(omega_cq_next(world.cq, 0, &done), OMEGA_ETIMEDOUT); /* open again */
    done = run(&world, OMEGA_OP_NOOP, NULL);
    omega_completion_release(&done);
    world_close(&world);
}

static void let_go_when_draining(void *context)
{
    struct hold *hold = context;
    usleep(100000); /* the deadline of the stop passes meanwhile */
    atomic_store(&hold->let_go, true);
}

static void test_a_stop_cancels_at_its_deadline(void **state)
{
    (void)state;
    struct world world;
    struct hold hold = {false, false};
    struct om_thread helper = {0};
    omega_completion done;
    world_with_one_worker(&world);
    const uint64_t held = hold_worker(&world, &hold);
    const omega_memory_input input = hall_input("never stored");
    assert_ok(submit(&world, OMEGA_OP_STORE_MEMORY, &input, NULL));
    assert_ok(om_thread_start(&helper, "helper", let_go_when_draining, &hold));
    assert_status(omega_runtime_stop(world.hall.rt, 10), OMEGA_ETIMEDOUT);
    assert_int_equal(omega_runtime_state(world.hall.rt), OMEGA_STATE_STOPPED);
    om_thread_join(&helper);
    for (int i = 0; i < 2; i++) {
        next_of(world.cq, &done);
        assert_int_equal(done.status, OMEGA_ECANCELLED);
        (void)held;
        omega_completion_release(&done);
    }
    assert_ok(omega_runtime_start(world.hall.rt));
    assert_int_equal(hall_count(&world.hall), 1);
    world_close(&world);
}

static void wait_for_ever(void *context)
{
    struct world *world = context;
    omega_completion done = {.struct_size = sizeof done};
    assert_int_equal(omega_cq_next(world->cq, -1, &done), OMEGA_ECLOSED);
}

static void test_a_stop_wakes_who_waits(void **state)
{
    (void)state;
    struct world world;
    struct om_thread waiter = {0};
    world_open(&world);
    assert_ok(om_thread_start(&waiter, "waiter", wait_for_ever, &world));
    usleep(20000);
    hall_stop(&world.hall);
    om_thread_join(&waiter);
    omega_cq_free(world.cq);
    hall_close(&world.hall);
}

static void test_freeing_a_queue_with_things_in_flight(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    const omega_recall_options recall = {.struct_size = sizeof recall,
                                         .k = 10,
                                         .query = omega_str_of("tea"),
                                         .min_importance = OMEGA_UNSET,
                                         .vector_weight = OMEGA_UNSET,
                                         .valid_at_ms = OMEGA_TIME_UNSET,
                                         .known_at_ms = OMEGA_TIME_UNSET,
                                         .as_of_ms = OMEGA_TIME_UNSET};
    for (int round = 0; round < 20; round++) {
        omega_cq *cq = NULL;
        assert_ok(omega_cq_new(world.hall.rt, 64, &cq));
        for (int i = 0; i < 64; i++) {
            const omega_request request = {
                .struct_size = sizeof request, .op = OMEGA_OP_RECALL_MEMORIES, .options = &recall};
            assert_ok(omega_submit(world.hall.rt, &request, cq, NULL, NULL));
        }
        omega_cq_free(cq);
    }
    world_close(&world);
}

/* ---- Many at once --------------------------------------------------------------------------- */

enum { SUBMITTERS = 4, EACH = 300 };

struct crowd {
    struct world *world;
    atomic_uint submitted, completed;
    atomic_bool done;
    unsigned char seen[SUBMITTERS * EACH];
};

struct member {
    struct crowd *crowd;
    unsigned number;
};

static void submit_many(void *context)
{
    struct member *member = context;
    struct crowd *crowd = member->crowd;
    for (unsigned i = 0; i < EACH; i++) {
        const unsigned slot = member->number * EACH + i;
        const omega_memory_input input = hall_input(i % 2 == 0 ? "even words" : "odd words");
        omega_recall_options recall = OMEGA_RECALL_OPTIONS_INIT;
        recall.query = omega_str_of("words");
        const omega_request requests[] = {
            {.struct_size = sizeof(omega_request), .op = OMEGA_OP_NOOP},
            {.struct_size = sizeof(omega_request), .op = OMEGA_OP_STORE_MEMORY, .options = &input},
            {.struct_size = sizeof(omega_request),
             .op = OMEGA_OP_RECALL_MEMORIES,
             .options = &recall},
        };
        uint64_t ticket = 0;
        omega_status status = OMEGA_EAGAIN;
        while (status == OMEGA_EAGAIN) {
            status = omega_submit(crowd->world->hall.rt, &requests[i % 3], crowd->world->cq,
                                  &crowd->seen[slot], &ticket);
            if (status == OMEGA_EAGAIN) {
                usleep(100);
            }
        }
        assert_int_equal(status, OMEGA_OK);
        if (i % 7 == 0) {
            (void)omega_op_cancel(crowd->world->hall.rt, ticket);
        }
        atomic_fetch_add(&crowd->submitted, 1);
    }
}

static void take_many(void *context)
{
    struct crowd *crowd = context;
    omega_completion done = {.struct_size = sizeof done};
    while (atomic_load(&crowd->completed) < SUBMITTERS * EACH) {
        if (omega_cq_next(crowd->world->cq, 10, &done) == OMEGA_OK) {
            assert_true(done.status == OMEGA_OK || done.status == OMEGA_ECANCELLED);
            ++*(unsigned char *)done.user_data; /* each is one slot: no other thread touches it */
            omega_completion_release(&done);
            atomic_fetch_add(&crowd->completed, 1);
        }
    }
}

static void test_a_crowd_completes_exactly_once(void **state)
{
    (void)state;
    struct world world;
    struct crowd crowd = {.world = &world};
    struct member members[SUBMITTERS];
    struct om_thread submitters[SUBMITTERS] = {0};
    struct om_thread takers[2] = {0};
    world_open(&world);
    for (unsigned i = 0; i < 2; i++) {
        assert_ok(om_thread_start(&takers[i], "taker", take_many, &crowd));
    }
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        members[i] = (struct member){&crowd, i};
        assert_ok(om_thread_start(&submitters[i], "submitter", submit_many, &members[i]));
    }
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        om_thread_join(&submitters[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        om_thread_join(&takers[i]);
    }
    for (size_t i = 0; i < sizeof crowd.seen; i++) {
        assert_int_equal(crowd.seen[i], 1);
    }
    world_close(&world);
}

/* Submitters race with stops and starts: a submission is refused or completes, never both, never
 * neither. */
static void race_with_stops(void *context)
{
    struct crowd *crowd = context;
    const omega_memory_input input = hall_input("raced");
    const omega_request request = {
        .struct_size = sizeof request, .op = OMEGA_OP_STORE_MEMORY, .options = &input};
    while (!atomic_load(&crowd->done)) {
        const omega_status status =
            omega_submit(crowd->world->hall.rt, &request, crowd->world->cq, NULL, NULL);
        assert_true(status == OMEGA_OK || status == OMEGA_ESTATE || status == OMEGA_EAGAIN);
        if (status == OMEGA_OK) {
            atomic_fetch_add(&crowd->submitted, 1);
        }
    }
}

static void test_submissions_race_with_stops(void **state)
{
    (void)state;
    struct world world;
    struct crowd crowd = {.world = &world};
    struct om_thread racers[2] = {0};
    omega_completion done = {.struct_size = sizeof done};
    world_open(&world);
    for (unsigned i = 0; i < 2; i++) {
        assert_ok(om_thread_start(&racers[i], "racer", race_with_stops, &crowd));
    }
    for (int round = 0; round < 10; round++) {
        usleep(2000);
        const omega_status status = omega_runtime_stop(world.hall.rt, round % 2 == 0 ? 0 : 1000);
        assert_true(status == OMEGA_OK || status == OMEGA_ETIMEDOUT);
        while (omega_cq_next(world.cq, 0, &done) == OMEGA_OK) {
            atomic_fetch_add(&crowd.completed, 1);
            omega_completion_release(&done);
        }
        assert_ok(omega_runtime_start(world.hall.rt));
    }
    atomic_store(&crowd.done, true);
    for (unsigned i = 0; i < 2; i++) {
        om_thread_join(&racers[i]);
    }
    hall_stop(&world.hall);
    while (omega_cq_next(world.cq, -1, &done) == OMEGA_OK) {
        atomic_fetch_add(&crowd.completed, 1);
        omega_completion_release(&done);
    }
    assert_int_equal(atomic_load(&crowd.completed), atomic_load(&crowd.submitted));
    omega_cq_free(world.cq);
    hall_close(&world.hall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_are_the_same),
        cmocka_unit_test(test_vectors_are_the_same),
        cmocka_unit_test(test_writes_are_the_same),
        cmocka_unit_test(test_long_work_is_the_same),
        cmocka_unit_test(test_options_are_copied),
        cmocka_unit_test(test_a_failure_carries_its_error),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_the_eventfd),
        cmocka_unit_test(test_a_stop_drains),
        cmocka_unit_test(test_a_stop_cancels_at_its_deadline),
        cmocka_unit_test(test_a_stop_wakes_who_waits),
        cmocka_unit_test(test_freeing_a_queue_with_things_in_flight),
        cmocka_unit_test(test_a_crowd_completes_exactly_once),
        cmocka_unit_test(test_submissions_race_with_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
