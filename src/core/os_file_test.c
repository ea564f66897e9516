/* os_file_test.c -- private directories and files, replacing, listing, the owner's lock. */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/os.h"
#include "core/str.h"

static char root[256];

static int make_root(void **state)
{
    (void)state;
    om_test_dir(root, sizeof root);
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    om_test_dir_remove(root);
    return 0;
}

static const char *in_root(const char *name)
{
    static char paths[4][OM_PATH_SIZE];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    assert_ok(om_os_join(path, root, name));
    return path;
}

static unsigned mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 07777U;
}

static void check_contents(const char *path, const char *wanted)
{
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), 1 << 20);
    assert_ok(om_os_read_file(path, 1 << 20, &buf));
    assert_true(om_str_eq_text(om_buf_str(&buf), wanted));
    om_buf_fini(&buf);
}

static void test_private_directories(void **state)
{
    (void)state;
    const char *deep = in_root("a/b/c/");
    assert_ok(om_os_private_dir(deep));
    assert_true(om_os_is_dir(deep));
    assert_int_equal(mode_of(in_root("a")), 0700);
    assert_int_equal(mode_of(in_root("a/b")), 0700);
    assert_int_equal(mode_of(deep), 0700);
    assert_ok(om_os_private_dir(deep));
    /* One that others can enter is tightened, its parents are left alone. */
    assert_int_equal(chmod(in_root("a/b"), 0755), 0);
    assert_int_equal(chmod(deep, 0775), 0);
    assert_ok(om_os_private_dir(deep));
    assert_int_equal(mode_of(deep), 0700);
    assert_int_equal(mode_of(in_root("a/b")), 0755);
    assert_ok(om_os_write_file(in_root("file"), "x", 1));
    assert_status(om_os_private_dir(in_root("file")), OMEGA_EINVAL);
    assert_status(om_os_private_dir(in_root("file/below")), OMEGA_EINVAL);
    assert_status(om_os_private_dir(""), OMEGA_EINVAL);
    assert_status(om_os_private_dir("/proc/no/such"), OMEGA_ENOTFOUND);
    assert_error_says("/proc/no");
    char longer[OM_PATH_SIZE + 10];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_status(om_os_private_dir(longer), OMEGA_ELIMIT);
}

/* As another user, a directory of ours that is open to all is refused and left as it is. */
static void test_a_foreign_open_directory(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("only root can act as another user\n");
        return;
    }
    const char *open_dir = in_root("open");
    assert_int_equal(mkdir(open_dir, 0700), 0);
    assert_int_equal(chmod(open_dir, 0777), 0);
    assert_int_equal(chmod(root, 0711), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool ok = setuid(65534) == 0 && om_os_private_dir(open_dir) == OMEGA_EDENIED &&
                  strstr(omega_error_message(), "0700") != NULL;
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(mode_of(open_dir), 0777);
    assert_int_equal(chmod(root, 0700), 0);
}

static void test_paths(void **state)
{
    (void)state;
    char path[OM_PATH_SIZE], name[OM_PATH_SIZE];
    assert_ok(om_os_join(path, "/a", "b"));
    assert_string_equal(path, "/a/b");
    assert_ok(om_os_join(path, "/", "b"));
    assert_string_equal(path, "/b");
    assert_ok(om_os_join(path, "", "b"));
    assert_string_equal(path, "b");
    assert_ok(om_os_join(path, path, "c"));
    assert_string_equal(path, "b/c");
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_status(om_os_join(path, "/a", name), OMEGA_ELIMIT);
    assert_false(om_os_exists(in_root("nothing")));
    assert_true(om_os_exists(root));
}

static void test_whole_files(void **state)
{
    (void)state;
    const char *path = in_root("whole");
    uint64_t size;
    struct om_buf buf;
    assert_ok(om_os_write_file(path, "first", 5));
    assert_int_equal(mode_of(path), 0600);
    assert_ok(om_os_write_file(path, "second one", 10));
    check_contents(path, "second one");
    assert_ok(om_os_file_size(path, &size));
    assert_int_equal(size, 10);
    om_buf_init(&buf, om_alloc_default(), 1000);
    assert_status(om_os_read_file(path, 9, &buf), OMEGA_ELIMIT);
    assert_error_says("whole");
    om_buf_clear(&buf);
    assert_status(om_os_read_file(in_root("missing"), 9, &buf), OMEGA_ENOTFOUND);
    assert_error_says("missing");
    assert_status(om_os_read_file(root, 9, &buf), OMEGA_EINVAL);
    om_buf_fini(&buf);
    om_buf_init(&buf, om_alloc_default(), 3);
    assert_status(om_os_read_file(path, 100, &buf), OMEGA_ELIMIT);
    om_buf_fini(&buf);
    assert_status(om_os_write_file(in_root("no/dir"), "x", 1), OMEGA_ENOTFOUND);
    assert_status(om_os_file_size(in_root("missing"), &size), OMEGA_ENOTFOUND);
    assert_ok(om_os_write_file(path, NULL, 0));
    check_contents(path, "");
    assert_ok(om_os_remove(path));
    assert_ok(om_os_remove(path));
    assert_false(om_os_exists(path));
    assert_status(om_os_remove(root), OMEGA_EINVAL);
}

