/* progress.c -- a bar on standard error for long work: phase, share, rate, time left. Only when
 * standard error is a terminal and --quiet was not said. Ctrl-C asks the work to end; a second one
 * ends the process. */
#include <signal.h>
#include <unistd.h>

#include "cli/cli_int.h"

enum { BAR_WIDTH = 28 };
static const int64_t redraw_ns = 100000000;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void catch_interrupt(void)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* 987, 1.1 k, 12 M: work counts memories, pages or bytes. */
static void print_rate(double rate)
{
    static const char *const units[] = {"", " k", " M", " G"};
    size_t unit = 0;
    while (rate >= 1000.0 && unit + 1 < OM_COUNT_OF(units)) {
        rate /= 1000.0;
        unit++;
    }
    fprintf(stderr, unit > 0 && rate < 10.0 ? "%.1f%s/s" : "%.0f%s/s", rate, units[unit]);
}

static void draw(const char *phase, uint64_t done, uint64_t total, double seconds)
{
    char bar[BAR_WIDTH + 1];
    const double share = total > 0 ? (double)done / (double)total : 0.0;
    const double rate = seconds > 0 ? (double)done / seconds : 0.0;
    for (int i = 0; i < BAR_WIDTH; i++) {
        bar[i] = (double)i < share * BAR_WIDTH ? '#' : '.';
    }
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r%-12s ", phase);
    if (total > 0 && rate > 0) {
        fprintf(stderr, "[%s] %3.0f %%  ", bar, share * 100.0);
        print_rate(rate);
        fprintf(stderr, "  %.0f s left  ", (double)(total - done) / rate);
    } else if (rate > 0) {
        print_rate(rate);
    }
    fflush(stderr);
}

bool cli_progress(void *context, const char *phase, uint64_t done, uint64_t total)
{
    struct cli *cli = (struct cli *)context;
    const int64_t now = om_mono_ns(om_clock_system());
    if (cli->bar_start_ns == 0) {
        cli->bar_start_ns = now;
        catch_interrupt();
    }
    if (!cli->quiet && isatty(STDERR_FILENO) && now - cli->bar_last_ns >= redraw_ns) {
        cli->bar_last_ns = now;
        cli->bar_shown = true;
        draw(phase, OM_MIN(done, total > 0 ? total : done), total,
             (double)(now - cli->bar_start_ns) * 1e-9);
    }
    return interrupted == 0;
}

void cli_progress_end(struct cli *cli)
{
    if (cli->bar_shown) {
        fprintf(stderr, "\r%*s\r", 79, "");
        cli->bar_shown = false;
    }
    cli->bar_start_ns = 0;
    cli->bar_last_ns = 0;
}
