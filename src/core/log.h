/* log.h -- leveled, structured log lines to a sink.
 *
 * A line is component, message and up to 8 key=value fields. The default sink writes logfmt to
 * standard error at OM_LOG_WARN; the library's user may set another. No memory text and no secret
 * is ever logged.
 * Threads: any; a sink is called under no lock and must itself be safe. */
#ifndef OM_LOG_H
#define OM_LOG_H

#include "core/status.h"

enum om_log_level { OM_LOG_DEBUG, OM_LOG_INFO, OM_LOG_WARN, OM_LOG_ERROR, OM_LOG_OFF };

struct om_log_line {
    enum om_log_level level;
    int64_t wall_ms;
    const char *component;
    const char *message; /* formatted, logfmt fields included */
};

typedef void (*om_log_sink)(void *context, const struct om_log_line *line);

void om_log_set_sink(om_log_sink sink, void *context); /* NULL: the default sink */
void om_log_set_level(enum om_log_level level);
enum om_log_level om_log_level_now(void);
bool om_log_level_parse(omega_str name, enum om_log_level *out);

#define om_log(level, component, ...)                                                              \
    ((level) < om_log_level_now() ? (void)0 : om_log_write((level), (component), __VA_ARGS__))
void om_log_write(enum om_log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
