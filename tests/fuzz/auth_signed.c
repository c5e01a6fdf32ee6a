/* Requests that are rightly signed, whatever else is in them: mutations of finished requests (tests/fuzz/auth.c)
 * never get past the signature, so here the input is what is to be signed, and a signer of our own signs it.
 *
 * Input: a byte of options, a byte for the clock, two for the change made at the end; then lines: method, target,
 * and "name:value" for each header. The request goes through the HTTP parser and the router first, as a client's
 * does.
 *
 * - Two opinions on what is signed: the program's and the signer's. A request signed as the protocol says is never
 *   refused for its signature; an ordinary one within its time is allowed.
 * - After a bit of it is turned it is allowed only where the signer, too, would sign the very same text.
 * - Never with another secret, never outside its time, never with an x-amz-* header that is not signed.
 */
#include "node/request/auth.h"
#include "tests/lib/signer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY_ID  "GK0123456789abcdef01234567"
#define SECRET  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Noon of SIGNER_DAY; requests are dated so that all dates are of that day. */
#define NOON_S UINT64_C(1749988800)

enum { SKEW_S = 900, EXPIRES_S = 3600, NAMES_CHARS = 8192, NAME_CHARS_MAX = 60 };

/* The options' bits. */
enum { IS_PRESIGNED = 1, SIGNS_ALL = 2, FORM_SHIFT = 2, FORM_MASK = 7, SIGNS_HOST_ONLY = 32 };

static const char *const forms[8] = {
    NOTHING,
    "UNSIGNED-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    "nonsense",
    "",
};

/* One request as bytes, and as the parser and the router see it. */
struct request {
    struct signer_text bytes;
    char buffer[HTTP_HEAD_BYTES_MAX];
    char decoded[HTTP_HEAD_BYTES_MAX];
    struct http_parser parser;
    struct http_route route;
};

struct input {
    uint8_t options;
    int skew_s; /* how far the request's date is from the clock */
    uint8_t change[2];
    struct http_span method, target, headers;
};

static bool take_line(struct http_span *rest, struct http_span *line)
{
    if (rest->length == 0) return false;
    const char *end = memchr(rest->at, '\n', rest->length);
    size_t length = end == NULL ? rest->length : (size_t)(end - rest->at);
    size_t used = end == NULL ? length : length + 1;
    *line = (struct http_span){rest->at, length};
    *rest = (struct http_span){rest->at + used, rest->length - used};
    return true;
}

static bool read_input(const uint8_t *data, size_t size, struct input *input)
{
    if (size < 4) return false;
    struct http_span rest = {(const char *)data + 4, size - 4};
    input->options = data[0];
    input->skew_s = ((int)data[1] - 128) * 32; /* a little more than an hour either way */
    memcpy(input->change, data + 2, 2);
    bool has_lines = take_line(&rest, &input->method) && take_line(&rest, &input->target);
    input->headers = rest;
    return has_lines;
}

/* Parse and route the bytes. False when either refuses them, or finds something behind the head. */
static bool read_request(struct request *request)
{
    struct http_refusal refusal;
    size_t taken = 0;
    http_parser_init(&request->parser, request->buffer);
    if (http_parse(&request->parser, request->bytes.bytes, request->bytes.length, &taken) != HTTP_HEAD)
        return false;
    if (taken < request->bytes.length) return false;
    return http_route(request->parser.head.method, request->parser.head.target, request->decoded, &request->route,
                      &refusal);
}

static bool is_header(struct http_span name, const char *wanted)
{
    return http_is_equal_nocase(name, wanted);
}

static bool is_amz(struct http_span name)
{
    return name.length >= 6 && is_header((struct http_span){name.at, 6}, "x-amz-");
}

/* Is it a name the signer adds itself? */
static bool is_reserved(struct http_span name)
{
    return is_header(name, "host") || is_header(name, "authorization") || is_header(name, "x-amz-date") ||
           is_header(name, "x-amz-content-sha256") || is_header(name, "content-length") ||
           is_header(name, "transfer-encoding");
}

static void add_header(struct signer_text *bytes, const char *name, const char *value)
{
    signer_say(bytes, name);
    signer_say(bytes, ": ");
    signer_say(bytes, value);
    signer_say(bytes, "\r\n");
}

