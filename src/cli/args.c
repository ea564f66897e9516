/* args.c -- the command line: `omega COMMAND [words] [--options]`, options in any place; those
 * before the command are the common ones.
 *
 * --name VALUE, --name=VALUE, -n VALUE; "--" ends the options; "-" is a word. */
#include "cli/cli_int.h"

const struct cli_option cli_common_options[] = {
    {"data", 'd', "DIR", "the data directory"},
    {"config", 0, "FILE", "settings from this file"},
    {"set", 0, "KEY=VALUE", "one setting; may be repeated"},
    {"json", 'j', NULL, "print JSON for machines"},
    {"quiet", 'q', NULL, "no progress"},
    {"help", 'h', NULL, "explain the command"},
    CLI_OPTIONS_END,
};

static int find_option(const struct cli_option *options, omega_str name, char letter)
{
    for (int i = 0; options != NULL && options[i].name != NULL; i++) {
        if (letter != 0 ? options[i].letter == letter : om_str_eq_text(name, options[i].name)) {
            return i;
        }
    }
    return -1;
}

static bool refuse(const char *word, const char *why)
{
    fprintf(stderr, "omega: '%s' %s\n", word, why);
    return false;
}

static bool set_common(struct cli *cli, int option, const char *value)
{
    switch (option) {
    case 0:
        cli->data_dir = value;
        return true;
    case 1:
        cli->config_file = value;
        return true;
    case 2:
        if (cli->set_count >= CLI_SETS_MAX) {
            return refuse(value, "is one --set too many");
        }
        cli->sets[cli->set_count++] = value;
        return true;
    case 3:
        cli->json = true;
        return true;
    case 4:
        cli->quiet = true;
        return true;
    default:
        cli->help = true;
        return true;
    }
}

static bool unknown_option(const struct cli *cli, const char *word)
{
    if (cli->command == NULL) {
        return refuse(word, "is no option that can stand before the command; see: omega help");
    }
    fprintf(stderr, "omega: %s has no option '%s'; see: omega help %s\n", cli->command->name, word,
            cli->command->name);
    return false;
}

static bool take_command(struct cli *cli, const char *name)
{
    cli->command = cli_find(name);
    if (cli->command == NULL) {
        fprintf(stderr, "omega: there is no command '%s'; see: omega help\n", name);
    }
    return cli->command != NULL;
}

/* One option at argv[*at]; moves *at over a value that stands apart. */
static bool take_option(struct cli *cli, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    const bool is_long = word[1] == '-';
    omega_str value = {NULL, 0};
    const omega_str name =
        is_long ? om_str_cut(omega_str_of(word + 2), '=', &value) : (omega_str){NULL, 0};
    const char letter = is_long ? 0 : word[1];
    const struct cli_option *table = cli->command != NULL ? cli->command->options : NULL;
    if (!is_long && word[2] != '\0') {
        return refuse(word, "is no option: one letter is expected after '-'");
    }
    int option = find_option(table, name, letter);
    const bool common = option < 0;
    if (common) {
        table = cli_common_options;
        option = find_option(table, name, letter);
    }
    if (option < 0) {
        return unknown_option(cli, word);
    }
    const char *given = value.ptr; /* the end of argv's text: terminated */
    if (table[option].value != NULL && given == NULL) {
        if (*at + 1 >= argc) {
            return refuse(word, "needs a value");
        }
        given = argv[++*at];
    } else if (table[option].value == NULL && given != NULL) {
        return refuse(word, "takes no value");
    }
    given = given != NULL ? given : "";
    if (common) {
        return set_common(cli, option, given);
    }
    cli->values[option] = given;
    return true;
}

bool cli_parse(struct cli *cli, int argc, char **argv)
{
    bool options_ended = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (!options_ended && strcmp(word, "--") == 0) {
            options_ended = true;
        } else if (!options_ended && word[0] == '-' && word[1] != '\0') {
            if (!take_option(cli, argc, argv, &i)) {
                return false;
            }
        } else if (cli->command == NULL) {
            if (!take_command(cli, word)) {
                return false;
            }
        } else if (cli->arg_count >= CLI_ARGS_MAX) {
            return refuse(word, "is one word too many");
        } else {
            cli->args[cli->arg_count++] = word;
        }
    }
    if (cli->command == NULL) {
        cli->help = false;
        return take_command(cli, "help");
    }
    if (cli->help) {
        return true;
    }
    if (cli->arg_count < cli->command->min_args || cli->arg_count > cli->command->max_args) {
        fprintf(stderr, "usage: omega %s %s\nSee: omega help %s\n", cli->command->name,
                cli->command->words, cli->command->name);
        return false;
    }
    return true;
}

const char *cli_value(const struct cli *cli, const char *option)
{
    const int at = find_option(cli->command->options, omega_str_of(option), 0);
    return at >= 0 ? cli->values[at] : NULL;
}

bool cli_flag(const struct cli *cli, const char *option)
{
    return cli_value(cli, option) != NULL;
}
