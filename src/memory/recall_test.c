/* recall_test.c -- recall as a caller sees it: what is found, in which order, why, and what is
 * refused. The ranking itself is checked by recall_oracle_test.c. */
#include "support/support.h"

#include <stdio.h>

#include "memory/memory_int.h"
#include "support/memory_house.h"

static omega_recall_options question(const char *query, unsigned k)
{
    omega_recall_options options = omega_recall_options_default();
    options.query = omega_str_of(query);
    options.k = k;
    return options;
}

static omega_memories *recall(struct house *house, const omega_recall_options *options)
{
    omega_memories *found = NULL;
    assert_ok(om_memory_recall(house->memory, options, &found));
    return found;
}

static omega_memories *ask(struct house *house, const char *query, unsigned k)
{
    omega_recall_options options = question(query, k);
    return recall(house, &options);
}

static void assert_texts(omega_memories *found, const char *const *texts)
{
    size_t count = 0;
    for (; texts[count] != NULL; count++) {
        const omega_memory *memory = om_memories_at(found, count);
        assert_non_null(memory);
        assert_str(memory->content, texts[count]);
    }
    assert_int_equal(om_memories_count(found), count);
    om_memories_free(found);
}

/* NULL when it is not. */
static const char *why_degraded(const omega_memories *found)
{
    const char *reason = NULL;
    return om_memories_degraded(found, &reason) ? reason : NULL;
}

static bool explains(const omega_memory *memory, const char *part)
{
    char text[8192];
    (void)snprintf(text, sizeof text, "%.*s", OM_STR_ARG(memory->explain_json));
    return strstr(text, part) != NULL;
}

/* ---- Finding -------------------------------------------------------------------------------- */

static void test_finds(void **state)
{
    struct house house;
    (void)state;
    house_open(&house);
    (void)house_say(&house, "The engine of the ferry was repaired in Bergen", NULL);
    (void)house_say(&house, "Ann prefers green tea in the morning", NULL);
    (void)house_say(&house, "Bob plays chess with Ann on Sundays", NULL);
    assert_texts(ask(&house, "who likes green tea", 1),
                 (const char *const[]){"Ann prefers green tea in the morning", NULL});
    /* A misspelt word still finds it; nothing in common still gives k results. */
    assert_texts(ask(&house, "enginee of the fery", 1),
                 (const char *const[]){"The engine of the ferry was repaired in Bergen", NULL});
    omega_memories *found = ask(&house, "quantum", 10);
    assert_int_equal(om_memories_count(found), 3);
    om_memories_free(found);
    house_close(&house);
}

static void test_ties_are_older_first(void **state)
{
    struct house house;
    omega_memory_input input = house_input("the same words", NULL);
    (void)state;
    house_open(&house);
    input.importance = 0.5;
    input.created_at_ms = house_start_ms - 1000;
    input.key = OM_STR("second");
    (void)house_store(&house, &input);
    input.created_at_ms = house_start_ms - 2000;
    input.key = OM_STR("first");
    (void)house_store(&house, &input);
    input.created_at_ms = house_start_ms - 1000;
    input.key = OM_STR("third");
    (void)house_store(&house, &input);
    omega_memories *found = ask(&house, "same words", 3);
    assert_str(om_memories_at(found, 0)->key, "first");
    assert_str(om_memories_at(found, 1)->key, "second");
    assert_str(om_memories_at(found, 2)->key, "third");
    om_memories_free(found);
    house_close(&house);
}

static void test_scope(void **state)
{
    struct house house;
    omega_recall_options options = question("tea", 10);
    (void)state;
    house_open(&house);
    (void)house_say(&house, "tea of Ann", "ann");
    (void)house_say(&house, "tea of Bob", "bob");
    (void)house_say(&house, "tea of all", NULL);
    options.scope = house_scope("nobody");
    assert_texts(recall(&house, &options), (const char *const[]){"tea of all", NULL});
    options.scope = house_scope("ann");
    omega_memories *found = recall(&house, &options);
    assert_int_equal(om_memories_count(found), 2);
    om_memories_free(found);
    options.all_roots = true;
    found = recall(&house, &options);
    assert_int_equal(om_memories_count(found), 3);
    om_memories_free(found);
    house_close(&house);
}

