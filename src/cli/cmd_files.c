/* cmd_files.c -- import, export, backup, restore, check: memories and files. */
#include "cli/cli_int.h"

/* ---- import ---------------------------------------------------------------------------------- */

static const struct cli_option import_options[] = {
    {"format", 0, "auto|jsonl|chat|text", "what the file is; auto when not given"},
    {"tier", 't', "TIER", "of what does not say its own"},
    {"stop", 0, NULL, "stop at the first bad line instead of naming it"},
    CLI_SCOPE_OPTIONS,
    CLI_OPTIONS_END};

static void show_import(const struct om_json *result)
{
    const struct om_json *errors = om_json_get(result, "errors");
    for (size_t i = 0; i < om_json_count(errors); i++) {
        fprintf(stderr, "omega: ");
        cli_put_text(stderr, om_json_str(om_json_at(errors, i)), 400);
        fprintf(stderr, "\n");
    }
    printf("%.0f read, %.0f stored, %.0f known, %.0f failed\n",
           om_json_number(om_json_get(result, "read")),
           om_json_number(om_json_get(result, "stored")),
           om_json_number(om_json_get(result, "known")),
           om_json_number(om_json_get(result, "failed")));
}

/* A call whose result can itself be bad news. */
struct judged {
    const char *operation;
    void (*show)(const struct om_json *result);
    const char *bad;      /* the count that is then above 0 */
    omega_status verdict; /* whose exit code that gives */
};

static int call_and_judge(struct cli *cli, const struct judged *call, struct cli_input *input)
{
    struct om_json_doc *doc = NULL;
    bool found = false;
    const omega_status status = cli_call(cli, call->operation, input, &doc);
    if (status == OMEGA_OK) {
        found = om_json_number(om_json_get(om_json_root(doc), call->bad)) > 0;
    }
    if (status == OMEGA_OK && !cli->json) {
        call->show(om_json_root(doc));
    }
    om_json_free(doc);
    const int code = cli_end(cli, status);
    return code == 0 && found ? omega_status_exit_code(call->verdict) : code;
}

static int run_import(struct cli *cli)
{
    static const struct judged call = {"import", show_import, "failed", OMEGA_EINVAL};
    struct cli_input input;
    cli_input_init(&input);
    cli_input_str(&input, "path", cli->args[0]);
    cli_input_str(&input, "format", cli_value(cli, "format"));
    cli_input_str(&input, "tier", cli_value(cli, "tier"));
    cli_input_flag(&input, "stop_at_error", cli_flag(cli, "stop"));
    cli_input_scope(&input, cli);
    return call_and_judge(cli, &call, &input);
}

const struct cli_command cli_import = {
    .name = "import",
    .words = "PATH",
    .summary = "bring in JSON Lines, chats, text, Markdown, or an export",
    .details = "A folder brings in every text and Markdown file below it. Importing again, also "
               "after an interruption, adds nothing twice.",
    .options = import_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_import,
    .makes_store = true,
};

/* ---- export ---------------------------------------------------------------------------------- */

static const struct cli_option export_options[] = {
    {"markdown", 0, NULL, "PATH is a folder: one Markdown file a memory, to edit and import again"},
    {"vectors", 0, NULL, "with your own vectors"},
    CLI_SCOPE_OPTIONS,
    CLI_OPTIONS_END};

static void show_export(struct cli *cli, const struct om_json *result)
{
    printf("%.0f memories written to %s\n", om_json_number(om_json_get(result, "count")),
           cli->args[0]);
}

static int run_export(struct cli *cli)
{
    struct cli_input input;
    cli_input_init(&input);
    cli_input_str(&input, "path", cli->args[0]);
    cli_input_flag(&input, "markdown", cli_flag(cli, "markdown"));
    cli_input_flag(&input, "vectors", cli_flag(cli, "vectors"));
    cli_input_scope(&input, cli);
    return cli_run(cli, "export", &input, show_export);
}

