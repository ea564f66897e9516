/* os_test.c -- pages, randomness, forks, event counters, figures of the process. */
#include "support/support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/os.h"
#include "core/thread.h"

static void test_pages(void **state)
{
    (void)state;
    void *pages;
    enum { SIZE = 1 << 20 };
    assert_ok(om_os_pages(SIZE, &pages));
    unsigned char *bytes = pages;
    assert_int_equal((uintptr_t)bytes % 4096, 0);
    for (size_t i = 0; i < SIZE; i += 512) {
        assert_int_equal(bytes[i], 0);
    }
    bytes[SIZE - 1] = 1;
    om_os_pages_free(pages, SIZE);
    om_os_pages_free(NULL, SIZE);
    assert_status(om_os_pages(0, &pages), OMEGA_EINVAL);
    assert_status(om_os_pages(SIZE_MAX / 2, &pages), OMEGA_ENOMEM);
    assert_null(pages);
}

static void test_random(void **state)
{
    (void)state;
    unsigned char a[1000] = {0}, b[1000] = {0};
    unsigned zeros = 0;
    om_os_random(a, sizeof a);
    om_os_random(b, sizeof b);
    om_os_random(NULL, 0);
    assert_memory_not_equal(a, b, sizeof a);
    for (size_t i = 0; i < sizeof a; i++) {
        zeros += a[i] == 0 ? 1 : 0;
    }
    assert_true(zeros < 40);
}

static void test_figures(void **state)
{
    (void)state;
    uint64_t resident, private_bytes, more;
    assert_true(om_os_pid() == getpid());
    assert_in_range(om_os_cpu_count(), 1, 100000);
    om_os_memory(&resident, &private_bytes);
    assert_in_range(resident, 100000, UINT64_C(1) << 40);
    assert_true(private_bytes > 0 && private_bytes <= resident);
    /* 32 MiB that are touched are seen. */
    enum { SIZE = 32 << 20 };
    void *pages;
    assert_ok(om_os_pages(SIZE, &pages));
    memset(pages, 1, SIZE);
    om_os_memory(&resident, &more);
    om_os_pages_free(pages, SIZE);
    assert_true(more >= private_bytes + SIZE - (1 << 20));
    int64_t used = om_os_cpu_ns();
    assert_true(used > 0);
    assert_true(om_os_cpu_ns() >= used);
    om_os_yield();
    int64_t before = om_mono_ns(om_clock_system());
    om_os_sleep_ms(2);
    assert_true(om_mono_ns(om_clock_system()) - before >= 2000000);
}

static void test_children_close_what_they_must(void **state)
{
    (void)state;
    int closed = -1;
    int kept = -1;
    assert_ok(om_os_eventfd(&closed));
    assert_ok(om_os_eventfd(&kept));
    assert_true(om_os_close_on_fork(closed));
    assert_true(om_os_close_on_fork(kept));
    om_os_keep_on_fork(kept);
    om_os_keep_on_fork(9999); /* is not known */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(fcntl(closed, F_GETFD) < 0 && fcntl(kept, F_GETFD) >= 0 ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(fcntl(closed, F_GETFD) >= 0); /* only there */
    om_os_keep_on_fork(closed);
    for (int i = 0; i < OM_OS_FORK_FDS; i++) {
        assert_true(om_os_close_on_fork(1000 + i));
    }
    assert_false(om_os_close_on_fork(closed));
    for (int i = 0; i < OM_OS_FORK_FDS; i++) {
        om_os_keep_on_fork(1000 + i);
    }
    om_os_close(&closed);
    om_os_close(&kept);
}

static void test_forks_are_counted(void **state)
{
    (void)state;
    unsigned here = om_os_fork_generation();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool differs = om_os_fork_generation() == here + 1;
        pid_t grandchild = fork();
        if (grandchild == 0) {
            _exit(om_os_fork_generation() == here + 2 ? 0 : 1);
        }
        int status;
        (void)waitpid(grandchild, &status, 0);
        _exit(differs && status == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(om_os_fork_generation(), here);
}

static void signal_later(void *context)
{
    om_os_sleep_ms(2);
    om_os_eventfd_signal(*(int *)context);
}

static void test_event_counter(void **state)
{
    (void)state;
    int fd;
    struct om_thread thread;
    assert_ok(om_os_eventfd(&fd));
    assert_false(om_os_wait_readable(fd, 0));
    assert_false(om_os_wait_readable(fd, 1));
    om_os_eventfd_signal(fd);
    om_os_eventfd_signal(fd);
    assert_true(om_os_wait_readable(fd, 0));
    om_os_eventfd_clear(fd);
    assert_false(om_os_wait_readable(fd, 0));
    om_os_eventfd_clear(fd); /* does not wait */
    assert_ok(om_thread_start(&thread, "signal", signal_later, &fd));
    assert_true(om_os_wait_readable(fd, -1));
    om_thread_join(&thread);
    om_os_close(&fd);
    assert_int_equal(fd, -1);
}

static void test_default_data_dir(void **state)
{
    (void)state;
    char path[OM_PATH_SIZE];
    assert_int_equal(setenv("HOME", "/home/someone", 1), 0);
    assert_int_equal(setenv("XDG_DATA_HOME", "/data/here", 1), 0);
    assert_string_equal(om_os_env("XDG_DATA_HOME"), "/data/here");
    assert_ok(om_os_default_data_dir(path));
    assert_string_equal(path, "/data/here/omega");
    assert_int_equal(setenv("XDG_DATA_HOME", "relative", 1), 0);
    assert_ok(om_os_default_data_dir(path));
    assert_string_equal(path, "/home/someone/.local/share/omega");
    assert_int_equal(unsetenv("XDG_DATA_HOME"), 0);
    assert_ok(om_os_default_data_dir(path));
    assert_string_equal(path, "/home/someone/.local/share/omega");
    assert_int_equal(unsetenv("HOME"), 0);
    assert_null(om_os_env("HOME"));
    assert_status(om_os_default_data_dir(path), OMEGA_EINVAL);
    assert_error_says("XDG_DATA_HOME");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),         cmocka_unit_test(test_random),
        cmocka_unit_test(test_figures),       cmocka_unit_test(test_forks_are_counted),
        cmocka_unit_test(test_children_close_what_they_must),
        cmocka_unit_test(test_event_counter), cmocka_unit_test(test_default_data_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
