/* log_test.c -- levels, the sink, long lines, the default line on standard error. */
#include "support/support.h"

#include <unistd.h>

#include "core/log.h"
#include "core/str.h"

struct seen {
    unsigned count;
    enum om_log_level level;
    char component[32];
    char message[2048];
};

static void keep(void *context, const struct om_log_line *line)
{
    struct seen *seen = context;
    seen->count++;
    seen->level = line->level;
    assert_true(line->wall_ms > 0);
    assert_true(strlen(line->message) < sizeof seen->message);
    memcpy(seen->message, line->message, strlen(line->message) + 1);
    memcpy(seen->component, line->component, strlen(line->component) + 1);
    /* Under no lock: a sink may log and change the sink. */
    om_log_set_sink(keep, context);
}

static void test_levels(void **state)
{
    (void)state;
    struct seen seen = {0};
    om_log_set_sink(keep, &seen);
    assert_int_equal(om_log_level_now(), OM_LOG_WARN);
    om_log(OM_LOG_INFO, "store", "not seen");
    assert_int_equal(seen.count, 0);
    om_log(OM_LOG_WARN, "store", "checkpoint late pages=%d", 12);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.component, "store");
    assert_string_equal(seen.message, "checkpoint late pages=12");
    om_log_set_level(OM_LOG_DEBUG);
    om_log(OM_LOG_DEBUG, "store", "seen");
    assert_int_equal(seen.level, OM_LOG_DEBUG);
    om_log_set_level(OM_LOG_OFF);
    om_log(OM_LOG_ERROR, "store", "not seen");
    om_log_write(OM_LOG_OFF, "store", "no level of a line");
    assert_int_equal(seen.count, 2);
    om_log_set_level(OM_LOG_WARN);
    om_log_set_sink(NULL, NULL);
}

static void test_long_lines_are_cut(void **state)
{
    (void)state;
    struct seen seen = {0};
    char text[3001];
    om_log_set_sink(keep, &seen);
    for (size_t i = 0; i < 3000; i += 3) {
        memcpy(text + i, "\xE2\x82\xAC", 3);
    }
    text[3000] = '\0';
    om_log(OM_LOG_ERROR, "x", "%s", text);
    size_t len = strlen(seen.message);
    assert_in_range(len, 1015, 1023);
    assert_true(om_utf8_valid(omega_str_of(seen.message)));
    assert_string_equal(seen.message + len - 3, "...");
    om_log_set_sink(NULL, NULL);
}

static void test_the_default_line(void **state)
{
    (void)state;
    int fds[2];
    char said[256] = "";
    assert_int_equal(pipe(fds), 0);
    int kept = dup(STDERR_FILENO);
    assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
    om_log(OM_LOG_ERROR, "store", "disk full path=%s", "/x");
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    assert_true(read(fds[0], said, sizeof said - 1) > 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
    (void)close(kept);
    assert_true(strncmp(said, "time=20", 7) == 0);
    assert_non_null(strstr(said, " level=error component=store disk full path=/x\n"));
}

static void test_level_names(void **state)
{
    (void)state;
    enum om_log_level level = OM_LOG_INFO;
    assert_true(om_log_level_parse(OM_STR("WARN"), &level));
    assert_int_equal(level, OM_LOG_WARN);
    assert_true(om_log_level_parse(OM_STR("off"), &level));
    assert_int_equal(level, OM_LOG_OFF);
    assert_false(om_log_level_parse(OM_STR("loud"), &level));
    assert_int_equal(level, OM_LOG_OFF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_the_default_line),
        cmocka_unit_test(test_level_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
