/* cmd_files.c -- import, export, backup, restore, check: memories and files. */
#include "cli/cli_int.h"

/* ---- import ---------------------------------------------------------------------------------- */

static const struct cli_option import_options[] = {
    {"format", 0, "auto|jsonl|chat|text", "what the file is; auto when not given"},
    {"tier", 't', "TIER", "of what does not say its own"},
    {"stop", 0, NULL, "stop at the first bad line instead of naming it"},
    CLI_SCOPE_OPTIONS,
    CLI_OPTIONS_END};

static void show_import(struct cli *cli, const struct om_json *result)
{
    const struct om_json *errors = om_json_get(result, "errors");
    (void)cli;
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

static int run_import(struct cli *cli)
{
    struct cli_input input;
    cli_input_init(&input);
    cli_input_str(&input, "path", cli->args[0]);
    cli_input_str(&input, "format", cli_value(cli, "format"));
    cli_input_str(&input, "tier", cli_value(cli, "tier"));
    if (cli_flag(cli, "stop")) {
        om_json_put_bool(&input.json, "stop_at_error", true);
    }
    cli_input_scope(&input, cli);
    return cli_run(cli, "import", &input, show_import);
}

const struct cli_command cli_import = {
    "import",
    "PATH",
    "bring in JSON Lines, chats, text, Markdown, or an export",
    "A folder brings in every text and Markdown file below it. Importing again, also after an\n"
    "interruption, adds nothing twice.",
    import_options,
    1,
    1,
    run_import};

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
    if (cli_flag(cli, "markdown")) {
        om_json_put_bool(&input.json, "markdown", true);
    }
    if (cli_flag(cli, "vectors")) {
        om_json_put_bool(&input.json, "vectors", true);
    }
    cli_input_scope(&input, cli);
    return cli_run(cli, "export", &input, show_export);
}

const struct cli_command cli_export = {
    "export",
    "PATH",
    "write memories to a new JSON Lines file or a Markdown folder",
    "Without --user, --agent or --session it writes everything: every user, every state.",
    export_options,
    1,
    1,
    run_export};

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
    "backup", "FILE",    "copy the store into a new file, verified", NULL, no_options, 1,
    1,        run_backup};

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

const struct cli_command cli_restore = {"restore",
                                        "FILE",
                                        "put a backup in place of the store",
                                        "No process may use the data directory meanwhile.",
                                        no_options,
                                        1,
                                        1,
                                        run_restore};

/* ---- check ----------------------------------------------------------------------------------- */

static const struct cli_option check_options[] = {
    {"accept-loss", 0, NULL, "go on although the last operations are missing"},
    {"salvage", 0, "DIR", "copy what is readable into a new data directory"},
    CLI_OPTIONS_END};

static void show_check(struct cli *cli, const struct om_json *result)
{
    const struct om_json *found = om_json_get(result, "found");
    (void)cli;
    for (size_t i = 0; i < om_json_count(found); i++) {
        printf("fault: ");
        cli_put_text(stdout, om_json_str(om_json_at(found, i)), 400);
        printf("\n");
    }
    printf("%.0f rows, %.0f faults\n", om_json_number(om_json_get(result, "rows")),
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
    struct cli_input input;
    if (cli_flag(cli, "accept-loss")) {
        return accept_loss(cli);
    }
    if (cli_flag(cli, "salvage")) {
        return salvage(cli);
    }
    cli_input_init(&input);
    return cli_run(cli, "check", &input, show_check);
}

const struct cli_command cli_check = {"check",
                                      "",
                                      "look at every row, checksum and invariant",
                                      "A store that ends before the last acknowledged write opens "
                                      "read-only and says which operations\n"
                                      "are missing; --accept-loss goes on without them.",
                                      check_options,
                                      0,
                                      0,
                                      run_check};
