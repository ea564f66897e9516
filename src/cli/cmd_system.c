/* cmd_system.c -- health, metrics, events, loop, call, version: looking at the runtime. */
#include <math.h>

#include "cli/cli_int.h"

/* ---- health ---------------------------------------------------------------------------------- */

static const struct cli_option no_options[] = {CLI_OPTIONS_END};

static void show_health(struct cli *cli, const struct om_json *result)
{
    const struct om_json *health = om_json_get(result, "health");
    const struct om_json *parts = om_json_get(health, "subsystems");
    const struct om_json *one = NULL;
    omega_str name;
    size_t at = 0;
    (void)cli;
    printf("overall: %.*s\n", OM_STR_ARG(om_json_str(om_json_get(health, "overall"))));
    while (om_json_next(parts, &at, &name, &one)) {
        const omega_str reason = om_json_str(om_json_get(one, "reason"));
        printf("  %-10.*s %-10.*s %6.0f us%s", OM_STR_ARG(name),
               OM_STR_ARG(om_json_str(om_json_get(one, "status"))),
               om_json_number(om_json_get(one, "latency_us")), reason.len > 0 ? "  " : "");
        cli_put_text(stdout, reason, 100);
        printf("\n");
    }
}

static int run_health(struct cli *cli)
{
    struct cli_input input;
    cli_input_init(&input);
    cli_input_flag(&input, "probe", true);
    return cli_run(cli, "health_status", &input, show_health);
}

const struct cli_command cli_health = {
    .name = "health",
    .words = "",
    .summary = "probe every part and say how it is",
    .options = no_options,
    .run = run_health,
};

/* ---- metrics --------------------------------------------------------------------------------- */

static const struct cli_option metrics_options[] = {
    {"prometheus", 0, NULL, "in Prometheus' text format"}, CLI_OPTIONS_END};

static void show_tiers(const struct om_json *tiers)
{
    const struct om_json *value = NULL;
    omega_str name;
    size_t at = 0;
    while (om_json_next(tiers, &at, &name, &value)) {
        if (om_json_number(value) > 0) {
            printf("  %-16.*s %10.0f\n", OM_STR_ARG(name), om_json_number(value));
        }
    }
}

static void show_metrics(struct cli *cli, const struct om_json *result)
{
    const struct om_json *metrics = om_json_get(result, "metrics");
    (void)cli;
    printf("uptime           %10.1f s\n", om_json_number(om_json_get(metrics, "uptime_s")));
    printf("memories         %10.0f\n", om_json_number(om_json_get(metrics, "total_memories")));
    show_tiers(om_json_get(metrics, "memories_by_tier"));
    printf("cycles           %10.0f\n", om_json_number(om_json_get(metrics, "total_cycles")));
    printf("operations       %10.0f\n", om_json_number(om_json_get(metrics, "operations")));
    printf("errors           %10.0f\n", om_json_number(om_json_get(metrics, "errors")));
    printf("average response %10.0f us\n",
           om_json_number(om_json_get(metrics, "avg_response_time_s")) * 1e6);
}

static int print_prometheus(struct cli *cli)
{
    char *text = NULL;
    omega_status status = cli_open(cli);
    if (status == OMEGA_OK) {
        status = omega_metrics_prometheus(cli->rt, &text);
    }
    if (status == OMEGA_OK) {
        fputs(text, stdout);
    }
    omega_text_free(text);
    const int code = status == OMEGA_OK ? 0 : cli_fail(status);
    status = cli_close(cli);
    return code != 0 || status == OMEGA_OK ? code : cli_fail(status);
}

static int run_metrics(struct cli *cli)
{
    struct cli_input input;
    if (cli_flag(cli, "prometheus")) {
        return print_prometheus(cli);
    }
    cli_input_init(&input);
    return cli_run(cli, "metrics", &input, show_metrics);
}

const struct cli_command cli_metrics = {
    .name = "metrics",
    .words = "",
    .summary = "what is counted",
    .options = metrics_options,
    .run = run_metrics,
};

/* ---- events ---------------------------------------------------------------------------------- */

static const struct cli_option events_options[] = {
    {"after", 0, "ID", "only later ones"},
    {"types", 't', "NAMES", "only these, with commas"},
    {"limit", 'l', "N", "1..1000; 100 when not given"},
    CLI_OPTIONS_END};

