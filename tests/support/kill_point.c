/* kill_point.c -- see the header. The replaced calls cost nothing until the point is armed: then
 * the descriptor's name is asked from /proc, since a write says nothing else about its file. */
#include "support/kill_point.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BEFORE, HALF, AFTER, LATER, WAYS };

static atomic_uint left; /* writes to a log until the end; 0: not armed */
static atomic_uint_fast64_t chosen;

static void die(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        (void)pause();
    }
}

static void *die_later(void *context)
{
    const struct timespec delay = {0, (long)(atomic_load(&chosen) / WAYS % 3000) * 1000};
    (void)context;
    (void)nanosleep(&delay, NULL);
    die();
    return NULL;
}

static bool is_log(int fd)
{
    char link[64], path[512];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path);
    return len > 4 && memcmp(path + len - 4, "-wal", 4) == 0;
}

static bool is_the_end(int fd)
{
    unsigned now = atomic_load(&left);
    if (now == 0 || !is_log(fd)) {
        return false;
    }
    return atomic_fetch_sub(&left, 1) == 1;
}

static ssize_t last_write(int fd, const void *bytes, size_t size, off_t offset)
{
    const uint64_t way = atomic_load(&chosen) % WAYS;
    if (way == BEFORE) {
        die();
    }
    ssize_t done = pwrite(fd, bytes, way == HALF ? size / 2 : size, offset);
    pthread_t thread;
    if (way != LATER || pthread_create(&thread, NULL, die_later, NULL) != 0) {
        die();
    }
    return done;
}

static ssize_t watched_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return is_the_end(fd) ? last_write(fd, bytes, size, offset) : pwrite(fd, bytes, size, offset);
}

static ssize_t watched_write(int fd, const void *bytes, size_t size)
{
    if (is_the_end(fd)) {
        const off_t at = lseek(fd, 0, SEEK_CUR);
        const ssize_t done = last_write(fd, bytes, size, at);
        (void)lseek(fd, at + (off_t)done, SEEK_SET);
        return done;
    }
    return write(fd, bytes, size);
}

bool om_kill_point_install(void)
{
    static const struct {
        const char *name;
        sqlite3_syscall_ptr call;
    } rows[] = {{"write", (sqlite3_syscall_ptr)watched_write},
                {"pwrite", (sqlite3_syscall_ptr)watched_pwrite},
                {"pwrite64", (sqlite3_syscall_ptr)watched_pwrite}};
    sqlite3_vfs *vfs = sqlite3_initialize() == SQLITE_OK ? sqlite3_vfs_find(NULL) : NULL;
    bool good = vfs != NULL && vfs->iVersion >= 3;
    for (size_t i = 0; good && i < sizeof rows / sizeof rows[0]; i++) {
        good = vfs->xSetSystemCall(vfs, rows[i].name, rows[i].call) == SQLITE_OK;
    }
    return good;
}

void om_kill_point_arm(uint32_t nth, uint64_t draw)
{
    atomic_store(&chosen, draw);
    atomic_store(&left, nth);
}
