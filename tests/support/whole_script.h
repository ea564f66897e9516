/* whole_script.h -- a writer whose every operation follows from what it has done before, and the
 * model of what the store must then hold.
 *
 * A script belongs to one thread and one user; it only touches its own memories, so that scripts
 * which run at once need no order between them. script_next gives the next step, script_run does it
 * through the public contract, script_accept takes it into the model. A step that was under way
 * when its process died is known: it is script_next of the model, and running it again with the
 * same operation id must have its effect once. Static; include after "support/whole.h". */
#ifndef OM_TEST_WHOLE_SCRIPT_H
#define OM_TEST_WHOLE_SCRIPT_H

enum { SCRIPT_PARTS = 4, SCRIPT_NAME_SIZE = 48 };

enum script_kind {
    SCRIPT_STORE,
    SCRIPT_BATCH,
    SCRIPT_MESSAGES,
    SCRIPT_UPDATE,
    SCRIPT_UPSERT,
    SCRIPT_DELETE,
    SCRIPT_ERASE, /* a delete that waits for the bytes */
    SCRIPT_KINDS
};

struct script_memory {
    omega_id id;
    uint64_t text; /* whole_text of this */
    uint64_t version;
    uint64_t key;     /* 0: none */
    uint64_t session; /* 0: none */
    bool has_vector;
    bool is_alive;
};

struct script {
    uint64_t seed;
    unsigned thread;
    uint64_t done; /* steps */
    struct script_memory *memories;
    size_t count, capacity;
};

struct script_step {
    enum script_kind kind;
    uint64_t number; /* of the step, from 1 */
    uint64_t texts[SCRIPT_PARTS];
    size_t part_count;
    size_t target; /* of what changes a memory */
    bool has_vector, has_key;
};

/* What a step gave back. */
struct script_result {
    omega_id ids[SCRIPT_PARTS];
    omega_receipt receipt;
};

static inline void script_fini(struct script *script)
{
    free(script->memories);
    script->memories = NULL;
    script->count = script->capacity = 0;
}

static inline void script_user(const struct script *script, char out[SCRIPT_NAME_SIZE])
{
    (void)snprintf(out, SCRIPT_NAME_SIZE, "user-%u", script->thread);
}

static inline uint64_t script_draw(const struct script *script, uint64_t step, uint64_t salt)
{
    return whole_draw(step * 64 + script->thread, script->seed * 131 + salt);
}

/* ---- Choosing -------------------------------------------------------------------------------- */

/* The next living memory from a drawn place on; false when all are gone. */
static inline bool script_choose(const struct script *script, uint64_t draw, size_t *out)
{
    for (size_t i = 0; i < script->count; i++) {
        size_t at = (draw + i) % script->count;
        if (script->memories[at].is_alive) {
            *out = at;
            return true;
        }
    }
    return false;
}

static inline enum script_kind script_kind_of(uint64_t draw)
{
    static const struct {
        enum script_kind kind;
        unsigned upto; /* of 100 */
    } rows[] = {{SCRIPT_STORE, 34},  {SCRIPT_BATCH, 43},  {SCRIPT_MESSAGES, 52},
                {SCRIPT_UPDATE, 68}, {SCRIPT_UPSERT, 74}, {SCRIPT_DELETE, 98},
                {SCRIPT_ERASE, 100}};
    size_t i = 0;
    while (draw % 100 >= rows[i].upto) {
        i++;
    }
    return rows[i].kind;
}

static inline uint64_t script_session_of(const struct script_step *step)
{
    return step->kind == SCRIPT_MESSAGES ? 1 + step->number / 50 : 0;
}

