/* memory_model_test.c -- random calls against a naive model of memories.
 *
 * The model is a list of rows in the order of their making, each with everything that a caller can
 * see of it, and searched from end to end. It knows nothing of ids of past versions, of catalogues,
 * keys' indexes or SQL. After every few calls its view of each scope must equal what list, count,
 * history and an as_of recall say; every so often the house is closed and opened again. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/memory_house.h"

enum { ROWS = 4000, STEPS = 700, USERS = 3, AGENTS = 2, SESSIONS = 3, KEYS = 12, GRAVES = 400 };

static const char *const users[USERS] = {NULL, "ann", "bob"};
static const char *const agents[AGENTS] = {NULL, "helper"};
static const char *const sessions[SESSIONS] = {NULL, "s1", "s2"};
static const char *const types[2] = {"note", "fact"};

struct fact {
    bool gone, is_version;
    omega_id id; /* of the memory */
    char content[48];
    int user, agent, session, type, key; /* key 0: none */
    omega_tier tier;
    omega_memory_state state;
    uint64_t version;
    double importance;
    int64_t created, updated, believed_to, valid_to;
    int supersedes; /* a row of the model, -1: none */
};

struct grave {
    int root_user, root_agent; /* the scope's root */
    char content[48];
};

struct model {
    struct house house;
    struct om_rng rng;
    struct fact rows[ROWS];
    int count;
    struct grave graves[GRAVES];
    int grave_count;
    int next_content;
};

static int draw(struct model *model, int bound)
{
    return (int)om_rng_below(&model->rng, (uint64_t)bound);
}

static int64_t now_of(const struct model *model)
{
    return om_wall_ms(&model->house.clock.clock);
}

static omega_scope scope_of(int user, int agent, int session)
{
    omega_scope scope = {omega_str_of(users[user]), omega_str_of(agents[agent]),
                         omega_str_of(sessions[session])};
    return scope;
}

static bool sees(int user, int agent, int session, const struct fact *fact)
{
    if (fact->gone || (fact->user != 0 && fact->user != user) ||
        (fact->agent != 0 && fact->agent != agent)) {
        return false;
    }
    return fact->tier > OMEGA_TIER_SESSION || fact->session == 0 || fact->session == session;
}

static struct fact *add_fact(struct model *model)
{
    assert_true(model->count < ROWS);
    struct fact *fact = &model->rows[model->count++];
    memset(fact, 0, sizeof *fact);
    fact->supersedes = -1;
    fact->believed_to = OMEGA_TIME_UNSET;
    fact->valid_to = OMEGA_TIME_UNSET;
    return fact;
}

static void add_grave(struct model *model, const struct fact *fact)
{
    if (model->grave_count < GRAVES) {
        struct grave *grave = &model->graves[model->grave_count++];
        grave->root_user = fact->user;
        grave->root_agent = fact->user == 0 ? fact->agent : 0;
        memcpy(grave->content, fact->content, sizeof grave->content);
    }
}

/* A memory that stands (is not a version, not corrected), or -1. */
static int pick(struct model *model)
{
    for (int tries = 0; tries < 50 && model->count > 0; tries++) {
        int at = draw(model, model->count);
        const struct fact *fact = &model->rows[at];
        if (!fact->gone && !fact->is_version && fact->state != OMEGA_MEMORY_SUPERSEDED) {
            return at;
        }
    }
    return -1;
}

