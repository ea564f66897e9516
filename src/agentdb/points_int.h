/* points_int.h -- what points.c (verbs) and points_apply.c (rows, records) share. */
#ifndef OM_POINTS_INT_H
#define OM_POINTS_INT_H

#include "agentdb/items.h"
#include "agentdb/points.h"
#include "agentdb/spaces_int.h"

enum om_points_statement {
    OM_POINTS_FIND,
    OM_POINTS_BY_ROW,
    OM_POINTS_LAST,
    OM_POINTS_WRITE,
    OM_POINTS_REMOVE,
    OM_POINTS_EACH,
    OM_POINTS_STATEMENT_COUNT
};

enum om_points_kind { OM_POINTS_ADD, OM_POINTS_DELETE, OM_POINTS_KIND_COUNT };

enum { OM_POINTS_RECORD_VERSION = 1 };

struct om_points {
    struct om_alloc *alloc;
    struct om_spaces *spaces;
    struct om_items *items;
    struct om_mutex mutex; /* rank of the index: keeps applying, publishing and reclaiming apart */
    uint64_t published_seq;
    struct om_record_kind kinds[OM_POINTS_KIND_COUNT];
    const struct om_record_kind *kind_list[OM_POINTS_KIND_COUNT];
};

/* A row of the table points; texts are borrowed from the statement. */
struct om_point_row {
    int64_t row;
    uint32_t space;
    uint64_t seq; /* of the last write */
    omega_str key, metadata;
};

/* *found false when there is none. OMEGA_ECORRUPT. */
OMEGA_MUST_CHECK omega_status om_point_find(struct om_conn *conn, uint32_t space, omega_str key,
                                            struct om_point_row *out, bool *found);
OMEGA_MUST_CHECK omega_status om_point_by_row(struct om_conn *conn, int64_t row,
                                              struct om_point_row *out, bool *found);

omega_status om_points_apply_add(void *context, struct om_txn *txn, const struct om_record *record,
                                 struct om_buf *result);
omega_status om_points_apply_delete(void *context, struct om_txn *txn,
                                    const struct om_record *record, struct om_buf *result);

#endif