static inline struct script_step script_next(const struct script *script)
{
    struct script_step step = {.number = script->done + 1, .part_count = 1};
    const uint64_t draw = script_draw(script, step.number, 11);
    step.kind = script_kind_of(draw);
    if (step.kind >= SCRIPT_UPDATE && !script_choose(script, draw >> 8, &step.target)) {
        step.kind = SCRIPT_STORE;
    }
    if (step.kind == SCRIPT_UPSERT && script->memories[step.target].key == 0) {
        step.kind = SCRIPT_UPDATE;
    }
    if (step.kind == SCRIPT_BATCH || step.kind == SCRIPT_MESSAGES) {
        step.part_count = 2 + draw / 1000 % (SCRIPT_PARTS - 1);
    }
    step.has_vector = step.kind == SCRIPT_STORE && draw / 4000 % 4 == 0;
    step.has_key = step.kind == SCRIPT_STORE && draw / 16000 % 3 == 0;
    if (step.kind == SCRIPT_UPDATE || step.kind == SCRIPT_UPSERT) {
        step.has_vector = script->memories[step.target].has_vector;
    }
    for (size_t i = 0; i < step.part_count; i++) {
        step.texts[i] = script->seed << 56 ^ (uint64_t)script->thread << 48 ^ step.number << 8 ^ i;
    }
    return step;
}

/* ---- Doing ----------------------------------------------------------------------------------- */

struct script_call {
    omega_runtime *rt;
    const struct script *script;
    const struct script_step *step;
    struct script_result *out;
    char user[SCRIPT_NAME_SIZE], key[SCRIPT_NAME_SIZE], session[SCRIPT_NAME_SIZE];
    char texts[SCRIPT_PARTS][WHOLE_TEXT_SIZE];
    float vector[WHOLE_DIMENSION];
    omega_id op_id;
    omega_write_options write;
};

static inline void script_call_init(struct script_call *call)
{
    const struct script *script = call->script;
    script_user(script, call->user);
    call->op_id = whole_op_id(script->seed << 8 | script->thread, call->step->number);
    call->write =
        (omega_write_options){.op_id = omega_str_of(call->op_id.text),
                              .durability = call->step->number % 4 == 0 ? OMEGA_DURABILITY_PROCESS
                                                                        : OMEGA_DURABILITY_DISK,
                              .receipt = &call->out->receipt};
    for (size_t i = 0; i < call->step->part_count; i++) {
        (void)whole_text(call->step->texts[i], call->texts[i]);
    }
    (void)whole_vector(call->step->texts[0], call->vector);
}

static inline omega_memory_input script_input(struct script_call *call, size_t part)
{
    omega_memory_input input = OMEGA_MEMORY_INPUT_INIT;
    input.content = omega_str_of(call->texts[part]);
    input.scope.user = omega_str_of(call->user);
    if (call->step->number % 8 != 0) {
        input.importance = 0.5; /* the others have their novelty measured */
    }
    if (call->step->has_vector) {
        input.embedding = call->vector;
        input.dimension = WHOLE_DIMENSION;
    }
    input.write = call->write;
    return input;
}

static inline omega_status script_store(struct script_call *call, uint64_t key)
{
    omega_memory_input input = script_input(call, 0);
    if (key != 0) {
        (void)snprintf(call->key, sizeof call->key, "key-%llu", (unsigned long long)key);
        input.key = omega_str_of(call->key);
    }
    return omega_memory_store(call->rt, &input, call->out->ids);
}

static inline omega_status script_batch(struct script_call *call)
{
    omega_memory_input inputs[SCRIPT_PARTS];
    for (size_t i = 0; i < call->step->part_count; i++) {
        inputs[i] = script_input(call, i);
    }
    return omega_memory_store_batch(call->rt, inputs, call->step->part_count, &call->write,
                                    call->out->ids);
}

/* A session of the Session tier is only seen by who names it. */
static inline omega_str script_session(struct script_call *call, uint64_t session)
{
    if (session == 0) {
        return (omega_str){NULL, 0};
    }
    (void)snprintf(call->session, sizeof call->session, "session-%llu",
                   (unsigned long long)session);
    return omega_str_of(call->session);
}