const struct cli_command cli_export = {
    .name = "export",
    .words = "PATH",
    .summary = "write memories to a new JSON Lines file or a Markdown folder",
    .details =
        "Without --user, --agent or --session it writes everything: every user, every state.",
    .options = export_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_export,
};

/* ---- backup, restore ------------------------------------------------------------------------- */

static const struct cli_option no_options[] = {CLI_OPTIONS_END};

static void show_backup(struct cli *cli, const struct om_json *result)
{
    (void)result;
    printf("backup in %s\n", cli->args[0]);
}

static int run_backup(struct cli *cli)
{
    struct cli_input input;
    cli_input_init(&input);
    cli_input_str(&input, "file", cli->args[0]);
    return cli_run(cli, "backup", &input, show_backup);
}

const struct cli_command cli_backup = {
    .name = "backup",
    .words = "FILE",
    .summary = "copy the store into a new file, verified",
    .options = no_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_backup,
};

static int run_restore(struct cli *cli)
{
    omega_config config;
    omega_status status = cli_config(cli, &config);
    if (status == OMEGA_OK) {
        status = omega_restore(&config, cli->args[0]);
    }
    if (status != OMEGA_OK) {
        return cli_fail(status);
    }
    printf(cli->json ? "{\"restored\":true}\n" : "restored; what was there is kept beside it\n");
    return 0;
}

const struct cli_command cli_restore = {
    .name = "restore",
    .words = "FILE",
    .summary = "put a backup in place of the store",
    .details = "No process may use the data directory meanwhile.",
    .options = no_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_restore,
};

/* ---- check ----------------------------------------------------------------------------------- */

static const struct cli_option check_options[] = {
    {"accept-loss", 0, NULL, "go on although the last operations are missing"},
    {"salvage", 0, "DIR", "copy what is readable into a new data directory"},
    CLI_OPTIONS_END};

static void show_check(const struct om_json *result)
{
    const struct om_json *found = om_json_get(result, "found");
    for (size_t i = 0; i < om_json_count(found); i++) {
        printf("fault: ");
        cli_put_text(stdout, om_json_str(om_json_at(found, i)), 400);
        printf("\n");
    }
    printf("%.0f rows looked at, %.0f faults\n", om_json_number(om_json_get(result, "rows")),
           om_json_number(om_json_get(result, "faults")));
}

static int accept_loss(struct cli *cli)
{
    omega_config config;
    uint64_t missing = 0;
    omega_status status = cli_config(cli, &config);
    if (status == OMEGA_OK) {
        status = omega_accept_loss(&config, &missing);
    }
    if (status != OMEGA_OK) {
        return cli_fail(status);
    }
    printf(cli->json ? "{\"missing\":%llu}\n" : "%llu operations given up\n",
           (unsigned long long)missing);
    return 0;
}

static int salvage(struct cli *cli)
{
    omega_config config;
    uint64_t copied = 0;
    uint64_t lost = 0;
    omega_status status = cli_config(cli, &config);
    if (status == OMEGA_OK) {
        status = omega_salvage(&config, cli_value(cli, "salvage"), &copied, &lost);
    }
    if (status != OMEGA_OK) {
        return cli_fail(status);
    }
    printf(cli->json ? "{\"copied\":%llu,\"lost\":%llu}\n" : "%llu rows copied, %llu lost\n",
           (unsigned long long)copied, (unsigned long long)lost);
    return 0;
}

static int run_check(struct cli *cli)
{
    static const struct judged call = {"check", show_check, "faults", OMEGA_ECORRUPT};
    struct cli_input input;
    if (cli_flag(cli, "accept-loss")) {
        return accept_loss(cli);
    }
    if (cli_flag(cli, "salvage")) {
        return salvage(cli);
    }
    cli_input_init(&input);
    return call_and_judge(cli, &call, &input);
}

const struct cli_command cli_check = {
    .name = "check",
    .words = "",
    .summary = "look at every row, checksum and invariant",
    .details = "A store that ends before the last acknowledged write opens read-only and says "
               "which operations are missing; --accept-loss goes on without them.",
    .options = check_options,
    .run = run_check,
};
