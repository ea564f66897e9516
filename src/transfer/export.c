/* export.c -- memories into one JSON Lines file.
 *
 * Page by page through om_memory_list, in the order of creation, each memory in the form that every
 * skin shows and an import reads again; with `vectors` also the caller's vector as base64. The file
 * is made beside its name, private, and takes it once it is complete and synced, so that under the
 * name there is a whole export or none.
 * The pages are not one snapshot: what is stored meanwhile may come along, what stood all the time
 * comes once. A damaged memory is not passed over: the export fails and says what to do. */
#include "transfer/export_int.h"

enum { PAGE = 64, FLUSH_BYTES = 1 << 20, LINE_MAX_BYTES = 16 << 20 };

struct jsonl {
    struct om_export *export;
    struct om_buf text;
    uint64_t offset;
    int fd;
    float *floats; /* OM_LIMIT_DIMENSION, when vectors are wanted */
};

/* ---- Pages ----------------------------------------------------------------------------------- */

static omega_list_options everything(void)
{
    omega_list_options all = omega_list_options_default();
    all.include = OMEGA_INCLUDE_ARCHIVED | OMEGA_INCLUDE_SUPERSEDED;
    all.all_roots = true;
    return all;
}

static omega_status tell_progress(const struct om_export *export)
{
    const struct om_transfer *transfer = export->transfer;
    if (transfer->progress != NULL &&
        !transfer->progress(transfer->context, "exporting", OM_MIN(export->count, export->total),
                            export->total)) {
        return om_fail(OMEGA_ECANCELLED, "the export was cancelled");
    }
    return OMEGA_OK;
}

static omega_status write_page(struct om_export *export, const omega_memories *page)
{
    const char *reason = NULL;
    omega_status status = OMEGA_OK;
    if (om_memories_degraded(page, &reason)) {
        return om_fail(OMEGA_ECORRUPT, "the export would not be complete: %s", reason);
    }
    for (size_t i = 0; i < om_memories_count(page) && status == OMEGA_OK; i++) {
        status = export->write(export, page, i);
    }
    return status;
}

