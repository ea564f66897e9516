/* status_test.c -- the thread's last error. */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/os.h"
#include "core/status.h"
#include "core/str.h"
#include "core/thread.h"

static void test_record_and_clear(void **state)
{
    (void)state;
    om_error_clear();
    assert_int_equal(omega_error_status(), OMEGA_OK);
    assert_string_equal(omega_error_message(), "");
    assert_status(om_fail(OMEGA_ENOTFOUND, "no memory '%s'", "x"), OMEGA_ENOTFOUND);
    const struct om_error *error = om_error_last();
    assert_int_equal(error->status, OMEGA_ENOTFOUND);
    assert_string_equal(error->message, "no memory 'x'");
    assert_int_equal(error->os_errno, 0);
    assert_non_null(strstr(error->file, "status_test.c"));
    assert_true(error->line > 0);
    om_error_clear();
    assert_null(om_error_last()->file);
}

static void test_errno_is_told(void **state)
{
    (void)state;
    assert_status(om_fail_errno(OMEGA_ENOSPC, ENOSPC, "cannot write '%s'", "f"), OMEGA_ENOSPC);
    assert_int_equal(om_error_last()->os_errno, ENOSPC);
    assert_string_equal(omega_error_message(), "cannot write 'f': No space left on device");
}

static void test_prefix_quotes_itself(void **state)
{
    (void)state;
    assert_status(om_fail(OMEGA_EINVAL, "bad"), OMEGA_EINVAL);
    assert_status(om_error_prefix(OMEGA_EINVAL, "line %d", 57), OMEGA_EINVAL);
    assert_string_equal(omega_error_message(), "line 57: bad");
    /* An argument may be the record itself. */
    assert_status(om_fail(OMEGA_EIO, "again: %s", omega_error_message()), OMEGA_EIO);
    assert_string_equal(omega_error_message(), "again: line 57: bad");
}

/* Wherever the cut falls, what is left is whole UTF-8. */
static void test_long_messages_stay_utf8(void **state)
{
    (void)state;
    char text[1024];
    for (size_t shift = 0; shift < 8; shift++) {
        memset(text, 'a', shift);
        size_t len = shift;
        while (len < 800) {
            len += om_utf8_put(text + len, len % 3 == 0 ? 0x1F600 : len % 3 == 1 ? 0x20AC : 0xE9);
        }
        text[len] = '\0';
        assert_status(om_fail(OMEGA_EINVAL, "%s", text), OMEGA_EINVAL);
        assert_true(strlen(omega_error_message()) < OM_ERROR_MESSAGE_SIZE);
        assert_true(strlen(omega_error_message()) >= OM_ERROR_MESSAGE_SIZE - 5);
        assert_true(om_utf8_valid(omega_str_of(omega_error_message())));
        assert_status(om_error_prefix(OMEGA_EINVAL, "%.*s", (int)shift, "prefixes"), OMEGA_EINVAL);
        assert_true(om_utf8_valid(omega_str_of(omega_error_message())));
        assert_status(om_fail_errno(OMEGA_EIO, EIO, "%s", text), OMEGA_EIO);
        assert_true(om_utf8_valid(omega_str_of(omega_error_message())));
    }
}

static void test_bad_bytes_are_shown_as_such(void **state)
{
    (void)state;
    (void)om_fail(OMEGA_EINVAL, "no tier '%s' here", "a\xFF\xE2\x82z\n\x7F\xC3\xA9");
    assert_string_equal(omega_error_message(), "no tier 'a???z??\xC3\xA9' here");
    (void)om_error_prefix(OMEGA_EINVAL, "\x80\t");
    assert_string_equal(omega_error_message(), "??: no tier 'a???z??\xC3\xA9' here");
    char continuations[600];
    memset(continuations, 0x80, sizeof continuations - 1);
    continuations[sizeof continuations - 1] = '\0';
    (void)om_fail(OMEGA_EINVAL, "%s", continuations);
    assert_int_equal(strlen(omega_error_message()), OM_ERROR_MESSAGE_SIZE - 1);
    assert_int_equal(strspn(omega_error_message(), "?"), OM_ERROR_MESSAGE_SIZE - 1);
}

static void fail_elsewhere(void *context)
{
    struct om_error *out = context;
    (void)om_fail(OMEGA_EIO, "worker");
    *out = *om_error_last();
}

static void test_threads_are_apart(void **state)
{
    (void)state;
    struct om_error carried;
    struct om_thread thread;
    (void)om_fail(OMEGA_EINVAL, "mine");
    assert_ok(om_thread_start(&thread, "worker", fail_elsewhere, &carried));
    om_thread_join(&thread);
    assert_string_equal(omega_error_message(), "mine");
    om_error_set(&carried);
    assert_int_equal(omega_error_status(), OMEGA_EIO);
    assert_string_equal(omega_error_message(), "worker");
    om_error_set(om_error_last());
    assert_string_equal(omega_error_message(), "worker");
}

static void test_statuses_of_errno(void **state)
{
    (void)state;
    assert_int_equal(om_status_of_errno(ENOMEM), OMEGA_ENOMEM);
    assert_int_equal(om_status_of_errno(ENOSPC), OMEGA_ENOSPC);
    assert_int_equal(om_status_of_errno(EDQUOT), OMEGA_ENOSPC);
    assert_int_equal(om_status_of_errno(EACCES), OMEGA_EDENIED);
    assert_int_equal(om_status_of_errno(EPERM), OMEGA_EDENIED);
    assert_int_equal(om_status_of_errno(ENOENT), OMEGA_ENOTFOUND);
    assert_int_equal(om_status_of_errno(EMFILE), OMEGA_ELIMIT);
    assert_int_equal(om_status_of_errno(EIO), OMEGA_EIO);
    assert_int_equal(om_status_of_errno(12345), OMEGA_EIO);
}

static void test_assert_ends_the_process(void **state)
{
    (void)state;
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(pipe_fds[1], STDERR_FILENO);
        OM_ASSERT(1 + 1 == 3);
        _exit(0);
    }
    (void)close(pipe_fds[1]);
    char said[512] = "";
    assert_true(read(pipe_fds[0], said, sizeof said - 1) > 0);
    (void)close(pipe_fds[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) != 0));
    assert_non_null(strstr(said, "status_test.c"));
    assert_non_null(strstr(said, "1 + 1 == 3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_and_clear),
        cmocka_unit_test(test_errno_is_told),
        cmocka_unit_test(test_prefix_quotes_itself),
        cmocka_unit_test(test_long_messages_stay_utf8),
        cmocka_unit_test(test_bad_bytes_are_shown_as_such),
        cmocka_unit_test(test_threads_are_apart),
        cmocka_unit_test(test_statuses_of_errno),
        cmocka_unit_test(test_assert_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
