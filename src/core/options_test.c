/* options_test.c -- typed configuration: every error names what, where and what is allowed. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>

#include "core/options.h"
#include "core/os.h"
#include "core/str.h"

struct settings {
    bool enabled;
    uint32_t links;
    uint64_t limit;
    int64_t interval_ms;
    double rate;
    char name[16];
    uint32_t mode;
};

static const char *const modes[] = {"process", "disk", "replicated", NULL};

#define FIELD(name) offsetof(struct settings, name), sizeof(((struct settings *)NULL)->name)
static const struct om_option rows[] = {
    {"loops.enabled", OM_OPTION_BOOL, FIELD(enabled), 0, 0, "true", NULL, "run"},
    {"agentdb.hnsw_m", OM_OPTION_U32, FIELD(links), 4, 128, "16", NULL, "links"},
    {"memory.limit", OM_OPTION_U64, FIELD(limit), 0, 1e9, "0", NULL, "limit"},
    {"loops.interval_ms", OM_OPTION_I64, FIELD(interval_ms), -10, 315576000000, "100", NULL, "ms"},
    {"breaker.rate", OM_OPTION_DOUBLE, FIELD(rate), 0, 1, "0.25", NULL, "rate"},
    {"runtime.name", OM_OPTION_TEXT, FIELD(name), 1, 0, "omega", NULL, "name"},
    {"store.durability", OM_OPTION_CHOICE, FIELD(mode), 0, 0, "disk", modes, "mode"},
};
static const struct om_option_table table = {rows, OM_COUNT_OF(rows)};

static char root[256];
static char path[OM_PATH_SIZE];

static int make_root(void **state)
{
    (void)state;
    om_test_dir(root, sizeof root);
    return om_os_join(path, root, "omega.conf") == OMEGA_OK ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    om_test_dir_remove(root);
    return 0;
}

static omega_status set(struct settings *settings, const char *key, const char *value)
{
    return om_options_set(&table, settings, omega_str_of(key), omega_str_of(value));
}

static omega_status load(struct settings *settings, const char *text)
{
    assert_ok(om_os_write_file(path, text, strlen(text)));
    return om_options_load(&table, settings, path);
}

static struct settings defaults(void)
{
    struct settings settings;
    memset(&settings, 0, sizeof settings);
    om_options_init(&table, &settings);
    return settings;
}

static void test_defaults(void **state)
{
    (void)state;
    struct settings settings = defaults();
    assert_true(settings.enabled);
    assert_int_equal(settings.links, 16);
    assert_int_equal(settings.interval_ms, 100);
    assert_true(settings.rate >= 0.25 && settings.rate <= 0.25);
    assert_string_equal(settings.name, "omega");
    assert_int_equal(settings.mode, 1);
    assert_ok(om_options_check(&table, &settings));
}

static void test_set(void **state)
{
    (void)state;
    struct settings settings = defaults();
    assert_ok(set(&settings, "loops.enabled", "Off"));
    assert_false(settings.enabled);
    assert_ok(set(&settings, "loops.enabled", "1"));
    assert_true(settings.enabled);
    assert_ok(set(&settings, " agentdb.hnsw_m ", " 128 "));
    assert_int_equal(settings.links, 128);
    assert_ok(set(&settings, "memory.limit", "1000000000"));
    assert_ok(set(&settings, "loops.interval_ms", "315576000000"));
    assert_true(settings.interval_ms == INT64_C(315576000000));
    assert_ok(set(&settings, "loops.interval_ms", "-10"));
    assert_ok(set(&settings, "breaker.rate", "1e-1"));
    assert_ok(set(&settings, "runtime.name", "123456789012345"));
    assert_string_equal(settings.name, "123456789012345");
    assert_ok(set(&settings, "runtime.name", "x"));
    assert_string_equal(settings.name, "x");
    assert_ok(set(&settings, "store.durability", "REPLICATED"));
    assert_int_equal(settings.mode, 2);
}

static void test_values_that_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][3] = {
        {"loops.enabled", "maybe", "true or false"},
        {"loops.enabled", "", "true or false"},
        {"agentdb.hnsw_m", "3", "4..128"},
        {"agentdb.hnsw_m", "129", "4..128"},
        {"agentdb.hnsw_m", "4294967300", "4..128"},
        {"agentdb.hnsw_m", "-5", "whole number"},
        {"agentdb.hnsw_m", "16.0", "whole number"},
        {"memory.limit", "1000000001", "0..1000000000"},
        {"memory.limit", "99999999999999999999", "0..1000000000"},
        {"loops.interval_ms", "-11", "-10..315576000000"},
        {"breaker.rate", "nan", "0..1"},
        {"breaker.rate", "1.0001", "0..1"},
        {"breaker.rate", "0,5", "0..1"},
        {"runtime.name", "1234567890123456", "1..15 bytes"},
        {"runtime.name", "", "1..15 bytes"},
        {"runtime.name", "\xFF", "UTF-8"},
        {"store.durability", "tape", "process, disk, replicated"},
    };
    struct settings settings = defaults();
    for (size_t i = 0; i < OM_COUNT_OF(bad); i++) {
        struct settings before = settings;
        assert_status(set(&settings, bad[i][0], bad[i][1]), OMEGA_EINVAL);
        assert_error_says(bad[i][0]);
        assert_error_says(bad[i][2]);
        assert_memory_equal(&before, &settings, sizeof before);
    }
    assert_status(om_options_set(&table, &settings, OM_STR("runtime.name"), OM_STR("a\0b")),
                  OMEGA_EINVAL);
}

static void test_the_nearest_key_is_named(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"agentdb.hnsw_n", "agentdb.hnsw_m"},      {"agentdb.hnswm", "agentdb.hnsw_m"},
        {"loop.enabled", "loops.enabled"},         {"interval_ms", "loops.interval_ms"},
        {"memory.durability", "store.durability"}, {"", "memory.limit"},
    };
    struct settings settings = defaults();
    for (size_t i = 0; i < OM_COUNT_OF(pairs); i++) {
        assert_status(set(&settings, pairs[i][0], "1"), OMEGA_EINVAL);
        assert_error_says(pairs[i][1]);
    }
    char longer[400];
    memset(longer, 'k', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_status(set(&settings, longer, "1"), OMEGA_EINVAL);
    assert_error_says("no key 'kkk");
    assert_null(om_options_find(&table, OM_STR("agentdb")));
    assert_ptr_equal(om_options_find(&table, OM_STR("memory.limit")), &rows[2]);
}

static void test_files(void **state)
{
    (void)state;
    struct settings settings = defaults();
    assert_ok(load(&settings, "\xEF\xBB\xBF# a comment\r\n"
                              "[agentdb]\r\n"
                              "  hnsw_m = 32   ; links\r\n"
                              "\n"
                              "[loops]\n"
                              "enabled=no\n"
                              "\tinterval_ms : 250\n"
                              "[store]\n"
                              "durability = process"));
    assert_int_equal(settings.links, 32);
    assert_false(settings.enabled);
    assert_int_equal(settings.interval_ms, 250);
    assert_int_equal(settings.mode, 0);
    assert_ok(load(&settings, ""));
    assert_ok(load(&settings, "agentdb.hnsw_m = 8\n"));
    assert_int_equal(settings.links, 8);
}

static void test_files_that_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][3] = {
        {"[agentdb]\nhnsw_m = 8\nhnsw_m = 3\n", "line 3", "4..128"},
        {"[agentdb]\n\n# c\nhnsw = 8\n", "line 4", "agentdb.hnsw_m"},
        {"[agentdb]\nhnsw_m\n", "line 2", "name = value"},
        {"[agentdb\nhnsw_m = 8\n", "line 1", "[section]"},
        {"[agentdb]\nhnsw_m\nhnsw_m = 3\n", "line 2", "name = value"},
        {"[agentdb]\nhnsw_m = 3\nhnsw_m\n", "line 2", "4..128"},
        {"[runtime]\nname = \xC3\x28\n", "UTF-8", "omega.conf"},
        {"[agentdb]\nhnsw_m =\n  8\n", "line 2", "4..128"},
    };
    struct settings settings = defaults();
    for (size_t i = 0; i < OM_COUNT_OF(bad); i++) {
        struct settings before = settings;
        assert_status(load(&settings, bad[i][0]), OMEGA_EINVAL);
        assert_error_says(bad[i][1]);
        assert_error_says(bad[i][2]);
        assert_memory_equal(&before, &settings, sizeof before);
    }
    char longer[500] = "[agentdb]\nhnsw_m = ";
    memset(longer + 19, '0', 300);
    assert_status(load(&settings, longer), OMEGA_EINVAL);
    assert_error_says("line 2 is longer");
    assert_int_equal(settings.links, 16);
    assert_status(om_options_load(&table, &settings, "/nowhere/omega.conf"), OMEGA_ENOTFOUND);
    assert_error_says("/nowhere/omega.conf");
}

static void test_environment(void **state)
{
    (void)state;
    struct settings settings = defaults();
    assert_int_equal(setenv("OMEGA_AGENTDB_HNSW_M", "64", 1), 0);
    assert_int_equal(setenv("OMEGA_STORE_DURABILITY", "process", 1), 0);
    assert_ok(om_options_env(&table, &settings));
    assert_int_equal(settings.links, 64);
    assert_int_equal(settings.mode, 0);
    settings = defaults();
    assert_int_equal(setenv("OMEGA_STORE_DURABILITY", "tape", 1), 0);
    assert_status(om_options_env(&table, &settings), OMEGA_EINVAL);
    assert_error_says("OMEGA_STORE_DURABILITY");
    assert_error_says("process, disk, replicated");
    assert_int_equal(settings.links, 16);
    assert_int_equal(unsetenv("OMEGA_AGENTDB_HNSW_M"), 0);
    assert_int_equal(unsetenv("OMEGA_STORE_DURABILITY"), 0);
}

static void test_showing(void **state)
{
    (void)state;
    static const char *const wanted[] = {"true", "16", "0", "100", "0.25", "omega", "disk"};
    struct settings settings = defaults(), again;
    memset(&again, 0, sizeof again);
    for (size_t i = 0; i < table.count; i++) {
        struct om_buf text;
        om_buf_init(&text, om_alloc_default(), 1000);
        om_options_show(&rows[i], &settings, &text);
        assert_true(om_str_eq_text(om_buf_str(&text), wanted[i]));
        /* What is shown can be set. */
        assert_ok(om_options_set(&table, &again, omega_str_of(rows[i].key), om_buf_str(&text)));
        om_buf_fini(&text);
    }
    assert_memory_equal(&again, &settings, sizeof again);
}

