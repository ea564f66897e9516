/* import.c -- memories from files: which files, of which kind, and the order of the whole.
 *
 * The files of a folder are gathered first, names in order, so that progress has a total and an
 * import that is run again meets the same files in the same order. Hidden names and build/ are left
 * out; of a symbolic link to a folder nothing is read. A file that cannot be read, or is no text,
 * is named and left out when it came from a folder, and is the call's failure when it was asked
 * for.
 *
 * What a file is: its ending says; else its first character ('[' or '{': JSON; else text). Whether
 * JSON holds memories or the messages of a chat, its first object says. */
#include "transfer/import_int.h"

enum {
    NAMES_MAX = 64 << 20, /* bytes of paths of one folder */
    FOLDERS_DEEP = 64,
    HEAD_SIZE = 4096
};

/* ---- What kind of file ----------------------------------------------------------------------- */

static bool ends_nocase(omega_str text, const char *ending)
{
    const omega_str tail = omega_str_of(ending);
    return text.len >= tail.len &&
           om_str_eq_nocase((omega_str){text.ptr + text.len - tail.len, tail.len}, tail);
}

static bool is_text_name(omega_str name)
{
    return ends_nocase(name, ".txt") || ends_nocase(name, ".md") || ends_nocase(name, ".markdown");
}

static bool is_json_name(omega_str name)
{
    return ends_nocase(name, ".jsonl") || ends_nocase(name, ".ndjson") ||
           ends_nocase(name, ".json");
}

static bool wants_json(const struct om_import *import)
{
    return import->options->format == OMEGA_IMPORT_JSONL ||
           import->options->format == OMEGA_IMPORT_CHAT;
}

static bool is_folder_name_wanted(const struct om_import *import, omega_str name)
{
    return wants_json(import) ? is_json_name(name) : is_text_name(name);
}

/* The first character that is not white space; 0 when there is none. */
static char first_char(omega_str head)
{
    const omega_str text = om_str_trim(head);
    return text.len > 0 ? text.ptr[0] : '\0';
}

static bool is_json(const struct om_import *import, omega_str head)
{
    const omega_str name = omega_str_of(import->file);
    if (import->options->format != OMEGA_IMPORT_AUTO) {
        return wants_json(import);
    }
    if (is_text_name(name) || is_json_name(name)) {
        return is_json_name(name);
    }
    return first_char(head) == '{' || first_char(head) == '[';
}

/* ---- One file -------------------------------------------------------------------------------- */

static omega_status read_text_file(struct om_import *import, const struct om_source *source)
{
    struct om_buf text;
    size_t got = 0;
    if (source->size > OM_IMPORT_TEXT_MAX) {
        return om_import_skip_file(
            import, om_fail(OMEGA_ELIMIT, "a text of %llu bytes is over the limit of %d",
                            (unsigned long long)source->size, (int)OM_IMPORT_TEXT_MAX));
    }
    om_buf_init(&text, import->transfer->alloc, (size_t)OM_IMPORT_TEXT_MAX + 1);
    omega_status status =
        om_source_read(source, source->start, (size_t)(source->size - source->start), &text, &got);
    const omega_str whole = om_buf_str(&text);
    if (status != OMEGA_OK) {
        status = om_import_skip_file(import, status);
    } else if (!om_utf8_valid(whole) ||
               (whole.len > 0 && memchr(whole.ptr, '\0', whole.len) != NULL)) {
        status = om_import_skip_file(import, om_fail(OMEGA_EINVAL, "it is no text in UTF-8"));
    } else if (whole.len > 0) {
        status = om_import_text(import, whole);
    }
    om_buf_fini(&text);
    return status;
}

static omega_status read_source(struct om_import *import, struct om_source *source)
{
    struct om_buf head;
    size_t got = 0;
    om_buf_init(&head, import->transfer->alloc, HEAD_SIZE);
    om_map_fini(&import->repeats);
    om_map_init(&import->repeats, import->transfer->alloc);
    omega_status status = om_source_read(source, 0, HEAD_SIZE, &head, &got);
    omega_str start = om_buf_str(&head);
    if (status == OMEGA_OK && om_str_starts(start, OM_STR("\xEF\xBB\xBF"))) {
        source->start = 3;
        start = (omega_str){start.ptr + 3, start.len - 3};
    }
    if (status != OMEGA_OK) {
        status = om_import_skip_file(import, status);
    } else if (is_json(import, start)) {
        status = om_import_json(import, source, import->options->format, first_char(start) == '[');
    } else {
        status = read_text_file(import, source);
    }
    om_buf_fini(&head);
    return status;
}

