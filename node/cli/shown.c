/* Words that commands print for the next one. */
#include "node/cli/shown.h"

#include "node/cli/call.h"
#include "node/cli/input.h"
#include "node/cli/lines.h"
#include "node/cli/say.h"

#include <jansson.h>

const struct shown_kind SHOWN_TOKEN = {
    .name = "causality token",
    .label = "token:",
    .member = "causality_token",
    .letter = 'c',
    .file_letter = 'C',
    .option = "causality-token",
    .file_option = "causality-token-file",
    .value_word = "TOKEN",
    .help = "what was seen: the token of a read or a write",
};

const struct shown_kind SHOWN_MARKER = {
    .name = "seen marker",
    .label = "seen marker:",
    .member = "seenMarker",
    .option = "seen-marker",
    .file_option = "seen-marker-file",
    .value_word = "MARKER",
    .help = "what was seen: the marker of the last call",
};

size_t shown_options(const struct shown_kind *kind, struct shown *shown, struct option options[SHOWN_OPTIONS])
{
    options[0] = (struct option){.letter = kind->letter,
                                 .name = kind->option,
                                 .value_word = kind->value_word,
                                 .help = kind->help,
                                 .kind = OPTION_TEXT,
                                 .target = &shown->word};
    options[1] = (struct option){.letter = kind->file_letter,
                                 .name = kind->file_option,
                                 .value_word = "FILE",
                                 .help = "the same from FILE, where a command wrote it",
                                 .kind = OPTION_TEXT,
                                 .target = &shown->file};
    return SHOWN_OPTIONS;
}

/* What stands behind the last line's label; all of the text without such a line. */
static struct span find_in_text(struct span text, const char *label)
{
    struct span found = text;
    while (text.length > 0) {
        struct span line = lines_take(&text);
        size_t label_chars = strlen(label);
        if (span_has_prefix(line, span_text(label))) {
            found = span_of(line.bytes + label_chars, line.length - label_chars);
        }
    }
    return lines_trim(found);
}

/* Put the word in the place of the file's text. */
static void keep_word(struct buffer *memory, struct span word)
{
    memmove(memory->bytes, word.bytes, word.length);
    memory->length = word.length;
    memory->bytes[word.length] = '\0';
}

static void find_word(const struct shown_kind *kind, struct buffer *memory)
{
    struct span text = lines_trim(buffer_span(memory));
    json_t *document = json_loadb((const char *)text.bytes, text.length, 0, NULL);
    const json_t *member = json_object_get(document, kind->member);
    if (json_is_string(member)) {
        buffer_clear(memory);
        buffer_add(memory, json_string_value(member), json_string_length(member));
    } else if (text.length > 0) {
        keep_word(memory, find_in_text(text, kind->label));
    }
    json_decref(document);
}

bool shown_find(const struct shown_kind *kind, struct shown *shown)
{
    if (shown->word != NULL && shown->file != NULL) {
        say("either --%s or --%s, not both", kind->option, kind->file_option);
        return false;
    }
    if (shown->file != NULL) {
        if (!input_read_file(shown->file, &shown->memory)) return false;
        find_word(kind, &shown->memory);
        shown->word = buffer_text(&shown->memory);
        if (strlen(shown->word) == shown->memory.length && call_is_token(shown->word)) return true;
        say("%s: there is no %s in it", shown->file, kind->name);
        return false;
    }
    if (shown->word == NULL || call_is_token(shown->word)) return true;
    say("\"%s\" is no %s: it is the word behind \"%s\" of an earlier command", shown->word, kind->name,
        kind->label);
    return false;
}

void shown_deinit(struct shown *shown)
{
    buffer_deinit(&shown->memory);
}
