/* crash.h -- the parts of the crash campaign. Each prints one JSON line and returns false, after
 * saying what is wrong on standard error, when something was lost, doubled or damaged. */
#ifndef OM_CRASH_H
#define OM_CRASH_H

#include <stdbool.h>
#include <stdint.h>

/* SIGKILL while a child writes: `kills` times in one directory. */
bool crash_kill(const char *base, unsigned kills, uint64_t seed);
/* Power cuts at every `stride`th I/O call of a script of `ops` operations, twice: with nothing and
 * with a random part of the unsynced bytes surviving. */
bool crash_power(const char *base, int64_t ops, uint64_t stride);
/* `count` flipped bits and cuts of each file. */
bool crash_damage(const char *base, uint64_t count);

#endif
