/* tour_steps.c -- what the tour does: import, store, recall, look around, stop and open again.
 *
 * The query over the imported text makes itself: the three longest words of one memory, the longest
 * with two letters swapped. So it works on any folder, and whether the right memory comes first is
 * known. */
#include "cli/tour_int.h"
#include "omega/omega.h"

enum { WORDS = 3, WORD_MIN = 5, WORD_MAX = 24 };

static const char *const session_name = "tour";

omega_status tour_open(struct tour *tour)
{
    const int64_t start = om_mono_ns(om_clock_system());
    tour_heading(tour, "A data directory of its own");
    omega_status status = cli_open(tour->cli);
    if (status == OMEGA_OK) {
        status = omega_events_subscribe(tour->cli->rt, OMEGA_EVENTS_ALL, &tour->events);
    }
    if (status == OMEGA_OK) {
        tour_line(tour, tour_us(start), "opened %s", tour->data);
        om_json_put_text(&tour->json, "data", tour->data);
    }
    return status;
}

/* ---- Import ---------------------------------------------------------------------------------- */

static bool progress(void *context, const char *phase, uint64_t done, uint64_t total)
{
    return cli_progress(((struct tour *)context)->cli, phase, done, total);
}

static omega_status import_one(struct tour *tour, const char *path)
{
    omega_import_report report = {.struct_size = sizeof report};
    const omega_import_options options = {
        .struct_size = sizeof options,
        .path = path,
        .tier = OMEGA_TIER_SEMANTIC,
        .progress = progress,
        .context = tour,
    };
    const int64_t start = om_mono_ns(om_clock_system());
    const omega_status status = omega_import(tour->cli->rt, &options, &report);
    const double us = tour_us(start);
    cli_progress_end(tour->cli);
    if (status != OMEGA_OK) {
        return status;
    }
    tour_line(tour, us, "%llu pieces of %s", (unsigned long long)report.stored, path);
    om_json_open(&tour->json, NULL, '{');
    om_json_put_text(&tour->json, "path", path);
    om_json_put_u64(&tour->json, "read", report.read);
    om_json_put_u64(&tour->json, "stored", report.stored);
    om_json_put_u64(&tour->json, "failed", report.failed);
    om_json_put_double(&tour->json, "us", us);
    om_json_close(&tour->json, '}');
    return OMEGA_OK;
}

omega_status tour_import(struct tour *tour)
{
    omega_status status = OMEGA_OK;
    tour_heading(tour, "Real text into the semantic tier, embedded without a model");
    om_json_open(&tour->json, "imported", '[');
    for (unsigned i = 0; i < tour->source_count && status == OMEGA_OK; i++) {
        status = import_one(tour, tour->sources[i]);
    }
    om_json_close(&tour->json, ']');
    return status;
}

/* ---- Store ----------------------------------------------------------------------------------- */

static void note_store(struct tour *tour, const char *what, double us)
{
    tour_line(tour, us, "%s", what);
    om_json_open(&tour->json, NULL, '{');
    om_json_put_text(&tour->json, "what", what);
    om_json_put_double(&tour->json, "us", us);
    om_json_close(&tour->json, '}');
}

static omega_status store_messages(struct tour *tour)
{
    const omega_message messages[] = {
        {.role = OM_STR("user"),
         .name = OM_STR("Lena"),
         .content = OM_STR("Can you book a table at the harbour for Friday?"),
         .occurred_at_ms = OMEGA_TIME_UNSET},
        {.role = OM_STR("assistant"),
         .content = OM_STR("Booked for Friday at eight, by the window."),
         .occurred_at_ms = OMEGA_TIME_UNSET},
        {.role = OM_STR("user"),
         .name = OM_STR("Lena"),
         .content = OM_STR("Thanks. No shellfish for me, please."),
         .occurred_at_ms = OMEGA_TIME_UNSET},
    };
    omega_messages_options options = {.struct_size = sizeof options};
    omega_id ids[OM_COUNT_OF(messages)];
    options.scope.session = omega_str_of(session_name);
    options.messages = messages;
    options.count = OM_COUNT_OF(messages);
    const int64_t start = om_mono_ns(om_clock_system());
    const omega_status status = omega_messages_add(tour->cli->rt, &options, ids, NULL);
    if (status == OMEGA_OK) {
        note_store(tour, "session: a conversation of 3 messages, in one write", tour_us(start));
    }
    return status;
}

