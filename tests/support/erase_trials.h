/* erase_trials.h -- forgotten memories leave no byte: every file of the directory is searched for
 * their words and for any 16 consecutive bytes of their vectors.
 *
 * The words of a memory begin with marks that nothing else has, so that a stem, a folded or an
 * upper-case form holds the mark as well as the raw word does. Places: content, metadata, name,
 * key, a past version. Vectors: the caller's, the embedder's, those of the past version. A window
 * of bytes that a surviving vector has too, or that is nearly all zero, proves nothing and is left
 * out. Static; include after "support/whole.h". */
#ifndef OM_TEST_ERASE_TRIALS_H
#define OM_TEST_ERASE_TRIALS_H

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum {
    ERASE_PLACES = 6, /* of marks: two words of the content, metadata, name, key, past version */
    ERASE_MARKED = 12,
    ERASE_WINDOW = 16,
    ERASE_LEAST_BYTES = 6, /* of a window that are not zero */
    ERASE_OWN = 48,        /* dimension of the caller's vectors */
    ERASE_BUILT_IN = 768,
    ERASE_TABLE_BITS = 21,
    ERASE_RUN = 5
};

struct erase_needle {
    unsigned char bytes[ERASE_WINDOW];
    uint32_t size; /* 12: a mark, 16: a window */
    uint32_t owner;
    uint32_t next; /* in its chain, from 1 */
    bool is_shared;
};

struct erase_needles {
    struct erase_needle *items;
    size_t count, capacity;
    uint32_t *heads;
};

struct erase_trial {
    const char *dir;
    uint32_t total;   /* memories */
    uint32_t victims; /* runs of ERASE_RUN, evenly: whole leaves of a tree go, and half leaves */
    omega_id *ids;
    struct erase_needles words, windows; /* of the victims */
};

/* What stands where. */
struct erase_found {
    uint32_t *words, *windows; /* by victim: needles found */
    char file[64];             /* of the last one */
    uint64_t bytes;            /* searched */
};

/* ---- Needles --------------------------------------------------------------------------------- */

static inline uint32_t erase_hash(const unsigned char *bytes)
{
    /* Of as many bytes as the shortest needle has: by fewer, windows that begin with zeros would
     * all stand in one chain. */
    uint64_t head, tail;
    memcpy(&head, bytes, sizeof head);
    memcpy(&tail, bytes + ERASE_MARKED - sizeof tail, sizeof tail);
    head = (head ^ tail << 17 ^ tail >> 47) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(head >> (64 - ERASE_TABLE_BITS));
}

static inline void erase_needle_add(struct erase_needles *needles, const void *bytes, uint32_t size,
                                    uint32_t owner)
{
    if (needles->count == needles->capacity) {
        needles->capacity = needles->capacity == 0 ? 4096 : needles->capacity * 2;
        needles->items = realloc(needles->items, needles->capacity * sizeof *needles->items);
        if (needles->heads == NULL) {
            needles->heads = calloc((size_t)1 << ERASE_TABLE_BITS, sizeof *needles->heads);
        }
        if (needles->items == NULL || needles->heads == NULL) {
            abort();
        }
    }
    struct erase_needle *needle = &needles->items[needles->count++];
    *needle = (struct erase_needle){.size = size, .owner = owner};
    memcpy(needle->bytes, bytes, size);
    const uint32_t chain = erase_hash(needle->bytes);
    needle->next = needles->heads[chain];
    needles->heads[chain] = (uint32_t)needles->count;
}

/* Two owners of the same bytes: neither's going can be seen by them. */
static inline bool erase_is_shared(struct erase_needles *needles, const unsigned char *bytes,
                                   uint32_t owner)
{
    bool shared = false;
    for (uint32_t i = needles->count > 0 ? needles->heads[erase_hash(bytes)] : 0; i != 0;
         i = needles->items[i - 1].next) {
        struct erase_needle *needle = &needles->items[i - 1];
        if (needle->owner != owner && memcmp(needle->bytes, bytes, ERASE_WINDOW) == 0) {
            needle->is_shared = shared = true;
        }
    }
    return shared;
}