static void show_events(struct cli *cli, const struct om_json *result)
{
    const struct om_json *events = om_json_get(result, "events");
    (void)cli;
    for (size_t i = 0; i < om_json_count(events); i++) {
        const struct om_json *one = om_json_at(events, i);
        printf("%-8.*s ", OM_STR_ARG(om_json_str(om_json_get(one, "id"))));
        cli_put_date(om_json_get(one, "at"));
        printf("  %-15.*s %-14.*s %.*s\n", OM_STR_ARG(om_json_str(om_json_get(one, "type"))),
               OM_STR_ARG(om_json_str(om_json_get(one, "tier"))),
               OM_STR_ARG(om_json_str(om_json_get(one, "memory"))));
    }
    if (om_json_count(events) == 0) {
        puts("no event");
    }
    if (om_json_bool(om_json_get(result, "trimmed"))) {
        puts("older events are no longer kept");
    }
}

static int run_events(struct cli *cli)
{
    struct cli_input input;
    cli_input_init(&input);
    cli_input_str(&input, "after", cli_value(cli, "after"));
    cli_input_names(&input, "types", cli_value(cli, "types"));
    cli_input_number(&input, "limit", cli_value(cli, "limit"));
    return cli_run(cli, "events", &input, show_events);
}

const struct cli_command cli_events = {
    .name = "events",
    .words = "",
    .summary = "what has happened to memories, oldest first",
    .options = events_options,
    .run = run_events,
};

/* ---- loop ------------------------------------------------------------------------------------ */

static void show_loops(struct cli *cli, const struct om_json *result)
{
    const struct om_json *loops = om_json_get(result, "loops");
    (void)cli;
    for (size_t i = 0; i < om_json_count(loops); i++) {
        const struct om_json *one = om_json_at(loops, i);
        printf("%-12.*s every %6.0f s, next ", OM_STR_ARG(om_json_str(om_json_get(one, "name"))),
               om_json_number(om_json_get(one, "interval_ms")) / 1000.0);
        cli_put_date(om_json_get(one, "next_due"));
        printf(", last ");
        cli_put_date(om_json_get(one, "last_start"));
        printf("\n");
    }
}

static void show_cycle(struct cli *cli, const struct om_json *result)
{
    const struct om_json *cycle = om_json_get(result, "cycle");
    const struct om_json *actions = om_json_get(cycle, "actions");
    struct om_buf text;
    (void)cli;
    om_buf_init(&text, om_alloc_default(), 1 << 20);
    om_json_dump(om_json_get(cycle, "results"), &text);
    printf("%.*s: %.*s\n", OM_STR_ARG(om_json_str(om_json_get(cycle, "loop"))),
           OM_STR_ARG(om_buf_str(&text)));
    om_buf_fini(&text);
    for (size_t i = 0; i < om_json_count(actions); i++) {
        printf("  %.*s\n", OM_STR_ARG(om_json_str(om_json_at(actions, i))));
    }
}

static int run_loop(struct cli *cli)
{
    struct cli_input input;
    cli_input_init(&input);
    if (cli->arg_count == 0) {
        return cli_run(cli, "loop_status", &input, show_loops);
    }
    cli_input_str(&input, "loop", cli->args[0]);
    return cli_run(cli, "execute_loop_cycle", &input, show_cycle);
}

const struct cli_command cli_loop = {
    .name = "loop",
    .words = "[NAME]",
    .summary = "show the loops, or run one cycle of one",
    .options = no_options,
    .max_args = 1,
    .run = run_loop,
};

/* ---- call ------------------------------------------------------------------------------------ */

static int list_operations(void)
{
    const struct om_op_row *row = NULL;
    for (size_t i = 0; (row = om_ops_at(i)) != NULL; i++) {
        printf("%-20s %s\n", row->name, row->summary);
    }
    return 0;
}

static int run_call(struct cli *cli)
{
    struct cli_input input;
    if (cli->arg_count == 0) {
        return list_operations();
    }
    cli_input_init(&input);
    om_buf_clear(&input.buf);
    input.whole = true;
    input.status = cli_read_text(cli->arg_count > 1 ? cli->args[1] : "{}", "the input", &input.buf);
    cli->json = true;
    return cli_run(cli, cli->args[0], &input, NULL);
}

const struct cli_command cli_call_command = {
    .name = "call",
    .words = "[OPERATION [JSON]]",
    .summary = "run any operation by its published name",
    .details =
        "Without words it lists the operations; JSON \"-\" reads standard input. Prints JSON.",
    .options = no_options,
    .max_args = 2,
    .run = run_call,
    .makes_store = true,
};

/* ---- version --------------------------------------------------------------------------------- */

static int run_version(struct cli *cli)
{
    printf(cli->json ? "{\"version\":\"%s\"}\n" : "omega %s\n", omega_version());
    return 0;
}

const struct cli_command cli_version = {
    .name = "version",
    .words = "",
    .summary = "print the version",
    .options = no_options,
    .run = run_version,
};
