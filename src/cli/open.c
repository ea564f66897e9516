/* open.c -- from the command line to a running runtime, and back. */
#include "cli/cli_int.h"

static omega_status apply_set(omega_config *config, const char *set)
{
    char key[128];
    omega_str value = {NULL, 0};
    const omega_str name = om_str_cut(omega_str_of(set), '=', &value);
    if (value.ptr == NULL || name.len == 0 || name.len >= sizeof key) {
        return om_fail(OMEGA_EINVAL, "--set needs KEY=VALUE, not '%s'", set);
    }
    memcpy(key, name.ptr, name.len);
    key[name.len] = '\0';
    return omega_config_set(config, key, value.ptr);
}

omega_status cli_config(const struct cli *cli, omega_config *config)
{
    omega_status status = OMEGA_OK;
    omega_config_init(config);
    if (cli->config_file != NULL) {
        status = omega_config_load(config, cli->config_file);
    }
    if (status == OMEGA_OK) {
        status = omega_config_load_env(config);
    }
    for (unsigned i = 0; i < cli->set_count && status == OMEGA_OK; i++) {
        status = apply_set(config, cli->sets[i]);
    }
    if (status == OMEGA_OK && cli->data_dir != NULL) {
        status = omega_config_set(config, "runtime.data_dir", cli->data_dir);
    }
    return status;
}

/* A command that only looks or takes away does not make a store where a name was misspelt. */
static omega_status require_store(const omega_config *config)
{
    char dir[OM_PATH_SIZE];
    char store[OM_PATH_SIZE];
    omega_status status = OMEGA_OK;
    if (config->runtime_data_dir[0] != '\0') {
        snprintf(dir, sizeof dir, "%s", config->runtime_data_dir);
    } else {
        status = om_os_default_data_dir(dir);
    }
    if (status == OMEGA_OK) {
        status = om_os_join(store, dir, "omega.db");
    }
    if (status == OMEGA_OK && !om_os_exists(store)) {
        return om_fail(OMEGA_ENOTFOUND,
                       "there is no store in '%s' yet: omega store or omega import makes one", dir);
    }
    return status;
}

omega_status cli_open(struct cli *cli)
{
    omega_config config;
    omega_status status = cli_config(cli, &config);
    if (status == OMEGA_OK && !cli->command->makes_store) {
        status = require_store(&config);
    }
    if (status == OMEGA_OK) {
        status = omega_runtime_new(&config, &cli->rt);
    }
    if (status == OMEGA_OK) {
        status = omega_runtime_start(cli->rt);
    }
    return status;
}

omega_status cli_close(struct cli *cli)
{
    omega_status status = OMEGA_OK;
    if (cli->rt != NULL && omega_runtime_state(cli->rt) == OMEGA_STATE_RUNNING) {
        status = omega_runtime_stop(cli->rt, 10000);
    }
    omega_runtime_free(cli->rt);
    cli->rt = NULL;
    return status;
}

int cli_fail(omega_status status)
{
    const char *message = omega_error_message();
    fputs("omega: ", stderr);
    cli_put_text(stderr, omega_str_of(message[0] != '\0' ? message : omega_status_text(status)), 0);
    fputc('\n', stderr);
    return omega_status_exit_code(status);
}