static inline void erase_add_windows(struct erase_needles *needles, const float *vector,
                                     size_t dimension, uint32_t owner)
{
    const unsigned char *bytes = (const unsigned char *)vector;
    for (size_t at = 0; at + ERASE_WINDOW <= dimension * sizeof *vector; at++) {
        unsigned live = 0;
        for (size_t i = 0; i < ERASE_WINDOW; i++) {
            live += bytes[at + i] != 0;
        }
        if (live >= ERASE_LEAST_BYTES && !erase_is_shared(needles, bytes + at, owner)) {
            erase_needle_add(needles, bytes + at, ERASE_WINDOW, owner);
        }
    }
}

/* Calls `each` with every needle that stands in `bytes`. */
static inline void erase_search(struct erase_needles *needles, const unsigned char *bytes,
                                size_t size, void (*each)(void *context, struct erase_needle *),
                                void *context)
{
    for (size_t at = 0; at + ERASE_MARKED <= size && needles->count > 0; at++) {
        for (uint32_t i = needles->heads[erase_hash(bytes + at)]; i != 0;
             i = needles->items[i - 1].next) {
            struct erase_needle *needle = &needles->items[i - 1];
            if (at + needle->size <= size && memcmp(needle->bytes, bytes + at, needle->size) == 0) {
                each(context, needle);
            }
        }
    }
}

static inline void erase_share(void *context, struct erase_needle *needle)
{
    (void)context;
    needle->is_shared = true;
}

static inline void erase_needles_fini(struct erase_needles *needles)
{
    free(needles->items);
    free(needles->heads);
    *needles = (struct erase_needles){0};
}

/* ---- Memories -------------------------------------------------------------------------------- */

static inline bool erase_is_victim(const struct erase_trial *trial, uint32_t number)
{
    return number / ERASE_RUN % (trial->total / trial->victims) == 0;
}

static inline bool erase_has_past(uint32_t number)
{
    return number % 3 == 0;
}

static inline void erase_mark(uint32_t number, unsigned place, char out[WHOLE_MARK_SIZE])
{
    whole_mark((uint64_t)number * ERASE_PLACES + place + 1000, out);
}

/* `past`: the content before the update. */
static inline omega_str erase_text(uint32_t number, bool past, char out[WHOLE_TEXT_SIZE])
{
    char first[WHOLE_MARK_SIZE], second[WHOLE_MARK_SIZE];
    erase_mark(number, past ? 5 : 0, first);
    erase_mark(number, past ? 5 : 1, second);
    int len = snprintf(out, WHOLE_TEXT_SIZE, "The %salings of \xc3\x96%s\xc3\xa9 were put off",
                       first, second);
    /* Lengths of all kinds: cells move between pages when their neighbours go. */
    for (uint64_t i = whole_draw(number, past ? 9 : 10) % 40; i > 0; i--) {
        len += snprintf(out + len, WHOLE_TEXT_SIZE - (size_t)len, " by a day");
    }
    return (omega_str){out, (size_t)len};
}

static inline const float *erase_vector(uint32_t number, bool past, float out[ERASE_OWN])
{
    for (uint32_t i = 0; i < ERASE_OWN; i++) {
        out[i] =
            (float)((double)(whole_draw((uint64_t)number * 128 + i, past ? 7 : 8) >> 11) * 0x1p-52 -
                    1.0);
    }
    return out;
}

static inline const char *erase_store_one(struct erase_trial *trial, omega_runtime *rt,
                                          uint32_t number)
{
    char text[WHOLE_TEXT_SIZE], mark[WHOLE_MARK_SIZE], name[WHOLE_MARK_SIZE], key[WHOLE_MARK_SIZE];
    char metadata[80];
    float vector[ERASE_OWN];
    const bool past = erase_has_past(number);
    omega_memory_input input = OMEGA_MEMORY_INPUT_INIT;
    input.content = erase_text(number, past, text);
    erase_mark(number, 2, mark);
    (void)snprintf(metadata, sizeof metadata, "{\"victim\":%s,\"note\":\"%s\"}",
                   erase_is_victim(trial, number) ? "true" : "false", mark);
    input.metadata_json = omega_str_of(metadata);
    if (number % 4 == 1) {
        erase_mark(number, 3, name);
        erase_mark(number, 4, key);
        input.name = omega_str_of(name);
        input.key = omega_str_of(key);
    }
    if (number % 2 == 0) {
        input.embedding = erase_vector(number, past, vector);
        input.dimension = ERASE_OWN;
    }
    input.write.durability = OMEGA_DURABILITY_PROCESS;
    omega_status status = omega_memory_store(rt, &input, &trial->ids[number]);
    if (status == OMEGA_OK && past) {
        omega_update_options update = OMEGA_UPDATE_OPTIONS_INIT;
        update.id = trial->ids[number].text;
        update.content = erase_text(number, false, text);
        update.embedding = number % 2 == 0 ? erase_vector(number, false, vector) : NULL;
        update.dimension = number % 2 == 0 ? ERASE_OWN : 0;
        update.write.durability = OMEGA_DURABILITY_PROCESS;
        status = omega_memory_update(rt, &update, NULL);
    }
    return status == OMEGA_OK ? NULL : WHOLE_SAYS("storing: %s", omega_error_message());
}

