/* kill_trials.h -- a writing process is killed; what it had acknowledged is there, once.
 *
 * The tester forks a writer, whose threads run scripts on the directory and send each
 * acknowledgement down a pipe as it returns. After the kill the tester takes the acknowledged steps
 * into its models, opens the directory and compares; then it repeats, with the same operation ids,
 * the steps that were under way: whether they had happened or not, they now have, once.
 * Static; include after "support/whole.h", "support/whole_script.h" and "support/kill_point.h". */
#ifndef OM_TEST_KILL_TRIALS_H
#define OM_TEST_KILL_TRIALS_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { KILL_THREADS = 4, KILL_ACKS = 100 /* at least, between two kills */ };

struct kill_ack {
    uint32_t thread;
    uint32_t refused; /* the step failed: `says` tells how */
    uint64_t step;
    omega_id ids[SCRIPT_PARTS];
    char says[200];
};

struct kill_campaign {
    const char *dir;
    struct script scripts[KILL_THREADS];
    size_t began[KILL_THREADS]; /* memories that stood when the round began */
    /* figures */
    uint64_t rounds, inside_commit, acks, least_acks, lost_in_flight, done_in_flight, repeated;
    uint64_t recalls, rows;
    double open_ms, open_worst_ms;
};

/* ---- The writer ------------------------------------------------------------------------------ */

struct kill_writer {
    omega_runtime *rt;
    struct script *script;
    int pipe;
    atomic_uint *acked;
    uint32_t arm_after; /* acknowledgements; 0: the tester kills */
    uint64_t draw;
};

static inline void *kill_write(void *context)
{
    struct kill_writer *writer = context;
    for (;;) {
        const struct script_step step = script_next(writer->script);
        struct script_result result;
        struct kill_ack ack;
        memset(&ack, 0, sizeof ack);
        const omega_status status = script_run(writer->rt, writer->script, &step, &result);
        ack.thread = writer->script->thread;
        ack.refused = status != OMEGA_OK;
        ack.step = step.number;
        memcpy(ack.ids, result.ids, sizeof ack.ids);
        if (status != OMEGA_OK) {
            (void)snprintf(ack.says, sizeof ack.says, "%s: %s", omega_status_name(status),
                           omega_error_message());
        }
        if (write(writer->pipe, &ack, sizeof ack) != (ssize_t)sizeof ack || ack.refused != 0) {
            return NULL;
        }
        script_accept(writer->script, &step, result.ids);
        if (atomic_fetch_add(writer->acked, 1) + 1 == writer->arm_after) {
            om_kill_point_arm(1 + (uint32_t)(writer->draw >> 8 & 15), writer->draw >> 16);
        }
    }
}

