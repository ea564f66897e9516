/* forgetting_test.c -- deleting: receipts, tombstones, links, many at once, bytes on the disk. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/memory_house.h"

static omega_delete_options delete_of(omega_id *id, const char *user)
{
    omega_delete_options options = omega_delete_options_default();
    options.id = id != NULL ? id->text : NULL;
    options.scope = house_scope(user);
    return options;
}

static omega_deletion receipt_of(void)
{
    omega_deletion receipt;
    memset(&receipt, 0, sizeof receipt);
    receipt.struct_size = (uint32_t)sizeof receipt;
    return receipt;
}

static void update_content(struct house *house, omega_id *id, const char *content)
{
    omega_update_options up = omega_update_options_default();
    up.id = id->text;
    up.scope = house_scope("ann");
    up.content = omega_str_of(content);
    assert_ok(om_memory_update(house->memory, &up, NULL));
}

static void test_all_of_it_goes(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id id = house_say(&house, "the first form", "ann");
    update_content(&house, &id, "the second form");
    update_content(&house, &id, "the third form");
    omega_id other = house_say(&house, "something else", "ann");
    omega_deletion receipt = receipt_of();
    omega_delete_options del = delete_of(&id, "ann");
    assert_ok(om_memory_delete(house.memory, &del, &receipt));
    assert_true(receipt.matched == 1 && receipt.deleted == 1);
    assert_int_equal(receipt.rows, 6); /* three versions, three vectors */
    assert_int_equal(receipt.tombstones, 3);
    assert_false(receipt.erased);
    assert_int_equal(house.event_counts[OMEGA_EVENT_MEMORY_FORGOTTEN], 1);
    assert_true(om_store_wants_erase(house.store));
    omega_memories *got = NULL;
    assert_status(om_memory_get(house.memory, id.text, &del.scope, &got), OMEGA_ENOTFOUND);
    assert_int_equal(house_count(&house, "ann", OMEGA_INCLUDE_SUPERSEDED), 1);
    static const char *const forms[] = {"the first form", "THE SECOND FORM", "the third form."};
    for (size_t i = 0; i < OM_COUNT_OF(forms); i++) {
        omega_memory_input in = house_input(forms[i], "ann");
        omega_id ignored;
        assert_status(om_memory_store(house.memory, &in, &ignored), OMEGA_EREJECTED);
        in.scope.user = OM_STR("bob");
        assert_ok(om_memory_store(house.memory, &in, &ignored));
    }
    assert_status(om_memory_delete(house.memory, &del, &receipt), OMEGA_ENOTFOUND);
    got = house_get(&house, other, "ann");
    om_memories_free(got);
    house_check(&house);
    house_reopen(&house);
    house_check(&house);
    omega_memory_input in = house_input("the first form", "ann");
    assert_status(om_memory_store(house.memory, &in, &other), OMEGA_EREJECTED);
    house_close(&house);
}

static void test_refusals(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id id = house_say(&house, "mine", "ann");
    omega_deletion receipt = receipt_of();
    omega_delete_options del = delete_of(&id, "bob");
    assert_status(om_memory_delete(house.memory, &del, NULL), OMEGA_ENOTFOUND);
    del = delete_of(&id, "ann");
    del.if_version = 7;
    assert_status(om_memory_delete(house.memory, &del, NULL), OMEGA_ECONFLICT);
    del.struct_size = 0;
    assert_status(om_memory_delete(house.memory, &del, NULL), OMEGA_EINVAL);
    del = delete_of(NULL, "ann");
    assert_status(om_memory_delete(house.memory, &del, NULL), OMEGA_EINVAL);
    assert_status(om_memory_delete(house.memory, NULL, NULL), OMEGA_EINVAL);
    assert_status(om_memory_delete_where(house.memory, &del, &receipt), OMEGA_EINVAL);
    assert_error_says("where");
    receipt.struct_size = 3;
    del = delete_of(&id, "ann");
    assert_status(om_memory_delete(house.memory, &del, &receipt), OMEGA_EINVAL);
    update_content(&house, &id, "mine again");
    omega_memories *history = NULL;
    assert_ok(om_memory_history(house.memory, id.text, &del.scope, &history));
    omega_id past = om_memories_at(history, 1)->id;
    om_memories_free(history);
    del.id = past.text;
    assert_status(om_memory_delete(house.memory, &del, NULL), OMEGA_ECONFLICT);
    assert_error_says("past version");
    assert_int_equal(house_count(&house, "ann", 0), 1);
    /* Without a tombstone it may come back. */
    del = delete_of(&id, "ann");
    del.if_version = 2;
    del.no_tombstone = true;
    receipt = receipt_of();
    assert_ok(om_memory_delete(house.memory, &del, &receipt));
    assert_int_equal(receipt.tombstones, 0);
    (void)house_say(&house, "mine again", "ann");
    house_close(&house);
}

