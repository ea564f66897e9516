/* ops_int.h -- what the files of ops/ share: reading members of an input object.
 *
 * A row's `run` reads its members with these, each checked against its type; members that the row's
 * fields do not list were refused before. The first failure is kept in reader.status. */
#ifndef OM_OPS_INT_H
#define OM_OPS_INT_H

#include "ops/ops.h"

struct om_members {
    const struct om_json *input;
    struct om_arena *arena;
    omega_status status;
};

/* An object inside the input: refuses members that `known` (NULL-terminated) does not name. */
struct om_members om_members_inside(const struct om_op_call *call, const struct om_json *object,
                                    const char *const *known);
struct om_members om_members_of(const struct om_op_call *call);
omega_str om_member_str(struct om_members *members, const char *name);
/* Terminated, in the arena; NULL when not given. */
const char *om_member_text(struct om_members *members, const char *name);
bool om_member_bool(struct om_members *members, const char *name, bool otherwise);
double om_member_number(struct om_members *members, const char *name, double otherwise);
int64_t om_member_int(struct om_members *members, const char *name, int64_t min, int64_t max,
                      int64_t otherwise);
int64_t om_member_time(struct om_members *members, const char *name);
omega_scope om_member_scope(struct om_members *members, const char *name);
omega_tier om_member_tier(struct om_members *members, const char *name);
const omega_tier *om_member_tiers(struct om_members *members, const char *name, size_t *count);
const float *om_member_floats(struct om_members *members, const char *name, uint32_t *count);
/* An object as its compact text: metadata, filters. */
omega_str om_member_object(struct om_members *members, const char *name);
/* op_id, durability, actor: the write options every writing row has. */
omega_write_options om_member_write(struct om_members *members);
/* `include`: an array of "archived", "superseded". */
uint32_t om_member_include(struct om_members *members);
/* scope, session_only, all_roots, tiers, type, filter, include, order, limit, cursor. */
omega_list_options om_member_list(struct om_members *members);

/* The rows, by topic; each file ends in its table. */
extern const struct om_op_row om_ops_memory[], om_ops_change[], om_ops_vectors[], om_ops_system[];
extern const size_t om_ops_memory_count, om_ops_change_count, om_ops_vectors_count,
    om_ops_system_count;

/* Fields that several rows share. */
#define OM_FIELDS_WRITE                                                                            \
    {"op_id", "string", false, "a UUID: the same again returns the first result"},                 \
        {"durability", "string", false, "process or disk"},                                        \
    {                                                                                              \
        "actor", "string", false, "model (default), human or system"                               \
    }
#define OM_FIELDS_END                                                                              \
    {                                                                                              \
        "", NULL, false, NULL                                                                      \
    }

#endif
