/* listing.c -- memories in order, page by page, and how many there are.
 *
 * SQL gives row numbers in order, with everything that scope, tiers, states and type decide; each
 * row is then read and verified by itself, and the filter is asked. The shared root and the user's
 * own rows come from one index each and are merged in order, so a page costs what it shows, not
 * what the store holds. A cursor is the order, the value and the row number of the last memory
 * shown: what is added or removed between two pages neither repeats nor hides another.
 * A damaged row is left out and said so; the others go on. Rejected: OFFSET (linear in the page's
 * number, and it skips rows when earlier ones are deleted). */
#include "memory/listing_int.h"
#include "memory/schema_int.h"

#include <stdio.h>

enum { DEFAULT_LIMIT = 100, CURSOR_SIZE = 64 };

static bool is_descending(const omega_list_options *options)
{
    return options->order == OMEGA_ORDER_CREATED_DESC;
}

static unsigned statement_of(const omega_list_options *options)
{
    static const unsigned statements[][2] = {
        [OMEGA_ORDER_CREATED] = {OM_MEMORY_SQL_LIST, OM_MEMORY_SQL_LIST_ALL},
        [OMEGA_ORDER_CREATED_DESC] = {OM_MEMORY_SQL_LIST_DESC, OM_MEMORY_SQL_LIST_ALL_DESC},
        [OMEGA_ORDER_POSITION] = {OM_MEMORY_SQL_LIST_POSITION, OM_MEMORY_SQL_LIST_ALL_POSITION},
    };
    return statements[options->order][options->all_roots ? 1 : 0];
}

static omega_str given(omega_str text)
{
    return text.len > 0 ? text : (omega_str){NULL, 0};
}

static int64_t tier_bits(const omega_list_options *options)
{
    if (options->tiers == NULL || options->tier_count == 0) {
        return (INT64_C(1) << OMEGA_TIER_COUNT) - 1;
    }
    int64_t bits = 0;
    for (size_t i = 0; i < options->tier_count; i++) {
        bits |= INT64_C(1) << options->tiers[i];
    }
    return bits;
}

static int64_t state_bits(const omega_list_options *options)
{
    int64_t bits = INT64_C(1) << OMEGA_MEMORY_ACTIVE;
    if ((options->include & OMEGA_INCLUDE_ARCHIVED) != 0) {
        bits |= INT64_C(1) << OMEGA_MEMORY_ARCHIVED;
    }
    if ((options->include & OMEGA_INCLUDE_SUPERSEDED) != 0) {
        bits |= INT64_C(1) << OMEGA_MEMORY_SUPERSEDED;
    }
    return bits;
}

static void bind_shown(struct om_stmt *stmt, const omega_list_options *options, int64_t now)
{
    om_bind_str(stmt, 0, given(options->scope.user));
    om_bind_str(stmt, 1, given(options->scope.agent));
    om_bind_str(stmt, 2, given(options->scope.session));
    om_bind_i64(stmt, 3, options->session_only ? 1 : 0);
    om_bind_i64(stmt, 4, tier_bits(options));
    om_bind_i64(stmt, 5, state_bits(options));
    om_bind_str(stmt, 6, given(options->type));
    om_bind_i64(stmt, 7, now);
}

omega_status om_lister_init(struct om_lister *lister, struct om_arena *arena,
                            struct om_reader *reader, const omega_list_options *options,
                            int64_t now)
{
    *lister = (struct om_lister){.reader = reader, .options = options, .now = now};
    lister->value = is_descending(options) ? INT64_MAX : INT64_MIN;
    lister->number = is_descending(options) ? INT64_MAX : INT64_MIN;
    return om_filter_compile(arena, options->filter_json, &lister->filter);
}

void om_lister_resume(struct om_lister *lister, int64_t value, int64_t number)
{
    lister->value = value;
    lister->number = number;
}

static omega_status begin(struct om_lister *lister)
{
    omega_status status = om_sql(lister->reader->conn, &om_memory_schema,
                                 statement_of(lister->options), &lister->stmt);
    if (status == OMEGA_OK) {
        bind_shown(lister->stmt, lister->options, lister->now);
        om_bind_i64(lister->stmt, 8, lister->value);
        om_bind_i64(lister->stmt, 9, lister->number);
    }
    return status;
}

omega_status om_lister_next(struct om_lister *lister, struct om_memory_row *row, bool *found)
{
    omega_status status = lister->stmt == NULL ? begin(lister) : OMEGA_OK;
    *found = false;
    while (status == OMEGA_OK) {
        bool pass = true;
        status = om_step(lister->stmt, found);
        if (status != OMEGA_OK || !*found) {
            break;
        }
        lister->value = om_col_i64(lister->stmt, 0);
        lister->number = om_col_i64(lister->stmt, 1);
        status = om_row_by_number(lister->reader->conn, lister->number, row);
        if (status == OMEGA_ECORRUPT) {
            lister->damaged = true;
            status = OMEGA_OK;
            continue;
        }
        if (status == OMEGA_OK) {
            status = om_filter_row(lister->filter, row, &pass);
        }
        if (status == OMEGA_OK && pass) {
            return OMEGA_OK;
        }
    }
    return status;
}

/* ---- Pages ----------------------------------------------------------------------------------- */

