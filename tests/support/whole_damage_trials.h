/* whole_damage_trials.h -- flipped bits and cut files under the whole engine: a row is as it was or
 * its call fails, and what is missing is named.
 *
 * The files are those of a store that was killed: a part of the script in the database, the rest in
 * the log. Which steps a damaged store still has follows from the number of missing operations that
 * it reports; against the model of that many steps every answer is judged.
 * Static; include after "support/whole.h" and "support/whole_script.h". */
#ifndef OM_TEST_WHOLE_DAMAGE_TRIALS_H
#define OM_TEST_WHOLE_DAMAGE_TRIALS_H

/* The last step is on the disk when it returns (script_call_init), so that omega.mark names it. */
enum { WRECK_FILES = 3, WRECK_STEPS = 119, WRECK_SEED = 77 };
static const char *const wreck_names[WRECK_FILES] = {"omega.db", "omega.db-wal", "omega.mark"};

struct wreck {
    const char *dir;
    struct om_buf files[WRECK_FILES];
    struct script_result results[WRECK_STEPS]; /* of each step, as it was acknowledged */
    uint64_t last_seq;
    /* figures */
    uint64_t trials, refused, read_only, missing, failed_calls, good_rows;
};

static inline void wreck_path(const struct wreck *wreck, size_t which, char out[512])
{
    (void)snprintf(out, 512, "%s/%s", wreck->dir, wreck_names[which]);
}

/* ---- Making ---------------------------------------------------------------------------------- */

static inline const char *wreck_steps(struct wreck *wreck, omega_runtime *rt, struct script *script)
{
    for (size_t i = 0; i < WRECK_STEPS; i++) {
        const struct script_step step = script_next(script);
        /* A pause checkpoints: what comes after it is only in the log. */
        if (i == WRECK_STEPS / 2 &&
            (omega_runtime_pause(rt) != OMEGA_OK || omega_runtime_resume(rt) != OMEGA_OK)) {
            return WHOLE_SAYS("pausing: %s", omega_error_message());
        }
        if (script_run(rt, script, &step, &wreck->results[i]) != OMEGA_OK) {
            return WHOLE_SAYS("step %zu: %s", i, omega_error_message());
        }
        script_accept(script, &step, wreck->results[i].ids);
        wreck->last_seq = wreck->results[i].receipt.seq;
    }
    return NULL;
}

static inline const char *wreck_make(struct wreck *wreck, const char *dir)
{
    struct script script = {.seed = WRECK_SEED};
    const struct whole_options options = {.dir = dir, .manual_schedule = true};
    omega_runtime *rt = NULL;
    *wreck = (struct wreck){.dir = dir};
    if (whole_start(&options, &rt) != OMEGA_OK) {
        return WHOLE_SAYS("start: %s", omega_error_message());
    }
    const char *wrong = wreck_steps(wreck, rt, &script);
    for (size_t i = 0; i < WRECK_FILES && wrong == NULL; i++) {
        char path[512];
        wreck_path(wreck, i, path);
        om_buf_init(&wreck->files[i], om_alloc_default(), 64U << 20);
        if (om_os_read_file(path, 64U << 20, &wreck->files[i]) != OMEGA_OK ||
            wreck->files[i].len == 0) {
            wrong = WHOLE_SAYS("%s cannot be copied", wreck_names[i]);
        }
    }
    whole_stop(rt);
    script_fini(&script);
    return wrong;
}

static inline void wreck_fini(struct wreck *wreck)
{
    for (size_t i = 0; i < WRECK_FILES; i++) {
        om_buf_fini(&wreck->files[i]);
    }
}

/* The files with one damage: bit `bit` of byte `at` flipped, or (bit 8) cut at `at`. */
struct wreck_damage {
    size_t which, at;
    unsigned bit;
};

