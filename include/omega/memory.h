/* memory.h -- what an agent lives through, kept and found again.
 *
 * Promises: a store that returned is on the disk (unless `process` durability was asked for) and
 *           the next recall sees it. Nothing is overwritten silently: a change leaves its past
 *           version, a deletion a receipt, a forgotten fact a tombstone. Results come in descending
 *           score; equal scores, older first.
 * Threads:  every call from any thread, any number at once; the runtime must outlive them.
 * Memory:   inputs are borrowed for the call; an omega_memories owns all that it reaches.
 * States:   calls need a Running runtime; reads also work when Paused. Else OMEGA_ESTATE. The child
 *           of a fork gets OMEGA_ESTATE.
 *
 *     omega_memory_input in = OMEGA_MEMORY_INPUT_INIT;
 *     in.content = omega_str_of("Ann prefers tea");
 *     omega_id id;
 *     omega_status status = omega_memory_store(rt, &in, &id);
 *
 * Every call may also return OMEGA_ENOMEM, OMEGA_EIO, OMEGA_ECORRUPT (the message names the row);
 * writes OMEGA_ENOSPC and OMEGA_EREADONLY. Since 0.1. */
#ifndef OMEGA_MEMORY_H
#define OMEGA_MEMORY_H

#include "omega/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct omega_runtime omega_runtime;

typedef enum omega_memory_state {
    OMEGA_MEMORY_ACTIVE,
    OMEGA_MEMORY_SUPERSEDED, /* an older version, or corrected by another memory */
    OMEGA_MEMORY_ARCHIVED    /* out of default recall, kept */
} omega_memory_state;
OMEGA_API const char *omega_memory_state_name(omega_memory_state state);

/* Who says so. A human may store again what was forgotten. */
typedef enum omega_actor { OMEGA_ACTOR_MODEL, OMEGA_ACTOR_HUMAN, OMEGA_ACTOR_SYSTEM } omega_actor;

typedef enum omega_durability {
    OMEGA_DURABILITY_DEFAULT, /* config store.durability: disk */
    OMEGA_DURABILITY_PROCESS, /* survives a crash of Omega */
    OMEGA_DURABILITY_DISK     /* fsynced on return: survives a power failure */
} omega_durability;

/* What a write can tell besides its result. */
typedef struct omega_receipt {
    uint64_t seq; /* its place in the order of all writes */
    omega_durability reached;
    bool repeated; /* the op_id was known; this is the first call's result */
    char reserved[19];
} omega_receipt;

/* How to write. Zeroed means: a new operation by the model, default durability, no receipt. */
typedef struct omega_write_options {
    omega_str op_id; /* a UUID of the caller: the same again with the same inputs returns the first
                        result, with others OMEGA_ECONFLICT; known for 7 days */
    omega_durability durability;
    omega_actor actor;
    omega_receipt *receipt; /* written on success */
    uint64_t reserved[2];
} omega_write_options;

/* ---- Storing ------------------------------------------------------------------------------ */