static void test_copy_and_rename(void **state)
{
    (void)state;
    static char big[200000];
    for (size_t i = 0; i < sizeof big - 1; i++) {
        big[i] = (char)('a' + i % 26);
    }
    assert_ok(om_os_write_file(in_root("from"), big, sizeof big - 1));
    assert_ok(om_os_copy_file(in_root("from"), in_root("to")));
    assert_int_equal(mode_of(in_root("to")), 0600);
    check_contents(in_root("to"), big);
    assert_ok(om_os_rename(in_root("to"), in_root("moved")));
    assert_false(om_os_exists(in_root("to")));
    check_contents(in_root("moved"), big);
    assert_status(om_os_rename(in_root("to"), in_root("x")), OMEGA_ENOTFOUND);
    assert_status(om_os_copy_file(in_root("to"), in_root("x")), OMEGA_ENOTFOUND);
    assert_status(om_os_copy_file(in_root("moved"), in_root("no/x")), OMEGA_ENOTFOUND);
    assert_status(om_os_copy_file(root, in_root("x")), OMEGA_EINVAL);
    assert_false(om_os_exists(in_root("x")));
    uint64_t free_bytes;
    assert_ok(om_os_disk_free(root, &free_bytes));
    assert_true(free_bytes > 0);
    assert_status(om_os_disk_free(in_root("missing"), &free_bytes), OMEGA_ENOTFOUND);
    assert_ok(om_os_fsync_dir(root));
    assert_status(om_os_fsync_dir(in_root("missing")), OMEGA_ENOTFOUND);
}

struct seen {
    char names[256];
    unsigned stop_after;
};

static omega_status note_name(void *context, const char *name, bool is_dir)
{
    struct seen *seen = context;
    size_t len = strlen(seen->names);
    (void)snprintf(seen->names + len, sizeof seen->names - len, "%s%s ", name, is_dir ? "/" : "");
    return seen->stop_after != 0 && --seen->stop_after == 0 ? OMEGA_ECANCELLED : OMEGA_OK;
}

static void make_list(void)
{
    assert_ok(om_os_private_dir(in_root("list/sub")));
    assert_ok(om_os_write_file(in_root("list/b"), "", 0));
    assert_ok(om_os_write_file(in_root("list/.hidden"), "", 0));
    assert_ok(om_os_write_file(in_root("list/a"), "", 0));
    (void)unlink(in_root("list/link"));
    assert_int_equal(symlink("sub", in_root("list/link")), 0);
}

static void test_listing(void **state)
{
    (void)state;
    struct seen seen = {{0}, 0};
    make_list();
    assert_ok(om_os_list(in_root("list"), om_alloc_default(), note_name, &seen));
    assert_string_equal(seen.names, ".hidden a b link sub/ ");
    seen = (struct seen){{0}, 2};
    assert_status(om_os_list(in_root("list"), om_alloc_default(), note_name, &seen),
                  OMEGA_ECANCELLED);
    assert_string_equal(seen.names, ".hidden a ");
    seen = (struct seen){{0}, 0};
    assert_ok(om_os_list(in_root("list/sub"), om_alloc_default(), note_name, &seen));
    assert_string_equal(seen.names, "");
    assert_status(om_os_list(in_root("missing"), om_alloc_default(), note_name, &seen),
                  OMEGA_ENOTFOUND);
}

static omega_status list_once(void *context)
{
    struct seen seen = {{0}, 0};
    return om_os_list(context, om_alloc_default(), note_name, &seen);
}

static omega_status read_once(void *context)
{
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), 1000);
    omega_status status = om_os_read_file(context, 1000, &buf);
    om_buf_fini(&buf);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    char path[OM_PATH_SIZE];
    make_list();
    assert_ok(om_os_join(path, root, "list"));
    assert_int_equal(om_test_oom_sweep(list_once, path), 2);
    assert_ok(om_os_join(path, root, "read-me"));
    assert_ok(om_os_write_file(path, "some", 4));
    assert_int_equal(om_test_oom_sweep(read_once, path), 1);
}

static void test_written_in_place(void **state)
{
    (void)state;
    int fd;
    char bytes[16];
    size_t got;
    const char *path = in_root("mark");
    assert_status(om_os_open_private(path, false, &fd), OMEGA_ENOTFOUND);
    assert_int_equal(fd, -1);
    assert_ok(om_os_open_private(path, true, &fd));
    assert_int_equal(mode_of(path), 0600);
    assert_ok(om_os_pwrite(fd, "0123456789", 10, 0));
    assert_ok(om_os_pwrite(fd, "xy", 2, 4));
    assert_ok(om_os_pread(fd, bytes, sizeof bytes, 2, &got));
    assert_int_equal(got, 8);
    assert_memory_equal(bytes, "23xy6789", 8);
    assert_ok(om_os_pread(fd, bytes, 4, 100, &got));
    assert_int_equal(got, 0);
    om_os_close(&fd);
    om_os_close(&fd);
    om_os_close(NULL);
    assert_int_equal(chmod(path, 0644), 0);
    assert_ok(om_os_open_private(path, false, &fd));
    assert_int_equal(mode_of(path), 0600);
    om_os_close(&fd);
    assert_int_equal(symlink("mark", in_root("mark-link")), 0);
    assert_status(om_os_open_private(in_root("mark-link"), true, &fd), OMEGA_ELIMIT);
    assert_status(om_os_pwrite(-1, "x", 1, 0), OMEGA_EIO);
    assert_status(om_os_pread(-1, bytes, 1, 0, &got), OMEGA_EIO);
}

