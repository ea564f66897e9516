/* spaces_int.h -- statements of the spaces' tables, shared by spaces.c and vector_rows.c. */
#ifndef OM_SPACES_INT_H
#define OM_SPACES_INT_H

#include "agentdb/spaces.h"

/* Indexes into om_agentdb_schema's statements. */
enum om_agentdb_statement {
    OM_AGENTDB_SPACES,
    OM_AGENTDB_SPACE_BY_NAME,
    OM_AGENTDB_SPACE_LAST,
    OM_AGENTDB_SPACE_INSERT,
    OM_AGENTDB_VECTOR_PUT,
    OM_AGENTDB_VECTOR_GET,
    OM_AGENTDB_VECTOR_REMOVE,
    OM_AGENTDB_VECTORS,
    OM_AGENTDB_ALL_VECTORS,
    OM_AGENTDB_STATEMENT_COUNT
};

enum { OM_ROW_BITS = 40 };
#define OM_ROW_LIMIT (INT64_C(1) << OM_ROW_BITS)

static inline int64_t om_vector_id(uint32_t space, int64_t row)
{
    return (int64_t)space << OM_ROW_BITS | row;
}

/* A row of `spaces` under the statement's cursor, its name into `name`; OMEGA_ECORRUPT. */
OMEGA_MUST_CHECK omega_status om_space_read(struct om_stmt *stmt, char name[OM_LIMIT_NAME + 1],
                                            struct om_space *out);
int64_t om_vector_sum(int64_t id, const void *floats, size_t size);

#endif
