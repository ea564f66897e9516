/* store_trials.h -- trials of the store that a test runs small and a campaign runs large: power
 * cuts at chosen I/O calls, and damage of chosen bits.
 *
 * Each trial compares what is found afterwards with a model and gives NULL or a sentence about what
 * is wrong. Static: include after "support/toy_store.h" and "support/vfs.h". */
#ifndef OM_TEST_STORE_TRIALS_H
#define OM_TEST_STORE_TRIALS_H

#include <stdlib.h>
#include <unistd.h>

static char trial_text[512];

#define TRIAL_SAYS(...) ((void)snprintf(trial_text, sizeof(trial_text), __VA_ARGS__), trial_text)

static inline uint64_t trial_draw(uint64_t number, uint64_t salt)
{
    return om_hash(&number, sizeof(number), salt);
}

static inline size_t trial_row_text(int64_t id, char out[700])
{
    size_t len = 20 + trial_draw((uint64_t)id, 1) % 600;
    for (size_t i = 0; i < len; i++) {
        out[i] = (char)('a' + trial_draw((uint64_t)id + i / 8, 2) % 26);
    }
    return len;
}

static inline void trial_path(char out[OM_PATH_SIZE], const char *dir, const char *name)
{
    (void)snprintf(out, OM_PATH_SIZE, "%.4000s/%.64s", dir, name);
}

static inline void trial_clean(const char *dir)
{
    static const char *const names[] = {"omega.db", "omega.db-wal", "omega.db-shm", "omega.mark",
                                        "omega.lock"};
    for (size_t i = 0; i < OM_COUNT_OF(names); i++) {
        char path[OM_PATH_SIZE];
        trial_path(path, dir, names[i]);
        (void)unlink(path);
    }
}

/* Every row whose id is below `end` and that `is_alive` names is there as it was written, no other
 * row is. `*lacking` counts those that are not returned or whose checksum is wrong; a row that is
 * returned with a good checksum and another text is a sentence at once. */
static inline const char *trial_compare(struct om_store *store, int64_t end,
                                        bool (*is_alive)(const void *model, int64_t id),
                                        const void *model, int64_t *lacking)
{
    struct om_reader reader;
    *lacking = 0;
    if (om_store_read(store, 1000, &reader) != OMEGA_OK) {
        *lacking = end;
        return NULL;
    }
    const char *wrong = NULL;
    for (int64_t id = 1; id < end && wrong == NULL; id++) {
        struct om_stmt *stmt;
        char text[700];
        bool row = false;
        omega_str wanted = {text, trial_row_text(id, text)};
        omega_status status = om_sql(reader.conn, &toy_schema, TOY_GET, &stmt);
        if (status == OMEGA_OK) {
            om_bind_i64(stmt, 0, id);
            status = om_step(stmt, &row);
        }
        bool good = status == OMEGA_OK && row && toy_row_good("notes", stmt);
        bool alive = is_alive(model, id);
        if (good && (!alive || !om_str_eq(om_col_str(stmt, 1), wanted))) {
            wrong = TRIAL_SAYS("row %lld is %s", (long long)id, alive ? "another" : "back");
        }
        *lacking += alive && !good;
        if (status == OMEGA_OK) {
            om_stmt_reset(stmt);
        }
    }
    om_store_read_end(&reader);
    return wrong;
}

/* ---- Power cuts ------------------------------------------------------------------------------ */

/* Operation i of the script, counted from 1, puts row i, or drops row i - 5, or (never acknowledged
 * as an operation) does upkeep first. */
struct power_model {
    int64_t ops; /* operations in force, from the first */
};

static inline bool power_drops(int64_t op)
{
    /* One that puts is five before, and no other drop names it. */
    return op > 5 && op % 7 == 0;
}

static inline bool power_alive(const void *context, int64_t id)
{
    const struct power_model *model = context;
    if (id > model->ops || power_drops(id)) {
        return false;
    }
    return !(id + 5 <= model->ops && power_drops(id + 5));
}

