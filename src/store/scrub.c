/* scrub.c -- deleted bytes leave the files.
 *
 * SQLite's secure_delete overwrites a cell that is deleted and a page that is freed, but when a
 * page is rebuilt to balance a tree, cells that moved to a neighbour stay behind in the page's gap;
 * once the row is deleted its copy is still there (measured: 5,000 rows, a third deleted: 144 words
 * of deleted rows in 18 of 1,824 pages, all in gaps of b-tree pages, none in overflow or free
 * pages).
 *
 * So an erasure is: empty the log into the database and cut it to no bytes; walk every tree from
 * its root and overwrite, in place, what no cell owns: the gap between the cell pointers and the
 * cells, and the inside of the free blocks; overwrite free pages; fsync; drop the writer's cached
 * pages, which would bring the old gaps back with their next change. Writing zeros where nothing is
 * owned changes no content, so a kill in the middle is harmless: `erase_pending` in meta, set in
 * the deleting transaction, makes the next open do it again. Fragments of up to three bytes remain.
 *
 * The walk goes through SQLite's own file handle: a second descriptor on the file would drop its
 * locks when closed. The page structure is checked before a byte is written; a page that does not
 * look like what its parent says is left alone for `check` to report.
 *
 * Rejected: VACUUM (writes the whole database twice), guessing each page's type from its first byte
 * (an overflow page may begin with any byte once the file is large).
 *
 * Only pages that were written since the last erasure can have anything new in their gaps, and
 * every write passes through the log: before each checkpoint the numbers of the log's pages are
 * noted, and of the leaves only the noted ones are read. The first erasure after opening, which
 * knows nothing, reads them all: about a second for each GB that is cached.
 * Source: sqlite.org/fileformat2.html. */
#include "store/store_int.h"

enum {
    HEADER_BYTES = 100,
    AT_PAGE_SIZE = 16,
    AT_RESERVED = 20,
    AT_FREELIST = 32,
    INDEX_INTERIOR = 2,
    TABLE_INTERIOR = 5,
    INDEX_LEAF = 10,
    TABLE_LEAF = 13,
    WAL_HEAD = 32,
    WAL_FRAME_HEAD = 24,
    HEIGHT_MAX = 32
};

/* A page to look at, and its height in its tree: 1 is a leaf. */
struct visit {
    uint32_t number;
    uint32_t height;
};

struct scrub {
    struct om_alloc *alloc;
    const struct om_noted *noted;
    sqlite3_file *file;
    uint32_t page_size, usable, page_count;
    unsigned char *page;  /* the one that is looked at */
    unsigned char *zeros; /* a page of them */
    unsigned char *seen;  /* a bit for each page */
    struct visit *stack;
    size_t depth, capacity;
    uint64_t overwritten;
};

static uint32_t get16(const unsigned char *in)
{
    return (uint32_t)in[0] << 8 | in[1];
}

