/* call.c -- one operation from the command line: its JSON input, its call, its result. */
#include "cli/cli_int.h"

enum { INPUT_MAX = 32 << 20 };

void cli_input_init(struct cli_input *input)
{
    om_buf_init(&input->buf, om_alloc_default(), INPUT_MAX);
    om_json_out_init(&input->json, &input->buf);
    om_json_open(&input->json, NULL, '{');
}

void cli_input_str(struct cli_input *input, const char *name, const char *value)
{
    if (value != NULL) {
        om_json_put_text(&input->json, name, value);
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
        om_json_put_str(&input->json, NULL, om_str_trim(om_str_cut(rest, ',', &rest)));
    }
    om_json_close(&input->json, ']');
}

omega_status cli_input_number(struct cli_input *input, const char *name, const char *value)
{
    double number = 0;
    int64_t whole = 0;
    if (value == NULL) {
        return OMEGA_OK;
    }
    if (om_str_to_i64(omega_str_of(value), &whole)) {
        om_json_put_i64(&input->json, name, whole);
        return OMEGA_OK;
    }
    if (!om_str_to_double(omega_str_of(value), &number)) {
        return om_fail(OMEGA_EINVAL, "--%s needs a number, not '%s'", name, value);
    }
    om_json_put_double(&input->json, name, number);
    return OMEGA_OK;
}

void cli_input_raw(struct cli_input *input, const char *name, const char *value)
{
    if (value != NULL) {
        om_json_put_raw(&input->json, name, omega_str_of(value));
    }
}

omega_status cli_call(struct cli *cli, const char *operation, struct cli_input *input,
                      struct om_json_doc **doc)
{
    char *text = NULL;
    size_t len = 0;
    struct om_alloc *alloc = om_alloc_default();
    om_json_close(&input->json, '}');
    const struct om_op_request request = {
        .name = omega_str_of(operation),
        .input = om_buf_str(&input->buf),
        .progress = cli_progress,
        .progress_context = cli,
    };
    *doc = NULL;
    omega_status status = input->buf.status;
    if (status == OMEGA_OK) {
        status = om_ops_run(cli->rt, alloc, &request, &text, &len);
    }
    cli_progress_end(cli);
    om_buf_fini(&input->buf);
    if (status == OMEGA_OK && cli->json) {
        printf("%s\n", text);
    } else if (status == OMEGA_OK) {
        status = om_json_parse(alloc, (omega_str){text, len}, NULL, doc);
    }
    om_put(alloc, text);
    return status;
}

int cli_run(struct cli *cli, const char *operation, struct cli_input *input,
            void (*show)(struct cli *cli, const struct om_json *result))
{
    struct om_json_doc *doc = NULL;
    omega_status status = cli_open(cli);
    if (status == OMEGA_OK) {
        status = cli_call(cli, operation, input, &doc);
    } else {
        om_buf_fini(&input->buf);
    }
    if (status == OMEGA_OK && doc != NULL && show != NULL) {
        show(cli, om_json_root(doc));
    }
    om_json_free(doc);
    if (status != OMEGA_OK) {
        const int code = cli_fail(status);
        const omega_status closed = cli_close(cli);
        (void)closed;
        return code;
    }
    status = cli_close(cli);
    return status == OMEGA_OK ? 0 : cli_fail(status);
}
