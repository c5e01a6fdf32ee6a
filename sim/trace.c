/* Lines are put together once: for the hash, and for who looks. */
#include "sim/trace.h"

#include <inttypes.h>
#include <stdarg.h>

void trace_init(struct trace *trace, FILE *out, bool with_packets)
{
    static const uint8_t key[HASH_KEY_BYTES] = "skerry-sim trace";
    *trace = (struct trace){.out = out, .with_packets = with_packets};
    hash_keyed_init(&trace->hash, key);
}

static size_t begin(char *line, uint64_t time_us, uint32_t node, const char *what)
{
    char number[16] = "-";
    if (node != TRACE_NO_NODE) snprintf(number, sizeof number, "%" PRIu32, node);
    int length = snprintf(line, TRACE_LINE_BYTES_MAX, "t=%" PRIu64 ".%06" PRIu64 " node=%s %s", time_us / 1000000,
                          time_us % 1000000, number, what);
    return length < TRACE_LINE_BYTES_MAX ? (size_t)length : TRACE_LINE_BYTES_MAX - 1;
}

void trace_say(struct trace *trace, enum trace_level level, uint64_t time_us, uint32_t node, const char *what,
               const char *format, ...)
{
    char line[TRACE_LINE_BYTES_MAX + 2];
    size_t used = begin(line, time_us, node, what);
    if (format != NULL && used < TRACE_LINE_BYTES_MAX - 1) {
        va_list values;
        line[used++] = ' ';
        va_start(values, format);
        int more = vsnprintf(line + used, TRACE_LINE_BYTES_MAX - used, format, values);
        va_end(values);
        size_t room = TRACE_LINE_BYTES_MAX - used - 1;
        if (more > 0) used += (size_t)more < room ? (size_t)more : room;
    }
    line[used++] = '\n';
    hash_keyed_add(&trace->hash, line, used);
    trace->lines_count++;
    if (trace->out == NULL || (level == TRACE_PACKET && !trace->with_packets)) return;
    fwrite(line, 1, used, trace->out);
}

void trace_mix(struct trace *trace, struct span bytes)
{
    if (bytes.length > 0) hash_keyed_add(&trace->hash, bytes.bytes, bytes.length);
}

uint64_t trace_hash(const struct trace *trace)
{
    struct hash_keyed hash = trace->hash;
    return hash_keyed_64(&hash);
}
