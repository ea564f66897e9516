/* tombstone.c -- what was forgotten or corrected, kept without a word of it.
 *
 * A tombstone is HMAC-SHA-256, under the store's secret key, over the scope root (its kind, its
 * name, a zero byte) and the content's skeleton (text/fold.h): the same fact in other letters,
 * cases or spaces meets it, in the same root only. Without the key nobody can test a guess against
 * the file. The digest is made when a record is drafted, not inside the writer's turn, and stands
 * in the memory's row as long as the memory does, so that deleting only copies it.
 * A content without any letter or digit has an empty skeleton; its bytes stand in for it, behind a
 * mark that no skeleton begins with.
 * Rejected: a plain hash (guessable), the text itself (then nothing was forgotten). */
#include "memory/rows_check_int.h"
#include "memory/schema_int.h"

enum { SKELETON_GROWTH = 12 /* text/fold.h: at most 11-fold, and our prefix */ };

static void add_root(struct om_buf *text, const omega_scope *scope)
{
    bool by_user = scope->user.len > 0;
    bool by_agent = !by_user && scope->agent.len > 0;
    om_buf_add_char(text, by_user ? 'u' : by_agent ? 'a' : 's');
    om_buf_add_str(text, by_user ? scope->user : by_agent ? scope->agent : OM_STR(""));
    om_buf_add_char(text, '\0');
}

omega_status om_tombstone_digest(struct om_memory *memory, const omega_scope *scope,
                                 omega_str content, unsigned char out[OM_DIGEST_SIZE])
{
    struct om_buf text;
    om_buf_init(&text, memory->options.alloc,
                content.len * SKELETON_GROWTH + OM_LIMIT_NAME + SKELETON_GROWTH);
    add_root(&text, scope);
    size_t root_size = text.len;
    omega_status status = om_text_skeleton(content, &text);
    if (status == OMEGA_OK && text.len == root_size) {
        om_buf_add_char(&text, '\x01');
        om_buf_add_str(&text, content);
        status = text.status;
    }
    if (status == OMEGA_OK) {
        om_hmac_sha256(om_store_key(memory->store), OM_DIGEST_SIZE, text.ptr, text.len, out);
    } else if (status == OMEGA_ENOMEM) {
        status = om_nomem();
    }
    om_buf_fini(&text);
    return status;
}

static int64_t sum_of(struct om_uuid id, const unsigned char *digest, const omega_scope *scope,
                      int64_t made_at, int64_t reason)
{
    struct om_row_sum sum;
    om_row_sum_init(&sum, 0);
    om_row_sum_blob(&sum, id.bytes, sizeof id.bytes);
    om_row_sum_blob(&sum, digest, OM_DIGEST_SIZE);
    om_row_sum_str(&sum, scope->user.len > 0 ? scope->user : (omega_str){NULL, 0});
    om_row_sum_str(&sum, scope->agent.len > 0 ? scope->agent : (omega_str){NULL, 0});
    om_row_sum_i64(&sum, made_at);
    om_row_sum_i64(&sum, reason);
    return om_row_sum_result(&sum);
}

/* Whether the row under the cursor (columns of TOMBSTONE_FIND) is as it was written. */
static bool is_sound(struct om_stmt *stmt, const unsigned char *digest)
{
    omega_scope scope = {om_col_str(stmt, 1), om_col_str(stmt, 2), {NULL, 0}};
    return sum_of(om_col_uuid(stmt, 0), digest, &scope, om_col_i64(stmt, 3), om_col_i64(stmt, 4)) ==
           om_col_i64(stmt, 5);
}

omega_status om_tombstone_find(struct om_conn *conn, const unsigned char digest[OM_DIGEST_SIZE],
                               struct om_uuid *id)
{
    struct om_stmt *stmt;
    bool found;
    memset(id, 0, sizeof *id);
    omega_status status = om_sql(conn, &om_memory_schema, OM_MEMORY_SQL_TOMBSTONE_FIND, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_blob(stmt, 0, digest, OM_DIGEST_SIZE);
    status = om_step(stmt, &found);
    if (status == OMEGA_OK && found) {
        *id = om_col_uuid(stmt, 0);
        if (!is_sound(stmt, digest)) {
            status = om_fail(OMEGA_ECORRUPT, "tombstone %s is damaged: its checksum does not fit",
                             om_uuid_text(*id).text);
        }
    }
    om_stmt_reset(stmt);
    return status;
}

omega_status om_tombstone_add(struct om_conn *conn, const struct om_tombstone *tombstone,
                              const struct om_memory_row *row, bool *added)
{
    struct om_stmt *stmt;
    *added = false;
    omega_status status = om_sql(conn, &om_memory_schema, OM_MEMORY_SQL_TOMBSTONE_ADD, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    omega_scope scope = {row->user, row->agent, {NULL, 0}};
    om_bind_uuid(stmt, 0, tombstone->id);
    om_bind_blob(stmt, 1, row->digest, OM_DIGEST_SIZE);
    om_bind_str(stmt, 2, scope.user.len > 0 ? scope.user : (omega_str){NULL, 0});
    om_bind_str(stmt, 3, scope.agent.len > 0 ? scope.agent : (omega_str){NULL, 0});
    om_bind_i64(stmt, 4, tombstone->made_at);
    om_bind_i64(stmt, 5, (int64_t)tombstone->reason);
    om_bind_i64(
        stmt, 6,
        sum_of(tombstone->id, row->digest, &scope, tombstone->made_at, (int64_t)tombstone->reason));
    status = om_run(stmt);
    *added = status == OMEGA_OK && om_changed_rows(conn) > 0;
    return status;
}

bool om_tombstone_good(struct om_stmt *stmt)
{
    size_t size;
    const void *digest = om_col_blob(stmt, 1, &size);
    omega_scope scope = {om_col_str(stmt, 2), om_col_str(stmt, 3), {NULL, 0}};
    return digest != NULL && size == OM_DIGEST_SIZE &&
           sum_of(om_col_uuid(stmt, 0), digest, &scope, om_col_i64(stmt, 4), om_col_i64(stmt, 5)) ==
               om_col_i64(stmt, 6);
}

omega_status om_tombstones_check(struct om_conn *conn, struct om_check *check)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_memory_schema, OM_MEMORY_SQL_TOMBSTONE_EACH, &stmt);
    while (status == OMEGA_OK) {
        bool found;
        status = om_step(stmt, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        check->rows++;
        if (!om_tombstone_good(stmt)) {
            om_check_fault(check, "tombstone %s is damaged: its checksum does not fit",
                           om_uuid_text(om_col_uuid(stmt, 0)).text);
        }
    }
    return status;
}
