/* show.c -- results for people: memories, explanations, counts. Control characters in what was
 * stored never reach the terminal. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli_int.h"

bool cli_color(void)
{
    return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
}

static const char *style(const char *code)
{
    return cli_color() ? code : "";
}

void cli_heading(const char *text)
{
    printf("%s%s%s\n", style("\033[1m"), text, style("\033[0m"));
}

/* What moves a cursor, sets a colour or turns the direction of writing. */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* One character of text that need not be valid; a byte that fits nowhere is a control. */
static size_t next_char(omega_str text, uint32_t *c)
{
    const omega_str head = {text.ptr, OM_MIN(text.len, 4)};
    *c = 0;
    return om_utf8_valid_len(head) > 0 ? om_utf8_next(text, c) : 1;
}

/* Runs of blanks and controls become one blank. */
size_t cli_put_text(FILE *out, omega_str text, size_t max)
{
    size_t shown = 0;
    bool space = false;
    while (text.len > 0 && (max == 0 || shown < max)) {
        uint32_t c = 0;
        const size_t size = next_char(text, &c);
        const bool blank = c == ' ' || is_control(c);
        if (!blank) {
            fwrite(text.ptr, 1, size, out);
        } else if (!space) {
            fputc(' ', out);
        }
        shown += !blank || !space;
        space = blank;
        text.ptr += size;
        text.len -= size;
    }
    if (text.len > 0) {
        fputs("...", out);
        shown += 3;
    }
    return shown;
}

void cli_put_block(omega_str text, const char *indent)
{
    while (text.ptr != NULL) {
        fputs(indent, stdout);
        cli_put_text(stdout, om_str_cut(text, '\n', &text), 0);
        fputc('\n', stdout);
    }
}

void cli_put_date(const struct om_json *stamp)
{
    const omega_str text = om_json_str(stamp);
    if (text.len >= 16) {
        printf("%.10s %.5s", text.ptr, text.ptr + 11);
    } else {
        fputs("never", stdout);
    }
}

/* The writer escapes what is below 0x20; a terminal also heeds U+007F..U+009F and what turns the
 * direction. They stand in strings only, so an escape is the same JSON. */
void cli_put_json(omega_str json)
{
    while (json.len > 0) {
        uint32_t c = 0;
        const size_t size = next_char(json, &c);
        if (is_control(c)) {
            printf("\\u%04x", (unsigned)c);
        } else {
            fwrite(json.ptr, 1, size, stdout);
        }
        json.ptr += size;
        json.len -= size;
    }
    fputc('\n', stdout);
}

void cli_show_count(uint64_t count, const char *one, const char *many)
{
    printf("%llu %s\n", (unsigned long long)count, count == 1 ? one : many);
}

static void put_text(omega_str text)
{
    cli_put_text(stdout, text, 0);
}

void cli_show_memory(const struct om_json *memory, const char *bullet)
{
    const double score = om_json_number(om_json_get(memory, "score"));
    const omega_str state = om_json_str(om_json_get(memory, "state"));
    const omega_str name = om_json_str(om_json_get(memory, "name"));
    printf("%s ", bullet);
    if (!isnan(score)) {
        printf("%s%.3f%s ", style("\033[32m"), score, style("\033[0m"));
    }
    cli_put_text(stdout, om_json_str(om_json_get(memory, "content")), 240);
    printf("\n    %s", style("\033[2m"));
    put_text(om_json_str(om_json_get(memory, "tier")));
    if (name.len > 0) { /* a speaker, or the heading that a text stands under */
        printf(om_json_str(om_json_get(memory, "role")).len > 0 ? "  by " : "  ");
        put_text(name);
    }
    if (!om_str_eq_text(state, "active")) {
        printf("  ");
        put_text(state);
    }
    printf("  ");
    cli_put_date(om_json_get(memory, "occurred_at"));
    printf("  ");
    put_text(om_json_str(om_json_get(memory, "id")));
    printf("%s\n", style("\033[0m"));
}

/* ---- Why ------------------------------------------------------------------------------------- */

static void show_term(const struct om_json *term, size_t index, size_t count)
{
    const omega_str found = om_json_str(om_json_get(term, "found"));
    const omega_str asked = om_json_str(om_json_get(term, "term"));
    printf("%s", index == 0 ? "It holds " : index + 1 < count ? ", " : " and ");
    put_text(found.len > 0 ? found : asked);
    if (found.len > 0) {
        printf(" (asked as ");
        put_text(asked);
        printf(")");
    }
}

static void show_nearness(const struct om_json *arm)
{
    static const char *const metrics[] = {"cosine", "dot", "l2"};
    for (size_t i = 0; i < OM_COUNT_OF(metrics); i++) {
        const double score = om_json_number(om_json_get(arm, metrics[i]));
        if (!isnan(score)) {
            printf("Its vector in ");
            put_text(om_json_str(om_json_get(arm, "space")));
            printf(" is near (%s %.3f)", metrics[i], score);
        }
    }
}

static void show_arm(const struct om_json *arm, const char *indent)
{
    const struct om_json *terms = om_json_get(arm, "terms");
    const double share = om_json_number(om_json_get(arm, "normalised"));
    const double weight = om_json_number(om_json_get(arm, "weight"));
    printf("%s", indent);
    for (size_t i = 0; i < om_json_count(terms); i++) {
        show_term(om_json_at(terms, i), i, om_json_count(terms));
    }
    show_nearness(arm);
    if (om_json_count(terms) == 0 && om_json_get(arm, "space") == NULL) {
        printf("It holds none of the words");
    }
    if (share > 0.9995) {
        printf(": the best, ");
    } else {
        printf(": %.2f of the best, ", share);
    }
    printf("%.0f %% of the score.\n", weight * 100.0);
}

static void show_absent(const struct om_json *absent, const char *indent)
{
    const omega_str space = om_json_str(om_json_get(absent, "space"));
    printf("%sNot looked at by ", indent);
    put_text(om_json_str(om_json_get(absent, "arm")));
    if (space.len > 0) {
        printf(" in ");
        put_text(space);
    }
    printf(": ");
    put_text(om_json_str(om_json_get(absent, "reason")));
    printf(".\n");
}

static void show_importance(const struct om_json *explain, const char *indent)
{
    const double importance = om_json_number(om_json_get(explain, "importance"));
    const double added = importance * om_json_number(om_json_get(explain, "importance_weight"));
    const double scale = om_json_number(om_json_get(explain, "scale"));
    if (added > 0) {
        printf("%sIts importance of %.2f adds %.3f.\n", indent, importance, added);
    }
    if (scale < 1) {
        printf("%sIt is archived: the sum counts %.2f times.\n", indent, scale);
    }
}

void cli_show_explain(const struct om_json *explain, const char *indent)
{
    const struct om_json *arms = om_json_get(explain, "arms");
    const struct om_json *absent = om_json_get(explain, "absent");
    printf("%s", style("\033[2m"));
    for (size_t i = 0; i < om_json_count(arms); i++) {
        show_arm(om_json_at(arms, i), indent);
    }
    show_importance(explain, indent);
    for (size_t i = 0; i < om_json_count(absent); i++) {
        show_absent(om_json_at(absent, i), indent);
    }
    printf("%s", style("\033[0m"));
}
