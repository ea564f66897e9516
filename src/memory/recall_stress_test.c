/* recall_stress_test.c -- recalls beside stores, updates and deletes.
 *
 * Writers own their slots and announce, around each call, that one has begun and that it is done.
 * A reader looks at a slot before and after its recall; what was done before and has not begun
 * since must be in the answer exactly as it was left: there in its version, or not there. A slot
 * whose only call meanwhile is an update must be there in one of the two versions. Each version has
 * its own vector: a text that is found at a cosine of 1 must be the text of that very version. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory/memory_int.h"
#include "support/memory_house.h"

enum { WRITERS = 4, READERS = 4, SLOTS = 12, CALLS = 120, DIMENSION = 16, ALL = 64 };

enum call { CALL_STORE, CALL_UPDATE, CALL_DELETE };

struct slot {
    atomic_uint begun, done;
    atomic_uint version; /* after the last call that is done; 0: not there */
    atomic_uint call;    /* the last that has begun */
    omega_id id;         /* the writer's own */
    unsigned next_version;
};

static struct slot slots[WRITERS][SLOTS];
static struct house house;
static atomic_uint writers_left;
static atomic_uint strict_checks;

struct worker {
    struct om_thread thread;
    unsigned number;
};

static void vector_of(unsigned writer, unsigned slot, unsigned version, float *out)
{
    struct om_rng rng;
    om_rng_seed(&rng, writer * 1000000u + slot * 10000u + version);
    for (int i = 0; i < DIMENSION; i++) {
        out[i] = (float)(om_rng_unit(&rng) * 2 - 1);
    }
}

static void text_of(unsigned writer, unsigned slot, unsigned version, char *out, size_t size)
{
    (void)snprintf(out, size, "slot w%u s%u v%u", writer, slot, version);
}

static omega_scope scope_of(unsigned writer, char *name, size_t size)
{
    omega_scope scope = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    (void)snprintf(name, size, "user%u", writer);
    scope.user = omega_str_of(name);
    return scope;
}

/* ---- Writers -------------------------------------------------------------------------------- */

static omega_status store_slot(struct slot *slot, omega_scope scope, const char *text,
                               const float *vector)
{
    omega_memory_input input = omega_memory_input_default();
    input.content = omega_str_of(text);
    input.scope = scope;
    input.embedding = vector;
    input.dimension = DIMENSION;
    input.importance = 0.5;
    return om_memory_store(house.memory, &input, &slot->id);
}

static omega_status update_slot(struct slot *slot, omega_scope scope, const char *text,
                                const float *vector)
{
    omega_update_options options = omega_update_options_default();
    options.id = slot->id.text;
    options.scope = scope;
    options.content = omega_str_of(text);
    options.embedding = vector;
    options.dimension = DIMENSION;
    return om_memory_update(house.memory, &options, NULL);
}

static omega_status delete_slot(struct slot *slot, omega_scope scope)
{
    omega_delete_options options = omega_delete_options_default();
    options.id = slot->id.text;
    options.scope = scope;
    options.no_tombstone = true;
    return om_memory_delete(house.memory, &options, NULL);
}

static void call_once(unsigned writer, unsigned number, struct om_rng *rng)
{
    char name[16];
    char text[64];
    float vector[DIMENSION];
    struct slot *slot = &slots[writer][number];
    omega_scope scope = scope_of(writer, name, sizeof name);
    unsigned version = ++slot->next_version;
    enum call call = CALL_STORE;
    if (atomic_load(&slot->version) != 0) {
        call = om_rng_below(rng, 3) == 0 ? CALL_DELETE : CALL_UPDATE;
    }
    vector_of(writer, number, version, vector);
    text_of(writer, number, version, text, sizeof text);
    atomic_store(&slot->call, call);
    atomic_fetch_add(&slot->begun, 1);
    omega_status status = call == CALL_STORE    ? store_slot(slot, scope, text, vector)
                          : call == CALL_UPDATE ? update_slot(slot, scope, text, vector)
                                                : delete_slot(slot, scope);
    OM_ASSERT(status == OMEGA_OK);
    atomic_store(&slot->version, call == CALL_DELETE ? 0 : version);
    atomic_fetch_add(&slot->done, 1);
}

static void write_calls(void *context)
{
    const struct worker *worker = context;
    struct om_rng rng;
    om_rng_seed(&rng, worker->number);
    for (int i = 0; i < CALLS; i++) {
        call_once(worker->number, (unsigned)om_rng_below(&rng, SLOTS), &rng);
        house_wait(&house, 1);
    }
    atomic_fetch_sub(&writers_left, 1);
}

/* ---- Readers -------------------------------------------------------------------------------- */

struct before {
    unsigned begun, version;
    bool stable;
};

static struct before look(struct slot *slot)
{
    struct before before;
    unsigned done = atomic_load(&slot->done);
    before.version = atomic_load(&slot->version);
    before.begun = atomic_load(&slot->begun);
    before.stable = before.begun == done;
    return before;
}

