/* agentdb.h -- vector spaces and the words index: the parts that find. The facade of agentdb/.
 *
 * An owner (memory/, or points.h for callers' own vectors) numbers its rows densely as *items* and
 * publishes them from the store's publish step, one at a time; searches run beside it without a
 * lock and see what their snapshot's sequence allows. Everything here in memory is derived: the
 * owner fills it again at open. */
#ifndef OM_AGENTDB_H
#define OM_AGENTDB_H

#include "agentdb/item_filter.h"
#include "agentdb/items.h"
#include "agentdb/points.h"
#include "agentdb/spaces.h"
#include "agentdb/vectors.h"
#include "agentdb/words.h"

#endif
