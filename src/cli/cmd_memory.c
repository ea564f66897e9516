/* cmd_memory.c -- store, get, update, history, forget, list, messages: memories one by one. */
#include "cli/cli_int.h"

static void show_value(const struct om_json *value)
{
    struct om_buf text;
    if (om_json_type_of(value) == OM_JSON_STRING) {
        cli_put_text(stdout, om_json_str(value), 0);
        return;
    }
    om_buf_init(&text, om_alloc_default(), 1 << 20);
    om_json_dump(value, &text);
    cli_put_text(stdout, om_buf_str(&text), 0);
    om_buf_fini(&text);
}

/* The text, then its fields, those without a value left out. */
static void show_one(struct cli *cli, const struct om_json *result)
{
    const struct om_json *memory = om_json_get(result, "memory");
    const struct om_json *value = NULL;
    omega_str name;
    size_t at = 0;
    (void)cli;
    cli_put_block(om_json_str(om_json_get(memory, "content")), "");
    while (om_json_next(memory, &at, &name, &value)) {
        const enum om_json_type type = om_json_type_of(value);
        const bool empty =
            (type == OM_JSON_OBJECT || type == OM_JSON_ARRAY) && om_json_count(value) == 0;
        if (type != OM_JSON_NULL && !empty && !om_str_eq_text(name, "content")) {
            printf("  %-15.*s ", OM_STR_ARG(name));
            show_value(value);
            printf("\n");
        }
    }
}

static void show_list(struct cli *cli, const struct om_json *result)
{
    const struct om_json *memories = om_json_get(result, "memories");
    const omega_str cursor = om_json_str(om_json_get(result, "cursor"));
    (void)cli;
    for (size_t i = 0; i < om_json_count(memories); i++) {
        cli_show_memory(om_json_at(memories, i), "*");
    }
    cli_show_count(om_json_count(memories), "memory", "memories");
    if (cursor.len > 0) {
        printf("more with --cursor %.*s\n", OM_STR_ARG(cursor));
    }
}

/* ---- store ----------------------------------------------------------------------------------- */

static const struct cli_option store_options[] = {
    {"tier", 't', "TIER", "immediate .. cosmic; episodic when not given"},
    {"importance", 'i', "0..1", "measured novelty when not given"},
    {"key", 'k', "KEY", "your own id: a known one is updated"},
    {"type", 0, "TYPE", "note when not given; block is pinned"},
    {"role", 0, "ROLE", "of a message"},
    {"name", 0, "NAME", "of the speaker, or a block's label"},
    {"metadata", 'm', "JSON", "an object"},
    {"occurred-at", 0, "TIME", "RFC 3339 or a date"},
    {"expires-at", 0, "TIME", "erased after it"},
    {"pinned", 0, NULL, "never forgotten by time"},
    {"op-id", 0, "UUID", "the same again returns the first result"},
    {"durability", 0, "process|disk", "how safe before it returns"},
    {"override", 0, NULL, "store although it was forgotten before"},
    CLI_SCOPE_OPTIONS,
    CLI_OPTIONS_END};

static void show_stored(struct cli *cli, const struct om_json *result)
{
    (void)cli;
    printf("%.*s\n", OM_STR_ARG(om_json_str(om_json_get(result, "id"))));
}

static void put_store_options(struct cli_input *input, const struct cli *cli)
{
    cli_input_str(input, "tier", cli_value(cli, "tier"));
    cli_input_str(input, "key", cli_value(cli, "key"));
    cli_input_str(input, "type", cli_value(cli, "type"));
    cli_input_str(input, "role", cli_value(cli, "role"));
    cli_input_str(input, "name", cli_value(cli, "name"));
    cli_input_object(input, "metadata", cli_value(cli, "metadata"));
    cli_input_str(input, "occurred_at", cli_value(cli, "occurred-at"));
    cli_input_str(input, "expires_at", cli_value(cli, "expires-at"));
    cli_input_str(input, "op_id", cli_value(cli, "op-id"));
    cli_input_str(input, "durability", cli_value(cli, "durability"));
    cli_input_str(input, "actor", "human");
    cli_input_number(input, "importance", cli_value(cli, "importance"));
    cli_input_flag(input, "pinned", cli_flag(cli, "pinned"));
    cli_input_flag(input, "override_tombstone", cli_flag(cli, "override"));
    cli_input_scope(input, cli);
}

