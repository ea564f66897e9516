/* call.c -- one operation from the command line: its JSON input, its call, its result. */
#include <errno.h>
#include <unistd.h>

#include "cli/cli_int.h"

enum { INPUT_MAX = 32 << 20 };

void cli_input_init(struct cli_input *input)
{
    input->status = OMEGA_OK;
    input->whole = false;
    om_buf_init(&input->buf, om_alloc_default(), INPUT_MAX);
    om_json_out_init(&input->json, &input->buf);
    om_json_open(&input->json, NULL, '{');
}

static void keep(struct cli_input *input, omega_status status)
{
    if (input->status == OMEGA_OK) {
        input->status = status;
    }
}

void cli_input_text(struct cli_input *input, const char *name, omega_str value)
{
    const size_t valid = om_utf8_valid_len(value);
    if (valid < value.len) {
        keep(input, om_fail(OMEGA_EINVAL, "%s is not UTF-8: byte %zu", name, valid));
    } else {
        om_json_put_str(&input->json, name, value);
    }
}

void cli_input_str(struct cli_input *input, const char *name, const char *value)
{
    if (value != NULL) {
        cli_input_text(input, name, omega_str_of(value));
    }
}

void cli_input_flag(struct cli_input *input, const char *name, bool given)
{
    if (given) {
        om_json_put_bool(&input->json, name, true);
    }
}

void cli_input_scope(struct cli_input *input, const struct cli *cli)
{
    const char *user = cli_value(cli, "user");
    const char *agent = cli_value(cli, "agent");
    const char *session = cli_value(cli, "session");
    if (user == NULL && agent == NULL && session == NULL) {
        return;
    }
    om_json_open(&input->json, "scope", '{');
    cli_input_str(input, "user", user);
    cli_input_str(input, "agent", agent);
    cli_input_str(input, "session", session);
    om_json_close(&input->json, '}');
}

void cli_input_names(struct cli_input *input, const char *name, const char *value)
{
    if (value == NULL) {
        return;
    }
    om_json_open(&input->json, name, '[');
    omega_str rest = omega_str_of(value);
    while (rest.ptr != NULL) {
        const omega_str one = om_str_cut(rest, ',', &rest);
        if (om_utf8_valid(one)) {
            om_json_put_str(&input->json, NULL, om_str_trim(one));
        } else {
            keep(input, om_fail(OMEGA_EINVAL, "%s is not UTF-8", name));
        }
    }
    om_json_close(&input->json, ']');
}

void cli_input_number(struct cli_input *input, const char *name, const char *value)
{
    double number = 0;
    int64_t whole = 0;
    if (value == NULL) {
        return;
    }
    if (om_str_to_i64(omega_str_of(value), &whole)) {
        om_json_put_i64(&input->json, name, whole);
    } else if (om_str_to_double(omega_str_of(value), &number)) {
        om_json_put_double(&input->json, name, number);
    } else {
        keep(input, om_fail(OMEGA_EINVAL, "%s must be a number, not '%s'", name, value));
    }
}

/* Parsed here as well, so that the message names the option and nothing slips in beside it. */
void cli_input_object(struct cli_input *input, const char *name, const char *value)
{
    struct om_json_doc *doc = NULL;
    if (value == NULL) {
        return;
    }
    const omega_status status = om_json_parse(om_alloc_default(), omega_str_of(value), NULL, &doc);
    if (status != OMEGA_OK) {
        keep(input, om_error_prefix(status, "%s", name));
    } else {
        om_json_put_raw(&input->json, name, omega_str_of(value));
    }
    om_json_free(doc);
}

void cli_input_whole(struct cli_input *input, const char *json)
{
    om_buf_clear(&input->buf);
    om_buf_add_text(&input->buf, json);
    input->whole = true;
}

omega_status cli_read_text(const char *given, const char *name, struct om_buf *out)
{
    char block[4096];
    ssize_t got = 0;
    if (strcmp(given, "-") != 0) {
        om_buf_add_text(out, given);
    }
    while (strcmp(given, "-") == 0 && out->status == OMEGA_OK &&
           (got = read(STDIN_FILENO, block, sizeof block)) > 0) {
        om_buf_add(out, block, (size_t)got);
    }
    if (got < 0) {
        return om_fail(OMEGA_EIO, "standard input cannot be read: %s", strerror(errno));
    }
    return out->status != OMEGA_ELIMIT
               ? out->status
               : om_fail(OMEGA_ELIMIT, "%s is over %zu bytes", name, out->ceiling);
}

/* ---- Calling --------------------------------------------------------------------------------- */

static omega_status finish_input(struct cli_input *input)
{
    if (!input->whole) {
        om_json_close(&input->json, '}');
    }
    if (input->status != OMEGA_OK) {
        return input->status;
    }
    return input->buf.status == OMEGA_ELIMIT
               ? om_fail(OMEGA_ELIMIT, "the input is over %d bytes", (int)INPUT_MAX)
               : input->buf.status;
}

omega_status cli_call(struct cli *cli, const char *operation, struct cli_input *input,
                      struct om_json_doc **doc)
{
    char *text = NULL;
    size_t len = 0;
    struct om_alloc *alloc = om_alloc_default();
    *doc = NULL;
    omega_status status = finish_input(input);
    const struct om_op_request request = {
        .name = omega_str_of(operation),
        .input = om_buf_str(&input->buf),
        .progress = cli_progress,
        .progress_context = cli,
    };
    if (status == OMEGA_OK) {
        status = cli_open(cli);
    }
    if (status == OMEGA_OK) {
        status = om_ops_run(cli->rt, alloc, &request, &text, &len);
    }
    cli_progress_end(cli);
    om_buf_fini(&input->buf);
    if (status == OMEGA_OK) {
        status = om_json_parse(alloc, (omega_str){text, len}, NULL, doc);
    }
    if (status == OMEGA_OK && cli->json) {
        cli_put_json((omega_str){text, len});
    }
    om_put(alloc, text);
    return status;
}

int cli_end(struct cli *cli, omega_status status)
{
    const int code = status == OMEGA_OK ? 0 : cli_fail(status);
    status = cli_close(cli);
    return code != 0 || status == OMEGA_OK ? code : cli_fail(status);
}

int cli_run(struct cli *cli, const char *operation, struct cli_input *input,
            void (*show)(struct cli *cli, const struct om_json *result))
{
    struct om_json_doc *doc = NULL;
    const omega_status status = cli_call(cli, operation, input, &doc);
    if (status == OMEGA_OK && show != NULL && !cli->json) {
        show(cli, om_json_root(doc));
    }
    om_json_free(doc);
    return cli_end(cli, status);
}