static inline omega_status power_op(struct om_store *store, int64_t op, uint64_t *seq, bool *disk)
{
    struct toy_write toy;
    char text[700];
    *disk = op % 4 != 0;
    toy_write_init(&toy, power_drops(op) ? &toy_drop : &toy_put, (uint64_t)op,
                   *disk ? OM_DURABILITY_DISK : OM_DURABILITY_PROCESS);
    if (power_drops(op)) {
        om_pack_i64(&toy.body, op - 5);
        toy.write.record.body = om_buf_str(&toy.body);
    } else {
        toy_body_put(&toy, op, (omega_str){text, trial_row_text(op, text)}, op);
    }
    omega_status status = toy_commit(store, &toy);
    *seq = toy.write.seq;
    toy_write_fini(&toy);
    return status;
}

static inline void power_upkeep(struct om_store *store, int64_t op)
{
    uint64_t overwritten;
    if (op % 53 == 0) {
        (void)!om_store_checkpoint(store, op % 2 == 0, 0);
    }
    if (op % 211 == 0) {
        (void)!om_store_erase(store, 0, &overwritten);
    }
}

/* Runs up to `ops` operations, dying at I/O `cut` (0: never); *on_disk is the last operation that
 * was acknowledged as being on the disk. */
static inline void power_run(const struct om_store_options *options, int64_t ops, uint64_t cut,
                             int64_t *on_disk)
{
    struct om_store *store = NULL;
    *on_disk = 0;
    om_test_vfs_die_at(cut);
    if (om_store_open(options, &store) != OMEGA_OK) {
        return;
    }
    for (int64_t op = 1; op <= ops && !om_test_vfs_is_dead(); op++) {
        uint64_t seq = 0;
        bool disk = false;
        power_upkeep(store, op);
        if (power_op(store, op, &seq, &disk) != OMEGA_OK) {
            break;
        }
        *on_disk = disk ? op : *on_disk;
    }
    om_store_close(store);
}

/* I/O calls of a whole run. */
static inline uint64_t power_count(const struct om_store_options *options, int64_t ops)
{
    int64_t on_disk;
    om_test_vfs_reset();
    power_run(options, ops, 0, &on_disk);
    uint64_t count = om_test_vfs_io();
    om_test_vfs_reset();
    trial_clean(options->dir);
    return count;
}

static inline const char *power_look(struct om_store *store, int64_t ops, int64_t on_disk)
{
    struct om_store_info info;
    om_store_info(store, &info);
    if (info.read_only) {
        return TRIAL_SAYS("read-only: %s", info.read_only_reason);
    }
    if ((int64_t)info.last_seq < on_disk || (int64_t)info.last_seq > ops) {
        return TRIAL_SAYS("ends at %llu, %lld were on the disk", (unsigned long long)info.last_seq,
                          (long long)on_disk);
    }
    struct power_model model = {.ops = (int64_t)info.last_seq};
    int64_t lacking = 0;
    const char *wrong = trial_compare(store, ops + 1, power_alive, &model, &lacking);
    struct om_check check = {0};
    if (wrong == NULL && lacking != 0) {
        wrong = TRIAL_SAYS("%lld rows are lacking", (long long)lacking);
    }
    if (wrong == NULL && (om_store_check(store, &check) != OMEGA_OK || check.faults != 0)) {
        wrong = TRIAL_SAYS("%llu faults", (unsigned long long)check.faults);
    }
    return wrong;
}

/* One cut. seed 0: all unsynced bytes are gone; else a random part of them is there, torn. */
static inline const char *power_trial(const struct om_store_options *options, int64_t ops,
                                      uint64_t cut, uint64_t seed)
{
    struct om_store *store = NULL;
    int64_t on_disk = 0;
    om_test_vfs_reset();
    power_run(options, ops, cut, &on_disk);
    om_test_vfs_cut_power(seed);
    const char *wrong = NULL;
    if (om_store_open(options, &store) != OMEGA_OK) {
        wrong = TRIAL_SAYS("does not open: %s", omega_error_message());
    } else {
        wrong = power_look(store, ops, on_disk);
    }
    om_store_close(store);
    om_test_vfs_reset();
    trial_clean(options->dir);
    return wrong;
}

/* ---- Damage ---------------------------------------------------------------------------------- */

/* The files of a store that was killed: the first half of the rows in the database, the others in
 * the log. */
struct damage_files {
    char *bytes[3];
    size_t sizes[3];
    int64_t rows;
};
static const char *const damage_names[3] = {"omega.db", "omega.db-wal", "omega.mark"};

