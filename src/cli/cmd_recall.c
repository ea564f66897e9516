/* cmd_recall.c -- recall and why: finding memories, and the reasons. */
#include "cli/cli_int.h"

static const struct cli_option recall_options[] = {
    {"k", 'k', "N", "how many; 10 when not given"},
    {"tier", 't', "TIERS", "only these, with commas"},
    {"filter", 'f', "JSON", "only what it describes"},
    {"min-importance", 'i', "0..1", "only at least so important"},
    {"vector-weight", 0, "0..1", "of the vectors against the words"},
    {"as-of", 0, "TIME", "what held and was believed then"},
    {"include", 0, "STATES", "also archived, superseded"},
    {"all-users", 0, NULL, "of every user and agent"},
    CLI_SCOPE_OPTIONS,
    CLI_OPTIONS_END};

static void show_results(const struct om_json *result, bool explain)
{
    const struct om_json *memories = om_json_get(result, "memories");
    const omega_str reason = om_json_str(om_json_get(result, "reason"));
    for (size_t i = 0; i < om_json_count(memories); i++) {
        char rank[24];
        snprintf(rank, sizeof rank, "%2zu.", i + 1);
        cli_show_memory(om_json_at(memories, i), rank);
        if (explain) {
            cli_show_explain(om_json_get(om_json_at(memories, i), "explain"), "    ");
        }
    }
    if (om_json_count(memories) == 0) {
        puts("nothing found");
    }
    if (reason.len > 0) {
        printf("degraded: %.*s\n", OM_STR_ARG(reason));
    }
}

static void show_recall(struct cli *cli, const struct om_json *result)
{
    (void)cli;
    show_results(result, false);
}

static void show_why(struct cli *cli, const struct om_json *result)
{
    (void)cli;
    show_results(result, true);
}

static int recall(struct cli *cli, bool explain)
{
    struct cli_input input;
    cli_input_init(&input);
    cli_input_str(&input, "query", cli->args[0]);
    cli_input_names(&input, "tiers", cli_value(cli, "tier"));
    cli_input_object(&input, "filter", cli_value(cli, "filter"));
    cli_input_names(&input, "include", cli_value(cli, "include"));
    cli_input_str(&input, "as_of", cli_value(cli, "as-of"));
    cli_input_number(&input, "k", cli_value(cli, "k"));
    cli_input_number(&input, "min_importance", cli_value(cli, "min-importance"));
    cli_input_number(&input, "vector_weight", cli_value(cli, "vector-weight"));
    cli_input_flag(&input, "all_roots", cli_flag(cli, "all-users"));
    cli_input_flag(&input, "explain", explain);
    cli_input_scope(&input, cli);
    return cli_run(cli, "recall_memories", &input, explain ? show_why : show_recall);
}

static int run_recall(struct cli *cli)
{
    return recall(cli, false);
}

static int run_why(struct cli *cli)
{
    return recall(cli, true);
}

const struct cli_command cli_recall = {
    .name = "recall",
    .words = "QUERY",
    .summary = "find memories, best first",
    .options = recall_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_recall,
};
const struct cli_command cli_why = {
    .name = "why",
    .words = "QUERY",
    .summary = "find memories and say why each was found",
    .options = recall_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_why,
};
