/* filter_pack.c -- the packed form of what filters look at: metadata, key and source of one memory.
 *
 * Every scalar of the JSON tree becomes one value at its path, and a path is known by its 64-bit
 * hash, so that a filter over 100,000 memories parses nothing and compares no names. Layout, in
 * the machine's own byte order (it lives in memory only):
 *
 *     offset  size       what
 *     0       4          bytes of the whole
 *     4       4          count of values
 *     8       8 * count  hashes of paths, ascending; equal ones in the order of the text
 *     ...     16 * count values: type 1, is_stamp 1, pad 2, length of text 4, payload 8 (a double's
 *                        bits, or the offset of the text from the start)
 *     ...                texts; one that is a stamp has its milliseconds (8 bytes) before it
 *
 * Elements of an array stand at the array's own path; an object, or an empty array, stands there as
 * a container, for $exists. Paths over OM_FILTER_PATH bytes are left out: no filter can name them.
 *
 * Rejected: keeping paths as text (they repeat for each member: 64 KiB of metadata could grow to
 * many times that; hashed, it grows at most eightfold), and keeping JSON (2 us to parse for each
 * memory and query, where this takes 20 ns). Two paths with one hash would be taken for one; with
 * 64 bits nobody meets that by chance.
 * Source: XXH3 (core/map.h). */
#include "memory/filter_tree_int.h"
#include "memory/memory_int.h"

#include <stdlib.h>

enum { HEADER_SIZE = 8, HASH_SIZE = 8, SLOT_SIZE = 16 };

struct slot {
    uint8_t type;
    uint8_t is_stamp;
    uint16_t pad;
    uint32_t len;
    uint64_t payload;
};
_Static_assert(sizeof(struct slot) == SLOT_SIZE, "a value takes 16 bytes");

/* A value on its way into the packed form. */
struct leaf {
    uint64_t hash;
    size_t order;
    struct om_filter_value value;
};

struct packer {
    struct om_buf leaves; /* of struct leaf */
    size_t count;
    char path[OM_FILTER_PATH];
};

static void add_leaf(struct packer *packer, uint64_t hash, const struct om_filter_value *value)
{
    struct leaf leaf = {hash, packer->count, *value};
    om_buf_add(&packer->leaves, &leaf, sizeof leaf);
    packer->count += 1;
}

static void add_field(struct packer *packer, const char *name, omega_str text)
{
    struct om_filter_value value = {.type = OM_VALUE_TEXT, .text = text};
    if (text.len > 0) {
        add_leaf(packer, om_path_hash(omega_str_of(name), OM_PATH_OF_FIELD), &value);
    }
}

static void add_scalar(struct packer *packer, size_t path_len, const struct om_json *json)
{
    struct om_filter_value value = {.type = OM_VALUE_NULL};
    switch (om_json_type_of(json)) {
    case OM_JSON_BOOL:
        value.type = OM_VALUE_BOOL;
        value.number = om_json_bool(json) ? 1 : 0;
        break;
    case OM_JSON_NUMBER:
        value.type = OM_VALUE_NUMBER;
        value.number = om_json_number(json);
        break;
    case OM_JSON_STRING:
        value.type = OM_VALUE_TEXT;
        value.text = om_json_str(json);
        value.is_stamp = om_filter_stamp(value.text, &value.stamp);
        break;
    case OM_JSON_ARRAY:
    case OM_JSON_FLOATS:
    case OM_JSON_OBJECT:
        value.type = OM_VALUE_CONTAINER;
        break;
    case OM_JSON_NULL:
        break;
    }
    add_leaf(packer, om_path_hash((omega_str){packer->path, path_len}, OM_PATH_OF_METADATA),
             &value);
}

/* Walks a value at the path of `path_len` bytes. Depth is bounded by the JSON parser. */
static void add_tree(struct packer *packer, size_t path_len, bool is_root,
                     const struct om_json *json)
{
    size_t at = 0;
    omega_str name;
    const struct om_json *value = NULL;
    bool is_array = om_json_type_of(json) == OM_JSON_ARRAY;
    if (!is_root && !(is_array && om_json_count(json) > 0)) {
        add_scalar(packer, path_len, json); /* an array's elements speak for it */
    }
    if (is_array) {
        for (size_t i = 0; i < om_json_count(json); i++) {
            add_tree(packer, path_len, false, om_json_at(json, i));
        }
    }
    if (om_json_type_of(json) != OM_JSON_OBJECT) {
        return;
    }
    while (om_json_next(json, &at, &name, &value)) {
        size_t dot = is_root ? 0 : 1;
        if (path_len + dot + name.len > OM_FILTER_PATH) {
            continue;
        }
        packer->path[path_len] = '.';
        memcpy(packer->path + path_len + dot, name.ptr, name.len);
        add_tree(packer, path_len + dot + name.len, false, value);
    }
}

