/* import_json.c -- JSON lines and arrays: memories, and the messages of a chat.
 *
 * A memory is read by the form that every skin uses (forms/). A message is {role, name?, content,
 * time?}; what else it holds is kept in its metadata, so that a transcript of any tool comes in
 * whole. Its place in the file is its position in the session.
 *
 * Ids of what brings none: SHA-256 over what makes it different from others (scope, text, speaker,
 * time, metadata; of a message also its position) and how often the same was seen before in this
 * file, as a UUID version 8. A longer or repeated import finds them again. How often is counted for
 * OM_IMPORT_REPEATS_MAX different contents; beyond, a repetition is taken for the one before it. */
#include "transfer/import_int.h"

enum { SHOWN_DIGEST = 16 };

/* ---- Ids ------------------------------------------------------------------------------------- */

static struct om_uuid uuid_of(const unsigned char digest[OM_DIGEST_SIZE])
{
    struct om_uuid id;
    memcpy(id.bytes, digest, sizeof id.bytes);
    id.bytes[6] = (unsigned char)((id.bytes[6] & 0x0f) | 0x80);
    id.bytes[8] = (unsigned char)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

static omega_status count_repeat(struct om_import *import, const unsigned char *digest,
                                 uint64_t *before)
{
    const omega_str key = {(const char *)digest, SHOWN_DIGEST};
    *before = 0;
    const bool known = om_map_get(&import->repeats, key, before);
    if (!known && import->repeats.count >= OM_IMPORT_REPEATS_MAX) {
        return OMEGA_OK;
    }
    return om_map_set(&import->repeats, key, *before + 1);
}

omega_status om_import_make_id(struct om_import *import, const struct om_buf *of, omega_id *out)
{
    unsigned char digest[OM_DIGEST_SIZE + sizeof(uint64_t)];
    uint64_t before = 0;
    if (of->status != OMEGA_OK) {
        return of->status;
    }
    om_sha256(of->ptr, of->len, digest);
    omega_status status = count_repeat(import, digest, &before);
    for (unsigned i = 0; i < sizeof before; i++) {
        digest[OM_DIGEST_SIZE + i] = (unsigned char)(before >> (8 * i));
    }
    om_sha256(digest, sizeof digest, digest);
    *out = om_uuid_text(uuid_of(digest));
    return status;
}

static omega_status name_memory(struct om_import *import, const char *kind,
                                omega_memory_input *input)
{
    struct om_buf of;
    om_buf_init(&of, import->transfer->alloc, 2 * (size_t)OM_PIECE_MAX);
    om_pack_str(&of, omega_str_of(kind));
    om_pack_str(&of, input->scope.user);
    om_pack_str(&of, input->scope.agent);
    om_pack_str(&of, input->scope.session);
    om_pack_str(&of, input->type);
    om_pack_str(&of, input->role);
    om_pack_str(&of, input->name);
    om_pack_i64(&of, input->position);
    om_pack_i64(&of, input->occurred_at_ms);
    om_pack_str(&of, input->metadata_json);
    om_pack_str(&of, input->content);
    const omega_status status = om_import_make_id(import, &of, &input->id);
    om_buf_fini(&of);
    return status;
}

/* ---- Memories -------------------------------------------------------------------------------- */

static omega_status read_memory(struct om_import *import, const struct om_json *root,
                                struct om_import_item *item)
{
    const struct om_form form = {&import->arena, ""};
    omega_memory_input *input = &item->input;
    omega_status status = om_form_memory_input(&form, root, true, input);
    if (status != OMEGA_OK) {
        return status;
    }
    item->archived = om_str_eq_text(om_json_str(om_json_get(root, "state")), "archived");
    if (input->tier == OMEGA_TIER_UNSET) {
        input->tier = import->options->tier;
    }
    if (om_json_type_of(om_json_get(root, "scope")) == OM_JSON_NULL) {
        input->scope = import->options->scope;
    }
    if (!om_str_given(input->content)) {
        return om_fail(OMEGA_EINVAL, "'content' is missing");
    }
    return input->id.text[0] != '\0' || input->key.len > 0 ? OMEGA_OK
                                                           : name_memory(import, "memory", input);
}

/* An export also tells what was superseded. That is history of the store it came from: its own
 * history begins with what is imported. */
static bool is_superseded(const struct om_json *root)
{
    return om_str_eq_text(om_json_str(om_json_get(root, "state")), "superseded") &&
           om_json_type_of(om_json_get(root, "id")) == OM_JSON_STRING;
}

/* ---- Messages -------------------------------------------------------------------------------- */

/* The parts of a content that are text, joined by newlines. */
static omega_status join_parts(struct om_import *import, const struct om_json *parts,
                               omega_str *out)
{
    struct om_buf text;
    om_buf_init(&text, import->transfer->alloc, OM_PIECE_MAX);
    for (size_t i = 0; i < om_json_count(parts); i++) {
        const struct om_json *part = om_json_at(parts, i);
        const omega_str said = om_json_type_of(part) == OM_JSON_OBJECT
                                   ? om_json_str(om_json_get(part, "text"))
                                   : om_json_str(part);
        if (said.len > 0 && text.len > 0) {
            om_buf_add_char(&text, '\n');
        }
        om_buf_add_str(&text, said);
    }
    omega_status status = text.status;
    if (status == OMEGA_OK) {
        *out = om_arena_str(&import->arena, om_buf_str(&text));
        status = out->ptr != NULL ? OMEGA_OK : om_nomem();
    }
    om_buf_fini(&text);
    return status;
}

static omega_status read_content(struct om_import *import, const struct om_json *root,
                                 omega_str *out)
{
    const struct om_json *content = om_json_get(root, "content");
    if (om_json_type_of(content) == OM_JSON_ARRAY) {
        return join_parts(import, content, out);
    }
    *out = om_json_str(content);
    return om_str_given(*out) ? OMEGA_OK : om_fail(OMEGA_EINVAL, "'content' must be a string");
}

/* RFC 3339, or seconds (or milliseconds) since 1970. */
static omega_status read_time(struct om_import *import, const struct om_json *root, int64_t *out)
{
    static const char *const names[] = {"time", "timestamp", "occurred_at", "created_at"};
    const struct om_form form = {&import->arena, ""};
    for (size_t i = 0; i < OM_COUNT_OF(names); i++) {
        const struct om_json *value = om_json_get(root, names[i]);
        const double number = om_json_number(value);
        if (om_json_type_of(value) == OM_JSON_NUMBER && number >= 0 && number < 1e14) {
            *out = (int64_t)(number < 1e11 ? number * 1000.0 : number);
            return OMEGA_OK;
        }
        if (om_json_type_of(value) != OM_JSON_NULL) {
            return om_form_time(&form, names[i], value, out);
        }
    }
    return OMEGA_OK;
}

static bool is_message_member(omega_str name)
{
    static const char *const names[] = {"role", "name",      "content",     "metadata",
                                        "time", "timestamp", "occurred_at", "created_at"};
    for (size_t i = 0; i < OM_COUNT_OF(names); i++) {
        if (om_str_eq_text(name, names[i])) {
            return true;
        }
    }
    return false;
}

static void put_member(struct om_import *import, struct om_json_out *out, omega_str name,
                       const struct om_json *value)
{
    struct om_buf text;
    const char *key = om_arena_text(&import->arena, name);
    om_buf_init(&text, import->transfer->alloc, OM_PIECE_MAX);
    om_json_dump(value, &text);
    if (text.status == OMEGA_OK && key != NULL) {
        om_json_put_raw(out, key, om_buf_str(&text));
    } else if (out->buf->status == OMEGA_OK) {
        out->buf->status = key == NULL ? OMEGA_ENOMEM : text.status;
    }
    om_buf_fini(&text);
}

/* The metadata it has, and each member that a memory has no place for. */
static omega_status gather_metadata(struct om_import *import, const struct om_json *root,
                                    struct om_buf *text)
{
    const struct om_json *own = om_json_get(root, "metadata");
    const struct om_json *value = NULL;
    struct om_json_out out;
    omega_str name;
    om_json_out_init(&out, text);
    om_json_open(&out, NULL, '{');
    for (size_t at = 0; om_json_next(own, &at, &name, &value);) {
        put_member(import, &out, name, value);
    }
    for (size_t at = 0; om_json_next(root, &at, &name, &value);) {
        char key[OM_LIMIT_NAME];
        const bool fits = name.len < sizeof key && memchr(name.ptr, '\0', name.len) == NULL;
        if (fits && !is_message_member(name) && om_json_type_of(value) != OM_JSON_NULL) {
            memcpy(key, name.ptr, name.len);
            key[name.len] = '\0';
            if (om_json_get(own, key) == NULL) {
                put_member(import, &out, name, value);
            }
        }
    }
    om_json_close(&out, '}');
    return text->status == OMEGA_ENOMEM ? om_nomem() : text->status;
}

static omega_status read_metadata(struct om_import *import, const struct om_json *root,
                                  omega_str *out)
{
    struct om_buf text;
    const struct om_json *own = om_json_get(root, "metadata");
    if (om_json_type_of(own) != OM_JSON_NULL && om_json_type_of(own) != OM_JSON_OBJECT) {
        return om_fail(OMEGA_EINVAL, "'metadata' must be an object");
    }
    om_buf_init(&text, import->transfer->alloc, OM_PIECE_MAX);
    omega_status status = gather_metadata(import, root, &text);
    if (status == OMEGA_OK && text.len > 2) {
        *out = om_arena_str(&import->arena, om_buf_str(&text));
        status = out->ptr != NULL ? OMEGA_OK : om_nomem();
    }
    om_buf_fini(&text);
    return status;
}

/* The file's name without its ending. */
static omega_str session_of(const struct om_import *import)
{
    const omega_str file = omega_str_of(import->file);
    size_t end = file.len;
    for (size_t i = file.len; i > 0 && file.ptr[i - 1] != '/'; i--) {
        if (file.ptr[i - 1] == '.' && i > 1) {
            end = i - 1;
            break;
        }
    }
    const omega_str stem = {file.ptr, end};
    return om_utf8_clip((omega_str){stem.ptr, om_utf8_valid_len(stem)}, OM_LIMIT_NAME);
}

static omega_status read_speaker(const struct om_json *root, omega_memory_input *input)
{
    const struct om_json *name = om_json_get(root, "name");
    input->role = om_json_str(om_json_get(root, "role"));
    input->name = om_json_str(name);
    if (input->role.len == 0) {
        return om_fail(OMEGA_EINVAL, "'role' must be a string like \"user\"");
    }
    if (om_json_type_of(name) != OM_JSON_NULL && !om_str_given(input->name)) {
        return om_fail(OMEGA_EINVAL, "'name' must be a string");
    }
    return OMEGA_OK;
}

static omega_status read_message(struct om_import *import, const struct om_json *root,
                                 struct om_import_item *item, int64_t position)
{
    omega_memory_input *input = &item->input;
    const omega_import_options *options = import->options;
    *input = omega_memory_input_default();
    input->tier = options->tier == OMEGA_TIER_UNSET ? OMEGA_TIER_SESSION : options->tier;
    input->type = OM_STR("message");
    input->position = position;
    input->scope = options->scope;
    input->source_kind = OM_STR("file");
    if (input->scope.session.len == 0) {
        input->scope.session = session_of(import);
    }
    const char *uri =
        om_arena_printf(&import->arena, "%s#%lld", import->file, (long long)position + 1);
    input->source_uri = omega_str_of(uri);
    if (om_json_type_of(root) != OM_JSON_OBJECT) {
        return om_fail(OMEGA_EINVAL, "a message must be an object");
    }
    omega_status status = uri != NULL ? read_speaker(root, input) : om_nomem();
    if (status == OMEGA_OK) {
        status = read_content(import, root, &input->content);
    }
    if (status == OMEGA_OK) {
        status = read_time(import, root, &input->occurred_at_ms);
    }
    if (status == OMEGA_OK) {
        status = read_metadata(import, root, &input->metadata_json);
    }
    return status == OMEGA_OK ? name_memory(import, "chat", input) : status;
}

/* ---- The walk -------------------------------------------------------------------------------- */

struct json_walk {
    struct om_import *import;
    omega_import_format format; /* AUTO until the first piece tells */
    int64_t position;           /* of the next message */
};

/* A message has a speaker and nothing that only a memory has. */
static bool looks_like_message(const struct om_json *root)
{
    static const char *const of_memory[] = {"tier",       "scope",         "importance",
                                            "embedding",  "embedding_b64", "source",
                                            "created_at", "key",           "type"};
    for (size_t i = 0; i < OM_COUNT_OF(of_memory); i++) {
        if (om_json_get(root, of_memory[i]) != NULL) {
            return false;
        }
    }
    return om_json_type_of(om_json_get(root, "role")) == OM_JSON_STRING &&
           om_json_get(root, "content") != NULL;
}

static omega_status read_root(struct json_walk *walk, const struct om_json *root,
                              const struct om_piece *piece)
{
    struct om_import *import = walk->import;
    struct om_import_item item = {.line = piece->line};
    if (walk->format == OMEGA_IMPORT_AUTO) {
        walk->format = looks_like_message(root) ? OMEGA_IMPORT_CHAT : OMEGA_IMPORT_JSONL;
    }
    if (walk->format == OMEGA_IMPORT_JSONL && is_superseded(root)) {
        import->report->read++;
        import->report->skipped++;
        import->superseded++;
        return OMEGA_OK;
    }
    const omega_status status = walk->format == OMEGA_IMPORT_CHAT
                                    ? read_message(import, root, &item, walk->position++)
                                    : read_memory(import, root, &item);
    if (status == OMEGA_OK) {
        return om_import_take(import, &item);
    }
    import->report->read++;
    return om_import_refuse(import, piece->line, status);
}

static omega_status read_piece(struct json_walk *walk, const struct om_piece *piece)
{
    struct om_import *import = walk->import;
    struct om_json_doc *doc = NULL;
    omega_status status = om_import_piece(import, piece->size);
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_json_parse(import->transfer->alloc, piece->text, om_form_float_keys, &doc);
    if (status != OMEGA_OK) {
        import->report->read++;
        walk->position++;
        return om_import_refuse(import, piece->line, status);
    }
    om_import_keep(import, doc);
    return read_root(walk, om_json_root(doc), piece);
}

omega_status om_import_json(struct om_import *import, struct om_source *source,
                            omega_import_format format, bool is_array)
{
    struct json_walk walk = {.import = import, .format = format};
    struct om_pieces pieces;
    struct om_piece piece;
    bool found = true;
    omega_status status = OMEGA_OK;
    om_pieces_init(&pieces, import->transfer->alloc, source, is_array);
    while (status == OMEGA_OK) {
        status = om_pieces_next(&pieces, &piece, &found);
        if (!found) {
            break;
        }
        import->at = pieces.offset - (pieces.window.len - pieces.from);
        if (status == OMEGA_OK) {
            status = read_piece(&walk, &piece);
        } else {
            import->report->read++;
            walk.position++;
            status = om_import_refuse(import, piece.line, status);
        }
    }
    om_pieces_fini(&pieces);
    return status;
}
