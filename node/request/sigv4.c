/* Signature Version 4 as K2V wants it: canonical request, string to sign, keys, dates.
 *
 * The canonical request is never put together as text: it runs through a small window into SHA-256. Only a query
 * of several pairs is written out first, since it must be sorted.
 */
#include "node/request/sigv4.h"

#include <assert.h>
#include <sodium/utils.h>

/* Text on its way into the hash; gathered, since many small additions cost more than the hashing itself. */
struct window {
    struct hash_sha256 hash;
    size_t used;
    uint8_t bytes[512];
};

static void window_flush(struct window *window)
{
    hash_sha256_add(&window->hash, window->bytes, window->used);
    window->used = 0;
}

static void window_add(struct window *window, const void *bytes, size_t length)
{
    if (length > sizeof window->bytes - window->used) window_flush(window);
    if (length > sizeof window->bytes) {
        hash_sha256_add(&window->hash, bytes, length);
    } else if (length > 0) {
        memcpy(window->bytes + window->used, bytes, length);
        window->used += length;
    }
}

static void window_add_char(struct window *window, char c)
{
    window_add(window, &c, 1);
}

/* A bit for each ASCII character that stays as it is: A-Z a-z 0-9 - . _ ~ */
static const uint64_t unreserved[4] = {UINT64_C(0x03ff600000000000), UINT64_C(0x47fffffe87fffffe), 0, 0};

/* Write `c` percent-encoded, 1 or 3 chars. A slash stays when it is told to. Returns the chars. */
static size_t encode_char(uint8_t c, bool keep_slash, uint8_t out[3])
{
    static const char digits[] = "0123456789ABCDEF";
    if ((unreserved[c >> 6] >> (c & 63) & 1) != 0 || (keep_slash && c == '/')) {
        out[0] = c;
        return 1;
    }
    out[0] = '%';
    out[1] = (uint8_t)digits[c >> 4];
    out[2] = (uint8_t)digits[c & 15];
    return 3;
}

static void window_add_encoded(struct window *window, struct http_span text, bool keep_slash)
{
    for (size_t i = 0; i < text.length; i++) {
        if (sizeof window->bytes - window->used < 3) window_flush(window);
        window->used += encode_char((uint8_t)text.at[i], keep_slash, window->bytes + window->used);
    }
}

static uint8_t lower(char c)
{
    return (uint8_t)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool sigv4_is_same_name(struct http_span a, struct http_span b)
{
    if (a.length != b.length) return false;
    for (size_t i = 0; i < a.length; i++) {
        if (lower(a.at[i]) != lower(b.at[i])) return false;
    }
    return true;
}

static bool is_skipped(const struct sigv4_request *request, const struct http_parameter *parameter)
{
    return request->skip_parameter.at != NULL && sigv4_is_same_name(parameter->name, request->skip_parameter);
}

static uint8_t *encode_text(uint8_t *out, struct http_span text)
{
    for (size_t i = 0; i < text.length; i++) {
        out += encode_char((uint8_t)text.at[i], false, out);
    }
    return out;
}

/* Put `pair` into the sorted `pairs`. Few pairs, mostly in order already: insertion is enough. */
static void insert_sorted(struct span *pairs, size_t count, struct span pair)
{
    size_t i = count;
    while (i > 0 && span_compare(pairs[i - 1], pair) > 0) {
        pairs[i] = pairs[i - 1];
        i--;
    }
    pairs[i] = pair;
}

/* Several pairs: written out, sorted as finished texts, and joined. */
static bool add_sorted_query(struct window *window, const struct sigv4_request *request, struct arena *scratch)
{
    size_t chars = 0;
    for (uint32_t i = 0; i < request->parameters_count; i++) {
        chars += 3 * (request->parameters[i].name.length + request->parameters[i].value.length) + 1;
    }
    struct span *pairs = arena_array(scratch, request->parameters_count, sizeof *pairs);
    uint8_t *text = arena_alloc(scratch, chars);
    if (pairs == NULL || text == NULL) return false;

    size_t count = 0;
    for (uint32_t i = 0; i < request->parameters_count; i++) {
        const struct http_parameter *parameter = &request->parameters[i];
        if (is_skipped(request, parameter)) continue;
        uint8_t *end = encode_text(text, parameter->name);
        *end++ = '=';
        end = encode_text(end, parameter->value);
        insert_sorted(pairs, count++, span_of(text, (size_t)(end - text)));
        text = end;
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0) window_add_char(window, '&');
        window_add(window, pairs[i].bytes, pairs[i].length);
    }
    return true;
}

