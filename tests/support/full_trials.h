/* full_trials.h -- a disk that fills up and is emptied again.
 *
 * A small tmpfs of the test's own is filled by ballast while a script writes. Writes then fail with
 * OMEGA_ENOSPC, reads go on; the ballast goes, the step that failed succeeds, and at the end
 * everything that was acknowledged is there. Mounting needs the right to (CAP_SYS_ADMIN): without,
 * the trial is skipped. Static; include after "support/whole.h" and "support/whole_script.h". */
#ifndef OM_TEST_FULL_TRIALS_H
#define OM_TEST_FULL_TRIALS_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

enum { FULL_STEPS = 60, FULL_REFUSALS = 20, FULL_TRIES = 4000 };

struct full_trial {
    char base[256], dir[300], ballast[300];
    struct script script;
    uint64_t cycles, acks, refusals, reads;
};

/* A tmpfs in a mount namespace of this process: nobody else sees it, it goes with the process. */
static inline bool full_mount(struct full_trial *trial, unsigned megabytes)
{
    char options[64];
    *trial = (struct full_trial){.script = {.seed = 31}};
    (void)snprintf(options, sizeof options, "size=%um,mode=0700", megabytes);
    if (!whole_make_dir(trial->base, sizeof trial->base) || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("omega-test", trial->base, "tmpfs", 0, options) != 0) {
        return false;
    }
    (void)snprintf(trial->dir, sizeof trial->dir, "%s/data", trial->base);
    (void)snprintf(trial->ballast, sizeof trial->ballast, "%s/ballast", trial->base);
    return true;
}

static inline void full_unmount(struct full_trial *trial)
{
    script_fini(&trial->script);
    (void)umount2(trial->base, MNT_DETACH);
    (void)rmdir(trial->base);
}

/* Fills the disk but for `leave` bytes. */
static inline bool full_fill(const struct full_trial *trial, uint64_t leave)
{
    uint64_t free_bytes = 0;
    if (om_os_disk_free(trial->base, &free_bytes) != OMEGA_OK) {
        return false;
    }
    const int fd = open(trial->ballast, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    const bool good = fd >= 0 && (free_bytes <= leave ||
                                  posix_fallocate(fd, 0, (off_t)(free_bytes - leave)) == 0);
    if (fd >= 0) {
        (void)close(fd);
    }
    return good;
}

/* The next step: acknowledged, or refused for want of space. */
static inline const char *full_step(struct full_trial *trial, omega_runtime *rt, bool *refused)
{
    const struct script_step step = script_next(&trial->script);
    struct script_result result;
    const omega_status status = script_run(rt, &trial->script, &step, &result);
    *refused = status == OMEGA_ENOSPC;
    if (status == OMEGA_OK) {
        script_accept(&trial->script, &step, result.ids);
        trial->acks++;
        return NULL;
    }
    trial->refusals += *refused ? 1 : 0;
    return *refused ? NULL
                    : WHOLE_SAYS("step %llu gives %s: %s", (unsigned long long)step.number,
                                 omega_status_name(status), omega_error_message());
}

static inline const char *full_write(struct full_trial *trial, omega_runtime *rt)
{
    const char *wrong = NULL;
    for (size_t i = 0; i < FULL_STEPS && wrong == NULL; i++) {
        bool refused = false;
        wrong = full_step(trial, rt, &refused);
        if (wrong == NULL && refused) {
            uint64_t free_bytes = 0;
            (void)!om_os_disk_free(trial->base, &free_bytes);
            wrong = WHOLE_SAYS("no space although there are %llu bytes",
                               (unsigned long long)free_bytes);
        }
    }
    return wrong;
}

/* What was acknowledged is listed, and found by words. */
static inline const char *full_read(struct full_trial *trial, omega_runtime *rt)
{
    size_t found = 0;
    const char *wrong = script_compare(rt, &trial->script, 1, &found);
    if (wrong == NULL && found != 0) {
        wrong = WHOLE_SAYS("a step of kind %u that was refused has happened",
                           (unsigned)script_next(&trial->script).kind);
    }
    return wrong == NULL ? script_recalls(rt, &trial->script, 20, &trial->reads) : wrong;
}

static inline const char *full_cycle(struct full_trial *trial, omega_runtime *rt, uint64_t leave)
{
    const uint64_t before = trial->refusals;
    const char *wrong = full_write(trial, rt);
    if (wrong == NULL && !full_fill(trial, leave)) {
        wrong = "the disk cannot be filled";
    }
    for (size_t i = 0; wrong == NULL && trial->refusals < before + FULL_REFUSALS; i++) {
        bool refused = false;
        wrong = full_step(trial, rt, &refused);
        if (wrong == NULL && i == FULL_TRIES) {
            wrong = "the disk is full and writes go on";
        }
    }
    wrong = wrong == NULL ? full_read(trial, rt) : wrong;
    (void)unlink(trial->ballast);
    wrong = wrong == NULL ? full_write(trial, rt) : wrong;
    wrong = wrong == NULL ? full_read(trial, rt) : wrong;
    trial->cycles++;
    return wrong;
}

/* `cycles` times full and empty, then closed and opened again. */
static inline const char *full_run(struct full_trial *trial, uint64_t cycles)
{
    const struct whole_options options = {.dir = trial->dir};
    omega_runtime *rt = NULL;
    const char *wrong = NULL;
    if (whole_start(&options, &rt) != OMEGA_OK) {
        return WHOLE_SAYS("start: %s", omega_error_message());
    }
    for (uint64_t i = 0; i < cycles && wrong == NULL; i++) {
        wrong = full_cycle(trial, rt, whole_draw(i, 41) % 400000);
    }
    wrong = wrong == NULL ? whole_check(rt) : wrong;
    whole_stop(rt);
    rt = NULL;
    if (wrong == NULL && whole_start(&options, &rt) != OMEGA_OK) {
        wrong = WHOLE_SAYS("start again: %s", omega_error_message());
    }
    wrong = wrong == NULL ? full_read(trial, rt) : wrong;
    wrong = wrong == NULL ? whole_check(rt) : wrong;
    whole_stop(rt);
    return wrong;
}

#endif