static omega_status import_file(struct om_import *import, const char *path, const char *name)
{
    struct om_source source = {.fd = -1};
    import->file = name;
    import->at = 0;
    omega_status status = om_os_open_input(path, &source.fd, &source.size);
    if (status != OMEGA_OK) {
        return om_import_skip_file(import, status);
    }
    status = read_source(import, &source);
    om_os_close(&source.fd);
    import->done += source.size;
    import->at = 0;
    return status;
}

/* ---- A folder -------------------------------------------------------------------------------- */

struct folder_walk {
    struct om_import *import;
    struct om_buf names; /* terminated paths below the root, one behind the other */
    const char *root;
    const char *below; /* path of the folder being listed, below the root; "" at first */
    unsigned depth;
};

static omega_status list_folder(struct folder_walk *walk);

static omega_status enter_folder(struct folder_walk *walk, const char *below)
{
    struct om_import *import = walk->import;
    const char *outer = walk->below;
    if (walk->depth >= FOLDERS_DEEP) {
        return om_fail(OMEGA_ELIMIT, "folders are nested deeper than %d at '%s'", (int)FOLDERS_DEEP,
                       below);
    }
    walk->below = below;
    walk->depth++;
    omega_status status = list_folder(walk);
    walk->depth--;
    walk->below = outer;
    if (status != OMEGA_OK) {
        import->file = below;
        status = om_import_skip_file(import, status);
    }
    return status;
}

static omega_status meet_name(void *context, const char *name, bool is_dir)
{
    struct folder_walk *walk = (struct folder_walk *)context;
    struct om_import *import = walk->import;
    const bool is_wanted =
        is_dir ? strcmp(name, "build") != 0 : is_folder_name_wanted(import, omega_str_of(name));
    char below[OM_PATH_SIZE], path[OM_PATH_SIZE];
    uint64_t size = 0;
    if (name[0] == '.' || !is_wanted) {
        return OMEGA_OK;
    }
    omega_status status =
        walk->below[0] == '\0' ? om_os_join(below, name, "") : om_os_join(below, walk->below, name);
    if (status == OMEGA_OK) {
        const size_t len = strlen(below);
        below[len - (below[len - 1] == '/' ? 1 : 0)] = '\0';
        status = om_os_join(path, walk->root, below);
    }
    if (status != OMEGA_OK || is_dir) {
        return status == OMEGA_OK ? enter_folder(walk, below) : status;
    }
    if (om_os_file_size(path, &size) == OMEGA_OK) {
        import->total += size;
    }
    om_buf_add(&walk->names, below, strlen(below) + 1);
    return walk->names.status;
}

static omega_status list_folder(struct folder_walk *walk)
{
    char path[OM_PATH_SIZE];
    const omega_status status = om_os_join(path, walk->root, walk->below);
    return status == OMEGA_OK ? om_os_list(path, walk->import->transfer->alloc, meet_name, walk)
                              : status;
}

