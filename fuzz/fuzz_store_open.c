/* fuzz_store_open.c -- any bytes as omega.db, its log or its mark: open, read, check, write, close.
 *
 * A sound store is made once: rows in the database and, as if it had been killed, rows in the log.
 * The first byte of the input says which file is touched (its two lowest bits; 3: the database and
 * the log) and how: with bit 2 the rest is a list of patches (three bytes where, one byte how long,
 * the bytes), else the rest is the whole file. Opening may refuse. What is returned with a good
 * checksum must be what was written; nothing may crash or run for ever. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/toy_store.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES = 3, ROWS = 30, FILE_MAX = 1 << 20, EVENTS_MAX = 10000 };

static const char *const names[FILES] = {"omega.db", "omega.db-wal", "omega.mark"};
static struct {
    unsigned char *bytes;
    size_t size;
} sound[FILES];
static unsigned char *work;
static char dir[64];

static omega_str row_text(int64_t id, char out[64])
{
    int len = snprintf(out, 64, "the text of row %lld, which is never another", (long long)id);
    return (omega_str){out, (size_t)len};
}

static void path_of(size_t which, char out[128])
{
    (void)snprintf(out, 128, "%s/%s", dir, names[which]);
}

static void remove_files(void)
{
    static const char *const all[] = {"omega.db",   "omega.db-wal", "omega.db-shm",
                                      "omega.mark", "omega.lock",   "omega.db.before-toy-v2"};
    for (size_t i = 0; i < OM_COUNT_OF(all); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, all[i]);
        (void)unlink(path);
    }
}

static void read_sound(size_t which)
{
    char path[128];
    path_of(which, path);
    FILE *file = fopen(path, "rb");
    OM_ASSERT(file != NULL);
    sound[which].bytes = malloc(FILE_MAX);
    OM_ASSERT(sound[which].bytes != NULL);
    sound[which].size = fread(sound[which].bytes, 1, FILE_MAX, file);
    (void)fclose(file);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct om_store *store = NULL;
    char text[64];
    (void)argc;
    (void)argv;
    om_log_set_level(OM_LOG_OFF);
    (void)snprintf(dir, sizeof(dir), "%s/omega-fuzz-XXXXXX",
                   om_os_is_dir("/dev/shm") ? "/dev/shm" : "/tmp");
    OM_ASSERT(mkdtemp(dir) != NULL);
    work = malloc(FILE_MAX);
    struct om_store_options options = toy_options(dir);
    OM_ASSERT(work != NULL && om_store_open(&options, &store) == OMEGA_OK);
    for (int64_t id = 1; id <= ROWS; id++) {
        OM_ASSERT(toy_put_one(store, id, row_text(id, text), OM_DURABILITY_DISK, NULL) == OMEGA_OK);
        if (id == ROWS - 3) {
            OM_ASSERT(om_store_checkpoint(store, true, 0) == OMEGA_OK);
        }
    }
    for (size_t i = 0; i < FILES; i++) {
        read_sound(i);
    }
    om_store_close(store);
    return 0;
}

/* ---- The files ------------------------------------------------------------------------------- */

static void write_file(size_t which, const unsigned char *bytes, size_t size)
{
    char path[128];
    path_of(which, path);
    FILE *file = fopen(path, "wb");
    OM_ASSERT(file != NULL && fwrite(bytes, 1, size, file) == size);
    OM_ASSERT(fclose(file) == 0);
}

static void write_patched(size_t which, const uint8_t *data, size_t size)
{
    size_t total = sound[which].size;
    memcpy(work, sound[which].bytes, total);
    while (size > 4) {
        size_t at = (size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16;
        size_t len = OM_MIN((size_t)data[3] % 64 + 1, size - 4);
        at %= total;
        len = OM_MIN(len, total - at);
        memcpy(work + at, data + 4, len);
        data += 4 + len;
        size -= 4 + len;
    }
    write_file(which, work, total);
}

static void lay_out(uint8_t how, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < FILES; i++) {
        bool touched = (how & 3) == i || ((how & 3) == 3 && i < 2);
        if (!touched) {
            write_file(i, sound[i].bytes, sound[i].size);
        } else if ((how & 4) != 0) {
            write_patched(i, data, size);
        } else {
            write_file(i, data, OM_MIN(size, (size_t)FILE_MAX));
        }
    }
}

/* ---- Use ------------------------------------------------------------------------------------- */

static bool any_event(void *context, const struct om_store_event *event)
{
    size_t *bytes = context;
    *bytes += event->json.len;
    return true;
}

static bool any_change(void *context, uint64_t seq, uint32_t kind, int64_t row, int64_t space)
{
    size_t *count = context;
    (void)seq;
    (void)kind;
    (void)row;
    (void)space;
    return ++*count < EVENTS_MAX;
}

static void read_rows(struct om_reader *reader)
{
    for (int64_t id = 1; id <= ROWS; id++) {
        struct om_stmt *stmt;
        char text[64];
        bool row = false;
        if (om_sql(reader->conn, &toy_schema, TOY_GET, &stmt) != OMEGA_OK) {
            return;
        }
        om_bind_i64(stmt, 0, id);
        if (om_step(stmt, &row) == OMEGA_OK && row && toy_row_good("notes", stmt)) {
            OM_ASSERT(om_str_eq(om_col_str(stmt, 1), row_text(id, text)));
        }
    }
}

static void use(struct om_store *store)
{
    struct om_reader reader;
    struct om_check check = {0};
    size_t bytes = 0, count = 0;
    const struct om_outbox_query all = {0, 0, UINT64_MAX, EVENTS_MAX, any_event, &bytes};
    uint64_t overwritten;
    bool more;
    if (om_store_read(store, 0, &reader) == OMEGA_OK) {
        read_rows(&reader);
        (void)!om_store_events(&reader, &all, NULL);
        (void)!om_store_changes(&reader, 0, EVENTS_MAX, any_change, &count);
        om_store_read_end(&reader);
    }
    (void)!om_store_check(store, &check);
    (void)!toy_put_one(store, 1000, OM_STR("one more"), OM_DURABILITY_DISK, NULL);
    (void)!om_store_trim(store, &more);
    (void)!om_store_erase(store, 0, &overwritten);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct om_store *store = NULL;
    if (size < 1) {
        return 0;
    }
    remove_files();
    lay_out(data[0], data + 1, size - 1);
    struct om_store_options options = toy_options(dir);
    options.accept_loss = (data[0] & 8) != 0;
    if (om_store_open(&options, &store) == OMEGA_OK) {
        use(store);
    }
    om_store_close(store);
    return 0;
}
