/* record_int.h -- operation records of memories: drafting them, and reading their parts again.
 * Private to memory/.
 *
 * A record's body begins with the version of its form and the actor. What the caller gave is packed
 * apart from what was chosen for it (ids, importance, digest, vector of the text): only the former
 * makes the hash of the request, so that a repeated call with the same op_id is known again. */
#ifndef OM_RECORD_INT_H
#define OM_RECORD_INT_H

#include "memory/memory_int.h"

enum { OM_RECORD_FORM = 1, OM_RECORD_CEILING = 128 << 20 /* a full batch with its vectors */ };

/* A vector that may stand unaligned in a record. */
struct om_packed_vector {
    omega_str space;
    uint32_t dimension; /* 0: none */
    const void *floats;
};

/* One memory to store. Read back from a record, everything points into the record. */
struct om_item {
    omega_memory_input input; /* embedding is in `given` instead */
    struct om_uuid given_id;  /* of input.id, nil when none */
    struct om_packed_vector given;
    /* chosen */
    struct om_uuid id;         /* of a new memory */
    struct om_uuid version_id; /* of the past version, should the key be known */
    double importance;         /* when the input leaves it unset */
    unsigned char digest[OM_DIGEST_SIZE];
    struct om_packed_vector text;
};

/* What an update gives. Not given: as omega_update_options says. */
struct om_change {
    omega_tier tier;
    omega_str content, type, name, metadata; /* metadata "{}": none any more */
    struct om_packed_vector given, text;     /* text: of content, when that is given */
    int pinned, state;
    double importance, confidence;
    int64_t valid_from, valid_to, expires_at;
    struct om_uuid version_id;            /* of the past version */
    unsigned char digest[OM_DIGEST_SIZE]; /* of content, when that is given */
    bool override_tombstone;
};

/* A record under construction, and its commit. */
struct om_draft {
    struct om_memory *memory;
    enum om_memory_kind kind;
    const omega_write_options *options;
    struct om_arena arena; /* for what the record is made of */
    struct om_buf body;
    struct om_hasher hash;
    struct om_write write;
};

/* Begins a record; `options` NULL: the defaults. OMEGA_EINVAL for bad ones. om_draft_fini is due in
 * any case. */
OMEGA_MUST_CHECK omega_status om_draft_init(struct om_draft *draft, struct om_memory *memory,
                                            enum om_memory_kind kind,
                                            const omega_write_options *options);
void om_draft_fini(struct om_draft *draft);
/* Counts what was packed since `from` (a length of the body) as part of the request. */
void om_draft_hash(struct om_draft *draft, size_t from);
/* Commits and fills the caller's receipt; the result is draft->write.result. With `op_id` (NULL:
 * that of the options, or a new one). */
OMEGA_MUST_CHECK omega_status om_draft_commit(struct om_draft *draft, const omega_scope *scope,
                                              const struct om_uuid *op_id);

/* Prepares one memory for a record: checks it, chooses ids, digest, vector. Importance stays to be
 * chosen (om_novelty). Texts are borrowed from `input`. */
OMEGA_MUST_CHECK omega_status om_item_init(struct om_item *item, struct om_draft *draft,
                                           const omega_memory_input *input);
void om_item_pack(struct om_draft *draft, const struct om_item *item);
void om_item_unpack(struct om_unpack *in, struct om_item *item);

OMEGA_MUST_CHECK omega_status om_change_init(struct om_change *change, struct om_draft *draft,
                                             const omega_update_options *options,
                                             const struct om_memory_row *current);
void om_change_pack(struct om_draft *draft, const struct om_change *change);
void om_change_unpack(struct om_unpack *in, struct om_change *change);

void om_pack_uuid(struct om_buf *buf, struct om_uuid uuid);
struct om_uuid om_unpack_uuid(struct om_unpack *in);
void om_pack_scope(struct om_buf *buf, const omega_scope *scope);
void om_unpack_scope(struct om_unpack *in, omega_scope *scope);

/* ---- draws.c: what is chosen for a memory ---------------------------------------------------- */

/* The embedder's vector of a text, in the arena; none when it has no word in it or the embedder is
 * away. OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_draw_vector(struct om_memory *memory, struct om_arena *arena,
                                             omega_str text, struct om_packed_vector *out);

/* Measures what is new: 1 - the highest cosine similarity of the item's text to its likes, 0.05..1.
 * Looked at are the newest memories of its scope root and the items before it in the same record.
 * */
void om_draw_importance(struct om_memory *memory, struct om_item *items, size_t count);

#endif
