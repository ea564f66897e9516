/* system.h -- health, metrics, backup, checks, moving data in and out.
 *
 * Threads: any. Since 0.1. */
#ifndef OMEGA_SYSTEM_H
#define OMEGA_SYSTEM_H

#include "omega/config.h"
#include "omega/memory.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Health ------------------------------------------------------------------------------- */

enum { OMEGA_SUBSYSTEM_MAX = 16 };

typedef struct omega_subsystem_health {
    char name[24]; /* "store", "memory", "agentdb", "embedding", "loops" */
    omega_health status;
    uint32_t reserved;
    int64_t since_ms;
    double latency_us; /* of the last probe */
    char reason[96];   /* "" when healthy */
    char padding[64];
} omega_subsystem_health;

typedef struct omega_health_report {
    uint32_t struct_size;
    omega_health overall; /* unhealthy only if store or memory is, else degraded if any is ill */
    uint64_t subsystem_count;
    omega_subsystem_health subsystems[OMEGA_SUBSYSTEM_MAX];
} omega_health_report;

static inline omega_health_report omega_health_report_default(void)
{
    omega_health_report report;
    memset(&report, 0, sizeof report);
    report.struct_size = (uint32_t)sizeof report;
    return report;
}
#define OMEGA_HEALTH_REPORT_INIT omega_health_report_default()

/* The last results of the probes, which run by themselves every health.interval_ms: never waits on
 * a sick part. The caller sets struct_size. Works in every state. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_health_status(omega_runtime *rt,
                                                            omega_health_report *out);
/* Probes every part now and returns the results; takes as long as the probes do. OMEGA_ESTATE
 * unless Running or Paused. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_health_probe(omega_runtime *rt,
                                                           omega_health_report *out);

/* ---- Metrics ------------------------------------------------------------------------------ */

typedef struct omega_runtime_metrics {
    uint32_t struct_size;
    uint32_t reserved0;
    double uptime_s;
    uint64_t total_memories;       /* active */
    uint64_t memories_by_tier[16]; /* by omega_tier */
    uint64_t total_cycles;
    uint64_t cycles_by_loop[32]; /* by omega_loop, upkeep loops at their numbers */
    uint64_t intelligence_count;
    double avg_response_time_s; /* over all operations since start */
    double error_rate;          /* failed / all operations since start */
    uint64_t operations, errors;
    uint64_t archived_memories;
    double recall_p50_us, recall_p99_us, write_p50_us, write_p99_us;
    uint64_t resident_bytes, private_bytes;
} omega_runtime_metrics;
static inline omega_runtime_metrics omega_runtime_metrics_default(void)
{
    omega_runtime_metrics metrics;
    memset(&metrics, 0, sizeof metrics);
    metrics.struct_size = (uint32_t)sizeof metrics;
    return metrics;
}
#define OMEGA_RUNTIME_METRICS_INIT omega_runtime_metrics_default()

/* The caller sets struct_size. Works in every state: while the runtime is not up, what its parts
 * count stands as last seen. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_metrics(omega_runtime *rt,
                                                      omega_runtime_metrics *out);
/* Everything that is counted, as one JSON object / as Prometheus text 0.0.4 (transferred:
 * omega_text_free). */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_metrics_json(omega_runtime *rt, char **out);
OMEGA_API OMEGA_MUST_CHECK omega_status omega_metrics_prometheus(omega_runtime *rt, char **out);

/* ---- Long work ---------------------------------------------------------------------------- */

/* Called now and then from the working thread; false cancels (OMEGA_ECANCELLED). `total` is 0 while
 * it is not known. */
typedef bool (*omega_progress)(void *context, const char *phase, uint64_t done, uint64_t total);

/* Each long operation is a stored row, also found after a restart; on a store that may only be read
 * none is kept. Long operations need a Running runtime, listing and cancelling them a Running or
 * Paused one; at most 16 at a time (OMEGA_EAGAIN). */
typedef enum omega_operation_state {
    OMEGA_OPERATION_RUNNING,
    OMEGA_OPERATION_DONE,
    OMEGA_OPERATION_FAILED,
    OMEGA_OPERATION_CANCELLED,
    OMEGA_OPERATION_INTERRUPTED /* its process ended before it did; run it again */
} omega_operation_state;
OMEGA_API const char *omega_operation_state_name(omega_operation_state state);