typedef struct omega_memory_input {
    uint32_t struct_size;
    omega_tier tier;        /* OMEGA_TIER_UNSET: episodic */
    omega_str content;      /* required: 1 byte to 1 MiB of UTF-8, not only white space */
    const float *embedding; /* the caller's vector, `dimension` finite floats; NULL: none */
    uint32_t dimension;     /* 1..8192; that of the space once the space is fixed */
    uint32_t reserved0;
    omega_str space;   /* of the embedding; not given: "default" */
    double importance; /* 0..1; OMEGA_UNSET: measured novelty, 1 - the similarity to
                          the nearest of the newest 128 of the same user or agent */
    double confidence; /* 0..1; OMEGA_UNSET: 1 */
    omega_scope scope;
    omega_str key;      /* the caller's own id, <= 256 bytes, unique in its user and agent: a store
                           with a known key updates that memory */
    omega_str type;     /* <= 256 bytes; not given: "note". "block": pinned, first in a context */
    omega_str role;     /* of a message: "user", "assistant" ... <= 256 bytes */
    omega_str name;     /* of the speaker, or the label of a block; part of the searched text;
                           <= 256 bytes */
    omega_str language; /* BCP 47 tag, kept only, not checked; <= 256 bytes */
    omega_str metadata_json;            /* a JSON object, <= 64 KiB without white space */
    omega_str source_kind, source_uri;  /* where it came from; <= 256 and <= 2,048 bytes */
    int64_t occurred_at_ms;             /* OMEGA_TIME_UNSET: now */
    int64_t valid_from_ms, valid_to_ms; /* when the fact holds; unset: since ever / for ever */
    int64_t expires_at_ms;              /* erased after this; unset: never */
    int64_t position;                   /* inside its session; -1: none */
    bool pinned;                        /* never forgotten by time, first in a context */
    bool override_tombstone;            /* store although forgotten before; human actor only */
    omega_id id;                        /* "" : a new one. An import brings its own */
    int64_t created_at_ms;              /* OMEGA_TIME_UNSET: now. An import brings its own */
    omega_write_options write;
} omega_memory_input;

static inline omega_memory_input omega_memory_input_default(void)
{
    omega_memory_input input;
    memset(&input, 0, sizeof input);
    input.struct_size = (uint32_t)sizeof input;
    input.tier = OMEGA_TIER_UNSET;
    input.importance = OMEGA_UNSET;
    input.confidence = OMEGA_UNSET;
    input.occurred_at_ms = OMEGA_TIME_UNSET;
    input.valid_from_ms = OMEGA_TIME_UNSET;
    input.valid_to_ms = OMEGA_TIME_UNSET;
    input.expires_at_ms = OMEGA_TIME_UNSET;
    input.created_at_ms = OMEGA_TIME_UNSET;
    input.position = -1;
    return input;
}
#define OMEGA_MEMORY_INPUT_INIT omega_memory_input_default()

/* Stores one memory. OMEGA_EINVAL names the field and its range; OMEGA_EREJECTED names the
 * tombstone when this was forgotten or corrected before; OMEGA_ECONFLICT (op_id or id known with
 * other contents); OMEGA_ELIMIT. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_memory_store(omega_runtime *rt,
                                                           const omega_memory_input *memory,
                                                           omega_id *out);
/* All or nothing: `count` (1..10,000, together at most 16 MiB) memories in one commit, ids into
 * out[count]. `write` (or NULL) rules the batch; those of the inputs are ignored. The error names
 * the input's index. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_memory_store_batch(omega_runtime *rt,
                                                                 const omega_memory_input *memories,
                                                                 size_t count,
                                                                 const omega_write_options *write,
                                                                 omega_id *out);

typedef struct omega_message {
    omega_str role; /* required; this and what follows: ranges as in omega_memory_input */
    omega_str name;
    omega_str content; /* required */
    omega_str metadata_json;
    int64_t occurred_at_ms; /* OMEGA_TIME_UNSET: now, in order */
    omega_str key;
} omega_message;

typedef struct omega_messages_options {
    uint32_t struct_size;
    uint32_t reserved;
    omega_scope scope; /* session: not given = the caller's current one, which is the last session
                          of this user and agent without a gap over memory.session_gap_secs, else
                          a new one */
    const omega_message *messages;
    size_t count; /* 1..10,000 */
    omega_write_options write;
} omega_messages_options;

/* Adds chat messages to a session, in order, all or nothing, into the Session tier, at the next
 * positions, together at most 16 MiB (else OMEGA_ELIMIT). ids into out[count]; `session` (may be
 * NULL, 257 bytes) gets the session's name. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_messages_add(omega_runtime *rt,
                                                           const omega_messages_options *options,
                                                           omega_id *out, char *session);

/* ---- Reading ------------------------------------------------------------------------------ */

