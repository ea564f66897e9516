/* main.c -- the program: finds the command, parses its words, runs it; help. */
#include <stdlib.h>

#include "cli/cli_int.h"

extern const struct cli_command cli_store, cli_recall, cli_why, cli_get, cli_update, cli_history,
    cli_forget, cli_list, cli_messages, cli_import, cli_export, cli_backup, cli_restore, cli_check,
    cli_config_command, cli_health, cli_metrics, cli_events, cli_loop, cli_call_command, cli_bench,
    cli_quickstart, cli_version, cli_help;

const struct cli_command *const cli_commands[] = {
    &cli_quickstart,     &cli_store,   &cli_recall,  &cli_why,     &cli_get,
    &cli_update,         &cli_history, &cli_forget,  &cli_list,    &cli_messages,
    &cli_import,         &cli_export,  &cli_backup,  &cli_restore, &cli_check,
    &cli_config_command, &cli_health,  &cli_metrics, &cli_events,  &cli_loop,
    &cli_call_command,   &cli_bench,   &cli_version, &cli_help,    NULL};

const struct cli_command *cli_find(const char *name)
{
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, name) == 0) {
            return cli_commands[i];
        }
    }
    return NULL;
}

/* ---- Help ------------------------------------------------------------------------------------ */

static void print_options(const struct cli_option *options)
{
    for (; options != NULL && options->name != NULL; options++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", options->name, options->value != NULL ? " " : "",
                 options->value != NULL ? options->value : "");
        if (options->letter != 0) {
            printf("  -%c, %-28s %s\n", options->letter, left, options->doc);
        } else {
            printf("      %-28s %s\n", left, options->doc);
        }
    }
}

static int print_command(const struct cli_command *command)
{
    printf("omega %s %s\n    %s\n", command->name, command->words, command->summary);
    if (command->details != NULL) {
        printf("\n%s\n", command->details);
    }
    if (command->options != NULL && command->options->name != NULL) {
        puts("\nOptions:");
        print_options(command->options);
    }
    puts("\nCommon options:");
    print_options(cli_common_options);
    return 0;
}

static int print_overview(void)
{
    puts("omega: memory and runtime engine for AI agents\n\nusage: omega COMMAND [words] "
         "[options]\n");
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        printf("  %-12s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    }
    puts("\nomega help COMMAND explains one. The data directory is --data DIR, else\n"
         "$OMEGA_RUNTIME_DATA_DIR, else $XDG_DATA_HOME/omega. See omega(1).");
    return 0;
}

static void print_names(const struct cli_option *options)
{
    for (; options != NULL && options->name != NULL; options++) {
        printf("%s--%s", options == cli_common_options ? "" : " ", options->name);
    }
}

/* For shell completion: name, summary, options, with tabs between. */
static int print_machine_list(void)
{
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        printf("%s\t%s\t", cli_commands[i]->name, cli_commands[i]->summary);
        print_names(cli_commands[i]->options);
        printf("\n");
    }
    printf("-\t\t");
    print_names(cli_common_options);
    printf("\n");
    return 0;
}

static const struct cli_option help_options[] = {
    {"commands", 0, NULL, "a line for each command, for shells"}, CLI_OPTIONS_END};

static int unknown_command(const char *name)
{
    fprintf(stderr, "omega: there is no command '%s'; see: omega help\n", name);
    return omega_status_exit_code(OMEGA_EINVAL);
}

static int run_help(struct cli *cli)
{
    if (cli_flag(cli, "commands")) {
        return print_machine_list();
    }
    if (cli->arg_count == 0) {
        return print_overview();
    }
    const struct cli_command *command = cli_find(cli->args[0]);
    return command != NULL ? print_command(command) : unknown_command(cli->args[0]);
}

const struct cli_command cli_help = {
    "help", "[COMMAND]", "explain a command", NULL, help_options, 0, 1, run_help};

/* ---- The program ----------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    struct cli cli = {.program = argc > 0 ? argv[0] : "omega"};
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        name = "help";
    } else if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    cli.command = cli_find(name);
    if (cli.command == NULL) {
        return unknown_command(name);
    }
    if (!cli_parse(&cli, argc > 1 ? argc - 2 : 0, argv + OM_MIN(argc, 2))) {
        return omega_status_exit_code(OMEGA_EINVAL);
    }
    const int code = cli.help ? print_command(cli.command) : cli.command->run(&cli);
    if (fflush(stdout) != 0) {
        return omega_status_exit_code(OMEGA_EIO);
    }
    return code;
}
