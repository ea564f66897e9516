/* main.c -- the program: finds the command, parses its words, runs it; help. */
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "cli/cli_int.h"

enum { LEFT_WIDTH = 29 };

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

/* Words from column `indent` on, where the line stands already, to column 79. */
static void print_wrapped(omega_str text, int indent)
{
    int column = indent;
    while (text.ptr != NULL) {
        const omega_str word = om_str_cut(text, ' ', &text);
        if (column > indent && column + 1 + (int)word.len > 79) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", OM_STR_ARG(word));
        column += (int)word.len;
    }
    putchar('\n');
}

static void print_options(const struct cli_option *options)
{
    for (; options != NULL && options->name != NULL; options++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", options->name, options->value != NULL ? " " : "",
                 options->value != NULL ? options->value : "");
        if (options->letter != 0) {
            printf("  -%c, %-*s ", options->letter, LEFT_WIDTH, left);
        } else {
            printf("      %-*s ", LEFT_WIDTH, left);
        }
        print_wrapped(omega_str_of(options->doc), LEFT_WIDTH + 7);
    }
}

static int print_command(const struct cli_command *command)
{
    printf("omega %s %s\n    %s\n", command->name, command->words, command->summary);
    if (command->details != NULL) {
        putchar('\n');
        print_wrapped(omega_str_of(command->details), 0);
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
    .name = "help",
    .words = "[COMMAND]",
    .summary = "explain a command",
    .options = help_options,
    .max_args = 1,
    .run = run_help,
};

/* ---- The program ----------------------------------------------------------------------------- */

/* What could not be written is an error, except to a reader who has gone: it had what it wanted. */
static int flush_output(int code)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    const bool written = fflush(stdout) == 0 && ferror(stdout) == 0;
    if (written || (poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0)) {
        return code;
    }
    fputs("omega: standard output cannot be written\n", stderr);
    return code != 0 ? code : omega_status_exit_code(OMEGA_EIO);
}

int main(int argc, char **argv)
{
    struct cli cli = {.program = argc > 0 ? argv[0] : "omega"};
    /* So that the store is closed in order when the reader of a pipe goes. */
    signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        cli.command = &cli_version;
    } else if (!cli_parse(&cli, argc - OM_MIN(argc, 1), argv + OM_MIN(argc, 1))) {
        return omega_status_exit_code(OMEGA_EINVAL);
    }
    return flush_output(cli.help ? print_command(cli.command) : cli.command->run(&cli));
}
