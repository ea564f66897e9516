/* vfs.c -- a VFS over the system's, with a second, imagined disk.
 *
 * For each watched file: `disk`, the bytes that an fsync has covered, and `pending`, the writes and
 * truncations since, in order. A sync plays pending onto disk. A power cut writes disk back into
 * the real file. A deletion counts at once (SQLite syncs the directory where it matters).
 *
 * Shared-memory methods go straight through: after a cut the shared memory is gone anyway. */
#include "support/vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 32, PATH_MAX_SIZE = 4096, SECTOR = 512 };

struct change {
    struct change *next;
    int64_t offset; /* of a write; the size of a truncation */
    size_t size;
    bool truncates;
    unsigned char bytes[];
};

struct image {
    char path[PATH_MAX_SIZE];
    bool used;
    unsigned char *disk;
    size_t size, capacity;
    struct change *pending, **end;
    size_t pending_bytes;
};

struct file {
    sqlite3_file base;
    struct image *image; /* NULL: not watched */
    sqlite3_file *real;
};

static sqlite3_vfs vfs;
static sqlite3_vfs *below;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct image images[FILES_MAX];
static bool real_sync = true;
static struct {
    enum om_vfs_error error;
    uint64_t fail_at; /* 0: never */
    uint64_t since;   /* calls since it was set */
    uint64_t count;
    bool persistent;
} calls[OM_VFS_CALLS];
static uint64_t io_count, die_at;
static bool is_dead;

/* ---- Images ---------------------------------------------------------------------------------- */

static void drop_pending(struct image *image)
{
    while (image->pending != NULL) {
        struct change *change = image->pending;
        image->pending = change->next;
        free(change);
    }
    image->end = &image->pending;
    image->pending_bytes = 0;
}

static void clear_image(struct image *image)
{
    drop_pending(image);
    free(image->disk);
    *image = (struct image){0};
    image->end = &image->pending;
}

/* The imagined disk is no part of what is tested: its memory is never made to fail. */
static void *get(size_t size)
{
    void *block = aligned_alloc(16, (size + 15) / 16 * 16);
    if (block == NULL) {
        abort();
    }
    return block;
}

static void set_size(struct image *image, size_t size)
{
    if (size > image->capacity) {
        size_t capacity = size * 2;
        unsigned char *disk = get(capacity);
        if (image->size > 0) {
            memcpy(disk, image->disk, image->size);
        }
        free(image->disk);
        image->disk = disk;
        image->capacity = capacity;
    }
    if (size > image->size) {
        memset(image->disk + image->size, 0, size - image->size);
    }
    image->size = size;
}

static void load(struct image *image)
{
    FILE *file = fopen(image->path, "rb");
    if (file == NULL) {
        return;
    }
    (void)fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    set_size(image, size > 0 ? (size_t)size : 0);
    if (size > 0 && fread(image->disk, 1, image->size, file) != image->size) {
        abort();
    }
    (void)fclose(file);
}

/* The image of a path; made, from what the file holds now, when it is new. */
static struct image *find_image(const char *path, bool make)
{
    struct image *empty = NULL;
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (images[i].used && strcmp(images[i].path, path) == 0) {
            return &images[i];
        }
        empty = empty == NULL && !images[i].used ? &images[i] : empty;
    }
    if (!make) {
        return NULL;
    }
    if (empty == NULL) {
        abort();
    }
    clear_image(empty);
    empty->used = true;
    (void)snprintf(empty->path, sizeof(empty->path), "%s", path);
    load(empty);
    return empty;
}

static struct image *image_ending(const char *suffix)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        size_t len = strlen(images[i].path), tail = strlen(suffix);
        if (images[i].used && len >= tail && strcmp(images[i].path + len - tail, suffix) == 0) {
            return &images[i];
        }
    }
    return NULL;
}

static void append(struct image *image, int64_t offset, const void *bytes, size_t size,
                   bool truncates)
{
    struct change *change = get(sizeof(*change) + size);
    *change = (struct change){.offset = offset, .size = size, .truncates = truncates};
    if (size > 0) {
        memcpy(change->bytes, bytes, size);
    }
    *image->end = change;
    image->end = &change->next;
    image->pending_bytes += size;
}

