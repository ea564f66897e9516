/* retain.c -- what time does to memories: archived when their tier no longer keeps them, erased
 * when they have expired.
 *
 * A run goes in slices: read SLICE rows, choose, commit what is due in one record, ask whether to
 * stop. In this order: what has expired; what stood archived for the configured days (0: never);
 * what was unused for longer than its tier keeps (the messages of a session go together, once all
 * of it was); what is one too many in its tier and scope root, the least worth first (worth =
 * retrievability x importance).
 * Time counts from the last use: stored, changed, read, or put back among the active. Pinned
 * memories and the tiers from Strategic up never go by time. Nothing is removed by default.
 * Applying asks each row again (apply_upkeep.c), so what was used meanwhile stays.
 *
 * Rejected: a due time in each row (every read would move it), and archiving at the time of a write
 * (the caller would wait for another's housekeeping). */
#include "memory/record_int.h"

#include <stdlib.h>

#include "memory/apply_int.h"
#include "memory/schema_int.h"

enum { SLICE = 256 };

#define SECONDS_MS(n) (INT64_C(1000) * (n))
#define DAYS_MS(n) (INT64_C(86400000) * (n))

/* How long a tier keeps what is not used; 0: for ever. */
static const int64_t retention_ms[OMEGA_TIER_COUNT] = {
    [OMEGA_TIER_IMMEDIATE] = SECONDS_MS(1), [OMEGA_TIER_SHORT_TERM] = SECONDS_MS(600),
    [OMEGA_TIER_SESSION] = DAYS_MS(1),      [OMEGA_TIER_EPISODIC] = DAYS_MS(30),
    [OMEGA_TIER_SEMANTIC] = DAYS_MS(365),   [OMEGA_TIER_PROCEDURAL] = DAYS_MS(5 * 365),
};

struct due_row {
    int64_t row, state_at;
};

struct run {
    struct om_memory *memory;
    bool (*stop)(void *context);
    void *context;
    struct om_retention_report *report;
    struct om_map sessions; /* of this run: when something last happened in it */
    int64_t now;
    bool stopped;
    bool only_asked; /* nothing is changed: the first that is due ends the run */
    bool due;
};

static bool must_stop(struct run *run)
{
    run->stopped = run->stopped || (run->stop != NULL && run->stop(run->context));
    return run->stopped;
}

static omega_status commit_due(struct run *run, enum om_retain_kind kind,
                               const struct due_row *rows, size_t count, uint64_t *done)
{
    static const omega_write_options options = {.actor = OMEGA_ACTOR_SYSTEM};
    struct om_draft draft;
    *done = 0;
    if (count == 0) {
        return OMEGA_OK;
    }
    if (run->only_asked) {
        run->due = true;
        run->stopped = true;
        return OMEGA_OK;
    }
    omega_status status = om_draft_init(&draft, run->memory, OM_MEMORY_KIND_RETAIN, &options);
    om_pack_u64(&draft.body, kind);
    om_pack_u64(&draft.body, count);
    for (size_t i = 0; i < count; i++) {
        om_pack_i64(&draft.body, rows[i].row);
        om_pack_i64(&draft.body, rows[i].state_at);
    }
    if (status == OMEGA_OK) {
        status = om_draft_commit(&draft, NULL, NULL);
    }
    if (status == OMEGA_OK) {
        struct om_unpack in;
        om_unpack_init(&in, draft.write.result.ptr, draft.write.result.len);
        *done = om_unpack_u64(&in);
        status = om_unpack_finish(&in, "the result of retention");
    }
    om_draft_fini(&draft);
    return status;
}

/* ---- Expired, and archived for long enough --------------------------------------------------- */