/* The request line and all headers but the signature's own. */
static void begin_request(const struct input *input, const char *query, const char *datetime,
                          struct signer_text *bytes)
{
    struct http_span rest = input->headers;
    struct http_span line;
    bytes->length = 0;
    signer_add(bytes, input->method.at, input->method.length);
    signer_say(bytes, " ");
    signer_add(bytes, input->target.at, input->target.length);
    signer_say(bytes, query);
    signer_say(bytes, " HTTP/1.1\r\n");
    add_header(bytes, "Host", "k2v.example.org:3904");
    if (!(input->options & IS_PRESIGNED)) {
        add_header(bytes, "X-Amz-Date", datetime);
        add_header(bytes, "x-amz-content-sha256", forms[input->options >> FORM_SHIFT & FORM_MASK]);
    }
    while (take_line(&rest, &line)) {
        const char *colon = line.length == 0 ? NULL : memchr(line.at, ':', line.length);
        if (colon == NULL || is_reserved((struct http_span){line.at, (size_t)(colon - line.at)})) continue;
        signer_add(bytes, line.at, line.length);
        signer_say(bytes, "\r\n");
    }
}

/* The names to sign, in order and in lower case: host and x-amz-*, or all, or host alone, which is not enough. */
static void list_names(const struct http_head *head, uint8_t options, char names[NAMES_CHARS])
{
    char sorted[HTTP_HEADERS_MAX][NAME_CHARS_MAX + 1];
    size_t count = 0;
    for (uint32_t i = 0; i < head->headers_count; i++) {
        struct http_span name = head->headers[i].name;
        if (name.length > NAME_CHARS_MAX || is_header(name, "authorization")) continue;
        bool is_wanted = options & SIGNS_HOST_ONLY ? false : is_amz(name) || (options & SIGNS_ALL) != 0;
        if (!is_wanted && !is_header(name, "host")) continue;
        char lower[NAME_CHARS_MAX + 1] = "";
        for (size_t at = 0; at < name.length; at++) {
            char c = name.at[at];
            lower[at] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
        }
        size_t place = count;
        while (place > 0 && strcmp(sorted[place - 1], lower) > 0)
            place--;
        if (place > 0 && strcmp(sorted[place - 1], lower) == 0) continue; /* given twice: named once */
        memmove(sorted[place + 1], sorted[place], (count - place) * sizeof sorted[0]);
        memcpy(sorted[place], lower, sizeof lower);
        count++;
    }
    names[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (i > 0) strcat(names, ";");
        strcat(names, sorted[i]);
    }
}

static struct http_span payload_hash_of(const struct request *request, const struct input *input)
{
    static const char unsigned_payload[] = "UNSIGNED-PAYLOAD";
    if (input->options & IS_PRESIGNED) return (struct http_span){unsigned_payload, sizeof unsigned_payload - 1};
    return http_head_find(&request->parser.head, "x-amz-content-sha256")->value;
}

static void datetime_of(const struct input *input, char datetime[SIGV4_DATETIME_CHARS + 1])
{
    int second = 12 * 3600 + input->skew_s;
    snprintf(datetime, SIGV4_DATETIME_CHARS + 1, SIGNER_DAY "T%02d%02d%02dZ", second / 3600, second / 60 % 60,
             second % 60);
}

/* What is signed of a request, as the signer sees it. */
static void write_canonical(const struct request *request, const struct input *input, const char *names,
                            struct signer_text *canonical)
{
    canonical->length = 0;
    signer_canonical(canonical, &request->parser.head, &request->route, names, payload_hash_of(request, input));
}

/* The whole request, signed in its header. `names` and `canonical` out: what was signed. */
static bool sign_by_header(const struct input *input, const char *datetime, struct request *request,
                           char names[NAMES_CHARS], struct signer_text *canonical)
{
    uint8_t key[HASH_SHA256_BYTES];
    char hex[65];
    begin_request(input, "", datetime, &request->bytes);
    size_t length = request->bytes.length;
    signer_say(&request->bytes, "\r\n");
    if (!read_request(request)) return false;
    list_names(&request->parser.head, input->options, names);
    write_canonical(request, input, names, canonical);
    signer_key(SECRET, key);
    signer_sign_request(key, datetime, canonical, hex);
    request->bytes.length = length;
    signer_say(&request->bytes,
               "Authorization: AWS4-HMAC-SHA256 Credential=" KEY_ID "/" SIGNER_SCOPE ", SignedHeaders=");
    signer_say(&request->bytes, names);
    signer_say(&request->bytes, ", Signature=");
    signer_say(&request->bytes, hex);
    signer_say(&request->bytes, "\r\n\r\n");
    return read_request(request);
}