static void test_explains(void **state)
{
    struct house house;
    omega_recall_options options = question("green tea", 2);
    (void)state;
    house_open(&house);
    (void)house_say(&house, "Ann prefers green tea", NULL);
    (void)house_say(&house, "Bob drinks coffee", NULL);
    options.explain = true;
    omega_memories *found = recall(&house, &options);
    const omega_memory *first = om_memories_at(found, 0);
    assert_true(explains(first, "\"arm\":\"words\""));
    assert_true(explains(first, "\"term\":\"green\""));
    assert_true(explains(first, "\"space\":\"builtin-hash-v1/768\""));
    assert_true(explains(first, "\"cosine\":"));
    assert_true(explains(first, "\"normalised\":1"));
    assert_true(explains(first, "\"absent\":[]"));
    assert_true(explains(first, "\"tier\":\"episodic\""));
    assert_true(explains(first, "\"retrievability\":"));
    assert_true(explains(first, "\"path\":\"index\""));
    om_memories_free(found);
    options.vector_weight = 0;
    found = recall(&house, &options);
    assert_true(explains(om_memories_at(found, 0), "\"reason\":\"its weight is 0\""));
    om_memories_free(found);
    options.query = OM_STR("!?");
    options.vector_weight = OMEGA_UNSET;
    found = recall(&house, &options);
    assert_int_equal(om_memories_count(found), 2);
    assert_true(explains(om_memories_at(found, 0), "\"reason\":\"the query has no words\""));
    om_memories_free(found);
    house_close(&house);
}

/* ---- Time and state -------------------------------------------------------------------------- */

static void test_as_of(void **state)
{
    struct house house;
    omega_recall_options options = question("where does Ann live", 5);
    omega_update_options update = omega_update_options_default();
    (void)state;
    house_open(&house);
    omega_id id = house_say(&house, "Ann lives in Oslo", NULL);
    house_wait(&house, 1000);
    update.id = id.text;
    update.content = OM_STR("Ann lives in Rome");
    assert_ok(om_memory_update(house.memory, &update, NULL));
    assert_texts(recall(&house, &options), (const char *const[]){"Ann lives in Rome", NULL});
    options.known_at_ms = house_start_ms + 500;
    assert_texts(recall(&house, &options), (const char *const[]){"Ann lives in Oslo", NULL});
    options.known_at_ms = house_start_ms + 1000;
    assert_texts(recall(&house, &options), (const char *const[]){"Ann lives in Rome", NULL});
    options.known_at_ms = house_start_ms - 1;
    assert_texts(recall(&house, &options), (const char *const[]){NULL});
    house_reopen(&house);
    options.known_at_ms = OMEGA_TIME_UNSET;
    options.as_of_ms = house_start_ms + 999;
    assert_texts(recall(&house, &options), (const char *const[]){"Ann lives in Oslo", NULL});
    house_close(&house);
}

static void test_valid_at(void **state)
{
    struct house house;
    omega_recall_options options = question("shop", 5);
    omega_memory_input input = house_input("the shop is open in June", NULL);
    (void)state;
    house_open(&house);
    input.valid_from_ms = 1000;
    input.valid_to_ms = 2000;
    (void)house_store(&house, &input);
    options.valid_at_ms = 999;
    assert_texts(recall(&house, &options), (const char *const[]){NULL});
    options.valid_at_ms = 1000;
    assert_texts(recall(&house, &options), (const char *const[]){"the shop is open in June", NULL});
    options.valid_at_ms = 2000;
    assert_texts(recall(&house, &options), (const char *const[]){NULL});
    house_close(&house);
}

static void test_archived_fill_up(void **state)
{
    struct house house;
    omega_recall_options options = question("green tea with milk", 5);
    omega_update_options update = omega_update_options_default();
    (void)state;
    house_open(&house);
    omega_id id = house_say(&house, "green tea with milk", NULL);
    (void)house_say(&house, "coffee", NULL);
    update.id = id.text;
    update.state = OMEGA_MEMORY_ARCHIVED;
    assert_ok(om_memory_update(house.memory, &update, NULL));
    omega_memories *found = recall(&house, &options);
    assert_true(om_memories_at(found, 0)->score >= om_memories_at(found, 1)->score);
    assert_texts(found, (const char *const[]){"coffee", "green tea with milk", NULL});
    options.k = 1;
    assert_texts(recall(&house, &options), (const char *const[]){"coffee", NULL});
    options.k = 5;
    options.no_fill = true;
    assert_texts(recall(&house, &options), (const char *const[]){"coffee", NULL});
    options.include = OMEGA_INCLUDE_ARCHIVED;
    assert_texts(recall(&house, &options),
                 (const char *const[]){"green tea with milk", "coffee", NULL});
    house_close(&house);
}

