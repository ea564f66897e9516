/* tour_look.c -- the second half of the tour: health, metrics, events; stop, open again,
 * compare. */
#include "cli/tour_int.h"
#include "omega/omega.h"

/* ---- Health and metrics ---------------------------------------------------------------------- */

static omega_status look_at_health(struct tour *tour)
{
    omega_health_report report = {.struct_size = sizeof report};
    char parts[256] = "";
    size_t len = 0;
    const int64_t start = om_mono_ns(om_clock_system());
    const omega_status status = omega_health_probe(tour->cli->rt, &report);
    if (status != OMEGA_OK) {
        return status;
    }
    const double us = tour_us(start);
    for (uint64_t i = 0; i < report.subsystem_count && len < sizeof parts; i++) {
        len += (size_t)snprintf(parts + len, sizeof parts - len, "%s%s", i > 0 ? ", " : "",
                                report.subsystems[i].name);
    }
    tour_line(tour, us, "health: %s (%s probed)", omega_health_name(report.overall), parts);
    om_form_health(&tour->json, "health", &report);
    return OMEGA_OK;
}

static omega_status look_at_metrics(struct tour *tour)
{
    omega_runtime_metrics metrics = {.struct_size = sizeof metrics};
    char *text = NULL;
    omega_status status = omega_metrics(tour->cli->rt, &metrics);
    if (status == OMEGA_OK) {
        status = omega_metrics_json(tour->cli->rt, &text);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    tour_line(tour, -1, "metrics: %llu memories (%llu semantic, %llu episodic, %llu session)",
              (unsigned long long)metrics.total_memories,
              (unsigned long long)metrics.memories_by_tier[OMEGA_TIER_SEMANTIC],
              (unsigned long long)metrics.memories_by_tier[OMEGA_TIER_EPISODIC],
              (unsigned long long)metrics.memories_by_tier[OMEGA_TIER_SESSION]);
    tour_line(tour, -1, "%llu operations, %llu failed; %.1f MB resident, %.1f MB private",
              (unsigned long long)metrics.operations, (unsigned long long)metrics.errors,
              (double)metrics.resident_bytes / 1e6, (double)metrics.private_bytes / 1e6);
    om_json_put_raw(&tour->json, "metrics", omega_str_of(text));
    omega_text_free(text);
    return OMEGA_OK;
}

/* ---- Events ---------------------------------------------------------------------------------- */

struct seen {
    uint64_t counts[OMEGA_EVENT_TYPE_COUNT];
    uint64_t lost;
    omega_event last; /* of a memory */
};

static void note_event(struct seen *seen, const omega_event *event)
{
    if (event->type == OMEGA_EVENT_LAGGED) {
        seen->lost += event->u.lagged.count;
    } else if ((int)event->type < OMEGA_EVENT_TYPE_COUNT) {
        seen->counts[event->type]++;
    }
    if (event->type == OMEGA_EVENT_MEMORY_STORED) {
        seen->last = *event;
    }
}

static void take_events(struct tour *tour, struct seen *seen)
{
    omega_event event = {.struct_size = sizeof event};
    while (omega_events_next(tour->events, 0, &event) == OMEGA_OK) {
        note_event(seen, &event);
        event.struct_size = sizeof event;
    }
}

static void say_counts(struct tour *tour, const struct seen *seen)
{
    char text[256] = "";
    size_t len = 0;
    om_json_open(&tour->json, "events", '{');
    for (int i = 0; i < OMEGA_EVENT_TYPE_COUNT && len < sizeof text; i++) {
        const char *name = omega_event_name((omega_event_type)i);
        if (seen->counts[i] > 0) {
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%llu %s", len > 0 ? ", " : "",
                                    (unsigned long long)seen->counts[i], name);
            om_json_put_u64(&tour->json, name, seen->counts[i]);
        }
    }
    om_json_put_u64(&tour->json, "lost", seen->lost);
    om_json_close(&tour->json, '}');
    tour_line(tour, -1, "events: %s%s", text, seen->lost > 0 ? ", older ones lost" : "");
}

