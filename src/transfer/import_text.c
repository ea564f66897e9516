/* import_text.c -- text and Markdown: a memory for each paragraph, under the headings it stands in.
 *
 * The path of headings becomes the memory's name, which is searched with its content; the content
 * stays what was written. Long paragraphs are cut at sentences. What has no letter or digit in it
 * (rules, borders of tables) is no memory. An id is made from the file's name, the headings and the
 * text, so a paragraph that moved is known and one that was edited is new.
 *
 * A file that begins with "---" and "omega: memory" is one memory of a Markdown export: lines of
 * "member: value" up to "---", each value JSON or plain text, then the content. */
#include "transfer/import_int.h"

enum { HEADING_LEVELS = 6 };

/* ---- Paragraphs ------------------------------------------------------------------------------ */

struct document {
    struct om_import *import;
    omega_str headings[HEADING_LEVELS];
    uint64_t number; /* of the last memory, for its URI */
};

static bool has_word(omega_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
            (c >= 'a' && c <= 'z')) {
            return true;
        }
    }
    return false;
}

static void enter_heading(struct document *document, const struct om_paragraph *paragraph)
{
    document->headings[paragraph->heading_level - 1] = paragraph->text;
    for (size_t i = paragraph->heading_level; i < HEADING_LEVELS; i++) {
        document->headings[i] = (omega_str){NULL, 0};
    }
}

/* "Guide > Install"; the outermost goes first when it is too long. */
static omega_str heading_path(struct document *document)
{
    struct om_buf path;
    om_buf_init(&path, document->import->transfer->alloc, OM_IMPORT_TEXT_MAX + 64);
    for (size_t i = 0; i < HEADING_LEVELS; i++) {
        if (document->headings[i].len > 0) {
            om_buf_add_text(&path, path.len > 0 ? " > " : "");
            om_buf_add_str(&path, om_utf8_clip(document->headings[i], OM_LIMIT_NAME));
        }
    }
    const omega_str whole = om_buf_str(&path);
    const omega_str out =
        om_arena_str(&document->import->arena, om_utf8_clip(whole, OM_LIMIT_NAME));
    om_buf_fini(&path);
    return out;
}

static omega_status name_paragraph(struct document *document, omega_memory_input *input)
{
    struct om_import *import = document->import;
    struct om_buf of;
    om_buf_init(&of, import->transfer->alloc, 2 * (size_t)OM_IMPORT_TEXT_MAX);
    om_pack_str(&of, OM_STR("text"));
    om_pack_str(&of, omega_str_of(import->file));
    om_pack_str(&of, input->scope.user);
    om_pack_str(&of, input->scope.agent);
    om_pack_str(&of, input->scope.session);
    om_pack_str(&of, input->name);
    om_pack_str(&of, input->content);
    const omega_status status = om_import_make_id(import, &of, &input->id);
    om_buf_fini(&of);
    return status;
}

static omega_status take_text(struct document *document, omega_str text, uint64_t line)
{
    struct om_import *import = document->import;
    struct om_import_item item = {.line = line, .input = omega_memory_input_default()};
    omega_memory_input *input = &item.input;
    omega_status status = om_import_piece(import, text.len);
    if (status != OMEGA_OK) {
        return status;
    }
    const char *uri = om_arena_printf(&import->arena, "%s#%llu", import->file,
                                      (unsigned long long)++document->number);
    input->tier =
        import->options->tier == OMEGA_TIER_UNSET ? OMEGA_TIER_SEMANTIC : import->options->tier;
    input->scope = import->options->scope;
    input->content = om_arena_str(&import->arena, text);
    input->name = heading_path(document);
    input->source_kind = OM_STR("file");
    input->source_uri = omega_str_of(uri);
    if (uri == NULL || input->content.ptr == NULL || input->name.ptr == NULL) {
        return om_nomem();
    }
    status = name_paragraph(document, input);
    return status == OMEGA_OK ? om_import_take(import, &item) : status;
}

static uint64_t lines_in(omega_str text)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n' ? 1 : 0;
    }
    return lines;
}

/* As many whole sentences as fit; of one that does not, as much of it as does. */
static omega_str cut_piece(omega_str text)
{
    struct om_sentences sentences = {.text = text};
    omega_str sentence;
    size_t end = 0;
    while (om_sentence_next(&sentences, &sentence)) {
        const size_t after = (size_t)(sentence.ptr + sentence.len - text.ptr);
        if (after > OM_IMPORT_PARAGRAPH) {
            break;
        }
        end = after;
    }
    return end > 0 ? (omega_str){text.ptr, end} : om_utf8_clip(text, OM_IMPORT_PARAGRAPH);
}

static omega_status take_paragraph(struct document *document, const struct om_paragraph *paragraph)
{
    omega_str rest = paragraph->text;
    uint64_t line = paragraph->line;
    omega_status status = OMEGA_OK;
    while (rest.len > OM_IMPORT_PARAGRAPH && status == OMEGA_OK) {
        const omega_str piece = cut_piece(rest);
        status = has_word(piece) ? take_text(document, piece, line) : OMEGA_OK;
        line += lines_in(piece);
        rest = om_str_trim((omega_str){rest.ptr + piece.len, rest.len - piece.len});
    }
    return status == OMEGA_OK && has_word(rest) ? take_text(document, rest, line) : status;
}