static int run_store(struct cli *cli)
{
    struct cli_input input;
    struct om_buf text;
    om_buf_init(&text, om_alloc_default(), OM_LIMIT_CONTENT);
    cli_input_init(&input);
    input.status = cli_read_text(cli->args[0], "content", &text);
    cli_input_text(&input, "content", text.len > 0 ? om_buf_str(&text) : OM_STR(""));
    om_buf_fini(&text);
    put_store_options(&input, cli);
    return cli_run(cli, "store_memory", &input, show_stored);
}

const struct cli_command cli_store = {
    .name = "store",
    .words = "TEXT",
    .summary = "remember a text",
    .details = "TEXT \"-\" reads standard input. Prints the new id.",
    .options = store_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_store,
    .makes_store = true,
};

/* ---- get, history ---------------------------------------------------------------------------- */

static const struct cli_option get_options[] = {
    {"key", 'k', NULL, "the word is your own key, not an id"}, CLI_SCOPE_OPTIONS, CLI_OPTIONS_END};

static int run_get(struct cli *cli)
{
    struct cli_input input;
    cli_input_init(&input);
    cli_input_str(&input, cli_flag(cli, "key") ? "key" : "id", cli->args[0]);
    cli_input_scope(&input, cli);
    return cli_run(cli, "get_memory", &input, show_one);
}

const struct cli_command cli_get = {
    .name = "get",
    .words = "ID",
    .summary = "show one memory with all its fields",
    .options = get_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_get,
};

static const struct cli_option history_options[] = {CLI_SCOPE_OPTIONS, CLI_OPTIONS_END};

static int run_history(struct cli *cli)
{
    struct cli_input input;
    cli_input_init(&input);
    cli_input_str(&input, "id", cli->args[0]);
    cli_input_scope(&input, cli);
    return cli_run(cli, "memory_history", &input, show_list);
}

const struct cli_command cli_history = {
    .name = "history",
    .words = "ID",
    .summary = "a memory's versions, newest first",
    .options = history_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_history,
};

/* ---- update ---------------------------------------------------------------------------------- */

static const struct cli_option update_options[] = {
    {"content", 'c', "TEXT", "a new text; the past one stays in the history"},
    {"tier", 't', "TIER", "a new tier"},
    {"importance", 'i', "0..1", "a new importance"},
    {"metadata", 'm', "JSON", "replaces all metadata"},
    {"if-version", 0, "N", "only if this is its version"},
    {"archive", 0, NULL, "out of default recall"},
    {"activate", 0, NULL, "back into it"},
    CLI_SCOPE_OPTIONS,
    CLI_OPTIONS_END};

static void show_updated(struct cli *cli, const struct om_json *result)
{
    (void)cli;
    printf("version %.0f\n", om_json_number(om_json_get(result, "version")));
}

static int run_update(struct cli *cli)
{
    struct cli_input input;
    cli_input_init(&input);
    cli_input_str(&input, "id", cli->args[0]);
    cli_input_str(&input, "content", cli_value(cli, "content"));
    cli_input_str(&input, "tier", cli_value(cli, "tier"));
    cli_input_object(&input, "metadata", cli_value(cli, "metadata"));
    cli_input_str(&input, "actor", "human");
    if (cli_flag(cli, "archive") || cli_flag(cli, "activate")) {
        cli_input_str(&input, "state", cli_flag(cli, "archive") ? "archived" : "active");
    }
    cli_input_scope(&input, cli);
    cli_input_number(&input, "importance", cli_value(cli, "importance"));
    cli_input_number(&input, "if_version", cli_value(cli, "if-version"));
    return cli_run(cli, "update_memory", &input, show_updated);
}