typedef struct omega_operation_info {
    uint32_t struct_size;
    omega_operation_state state;
    omega_id id;
    char name[32];
    char phase[32];
    char subject[256]; /* the file or folder */
    char error[160];
    uint64_t done, total; /* total 0: not known */
    double rate_per_s;
    int64_t started_ms, updated_ms;
    char reserved[64];
} omega_operation_info;
/* The newest `capacity` (at most 1,000), newest first; *count is how many were filled. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_operation_list(omega_runtime *rt,
                                                             omega_operation_info *out,
                                                             size_t capacity, size_t *count);
/* Asks one that runs in this process to end; it does at its next step. OMEGA_ENOTFOUND. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_operation_cancel(omega_runtime *rt, const char *id);

/* A copy of the store in one file (0600), from one read snapshot, verified. OMEGA_ECONFLICT if
 * `file` exists. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_backup(omega_runtime *rt, const char *file,
                                                     omega_progress progress, void *context);
/* Puts a backup in place of the data of config->runtime_data_dir, whose owner must not live; what
 * was there is kept beside it. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_restore(const omega_config *config, const char *file);

typedef struct omega_check_report {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t rows;   /* looked at */
    uint64_t faults; /* found */
    char reserved1[64];
} omega_check_report;
/* Looks at every row, checksum and invariant. `each` (may be NULL) gets a sentence per fault.
 * OMEGA_OK also when faults were found. `out` (may be NULL): the caller sets struct_size. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_check(omega_runtime *rt,
                                                    void (*each)(void *context, const char *fault),
                                                    omega_progress progress, void *context,
                                                    omega_check_report *out);
/* Before a start: accepts that operations known to omega.mark are lost; opens, checks, closes. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_accept_loss(const omega_config *config,
                                                          uint64_t *missing);
/* Copies what is readable of a damaged store into a new data directory. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_salvage(const omega_config *config,
                                                      const char *out_dir, uint64_t *copied,
                                                      uint64_t *lost);

typedef enum omega_import_format {
    OMEGA_IMPORT_AUTO,  /* by name and first bytes */
    OMEGA_IMPORT_JSONL, /* one memory a line; also another Omega's export */
    OMEGA_IMPORT_CHAT,  /* JSON array or lines of {role, name?, content, time?} */
    OMEGA_IMPORT_TEXT   /* text and Markdown, split by paragraph; a folder: every such file */
} omega_import_format;

typedef struct omega_import_options {
    uint32_t struct_size;
    omega_import_format format;
    const char *path; /* file or folder */
    omega_tier tier;  /* of what does not say its own; OMEGA_TIER_UNSET: semantic for text, session
                         for chats, episodic for memories */
    bool all_or_stop; /* stop at the first bad line (default: name it and go on) */
    char reserved[3];
    omega_scope scope; /* of what does not say its own */
    omega_progress progress;
    void (*on_error)(void *context, const char *message); /* may be NULL; one bad line each */
    void *context;
} omega_import_options;

typedef struct omega_import_report {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t read, stored, known, failed; /* known: stood already, unchanged */
    uint64_t skipped; /* files that are no text, superseded memories of an export */
    char reserved1[56];
} omega_import_report;
/* Idempotent: what brings no id and no key of its own gets an id made from its contents, so that an
 * import that is run again, also after an interruption, adds nothing twice. Markdown files that an
 * export wrote change their memory when they were edited; OMEGA_ECONFLICT is reported when it was
 * changed in the store as well. The report (may be NULL; the caller sets struct_size) is filled
 * also when the call fails. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_import(omega_runtime *rt,
                                                     const omega_import_options *options,
                                                     omega_import_report *out);

typedef struct omega_export_options {
    uint32_t struct_size;
    bool markdown; /* `path` is a folder: one Markdown file a memory, for editing and re-import */
    bool vectors;  /* JSON Lines with the callers' vectors */
    char reserved[2];
    const char *path;                /* JSON Lines file, new; "-" is refused (the program prints) */
    const omega_list_options *where; /* NULL: everything, all roots, all states */
    omega_progress progress;
    void *context;
} omega_export_options;
OMEGA_API OMEGA_MUST_CHECK omega_status omega_export(omega_runtime *rt,
                                                     const omega_export_options *options,
                                                     uint64_t *count);

/* A drill: takes a part away ("index") or gives it back, so that alerts and fallbacks can be seen
 * to work. Not kept over a restart. OMEGA_EINVAL for an unknown part. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_drill(omega_runtime *rt, const char *part,
                                                    bool broken);

#ifdef __cplusplus
}
#endif
#endif