typedef struct omega_memory_vector {
    omega_str space;
    uint32_t dimension;
    bool pending; /* its embedder was away; it is filled in later */
} omega_memory_vector;

typedef struct omega_memory {
    uint32_t struct_size;
    omega_tier tier;
    omega_id id;
    omega_id supersedes, superseded_by;
    omega_memory_state state;
    omega_actor actor;
    omega_str content, key, type, role, name, language;
    omega_str metadata_json; /* "{}" when none */
    omega_str user, agent, session, source_kind, source_uri;
    double importance, confidence;
    double score;           /* of a recall; 0 elsewhere */
    omega_str explain_json; /* of a recall with `explain` */
    int64_t position;       /* -1: none */
    int64_t occurred_at_ms, valid_from_ms, valid_to_ms, created_at_ms;
    int64_t updated_at_ms;  /* since when this version is believed */
    int64_t believed_to_ms; /* until when it was; unset: it still is */
    int64_t expires_at_ms, accessed_at_ms;
    uint64_t version, access_count;
    double stability_days, retrievability; /* FSRS-6: how well it is remembered now, 0..1 */
    bool pinned;
    const omega_memory_vector *vectors;
    size_t vector_count;
} omega_memory;

typedef struct omega_memories omega_memories;
OMEGA_API size_t omega_memories_count(const omega_memories *memories);
/* NULL past the end. Valid until the list is freed. */
OMEGA_API const omega_memory *omega_memories_at(const omega_memories *memories, size_t index);
/* True when a part of the engine was away and the answer is less than it could be; *reason (may be
 * NULL) then says what. */
OMEGA_API bool omega_memories_degraded(const omega_memories *memories, const char **reason);
/* Of a list: where the next page begins; {NULL,0} on the last. */
OMEGA_API omega_str omega_memories_cursor(const omega_memories *memories);
OMEGA_API void omega_memories_free(omega_memories *memories);

/* One memory by id, if visible in `scope` (NULL: the shared root); OMEGA_ENOTFOUND else. The list
 * has one entry. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_memory_get(omega_runtime *rt, const char *id,
                                                         const omega_scope *scope,
                                                         omega_memories **out);
/* The same by the caller's key. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_memory_get_by_key(omega_runtime *rt, omega_str key,
                                                                const omega_scope *scope,
                                                                omega_memories **out);
/* Its versions and the memories it superseded, newest first. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_memory_history(omega_runtime *rt, const char *id,
                                                             const omega_scope *scope,
                                                             omega_memories **out);

enum {
    OMEGA_INCLUDE_ARCHIVED = 1,  /* also archived memories */
    OMEGA_INCLUDE_SUPERSEDED = 2 /* also past versions */
};

typedef enum omega_order {
    OMEGA_ORDER_CREATED,      /* oldest first */
    OMEGA_ORDER_CREATED_DESC, /* newest first */
    OMEGA_ORDER_POSITION      /* a session's messages in order; needs scope.session */
} omega_order;

/* Which memories: shared by list, count and delete_where. */
typedef struct omega_list_options {
    uint32_t struct_size;
    uint32_t include; /* OMEGA_INCLUDE_* */
    omega_scope scope;
    bool session_only; /* only memories of scope.session */
    bool all_roots;    /* every user's and agent's: the owner of the data directory */
    char reserved[2];
    omega_order order;
    const omega_tier *tiers; /* NULL: all */
    size_t tier_count;
    omega_str type;
    omega_str filter_json; /* as in a recall */
    uint32_t limit;        /* 1..1,000; 0: 100 */
    uint32_t reserved1;
    omega_str cursor; /* from omega_memories_cursor */
} omega_list_options;
static inline omega_list_options omega_list_options_default(void)
{
    omega_list_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    return options;
}
#define OMEGA_LIST_OPTIONS_INIT omega_list_options_default()

OMEGA_API OMEGA_MUST_CHECK omega_status omega_memory_list(omega_runtime *rt,
                                                          const omega_list_options *options,
                                                          omega_memories **out);
