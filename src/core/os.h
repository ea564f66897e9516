/* os.h -- every call to the operating system that is not plain C or a thread: another OS is one
 * file. All functions fail with the status of errno and a message that names the path. */
#ifndef OM_OS_H
#define OM_OS_H

#include "core/buf.h"

enum { OM_PATH_SIZE = 4096 };

/* Makes the directory and its parents, mode 0700 for what is made. An existing directory that group
 * or others can enter is tightened if it is ours, else OMEGA_EDENIED. */
OMEGA_MUST_CHECK omega_status om_os_private_dir(const char *path);
bool om_os_exists(const char *path);
bool om_os_is_dir(const char *path);
/* out of OM_PATH_SIZE bytes; OMEGA_ELIMIT when too long. */
OMEGA_MUST_CHECK omega_status om_os_join(char *out, const char *dir, const char *name);
/* The whole file, at most `max` bytes (OMEGA_ELIMIT beyond), appended to `out`. */
OMEGA_MUST_CHECK omega_status om_os_read_file(const char *path, size_t max, struct om_buf *out);
/* Temporary file, fsync, rename, fsync of the directory; mode 0600. */
OMEGA_MUST_CHECK omega_status om_os_write_file(const char *path, const void *bytes, size_t size);
OMEGA_MUST_CHECK omega_status om_os_fsync_dir(const char *path);
OMEGA_MUST_CHECK omega_status om_os_remove(const char *path); /* a missing file is fine */
OMEGA_MUST_CHECK omega_status om_os_rename(const char *from, const char *to);
OMEGA_MUST_CHECK omega_status om_os_copy_file(const char *from, const char *to);
OMEGA_MUST_CHECK omega_status om_os_file_size(const char *path, uint64_t *out);
OMEGA_MUST_CHECK omega_status om_os_disk_free(const char *path, uint64_t *out_bytes);
/* Calls `each` with every name in the directory in ascending order, without "." and "..". */
OMEGA_MUST_CHECK omega_status om_os_list(const char *path, struct om_alloc *alloc,
                                         omega_status (*each)(void *context, const char *name,
                                                              bool is_dir),
                                         void *context);

/* A small file that is written in place at offset 0, for the mark. -1 in `fd` when closed. */
OMEGA_MUST_CHECK omega_status om_os_open_private(const char *path, bool create, int *fd);
OMEGA_MUST_CHECK omega_status om_os_pwrite(int fd, const void *bytes, size_t size, uint64_t offset);
/* Reads up to `size`; `*got` is less at the end of the file. */
OMEGA_MUST_CHECK omega_status om_os_pread(int fd, void *bytes, size_t size, uint64_t offset,
                                          size_t *got);
void om_os_close(int *fd);
/* An ordinary file of the user's for reading, left as it is; *size as it is now. OMEGA_EINVAL for a
 * folder, a device or a pipe. */
OMEGA_MUST_CHECK omega_status om_os_open_input(const char *path, int *fd, uint64_t *size);
/* A new file for writing, mode 0600; OMEGA_ECONFLICT if `path` exists. */
OMEGA_MUST_CHECK omega_status om_os_create_file(const char *path, int *fd);
OMEGA_MUST_CHECK omega_status om_os_fsync(int fd);

/* The owner's lock: an open-file-description write lock. The file holds the owner's pid as text.
 * Busy: OMEGA_EBUSY and *owner_pid is who (0 if unknown). A fork's child closes it by
 * om_os_close. */
OMEGA_MUST_CHECK omega_status om_os_lock_file(const char *path, int *fd, int64_t *owner_pid);

/* Anonymous zeroed pages, for slabs. */
OMEGA_MUST_CHECK omega_status om_os_pages(size_t size, void **out);
void om_os_pages_free(void *pages, size_t size);

void om_os_random(void *out, size_t size); /* getrandom; never fails after boot */
int64_t om_os_pid(void);
unsigned om_os_cpu_count(void); /* that this process may use, at least 1 */
void om_os_yield(void);
void om_os_sleep_ms(unsigned ms); /* the program's, never the library's */
/* Resident and private bytes of this process, and the CPU time it has used. */
void om_os_memory(uint64_t *resident, uint64_t *private_bytes);
int64_t om_os_cpu_ns(void);
/* Counts the forks above this process: a value other than at start means "I am a child". */
unsigned om_os_fork_generation(void);
/* From now on every child of a fork closes the descriptor before it runs on; false when
 * OM_OS_FORK_FDS are known already. To be taken back before it is closed here. */
enum { OM_OS_FORK_FDS = 64 };
bool om_os_close_on_fork(int fd);
void om_os_keep_on_fork(int fd);
/* `$XDG_DATA_HOME/omega` or `~/.local/share/omega`. */
OMEGA_MUST_CHECK omega_status om_os_default_data_dir(char *out);
const char *om_os_env(const char *name); /* NULL if unset */
/* For the default log sink and the last words of a broken invariant; failures are ignored. */
void om_os_write_stderr(const char *text, size_t len);

/* An event counter that any event loop can wait on (eventfd, non-blocking, close-on-exec). */
OMEGA_MUST_CHECK omega_status om_os_eventfd(int *fd);
void om_os_eventfd_signal(int fd);
void om_os_eventfd_clear(int fd);
/* Waits until readable; timeout_ms < 0 for ever; false when it passed. */
bool om_os_wait_readable(int fd, int timeout_ms);

#endif
