/* Numbers as people read them. Pure; each writes at most AMOUNT_CHARS with the NUL. */
#ifndef NODE_CLI_AMOUNT_H
#define NODE_CLI_AMOUNT_H

#include <stdbool.h>
#include <stdint.h>

enum { AMOUNT_CHARS = 32 };

/* "0 B", "999 B", "1.0 KiB", "15.3 MiB". */
const char *amount_bytes(char text[AMOUNT_CHARS], uint64_t bytes);

/* What a person writes for bytes: "1500000", "100G", "100GB" (10^9 each), "93.1GiB" (2^30 each), with K M G T P E
 * in either case and at most 3 digits behind the point. False for anything else and for what 2^63 bytes do not
 * hold. */
bool amount_read_bytes(const char *text, uint64_t *bytes);

/* "1234567" as "1,234,567". */
const char *amount_count(char text[AMOUNT_CHARS], uint64_t count);

/* "0 us", "999 us", "1.50 ms", "2.34 s", "90.0 s". */
const char *amount_us(char text[AMOUNT_CHARS], uint64_t duration_us);

/* "0:05", "12:34", "1:02:03". */
const char *amount_clock(char text[AMOUNT_CHARS], uint64_t seconds);

/* "5 s", "12 min", "3 h 05 min", "4 d 03 h": the two largest units. */
const char *amount_age(char text[AMOUNT_CHARS], uint64_t seconds);

#endif