static void play(struct image *image, const struct change *change, size_t from, size_t to)
{
    if (change->truncates) {
        set_size(image, (size_t)change->offset);
        return;
    }
    size_t at = (size_t)change->offset;
    if (at + to > image->size) {
        set_size(image, at + to);
    }
    memcpy(image->disk + at + from, change->bytes + from, to - from);
}

static void play_all(struct image *image)
{
    for (const struct change *c = image->pending; c != NULL; c = c->next) {
        play(image, c, 0, c->size);
    }
    drop_pending(image);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static int answer(enum om_vfs_call call, enum om_vfs_error error)
{
    static const int io[OM_VFS_CALLS] = {SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC,
                                         SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_DELETE,
                                         SQLITE_IOERR_READ};
    return error == OM_VFS_FULL ? SQLITE_FULL : io[call];
}

/* Counts the call and decides its fate. */
static int count_call(enum om_vfs_call call)
{
    calls[call].count++;
    calls[call].since++;
    if (call != OM_VFS_READ) {
        io_count++;
        is_dead = is_dead || (die_at != 0 && io_count >= die_at);
    }
    if (is_dead) {
        return answer(call, OM_VFS_IO);
    }
    bool hit = calls[call].fail_at != 0 &&
               (calls[call].since == calls[call].fail_at ||
                (calls[call].persistent && calls[call].since > calls[call].fail_at));
    return hit ? answer(call, calls[call].error) : SQLITE_OK;
}

/* ---- Methods --------------------------------------------------------------------------------- */

static struct file *of(sqlite3_file *base)
{
    return (struct file *)(void *)base;
}

static int x_close(sqlite3_file *base)
{
    struct file *file = of(base);
    int rc = file->real->pMethods != NULL ? file->real->pMethods->xClose(file->real) : SQLITE_OK;
    return rc;
}

static int x_read(sqlite3_file *base, void *out, int size, sqlite3_int64 offset)
{
    struct file *file = of(base);
    pthread_mutex_lock(&lock);
    int rc = file->image != NULL ? count_call(OM_VFS_READ) : SQLITE_OK;
    pthread_mutex_unlock(&lock);
    return rc != SQLITE_OK ? rc : file->real->pMethods->xRead(file->real, out, size, offset);
}

static int x_write(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 offset)
{
    struct file *file = of(base);
    pthread_mutex_lock(&lock);
    int rc = file->image != NULL ? count_call(OM_VFS_WRITE) : SQLITE_OK;
    if (rc == SQLITE_OK) {
        rc = file->real->pMethods->xWrite(file->real, bytes, size, offset);
    }
    if (rc == SQLITE_OK && file->image != NULL) {
        append(file->image, offset, bytes, (size_t)size, false);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static int x_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct file *file = of(base);
    pthread_mutex_lock(&lock);
    int rc = file->image != NULL ? count_call(OM_VFS_TRUNCATE) : SQLITE_OK;
    if (rc == SQLITE_OK) {
        rc = file->real->pMethods->xTruncate(file->real, size);
    }
    if (rc == SQLITE_OK && file->image != NULL) {
        append(file->image, size, NULL, 0, true);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static int x_sync(sqlite3_file *base, int flags)
{
    struct file *file = of(base);
    pthread_mutex_lock(&lock);
    int rc = file->image != NULL ? count_call(OM_VFS_SYNC) : SQLITE_OK;
    if (rc == SQLITE_OK && real_sync) {
        rc = file->real->pMethods->xSync(file->real, flags);
    }
    if (rc == SQLITE_OK && file->image != NULL) {
        play_all(file->image);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static int x_file_size(sqlite3_file *base, sqlite3_int64 *out)
{
    struct file *file = of(base);
    return file->real->pMethods->xFileSize(file->real, out);
}

static int x_lock(sqlite3_file *base, int level)
{
    return of(base)->real->pMethods->xLock(of(base)->real, level);
}

static int x_unlock(sqlite3_file *base, int level)
{
    return of(base)->real->pMethods->xUnlock(of(base)->real, level);
}

static int x_check_lock(sqlite3_file *base, int *out)
{
    return of(base)->real->pMethods->xCheckReservedLock(of(base)->real, out);
}

static int x_control(sqlite3_file *base, int op, void *arg)
{
    return of(base)->real->pMethods->xFileControl(of(base)->real, op, arg);
}

static int x_sector_size(sqlite3_file *base)
{
    return of(base)->real->pMethods->xSectorSize(of(base)->real);
}

static int x_traits(sqlite3_file *base)
{
    return of(base)->real->pMethods->xDeviceCharacteristics(of(base)->real);
}

static int x_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **out)
{
    return of(base)->real->pMethods->xShmMap(of(base)->real, page, size, extend, out);
}

static int x_shm_lock(sqlite3_file *base, int offset, int n, int flags)
{
    return of(base)->real->pMethods->xShmLock(of(base)->real, offset, n, flags);
}

static void x_shm_barrier(sqlite3_file *base)
{
    of(base)->real->pMethods->xShmBarrier(of(base)->real);
}

static int x_shm_unmap(sqlite3_file *base, int remove_file)
{
    return of(base)->real->pMethods->xShmUnmap(of(base)->real, remove_file);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_file_size,
    .xLock = x_lock,
    .xUnlock = x_unlock,
    .xCheckReservedLock = x_check_lock,
    .xFileControl = x_control,
    .xSectorSize = x_sector_size,
    .xDeviceCharacteristics = x_traits,
    .xShmMap = x_shm_map,
    .xShmLock = x_shm_lock,
    .xShmBarrier = x_shm_barrier,
    .xShmUnmap = x_shm_unmap,
};

static int x_open(sqlite3_vfs *self, const char *name, sqlite3_file *base, int flags, int *out)
{
    struct file *file = of(base);
    (void)self;
    *file = (struct file){.real = (sqlite3_file *)(void *)(file + 1)};
    file->real->pMethods = NULL;
    int watched = flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL);
    if (watched && name != NULL) {
        pthread_mutex_lock(&lock);
        file->image = find_image(name, true);
        pthread_mutex_unlock(&lock);
    }
    int rc = below->xOpen(below, name, file->real, flags, out);
    if (rc == SQLITE_OK) {
        file->base.pMethods = &methods;
    }
    return rc;
}

static int x_delete(sqlite3_vfs *self, const char *name, int sync_dir)
{
    (void)self;
    pthread_mutex_lock(&lock);
    struct image *image = find_image(name, false);
    int rc = image != NULL ? count_call(OM_VFS_DELETE) : SQLITE_OK;
    if (rc == SQLITE_OK) {
        rc = below->xDelete(below, name, real_sync ? sync_dir : 0);
    }
    if (rc == SQLITE_OK && image != NULL) {
        drop_pending(image);
        set_size(image, 0);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

/* ---- For tests ------------------------------------------------------------------------------- */

const char *om_test_vfs(void)
{
    if (below == NULL) {
        below = sqlite3_vfs_find(NULL);
        vfs = *below;
        vfs.zName = "omega-test";
        vfs.pNext = NULL;
        vfs.szOsFile = (int)sizeof(struct file) + below->szOsFile;
        vfs.xOpen = x_open;
        vfs.xDelete = x_delete;
        if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK) {
            abort();
        }
        om_test_vfs_reset();
    }
    return vfs.zName;
}

void om_test_vfs_reset(void)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < FILES_MAX; i++) {
        clear_image(&images[i]);
    }
    memset(calls, 0, sizeof(calls));
    io_count = die_at = 0;
    is_dead = false;
    pthread_mutex_unlock(&lock);
}

void om_test_vfs_real_sync(bool real)
{
    pthread_mutex_lock(&lock);
    real_sync = real;
    pthread_mutex_unlock(&lock);
}

void om_test_vfs_fail(enum om_vfs_call call, enum om_vfs_error error, uint64_t nth, bool persistent)
{
    pthread_mutex_lock(&lock);
    calls[call].error = error;
    calls[call].fail_at = nth;
    calls[call].since = 0;
    calls[call].persistent = persistent;
    pthread_mutex_unlock(&lock);
}

uint64_t om_test_vfs_count(enum om_vfs_call call)
{
    pthread_mutex_lock(&lock);
    uint64_t count = calls[call].count;
    pthread_mutex_unlock(&lock);
    return count;
}

uint64_t om_test_vfs_io(void)
{
    pthread_mutex_lock(&lock);
    uint64_t count = io_count;
    pthread_mutex_unlock(&lock);
    return count;
}

void om_test_vfs_die_at(uint64_t nth)
{
    pthread_mutex_lock(&lock);
    die_at = nth;
    pthread_mutex_unlock(&lock);
}

bool om_test_vfs_is_dead(void)
{
    pthread_mutex_lock(&lock);
    bool dead = is_dead;
    pthread_mutex_unlock(&lock);
    return dead;
}

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return *state >> 33;
}

/* Some sectors of some writes made it. */
static void play_some(struct image *image, uint64_t *state)
{
    for (const struct change *c = image->pending; c != NULL; c = c->next) {
        if (c->truncates) {
            if (draw(state) % 2 == 0) {
                play(image, c, 0, 0);
            }
            continue;
        }
        for (size_t at = 0; at < c->size; at += SECTOR) {
            size_t to = at + SECTOR < c->size ? at + SECTOR : c->size;
            if (draw(state) % 2 == 0) {
                play(image, c, at, to);
            }
        }
    }
}

static void write_back(const struct image *image)
{
    if (image->size == 0 && access(image->path, F_OK) != 0) {
        return;
    }
    FILE *file = fopen(image->path, "wb");
    if (file == NULL ||
        (image->size > 0 && fwrite(image->disk, 1, image->size, file) != image->size)) {
        abort();
    }
    (void)fclose(file);
}

void om_test_vfs_cut_power(uint64_t seed)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (!images[i].used) {
            continue;
        }
        if (seed != 0) {
            play_some(&images[i], &seed);
        }
        drop_pending(&images[i]);
        write_back(&images[i]);
        clear_image(&images[i]);
    }
    die_at = 0;
    is_dead = false;
    pthread_mutex_unlock(&lock);
}

