/* runtime_test.c -- the handle's life: what the table allows, what it refuses, two processes,
 * forks. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/runtime_house.h"

static const omega_state in_order[] = {OMEGA_STATE_CREATED, OMEGA_STATE_RUNNING, OMEGA_STATE_PAUSED,
                                       OMEGA_STATE_STOPPED};

enum call { START, PAUSE, RESUME, STOP, CALLS };

static omega_status do_call(omega_runtime *rt, enum call call)
{
    switch (call) {
    case START:
        return omega_runtime_start(rt);
    case PAUSE:
        return omega_runtime_pause(rt);
    case RESUME:
        return omega_runtime_resume(rt);
    case STOP:
        return omega_runtime_stop(rt, 1000);
    case CALLS:
        break;
    }
    return OMEGA_EINVAL;
}

static void bring_to(omega_runtime *rt, omega_state state)
{
    if (state != OMEGA_STATE_CREATED) {
        assert_ok(omega_runtime_start(rt));
    }
    if (state == OMEGA_STATE_PAUSED) {
        assert_ok(omega_runtime_pause(rt));
    }
    if (state == OMEGA_STATE_STOPPED) {
        assert_ok(omega_runtime_stop(rt, 1000));
    }
}

/* Every call in every state, against the table of runtime.h. */
static void test_only_what_the_table_allows(void **state)
{
    (void)state;
    static const omega_state after[4][CALLS] = {
        /* CREATED is "refused": no call leads there */
        [0] = {OMEGA_STATE_RUNNING, 0, 0, 0},
        [1] = {0, OMEGA_STATE_PAUSED, 0, OMEGA_STATE_STOPPED},
        [2] = {0, 0, OMEGA_STATE_RUNNING, OMEGA_STATE_STOPPED},
        [3] = {OMEGA_STATE_RUNNING, 0, 0, 0},
    };
    for (size_t from = 0; from < 4; from++) {
        for (int call = 0; call < CALLS; call++) {
            struct hall hall;
            hall_init(&hall);
            hall_make(&hall);
            bring_to(hall.rt, in_order[from]);
            const omega_status status = do_call(hall.rt, (enum call)call);
            if (after[from][call] == OMEGA_STATE_CREATED) {
                assert_int_equal(status, OMEGA_ESTATE);
                assert_error_says(omega_state_name(in_order[from]));
                assert_int_equal(omega_runtime_state(hall.rt), in_order[from]);
            } else {
                assert_int_equal(status, OMEGA_OK);
                assert_int_equal(omega_runtime_state(hall.rt), after[from][call]);
            }
            hall_close(&hall);
        }
    }
}

static void test_a_whole_life(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    hall_say(&hall, "Ann prefers tea");
    assert_ok(omega_runtime_pause(hall.rt));
    const omega_memory_input input = hall_input("not now");
    omega_id id;
    assert_status(omega_memory_store(hall.rt, &input, &id), OMEGA_ESTATE);
    assert_error_says("paused");
    hall_expect_recall(&hall, "tea", "Ann prefers tea"); /* reads go on */
    assert_ok(omega_runtime_resume(hall.rt));
    hall_say(&hall, "Ben prefers coffee");
    for (int i = 0; i < 3; i++) {
        hall_stop(&hall);
        omega_memories *none = NULL;
        omega_recall_options recall = OMEGA_RECALL_OPTIONS_INIT;
        recall.query = omega_str_of("tea");
        assert_status(omega_memory_recall(hall.rt, &recall, &none), OMEGA_ESTATE);
        assert_null(none);
        assert_ok(omega_runtime_start(hall.rt));
        hall_expect_recall(&hall, "coffee", "Ben prefers coffee");
    }
    assert_int_equal(hall_count(&hall), 2);
    hall_stop(&hall);
    hall_close(&hall);
}

