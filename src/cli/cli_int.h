/* cli_int.h -- what the files of the program share: a command, a parsed line, ways to show things.
 *
 * A command is one file with one const struct; commands.c lists them. It turns its words into the
 * JSON input of an operation (ops/ops.h), runs it, and shows the result: tables and sentences on a
 * terminal, the operation's own JSON with --json. The program exits with the status's code. */
#ifndef OM_CLI_INT_H
#define OM_CLI_INT_H

#include <stdio.h>

#include "ops/ops.h"

struct cli;

struct cli_option {
    const char *name;  /* "tier" for --tier; NULL ends the list */
    char letter;       /* 't' for -t; 0: none */
    const char *value; /* what it takes, "NAME"; NULL: a flag */
    const char *doc;
};

struct cli_command {
    const char *name;
    const char *words;   /* "TEXT", "[FILE]": the arguments, for the usage line */
    const char *summary; /* one line */
    const char *details; /* more for its help; may be NULL */
    const struct cli_option *options;
    unsigned min_args, max_args;
    int (*run)(struct cli *cli);
    bool makes_store; /* works also where there is none yet */
};

enum { CLI_OPTIONS_MAX = 32, CLI_ARGS_MAX = 64, CLI_SETS_MAX = 32 };

struct cli {
    const struct cli_command *command;
    const char *values[CLI_OPTIONS_MAX]; /* by place in command->options; "" for a flag */
    const char *args[CLI_ARGS_MAX];
    unsigned arg_count;
    /* common options */
    const char *data_dir, *config_file;
    const char *sets[CLI_SETS_MAX];
    unsigned set_count;
    bool json, quiet, help;
    const char *program; /* as it was called */
    /* made on the way */
    omega_runtime *rt;
    bool bar_shown;
    int64_t bar_start_ns, bar_last_ns;
};

extern const struct cli_command *const cli_commands[]; /* NULL-terminated */
extern const struct cli_option cli_common_options[];
const struct cli_command *cli_find(const char *name);

/* args.c: false after saying what is wrong. Sets cli->command too; the default is help. */
bool cli_parse(struct cli *cli, int argc, char **argv);
const char *cli_value(const struct cli *cli, const char *option); /* NULL: not given */
bool cli_flag(const struct cli *cli, const char *option);

/* open.c */
/* The settings: defaults, file, environment, --set, --data. */
omega_status cli_config(const struct cli *cli, omega_config *config);
/* cli->rt, Running. OMEGA_ENOTFOUND where no store is, unless the command makes one. */
omega_status cli_open(struct cli *cli);
omega_status cli_close(struct cli *cli);
/* Says the last error on standard error; returns its exit code. */
int cli_fail(omega_status status);

/* call.c: one operation. The first thing wrong with its input is kept in `status`. */
struct cli_input {
    struct om_buf buf;
    struct om_json_out json;
    omega_status status;
    bool whole;
};
void cli_input_init(struct cli_input *input);
/* What is NULL is left out. */
void cli_input_text(struct cli_input *input, const char *name, omega_str value);
void cli_input_str(struct cli_input *input, const char *name, const char *value);
void cli_input_flag(struct cli_input *input, const char *name, bool given);
/* The scope from --user, --agent, --session. */
void cli_input_scope(struct cli_input *input, const struct cli *cli);
/* A list of names with commas as an array. */
void cli_input_names(struct cli_input *input, const char *name, const char *value);
/* A number as it stands: the operation checks its range. */
void cli_input_number(struct cli_input *input, const char *name, const char *value);
/* A JSON value as it stands. */
void cli_input_object(struct cli_input *input, const char *name, const char *value);
/* The whole input as it stands. */
void cli_input_whole(struct cli_input *input, const char *json);
/* The word given, or standard input for "-", up to the buffer's ceiling. */
omega_status cli_read_text(const char *given, const char *name, struct om_buf *out);
/* Opens, runs the operation with the input, frees the input. Prints the result with --json; *doc is
 * the parsed result. The caller ends with cli_end. */
omega_status cli_call(struct cli *cli, const char *operation, struct cli_input *input,
                      struct om_json_doc **doc);
/* Says what failed, closes; the exit code. */
int cli_end(struct cli *cli, omega_status status);
/* Calls, shows by `show` unless --json, ends. */
int cli_run(struct cli *cli, const char *operation, struct cli_input *input,
            void (*show)(struct cli *cli, const struct om_json *result));

/* show.c */
bool cli_color(void); /* standard output is a terminal that wants colour */
void cli_heading(const char *text);
/* A memory in two lines: rank or bullet, score, tier, age, id; then the text. */
void cli_show_memory(const struct om_json *memory, const char *bullet);
/* A sentence for each part of a recall's explain object, each line begun with `indent`. */
void cli_show_explain(const struct om_json *explain, const char *indent);
/* Text with its lines, each begun with `indent`. */
void cli_put_block(omega_str text, const char *indent);
/* "2026-08-01 12:00" of an RFC 3339 stamp; "never" for none. */
void cli_put_date(const struct om_json *stamp);
/* JSON on a line of its own, its control characters as escapes. */
void cli_put_json(omega_str json);
void cli_show_count(uint64_t count, const char *one, const char *many);
/* Text that may hold control characters, made harmless; at most `max` characters, 0: all. Returns
 * how many characters were written. */
size_t cli_put_text(FILE *out, omega_str text, size_t max);

/* progress.c */
bool cli_progress(void *cli, const char *phase, uint64_t done, uint64_t total);
void cli_progress_end(struct cli *cli);

#define CLI_SCOPE_OPTIONS                                                                          \
    {"user", 'u', "NAME", "whose memories"}, {"agent", 'a', "NAME", "which agent's"},              \
    {                                                                                              \
        "session", 's', "NAME", "which session's"                                                  \
    }
#define CLI_OPTIONS_END                                                                            \
    {                                                                                              \
        NULL, 0, NULL, NULL                                                                        \
    }

#endif