static void test_expired_is_hidden(void **state)
{
    struct house house;
    omega_memory_input input = house_input("a fleeting thought", NULL);
    (void)state;
    house_open(&house);
    input.expires_at_ms = house_start_ms + 100;
    (void)house_store(&house, &input);
    assert_texts(ask(&house, "thought", 3), (const char *const[]){"a fleeting thought", NULL});
    house_wait(&house, 100);
    assert_texts(ask(&house, "thought", 3), (const char *const[]){NULL});
    om_memory_disable_index(house.memory, true);
    assert_texts(ask(&house, "thought", 3), (const char *const[]){NULL});
    house_close(&house);
}

/* ---- Accesses -------------------------------------------------------------------------------- */

static void test_reads_are_counted(void **state)
{
    struct house house;
    struct om_store_info before;
    struct om_store_info after;
    (void)state;
    house_open(&house);
    omega_id id = house_say(&house, "green tea", NULL);
    om_store_info(house.store, &before);
    house_wait(&house, 5000);
    om_memories_free(ask(&house, "tea", 1));
    om_memories_free(ask(&house, "tea", 1));
    om_store_info(house.store, &after);
    assert_int_equal(before.last_seq, after.last_seq); /* no write for a read */
    assert_ok(om_memory_flush_access(house.memory));
    omega_memories *got = house_get(&house, id, NULL);
    assert_int_equal(om_memories_at(got, 0)->access_count, 2);
    assert_true(om_memories_at(got, 0)->accessed_at_ms >= house_start_ms + 5000);
    om_memories_free(got);
    house_close(&house);
}

/* ---- Without the index, and with damage ------------------------------------------------------ */

static void test_without_index(void **state)
{
    struct house house;
    char reason[96];
    (void)state;
    house_open(&house);
    (void)house_say(&house, "green tea", NULL);
    (void)house_say(&house, "black coffee", NULL);
    assert_int_equal(om_memory_probe(house.memory, reason, sizeof reason), OMEGA_HEALTHY);
    om_memory_disable_index(house.memory, true);
    omega_memories *found = ask(&house, "coffee", 1);
    assert_string_equal(why_degraded(found), "the index is off: answered from the rows");
    assert_texts(found, (const char *const[]){"black coffee", NULL});
    assert_int_equal(om_memory_probe(house.memory, reason, sizeof reason), OMEGA_UNHEALTHY);
    assert_non_null(strstr(reason, "the index is off"));
    om_memory_disable_index(house.memory, false);
    found = ask(&house, "coffee", 1);
    assert_null(why_degraded(found));
    om_memories_free(found);
    assert_int_equal(om_memory_probe(house.memory, reason, sizeof reason), OMEGA_HEALTHY);
    house_close(&house);
}

/* Flips one bit of a text in the closed database file. */
static void damage_text(const char *dir, const char *text)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/omega.db", dir);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    static char bytes[4 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    char *at = memmem(bytes, size, text, strlen(text));
    assert_non_null(at);
    assert_int_equal(fseek(file, (long)(at - bytes), SEEK_SET), 0);
    assert_int_equal(fputc(*at ^ 1, file), *at ^ 1);
    assert_int_equal(fclose(file), 0);
}

static void test_damaged_row(void **state)
{
    struct house house;
    struct om_memory_stats stats;
    char reason[96];
    (void)state;
    house_open(&house);
    (void)house_say(&house, "a text that will be damaged", NULL);
    (void)house_say(&house, "a text that stays whole", NULL);
    house_stop(&house);
    damage_text(house.dir, "a text that will be damaged");
    om_log_set_level(OM_LOG_OFF);
    house_start(&house);
    om_memory_stats(house.memory, &stats);
    assert_int_equal(stats.damaged, 1);
    assert_int_equal(stats.total, 1);
    assert_texts(ask(&house, "text", 5), (const char *const[]){"a text that stays whole", NULL});
    assert_int_equal(om_memory_probe(house.memory, reason, sizeof reason), OMEGA_DEGRADED);
    om_memory_disable_index(house.memory, true);
    omega_memories *found = ask(&house, "text", 5);
    assert_non_null(strstr(why_degraded(found), "memory row 1"));
    assert_texts(found, (const char *const[]){"a text that stays whole", NULL});
    om_log_set_level(OM_LOG_WARN);
    house_close(&house);
}

/* ---- Refused --------------------------------------------------------------------------------- */

static void refuse(struct house *house, const omega_recall_options *options, omega_status status,
                   const char *part)
{
    omega_memories *found = NULL;
    assert_status(om_memory_recall(house->memory, options, &found), status);
    assert_error_says(part);
    assert_null(found);
}

