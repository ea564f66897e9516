/* crash_kill.c -- SIGKILL while a child writes; what its callers were told is there afterwards.
 *
 * The child opens the store and writes from two threads: rows, drops of rows, checkpoints. Each
 * acknowledgement goes down a pipe as it returns. The parent reads at least ACKS of them, waits a
 * random moment (in every second round until a commit is under way), kills, reads what is left in
 * the pipe, opens the store itself and compares:
 *   an acknowledged row that nobody dropped is there, with its text; an acknowledged drop holds
 *   rows = events that told of one - events that told of a drop: nothing is there twice
 *   an acknowledged operation that is sent again answers with its first sequence
 *   the check is clean
 * Two words of shared memory say how many calls were inside a commit when the child died. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/toy_store.h"
#include "support/vfs.h"

#include "support/store_trials.h"

#include "crash.h"

enum { WRITERS = 2, ACKS = 100, WAIT_MAX_US = 4000, ROUND_IDS = 1 << 20, DROP_AFTER = 5 };

struct shared {
    atomic_int inside; /* calls of om_store_commit under way */
};

/* ---- The child ------------------------------------------------------------------------------- */

struct child {
    struct om_store *store;
    struct shared *shared;
    int pipe;
    int64_t first;
};

struct child_writer {
    struct om_thread thread;
    const struct child *child;
    int number;
};

/* Row ids of writer w are first + w, first + w + 2, ...; a message is the id, negative for a drop.
 * */
static bool child_op(const struct child *child, int64_t id, bool drops)
{
    char text[700];
    atomic_fetch_add(&child->shared->inside, 1);
    omega_status status =
        drops ? toy_drop_one(child->store, id)
              : toy_put_one(child->store, id, (omega_str){text, trial_row_text(id, text)},
                            id % 5 == 0 ? OM_DURABILITY_PROCESS : OM_DURABILITY_DISK, NULL);
    atomic_fetch_sub(&child->shared->inside, 1);
    int64_t message = drops ? -id : id;
    return status == OMEGA_OK &&
           write(child->pipe, &message, sizeof(message)) == (ssize_t)sizeof(message);
}

static void child_write(void *context)
{
    const struct child_writer *writer = context;
    const struct child *child = writer->child;
    int64_t id = child->first + writer->number;
    for (int64_t i = 1;; i++, id += WRITERS) {
        bool good = child_op(child, id, false);
        if (good && i > DROP_AFTER && i % 7 == 0) {
            good = child_op(child, id - (int64_t)DROP_AFTER * WRITERS, true);
        }
        if (writer->number == 0 && i % 61 == 0) {
            (void)!om_store_checkpoint(child->store, i % 2 == 0, 0);
        }
        if (!good) {
            _exit(3);
        }
    }
}

static void run_child(const struct om_store_options *options, struct shared *shared, int pipe_end,
                      int64_t first)
{
    struct child child = {.shared = shared, .pipe = pipe_end, .first = first};
    struct child_writer writers[WRITERS];
    if (om_store_open(options, &child.store) != OMEGA_OK) {
        fprintf(stderr, "crash: the child cannot open: %s\n", omega_error_message());
        _exit(2);
    }
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct child_writer){.child = &child, .number = i};
        if (om_thread_start(&writers[i].thread, "writer", child_write, &writers[i]) != OMEGA_OK) {
            _exit(4);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        om_thread_join(&writers[i].thread);
    }
    _exit(5);
}

/* ---- What was acknowledged ------------------------------------------------------------------- */

/* One byte for each id of a round: 0 nothing known, 1 put, 2 dropped. A row of the last few of its
 * writer may have been dropped without an acknowledgement. */
struct round {
    unsigned char known[1 << 16];
    int64_t first, highest;
    int64_t reached[WRITERS]; /* the highest id of each writer */
    uint64_t acks;
};