static omega_status look_at_events(struct tour *tour)
{
    struct seen seen = {.lost = 0};
    char *json = NULL;
    take_events(tour, &seen);
    say_counts(tour, &seen);
    if (seen.counts[OMEGA_EVENT_MEMORY_STORED] == 0) {
        return om_fail(OMEGA_ENOTFOUND, "no event told of the memories stored");
    }
    const omega_status status = omega_event_json(&seen.last, &json);
    if (status == OMEGA_OK) {
        tour_line(tour, -1, "last: %s", json);
    }
    omega_text_free(json);
    return status;
}

omega_status tour_look(struct tour *tour)
{
    tour_heading(tour, "How it is");
    omega_status status = look_at_health(tour);
    if (status == OMEGA_OK) {
        status = look_at_metrics(tour);
    }
    return status == OMEGA_OK ? look_at_events(tour) : status;
}

/* ---- Stop, open, compare --------------------------------------------------------------------- */

/* What the store holds, told by a count and by what one recall finds. */
struct state {
    uint64_t count;
    omega_id found[3];
};

static omega_status take_state(struct tour *tour, struct state *state)
{
    omega_list_options list = OMEGA_LIST_OPTIONS_INIT;
    omega_recall_options options = OMEGA_RECALL_OPTIONS_INIT;
    omega_memories *found = NULL;
    memset(state, 0, sizeof *state);
    list.all_roots = true;
    options.query = omega_str_of(tour->query);
    options.k = OM_COUNT_OF(state->found);
    omega_status status = omega_memory_count(tour->cli->rt, &list, &state->count);
    if (status == OMEGA_OK) {
        status = omega_memory_recall(tour->cli->rt, &options, &found);
    }
    for (size_t i = 0; i < omega_memories_count(found); i++) {
        state->found[i] = omega_memories_at(found, i)->id;
    }
    omega_memories_free(found);
    return status;
}

static omega_status stop_and_open(struct tour *tour)
{
    int64_t start = om_mono_ns(om_clock_system());
    omega_events_close(tour->events);
    tour->events = NULL;
    omega_status status = cli_close(tour->cli);
    const double stop_us = tour_us(start);
    if (status != OMEGA_OK) {
        return status;
    }
    tour_line(tour, stop_us, "stopped");
    start = om_mono_ns(om_clock_system());
    status = cli_open(tour->cli);
    const double open_us = tour_us(start);
    if (status == OMEGA_OK) {
        tour_line(tour, open_us, "opened again");
        om_json_put_double(&tour->json, "stop_us", stop_us);
        om_json_put_double(&tour->json, "open_us", open_us);
    }
    return status;
}

static omega_status compare(const struct state *before, const struct state *after)
{
    if (before->count != after->count) {
        return om_fail(OMEGA_ECORRUPT, "%llu memories before the stop, %llu after it",
                       (unsigned long long)before->count, (unsigned long long)after->count);
    }
    if (memcmp(before->found, after->found, sizeof before->found) != 0) {
        return om_fail(OMEGA_ECORRUPT, "a recall finds other memories after the stop than before");
    }
    return OMEGA_OK;
}

omega_status tour_reopen(struct tour *tour)
{
    struct state before;
    struct state after;
    tour_heading(tour, "Stopped, and opened again");
    omega_status status = take_state(tour, &before);
    if (status == OMEGA_OK) {
        status = stop_and_open(tour);
    }
    if (status == OMEGA_OK) {
        status = take_state(tour, &after);
    }
    if (status == OMEGA_OK) {
        status = compare(&before, &after);
    }
    if (status == OMEGA_OK) {
        tour_line(tour, -1, "all %llu memories are there, and the recall finds the same ones",
                  (unsigned long long)after.count);
        om_json_put_u64(&tour->json, "count_before", before.count);
        om_json_put_u64(&tour->json, "count_after", after.count);
        om_json_put_bool(&tour->json, "same_recall", true);
        om_json_put_text(&tour->json, "query", tour->query);
        om_json_put_text(&tour->json, "asked", tour->asked.text);
    }
    return status;
}
