/* cmd_config.c -- the settings: what they are, what they are now, whether a file is right. */
#include <math.h>

#include "cli/cli_int.h"

static const struct cli_option options[] = {
    {"check", 0, NULL, "only say whether file, environment and --set are right"},
    {"doc", 0, NULL, "explain each key with its range and default"},
    {"section", 0, "NAME", "only this section"},
    CLI_OPTIONS_END};

static bool in_section(const struct cli *cli, const char *key)
{
    const char *section = cli_value(cli, "section");
    omega_str rest;
    return section == NULL || om_str_eq_text(om_str_cut(omega_str_of(key), '.', &rest), section);
}

static void show_doc(const omega_config_key *key)
{
    printf("# %s\n# %s", key->doc, key->type);
    if (strcmp(key->type, "integer") == 0 || strcmp(key->type, "number") == 0) {
        printf(" %.15g..%.15g", key->min, key->max);
    }
    printf(", default %s\n", key->default_text[0] != '\0' ? key->default_text : "empty");
}

/* A new heading whenever the section changes: the output is a file that --config reads. */
static void show_key(const struct cli *cli, const omega_config *config, omega_str *section,
                     const omega_config_key *key)
{
    char value[OMEGA_CONFIG_PATH_SIZE] = "";
    omega_str name = {NULL, 0};
    const omega_str own = om_str_cut(omega_str_of(key->key), '.', &name);
    if (!om_str_eq(own, *section)) {
        printf("%s[%.*s]\n", section->len > 0 ? "\n" : "", OM_STR_ARG(own));
        *section = own;
    }
    if (cli_flag(cli, "doc")) {
        show_doc(key);
    }
    if (omega_config_get(config, key->key, value, sizeof value) == OMEGA_OK) {
        printf("%.*s = %s\n", OM_STR_ARG(name), value);
    }
}

static void print_json(const struct cli *cli, const omega_config *config)
{
    struct om_buf buf;
    struct om_json_out out;
    omega_config_key key = {.struct_size = sizeof key};
    om_buf_init(&buf, om_alloc_default(), 1 << 20);
    om_json_out_init(&out, &buf);
    om_json_open(&out, NULL, '{');
    for (size_t i = 0; omega_config_key_at(i, &key); i++) {
        char value[OMEGA_CONFIG_PATH_SIZE] = "";
        if (in_section(cli, key.key) &&
            omega_config_get(config, key.key, value, sizeof value) == OMEGA_OK) {
            om_json_put_text(&out, key.key, value);
        }
    }
    om_json_close(&out, '}');
    printf("%.*s\n", OM_STR_ARG(om_buf_str(&buf)));
    om_buf_fini(&buf);
}

static int run_config(struct cli *cli)
{
    omega_config config;
    omega_config_key key = {.struct_size = sizeof key};
    omega_str section = {NULL, 0};
    const omega_status status = cli_config(cli, &config);
    if (status != OMEGA_OK) {
        return cli_fail(status);
    }
    if (cli_flag(cli, "check")) {
        puts(cli->json ? "{\"ok\":true}" : "the settings are right");
        return 0;
    }
    if (cli->json) {
        print_json(cli, &config);
        return 0;
    }
    for (size_t i = 0; omega_config_key_at(i, &key); i++) {
        if (in_section(cli, key.key)) {
            show_key(cli, &config, &section, &key);
        }
    }
    return 0;
}

const struct cli_command cli_config_command = {
    .name = "config",
    .words = "",
    .summary = "show or check the settings",
    .details = "Defaults, then --config FILE, then the environment (OMEGA_SECTION_KEY), then "
               "--set. What it prints is itself a file for --config. See omega.conf(5).",
    .options = options,
    .run = run_config,
};