/* Each vector of a memory, now and before, to `take`. */
static inline const char *erase_each_vector(omega_runtime *rt, uint32_t number,
                                            void (*take)(struct erase_trial *trial, uint32_t number,
                                                         const float *vector, size_t dimension),
                                            struct erase_trial *trial)
{
    char text[WHOLE_TEXT_SIZE];
    float own[ERASE_OWN], built_in[ERASE_BUILT_IN];
    for (int past = 0; past <= (erase_has_past(number) ? 1 : 0); past++) {
        if (number % 2 == 0) {
            take(trial, number, erase_vector(number, past != 0, own), ERASE_OWN);
        }
        const omega_str content = erase_text(number, past != 0, text);
        if (omega_embed(rt, content, built_in, ERASE_BUILT_IN) != OMEGA_OK) {
            return WHOLE_SAYS("embedding: %s", omega_error_message());
        }
        take(trial, number, built_in, ERASE_BUILT_IN);
    }
    return NULL;
}

static inline void erase_take(struct erase_trial *trial, uint32_t number, const float *vector,
                              size_t dimension)
{
    erase_add_windows(&trial->windows, vector, dimension, number);
}

static inline void erase_leave_out(struct erase_trial *trial, uint32_t number, const float *vector,
                                   size_t dimension)
{
    (void)number;
    erase_search(&trial->windows, (const unsigned char *)vector, dimension * sizeof *vector,
                 erase_share, NULL);
}

static inline const char *erase_collect(struct erase_trial *trial, omega_runtime *rt)
{
    const char *wrong = NULL;
    for (uint32_t n = 0; n < trial->total && wrong == NULL; n++) {
        if (!erase_is_victim(trial, n)) {
            continue;
        }
        for (unsigned place = 0; place < ERASE_PLACES; place++) {
            char mark[WHOLE_MARK_SIZE];
            const bool has = place < 3 || (place == 5 ? erase_has_past(n) : n % 4 == 1);
            erase_mark(n, place, mark);
            if (has) {
                erase_needle_add(&trial->words, mark, ERASE_MARKED, n);
            }
        }
        wrong = erase_each_vector(rt, n, erase_take, trial);
    }
    for (uint32_t n = 0; n < trial->total && wrong == NULL; n++) {
        if (!erase_is_victim(trial, n)) {
            wrong = erase_each_vector(rt, n, erase_leave_out, trial);
        }
    }
    return wrong;
}

/* A directory with `total` memories, open in *out. */
static inline const char *erase_begin(struct erase_trial *trial, omega_runtime **out)
{
    const struct whole_options options = {.dir = trial->dir};
    trial->ids = calloc(trial->total, sizeof *trial->ids);
    if (trial->ids == NULL || whole_start(&options, out) != OMEGA_OK) {
        return WHOLE_SAYS("start: %s", omega_error_message());
    }
    const char *wrong = NULL;
    for (uint32_t n = 0; n < trial->total && wrong == NULL; n++) {
        wrong = erase_store_one(trial, *out, n);
    }
    return wrong == NULL ? erase_collect(trial, *out) : wrong;
}

static inline void erase_end(struct erase_trial *trial)
{
    erase_needles_fini(&trial->words);
    erase_needles_fini(&trial->windows);
    free(trial->ids);
    trial->ids = NULL;
}

/* ---- Searching the directory ----------------------------------------------------------------- */

struct erase_hit {
    struct erase_found *found;
    const char *file;
};

static inline void erase_note(void *context, struct erase_needle *needle)
{
    struct erase_hit *hit = context;
    if (needle->is_shared) {
        return;
    }
    uint32_t *counts = needle->size == ERASE_MARKED ? hit->found->words : hit->found->windows;
    counts[needle->owner]++;
    (void)snprintf(hit->found->file, sizeof hit->found->file, "%s", hit->file);
}