/* A chain of corrections a < b < c: what is left stays linked, whichever goes. */
static void test_corrections_stay_whole(void **state)
{
    (void)state;
    for (int gone = 0; gone < 3; gone++) {
        struct house house;
        house_open(&house);
        omega_id ids[3];
        omega_memory_input b = house_input("version b", "ann");
        omega_memory_input c = house_input("version c", "ann");
        ids[0] = house_say(&house, "version a", "ann");
        update_content(&house, &ids[0], "version a, better");
        assert_ok(om_memory_supersede(house.memory, ids[0].text, &b, &ids[1]));
        update_content(&house, &ids[1], "version b, better");
        assert_ok(om_memory_supersede(house.memory, ids[1].text, &c, &ids[2]));
        omega_delete_options del = delete_of(&ids[gone], "ann");
        assert_ok(om_memory_delete(house.memory, &del, NULL));
        house_check(&house);
        omega_memories *history = NULL;
        if (gone != 2) {
            assert_ok(om_memory_history(house.memory, ids[2].text, &del.scope, &history));
            assert_int_equal(om_memories_count(history), gone == 0 ? 3 : 1);
            om_memories_free(history);
        }
        house_reopen(&house);
        house_check(&house);
        house_close(&house);
    }
}

static void test_backups_that_hold_it(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    char early[300], late[300];
    (void)snprintf(early, sizeof early, "%s/early.db", house.dir);
    (void)snprintf(late, sizeof late, "%s/late.db", house.dir);
    (void)house_say(&house, "something", "ann");
    assert_ok(om_store_backup(house.store, early, NULL, NULL));
    omega_id id = house_say(&house, "a secret", "ann");
    assert_ok(om_store_backup(house.store, late, NULL, NULL));
    omega_deletion receipt = receipt_of();
    omega_delete_options del = delete_of(&id, "ann");
    assert_ok(om_memory_delete(house.memory, &del, &receipt));
    assert_int_equal(receipt.backup_count, 1);
    assert_non_null(strstr(receipt.backups, "late.db"));
    assert_null(strstr(receipt.backups, "early.db"));
    house_close(&house);
}

/* Counts the files of the directory that hold the bytes. */
struct hunt {
    const char *dir;
    const void *bytes;
    size_t size;
    unsigned found;
};

static omega_status hunt_file(void *context, const char *name, bool is_dir)
{
    struct hunt *hunt = context;
    char path[OM_PATH_SIZE];
    struct om_buf file;
    if (is_dir) {
        return OMEGA_OK;
    }
    om_buf_init(&file, om_alloc_default(), 64 << 20);
    assert_ok(om_os_join(path, hunt->dir, name));
    if (om_os_read_file(path, 64 << 20, &file) == OMEGA_OK && file.len >= hunt->size &&
        memmem(file.ptr, file.len, hunt->bytes, hunt->size) != NULL) {
        hunt->found++;
    }
    om_buf_fini(&file);
    return OMEGA_OK;
}

static unsigned files_with(struct house *house, const void *bytes, size_t size)
{
    struct hunt hunt = {house->dir, bytes, size, 0};
    assert_ok(om_os_list(house->dir, om_alloc_default(), hunt_file, &hunt));
    return hunt.found;
}

static void test_no_byte_is_left(void **state)
{
    (void)state;
    struct house house;
    house_init(&house);
    house.keep_operations = true;
    house_start(&house);
    float vector[64];
    for (int i = 0; i < 64; i++) {
        vector[i] = (float)(i * 37 % 101) / 7.0F + 0.123F;
    }
    omega_memory_input in = house_input("Xylophonequartz is the password", "ann");
    in.embedding = vector;
    in.dimension = 64;
    in.metadata_json = OM_STR("{\"hint\":\"zebrafinch\"}");
    in.key = OM_STR("secret");
    omega_id id = house_store(&house, &in);
    update_content(&house, &id, "Xylophonequartz was the password");
    in.content = OM_STR("Xylophonequartz was the password");
    in.metadata_json = (omega_str){NULL, 0};
    (void)house_store(&house, &in); /* once more, changing nothing */
    in.importance = 0.125;
    (void)house_store(&house, &in); /* and in place */
    (void)house_say(&house, "nothing of interest", "ann");
    assert_true(files_with(&house, "Xylophonequartz", 15) > 0); /* control */
    assert_true(files_with(&house, vector, 16) > 0);
    omega_deletion receipt = receipt_of();
    omega_delete_options del = delete_of(&id, "ann");
    del.now = true;
    assert_ok(om_memory_delete(house.memory, &del, &receipt));
    assert_true(receipt.erased);
    assert_int_equal(files_with(&house, "Xylophonequartz", 15), 0);
    assert_int_equal(files_with(&house, "xylophonequartz", 15), 0);
    assert_int_equal(files_with(&house, "zebrafinch", 10), 0);
    for (size_t i = 0; i + 4 <= 64; i++) {
        assert_int_equal(files_with(&house, vector + i, 16), 0);
    }
    assert_true(files_with(&house, "nothing of interest", 19) > 0);
    house_check(&house);
    house_close(&house);
}

