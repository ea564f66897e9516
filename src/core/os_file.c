/* os_file.c -- files and directories on Linux (POSIX calls, OFD locks).
 *
 * Everything made here is private: directories 0700, files 0600. A whole file is replaced by a
 * temporary one beside it, synced and renamed, then the directory is synced, so that after a crash
 * either the old or the new contents stand. Every call is repeated after a signal (EINTR).
 * fcntl's classic locks are rejected: any close of the file in the process would drop them. An
 * open-file-description lock lives as long as its descriptor and the forks that share it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/os.h"

enum { COPY_SIZE = 32 << 10, LIST_CEILING = 64 << 20 };

static omega_status fail_path(const char *what, const char *path)
{
    int err = errno;
    return om_fail_errno(om_status_of_errno(err), err, "cannot %s '%s'", what, path);
}

/* The length of an absolute or relative path, cut at `len`, made with mode 0700 if missing. */
static omega_status make_dir(char *path, size_t len)
{
    char kept = path[len];
    path[len] = '\0';
    omega_status status = OMEGA_OK;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        struct stat info;
        int err = errno;
        /* EROFS, EACCES and the like come before "exists" for a parent we cannot write. */
        if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
            errno = err;
            status = fail_path("make directory", path);
        }
    }
    path[len] = kept;
    return status;
}

static omega_status make_dirs(const char *path)
{
    char copy[OM_PATH_SIZE];
    size_t len = strlen(path);
    if (len == 0) {
        return om_fail(OMEGA_EINVAL, "the path of a directory is empty");
    }
    if (len >= sizeof copy) {
        return om_fail(OMEGA_ELIMIT, "a path of %zu bytes is over the limit of %d", len,
                       OM_PATH_SIZE - 1);
    }
    memcpy(copy, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (i < len && copy[i] != '/') {
            continue;
        }
        omega_status status = make_dir(copy, i);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    return OMEGA_OK;
}

omega_status om_os_private_dir(const char *path)
{
    omega_status status = make_dirs(path);
    if (status != OMEGA_OK) {
        return status;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fail_path("open directory", path);
    }
    struct stat info;
    if (fstat(fd, &info) != 0) {
        status = fail_path("look at directory", path);
    } else if ((info.st_mode & 077) != 0) {
        if (info.st_uid != geteuid()) {
            status = om_fail(OMEGA_EDENIED,
                             "directory '%s' is open to others (mode %03o) and belongs to user "
                             "%u: give it mode 0700 or choose another",
                             path, (unsigned)(info.st_mode & 0777), (unsigned)info.st_uid);
        } else if (fchmod(fd, 0700) != 0) {
            status = fail_path("make private directory", path);
        }
    }
    (void)close(fd);
    return status;
}

bool om_os_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool om_os_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

omega_status om_os_join(char *out, const char *dir, const char *name)
{
    size_t dir_len = strlen(dir);
    size_t name_len = strlen(name);
    bool needs_slash = dir_len > 0 && dir[dir_len - 1] != '/';
    if (dir_len + name_len + 2 > OM_PATH_SIZE) {
        return om_fail(OMEGA_ELIMIT, "a path of %zu bytes is over the limit of %d",
                       dir_len + name_len + 1, OM_PATH_SIZE - 1);
    }
    memmove(out, dir, dir_len);
    if (needs_slash) {
        out[dir_len++] = '/';
    }
    memcpy(out + dir_len, name, name_len + 1);
    return OMEGA_OK;
}

static ssize_t read_some(int fd, void *bytes, size_t size)
{
    ssize_t got;
    do {
        got = read(fd, bytes, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(fd, bytes, size);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            errno = wrote == 0 ? ENOSPC : errno;
            return false;
        }
        bytes += wrote;
        size -= (size_t)wrote;
    }
    return true;
}

static int sync_fd(int fd)
{
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    return result;
}

omega_status om_os_read_file(const char *path, size_t max, struct om_buf *out)
{
    char bytes[COPY_SIZE];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail_path("open", path);
    }
    omega_status status = OMEGA_OK;
    size_t total = 0;
    for (;;) {
        ssize_t got = read_some(fd, bytes, sizeof bytes);
        if (got < 0) {
            status = fail_path("read", path);
            break;
        }
        if (got == 0) {
            break;
        }
        total += (size_t)got;
        if (total > max) {
            status = om_fail(OMEGA_ELIMIT, "file '%s' is over its limit of %zu bytes", path, max);
            break;
        }
        om_buf_add(out, bytes, (size_t)got);
        if (out->status != OMEGA_OK) {
            status = out->status;
            break;
        }
    }
    (void)close(fd);
    return status;
}

/* The directory part of a path, "." or "/" included. */
static void parent_of(const char *path, char out[OM_PATH_SIZE])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) : 0;
    if (slash == NULL) {
        memcpy(out, ".", 2);
    } else if (len == 0) {
        memcpy(out, "/", 2);
    } else {
        memcpy(out, path, len);
        out[len] = '\0';
    }
}

