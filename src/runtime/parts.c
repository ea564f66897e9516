/* parts.c -- the parts of a runtime as rows of the supervisor: what each needs, how it starts and
 * stops.
 *
 *     store < agentdb < memory < loops;  embedding < memory
 *
 * The record kinds of memory and points must be known to the store when it opens, so their handles
 * are made before it (make_handles) and filled after it. */
#include "runtime/runtime_rows_int.h"

static omega_status make_handles(omega_runtime *rt)
{
    om_stemmers_init(&rt->stemmers, &rt->alloc);
    const unsigned cpus = om_os_cpu_count();
    omega_status status = om_scan_pool_open(&rt->alloc, cpus > 1 ? cpus - 1 : 0, &rt->pool);
    if (status == OMEGA_OK) {
        status = om_spaces_new(&rt->alloc, rt->pool, &rt->spaces);
    }
    if (status == OMEGA_OK) {
        status = om_points_new(&rt->alloc, rt->spaces, &rt->points);
    }
    if (status == OMEGA_OK) {
        status = om_builtin_embedder(&rt->alloc, &rt->embedder);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    const struct om_memory_options options = {
        .alloc = &rt->alloc,
        .clock = rt->clock,
        .ids = &rt->ids,
        .spaces = rt->spaces,
        .embedder = &rt->embedder,
        .stemmers = &rt->stemmers,
        .pool = rt->pool,
        .dimension = rt->config.agentdb_dimension,
        .max_per_tier = rt->config.memory_max_memories_per_tier,
        .session_gap_secs = rt->config.memory_session_gap_secs,
        .archive_retention_days = rt->config.memory_archive_retention_days,
        .vector_weight = rt->config.recall_vector_weight,
        .importance_weight = rt->config.recall_importance_weight,
        .durability = (enum om_durability)rt->config.store_durability,
    };
    return om_memory_new(&options, &rt->memory);
}

static void free_handles(omega_runtime *rt)
{
    om_memory_free(rt->memory);
    rt->memory = NULL;
    om_builtin_embedder_fini(&rt->embedder);
    om_points_free(rt->points);
    rt->points = NULL;
    om_spaces_free(rt->spaces);
    rt->spaces = NULL;
    om_scan_pool_close(rt->pool);
    rt->pool = NULL;
    om_stemmers_fini(&rt->stemmers);
}

enum { KINDS_MAX = 64, ERASE_WAIT_MS = 1000 };

static size_t add_kinds(const struct om_record_kind **all, size_t count,
                        const struct om_record_kind *const *some, size_t some_count)
{
    OM_ASSERT(count + some_count <= KINDS_MAX);
    for (size_t i = 0; i < some_count; i++) {
        all[count + i] = some[i];
    }
    return count + some_count;
}

static omega_status open_store(omega_runtime *rt)
{
    const struct om_schema *const schemas[] = {&om_agentdb_schema, &om_points_schema,
                                               &om_memory_schema, &om_runtime_schema};
    const struct om_record_kind *kinds[KINDS_MAX];
    size_t some_count = 0;
    const struct om_record_kind *const *some = om_memory_kinds(rt->memory, &some_count);
    size_t count = add_kinds(kinds, 0, some, some_count);
    some = om_points_kinds(rt->points, &some_count);
    count = add_kinds(kinds, count, some, some_count);
    some = om_runtime_kinds(&some_count);
    count = add_kinds(kinds, count, some, some_count);
    const struct om_store_options options = {
        .alloc = &rt->alloc,
        .clock = rt->clock,
        .dir = rt->data_dir,
        .keep_operations = rt->config.store_keep_operations,
        .reader_max = rt->config.store_readers,
        .schemas = schemas,
        .schema_count = OM_COUNT_OF(schemas),
        .kinds = kinds,
        .kind_count = count,
        .on_event = om_announce_stored,
        .on_event_context = rt,
        .vfs = rt->vfs,
    };
    return om_store_open(&options, &rt->store);
}

static omega_status start_store(void *context, int64_t deadline_ns)
{
    omega_runtime *rt = (omega_runtime *)context;
    (void)deadline_ns; /* recovery takes the time it takes; the supervisor judges the end */
    omega_status status = make_handles(rt);
    if (status == OMEGA_OK) {
        status = open_store(rt);
    }
    if (status != OMEGA_OK) {
        free_handles(rt);
    }
    return status;
}

static omega_status stop_store(void *context, int64_t deadline_ns)
{
    omega_runtime *rt = (omega_runtime *)context;
    (void)deadline_ns;
    om_store_close(rt->store);
    rt->store = NULL;
    free_handles(rt);
    return OMEGA_OK;
}

static omega_status start_agentdb(void *context, int64_t deadline_ns)
{
    omega_runtime *rt = (omega_runtime *)context;
    (void)deadline_ns;
    struct om_reader reader = {0};
    omega_status status = om_store_read(rt->store, 1000, &reader);
    if (status == OMEGA_OK) {
        status = om_spaces_load(rt->spaces, &reader);
    }
    om_store_read_end(&reader);
    return status == OMEGA_OK ? om_points_load(rt->points, rt->store) : status;
}

static omega_status start_memory(void *context, int64_t deadline_ns)
{
    omega_runtime *rt = (omega_runtime *)context;
    (void)deadline_ns;
    return om_memory_load(rt->memory, rt->store, NULL, NULL);
}

static omega_status stop_memory(void *context, int64_t deadline_ns)
{
    omega_runtime *rt = (omega_runtime *)context;
    (void)deadline_ns;
    struct om_store_info info;
    uint64_t overwritten = 0;
    om_store_info(rt->store, &info);
    if (info.read_only) {
        return OMEGA_OK;
    }
    omega_status status = om_memory_flush_access(rt->memory);
    if (status == OMEGA_OK && om_store_wants_erase(rt->store)) {
        /* Else the next start would finish it; what was forgotten leaves the files today. */
        status = om_store_erase(rt->store, ERASE_WAIT_MS, &overwritten);
        status = status == OMEGA_EAGAIN ? OMEGA_OK : status;
    }
    return status;
}

/* The scheduler is made with each start, because its rows load their due times from the store. */
static omega_status make_scheduler(omega_runtime *rt)
{
    rt->schedule_store =
        (struct om_schedule_store){.load = om_due_load, .save = om_due_save, .context = rt};
    const struct om_scheduler_options options = {
        .alloc = &rt->alloc, .clock = rt->clock, .store = &rt->schedule_store};
    omega_status status = om_scheduler_new(&options, &rt->scheduler);
    return status == OMEGA_OK ? om_cycles_schedule(rt) : status;
}

static omega_status start_loops(void *context, int64_t deadline_ns)
{
    omega_runtime *rt = (omega_runtime *)context;
    (void)deadline_ns;
    omega_status status = om_operations_interrupt(rt);
    if (status == OMEGA_EREADONLY) {
        status = OMEGA_OK; /* a store that lost operations: it may be looked at */
    }
    if (status == OMEGA_OK) {
        status = make_scheduler(rt);
    }
    if (status == OMEGA_OK && !rt->manual_schedule) {
        status = om_scheduler_start(rt->scheduler);
    }
    if (status != OMEGA_OK) {
        om_scheduler_free(rt->scheduler);
        rt->scheduler = NULL;
    }
    return status;
}

static omega_status stop_loops(void *context, int64_t deadline_ns)
{
    omega_runtime *rt = (omega_runtime *)context;
    (void)deadline_ns; /* a run is asked to stop at once and does between two slices */
    om_scheduler_free(rt->scheduler);
    rt->scheduler = NULL;
    return OMEGA_OK;
}

omega_status om_parts_register(omega_runtime *rt)
{
    static const char *const after_store[] = {"store", NULL};
    static const char *const after_agentdb[] = {"agentdb", NULL};
    static const char *const after_memory[] = {"memory", NULL};
    /* Loading a large store is work, not a hang: its deadline is an hour. */
    const int64_t load_ms = 3600000;
    const struct om_supervised_row parts[] = {
        {.name = "store",
         .essential = true,
         .start = start_store,
         .stop = stop_store,
         .start_deadline_ms = load_ms,
         .stop_deadline_ms = load_ms,
         .context = rt},
        {.name = "agentdb",
         .deps = after_store,
         .essential = true,
         .start = start_agentdb,
         .start_deadline_ms = load_ms,
         .context = rt},
        {.name = "memory",
         .deps = after_agentdb,
         .essential = true,
         .start = start_memory,
         .stop = stop_memory,
         .start_deadline_ms = load_ms,
         .context = rt},
        {.name = "loops",
         .deps = after_memory,
         .essential = true,
         .start = start_loops,
         .stop = stop_loops,
         .context = rt},
    };
    for (size_t i = 0; i < OM_COUNT_OF(parts); i++) {
        const omega_status status = om_supervisor_add(rt->supervisor, &parts[i]);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    return OMEGA_OK;
}
