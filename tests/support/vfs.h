/* vfs.h -- a disk that tests own: it counts, fails, and loses power.
 *
 * om_test_vfs() registers an SQLite VFS over the system's and returns its name for
 * om_store_options.vfs. It watches the database and its log (not the shared-memory file, not
 * omega.mark, which the store writes by itself).
 *
 * Of each watched file it knows what is on the disk: bytes count once an fsync has covered them.
 * After om_test_vfs_cut_power() the files hold that, plus, when asked, a random part of what was
 * written since, torn at 512 bytes.
 *
 * Threads: any; one lock. One test program uses it at a time. */
#ifndef OM_TEST_VFS_H
#define OM_TEST_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum om_vfs_call { OM_VFS_WRITE, OM_VFS_SYNC, OM_VFS_TRUNCATE, OM_VFS_DELETE, OM_VFS_READ };
enum { OM_VFS_CALLS = 5 };

/* What a failing call answers. */
enum om_vfs_error { OM_VFS_FULL, OM_VFS_IO };

const char *om_test_vfs(void);
/* Forgets faults, counters and files. No file of it may be open. */
void om_test_vfs_reset(void);
/* False: xSync does not touch the real disk (quick tests); what counts as synced stays the same. */
void om_test_vfs_real_sync(bool real);

/* The nth call of this kind from now (1 = the next) fails; `persistent`: all after it too. 0: off.
 * */
void om_test_vfs_fail(enum om_vfs_call call, enum om_vfs_error error, uint64_t nth,
                      bool persistent);
/* Calls of this kind since the last reset. */
uint64_t om_test_vfs_count(enum om_vfs_call call);

/* Writes, syncs, truncations and deletions since the last reset. */
uint64_t om_test_vfs_io(void);
/* From the nth of these on, nothing works any more: the machine is losing power. 0: off. */
void om_test_vfs_die_at(uint64_t nth);
bool om_test_vfs_is_dead(void);
/* The files as the power cut leaves them. All connections must be closed. `seed` 0: everything that
 * was not synced is gone; else a random part of it has reached the disk. */
void om_test_vfs_cut_power(uint64_t seed);

/* Bytes written to the file whose path ends so and not covered by an fsync yet. */
size_t om_test_vfs_unsynced(const char *suffix);
/* Is this on the disk, in the file whose path ends so? */
bool om_test_vfs_on_disk(const char *suffix, const void *bytes, size_t size);

/* Sends SQLite's allocations through malloc as this program is linked, so that a test can make
 * them fail. Before anything else uses SQLite. */
void om_test_sqlite_malloc(void);

#endif
