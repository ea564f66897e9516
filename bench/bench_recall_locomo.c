/* bench_recall_locomo.c -- the evidence that recall finds for the questions of LoCoMo.
 *
 * Reads $OMEGA_DATA/locomo-a.json (conversations of snap-research's LoCoMo). Each turn is a memory
 * "speaker: text" with its image's caption, each question a recall over its conversation; the
 * figure is the share of a question's evidence turns among the first k, averaged over questions
 * (those without evidence in the conversation are left out). All conversations stand in one store
 * as the scopes of five users, then each in a store of its own: the figures must be the same, as
 * nothing of one user may change another's answers. Nothing here is tuned. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory_bench.h"

enum { TURNS = 1024, EVIDENCE = 32, DEPTHS = 4, K = 50, FILE_MAX = 64 << 20 };

static const unsigned depths[DEPTHS] = {5, 10, 25, 50};

struct figures {
    double sums[DEPTHS];
    size_t questions;
};

struct setting {
    const char *name;
    double vector_weight;
};
static const struct setting settings[] = {{"hybrid", OMEGA_UNSET}, {"words", 0}, {"vector", 1}};

/* ---- Reading -------------------------------------------------------------------------------- */

static struct om_json_doc *read_data(void)
{
    const char *dir = om_os_env("OMEGA_DATA");
    char path[1024];
    struct om_buf text;
    struct om_json_doc *doc = NULL;
    if (dir == NULL) {
        (void)fprintf(stderr, "set OMEGA_DATA to the directory of locomo-a.json\n");
        exit(0); /* the data is not everywhere */
    }
    (void)snprintf(path, sizeof path, "%s/locomo-a.json", dir);
    om_buf_init(&text, om_alloc_default(), FILE_MAX);
    bench_must(om_os_read_file(path, FILE_MAX, &text), path);
    bench_must(om_json_parse(om_alloc_default(), om_buf_str(&text), NULL, &doc), path);
    om_buf_fini(&text);
    return doc;
}

static void store_turn(struct memory_bench *bench, const struct om_json *turn, omega_str user)
{
    struct om_buf text;
    omega_id id;
    omega_memory_input input = omega_memory_input_default();
    omega_str caption = om_json_str(om_json_get(turn, "blip_caption"));
    om_buf_init(&text, om_alloc_default(), OM_LIMIT_CONTENT);
    om_buf_add_str(&text, om_json_str(om_json_get(turn, "speaker")));
    om_buf_add_text(&text, ": ");
    om_buf_add_str(&text, om_json_str(om_json_get(turn, "text")));
    if (caption.len > 0) {
        om_buf_add_text(&text, " ");
        om_buf_add_str(&text, caption);
    }
    input.content = om_buf_str(&text);
    input.key = om_json_str(om_json_get(turn, "dia_id"));
    input.scope.user = user;
    input.importance = 0.5;
    bench_must(om_memory_store(bench->memory, &input, &id), "store");
    om_buf_fini(&text);
}

/* The sessions in their order: session_1, session_2 ... */
static size_t store_conversation(struct memory_bench *bench, const struct om_json *sample,
                                 omega_str user)
{
    const struct om_json *conversation = om_json_get(sample, "conversation");
    size_t count = 0;
    for (int session = 1; session < 100; session++) {
        char name[32];
        (void)snprintf(name, sizeof name, "session_%d", session);
        const struct om_json *turns = om_json_get(conversation, name);
        for (size_t i = 0; i < om_json_count(turns); i++) {
            store_turn(bench, om_json_at(turns, i), user);
            count += 1;
        }
    }
    return count;
}

/* ---- Asking --------------------------------------------------------------------------------- */

/* All "D<session>:<turn>" of one evidence text, which may hold several or be malformed. */
static void read_evidence(omega_str text, char ids[EVIDENCE][24], size_t *count)
{
    char copy[256];
    (void)snprintf(copy, sizeof copy, "%.*s", OM_STR_ARG(text));
    for (char *at = strchr(copy, 'D'); at != NULL; at = strchr(at + 1, 'D')) {
        int session, turn;
        bool read = sscanf(at, "D%d:%d", &session, &turn) == 2 ||
                    sscanf(at, "D:%d:%d", &session, &turn) == 2;
        if (read && *count < EVIDENCE) {
            (void)snprintf(ids[(*count)++], 24, "D%d:%d", session, turn);
        }
    }
}

static bool is_stored(struct memory_bench *bench, const char *key, const omega_scope *scope)
{
    omega_memories *got = NULL;
    bool there = om_memory_get_by_key(bench->memory, omega_str_of(key), scope, &got) == OMEGA_OK;
    om_memories_free(got);
    return there;
}

