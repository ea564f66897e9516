/* mark.c -- omega.mark: the highest sequence that is known to be on the disk.
 *
 * SQLite's write-ahead log drops everything behind a damaged frame without a word. So after each
 * fsync the last sequence is written here, in place and without an fsync of its own: the mark may
 * lag behind the database, it never leads it. A database that ends below its mark has lost
 * operations, and which.
 *
 * Two slots take turns by the parity of their generation, so that a torn or damaged one leaves the
 * one before. Rejected: one slot (a torn write leaves nothing), an fsynced mark (doubles the cost
 * of a commit), a row in the database (lost together with what it should prove).
 *
 *   offset 0 and 512: one slot each, little-endian
 *      0  8  "OMEGAMRK"
 *      8  4  version, 1
 *     12  4  flags; bit 0: an fsync failed, check everything before trusting the file
 *     16 16  database id
 *     32  8  sequence
 *     40  8  generation
 *     48  8  XXH3-64 over the bytes before */
#include <endian.h>

#include "store/store_int.h"

enum {
    SLOT_SIZE = 56,
    SLOT_SUMMED = 48,
    SLOT_STEP = 512,
    MARK_VERSION = 1,
    FLAG_NEEDS_CHECK = 1,
    MARK_SEED = 0x6d6b
};
static const char magic[8] = {'O', 'M', 'E', 'G', 'A', 'M', 'R', 'K'};

static void put32(unsigned char *out, uint32_t value)
{
    value = htole32(value);
    memcpy(out, &value, sizeof(value));
}

static void put64(unsigned char *out, uint64_t value)
{
    value = htole64(value);
    memcpy(out, &value, sizeof(value));
}

static uint32_t get32(const unsigned char *in)
{
    uint32_t value;
    memcpy(&value, in, sizeof(value));
    return le32toh(value);
}

static uint64_t get64(const unsigned char *in)
{
    uint64_t value;
    memcpy(&value, in, sizeof(value));
    return le64toh(value);
}

static bool read_slot(const unsigned char *slot, struct om_mark *mark)
{
    if (memcmp(slot, magic, sizeof(magic)) != 0 || get32(slot + 8) != MARK_VERSION ||
        get64(slot + 48) != om_hash(slot, SLOT_SUMMED, MARK_SEED)) {
        return false;
    }
    uint64_t generation = get64(slot + 40);
    if (mark->found && mark->generation > generation) {
        return true;
    }
    mark->found = true;
    mark->needs_check = (get32(slot + 12) & FLAG_NEEDS_CHECK) != 0;
    memcpy(mark->database_id.bytes, slot + 16, sizeof(mark->database_id.bytes));
    mark->seq = get64(slot + 32);
    mark->generation = generation;
    return true;
}

omega_status om_mark_read(const char *path, struct om_mark *out)
{
    *out = (struct om_mark){0};
    if (!om_os_exists(path)) {
        return OMEGA_OK;
    }
    int fd = -1;
    omega_status status = om_os_open_private(path, false, &fd);
    if (status != OMEGA_OK) {
        return status;
    }
    unsigned char file[SLOT_STEP + SLOT_SIZE] = {0};
    size_t got = 0;
    status = om_os_pread(fd, file, sizeof(file), 0, &got);
    om_os_close(&fd);
    if (status != OMEGA_OK) {
        return status;
    }
    bool first = read_slot(file, out);
    bool second = read_slot(file + SLOT_STEP, out);
    out->damaged = got > 0 && !first && !second;
    return OMEGA_OK;
}

omega_status om_mark_write(int fd, struct om_mark *mark)
{
    unsigned char slot[SLOT_SIZE];
    mark->generation++;
    memcpy(slot, magic, sizeof(magic));
    put32(slot + 8, MARK_VERSION);
    put32(slot + 12, mark->needs_check ? FLAG_NEEDS_CHECK : 0);
    memcpy(slot + 16, mark->database_id.bytes, sizeof(mark->database_id.bytes));
    put64(slot + 32, mark->seq);
    put64(slot + 40, mark->generation);
    put64(slot + 48, om_hash(slot, SLOT_SUMMED, MARK_SEED));
    return om_os_pwrite(fd, slot, sizeof(slot), (mark->generation & 1) * SLOT_STEP);
}
