/* limits.h -- every bound of the engine in one place. Reaching one is OMEGA_ELIMIT or
 * OMEGA_EINVAL with the bound in the message. */
#ifndef OM_LIMITS_H
#define OM_LIMITS_H

enum {
    OM_LIMIT_CONTENT = 1 << 20,   /* bytes of a memory's content */
    OM_LIMIT_METADATA = 64 << 10, /* bytes of metadata as compact JSON */
    OM_LIMIT_NAME = 256,          /* bytes of user, agent, session, key, role, name, space */
    OM_LIMIT_URI = 2048,          /* bytes of a source's URI */
    OM_LIMIT_DIMENSION = 8192,    /* of a vector */
    OM_LIMIT_K = 10000,           /* results of a recall */
    OM_LIMIT_BATCH = 10000,       /* memories of one batch */
    OM_LIMIT_BULK = 16 << 20,     /* bytes of one batch or record */
    OM_LIMIT_QUERY = 64 << 10,    /* bytes of a query's text */
    OM_LIMIT_FILTER_NODES = 256,  /* conditions of one filter */
    OM_LIMIT_JSON_DEPTH = 64,
    OM_LIMIT_SPACES = 1024,    /* vector spaces of a store */
    OM_LIMIT_IN_FLIGHT = 256,  /* submitted operations of a runtime */
    OM_LIMIT_SUBSCRIBERS = 64, /* in-process event subscriptions */
    OM_LIMIT_LIST = 1000       /* rows of one page */
};

#endif