static omega_status store_episode(struct tour *tour)
{
    omega_memory_input input = OMEGA_MEMORY_INPUT_INIT;
    omega_id id;
    input.content = OM_STR("The backup of Monday night failed because the disk was full.");
    const int64_t start = om_mono_ns(om_clock_system());
    const omega_status status = omega_memory_store(tour->cli->rt, &input, &id);
    if (status == OMEGA_OK) {
        note_store(tour, "episodic: what happened, only the text given", tour_us(start));
    }
    return status;
}

/* The vectors are those of the built-in embedder, handed over as a caller's: they land in the space
 * that belongs to callers. */
static omega_status store_facts(struct tour *tour)
{
    static const char *const facts[] = {
        "Lena drinks green tea in the morning and never coffee.",
        "Lena's violin lesson is on Wednesday evening.",
        "The spare key of the office hangs behind the kitchen door.",
    };
    float vectors[OM_COUNT_OF(facts)][TOUR_DIMENSION];
    omega_memory_input inputs[OM_COUNT_OF(facts)];
    omega_id ids[OM_COUNT_OF(facts)];
    omega_status status = OMEGA_OK;
    for (size_t i = 0; i < OM_COUNT_OF(facts) && status == OMEGA_OK; i++) {
        inputs[i] = OMEGA_MEMORY_INPUT_INIT;
        inputs[i].content = omega_str_of(facts[i]);
        inputs[i].tier = OMEGA_TIER_SEMANTIC;
        inputs[i].importance = 0.9;
        inputs[i].embedding = vectors[i];
        inputs[i].dimension = TOUR_DIMENSION;
        status = omega_embed(tour->cli->rt, inputs[i].content, vectors[i], TOUR_DIMENSION);
    }
    const int64_t start = om_mono_ns(om_clock_system());
    if (status == OMEGA_OK) {
        status = omega_memory_store_batch(tour->cli->rt, inputs, OM_COUNT_OF(facts), NULL, ids);
    }
    if (status == OMEGA_OK) {
        note_store(tour, "semantic: 3 facts with their own vectors of 768 numbers", tour_us(start));
    }
    return status;
}

omega_status tour_store(struct tour *tour)
{
    tour_heading(tour, "Memories of an agent, each safe on the disk when the call returns");
    om_json_open(&tour->json, "stored", '[');
    omega_status status = store_messages(tour);
    if (status == OMEGA_OK) {
        status = store_episode(tour);
    }
    if (status == OMEGA_OK) {
        status = store_facts(tour);
    }
    om_json_close(&tour->json, ']');
    return status;
}

/* ---- A query out of the text ----------------------------------------------------------------- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The next run of letters at or after *at; {NULL, 0} at the end. */
static omega_str next_word(omega_str text, size_t *at)
{
    size_t from = *at;
    while (from < text.len && !is_letter(text.ptr[from])) {
        from++;
    }
    size_t to = from;
    while (to < text.len && is_letter(text.ptr[to])) {
        to++;
    }
    *at = to;
    return to > from ? (omega_str){text.ptr + from, to - from} : (omega_str){NULL, 0};
}

static bool holds_word(const omega_str *words, unsigned count, omega_str word)
{
    for (unsigned i = 0; i < count; i++) {
        if (om_str_eq_nocase(words[i], word)) {
            return true;
        }
    }
    return false;
}

/* The longest words of the text, longest first; how many there are. */
static unsigned longest_words(omega_str text, omega_str words[WORDS])
{
    unsigned count = 0;
    size_t at = 0;
    omega_str word;
    while ((word = next_word(text, &at)).ptr != NULL) {
        if (word.len < WORD_MIN || word.len > WORD_MAX || holds_word(words, count, word)) {
            continue;
        }
        unsigned place = OM_MIN(count, WORDS);
        while (place > 0 && words[place - 1].len < word.len) {
            place--;
        }
        if (place >= WORDS) {
            continue;
        }
        count = OM_MIN(count + 1, WORDS);
        memmove(&words[place + 1], &words[place], (count - place - 1) * sizeof *words);
        words[place] = word;
    }
    return count;
}

/* Swaps two neighbours inside the word that differ; a word of one letter repeated stays. */
static void misspell(char *word)
{
    for (size_t i = strlen(word) / 2; i > 0; i--) {
        const char letter = word[i];
        if (word[i - 1] != letter) {
            word[i] = word[i - 1];
            word[i - 1] = letter;
            return;
        }
    }
}

static void lower(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'A' && *text <= 'Z') {
            *text = (char)(*text - 'A' + 'a');
        }
    }
}

