/* restore.c -- a backup takes the place of the store.
 *
 * The backup is checked, copied beside the store as omega.db.new, given a new incarnation there (so
 * that index snapshots of the other history are rebuilt) and a floor for sequences above everything
 * that either history has numbered (so that an event's id never names two things). Then names
 * change: what stood there keeps its rows and its log under omega.db.before-<stamp>, the new file
 * moves in, the directory is synced, the mark is written.
 *
 * A kill before the last rename leaves a directory that says what is missing and still holds all
 * files; restoring again is the way out. The file that was kept aside is listed among the backups,
 * because it still holds what is deleted later. */
#include "store/store_int.h"

enum { STAMP_SIZE = 40 };

struct restore {
    const struct om_store_options *options;
    const struct om_schema **schemas;
    size_t schema_count;
    char db[OM_PATH_SIZE], fresh[OM_PATH_SIZE], aside[OM_PATH_SIZE], mark_path[OM_PATH_SIZE];
    int lock_fd;
    bool had_store;
    struct om_mark mark;
    struct om_uuid database_id;
    uint64_t floor; /* the highest sequence of both histories */
};

/* "2026-08-01T12:00:00.000Z" without what file names do not like. */
static void make_stamp(int64_t wall_ms, char out[STAMP_SIZE])
{
    char text[OM_TIME_TEXT_SIZE];
    size_t len = 0;
    om_time_format(wall_ms, text);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c != '-' && *c != ':' && *c != '.') {
            out[len++] = *c;
        }
    }
    out[len] = '\0';
}

static omega_status make_paths(struct restore *restore)
{
    const char *dir = restore->options->dir;
    char stamp[STAMP_SIZE], name[STAMP_SIZE + 32];
    make_stamp(om_wall_ms(restore->options->clock), stamp);
    (void)snprintf(name, sizeof(name), "omega.db.before-%s", stamp);
    omega_status status = om_os_join(restore->db, dir, "omega.db");
    if (status == OMEGA_OK) {
        status = om_os_join(restore->fresh, dir, "omega.db.new");
    }
    if (status == OMEGA_OK) {
        status = om_os_join(restore->aside, dir, name);
    }
    if (status == OMEGA_OK) {
        status = om_os_join(restore->mark_path, dir, "omega.mark");
    }
    if (status == OMEGA_OK && strlen(restore->aside) + sizeof("-journal") > OM_PATH_SIZE) {
        status = om_fail(OMEGA_ELIMIT, "the path %s is too long", dir);
    }
    if (status == OMEGA_OK && om_os_exists(restore->aside)) {
        status = om_fail(OMEGA_ECONFLICT, "%s exists already", restore->aside);
    }
    return status;
}

static omega_status lock_dir(struct restore *restore)
{
    char path[OM_PATH_SIZE];
    int64_t pid = 0;
    omega_status status = om_os_private_dir(restore->options->dir);
    if (status == OMEGA_OK) {
        status = om_os_join(path, restore->options->dir, "omega.lock");
    }
    if (status == OMEGA_OK) {
        status = om_os_lock_file(path, &restore->lock_fd, &pid);
    }
    if (status == OMEGA_EBUSY) {
        return om_fail(OMEGA_EBUSY, "%s is in use by process %lld, see %s/omega.sock",
                       restore->options->dir, (long long)pid, restore->options->dir);
    }
    return status;
}

static omega_status open_backup(const struct restore *restore, const char *file,
                                struct om_conn **out)
{
    struct om_file_look look;
    omega_status status = om_file_look(file, &look);
    if (status != OMEGA_OK) {
        return status;
    }
    if (!look.exists) {
        return om_fail(OMEGA_ENOTFOUND, "there is no file %s", file);
    }
    if (!look.is_sqlite || look.application_id != OM_STORE_APPLICATION_ID) {
        return om_fail(OMEGA_EFORMAT, "%s is not a backup of Omega", file);
    }
    struct om_conn_options options = {
        .alloc = restore->options->alloc,
        .path = file,
        .vfs = restore->options->vfs,
        .role = OM_CONN_EXAMINER,
        .schemas = restore->schemas,
        .schema_count = restore->schema_count,
    };
    return om_conn_open(&options, out);
}

