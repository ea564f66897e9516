/* race_trials.h -- writers and readers through one handle.
 *
 * Each writer owns slots of a shared board: a slot holds a memory, and counts when a change of it
 * began and when it had returned. Readers take a slot, ask for it, and judge what they got by what
 * the board said before the question and says after it:
 *   - what had returned before a recall began, and was not being changed, is found, as it is;
 *   - what was deleted before a recall began is never in its results;
 *   - never fewer than min(k, visible): RACE_FLOOR memories of each user always stand;
 *   - a result whose vector is that of number n (cosine 1) has the text of n, and the other way
 *     round: no old text with a new vector.
 * Static; include after "support/whole.h". */
#ifndef OM_TEST_RACE_TRIALS_H
#define OM_TEST_RACE_TRIALS_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { RACE_WRITERS = 4, RACE_READERS = 4, RACE_SLOTS = 96, RACE_FLOOR = 48, RACE_USER_SIZE = 16 };

struct race_slot {
    pthread_mutex_t lock;
    omega_id id, gone_id;  /* gone_id: the last one deleted here */
    uint64_t number;       /* of its text and vector */
    uint64_t begun, ended; /* changes */
    uint64_t gone_at;      /* tick at which gone_id's deletion had returned */
    bool is_alive;
};

struct race_board {
    omega_runtime *rt;
    struct race_slot slots[RACE_WRITERS][RACE_SLOTS];
    atomic_uint_fast64_t tick;
    atomic_bool stop;
    pthread_mutex_t lock;
    char wrong[WHOLE_SAYS_SIZE]; /* the first */
    atomic_uint_fast64_t writes, recalls, strict, results, vectors;
};

struct race_thread {
    struct race_board *board;
    unsigned number;
    uint64_t draws, steps;
};

static inline void race_say(struct race_board *board, const char *wrong)
{
    (void)pthread_mutex_lock(&board->lock);
    if (board->wrong[0] == '\0') {
        (void)snprintf(board->wrong, sizeof board->wrong, "%s", wrong);
    }
    (void)pthread_mutex_unlock(&board->lock);
    atomic_store(&board->stop, true);
}

static inline uint64_t race_draw(struct race_thread *thread)
{
    return whole_draw(++thread->draws, 0x72616365 + thread->number);
}

static inline omega_str race_user(unsigned writer, char out[RACE_USER_SIZE])
{
    (void)snprintf(out, RACE_USER_SIZE, "racer-%u", writer);
    return omega_str_of(out);
}

/* ---- Writers --------------------------------------------------------------------------------- */

static inline void race_begin(struct race_slot *slot)
{
    (void)pthread_mutex_lock(&slot->lock);
    slot->begun++;
    (void)pthread_mutex_unlock(&slot->lock);
}

static inline omega_status race_store(struct race_thread *thread, uint64_t number, omega_id *id)
{
    char text[WHOLE_TEXT_SIZE], user[RACE_USER_SIZE];
    float vector[WHOLE_DIMENSION];
    omega_memory_input input = OMEGA_MEMORY_INPUT_INIT;
    input.content = whole_text(number, text);
    input.scope.user = race_user(thread->number, user);
    input.embedding = whole_vector(number, vector);
    input.dimension = WHOLE_DIMENSION;
    input.importance = 0.5;
    input.write.durability = OMEGA_DURABILITY_PROCESS;
    return omega_memory_store(thread->board->rt, &input, id);
}

static inline omega_status race_update(struct race_thread *thread, uint64_t number,
                                       const omega_id *id)
{
    char text[WHOLE_TEXT_SIZE], user[RACE_USER_SIZE];
    float vector[WHOLE_DIMENSION];
    omega_update_options options = OMEGA_UPDATE_OPTIONS_INIT;
    options.id = id->text;
    options.scope.user = race_user(thread->number, user);
    options.content = whole_text(number, text);
    options.embedding = whole_vector(number, vector);
    options.dimension = WHOLE_DIMENSION;
    options.write.durability = OMEGA_DURABILITY_PROCESS;
    return omega_memory_update(thread->board->rt, &options, NULL);
}

static inline omega_status race_delete(struct race_thread *thread, const omega_id *id)
{
    char user[RACE_USER_SIZE];
    omega_delete_options options = OMEGA_DELETE_OPTIONS_INIT;
    options.id = id->text;
    options.scope.user = race_user(thread->number, user);
    options.write.durability = OMEGA_DURABILITY_PROCESS;
    return omega_memory_delete(thread->board->rt, &options, NULL);
}

