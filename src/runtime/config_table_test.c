/* config_table_test.c -- every key of the table: set, read back, bounds, file, environment. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "omega/config.h"

enum { TEXT = OMEGA_CONFIG_PATH_SIZE };

static omega_config fresh(void)
{
    omega_config config;
    omega_config_init(&config);
    return config;
}

static bool key_at(size_t index, omega_config_key *key)
{
    *key = (omega_config_key){.struct_size = sizeof *key};
    return omega_config_key_at(index, key);
}

static void expect_shown(const omega_config *config, const char *key, const char *wanted)
{
    char value[TEXT];
    assert_ok(omega_config_get(config, key, value, sizeof value));
    assert_string_equal(value, wanted);
}

/* Two good values that differ from the default, and a bad one; NULL: there is none. */
static void values_of(const omega_config_key *key, char good[TEXT], char bad[TEXT])
{
    bad[0] = '\0';
    if (strcmp(key->type, "bool") == 0) {
        snprintf(good, TEXT, "%s", strcmp(key->default_text, "true") == 0 ? "false" : "true");
        snprintf(bad, TEXT, "perhaps");
    } else if (strcmp(key->type, "text") == 0) {
        snprintf(good, TEXT, "/tmp/some where");
    } else if (strcmp(key->type, "integer") == 0) {
        snprintf(good, TEXT, "%.0f",
                 strtod(key->default_text, NULL) == key->max ? key->min : key->max);
        snprintf(bad, TEXT, "%.0f", key->max + 1);
    } else if (strcmp(key->type, "number") == 0) {
        snprintf(good, TEXT, "0.25");
        snprintf(bad, TEXT, "%g", key->max + 0.5);
    } else { /* choices: the first that is not the default */
        snprintf(good, TEXT, "%s", key->type);
        good[strcspn(good, "|")] = '\0';
        snprintf(bad, TEXT, "none of them");
    }
}

static void expect_others_untouched(const omega_config *config, const char *changed)
{
    omega_config_key key;
    for (size_t i = 0; key_at(i, &key); i++) {
        if (strcmp(key.key, changed) != 0) {
            expect_shown(config, key.key, key.default_text);
        }
    }
}

static void test_every_key(void **state)
{
    (void)state;
    omega_config_key key;
    char good[TEXT];
    char bad[TEXT];
    size_t count = 0;
    for (; key_at(count, &key); count++) {
        omega_config config = fresh();
        assert_non_null(strchr(key.key, '.'));
        assert_true(strlen(key.doc) > 5);
        expect_shown(&config, key.key, key.default_text);
        values_of(&key, good, bad);
        assert_ok(omega_config_set(&config, key.key, good));
        expect_shown(&config, key.key, good);
        if (bad[0] != '\0') {
            assert_status(omega_config_set(&config, key.key, bad), OMEGA_EINVAL);
            assert_error_says(key.key);
            expect_shown(&config, key.key, good); /* nothing changed */
        }
        expect_others_untouched(&config, key.key);
    }
    assert_int_equal(count, 29);
    assert_false(omega_config_key_at(count, &key));
    assert_false(omega_config_key_at(0, NULL));
}

static void test_bounds_are_those_of_the_table(void **state)
{
    (void)state;
    omega_config_key key;
    char text[64];
    for (size_t i = 0; key_at(i, &key); i++) {
        if (strcmp(key.type, "integer") != 0) {
            continue;
        }
        omega_config config = fresh();
        snprintf(text, sizeof text, "%.0f", key.min);
        assert_ok(omega_config_set(&config, key.key, text));
        snprintf(text, sizeof text, "%.0f", key.max);
        assert_ok(omega_config_set(&config, key.key, text));
        snprintf(text, sizeof text, "%.0f", key.min - 1);
        assert_status(omega_config_set(&config, key.key, text), OMEGA_EINVAL);
        snprintf(text, sizeof text, "%.0f", key.max);
        assert_error_says(text); /* the range is named */
    }
}

