/* words_draft.c -- the distinct terms of a text that is being added, with their counts.
 *
 * Scratch for one addition: rows in order of appearance, found by a hash table of row numbers. Each
 * word gives two rows, its stem (which has postings) and the word itself (which corrections are
 * looked for among); pairs of characters give only the first. A surface's stem comes before it.
 *
 * English function words are left out; when a text has nothing else it is read a second time with
 * them. */
#include "agentdb/words_int.h"

enum { ROWS_MIN = 64 };

static omega_status rehash(struct om_word_drafts *drafts)
{
    size_t slot_count = drafts->capacity * 2;
    uint32_t *slots = om_get0(drafts->w->alloc, slot_count, sizeof(slots[0]));
    if (slots == NULL) {
        return om_nomem();
    }
    for (size_t i = 0; i < drafts->count; i++) {
        size_t at = (size_t)drafts->rows[i].hash & (slot_count - 1);
        while (slots[at] != 0) {
            at = (at + 1) & (slot_count - 1);
        }
        slots[at] = (uint32_t)i + 1;
    }
    om_put(drafts->w->alloc, drafts->slots);
    drafts->slots = slots;
    drafts->slot_count = slot_count;
    return OMEGA_OK;
}

static omega_status grow(struct om_word_drafts *drafts)
{
    size_t capacity = OM_MAX(drafts->capacity * 2, (size_t)ROWS_MIN);
    struct om_word_draft *rows =
        om_resize(drafts->w->alloc, drafts->rows, capacity * sizeof(drafts->rows[0]));
    if (rows == NULL) {
        return om_nomem();
    }
    drafts->rows = rows;
    drafts->capacity = capacity;
    return rehash(drafts);
}

/* The slot of a term: it holds its row + 1, or 0 where it belongs. */
static uint32_t *slot_of(const struct om_word_drafts *drafts, const struct om_word_draft *wanted,
                         omega_str text)
{
    size_t mask = drafts->slot_count - 1;
    size_t at = (size_t)wanted->hash & mask;
    for (; drafts->slots[at] != 0; at = (at + 1) & mask) {
        const struct om_word_draft *row = &drafts->rows[drafts->slots[at] - 1];
        if (row->hash == wanted->hash && row->kind == wanted->kind &&
            om_str_eq(om_word_draft_text(drafts, row), text)) {
            break;
        }
    }
    return &drafts->slots[at];
}

/* Counts one more of a term; *row is its place. `stem` is for a surface. */
static omega_status count_term(struct om_word_drafts *drafts, enum om_word_kind kind,
                               omega_str text, uint32_t stem, uint32_t *row)
{
    if (drafts->count == drafts->capacity) {
        omega_status status = grow(drafts);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    struct om_word_draft wanted = {
        .hash = om_word_key_of(drafts->root, kind, text).hash,
        .offset = drafts->bytes.len,
        .stem = stem,
        .len = (uint16_t)text.len,
        .kind = (uint8_t)kind,
    };
    uint32_t *slot = slot_of(drafts, &wanted, text);
    if (*slot == 0) {
        om_buf_add_str(&drafts->bytes, text);
        drafts->rows[drafts->count++] = wanted;
        *slot = (uint32_t)drafts->count;
    }
    *row = *slot - 1;
    drafts->rows[*row].count++;
    return drafts->bytes.status;
}

static omega_status draft_term(void *context, const struct om_term *term)
{
    struct om_word_drafts *drafts = context;
    if (term->stop && !drafts->with_stop_words) {
        return OMEGA_OK;
    }
    uint32_t stem = 0;
    uint32_t surface = 0;
    drafts->words++;
    omega_status status =
        count_term(drafts, OM_WORD_STEM, om_utf8_clip(term->stem, OM_WORD_TERM_SIZE), 0, &stem);
    if (status != OMEGA_OK || term->token.script == OM_SCRIPT_PAIRED) {
        return status;
    }
    return count_term(drafts, OM_WORD_SURFACE, term->token.text, stem, &surface);
}

omega_status om_word_drafts_read(struct om_words *w, uint32_t root, omega_str text,
                                 struct om_word_drafts *drafts)
{
    *drafts = (struct om_word_drafts){.w = w, .root = root};
    om_buf_init(&drafts->bytes, w->alloc, SIZE_MAX / 2);
    omega_status status = om_text_terms(&w->stemmers, text, draft_term, drafts);
    if (status == OMEGA_OK && drafts->words == 0) {
        drafts->with_stop_words = true;
        status = om_text_terms(&w->stemmers, text, draft_term, drafts);
    }
    return status;
}

void om_word_drafts_fini(struct om_words *w, struct om_word_drafts *drafts)
{
    if (drafts->bytes.ptr != NULL) {
        explicit_bzero(drafts->bytes.ptr, drafts->bytes.len);
    }
    om_buf_fini(&drafts->bytes);
    om_put(w->alloc, drafts->rows);
    om_put(w->alloc, drafts->slots);
}