static bool add_query(struct window *window, const struct sigv4_request *request, struct arena *scratch)
{
    if (request->parameters_count > 1) return add_sorted_query(window, request, scratch);
    if (request->parameters_count == 1 && !is_skipped(request, &request->parameters[0])) {
        window_add_encoded(window, request->parameters[0].name, false);
        window_add_char(window, '=');
        window_add_encoded(window, request->parameters[0].value, false);
    }
    return true;
}

static const struct http_header *find_header(const struct sigv4_request *request, struct http_span name)
{
    for (uint32_t i = 0; i < request->headers_count; i++) {
        if (sigv4_is_same_name(request->headers[i].name, name)) return &request->headers[i];
    }
    return NULL;
}

/* The headers' lines and the list of their names. Clients send the list sorted, but need not. */
static bool add_headers(struct window *window, const struct sigv4_request *request)
{
    assert(request->signed_names_count <= SIGV4_SIGNED_HEADERS_MAX);
    struct span names[SIGV4_SIGNED_HEADERS_MAX];
    for (uint32_t i = 0; i < request->signed_names_count; i++) {
        struct http_span name = request->signed_names[i];
        insert_sorted(names, i, span_of(name.at, name.length));
    }

    for (uint32_t i = 0; i < request->signed_names_count; i++) {
        struct http_span name = {(const char *)names[i].bytes, names[i].length};
        const struct http_header *header = find_header(request, name);
        if (header == NULL) return false;
        window_add(window, name.at, name.length);
        window_add_char(window, ':');
        window_add(window, header->value.at, header->value.length);
        window_add_char(window, '\n');
    }
    window_add_char(window, '\n');
    for (uint32_t i = 0; i < request->signed_names_count; i++) {
        if (i > 0) window_add_char(window, ';');
        window_add(window, names[i].bytes, names[i].length);
    }
    window_add_char(window, '\n');
    return true;
}

bool sigv4_canonical_hash(const struct sigv4_request *request, struct arena *scratch,
                          uint8_t hash[HASH_SHA256_BYTES])
{
    struct window window;
    window.used = 0;
    hash_sha256_init(&window.hash);

    window_add(&window, request->method.at, request->method.length);
    window_add_char(&window, '\n');
    if (request->path.length == 0) {
        window_add_char(&window, '/');
    } else {
        window_add_encoded(&window, request->path, true);
    }
    window_add_char(&window, '\n');
    if (!add_query(&window, request, scratch)) return false;
    window_add_char(&window, '\n');
    if (!add_headers(&window, request)) return false;
    window_add(&window, request->payload_hash.at, request->payload_hash.length);

    window_flush(&window);
    hash_sha256_final(&window.hash, hash);
    return true;
}

void sigv4_signing_key(struct span secret, const char date[SIGV4_DATE_CHARS], struct span region,
                       uint8_t key[HASH_SHA256_BYTES])
{
    /* HMAC("AWS4" + secret, date) without a copy of a secret of any length: HMAC itself hashes keys longer than
     * a block, so longer ones are hashed here first. */
    static const char prefix[4] = "AWS4";
    uint8_t first[64];
    size_t first_bytes = HASH_SHA256_BYTES;
    if (secret.length > sizeof first - sizeof prefix) {
        struct hash_sha256 hash;
        hash_sha256_init(&hash);
        hash_sha256_add(&hash, prefix, sizeof prefix);
        hash_sha256_add(&hash, secret.bytes, secret.length);
        hash_sha256_final(&hash, first);
    } else {
        memcpy(first, prefix, sizeof prefix);
        if (secret.length > 0) memcpy(first + sizeof prefix, secret.bytes, secret.length);
        first_bytes = sizeof prefix + secret.length;
    }

    hash_hmac_sha256(span_of(first, first_bytes), span_of(date, SIGV4_DATE_CHARS), key);
    sodium_memzero(first, sizeof first);
    hash_hmac_sha256(span_of(key, HASH_SHA256_BYTES), region, key);
    hash_hmac_sha256(span_of(key, HASH_SHA256_BYTES), span_text("k2v"), key);
    hash_hmac_sha256(span_of(key, HASH_SHA256_BYTES), span_text("aws4_request"), key);
}

/* Add `length` chars at `at`; the place behind them. */
static char *append(char *at, const void *text, size_t length)
{
    memcpy(at, text, length);
    return at + length;
}