/* One change of a slot; the slot's owner may read it without its lock. */
static inline omega_status race_change(struct race_thread *thread, struct race_slot *slot,
                                       bool deletes)
{
    const uint64_t number = (uint64_t)(thread->number + 1) << 40 | ++thread->steps;
    omega_id id = slot->id;
    omega_status status;
    race_begin(slot);
    if (!slot->is_alive) {
        status = race_store(thread, number, &id);
    } else if (deletes) {
        status = race_delete(thread, &id);
    } else {
        status = race_update(thread, number, &id);
    }
    (void)pthread_mutex_lock(&slot->lock);
    if (slot->is_alive && deletes) {
        slot->gone_id = id;
        slot->gone_at = atomic_fetch_add(&thread->board->tick, 1) + 1;
        slot->is_alive = false;
    } else {
        slot->id = id;
        slot->number = number;
        slot->is_alive = true;
    }
    slot->ended++;
    (void)pthread_mutex_unlock(&slot->lock);
    atomic_fetch_add(&thread->board->writes, 1);
    return status;
}

static inline void *race_write(void *context)
{
    struct race_thread *thread = context;
    struct race_slot *slots = thread->board->slots[thread->number];
    size_t alive = RACE_FLOOR;
    while (!atomic_load(&thread->board->stop)) {
        const uint64_t draw = race_draw(thread);
        struct race_slot *slot = &slots[draw % RACE_SLOTS];
        const bool deletes = slot->is_alive && alive > RACE_FLOOR && draw >> 32 & 1;
        alive += slot->is_alive ? 0 : 1;
        if (race_change(thread, slot, deletes) != OMEGA_OK) {
            race_say(thread->board, WHOLE_SAYS("a write fails: %s", omega_error_message()));
        }
        alive -= deletes ? 1 : 0;
    }
    return NULL;
}

/* ---- Readers --------------------------------------------------------------------------------- */

struct race_question {
    struct race_board *board;
    struct race_slot *slot;
    unsigned writer;
    struct race_slot before; /* its state when the question began, but for the lock */
    uint64_t tick;
    uint32_t k;
    bool by_vector;
};

static inline void race_copy(struct race_slot *slot, struct race_slot *out)
{
    (void)pthread_mutex_lock(&slot->lock);
    out->id = slot->id;
    out->gone_id = slot->gone_id;
    out->number = slot->number;
    out->begun = slot->begun;
    out->ended = slot->ended;
    out->gone_at = slot->gone_at;
    out->is_alive = slot->is_alive;
    (void)pthread_mutex_unlock(&slot->lock);
}

static inline omega_status race_ask(const struct race_question *question, omega_memories **out)
{
    char text[WHOLE_TEXT_SIZE], user[RACE_USER_SIZE];
    float vector[WHOLE_DIMENSION];
    omega_recall_options options = OMEGA_RECALL_OPTIONS_INIT;
    options.scope.user = race_user(question->writer, user);
    options.k = question->k;
    options.explain = true;
    if (question->by_vector) {
        options.embedding = whole_vector(question->before.number, vector);
        options.dimension = WHOLE_DIMENSION;
    } else {
        options.query = whole_text(question->before.number, text);
    }
    return omega_memory_recall(question->board->rt, &options, out);
}

/* The cosine that an explanation gives; -2: none. */
static inline double race_cosine(omega_str explain)
{
    char text[2048];
    (void)snprintf(text, sizeof text, "%.*s", (int)explain.len, explain.ptr);
    const char *at = strstr(text, "\"cosine\":");
    return at != NULL ? strtod(at + 9, NULL) : -2;
}

/* The asked number's vector and its text come together or not at all. */
static inline const char *race_whole(const struct race_question *question,
                                     const omega_memory *memory)
{
    char text[WHOLE_TEXT_SIZE];
    const double cosine = race_cosine(memory->explain_json);
    const bool same_text = whole_str_eq(memory->content, whole_text(question->before.number, text));
    const bool same_vector = cosine > 0.9999;
    atomic_fetch_add(&question->board->vectors, same_vector ? 1 : 0);
    if (same_text == same_vector || cosine < -1.5) {
        return NULL;
    }
    return WHOLE_SAYS("memory %s has %s text and %s vector (cosine %f, by %s)", memory->id.text,
                      same_text ? "the new" : "another", same_vector ? "the new" : "another",
                      cosine, question->by_vector ? "vector" : "words");
}

static inline const char *race_not_gone(const struct race_question *question,
                                        const omega_memory *memory)
{
    for (size_t i = 0; i < RACE_SLOTS; i++) {
        struct race_slot now;
        race_copy(&question->board->slots[question->writer][i], &now);
        if (now.gone_at != 0 && now.gone_at <= question->tick &&
            strcmp(now.gone_id.text, memory->id.text) == 0) {
            return WHOLE_SAYS("memory %s is recalled and was deleted before", memory->id.text);
        }
    }
    return NULL;
}

