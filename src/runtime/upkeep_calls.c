/* upkeep_calls.c -- backup, check, restore, salvage, import, export: the long calls of
 * omega/system.h.
 *
 * Those on a running store are long operations: a stored row with progress and cancel around the
 * work of the part that does it. Those on a closed one (restore, accepting a loss, salvage) open
 * what they need themselves. */
#include "runtime/long_work_int.h"
#include "transfer/transfer.h"

/* A part's progress becomes the operation's row and the caller's callback. */
struct watch {
    struct om_long work;
    const char *phase;
    omega_progress progress;
    void *context;
};

static bool watch_step(void *context, uint64_t done, uint64_t total)
{
    struct watch *watch = (struct watch *)context;
    const bool wanted =
        watch->progress == NULL || watch->progress(watch->context, watch->phase, done, total);
    return om_long_go_on(&watch->work, watch->phase, done, total) && wanted;
}

/* ---- On a running store --------------------------------------------------------------------- */

omega_status om_do_backup(omega_runtime *rt, const void *options, void *result)
{
    const omega_backup_options *backup = (const omega_backup_options *)options;
    struct watch watch = {
        .phase = "copying", .progress = backup->progress, .context = backup->context};
    (void)result;
    if (backup->file == NULL || backup->file[0] == '\0') {
        return om_fail(OMEGA_EINVAL, "a file for the backup is needed");
    }
    omega_status status = om_long_begin(&watch.work, rt, "backup", backup->file);
    if (status != OMEGA_OK) {
        return status;
    }
    return om_long_end(&watch.work, om_store_backup(rt->store, backup->file, watch_step, &watch));
}

static void ignore_fault(void *context, const char *fault)
{
    (void)context;
    (void)fault;
}

omega_status om_do_check(omega_runtime *rt, const void *options, void *result)
{
    const omega_check_options *wanted = (const omega_check_options *)options;
    omega_check_report *report = (omega_check_report *)result;
    struct watch watch = {
        .phase = "checking", .progress = wanted->progress, .context = wanted->context};
    struct om_check check = {
        .each = wanted->each != NULL ? wanted->each : ignore_fault,
        .context = wanted->context,
        .progress = watch_step,
        .progress_context = &watch,
    };
    omega_status status = om_long_begin(&watch.work, rt, "check", rt->data_dir);
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_long_end(&watch.work, om_store_check(rt->store, &check));
    report->rows = check.rows;
    report->faults = check.faults;
    return status;
}

static bool transfer_step(void *context, const char *phase, uint64_t done, uint64_t total)
{
    struct watch *watch = (struct watch *)context;
    watch->phase = phase;
    return watch_step(watch, done, total);
}

omega_status om_do_import(omega_runtime *rt, const void *options, void *result)
{
    omega_import_options wanted = *(const omega_import_options *)options;
    omega_import_report *report = (omega_import_report *)result;
    struct watch watch = {.progress = wanted.progress, .context = wanted.context};
    if (wanted.path == NULL || wanted.path[0] == '\0') {
        return om_fail(OMEGA_EINVAL, "a file or folder to import is needed");
    }
    struct om_store_info info;
    om_store_info(rt->store, &info);
    if (info.read_only) {
        return om_fail(OMEGA_EREADONLY, "%s", info.read_only_reason);
    }
    omega_status status = om_long_begin(&watch.work, rt, "import", wanted.path);
    if (status != OMEGA_OK) {
        return status;
    }
    const struct om_transfer transfer = {
        .memory = rt->memory, .alloc = &rt->alloc, .progress = transfer_step, .context = &watch};
    return om_long_end(&watch.work, om_transfer_import(&transfer, &wanted, report));
}

omega_status om_do_export(omega_runtime *rt, const void *options, void *result)
{
    const omega_export_options *wanted = (const omega_export_options *)options;
    struct watch watch = {.progress = wanted->progress, .context = wanted->context};
    if (wanted->path == NULL || wanted->path[0] == '\0') {
        return om_fail(OMEGA_EINVAL, "a file or folder to export to is needed");
    }
    omega_status status = om_long_begin(&watch.work, rt, "export", wanted->path);
    if (status != OMEGA_OK) {
        return status;
    }
    const struct om_transfer transfer = {
        .memory = rt->memory, .alloc = &rt->alloc, .progress = transfer_step, .context = &watch};
    return om_long_end(&watch.work, om_transfer_export(&transfer, wanted, (uint64_t *)result));
}

omega_status omega_backup(omega_runtime *rt, const char *file, omega_progress progress,
                          void *context)
{
    const omega_backup_options options = {
        .struct_size = sizeof options, .file = file, .progress = progress, .context = context};
    return om_operate(rt, OMEGA_OP_BACKUP, &options, NULL);
}

