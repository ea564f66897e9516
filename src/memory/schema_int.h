/* schema_int.h -- the columns and statements of memory/'s tables. Private to memory/.
 *
 * A column of `memories` is one row of OM_ROW_FIELDS: the statements, the checksum, binding and
 * reading all follow from it. The small ones come first: SQLite then reads them without walking the
 * overflow pages of a long content. */
#ifndef OM_SCHEMA_INT_H
#define OM_SCHEMA_INT_H

/* field of struct om_memory_row = column, kind (rows.c) */
#define OM_ROW_FIELDS(X)                                                                           \
    X(id, UUID)                                                                                    \
    X(version_of, UUID)                                                                            \
    X(supersedes, UUID)                                                                            \
    X(superseded_by, UUID)                                                                         \
    X(state, INT)                                                                                  \
    X(tier, INT)                                                                                   \
    X(actor, INT)                                                                                  \
    X(pinned, BOOL)                                                                                \
    X(version, I64)                                                                                \
    X(seq, I64)                                                                                    \
    X(importance, DOUBLE)                                                                          \
    X(confidence, DOUBLE)                                                                          \
    X(position, I64)                                                                               \
    X(occurred_at, TIME)                                                                           \
    X(valid_from, TIME)                                                                            \
    X(valid_to, TIME)                                                                              \
    X(created_at, TIME)                                                                            \
    X(updated_at, TIME)                                                                            \
    X(believed_to, TIME)                                                                           \
    X(expires_at, TIME)                                                                            \
    X(state_at, TIME)                                                                              \
    X(digest, DIGEST)                                                                              \
    X(user, TEXT)                                                                                  \
    X(agent, TEXT)                                                                                 \
    X(session, TEXT)                                                                               \
    X(key, TEXT)                                                                                   \
    X(type, TEXT)                                                                                  \
    X(role, TEXT)                                                                                  \
    X(name, TEXT)                                                                                  \
    X(language, TEXT)                                                                              \
    X(source_kind, TEXT)                                                                           \
    X(source_uri, TEXT)                                                                            \
    X(metadata, TEXT)                                                                              \
    X(content, TEXT)

#define OM_ROW_LIST_(name, kind) "m." #name ", "
#define OM_ROW_NAMES_(name, kind) #name ", "
#define OM_ROW_MARKS_(name, kind) "?, "
#define OM_ROW_SET_(name, kind) #name " = excluded." #name ", "
#define OM_ROW_SELECT_                                                                             \
    "SELECT m.row, " OM_ROW_FIELDS(OM_ROW_LIST_) "m.sum, a.row, a.accessed_at, a.access_count, "   \
    "a.difficulty, a.stability FROM memories m LEFT JOIN memory_access a ON a.row = m.row "

/* What a list may show: ?1 user, ?2 agent, ?3 session, ?4 session_only, ?5 bits of tiers, ?6 bits
 * of states, ?7 type, ?8 now: what has expired is as good as gone. The user stands in each
 * statement, because its index is chosen by it. */
#define OM_LIST_SHOWN_                                                                             \
    " AND ((?5 >> tier) & 1) AND ((?6 >> state) & 1) AND (?7 IS NULL OR type = ?7)"                \
    " AND (NOT ?4 OR session = ?3) AND (expires_at IS NULL OR expires_at > ?8) "
#define OM_LIST_MINE_                                                                              \
    " AND (agent IS NULL OR agent = ?2) AND (tier > 2 OR session IS NULL OR session = ?3) "
#define OM_LIST_AFTER_(value) " AND " value " >= ?9 AND (" value " > ?9 OR row > ?10) "
#define OM_LIST_BEFORE_(value) " AND " value " <= ?9 AND (" value " < ?9 OR row < ?10) "
#define OM_LIST_BOTH_(after)                                                                       \
    "SELECT created_at, row FROM memories WHERE user IS NULL" after OM_LIST_MINE_ OM_LIST_SHOWN_   \
    "UNION ALL SELECT created_at, row FROM memories WHERE user = ?1" after OM_LIST_MINE_           \
        OM_LIST_SHOWN_

