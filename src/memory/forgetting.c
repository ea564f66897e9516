/* forgetting.c -- deleting memories, one or all that a filter describes, with a receipt.
 *
 * Deleting many goes in commits of CHUNK memories. The ids are chosen by a read before each commit
 * and carry their version: what was changed in between is not what was asked for and stays. With an
 * op_id each commit has one of its own, made from it and its number, so that a repeated call, also
 * one that broke off in the middle, gives the same totals and goes on where it stopped.
 * With `now` the bytes leave the files before the call returns; when readers stand in the way, or
 * the disk is full, the deletion stands all the same, and the receipt says that the bytes go at
 * maintenance. */
#include "memory/listing_int.h"
#include "memory/record_int.h"

enum { CHUNK = 1000, ERASE_TIMEOUT_MS = 5000 };

struct target {
    struct om_uuid id;
    uint64_t version;
};

struct deletion {
    struct om_memory *memory;
    const omega_delete_options *options;
    const omega_scope *scope;
    bool strict;
    uint64_t asked, memories, rows, tombstones, first_seq; /* so far */
};

/* ---- One commit ------------------------------------------------------------------------------ */

static void pack_filter(struct om_buf *buf, const omega_list_options *where)
{
    om_pack_u64(buf, where->include);
    om_pack_bool(buf, where->session_only);
    om_pack_bool(buf, where->all_roots);
    om_pack_u64(buf, where->tiers != NULL ? where->tier_count : 0);
    for (size_t i = 0; where->tiers != NULL && i < where->tier_count; i++) {
        om_pack_u64(buf, where->tiers[i]);
    }
    om_pack_str(buf, where->type);
    om_pack_str(buf, where->filter_json);
    om_pack_u64(buf, where->limit);
}

/* What makes two requests the same, apart from what the body holds. */
static omega_status hash_request(struct om_draft *draft, const struct deletion *deletion)
{
    struct om_buf request;
    om_buf_init(&request, draft->memory->options.alloc, OM_LIMIT_BULK);
    if (deletion->strict) {
        om_pack_str(&request, omega_str_of(deletion->options->id));
        om_pack_u64(&request, deletion->options->if_version);
    } else {
        pack_filter(&request, deletion->options->where);
    }
    omega_status status = request.status;
    om_hasher_add(&draft->hash, request.ptr, request.len);
    om_buf_fini(&request);
    return status == OMEGA_ENOMEM ? om_nomem() : status;
}

static void pack_targets(struct om_draft *draft, const struct deletion *deletion,
                         const struct target *targets, size_t count)
{
    struct om_buf *buf = &draft->body;
    size_t from = buf->len;
    om_pack_scope(buf, deletion->scope);
    om_pack_bool(buf, deletion->strict);
    om_pack_bool(buf, deletion->options->no_tombstone);
    om_draft_hash(draft, from);
    om_pack_uuid(buf, om_uuid_new(draft->memory->options.ids));
    om_pack_u64(buf, count);
    for (size_t i = 0; i < count; i++) {
        om_pack_uuid(buf, targets[i].id);
        om_pack_u64(buf, targets[i].version);
    }
}

static omega_status add_result(const struct om_write *write, struct deletion *deletion,
                               uint64_t *asked)
{
    struct om_unpack in;
    om_unpack_init(&in, write->result.ptr, write->result.len);
    *asked = om_unpack_u64(&in);
    deletion->asked += *asked;
    deletion->memories += om_unpack_u64(&in);
    deletion->rows += om_unpack_u64(&in);
    deletion->tombstones += om_unpack_u64(&in);
    uint64_t first = om_unpack_u64(&in);
    if (first != 0 && (deletion->first_seq == 0 || first < deletion->first_seq)) {
        deletion->first_seq = first;
    }
    return om_unpack_finish(&in, "the kept result of an operation");
}

static omega_status commit_chunk(struct deletion *deletion, const struct target *targets,
                                 size_t count, const struct om_uuid *op_id, uint64_t *asked)
{
    struct om_draft draft;
    omega_status status =
        om_draft_init(&draft, deletion->memory, OM_MEMORY_KIND_DELETE, &deletion->options->write);
    if (status == OMEGA_OK) {
        status = hash_request(&draft, deletion);
    }
    if (status == OMEGA_OK) {
        pack_targets(&draft, deletion, targets, count);
        status = om_draft_commit(&draft, deletion->scope, op_id);
    }
    if (status == OMEGA_OK) {
        status = add_result(&draft.write, deletion, asked);
    }
    om_draft_fini(&draft);
    return status;
}

