/* import_edit.c -- Markdown files of an export, edited by hand, change the memories they show.
 *
 * The file says which version it was made from. Three cases: it equals the memory: nothing to do.
 * The memory is still at that version: what differs becomes its next version (the past one stays in
 * its history). The memory has moved on: then the file is either not edited at all (it equals the
 * version it was made from), or both were changed, which is a conflict and nobody's to decide here.
 * So a folder is imported as often as one likes. */
#include "transfer/import_int.h"

static bool is_other_text(omega_str said, omega_str stands)
{
    return om_str_given(said) && !om_str_eq(said, stands);
}

static bool is_other_number(double said, double stands)
{
    return !omega_is_unset(said) && (said < stands || said > stands);
}

static bool is_other_time(int64_t said, int64_t stands)
{
    return said != OMEGA_TIME_UNSET && said != stands;
}

/* Fills in what the file says otherwise; false when that is nothing. */
static bool differ(const struct om_import_item *item, const omega_memory *memory,
                   omega_update_options *change)
{
    const omega_memory_input *said = &item->input;
    const omega_memory_state state = item->archived ? OMEGA_MEMORY_ARCHIVED : OMEGA_MEMORY_ACTIVE;
    *change = omega_update_options_default();
    if (said->tier != OMEGA_TIER_UNSET && said->tier != memory->tier) {
        change->tier = said->tier;
    }
    if (said->pinned != memory->pinned) {
        change->pinned = said->pinned ? 1 : 0;
    }
    if (state != memory->state) {
        change->state = (int32_t)state;
    }
    if (is_other_text(said->content, memory->content)) {
        change->content = said->content;
    }
    if (is_other_text(said->type, memory->type)) {
        change->type = said->type;
    }
    if (is_other_text(said->name, memory->name)) {
        change->name = said->name;
    }
    if (is_other_text(said->metadata_json, memory->metadata_json)) {
        change->metadata_json = said->metadata_json;
    }
    if (is_other_number(said->importance, memory->importance)) {
        change->importance = said->importance;
    }
    if (is_other_number(said->confidence, memory->confidence)) {
        change->confidence = said->confidence;
    }
    if (is_other_time(said->valid_from_ms, memory->valid_from_ms)) {
        change->valid_from_ms = said->valid_from_ms;
    }
    if (is_other_time(said->valid_to_ms, memory->valid_to_ms)) {
        change->valid_to_ms = said->valid_to_ms;
    }
    if (is_other_time(said->expires_at_ms, memory->expires_at_ms)) {
        change->expires_at_ms = said->expires_at_ms;
    }
    return change->tier != OMEGA_TIER_UNSET || change->pinned >= 0 || change->state >= 0 ||
           om_str_given(change->content) || om_str_given(change->type) ||
           om_str_given(change->name) || om_str_given(change->metadata_json) ||
           !omega_is_unset(change->importance) || !omega_is_unset(change->confidence) ||
           change->valid_from_ms != OMEGA_TIME_UNSET || change->valid_to_ms != OMEGA_TIME_UNSET ||
           change->expires_at_ms != OMEGA_TIME_UNSET;
}

/* The file says what the version it was made from said: it was not edited. */
static omega_status is_unedited(struct om_import *import, const struct om_import_item *item,
                                bool *unedited)
{
    omega_memories *history = NULL;
    const omega_status status = om_memory_history(import->transfer->memory, item->input.id.text,
                                                  &item->input.scope, &history);
    *unedited = false;
    for (size_t i = 0; status == OMEGA_OK && i < om_memories_count(history); i++) {
        const omega_memory *past = om_memories_at(history, i);
        if (past->version == item->version) {
            *unedited = om_str_eq(past->content, item->input.content) &&
                        !is_other_text(item->input.name, past->name) &&
                        !is_other_text(item->input.type, past->type) &&
                        !is_other_text(item->input.metadata_json, past->metadata_json);
            break;
        }
    }
    om_memories_free(history);
    return status;
}

static omega_status meet_newer(struct om_import *import, const struct om_import_item *item,
                               const omega_memory *memory)
{
    bool unedited;
    const omega_status status = is_unedited(import, item, &unedited);
    if (status != OMEGA_OK) {
        return status;
    }
    if (!unedited) {
        return om_fail(OMEGA_ECONFLICT,
                       "memory %s was changed in the store, too: it is at version %llu and the "
                       "file was made from %llu; export it again",
                       memory->id.text, (unsigned long long)memory->version,
                       (unsigned long long)item->version);
    }
    import->report->known++;
    return OMEGA_OK;
}

static omega_status apply_edit(struct om_import *import, const struct om_import_item *item,
                               const omega_memory *memory)
{
    omega_update_options change;
    if (!differ(item, memory, &change)) {
        import->report->known++;
        return OMEGA_OK;
    }
    if (item->version != 0 && item->version != memory->version) {
        return meet_newer(import, item, memory);
    }
    change.id = memory->id.text;
    change.scope = item->input.scope;
    change.if_version = item->version;
    change.write.actor = OMEGA_ACTOR_HUMAN;
    const omega_status status = om_memory_update(import->transfer->memory, &change, NULL);
    import->report->stored += status == OMEGA_OK ? 1 : 0;
    return status;
}

omega_status om_import_edit(struct om_import *import, const struct om_import_item *item,
                            bool *found)
{
    omega_memories *memories = NULL;
    const omega_str no_key = {NULL, 0};
    omega_status status = om_memory_peek(import->transfer->memory, item->input.id.text, no_key,
                                         &item->input.scope, &memories);
    *found = status == OMEGA_OK;
    if (status == OMEGA_ENOTFOUND) {
        return OMEGA_OK;
    }
    if (status == OMEGA_OK) {
        status = apply_edit(import, item, om_memories_at(memories, 0));
    }
    om_memories_free(memories);
    return status;
}
