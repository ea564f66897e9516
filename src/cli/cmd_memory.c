/* cmd_memory.c -- store, get, update, history, forget, list, messages: memories one by one. */
#include <unistd.h>

#include "cli/cli_int.h"

enum { STDIN_MAX = 1 << 20 };

static void show_one(struct cli *cli, const struct om_json *result)
{
    struct om_buf text;
    (void)cli;
    om_buf_init(&text, om_alloc_default(), 64 << 20);
    om_json_dump(om_json_get(result, "memory"), &text);
    cli_show_memory(om_json_get(result, "memory"), "*");
    printf("%.*s\n", OM_STR_ARG(om_buf_str(&text)));
    om_buf_fini(&text);
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
        printf("more: --cursor %.*s\n", OM_STR_ARG(cursor));
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

/* The text given, or standard input for "-". */
static omega_status read_text(const char *given, struct om_buf *out)
{
    char block[4096];
    ssize_t got = 0;
    if (strcmp(given, "-") != 0) {
        om_buf_add_text(out, given);
        return out->status;
    }
    while ((got = read(STDIN_FILENO, block, sizeof block)) > 0) {
        om_buf_add(out, block, (size_t)got);
    }
    return out->status == OMEGA_OK
               ? OMEGA_OK
               : om_fail(OMEGA_ELIMIT, "standard input has more than %d bytes", (int)STDIN_MAX);
}

static void put_store_options(struct cli_input *input, const struct cli *cli)
{
    cli_input_str(input, "tier", cli_value(cli, "tier"));
    cli_input_str(input, "key", cli_value(cli, "key"));
    cli_input_str(input, "type", cli_value(cli, "type"));
    cli_input_str(input, "role", cli_value(cli, "role"));
    cli_input_str(input, "name", cli_value(cli, "name"));
    cli_input_raw(input, "metadata", cli_value(cli, "metadata"));
    cli_input_str(input, "occurred_at", cli_value(cli, "occurred-at"));
    cli_input_str(input, "expires_at", cli_value(cli, "expires-at"));
    cli_input_str(input, "op_id", cli_value(cli, "op-id"));
    cli_input_str(input, "durability", cli_value(cli, "durability"));
    cli_input_str(input, "actor", "human");
    if (cli_flag(cli, "pinned")) {
        om_json_put_bool(&input->json, "pinned", true);
    }
    if (cli_flag(cli, "override")) {
        om_json_put_bool(&input->json, "override_tombstone", true);
    }
    cli_input_scope(input, cli);
}

static int run_store(struct cli *cli)
{
    struct cli_input input;
    struct om_buf text;
    om_buf_init(&text, om_alloc_default(), STDIN_MAX);
    omega_status status = read_text(cli->args[0], &text);
    cli_input_init(&input);
    om_json_put_str(&input.json, "content", om_buf_str(&text));
    om_buf_fini(&text);
    put_store_options(&input, cli);
    if (status == OMEGA_OK) {
        status = cli_input_number(&input, "importance", cli_value(cli, "importance"));
    }
    if (status != OMEGA_OK) {
        om_buf_fini(&input.buf);
        return cli_fail(status);
    }
    return cli_run(cli, "store_memory", &input, show_stored);
}

const struct cli_command cli_store = {"store",
                                      "TEXT",
                                      "remember a text",
                                      "TEXT \"-\" reads standard input. Prints the new id.",
                                      store_options,
                                      1,
                                      1,
                                      run_store};

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
    "get", "ID", "show one memory with all its fields", NULL, get_options, 1, 1, run_get};

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
    "history", "ID", "a memory's versions, newest first", NULL, history_options, 1, 1, run_history};

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
    cli_input_raw(&input, "metadata", cli_value(cli, "metadata"));
    cli_input_str(&input, "actor", "human");
    if (cli_flag(cli, "archive") || cli_flag(cli, "activate")) {
        cli_input_str(&input, "state", cli_flag(cli, "archive") ? "archived" : "active");
    }
    cli_input_scope(&input, cli);
    omega_status status = cli_input_number(&input, "importance", cli_value(cli, "importance"));
    if (status == OMEGA_OK) {
        status = cli_input_number(&input, "if_version", cli_value(cli, "if-version"));
    }
    if (status != OMEGA_OK) {
        om_buf_fini(&input.buf);
        return cli_fail(status);
    }
    return cli_run(cli, "update_memory", &input, show_updated);
}

