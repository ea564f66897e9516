/* whole.h -- the whole engine on a directory, through its public contract, for tests and campaigns.
 *
 * A memory of a trial is named by a number, from which its text and its vector follow: what is
 * found can be compared without having been kept. Checks give NULL or a sentence about what is
 * wrong, so that a campaign needs no test framework. Everything is static. */
#ifndef OM_TEST_WHOLE_H
#define OM_TEST_WHOLE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "omega/omega.h"
#include "runtime/runtime.h"

enum { WHOLE_DIMENSION = 16, WHOLE_TEXT_SIZE = 512, WHOLE_MARK_SIZE = 16, WHOLE_SAYS_SIZE = 640 };

static _Thread_local char whole_text_of_fault[WHOLE_SAYS_SIZE];
#define WHOLE_SAYS(...)                                                                            \
    ((void)snprintf(whole_text_of_fault, sizeof whole_text_of_fault, __VA_ARGS__),                 \
     (const char *)whole_text_of_fault)

static inline uint64_t whole_draw(uint64_t number, uint64_t salt)
{
    return om_hash(&number, sizeof number, salt);
}

/* ---- Texts and vectors ----------------------------------------------------------------------- */

/* A word that no other number has; without a vowel, so that it is its own stem. */
static inline void whole_mark(uint64_t number, char out[WHOLE_MARK_SIZE])
{
    static const char letters[] = "bcdfgklmnprtvwxz";
    const uint64_t bits = whole_draw(number, 0x6d61726b);
    for (size_t i = 0; i < 12; i++) {
        out[i] = letters[bits >> (4 * i) & 15];
    }
    out[12] = '\0';
}

/* "<mark> 3 to 20 everyday words": borrowed from `out`. */
static inline omega_str whole_text(uint64_t number, char out[WHOLE_TEXT_SIZE])
{
    static const char *const words[] = {
        "river",  "garden", "letter", "window", "winter", "bridge", "market", "teacher",
        "engine", "island", "summer", "doctor", "silver", "orange", "coffee", "planet",
        "mirror", "forest", "castle", "singer", "ticket", "camera", "dinner", "basket"};
    size_t count = 3 + whole_draw(number, 1) % 18, len = 12;
    whole_mark(number, out);
    for (size_t i = 0; i < count; i++) {
        const char *word = words[whole_draw(number * 32 + i, 2) % OM_COUNT_OF(words)];
        len += (size_t)snprintf(out + len, WHOLE_TEXT_SIZE - len, " %s", word);
    }
    return (omega_str){out, len};
}

static inline const float *whole_vector(uint64_t number, float out[WHOLE_DIMENSION])
{
    for (unsigned i = 0; i < WHOLE_DIMENSION; i++) {
        out[i] = (float)(whole_draw(number * WHOLE_DIMENSION + i, 3) % 20001) / 10000.0F - 1.0F;
    }
    return out;
}