static void ask(struct memory_bench *bench, const struct om_json *question, omega_str user,
                const struct setting *setting, struct figures *out)
{
    char ids[EVIDENCE][24];
    size_t wanted = 0;
    size_t known = 0;
    omega_memories *found = NULL;
    const struct om_json *evidence = om_json_get(question, "evidence");
    omega_recall_options options = omega_recall_options_default();
    options.query = om_json_str(om_json_get(question, "question"));
    options.scope.user = user;
    options.vector_weight = setting->vector_weight;
    options.k = K;
    for (size_t i = 0; i < om_json_count(evidence); i++) {
        read_evidence(om_json_str(om_json_at(evidence, i)), ids, &wanted);
    }
    for (size_t i = 0; i < wanted; i++) {
        if (is_stored(bench, ids[i], &options.scope)) {
            memmove(ids[known++], ids[i], sizeof ids[i]);
        }
    }
    if (known == 0) {
        return;
    }
    bench_must(om_memory_recall(bench->memory, &options, &found), "recall");
    for (int d = 0; d < DEPTHS; d++) {
        size_t hits = 0;
        for (size_t e = 0; e < known; e++) {
            bool hit = false;
            for (size_t i = 0; i < OM_MIN((size_t)depths[d], om_memories_count(found)); i++) {
                hit = hit || om_str_eq_text(om_memories_at(found, i)->key, ids[e]);
            }
            hits += hit ? 1 : 0;
        }
        out->sums[d] += (double)hits / (double)known;
    }
    out->questions += 1;
    om_memories_free(found);
}

static void ask_all(struct memory_bench *bench, const struct om_json *sample, omega_str user,
                    const struct setting *setting, struct figures *out)
{
    const struct om_json *questions = om_json_get(sample, "qa");
    for (size_t i = 0; i < om_json_count(questions); i++) {
        ask(bench, om_json_at(questions, i), user, setting, out);
    }
}

static void user_of(size_t sample, char *out, size_t size)
{
    (void)snprintf(out, size, "conversation-%zu", sample);
}

static void run_together(const struct om_json *samples, struct figures *out)
{
    struct memory_bench bench;
    memset(&bench, 0, sizeof bench);
    memory_bench_open(&bench);
    char user[48];
    for (size_t i = 0; i < om_json_count(samples); i++) {
        user_of(i, user, sizeof user);
        (void)store_conversation(&bench, om_json_at(samples, i), omega_str_of(user));
    }
    for (size_t s = 0; s < OM_COUNT_OF(settings); s++) {
        for (size_t i = 0; i < om_json_count(samples); i++) {
            user_of(i, user, sizeof user);
            ask_all(&bench, om_json_at(samples, i), omega_str_of(user), &settings[s], &out[s]);
        }
    }
    memory_bench_close(&bench);
}

static void run_apart(const struct om_json *samples, struct figures *out)
{
    for (size_t i = 0; i < om_json_count(samples); i++) {
        struct memory_bench bench;
        char user[48];
        memset(&bench, 0, sizeof bench);
        memory_bench_open(&bench);
        user_of(i, user, sizeof user);
        (void)store_conversation(&bench, om_json_at(samples, i), omega_str_of(user));
        for (size_t s = 0; s < OM_COUNT_OF(settings); s++) {
            ask_all(&bench, om_json_at(samples, i), omega_str_of(user), &settings[s], &out[s]);
        }
        memory_bench_close(&bench);
    }
}

static void print_figures(const char *stores, const struct figures *figures)
{
    for (size_t s = 0; s < OM_COUNT_OF(settings); s++) {
        printf("{\"bench\":\"recall_locomo\",\"case\":\"%s\",\"stores\":\"%s\",\"questions\":%zu",
               settings[s].name, stores, figures[s].questions);
        for (int d = 0; d < DEPTHS; d++) {
            printf(",\"recall_at_%u\":%.4f", depths[d],
                   figures[s].sums[d] / (double)figures[s].questions);
        }
        printf("}\n");
    }
}

int main(void)
{
    struct figures together[OM_COUNT_OF(settings)] = {{{0}, 0}};
    struct figures apart[OM_COUNT_OF(settings)] = {{{0}, 0}};
    struct om_json_doc *doc = read_data();
    run_together(om_json_root(doc), together);
    print_figures("one", together);
    run_apart(om_json_root(doc), apart);
    print_figures("five", apart);
    om_json_free(doc);
    for (size_t s = 0; s < OM_COUNT_OF(settings); s++) {
        for (int d = 0; d < DEPTHS; d++) {
            if (fabs(together[s].sums[d] - apart[s].sums[d]) > 1e-9) {
                (void)fprintf(stderr,
                              "one store and five differ: a user changes another's recall\n");
                return 1;
            }
        }
    }
    return 0;
}