/* ---- The lock ------------------------------------------------------------------------------- */

/* A child takes the lock, says so by one pipe, and holds it until the other is closed. */
static pid_t start_owner(const char *path, int *hold)
{
    int ready[2], until[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(until), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd;
        int64_t owner;
        (void)close(until[1]);
        omega_status status = om_os_lock_file(path, &fd, &owner);
        byte = status == OMEGA_OK && owner == getpid() ? 1 : 0;
        (void)!write(ready[1], &byte, 1);
        (void)!read(until[0], &byte, 1);
        _exit(0);
    }
    (void)close(ready[1]);
    (void)close(until[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 1);
    (void)close(ready[0]);
    *hold = until[1];
    return child;
}

static void test_the_lock_names_its_owner(void **state)
{
    (void)state;
    int hold, fd, status;
    int64_t owner;
    char pid_text[32];
    const char *path = in_root("omega.lock");
    pid_t child = start_owner(path, &hold);
    assert_status(om_os_lock_file(path, &fd, &owner), OMEGA_EBUSY);
    assert_true(owner == child);
    assert_int_equal(fd, -1);
    (void)snprintf(pid_text, sizeof pid_text, "process %d", (int)child);
    assert_error_says(pid_text);
    (void)close(hold);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_ok(om_os_lock_file(path, &fd, &owner));
    assert_true(owner == getpid());
    assert_int_equal(mode_of(path), 0600);
    /* Also within one process: the lock belongs to the open file. */
    int second;
    assert_status(om_os_lock_file(path, &second, &owner), OMEGA_EBUSY);
    assert_true(owner == getpid());
    om_os_close(&fd);
    assert_ok(om_os_lock_file(path, &fd, &owner));
    om_os_close(&fd);
    assert_status(om_os_lock_file(in_root("no/lock"), &fd, &owner), OMEGA_ENOTFOUND);
}

/* A fork shares the lock until it closes it: the parent's close alone frees nothing. */
static void test_a_fork_must_close_the_lock(void **state)
{
    (void)state;
    int fd, other, until[2], status;
    int64_t owner;
    char byte;
    const char *path = in_root("fork.lock");
    assert_int_equal(pipe(until), 0);
    assert_ok(om_os_lock_file(path, &fd, &owner));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(until[1]);
        (void)!read(until[0], &byte, 1);
        om_os_close(&fd);
        _exit(0);
    }
    om_os_close(&fd);
    assert_status(om_os_lock_file(path, &other, &owner), OMEGA_EBUSY);
    (void)close(until[1]);
    (void)close(until[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_ok(om_os_lock_file(path, &other, &owner));
    om_os_close(&other);
}

/* Files of the user's are read as they are; new ones are never made over old ones. */
static void test_input_and_new_file(void **state)
{
    char dir[256], path[OM_PATH_SIZE], bytes[8] = "";
    struct stat info;
    uint64_t size = 1;
    size_t got = 0;
    int fd = -1;
    (void)state;
    om_test_dir(dir, sizeof dir);
    assert_ok(om_os_join(path, dir, "a"));
    assert_status(om_os_open_input(path, &fd, &size), OMEGA_ENOTFOUND);
    assert_int_equal(fd, -1);
    assert_ok(om_os_create_file(path, &fd));
    assert_ok(om_os_pwrite(fd, "hello", 5, 0));
    assert_ok(om_os_fsync(fd));
    om_os_close(&fd);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_status(om_os_create_file(path, &fd), OMEGA_ECONFLICT);
    assert_int_equal(chmod(path, 0444), 0);
    assert_ok(om_os_open_input(path, &fd, &size));
    assert_int_equal(size, 5);
    assert_ok(om_os_pread(fd, bytes, sizeof bytes, 0, &got));
    assert_int_equal(got, 5);
    om_os_close(&fd);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0444);
    assert_status(om_os_open_input(dir, &fd, &size), OMEGA_EINVAL);
    assert_ok(om_os_join(path, dir, "pipe"));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_status(om_os_open_input(path, &fd, &size), OMEGA_EINVAL);
    assert_status(om_os_fsync(-1), OMEGA_EIO);
    om_test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_private_directories),
        cmocka_unit_test(test_a_foreign_open_directory),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_whole_files),
        cmocka_unit_test(test_copy_and_rename),
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_written_in_place),
        cmocka_unit_test(test_the_lock_names_its_owner),
        cmocka_unit_test(test_input_and_new_file),
        cmocka_unit_test(test_a_fork_must_close_the_lock),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
