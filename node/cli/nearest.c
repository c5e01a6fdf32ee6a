/* Edit distance between short words: letters put in, left out, changed or swapped with their neighbour. */
#include "node/cli/nearest.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Both words are at most NEAREST_WORD_CHARS_MAX long. Keeps three rows of the usual table. */
static size_t distance(const char *a, size_t a_chars, const char *b, size_t b_chars)
{
    size_t rows[3][NEAREST_WORD_CHARS_MAX + 1];
    for (size_t j = 0; j <= b_chars; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_chars; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_chars; j++) {
            size_t changed = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(least(above[j] + 1, row[j - 1] + 1), changed);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], two_above[j - 2] + 1);
            }
        }
    }
    return rows[a_chars % 3][b_chars];
}

void nearest_init(struct nearest *nearest, const char *word)
{
    *nearest = (struct nearest){.word = word};
}

void nearest_offer(struct nearest *nearest, const char *known)
{
    size_t word_chars = strlen(nearest->word);
    size_t known_chars = strlen(known);
    if (word_chars > NEAREST_WORD_CHARS_MAX || known_chars > NEAREST_WORD_CHARS_MAX) return;

    size_t found = distance(nearest->word, word_chars, known, known_chars);
    if (word_chars >= 3 && strncmp(known, nearest->word, word_chars) == 0) found = 1; /* an abbreviation */
    if (found > 2 || found >= known_chars) return;
    if (nearest->best == NULL || found < nearest->best_distance) {
        nearest->best = known;
        nearest->best_distance = found;
    }
}