static inline omega_status script_messages(struct script_call *call)
{
    omega_message messages[SCRIPT_PARTS];
    memset(messages, 0, sizeof messages);
    for (size_t i = 0; i < call->step->part_count; i++) {
        messages[i].role = omega_str_of(i % 2 == 0 ? "user" : "assistant");
        messages[i].content = omega_str_of(call->texts[i]);
        messages[i].occurred_at_ms = OMEGA_TIME_UNSET;
    }
    omega_messages_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.scope.user = omega_str_of(call->user);
    options.scope.session = script_session(call, script_session_of(call->step));
    options.messages = messages;
    options.count = call->step->part_count;
    options.write = call->write;
    return omega_messages_add(call->rt, &options, call->out->ids, NULL);
}

static inline omega_status script_update(struct script_call *call)
{
    const struct script_memory *target = &call->script->memories[call->step->target];
    omega_update_options options = OMEGA_UPDATE_OPTIONS_INIT;
    uint64_t version = 0;
    options.id = target->id.text;
    options.scope.user = omega_str_of(call->user);
    options.scope.session = script_session(call, target->session);
    options.if_version = target->version;
    options.content = omega_str_of(call->texts[0]);
    if (call->step->has_vector) {
        options.embedding = call->vector;
        options.dimension = WHOLE_DIMENSION;
    }
    options.write = call->write;
    call->out->ids[0] = target->id;
    return omega_memory_update(call->rt, &options, &version);
}

static inline omega_status script_delete(struct script_call *call)
{
    const struct script_memory *target = &call->script->memories[call->step->target];
    omega_delete_options options = OMEGA_DELETE_OPTIONS_INIT;
    options.id = target->id.text;
    options.scope.user = omega_str_of(call->user);
    options.scope.session = script_session(call, target->session);
    options.now = call->step->kind == SCRIPT_ERASE;
    options.write = call->write;
    call->out->ids[0] = target->id;
    return omega_memory_delete(call->rt, &options, NULL);
}

static inline omega_status script_run(omega_runtime *rt, const struct script *script,
                                      const struct script_step *step, struct script_result *out)
{
    struct script_call call = {.rt = rt, .script = script, .step = step, .out = out};
    memset(out, 0, sizeof *out);
    script_call_init(&call);
    switch (step->kind) {
    case SCRIPT_BATCH:
        return script_batch(&call);
    case SCRIPT_MESSAGES:
        return script_messages(&call);
    case SCRIPT_UPDATE:
        return script_update(&call);
    case SCRIPT_UPSERT:
        return script_store(&call, script->memories[step->target].key);
    case SCRIPT_DELETE:
    case SCRIPT_ERASE:
        return script_delete(&call);
    case SCRIPT_STORE:
    case SCRIPT_KINDS:
    default:
        return script_store(&call, step->has_key ? step->number : 0);
    }
}

/* ---- The model ------------------------------------------------------------------------------- */

static inline void script_push(struct script *script, const struct script_memory *memory)
{
    if (script->count == script->capacity) {
        script->capacity = script->capacity == 0 ? 256 : script->capacity * 2;
        script->memories = realloc(script->memories, script->capacity * sizeof *script->memories);
        if (script->memories == NULL) {
            abort();
        }
    }
    script->memories[script->count++] = *memory;
}

static inline void script_accept(struct script *script, const struct script_step *step,
                                 const omega_id *ids)
{
    script->done = step->number;
    if (step->kind == SCRIPT_DELETE || step->kind == SCRIPT_ERASE) {
        script->memories[step->target].is_alive = false;
        return;
    }
    if (step->kind == SCRIPT_UPDATE || step->kind == SCRIPT_UPSERT) {
        struct script_memory *memory = &script->memories[step->target];
        memory->text = step->texts[0];
        memory->version++;
        return;
    }
    for (size_t i = 0; i < step->part_count; i++) {
        const struct script_memory memory = {.id = ids[i],
                                             .text = step->texts[i],
                                             .version = 1,
                                             .key = step->has_key ? step->number : 0,
                                             .session = script_session_of(step),
                                             .has_vector = step->has_vector,
                                             .is_alive = true};
        script_push(script, &memory);
    }
}

