/* recall_int.h -- one recall under way. Private to memory/recall*.c and candidates.c.
 *
 * recall.c        the order of things: check, snapshot, rank, read, verify, fill
 * recall_plan.c   what may be seen, and which arms are asked
 * candidates.c    asking the arms over the index, fusing, ranking
 * recall_rows.c   the same ranking from the rows alone
 * recall_explain.c  why a result stands where it does */
#ifndef OM_RECALL_INT_H
#define OM_RECALL_INT_H

#include "memory/memory_int.h"

enum {
    OM_RECALL_ARMS = 3,
    OM_RECALL_START = 400,   /* candidates of an arm at first, at least */
    OM_RECALL_GROWTH = 4,    /* times as many when they do not decide the first k */
    OM_RECALL_WAIT_MS = 5000 /* for a reader's connection */
};

/* One way of scoring: the words, or the vectors of one space. */
struct om_arm {
    const char *name;             /* "words" or "vector" */
    const char *absent;           /* why it is not asked; NULL when it is */
    double weight;                /* of the convex sum, as configured */
    const struct om_space *space; /* of a vector arm; NULL when it is not there yet */
    const char *space_name;
    const float *query;              /* of a vector arm */
    struct om_vectors_query vectors; /* the same, at the snapshot */
    struct om_words_query *words;    /* of the words arm */
    unsigned ticket;
    bool entered;
    /* of the last ranking */
    double max;     /* the best score: what scores are divided by */
    double bound;   /* normalised score that no unseen candidate exceeds */
    bool exhausted; /* every scored memory is a candidate */
};

struct om_candidate {
    uint32_t item; /* of the index; meaningless from rows */
    uint8_t has;   /* bit of each arm that can score it */
    bool used;     /* was read, whether or not it became a result */
    int64_t row, created_at;
    double importance;
    double scores[OM_RECALL_ARMS];
    double fused;
};

struct om_ranking {
    struct om_candidate *rows; /* best first */
    size_t count;
    bool complete; /* every visible memory is among them */
};

struct om_recall {
    struct om_memory *memory;
    const omega_recall_options *options;
    struct om_arena arena;
    struct om_filter *filter;
    struct om_reader reader;
    int64_t now;
    /* what may be seen */
    uint32_t tiers;  /* bit of each */
    uint32_t states; /* bit of each, of the pass under way */
    double min_importance;
    int64_t valid_at, known_at;
    om_name_id user, agent, session;
    uint32_t roots[OM_ITEM_FILTER_ROOTS];
    struct om_item_filter seen;
    /* how it is ranked */
    struct om_arm arms[OM_RECALL_ARMS];
    unsigned arm_count;
    double scale; /* of the pass under way: what it finds comes after the pass before */
    bool from_rows;
    const char *degraded; /* in the results' arena or static; NULL: not */
    omega_memories *results;
};

/* ---- recall_plan.c --------------------------------------------------------------------------- */

/* Checks the options and compiles them; asks the embedder. OMEGA_EINVAL names the option. */
OMEGA_MUST_CHECK omega_status om_recall_plan(struct om_recall *recall);
/* Enters the grace periods, takes the snapshot and binds the arms to it. */
OMEGA_MUST_CHECK omega_status om_recall_enter(struct om_recall *recall);
void om_recall_leave(struct om_recall *recall);
/* May an entry, or a row, be a result of this pass? */
bool om_recall_passes(void *recall, uint32_t item);
OMEGA_MUST_CHECK omega_status om_recall_row_passes(const struct om_recall *recall,
                                                   const struct om_memory_row *row, bool *passes);

/* ---- candidates.c ---------------------------------------------------------------------------- */

/* A ranking whose first `wanted` are exact, or as good as OM_LIMIT_K candidates of each arm
 * tell. */
OMEGA_MUST_CHECK omega_status om_recall_rank(struct om_recall *recall, size_t wanted,
                                             struct om_ranking *out);
/* Normalises by arms[].max, sums, and sorts. */
void om_recall_fuse(const struct om_recall *recall, struct om_ranking *ranking);
double om_recall_normalised(const struct om_arm *arm, double score);
/* Of the summed weights of the arms in `has`. */
double om_recall_weight(const struct om_recall *recall, unsigned has);

/* ---- recall_rows.c --------------------------------------------------------------------------- */

OMEGA_MUST_CHECK omega_status om_recall_rank_rows(struct om_recall *recall, struct om_ranking *out);

/* ---- recall_explain.c ------------------------------------------------------------------------ */

/* The JSON of omega_memory.explain_json, in the results' arena. */
OMEGA_MUST_CHECK omega_status om_recall_explain(struct om_recall *recall,
                                                const struct om_candidate *candidate,
                                                const struct om_memory_row *row, omega_str *out);

#endif
