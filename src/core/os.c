/* os.c -- what a process asks Linux for, other than files: pages, randomness, time used, events.
 *
 * Figures come from /proc; where it is not mounted they are 0, which callers show as unknown. */
#include "core/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

omega_status om_os_pages(size_t size, void **out)
{
    *out = NULL;
    if (size == 0) {
        return om_fail(OMEGA_EINVAL, "no pages of 0 bytes");
    }
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        int err = errno;
        return om_fail_errno(OMEGA_ENOMEM, err, "cannot map %zu bytes", size);
    }
    *out = pages;
    return OMEGA_OK;
}

void om_os_pages_free(void *pages, size_t size)
{
    if (pages != NULL) {
        OM_ASSERT(munmap(pages, size) == 0);
    }
}

void om_os_random(void *out, size_t size)
{
    unsigned char *at = out;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0) {
            OM_ASSERT(errno == EINTR);
            continue;
        }
        at += got;
        size -= (size_t)got;
    }
}

int64_t om_os_pid(void)
{
    return getpid();
}

unsigned om_os_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int count = CPU_COUNT(&set);
        return count > 0 ? (unsigned)count : 1;
    }
    /* More processors than the set holds. */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

void om_os_yield(void)
{
    (void)sched_yield();
}

void om_os_sleep_ms(unsigned ms)
{
    struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

/* A small file of /proc into `out`, terminated; false when it is not there. */
static bool read_proc(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    size_t len = 0;
    ssize_t got;
    while (len < size - 1 && (got = read(fd, out + len, size - 1 - len)) != 0) {
        if (got < 0 && errno != EINTR) {
            break;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    (void)close(fd);
    out[len] = '\0';
    return len > 0;
}

/* The number of KiB behind "Name:" as bytes; 0 when the line is not there. */
static uint64_t proc_field(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at != NULL ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

void om_os_memory(uint64_t *resident, uint64_t *private_bytes)
{
    char text[4096];
    *resident = 0;
    *private_bytes = 0;
    if (read_proc("/proc/self/smaps_rollup", text, sizeof text)) {
        *resident = proc_field(text, "\nRss:");
        *private_bytes =
            proc_field(text, "\nPrivate_Clean:") + proc_field(text, "\nPrivate_Dirty:");
    } else if (read_proc("/proc/self/statm", text, sizeof text)) {
        /* Pages: size resident shared ... */
        char *at = text;
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
        (void)strtoull(at, &at, 10);
        uint64_t total = strtoull(at, &at, 10);
        uint64_t shared = strtoull(at, &at, 10);
        *resident = total * page;
        *private_bytes = total > shared ? (total - shared) * page : 0;
    }
}

int64_t om_os_cpu_ns(void)
{
    struct timespec used;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) {
        return 0;
    }
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static atomic_uint fork_generation;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/* Descriptors plus one, 0 for a free place. They are closed by a child before it can do anything
 * else, so that what it inherits does not outlive its parent. */
static atomic_int close_on_fork[OM_OS_FORK_FDS];

static void count_fork(void)
{
    atomic_fetch_add(&fork_generation, 1);
    for (size_t i = 0; i < OM_COUNT_OF(close_on_fork); i++) {
        const int fd = atomic_exchange(&close_on_fork[i], 0) - 1;
        if (fd >= 0) {
            (void)close(fd);
        }
    }
}

static void watch_forks(void)
{
    OM_ASSERT(pthread_atfork(NULL, NULL, count_fork) == 0);
}

unsigned om_os_fork_generation(void)
{
    (void)pthread_once(&fork_once, watch_forks);
    return atomic_load(&fork_generation);
}

bool om_os_close_on_fork(int fd)
{
    (void)pthread_once(&fork_once, watch_forks);
    for (size_t i = 0; i < OM_COUNT_OF(close_on_fork); i++) {
        int none = 0;
        if (atomic_compare_exchange_strong(&close_on_fork[i], &none, fd + 1)) {
            return true;
        }
    }
    return false;
}

void om_os_keep_on_fork(int fd)
{
    for (size_t i = 0; i < OM_COUNT_OF(close_on_fork); i++) {
        int mine = fd + 1;
        if (atomic_compare_exchange_strong(&close_on_fork[i], &mine, 0)) {
            return;
        }
    }
}

omega_status om_os_default_data_dir(char *out)
{
    const char *data = om_os_env("XDG_DATA_HOME");
    /* The specification: a relative path there is invalid and is ignored. */
    if (data != NULL && data[0] == '/') {
        return om_os_join(out, data, "omega");
    }
    const char *home = om_os_env("HOME");
    if (home == NULL || home[0] != '/') {
        return om_fail(OMEGA_EINVAL, "neither XDG_DATA_HOME nor HOME is an absolute path: name "
                                     "the data directory");
    }
    return om_os_join(out, home, ".local/share/omega");
}

const char *om_os_env(const char *name)
{
    return getenv(name);
}

void om_os_write_stderr(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t wrote = write(STDERR_FILENO, text, len);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return;
        }
        text += wrote;
        len -= (size_t)wrote;
    }
}

omega_status om_os_eventfd(int *fd)
{
    *fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (*fd < 0) {
        int err = errno;
        return om_fail_errno(om_status_of_errno(err), err, "cannot make an event counter");
    }
    return OMEGA_OK;
}

void om_os_eventfd_signal(int fd)
{
    uint64_t one = 1;
    /* EAGAIN: the counter is full, so it is readable anyway. */
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void om_os_eventfd_clear(int fd)
{
    uint64_t count;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

static int64_t now_ms(void)
{
    struct timespec now;
    OM_ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool om_os_wait_readable(int fd, int timeout_ms)
{
    int64_t until = timeout_ms >= 0 ? now_ms() + timeout_ms : 0;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    for (;;) {
        int got = poll(&poll_fd, 1, timeout_ms);
        if (got >= 0 || errno != EINTR) {
            return got > 0 && (poll_fd.revents & POLLIN) != 0;
        }
        if (timeout_ms >= 0) {
            int64_t left = until - now_ms();
            timeout_ms = left > 0 ? (int)left : 0;
        }
    }
}
