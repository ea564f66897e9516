/* crash.h -- the parts of the crash campaign. Each prints one JSON line or more and returns false,
 * after saying what is wrong on standard error, when something was lost, doubled or damaged. */
#ifndef OM_CRASH_H
#define OM_CRASH_H

#include <stdbool.h>
#include <stdint.h>

/* ---- The whole engine, by its public contract ---- */

/* SIGKILL while four threads write; every second kill inside a commit. */
bool crash_engine(const char *base, uint64_t kills, uint64_t seed);
/* `places` flipped bits and as many cuts in each file of a killed store. */
bool crash_wreck(const char *base, uint64_t places);
/* 100 of 1,000 memories forgotten at once, and one by one by a process that is killed; twice
 * `rounds` directories. */
bool crash_erase(const char *base, uint64_t rounds);
/* A small tmpfs full and emptied `cycles` times; says so and passes where it cannot be mounted. */
bool crash_full(uint64_t cycles);

/* ---- The store alone ---- */

/* SIGKILL while a child writes: `kills` times in one directory. */
bool crash_kill(const char *base, unsigned kills, uint64_t seed);
/* Power cuts at every `stride`th I/O call of a script of `ops` operations, twice: with nothing and
 * with a random part of the unsynced bytes surviving. */
bool crash_power(const char *base, int64_t ops, uint64_t stride);
/* `count` flipped bits and cuts of each file. */
bool crash_damage(const char *base, uint64_t count);

#endif