/* ---- The receipt ----------------------------------------------------------------------------- */

struct holders {
    omega_deletion *out;
    uint64_t first_seq;
    size_t len;
};

static bool add_backup(void *context, const struct om_backup_row *row)
{
    struct holders *holders = context;
    if (row->seq < holders->first_seq) {
        return true;
    }
    char *text = holders->out->backups;
    size_t room = sizeof holders->out->backups - holders->len;
    size_t len = strnlen(row->file, sizeof row->file);
    holders->out->backup_count++;
    if (len + 2 <= room) {
        memcpy(text + holders->len, row->file, len);
        text[holders->len + len] = '\n';
        holders->len += len + 1;
        text[holders->len] = '\0';
    }
    return true;
}

static omega_status name_backups(struct om_memory *memory, uint64_t first_seq, omega_deletion *out)
{
    struct om_reader reader = {0};
    struct holders holders = {out, first_seq, 0};
    if (first_seq == 0) {
        return OMEGA_OK;
    }
    omega_status status = om_store_read(memory->store, OM_READ_TIMEOUT_MS, &reader);
    if (status == OMEGA_OK) {
        status = om_store_backups(&reader, add_backup, &holders);
    }
    om_store_read_end(&reader);
    return status;
}

static omega_status finish(const struct deletion *deletion, omega_deletion *out)
{
    omega_deletion filled;
    uint64_t overwritten = 0;
    memset(&filled, 0, sizeof filled);
    filled.struct_size = (uint32_t)sizeof filled;
    filled.matched = deletion->asked;
    filled.deleted = deletion->memories;
    filled.rows = deletion->rows;
    filled.tombstones = deletion->tombstones;
    omega_status status = name_backups(deletion->memory, deletion->first_seq, &filled);
    if (status == OMEGA_OK && deletion->options->now && !deletion->options->dry_run) {
        om_memory_reclaim(deletion->memory);
        status = om_store_erase(deletion->memory->store, ERASE_TIMEOUT_MS, &overwritten);
        filled.erased = status == OMEGA_OK;
        filled.overwritten_bytes = overwritten;
        status = status == OMEGA_EAGAIN || status == OMEGA_ENOSPC ? OMEGA_OK : status;
    }
    if (status == OMEGA_OK && out != NULL) {
        *out = filled;
    }
    return status;
}

static omega_status check_delete(const omega_delete_options *options, const omega_deletion *out)
{
    if (options == NULL || options->struct_size < sizeof *options) {
        return om_fail(OMEGA_EINVAL, "options are missing, or without their struct_size");
    }
    if (out != NULL && out->struct_size < sizeof *out) {
        return om_fail(OMEGA_EINVAL, "struct_size of omega_deletion is %u", out->struct_size);
    }
    return om_check_scope(&options->scope);
}

