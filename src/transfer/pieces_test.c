/* pieces_test.c -- lines and array elements against a plain splitting of the whole text. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/core.h"
#include "transfer/pieces_int.h"

static struct om_source source_of(const char *text)
{
    const struct om_source source = {.fd = -1, .text = omega_str_of(text), .size = strlen(text)};
    return source;
}

/* What a walk says, one line each: "<line>:<text>" or "<line>!<status>". */
static void walk_text(const char *text, bool is_array, char *out, size_t size)
{
    const struct om_source source = source_of(text);
    struct om_pieces pieces;
    struct om_piece piece;
    bool found = true;
    size_t len = 0;
    out[0] = '\0';
    om_pieces_init(&pieces, om_alloc_default(), &source, is_array);
    for (;;) {
        const omega_status status = om_pieces_next(&pieces, &piece, &found);
        if (!found) {
            assert_int_equal(status, OMEGA_OK);
            break;
        }
        len += (size_t)snprintf(out + len, size - len, status == OMEGA_OK ? "%d:%.*s\n" : "%d!\n",
                                (int)piece.line, OM_STR_ARG(piece.text));
        assert_true(len < size);
    }
    om_pieces_fini(&pieces);
}

static void assert_walk(const char *text, bool is_array, const char *wanted)
{
    char got[4096];
    walk_text(text, is_array, got, sizeof got);
    assert_string_equal(got, wanted);
}

static void test_lines(void **state)
{
    (void)state;
    assert_walk("", false, "");
    assert_walk("\n\n", false, "");
    assert_walk("a", false, "1:a\n");
    assert_walk("a\r\n\n  b \n", false, "1:a\n3:b\n");
    assert_walk("[1,\n2]", false, "1:[1,\n2:2]\n");
}

static void test_elements(void **state)
{
    (void)state;
    assert_walk("[]", true, "");
    assert_walk(" [ ] \n", true, "");
    assert_walk("[1,2]", true, "1:1\n1:2\n");
    assert_walk("[\n {\"a\":[1,\"],\\\"\"]},\n\n {} ]\n", true, "2:{\"a\":[1,\"],\\\"\"]}\n4:{}\n");
    assert_walk("[{\"a\":1}", true, "1!\n");
    assert_walk("[1,2] x", true, "1:1\n1:2\n1!\n");
    assert_walk("x [1]", true, "1!\n");
    assert_walk("[1] [2]", true, "1:1\n1!\n");
    assert_walk("[\"never closed, ]", true, "1!\n");
    assert_walk("", true, "");
}

/* More bytes than a chunk, in pieces of all sizes: each comes out whole, in order. */
static void test_many(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    for (int is_array = 0; is_array < 2; is_array++) {
        struct om_buf text;
        om_buf_init(&text, om_alloc_default(), 64 << 20);
        om_buf_add_text(&text, is_array ? "[" : "");
        for (int i = 0; i < COUNT; i++) {
            om_buf_addf(&text, "\"%d ", i);
            for (int j = 0; j < i % 700; j++) {
                om_buf_add_char(&text, (char)('a' + j % 26));
            }
            om_buf_add_text(&text, i + 1 < COUNT ? (is_array ? "\",\n" : "\"\n") : "\"");
        }
        om_buf_add_text(&text, is_array ? "]" : "");
        const struct om_source source = {.fd = -1, .text = om_buf_str(&text), .size = text.len};
        struct om_pieces pieces;
        struct om_piece piece;
        bool found;
        size_t bytes = 0;
        om_pieces_init(&pieces, om_alloc_default(), &source, is_array != 0);
        for (int i = 0; i < COUNT; i++) {
            char start[16];
            (void)snprintf(start, sizeof start, "\"%d ", i);
            assert_ok(om_pieces_next(&pieces, &piece, &found));
            assert_true(found);
            assert_int_equal(piece.line, i + 1);
            assert_true(om_str_starts(piece.text, omega_str_of(start)));
            assert_int_equal(piece.text.len, strlen(start) + (size_t)(i % 700) + 1);
            bytes += piece.size;
        }
        assert_ok(om_pieces_next(&pieces, &piece, &found));
        assert_false(found);
        assert_true(bytes + 2 >= text.len && bytes <= text.len);
        om_pieces_fini(&pieces);
        om_buf_fini(&text);
    }
}

static void test_too_long(void **state)
{
    (void)state;
    const size_t size = (size_t)OM_PIECE_MAX + (1 << 20);
    char *text = malloc(size + 8);
    assert_non_null(text);
    memset(text, 'x', size);
    memcpy(text + size, "\nnext\n", 7);
    const struct om_source source = source_of(text);
    struct om_pieces pieces;
    struct om_piece piece;
    bool found;
    om_pieces_init(&pieces, om_alloc_default(), &source, false);
    assert_status(om_pieces_next(&pieces, &piece, &found), OMEGA_ELIMIT);
    assert_true(found);
    assert_int_equal(piece.line, 1);
    assert_true(pieces.window.capacity <= (size_t)OM_PIECE_MAX + (2 << 20));
    assert_ok(om_pieces_next(&pieces, &piece, &found));
    assert_true(found);
    assert_int_equal(piece.line, 2);
    assert_int_equal(piece.text.len, 4);
    assert_ok(om_pieces_next(&pieces, &piece, &found));
    assert_false(found);
    om_pieces_fini(&pieces);
    free(text);
}

static omega_status sweep_step(void *context)
{
    const struct om_source source = source_of("a\nb\n");
    struct om_pieces pieces;
    struct om_piece piece;
    bool found = true;
    omega_status status = OMEGA_OK;
    (void)context;
    om_pieces_init(&pieces, om_alloc_default(), &source, false);
    while (found && status == OMEGA_OK) {
        status = om_pieces_next(&pieces, &piece, &found);
    }
    om_pieces_fini(&pieces);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(om_test_oom_sweep(sweep_step, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),         cmocka_unit_test(test_elements),
        cmocka_unit_test(test_many),          cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
