/* retain_test.c -- time passes: what is archived, what is erased, what never goes; and accesses. */
#include "support/support.h"

#include <stdio.h>

#include "support/memory_house.h"

static const int64_t day = INT64_C(86400000);

static struct om_retention_report retain(struct house *house)
{
    struct om_retention_report report;
    assert_ok(om_memory_retain(house->memory, NULL, NULL, &report));
    return report;
}

static omega_id store_in_tier(struct house *house, omega_tier tier, bool pinned)
{
    char content[64];
    omega_memory_input in = house_input(NULL, "ann");
    (void)snprintf(content, sizeof content, "kept in %s%s", omega_tier_name(tier),
                   pinned ? ", pinned" : "");
    in.content = omega_str_of(content);
    in.tier = tier;
    in.pinned = pinned;
    return house_store(house, &in);
}

static omega_memory_state state_of(struct house *house, omega_id id)
{
    omega_memories *got = house_get(house, id, "ann");
    omega_memory_state state = om_memories_at(got, 0)->state;
    om_memories_free(got);
    return state;
}

/* The table of tiers, from outside: active until its time, archived after; by hand, to the ms. */
static void test_each_tier_keeps_its_time(void **state)
{
    (void)state;
    static const int64_t keeps[OMEGA_TIER_COUNT] = {
        1000, 600000, day, 30 * day, 365 * day, 1825 * day, 0, 0, 0, 0, 0, 0};
    for (omega_tier tier = OMEGA_TIER_IMMEDIATE; tier < OMEGA_TIER_COUNT; tier++) {
        struct house house;
        house_open(&house);
        omega_id id = store_in_tier(&house, tier, false);
        omega_id pinned = store_in_tier(&house, tier, true);
        house_wait(&house, keeps[tier] != 0 ? keeps[tier] : 40000 * day);
        struct om_retention_report report = retain(&house);
        assert_int_equal(report.archived, 0);
        assert_int_equal(report.looked_at, 2);
        house_wait(&house, 1);
        report = retain(&house);
        assert_int_equal(report.archived, keeps[tier] != 0 ? 1 : 0);
        (void)id;
        omega_list_options list = omega_list_options_default();
        uint64_t count;
        list.all_roots = true;
        assert_ok(om_memory_count(house.memory, &list, &count));
        assert_int_equal(count, keeps[tier] != 0 ? 1 : 2);
        (void)pinned;
        house_check(&house);
        house_close(&house);
    }
}

static void test_a_year_removes_nothing(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    for (omega_tier tier = OMEGA_TIER_IMMEDIATE; tier < OMEGA_TIER_COUNT; tier++) {
        (void)store_in_tier(&house, tier, false);
    }
    for (int i = 0; i < 366; i++) {
        struct om_retention_report report = retain(&house);
        assert_true(report.removed == 0 && report.expired == 0);
        house_wait(&house, day);
    }
    omega_list_options list = omega_list_options_default();
    uint64_t count;
    list.all_roots = true;
    list.include = OMEGA_INCLUDE_ARCHIVED;
    assert_ok(om_memory_count(house.memory, &list, &count));
    assert_int_equal(count, OMEGA_TIER_COUNT);
    house_check(&house);
    house_close(&house);
}

static void test_use_keeps(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id used = house_say(&house, "what is read now and then", "ann");
    omega_id unused = house_say(&house, "nobody asks for this", "ann");
    house_wait(&house, 20 * day);
    om_memories_free(house_get(&house, used, "ann"));
    assert_ok(om_memory_flush_access(house.memory));
    house_reopen(&house); /* it was written down */
    house_wait(&house, 15 * day);
    assert_int_equal(retain(&house).archived, 1);
    assert_int_equal(state_of(&house, used), OMEGA_MEMORY_ACTIVE);
    assert_int_equal(state_of(&house, unused), OMEGA_MEMORY_ARCHIVED);
    assert_int_equal(house.event_counts[OMEGA_EVENT_MEMORY_ARCHIVED], 1);
    /* Put back among the active, its time begins anew. */
    omega_update_options up = omega_update_options_default();
    up.id = unused.text;
    up.scope = house_scope("ann");
    up.state = OMEGA_MEMORY_ACTIVE;
    assert_ok(om_memory_update(house.memory, &up, NULL));
    assert_int_equal(retain(&house).archived, 0);
    house_check(&house);
    house_close(&house);
}