static int compare_leaves(const void *left, const void *right)
{
    const struct leaf *a = left;
    const struct leaf *b = right;
    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

static size_t text_size(const struct om_filter_value *value)
{
    return value->type == OM_VALUE_TEXT ? value->text.len + (value->is_stamp ? 8 : 0) : 0;
}

/* Writes one value at `index`, its text at `*text_at`. */
static void write_value(unsigned char *packed, const struct leaf *leaf, size_t index, size_t count,
                        size_t *text_at)
{
    const struct om_filter_value *value = &leaf->value;
    struct slot slot = {(uint8_t)value->type, value->is_stamp, 0, 0, 0};
    memcpy(packed + HEADER_SIZE + index * HASH_SIZE, &leaf->hash, HASH_SIZE);
    if (value->type == OM_VALUE_TEXT) {
        if (value->is_stamp) {
            memcpy(packed + *text_at, &value->stamp, 8);
            *text_at += 8;
        }
        slot.len = (uint32_t)value->text.len;
        slot.payload = *text_at;
        if (value->text.len > 0) {
            memcpy(packed + *text_at, value->text.ptr, value->text.len);
        }
        *text_at += value->text.len;
    } else {
        memcpy(&slot.payload, &value->number, 8);
    }
    memcpy(packed + HEADER_SIZE + count * HASH_SIZE + index * SLOT_SIZE, &slot, SLOT_SIZE);
}

static omega_status write_packed(struct packer *packer, struct om_buf *out)
{
    struct leaf *leaves = (struct leaf *)(void *)packer->leaves.ptr;
    size_t count = packer->count;
    if (packer->leaves.status != OMEGA_OK || count == 0) {
        return packer->leaves.status;
    }
    qsort(leaves, count, sizeof *leaves, compare_leaves);
    size_t text_at = HEADER_SIZE + count * (HASH_SIZE + SLOT_SIZE);
    size_t size = text_at;
    for (size_t i = 0; i < count; i++) {
        size += text_size(&leaves[i].value);
    }
    unsigned char *packed = om_buf_extend(out, size);
    if (packed == NULL) {
        return out->status;
    }
    uint32_t head[2] = {(uint32_t)size, (uint32_t)count};
    memcpy(packed, head, sizeof head);
    for (size_t i = 0; i < count; i++) {
        write_value(packed, &leaves[i], i, count, &text_at);
    }
    OM_DEBUG_ASSERT(text_at == size);
    return OMEGA_OK;
}

omega_status om_filter_pack(const struct om_memory_row *row, struct om_buf *out)
{
    struct packer packer;
    struct om_json_doc *doc = NULL;
    omega_status status = OMEGA_OK;
    packer.count = 0;
    om_buf_init(&packer.leaves, out->alloc, 32u << 20);
    add_field(&packer, "key", row->key);
    add_field(&packer, "source.kind", row->source_kind);
    add_field(&packer, "source.uri", row->source_uri);
    if (row->metadata.len > 0 && !om_str_eq_text(row->metadata, "{}")) {
        status = om_json_parse(out->alloc, row->metadata, NULL, &doc);
        if (status == OMEGA_OK && om_json_type_of(om_json_root(doc)) != OM_JSON_OBJECT) {
            status = om_fail(OMEGA_EINVAL, "metadata: expected a JSON object");
        }
        if (status == OMEGA_OK) {
            add_tree(&packer, 0, true, om_json_root(doc));
        }
    }
    if (status == OMEGA_OK) {
        status = write_packed(&packer, out);
    }
    om_json_free(doc);
    om_buf_fini(&packer.leaves);
    return status;
}

size_t om_filter_packed_size(const unsigned char *packed)
{
    uint32_t size = 0;
    if (packed != NULL) {
        memcpy(&size, packed, sizeof size);
    }
    return size;
}

static uint64_t hash_at(const unsigned char *packed, size_t index)
{
    uint64_t hash;
    memcpy(&hash, packed + HEADER_SIZE + index * HASH_SIZE, HASH_SIZE);
    return hash;
}

static size_t lower_bound(const unsigned char *packed, size_t count, uint64_t hash)
{
    size_t from = 0;
    size_t to = count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (hash_at(packed, middle) < hash) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static void read_value(const unsigned char *packed, size_t count, size_t index,
                       struct om_filter_value *out)
{
    struct slot slot;
    memcpy(&slot, packed + HEADER_SIZE + count * HASH_SIZE + index * SLOT_SIZE, SLOT_SIZE);
    memset(out, 0, sizeof *out);
    out->type = (enum om_value_type)slot.type;
    if (out->type != OM_VALUE_TEXT) {
        memcpy(&out->number, &slot.payload, 8);
        return;
    }
    out->text = (omega_str){(const char *)packed + slot.payload, slot.len};
    out->is_stamp = slot.is_stamp != 0;
    if (out->is_stamp) {
        memcpy(&out->stamp, packed + slot.payload - 8, 8);
    }
}

bool om_packed_any(const unsigned char *packed, uint64_t path_hash,
                   bool (*each)(const void *context, const struct om_filter_value *value),
                   const void *context)
{
    uint32_t head[2];
    if (packed == NULL) {
        return false;
    }
    memcpy(head, packed, sizeof head);
    size_t count = head[1];
    for (size_t i = lower_bound(packed, count, path_hash);
         i < count && hash_at(packed, i) == path_hash; i++) {
        struct om_filter_value value;
        read_value(packed, count, i, &value);
        if (each(context, &value)) {
            return true;
        }
    }
    return false;
}
