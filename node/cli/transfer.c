/* Exchanges by libcurl, with as little of its own will as can be: no redirects, no other protocols, no headers
 * that were not signed, the path as it was built. */
#include "node/cli/transfer.h"

#include "node/cli/say.h"

#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>

static size_t take_body(char *bytes, size_t one, size_t length, void *owner)
{
    (void)one;
    struct answer *answer = owner;
    buffer_add(&answer->body, bytes, length);
    return length;
}

static size_t take_header(char *line, size_t one, size_t length, void *owner)
{
    (void)one;
    static const char name[] = CALL_TOKEN_HEADER ":";
    struct answer *answer = owner;
    if (length < sizeof name - 1 || strncasecmp(line, name, sizeof name - 1) != 0) return length;

    size_t start = sizeof name - 1;
    size_t end = length;
    while (start < end && (line[start] == ' ' || line[start] == '\t')) {
        start++;
    }
    while (end > start && strchr(" \t\r\n", line[end - 1]) != NULL) {
        end--;
    }
    if (end - start < sizeof answer->token) {
        memcpy(answer->token, line + start, end - start);
        answer->token[end - start] = '\0';
        if (!call_is_token(answer->token)) answer->token[0] = '\0';
    }
    return length;
}

static CURL *open_curl(struct transfer *transfer)
{
    if (transfer->curl == NULL) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        transfer->curl = say_need(curl_easy_init());
    } else {
        curl_easy_reset(transfer->curl); /* keeps the connection */
    }
    return transfer->curl;
}

/* A server that went without a word is noticed all the same: TCP asks for it. */
static void set_time(const struct transfer *transfer, unsigned timeout_s)
{
    CURL *curl = transfer->curl;
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)TRANSFER_CONNECT_S);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, (long)TRANSFER_KEEPALIVE_S);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, (long)TRANSFER_KEEPALIVE_AGAIN_S);
    if (timeout_s > 0) {
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)timeout_s);
    } else if (!transfer->is_patient) {
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)TRANSFER_STALL_S);
    }
}

static void set_rules(CURL *curl, const struct call_request *request)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "skerry/" SKERRY_VERSION);
    if (request->is_loopback) curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* else as the environment says */
}

static int tick(void *owner, curl_off_t download_total, curl_off_t received, curl_off_t upload_total,
                curl_off_t sent)
{
    const struct transfer *transfer = owner;
    (void)download_total;
    (void)upload_total;
    return transfer->on_tick(transfer->owner, (uint64_t)sent, (uint64_t)received) ? 0 : 1;
}

static void set_tick(struct transfer *transfer)
{
    if (transfer->on_tick == NULL) return;
    curl_easy_setopt(transfer->curl, CURLOPT_XFERINFOFUNCTION, tick);
    curl_easy_setopt(transfer->curl, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(transfer->curl, CURLOPT_NOPROGRESS, 0L);
}

static void set_method(CURL *curl, const struct call_request *request)
{
    if (request->has_body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                         request->body.length > 0 ? (const char *)request->body.bytes : "");
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

/* Ours, and the ones libcurl would add by itself taken out. */
static struct curl_slist *make_headers(const struct call_request *request)
{
    static const char *const unwanted[] = {"Accept:", "Expect:", "Content-Type:"};
    struct curl_slist *list = NULL;
    /* A later line beats none: "Accept:" behind "accept: x" does not take x out, but comes first to be sure. */
    for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++) {
        bool is_ours = false;
        for (size_t j = 0; j < request->headers_count; j++) {
            is_ours = is_ours || strncasecmp(request->headers[j], unwanted[i], strlen(unwanted[i])) == 0;
        }
        if (!is_ours) list = say_need(curl_slist_append(list, unwanted[i]));
    }
    for (size_t i = 0; i < request->headers_count; i++) {
        list = say_need(curl_slist_append(list, request->headers[i]));
    }
    return list;
}

bool transfer_run(struct transfer *transfer, const struct call_request *request, unsigned timeout_s,
                  struct answer *answer, char problem[TRANSFER_PROBLEM_CHARS])
{
    CURL *curl = open_curl(transfer);
    char details[CURL_ERROR_SIZE] = "";
    buffer_clear(&answer->body);
    answer->status = 0;
    answer->token[0] = '\0';

    set_rules(curl, request);
    set_time(transfer, timeout_s);
    set_tick(transfer);
    set_method(curl, request);
    struct curl_slist *headers = make_headers(request);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);

    CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    if (code != CURLE_OK) {
        snprintf(problem, TRANSFER_PROBLEM_CHARS, "%s", details[0] != '\0' ? details : curl_easy_strerror(code));
        return false;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    return true;
}

void transfer_deinit(struct transfer *transfer)
{
    if (transfer->curl == NULL) return;
    curl_easy_cleanup(transfer->curl);
    curl_global_cleanup();
    transfer->curl = NULL;
}

void answer_deinit(struct answer *answer)
{
    buffer_deinit(&answer->body);
    *answer = (struct answer){0};
}
