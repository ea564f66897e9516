/* log.c -- log lines.
 *
 * A line is formatted on the stack (cut at 1 KiB, with "..." at the end) and handed to the sink.
 *
 * | lock | guards | rank |
 * |---|---|---|
 * | sink_mutex | the pair sink and context, which must change together | OM_RANK_LEAF | */
#include "core/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/os.h"
#include "core/str.h"
#include "core/thread.h"

enum { LINE_SIZE = 1024 };

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

static atomic_int level_now = OM_LOG_WARN;

static struct om_mutex sink_mutex = {PTHREAD_MUTEX_INITIALIZER, OM_RANK_LEAF};
static om_log_sink sink_now;
static void *sink_context;

static void write_default(void *context, const struct om_log_line *line)
{
    (void)context;
    char time[OM_TIME_TEXT_SIZE];
    char text[LINE_SIZE + 256];
    om_time_format(line->wall_ms, time);
    int len = snprintf(text, sizeof text, "time=%s level=%s component=%s %s\n", time,
                       level_names[line->level], line->component, line->message);
    if (len > 0) {
        /* One write for a line, so that lines of several threads do not mix. */
        om_os_write_stderr(text, OM_MIN((size_t)len, sizeof text - 1));
    }
}

void om_log_set_sink(om_log_sink sink, void *context)
{
    om_mutex_lock(&sink_mutex);
    sink_now = sink;
    sink_context = context;
    om_mutex_unlock(&sink_mutex);
}

void om_log_set_level(enum om_log_level level)
{
    /* Relaxed: a line more or less around the change is fine. */
    atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
}

enum om_log_level om_log_level_now(void)
{
    return (enum om_log_level)atomic_load_explicit(&level_now, memory_order_relaxed);
}

bool om_log_level_parse(omega_str name, enum om_log_level *out)
{
    for (size_t i = 0; i < OM_COUNT_OF(level_names); i++) {
        if (om_str_eq_nocase(name, omega_str_of(level_names[i]))) {
            *out = (enum om_log_level)i;
            return true;
        }
    }
    return false;
}

void om_log_write(enum om_log_level level, const char *component, const char *format, ...)
{
    if (level >= OM_LOG_OFF) {
        return;
    }
    char message[LINE_SIZE];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (len >= LINE_SIZE) {
        omega_str kept = om_utf8_clip((omega_str){message, LINE_SIZE - 1}, LINE_SIZE - 4);
        memcpy(message + kept.len, "...", 4);
    }
    om_mutex_lock(&sink_mutex);
    om_log_sink sink = sink_now != NULL ? sink_now : write_default;
    void *context = sink_context;
    om_mutex_unlock(&sink_mutex);
    struct om_log_line line = {level, om_wall_ms(om_clock_system()), component,
                               len >= 0 ? message : ""};
    sink(context, &line);
}