omega_status om_os_fsync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fail_path("open directory", path);
    }
    omega_status status = OMEGA_OK;
    /* Some file systems cannot sync a directory and say EINVAL: then there is nothing to do. */
    if (sync_fd(fd) != 0 && errno != EINVAL) {
        status = fail_path("sync directory", path);
    }
    (void)close(fd);
    return status;
}

/* Syncs and closes `fd` in any case. */
static omega_status finish_file(int fd, const char *path)
{
    omega_status status = OMEGA_OK;
    if (sync_fd(fd) != 0) {
        status = fail_path("sync", path);
    }
    if (close(fd) != 0 && status == OMEGA_OK) {
        status = fail_path("close", path);
    }
    return status;
}

/* Puts the finished file `from` at `to`, durably. Removes it on a failure. */
static omega_status put_in_place(const char *from, const char *to)
{
    char dir[OM_PATH_SIZE];
    if (rename(from, to) != 0) {
        omega_status status = fail_path("replace", to);
        (void)unlink(from);
        return status;
    }
    parent_of(to, dir);
    return om_os_fsync_dir(dir);
}

/* A temporary file beside `path`. */
static omega_status open_beside(const char *path, char temporary[OM_PATH_SIZE], int *fd)
{
    int len = snprintf(temporary, OM_PATH_SIZE, "%s.XXXXXX", path);
    if (len < 0 || len >= OM_PATH_SIZE) {
        return om_fail(OMEGA_ELIMIT, "a path of %d bytes is over the limit of %d", len,
                       OM_PATH_SIZE - 1);
    }
    *fd = mkostemp(temporary, O_CLOEXEC);
    return *fd >= 0 ? OMEGA_OK : fail_path("make", temporary);
}

omega_status om_os_write_file(const char *path, const void *bytes, size_t size)
{
    char temporary[OM_PATH_SIZE];
    int fd = -1;
    omega_status status = open_beside(path, temporary, &fd);
    if (status != OMEGA_OK) {
        return status;
    }
    if (!write_all(fd, bytes, size)) {
        status = fail_path("write", path);
        (void)close(fd);
    } else {
        status = finish_file(fd, path);
    }
    if (status != OMEGA_OK) {
        (void)unlink(temporary);
        return status;
    }
    return put_in_place(temporary, path);
}

omega_status om_os_remove(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT) {
        return fail_path("remove", path);
    }
    return OMEGA_OK;
}

omega_status om_os_rename(const char *from, const char *to)
{
    return rename(from, to) == 0 ? OMEGA_OK : fail_path("rename", from);
}

static omega_status copy_bytes(int in, const char *from, int out, const char *to)
{
    char bytes[COPY_SIZE];
    for (;;) {
        ssize_t got = read_some(in, bytes, sizeof bytes);
        if (got < 0) {
            return fail_path("read", from);
        }
        if (got == 0) {
            return OMEGA_OK;
        }
        if (!write_all(out, bytes, (size_t)got)) {
            return fail_path("write", to);
        }
    }
}

omega_status om_os_copy_file(const char *from, const char *to)
{
    char temporary[OM_PATH_SIZE];
    int out = -1;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) {
        return fail_path("open", from);
    }
    omega_status status = open_beside(to, temporary, &out);
    if (status != OMEGA_OK) {
        (void)close(in);
        return status;
    }
    status = copy_bytes(in, from, out, to);
    (void)close(in);
    if (status == OMEGA_OK) {
        status = finish_file(out, to);
    } else {
        (void)close(out);
    }
    if (status != OMEGA_OK) {
        (void)unlink(temporary);
        return status;
    }
    return put_in_place(temporary, to);
}

omega_status om_os_file_size(const char *path, uint64_t *out)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return fail_path("look at", path);
    }
    *out = (uint64_t)info.st_size;
    return OMEGA_OK;
}

omega_status om_os_disk_free(const char *path, uint64_t *out_bytes)
{
    struct statvfs info;
    if (statvfs(path, &info) != 0) {
        return fail_path("look at the file system of", path);
    }
    *out_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    return OMEGA_OK;
}

/* A directory's names: each 'd' or '-' and the terminated name. */
static bool entry_is_dir(int dir_fd, const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN) {
        return entry->d_type == DT_DIR;
    }
    struct stat info;
    return fstatat(dir_fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

static omega_status gather_names(const char *path, struct om_buf *names, size_t *count)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return fail_path("list", path);
    }
    omega_status status = OMEGA_OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            status = errno != 0 ? fail_path("list", path) : names->status;
            break;
        }
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
            continue;
        }
        om_buf_add_char(names, entry_is_dir(dirfd(dir), entry) ? 'd' : '-');
        om_buf_add(names, name, strlen(name) + 1);
        ++*count;
    }
    (void)closedir(dir);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a + 1, *(const char *const *)b + 1);
}