static void note(struct round *round, int64_t message)
{
    int64_t id = message < 0 ? -message : message, at = id - round->first;
    if (at < 0 || at >= (int64_t)sizeof(round->known)) {
        return;
    }
    round->known[at] = message < 0 ? 2 : 1;
    round->highest = OM_MAX(round->highest, id);
    round->reached[at % WRITERS] = OM_MAX(round->reached[at % WRITERS], id);
    round->acks++;
}

static bool read_ack(int pipe_end, struct round *round)
{
    int64_t message = 0;
    ssize_t got = read(pipe_end, &message, sizeof(message));
    if (got == (ssize_t)sizeof(message)) {
        note(round, message);
        return true;
    }
    return got < 0 && errno == EINTR;
}

/* ---- Looking --------------------------------------------------------------------------------- */

static const char *look_at_row(struct om_reader *reader, const struct round *round, int64_t id)
{
    struct om_stmt *stmt;
    char text[700];
    bool row = false;
    omega_str wanted = {text, trial_row_text(id, text)};
    unsigned char known = round->known[id - round->first];
    if (om_sql(reader->conn, &toy_schema, TOY_GET, &stmt) != OMEGA_OK) {
        return TRIAL_SAYS("%s", omega_error_message());
    }
    om_bind_i64(stmt, 0, id);
    if (om_step(stmt, &row) != OMEGA_OK) {
        return TRIAL_SAYS("%s", omega_error_message());
    }
    if (row && (!toy_row_good("notes", stmt) || !om_str_eq(om_col_str(stmt, 1), wanted))) {
        return TRIAL_SAYS("row %lld is another", (long long)id);
    }
    if (row && known == 2) {
        return TRIAL_SAYS("row %lld is back", (long long)id);
    }
    int64_t reached = round->reached[(id - round->first) % WRITERS];
    bool maybe_dropped = id >= reached - (int64_t)DROP_AFTER * WRITERS;
    if (!row && known == 1 && !maybe_dropped) {
        return TRIAL_SAYS("row %lld was acknowledged and is missing", (long long)id);
    }
    return NULL;
}

struct told {
    int64_t puts, drops;
    uint64_t row;
};

static bool count_event(void *context, const struct om_store_event *event)
{
    struct told *told = context;
    told->puts += event->type == TOY_EVENT_PUT;
    told->drops += event->type == TOY_EVENT_DROP;
    told->row = event->row;
    return true;
}

static const char *look_at_counts(struct om_store *store, struct om_reader *reader)
{
    struct told told = {0};
    struct om_check check = {0};
    int64_t count = toy_count(store, NULL);
    const struct om_outbox_query all = {0, 0, UINT64_MAX, SIZE_MAX, count_event, &told};
    if (om_store_events(reader, &all, NULL) != OMEGA_OK) {
        return TRIAL_SAYS("%s", omega_error_message());
    }
    if (count != told.puts - told.drops) {
        return TRIAL_SAYS("%lld rows, but %lld were put and %lld dropped", (long long)count,
                          (long long)told.puts, (long long)told.drops);
    }
    if (om_store_check(store, &check) != OMEGA_OK || check.faults != 0) {
        return TRIAL_SAYS("the check finds %llu faults", (unsigned long long)check.faults);
    }
    return NULL;
}

/* The last acknowledged row is sent again: its first answer comes back, nothing is added. */
static const char *send_again(struct om_store *store, const struct round *round)
{
    int64_t id = round->highest;
    char text[700];
    struct toy_write toy;
    uint64_t before = om_store_commit_seq(store);
    toy_write_init(&toy, &toy_put, (uint64_t)id, OM_DURABILITY_DISK);
    toy_body_put(&toy, id, (omega_str){text, trial_row_text(id, text)}, id % 10);
    omega_status status = toy_commit(store, &toy);
    bool same = status == OMEGA_OK && toy.write.repeated && toy.write.seq <= before &&
                om_store_commit_seq(store) == before;
    toy_write_fini(&toy);
    return same ? NULL : TRIAL_SAYS("operation %lld was not known any more", (long long)id);
}