static void new_content(struct model *model, char out[48])
{
    (void)snprintf(out, 48, "common fact number %d", model->next_content++);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static omega_memory_input input_of(const struct fact *fact, const char *key)
{
    omega_memory_input in = omega_memory_input_default();
    in.content = omega_str_of(fact->content);
    in.scope = scope_of(fact->user, fact->agent, fact->session);
    in.tier = fact->tier;
    in.type = omega_str_of(types[fact->type]);
    in.importance = fact->importance;
    in.key = omega_str_of(key);
    in.metadata_json = fact->type == 1 ? OM_STR("{\"fact\":true}") : (omega_str){NULL, 0};
    return in;
}

static void draw_fact(struct model *model, struct fact *fact)
{
    memset(fact, 0, sizeof *fact);
    new_content(model, fact->content);
    fact->user = draw(model, USERS);
    fact->agent = draw(model, AGENTS);
    fact->session = draw(model, SESSIONS);
    fact->type = draw(model, 2);
    fact->tier = (omega_tier)(OMEGA_TIER_SESSION + draw(model, 4));
    fact->importance = draw(model, 100) / 100.0;
    fact->version = 1;
    fact->supersedes = -1;
    fact->created = fact->updated = now_of(model);
    fact->believed_to = fact->valid_to = OMEGA_TIME_UNSET;
}

static int find_key(const struct model *model, const struct fact *wanted)
{
    for (int i = 0; i < model->count; i++) {
        const struct fact *fact = &model->rows[i];
        if (!fact->gone && fact->key == wanted->key && fact->user == wanted->user &&
            fact->agent == wanted->agent && fact->state != OMEGA_MEMORY_SUPERSEDED) {
            return i;
        }
    }
    return -1;
}

/* The row becomes a past version; a new one takes its place. Returns the new one. */
static struct fact *make_version(struct model *model, int at)
{
    struct fact *next = add_fact(model);
    struct fact *past = &model->rows[at];
    *next = *past;
    next->version++;
    next->updated = now_of(model);
    next->supersedes = at;
    past->is_version = true;
    past->state = OMEGA_MEMORY_SUPERSEDED;
    past->believed_to = now_of(model);
    for (int i = 0; i < model->count; i++) { /* who led to it leads to its successor */
        if (model->rows[i].supersedes == at && &model->rows[i] != next) {
            model->rows[i].supersedes = model->count - 1;
        }
    }
    return next;
}

static void call_store(struct model *model)
{
    struct fact fact;
    char key[16] = "";
    draw_fact(model, &fact);
    fact.key = draw(model, 3) == 0 ? 1 + draw(model, KEYS) : 0;
    if (fact.key != 0) {
        (void)snprintf(key, sizeof key, "k%d", fact.key);
    }
    omega_memory_input in = input_of(&fact, fact.key != 0 ? key : NULL);
    int known = fact.key != 0 ? find_key(model, &fact) : -1;
    omega_id id = house_store(&model->house, &in);
    if (known < 0) {
        fact.id = id;
        *add_fact(model) = fact;
        return;
    }
    assert_string_equal(id.text, model->rows[known].id.text);
    struct fact *next = make_version(model, known);
    memcpy(next->content, fact.content, sizeof next->content);
    next->type = fact.type; /* metadata that is not given stays; type tells what the filter sees */
    next->tier = fact.tier;
    next->importance = fact.importance;
    next->state = OMEGA_MEMORY_ACTIVE;
}

static void call_update(struct model *model)
{
    int at = pick(model);
    if (at < 0) {
        return;
    }
    struct fact *fact = &model->rows[at];
    char content[48];
    uint64_t version = 0;
    omega_update_options up = omega_update_options_default();
    omega_id id = fact->id;
    up.id = id.text;
    up.scope = scope_of(fact->user, fact->agent, fact->session);
    up.if_version = draw(model, 2) == 0 ? fact->version : 0;
    bool says = draw(model, 2) == 0;
    if (says) {
        new_content(model, content);
        up.content = omega_str_of(content);
        fact = make_version(model, at);
        memcpy(fact->content, content, sizeof fact->content);
    } else {
        int state =
            fact->state == OMEGA_MEMORY_ACTIVE ? OMEGA_MEMORY_ARCHIVED : OMEGA_MEMORY_ACTIVE;
        up.state = state;
        fact->state = (omega_memory_state)state;
        fact->version++;
    }
    if (draw(model, 2) == 0) {
        up.tier = (omega_tier)(OMEGA_TIER_SESSION + draw(model, 4));
        fact->tier = up.tier;
    }
    assert_ok(om_memory_update(model->house.memory, &up, &version));
    assert_int_equal(version, fact->version);
}

static void call_supersede(struct model *model)
{
    int at = pick(model);
    struct fact fact;
    if (at < 0) {
        return;
    }
    struct fact *old = &model->rows[at];
    omega_id old_id = old->id;
    draw_fact(model, &fact);
    fact.user = old->user;
    fact.agent = old->agent;
    fact.session = old->session;
    omega_memory_input in = input_of(&fact, NULL);
    assert_ok(om_memory_supersede(model->house.memory, old_id.text, &in, &fact.id));
    add_grave(model, old);
    old->state = OMEGA_MEMORY_SUPERSEDED;
    old->believed_to = now_of(model);
    old->valid_to = old->believed_to;
    fact.supersedes = at;
    *add_fact(model) = fact;
}

static void bury(struct model *model, int at)
{
    struct fact *head = &model->rows[at];
    for (int i = 0; i < model->count; i++) {
        struct fact *fact = &model->rows[i];
        if (!fact->gone && strcmp(fact->id.text, head->id.text) == 0) {
            add_grave(model, fact);
            fact->gone = true;
        }
    }
}

static void call_delete(struct model *model)
{
    int at = pick(model);
    if (at < 0) {
        return;
    }
    const struct fact *fact = &model->rows[at];
    omega_delete_options del = omega_delete_options_default();
    omega_id id = fact->id;
    del.id = id.text;
    del.scope = scope_of(fact->user, fact->agent, fact->session);
    assert_ok(om_memory_delete(model->house.memory, &del, NULL));
    bury(model, at);
}

static void call_delete_where(struct model *model)
{
    int user = draw(model, USERS), agent = draw(model, AGENTS), session = 1 + draw(model, 2);
    omega_list_options where = omega_list_options_default();
    omega_delete_options del = omega_delete_options_default();
    omega_deletion receipt;
    const omega_tier tiers[1] = {OMEGA_TIER_SESSION};
    where.scope = scope_of(user, agent, session);
    where.tiers = tiers;
    where.tier_count = 1;
    where.session_only = true;
    del.where = &where;
    memset(&receipt, 0, sizeof receipt);
    receipt.struct_size = (uint32_t)sizeof receipt;
    uint64_t wanted = 0;
    for (int i = 0; i < model->count; i++) {
        const struct fact *fact = &model->rows[i];
        if (sees(user, agent, session, fact) && fact->tier == OMEGA_TIER_SESSION &&
            fact->session == session && fact->state == OMEGA_MEMORY_ACTIVE) {
            bury(model, i);
            wanted++;
        }
    }
    assert_ok(om_memory_delete_where(model->house.memory, &del, &receipt));
    assert_int_equal(receipt.deleted, wanted);
}

/* What was forgotten or corrected is refused in its root, and only there. */
static void call_again(struct model *model)
{
    if (model->grave_count == 0) {
        return;
    }
    const struct grave *grave = &model->graves[draw(model, model->grave_count)];
    omega_memory_input in = house_input(grave->content, users[grave->root_user]);
    omega_id id;
    in.scope.agent = omega_str_of(agents[grave->root_agent]);
    assert_status(om_memory_store(model->house.memory, &in, &id), OMEGA_EREJECTED);
}

static void call_any(struct model *model)
{
    static void (*const calls[])(struct model * model) = {
        call_store,     call_store,  call_store,  call_store,        call_update, call_update,
        call_supersede, call_delete, call_update, call_delete_where, call_again,
    };
    int which = draw(model, (int)OM_COUNT_OF(calls));
    if (calls[which] == call_delete_where && draw(model, 4) != 0) {
        which = 0;
    }
    house_wait(&model->house, 1 + draw(model, 1000));
    calls[which](model);
}

/* ---- Views ----------------------------------------------------------------------------------- */

static void assert_shows(const omega_memory *shown, const struct fact *fact)
{
    assert_str(shown->content, fact->content);
    assert_int_equal(shown->version, fact->version);
    assert_int_equal(shown->state, fact->state);
    assert_int_equal(shown->tier, fact->tier);
    assert_true(shown->importance == fact->importance);
    assert_true(shown->created_at_ms == fact->created && shown->updated_at_ms == fact->updated);
    assert_true(shown->believed_to_ms == fact->believed_to);
    assert_true(shown->valid_to_ms == fact->valid_to);
    assert_str(shown->user, users[fact->user]);
    assert_str(shown->session, sessions[fact->session]);
    if (!fact->is_version) {
        assert_string_equal(shown->id.text, fact->id.text);
    }
}

static bool listed(const struct fact *fact, uint32_t include)
{
    return fact->state == OMEGA_MEMORY_ACTIVE ||
           (fact->state == OMEGA_MEMORY_ARCHIVED && (include & OMEGA_INCLUDE_ARCHIVED) != 0) ||
           (fact->state == OMEGA_MEMORY_SUPERSEDED && (include & OMEGA_INCLUDE_SUPERSEDED) != 0);
}

/* By creation, then in the order of their making. */
static int compare_facts(const void *a, const void *b)
{
    const struct fact *const *x = a;
    const struct fact *const *y = b;
    if ((*x)->created != (*y)->created) {
        return (*x)->created < (*y)->created ? -1 : 1;
    }
    return *x < *y ? -1 : *x > *y ? 1 : 0;
}

static void check_list(struct model *model, int user, int agent, int session)
{
    static const struct fact *wanted[ROWS];
    int count = 0, seen = 0;
    omega_list_options list = omega_list_options_default();
    list.scope = scope_of(user, agent, session);
    list.include = (uint32_t)draw(model, 4);
    list.order = draw(model, 2) == 0 ? OMEGA_ORDER_CREATED : OMEGA_ORDER_CREATED_DESC;
    list.limit = 1 + (uint32_t)draw(model, 60);
    bool facts_only = draw(model, 3) == 0;
    list.filter_json = facts_only ? OM_STR("{\"@type\":\"fact\"}") : (omega_str){NULL, 0};
    for (int i = 0; i < model->count; i++) {
        const struct fact *fact = &model->rows[i];
        if (sees(user, agent, session, fact) && listed(fact, list.include) &&
            (!facts_only || fact->type == 1)) {
            wanted[count++] = fact;
        }
    }
    qsort(wanted, (size_t)count, sizeof *wanted, compare_facts);
    uint64_t counted;
    assert_ok(om_memory_count(model->house.memory, &list, &counted));
    assert_int_equal(counted, count);
    char cursor[80] = "";
    do {
        omega_memories *got = NULL;
        list.cursor = cursor[0] != '\0' ? omega_str_of(cursor) : (omega_str){NULL, 0};
        assert_ok(om_memory_list(model->house.memory, &list, &got));
        for (size_t i = 0; i < om_memories_count(got); i++, seen++) {
            assert_true(seen < count);
            int at = list.order == OMEGA_ORDER_CREATED ? seen : count - 1 - seen;
            assert_shows(om_memories_at(got, i), wanted[at]);
        }
        omega_str next = om_memories_cursor(got);
        (void)snprintf(cursor, sizeof cursor, "%.*s", OM_STR_ARG(next));
        assert_true(next.len == 0 || om_memories_count(got) == list.limit);
        om_memories_free(got);
    } while (cursor[0] != '\0');
    assert_int_equal(seen, count);
}

static void check_history(struct model *model)
{
    int at = pick(model);
    if (at < 0) {
        return;
    }
    const struct fact *fact = &model->rows[at];
    omega_scope scope = scope_of(fact->user, fact->agent, fact->session);
    omega_memories *got = NULL;
    assert_ok(om_memory_history(model->house.memory, fact->id.text, &scope, &got));
    size_t seen = 0;
    while (at >= 0 && sees(fact->user, fact->agent, fact->session, &model->rows[at])) {
        assert_true(seen < om_memories_count(got));
        assert_shows(om_memories_at(got, seen++), &model->rows[at]);
        at = model->rows[at].supersedes;
    }
    assert_int_equal(seen, om_memories_count(got));
    om_memories_free(got);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What was believed, and held, at some time: a recall that everything matches. */
static void check_as_of(struct model *model, int user, int agent, int session)
{
    static const char *wanted[ROWS], *shown[ROWS];
    static char texts[ROWS][48];
    int count = 0;
    omega_recall_options recall = omega_recall_options_default();
    recall.query = OM_STR("common");
    recall.k = OM_LIMIT_K;
    recall.scope = scope_of(user, agent, session);
    recall.include = OMEGA_INCLUDE_ARCHIVED;
    recall.as_of_ms =
        house_start_ms +
        (int64_t)om_rng_below(&model->rng, (uint64_t)(now_of(model) - house_start_ms + 1));
    int64_t t = recall.as_of_ms;
    for (int i = 0; i < model->count; i++) {
        const struct fact *fact = &model->rows[i];
        if (sees(user, agent, session, fact) && fact->updated <= t &&
            (fact->believed_to == OMEGA_TIME_UNSET || fact->believed_to > t) &&
            (fact->valid_to == OMEGA_TIME_UNSET || fact->valid_to > t)) {
            wanted[count++] = fact->content;
        }
    }
    omega_memories *got = NULL;
    assert_ok(om_memory_recall(model->house.memory, &recall, &got));
    assert_int_equal(om_memories_count(got), count);
    for (int i = 0; i < count; i++) {
        omega_str content = om_memories_at(got, (size_t)i)->content;
        (void)snprintf(texts[i], sizeof texts[i], "%.*s", OM_STR_ARG(content));
        shown[i] = texts[i];
    }
    qsort(wanted, (size_t)count, sizeof *wanted, compare_texts);
    qsort(shown, (size_t)count, sizeof *shown, compare_texts);
    for (int i = 0; i < count; i++) {
        assert_string_equal(wanted[i], shown[i]);
    }
    om_memories_free(got);
}

static void check_gets(struct model *model)
{
    int at = draw(model, model->count);
    const struct fact *fact = &model->rows[at];
    int user = draw(model, USERS), agent = draw(model, AGENTS), session = draw(model, SESSIONS);
    omega_scope scope = scope_of(user, agent, session);
    omega_memories *got = NULL;
    if (fact->is_version) {
        return;
    }
    bool visible = sees(user, agent, session, fact);
    omega_status status = om_memory_get(model->house.memory, fact->id.text, &scope, &got);
    assert_int_equal(status, visible ? OMEGA_OK : OMEGA_ENOTFOUND);
    if (visible) {
        assert_shows(om_memories_at(got, 0), fact);
    }
    om_memories_free(got);
}

static void check_views(struct model *model)
{
    int user = draw(model, USERS), agent = draw(model, AGENTS), session = draw(model, SESSIONS);
    check_list(model, user, agent, session);
    check_as_of(model, user, agent, session);
    check_history(model);
    for (int i = 0; i < 10; i++) {
        check_gets(model);
    }
}

static void run(uint64_t seed)
{
    struct model *model = test_malloc(sizeof *model);
    memset(model, 0, sizeof *model);
    om_rng_seed(&model->rng, seed);
    house_open(&model->house);
    call_store(model);
    for (int step = 1; step <= STEPS; step++) {
        call_any(model);
        if (step % 10 == 0) {
            check_views(model);
        }
        if (step % 100 == 0) {
            om_memory_reclaim(model->house.memory);
            house_reopen(&model->house);
            house_check(&model->house);
            check_views(model);
        }
    }
    house_close(&model->house);
    test_free(model);
}

static void test_random_calls(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        run(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
