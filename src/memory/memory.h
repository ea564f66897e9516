/* memory.h -- the memory of agents: tiers, versions, recall, forgetting. The facade of memory/.
 *
 * The verbs mirror omega/memory.h one to one and take its structs: what each means, its ranges and
 * its errors stand there. Writes become operation records of the store; what they change is
 * published to the catalogue (in-memory attributes of every memory), the vector spaces and the
 * words index, which recall searches.
 * Threads: any, after om_memory_open. */
#ifndef OM_MEMORY_H
#define OM_MEMORY_H

#include "agentdb/agentdb.h"
#include "core/core.h"
#include "omega/memory.h"
#include "store/store.h"
#include "text/text.h"

struct om_memory;

struct om_memory_options {
    struct om_alloc *alloc;
    const struct om_clock *clock;
    struct om_uuid_source *ids;
    struct om_spaces *spaces;
    const struct om_embedder *embedder;
    struct om_stemmers *stemmers;
    struct om_scan_pool *pool;
    uint32_t dimension;         /* of the space "default"; 0: fixed by its first vector */
    uint64_t max_per_tier;      /* 0: no limit; per tier and scope root, archives the least worth */
    uint32_t session_gap_secs;
    uint32_t archive_retention_days; /* 0: archived memories stay */
    double vector_weight;
    double importance_weight;
    enum om_durability durability; /* what OMEGA_DURABILITY_DEFAULT means */
};

extern const struct om_schema om_memory_schema;

OMEGA_MUST_CHECK omega_status om_memory_new(const struct om_memory_options *options,
                                            struct om_memory **out);
void om_memory_free(struct om_memory *memory);
/* Its record kinds, to give to the store before it opens. */
const struct om_record_kind *const *om_memory_kinds(struct om_memory *memory, size_t *count);
/* Fills catalogue, spaces and words from the store, which must outlive the memory's use. */
OMEGA_MUST_CHECK omega_status om_memory_load(struct om_memory *memory, struct om_store *store,
                                             om_progress progress, void *context);

OMEGA_MUST_CHECK omega_status om_memory_store(struct om_memory *memory,
                                              const omega_memory_input *input, omega_id *out);
OMEGA_MUST_CHECK omega_status om_memory_store_batch(struct om_memory *memory,
                                                    const omega_memory_input *inputs, size_t count,
                                                    const omega_write_options *write,
                                                    omega_id *out);
OMEGA_MUST_CHECK omega_status om_memory_add_messages(struct om_memory *memory,
                                                     const omega_messages_options *options,
                                                     omega_id *out, char *session);
OMEGA_MUST_CHECK omega_status om_memory_get(struct om_memory *memory, const char *id,
                                            const omega_scope *scope, omega_memories **out);
OMEGA_MUST_CHECK omega_status om_memory_get_by_key(struct om_memory *memory, omega_str key,
                                                   const omega_scope *scope, omega_memories **out);
/* The one by id, or by key when `id` is NULL; unlike a get it does not count as an access. */
OMEGA_MUST_CHECK omega_status om_memory_peek(struct om_memory *memory, const char *id,
                                             omega_str key, const omega_scope *scope,
                                             omega_memories **out);
OMEGA_MUST_CHECK omega_status om_memory_history(struct om_memory *memory, const char *id,
                                                const omega_scope *scope, omega_memories **out);
OMEGA_MUST_CHECK omega_status om_memory_list(struct om_memory *memory,
                                             const omega_list_options *options,
                                             omega_memories **out);
OMEGA_MUST_CHECK omega_status om_memory_count(struct om_memory *memory,
                                              const omega_list_options *options, uint64_t *out);
OMEGA_MUST_CHECK omega_status om_memory_recall(struct om_memory *memory,
                                               const omega_recall_options *options,
                                               omega_memories **out);
OMEGA_MUST_CHECK omega_status om_memory_update(struct om_memory *memory,
                                               const omega_update_options *options,
                                               uint64_t *version);
OMEGA_MUST_CHECK omega_status om_memory_supersede(struct om_memory *memory, const char *old_id,
                                                  const omega_memory_input *input, omega_id *out);
OMEGA_MUST_CHECK omega_status om_memory_delete(struct om_memory *memory,
                                               const omega_delete_options *options,
                                               omega_deletion *out);
OMEGA_MUST_CHECK omega_status om_memory_delete_where(struct om_memory *memory,
                                                     const omega_delete_options *options,
                                                     omega_deletion *out);

/* ---- Upkeep: slices that the scheduler calls ----------------------------------------------- */

struct om_retention_report {
    uint64_t looked_at, archived, expired, removed;
};
/* Archives what its tier no longer keeps (pinned, Strategic and above never by time), the least
 * worth above max_per_tier, removes what has expired or stood archived for the configured days.
 * `stop` (may be NULL) is asked between slices. */
OMEGA_MUST_CHECK omega_status om_memory_retain(struct om_memory *memory,
                                               bool (*stop)(void *context), void *context,
                                               struct om_retention_report *out);
/* Would om_memory_retain change anything now? Looks until the first that is due. */
OMEGA_MUST_CHECK omega_status om_memory_retention_due(struct om_memory *memory,
                                                      bool (*stop)(void *context), void *context,
                                                      bool *due);
/* Writes the accesses that reads have gathered since the last time, in one record. */
OMEGA_MUST_CHECK omega_status om_memory_flush_access(struct om_memory *memory);
/* Gives freed slots and postings back once no reader can see them. */
void om_memory_reclaim(struct om_memory *memory);

struct om_memory_stats {
    uint64_t total; /* active */
    uint64_t by_tier[OMEGA_TIER_COUNT];
    uint64_t archived, superseded;
    uint64_t damaged; /* rows and vectors that loading left out; each is named in the log */
    uint64_t vector_bytes, words_bytes, catalog_bytes;
};
void om_memory_stats(struct om_memory *memory, struct om_memory_stats *out);
/* A real probe: recalls a stored row by its own vector and by its words, compares the index with
 * the store; *reason (>= 96 bytes) says what is wrong. */
omega_health om_memory_probe(struct om_memory *memory, char *reason, size_t size);
/* Takes the vector and words arms away, for drills and tests: recall then answers from the rows
 * alone (newest first, words matched by a scan) and says degraded. */
void om_memory_disable_index(struct om_memory *memory, bool disabled);

/* Hooks for measuring and fuzzing filters. How many entries of the catalogue pass. */
OMEGA_MUST_CHECK omega_status om_memory_filter_count(struct om_memory *memory,
                                                     omega_str filter_json, uint64_t *out);
/* Does a memory with this metadata pass? Asked of a row and of its entry: bit 0 and bit 1. */
OMEGA_MUST_CHECK omega_status om_memory_filter_try(omega_str filter_json, omega_str metadata_json,
                                                   unsigned *out);

/* Builds lists for callers outside (ops tests, import). */
const omega_memory *om_memories_at(const omega_memories *memories, size_t index);
size_t om_memories_count(const omega_memories *memories);
bool om_memories_degraded(const omega_memories *memories, const char **reason);
/* The vector that the caller gave with the entry (not the embedder's), as it is stored: its space,
 * which lives as long as the list, and its floats into `out` of OM_LIMIT_DIMENSION. OMEGA_ENOTFOUND
 * when there is none or the memory has gone since; OMEGA_ECORRUPT. */
OMEGA_MUST_CHECK omega_status om_memories_vector(const omega_memories *memories, size_t index,
                                                 omega_str *space, float *out,
                                                 uint32_t *dimension);
omega_str om_memories_cursor(const omega_memories *memories);
void om_memories_free(omega_memories *memories);

#endif
