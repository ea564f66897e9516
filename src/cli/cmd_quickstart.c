/* cmd_quickstart.c -- the tour: everything a newcomer should see, on real text, in seconds.
 *
 * A fresh data directory, the documents that came along, memories with and without vectors, recalls
 * with their reasons, health, metrics, events, a stop and a second start. Each figure it prints was
 * measured in this run; each comparison that fails ends it with an error. It touches no directory
 * that holds a store already. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/tour_int.h"

static const struct cli_option options[] = {
    {"from", 0, "DIR", "import this folder's text and Markdown instead of Omega's documents"},
    CLI_OPTIONS_END};

/* ---- The text -------------------------------------------------------------------------------- */

static bool has_documents(const char *dir)
{
    char readme[OM_PATH_SIZE];
    char docs[OM_PATH_SIZE];
    return om_os_join(readme, dir, "README.md") == OMEGA_OK &&
           om_os_join(docs, dir, "docs") == OMEGA_OK && om_os_exists(readme) && om_os_is_dir(docs);
}

/* What stands beside this program: documents of an installation, or of the checkout it was built
 * in. */
static bool beside_program(char out[OM_PATH_SIZE])
{
    static const char *const steps[] = {"../share/doc/omega", "../..", ".."};
    char self[OM_PATH_SIZE];
    const ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0) {
        return false;
    }
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    for (size_t i = 0; i < OM_COUNT_OF(steps); i++) {
        char path[OM_PATH_SIZE];
        if (om_os_join(path, self, steps[i]) == OMEGA_OK && has_documents(path)) {
            return realpath(path, out) != NULL;
        }
    }
    return false;
}

static omega_status take_documents(struct tour *tour, const char *dir)
{
    omega_status status = om_os_join(tour->sources[0], dir, "README.md");
    tour->source_count = 2;
    return status == OMEGA_OK ? om_os_join(tour->sources[1], dir, "docs") : status;
}

static omega_status find_sources(struct tour *tour)
{
    char dir[OM_PATH_SIZE];
    const char *from = cli_value(tour->cli, "from");
    if (from != NULL) {
        if (!om_os_is_dir(from)) {
            return om_fail(OMEGA_ENOTFOUND, "--from '%s' is not a folder", from);
        }
        snprintf(tour->sources[0], OM_PATH_SIZE, "%s", from);
        tour->source_count = 1;
        return OMEGA_OK;
    }
    if (has_documents(".")) {
        return take_documents(tour, getcwd(dir, sizeof dir) != NULL ? dir : ".");
    }
    if (beside_program(dir)) {
        return take_documents(tour, dir);
    }
    return om_fail(OMEGA_ENOTFOUND, "no README.md and docs here nor beside the program: "
                                    "name a folder of text with --from DIR");
}

/* ---- The directory --------------------------------------------------------------------------- */

static omega_status new_directory(char out[OM_PATH_SIZE])
{
    const char *base = getenv("TMPDIR");
    base = base != NULL && base[0] != '\0' ? base : "/tmp";
    snprintf(out, OM_PATH_SIZE, "%s/omega-quickstart-XXXXXX", base);
    if (mkdtemp(out) == NULL) {
        return om_fail(OMEGA_EIO, "no directory can be made in '%s': %s", base, strerror(errno));
    }
    return OMEGA_OK;
}

static omega_status choose_directory(struct tour *tour)
{
    char store[OM_PATH_SIZE];
    if (tour->cli->data_dir == NULL) {
        const omega_status status = new_directory(tour->data);
        tour->cli->data_dir = tour->data;
        return status;
    }
    snprintf(tour->data, sizeof tour->data, "%s", tour->cli->data_dir);
    const omega_status status = om_os_join(store, tour->data, "omega.db");
    if (status == OMEGA_OK && om_os_exists(store)) {
        return om_fail(OMEGA_ECONFLICT,
                       "'%s' holds a store already: quickstart wants a new directory", tour->data);
    }
    return status;
}

/* ---- The tour -------------------------------------------------------------------------------- */

static void say_next(struct tour *tour)
{
    const char *program = tour->cli->program;
    const char *data = tour->data;
    if (tour->cli->json) {
        return;
    }
    cli_heading("Yours to try:");
    printf("   %s why \"%s\" --data %s\n", program, tour->query, data);
    printf("   %s store \"The tea is in the blue tin\" --tier semantic --data %s\n", program, data);
    printf("   %s messages --session tour --data %s\n", program, data);
    printf("   %s import FOLDER --data %s\n", program, data);
    printf("   %s help\n", program);
    printf("The directory stays; to take it away: rm -r %s\n", data);
}

static omega_status walk(struct tour *tour)
{
    static omega_status (*const steps[])(struct tour *) = {
        find_sources, choose_directory, tour_open, tour_import,
        tour_store,   tour_recall,      tour_look, tour_reopen};
    omega_status status = OMEGA_OK;
    for (size_t i = 0; i < OM_COUNT_OF(steps) && status == OMEGA_OK; i++) {
        status = steps[i](tour);
    }
    return status;
}

static int end(struct tour *tour, omega_status status, double us)
{
    const int code = status == OMEGA_OK ? 0 : cli_fail(status);
    omega_events_close(tour->events);
    const omega_status closed = cli_close(tour->cli);
    if (code != 0 || closed != OMEGA_OK) {
        return code != 0 ? code : cli_fail(closed);
    }
    om_json_put_double(&tour->json, "total_us", us);
    om_json_close(&tour->json, '}');
    if (tour->text.status != OMEGA_OK) {
        return cli_fail(tour->text.status);
    }
    if (tour->cli->json) {
        printf("%.*s\n", OM_STR_ARG(om_buf_str(&tour->text)));
    }
    say_next(tour);
    return 0;
}

static int run_quickstart(struct cli *cli)
{
    static struct tour tour;
    const int64_t start = om_mono_ns(om_clock_system());
    tour.cli = cli;
    om_buf_init(&tour.text, om_alloc_default(), 16 << 20);
    om_json_out_init(&tour.json, &tour.text);
    om_json_open(&tour.json, NULL, '{');
    const omega_status status = walk(&tour);
    const int code = end(&tour, status, tour_us(start));
    om_buf_fini(&tour.text);
    return code;
}

const struct cli_command cli_quickstart = {
    .name = "quickstart",
    .words = "",
    .summary = "a tour on a fresh directory, with real text",
    .details =
        "Imports text, stores, recalls with reasons, shows health, metrics and events, stops and "
        "opens again. --data names a directory without a store; without it a new one is made in "
        "the system's temporary directory, named, and kept. The text is --from DIR, else README.md "
        "and docs/ of the current directory, else those that came with the program.",
    .options = options,
    .run = run_quickstart,
    .makes_store = true,
};
