/* segment_test.c -- sentences and paragraphs, and that no byte is lost between them. */
#include "support/support.h"

#include <stdio.h>

#include "text/segment.h"

static void assert_sentences(const char *text, const char *wanted)
{
    char got[1024] = "";
    size_t at = 0;
    struct om_sentences sentences = {.text = omega_str_of(text)};
    omega_str sentence;
    while (om_sentence_next(&sentences, &sentence)) {
        at += (size_t)snprintf(got + at, sizeof(got) - at, "%.*s|", OM_STR_ARG(sentence));
    }
    assert_string_equal(got, wanted);
}

static void test_sentences(void **state)
{
    (void)state;
    assert_sentences("", "");
    assert_sentences(" \n ", "");
    assert_sentences("One. Two!  Three?\nFour", "One.|Two!|Three?|Four|");
    assert_sentences("Dr. Smith met J. Jones, e.g. Monday. He left.",
                     "Dr. Smith met J. Jones, e.g. Monday.|He left.|");
    assert_sentences("Pi is 3.14. See omega.conf for it.", "Pi is 3.14.|See omega.conf for it.|");
    assert_sentences("He said \"Go.\" Then (he left.) Done...",
                     "He said \"Go.\"|Then (he left.)|Done...|");
    assert_sentences("Steps:\n1. Open it. Look.\n2. Close it.",
                     "Steps:\n1. Open it.|Look.|2. Close it.|");
    assert_sentences("It was approx. ten. and so on.", "It was approx. ten. and so on.|");
    assert_sentences("\u6771\u4eac\u3002\u5927\u962a\uff01\u795e\u6238", "東京。|大阪！|神戸|");
    assert_sentences("\u300c\u306f\u3044\u3002\u300d\u3068", "「はい。」|と|");
    assert_sentences("What?! Yes.", "What?!|Yes.|");
    assert_sentences("Title without stop\n \nNext one.", "Title without stop|Next one.|");
    assert_sentences("\u0939\u093e\u0901\u0964 \u0928", "हाँ।|न|");
}

static void assert_paragraphs(const char *text, const char *wanted)
{
    char got[1024] = "";
    size_t at = 0;
    struct om_paragraphs paragraphs = {.text = omega_str_of(text)};
    struct om_paragraph paragraph;
    while (om_paragraph_next(&paragraphs, &paragraph)) {
        at += (size_t)snprintf(got + at, sizeof(got) - at, "%zu:%u:%.*s|", paragraph.line,
                               paragraph.heading_level, OM_STR_ARG(paragraph.text));
    }
    assert_string_equal(got, wanted);
}

static void test_paragraphs(void **state)
{
    (void)state;
    assert_paragraphs("", "");
    assert_paragraphs("\n\n  \n", "");
    assert_paragraphs("one\ntwo\n\nthree", "1:0:one\ntwo|4:0:three|");
    assert_paragraphs("one\r\n\r\ntwo\r\n", "1:0:one|3:0:two|");
    assert_paragraphs("# Top #\ntext\n## Sub\nmore", "1:1:Top|2:0:text|3:2:Sub|4:0:more|");
    assert_paragraphs("#hashtag\n#\n####### seven", "1:0:#hashtag\n#\n####### seven|");
    assert_paragraphs("# C#\n# a # b", "1:1:C#|2:1:a # b|");
    assert_paragraphs("a\n```c\n# no\n\nx\n```\nb", "1:0:a|2:0:```c\n# no\n\nx\n```|7:0:b|");
    assert_paragraphs("~~~\n```\n\nopen", "1:0:~~~\n```\n\nopen|");
}

static size_t count_ink(omega_str text)
{
    size_t ink = 0;
    for (size_t i = 0; i < text.len; i++) {
        ink += (unsigned char)text.ptr[i] > ' ';
    }
    return ink;
}

static void random_text(struct om_rng *rng, char *out, size_t size)
{
    static const char alphabet[] = "aB.!? \n\"')#1`~\t\r";
    for (size_t i = 0; i < size; i++) {
        out[i] = alphabet[om_rng_below(rng, sizeof(alphabet) - 1)];
    }
}

/* Pieces lie in order inside the text and hold all of its ink. */
static void test_nothing_is_lost(void **state)
{
    (void)state;
    struct om_rng rng;
    om_rng_seed(&rng, 3);
    for (int round = 0; round < 20000; round++) {
        char bytes[80];
        omega_str text = {bytes, (size_t)om_rng_below(&rng, sizeof(bytes))};
        random_text(&rng, bytes, text.len);
        size_t ink = 0;
        const char *end = bytes;
        struct om_sentences sentences = {.text = text};
        omega_str sentence;
        while (om_sentence_next(&sentences, &sentence)) {
            assert_true(sentence.ptr >= end && sentence.len > 0);
            end = sentence.ptr + sentence.len;
            ink += count_ink(sentence);
        }
        assert_int_equal(ink, count_ink(text));
        struct om_paragraphs paragraphs = {.text = text};
        struct om_paragraph paragraph;
        end = bytes;
        while (om_paragraph_next(&paragraphs, &paragraph)) {
            assert_true(paragraph.text.ptr >= end && paragraph.text.len > 0);
            end = paragraph.text.ptr + paragraph.text.len;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_paragraphs),
        cmocka_unit_test(test_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