static void test_access_is_counted_once(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id id = house_say(&house, "read me", "ann");
    house_wait(&house, 2 * day);
    for (int i = 0; i < 5; i++) {
        om_memories_free(house_get(&house, id, "ann"));
    }
    uint64_t seq = om_store_commit_seq(house.store);
    assert_ok(om_memory_flush_access(house.memory));
    assert_int_equal(om_store_commit_seq(house.store), seq + 1); /* one record for all */
    assert_ok(om_memory_flush_access(house.memory));
    assert_int_equal(om_store_commit_seq(house.store), seq + 1);
    house_reopen(&house);
    omega_memories *got = house_get(&house, id, "ann");
    const omega_memory *m = om_memories_at(got, 0);
    assert_int_equal(m->access_count, 5);
    assert_true(m->accessed_at_ms == house_start_ms + 2 * day);
    assert_true(m->stability_days > 2.3065); /* shown after two days: it lasts longer now */
    assert_true(m->retrievability == 1.0);
    om_memories_free(got);
    /* A changed content is the same memory: its figures go on. */
    omega_update_options up = omega_update_options_default();
    up.id = id.text;
    up.scope = house_scope("ann");
    up.content = OM_STR("read me, please");
    assert_ok(om_memory_update(house.memory, &up, NULL));
    assert_ok(om_memory_flush_access(house.memory)); /* the get above, of the row before */
    got = house_get(&house, id, "ann");
    assert_int_equal(om_memories_at(got, 0)->access_count, 6);
    om_memories_free(got);
    house_check(&house);
    house_close(&house);
}

static void test_session_is_over(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    const omega_tier tier = OMEGA_TIER_SESSION;
    omega_memory_input in = house_input("in the first session", "ann");
    in.tier = tier;
    in.scope.session = OM_STR("one");
    (void)house_store(&house, &in);
    in.content = OM_STR("of no session");
    in.scope.session = (omega_str){NULL, 0};
    (void)house_store(&house, &in);
    house_wait(&house, day / 2);
    in.content = OM_STR("half a day later");
    in.scope.session = OM_STR("one");
    (void)house_store(&house, &in);
    house_wait(&house, day / 2 + 1);
    assert_int_equal(retain(&house).archived, 1); /* the later one keeps its session */
    house_wait(&house, day / 2 - 1);
    assert_int_equal(retain(&house).archived, 0);
    house_wait(&house, 1);
    assert_int_equal(retain(&house).archived, 2);
    house_check(&house);
    house_close(&house);
}

static void test_expiry_erases(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_memories *got = NULL;
    omega_scope scope = house_scope("ann");
    omega_memory_input in = house_input("gone tomorrow", "ann");
    in.expires_at_ms = house_start_ms + day;
    in.key = OM_STR("k");
    in.pinned = true;
    omega_id id = house_store(&house, &in);
    house_wait(&house, day - 1);
    assert_int_equal(retain(&house).expired, 0);
    om_memories_free(house_get(&house, id, "ann"));
    house_wait(&house, 1);
    /* As good as gone at once, before upkeep comes by. */
    assert_status(om_memory_get(house.memory, id.text, &scope, &got), OMEGA_ENOTFOUND);
    assert_int_equal(house_count(&house, "ann", 0), 0);
    in.expires_at_ms = OMEGA_TIME_UNSET;
    omega_id next = house_store(&house, &in); /* its key is free */
    assert_string_not_equal(id.text, next.text);
    in.expires_at_ms = house_start_ms + 2 * day;
    in.key = OM_STR("l");
    in.content = OM_STR("gone the day after");
    (void)house_store(&house, &in);
    house_wait(&house, day);
    assert_int_equal(retain(&house).expired, 1);
    assert_int_equal(retain(&house).expired, 0);
    assert_true(om_store_wants_erase(house.store));
    in.expires_at_ms = OMEGA_TIME_UNSET;
    (void)house_store(&house, &in); /* no tombstone: nobody said that it was wrong */
    house_check(&house);
    house_close(&house);
}