static bool make_query(struct tour *tour, omega_str content)
{
    omega_str words[WORDS];
    if (longest_words(content, words) < WORDS) {
        return false;
    }
    snprintf(tour->query, sizeof tour->query, "%.*s %.*s %.*s", OM_STR_ARG(words[1]),
             OM_STR_ARG(words[2]), OM_STR_ARG(words[0]));
    lower(tour->query);
    misspell(tour->query + words[1].len + words[2].len + 2);
    return true;
}

/* From the middle of what was imported on, the first memory with words enough. */
static omega_status choose_query(struct tour *tour)
{
    omega_list_options list = OMEGA_LIST_OPTIONS_INIT;
    omega_memories *page = NULL;
    list.limit = 1000;
    list.filter_json = OM_STR("{\"@source.uri\":{\"$exists\":true}}");
    const omega_status status = omega_memory_list(tour->cli->rt, &list, &page);
    const size_t count = omega_memories_count(page);
    bool found = false;
    for (size_t i = 0; i < count && !found; i++) {
        const omega_memory *memory = omega_memories_at(page, (count / 2 + i) % count);
        found = make_query(tour, memory->content);
        tour->asked = memory->id;
    }
    omega_memories_free(page);
    if (status == OMEGA_OK && !found) {
        return om_fail(OMEGA_ENOTFOUND, "'%s' holds no text to ask about", tour->sources[0]);
    }
    return status;
}

/* ---- Recall ---------------------------------------------------------------------------------- */

static void put_found(struct tour *tour, const omega_memory *memory)
{
    om_json_open(&tour->json, NULL, '{');
    om_json_put_text(&tour->json, "id", memory->id.text);
    om_json_put_double(&tour->json, "score", memory->score);
    om_json_put_str(&tour->json, "content", memory->content);
    om_json_put_raw(&tour->json, "explain", memory->explain_json);
    om_json_close(&tour->json, '}');
}

/* Asks, shows the best two and why the first is first. */
static omega_status ask(struct tour *tour, const char *by, omega_recall_options *options)
{
    omega_memories *found = NULL;
    options->k = 2;
    options->explain = true;
    const int64_t start = om_mono_ns(om_clock_system());
    const omega_status status = omega_memory_recall(tour->cli->rt, options, &found);
    const double us = tour_us(start);
    if (status != OMEGA_OK) {
        return status;
    }
    tour_line(tour, us, "%s", by);
    om_json_open(&tour->json, NULL, '{');
    om_json_put_text(&tour->json, "by", by);
    om_json_put_double(&tour->json, "us", us);
    om_json_open(&tour->json, "memories", '[');
    for (size_t i = 0; i < omega_memories_count(found); i++) {
        tour_result(tour, omega_memories_at(found, i), i + 1);
        put_found(tour, omega_memories_at(found, i));
    }
    om_json_close(&tour->json, ']');
    om_json_close(&tour->json, '}');
    omega_memories_free(found);
    return OMEGA_OK;
}

static omega_status ask_by_words(struct tour *tour)
{
    char by[TOUR_QUERY_SIZE + 32];
    omega_recall_options options = OMEGA_RECALL_OPTIONS_INIT;
    options.query = omega_str_of(tour->query);
    options.vector_weight = 0;
    snprintf(by, sizeof by, "by words alone: \"%s\"", tour->query);
    return ask(tour, by, &options);
}

static omega_status ask_by_both(struct tour *tour)
{
    omega_recall_options options = OMEGA_RECALL_OPTIONS_INIT;
    options.query = OM_STR("what does lena dirnk in the mornings?");
    options.scope.session = omega_str_of(session_name);
    return ask(tour, "by words and vector: \"what does lena dirnk in the mornings?\"", &options);
}

static omega_status ask_by_vector(struct tour *tour)
{
    float query[TOUR_DIMENSION];
    omega_recall_options options = OMEGA_RECALL_OPTIONS_INIT;
    const omega_status status =
        omega_embed(tour->cli->rt, OM_STR("where are the office keys?"), query, TOUR_DIMENSION);
    options.embedding = query;
    options.dimension = TOUR_DIMENSION;
    return status == OMEGA_OK
               ? ask(tour, "by your own vector, of \"where are the office keys?\"", &options)
               : status;
}

omega_status tour_recall(struct tour *tour)
{
    omega_status status = choose_query(tour);
    tour_heading(tour, "Recalls, misspelt words included, each with its reasons");
    om_json_open(&tour->json, "recalls", '[');
    if (status == OMEGA_OK) {
        status = ask_by_words(tour);
    }
    if (status == OMEGA_OK) {
        status = ask_by_both(tour);
    }
    if (status == OMEGA_OK) {
        status = ask_by_vector(tour);
    }
    om_json_close(&tour->json, ']');
    return status;
}