static void test_a_stop_gives_all_memory_back(void **state)
{
    (void)state;
    struct hall hall;
    hall_init(&hall);
    hall_make(&hall);
    const size_t made = om_runtime_live_blocks(hall.rt);
    assert_ok(omega_runtime_start(hall.rt));
    hall_say(&hall, "one thing");
    assert_true(om_runtime_live_blocks(hall.rt) > made);
    hall_stop(&hall);
    assert_int_equal(om_runtime_live_blocks(hall.rt), made);
    hall_close(&hall);
}

static void test_misuse(void **state)
{
    (void)state;
    omega_runtime *rt = NULL;
    assert_status(omega_runtime_new(NULL, NULL), OMEGA_EINVAL);
    omega_config config;
    omega_config_init(&config);
    config.agentdb_hnsw_m = 3;
    assert_status(omega_runtime_new(&config, &rt), OMEGA_EINVAL);
    assert_null(rt);
    assert_error_says("agentdb.hnsw_m");
    assert_error_says("128");
    config.struct_size = 0;
    assert_status(omega_runtime_new(&config, &rt), OMEGA_EINVAL);
    assert_status(omega_runtime_start(NULL), OMEGA_EINVAL);
    assert_status(omega_runtime_pause(NULL), OMEGA_EINVAL);
    assert_status(omega_runtime_resume(NULL), OMEGA_EINVAL);
    assert_status(omega_runtime_stop(NULL, 0), OMEGA_EINVAL);
    omega_runtime_free(NULL);
    omega_runtime_config(NULL, &config);
    assert_string_equal(omega_state_name((omega_state)99), "?");
}

static void test_the_config_in_force(void **state)
{
    (void)state;
    struct hall hall;
    hall_init(&hall);
    hall.config.memory_session_gap_secs = 77;
    hall_make(&hall);
    omega_config config = {.struct_size = sizeof config};
    omega_runtime_config(hall.rt, &config);
    assert_int_equal(config.memory_session_gap_secs, 77);
    assert_string_equal(config.runtime_data_dir, hall.config.runtime_data_dir);
    /* A caller of an older header gets what its struct has room for. */
    struct {
        uint32_t size;
        char dir[OMEGA_CONFIG_PATH_SIZE];
        uint32_t untouched;
    } old = {.size = offsetof(omega_config, runtime_threads), .untouched = 42};
    omega_runtime_config(hall.rt, (omega_config *)(void *)&old);
    assert_string_equal(old.dir, hall.config.runtime_data_dir);
    assert_int_equal(old.untouched, 42);
    hall_close(&hall);
}

static void test_a_failed_start_can_be_repeated(void **state)
{
    (void)state;
    struct hall hall;
    struct hall other;
    hall_open(&hall);
    hall_init(&other);
    memcpy(other.config.runtime_data_dir, hall.config.runtime_data_dir,
           sizeof other.config.runtime_data_dir);
    hall_make(&other);
    const size_t made = om_runtime_live_blocks(other.rt);
    for (int i = 0; i < 2; i++) {
        assert_status(omega_runtime_start(other.rt), OMEGA_EBUSY);
        assert_error_says("omega.sock");
        assert_int_equal(omega_runtime_state(other.rt), OMEGA_STATE_FAILED);
        assert_int_equal(om_runtime_live_blocks(other.rt), made);
    }
    assert_status(omega_runtime_pause(other.rt), OMEGA_ESTATE);
    omega_memories *none = NULL;
    assert_status(omega_memory_get(other.rt, "x", NULL, &none), OMEGA_ESTATE);
    hall_stop(&hall);
    assert_ok(omega_runtime_start(other.rt));
    hall_stop(&other);
    hall_close(&other);
    hall_close(&hall);
}