static inline bool wreck_write(struct wreck *wreck, const struct wreck_damage *damage)
{
    whole_remove(wreck->dir);
    bool good = om_os_private_dir(wreck->dir) == OMEGA_OK;
    for (size_t i = 0; i < WRECK_FILES && good; i++) {
        char path[512];
        const bool is_hit = i == damage->which;
        unsigned char *byte = (unsigned char *)wreck->files[i].ptr + (is_hit ? damage->at : 0);
        const unsigned char mask =
            is_hit && damage->bit < 8 ? (unsigned char)(1U << damage->bit) : 0;
        wreck_path(wreck, i, path);
        FILE *file = fopen(path, "wb");
        const size_t size = is_hit && damage->bit == 8 ? damage->at : wreck->files[i].len;
        *byte ^= mask;
        good = file != NULL && fwrite(wreck->files[i].ptr, 1, size, file) == size;
        *byte ^= mask;
        good = file != NULL && fclose(file) == 0 && good;
    }
    return good;
}

/* ---- Judging --------------------------------------------------------------------------------- */

/* The model of the steps up to `last_seq`. */
static inline void wreck_model(const struct wreck *wreck, uint64_t last_seq, struct script *out)
{
    *out = (struct script){.seed = WRECK_SEED};
    for (size_t i = 0; i < WRECK_STEPS && wreck->results[i].receipt.seq <= last_seq; i++) {
        const struct script_step step = script_next(out);
        script_accept(out, &step, wreck->results[i].ids);
    }
}

struct wreck_look {
    struct wreck *wreck;
    const struct script *model;
    uint64_t lacking; /* stood in the model and are not given */
};

static inline const char *wreck_is_right(void *context, const omega_memory *memory)
{
    struct wreck_look *look = context;
    char text[WHOLE_TEXT_SIZE];
    for (size_t i = 0; i < look->model->count; i++) {
        const struct script_memory *known = &look->model->memories[i];
        if (strcmp(known->id.text, memory->id.text) != 0) {
            continue;
        }
        look->wreck->good_rows++;
        return known->is_alive && known->version == memory->version &&
                       whole_str_eq(memory->content, whole_text(known->text, text))
                   ? NULL
                   : WHOLE_SAYS("memory %s is \"%.*s\" instead of %s\"%s\"", memory->id.text,
                                (int)memory->content.len, memory->content.ptr,
                                known->is_alive ? "" : "forgotten ", text);
    }
    return WHOLE_SAYS("memory %s \"%.*s\" is none of the model's", memory->id.text,
                      (int)memory->content.len, memory->content.ptr);
}

static inline const char *wreck_get(struct wreck_look *look, omega_runtime *rt,
                                    const struct script_memory *known)
{
    char user[SCRIPT_NAME_SIZE], session[SCRIPT_NAME_SIZE];
    omega_memories *got = NULL;
    omega_scope scope;
    memset(&scope, 0, sizeof scope);
    script_user(look->model, user);
    scope.user = omega_str_of(user);
    if (known->session != 0) {
        (void)snprintf(session, sizeof session, "session-%llu", (unsigned long long)known->session);
        scope.session = omega_str_of(session);
    }
    const char *wrong = NULL;
    if (omega_memory_get(rt, known->id.text, &scope, &got) == OMEGA_OK) {
        wrong = wreck_is_right(look, omega_memories_at(got, 0));
    } else {
        look->lacking += known->is_alive;
        look->wreck->failed_calls++;
    }
    omega_memories_free(got);
    return wrong;
}

static inline const char *wreck_recall(struct wreck_look *look, omega_runtime *rt,
                                       const struct script_memory *known)
{
    char mark[WHOLE_MARK_SIZE];
    omega_memories *found = NULL;
    omega_recall_options options = OMEGA_RECALL_OPTIONS_INIT;
    whole_mark(known->text, mark);
    options.query = omega_str_of(mark);
    options.all_roots = true;
    const char *wrong = NULL;
    if (omega_memory_recall(rt, &options, &found) != OMEGA_OK) {
        look->wreck->failed_calls++;
        return NULL;
    }
    for (size_t i = 0; i < omega_memories_count(found) && wrong == NULL; i++) {
        wrong = wreck_is_right(look, omega_memories_at(found, i));
    }
    omega_memories_free(found);
    return wrong;
}

