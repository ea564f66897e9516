/* members.c -- reading the members of an operation's input, with messages that name them. */
#include <math.h>

#include "ops/ops_int.h"

struct om_members om_members_of(const struct om_op_call *call)
{
    return (struct om_members){call->input, call->arena, OMEGA_OK};
}

static bool names(const char *const *known, omega_str name)
{
    for (size_t i = 0; known[i] != NULL; i++) {
        if (om_str_eq_text(name, known[i])) {
            return true;
        }
    }
    return false;
}

struct om_members om_members_inside(const struct om_op_call *call, const struct om_json *object,
                                    const char *const *known)
{
    struct om_members members = {object, call->arena, OMEGA_OK};
    const struct om_json *value = NULL;
    omega_str name;
    size_t at = 0;
    if (om_json_type_of(object) != OM_JSON_OBJECT) {
        members.status = om_fail(OMEGA_EINVAL, "an object is expected");
        return members;
    }
    while (members.status == OMEGA_OK && om_json_next(object, &at, &name, &value)) {
        if (!names(known, name)) {
            members.status = om_fail(OMEGA_EINVAL, "there is no member '%.*s'",
                                     OM_STR_ARG(om_utf8_clip(name, 64)));
        }
    }
    return members;
}

static void refuse(struct om_members *members, const char *name, const char *expected)
{
    if (members->status == OMEGA_OK) {
        members->status = om_fail(OMEGA_EINVAL, "'%s' must be %s", name, expected);
    }
}

static void keep(struct om_members *members, omega_status status)
{
    if (members->status == OMEGA_OK) {
        members->status = status;
    }
}

/* NULL when not given or null. */
static const struct om_json *find(const struct om_members *members, const char *name)
{
    const struct om_json *value = om_json_get(members->input, name);
    return om_json_type_of(value) == OM_JSON_NULL ? NULL : value;
}

omega_str om_member_str(struct om_members *members, const char *name)
{
    const struct om_json *value = find(members, name);
    if (value != NULL && om_json_type_of(value) != OM_JSON_STRING) {
        refuse(members, name, "a string");
    }
    return value != NULL ? om_json_str(value) : (omega_str){NULL, 0};
}

const char *om_member_text(struct om_members *members, const char *name)
{
    const omega_str value = om_member_str(members, name);
    if (!om_str_given(value)) {
        return NULL;
    }
    const char *text = om_arena_text(members->arena, value);
    if (text == NULL) {
        keep(members, om_nomem());
    }
    return text;
}

bool om_member_bool(struct om_members *members, const char *name, bool otherwise)
{
    const struct om_json *value = find(members, name);
    if (value != NULL && om_json_type_of(value) != OM_JSON_BOOL) {
        refuse(members, name, "true or false");
    }
    return value != NULL ? om_json_bool(value) : otherwise;
}

double om_member_number(struct om_members *members, const char *name, double otherwise)
{
    const struct om_json *value = find(members, name);
    if (value != NULL && om_json_type_of(value) != OM_JSON_NUMBER) {
        refuse(members, name, "a number");
    }
    return value != NULL ? om_json_number(value) : otherwise;
}

int64_t om_member_int(struct om_members *members, const char *name, int64_t min, int64_t max,
                      int64_t otherwise)
{
    const struct om_json *value = find(members, name);
    int64_t number = otherwise;
    if (value == NULL) {
        return otherwise;
    }
    if (!om_json_is_int(value, &number) || number < min || number > max) {
        keep(members, om_fail(OMEGA_EINVAL, "'%s' must be a whole number from %lld to %lld", name,
                              (long long)min, (long long)max));
        return otherwise;
    }
    return number;
}

int64_t om_member_time(struct om_members *members, const char *name)
{
    int64_t wall_ms = OMEGA_TIME_UNSET;
    const omega_str value = om_member_str(members, name);
    if (om_str_given(value) && members->status == OMEGA_OK) {
        const omega_status status = om_time_parse(value, &wall_ms);
        keep(members, status == OMEGA_OK ? status : om_error_prefix(status, "'%s'", name));
    }
    return wall_ms;
}

omega_scope om_member_scope(struct om_members *members, const char *name)
{
    omega_scope scope = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    const struct om_json *value = find(members, name);
    const struct om_form form = {members->arena, ""};
    if (value != NULL && members->status == OMEGA_OK) {
        keep(members, om_form_scope(&form, value, &scope));
    }
    return scope;
}

omega_tier om_member_tier(struct om_members *members, const char *name)
{
    omega_tier tier = OMEGA_TIER_UNSET;
    const omega_str value = om_member_str(members, name);
    if (om_str_given(value) && members->status == OMEGA_OK) {
        keep(members, omega_tier_parse(value, &tier));
    }
    return tier;
}