/* Never returns. */
static inline void kill_writer_main(struct kill_campaign *campaign, int out, uint32_t arm_after,
                                    uint64_t draw)
{
    static struct kill_writer writers[KILL_THREADS];
    static atomic_uint acked;
    pthread_t threads[KILL_THREADS];
    omega_runtime *rt = NULL;
    struct kill_ack last = {.refused = 1};
    const struct whole_options options = {.dir = campaign->dir};
    if (!om_kill_point_install() || whole_start(&options, &rt) != OMEGA_OK) {
        (void)snprintf(last.says, sizeof last.says, "start: %s", omega_error_message());
        (void)!write(out, &last, sizeof last);
        _exit(1);
    }
    for (size_t i = 0; i < KILL_THREADS; i++) {
        writers[i] = (struct kill_writer){rt, &campaign->scripts[i], out, &acked, arm_after, draw};
        if (pthread_create(&threads[i], NULL, kill_write, &writers[i]) != 0) {
            _exit(1);
        }
    }
    for (size_t i = 0; i < KILL_THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    _exit(1);
}

/* ---- The tester ------------------------------------------------------------------------------ */

static inline const char *kill_take_ack(struct kill_campaign *campaign, const struct kill_ack *ack)
{
    if (ack->refused != 0) {
        return WHOLE_SAYS("step %llu of writer %u fails: %s", (unsigned long long)ack->step,
                          ack->thread, ack->says);
    }
    struct script *script = &campaign->scripts[ack->thread];
    const struct script_step step = script_next(script);
    if (step.number != ack->step) {
        return WHOLE_SAYS("writer %u acknowledges step %llu instead of %llu", ack->thread,
                          (unsigned long long)ack->step, (unsigned long long)step.number);
    }
    const char *wrong = script_agrees(script, &step, ack->ids);
    if (wrong == NULL) {
        script_accept(script, &step, ack->ids);
    }
    return wrong;
}

/* Reads acknowledgements until the pipe closes; kills `writer` a moment after the `kill_after`th
 * (0: it kills itself). */
static inline const char *kill_listen(struct kill_campaign *campaign, int in, pid_t writer,
                                      uint32_t kill_after, uint64_t draw)
{
    struct kill_ack ack;
    const char *wrong = NULL;
    uint64_t acks = 0;
    ssize_t got;
    while ((got = read(in, &ack, sizeof ack)) == (ssize_t)sizeof ack) {
        acks++;
        if (wrong == NULL) {
            wrong = kill_take_ack(campaign, &ack);
        }
        if (wrong != NULL || acks == kill_after) {
            const struct timespec delay = {0, (long)(draw % 8000) * 1000};
            (void)nanosleep(&delay, NULL);
            (void)kill(writer, SIGKILL);
        }
    }
    campaign->acks += acks;
    campaign->least_acks = OM_MIN(campaign->least_acks, acks);
    return wrong;
}

static inline const char *kill_once(struct kill_campaign *campaign, bool inside_commit,
                                    uint64_t draw)
{
    const uint32_t after = KILL_ACKS + (uint32_t)(draw >> 32 & 127);
    int ends[2];
    if (pipe(ends) != 0) {
        return "no pipe";
    }
    const pid_t writer = fork();
    if (writer == 0) {
        (void)close(ends[0]);
        kill_writer_main(campaign, ends[1], inside_commit ? after : 0, draw);
    }
    (void)close(ends[1]);
    const char *wrong =
        writer < 0 ? "no process"
                   : kill_listen(campaign, ends[0], writer, inside_commit ? 0 : after, draw);
    (void)close(ends[0]);
    int how = 0;
    if (writer > 0) {
        while (waitpid(writer, &how, 0) < 0 && errno == EINTR) {
        }
    }
    if (wrong == NULL && (!WIFSIGNALED(how) || WTERMSIG(how) != SIGKILL)) {
        wrong = WHOLE_SAYS("the writer was not killed: status %x", (unsigned)how);
    }
    return wrong;
}

/* The steps that were under way, once more with the same operation ids. */
static inline const char *kill_finish_steps(struct kill_campaign *campaign, omega_runtime *rt,
                                            const size_t *found)
{
    for (size_t s = 0; s < KILL_THREADS; s++) {
        struct script *script = &campaign->scripts[s];
        const struct script_step step = script_next(script);
        struct script_result result;
        const bool had_happened = found[s] != 0;
        if (script_run(rt, script, &step, &result) != OMEGA_OK) {
            return WHOLE_SAYS("the step under way (kind %u, %s) fails when repeated: %s",
                              (unsigned)step.kind, had_happened ? "done" : "lost",
                              omega_error_message());
        }
        if (result.receipt.repeated != had_happened) {
            return WHOLE_SAYS("the step under way (kind %u) had %shappened and is %srepeated",
                              (unsigned)step.kind, had_happened ? "" : "not ",
                              result.receipt.repeated ? "" : "not ");
        }
        const char *wrong = script_agrees(script, &step, result.ids);
        if (wrong != NULL) {
            return wrong;
        }
        script_accept(script, &step, result.ids);
        campaign->done_in_flight += had_happened;
        campaign->lost_in_flight += !had_happened;
        campaign->repeated += result.receipt.repeated;
    }
    return NULL;
}

static inline const char *kill_look(struct kill_campaign *campaign, omega_runtime *rt)
{
    size_t found[KILL_THREADS];
    const char *wrong = whole_check(rt);
    if (wrong == NULL) {
        wrong = script_compare(rt, campaign->scripts, KILL_THREADS, found);
    }
    if (wrong == NULL) {
        wrong = kill_finish_steps(campaign, rt, found);
    }
    if (wrong == NULL) {
        wrong = script_compare(rt, campaign->scripts, KILL_THREADS, found);
    }
    for (size_t s = 0; s < KILL_THREADS && wrong == NULL; s++) {
        if (found[s] != 0) {
            wrong = "a step that has not begun has happened";
        }
    }
    for (size_t s = 0; s < KILL_THREADS && wrong == NULL; s++) {
        const struct script *script = &campaign->scripts[s];
        wrong = script_recalls(rt, script, script->count - campaign->began[s], &campaign->recalls);
    }
    return wrong;
}

/* One kill and one look. */
static inline const char *kill_round(struct kill_campaign *campaign, bool inside_commit,
                                     uint64_t seed)
{
    const uint64_t draw = whole_draw(campaign->rounds, seed);
    const struct whole_options options = {.dir = campaign->dir};
    omega_runtime *rt = NULL;
    for (size_t s = 0; s < KILL_THREADS; s++) {
        campaign->began[s] = campaign->scripts[s].count;
    }
    const char *wrong = kill_once(campaign, inside_commit, draw);
    if (wrong != NULL) {
        return wrong;
    }
    const int64_t before = om_mono_ns(om_clock_system());
    if (whole_start(&options, &rt) != OMEGA_OK) {
        return WHOLE_SAYS("does not open after the kill: %s", omega_error_message());
    }
    const double ms = (double)(om_mono_ns(om_clock_system()) - before) / 1e6;
    campaign->open_ms += ms;
    campaign->open_worst_ms = OM_MAX(campaign->open_worst_ms, ms);
    wrong = kill_look(campaign, rt);
    whole_stop(rt);
    campaign->rounds++;
    campaign->inside_commit += inside_commit;
    return wrong;
}

static inline void kill_begin(struct kill_campaign *campaign, const char *dir, uint64_t seed)
{
    *campaign = (struct kill_campaign){.dir = dir, .least_acks = UINT64_MAX};
    for (unsigned s = 0; s < KILL_THREADS; s++) {
        campaign->scripts[s] = (struct script){.seed = seed, .thread = s};
    }
}

static inline void kill_end(struct kill_campaign *campaign)
{
    for (size_t s = 0; s < KILL_THREADS; s++) {
        script_fini(&campaign->scripts[s]);
    }
}

#endif
