/* Files, standard input, secrets. */
#include "node/cli/input.h"

#include "node/cli/say.h"
#include "node/edge/files.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { CTRL_C = 3 };

FILE *input_open(const char *path)
{
    if (strcmp(path, "-") == 0) return stdin;
    FILE *file = fopen(path, "rbe");
    struct stat about;
    if (file != NULL && fstat(fileno(file), &about) == 0 && S_ISDIR(about.st_mode)) {
        fclose(file);
        file = NULL;
        errno = EISDIR;
    }
    if (file == NULL) say("%s: %s", path, strerror(errno));
    return file;
}

void input_close(FILE *file)
{
    if (file != NULL && file != stdin) fclose(file);
}

bool input_read_rest(FILE *file, const char *name, struct buffer *out)
{
    enum { PIECE_BYTES = 64 * 1024 };
    for (;;) {
        char *at = buffer_room(out, PIECE_BYTES);
        size_t taken = fread(at, 1, PIECE_BYTES, file);
        out->length += taken;
        out->bytes[out->length] = '\0';
        if (out->length > INPUT_BYTES_MAX) {
            say("%s: longer than %d bytes", name, INPUT_BYTES_MAX);
            return false;
        }
        if (taken < PIECE_BYTES) break;
    }
    if (ferror(file)) {
        say("%s: %s", name, strerror(errno));
        return false;
    }
    return true;
}

bool input_read_file(const char *path, struct buffer *out)
{
    FILE *file = input_open(path);
    if (file == NULL) return false;
    bool is_read = input_read_rest(file, file == stdin ? "standard input" : path, out);
    input_close(file);
    return is_read;
}

static const unsigned char MARK[] = {0xef, 0xbb, 0xbf};

/* Do the first bytes, at most 2 of them looked at, say UTF-16? */
static bool is_utf16(const unsigned char *bytes, size_t length)
{
    return length >= 2 && ((bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff));
}

static bool refuse_utf16(const char *name)
{
    say("%s: this is UTF-16; it must be UTF-8", name);
    return false;
}

bool input_skip_mark(struct buffer *text, const char *name)
{
    const unsigned char *bytes = (const unsigned char *)text->bytes;
    if (is_utf16(bytes, text->length)) return refuse_utf16(name);
    if (text->length < sizeof MARK || memcmp(bytes, MARK, sizeof MARK) != 0) return true;
    text->length -= sizeof MARK;
    memmove(text->bytes, text->bytes + sizeof MARK, text->length + 1);
    return true;
}

bool input_skip_mark_in(FILE *file, const char *name)
{
    unsigned char first[sizeof MARK];
    size_t length = 0;
    /* One byte alone tells whether there may be a mark; more cannot be given back to a pipe. */
    for (int c = getc(file); c != EOF; c = getc(file)) {
        first[length++] = (unsigned char)c;
        if (is_utf16(first, length)) return refuse_utf16(name);
        if (length == sizeof MARK && memcmp(first, MARK, sizeof MARK) == 0) return true;
        bool may_be_mark = length < sizeof MARK && memcmp(first, MARK, length) == 0;
        bool may_be_utf16 = length == 1 && (first[0] == 0xff || first[0] == 0xfe);
        if (may_be_mark || may_be_utf16) continue;
        if (length == 1) {
            ungetc(c, file);
            return true;
        }
        break;
    }
    if (length == 0) return true;
    say("%s: this does not begin as text does that is JSON", name);
    return false;
}

static bool trim_secret(struct buffer *out, const char *name)
{
    if (out->length > 0 && out->bytes[out->length - 1] == '\n') out->length--;
    if (out->length > 0 && out->bytes[out->length - 1] == '\r') out->length--;
    if (out->length > 0 && memchr(out->bytes, '\0', out->length) == NULL) {
        out->bytes[out->length] = '\0';
        return true;
    }
    say("%s: there is no secret in it", name);
    buffer_deinit(out);
    return false;
}

bool input_read_secret_file(const char *path, struct buffer *out)
{
    char message[FILES_MESSAGE_BYTES];
    bool exists = false;
    size_t length = 0;
    char *at = buffer_room(out, INPUT_SECRET_BYTES_MAX);
    if (files_secret_read(path, at, 0, INPUT_SECRET_BYTES_MAX, &length, &exists, message, sizeof message) !=
        ERR_OK) {
        say("%s", message);
        return false;
    }
    if (!exists) {
        say("%s: there is no such file", path);
        return false;
    }
    out->length += length;
    return trim_secret(out, path);
}

/* A line from the terminal that is not shown while it is typed. Ctrl-C is read as a character meanwhile (ISIG),
 * and leaves nothing: a signal would end the program with a terminal that stays silent. */
static void read_hidden_line(const char *question, struct buffer *out)
{
    struct termios before;
    bool can_hide = tcgetattr(STDIN_FILENO, &before) == 0;
    if (can_hide) {
        struct termios hidden = before;
        hidden.c_lflag &= (tcflag_t) ~(unsigned)(ECHO | ISIG);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    }
    fprintf(stderr, "%s: ", question);
    for (int c = getchar(); c != EOF && c != '\n' && out->length < INPUT_SECRET_BYTES_MAX; c = getchar()) {
        char byte = (char)c;
        buffer_add(out, &byte, 1);
    }
    if (can_hide) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    if (out->length > 0 && memchr(out->bytes, CTRL_C, out->length) != NULL) buffer_clear(out);
    fputc('\n', stderr);
}

bool input_read_secret_stdin(const char *question, struct buffer *out)
{
    if (isatty(STDIN_FILENO)) {
        read_hidden_line(question, out);
    } else {
        char *at = buffer_room(out, INPUT_SECRET_BYTES_MAX);
        out->length += fread(at, 1, INPUT_SECRET_BYTES_MAX, stdin);
    }
    return trim_secret(out, "standard input");
}

bool input_is_piped(void)
{
    struct stat about;
    return fstat(STDIN_FILENO, &about) == 0 &&
           (S_ISFIFO(about.st_mode) || S_ISREG(about.st_mode) || S_ISSOCK(about.st_mode));
}
