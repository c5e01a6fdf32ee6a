/* Heads of replies and the framing of streamed bodies. Names in lower case, a date on all (reference 6.1). */
#include "http/reply.h"

#include <assert.h>
#include <string.h>

enum { SECONDS_PER_DAY = 24 * 60 * 60 };

static void add_text(struct http_out *out, const char *text)
{
    http_out_add(out, text, strlen(text));
}

/* --- status line and date ------------------------------------------------------------------------------- */

static const struct {
    int status;
    const char *line;
} STATUS_LINES[] = {
    {200, "200 OK"},
    {204, "204 No Content"},
    {304, "304 Not Modified"},
    {400, "400 Bad Request"},
    {401, "401 Unauthorized"},
    {403, "403 Forbidden"},
    {404, "404 Not Found"},
    {405, "405 Method Not Allowed"},
    {406, "406 Not Acceptable"},
    {408, "408 Request Timeout"},
    {409, "409 Conflict"},
    {413, "413 Content Too Large"},
    {414, "414 URI Too Long"},
    {431, "431 Request Header Fields Too Large"},
    {500, "500 Internal Server Error"},
    {501, "501 Not Implemented"},
    {503, "503 Service Unavailable"},
    {507, "507 Insufficient Storage"},
};

static const char *status_line(int status)
{
    size_t i = 0;
    for (; STATUS_LINES[i].status != status; i++)
        assert(i + 1 < sizeof STATUS_LINES / sizeof STATUS_LINES[0]);
    return STATUS_LINES[i].line;
}

struct date {
    uint64_t year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
};

/* The day of the proleptic Gregorian calendar. Years are counted from March, so that a leap day ends its year;
 * 400 years have 146,097 days. */
static struct date date_of(uint64_t days_since_1970)
{
    uint64_t days = days_since_1970 + 719468; /* since 1 March 0000 */
    uint64_t era = days / 146097;
    unsigned day_of_era = (unsigned)(days % 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (5 * day_of_year + 2) / 153;
    unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (struct date){
        .year = era * 400 + year_of_era + (month <= 2 ? 1 : 0),
        .month = month,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };
}

static char *put_digits(char *at, uint64_t number, size_t digits)
{
    for (size_t i = digits; i > 0; i--) {
        at[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + digits;
}

static char *put_text(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    return at + length;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static void add_date(struct http_out *out, uint64_t unix_time_s)
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* 1 January 1970 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const uint64_t year_9999_ends_s = 253402300799; /* the form has four digits */
    uint64_t time_s = unix_time_s < year_9999_ends_s ? unix_time_s : year_9999_ends_s;
    uint64_t second_of_day = time_s % SECONDS_PER_DAY;
    struct date date = date_of(time_s / SECONDS_PER_DAY);

    char text[29];
    char *at = put_text(text, days + time_s / SECONDS_PER_DAY % 7 * 3, 3);
    at = put_text(at, ", ", 2);
    at = put_digits(at, date.day, 2);
    *at++ = ' ';
    at = put_text(at, months + (date.month - 1) * 3, 3);
    *at++ = ' ';
    at = put_digits(at, date.year, 4);
    *at++ = ' ';
    at = put_digits(at, second_of_day / 3600, 2);
    *at++ = ':';
    at = put_digits(at, second_of_day / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, second_of_day % 60, 2);
    at = put_text(at, " GMT", 4);
    assert(at == text + sizeof text);
    http_out_add(out, text, sizeof text);
}

void http_reply_begin(struct http_out *out, int status, uint64_t unix_time_s)
{
    add_text(out, "HTTP/1.1 ");
    add_text(out, status_line(status));
    add_text(out, "\r\ndate: ");
    add_date(out, unix_time_s);
    add_text(out, "\r\n");
}

/* --- headers -------------------------------------------------------------------------------------------- */

/* No line ends where a header's value says so. */
static void assert_printable(struct http_span text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        assert((c >= 0x20 || c == '\t') && c != 0x7f);
    }
}

void http_reply_header(struct http_out *out, const char *name, struct http_span value)
{
    assert_printable(value);
    add_text(out, name);
    add_text(out, ": ");
    http_out_add(out, value.at, value.length);
    add_text(out, "\r\n");
}

void http_reply_header_text(struct http_out *out, const char *name, const char *value)
{
    http_reply_header(out, name, (struct http_span){value, strlen(value)});
}

static void add_decimal(struct http_out *out, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    http_out_add(out, digits + at, sizeof digits - at);
}

bool http_reply_end(struct http_out *out, enum http_body_kind kind, uint64_t content_length, uint8_t minor,
                    bool keep_alive)
{
    switch (kind) {
    case HTTP_BODY_NONE: break;
    case HTTP_BODY_LENGTH:
        add_text(out, "content-length: ");
        add_decimal(out, content_length);
        add_text(out, "\r\n");
        break;
    case HTTP_BODY_CHUNKED:
        if (minor == 0) {
            keep_alive = false;
        } else {
            add_text(out, "transfer-encoding: chunked\r\n");
        }
        break;
    }
    if (!keep_alive) {
        add_text(out, "connection: close\r\n");
    } else if (minor == 0) {
        add_text(out, "connection: keep-alive\r\n");
    }
    add_text(out, "\r\n");
    return keep_alive;
}

/* --- chunks --------------------------------------------------------------------------------------------- */

void http_chunk_begin(struct http_out *out, size_t length)
{
    assert(length > 0); /* a chunk of 0 bytes would end the body */
    char line[2 * sizeof length + 2];
    size_t at = sizeof line;
    line[--at] = '\n';
    line[--at] = '\r';
    for (size_t left = length; left > 0; left /= 16) {
        line[--at] = "0123456789abcdef"[left % 16];
    }
    http_out_add(out, line + at, sizeof line - at);
}

void http_chunk_end(struct http_out *out)
{
    add_text(out, "\r\n");
}

void http_chunk_last(struct http_out *out)
{
    add_text(out, "0\r\n\r\n");
}

struct http_span http_continue(void)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    return (struct http_span){text, sizeof text - 1};
}

void http_reply_broken(struct http_out *out, int status, uint64_t unix_time_s)
{
    http_reply_begin(out, status, unix_time_s);
    http_reply_end(out, HTTP_BODY_LENGTH, 0, 1, false);
}

void http_reply_unavailable(struct http_out *out, uint64_t unix_time_s, const char *region, const char *code,
                            const char *message)
{
    char bytes[512];
    struct http_out body = {.bytes = bytes, .capacity = sizeof bytes};
    struct http_json_writer writer;
    http_json_writer_init(&writer, &body);
    http_json_begin_object(&writer);
    http_json_name(&writer, "code");
    http_json_text(&writer, code);
    http_json_name(&writer, "message");
    http_json_text(&writer, message);
    http_json_name(&writer, "region");
    http_json_text(&writer, region);
    http_json_name(&writer, "path");
    http_json_text(&writer, ""); /* not known, or not believed */
    http_json_end_object(&writer);
    assert(!body.failed);

    http_reply_begin(out, 503, unix_time_s);
    http_reply_header_text(out, "content-type", "application/json");
    http_reply_end(out, HTTP_BODY_LENGTH, body.used, 1, false);
    http_out_add(out, body.bytes, body.used);
}