size_t om_test_vfs_unsynced(const char *suffix)
{
    pthread_mutex_lock(&lock);
    const struct image *image = image_ending(suffix);
    size_t size = image != NULL ? image->pending_bytes : 0;
    pthread_mutex_unlock(&lock);
    return size;
}

bool om_test_vfs_on_disk(const char *suffix, const void *bytes, size_t size)
{
    pthread_mutex_lock(&lock);
    const struct image *image = image_ending(suffix);
    bool found = image != NULL && image->size >= size &&
                 memmem(image->disk, image->size, bytes, size) != NULL;
    pthread_mutex_unlock(&lock);
    return found;
}

/* ---- SQLite's memory ------------------------------------------------------------------------- */

/* Each block carries its size: malloc_usable_size would depend on the heap's history, and the
 * number of SQLite's allocations with it. */
enum { MEM_HEAD = 16 };

static void *mem_malloc(int size)
{
    char *block = malloc((size_t)size + MEM_HEAD);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &size, sizeof(size));
    return block + MEM_HEAD;
}

static void mem_free(void *ptr)
{
    free((char *)ptr - MEM_HEAD);
}

static void *mem_realloc(void *ptr, int size)
{
    char *block = realloc((char *)ptr - MEM_HEAD, (size_t)size + MEM_HEAD);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &size, sizeof(size));
    return block + MEM_HEAD;
}

static int mem_size(void *ptr)
{
    int size = 0;
    if (ptr != NULL) {
        memcpy(&size, (char *)ptr - MEM_HEAD, sizeof(size));
    }
    return size;
}

static int mem_roundup(int size)
{
    return (size + 7) & ~7;
}

static int mem_init(void *context)
{
    (void)context;
    return SQLITE_OK;
}

static void mem_shutdown(void *context)
{
    (void)context;
}

void om_test_sqlite_malloc(void)
{
    static const sqlite3_mem_methods memory = {mem_malloc,  mem_free, mem_realloc,  mem_size,
                                               mem_roundup, mem_init, mem_shutdown, NULL};
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK ||
        sqlite3_initialize() != SQLITE_OK) {
        abort();
    }
}
