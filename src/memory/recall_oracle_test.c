/* recall_oracle_test.c -- recall against a plain evaluation of the same rules over random stores.
 *
 * The oracle keeps every memory as a struct, and knows nothing of postings, working sets,
 * catalogues or candidates: it decides who is visible by the words of omega/base.h, counts words in
 * every text of the visible roots, takes cosines one by one, normalises by the best, sums and
 * sorts. The words are ones that no stemmer changes and no correction touches. The same questions
 * are asked with the index off, and after the store was opened again. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory/memory_int.h"
#include "support/memory_house.h"

/* More than the candidates that an arm is asked for at first. */
enum { MEMORIES = 1500, QUERIES = 150, WORDS = 40, TEXT_WORDS = 12, DIMENSION = 8, SPACE = 768 };

struct kept {
    omega_id id;
    int words[TEXT_WORDS];
    int word_count;
    int user, agent, session; /* into names; 0: none */
    omega_tier tier;
    omega_memory_state state;
    double importance;
    int colour; /* metadata */
    int order;  /* of creation */
    bool gone, has_vector;
    float vector[DIMENSION];
    float text_vector[SPACE];
    char text[TEXT_WORDS * 8];
    /* of a question */
    double score;
};

struct question {
    int words[4];
    int word_count;
    int user, agent, session;
    bool session_only, all_roots, has_vector;
    uint32_t include;
    uint32_t tiers; /* bits; 0: all */
    int colour;     /* -1: no filter */
    double min_importance, vector_weight;
    unsigned k;
    float vector[DIMENSION];
};

static const char *const user_names[] = {NULL, "u1", "u2"};
static const char *const agent_names[] = {NULL, "a1", "a2"};
static const char *const session_names[] = {NULL, "s1", "s2"};

static struct kept kept[2 * MEMORIES]; /* past versions behind the first MEMORIES */
static int kept_count;
static struct om_rng rng;

static int below(int bound)
{
    return (int)om_rng_below(&rng, (uint64_t)bound);
}

static void write_text(const int *words, int count, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (int i = 0; i < count; i++) {
        len += (size_t)snprintf(out + len, size - len, "w%d ", words[i] + 100);
    }
}

static void random_vector(float *out)
{
    for (int i = 0; i < DIMENSION; i++) {
        out[i] = (float)(om_rng_unit(&rng) * 2 - 1);
    }
}

/* ---- The oracle ----------------------------------------------------------------------------- */

static bool none_or(int own, int wanted)
{
    return own == 0 || own == wanted;
}

static bool in_roots(const struct kept *m, const struct question *q)
{
    if (q->all_roots) {
        return true;
    }
    return m->user != 0 ? m->user == q->user : none_or(m->agent, q->agent);
}

static bool is_visible(const struct kept *m, const struct question *q, bool archived)
{
    bool state = m->state == OMEGA_MEMORY_ACTIVE
                     ? !archived
                     : (m->state == OMEGA_MEMORY_ARCHIVED
                            ? archived || (q->include & OMEGA_INCLUDE_ARCHIVED) != 0
                            : !archived && (q->include & OMEGA_INCLUDE_SUPERSEDED) != 0);
    bool owner = q->all_roots || (none_or(m->user, q->user) && none_or(m->agent, q->agent));
    bool session = q->session_only ? m->session != 0 && m->session == q->session
                                   : q->all_roots || m->tier > OMEGA_TIER_SESSION ||
                                         none_or(m->session, q->session);
    return !m->gone && state && owner && session &&
           (q->tiers == 0 || (q->tiers >> m->tier & 1u) != 0) &&
           (q->colour < 0 || q->colour == m->colour) && m->importance >= q->min_importance;
}

static int count_word(const struct kept *m, int word)
{
    int count = 0;
    for (int i = 0; i < m->word_count; i++) {
        count += m->words[i] == word ? 1 : 0;
    }
    return count;
}

/* What BM25 knows of the visible roots. */
struct statistics {
    double items, length;
    double having[4]; /* of each word of the question */
};

