/* health_alerts.c -- watching the health of a runtime, with a drill that takes its index away.
 *
 * Asking for the health (omega_health_status) never waits for a sick part. To learn of changes
 * without asking, the example waits for the event HealthChanged. Getting worse shows at once,
 * getting better only when it has lasted (about ten seconds): an alert must not flap. */
#include "example.h"

enum { PATIENCE_MS = 60000 };

static void print_ill(const omega_health_report *health)
{
    for (size_t i = 0; i < health->subsystem_count; i++) {
        const omega_subsystem_health *one = &health->subsystems[i];
        if (one->status != OMEGA_HEALTHY) {
            printf("  %s is %s: %s\n", one->name, omega_health_name(one->status), one->reason);
        }
    }
}

static omega_status tick(omega_runtime *rt)
{
    omega_health_report health = OMEGA_HEALTH_REPORT_INIT;
    const omega_status status = omega_health_status(rt, &health);
    if (status != OMEGA_OK) {
        return status;
    }
    switch (health.overall) {
    case OMEGA_HEALTHY:
        puts("All systems operational");
        break;
    case OMEGA_DEGRADED:
        puts("System degraded:");
        print_ill(&health);
        break;
    case OMEGA_UNHEALTHY:
        puts("System unhealthy - triggering alerts");
        print_ill(&health);
        break;
    }
    fflush(stdout);
    return OMEGA_OK;
}

int main(void)
{
    omega_runtime *rt = NULL;
    omega_subscription *events = NULL;
    omega_event event = OMEGA_EVENT_INIT;
    int rc = EXIT_FAILURE;

    TRY(omega_runtime_new(NULL, &rt));
    TRY(omega_runtime_start(rt));
    TRY(omega_events_subscribe(rt, OMEGA_EVENT_BIT(OMEGA_EVENT_HEALTH_CHANGED), &events));
    TRY(tick(rt));
    TRY(omega_drill(rt, "index", true));
    TRY(omega_events_next(events, PATIENCE_MS, &event));
    TRY(tick(rt));
    TRY(omega_drill(rt, "index", false));
    TRY(omega_events_next(events, PATIENCE_MS, &event));
    TRY(tick(rt));
    TRY(omega_runtime_stop(rt, 10000));
    rc = EXIT_SUCCESS;
out:
    omega_events_close(events);
    omega_runtime_free(rt);
    return rc;
}