static inline const char *race_judge(const struct race_question *question,
                                     const omega_memories *found)
{
    struct race_slot after;
    const char *wrong = NULL, *reason = "";
    bool here = false;
    const size_t count = omega_memories_count(found);
    if (omega_memories_degraded(found, &reason)) {
        return WHOLE_SAYS("a recall is degraded: %s", reason);
    }
    if (count < OM_MIN((size_t)question->k, (size_t)RACE_FLOOR)) {
        return WHOLE_SAYS("%zu results for k = %u", count, question->k);
    }
    for (size_t i = 0; i < count && wrong == NULL; i++) {
        const omega_memory *memory = omega_memories_at(found, i);
        here = here || strcmp(memory->id.text, question->before.id.text) == 0;
        wrong = race_whole(question, memory);
        wrong = wrong == NULL ? race_not_gone(question, memory) : wrong;
    }
    atomic_fetch_add(&question->board->results, count);
    race_copy(question->slot, &after);
    const struct race_slot *before = &question->before;
    const bool stood =
        before->is_alive && before->begun == before->ended && after.begun == before->begun;
    atomic_fetch_add(&question->board->strict, stood ? 1 : 0);
    if (wrong == NULL && stood && !here) {
        wrong = WHOLE_SAYS("memory %s had been written before the recall, which does not see it",
                           before->id.text);
    }
    return wrong;
}

static inline void *race_read(void *context)
{
    static const uint32_t ks[] = {1, 5, 10, 40};
    struct race_thread *thread = context;
    struct race_board *board = thread->board;
    while (!atomic_load(&board->stop)) {
        const uint64_t draw = race_draw(thread);
        const unsigned writer = (unsigned)(draw % RACE_WRITERS);
        struct race_question question = {.board = board,
                                         .slot = &board->slots[writer][draw / 4 % RACE_SLOTS],
                                         .writer = writer,
                                         .k = ks[draw >> 32 & 3],
                                         .by_vector = (draw >> 40 & 1) != 0};
        omega_memories *found = NULL;
        question.tick = atomic_load(&board->tick);
        race_copy(question.slot, &question.before);
        if (question.before.number == 0) {
            continue;
        }
        const char *wrong = race_ask(&question, &found) == OMEGA_OK
                                ? race_judge(&question, found)
                                : WHOLE_SAYS("a recall fails: %s", omega_error_message());
        omega_memories_free(found);
        atomic_fetch_add(&board->recalls, 1);
        if (wrong != NULL) {
            race_say(board, wrong);
        }
    }
    return NULL;
}

/* ---- The trial ------------------------------------------------------------------------------- */

static inline const char *race_fill(struct race_board *board, struct race_thread *writers)
{
    (void)pthread_mutex_init(&board->lock, NULL);
    for (unsigned w = 0; w < RACE_WRITERS; w++) {
        for (size_t i = 0; i < RACE_SLOTS; i++) {
            (void)pthread_mutex_init(&board->slots[w][i].lock, NULL);
        }
        for (size_t i = 0; i < RACE_FLOOR; i++) {
            if (race_change(&writers[w], &board->slots[w][i], false) != OMEGA_OK) {
                return WHOLE_SAYS("filling: %s", omega_error_message());
            }
        }
    }
    return NULL;
}

static inline void race_fini(struct race_board *board)
{
    for (unsigned w = 0; w < RACE_WRITERS; w++) {
        for (size_t i = 0; i < RACE_SLOTS; i++) {
            (void)pthread_mutex_destroy(&board->slots[w][i].lock);
        }
    }
    (void)pthread_mutex_destroy(&board->lock);
}

/* Runs for `seconds`; `board` keeps the counts. */
static inline const char *race_run(struct race_board *board, unsigned seconds)
{
    pthread_t threads[RACE_WRITERS + RACE_READERS];
    struct race_thread states[RACE_WRITERS + RACE_READERS];
    size_t started = 0;
    memset(states, 0, sizeof states);
    for (unsigned i = 0; i < RACE_WRITERS + RACE_READERS; i++) {
        states[i].board = board;
        states[i].number = i;
    }
    const char *wrong = race_fill(board, states);
    for (size_t i = 0; i < RACE_WRITERS + RACE_READERS && wrong == NULL; i++) {
        void *(*run)(void *) = i < RACE_WRITERS ? race_write : race_read;
        if (pthread_create(&threads[i], NULL, run, &states[i]) == 0) {
            started++;
        } else {
            wrong = "no thread";
        }
    }
    for (unsigned i = 0; i < seconds * 10 && !atomic_load(&board->stop); i++) {
        const struct timespec tenth = {0, 100000000};
        (void)nanosleep(&tenth, NULL);
    }
    atomic_store(&board->stop, true);
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    race_fini(board);
    return wrong == NULL && board->wrong[0] != '\0' ? board->wrong : wrong;
}

#endif
