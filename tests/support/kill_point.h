/* kill_point.h -- a process that is killed inside a commit.
 *
 * SQLite's own system calls are replaced (its documented sqlite3_vfs.xSetSystemCall), so that a
 * chosen write to the write-ahead log, which only commits do, ends the process by SIGKILL: before
 * it, in the middle of it, after it, or a moment later (in the fsync, the mark or the publishing).
 *
 * Threads: any. One process arms once. */
#ifndef OM_TEST_KILL_POINT_H
#define OM_TEST_KILL_POINT_H

#include <stdbool.h>
#include <stdint.h>

/* Before the process opens its first store. False when this SQLite has no such calls. */
bool om_kill_point_install(void);
/* The `nth` (1 = the next) write to a log from now on is the last one; `draw` chooses how. */
void om_kill_point_arm(uint32_t nth, uint64_t draw);

#endif
