/* core.h -- the words everything is written in. The facade of core/: other folders include this. */
#ifndef OM_CORE_H
#define OM_CORE_H

#include "core/alloc.h"
#include "core/arena.h"
#include "core/base64.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/embedder.h"
#include "core/json.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/map.h"
#include "core/number.h"
#include "core/options.h"
#include "core/os.h"
#include "core/pack.h"
#include "core/rng.h"
#include "core/status.h"
#include "core/str.h"
#include "core/thread.h"

#endif
