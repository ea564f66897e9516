/* export_markdown.c -- one Markdown file a memory, for reading and editing.
 *
 * A file is front matter and content, as import_text.c reads it:
 *
 *     ---
 *     omega: memory
 *     id: "0198..."
 *     version: 3
 *     tier: "semantic"
 *     ...
 *     ---
 *
 *     Ann prefers tea
 *
 * The values are JSON, which is YAML as well. What only a store can know (links, accesses, stamps
 * of versions) is not written, nor are past versions: they are history, and kept where they are.
 * The folder must be new or empty: files that were edited are never written over. It is filled
 * beside its name (".part") and renamed at the end, so that under the name there is a whole export
 * or none; what an interrupted one left there is removed by the next. */
#include "transfer/export_int.h"

enum { FILE_MAX = 8 << 20, NAME_SHOWN = 80 };

struct folder {
    struct om_buf json, text;
    char path[OM_PATH_SIZE]; /* as asked for, without slashes at the end */
    char part[OM_PATH_SIZE]; /* where the files are written */
};

/* Members of a memory's form that a file shows, in this order. */
static const char *const shown[] = {
    "id",       "version", "tier",        "type",       "state",      "pinned",     "key",
    "role",     "name",    "language",    "importance", "confidence", "metadata",   "scope",
    "position", "source",  "occurred_at", "valid_from", "valid_to",   "created_at", "expires_at",
};

static omega_status put_front_matter(struct folder *folder, struct om_alloc *alloc)
{
    struct om_json_doc *doc = NULL;
    const omega_status status = om_json_parse(alloc, om_buf_str(&folder->json), NULL, &doc);
    if (status != OMEGA_OK) {
        return status;
    }
    om_buf_add_text(&folder->text, "---\nomega: memory\n");
    for (size_t i = 0; i < OM_COUNT_OF(shown); i++) {
        const struct om_json *value = om_json_get(om_json_root(doc), shown[i]);
        if (om_json_type_of(value) != OM_JSON_NULL) {
            om_buf_addf(&folder->text, "%s: ", shown[i]);
            om_json_dump(value, &folder->text);
            om_buf_add_char(&folder->text, '\n');
        }
    }
    om_buf_add_text(&folder->text, "---\n\n");
    om_json_free(doc);
    return folder->text.status;
}

static omega_status compose(struct folder *folder, struct om_alloc *alloc,
                            const omega_memory *memory)
{
    struct om_json_out out;
    om_buf_clear(&folder->json);
    om_buf_clear(&folder->text);
    om_json_out_init(&out, &folder->json);
    om_form_memory(&out, NULL, memory, false);
    omega_status status = folder->json.status;
    if (status == OMEGA_OK) {
        status = put_front_matter(folder, alloc);
    }
    om_buf_add_str(&folder->text, memory->content);
    om_buf_add_char(&folder->text, '\n');
    return status == OMEGA_OK ? folder->text.status : status;
}

static char name_char(char c)
{
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '_';
    return plain ? c : '_';
}

/* "ann_tea.0198....md": the key for the reader, the id so that no two are the same. */
static void make_name(const omega_memory *memory, char out[NAME_SHOWN + 64])
{
    const size_t shown_len = OM_MIN(memory->key.len, (size_t)NAME_SHOWN);
    size_t len = 0;
    for (size_t i = 0; i < shown_len; i++) {
        out[len++] = name_char(memory->key.ptr[i]);
    }
    if (shown_len > 0) {
        out[len++] = '.';
    }
    const size_t id_len = strlen(memory->id.text);
    memcpy(out + len, memory->id.text, id_len);
    memcpy(out + len + id_len, ".md", sizeof ".md");
}

static omega_status write_file(const char *dir, const char *name, omega_str text)
{
    char path[OM_PATH_SIZE];
    int fd = -1;
    omega_status status = om_os_join(path, dir, name);
    if (status == OMEGA_OK) {
        status = om_os_create_file(path, &fd);
    }
    if (status == OMEGA_OK) {
        status = om_os_pwrite(fd, text.ptr, text.len, 0);
    }
    om_os_close(&fd);
    return status;
}

static omega_status write_memory(struct om_export *export, const omega_memories *page, size_t index)
{
    struct folder *folder = (struct folder *)export->context;
    const omega_memory *memory = om_memories_at(page, index);
    char name[NAME_SHOWN + 64];
    if (memory->state == OMEGA_MEMORY_SUPERSEDED) {
        return OMEGA_OK;
    }
    omega_status status = compose(folder, export->transfer->alloc, memory);
    if (status == OMEGA_OK) {
        make_name(memory, name);
        status = write_file(folder->part, name, om_buf_str(&folder->text));
    }
    export->count += status == OMEGA_OK ? 1 : 0;
    return status;
}

/* ---- The folder ------------------------------------------------------------------------------ */

static omega_status refuse_file(void *context, const char *name, bool is_dir)
{
    (void)is_dir;
    return om_fail(OMEGA_ECONFLICT, "the folder '%s' is not empty: it has '%s'",
                   (const char *)context, name);
}

/* Of an interrupted export; what it cannot have made stays, and is told. */
static omega_status remove_file(void *context, const char *name, bool is_dir)
{
    char path[OM_PATH_SIZE];
    if (is_dir || !om_str_ends(omega_str_of(name), OM_STR(".md"))) {
        return refuse_file(context, name, is_dir);
    }
    const omega_status status = om_os_join(path, (const char *)context, name);
    return status == OMEGA_OK ? om_os_remove(path) : status;
}

static omega_status name_folder(struct folder *folder, const char *path)
{
    static const char ending[] = ".part";
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    if (len + sizeof ending > OM_PATH_SIZE) {
        return om_fail(OMEGA_ELIMIT, "a path of %zu bytes is over the limit of %d", len,
                       OM_PATH_SIZE - (int)sizeof ending);
    }
    memcpy(folder->path, path, len);
    folder->path[len] = '\0';
    memcpy(folder->part, path, len);
    memcpy(folder->part + len, ending, sizeof ending);
    return OMEGA_OK;
}

static omega_status make_folder(struct folder *folder, struct om_alloc *alloc)
{
    omega_status status = OMEGA_OK;
    if (om_os_exists(folder->path)) {
        status = om_os_list(folder->path, alloc, refuse_file, folder->path);
    }
    if (status == OMEGA_OK) {
        status = om_os_private_dir(folder->part);
    }
    return status == OMEGA_OK ? om_os_list(folder->part, alloc, remove_file, folder->part) : status;
}

static omega_status write_folder(struct om_export *export, struct folder *folder)
{
    om_buf_init(&folder->json, export->transfer->alloc, 2 * (size_t)FILE_MAX);
    om_buf_init(&folder->text, export->transfer->alloc, FILE_MAX);
    export->write = write_memory;
    export->context = folder;
    omega_status status = om_export_pages(export);
    om_buf_fini(&folder->json);
    om_buf_fini(&folder->text);
    if (status == OMEGA_OK) {
        status = om_os_fsync_dir(folder->part);
    }
    return status == OMEGA_OK ? om_os_rename(folder->part, folder->path) : status;
}

omega_status om_export_markdown(struct om_export *export)
{
    struct om_alloc *alloc = export->transfer->alloc;
    struct folder *folder = om_get(alloc, sizeof *folder);
    if (folder == NULL) {
        return om_nomem();
    }
    omega_status status = name_folder(folder, export->options->path);
    if (status == OMEGA_OK) {
        status = make_folder(folder, alloc);
    }
    if (status == OMEGA_OK) {
        status = write_folder(export, folder);
    }
    om_put(alloc, folder);
    return status;
}
