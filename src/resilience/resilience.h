/* resilience.h -- the mechanisms that keep a runtime up. The facade of resilience/: other folders
 * include this. It knows no subsystem; the owner fills its rows and callbacks. */
#ifndef OM_RESILIENCE_H
#define OM_RESILIENCE_H

#include "resilience/bus.h"
#include "resilience/health.h"
#include "resilience/lifecycle.h"
#include "resilience/metrics.h"
#include "resilience/scheduler.h"
#include "resilience/supervisor.h"

#endif
