/* The row of the format, out and in. */
#include "node/store/format.h"

#include "node/store/store.h"

struct span format_name(void)
{
    return span_text("format");
}

enum err format_store(struct kv_txn *txn, struct arena *scratch, uint64_t version)
{
    struct wire_out out;
    wire_out_init(&out, scratch);
    wire_put_array(&out, 2);
    wire_put_text(&out, span_text("skerry"));
    wire_put_u64(&out, version);
    if (out.failed) return ERR_MEMORY;
    return kv_put(txn, KV_META, format_name(), span_of(out.bytes, out.length));
}

static bool names(struct wire_in *in, uint32_t *count, uint64_t *version)
{
    *count = wire_get_array(in);
    struct span name = wire_get_text(in);
    *version = wire_get_u64(in);
    return !in->failed && *count >= 2 && span_is_equal(name, span_text("skerry"));
}

bool format_names(struct span row, uint64_t *version)
{
    uint32_t count = 0;
    struct wire_in in = wire_in_over(row);
    return names(&in, &count, version);
}

bool format_read(struct span row, uint64_t *version)
{
    uint32_t count = 0;
    struct wire_in in = wire_in_over(row);
    return names(&in, &count, version) && count == 2 && wire_is_done(&in);
}

bool format_is_known(uint64_t version)
{
    return version == FORMAT_FORMER_VERSION || version == STORE_FORMAT_VERSION;
}
