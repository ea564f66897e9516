/* revise.c -- changing a memory.
 *
 * The digest of a new content is bound to the memory's own scope root, so the row is read once
 * before the record is drafted: scope never changes, and everything else is decided when the record
 * is applied. A call that its own reading already refuses (not there, not visible) queues nothing.
 * */
#include "memory/record_int.h"

static omega_status read_current(struct om_memory *memory, struct om_arena *arena,
                                 struct om_uuid id, const omega_scope *scope,
                                 struct om_memory_row *out)
{
    struct om_reader reader = {0};
    omega_status status = om_store_read(memory->store, OM_READ_TIMEOUT_MS, &reader);
    if (status == OMEGA_OK) {
        status = om_row_by_id(reader.conn, id, out);
    }
    if (status == OMEGA_OK && !om_row_visible(out, scope, false)) {
        status = om_fail(OMEGA_ENOTFOUND, "no memory '%s'", om_uuid_text(id).text);
    }
    if (status == OMEGA_OK) {
        status = om_row_copy(arena, out);
    }
    om_store_read_end(&reader);
    return status;
}

static omega_status read_version(const struct om_write *write, uint64_t *version)
{
    struct om_unpack in;
    if (write->repeated && write->result.len == 0) {
        return om_fail(OMEGA_ENOTFOUND, "what this op_id changed was forgotten");
    }
    om_unpack_init(&in, write->result.ptr, write->result.len);
    uint64_t value = om_unpack_u64(&in);
    if (version != NULL) {
        *version = value;
    }
    return om_unpack_finish(&in, "the kept result of an operation");
}

static omega_status pack_update(struct om_draft *draft, struct om_uuid id,
                                const omega_update_options *given)
{
    struct om_memory_row current;
    struct om_change change;
    omega_update_options options = *given;
    omega_status status = om_check_update(draft->memory, &draft->arena, &options);
    if (status == OMEGA_OK) {
        status = read_current(draft->memory, &draft->arena, id, &options.scope, &current);
    }
    if (status == OMEGA_OK) {
        status = om_change_init(&change, draft, &options, &current);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    size_t from = draft->body.len;
    om_pack_uuid(&draft->body, id);
    om_pack_scope(&draft->body, &options.scope);
    om_pack_u64(&draft->body, options.if_version);
    om_draft_hash(draft, from);
    om_change_pack(draft, &change);
    return OMEGA_OK;
}

omega_status om_memory_update(struct om_memory *memory, const omega_update_options *options,
                              uint64_t *version)
{
    struct om_draft draft;
    struct om_uuid id;
    if (options == NULL) {
        return om_fail(OMEGA_EINVAL, "options are missing");
    }
    omega_status status = om_check_id(options->id, &id);
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_draft_init(&draft, memory, OM_MEMORY_KIND_UPDATE, &options->write);
    if (status == OMEGA_OK) {
        status = pack_update(&draft, id, options);
    }
    if (status == OMEGA_OK) {
        status = om_draft_commit(&draft, &options->scope, NULL);
    }
    if (status == OMEGA_OK) {
        status = read_version(&draft.write, version);
    }
    om_draft_fini(&draft);
    return status;
}
