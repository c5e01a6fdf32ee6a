/* Bodies of the admin port: any bytes are refused with a message, or give texts within the bounds; the rules they
 * give decode. */
#include "node/request/admin_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct admin_body body;
    struct wire_in in;
    uint32_t count = 0;
    char message[AUTH_MESSAGE_CHARS] = "";
    arena_init(&arena, 16 << 20);
    bool is_read = admin_json_read(span_of(data, size), &arena, &body, message);
    if (!is_read && message[0] == '\0') abort();
    if (is_read && body.has_rules && !document_rules_begin(body.rules, &in, &count)) abort();
    if (is_read && count > LIMITS_CORS_RULES_MAX) abort();
    arena_deinit(&arena);
    return 0;
}