static void test_archives_are_removed_when_asked(void **state)
{
    (void)state;
    struct house house;
    house_init(&house);
    house.options.archive_retention_days = 10;
    house_start(&house);
    (void)house_say(&house, "an episode", "ann");
    house_wait(&house, 30 * day + 1);
    assert_int_equal(retain(&house).archived, 1);
    house_wait(&house, 10 * day - 1);
    assert_int_equal(retain(&house).removed, 0);
    house_wait(&house, 1);
    assert_int_equal(retain(&house).removed, 1);
    assert_int_equal(house_count(&house, "ann", OMEGA_INCLUDE_ARCHIVED), 0);
    house_check(&house);
    house_close(&house);
}

static void test_one_too_many(void **state)
{
    (void)state;
    struct house house;
    house_init(&house);
    house.options.max_per_tier = 300;
    house_start(&house);
    static omega_memory_input in[1000];
    static omega_id ids[1000];
    static char texts[1000][32];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "entry %d", i);
        in[i] = house_input(texts[i], i < 900 ? "ann" : "bob");
        in[i].importance = (double)(i * 7919 % 1000) / 1000.0;
        in[i].pinned = in[i].importance < 0.01;
    }
    assert_ok(om_memory_store_batch(house.memory, in, 1000, NULL, ids));
    struct om_retention_report report = retain(&house);
    assert_int_equal(report.archived, 600);
    assert_int_equal(house_count(&house, "ann", 0), 300);
    assert_int_equal(house_count(&house, "bob", 0), 100); /* no tenant evicts another */
    double worst_kept = 1.0, best_gone = 0.0;
    for (int i = 0; i < 900; i++) {
        double worth = in[i].pinned ? 2.0 : in[i].importance;
        if (state_of(&house, ids[i]) == OMEGA_MEMORY_ACTIVE) {
            worst_kept = OM_MIN(worst_kept, worth);
        } else {
            best_gone = OM_MAX(best_gone, worth);
        }
    }
    assert_true(best_gone <= worst_kept);
    assert_int_equal(retain(&house).archived, 0);
    house_check(&house);
    house_close(&house);
}

static bool stop_at_once(void *context)
{
    ++*(int *)context;
    return true;
}

static void test_stops_when_asked(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    int asked = 0;
    struct om_retention_report report;
    (void)house_say(&house, "an episode", "ann");
    house_wait(&house, 31 * day);
    assert_ok(om_memory_retain(house.memory, stop_at_once, &asked, &report));
    assert_true(asked > 0 && report.archived == 0);
    house_close(&house);
}

static omega_id kept_id;

static void prepare(struct house *house, void *context)
{
    (void)context;
    omega_memory_input in = house_input("short-lived", "ann");
    in.expires_at_ms = house_start_ms + 1;
    (void)house_store(house, &in);
    in = house_input("said in a session", "ann");
    in.tier = OMEGA_TIER_SESSION;
    in.scope.session = OM_STR("s");
    (void)house_store(house, &in);
    kept_id = house_say(house, "an episode", "ann");
    (void)house_say(house, "another episode", "ann");
    house_wait(house, day + 1);
    om_memories_free(house_get(house, kept_id, "ann"));
}

static omega_status verb_retain(struct house *house, void *context)
{
    (void)context;
    return om_memory_retain(house->memory, NULL, NULL, NULL);
}

static omega_status verb_flush(struct house *house, void *context)
{
    (void)context;
    return om_memory_flush_access(house->memory);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    house_sweep("retain", &(struct house_trial){prepare, verb_retain, NULL});
    house_sweep("flush access", &(struct house_trial){prepare, verb_flush, NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_tier_keeps_its_time),
        cmocka_unit_test(test_a_year_removes_nothing),
        cmocka_unit_test(test_use_keeps),
        cmocka_unit_test(test_access_is_counted_once),
        cmocka_unit_test(test_session_is_over),
        cmocka_unit_test(test_expiry_erases),
        cmocka_unit_test(test_archives_are_removed_when_asked),
        cmocka_unit_test(test_one_too_many),
        cmocka_unit_test(test_stops_when_asked),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