static struct statistics count_roots(const struct question *q)
{
    struct statistics stats = {.items = 0};
    for (int i = 0; i < kept_count; i++) {
        if (kept[i].gone || !in_roots(&kept[i], q)) {
            continue;
        }
        stats.items += 1;
        stats.length += kept[i].word_count;
        for (int t = 0; t < q->word_count; t++) {
            stats.having[t] += count_word(&kept[i], q->words[t]) > 0 ? 1 : 0;
        }
    }
    return stats;
}

static double bm25_of(const struct kept *m, const struct question *q,
                      const struct statistics *stats)
{
    double score = 0;
    for (int t = 0; t < q->word_count; t++) {
        double f = count_word(m, q->words[t]);
        double idf = log(1 + (stats->items - stats->having[t] + 0.5) / (stats->having[t] + 0.5));
        double k = 0.9 * (1 - 0.4 + 0.4 * m->word_count / (stats->length / stats->items));
        score += idf * f * 1.9 / (f + k);
    }
    return score;
}

static double cosine(const float *a, const float *b, int dimension)
{
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < dimension; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

struct scored {
    double words, text, vector;
};

static double part(double score, double best)
{
    return score > 0 && best > 0 ? score / best : 0;
}

static int compare_kept(const void *left, const void *right)
{
    const struct kept *a = *(const struct kept *const *)left;
    const struct kept *b = *(const struct kept *const *)right;
    return a->score != b->score ? (a->score < b->score) - (a->score > b->score)
                                : (a->order > b->order) - (a->order < b->order);
}

/* The visible ones in order, at most `wanted`, into out. */
static int rank(const struct question *q, const float *text, bool archived, struct kept **out)
{
    static struct scored scores[2 * MEMORIES];
    struct scored best = {0, 0, 0};
    struct statistics stats = count_roots(q);
    int count = 0;
    for (int i = 0; i < kept_count; i++) {
        struct kept *m = &kept[i];
        if (!is_visible(m, q, archived)) {
            continue;
        }
        scores[i].words = bm25_of(m, q, &stats);
        scores[i].text = cosine(text, m->text_vector, SPACE);
        scores[i].vector = m->has_vector ? cosine(q->vector, m->vector, DIMENSION) : 0;
        best.words = fmax(best.words, scores[i].words);
        best.text = fmax(best.text, scores[i].text);
        best.vector = fmax(best.vector, scores[i].vector);
        out[count++] = m;
    }
    double words_weight = q->word_count > 0 ? 1 - q->vector_weight : 0;
    double text_weight = q->word_count == 0 ? 0 : q->vector_weight / (q->has_vector ? 2 : 1);
    double vector_weight = !q->has_vector ? 0 : q->word_count == 0 ? 1 : q->vector_weight / 2;
    for (int i = 0; i < count; i++) {
        const struct scored *s = &scores[out[i] - kept];
        double own = out[i]->has_vector ? vector_weight : 0;
        double total = words_weight + text_weight + own;
        double sum = words_weight * part(s->words, best.words) +
                     text_weight * part(s->text, best.text) + own * part(s->vector, best.vector);
        out[i]->score = (total > 0 ? sum / total : 0) + 0.05 * out[i]->importance;
    }
    qsort(out, (size_t)count, sizeof *out, compare_kept);
    return count;
}

static int answer(const struct question *q, const float *text, struct kept **out)
{
    static struct kept *all[2 * MEMORIES];
    int found = (int)OM_MIN((unsigned)rank(q, text, false, out), q->k);
    if (found == (int)q->k || (q->include & OMEGA_INCLUDE_ARCHIVED) != 0) {
        return found;
    }
    double last = found > 0 ? out[found - 1]->score : 1;
    int more = rank(q, text, true, all);
    for (int i = 0; i < more && found < (int)q->k; i++) {
        all[i]->score *= last / 1.05;
        out[found++] = all[i];
    }
    return found;
}

/* ---- The store ------------------------------------------------------------------------------ */

static void embed(struct house *house, const char *text, float *out)
{
    assert_ok(house->embedder.embed(house->embedder.context, omega_str_of(text), out));
}

static void random_words(struct kept *m)
{
    m->word_count = below(TEXT_WORDS) + 1;
    for (int i = 0; i < m->word_count; i++) {
        int a = below(WORDS);
        m->words[i] = OM_MIN(a, below(WORDS)); /* some words are frequent */
    }
    write_text(m->words, m->word_count, m->text, sizeof m->text);
}

static omega_scope scope_of(int user, int agent, int session)
{
    omega_scope scope = {omega_str_of(user_names[user]), omega_str_of(agent_names[agent]),
                         omega_str_of(session_names[session])};
    return scope;
}

static void store_one(struct house *house, struct kept *m)
{
    char metadata[32];
    omega_memory_input input = omega_memory_input_default();
    m->user = below(3);
    m->agent = below(3);
    m->session = below(3);
    m->tier = (omega_tier)below(6);
    m->importance = below(11) / 10.0;
    m->colour = below(3);
    m->has_vector = below(3) > 0;
    random_words(m);
    random_vector(m->vector);
    embed(house, m->text, m->text_vector);
    (void)snprintf(metadata, sizeof metadata, "{\"colour\":%d}", m->colour);
    input.content = omega_str_of(m->text);
    input.scope = scope_of(m->user, m->agent, m->session);
    input.tier = m->tier;
    input.importance = m->importance;
    input.metadata_json = omega_str_of(metadata);
    input.embedding = m->has_vector ? m->vector : NULL;
    input.dimension = m->has_vector ? DIMENSION : 0;
    house_wait(house, 1);
    m->id = house_store(house, &input);
}

static void archive(struct house *house, struct kept *m)
{
    omega_update_options options = omega_update_options_default();
    options.id = m->id.text;
    options.scope = scope_of(m->user, m->agent, m->session);
    options.state = OMEGA_MEMORY_ARCHIVED;
    assert_ok(om_memory_update(house->memory, &options, NULL));
    m->state = OMEGA_MEMORY_ARCHIVED;
}

/* The old text stays as a past version; the caller's vector goes with it to the new one. */
static void rewrite(struct house *house, struct kept *m)
{
    omega_update_options options = omega_update_options_default();
    struct kept *past = &kept[kept_count++];
    *past = *m;
    past->state = OMEGA_MEMORY_SUPERSEDED;
    random_words(m);
    embed(house, m->text, m->text_vector);
    random_vector(m->vector);
    m->has_vector = true;
    options.id = m->id.text;
    options.scope = scope_of(m->user, m->agent, m->session);
    options.content = omega_str_of(m->text);
    options.embedding = m->vector;
    options.dimension = DIMENSION;
    house_wait(house, 1);
    assert_ok(om_memory_update(house->memory, &options, NULL));
}

static void erase(struct house *house, struct kept *m)
{
    omega_delete_options options = omega_delete_options_default();
    options.id = m->id.text;
    options.scope = scope_of(m->user, m->agent, m->session);
    options.no_tombstone = true;
    assert_ok(om_memory_delete(house->memory, &options, NULL));
    m->gone = true;
}

static void furnish(struct house *house)
{
    memset(kept, 0, sizeof kept);
    kept_count = MEMORIES;
    for (int i = 0; i < MEMORIES; i++) {
        kept[i].order = i;
        store_one(house, &kept[i]);
    }
    for (int i = 0; i < MEMORIES; i++) {
        int fate = below(10);
        if (fate == 0) {
            archive(house, &kept[i]);
        } else if (fate == 1) {
            rewrite(house, &kept[i]);
        } else if (fate == 2) {
            erase(house, &kept[i]);
        }
    }
}

/* ---- Asking --------------------------------------------------------------------------------- */

static struct question random_question(void)
{
    struct question q = {.colour = below(4) == 0 ? below(3) : -1,
                         .user = below(3),
                         .agent = below(3),
                         .session = below(3),
                         .all_roots = below(8) == 0,
                         .has_vector = below(2) == 0,
                         .include = (uint32_t)below(4),
                         .tiers = below(3) == 0 ? (uint32_t)below(63) + 1 : 0,
                         .min_importance = below(4) == 0 ? 0.5 : 0,
                         .vector_weight = below(5) / 4.0,
                         .k = (unsigned)(below(4) == 0 ? 60 : below(12) + 1)};
    q.session_only = q.session != 0 && below(8) == 0;
    q.word_count = q.has_vector ? below(4) : below(3) + 1;
    for (int i = 0; i < q.word_count; i++) {
        q.words[i] = (below(WORDS / 4) * 4 + i) % WORDS; /* no word twice */
    }
    random_vector(q.vector);
    return q;
}

static omega_memories *ask(struct house *house, const struct question *q, const char *text)
{
    char filter[32];
    omega_tier tiers[OMEGA_TIER_COUNT];
    omega_memories *found = NULL;
    omega_recall_options options = omega_recall_options_default();
    options.query = omega_str_of(q->word_count > 0 ? text : NULL);
    options.embedding = q->has_vector ? q->vector : NULL;
    options.dimension = q->has_vector ? DIMENSION : 0;
    options.scope = scope_of(q->user, q->agent, q->session);
    options.session_only = q->session_only;
    options.all_roots = q->all_roots;
    options.include = q->include;
    options.k = q->k;
    options.min_importance = q->min_importance;
    options.vector_weight = q->vector_weight;
    options.explain = true;
    for (int t = 0; t < OMEGA_TIER_COUNT; t++) {
        if ((q->tiers >> t & 1u) != 0) {
            tiers[options.tier_count++] = (omega_tier)t;
        }
    }
    options.tiers = q->tiers != 0 ? tiers : NULL;
    (void)snprintf(filter, sizeof filter, "{\"colour\":%d}", q->colour);
    options.filter_json = omega_str_of(q->colour >= 0 ? filter : NULL);
    assert_ok(om_memory_recall(house->memory, &options, &found));
    return found;
}

/* Same number, same scores; the same memory but where scores are as good as equal. */
static void compare(const omega_memories *found, struct kept *const *wanted, int count)
{
    assert_int_equal(om_memories_count(found), count);
    for (int i = 0; i < count; i++) {
        const omega_memory *got = om_memories_at(found, (size_t)i);
        double off = fabs(got->score - wanted[i]->score);
        if (off > 1e-5) {
            print_error("place %d: score %.9f, wanted %.9f (%.*s)\n", i, got->score,
                        wanted[i]->score, OM_STR_ARG(got->explain_json));
        }
        assert_true(off <= 1e-5);
        bool same = om_str_eq_text(got->content, wanted[i]->text);
        for (int j = 0; !same && j < count; j++) {
            same = fabs(wanted[j]->score - got->score) <= 1e-5 &&
                   om_str_eq_text(got->content, wanted[j]->text);
        }
        bool at_the_end = got->score - wanted[count - 1]->score <= 1e-5;
        assert_true(same || at_the_end);
    }
}

static void ask_all(struct house *house, uint64_t seed, int queries)
{
    static struct kept *wanted[2 * MEMORIES];
    om_rng_seed(&rng, seed);
    for (int i = 0; i < queries; i++) {
        char text[64];
        float text_vector[SPACE];
        struct question q = random_question();
        write_text(q.words, q.word_count, text, sizeof text);
        embed(house, text, text_vector);
        int count = answer(&q, text_vector, wanted);
        omega_memories *found = ask(house, &q, text);
        compare(found, wanted, count);
        om_memories_free(found);
    }
}

static void test_against_oracle(void **state)
{
    struct house house;
    (void)state;
    house_init(&house);
    house.options.dimension = DIMENSION;
    house_start(&house);
    om_rng_seed(&rng, 5);
    furnish(&house);
    ask_all(&house, 77, QUERIES);
    om_memory_reclaim(house.memory); /* slots that went are used again */
    ask_all(&house, 78, QUERIES);
    om_memory_disable_index(house.memory, true);
    ask_all(&house, 77, QUERIES / 3);
    om_memory_disable_index(house.memory, false);
    house_reopen(&house);
    ask_all(&house, 79, QUERIES);
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