omega_status om_export_pages(struct om_export *export)
{
    omega_list_options where =
        export->options->where != NULL ? *export->options->where : everything();
    struct om_buf cursor;
    bool more = true;
    om_buf_init(&cursor, export->transfer->alloc, 4096);
    where.cursor = (omega_str){NULL, 0};
    omega_status status = om_memory_count(export->transfer->memory, &where, &export->total);
    where.limit = PAGE;
    while (status == OMEGA_OK && more) {
        omega_memories *page = NULL;
        status = om_memory_list(export->transfer->memory, &where, &page);
        if (status == OMEGA_OK) {
            status = write_page(export, page);
        }
        if (status == OMEGA_OK) {
            om_buf_clear(&cursor);
            om_buf_add_str(&cursor, om_memories_cursor(page));
            where.cursor = om_buf_str(&cursor);
            more = cursor.len > 0;
            status = cursor.status;
        }
        om_memories_free(page);
        if (status == OMEGA_OK) {
            status = tell_progress(export);
        }
    }
    om_buf_fini(&cursor);
    return status;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static omega_status flush(struct jsonl *jsonl)
{
    if (jsonl->text.status != OMEGA_OK) {
        return om_error_last()->status == jsonl->text.status
                   ? jsonl->text.status
                   : om_fail(jsonl->text.status, "a line of the export does not fit in memory");
    }
    const omega_status status =
        om_os_pwrite(jsonl->fd, jsonl->text.ptr, jsonl->text.len, jsonl->offset);
    jsonl->offset += jsonl->text.len;
    om_buf_clear(&jsonl->text);
    return status;
}

static omega_status put_vector(struct jsonl *jsonl, struct om_json_out *out,
                               const omega_memories *page, size_t index)
{
    omega_str space;
    uint32_t dimension;
    const omega_status status = om_memories_vector(page, index, &space, jsonl->floats, &dimension);
    if (status == OMEGA_OK) {
        om_form_vector(out, space, jsonl->floats, dimension);
    }
    return status == OMEGA_ENOTFOUND ? OMEGA_OK : status;
}

static omega_status write_line(struct om_export *export, const omega_memories *page, size_t index)
{
    struct jsonl *jsonl = (struct jsonl *)export->context;
    struct om_json_out out;
    omega_status status = OMEGA_OK;
    om_json_out_init(&out, &jsonl->text);
    om_json_open(&out, NULL, '{');
    om_form_memory_members(&out, om_memories_at(page, index), false);
    if (jsonl->floats != NULL) {
        status = put_vector(jsonl, &out, page, index);
    }
    om_json_close(&out, '}');
    om_buf_add_char(&jsonl->text, '\n');
    export->count++;
    if (status == OMEGA_OK && (jsonl->text.len >= FLUSH_BYTES || jsonl->text.status != OMEGA_OK)) {
        status = flush(jsonl);
    }
    return status;
}

/* ---- The file -------------------------------------------------------------------------------- */

static omega_status write_lines(struct om_export *export, struct jsonl *jsonl)
{
    om_buf_init(&jsonl->text, export->transfer->alloc, FLUSH_BYTES + LINE_MAX_BYTES);
    omega_status status = OMEGA_OK;
    if (export->options->vectors) {
        jsonl->floats = om_get(export->transfer->alloc, OM_LIMIT_DIMENSION * sizeof(float));
        status = jsonl->floats != NULL ? OMEGA_OK : om_nomem();
    }
    if (status == OMEGA_OK) {
        status = om_export_pages(export);
    }
    if (status == OMEGA_OK) {
        status = flush(jsonl);
    }
    if (status == OMEGA_OK) {
        status = om_os_fsync(jsonl->fd);
    }
    om_put(export->transfer->alloc, jsonl->floats);
    om_buf_fini(&jsonl->text);
    return status;
}

static omega_status refuse_existing(const char *path)
{
    return om_os_exists(path)
               ? om_fail(OMEGA_ECONFLICT, "'%s' exists; an export makes a new file", path)
               : OMEGA_OK;
}

static omega_status part_path(const char *path, char out[OM_PATH_SIZE])
{
    static const char ending[] = ".part";
    const size_t len = strlen(path);
    if (len + sizeof ending > OM_PATH_SIZE) {
        return om_fail(OMEGA_ELIMIT, "a path of %zu bytes is over the limit of %d", len,
                       OM_PATH_SIZE - (int)sizeof ending);
    }
    memcpy(out, path, len);
    memcpy(out + len, ending, sizeof ending);
    return OMEGA_OK;
}

static void parent_of(const char *path, char out[OM_PATH_SIZE])
{
    const char *slash = strrchr(path, '/');
    const size_t len = slash == NULL ? 0 : OM_MAX((size_t)(slash - path), (size_t)1);
    memcpy(out, slash == NULL ? "." : path, slash == NULL ? 1 : len);
    out[slash == NULL ? 1 : len] = '\0';
}

static omega_status put_in_place(const char *part, const char *path)
{
    char dir[OM_PATH_SIZE];
    omega_status status = refuse_existing(path);
    if (status == OMEGA_OK) {
        status = om_os_rename(part, path);
    }
    parent_of(path, dir);
    return status == OMEGA_OK ? om_os_fsync_dir(dir) : status;
}

static void remove_part(const char *part)
{
    struct om_error error = *om_error_last();
    if (om_os_remove(part) != OMEGA_OK) {
        om_error_set(&error);
    }
}

static omega_status export_lines(struct om_export *export)
{
    struct jsonl jsonl = {.export = export, .fd = -1};
    char part[OM_PATH_SIZE];
    const char *path = export->options->path;
    export->write = write_line;
    export->context = &jsonl;
    omega_status status = refuse_existing(path);
    if (status == OMEGA_OK) {
        status = part_path(path, part);
    }
    if (status == OMEGA_OK) {
        status = om_os_create_file(part, &jsonl.fd);
        if (status == OMEGA_ECONFLICT) {
            return om_error_prefix(status, "another export to this file is under way, or was "
                                           "interrupted: remove its part first");
        }
    }
    if (status != OMEGA_OK) {
        return status;
    }
    status = write_lines(export, &jsonl);
    om_os_close(&jsonl.fd);
    if (status == OMEGA_OK) {
        status = put_in_place(part, path);
    }
    if (status != OMEGA_OK) {
        remove_part(part);
    }
    return status;
}

omega_status om_transfer_export(const struct om_transfer *transfer,
                                const omega_export_options *options, uint64_t *count)
{
    *count = 0;
    if (options == NULL || options->struct_size < sizeof *options) {
        return om_fail(OMEGA_EINVAL, "the options of an export are missing or not initialised");
    }
    if (options->path == NULL || options->path[0] == '\0' || strcmp(options->path, "-") == 0) {
        return om_fail(OMEGA_EINVAL, "a file or folder to export to is needed");
    }
    struct om_export export = {.transfer = transfer, .options = options};
    const omega_status status =
        options->markdown ? om_export_markdown(&export) : export_lines(&export);
    *count = export.count;
    return status;
}