static inline bool whole_str_eq(omega_str a, omega_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* A UUID of a caller, from two numbers. */
static inline omega_id whole_op_id(uint64_t high, uint64_t low)
{
    omega_id id;
    (void)snprintf(id.text, sizeof id.text, "%08x-%04x-4%03x-8%03x-%012llx",
                   (unsigned)(high & 0xffffffff), (unsigned)(high >> 32 & 0xffff),
                   (unsigned)(high >> 48 & 0xfff), (unsigned)(low >> 48 & 0xfff),
                   (unsigned long long)(low & UINT64_C(0xffffffffffff)));
    return id;
}

/* ---- Directories ----------------------------------------------------------------------------- */

static inline int whole_remove_one(const char *path, const struct stat *stat, int type,
                                   struct FTW *where)
{
    (void)stat;
    (void)type;
    (void)where;
    return remove(path);
}

static inline void whole_remove(const char *dir)
{
    (void)nftw(dir, whole_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A fresh directory; the data directory is to be made inside it. */
static inline bool whole_make_dir(char *out, size_t size)
{
    const char *base = getenv("TMPDIR");
    int len = snprintf(out, size, "%s/omega-whole-XXXXXX", base != NULL ? base : "/tmp");
    return len > 0 && (size_t)len < size && mkdtemp(out) != NULL;
}

/* ---- Runtimes -------------------------------------------------------------------------------- */

/* `tune` (may be NULL) changes the configuration first. */
struct whole_options {
    const char *dir;
    const char *vfs;
    bool manual_schedule;
    bool keep_operations;
};

static inline omega_status whole_start(const struct whole_options *options, omega_runtime **out)
{
    omega_config config;
    omega_config_init(&config);
    (void)snprintf(config.runtime_data_dir, sizeof config.runtime_data_dir, "%s", options->dir);
    config.store_keep_operations = options->keep_operations;
    config.runtime_log_level = 4;
    const struct om_runtime_options with = {
        .config = &config, .vfs = options->vfs, .manual_schedule = options->manual_schedule};
    *out = NULL;
    omega_status status = om_runtime_new_with(&with, out);
    if (status == OMEGA_OK) {
        status = omega_runtime_start(*out);
    }
    if (status != OMEGA_OK) {
        /* The message outlives the handle: it is this thread's. */
        omega_runtime_free(*out);
        *out = NULL;
    }
    return status;
}

static inline void whole_stop(omega_runtime *rt)
{
    if (rt != NULL) {
        (void)omega_runtime_stop(rt, 10000);
    }
    omega_runtime_free(rt);
}

static inline void whole_keep_fault(void *context, const char *fault)
{
    char *first = context;
    if (first[0] == '\0') {
        (void)snprintf(first, 256, "%s", fault);
    }
}

/* `omega check` finds nothing. */
static inline const char *whole_check(omega_runtime *rt)
{
    char first[256] = "";
    omega_check_report report = {.struct_size = sizeof report};
    if (omega_check(rt, whole_keep_fault, NULL, first, &report) != OMEGA_OK) {
        return WHOLE_SAYS("the check fails: %s", omega_error_message());
    }
    return report.faults == 0 ? NULL
                              : WHOLE_SAYS("the check finds %llu faults: %s",
                                           (unsigned long long)report.faults, first);
}

/* Each memory of every root and state, in pages. `each` gives NULL or what is wrong. */
static inline const char *whole_each(omega_runtime *rt,
                                     const char *(*each)(void *context, const omega_memory *memory),
                                     void *context)
{
    char cursor[512] = "";
    omega_list_options options = OMEGA_LIST_OPTIONS_INIT;
    options.all_roots = true;
    options.limit = 1000;
    options.include = OMEGA_INCLUDE_ARCHIVED;
    const char *wrong = NULL;
    do {
        omega_memories *page = NULL;
        options.cursor = (omega_str){cursor[0] != '\0' ? cursor : NULL, strlen(cursor)};
        if (omega_memory_list(rt, &options, &page) != OMEGA_OK) {
            return WHOLE_SAYS("listing fails: %s", omega_error_message());
        }
        for (size_t i = 0; i < omega_memories_count(page) && wrong == NULL; i++) {
            wrong = each(context, omega_memories_at(page, i));
        }
        const omega_str next = omega_memories_cursor(page);
        (void)snprintf(cursor, sizeof cursor, "%.*s", (int)next.len, next.len > 0 ? next.ptr : "");
        omega_memories_free(page);
    } while (cursor[0] != '\0' && wrong == NULL);
    return wrong;
}

/* The words of number `number` find memory `id` among the first 5. */
static inline const char *whole_finds(omega_runtime *rt, uint64_t number, const char *id)
{
    char mark[WHOLE_MARK_SIZE];
    omega_memories *found = NULL;
    omega_recall_options options = OMEGA_RECALL_OPTIONS_INIT;
    whole_mark(number, mark);
    options.query = omega_str_of(mark);
    options.k = 5;
    options.all_roots = true;
    if (omega_memory_recall(rt, &options, &found) != OMEGA_OK) {
        return WHOLE_SAYS("recall fails: %s", omega_error_message());
    }
    bool here = false;
    const char *reason = "";
    if (omega_memories_degraded(found, &reason)) {
        omega_memories_free(found);
        return WHOLE_SAYS("recall is degraded: %s", reason);
    }
    for (size_t i = 0; i < omega_memories_count(found); i++) {
        here = here || strcmp(omega_memories_at(found, i)->id.text, id) == 0;
    }
    omega_memories_free(found);
    return here ? NULL : WHOLE_SAYS("'%s' does not recall memory %s", mark, id);
}

#endif