static omega_status import_paragraphs(struct om_import *import, omega_str text)
{
    struct document document = {.import = import};
    struct om_paragraphs paragraphs = {.text = text};
    struct om_paragraph paragraph;
    omega_status status = OMEGA_OK;
    while (status == OMEGA_OK && om_paragraph_next(&paragraphs, &paragraph)) {
        import->at = paragraphs.at;
        if (paragraph.heading_level > 0) {
            enter_heading(&document, &paragraph);
        } else {
            status = take_paragraph(&document, &paragraph);
        }
    }
    return status;
}

/* ---- One memory with front matter ------------------------------------------------------------ */

static bool is_json_value(omega_str value)
{
    double number;
    if (value.len == 0) {
        return false;
    }
    return value.ptr[0] == '"' || value.ptr[0] == '{' || value.ptr[0] == '[' ||
           om_str_eq_text(value, "true") || om_str_eq_text(value, "false") ||
           om_str_eq_text(value, "null") || om_number_read(value, &number);
}

static void put_value(struct om_json_out *out, const char *key, omega_str value)
{
    if (value.len == 0) {
        om_json_put_null(out, key);
    } else if (is_json_value(value)) {
        om_json_put_raw(out, key, value);
    } else {
        om_json_put_str(out, key, value);
    }
}

/* Lines up to the closing one become the members of an object, which the form reads like any other;
 * *content is what stands behind. */
static omega_status read_front_matter(struct om_import *import, omega_str text, struct om_buf *json,
                                      omega_str *content)
{
    struct om_json_out out;
    omega_str rest = text;
    om_json_out_init(&out, json);
    om_json_open(&out, NULL, '{');
    (void)om_str_cut(rest, '\n', &rest); /* the opening line */
    for (;;) {
        omega_str value;
        const omega_str line = om_str_trim(om_str_cut(rest, '\n', &rest));
        if (om_str_eq_text(line, "---")) {
            break;
        }
        if (!om_str_given(rest)) {
            return om_fail(OMEGA_EINVAL, "the front matter is not closed by a line of ---");
        }
        const omega_str name = om_str_trim(om_str_cut(line, ':', &value));
        const char *key = om_arena_text(&import->arena, name);
        if (key == NULL) {
            return om_nomem();
        }
        if (line.len > 0 && !om_str_eq_text(name, "omega")) {
            put_value(&out, key, om_str_trim(value));
        }
    }
    om_json_close(&out, '}');
    if (om_str_starts(rest, OM_STR("\n"))) {
        rest = (omega_str){rest.ptr + 1, rest.len - 1};
    }
    *content = om_str_ends(rest, OM_STR("\n")) ? (omega_str){rest.ptr, rest.len - 1} : rest;
    return json->status;
}

static omega_status read_edit(struct om_import *import, const struct om_json *root,
                              omega_str content, struct om_import_item *item)
{
    const struct om_form form = {&import->arena, ""};
    int64_t version = 0;
    omega_status status = om_form_memory_input(&form, root, true, &item->input);
    if (status != OMEGA_OK) {
        return status;
    }
    if (item->input.id.text[0] == '\0') {
        return om_fail(OMEGA_EINVAL, "the front matter has no 'id'");
    }
    if (om_json_get(root, "version") != NULL &&
        (!om_json_is_int(om_json_get(root, "version"), &version) || version < 0)) {
        return om_fail(OMEGA_EINVAL, "'version' must be a whole number");
    }
    item->version = (uint64_t)version;
    item->archived = om_str_eq_text(om_json_str(om_json_get(root, "state")), "archived");
    item->is_edit = true;
    item->input.content = om_arena_str(&import->arena, content);
    return item->input.content.ptr != NULL ? OMEGA_OK : om_nomem();
}

static omega_status import_front_matter(struct om_import *import, omega_str text)
{
    struct om_import_item item = {.line = 1};
    struct om_json_doc *doc = NULL;
    struct om_buf json;
    omega_str content = {NULL, 0};
    omega_status status = om_import_piece(import, text.len);
    if (status != OMEGA_OK) {
        return status;
    }
    om_buf_init(&json, import->transfer->alloc, 2 * (size_t)OM_IMPORT_TEXT_MAX);
    status = read_front_matter(import, text, &json, &content);
    if (status == OMEGA_OK) {
        status = om_json_parse(import->transfer->alloc, om_buf_str(&json), NULL, &doc);
    }
    om_buf_fini(&json);
    if (status == OMEGA_OK) {
        om_import_keep(import, doc);
        status = read_edit(import, om_json_root(doc), content, &item);
    }
    if (status == OMEGA_OK) {
        return om_import_take(import, &item);
    }
    import->report->read++;
    return om_import_refuse(import, 1, status);
}

static bool has_front_matter(omega_str text)
{
    omega_str rest;
    const omega_str first = om_str_cut(text, '\n', &rest);
    const omega_str second = om_str_cut(rest, '\n', &rest);
    return om_str_eq_text(om_str_trim(first), "---") &&
           om_str_eq_text(om_str_trim(second), "omega: memory");
}

omega_status om_import_text(struct om_import *import, omega_str text)
{
    return has_front_matter(text) ? import_front_matter(import, text)
                                  : import_paragraphs(import, text);
}