static uint32_t get32(const unsigned char *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

/* ---- Noting ---------------------------------------------------------------------------------- */

static bool is_noted(const struct om_noted *noted, uint32_t number)
{
    return noted->all ||
           (number / 8 < noted->size && (noted->bits[number / 8] >> (number % 8) & 1) != 0);
}

static void note_page(struct om_store *store, uint32_t number)
{
    struct om_noted *noted = &store->noted;
    if (number / 8 >= noted->size) {
        size_t size = OM_MAX((size_t)number / 4 + 1, (size_t)4096);
        unsigned char *bits = om_resize(store->alloc, noted->bits, size);
        if (bits == NULL) {
            noted->all = true;
            return;
        }
        memset(bits + noted->size, 0, size - noted->size);
        noted->bits = bits;
        noted->size = size;
    }
    noted->bits[number / 8] |= (unsigned char)(1U << (number % 8));
}

void om_writer_note_log(struct om_store *store)
{
    unsigned char head[WAL_HEAD], frame[4];
    sqlite3_file *log = NULL;
    sqlite3_int64 size = 0;
    uint64_t end = atomic_load_explicit(&store->wal_bytes, memory_order_relaxed);
    if (store->noted.all || end == 0) {
        return;
    }
    int rc =
        sqlite3_file_control(store->writer.conn->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    bool good = rc == SQLITE_OK && log->pMethods != NULL &&
                log->pMethods->xFileSize(log, &size) == SQLITE_OK && size >= WAL_HEAD &&
                log->pMethods->xRead(log, head, sizeof(head), 0) == SQLITE_OK;
    uint32_t step = good ? get32(head + 8) + WAL_FRAME_HEAD : 0;
    good = good && step >= 512;
    for (uint64_t at = WAL_HEAD; good && at + step <= end; at += step) {
        good = log->pMethods->xRead(log, frame, sizeof(frame), (sqlite3_int64)at) == SQLITE_OK;
        if (good) {
            note_page(store, get32(frame));
        }
    }
    store->noted.all = store->noted.all || !good;
}

/* ---- Pages ----------------------------------------------------------------------------------- */

static omega_status file_fail(int rc, const char *what)
{
    const char *text;
    omega_status status = om_sqlite_status(rc, &text);
    return om_fail(status, "%s: %s (SQLite %d)", what, text, rc);
}

static omega_status read_page(struct scrub *scrub, uint32_t number)
{
    int rc = scrub->file->pMethods->xRead(scrub->file, scrub->page, (int)scrub->page_size,
                                          (int64_t)(number - 1) * scrub->page_size);
    return rc == SQLITE_OK ? OMEGA_OK : file_fail(rc, "reading a page to erase in");
}

/* Overwrites [from, to) of the page with zeros, if there is anything else. */
static omega_status wipe(struct scrub *scrub, uint32_t number, uint32_t from, uint32_t to)
{
    uint32_t dirty = 0;
    for (uint32_t i = from; i < to; i++) {
        dirty += scrub->page[i] != 0;
    }
    if (dirty == 0) {
        return OMEGA_OK;
    }
    int rc = scrub->file->pMethods->xWrite(scrub->file, scrub->zeros, (int)(to - from),
                                           (int64_t)(number - 1) * scrub->page_size + from);
    scrub->overwritten += dirty;
    return rc == SQLITE_OK ? OMEGA_OK : file_fail(rc, "erasing in a page");
}

/* True when the page is seen for the first time and can exist. */
static bool first_sight(struct scrub *scrub, uint32_t number)
{
    if (number == 0 || number > scrub->page_count) {
        return false;
    }
    unsigned char bit = (unsigned char)(1U << (number & 7));
    if ((scrub->seen[number >> 3] & bit) != 0) {
        return false;
    }
    scrub->seen[number >> 3] |= bit;
    return true;
}

static omega_status push(struct scrub *scrub, uint32_t number, uint32_t height)
{
    bool passed_over = height <= 1 && !is_noted(scrub->noted, number);
    if (!first_sight(scrub, number) || passed_over) {
        return OMEGA_OK;
    }
    if (scrub->depth == scrub->capacity) {
        size_t capacity = OM_MAX(scrub->capacity * 2, 256U);
        struct visit *stack = om_resize(scrub->alloc, scrub->stack, capacity * sizeof(*stack));
        if (stack == NULL) {
            return om_nomem();
        }
        scrub->stack = stack;
        scrub->capacity = capacity;
    }
    scrub->stack[scrub->depth++] = (struct visit){number, height};
    return OMEGA_OK;
}

/* ---- Trees ----------------------------------------------------------------------------------- */

struct page_shape {
    uint32_t head;    /* where the page's header begins */
    uint32_t cells;   /* how many */
    uint32_t array;   /* where their pointers begin */
    uint32_t content; /* where the first cell begins */
    bool is_interior;
};

static bool shape_of(const struct scrub *scrub, uint32_t number, struct page_shape *out)
{
    const unsigned char *page = scrub->page;
    out->head = number == 1 ? HEADER_BYTES : 0;
    unsigned char type = page[out->head];
    out->is_interior = type == INDEX_INTERIOR || type == TABLE_INTERIOR;
    if (!out->is_interior && type != INDEX_LEAF && type != TABLE_LEAF) {
        return false;
    }
    out->cells = get16(page + out->head + 3);
    out->content = get16(page + out->head + 5);
    out->content = out->content == 0 ? 65536 : out->content;
    out->array = out->head + (out->is_interior ? 12 : 8);
    return out->array + 2 * out->cells <= out->content && out->content <= scrub->usable;
}

static omega_status wipe_free_blocks(struct scrub *scrub, uint32_t number,
                                     const struct page_shape *shape)
{
    uint32_t at = get16(scrub->page + shape->head + 1);
    uint32_t floor = shape->content;
    omega_status status = OMEGA_OK;
    while (at >= floor && at + 4 <= scrub->usable && status == OMEGA_OK) {
        uint32_t size = get16(scrub->page + at + 2);
        if (size < 4 || at + size > scrub->usable) {
            break;
        }
        status = wipe(scrub, number, at + 4, at + size);
        floor = at + size;
        at = get16(scrub->page + at);
    }
    return status;
}

static omega_status push_children(struct scrub *scrub, const struct page_shape *shape,
                                  uint32_t height)
{
    omega_status status = push(scrub, get32(scrub->page + shape->head + 8), height);
    for (uint32_t i = 0; i < shape->cells && status == OMEGA_OK; i++) {
        uint32_t cell = get16(scrub->page + shape->array + 2 * i);
        if (cell >= shape->content && cell + 4 <= scrub->usable) {
            status = push(scrub, get32(scrub->page + cell), height);
        }
    }
    return status;
}

static omega_status scrub_page(struct scrub *scrub, struct visit visit)
{
    struct page_shape shape;
    uint32_t number = visit.number;
    omega_status status = read_page(scrub, number);
    if (status != OMEGA_OK || !shape_of(scrub, number, &shape)) {
        return status;
    }
    status = wipe(scrub, number, shape.array + 2 * shape.cells, shape.content);
    if (status == OMEGA_OK) {
        status = wipe_free_blocks(scrub, number, &shape);
    }
    if (status != OMEGA_OK || !shape.is_interior) {
        return status;
    }
    return push_children(scrub, &shape, visit.height > 1 ? visit.height - 1 : 1);
}

/* All leaves of a tree stand equally deep: down along the last child. */
static omega_status push_root(struct scrub *scrub, uint32_t root)
{
    struct page_shape shape = {.is_interior = true};
    uint32_t number = root, height = 0;
    while (shape.is_interior && height < HEIGHT_MAX && number > 0 && number <= scrub->page_count) {
        omega_status status = read_page(scrub, number);
        if (status != OMEGA_OK) {
            return status;
        }
        height++;
        if (!shape_of(scrub, number, &shape)) {
            break;
        }
        number = get32(scrub->page + shape.head + 8);
    }
    return push(scrub, root, height);
}

static omega_status scrub_trees(struct scrub *scrub, struct om_conn *conn)
{
    struct om_stmt stmt;
    omega_status status = om_conn_prepare(
        conn, "SELECT 1 UNION SELECT rootpage FROM sqlite_master WHERE rootpage > 0", &stmt);
    bool row = true;
    while (status == OMEGA_OK && (status = om_step(&stmt, &row)) == OMEGA_OK && row) {
        int64_t root = om_col_i64(&stmt, 0);
        status = root <= UINT32_MAX ? push_root(scrub, (uint32_t)root) : OMEGA_OK;
    }
    om_stmt_done(&stmt);
    while (status == OMEGA_OK && scrub->depth > 0) {
        status = scrub_page(scrub, scrub->stack[--scrub->depth]);
    }
    return status;
}

/* ---- Free pages ------------------------------------------------------------------------------ */

static omega_status wipe_free_leaves(struct scrub *scrub, const unsigned char *trunk,
                                     uint32_t count)
{
    omega_status status = OMEGA_OK;
    for (uint32_t i = 0; i < count && status == OMEGA_OK; i++) {
        uint32_t leaf = get32(trunk + 8 + 4 * i);
        if (first_sight(scrub, leaf) && is_noted(scrub->noted, leaf)) {
            status = read_page(scrub, leaf);
            if (status == OMEGA_OK) {
                status = wipe(scrub, leaf, 0, scrub->page_size);
            }
        }
    }
    return status;
}

static omega_status scrub_free_pages(struct scrub *scrub, uint32_t trunk)
{
    unsigned char *copy = om_get(scrub->alloc, scrub->page_size);
    omega_status status = copy != NULL ? OMEGA_OK : om_nomem();
    while (status == OMEGA_OK && first_sight(scrub, trunk)) {
        status = read_page(scrub, trunk);
        if (status != OMEGA_OK) {
            break;
        }
        uint32_t count = get32(scrub->page + 4);
        uint32_t number = trunk;
        memcpy(copy, scrub->page, scrub->page_size);
        trunk = get32(copy);
        if (count > scrub->usable / 4 - 2) {
            break; /* damaged */
        }
        status = wipe(scrub, number, 8 + 4 * count, scrub->usable);
        if (status == OMEGA_OK) {
            status = wipe_free_leaves(scrub, copy, count);
        }
    }
    om_put(scrub->alloc, copy);
    return status;
}

/* ---- The whole file -------------------------------------------------------------------------- */

static omega_status scrub_init(struct scrub *scrub, struct om_conn *conn, uint32_t *freelist)
{
    unsigned char header[HEADER_BYTES];
    sqlite3_int64 size = 0;
    int rc = sqlite3_file_control(conn->db, "main", SQLITE_FCNTL_FILE_POINTER, &scrub->file);
    if (rc == SQLITE_OK) {
        rc = scrub->file->pMethods->xRead(scrub->file, header, sizeof(header), 0);
    }
    if (rc == SQLITE_OK) {
        rc = scrub->file->pMethods->xFileSize(scrub->file, &size);
    }
    if (rc != SQLITE_OK) {
        return file_fail(rc, "reading the head of the database");
    }
    scrub->page_size = get16(header + AT_PAGE_SIZE);
    scrub->page_size = scrub->page_size == 1 ? 65536 : scrub->page_size;
    if (scrub->page_size < 512 || header[AT_RESERVED] > scrub->page_size / 4) {
        return om_fail(OMEGA_ECORRUPT, "the head of the database is damaged");
    }
    scrub->usable = scrub->page_size - header[AT_RESERVED];
    scrub->page_count = (uint32_t)(size / scrub->page_size);
    *freelist = get32(header + AT_FREELIST);
    scrub->page = om_get(scrub->alloc, scrub->page_size);
    scrub->zeros = om_get0(scrub->alloc, 1, scrub->page_size);
    scrub->seen = om_get0(scrub->alloc, (size_t)scrub->page_count / 8 + 1, 1);
    bool out = scrub->page == NULL || scrub->zeros == NULL || scrub->seen == NULL;
    return out ? om_nomem() : OMEGA_OK;
}

static omega_status scrub_file(struct om_store *store, uint64_t *overwritten)
{
    struct scrub scrub = {.alloc = store->alloc, .noted = &store->noted};
    struct om_conn *conn = store->writer.conn;
    uint32_t freelist = 0;
    omega_status status = scrub_init(&scrub, conn, &freelist);
    if (status == OMEGA_OK) {
        status = scrub_trees(&scrub, conn);
    }
    if (status == OMEGA_OK) {
        status = scrub_free_pages(&scrub, freelist);
    }
    if (status == OMEGA_OK && scrub.overwritten > 0) {
        int rc = scrub.file->pMethods->xSync(scrub.file, SQLITE_SYNC_NORMAL);
        if (rc != SQLITE_OK) {
            om_store_poison(store, "an fsync of the database");
            status = file_fail(rc, "syncing the database");
        }
    }
    *overwritten += scrub.overwritten;
    om_put(store->alloc, scrub.page);
    om_put(store->alloc, scrub.zeros);
    om_put(store->alloc, scrub.seen);
    om_put(store->alloc, scrub.stack);
    om_conn_reset(conn);
    (void)sqlite3_db_release_memory(conn->db);
    if (status == OMEGA_OK) {
        store->noted.all = false;
        if (store->noted.size > 0) {
            memset(store->noted.bits, 0, store->noted.size);
        }
    }
    return status;
}

static omega_status clear_pending(void *context, struct om_conn *conn)
{
    (void)context;
    return om_meta_remove(conn, "erase_pending");
}

omega_status om_writer_erase(struct om_store *store, unsigned timeout_ms, uint64_t *overwritten)
{
    uint64_t log = atomic_load_explicit(&store->wal_bytes, memory_order_relaxed);
    omega_status status = om_writer_checkpoint(store, SQLITE_CHECKPOINT_TRUNCATE, timeout_ms);
    if (status != OMEGA_OK) {
        return status;
    }
    *overwritten += log;
    status = scrub_file(store, overwritten);
    if (status == OMEGA_OK) {
        status = om_writer_txn(store, clear_pending, NULL);
    }
    if (status == OMEGA_OK) {
        atomic_store_explicit(&store->wants_erase, false, memory_order_release);
    }
    return status;
}

bool om_store_wants_erase(struct om_store *store)
{
    return !om_store_is_shut(store) &&
           atomic_load_explicit(&store->wants_erase, memory_order_acquire);
}

omega_status om_store_erase(struct om_store *store, unsigned timeout_ms,
                            uint64_t *overwritten_bytes)
{
    *overwritten_bytes = 0;
    omega_status status = om_store_writable(store);
    if (status == OMEGA_OK) {
        status = om_writer_enter(store, timeout_ms);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_store_writable(store);
    if (status == OMEGA_OK) {
        status = om_writer_erase(store, timeout_ms, overwritten_bytes);
    }
    om_writer_leave(store);
    return status;
}