/* A step and its ids agree: what changes a memory gives its id back. */
static inline const char *script_agrees(const struct script *script, const struct script_step *step,
                                        const omega_id *ids)
{
    const bool changes = step->kind >= SCRIPT_UPDATE;
    if (changes && strcmp(ids[0].text, script->memories[step->target].id.text) != 0) {
        return WHOLE_SAYS("step %llu gives memory %s instead of %s",
                          (unsigned long long)step->number, ids[0].text,
                          script->memories[step->target].id.text);
    }
    for (size_t i = 0; !changes && i < step->part_count; i++) {
        if (strlen(ids[i].text) != 36) {
            return WHOLE_SAYS("step %llu gives no id", (unsigned long long)step->number);
        }
    }
    return NULL;
}

/* ---- Looking --------------------------------------------------------------------------------- */

/* Lists everything and compares it with the models. `pending` of each script may have happened or
 * not: happened[i] says what was found. */
struct script_look {
    const struct script *scripts;
    size_t script_count;
    struct om_map by_id;         /* id -> script << 40 | memory */
    unsigned char *seen;         /* of each memory of all scripts, in order */
    size_t *first;               /* of each script, in `seen` */
    struct script_step *pending; /* one a script */
    size_t *found;               /* parts of the pending step that are there */
};

static inline const char *script_look_new(struct script_look *look, const omega_memory *memory)
{
    for (size_t s = 0; s < look->script_count; s++) {
        const struct script_step *step = &look->pending[s];
        for (size_t i = 0; step->kind < SCRIPT_UPDATE && i < step->part_count; i++) {
            char text[WHOLE_TEXT_SIZE];
            if (whole_str_eq(memory->content, whole_text(step->texts[i], text))) {
                look->found[s]++;
                return NULL;
            }
        }
    }
    return WHOLE_SAYS("memory %s \"%.*s\" was never acknowledged nor under way, or is back",
                      memory->id.text, (int)memory->content.len, memory->content.ptr);
}

static inline const char *script_look_known(struct script_look *look, uint64_t place,
                                            const omega_memory *memory)
{
    const size_t s = place >> 40, m = place & 0xffffffff;
    const struct script_memory *known = &look->scripts[s].memories[m];
    const struct script_step *step = &look->pending[s];
    char text[WHOLE_TEXT_SIZE];
    if (look->seen[look->first[s] + m]++ != 0) {
        return WHOLE_SAYS("memory %s is listed twice", memory->id.text);
    }
    const bool as_known = memory->version == known->version &&
                          whole_str_eq(memory->content, whole_text(known->text, text));
    if (as_known) {
        return NULL;
    }
    const bool changes =
        (step->kind == SCRIPT_UPDATE || step->kind == SCRIPT_UPSERT) && step->target == m;
    if (changes && memory->version == known->version + 1 &&
        whole_str_eq(memory->content, whole_text(step->texts[0], text))) {
        look->found[s]++;
        return NULL;
    }
    return WHOLE_SAYS("memory %s is \"%.*s\" version %llu instead of \"%s\" version %llu",
                      memory->id.text, (int)memory->content.len, memory->content.ptr,
                      (unsigned long long)memory->version, whole_text(known->text, text).ptr,
                      (unsigned long long)known->version);
}

static inline const char *script_look_one(void *context, const omega_memory *memory)
{
    struct script_look *look = context;
    uint64_t place = 0;
    const bool known = om_map_get(&look->by_id, omega_str_of(memory->id.text), &place);
    return known ? script_look_known(look, place, memory) : script_look_new(look, memory);
}

static inline bool script_look_init(struct script_look *look)
{
    size_t total = 0;
    bool good = true;
    om_map_init(&look->by_id, om_alloc_default());
    look->first = calloc(look->script_count, sizeof *look->first);
    for (size_t s = 0; s < look->script_count && look->first != NULL; s++) {
        look->first[s] = total;
        total += look->scripts[s].count;
        for (size_t m = 0; m < look->scripts[s].count && good; m++) {
            const struct script_memory *memory = &look->scripts[s].memories[m];
            good = !memory->is_alive || om_map_set(&look->by_id, omega_str_of(memory->id.text),
                                                   (uint64_t)s << 40 | m) == OMEGA_OK;
        }
    }
    look->seen = calloc(total + 1, 1);
    look->pending = calloc(look->script_count, sizeof *look->pending);
    return good && look->first != NULL && look->seen != NULL && look->pending != NULL;
}

