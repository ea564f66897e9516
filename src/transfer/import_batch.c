/* import_batch.c -- from items to memories: what stands already, what is new, what is refused.
 *
 * Each item is looked up before it is stored, by its id or its key: an import that is run again, or
 * goes on after an interruption, finds what it left and counts it as known. The rest is gathered
 * into batches of one commit each. When a batch fails because of one of its memories, it is halved
 * until that one stands alone and is named; the halves are stored in order, so an import that stops
 * at the first bad item has stored exactly what was before it.
 *
 * Rejected: operation ids made from the contents (they are known for 7 days only, an id for ever),
 * and telling "stored" from "known" by the store's answer (it gives the same id for both).
 *
 * Invariant: within a batch no two items have the same id or key. */
#include "transfer/import_int.h"

enum { TEXT_MAX = OM_ERROR_MESSAGE_SIZE };

/* ---- What is wrong --------------------------------------------------------------------------- */

/* About the piece itself; everything else (no space, out of memory, damaged, cancelled) would meet
 * the next piece as well. */
static bool is_of_piece(omega_status status)
{
    return status == OMEGA_EINVAL || status == OMEGA_ELIMIT || status == OMEGA_ECONFLICT ||
           status == OMEGA_EREJECTED || status == OMEGA_ENOTFOUND;
}

static omega_status name_piece(const struct om_import *import, uint64_t line, omega_status status)
{
    if (line > 0) {
        status = om_error_prefix(status, "line %llu", (unsigned long long)line);
    }
    if (import->in_folder || line == 0) {
        status = om_error_prefix(
            status, "%.*s", OM_STR_ARG(om_utf8_clip(omega_str_of(import->file), TEXT_MAX / 2)));
    }
    return status;
}

static void tell(const struct om_import *import)
{
    if (import->options->on_error != NULL) {
        char message[TEXT_MAX];
        memcpy(message, om_error_last()->message, sizeof message);
        import->options->on_error(import->options->context, message);
    }
}

omega_status om_import_refuse(struct om_import *import, uint64_t line, omega_status status)
{
    status = name_piece(import, line, status);
    if (!is_of_piece(status)) {
        return status;
    }
    import->report->failed++;
    tell(import);
    return import->options->all_or_stop ? status : OMEGA_OK;
}

