/* memory_stress_test.c -- writers and readers through one handle at once.
 *
 * Each writer owns the memories it makes and checks after every call that it sees what it wrote;
 * readers check that whatever they are shown is whole: a content is "<writer> <n> <n>", its
 * metadata says the same number, and its vector in `default` begins with it. Meant for
 * ThreadSanitizer; the number of rounds is small in an ordinary run. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/memory_house.h"

enum { WRITERS = 3, READERS = 3, ROUNDS = 150, KEEP = 12 };

static struct house house;
static atomic_int writers_left;
static atomic_int wrong;

static void check(bool good)
{
    if (!good) {
        atomic_fetch_add(&wrong, 1);
    }
}

struct said {
    char content[64], metadata[32];
    float vector[4];
};

static void make_said(struct said *said, int writer, int n)
{
    (void)snprintf(said->content, sizeof said->content, "writer %d says %d and %d", writer, n, n);
    (void)snprintf(said->metadata, sizeof said->metadata, "{\"n\":%d}", n);
    for (int i = 0; i < 4; i++) {
        said->vector[i] = (float)(n + i + 1);
    }
}

static bool is_whole(const omega_memory *m)
{
    int writer, first, second, n;
    char content[64], metadata[32];
    (void)snprintf(content, sizeof content, "%.*s", OM_STR_ARG(m->content));
    (void)snprintf(metadata, sizeof metadata, "%.*s", OM_STR_ARG(m->metadata_json));
    return sscanf(content, "writer %d says %d and %d", &writer, &first, &second) == 3 &&
           sscanf(metadata, "{\"n\":%d}", &n) == 1 && first == second && n == first;
}

static void write_one(int writer, int n, omega_id *id)
{
    struct said said;
    make_said(&said, writer, n);
    if (id->text[0] == '\0') {
        omega_memory_input in = house_input(said.content, "ann");
        in.metadata_json = omega_str_of(said.metadata);
        in.embedding = said.vector;
        in.dimension = 4;
        check(om_memory_store(house.memory, &in, id) == OMEGA_OK);
        return;
    }
    omega_update_options up = omega_update_options_default();
    up.id = id->text;
    up.scope = house_scope("ann");
    up.content = omega_str_of(said.content);
    up.metadata_json = omega_str_of(said.metadata);
    up.embedding = said.vector;
    up.dimension = 4;
    check(om_memory_update(house.memory, &up, NULL) == OMEGA_OK);
}

/* The next recall sees what the completed call wrote, text and vector of the same version. */
static void recall_own(int writer, int n, const omega_id *id)
{
    struct said said;
    omega_memories *got = NULL;
    omega_recall_options recall = omega_recall_options_default();
    make_said(&said, writer, n);
    recall.query = omega_str_of(said.content);
    recall.scope = house_scope("ann");
    recall.k = 200;
    bool seen = false;
    if (om_memory_recall(house.memory, &recall, &got) == OMEGA_OK) {
        for (size_t i = 0; i < om_memories_count(got); i++) {
            const omega_memory *m = om_memories_at(got, i);
            check(is_whole(m));
            seen = seen ||
                   (strcmp(m->id.text, id->text) == 0 && om_str_eq_text(m->content, said.content));
        }
    }
    check(seen);
    om_memories_free(got);
}

static void run_writer(void *context)
{
    int writer = *(const int *)context;
    omega_id ids[KEEP];
    memset(ids, 0, sizeof ids);
    for (int n = 0; n < ROUNDS; n++) {
        omega_id *id = &ids[n * 7 % KEEP];
        write_one(writer, n, id);
        recall_own(writer, n, id);
        if (n % 5 == 4) {
            omega_delete_options del = omega_delete_options_default();
            omega_memories *got = NULL;
            omega_scope scope = house_scope("ann");
            del.id = id->text;
            del.scope = scope;
            check(om_memory_delete(house.memory, &del, NULL) == OMEGA_OK);
            check(om_memory_get(house.memory, id->text, &scope, &got) == OMEGA_ENOTFOUND);
            memset(id, 0, sizeof *id);
        }
    }
    atomic_fetch_sub(&writers_left, 1);
}

static void run_reader(void *context)
{
    (void)context;
    while (atomic_load(&writers_left) > 0) {
        omega_memories *got = NULL;
        omega_list_options list = omega_list_options_default();
        list.scope = house_scope("ann");
        list.include = OMEGA_INCLUDE_SUPERSEDED;
        list.order = OMEGA_ORDER_CREATED_DESC;
        list.limit = 20;
        check(om_memory_list(house.memory, &list, &got) == OMEGA_OK);
        for (size_t i = 0; got != NULL && i < om_memories_count(got); i++) {
            check(is_whole(om_memories_at(got, i)));
        }
        om_memories_free(got);
        om_memory_reclaim(house.memory);
        check(om_memory_flush_access(house.memory) == OMEGA_OK);
    }
}

static void test_writers_and_readers(void **state)
{
    (void)state;
    struct om_thread threads[WRITERS + READERS];
    int numbers[WRITERS];
    memset(threads, 0, sizeof threads);
    house_open(&house);
    atomic_store(&writers_left, WRITERS);
    for (int i = 0; i < WRITERS + READERS; i++) {
        if (i < WRITERS) {
            numbers[i] = i;
        }
        assert_ok(om_thread_start(&threads[i], "stress", i < WRITERS ? run_writer : run_reader,
                                  i < WRITERS ? &numbers[i] : NULL));
    }
    for (int i = 0; i < WRITERS + READERS; i++) {
        om_thread_join(&threads[i]);
    }
    assert_int_equal(atomic_load(&wrong), 0);
    house_check(&house);
    uint64_t before = house_count(&house, "ann", OMEGA_INCLUDE_SUPERSEDED);
    house_reopen(&house);
    assert_int_equal(house_count(&house, "ann", OMEGA_INCLUDE_SUPERSEDED), before);
    house_check(&house);
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writers_and_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