static inline bool damage_read(const char *dir, struct damage_files *files)
{
    for (size_t i = 0; i < 3; i++) {
        char path[OM_PATH_SIZE];
        trial_path(path, dir, damage_names[i]);
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
            return false;
        }
        (void)fseek(file, 0, SEEK_END);
        files->sizes[i] = (size_t)ftell(file);
        rewind(file);
        files->bytes[i] = calloc(1, files->sizes[i] + 1);
        bool whole = files->bytes[i] != NULL &&
                     fread(files->bytes[i], 1, files->sizes[i], file) == files->sizes[i];
        (void)fclose(file);
        if (!whole) {
            return false;
        }
    }
    return true;
}

static inline bool damage_make(const struct om_store_options *options, int64_t rows,
                               struct damage_files *files)
{
    struct om_store *store = NULL;
    bool good = om_store_open(options, &store) == OMEGA_OK;
    for (int64_t id = 1; id <= rows && good; id++) {
        char text[700];
        omega_str value = {text, trial_row_text(id, text)};
        if (id == rows / 2) {
            good = om_store_checkpoint(store, true, 0) == OMEGA_OK;
        }
        good = good && toy_put_one(store, id, value, OM_DURABILITY_DISK, NULL) == OMEGA_OK;
    }
    files->rows = rows;
    good = good && damage_read(options->dir, files);
    om_store_close(store);
    trial_clean(options->dir);
    return good;
}

static inline void damage_free(struct damage_files *files)
{
    for (size_t i = 0; i < 3; i++) {
        free(files->bytes[i]);
    }
}

static inline bool damage_write(const char *dir, const struct damage_files *files, size_t which,
                                size_t size)
{
    bool good = true;
    for (size_t i = 0; i < 3 && good; i++) {
        char path[OM_PATH_SIZE];
        trial_path(path, dir, damage_names[i]);
        FILE *file = fopen(path, "wb");
        size_t wanted = i == which ? size : files->sizes[i];
        good = file != NULL && fwrite(files->bytes[i], 1, wanted, file) == wanted;
        good = file != NULL && fclose(file) == 0 && good;
    }
    return good;
}

static inline bool damage_alive(const void *model, int64_t id)
{
    return id <= *(const int64_t *)model;
}

static inline const char *damage_look(struct om_store *store, int64_t rows)
{
    struct om_store_info info;
    struct om_check check = {0};
    int64_t lacking = 0, alive = rows;
    om_store_info(store, &info);
    const char *wrong = trial_compare(store, rows + 1, damage_alive, &alive, &lacking);
    if (wrong != NULL) {
        return wrong;
    }
    int64_t missing = info.missing_to == 0 ? 0 : (int64_t)(info.missing_to - info.missing_from) + 1;
    if (missing != 0 && (int64_t)info.last_seq + missing != rows) {
        return TRIAL_SAYS("ends at %llu and says that %lld are missing",
                          (unsigned long long)info.last_seq, (long long)missing);
    }
    if (lacking == missing) {
        return NULL; /* each operation put one row: exactly those are gone that were named */
    }
    omega_status status = om_store_check(store, &check);
    if (status == OMEGA_OK && check.faults == 0) {
        return TRIAL_SAYS("%lld rows are lacking, %lld operations are named as missing, and the "
                          "check is content",
                          (long long)lacking, (long long)missing);
    }
    return NULL;
}

/* Damage number `number` of file `which`: a flipped bit, or (every fourth) a truncation. */
static inline const char *damage_trial(const struct om_store_options *options,
                                       struct damage_files *files, size_t which, uint64_t number,
                                       bool *refused)
{
    struct om_store *store = NULL;
    size_t size = files->sizes[which];
    size_t at = trial_draw(number, 77 + which) % size;
    char bit = (char)(1U << (trial_draw(number, 99) % 8));
    bool cuts = number % 4 == 3;
    files->bytes[which][at] = (char)(files->bytes[which][at] ^ (cuts ? 0 : bit));
    bool written = damage_write(options->dir, files, which, cuts ? at : size);
    files->bytes[which][at] = (char)(files->bytes[which][at] ^ (cuts ? 0 : bit));
    if (!written) {
        return TRIAL_SAYS("the trial's files could not be written");
    }
    omega_status status = om_store_open(options, &store);
    const char *wrong = status == OMEGA_OK ? damage_look(store, files->rows) : NULL;
    *refused = status != OMEGA_OK;
    om_store_close(store);
    trial_clean(options->dir);
    return wrong;
}

#endif