omega_status om_memory_delete(struct om_memory *memory, const omega_delete_options *options,
                              omega_deletion *out)
{
    struct target target = {.version = 0};
    omega_status status = check_delete(options, out);
    if (status == OMEGA_OK && options->dry_run) {
        status = om_fail(OMEGA_EINVAL, "dry_run is set: only omega_memory_delete_where has it");
    }
    if (status == OMEGA_OK) {
        status = om_check_id(options->id, &target.id);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    struct deletion deletion = {
        .memory = memory, .options = options, .scope = &options->scope, .strict = true};
    uint64_t asked;
    target.version = options->if_version;
    status = commit_chunk(&deletion, &target, 1, NULL, &asked);
    return status == OMEGA_OK ? finish(&deletion, out) : status;
}

/* ---- Many ------------------------------------------------------------------------------------ */

/* Where the walk stands between two commits. */
struct walk {
    omega_list_options where;
    bool begun;
    int64_t value, number;
    uint64_t left; /* of the caller's limit */
};

/* Memories only: a past version goes with its memory. */
static omega_status collect_from(struct om_lister *lister, struct walk *walk,
                                 struct target *targets, size_t *count)
{
    size_t room = (size_t)OM_MIN(walk->left, (uint64_t)CHUNK);
    omega_status status = OMEGA_OK;
    while (status == OMEGA_OK && *count < room) {
        struct om_memory_row row;
        bool found;
        status = om_lister_next(lister, &row, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        if (om_uuid_is_nil(row.version_of)) {
            targets[(*count)++] = (struct target){row.id, row.version};
        }
    }
    walk->begun = true;
    walk->value = lister->value;
    walk->number = lister->number;
    return status;
}

static omega_status collect(struct om_memory *memory, struct walk *walk, struct target *targets,
                            size_t *count)
{
    struct om_arena arena;
    struct om_lister lister;
    struct om_reader reader = {0};
    *count = 0;
    om_arena_init(&arena, memory->options.alloc, 0);
    omega_status status = om_store_read(memory->store, OM_READ_TIMEOUT_MS, &reader);
    if (status == OMEGA_OK) {
        status = om_lister_init(&lister, &arena, &reader, &walk->where,
                                om_wall_ms(memory->options.clock));
    }
    if (status == OMEGA_OK) {
        if (walk->begun) {
            om_lister_resume(&lister, walk->value, walk->number);
        }
        status = collect_from(&lister, walk, targets, count);
    }
    om_store_read_end(&reader);
    om_arena_fini(&arena);
    return status;
}

/* The op_id of commit number `index`. */
static struct om_uuid chunk_op_id(struct om_uuid base, uint64_t index)
{
    unsigned char bytes[sizeof base.bytes + sizeof index];
    unsigned char digest[OM_DIGEST_SIZE];
    if (index == 0) {
        return base;
    }
    memcpy(bytes, base.bytes, sizeof base.bytes);
    memcpy(bytes + sizeof base.bytes, &index, sizeof index);
    om_sha256(bytes, sizeof bytes, digest);
    memcpy(base.bytes, digest, sizeof base.bytes);
    return base;
}

static omega_status delete_chunks(struct deletion *deletion, struct walk *walk,
                                  struct target *targets, const struct om_uuid *base)
{
    uint64_t asked = CHUNK;
    for (uint64_t index = 0; asked == CHUNK && walk->left > 0; index++) {
        size_t count;
        struct om_uuid op_id;
        omega_status status = collect(deletion->memory, walk, targets, &count);
        if (status != OMEGA_OK || (count == 0 && base == NULL)) {
            return status;
        }
        if (base != NULL) {
            op_id = chunk_op_id(*base, index);
        }
        status = commit_chunk(deletion, targets, count, base != NULL ? &op_id : NULL, &asked);
        if (status != OMEGA_OK) {
            return status;
        }
        walk->left -= OM_MIN(asked, walk->left);
    }
    return OMEGA_OK;
}

static omega_status count_matches(struct deletion *deletion, struct walk *walk,
                                  struct target *targets)
{
    size_t count = CHUNK;
    while (count == CHUNK && walk->left > 0) {
        omega_status status = collect(deletion->memory, walk, targets, &count);
        if (status != OMEGA_OK) {
            return status;
        }
        deletion->asked += count;
        walk->left -= OM_MIN((uint64_t)count, walk->left);
    }
    return OMEGA_OK;
}

static omega_status check_where(const omega_delete_options *options, struct walk *walk)
{
    if (options->where == NULL) {
        return om_fail(OMEGA_EINVAL, "where is missing: which memories shall be deleted");
    }
    walk->where = *options->where;
    walk->left = walk->where.limit > 0 ? walk->where.limit : UINT64_MAX;
    walk->where.limit = 0;
    walk->where.order = OMEGA_ORDER_CREATED;
    walk->begun = false;
    omega_status status = om_check_list(&walk->where);
    return status == OMEGA_OK ? om_check_write(&options->write) : status;
}

omega_status om_memory_delete_where(struct om_memory *memory, const omega_delete_options *options,
                                    omega_deletion *out)
{
    struct walk walk;
    struct om_uuid base;
    omega_status status = check_delete(options, out);
    if (status == OMEGA_OK) {
        status = check_where(options, &walk);
    }
    bool has_op_id = status == OMEGA_OK && options->write.op_id.len > 0;
    if (has_op_id) {
        status = om_uuid_parse(options->write.op_id, &base);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    struct target *targets = om_get0(memory->options.alloc, CHUNK, sizeof *targets);
    if (targets == NULL) {
        return om_nomem();
    }
    struct deletion deletion = {
        .memory = memory, .options = options, .scope = &walk.where.scope, .strict = false};
    status = options->dry_run ? count_matches(&deletion, &walk, targets)
                              : delete_chunks(&deletion, &walk, targets, has_op_id ? &base : NULL);
    om_put(memory->options.alloc, targets);
    return status == OMEGA_OK ? finish(&deletion, out) : status;
}