size_t sigv4_scope_encode(const char date[SIGV4_DATE_CHARS], struct span region, char scope[SIGV4_SCOPE_CHARS_MAX])
{
    static const char suffix[] = "/k2v/aws4_request";
    assert(region.length > 0 && region.length <= SIGV4_REGION_CHARS_MAX);
    char *at = append(scope, date, SIGV4_DATE_CHARS);
    at = append(at, "/", 1);
    at = append(at, region.bytes, region.length);
    at = append(at, suffix, sizeof suffix - 1);
    return (size_t)(at - scope);
}

void sigv4_signature(const uint8_t key[HASH_SHA256_BYTES], const char datetime[SIGV4_DATETIME_CHARS],
                     struct span region, const uint8_t canonical_hash[HASH_SHA256_BYTES],
                     uint8_t signature[HASH_SHA256_BYTES])
{
    static const char label[] = "AWS4-HMAC-SHA256\n";
    char text[sizeof label + SIGV4_DATETIME_CHARS + 1 + SIGV4_SCOPE_CHARS_MAX + 1 + 2 * HASH_SHA256_BYTES];
    char *at = append(text, label, sizeof label - 1);
    at = append(at, datetime, SIGV4_DATETIME_CHARS);
    at = append(at, "\n", 1);
    at += sigv4_scope_encode(datetime, region, at);
    at = append(at, "\n", 1);
    hash_hex(canonical_hash, HASH_SHA256_BYTES, at);
    at += 2 * HASH_SHA256_BYTES;
    hash_hmac_sha256(span_of(key, HASH_SHA256_BYTES), span_of(text, (size_t)(at - text)), signature);
}

static bool is_leap(uint64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days before 1 January of `year`, counted from 1 January of the year 1. */
static uint64_t days_before_year(uint64_t year)
{
    uint64_t past = year - 1;
    return past * 365 + past / 4 - past / 100 + past / 400;
}

static uint64_t days_of_month(uint64_t year, uint64_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

enum { EPOCH_YEAR = 1970, DAY_S = 86400 };

static void digits_encode(char *at, size_t width, uint64_t value)
{
    for (size_t i = width; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
}

void sigv4_datetime_encode(uint64_t unix_time_s, char datetime[SIGV4_DATETIME_CHARS])
{
    uint64_t days = unix_time_s / DAY_S + days_before_year(EPOCH_YEAR);
    assert(days < days_before_year(10000));
    uint64_t second = unix_time_s % DAY_S;
    uint64_t year = days / 366 + 1; /* never too late; at most a few years early */
    while (days_before_year(year + 1) <= days) {
        year++;
    }
    days -= days_before_year(year);
    uint64_t month = 1;
    while (days >= days_of_month(year, month)) {
        days -= days_of_month(year, month);
        month++;
    }

    digits_encode(datetime, 4, year);
    digits_encode(datetime + 4, 2, month);
    digits_encode(datetime + 6, 2, days + 1);
    datetime[8] = 'T';
    digits_encode(datetime + 9, 2, second / 3600);
    digits_encode(datetime + 11, 2, second / 60 % 60);
    digits_encode(datetime + 13, 2, second % 60);
    datetime[15] = 'Z';
}

static bool digits_decode(const char *at, size_t width, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < width; i++) {
        if (at[i] < '0' || at[i] > '9') return false;
        *value = *value * 10 + (uint64_t)(at[i] - '0');
    }
    return true;
}

bool sigv4_datetime_decode(struct http_span text, uint64_t *unix_time_s)
{
    if (text.length != SIGV4_DATETIME_CHARS || text.at[8] != 'T' || text.at[15] != 'Z') return false;
    uint64_t year, month, day, hour, minute, second;
    if (!digits_decode(text.at, 4, &year) || !digits_decode(text.at + 4, 2, &month) ||
        !digits_decode(text.at + 6, 2, &day) || !digits_decode(text.at + 9, 2, &hour) ||
        !digits_decode(text.at + 11, 2, &minute) || !digits_decode(text.at + 13, 2, &second)) {
        return false;
    }
    if (year < EPOCH_YEAR || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month)) return false;
    if (hour > 23 || minute > 59 || second > 59) return false;

    uint64_t days = days_before_year(year) - days_before_year(EPOCH_YEAR) + day - 1;
    for (uint64_t past = 1; past < month; past++) {
        days += days_of_month(year, past);
    }
    *unix_time_s = days * DAY_S + hour * 3600 + minute * 60 + second;
    return true;
}