omega_status om_import_skip_file(struct om_import *import, omega_status status)
{
    status = name_piece(import, 0, status);
    if (status == OMEGA_ENOMEM || !import->in_folder) {
        return status;
    }
    import->report->skipped++;
    tell(import);
    return OMEGA_OK;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static omega_status archive(struct om_import *import, const struct om_import_item *item,
                            const omega_id *id)
{
    omega_update_options change = omega_update_options_default();
    change.id = id->text;
    change.scope = item->input.scope;
    change.state = OMEGA_MEMORY_ARCHIVED;
    change.write.actor = item->input.write.actor;
    return om_memory_update(import->transfer->memory, &change, NULL);
}

static omega_status store_range(struct om_import *import, size_t from, size_t count)
{
    const omega_write_options write = {.actor = import->inputs[from].write.actor};
    omega_status status = om_memory_store_batch(import->transfer->memory, &import->inputs[from],
                                                count, &write, &import->ids[from]);
    for (size_t i = from; i < from + count && status == OMEGA_OK; i++) {
        if (import->items[i].archived) {
            status = archive(import, &import->items[i], &import->ids[i]);
        }
    }
    import->report->stored += status == OMEGA_OK ? count : 0;
    return status;
}

/* Without recursion: ranges that failed are halved until one item stands alone. `sizes` is the
 * stack of ranges still to be stored, the next on top. */
static omega_status store_gathered(struct om_import *import)
{
    size_t sizes[16] = {import->count};
    size_t depth = 1, from = 0;
    omega_status status = OMEGA_OK;
    while (depth > 0 && status == OMEGA_OK) {
        const size_t count = sizes[--depth];
        status = count > 0 ? store_range(import, from, count) : OMEGA_OK;
        if (status == OMEGA_OK || !is_of_piece(status)) {
            from += count;
        } else if (count == 1) {
            status = om_import_refuse(import, import->items[from].line, status);
            from++;
        } else {
            sizes[depth++] = count - count / 2;
            sizes[depth++] = count / 2;
            status = OMEGA_OK;
        }
    }
    return status;
}

static void forget_gathered(struct om_import *import)
{
    for (size_t i = 0; i < import->doc_count; i++) {
        om_json_free(import->docs[i]);
    }
    import->doc_count = 0;
    import->count = 0;
    import->pending = 0;
    import->pieces = 0;
    om_arena_reset(&import->arena);
}

static omega_status tell_progress(const struct om_import *import)
{
    const struct om_transfer *transfer = import->transfer;
    const uint64_t done = OM_MIN(import->done + import->at, import->total);
    if (transfer->progress != NULL &&
        !transfer->progress(transfer->context, "importing", done, import->total)) {
        return om_fail(OMEGA_ECANCELLED,
                       "the import was cancelled; run again, it goes on where it stopped");
    }
    return OMEGA_OK;
}

omega_status om_import_step(struct om_import *import)
{
    omega_status status = OMEGA_OK;
    if (import->transfer->memory != NULL) {
        status = store_gathered(import);
    }
    forget_gathered(import);
    return status == OMEGA_OK ? tell_progress(import) : status;
}

omega_status om_import_piece(struct om_import *import, size_t size)
{
    const bool enough = import->pieces >= OM_IMPORT_BATCH ||
                        (import->pieces > 0 && import->pending + size > OM_IMPORT_BATCH_BYTES);
    const omega_status status = enough ? om_import_step(import) : OMEGA_OK;
    import->pieces++;
    import->pending += size;
    return status;
}

void om_import_keep(struct om_import *import, struct om_json_doc *doc)
{
    OM_ASSERT(import->doc_count < OM_IMPORT_BATCH);
    import->docs[import->doc_count++] = doc;
}

/* ---- What stands already --------------------------------------------------------------------- */

static bool same_metadata(omega_str given, omega_str stands)
{
    const omega_str none = OM_STR("{}");
    return om_str_eq(given.len > 0 ? given : none, stands.len > 0 ? stands : none);
}

static bool says_same(const omega_memory_input *input, const omega_memory *memory)
{
    const omega_str type = input->type.len > 0 ? input->type : OM_STR("note");
    return om_str_eq(input->content, memory->content) && om_str_eq(type, memory->type) &&
           om_str_eq(input->role, memory->role) && om_str_eq(input->name, memory->name) &&
           same_metadata(input->metadata_json, memory->metadata_json) &&
           om_str_eq(input->scope.user, memory->user) &&
           om_str_eq(input->scope.agent, memory->agent) &&
           om_str_eq(input->scope.session, memory->session) &&
           (input->key.len == 0 || om_str_eq(input->key, memory->key));
}

static bool differs_number(double given, double stands)
{
    return !omega_is_unset(given) && (given < stands || given > stands);
}

static bool differs_time(int64_t given, int64_t stands)
{
    return given != OMEGA_TIME_UNSET && given != stands;
}

/* All that a store with a known key would change. */
static bool leaves_as_is(const omega_memory_input *input, const omega_memory *memory)
{
    return om_str_eq(input->content, memory->content) &&
           (input->type.len == 0 || om_str_eq(input->type, memory->type)) &&
           (input->name.len == 0 || om_str_eq(input->name, memory->name)) &&
           (input->metadata_json.len == 0 ||
            same_metadata(input->metadata_json, memory->metadata_json)) &&
           (input->tier == OMEGA_TIER_UNSET || input->tier == memory->tier) &&
           (!input->pinned || memory->pinned) && memory->state == OMEGA_MEMORY_ACTIVE &&
           !differs_number(input->importance, memory->importance) &&
           !differs_number(input->confidence, memory->confidence) &&
           !differs_time(input->valid_from_ms, memory->valid_from_ms) &&
           !differs_time(input->valid_to_ms, memory->valid_to_ms) &&
           !differs_time(input->expires_at_ms, memory->expires_at_ms);
}

static omega_status has_vector(struct om_import *import, const omega_memory_input *input,
                               const omega_memories *found, bool *has)
{
    omega_str space;
    uint32_t dimension = 0;
    const omega_str wanted = input->space.len > 0 ? input->space : OM_STR("default");
    float *floats = om_get(import->transfer->alloc, OM_LIMIT_DIMENSION * sizeof *floats);
    if (floats == NULL) {
        return om_nomem();
    }
    const omega_status status = om_memories_vector(found, 0, &space, floats, &dimension);
    *has = status == OMEGA_OK && om_str_eq(space, wanted) && dimension == input->dimension &&
           memcmp(floats, input->embedding, dimension * sizeof *floats) == 0;
    om_put(import->transfer->alloc, floats);
    return status == OMEGA_ENOTFOUND ? OMEGA_OK : status;
}

/* The memory was changed since: one of its past versions is what the item says. */
static omega_status was_said(struct om_import *import, const omega_memory_input *input, bool *known)
{
    omega_memories *history = NULL;
    const omega_status status =
        om_memory_history(import->transfer->memory, input->id.text, &input->scope, &history);
    *known = false;
    for (size_t i = 0; status == OMEGA_OK && i < om_memories_count(history) && !*known; i++) {
        *known = says_same(input, om_memories_at(history, i));
    }
    om_memories_free(history);
    return status;
}

static omega_status judge_known(struct om_import *import, const struct om_import_item *item,
                                const omega_memories *found, bool *known)
{
    const omega_memory_input *input = &item->input;
    const omega_memory *memory = om_memories_at(found, 0);
    if (input->id.text[0] == '\0') {
        *known = leaves_as_is(input, memory);
        return *known && input->embedding != NULL ? has_vector(import, input, found, known)
                                                  : OMEGA_OK;
    }
    *known = says_same(input, memory);
    omega_status status = *known ? OMEGA_OK : was_said(import, input, known);
    if (status == OMEGA_OK && !*known) {
        return om_fail(OMEGA_ECONFLICT, "the id %s is known with other contents", input->id.text);
    }
    return status;
}

/* An archived one that an interruption left active is put aside now. */
static omega_status count_known(struct om_import *import, const struct om_import_item *item,
                                const omega_memories *found)
{
    const omega_memory *memory = om_memories_at(found, 0);
    omega_status status = OMEGA_OK;
    if (item->archived && memory->state == OMEGA_MEMORY_ACTIVE && memory->version == 1) {
        status = archive(import, item, &memory->id);
    }
    import->report->known += status == OMEGA_OK ? 1 : 0;
    return status;
}

static omega_status look_up(struct om_import *import, const struct om_import_item *item,
                            bool *known)
{
    const omega_memory_input *input = &item->input;
    const char *id = input->id.text[0] != '\0' ? input->id.text : NULL;
    omega_memories *found = NULL;
    *known = false;
    if (id == NULL && input->key.len == 0) {
        return OMEGA_OK;
    }
    omega_status status =
        om_memory_peek(import->transfer->memory, id, input->key, &input->scope, &found);
    if (status == OMEGA_ENOTFOUND) {
        return OMEGA_OK;
    }
    if (status == OMEGA_OK) {
        status = judge_known(import, item, found, known);
    }
    if (status == OMEGA_OK && *known) {
        status = count_known(import, item, found);
    }
    om_memories_free(found);
    return status;
}

/* ---- Gathering ------------------------------------------------------------------------------- */

static bool meets(const omega_memory_input *a, const omega_memory_input *b)
{
    return (a->id.text[0] != '\0' && strcmp(a->id.text, b->id.text) == 0) ||
           (a->key.len > 0 && om_str_eq(a->key, b->key));
}

/* What this item may depend on goes first: the same id or key, another actor's batch. */
static bool must_wait(const struct om_import *import, const omega_memory_input *input)
{
    for (size_t i = 0; i < import->count; i++) {
        if (meets(&import->inputs[i], input)) {
            return true;
        }
    }
    return import->count > 0 && import->inputs[0].write.actor != input->write.actor;
}

static omega_status gather(struct om_import *import, const struct om_import_item *item)
{
    OM_ASSERT(import->count < OM_IMPORT_BATCH);
    import->items[import->count] = *item;
    import->inputs[import->count] = item->input;
    import->count++;
    return OMEGA_OK;
}

omega_status om_import_take(struct om_import *import, const struct om_import_item *item)
{
    omega_status status = OMEGA_OK;
    bool known = false;
    import->report->read++;
    if (import->transfer->memory == NULL) {
        return OMEGA_OK;
    }
    if (item->is_edit || must_wait(import, &item->input)) {
        /* The item's own texts stay: only what was gathered before it is stored. */
        status = store_gathered(import);
        import->count = 0;
        if (status != OMEGA_OK) {
            return status;
        }
    }
    if (item->is_edit) {
        status = om_import_edit(import, item, &known);
    }
    if (status == OMEGA_OK && !known) {
        status = look_up(import, item, &known);
    }
    if (status == OMEGA_OK && !known) {
        return gather(import, item);
    }
    return status == OMEGA_OK ? OMEGA_OK : om_import_refuse(import, item->line, status);
}
