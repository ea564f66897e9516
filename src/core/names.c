/* names.c -- the public words of omega/base.h: statuses, tiers, loops, health, version.
 *
 * Everything is a static const row; the enums are the indexes. */
#include "core/alloc.h"
#include "core/str.h"
#include "omega/loops.h"

struct status_row {
    omega_status status;
    const char *name;
    int http;
    int exit_code;
    const char *text;
};

#define STATUS_ROW(name, value, http, exit_code, text) {name, #name, http, exit_code, text},
static const struct status_row status_rows[] = {OMEGA_STATUS_ROWS(STATUS_ROW)};
#undef STATUS_ROW

static const char *const tier_names[OMEGA_TIER_COUNT] = {
    "immediate", "short_term",     "session",      "episodic",  "semantic", "procedural",
    "strategic", "civilizational", "evolutionary", "planetary", "galactic", "cosmic",
};

static const struct {
    const char *name;
    omega_tier tier;
} tier_aliases[] = {
    {"instant", OMEGA_TIER_IMMEDIATE},
    {"working", OMEGA_TIER_SHORT_TERM},
    {"collective", OMEGA_TIER_CIVILIZATIONAL},
    {"universal", OMEGA_TIER_COSMIC},
    {"omega", OMEGA_TIER_COSMIC},
};

static const struct {
    omega_loop loop;
    const char *name;
} loop_rows[] = {
    {OMEGA_LOOP_REFLEXIVE, "reflexive"},
    {OMEGA_LOOP_REACTIVE, "reactive"},
    {OMEGA_LOOP_ADAPTIVE, "adaptive"},
    {OMEGA_LOOP_DELIBERATIVE, "deliberative"},
    {OMEGA_LOOP_EVOLUTIONARY, "evolutionary"},
    {OMEGA_LOOP_TRANSFORMATIVE, "transformative"},
    {OMEGA_LOOP_TRANSCENDENT, "transcendent"},
    {(omega_loop)OMEGA_LOOP_RETENTION, "retention"},
    {(omega_loop)OMEGA_LOOP_CHECKPOINT, "checkpoint"},
    {(omega_loop)OMEGA_LOOP_ERASURE, "erasure"},
};

static const char *const health_names[] = {"healthy", "degraded", "unhealthy"};

static const struct status_row *find_status(omega_status status)
{
    for (size_t i = 0; i < OM_COUNT_OF(status_rows); i++) {
        if (status_rows[i].status == status) {
            return &status_rows[i];
        }
    }
    return NULL;
}

const char *omega_status_name(omega_status status)
{
    const struct status_row *row = find_status(status);
    return row != NULL ? row->name : "OMEGA_?";
}

const char *omega_status_text(omega_status status)
{
    const struct status_row *row = find_status(status);
    return row != NULL ? row->text : "unknown status";
}

int omega_status_http(omega_status status)
{
    const struct status_row *row = find_status(status);
    return row != NULL ? row->http : 500;
}

int omega_status_exit_code(omega_status status)
{
    const struct status_row *row = find_status(status);
    return row != NULL ? row->exit_code : 1;
}

const char *omega_error_message(void)
{
    return om_error_last()->message;
}

omega_status omega_error_status(void)
{
    return om_error_last()->status;
}

const char *omega_version(void)
{
    return OMEGA_VERSION_STRING;
}

void omega_text_free(char *text)
{
    om_put(om_alloc_default(), text);
}

const char *omega_tier_name(omega_tier tier)
{
    return (unsigned)tier < OMEGA_TIER_COUNT ? tier_names[tier] : "?";
}

const char *omega_loop_name(omega_loop loop)
{
    for (size_t i = 0; i < OM_COUNT_OF(loop_rows); i++) {
        if (loop_rows[i].loop == loop) {
            return loop_rows[i].name;
        }
    }
    return "?";
}

const char *omega_health_name(omega_health health)
{
    return (unsigned)health < OM_COUNT_OF(health_names) ? health_names[health] : "?";
}

/* Same letters in any case, '-' like '_'. */
static bool is_name(omega_str text, const char *name)
{
    if (text.len != strlen(name)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i] == '-' ? '_' : text.ptr[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        if (c != name[i]) {
            return false;
        }
    }
    return true;
}

omega_status omega_tier_parse(omega_str name, omega_tier *out)
{
    if (out == NULL) {
        return om_fail(OMEGA_EINVAL, "the place for the tier is NULL");
    }
    for (int i = 0; i < OMEGA_TIER_COUNT; i++) {
        if (is_name(name, tier_names[i])) {
            *out = (omega_tier)i;
            return OMEGA_OK;
        }
    }
    for (size_t i = 0; i < OM_COUNT_OF(tier_aliases); i++) {
        if (is_name(name, tier_aliases[i].name)) {
            *out = tier_aliases[i].tier;
            return OMEGA_OK;
        }
    }
    omega_str shown = om_utf8_clip(name, 40);
    return om_fail(OMEGA_EINVAL,
                   "no tier '%.*s': it is one of immediate, short_term, session, episodic, "
                   "semantic, procedural, strategic, civilizational, evolutionary, planetary, "
                   "galactic, cosmic",
                   OM_STR_ARG(shown));
}

omega_status omega_loop_parse(omega_str name, omega_loop *out)
{
    if (out == NULL) {
        return om_fail(OMEGA_EINVAL, "the place for the loop is NULL");
    }
    for (size_t i = 0; i < OM_COUNT_OF(loop_rows); i++) {
        if (is_name(name, loop_rows[i].name)) {
            *out = loop_rows[i].loop;
            return OMEGA_OK;
        }
    }
    omega_str shown = om_utf8_clip(name, 40);
    return om_fail(OMEGA_EINVAL,
                   "no loop '%.*s': it is one of reflexive, reactive, adaptive, deliberative, "
                   "evolutionary, transformative, transcendent, retention, checkpoint, erasure",
                   OM_STR_ARG(shown));
}