omega_status om_os_list(const char *path, struct om_alloc *alloc,
                        omega_status (*each)(void *context, const char *name, bool is_dir),
                        void *context)
{
    struct om_buf names;
    const char **sorted = NULL;
    size_t count = 0;
    om_buf_init(&names, alloc, LIST_CEILING);
    omega_status status = gather_names(path, &names, &count);
    if (status != OMEGA_OK || count == 0) {
        goto out;
    }
    sorted = om_get0(alloc, count, sizeof *sorted);
    if (sorted == NULL) {
        status = om_nomem();
        goto out;
    }
    const char *at = names.ptr;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = at;
        at += strlen(at) + 1;
    }
    qsort(sorted, count, sizeof *sorted, compare_names);
    for (size_t i = 0; i < count && status == OMEGA_OK; i++) {
        status = each(context, sorted[i] + 1, sorted[i][0] == 'd');
    }
out:
    om_put(alloc, sorted);
    om_buf_fini(&names);
    return status;
}

omega_status om_os_open_private(const char *path, bool create, int *fd)
{
    *fd = -1;
    int opened = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
    if (opened < 0) {
        return fail_path("open", path);
    }
    struct stat info;
    if (fstat(opened, &info) == 0 && (info.st_mode & 077) != 0 && info.st_uid == geteuid()) {
        (void)fchmod(opened, 0600);
    }
    *fd = opened;
    return OMEGA_OK;
}

omega_status om_os_pwrite(int fd, const void *bytes, size_t size, uint64_t offset)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t wrote = pwrite(fd, at, size, (off_t)offset);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            int err = wrote == 0 ? ENOSPC : errno;
            return om_fail_errno(om_status_of_errno(err), err, "cannot write %zu bytes at %llu",
                                 size, (unsigned long long)offset);
        }
        at += wrote;
        offset += (uint64_t)wrote;
        size -= (size_t)wrote;
    }
    return OMEGA_OK;
}

omega_status om_os_pread(int fd, void *bytes, size_t size, uint64_t offset, size_t *got)
{
    size_t total = 0;
    while (total < size) {
        ssize_t part = pread(fd, (char *)bytes + total, size - total, (off_t)(offset + total));
        if (part < 0 && errno == EINTR) {
            continue;
        }
        if (part < 0) {
            int err = errno;
            return om_fail_errno(om_status_of_errno(err), err, "cannot read %zu bytes at %llu",
                                 size, (unsigned long long)offset);
        }
        if (part == 0) {
            break;
        }
        total += (size_t)part;
    }
    *got = total;
    return OMEGA_OK;
}

void om_os_close(int *fd)
{
    if (fd != NULL && *fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* Without waiting for a pipe's other end: what is no ordinary file is refused. */
omega_status om_os_open_input(const char *path, int *fd, uint64_t *size)
{
    struct stat info;
    *fd = -1;
    *size = 0;
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (opened < 0) {
        return fail_path("open", path);
    }
    omega_status status = OMEGA_OK;
    if (fstat(opened, &info) != 0) {
        status = fail_path("look at", path);
    } else if (!S_ISREG(info.st_mode)) {
        status = om_fail(OMEGA_EINVAL, "'%s' is no ordinary file", path);
    }
    if (status != OMEGA_OK) {
        (void)close(opened);
        return status;
    }
    *fd = opened;
    *size = (uint64_t)info.st_size;
    return OMEGA_OK;
}

omega_status om_os_create_file(const char *path, int *fd)
{
    *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd >= 0 ? OMEGA_OK : fail_path("make", path);
}

omega_status om_os_fsync(int fd)
{
    if (sync_fd(fd) != 0) {
        int err = errno;
        return om_fail_errno(om_status_of_errno(err), err, "cannot sync a file");
    }
    return OMEGA_OK;
}

static int64_t read_pid(int fd)
{
    char text[24] = "";
    ssize_t got = pread(fd, text, sizeof text - 1, 0);
    int64_t pid = 0;
    for (ssize_t i = 0; i < got && text[i] >= '0' && text[i] <= '9' && pid < INT32_MAX; i++) {
        pid = pid * 10 + (text[i] - '0');
    }
    return pid;
}

static omega_status write_pid(int fd, const char *path)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%lld\n", (long long)om_os_pid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len) {
        return fail_path("write the owner into", path);
    }
    return OMEGA_OK;
}

omega_status om_os_lock_file(const char *path, int *fd, int64_t *owner_pid)
{
    *fd = -1;
    *owner_pid = 0;
    int opened = -1;
    omega_status status = om_os_open_private(path, true, &opened);
    if (status != OMEGA_OK) {
        return status;
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(opened, F_OFD_SETLK, &lock) == 0) {
        status = write_pid(opened, path);
    } else if (errno == EAGAIN || errno == EACCES) {
        *owner_pid = read_pid(opened);
        status =
            om_fail(OMEGA_EBUSY, "'%s' is locked by process %lld", path, (long long)*owner_pid);
    } else {
        status = fail_path("lock", path);
    }
    if (status != OMEGA_OK) {
        (void)close(opened);
        return status;
    }
    *owner_pid = om_os_pid();
    *fd = opened;
    return OMEGA_OK;
}
