/* support.c -- failing allocations, temporary directories, checks that name what was said.
 *
 * The linker's --wrap sends malloc's family of every linked object here. Each thread has a counter;
 * a thread that works for another adopts its counter by the token, so one sweep covers an operation
 * wherever it runs. Counters are never freed (a token may outlive its thread); a list keeps them
 * reachable for the leak checker. */
#include "support/support.h"

#include <errno.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
char *__wrap_strdup(const char *text);

enum { SWEEP_MAX = 100000 };

struct counter {
    struct counter *next;
    atomic_uint_fast64_t count;
    atomic_uint_fast64_t fail_at; /* 0: never */
    atomic_bool persistent;
    atomic_bool failed;
};

static _Atomic(struct counter *) all_counters;
static _Thread_local struct counter *own;
static _Thread_local struct counter *adopted;

static struct counter *own_counter(void)
{
    if (own == NULL) {
        own = __real_calloc(1, sizeof *own);
        if (own == NULL) {
            abort();
        }
        own->next = atomic_load(&all_counters);
        while (!atomic_compare_exchange_weak(&all_counters, &own->next, own)) {
        }
    }
    return own;
}

static bool must_fail(void)
{
    struct counter *counter = adopted != NULL ? adopted : own_counter();
    uint64_t number = atomic_fetch_add(&counter->count, 1) + 1;
    uint64_t fail_at = atomic_load(&counter->fail_at);
    if (fail_at == 0) {
        return false;
    }
    bool fails = atomic_load(&counter->persistent) ? number >= fail_at : number == fail_at;
    if (fails) {
        atomic_store(&counter->failed, true);
        errno = ENOMEM;
    }
    return fails;
}

void *__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return must_fail() ? NULL : __real_realloc(ptr, size);
}

char *__wrap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = __wrap_malloc(size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

void om_test_fail_alloc(uint64_t nth, bool persistent)
{
    struct counter *counter = own_counter();
    atomic_store(&counter->fail_at, 0);
    atomic_store(&counter->count, 0);
    atomic_store(&counter->failed, false);
    atomic_store(&counter->persistent, persistent);
    atomic_store(&counter->fail_at, nth);
}

uint64_t om_test_alloc_count(void)
{
    return atomic_load(&own_counter()->count);
}

bool om_test_alloc_failed(void)
{
    return atomic_load(&own_counter()->failed);
}

uintptr_t om_test_alloc_token(void)
{
    return (uintptr_t)(adopted != NULL ? adopted : own_counter());
}

void om_test_alloc_adopt(uintptr_t token)
{
    adopted = (struct counter *)token;
}

/* One run with allocation `nth` failing; false when the run never got that far. */
static bool sweep_once(omega_status (*step)(void *context), void *context, uint64_t nth,
                       bool persistent)
{
    size_t live = atomic_load(&om_alloc_default()->live_count);
    om_test_fail_alloc(nth, persistent);
    omega_status status = step(context);
    bool failed = om_test_alloc_failed();
    om_test_fail_alloc(0, false);
    if (status != OMEGA_OK && !(failed && status == OMEGA_ENOMEM)) {
        print_error("allocation %llu failing (%s): %s: %s\n", (unsigned long long)nth,
                    persistent ? "persistent" : "one-shot", omega_status_name(status),
                    omega_error_message());
        fail();
    }
    if (atomic_load(&om_alloc_default()->live_count) != live) {
        print_error("allocation %llu failing (%s): blocks were left behind\n",
                    (unsigned long long)nth, persistent ? "persistent" : "one-shot");
        fail();
    }
    return failed;
}

static uint64_t sweep(omega_status (*step)(void *context), void *context, bool persistent)
{
    uint64_t nth = 1;
    while (sweep_once(step, context, nth, persistent)) {
        nth++;
        assert_true(nth < SWEEP_MAX);
    }
    return nth - 1;
}

uint64_t om_test_oom_sweep(omega_status (*step)(void *context), void *context)
{
    /* What is made once for the process is made here. */
    assert_ok(step(context));
    om_test_fail_alloc(0, false);
    assert_ok(step(context));
    uint64_t plain = om_test_alloc_count();
    uint64_t swept = sweep(step, context, false);
    (void)sweep(step, context, true);
    print_message("allocations: %llu in a plain run, %llu made to fail\n",
                  (unsigned long long)plain, (unsigned long long)swept);
    assert_true(plain == swept);
    return plain;
}

void om_test_dir(char *out, size_t size)
{
    const char *base = getenv("TMPDIR");
    int len = snprintf(out, size, "%s/omega-test-XXXXXX", base != NULL ? base : "/tmp");
    assert_true(len > 0 && (size_t)len < size);
    assert_non_null(mkdtemp(out));
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

void om_test_dir_remove(const char *path)
{
    assert_non_null(strstr(path, "omega-test-"));
    assert_int_equal(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void om_test_status(omega_status got, omega_status wanted, const char *call, const char *file,
                    int line)
{
    if (got == wanted) {
        return;
    }
    print_error("%s: got %s (%s), wanted %s\n", call, omega_status_name(got),
                got != OMEGA_OK ? omega_error_message() : "", omega_status_name(wanted));
    _fail(file, line);
}

void om_test_error_says(const char *part, const char *file, int line)
{
    if (strstr(omega_error_message(), part) != NULL) {
        return;
    }
    print_error("the error is \"%s\" and does not say \"%s\"\n", omega_error_message(), part);
    _fail(file, line);
}