/* ---- Many ------------------------------------------------------------------------------------ */

enum { MANY = 2300 };

static void store_many(struct house *house)
{
    static omega_memory_input in[MANY];
    static omega_id ids[MANY];
    static char texts[MANY][40];
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "line %d of the log", i);
        in[i] = house_input(texts[i], i % 23 == 0 ? "bob" : "ann");
        in[i].importance = 0.5;
        in[i].metadata_json = i % 2 == 0 ? OM_STR("{\"even\":true}") : OM_STR("{\"even\":false}");
    }
    assert_ok(om_memory_store_batch(house->memory, in, MANY, NULL, ids));
}

static void test_delete_where(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    store_many(&house);
    const uint64_t bobs = 100, anns = MANY - bobs;
    omega_deletion receipt = receipt_of();
    omega_list_options where = omega_list_options_default();
    where.scope = house_scope("ann");
    omega_delete_options del = delete_of(NULL, NULL);
    del.where = &where;
    del.dry_run = true;
    assert_ok(om_memory_delete_where(house.memory, &del, &receipt));
    assert_true(receipt.matched == anns && receipt.deleted == 0 && receipt.rows == 0);
    assert_int_equal(house_count(&house, "ann", 0), anns);
    where.filter_json = OM_STR("{\"even\":true}");
    del.dry_run = false;
    receipt = receipt_of();
    uint64_t seq = om_store_commit_seq(house.store);
    assert_ok(om_memory_delete_where(house.memory, &del, &receipt));
    assert_true(receipt.matched == 1100 && receipt.deleted == 1100);
    assert_int_equal(om_store_commit_seq(house.store) - seq, 2); /* at most 1,000 in each */
    assert_int_equal(house_count(&house, "ann", 0), anns - 1100);
    /* At most as many as asked for, the oldest first. */
    where.filter_json = (omega_str){NULL, 0};
    where.limit = 7;
    assert_ok(om_memory_delete_where(house.memory, &del, &receipt));
    assert_int_equal(receipt.deleted, 7);
    assert_int_equal(house_count(&house, "ann", 0), anns - 1107);
    assert_int_equal(house_count(&house, "bob", 0), bobs);
    house_check(&house);
    house_close(&house);
}

static void test_delete_where_once(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    store_many(&house);
    omega_deletion first = receipt_of(), again = receipt_of();
    omega_list_options where = omega_list_options_default();
    where.scope = house_scope("ann");
    omega_delete_options del = delete_of(NULL, NULL);
    del.where = &where;
    del.no_tombstone = true;
    del.write.op_id = OM_STR("01890000-0000-7000-8000-0000000000ee");
    assert_ok(om_memory_delete_where(house.memory, &del, &first));
    (void)house_say(&house, "what came later", "ann");
    assert_ok(om_memory_delete_where(house.memory, &del, &again));
    assert_true(first.deleted == 2200 && again.deleted == 2200 && again.rows == first.rows);
    assert_int_equal(house_count(&house, "ann", 0), 1);
    where.type = OM_STR("note");
    assert_status(om_memory_delete_where(house.memory, &del, &again), OMEGA_ECONFLICT);
    house_close(&house);
}

/* ---- Memory that is out ---------------------------------------------------------------------- */

static omega_id kept_id;

static void prepare(struct house *house, void *context)
{
    (void)context;
    kept_id = house_say(house, "what stands already", "ann");
    update_content(house, &kept_id, "what stands now");
}

static omega_status verb_delete(struct house *house, void *context)
{
    omega_delete_options del = delete_of(&kept_id, "ann");
    omega_deletion receipt = receipt_of();
    (void)context;
    omega_status status = om_memory_delete(house->memory, &del, &receipt);
    if (status == OMEGA_ENOTFOUND) {
        return OMEGA_OK; /* it was deleted, only its receipt was not told */
    }
    return status;
}

static omega_status verb_delete_where(struct house *house, void *context)
{
    omega_list_options where = omega_list_options_default();
    omega_delete_options del = delete_of(NULL, NULL);
    (void)context;
    where.scope = house_scope("ann");
    where.filter_json = OM_STR("{\"@type\":\"note\"}");
    del.where = &where;
    return om_memory_delete_where(house->memory, &del, NULL);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    house_sweep("delete", &(struct house_trial){prepare, verb_delete, NULL});
    house_sweep("delete where", &(struct house_trial){prepare, verb_delete_where, NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_it_goes),         cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_corrections_stay_whole), cmocka_unit_test(test_backups_that_hold_it),
        cmocka_unit_test(test_no_byte_is_left),        cmocka_unit_test(test_delete_where),
        cmocka_unit_test(test_delete_where_once),      cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