static void check_refused(const struct settings *settings, const char *key, const char *value)
{
    assert_status(om_options_check(&table, settings), OMEGA_EINVAL);
    assert_error_says(key);
    assert_error_says(value);
}

static void test_checking_a_struct(void **state)
{
    (void)state;
    struct settings settings = defaults();
    settings.links = 1;
    check_refused(&settings, "agentdb.hnsw_m", "'1'");
    settings = defaults();
    settings.limit = UINT64_MAX;
    check_refused(&settings, "memory.limit", "'18446744073709551615'");
    settings = defaults();
    settings.interval_ms = INT64_MIN;
    check_refused(&settings, "loops.interval_ms", "'-9223372036854775808'");
    settings = defaults();
    settings.rate = (double)NAN;
    check_refused(&settings, "breaker.rate", "'nan'");
    settings.rate = -(double)INFINITY;
    check_refused(&settings, "breaker.rate", "'-inf'");
    settings = defaults();
    memset(settings.name, 'n', sizeof settings.name);
    check_refused(&settings, "runtime.name", "1..15 bytes");
    settings = defaults();
    settings.mode = 3;
    check_refused(&settings, "store.durability", "'3'");
}

static omega_status load_once(void *context)
{
    return om_options_load(&table, context, path);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct settings settings = defaults();
    assert_ok(load(&settings, "[agentdb]\nhnsw_m = 32\n"));
    assert_int_equal(om_test_oom_sweep(load_once, &settings), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_values_that_are_refused),
        cmocka_unit_test(test_the_nearest_key_is_named),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_files_that_are_refused),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_showing),
        cmocka_unit_test(test_checking_a_struct),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
