/* Keys and values as people can read them, and as nothing but text on a terminal. Pure but for memory.
 *
 * Every form can be told from every other: text that looks like a mark of ours is itself quoted or marked.
 */
#ifndef NODE_CLI_SHOW_H
#define NODE_CLI_SHOW_H

#include "node/base/span.h"
#include "node/cli/buffer.h"

/* Is it UTF-8 without control characters and without those that turn the direction of text? Line ends and tabs
 * count as printable when `has_lines`. */
bool show_is_printable(struct span text, bool has_lines);

/* Put '?' in the place of every byte that is not part of printable text; line ends and tabs stay. */
void show_make_printable(char *text);

/* A key: as it is, or as a JSON string when it is empty, begins with a quotation mark, has blanks at an end or
 * something that is not printable. One line. Bytes that are no UTF-8 become U+FFFD. */
void show_key(struct buffer *out, struct span key);

/* A value as a whole, for reading: as it is when printable, several lines or not; else "base64:…". A NULL
 * value.bytes is "(deleted)". */
void show_value(struct buffer *out, struct span value);

/* A value in one line of a list: as it is, as a JSON string when it is empty, has line ends or tabs or looks like
 * a mark, "base64:…" or "(deleted)". More than `chars_max` chars are cut, with the size in bytes added; 0: never.
 */
void show_value_line(struct buffer *out, struct span value, size_t chars_max);

/* A word that a shell reads back as `text`. */
void show_shell_word(struct buffer *out, struct span text);

/* Base64 with padding, and back: false when it is not canonical base64. */
void show_base64(struct buffer *out, struct span bytes);
bool show_unbase64(struct buffer *out, struct span text);

/* How many columns of a terminal the text takes, about: its code points. */
size_t show_width(struct span text);

#endif