static void write_query(const struct input *input, const char *datetime, const char *names, const char *signature,
                        struct signer_text *query)
{
    query->length = 0;
    bool has_query = input->target.length > 0 && memchr(input->target.at, '?', input->target.length) != NULL;
    signer_say(query, has_query ? "&" : "?");
    signer_say(query, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" KEY_ID "%2F");
    signer_add_encoded(query, (struct http_span){SIGNER_SCOPE, strlen(SIGNER_SCOPE)}, "");
    signer_say(query, "&X-Amz-Date=");
    signer_say(query, datetime);
    signer_say(query, "&X-Amz-Expires=3600&X-Amz-SignedHeaders=");
    signer_add_encoded(query, (struct http_span){names, strlen(names)}, "-_.~");
    if (signature == NULL) return;
    signer_say(query, "&X-Amz-Signature=");
    signer_say(query, signature);
}

/* The same with its signature in the query. */
static bool sign_by_query(const struct input *input, const char *datetime, struct request *request,
                          char names[NAMES_CHARS], struct signer_text *canonical)
{
    static struct signer_text query;
    uint8_t key[HASH_SHA256_BYTES];
    char hex[65];
    begin_request(input, "", datetime, &request->bytes); /* first to learn the names */
    signer_say(&request->bytes, "\r\n");
    if (!read_request(request)) return false;
    list_names(&request->parser.head, input->options, names);
    write_query(input, datetime, names, NULL, &query);
    begin_request(input, query.bytes, datetime, &request->bytes);
    signer_say(&request->bytes, "\r\n");
    if (!read_request(request)) return false;
    write_canonical(request, input, names, canonical);
    signer_key(SECRET, key);
    signer_sign_request(key, datetime, canonical, hex);
    write_query(input, datetime, names, hex, &query);
    begin_request(input, query.bytes, datetime, &request->bytes);
    signer_say(&request->bytes, "\r\n");
    return read_request(request);
}

/* --- asking ---------------------------------------------------------------------------------------------- */

static struct span sealed_of(const void *owner, struct span key_id)
{
    return span_is_equal(key_id, span_text(KEY_ID)) ? span_text(owner) : (struct span){0};
}

static size_t open_secret(const void *owner, struct span key_id, struct span sealed,
                          uint8_t secret[LIMITS_SECRET_CHARS_MAX])
{
    (void)owner;
    if (!span_is_equal(key_id, span_text(KEY_ID))) return 0;
    memcpy(secret, sealed.bytes, sealed.length);
    return sealed.length;
}

static struct auth_answer ask(const struct request *request, const char *secret)
{
    static struct signing_cache cache;
    struct auth_settings settings = {span_text("garage"), SKEW_S};
    struct auth_keys keys = {sealed_of, open_secret, secret};
    struct auth_answer answer;
    struct arena scratch;
    arena_init(&scratch, 1 << 20);
    auth_check(&settings, &keys, &cache, &request->parser.head, &request->route, NOON_S, &scratch, &answer);
    arena_deinit(&scratch);
    return answer;
}

/* --- what must be allowed -------------------------------------------------------------------------------- */

static bool is_in_time(const struct input *input)
{
    int age_s = -input->skew_s;
    return age_s >= -SKEW_S && age_s <= (input->options & IS_PRESIGNED ? EXPIRES_S : SKEW_S);
}

static bool has_only_letters(struct http_span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-')) return false;
    }
    return name.length > 0;
}

static bool is_same(struct http_span a, struct http_span b)
{
    char text[NAME_CHARS_MAX + 1];
    if (a.length != b.length || a.length > NAME_CHARS_MAX) return a.length == b.length;
    memcpy(text, a.at, a.length);
    text[a.length] = '\0';
    return http_is_equal_nocase(b, text);
}