static omega_status finish_copy(void *context, struct om_conn *target)
{
    struct restore *restore = context;
    uint64_t last = 0;
    bool found = false;
    omega_status status = om_meta_get_bytes(target, "database_id", restore->database_id.bytes,
                                            sizeof(restore->database_id.bytes), &found);
    if (status == OMEGA_OK) {
        status = om_conn_last_seq(target, &last);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    bool same = restore->mark.found && om_uuid_eq(restore->mark.database_id, restore->database_id);
    restore->floor = same ? OM_MAX(last, restore->mark.seq) : last;
    status = om_schema_new_incarnation(target);
    if (status == OMEGA_OK) {
        status = om_meta_set_i64(target, "seq_floor", (int64_t)restore->floor);
    }
    if (status == OMEGA_OK) {
        status = om_meta_remove(target, "backup_of");
    }
    if (status == OMEGA_OK && restore->had_store) {
        status = om_schema_list_copy(target, om_wall_ms(restore->options->clock), restore->aside);
    }
    return status;
}

static omega_status copy_backup(struct restore *restore, const char *file)
{
    struct om_conn *source = NULL;
    omega_status status = open_backup(restore, file, &source);
    if (status == OMEGA_OK) {
        status = om_file_verify(source, file, restore->options->vfs);
    }
    if (status == OMEGA_OK) {
        status = om_os_remove(restore->fresh);
    }
    if (status == OMEGA_OK) {
        struct om_copy copy = {
            .source = source,
            .path = restore->fresh,
            .vfs = restore->options->vfs,
            .finish = finish_copy,
            .finish_context = restore,
        };
        status = om_copy_database(&copy);
    }
    if (source != NULL) {
        om_conn_reset(source);
    }
    om_conn_close(source);
    return status;
}

/* Moves `<from><suffix>` to `<to><suffix>`, or removes it when `to` is NULL. */
static omega_status move_side(const char *from, const char *to, const char *suffix)
{
    char old_path[OM_PATH_SIZE + 8], new_path[OM_PATH_SIZE + 8];
    (void)snprintf(old_path, sizeof(old_path), "%s%s", from, suffix);
    if (!om_os_exists(old_path)) {
        return OMEGA_OK;
    }
    if (to == NULL) {
        return om_os_remove(old_path);
    }
    (void)snprintf(new_path, sizeof(new_path), "%s%s", to, suffix);
    return om_os_rename(old_path, new_path);
}

static omega_status swap(struct restore *restore)
{
    omega_status status = move_side(restore->db, restore->aside, "-wal");
    if (status == OMEGA_OK) {
        status = move_side(restore->db, NULL, "-shm");
    }
    if (status == OMEGA_OK) {
        status = move_side(restore->db, restore->aside, "");
    }
    if (status == OMEGA_OK) {
        status = om_os_rename(restore->fresh, restore->db);
    }
    return status == OMEGA_OK ? om_os_fsync_dir(restore->options->dir) : status;
}

static omega_status write_mark(struct restore *restore)
{
    int fd = -1;
    struct om_mark mark = {.database_id = restore->database_id,
                           .seq = restore->floor,
                           .generation = restore->mark.generation};
    omega_status status = om_os_open_private(restore->mark_path, true, &fd);
    if (status == OMEGA_OK) {
        status = om_mark_write(fd, &mark);
    }
    om_os_close(&fd);
    return status;
}

static omega_status run(struct restore *restore, const char *file)
{
    omega_status status = lock_dir(restore);
    if (status == OMEGA_OK) {
        status = make_paths(restore);
    }
    if (status == OMEGA_OK) {
        status = om_mark_read(restore->mark_path, &restore->mark);
    }
    if (status == OMEGA_OK) {
        restore->had_store = om_os_exists(restore->db);
        status = copy_backup(restore, file);
    }
    if (status == OMEGA_OK) {
        status = swap(restore);
    }
    return status == OMEGA_OK ? write_mark(restore) : status;
}

omega_status om_store_restore(const struct om_store_options *options, const char *file)
{
    struct restore *restore = om_get0(options->alloc, 1, sizeof(*restore));
    if (restore == NULL) {
        return om_nomem();
    }
    restore->options = options;
    restore->lock_fd = -1;
    restore->schema_count = options->schema_count + 1;
    restore->schemas =
        om_get0(options->alloc, restore->schema_count, sizeof(const struct om_schema *));
    omega_status status = OMEGA_OK;
    if (restore->schemas == NULL) {
        status = om_nomem();
    } else {
        restore->schemas[0] = &om_store_schema;
        for (size_t i = 0; i < options->schema_count; i++) {
            restore->schemas[i + 1] = options->schemas[i];
        }
        status = run(restore, file);
    }
    om_os_close(&restore->lock_fd);
    om_put(options->alloc, restore->schemas);
    om_put(options->alloc, restore);
    return status == OMEGA_OK ? OMEGA_OK : om_error_prefix(status, "restoring");
}