static inline bool erase_search_file(struct erase_trial *trial, const char *name,
                                     struct erase_found *found)
{
    char path[512];
    struct om_buf bytes;
    struct erase_hit hit = {found, name};
    om_buf_init(&bytes, om_alloc_default(), (size_t)1 << 30);
    (void)snprintf(path, sizeof path, "%s/%s", trial->dir, name);
    const bool good = om_os_read_file(path, (size_t)1 << 30, &bytes) == OMEGA_OK;
    if (good) {
        const unsigned char *start = (const unsigned char *)bytes.ptr;
        erase_search(&trial->words, start, bytes.len, erase_note, &hit);
        erase_search(&trial->windows, start, bytes.len, erase_note, &hit);
        found->bytes += bytes.len;
    }
    om_buf_fini(&bytes);
    return good;
}

static inline void erase_found_fini(struct erase_found *found)
{
    free(found->words);
    free(found->windows);
    *found = (struct erase_found){0};
}

static inline bool erase_search_dir(struct erase_trial *trial, struct erase_found *found)
{
    *found = (struct erase_found){.words = calloc(trial->total, sizeof *found->words),
                                  .windows = calloc(trial->total, sizeof *found->windows)};
    DIR *dir = opendir(trial->dir);
    bool good = dir != NULL && found->words != NULL && found->windows != NULL;
    struct dirent *entry;
    while (good && (entry = readdir(dir)) != NULL) {
        if (entry->d_type == DT_REG) {
            good = erase_search_file(trial, entry->d_name, found);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return good;
}

/* Control: everything of each victim that still stands is found. */
static inline const char *erase_all_here(struct erase_trial *trial, const bool *gone)
{
    struct erase_found found;
    const char *wrong = erase_search_dir(trial, &found) ? NULL : "the files cannot be read";
    for (uint32_t n = 0; n < trial->total && wrong == NULL; n++) {
        if (!erase_is_victim(trial, n) || (gone != NULL && gone[n])) {
            continue;
        }
        if (found.words[n] < 3) {
            wrong = WHOLE_SAYS("control: words of memory %u are not in the files", n);
        } else if (found.windows[n] < ERASE_OWN) {
            wrong = WHOLE_SAYS("control: vectors of memory %u are not in the files", n);
        }
    }
    erase_found_fini(&found);
    return wrong;
}

/* Nothing of a victim that is gone (NULL: of all) is found. */
static inline const char *erase_none_here(struct erase_trial *trial, const bool *gone,
                                          uint64_t *searched)
{
    struct erase_found found;
    const char *wrong = erase_search_dir(trial, &found) ? NULL : "the files cannot be read";
    for (uint32_t n = 0; n < trial->total && wrong == NULL; n++) {
        if (!erase_is_victim(trial, n) || (gone != NULL && !gone[n])) {
            continue;
        }
        if (found.words[n] != 0 || found.windows[n] != 0) {
            wrong = WHOLE_SAYS("%u words and %u windows of forgotten memory %u are left (in %s)",
                               found.words[n], found.windows[n], n, found.file);
        }
    }
    *searched += found.bytes;
    erase_found_fini(&found);
    return wrong;
}

/* ---- Forgetting ------------------------------------------------------------------------------ */

/* All victims by one call with a filter. */
static inline const char *erase_by_filter(struct erase_trial *trial, omega_runtime *rt)
{
    omega_list_options where = OMEGA_LIST_OPTIONS_INIT;
    omega_delete_options options = OMEGA_DELETE_OPTIONS_INIT;
    omega_deletion done = {.struct_size = sizeof done};
    where.filter_json = omega_str_of("{\"victim\": true}");
    where.all_roots = true;
    options.where = &where;
    options.now = true;
    if (omega_memory_delete_where(rt, &options, &done) != OMEGA_OK) {
        return WHOLE_SAYS("forgetting: %s", omega_error_message());
    }
    if (done.deleted != trial->victims || !done.erased || done.overwritten_bytes == 0) {
        return WHOLE_SAYS("the receipt says %llu deleted, erased %d, %llu bytes",
                          (unsigned long long)done.deleted, done.erased,
                          (unsigned long long)done.overwritten_bytes);
    }
    return NULL;
}

static inline const char *erase_filter_trial(struct erase_trial *trial, uint64_t *searched)
{
    omega_runtime *rt = NULL;
    const char *wrong = erase_begin(trial, &rt);
    if (wrong == NULL) {
        wrong = erase_all_here(trial, NULL);
    }
    if (wrong == NULL) {
        wrong = erase_by_filter(trial, rt);
    }
    if (wrong == NULL) {
        wrong = erase_none_here(trial, NULL, searched);
    }
    if (wrong == NULL) {
        wrong = whole_check(rt);
    }
    whole_stop(rt);
    if (wrong == NULL) {
        wrong = erase_none_here(trial, NULL, searched);
    }
    return wrong;
}

/* Never returns; a byte goes down the pipe with each memory that is forgotten. */
static inline void erase_child(struct erase_trial *trial, int out)
{
    omega_runtime *rt = NULL;
    const struct whole_options options = {.dir = trial->dir};
    omega_status status = whole_start(&options, &rt);
    omega_delete_options each = OMEGA_DELETE_OPTIONS_INIT;
    each.now = true;
    for (uint32_t n = 0; n < trial->total && status == OMEGA_OK; n++) {
        each.id = trial->ids[n].text;
        status = erase_is_victim(trial, n) ? omega_memory_delete(rt, &each, NULL) : OMEGA_OK;
        if (erase_is_victim(trial, n) && status == OMEGA_OK) {
            (void)!write(out, "", 1);
        }
        status = status == OMEGA_ENOTFOUND ? OMEGA_OK : status;
    }
    _exit(status == OMEGA_OK ? 0 : 1);
}

/* The child forgets one after the other and is killed a moment after the first or second. */
static inline bool erase_kill(struct erase_trial *trial, uint64_t draw)
{
    const struct timespec delay = {0, (long)(draw % 4000) * 1000};
    char acks[2];
    int ends[2], how = 0;
    if (pipe(ends) != 0) {
        return false;
    }
    const pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        erase_child(trial, ends[1]);
    }
    (void)close(ends[1]);
    for (uint64_t i = 0; i <= (draw >> 20 & 1) && read(ends[0], acks, 1) == 1; i++) {
    }
    (void)nanosleep(&delay, NULL);
    if (child > 0) {
        (void)kill(child, SIGKILL);
    }
    (void)close(ends[0]);
    return child > 0 && waitpid(child, &how, 0) == child &&
           (WIFSIGNALED(how) || WEXITSTATUS(how) == 0);
}

/* Which victims are gone, as the open store says. */
static inline const char *erase_gone(struct erase_trial *trial, omega_runtime *rt, bool *gone,
                                     uint32_t *count)
{
    *count = 0;
    for (uint32_t n = 0; n < trial->total; n++) {
        omega_memories *got = NULL;
        omega_status status = omega_memory_get(rt, trial->ids[n].text, NULL, &got);
        omega_memories_free(got);
        gone[n] = status == OMEGA_ENOTFOUND;
        *count += gone[n] ? 1 : 0;
        if ((status != OMEGA_OK && !gone[n]) || (gone[n] && !erase_is_victim(trial, n))) {
            return WHOLE_SAYS("memory %u: %s", n, omega_error_message());
        }
    }
    return NULL;
}

/* Kills until all are forgotten; after each, what is gone has left no byte and the others all. */
static inline const char *erase_kill_trial(struct erase_trial *trial, uint64_t seed,
                                           uint64_t *kills, uint64_t *searched)
{
    omega_runtime *rt = NULL;
    const struct whole_options options = {.dir = trial->dir};
    bool *gone = calloc(trial->total, sizeof *gone);
    uint32_t count = 0;
    const char *wrong = gone != NULL ? erase_begin(trial, &rt) : "out of memory";
    whole_stop(rt);
    for (uint64_t round = 0; wrong == NULL && count < trial->victims; round++) {
        rt = NULL;
        if (!erase_kill(trial, whole_draw(round, seed))) {
            wrong = "the forgetting process failed";
        } else if (whole_start(&options, &rt) != OMEGA_OK) {
            wrong = WHOLE_SAYS("does not open: %s", omega_error_message());
        }
        wrong = wrong == NULL ? erase_gone(trial, rt, gone, &count) : wrong;
        wrong = wrong == NULL ? erase_none_here(trial, gone, searched) : wrong;
        wrong = wrong == NULL ? erase_all_here(trial, gone) : wrong;
        wrong = wrong == NULL ? whole_check(rt) : wrong;
        whole_stop(rt);
        wrong = wrong == NULL ? erase_none_here(trial, gone, searched) : wrong;
        ++*kills;
    }
    free(gone);
    return wrong;
}

#endif