/* Statement RETAIN_EXPIRED, or RETAIN_OLD behind row number `after`. */
static omega_status read_due(struct run *run, bool expired, int64_t after, struct due_row *rows,
                             size_t *count)
{
    struct om_reader reader = {0};
    struct om_stmt *stmt = NULL;
    int64_t days = run->memory->options.archive_retention_days;
    *count = 0;
    omega_status status = om_store_read(run->memory->store, OM_READ_TIMEOUT_MS, &reader);
    if (status == OMEGA_OK) {
        status = om_sql(reader.conn, &om_memory_schema,
                        expired ? OM_MEMORY_SQL_RETAIN_EXPIRED : OM_MEMORY_SQL_RETAIN_OLD, &stmt);
    }
    if (status == OMEGA_OK) {
        int at = 0;
        if (!expired) {
            om_bind_i64(stmt, at++, after);
        }
        om_bind_i64(stmt, at++, expired ? run->now : run->now - DAYS_MS(days));
        om_bind_i64(stmt, at, SLICE);
    }
    while (status == OMEGA_OK && *count < SLICE) {
        bool found;
        status = om_step(stmt, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        rows[*count].row = om_col_i64(stmt, 0);
        rows[(*count)++].state_at = om_col_i64(stmt, 1);
    }
    om_store_read_end(&reader);
    return status;
}

static omega_status erase_due(struct run *run, bool expired)
{
    struct due_row rows[SLICE];
    size_t count = SLICE;
    int64_t after = 0;
    uint64_t done = 1;
    uint64_t *total = expired ? &run->report->expired : &run->report->removed;
    omega_status status = OMEGA_OK;
    while (status == OMEGA_OK && count == SLICE && (done > 0 || !expired) && !must_stop(run)) {
        status = read_due(run, expired, after, rows, &count);
        if (status == OMEGA_OK && count > 0) {
            after = rows[count - 1].row;
            status =
                commit_due(run, expired ? OM_RETAIN_EXPIRE : OM_RETAIN_REMOVE, rows, count, &done);
            *total += done;
        }
    }
    return status;
}

/* ---- What is active: one light look ---------------------------------------------------------- */

struct look {
    int64_t row, state_at, last_use;
    omega_tier tier;
    bool pinned;
    double importance, stability;
    omega_str user, agent, session; /* of the statement's row */
};

static void read_look(struct om_stmt *stmt, struct look *out)
{
    out->row = om_col_i64(stmt, 0);
    int64_t tier = om_col_i64(stmt, 1);
    out->tier = tier >= 0 && tier < OMEGA_TIER_COUNT ? (omega_tier)tier : OMEGA_TIER_COSMIC;
    out->pinned = om_col_i64(stmt, 2) != 0;
    out->importance = om_col_double(stmt, 3);
    out->state_at = om_col_i64(stmt, 6);
    out->last_use = OM_MAX(OM_MAX(om_col_i64(stmt, 4), om_col_i64(stmt, 5)), out->state_at);
    out->last_use = OM_MAX(out->last_use, om_col_time(stmt, 7));
    out->stability =
        om_col_is_null(stmt, 8) ? om_initial_stability(out->tier) : om_col_double(stmt, 8);
    out->user = om_col_str(stmt, 9);
    out->agent = om_col_str(stmt, 10);
    out->session = om_col_str(stmt, 11);
}

/* Calls `each` with the active rows behind *after, at most SLICE; *count of them were there. */
static omega_status look_at_slice(struct run *run, int64_t *after, size_t *count,
                                  omega_status (*each)(void *context, struct om_reader *reader,
                                                       const struct look *look),
                                  void *context)
{
    struct om_reader reader = {0};
    struct om_stmt *stmt = NULL;
    *count = 0;
    omega_status status = om_store_read(run->memory->store, OM_READ_TIMEOUT_MS, &reader);
    if (status == OMEGA_OK) {
        status = om_sql(reader.conn, &om_memory_schema, OM_MEMORY_SQL_RETAIN_SCAN, &stmt);
    }
    if (status == OMEGA_OK) {
        om_bind_i64(stmt, 0, *after);
        om_bind_i64(stmt, 1, SLICE);
    }
    while (status == OMEGA_OK) {
        struct look look;
        bool found;
        status = om_step(stmt, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        read_look(stmt, &look);
        *after = look.row;
        ++*count;
        status = each(context, &reader, &look);
    }
    om_store_read_end(&reader);
    return status;
}

/* ---- Unused for too long --------------------------------------------------------------------- */

static void pack_session(struct om_buf *key, const struct look *look)
{
    om_pack_str(key, look->user);
    om_pack_str(key, look->agent);
    om_pack_str(key, look->session);
}

static omega_status ask_session(struct om_reader *reader, const struct look *look, int64_t *last)
{
    struct om_stmt *stmt;
    bool found;
    omega_status status =
        om_sql(reader->conn, &om_memory_schema, OM_MEMORY_SQL_SESSION_TIME, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_str(stmt, 0, look->session);
    om_bind_str(stmt, 1, look->user);
    om_bind_str(stmt, 2, look->agent);
    status = om_step(stmt, &found);
    *last = status == OMEGA_OK && found ? om_col_i64(stmt, 0) : look->last_use;
    om_stmt_reset(stmt);
    return status;
}

/* Whether nothing has happened in the row's session for longer than the tier keeps. */
static omega_status session_over(struct run *run, struct om_reader *reader, const struct look *look,
                                 bool *over)
{
    struct om_buf key;
    uint64_t known;
    int64_t last = 0;
    om_buf_init(&key, run->memory->options.alloc, 4 * OM_LIMIT_NAME);
    pack_session(&key, look);
    omega_status status = key.status == OMEGA_ENOMEM ? om_nomem() : key.status;
    if (status == OMEGA_OK && om_map_get(&run->sessions, om_buf_str(&key), &known)) {
        last = (int64_t)known;
    } else if (status == OMEGA_OK) {
        status = ask_session(reader, look, &last);
        if (status == OMEGA_OK) {
            status = om_map_set(&run->sessions, om_buf_str(&key), (uint64_t)last);
        }
    }
    om_buf_fini(&key);
    *over = run->now - last > retention_ms[OMEGA_TIER_SESSION];
    return status;
}

struct aging {
    struct run *run;
    struct due_row rows[SLICE];
    size_t count;
};

static omega_status age(void *context, struct om_reader *reader, const struct look *look)
{
    struct aging *aging = context;
    struct run *run = aging->run;
    run->report->looked_at++;
    if (look->pinned || retention_ms[look->tier] == 0) {
        return OMEGA_OK;
    }
    bool due = run->now - look->last_use > retention_ms[look->tier];
    omega_status status = OMEGA_OK;
    if (due && look->tier == OMEGA_TIER_SESSION && look->session.len > 0) {
        status = session_over(run, reader, look, &due);
    }
    if (status == OMEGA_OK && due) {
        aging->rows[aging->count++] = (struct due_row){look->row, look->state_at};
    }
    return status;
}

static omega_status archive_aged(struct run *run)
{
    struct aging aging = {.run = run};
    int64_t after = 0;
    size_t count = SLICE;
    omega_status status = OMEGA_OK;
    while (status == OMEGA_OK && count == SLICE && !must_stop(run)) {
        uint64_t done = 0;
        aging.count = 0;
        status = look_at_slice(run, &after, &count, age, &aging);
        if (status == OMEGA_OK) {
            status = commit_due(run, OM_RETAIN_ARCHIVE, aging.rows, aging.count, &done);
        }
        run->report->archived += done;
    }
    return status;
}

/* ---- One too many ---------------------------------------------------------------------------- */

struct weighed {
    uint64_t group; /* of tier and scope root */
    double worth;
    struct due_row due;
};

struct weighing {
    struct run *run;
    struct om_map groups;
    struct weighed *rows;
    size_t count, capacity;
};

static omega_status find_group(struct weighing *weighing, const struct look *look, uint64_t *out)
{
    struct om_alloc *alloc = weighing->run->memory->options.alloc;
    bool by_user = look->user.len > 0;
    struct om_buf key;
    om_buf_init(&key, alloc, 2 * OM_LIMIT_NAME);
    om_buf_add_char(&key, (char)('a' + (int)look->tier));
    om_buf_add_char(&key, by_user ? 'u' : look->agent.len > 0 ? 'a' : 's');
    om_buf_add_str(&key, by_user ? look->user : look->agent);
    omega_status status = key.status == OMEGA_ENOMEM ? om_nomem() : key.status;
    if (status == OMEGA_OK && !om_map_get(&weighing->groups, om_buf_str(&key), out)) {
        *out = weighing->groups.count;
        status = om_map_set(&weighing->groups, om_buf_str(&key), *out);
    }
    om_buf_fini(&key);
    return status;
}

static omega_status weigh(void *context, struct om_reader *reader, const struct look *look)
{
    struct weighing *weighing = context;
    struct om_alloc *alloc = weighing->run->memory->options.alloc;
    (void)reader;
    if (weighing->count == weighing->capacity) {
        size_t capacity = OM_MAX(weighing->capacity * 2, (size_t)SLICE);
        struct weighed *rows = om_resize(alloc, weighing->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            return om_nomem();
        }
        weighing->rows = rows;
        weighing->capacity = capacity;
    }
    struct weighed *row = &weighing->rows[weighing->count];
    omega_status status = find_group(weighing, look, &row->group);
    if (status == OMEGA_OK) {
        double kept =
            om_retrievability(look->tier, look->stability, weighing->run->now - look->last_use);
        /* Pinned ones count, and are the last that would go: applying refuses them. */
        row->worth = look->pinned ? 2.0 : kept * look->importance;
        row->due = (struct due_row){look->row, look->state_at};
        weighing->count++;
    }
    return status;
}

/* By group, the least worth first; equal ones older first. */
static int compare_weighed(const void *a, const void *b)
{
    const struct weighed *x = a;
    const struct weighed *y = b;
    if (x->group != y->group) {
        return x->group < y->group ? -1 : 1;
    }
    if (x->worth < y->worth || x->worth > y->worth) {
        return x->worth < y->worth ? -1 : 1;
    }
    return x->due.row < y->due.row ? -1 : x->due.row > y->due.row ? 1 : 0;
}

static omega_status archive_first(struct run *run, const struct weighed *rows, size_t count)
{
    omega_status status = OMEGA_OK;
    for (size_t at = 0; at < count && status == OMEGA_OK && !must_stop(run);) {
        struct due_row due[SLICE];
        uint64_t done;
        size_t some = OM_MIN(count - at, (size_t)SLICE);
        for (size_t i = 0; i < some; i++) {
            due[i] = rows[at + i].due;
        }
        status = commit_due(run, OM_RETAIN_ARCHIVE, due, some, &done);
        run->report->archived += done;
        at += some;
    }
    return status;
}

static omega_status archive_groups(struct weighing *weighing)
{
    uint64_t limit = weighing->run->memory->options.max_per_tier;
    omega_status status = OMEGA_OK;
    if (weighing->count > 0) {
        qsort(weighing->rows, weighing->count, sizeof *weighing->rows, compare_weighed);
    }
    for (size_t first = 0; first < weighing->count && status == OMEGA_OK;) {
        size_t end = first;
        while (end < weighing->count && weighing->rows[end].group == weighing->rows[first].group) {
            end++;
        }
        if (end - first > limit) {
            status =
                archive_first(weighing->run, weighing->rows + first, end - first - (size_t)limit);
        }
        first = end;
    }
    return status;
}

static omega_status archive_surplus(struct run *run)
{
    struct weighing weighing = {.run = run};
    int64_t after = 0;
    size_t count = SLICE;
    omega_status status = OMEGA_OK;
    om_map_init(&weighing.groups, run->memory->options.alloc);
    while (status == OMEGA_OK && count == SLICE && !must_stop(run)) {
        status = look_at_slice(run, &after, &count, weigh, &weighing);
    }
    if (status == OMEGA_OK && !run->stopped) {
        status = archive_groups(&weighing);
    }
    om_map_fini(&weighing.groups);
    om_put(run->memory->options.alloc, weighing.rows);
    return status;
}

static omega_status go_through(struct run *run)
{
    const struct om_memory_options *options = &run->memory->options;
    om_map_init(&run->sessions, options->alloc);
    omega_status status = om_memory_flush_access(run->memory);
    if (status == OMEGA_OK) {
        status = erase_due(run, true);
    }
    if (status == OMEGA_OK && options->archive_retention_days > 0) {
        status = erase_due(run, false);
    }
    if (status == OMEGA_OK) {
        status = archive_aged(run);
    }
    if (status == OMEGA_OK && options->max_per_tier > 0) {
        status = archive_surplus(run);
    }
    om_map_fini(&run->sessions);
    return status;
}

omega_status om_memory_retain(struct om_memory *memory, bool (*stop)(void *context), void *context,
                              struct om_retention_report *out)
{
    struct om_retention_report report = {0};
    struct run run = {.memory = memory,
                      .stop = stop,
                      .context = context,
                      .report = &report,
                      .now = om_wall_ms(memory->options.clock)};
    const omega_status status = go_through(&run);
    if (out != NULL) {
        *out = report;
    }
    return status;
}

omega_status om_memory_retention_due(struct om_memory *memory, bool (*stop)(void *context),
                                     void *context, bool *due)
{
    struct om_retention_report report = {0};
    struct run run = {.memory = memory,
                      .stop = stop,
                      .context = context,
                      .report = &report,
                      .now = om_wall_ms(memory->options.clock),
                      .only_asked = true};
    const omega_status status = go_through(&run);
    *due = run.due;
    return status;
}