static void test_a_failed_runtime_can_be_stopped(void **state)
{
    (void)state;
    struct hall hall;
    hall_init(&hall);
    snprintf(hall.config.runtime_data_dir, sizeof hall.config.runtime_data_dir,
             "/proc/no/such/place");
    hall_make(&hall);
    assert_true(omega_runtime_start(hall.rt) != OMEGA_OK);
    assert_int_equal(omega_runtime_state(hall.rt), OMEGA_STATE_FAILED);
    assert_ok(omega_runtime_stop(hall.rt, 0));
    assert_int_equal(omega_runtime_state(hall.rt), OMEGA_STATE_STOPPED);
    hall_close(&hall);
}

/* ---- Processes ------------------------------------------------------------------------------ */

/* The second process: this program, called with a directory. */
static int second_process(const char *dir)
{
    omega_config config;
    omega_runtime *rt = NULL;
    omega_config_init(&config);
    snprintf(config.runtime_data_dir, sizeof config.runtime_data_dir, "%s", dir);
    omega_status status = omega_runtime_new(&config, &rt);
    if (status == OMEGA_OK) {
        status = omega_runtime_start(rt);
    }
    if (status != OMEGA_OK) {
        printf("%s\n", omega_error_message());
    }
    omega_runtime_free(rt);
    return -(int)status;
}