/* Nothing odd in headers and query: names of letters, each once, and values of ASCII. */
static bool is_ordinary(const struct request *request, const struct input *input)
{
    const struct http_head *head = &request->parser.head;
    for (uint32_t i = 0; i < head->headers_count; i++) {
        struct http_span name = head->headers[i].name;
        struct http_span value = head->headers[i].value;
        if (!has_only_letters(name) && !is_header(name, "x-amz-content-sha256")) return false;
        if (name.length > NAME_CHARS_MAX || (is_amz(name) && !is_reserved(name))) return false;
        for (size_t at = 0; at < value.length; at++) {
            if ((unsigned char)value.at[at] > 0x7e) return false;
        }
        for (uint32_t other = 0; other < i; other++) {
            if (is_same(head->headers[other].name, name)) return false;
        }
    }
    uint32_t own = input->options & IS_PRESIGNED ? 6 : 0; /* the last parameters are the signer's */
    for (uint32_t i = 0; i < request->route.parameters_count; i++) {
        struct http_span name = request->route.parameters[i].name;
        if (!has_only_letters(name)) return false;
        if (is_amz(name) && i + own < request->route.parameters_count) return false;
        for (uint32_t header = 0; own > 0 && header < head->headers_count; header++) {
            if (is_same(head->headers[header].name, name)) return false;
        }
        for (uint32_t other = 0; other < i; other++) {
            if (is_same(request->route.parameters[other].name, name)) return false;
        }
    }
    unsigned form = own > 0 ? 1 : input->options >> FORM_SHIFT & FORM_MASK;
    return form == 0 || form == 1 || form == 5;
}

static void check_payload(const struct request *request, const struct input *input,
                          const struct auth_answer *answer)
{
    static const enum auth_payload_mode modes[] = {AUTH_PAYLOAD_HASH,
                                                   AUTH_PAYLOAD_UNSIGNED,
                                                   AUTH_PAYLOAD_CHUNKS_SIGNED,
                                                   AUTH_PAYLOAD_CHUNKS_SIGNED_TRAILER,
                                                   AUTH_PAYLOAD_CHUNKS_UNSIGNED_TRAILER,
                                                   AUTH_PAYLOAD_HASH};
    unsigned form = input->options & IS_PRESIGNED ? 1 : input->options >> FORM_SHIFT & FORM_MASK;
    signer_require(form < sizeof modes / sizeof modes[0] && answer->payload.mode == modes[form]);
    if (form >= 3 && form <= 4) {
        const struct http_header *trailer = http_head_find(&request->parser.head, "x-amz-trailer");
        signer_require(trailer != NULL && http_is_equal_nocase(trailer->value, answer->payload.trailer_name));
    }
}

/* Turn a bit, and ask again: allowed only where the signer would sign the same. */
static void check_changed(const struct input *input, struct request *request, const char *names,
                          struct signer_text *canonical)
{
    static struct signer_text changed;
    size_t at = ((size_t)input->change[0] << 8 | input->change[1]) % (request->bytes.length * 8);
    request->bytes.bytes[at / 8] = (char)(request->bytes.bytes[at / 8] ^ (char)(1 << at % 8));
    if (!read_request(request) || !ask(request, SECRET).is_allowed) return;
    write_canonical(request, input, names, &changed);
    signer_require(changed.length == canonical->length);
    signer_require(memcmp(changed.bytes, canonical->bytes, changed.length) == 0);
}

static bool leaves_out_amz(const struct request *request, const struct input *input)
{
    const struct http_head *head = &request->parser.head;
    for (uint32_t i = 0; i < head->headers_count; i++) {
        if (is_amz(head->headers[i].name)) return (input->options & SIGNS_HOST_ONLY) != 0;
    }
    return false;
}

static void check_signed(const struct input *input, struct request *request, const char *names,
                         struct signer_text *canonical)
{
    struct auth_answer answer = ask(request, SECRET);
    signer_require(answer.is_allowed || answer.status == 400); /* never 403: the signature is right */
    signer_require(!ask(request, SECRET "0").is_allowed);
    bool may_be_allowed = is_in_time(input) && !leaves_out_amz(request, input);
    if (!may_be_allowed) signer_require(!answer.is_allowed);
    if (may_be_allowed && is_ordinary(request, input)) signer_require(answer.is_allowed);
    if (!answer.is_allowed) return;
    check_payload(request, input, &answer);
    check_changed(input, request, names, canonical);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct signer_text canonical;
    struct input input;
    if (size > HTTP_HEAD_BYTES_MAX / 2 || !read_input(data, size, &input)) return 0;
    struct request *request = calloc(1, sizeof *request);
    signer_require(request != NULL);
    char datetime[SIGV4_DATETIME_CHARS + 1];
    char names[NAMES_CHARS];
    datetime_of(&input, datetime);
    bool is_signed = input.options & IS_PRESIGNED ? sign_by_query(&input, datetime, request, names, &canonical)
                                                  : sign_by_header(&input, datetime, request, names, &canonical);
    if (is_signed) check_signed(&input, request, names, &canonical);
    signer_end(&request->bytes);
    free(request);
    return 0;
}
