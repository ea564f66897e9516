/* omega.h -- Omega: the memory and runtime engine for AI agents. Includes everything.
 *
 * base.h     statuses, errors, text, ids, tiers, loops
 * config.h   settings
 * runtime.h  the handle and its life
 * memory.h   store, recall, change, forget
 * vectors.h  callers' own vector spaces
 * events.h   what happens, as it happens and afterwards
 * loops.h    what runs by itself
 * system.h   health, metrics, backup, check, import, export
 * async.h    every operation without waiting */
#ifndef OMEGA_H
#define OMEGA_H

#include "omega/async.h"
#include "omega/base.h"
#include "omega/config.h"
#include "omega/events.h"
#include "omega/loops.h"
#include "omega/memory.h"
#include "omega/runtime.h"
#include "omega/system.h"
#include "omega/vectors.h"

#endif
