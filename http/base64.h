/* Standard base64 with canonical padding, back to bytes (H32). */
#ifndef HTTP_BASE64_H
#define HTTP_BASE64_H

#include "http/parse.h"

/* Decode `text`, written with `A-Z a-z 0-9 + /` and padded to a multiple of 4. `bytes`, with room for three for
 * each four chars, may be the text's own memory: no byte is written before its chars are read. False for anything
 * else, also for bits left over that are not zero; what is in `bytes` then means nothing. */
bool http_base64_decode(struct http_span text, char *bytes, size_t *bytes_count);

#endif