omega_status omega_check(omega_runtime *rt, void (*each)(void *context, const char *fault),
                         omega_progress progress, void *context, omega_check_report *out)
{
    const omega_check_options options = {
        .struct_size = sizeof options, .each = each, .progress = progress, .context = context};
    omega_check_report report = {.struct_size = sizeof report};
    const omega_status status = om_operate(rt, OMEGA_OP_CHECK, &options, &report);
    if (out != NULL) {
        const uint32_t size = out->struct_size;
        memcpy(out, &report, OM_MIN((size_t)size, sizeof report));
        out->struct_size = size;
    }
    return status;
}

omega_status omega_import(omega_runtime *rt, const omega_import_options *options,
                          omega_import_report *out)
{
    omega_import_report report = {.struct_size = sizeof report};
    const omega_status status = om_operate(rt, OMEGA_OP_IMPORT, options, &report);
    if (out != NULL) {
        const uint32_t size = out->struct_size;
        memcpy(out, &report, OM_MIN((size_t)size, sizeof report));
        out->struct_size = size;
    }
    return status;
}

omega_status omega_export(omega_runtime *rt, const omega_export_options *options, uint64_t *count)
{
    uint64_t unwanted = 0;
    return om_operate(rt, OMEGA_OP_EXPORT, options, count != NULL ? count : &unwanted);
}

/* ---- On a closed store ---------------------------------------------------------------------- */

/* What opening a store without a runtime needs: every schema of this library, no kinds. */
struct bare {
    struct om_alloc alloc;
    struct om_store_options options;
    const struct om_schema *schemas[4];
    char dir[OM_PATH_SIZE];
};

static omega_status prepare_bare(struct bare *bare, const omega_config *config)
{
    omega_config full;
    memset(bare, 0, sizeof *bare);
    om_alloc_init(&bare->alloc, NULL);
    omega_status status = om_config_require(config);
    if (status == OMEGA_OK) {
        om_config_take(&full, config);
        status = om_config_data_dir(&full, bare->dir);
    }
    bare->schemas[0] = &om_agentdb_schema;
    bare->schemas[1] = &om_points_schema;
    bare->schemas[2] = &om_memory_schema;
    bare->schemas[3] = &om_runtime_schema;
    bare->options = (struct om_store_options){
        .alloc = &bare->alloc,
        .clock = om_clock_system(),
        .dir = bare->dir,
        .schemas = bare->schemas,
        .schema_count = OM_COUNT_OF(bare->schemas),
    };
    return status;
}

omega_status omega_restore(const omega_config *config, const char *file)
{
    struct bare bare;
    omega_status status = prepare_bare(&bare, config);
    if (status == OMEGA_OK && (file == NULL || file[0] == '\0')) {
        status = om_fail(OMEGA_EINVAL, "a backup file is needed");
    }
    return status == OMEGA_OK ? om_store_restore(&bare.options, file) : status;
}

omega_status omega_accept_loss(const omega_config *config, uint64_t *missing)
{
    struct bare bare;
    struct om_store *store = NULL;
    struct om_store_info info;
    uint64_t count = 0;
    omega_status status = prepare_bare(&bare, config);
    if (status != OMEGA_OK) {
        return status;
    }
    bare.options.must_exist = true;
    status = om_store_open(&bare.options, &store);
    if (status == OMEGA_OK) {
        om_store_info(store, &info);
        count = info.missing_from > 0 ? info.missing_to - info.missing_from + 1 : 0;
        om_store_close(store);
        bare.options.accept_loss = true;
        status = om_store_open(&bare.options, &store);
    }
    if (status == OMEGA_OK) {
        om_store_close(store);
        if (missing != NULL) {
            *missing = count;
        }
    }
    return status;
}

omega_status omega_salvage(const omega_config *config, const char *out_dir, uint64_t *copied,
                           uint64_t *lost)
{
    struct bare bare;
    uint64_t rows[2] = {0, 0};
    omega_status status = prepare_bare(&bare, config);
    if (status == OMEGA_OK && (out_dir == NULL || out_dir[0] == '\0')) {
        status = om_fail(OMEGA_EINVAL, "a directory for what is salvaged is needed");
    }
    if (status == OMEGA_OK) {
        status = om_store_salvage(&bare.options, out_dir, &rows[0], &rows[1]);
    }
    if (status == OMEGA_OK && copied != NULL) {
        *copied = rows[0];
    }
    if (status == OMEGA_OK && lost != NULL) {
        *lost = rows[1];
    }
    return status;
}
