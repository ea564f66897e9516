/* status.c -- the thread's last error.
 *
 * One fixed record for each thread, written where an error is born and read by whoever reports it.
 * Fixed size, so that telling "out of memory" needs none. Rejected: an error object that travels
 * as an out-parameter (every signature grows, and callers forget to free it).
 * Messages quote what users sent, and end up in JSON and in log lines. So the invariant: a message
 * is terminated, valid UTF-8 and one line; bytes that would break this are shown as '?', and a cut
 * falls between characters. */
#include "core/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/os.h"
#include "core/str.h"

static _Thread_local struct om_error last_error;

/* A cut may have left the first bytes of a character at the end: they go. */
static void end_whole(char *message, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 3 && ((unsigned char)message[start - 1] & 0xC0) == 0x80) {
        start--;
    }
    if (start > 0 && (unsigned char)message[start - 1] >= 0xC0) {
        omega_str last = {message + start - 1, len - (start - 1)};
        message[start - 1 + om_utf8_valid_len(last)] = '\0';
    }
}

static void make_printable(char *message)
{
    omega_str rest = omega_str_of(message);
    while (rest.len > 0) {
        size_t valid = om_utf8_valid_len(rest);
        message += valid;
        if (valid < rest.len) {
            *message++ = '?';
            valid++;
        }
        rest.ptr += valid;
        rest.len -= valid;
    }
}

static void make_one_line(char *message)
{
    for (; *message != '\0'; message++) {
        if ((unsigned char)*message < 0x20 || *message == 0x7F) {
            *message = '?';
        }
    }
}

static void store_message(char *message, size_t wanted_len)
{
    if (wanted_len >= OM_ERROR_MESSAGE_SIZE) {
        end_whole(message, OM_ERROR_MESSAGE_SIZE - 1);
    }
    make_printable(message);
    make_one_line(message);
    memcpy(last_error.message, message, strlen(message) + 1);
}

/* Appends at `at`; returns the length the whole would have, as snprintf does. */
__attribute__((format(printf, 3, 0))) static size_t write_message(char *message, size_t at,
                                                                  const char *format, va_list args)
{
    if (at >= OM_ERROR_MESSAGE_SIZE) {
        return at;
    }
    int wrote = vsnprintf(message + at, OM_ERROR_MESSAGE_SIZE - at, format, args);
    if (wrote < 0) {
        message[at] = '\0';
        return at;
    }
    return at + (size_t)wrote;
}

static size_t append_text(char *message, size_t at, const char *text)
{
    if (at >= OM_ERROR_MESSAGE_SIZE) {
        return at;
    }
    int wrote = snprintf(message + at, OM_ERROR_MESSAGE_SIZE - at, ": %s", text);
    return at + (wrote > 0 ? (size_t)wrote : 0);
}

omega_status om_error_record(omega_status status, int os_errno, const char *file, int line,
                             const char *format, ...)
{
    OM_ASSERT(status != OMEGA_OK);
    /* Arguments may point into the record (a message quoted in a new one). */
    char message[OM_ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    size_t len = write_message(message, 0, format, args);
    va_end(args);
    if (os_errno != 0) {
        char reason[128];
        /* The GNU strerror_r: returns the text, which need not be in the buffer. */
        len = append_text(message, len, strerror_r(os_errno, reason, sizeof reason));
    }
    last_error.status = status;
    last_error.os_errno = os_errno;
    last_error.file = file;
    last_error.line = line;
    store_message(message, len);
    return status;
}

const struct om_error *om_error_last(void)
{
    return &last_error;
}

void om_error_clear(void)
{
    last_error.status = OMEGA_OK;
    last_error.os_errno = 0;
    last_error.file = NULL;
    last_error.line = 0;
    last_error.message[0] = '\0';
}

void om_error_set(const struct om_error *error)
{
    if (error != &last_error) {
        last_error = *error;
    }
}

omega_status om_error_prefix(omega_status status, const char *format, ...)
{
    char message[OM_ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    size_t len = write_message(message, 0, format, args);
    va_end(args);
    len = append_text(message, len, last_error.message);
    last_error.status = status;
    store_message(message, len);
    return status;
}

omega_status om_status_of_errno(int err)
{
    static const struct {
        int err;
        omega_status status;
    } rows[] = {
        {ENOMEM, OMEGA_ENOMEM},
        {ENOSPC, OMEGA_ENOSPC},
        {EDQUOT, OMEGA_ENOSPC},
        {EIO, OMEGA_EIO},
        {EACCES, OMEGA_EDENIED},
        {EPERM, OMEGA_EDENIED},
        {ENOENT, OMEGA_ENOTFOUND},
        {EMFILE, OMEGA_ELIMIT},
        {ENFILE, OMEGA_ELIMIT},
        {EFBIG, OMEGA_ELIMIT},
        {ELOOP, OMEGA_ELIMIT},
        {ENAMETOOLONG, OMEGA_ELIMIT},
        {EAGAIN, OMEGA_EAGAIN},
        {EROFS, OMEGA_EREADONLY},
        {ENOTDIR, OMEGA_EINVAL},
        {EISDIR, OMEGA_EINVAL},
        {EINVAL, OMEGA_EINVAL},
        {EEXIST, OMEGA_ECONFLICT},
        {ETIMEDOUT, OMEGA_ETIMEDOUT},
        {ENOSYS, OMEGA_EUNSUPPORTED},
        {EOPNOTSUPP, OMEGA_EUNSUPPORTED},
    };
    for (size_t i = 0; i < OM_COUNT_OF(rows); i++) {
        if (rows[i].err == err) {
            return rows[i].status;
        }
    }
    return OMEGA_EIO;
}

void om_assert_failed(const char *condition, const char *file, int line)
{
    char text[512];
    int len = snprintf(text, sizeof text, "omega: broken invariant at %s:%d: %s\n", file, line,
                       condition);
    if (len > 0) {
        om_os_write_stderr(text, OM_MIN((size_t)len, sizeof text - 1));
    }
    abort();
}