static omega_status import_folder(struct om_import *import, const char *root)
{
    struct folder_walk walk = {.import = import, .root = root, .below = ""};
    char path[OM_PATH_SIZE];
    import->in_folder = true;
    om_buf_init(&walk.names, import->transfer->alloc, NAMES_MAX);
    omega_status status = list_folder(&walk);
    for (size_t at = 0; status == OMEGA_OK && at < walk.names.len;) {
        const char *below = walk.names.ptr + at;
        status = om_os_join(path, root, below);
        if (status == OMEGA_OK) {
            status = import_file(import, path, below);
        }
        at += strlen(below) + 1;
    }
    om_buf_fini(&walk.names);
    import->file = "";
    return status;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static omega_status check_options(const omega_import_options *options)
{
    if (options == NULL || options->struct_size < sizeof *options) {
        return om_fail(OMEGA_EINVAL, "the options of an import are missing or not initialised");
    }
    if ((unsigned)options->format > OMEGA_IMPORT_TEXT) {
        return om_fail(OMEGA_EINVAL, "format is %d; %d (auto) to %d (text) is allowed",
                       (int)options->format, OMEGA_IMPORT_AUTO, OMEGA_IMPORT_TEXT);
    }
    if (options->tier != OMEGA_TIER_UNSET && (unsigned)options->tier >= OMEGA_TIER_COUNT) {
        return om_fail(OMEGA_EINVAL, "tier is %d; 0 (immediate) to %d (cosmic) is allowed",
                       (int)options->tier, OMEGA_TIER_COUNT - 1);
    }
    return OMEGA_OK;
}

static omega_status begin(struct om_import **out, const struct om_transfer *transfer,
                          const omega_import_options *options, omega_import_report *report)
{
    omega_status status = check_options(options);
    *out = NULL;
    *report = (omega_import_report){.struct_size = sizeof *report};
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_import *import = om_get0(transfer->alloc, 1, sizeof *import);
    if (import == NULL) {
        return om_nomem();
    }
    import->transfer = transfer;
    import->options = options;
    import->report = report;
    import->file = "";
    om_arena_init(&import->arena, transfer->alloc, 0);
    om_map_init(&import->repeats, transfer->alloc);
    *out = import;
    return OMEGA_OK;
}

static void say_superseded(const struct om_import *import)
{
    if (import->superseded > 0 && import->options->on_error != NULL) {
        char message[128];
        struct om_buf text;
        om_buf_init(&text, import->transfer->alloc, sizeof message);
        om_buf_addf(&text,
                    "%llu superseded memories were left out: a backup keeps history, an "
                    "import begins its own",
                    (unsigned long long)import->superseded);
        if (text.status == OMEGA_OK) {
            import->options->on_error(import->options->context, text.ptr);
        }
        om_buf_fini(&text);
    }
}

/* Stores what is left, also when the import was stopped by a bad piece: it stood before it. */
static omega_status finish(struct om_import *import, omega_status status)
{
    const bool go_on =
        status == OMEGA_OK || (import->options->all_or_stop && import->report->failed > 0);
    if (go_on) {
        struct om_error error = *om_error_last();
        const omega_status last = om_import_step(import);
        if (status == OMEGA_OK) {
            status = last;
        } else {
            om_error_set(&error);
        }
    }
    if (status == OMEGA_OK) {
        say_superseded(import);
    }
    import->count = 0;
    for (size_t i = 0; i < import->doc_count; i++) {
        om_json_free(import->docs[i]);
    }
    om_map_fini(&import->repeats);
    om_arena_fini(&import->arena);
    om_put(import->transfer->alloc, import);
    return status;
}

omega_status om_transfer_import(const struct om_transfer *transfer,
                                const omega_import_options *options, omega_import_report *out)
{
    struct om_import *import;
    omega_status status = begin(&import, transfer, options, out);
    if (status != OMEGA_OK) {
        return status;
    }
    if (options->path == NULL || options->path[0] == '\0') {
        status = om_fail(OMEGA_EINVAL, "a file or folder to import is needed");
    } else if (om_os_is_dir(options->path)) {
        status = import_folder(import, options->path);
    } else {
        status = om_os_file_size(options->path, &import->total);
        if (status == OMEGA_OK) {
            status = import_file(import, options->path, base_name(options->path));
        }
    }
    return finish(import, status);
}

omega_status om_transfer_read(const struct om_transfer *transfer, const char *name, omega_str text,
                              const omega_import_options *options, omega_import_report *out)
{
    const struct om_transfer reader = {
        .alloc = transfer->alloc, .progress = transfer->progress, .context = transfer->context};
    struct om_source source = {.fd = -1, .text = text, .size = text.len};
    struct om_import *import;
    omega_status status = begin(&import, &reader, options, out);
    if (status != OMEGA_OK) {
        return status;
    }
    import->file = name;
    import->total = text.len;
    return finish(import, read_source(import, &source));
}