static inline void script_look_fini(struct script_look *look)
{
    om_map_fini(&look->by_id);
    free(look->first);
    free(look->seen);
    free(look->pending);
}

/* Every acknowledged memory is there, once. */
static inline const char *script_look_end(struct script_look *look)
{
    for (size_t s = 0; s < look->script_count; s++) {
        const struct script *script = &look->scripts[s];
        const struct script_step *step = &look->pending[s];
        const bool deletes = step->kind == SCRIPT_DELETE || step->kind == SCRIPT_ERASE;
        for (size_t m = 0; m < script->count; m++) {
            const bool gone = look->seen[look->first[s] + m] == 0;
            if (script->memories[m].is_alive && gone && deletes && step->target == m) {
                look->found[s]++;
            } else if (script->memories[m].is_alive && gone) {
                return WHOLE_SAYS("acknowledged memory %s is missing", script->memories[m].id.text);
            }
        }
        if (look->found[s] != 0 && look->found[s] != step->part_count) {
            return WHOLE_SAYS("%zu of %zu parts of a step are there", look->found[s],
                              step->part_count);
        }
    }
    return NULL;
}

/* The store holds what the scripts' models say, and of each next step all or nothing: found[i] is
 * not 0 when it happened. */
static inline const char *script_compare(omega_runtime *rt, const struct script *scripts,
                                         size_t count, size_t *found)
{
    struct script_look look = {.scripts = scripts, .script_count = count, .found = found};
    const char *wrong = script_look_init(&look) ? NULL : "out of memory";
    for (size_t s = 0; s < count && wrong == NULL; s++) {
        look.pending[s] = script_next(&scripts[s]);
        found[s] = 0;
    }
    if (wrong == NULL) {
        wrong = whole_each(rt, script_look_one, &look);
    }
    if (wrong == NULL) {
        wrong = script_look_end(&look);
    }
    script_look_fini(&look);
    return wrong;
}

/* The caller's vector finds its memory first. */
static inline const char *script_finds_vector(omega_runtime *rt, const struct script_memory *memory)
{
    float vector[WHOLE_DIMENSION];
    omega_memories *found = NULL;
    omega_recall_options options = OMEGA_RECALL_OPTIONS_INIT;
    options.embedding = whole_vector(memory->text, vector);
    options.dimension = WHOLE_DIMENSION;
    options.k = 3;
    options.all_roots = true;
    if (omega_memory_recall(rt, &options, &found) != OMEGA_OK) {
        return WHOLE_SAYS("recall by vector fails: %s", omega_error_message());
    }
    bool here = false;
    for (size_t i = 0; i < omega_memories_count(found); i++) {
        here = here || strcmp(omega_memories_at(found, i)->id.text, memory->id.text) == 0;
    }
    omega_memories_free(found);
    return here ? NULL : WHOLE_SAYS("its vector does not recall memory %s", memory->id.text);
}

/* What stood last is found by its words and by its vector. */
static inline const char *script_recalls(omega_runtime *rt, const struct script *script,
                                         size_t last, uint64_t *recalls)
{
    const char *wrong = NULL;
    for (size_t m = script->count > last ? script->count - last : 0;
         m < script->count && wrong == NULL; m++) {
        const struct script_memory *memory = &script->memories[m];
        if (!memory->is_alive) {
            continue;
        }
        wrong = whole_finds(rt, memory->text, memory->id.text);
        if (wrong == NULL && memory->has_vector) {
            wrong = script_finds_vector(rt, memory);
        }
        ++*recalls;
    }
    return wrong;
}

#endif