/* limit and cursor are ignored. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_memory_count(omega_runtime *rt,
                                                           const omega_list_options *options,
                                                           uint64_t *out);

/* ---- Recall ------------------------------------------------------------------------------- */

/* Ranked retrieval. With a query: by its words (BM25) and in the embedder's space; with an
 * embedding: in its space; with both: all three. Each arm's scores are scaled to 0..1, a memory
 * that an arm cannot score (no vector there) is scored without that arm, and the arms are summed
 * convexly (Bruch, Gai, Ingber 2023). `explain` gives every part.
 *
 * Filter: a JSON object over metadata and fields: {"path": value} is equality; {"path": {"$gt": 3,
 * "$lte": 9}} ranges ($eq $ne $gt $gte $lt $lte on numbers, texts and RFC 3339 stamps);
 * {"$in": [..]}, {"$exists": true}; {"$and": [..]}, {"$or": [..]}, {"$not": {..}}. A path is a
 * metadata member, nested by dots, or a field: "tier", "type", "role", "name", "key", "importance",
 * "confidence", "occurred_at", "created_at", "source.kind", "source.uri", "pinned" when written
 * with a leading "@" ("@importance"). Of a list, one element is enough; $ne is the negation of $eq;
 * nothing else holds for a missing member but {"$exists": false}. At most 256 conditions (each
 * value of $in is one), depth 16. */
typedef struct omega_recall_options {
    uint32_t struct_size;
    uint32_t k;             /* 1..10,000 */
    omega_str query;        /* <= 64 KiB */
    const float *embedding; /* `dimension` finite floats */
    uint32_t dimension;
    uint32_t include;        /* OMEGA_INCLUDE_* */
    omega_str space;         /* of the embedding; not given: "default" */
    const omega_tier *tiers; /* NULL: all */
    size_t tier_count;
    omega_scope scope;
    bool session_only;
    bool all_roots;
    bool explain;
    bool no_fill; /* do not fill up with archived memories when fewer than k are found */
    char reserved[4];
    omega_str filter_json;
    double min_importance; /* 0..1; OMEGA_UNSET: 0 */
    double vector_weight;  /* 0..1; OMEGA_UNSET: config recall.vector_weight */
    int64_t valid_at_ms;   /* only what held then */
    int64_t known_at_ms;   /* only what was believed then: past versions take part */
    int64_t as_of_ms;      /* sets both */
} omega_recall_options;
static inline omega_recall_options omega_recall_options_default(void)
{
    omega_recall_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    options.k = 10;
    options.min_importance = OMEGA_UNSET;
    options.vector_weight = OMEGA_UNSET;
    options.valid_at_ms = OMEGA_TIME_UNSET;
    options.known_at_ms = OMEGA_TIME_UNSET;
    options.as_of_ms = OMEGA_TIME_UNSET;
    return options;
}
#define OMEGA_RECALL_OPTIONS_INIT omega_recall_options_default()

/* On OMEGA_OK *out is transferred to the caller (omega_memories_free) and has min(k, visible)
 * entries; on failure it is NULL. Neither query nor embedding: OMEGA_EINVAL. A query over its
 * bound: OMEGA_ELIMIT. Damaged rows are passed over: omega_memories_degraded says so. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_memory_recall(omega_runtime *rt,
                                                            const omega_recall_options *options,
                                                            omega_memories **out);

/* The embedder's vector of a text of at most 1 MiB of UTF-8, into out[dimension]. `dimension` is
 * the embedder's own (768) or any other from 1 to 8,192: the text's features are then hashed into
 * that many. OMEGA_EINVAL. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_embed(omega_runtime *rt, omega_str text, float *out,
                                                    uint32_t dimension);

/* ---- Changing and forgetting -------------------------------------------------------------- */

/* What is not given stays. A changed content, embedding, metadata, name, type or validity keeps the
 * past version (history, as_of); the id stays, the version counts up. */