/* Listing stops with an error or gives what is there. */
static inline const char *wreck_list(struct wreck_look *look, omega_runtime *rt)
{
    omega_memories *page = NULL;
    omega_list_options options = OMEGA_LIST_OPTIONS_INIT;
    options.all_roots = true;
    options.limit = 1000;
    const char *wrong = NULL;
    if (omega_memory_list(rt, &options, &page) != OMEGA_OK) {
        look->wreck->failed_calls++;
        return NULL;
    }
    for (size_t i = 0; i < omega_memories_count(page) && wrong == NULL; i++) {
        wrong = wreck_is_right(look, omega_memories_at(page, i));
    }
    omega_memories_free(page);
    return wrong;
}

static inline const char *wreck_look_at(struct wreck *wreck, omega_runtime *rt,
                                        const struct script *model)
{
    struct wreck_look look = {.wreck = wreck, .model = model};
    const char *wrong = wreck_list(&look, rt);
    for (size_t i = 0; i < model->count && wrong == NULL; i++) {
        wrong = wreck_get(&look, rt, &model->memories[i]);
        if (wrong == NULL && i % 16 == 0) {
            wrong = wreck_recall(&look, rt, &model->memories[i]);
        }
    }
    if (wrong != NULL || look.lacking == 0) {
        return wrong;
    }
    omega_check_report report = {.struct_size = sizeof report};
    if (omega_check(rt, NULL, NULL, NULL, &report) == OMEGA_OK && report.faults == 0) {
        return WHOLE_SAYS("%llu memories are not given, and the check is content",
                          (unsigned long long)look.lacking);
    }
    return NULL;
}

/* How many operations the store says it lacks. */
static inline omega_status wreck_missing(const struct wreck *wreck, uint64_t *missing)
{
    omega_config config;
    omega_config_init(&config);
    (void)snprintf(config.runtime_data_dir, sizeof config.runtime_data_dir, "%s", wreck->dir);
    config.runtime_log_level = 4;
    *missing = 0;
    return omega_accept_loss(&config, missing);
}

/* A read-only store refuses writes by that name; after the loss is accepted it takes them again. */
static inline const char *wreck_judge(struct wreck *wreck, const struct wreck_damage *damage)
{
    const struct whole_options options = {.dir = wreck->dir, .manual_schedule = true};
    omega_runtime *rt = NULL;
    uint64_t missing = 0;
    if (wreck_missing(wreck, &missing) != OMEGA_OK) {
        missing = 0;
    }
    if (missing > wreck->last_seq || !wreck_write(wreck, damage)) {
        return WHOLE_SAYS("%llu operations are said to be missing", (unsigned long long)missing);
    }
    if (whole_start(&options, &rt) != OMEGA_OK) {
        wreck->refused++;
        return NULL;
    }
    struct script model;
    wreck_model(wreck, wreck->last_seq - missing, &model);
    const char *wrong = wreck_look_at(wreck, rt, &model);
    const struct script_step step = script_next(&model);
    struct script_result result;
    const omega_status status =
        wrong == NULL ? script_run(rt, &model, &step, &result) : OMEGA_EREADONLY;
    if (wrong == NULL && missing != 0 && status != OMEGA_EREADONLY) {
        wrong = WHOLE_SAYS("a store that lacks %llu operations takes a write: %s",
                           (unsigned long long)missing, omega_status_name(status));
    }
    wreck->read_only += missing != 0;
    wreck->missing += missing;
    script_fini(&model);
    whole_stop(rt);
    return wrong;
}

/* Damage number `number` of file `which`, flips and cuts in turn. */
static inline const char *wreck_trial(struct wreck *wreck, size_t which, uint64_t number)
{
    const struct wreck_damage damage = {
        .which = which,
        .at = whole_draw(number / 2, 91 + which) % wreck->files[which].len,
        .bit = number % 2 == 0 ? (unsigned)(whole_draw(number, 5) % 8) : 8};
    wreck->trials++;
    const char *wrong =
        wreck_write(wreck, &damage) ? wreck_judge(wreck, &damage) : "the files cannot be written";
    if (wrong == NULL) {
        return NULL;
    }
    char what[WHOLE_SAYS_SIZE];
    (void)snprintf(what, sizeof what, "%s", wrong);
    return WHOLE_SAYS("%s, %s %zu: %.400s", wreck_names[which],
                      damage.bit == 8 ? "cut at" : "bit flipped in byte", damage.at, what);
}

#endif
