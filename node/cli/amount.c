/* Writing numbers for people. */
#include "node/cli/amount.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

const char *amount_bytes(char text[AMOUNT_CHARS], uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(text, AMOUNT_CHARS, "%" PRIu64 " B", bytes);
        return text;
    }
    size_t unit = 0;
    double size = (double)bytes / 1024;
    while (size >= 1023.95) { /* what would be shown as 1024.0 */
        size /= 1024;
        unit++;
    }
    snprintf(text, AMOUNT_CHARS, "%.1f %s", size, units[unit]);
    return text;
}

/* "", "B", "K", "KB", "KiB"…: how many bytes one of it is; 0 for no unit. */
static uint64_t unit_bytes(const char *text)
{
    static const char letters[] = "kmgtpe";
    if (text[0] == '\0' || strcmp(text, "B") == 0) return 1;
    char lower = (char)(text[0] >= 'A' && text[0] <= 'Z' ? text[0] - 'A' + 'a' : text[0]);
    const char *at = strchr(letters, lower);
    if (at == NULL || lower == '\0') return 0;
    bool is_binary = strcmp(text + 1, "iB") == 0 || strcmp(text + 1, "i") == 0;
    if (!is_binary && text[1] != '\0' && strcmp(text + 1, "B") != 0) return 0;
    uint64_t bytes = 1;
    for (const char *letter = letters; letter <= at; letter++)
        bytes *= is_binary ? 1024 : 1000;
    return bytes;
}

bool amount_read_bytes(const char *text, uint64_t *bytes)
{
    enum { DECIMALS_MAX = 3 };
    uint64_t number = 0; /* without its point */
    int digits = 0;
    int decimals = -1;
    for (; (*text >= '0' && *text <= '9') || (*text == '.' && decimals < 0 && digits > 0); text++) {
        if (*text == '.') {
            decimals = 0;
            continue;
        }
        uint64_t digit = (uint64_t)(*text - '0');
        if (decimals == DECIMALS_MAX || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, digit, &number)) {
            return false;
        }
        digits++;
        if (decimals >= 0) decimals++;
    }
    if (digits == 0 || decimals == 0) return false;
    while (*text == ' ')
        text++;
    uint64_t unit = unit_bytes(text);
    uint64_t whole = 0;
    if (unit == 0 || __builtin_mul_overflow(number, unit, &whole)) return false;
    for (int i = 0; i < decimals; i++)
        whole /= 10;
    *bytes = whole;
    return whole <= INT64_MAX;
}

const char *amount_count(char text[AMOUNT_CHARS], uint64_t count)
{
    char digits[AMOUNT_CHARS];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *at = text;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return text;
}

const char *amount_us(char text[AMOUNT_CHARS], uint64_t duration_us)
{
    if (duration_us < 1000) {
        snprintf(text, AMOUNT_CHARS, "%" PRIu64 " us", duration_us);
        return text;
    }
    bool is_long = duration_us >= 1000000;
    double size = (double)duration_us / (is_long ? 1e6 : 1e3);
    snprintf(text, AMOUNT_CHARS, "%.*f %s", size < 10 ? 2 : size < 100 ? 1 : 0, size, is_long ? "s" : "ms");
    return text;
}

const char *amount_clock(char text[AMOUNT_CHARS], uint64_t seconds)
{
    uint64_t hours = seconds / 3600;
    unsigned minutes = (unsigned)(seconds / 60 % 60);
    unsigned rest = (unsigned)(seconds % 60);
    if (hours > 0) {
        snprintf(text, AMOUNT_CHARS, "%" PRIu64 ":%02u:%02u", hours, minutes, rest);
    } else {
        snprintf(text, AMOUNT_CHARS, "%u:%02u", minutes, rest);
    }
    return text;
}

const char *amount_age(char text[AMOUNT_CHARS], uint64_t seconds)
{
    uint64_t minutes = seconds / 60;
    uint64_t hours = minutes / 60;
    if (minutes == 0) {
        snprintf(text, AMOUNT_CHARS, "%" PRIu64 " s", seconds);
    } else if (hours == 0) {
        snprintf(text, AMOUNT_CHARS, "%" PRIu64 " min", minutes);
    } else if (hours < 24) {
        snprintf(text, AMOUNT_CHARS, "%" PRIu64 " h %02" PRIu64 " min", hours, minutes % 60);
    } else {
        snprintf(text, AMOUNT_CHARS, "%" PRIu64 " d %02" PRIu64 " h", hours / 24, hours % 24);
    }
    return text;
}