static void test_misuse(void **state)
{
    struct house house;
    float vector[3] = {1, 0, 0};
    omega_tier no_tier = (omega_tier)12;
    omega_recall_options options = question("x", 0);
    (void)state;
    house_init(&house);
    house.options.dimension = 4;
    house_start(&house);
    refuse(&house, &options, OMEGA_EINVAL, "k is 1 to 10000, not 0");
    options.k = 10001;
    refuse(&house, &options, OMEGA_EINVAL, "k is 1 to 10000, not 10001");
    options = question("x", 5);
    options.struct_size = 0;
    refuse(&house, &options, OMEGA_EINVAL, "struct_size");
    options = question(NULL, 5);
    refuse(&house, &options, OMEGA_EINVAL, "a recall needs a query or an embedding");
    options = question("a\xff", 5);
    refuse(&house, &options, OMEGA_EINVAL, "not valid UTF-8");
    options = question("x", 5);
    options.min_importance = 1.5;
    refuse(&house, &options, OMEGA_EINVAL, "min_importance is 0 to 1, not 1.5");
    options = question("x", 5);
    options.vector_weight = -1;
    refuse(&house, &options, OMEGA_EINVAL, "vector_weight is 0 to 1, not -1");
    options = question("x", 5);
    options.tiers = &no_tier;
    options.tier_count = 1;
    refuse(&house, &options, OMEGA_EINVAL, "tiers[0] is 12");
    options = question("x", 5);
    options.session_only = true;
    refuse(&house, &options, OMEGA_EINVAL, "session_only needs scope.session");
    options = question("x", 5);
    options.filter_json = OM_STR("{\"a\":{\"$near\":1}}");
    refuse(&house, &options, OMEGA_EINVAL, "filter.a.$near");
    options = question("x", 5);
    options.embedding = vector;
    options.dimension = 3;
    refuse(&house, &options, OMEGA_EINVAL, "space 'default' has 4 dimensions, the vector has 3");
    house_close(&house);
}

/* ---- Memory that is out ---------------------------------------------------------------------- */

static void furnish(struct house *house, void *context)
{
    (void)context;
    (void)house_say(house, "green tea", "ann");
    (void)house_say(house, "black coffee", "ann");
    (void)house_say(house, "water", NULL);
}

static omega_status recall_verb(struct house *house, void *context)
{
    omega_memories *found = NULL;
    omega_recall_options options = question("green tea and water", 3);
    (void)context;
    options.explain = true;
    options.scope = house_scope("ann");
    options.filter_json = OM_STR("{\"colour\":{\"$exists\":false}}");
    omega_status status = om_memory_recall(house->memory, &options, &found);
    om_memories_free(found);
    return status;
}

static omega_status recall_rows_verb(struct house *house, void *context)
{
    om_memory_disable_index(house->memory, true);
    return recall_verb(house, context);
}

static void test_out_of_memory(void **state)
{
    const struct house_trial by_index = {furnish, recall_verb, NULL};
    const struct house_trial by_rows = {furnish, recall_rows_verb, NULL};
    (void)state;
    house_sweep("recall", &by_index);
    house_sweep("recall from rows", &by_rows);
}

/* Opening with allocation `nth` failing: it opens, or says so and leaves nothing behind. */
static bool open_with_failure(struct house *house, uint64_t nth)
{
    om_test_fail_alloc(nth, false);
    omega_status status = house_try_start(house);
    bool failed = om_test_alloc_failed();
    om_test_fail_alloc(0, false);
    assert_true(status == OMEGA_OK || (failed && status == OMEGA_ENOMEM));
    if (status == OMEGA_OK) {
        omega_memories *found = ask(house, "tea", 5);
        assert_int_equal(om_memories_count(found), 1);
        om_memories_free(found);
    }
    house_stop(house);
    return failed;
}

static void test_load_out_of_memory(void **state)
{
    struct house house;
    uint64_t nth = 1;
    (void)state;
    house_open(&house);
    furnish(&house, NULL);
    house_stop(&house);
    om_log_set_level(OM_LOG_OFF);
    while (open_with_failure(&house, nth)) {
        nth++;
    }
    om_log_set_level(OM_LOG_WARN);
    print_message("load: %llu allocations made to fail\n", (unsigned long long)(nth - 1));
    assert_true(nth > 20);
    house_start(&house);
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds),
        cmocka_unit_test(test_ties_are_older_first),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_explains),
        cmocka_unit_test(test_as_of),
        cmocka_unit_test(test_valid_at),
        cmocka_unit_test(test_archived_fill_up),
        cmocka_unit_test(test_expired_is_hidden),
        cmocka_unit_test(test_reads_are_counted),
        cmocka_unit_test(test_without_index),
        cmocka_unit_test(test_damaged_row),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_load_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