const omega_tier *om_member_tiers(struct om_members *members, const char *name, size_t *count)
{
    const struct om_json *value = find(members, name);
    *count = 0;
    if (value == NULL) {
        return NULL;
    }
    const size_t given = om_json_count(value);
    if (om_json_type_of(value) != OM_JSON_ARRAY || given < 1 || given > OMEGA_TIER_COUNT) {
        refuse(members, name, "an array of 1 to 12 names of tiers");
        return NULL;
    }
    omega_tier *tiers = (omega_tier *)om_arena_get0(members->arena, given, sizeof *tiers);
    if (tiers == NULL) {
        keep(members, om_nomem());
        return NULL;
    }
    for (size_t i = 0; i < given && members->status == OMEGA_OK; i++) {
        keep(members, omega_tier_parse(om_json_str(om_json_at(value, i)), &tiers[i]));
    }
    *count = given;
    return tiers;
}

const float *om_member_floats(struct om_members *members, const char *name, uint32_t *count)
{
    const struct om_json *value = find(members, name);
    size_t given = 0;
    *count = 0;
    if (value == NULL) {
        return NULL;
    }
    const float *floats = om_json_floats(value, &given);
    if (floats == NULL || given > OM_LIMIT_DIMENSION) {
        refuse(members, name, "an array of 1 to 8192 numbers");
        return NULL;
    }
    *count = (uint32_t)given;
    return floats;
}

omega_str om_member_object(struct om_members *members, const char *name)
{
    const struct om_json *value = find(members, name);
    struct om_buf text;
    if (value == NULL) {
        return (omega_str){NULL, 0};
    }
    if (om_json_type_of(value) != OM_JSON_OBJECT) {
        refuse(members, name, "an object");
        return (omega_str){NULL, 0};
    }
    om_buf_init(&text, members->arena->alloc, OM_LIMIT_BULK);
    om_json_dump(value, &text);
    omega_str kept = om_arena_str(members->arena, om_buf_str(&text));
    if (text.status != OMEGA_OK || kept.ptr == NULL) {
        keep(members, om_nomem());
    }
    om_buf_fini(&text);
    return kept;
}

static omega_durability durability_of(struct om_members *members)
{
    const omega_str name = om_member_str(members, "durability");
    if (om_str_eq_text(name, "process")) {
        return OMEGA_DURABILITY_PROCESS;
    }
    if (om_str_eq_text(name, "disk")) {
        return OMEGA_DURABILITY_DISK;
    }
    if (om_str_given(name)) {
        refuse(members, "durability", "process or disk");
    }
    return OMEGA_DURABILITY_DEFAULT;
}

static omega_actor actor_of(struct om_members *members)
{
    const omega_str name = om_member_str(members, "actor");
    if (om_str_eq_text(name, "human")) {
        return OMEGA_ACTOR_HUMAN;
    }
    if (om_str_eq_text(name, "system")) {
        return OMEGA_ACTOR_SYSTEM;
    }
    if (om_str_given(name) && !om_str_eq_text(name, "model")) {
        refuse(members, "actor", "model, human or system");
    }
    return OMEGA_ACTOR_MODEL;
}

omega_write_options om_member_write(struct om_members *members)
{
    return (omega_write_options){
        .op_id = om_member_str(members, "op_id"),
        .durability = durability_of(members),
        .actor = actor_of(members),
    };
}

uint32_t om_member_include(struct om_members *members)
{
    const struct om_json *value = find(members, "include");
    uint32_t include = 0;
    if (value != NULL && om_json_type_of(value) != OM_JSON_ARRAY) {
        refuse(members, "include", "an array of archived, superseded");
    }
    for (size_t i = 0; value != NULL && i < om_json_count(value); i++) {
        const omega_str name = om_json_str(om_json_at(value, i));
        if (om_str_eq_text(name, "archived")) {
            include |= OMEGA_INCLUDE_ARCHIVED;
        } else if (om_str_eq_text(name, "superseded")) {
            include |= OMEGA_INCLUDE_SUPERSEDED;
        } else {
            refuse(members, "include", "an array of archived, superseded");
        }
    }
    return include;
}

static omega_order order_of(struct om_members *members)
{
    const omega_str name = om_member_str(members, "order");
    if (om_str_eq_text(name, "newest")) {
        return OMEGA_ORDER_CREATED_DESC;
    }
    if (om_str_eq_text(name, "position")) {
        return OMEGA_ORDER_POSITION;
    }
    if (om_str_given(name) && !om_str_eq_text(name, "oldest")) {
        refuse(members, "order", "oldest, newest or position");
    }
    return OMEGA_ORDER_CREATED;
}

omega_list_options om_member_list(struct om_members *members)
{
    omega_list_options list = OMEGA_LIST_OPTIONS_INIT;
    list.scope = om_member_scope(members, "scope");
    list.session_only = om_member_bool(members, "session_only", false);
    list.all_roots = om_member_bool(members, "all_roots", false);
    list.tiers = om_member_tiers(members, "tiers", &list.tier_count);
    list.type = om_member_str(members, "type");
    list.filter_json = om_member_object(members, "filter");
    list.include = om_member_include(members);
    list.order = order_of(members);
    list.limit = (uint32_t)om_member_int(members, "limit", 1, OM_LIMIT_LIST, 0);
    list.cursor = om_member_str(members, "cursor");
    return list;
}