const struct cli_command cli_update = {
    .name = "update",
    .words = "ID",
    .summary = "change a memory",
    .options = update_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_update,
};

/* ---- forget ---------------------------------------------------------------------------------- */

static const struct cli_option forget_options[] = {
    {"now", 0, NULL, "erase from every file before returning, else within a minute"},
    {"filter", 'f', "JSON", "all memories that it describes, instead of one id"},
    {"tier", 't', "TIERS", "all memories of these tiers, with commas"},
    {"all", 0, NULL, "every memory of the scope"},
    {"dry-run", 'n', NULL, "only count them"},
    {"relearn", 0, NULL, "leave no tombstone: it may be learned again"},
    CLI_SCOPE_OPTIONS,
    CLI_OPTIONS_END};

static void show_deletion(struct cli *cli, const struct om_json *result)
{
    const struct om_json *deletion = om_json_get(result, "deletion");
    const struct om_json *backups = om_json_get(deletion, "backups");
    const double deleted = om_json_number(om_json_get(deletion, "deleted"));
    if (cli_flag(cli, "dry-run")) {
        printf("%.0f would be forgotten\n", om_json_number(om_json_get(deletion, "matched")));
        return;
    }
    printf("%.0f forgotten", deleted);
    if (deleted > 0) {
        printf(": %.0f rows removed, %.0f tombstones left; the bytes %s",
               om_json_number(om_json_get(deletion, "rows")),
               om_json_number(om_json_get(deletion, "tombstones")),
               om_json_bool(om_json_get(deletion, "erased")) ? "have left every file"
                                                             : "leave the files within a minute "
                                                               "of running time");
    }
    printf("\n");
    for (size_t i = 0; i < om_json_count(backups); i++) {
        printf("still in the backup ");
        cli_put_text(stdout, om_json_str(om_json_at(backups, i)), 0);
        printf("\n");
    }
}

static bool forget_words_fit(const struct cli *cli, bool many)
{
    if (many == (cli->arg_count == 1)) {
        fprintf(stderr, "omega: forget needs either an ID, or --filter, --tier or --all\n");
        return false;
    }
    if (!many && cli_flag(cli, "dry-run")) {
        fprintf(stderr, "omega: --dry-run goes with --filter, --tier or --all, not with an ID\n");
        return false;
    }
    return true;
}

static int run_forget(struct cli *cli)
{
    const bool many = cli_flag(cli, "filter") || cli_flag(cli, "tier") || cli_flag(cli, "all");
    struct cli_input input;
    if (!forget_words_fit(cli, many)) {
        return omega_status_exit_code(OMEGA_EINVAL);
    }
    cli_input_init(&input);
    cli_input_str(&input, "id", many ? NULL : cli->args[0]);
    cli_input_object(&input, "filter", cli_value(cli, "filter"));
    cli_input_names(&input, "tiers", cli_value(cli, "tier"));
    cli_input_flag(&input, "now", cli_flag(cli, "now"));
    cli_input_flag(&input, "dry_run", cli_flag(cli, "dry-run"));
    cli_input_flag(&input, "no_tombstone", cli_flag(cli, "relearn"));
    cli_input_str(&input, "actor", "human");
    cli_input_scope(&input, cli);
    return cli_run(cli, many ? "delete_memories" : "delete_memory", &input, show_deletion);
}

const struct cli_command cli_forget = {
    .name = "forget",
    .words = "[ID]",
    .summary = "erase memories, with a receipt",
    .details = "A tombstone stays, so that what was forgotten is not learned again.",
    .options = forget_options,
    .max_args = 1,
    .run = run_forget,
};

/* ---- list, messages -------------------------------------------------------------------------- */