static void test_unknown_keys(void **state)
{
    (void)state;
    omega_config config = fresh();
    char value[TEXT];
    assert_status(omega_config_set(&config, "agentdb.hnsw_n", "32"), OMEGA_EINVAL);
    assert_error_says("agentdb.hnsw_n");
    assert_error_says("agentdb.hnsw_m"); /* the nearest */
    assert_status(omega_config_get(&config, "agentdb.hnsw_n", value, sizeof value), OMEGA_EINVAL);
    assert_status(omega_config_get(&config, NULL, value, sizeof value), OMEGA_EINVAL);
    assert_status(omega_config_get(&config, "agentdb.hnsw_m", NULL, 0), OMEGA_EINVAL);
    assert_status(omega_config_set(&config, NULL, "1"), OMEGA_EINVAL);
    assert_status(omega_config_set(&config, "agentdb.hnsw_m", NULL), OMEGA_EINVAL);
    assert_status(omega_config_set(NULL, "agentdb.hnsw_m", "16"), OMEGA_EINVAL);
    config.struct_size = 0;
    assert_status(omega_config_set(&config, "agentdb.hnsw_m", "16"), OMEGA_EINVAL);
    assert_status(omega_config_load(&config, "x"), OMEGA_EINVAL);
    assert_status(omega_config_load_env(&config), OMEGA_EINVAL);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_a_file(void **state)
{
    (void)state;
    char dir[256];
    char path[300];
    omega_config config = fresh();
    om_test_dir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/omega.conf", dir);
    write_file(path, "; mine\n[agentdb]\ndimension = 1536\nhnsw_m = 32\n[loops]\n"
                     "enable_all_loops = no\nreflexive_interval_ms = 31557600000\n");
    assert_ok(omega_config_load(&config, path));
    assert_int_equal(config.agentdb_dimension, 1536);
    assert_int_equal(config.agentdb_hnsw_m, 32);
    assert_false(config.loops_enable_all_loops);
    assert_true(config.loops_reflexive_interval_ms == INT64_C(31557600000));
    const omega_config before = config;
    write_file(path, "[agentdb]\ndimension = 8\nhnsw_m = 3\n");
    assert_status(omega_config_load(&config, path), OMEGA_EINVAL);
    assert_error_says("omega.conf");
    assert_error_says("3");
    assert_error_says("agentdb.hnsw_m");
    assert_memory_equal(&config, &before, sizeof config); /* also not the good line */
    write_file(path, "[agentdb]\nsize = 8\n");
    assert_status(omega_config_load(&config, path), OMEGA_EINVAL);
    assert_error_says("agentdb.size");
    snprintf(path, sizeof path, "%s/none.conf", dir);
    assert_status(omega_config_load(&config, path), OMEGA_ENOTFOUND);
    om_test_dir_remove(dir);
}

static void test_the_environment(void **state)
{
    (void)state;
    omega_config config = fresh();
    assert_int_equal(setenv("OMEGA_AGENTDB_HNSW_EF", "321", 1), 0);
    assert_int_equal(setenv("OMEGA_STORE_DURABILITY", "process", 1), 0);
    assert_ok(omega_config_load_env(&config));
    assert_int_equal(config.agentdb_hnsw_ef, 321);
    assert_int_equal(config.store_durability, 1);
    assert_int_equal(setenv("OMEGA_AGENTDB_HNSW_EF", "a lot", 1), 0);
    const omega_config before = config;
    assert_status(omega_config_load_env(&config), OMEGA_EINVAL);
    assert_error_says("hnsw_ef");
    assert_memory_equal(&config, &before, sizeof config);
    assert_int_equal(unsetenv("OMEGA_AGENTDB_HNSW_EF"), 0);
    assert_int_equal(unsetenv("OMEGA_STORE_DURABILITY"), 0);
}

/* A caller compiled with a shorter struct: only its own fields are touched. */
static void test_an_older_struct(void **state)
{
    (void)state;
    struct {
        omega_config config;
        uint32_t beyond;
    } old;
    memset(&old, 0xee, sizeof old);
    const size_t size = offsetof(omega_config, health_interval_ms);
    omega_config_init_sized(&old.config, size);
    assert_int_equal(old.config.struct_size, size);
    assert_int_equal(old.config.agentdb_hnsw_m, 16);
    assert_int_equal(old.config.health_interval_ms, 0xeeeeeeee);
    assert_ok(omega_config_set(&old.config, "agentdb.hnsw_m", "64"));
    assert_int_equal(old.config.agentdb_hnsw_m, 64);
    assert_int_equal(old.config.health_interval_ms, 0xeeeeeeee);
    assert_int_equal(old.beyond, 0xeeeeeeee);
}

static omega_status get_a_key(void *context)
{
    char value[TEXT];
    return omega_config_get(context, "runtime.data_dir", value, sizeof value);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    omega_config config = fresh();
    assert_ok(omega_config_set(&config, "runtime.data_dir", "/some/where"));
    om_test_oom_sweep(get_a_key, &config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_bounds_are_those_of_the_table),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_a_file),
        cmocka_unit_test(test_the_environment),
        cmocka_unit_test(test_an_older_struct),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