typedef struct omega_update_options {
    uint32_t struct_size;
    omega_tier tier;     /* OMEGA_TIER_UNSET: stays */
    const char *id;      /* required */
    omega_scope scope;   /* whose eyes */
    uint64_t if_version; /* 0: any; else OMEGA_ECONFLICT when it is another */
    omega_str content;
    const float *embedding;
    uint32_t dimension;
    int32_t pinned; /* -1: stays, 0, 1 */
    omega_str space;
    double importance, confidence; /* OMEGA_UNSET: stays */
    omega_str type, name, metadata_json;
    int64_t valid_from_ms, valid_to_ms, expires_at_ms; /* OMEGA_TIME_UNSET: stays */
    int32_t state; /* -1: stays; OMEGA_MEMORY_ACTIVE or OMEGA_MEMORY_ARCHIVED */
    uint32_t reserved;
    omega_write_options write;
} omega_update_options;
static inline omega_update_options omega_update_options_default(void)
{
    omega_update_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    options.tier = OMEGA_TIER_UNSET;
    options.pinned = -1;
    options.state = -1;
    options.importance = OMEGA_UNSET;
    options.confidence = OMEGA_UNSET;
    options.valid_from_ms = OMEGA_TIME_UNSET;
    options.valid_to_ms = OMEGA_TIME_UNSET;
    options.expires_at_ms = OMEGA_TIME_UNSET;
    return options;
}
#define OMEGA_UPDATE_OPTIONS_INIT omega_update_options_default()

/* *version (may be NULL) is the new one. OMEGA_ENOTFOUND, OMEGA_ECONFLICT, OMEGA_EINVAL. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_memory_update(omega_runtime *rt,
                                                            const omega_update_options *options,
                                                            uint64_t *version);
/* Stores `memory` as the correction of `old_id`, which becomes superseded (valid and believed until
 * now); what it said becomes a tombstone in its scope, so that it is not learned again. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_memory_supersede(omega_runtime *rt,
                                                               const char *old_id,
                                                               const omega_memory_input *memory,
                                                               omega_id *out);

typedef struct omega_delete_options {
    uint32_t struct_size;
    bool now;          /* erase from every file before returning, else within 60 s */
    bool no_tombstone; /* allow that it is learned again */
    bool dry_run;      /* delete_where: only count; OMEGA_EINVAL elsewhere */
    char reserved;
    /* Of omega_memory_delete: */
    const char *id;
    omega_scope scope;
    uint64_t if_version;             /* 0: any */
    const omega_list_options *where; /* of omega_memory_delete_where, with its own scope;
                                        limit 0: no limit; order and cursor are ignored */
    omega_write_options write;
} omega_delete_options;
static inline omega_delete_options omega_delete_options_default(void)
{
    omega_delete_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    return options;
}
#define OMEGA_DELETE_OPTIONS_INIT omega_delete_options_default()

/* What a deletion did. The caller sets struct_size. */
typedef struct omega_deletion {
    uint32_t struct_size;
    bool erased; /* the bytes have left the files; else they do at maintenance */
    char reserved[3];
    uint64_t matched, deleted; /* memories; their past versions count in `rows` */
    uint64_t rows;             /* rows removed: memories, versions, vectors */
    uint64_t tombstones;
    uint64_t overwritten_bytes;
    uint64_t backup_count; /* known backups that still hold some of it */
    char backups[1024];    /* their paths, one per line, cut at the size */
} omega_deletion;

/* Erases a memory, its vectors, its past versions and everything derived from it. `out` may be
 * NULL. OMEGA_ENOTFOUND, OMEGA_ECONFLICT (if_version). */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_memory_delete(omega_runtime *rt,
                                                            const omega_delete_options *options,
                                                            omega_deletion *out);
/* All memories that `where` describes, in commits of at most 1,000. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_memory_delete_where(
    omega_runtime *rt, const omega_delete_options *options, omega_deletion *out);

#ifdef __cplusplus
}
#endif
#endif