static const char *look(const struct om_store_options *options, const struct round *round)
{
    struct om_store *store = NULL;
    struct om_reader reader = {0};
    struct om_store_info info;
    const char *wrong = NULL;
    if (om_store_open(options, &store) != OMEGA_OK ||
        om_store_read(store, 1000, &reader) != OMEGA_OK) {
        wrong = TRIAL_SAYS("%s", omega_error_message());
    }
    for (int64_t id = round->first; wrong == NULL && id <= round->highest; id++) {
        wrong = look_at_row(&reader, round, id);
    }
    if (wrong == NULL) {
        om_store_info(store, &info);
        wrong = info.read_only ? TRIAL_SAYS("%s", info.read_only_reason)
                               : look_at_counts(store, &reader);
    }
    om_store_read_end(&reader);
    if (wrong == NULL) {
        wrong = send_again(store, round);
    }
    om_store_close(store);
    return wrong;
}

/* ---- Rounds ---------------------------------------------------------------------------------- */

struct kills {
    const struct om_store_options *options;
    struct shared *shared;
    uint64_t seed;
    uint64_t acks, inside;
    struct round round;
};

static void wait_for_the_moment(struct kills *kills, unsigned number)
{
    uint64_t wait = trial_draw(number, kills->seed) % WAIT_MAX_US;
    (void)usleep((useconds_t)wait);
    if (number % 2 == 0) {
        for (int i = 0; i < 1000000 && atomic_load(&kills->shared->inside) == 0; i++) {
        }
    }
}

static const char *kill_once(struct kills *kills, unsigned number)
{
    int ends[2], status = 0;
    memset(&kills->round, 0, sizeof(kills->round));
    kills->round.first = (int64_t)number * ROUND_IDS + 1;
    atomic_store(&kills->shared->inside, 0);
    if (pipe(ends) != 0) {
        return TRIAL_SAYS("no pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        run_child(kills->options, kills->shared, ends[1], kills->round.first);
    }
    (void)close(ends[1]);
    while (kills->round.acks < ACKS && read_ack(ends[0], &kills->round)) {
    }
    wait_for_the_moment(kills, number);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, &status, 0);
    kills->inside += atomic_load(&kills->shared->inside) > 0;
    while (read_ack(ends[0], &kills->round)) {
    }
    (void)close(ends[0]);
    kills->acks += kills->round.acks;
    if (kills->round.acks < ACKS || !WIFSIGNALED(status)) {
        return TRIAL_SAYS("the child ended by itself after %llu acknowledgements",
                          (unsigned long long)kills->round.acks);
    }
    return look(kills->options, &kills->round);
}

bool crash_kill(const char *base, unsigned count, uint64_t seed)
{
    static struct kills kills;
    char dir[OM_PATH_SIZE];
    unsigned wrongs = 0;
    trial_path(dir, base, "killed");
    struct om_store_options options = toy_options(dir);
    kills = (struct kills){.options = &options, .seed = seed};
    kills.shared = mmap(NULL, sizeof(*kills.shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (kills.shared == MAP_FAILED) {
        perror("mmap");
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        const char *wrong = kill_once(&kills, i);
        if (wrong != NULL) {
            wrongs++;
            fprintf(stderr, "crash: kill %u: %s\n", i, wrong);
        }
    }
    (void)munmap(kills.shared, sizeof(*kills.shared));
    trial_clean(dir);
    (void)rmdir(dir);
    printf("{\"campaign\":\"kill\",\"kills\":%u,\"inside_a_commit\":%llu,\"acknowledged\":%llu,"
           "\"wrong\":%u}\n",
           count, (unsigned long long)kills.inside, (unsigned long long)kills.acks, wrongs);
    (void)fflush(stdout);
    return wrongs == 0 && kills.inside * 2 >= count;
}
