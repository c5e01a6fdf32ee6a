/* Four chars to three bytes. */
#include "http/base64.h"

/* One more than the value of a char; 0 for all outside the alphabet. */
static const uint8_t above[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/* Up to 4 chars to up to 3 bytes: bits left over must be zero. */
static bool decode_quantum(const char *text, size_t chars, char *bytes, size_t *bytes_count)
{
    unsigned bits = 0;
    for (size_t i = 0; i < 4; i++) {
        unsigned value = i < chars ? above[(unsigned char)text[i]] : above['A'];
        if (value == 0) return false;
        bits = bits << 6 | (value - 1);
    }
    *bytes_count = chars - 1;
    for (size_t i = 0; i < *bytes_count; i++) {
        bytes[i] = (char)(unsigned char)(bits >> (16 - 8 * i) & 0xff);
    }
    return *bytes_count == 3 || (bits & (0xffffffu >> (8 * *bytes_count))) == 0;
}

bool http_base64_decode(struct http_span text, char *bytes, size_t *bytes_count)
{
    *bytes_count = 0;
    if (text.length % 4 != 0) return false;
    for (size_t at = 0; at < text.length; at += 4) {
        size_t chars = 4;
        if (at + 4 == text.length) {
            if (text.at[at + 3] == '=') chars = text.at[at + 2] == '=' ? 2 : 3;
        }
        size_t decoded = 0;
        if (!decode_quantum(text.at + at, chars, bytes + *bytes_count, &decoded)) return false;
        *bytes_count += decoded;
    }
    return true;
}