static omega_status read_cursor(struct om_lister *lister, omega_str cursor)
{
    omega_str rest, number;
    int64_t order, value, row;
    omega_str first = om_str_cut(cursor, '.', &rest);
    omega_str second = om_str_cut(rest, '.', &number);
    if (!om_str_to_i64(first, &order) || !om_str_to_i64(second, &value) ||
        !om_str_to_i64(number, &row) || order != (int64_t)lister->options->order) {
        return om_fail(OMEGA_EINVAL, "cursor is not one that a list in this order gave");
    }
    om_lister_resume(lister, value, row);
    return OMEGA_OK;
}

static omega_status write_cursor(const struct om_lister *lister, int64_t value, int64_t number,
                                 omega_memories *results)
{
    char text[CURSOR_SIZE];
    int len = snprintf(text, sizeof text, "%d.%lld.%lld", (int)lister->options->order,
                       (long long)value, (long long)number);
    return om_results_set_cursor(results, (omega_str){text, (size_t)len});
}

/* One more than the page holds is looked for: it tells whether there is a next page. */
static omega_status fill_page(struct om_lister *lister, omega_memories *results)
{
    uint32_t limit = lister->options->limit > 0 ? lister->options->limit : DEFAULT_LIMIT;
    int64_t value = 0, number = 0;
    omega_status status = OMEGA_OK;
    for (uint32_t i = 0; status == OMEGA_OK; i++) {
        struct om_memory_row row;
        bool found;
        status = om_lister_next(lister, &row, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        if (i == limit) {
            return write_cursor(lister, value, number, results);
        }
        value = lister->value;
        number = lister->number;
        status = om_results_add(results, &row, NULL);
    }
    return status;
}

static omega_status list_page(struct om_memory *memory, struct om_reader *reader,
                              const omega_list_options *options, omega_memories *results)
{
    struct om_lister lister;
    omega_status status = om_lister_init(&lister, om_results_arena(results), reader, options,
                                         om_wall_ms(memory->options.clock));
    if (status == OMEGA_OK && options->cursor.len > 0) {
        status = read_cursor(&lister, options->cursor);
    }
    if (status == OMEGA_OK) {
        status = fill_page(&lister, results);
    }
    if (status == OMEGA_OK) {
        status = om_results_vectors(results, reader);
    }
    if (lister.damaged) {
        om_results_degrade(results, "a damaged row was left out; run 'omega check'");
    }
    return status;
}

omega_status om_memory_list(struct om_memory *memory, const omega_list_options *options,
                            omega_memories **out)
{
    struct om_reader reader = {0};
    omega_memories *results = NULL;
    if (options == NULL || out == NULL) {
        return om_fail(OMEGA_EINVAL, "%s is missing", options == NULL ? "options" : "out");
    }
    *out = NULL;
    omega_status status = om_check_list(options);
    if (status == OMEGA_OK) {
        status = om_results_new(memory, &results);
    }
    if (status == OMEGA_OK) {
        status = om_store_read(memory->store, OM_READ_TIMEOUT_MS, &reader);
    }
    if (status == OMEGA_OK) {
        status = list_page(memory, &reader, options, results);
    }
    om_store_read_end(&reader);
    if (status != OMEGA_OK) {
        om_memories_free(results);
        return status;
    }
    *out = results;
    return OMEGA_OK;
}

/* ---- Counting -------------------------------------------------------------------------------- */

static omega_status count_all(struct om_memory *memory, struct om_reader *reader,
                              const omega_list_options *options, uint64_t *out)
{
    struct om_stmt *stmt;
    bool found;
    unsigned statement = options->all_roots ? OM_MEMORY_SQL_COUNT_ALL : OM_MEMORY_SQL_COUNT;
    omega_status status = om_sql(reader->conn, &om_memory_schema, statement, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    bind_shown(stmt, options, om_wall_ms(memory->options.clock));
    status = om_step(stmt, &found);
    if (status == OMEGA_OK) {
        *out = (uint64_t)om_col_i64(stmt, 0);
    }
    om_stmt_reset(stmt);
    return status;
}

static omega_status count_filtered(struct om_memory *memory, struct om_reader *reader,
                                   const omega_list_options *options, uint64_t *out)
{
    struct om_arena arena;
    struct om_lister lister;
    om_arena_init(&arena, memory->options.alloc, 0);
    omega_status status =
        om_lister_init(&lister, &arena, reader, options, om_wall_ms(memory->options.clock));
    *out = 0;
    while (status == OMEGA_OK) {
        struct om_memory_row row;
        bool found;
        status = om_lister_next(&lister, &row, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        ++*out;
    }
    om_arena_fini(&arena);
    return status;
}

omega_status om_memory_count(struct om_memory *memory, const omega_list_options *options,
                             uint64_t *out)
{
    struct om_reader reader = {0};
    if (options == NULL || out == NULL) {
        return om_fail(OMEGA_EINVAL, "%s is missing", options == NULL ? "options" : "out");
    }
    omega_list_options counted = *options;
    counted.limit = 0;
    uint64_t count = 0;
    omega_status status = om_check_list(&counted);
    if (status == OMEGA_OK) {
        status = om_store_read(memory->store, OM_READ_TIMEOUT_MS, &reader);
    }
    if (status == OMEGA_OK) {
        status = om_str_given(options->filter_json)
                     ? count_filtered(memory, &reader, &counted, &count)
                     : count_all(memory, &reader, &counted, &count);
    }
    om_store_read_end(&reader);
    if (status == OMEGA_OK) {
        *out = count;
    }
    return status;
}
