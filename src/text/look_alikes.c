/* look_alikes.c -- letters of other scripts that look like a Latin one, and digits of other
 * scripts.
 *
 * A small hand-made table over folded text: Cyrillic (by its capitals too: a folded "M" of either
 * script looks alike), Greek but for mu, Armenian, Cherokee, Coptic, small capitals and dotless
 * letters. Rejected: the whole of UTS #39. Its 6,000 rows map "m" to "rn" and "1" to "l", which
 * makes different facts equal; what matters here is a fact rewritten to slip past a tombstone.
 * Both tables ascend. Source of the digits: Unicode 15, general category Nd. */
#include "text/look_alikes_int.h"

static const struct {
    uint16_t from;
    char to;
} look_alikes[] = {
    {0x0131, 'i'}, {0x01C0, 'l'}, {0x0237, 'j'}, {0x0251, 'a'}, {0x0261, 'g'}, {0x0262, 'g'},
    {0x0269, 'i'}, {0x026A, 'i'}, {0x0274, 'n'}, {0x0280, 'r'}, {0x028B, 'u'}, {0x028F, 'y'},
    {0x0299, 'b'}, {0x029C, 'h'}, {0x029F, 'l'}, {0x03B1, 'a'}, {0x03B2, 'b'}, {0x03B3, 'y'},
    {0x03B5, 'e'}, {0x03B6, 'z'}, {0x03B7, 'n'}, {0x03B9, 'i'}, {0x03BA, 'k'}, {0x03BD, 'v'},
    {0x03BF, 'o'}, {0x03C1, 'p'}, {0x03C4, 't'}, {0x03C5, 'u'}, {0x03C7, 'x'}, {0x03DD, 'f'},
    {0x03F3, 'j'}, {0x0430, 'a'}, {0x0432, 'b'}, {0x0435, 'e'}, {0x0437, '3'}, {0x043A, 'k'},
    {0x043C, 'm'}, {0x043D, 'h'}, {0x043E, 'o'}, {0x0440, 'p'}, {0x0441, 'c'}, {0x0442, 't'},
    {0x0443, 'y'}, {0x0445, 'x'}, {0x0455, 's'}, {0x0456, 'i'}, {0x0458, 'j'}, {0x0461, 'w'},
    {0x0475, 'v'}, {0x04BB, 'h'}, {0x04BD, 'e'}, {0x04CF, 'l'}, {0x0501, 'd'}, {0x050D, 'g'},
    {0x051B, 'q'}, {0x051D, 'w'}, {0x0566, 'q'}, {0x0570, 'h'}, {0x0575, 'j'}, {0x0578, 'n'},
    {0x057D, 'u'}, {0x0581, 'g'}, {0x0582, 'i'}, {0x0585, 'o'}, {0x13A0, 'd'}, {0x13A1, 'r'},
    {0x13A2, 't'}, {0x13A5, 'i'}, {0x13A9, 'y'}, {0x13AA, 'a'}, {0x13AB, 'j'}, {0x13AC, 'e'},
    {0x13B3, 'w'}, {0x13B7, 'm'}, {0x13BB, 'h'}, {0x13BD, 'y'}, {0x13C0, 'g'}, {0x13C2, 'h'},
    {0x13C3, 'z'}, {0x13C6, 't'}, {0x13CE, '4'}, {0x13CF, 'b'}, {0x13D2, 'r'}, {0x13D4, 'w'},
    {0x13D5, 's'}, {0x13D9, 'v'}, {0x13DA, 's'}, {0x13DE, 'l'}, {0x13DF, 'c'}, {0x13E2, 'p'},
    {0x13E6, 'k'}, {0x13E7, 'd'}, {0x13F3, 'g'}, {0x13F4, 'b'}, {0x1D00, 'a'}, {0x1D04, 'c'},
    {0x1D05, 'd'}, {0x1D07, 'e'}, {0x1D0A, 'j'}, {0x1D0B, 'k'}, {0x1D0D, 'm'}, {0x1D0F, 'o'},
    {0x1D18, 'p'}, {0x1D1B, 't'}, {0x1D1C, 'u'}, {0x1D20, 'v'}, {0x1D21, 'w'}, {0x1D22, 'z'},
    {0x2C81, 'a'}, {0x2C89, 'e'}, {0x2C8F, 'h'}, {0x2C93, 'i'}, {0x2C95, 'k'}, {0x2C99, 'm'},
    {0x2C9B, 'n'}, {0x2C9F, 'o'}, {0x2CA3, 'p'}, {0x2CA5, 'c'}, {0x2CA7, 't'}, {0x2CA9, 'y'},
    {0x2CAD, 'x'}, {0xA730, 'f'}, {0xA731, 's'},
};

static const uint16_t digit_zeros[] = {
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
};

char om_look_alike(uint32_t c)
{
    size_t low = 0;
    size_t high = OM_COUNT_OF(look_alikes);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (look_alikes[middle].from < c) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < OM_COUNT_OF(look_alikes) && look_alikes[low].from == c ? look_alikes[low].to : 0;
}

char om_digit_of(uint32_t c)
{
    if (c >= '0' && c <= '9') {
        return (char)c;
    }
    for (size_t i = 0; i < OM_COUNT_OF(digit_zeros) && digit_zeros[i] <= c; i++) {
        if (c - digit_zeros[i] < 10) {
            return (char)('0' + (c - digit_zeros[i]));
        }
    }
    return 0;
}
