/* row_sum.c -- the checksum that every row with content carries.
 *
 * SQLite does not checksum its pages: a flipped bit in a text is returned as if it were the truth.
 * XXH3-64 runs over the row's id, then over each column as (type byte, length, bytes): two
 * rows that differ only in where one column ends and the next begins have different sums, and
 * a row that was moved under another id is noticed.
 * Integers go in little-endian, doubles as their IEEE bits with every NaN alike (the store keeps
 * NaN as NULL). */
#include <endian.h>

#include "store/store.h"

enum { SUM_SEED = 0x6f6d };

static void add_part(struct om_row_sum *sum, unsigned char type, const void *bytes, size_t size)
{
    unsigned char head[9] = {type};
    uint64_t length = htole64((uint64_t)size);
    memcpy(head + 1, &length, sizeof(length));
    om_hasher_add(&sum->hasher, head, sizeof(head));
    if (size > 0) {
        om_hasher_add(&sum->hasher, bytes, size);
    }
}

void om_row_sum_init(struct om_row_sum *sum, int64_t row)
{
    om_hasher_init(&sum->hasher, SUM_SEED);
    om_row_sum_i64(sum, row);
}

void om_row_sum_i64(struct om_row_sum *sum, int64_t value)
{
    uint64_t bits = htole64((uint64_t)value);
    add_part(sum, 'i', &bits, sizeof(bits));
}

void om_row_sum_double(struct om_row_sum *sum, double value)
{
    if (omega_is_unset(value)) {
        add_part(sum, 'n', NULL, 0);
        return;
    }
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits = htole64(bits);
    add_part(sum, 'd', &bits, sizeof(bits));
}

void om_row_sum_str(struct om_row_sum *sum, omega_str value)
{
    om_row_sum_blob(sum, value.ptr, value.len);
}

void om_row_sum_blob(struct om_row_sum *sum, const void *bytes, size_t size)
{
    if (bytes == NULL) {
        add_part(sum, 'n', NULL, 0);
        return;
    }
    add_part(sum, 'b', bytes, size);
}

int64_t om_row_sum_result(const struct om_row_sum *sum)
{
    uint64_t bits = om_hasher_result(&sum->hasher);
    int64_t value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}