/* Runs it and returns its exit code; what it said in `said`. */
static int ask_second(const char *dir, char *said, size_t size)
{
    int out[2];
    int status = -1;
    size_t got = 0;
    ssize_t some = 0;
    assert_int_equal(pipe(out), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(out[1], STDOUT_FILENO);
        execl("/proc/self/exe", "runtime_test", "--second", dir, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    while ((some = read(out[0], said + got, size - 1 - got)) > 0) {
        got += (size_t)some;
    }
    said[got] = '\0';
    close(out[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_a_directory_has_one_process(void **state)
{
    (void)state;
    struct hall hall;
    char said[1024];
    char pid[32];
    char socket_path[1200];
    hall_open(&hall);
    assert_int_equal(ask_second(hall.config.runtime_data_dir, said, sizeof said), -OMEGA_EBUSY);
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    snprintf(socket_path, sizeof socket_path, "%s/omega.sock", hall.config.runtime_data_dir);
    assert_non_null(strstr(said, pid));
    assert_non_null(strstr(said, socket_path));
    assert_ok(omega_runtime_pause(hall.rt)); /* still its owner */
    assert_int_equal(ask_second(hall.config.runtime_data_dir, said, sizeof said), -OMEGA_EBUSY);
    hall_stop(&hall);
    assert_int_equal(ask_second(hall.config.runtime_data_dir, said, sizeof said), 0);
    hall_close(&hall);
}

static bool all_refused(const omega_status *got, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++) {
        if (got[i] != OMEGA_ESTATE) {
            fprintf(stderr, "%s %zu: %s\n", what, i, omega_status_name(got[i]));
            return false;
        }
    }
    return true;
}

/* Every public call that takes a handle, in the child of a fork. */
static bool memory_calls_are_refused(omega_runtime *rt)
{
    const omega_memory_input input = hall_input("x");
    const omega_recall_options recall = OMEGA_RECALL_OPTIONS_INIT;
    const omega_list_options list = OMEGA_LIST_OPTIONS_INIT;
    const omega_update_options update = OMEGA_UPDATE_OPTIONS_INIT;
    const omega_delete_options delete = OMEGA_DELETE_OPTIONS_INIT;
    const omega_messages_options messages = {.struct_size = sizeof messages};
    const omega_vector_add_options add = {.struct_size = sizeof add};
    const omega_vector_search_options search = {.struct_size = sizeof search};
    const omega_vector_delete_options remove = {.struct_size = sizeof remove};
    const omega_str name = omega_str_of("name");
    omega_memories *memories = NULL;
    omega_vectors *vectors = NULL;
    omega_id id;
    float values[8];
    uint64_t count = 0;
    const omega_status got[] = {
        omega_memory_store(rt, &input, &id),
        omega_memory_store_batch(rt, &input, 1, NULL, &id),
        omega_messages_add(rt, &messages, &id, NULL),
        omega_memory_get(rt, "x", NULL, &memories),
        omega_memory_get_by_key(rt, name, NULL, &memories),
        omega_memory_history(rt, "x", NULL, &memories),
        omega_memory_list(rt, &list, &memories),
        omega_memory_count(rt, &list, &count),
        omega_memory_recall(rt, &recall, &memories),
        omega_embed(rt, name, values, 8),
        omega_memory_update(rt, &update, NULL),
        omega_memory_supersede(rt, "x", &input, &id),
        omega_memory_delete(rt, &delete, NULL),
        omega_memory_delete_where(rt, &delete, NULL),
        omega_vector_add(rt, &add),
        omega_vector_get(rt, name, name, &vectors),
        omega_vector_search(rt, &search, &vectors),
        omega_vector_delete(rt, &remove),
    };
    return all_refused(got, sizeof got / sizeof got[0], "memory");
}

static bool life_and_loops_are_refused(omega_runtime *rt)
{
    omega_health_report health = {.struct_size = sizeof health};
    omega_runtime_metrics metrics = {.struct_size = sizeof metrics};
    omega_cycle_output *output = NULL;
    omega_loop_info loop;
    char *text = NULL;
    size_t size = 0;
    const omega_loop retention = (omega_loop)OMEGA_LOOP_RETENTION;
    const omega_status got[] = {
        omega_runtime_start(rt),
        omega_runtime_pause(rt),
        omega_runtime_resume(rt),
        omega_runtime_stop(rt, 0),
        omega_loop_execute_cycle(rt, retention, NULL, &output),
        omega_loop_status(rt, &loop, 1, &size),
        omega_loop_enable(rt, retention, true),
        omega_health_status(rt, &health),
        omega_health_probe(rt, &health),
        omega_metrics(rt, &metrics),
        omega_metrics_json(rt, &text),
        omega_metrics_prometheus(rt, &text),
        omega_drill(rt, "index", true),
    };
    return all_refused(got, sizeof got / sizeof got[0], "life");
}

static bool long_work_is_refused(omega_runtime *rt)
{
    const omega_import_options import = {.struct_size = sizeof import};
    const omega_export_options export = {.struct_size = sizeof export};
    omega_check_report check = {.struct_size = sizeof check};
    omega_import_report report = {.struct_size = sizeof report};
    omega_operation_info operation;
    uint64_t count = 0;
    size_t size = 0;
    const omega_status got[] = {
        omega_operation_list(rt, &operation, 1, &size),
        omega_operation_cancel(rt, "x"),
        omega_backup(rt, "/nowhere", NULL, NULL),
        omega_check(rt, NULL, NULL, NULL, &check),
        omega_import(rt, &import, &report),
        omega_export(rt, &export, &count),
    };
    return all_refused(got, sizeof got / sizeof got[0], "long work");
}

static bool queues_are_refused(omega_runtime *rt, omega_cq *cq, omega_subscription *events)
{
    const omega_request request = {.struct_size = sizeof request, .op = OMEGA_OP_NOOP};
    omega_completion done = {.struct_size = sizeof done};
    omega_event event = {.struct_size = sizeof event};
    const omega_events_query query = {.struct_size = sizeof query};
    omega_subscription *subscription = NULL;
    omega_cq *queue = NULL;
    char *text = NULL;
    const omega_status got[] = {
        omega_submit(rt, &request, cq, NULL, NULL),
        omega_cq_new(rt, 1, &queue),
        omega_cq_next(cq, 0, &done),
        omega_op_cancel(rt, 1),
        omega_events_subscribe(rt, OMEGA_EVENTS_ALL, &subscription),
        omega_events_next(events, 0, &event),
        omega_events_since(rt, &query, &text, NULL),
    };
    /* What has no status leaves everything alone. */
    omega_events_close(events);
    omega_cq_free(cq);
    omega_runtime_free(rt);
    return all_refused(got, sizeof got / sizeof got[0], "queues");
}

static bool every_call_is_refused(struct hall *hall, omega_cq *cq, omega_subscription *events)
{
    return memory_calls_are_refused(hall->rt) && life_and_loops_are_refused(hall->rt) &&
           long_work_is_refused(hall->rt) && queues_are_refused(hall->rt, cq, events);
}

static void expect_exit(pid_t child)
{
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_the_child_of_a_fork_is_refused(void **state)
{
    (void)state;
    struct hall hall;
    omega_cq *cq = NULL;
    omega_subscription *events = NULL;
    hall_open(&hall);
    assert_ok(omega_cq_new(hall.rt, 4, &cq));
    assert_ok(omega_events_subscribe(hall.rt, OMEGA_EVENTS_ALL, &events));
    hall_say(&hall, "before the fork");
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(every_call_is_refused(&hall, cq, events) ? 0 : 1);
    }
    expect_exit(child);
    /* The parent's own goes on, and so does a runtime that a child makes for itself. */
    hall_say(&hall, "after the fork");
    assert_int_equal(hall_count(&hall), 2);
    omega_event event = {.struct_size = sizeof event};
    assert_ok(omega_events_next(events, 0, &event));
    omega_events_close(events);
    omega_cq_free(cq);
    hall_stop(&hall);
    hall_close(&hall);
}

/* A parent that is killed while its child lives leaves the directory free. */
static void test_the_lock_ends_with_its_owner(void **state)
{
    (void)state;
    struct hall hall;
    int ready[2];
    int hold[2];
    char byte = 0;
    hall_init(&hall);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(hold), 0);
    const pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        hall_start(&hall);
        if (fork() == 0) {
            close(hold[1]);
            (void)!write(ready[1], "x", 1);
            (void)!read(hold[0], &byte, 1); /* until the test lets go */
            _exit(0);
        }
        pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    hall_make(&hall);
    assert_status(omega_runtime_start(hall.rt), OMEGA_EBUSY);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_ok(omega_runtime_start(hall.rt)); /* although the grandchild lives */
    close(hold[1]);
    close(hold[0]);
    close(ready[0]);
    close(ready[1]);
    hall_stop(&hall);
    hall_close(&hall);
}

/* ---- Memory runs out ------------------------------------------------------------------------ */

static omega_status make_and_free(void *context)
{
    const struct hall *hall = (const struct hall *)context;
    omega_runtime *rt = NULL;
    const omega_status status = om_runtime_new_with(&hall->options, &rt);
    assert_true((rt != NULL) == (status == OMEGA_OK));
    omega_runtime_free(rt);
    return status;
}

static omega_status start_and_stop(void *context)
{
    const struct hall *hall = (const struct hall *)context;
    omega_status status = omega_runtime_start(hall->rt);
    if (status == OMEGA_OK) {
        status = omega_runtime_stop(hall->rt, 1000);
    }
    return status;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    hall_say(&hall, "a memory to load");
    hall_stop(&hall);
    omega_runtime_free(hall.rt);
    om_test_oom_sweep(make_and_free, &hall);
    hall_make(&hall);
    om_test_oom_sweep(start_and_stop, &hall);
    assert_ok(omega_runtime_start(hall.rt));
    assert_int_equal(hall_count(&hall), 1);
    hall_stop(&hall);
    hall_close(&hall);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--second") == 0) {
        return second_process(argv[2]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_the_table_allows),
        cmocka_unit_test(test_a_whole_life),
        cmocka_unit_test(test_a_stop_gives_all_memory_back),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_the_config_in_force),
        cmocka_unit_test(test_a_failed_start_can_be_repeated),
        cmocka_unit_test(test_a_failed_runtime_can_be_stopped),
        cmocka_unit_test(test_a_directory_has_one_process),
        cmocka_unit_test(test_the_child_of_a_fork_is_refused),
        cmocka_unit_test(test_the_lock_ends_with_its_owner),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