/* The version of the slot among the results; 0: not there. At most one may be. */
static unsigned version_found(const omega_memories *found, unsigned writer, unsigned number)
{
    unsigned version = 0;
    for (size_t i = 0; i < om_memories_count(found); i++) {
        const omega_memory *memory = om_memories_at(found, i);
        char text[64];
        unsigned w, s, v;
        (void)snprintf(text, sizeof text, "%.*s", OM_STR_ARG(memory->content));
        OM_ASSERT(sscanf(text, "slot w%u s%u v%u", &w, &s, &v) == 3);
        if (w == writer && s == number) {
            OM_ASSERT(version == 0);
            version = v;
        }
    }
    return version;
}

static void check_slot(const omega_memories *found, unsigned writer, unsigned number,
                       const struct before *before)
{
    struct slot *slot = &slots[writer][number];
    unsigned call = atomic_load(&slot->call);
    unsigned begun = atomic_load(&slot->begun);
    unsigned version = version_found(found, writer, number);
    if (!before->stable) {
        return;
    }
    if (begun == before->begun) {
        OM_ASSERT(version == before->version);
        atomic_fetch_add(&strict_checks, 1);
    } else if (begun == before->begun + 1 && call == CALL_UPDATE && before->version != 0) {
        OM_ASSERT(version >= before->version);
    }
}

/* A cosine of 1 is that of a text's own vector. */
static void check_vectors(const omega_memories *found, unsigned writer, unsigned number,
                          unsigned version)
{
    for (size_t i = 0; i < om_memories_count(found); i++) {
        const omega_memory *memory = om_memories_at(found, i);
        char explain[4096];
        char text[64];
        (void)snprintf(explain, sizeof explain, "%.*s", OM_STR_ARG(memory->explain_json));
        const char *space = strstr(explain, "\"space\":\"default\"");
        const char *at = space != NULL ? strstr(space, "\"cosine\":") : NULL;
        if (at != NULL && strtod(at + 9, NULL) > 0.9999) {
            text_of(writer, number, version, text, sizeof text);
            OM_ASSERT(om_str_eq_text(memory->content, text));
        }
    }
}

static void recall_once(unsigned writer, struct om_rng *rng)
{
    char name[16];
    float vector[DIMENSION];
    struct before before[SLOTS];
    unsigned visible = 0;
    unsigned number = (unsigned)om_rng_below(rng, SLOTS);
    omega_memories *found = NULL;
    omega_recall_options options = omega_recall_options_default();
    unsigned version = atomic_load(&slots[writer][number].version);
    vector_of(writer, number, version, vector);
    for (unsigned i = 0; i < SLOTS; i++) {
        before[i] = look(&slots[writer][i]);
    }
    options.query = om_rng_below(rng, 2) == 0 ? OM_STR("slot") : (omega_str){NULL, 0};
    options.embedding = vector;
    options.dimension = DIMENSION;
    options.scope = scope_of(writer, name, sizeof name);
    options.explain = true;
    options.k = om_rng_below(rng, 3) == 0 ? 3 : ALL;
    OM_ASSERT(om_memory_recall(house.memory, &options, &found) == OMEGA_OK);
    for (unsigned i = 0; i < SLOTS; i++) {
        if (options.k == ALL) {
            check_slot(found, writer, i, &before[i]);
        }
        const struct slot *slot = &slots[writer][i];
        bool stays = before[i].stable && before[i].version != 0 &&
                     (atomic_load(&slot->begun) == before[i].begun);
        visible += stays ? 1 : 0;
    }
    OM_ASSERT(om_memories_count(found) >= OM_MIN(options.k, visible));
    OM_ASSERT(!om_memories_degraded(found, NULL));
    check_vectors(found, writer, number, version);
    om_memories_free(found);
}

static void read_calls(void *context)
{
    const struct worker *worker = context;
    struct om_rng rng;
    om_rng_seed(&rng, 100 + worker->number);
    while (atomic_load(&writers_left) > 0) {
        recall_once((unsigned)om_rng_below(&rng, WRITERS), &rng);
        if (worker->number == 0) {
            om_memory_reclaim(house.memory);
        }
    }
}

/* ---- Both ----------------------------------------------------------------------------------- */

static void test_stress(void **state)
{
    struct worker writers[WRITERS];
    struct worker readers[READERS];
    (void)state;
    house_init(&house);
    house.options.dimension = DIMENSION;
    house_start(&house);
    atomic_store(&writers_left, WRITERS);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i].number = i;
        assert_ok(om_thread_start(&writers[i].thread, "writer", write_calls, &writers[i]));
    }
    for (unsigned i = 0; i < READERS; i++) {
        readers[i].number = i;
        assert_ok(om_thread_start(&readers[i].thread, "reader", read_calls, &readers[i]));
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        om_thread_join(&writers[i].thread);
    }
    for (unsigned i = 0; i < READERS; i++) {
        om_thread_join(&readers[i].thread);
    }
    print_message("slots checked strictly: %u\n", atomic_load(&strict_checks));
    assert_true(atomic_load(&strict_checks) > 100);
    /* Nobody reads: all that was removed is given back. */
    om_memory_reclaim(house.memory);
    om_memory_reclaim(house.memory);
    struct om_catalog_usage usage;
    om_catalog_usage(house.memory->catalog, &usage);
    assert_int_equal(usage.waiting, 0);
    assert_null(om_catalog_validate(house.memory->catalog));
    assert_null(om_words_validate(house.memory->words));
    house_check(&house);
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
