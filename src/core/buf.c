/* buf.c -- a byte buffer that doubles up to its ceiling.
 *
 * The first failure sticks in `status`, so a writer of a hundred appends checks once. Capacity
 * always keeps one byte for the terminator.
 * Invariant: ptr is NULL, or ptr[len] is 0 and len < capacity <= ceiling + 1. */
#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>

enum { FIRST_CAPACITY = 64 };

void om_buf_init(struct om_buf *buf, struct om_alloc *alloc, size_t ceiling)
{
    *buf = (struct om_buf){.alloc = alloc, .ceiling = ceiling};
}

void om_buf_fini(struct om_buf *buf)
{
    if (buf == NULL) {
        return;
    }
    om_put(buf->alloc, buf->ptr);
    buf->ptr = NULL;
    buf->len = 0;
    buf->capacity = 0;
}

void om_buf_clear(struct om_buf *buf)
{
    buf->len = 0;
    buf->status = OMEGA_OK;
    if (buf->ptr != NULL) {
        buf->ptr[0] = '\0';
    }
}

/* Room for `size` more bytes and the terminator; false after a failure, recorded. */
static bool reserve(struct om_buf *buf, size_t size)
{
    if (buf->status != OMEGA_OK) {
        return false;
    }
    if (size > buf->ceiling || buf->len > buf->ceiling - size) {
        buf->status = om_fail(OMEGA_ELIMIT, "a text of %zu bytes is over its limit of %zu bytes",
                              buf->len + size, buf->ceiling);
        return false;
    }
    size_t need = buf->len + size + 1;
    if (need <= buf->capacity) {
        return true;
    }
    size_t capacity = OM_MAX(buf->capacity, (size_t)FIRST_CAPACITY);
    while (capacity < need && capacity <= SIZE_MAX / 2) {
        capacity *= 2;
    }
    capacity = OM_MAX(capacity, need);
    if (capacity - 1 > buf->ceiling) {
        capacity = buf->ceiling + 1;
    }
    char *ptr = om_resize(buf->alloc, buf->ptr, capacity);
    if (ptr == NULL) {
        buf->status = om_nomem();
        return false;
    }
    buf->ptr = ptr;
    buf->capacity = capacity;
    return true;
}

void *om_buf_extend(struct om_buf *buf, size_t size)
{
    if (!reserve(buf, size)) {
        return NULL;
    }
    char *at = buf->ptr + buf->len;
    buf->len += size;
    buf->ptr[buf->len] = '\0';
    return at;
}

void om_buf_add(struct om_buf *buf, const void *bytes, size_t size)
{
    char *at = om_buf_extend(buf, size);
    if (at != NULL && size > 0) {
        memcpy(at, bytes, size);
    }
}

void om_buf_add_str(struct om_buf *buf, omega_str text)
{
    om_buf_add(buf, text.ptr, text.len);
}

void om_buf_add_text(struct om_buf *buf, const char *text)
{
    om_buf_add(buf, text, strlen(text));
}

void om_buf_add_char(struct om_buf *buf, char c)
{
    om_buf_add(buf, &c, 1);
}

void om_buf_addf(struct om_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len >= 0 && reserve(buf, (size_t)len)) {
        (void)vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

omega_str om_buf_str(const struct om_buf *buf)
{
    return (omega_str){buf->ptr != NULL ? buf->ptr : "", buf->len};
}

omega_status om_buf_take(struct om_buf *buf, char **out, size_t *len)
{
    *out = NULL;
    if (len != NULL) {
        *len = 0;
    }
    /* An empty buffer is still a text: give it its terminator. */
    om_buf_add(buf, "", 0);
    if (buf->status != OMEGA_OK) {
        return buf->status;
    }
    *out = buf->ptr;
    if (len != NULL) {
        *len = buf->len;
    }
    buf->ptr = NULL;
    buf->len = 0;
    buf->capacity = 0;
    return OMEGA_OK;
}
