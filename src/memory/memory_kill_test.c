/* memory_kill_test.c -- a writing process is killed at any moment; what it had acknowledged stands.
 *
 * The child tells each acknowledged number through a pipe and is killed by SIGKILL after some of
 * them. The parent opens what is left: every acknowledged memory is there with its version, nothing
 * is doubled, and the check finds nothing. */
#include "support/support.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/memory_house.h"

enum { KILLS = 12, KEYS = 40 };

/* What the child does: number n goes under key n % KEYS. */
static void live_on(struct house *house, int pipe_end, int from)
{
    for (int n = from;; n++) {
        char content[48], key[16];
        omega_id id;
        (void)snprintf(content, sizeof content, "number %d", n);
        (void)snprintf(key, sizeof key, "k%d", n % KEYS);
        omega_memory_input in = house_input(content, "ann");
        in.key = omega_str_of(key);
        if (om_memory_store(house->memory, &in, &id) != OMEGA_OK ||
            write(pipe_end, &n, sizeof n) != (ssize_t)sizeof n) {
            _exit(1);
        }
    }
}

static pid_t start_child(struct house *house, int from, int *pipe_end)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        /* Not the ids that the child before gave: the clock stands still. */
        om_uuid_source_init(&house->ids, &house->clock.clock, (uint64_t)getpid());
        if (house_try_start(house) != OMEGA_OK) {
            _exit(2);
        }
        live_on(house, ends[1], from);
    }
    close(ends[1]);
    *pipe_end = ends[0];
    return child;
}

/* The highest acknowledged number; at least `enough` are waited for before the kill. */
static int kill_after(pid_t child, int pipe_end, int enough)
{
    int last = -1, n, status;
    for (int got = 0; read(pipe_end, &n, sizeof n) == (ssize_t)sizeof n; got++) {
        last = n;
        if (got == enough) {
            assert_int_equal(kill(child, SIGKILL), 0);
        }
    }
    close(pipe_end);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return last;
}

static void assert_all_there(struct house *house, int last)
{
    omega_scope scope = house_scope("ann");
    for (int k = 0; k < OM_MIN(KEYS, last + 1); k++) {
        char key[16];
        int number = -1;
        omega_memories *got = NULL;
        (void)snprintf(key, sizeof key, "k%d", k);
        assert_ok(om_memory_get_by_key(house->memory, omega_str_of(key), &scope, &got));
        omega_str content = om_memories_at(got, 0)->content;
        assert_int_equal(sscanf(content.ptr, "number %d", &number), 1);
        /* The last acknowledged one of this key, or the one that was under way. */
        int acknowledged = last - (last - k % KEYS + KEYS) % KEYS;
        assert_true(number >= acknowledged && number <= last + 1 && number % KEYS == k);
        assert_int_equal(om_memories_at(got, 0)->version, number / KEYS + 1);
        om_memories_free(got);
    }
    assert_true(house_count(house, "ann", 0) <= KEYS);
}

static void test_killed_while_writing(void **state)
{
    (void)state;
    struct house house;
    int next = 0;
    house_init(&house);
    house_start(&house);
    house_stop(&house);
    for (int i = 0; i < KILLS; i++) {
        int pipe_end;
        pid_t child = start_child(&house, next, &pipe_end);
        int last = kill_after(child, pipe_end, 20 + i * 7);
        house_start(&house);
        assert_all_there(&house, last);
        house_check(&house);
        omega_memories *got = NULL;
        omega_scope scope = house_scope("ann");
        char key[16];
        int number = -1;
        /* Go on behind what stands, so that versions keep counting. */
        (void)snprintf(key, sizeof key, "k%d", (last + 1) % KEYS);
        next = last + 1;
        if (om_memory_get_by_key(house.memory, omega_str_of(key), &scope, &got) == OMEGA_OK) {
            assert_int_equal(sscanf(om_memories_at(got, 0)->content.ptr, "number %d", &number), 1);
            next = number == last + 1 ? last + 2 : next;
        }
        om_memories_free(got);
        house_stop(&house);
    }
    house_start(&house);
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_while_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
