/* support.h -- what tests share: failing allocations, temporary directories, a fake clock.
 *
 * A test file includes this first; it brings cmocka. */
#ifndef OM_TEST_SUPPORT_H
#define OM_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "omega/base.h"

/* Fails allocations of this thread (malloc, calloc, realloc, strdup of linked objects): the nth
 * from now (1 = the next); `persistent`: that one and all after it. 0 turns it off. */
void om_test_fail_alloc(uint64_t nth, bool persistent);
/* Allocations of this thread since the last om_test_fail_alloc. */
uint64_t om_test_alloc_count(void);
/* True if an allocation was made to fail since the last om_test_fail_alloc. */
bool om_test_alloc_failed(void);
/* The counter follows an operation to the thread that works for it: the submitting thread takes a
 * token, the worker adopts it and drops it (0) when done. */
uintptr_t om_test_alloc_token(void);
void om_test_alloc_adopt(uintptr_t token);

/* Runs `step(context)` with allocation 1, 2, 3 ... failing (one-shot, then persistent), until it
 * passes without a failure reached; each failing run must return OMEGA_ENOMEM (or succeed, when the
 * code can do without) and `step` must leave nothing behind. Returns the number of allocations of a
 * plain run, which equals the number of one-shot failures. */
uint64_t om_test_oom_sweep(omega_status (*step)(void *context), void *context);

/* A fresh private directory under the system's temporary directory; removed, with everything in it,
 * by om_test_dir_remove. Static buffer of `size` bytes by the caller. */
void om_test_dir(char *out, size_t size);
void om_test_dir_remove(const char *path);

#define assert_ok(call) assert_status((call), OMEGA_OK)
#define assert_status(call, wanted) om_test_status((call), (wanted), #call, __FILE__, __LINE__)
void om_test_status(omega_status got, omega_status wanted, const char *call, const char *file,
                    int line);
/* The last error's message contains this. */
#define assert_error_says(part) om_test_error_says((part), __FILE__, __LINE__)
void om_test_error_says(const char *part, const char *file, int line);

#endif