static const struct cli_option list_options[] = {
    {"tier", 't', "TIERS", "only these, with commas"},
    {"type", 0, "TYPE", "only this type"},
    {"filter", 'f', "JSON", "only what it describes"},
    {"include", 0, "STATES", "also archived, superseded"},
    {"newest", 0, NULL, "newest first"},
    {"limit", 'l', "N", "1..1000; 100 when not given"},
    {"cursor", 0, "CURSOR", "the next page"},
    {"all-users", 0, NULL, "of every user and agent"},
    CLI_SCOPE_OPTIONS,
    CLI_OPTIONS_END};

static int run_list(struct cli *cli)
{
    struct cli_input input;
    cli_input_init(&input);
    cli_input_names(&input, "tiers", cli_value(cli, "tier"));
    cli_input_str(&input, "type", cli_value(cli, "type"));
    cli_input_object(&input, "filter", cli_value(cli, "filter"));
    cli_input_names(&input, "include", cli_value(cli, "include"));
    cli_input_str(&input, "cursor", cli_value(cli, "cursor"));
    cli_input_str(&input, "order", cli_flag(cli, "newest") ? "newest" : NULL);
    cli_input_flag(&input, "all_roots", cli_flag(cli, "all-users"));
    cli_input_scope(&input, cli);
    cli_input_number(&input, "limit", cli_value(cli, "limit"));
    return cli_run(cli, "list_memories", &input, show_list);
}

const struct cli_command cli_list = {
    .name = "list",
    .words = "",
    .summary = "memories page by page",
    .options = list_options,
    .run = run_list,
};

static const struct cli_option messages_options[] = {
    {"add", 0, "ROLE", "add the word as a message of this role"},
    {"name", 0, "NAME", "of its speaker"},
    CLI_SCOPE_OPTIONS,
    CLI_OPTIONS_END};

static void show_messages(struct cli *cli, const struct om_json *result)
{
    const struct om_json *memories = om_json_get(result, "memories");
    (void)cli;
    for (size_t i = 0; i < om_json_count(memories); i++) {
        const struct om_json *one = om_json_at(memories, i);
        const omega_str name = om_json_str(om_json_get(one, "name"));
        printf("%3.0f ", om_json_number(om_json_get(one, "position")));
        cli_put_text(stdout, name.len > 0 ? name : om_json_str(om_json_get(one, "role")), 40);
        printf(": ");
        cli_put_text(stdout, om_json_str(om_json_get(one, "content")), 0);
        printf("\n");
    }
}

static void show_added(struct cli *cli, const struct om_json *result)
{
    (void)cli;
    printf("session %.*s\n", OM_STR_ARG(om_json_str(om_json_get(result, "session"))));
}

static int run_messages(struct cli *cli)
{
    const char *role = cli_value(cli, "add");
    struct cli_input input;
    if ((role != NULL) != (cli->arg_count == 1) || (role == NULL && !cli_flag(cli, "session"))) {
        fprintf(stderr,
                "omega: messages shows a session: --session NAME; or adds: --add ROLE TEXT\n");
        return omega_status_exit_code(OMEGA_EINVAL);
    }
    cli_input_init(&input);
    cli_input_scope(&input, cli);
    if (role == NULL) {
        om_json_put_bool(&input.json, "session_only", true);
        cli_input_str(&input, "order", "position");
        return cli_run(cli, "list_memories", &input, show_messages);
    }
    om_json_open(&input.json, "messages", '[');
    om_json_open(&input.json, NULL, '{');
    cli_input_str(&input, "role", role);
    cli_input_str(&input, "name", cli_value(cli, "name"));
    cli_input_str(&input, "content", cli->args[0]);
    om_json_close(&input.json, '}');
    om_json_close(&input.json, ']');
    return cli_run(cli, "add_messages", &input, show_added);
}

const struct cli_command cli_messages = {
    .name = "messages",
    .words = "[TEXT]",
    .summary = "show a session, or add to it",
    .options = messages_options,
    .max_args = 1,
    .run = run_messages,
    .makes_store = true,
};