#define OM_MEMORY_STATEMENTS(X)                                                                    \
    X(NEXT_ROW, "SELECT max(ifnull((SELECT max(row) FROM memories), 0),"                           \
                " ifnull((SELECT row_limit FROM deletions ORDER BY row DESC LIMIT 1), 0)) + 1")    \
    X(ROW_WRITE, "INSERT INTO memories(row, " OM_ROW_FIELDS(OM_ROW_NAMES_) "sum) VALUES(?, "       \
                 OM_ROW_FIELDS(OM_ROW_MARKS_) "?) ON CONFLICT(row) DO UPDATE SET "                 \
                 OM_ROW_FIELDS(OM_ROW_SET_) "sum = excluded.sum")                                  \
    X(ROW_REMOVE, "DELETE FROM memories WHERE row = ?")                                            \
    X(ROW_BY_NUMBER, OM_ROW_SELECT_ "WHERE m.row = ?")                                             \
    X(ROW_BY_ID, OM_ROW_SELECT_ "WHERE m.id = ?")                                                  \
    X(ROW_BY_KEY, OM_ROW_SELECT_ "WHERE ifnull(m.user, '') = ? AND ifnull(m.agent, '') = ?"        \
                  " AND m.key = ? AND m.key IS NOT NULL AND m.state <> 1")                         \
    X(ROW_EACH, OM_ROW_SELECT_ "ORDER BY m.row")                                                   \
    X(ACCESS_WRITE, "INSERT INTO memory_access(row, accessed_at, access_count, difficulty,"        \
                    " stability) VALUES(?, ?, ?, ?, ?) ON CONFLICT(row) DO UPDATE SET"             \
                    " accessed_at = excluded.accessed_at, access_count = excluded.access_count,"   \
                    " difficulty = excluded.difficulty, stability = excluded.stability")           \
    X(ACCESS_REMOVE, "DELETE FROM memory_access WHERE row = ?")                                    \
    X(REPEAT_ADD, "INSERT INTO memory_repeats(row, seq) VALUES(?, ?) ON CONFLICT DO NOTHING")      \
    X(REPEATS, "SELECT seq FROM memory_repeats WHERE row = ? AND seq > ? ORDER BY seq LIMIT 1")    \
    X(REPEATS_REMOVE, "DELETE FROM memory_repeats WHERE row = ?")                                  \
    X(LIST, OM_LIST_BOTH_(OM_LIST_AFTER_("created_at")) "ORDER BY 1, 2")                           \
    X(LIST_DESC, OM_LIST_BOTH_(OM_LIST_BEFORE_("created_at")) "ORDER BY 1 DESC, 2 DESC")           \
    X(LIST_ALL, "SELECT created_at, row FROM memories WHERE 1" OM_LIST_AFTER_("created_at")        \
                OM_LIST_SHOWN_ "ORDER BY created_at, row")                                         \
    X(LIST_ALL_DESC, "SELECT created_at, row FROM memories WHERE 1"                                \
                     OM_LIST_BEFORE_("created_at") OM_LIST_SHOWN_                                  \
                     "ORDER BY created_at DESC, row DESC")                                         \
    X(LIST_POSITION, "SELECT position, row FROM memories WHERE session = ?3"                       \
                     OM_LIST_AFTER_("position") "AND (user IS NULL OR user = ?1)" OM_LIST_MINE_    \
                     OM_LIST_SHOWN_ "ORDER BY position, row")                                      \
    X(LIST_ALL_POSITION, "SELECT position, row FROM memories WHERE session = ?3"                   \
                         OM_LIST_AFTER_("position") OM_LIST_SHOWN_ "ORDER BY position, row")       \
    X(COUNT, "SELECT (SELECT count(*) FROM memories WHERE user IS NULL" OM_LIST_MINE_              \
             OM_LIST_SHOWN_ ") + (SELECT count(*) FROM memories WHERE user = ?1" OM_LIST_MINE_     \
             OM_LIST_SHOWN_ ")")                                                                   \
    X(COUNT_ALL, "SELECT count(*) FROM memories WHERE 1" OM_LIST_SHOWN_)                           \
    X(SESSION_LAST, "SELECT session, occurred_at FROM memories WHERE user IS ? AND agent IS ?"     \
                    " AND position >= 0 AND state <> 1 AND session IS NOT NULL"                    \
                    " ORDER BY created_at DESC, row DESC LIMIT 1")                                 \
    X(SESSION_END, "SELECT max(position) FROM memories WHERE session = ? AND user IS ?"            \
                   " AND agent IS ?")                                                              \
    X(SESSION_TIME, "SELECT max(max(created_at, state_at)) FROM memories WHERE session = ?"        \
                    " AND user IS ? AND agent IS ? AND state = 0")                                 \
    X(TOMBSTONE_FIND, "SELECT id, user, agent, made_at, reason, sum FROM tombstones"               \
                      " WHERE digest = ?")                                                         \
    X(TOMBSTONE_ADD, "INSERT INTO tombstones(id, digest, user, agent, made_at, reason, sum)"       \
                     " VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(digest) DO NOTHING")                \
    X(TOMBSTONE_EACH, "SELECT id, digest, user, agent, made_at, reason, sum FROM tombstones"       \
                      " ORDER BY id")                                                              \
    X(DELETION_ADD, "INSERT INTO deletions(at, actor, kind, user, agent, what, memories, rows,"    \
                    " tombstones, first_seq, row_limit) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"      \
                    " max(ifnull((SELECT max(row) FROM memories), 0),"                             \
                    " ifnull((SELECT row_limit FROM deletions ORDER BY row DESC LIMIT 1), 0), ?))")\
    X(RETAIN_SCAN, "SELECT m.row, m.tier, m.pinned, m.importance, m.created_at, m.updated_at,"     \
                   " m.state_at, a.accessed_at, a.stability, m.user, m.agent, m.session"           \
                   " FROM memories m LEFT JOIN memory_access a ON a.row = m.row"                   \
                   " WHERE m.row > ? AND m.state = 0 ORDER BY m.row LIMIT ?")                      \
    X(RETAIN_EXPIRED, "SELECT row, state_at FROM memories WHERE expires_at <= ?"                   \
                      " AND expires_at IS NOT NULL"                                                \
                      " AND version_of IS NULL ORDER BY expires_at LIMIT ?")                       \
    X(RETAIN_OLD, "SELECT row, state_at FROM memories WHERE row > ? AND state = 2"                 \
                  " AND state_at <= ?"                                                             \
                  " AND NOT pinned ORDER BY row LIMIT ?")                                          \
    X(CHECK_KEYS, "SELECT min(row), count(*) FROM memories WHERE key IS NOT NULL AND state <> 1"   \
                  " GROUP BY ifnull(user, ''), ifnull(agent, ''), key HAVING count(*) > 1")        \
    X(CHECK_LINKS, "SELECT m.row FROM memories m LEFT JOIN memories s ON s.id = m.supersedes"      \
                   " WHERE m.supersedes IS NOT NULL AND (s.row IS NULL OR s.state <> 1 OR"         \
                   " s.superseded_by IS NOT ifnull(m.version_of, m.id))")                          \
    X(CHECK_VERSIONS, "SELECT v.row FROM memories v WHERE v.version_of IS NOT NULL AND"            \
                      " (v.state <> 1 OR NOT EXISTS (SELECT 1 FROM memories m"                     \
                      " WHERE m.id = v.version_of AND m.version_of IS NULL))")                     \
    X(CHECK_SUCCESSORS, "SELECT s.row FROM memories s WHERE s.superseded_by IS NOT NULL AND"       \
                        " NOT EXISTS (SELECT 1 FROM memories m WHERE m.id = s.superseded_by)")     \
    X(CHECK_ACCESS, "SELECT a.row FROM memory_access a WHERE NOT EXISTS"                           \
                    " (SELECT 1 FROM memories m WHERE m.row = a.row)")                             \
    X(CHECK_VECTORS, "SELECT v.id & 1099511627775 FROM vectors v JOIN spaces s"                    \
                     " ON s.id = v.id >> 40"                                                       \
                     " WHERE s.owner = 0 AND NOT EXISTS"                                           \
                     " (SELECT 1 FROM memories m WHERE m.row = v.id & 1099511627775)")

enum om_memory_statement {
#define OM_MEMORY_STATEMENT_ENUM(name, text) OM_MEMORY_SQL_##name,
    OM_MEMORY_STATEMENTS(OM_MEMORY_STATEMENT_ENUM)
#undef OM_MEMORY_STATEMENT_ENUM
        OM_MEMORY_SQL_COUNT_
};

#endif