const struct cli_command cli_update = {"update", "ID", "change a memory", NULL, update_options,
                                       1,        1,    run_update};

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
    (void)cli;
    printf("%.0f of %.0f deleted, %.0f rows, %.0f tombstones; ",
           om_json_number(om_json_get(deletion, "deleted")),
           om_json_number(om_json_get(deletion, "matched")),
           om_json_number(om_json_get(deletion, "rows")),
           om_json_number(om_json_get(deletion, "tombstones")));
    puts(om_json_bool(om_json_get(deletion, "erased"))
             ? "erased from every file"
             : "leaves the files at the next maintenance");
    for (size_t i = 0; i < om_json_count(backups); i++) {
        printf("still in the backup %.*s\n", OM_STR_ARG(om_json_str(om_json_at(backups, i))));
    }
}

static int run_forget(struct cli *cli)
{
    const bool many = cli_flag(cli, "filter") || cli_flag(cli, "tier") || cli_flag(cli, "all");
    struct cli_input input;
    if (many == (cli->arg_count == 1)) {
        fprintf(stderr, "omega: forget needs either an ID, or --filter, --tier or --all\n");
        return 2;
    }
    cli_input_init(&input);
    if (!many) {
        cli_input_str(&input, "id", cli->args[0]);
    }
    cli_input_raw(&input, "filter", cli_value(cli, "filter"));
    cli_input_names(&input, "tiers", cli_value(cli, "tier"));
    if (cli_flag(cli, "now")) {
        om_json_put_bool(&input.json, "now", true);
    }
    if (many && cli_flag(cli, "dry-run")) {
        om_json_put_bool(&input.json, "dry_run", true);
    }
    if (cli_flag(cli, "relearn")) {
        om_json_put_bool(&input.json, "no_tombstone", true);
    }
    cli_input_str(&input, "actor", "human");
    cli_input_scope(&input, cli);
    return cli_run(cli, many ? "delete_memories" : "delete_memory", &input, show_deletion);
}

const struct cli_command cli_forget = {
    "forget",
    "[ID]",
    "erase memories, with a receipt",
    "A tombstone stays, so that what was forgotten is not learned again.",
    forget_options,
    0,
    1,
    run_forget};

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
    cli_input_raw(&input, "filter", cli_value(cli, "filter"));
    cli_input_names(&input, "include", cli_value(cli, "include"));
    cli_input_str(&input, "cursor", cli_value(cli, "cursor"));
    cli_input_str(&input, "order", cli_flag(cli, "newest") ? "newest" : NULL);
    if (cli_flag(cli, "all-users")) {
        om_json_put_bool(&input.json, "all_roots", true);
    }
    cli_input_scope(&input, cli);
    const omega_status status = cli_input_number(&input, "limit", cli_value(cli, "limit"));
    if (status != OMEGA_OK) {
        om_buf_fini(&input.buf);
        return cli_fail(status);
    }
    return cli_run(cli, "list_memories", &input, show_list);
}

const struct cli_command cli_list = {"list",  "", "memories page by page", NULL, list_options, 0, 0,
                                     run_list};

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
    if ((role != NULL) != (cli->arg_count == 1)) {
        fprintf(stderr, "omega: messages shows a --session, or adds: --add ROLE TEXT\n");
        return 2;
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
    "messages", "[TEXT]",    "show a session, or add to it", NULL, messages_options, 0,
    1,          run_messages};
