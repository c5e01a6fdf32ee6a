/* A ring of the names last told. */
#include "node/edge/rot_log.h"

#include "node/base/wire.h"

static bool is_told(const struct rot_log *rot, uint64_t row)
{
    for (uint32_t i = 0; i < ROT_LOG_ROWS; i++) {
        if (rot->told[i] == row) return true;
    }
    return false;
}

/* LMDB does not say which page it was led astray by. */
static void tell_page(struct rot_log *rot, const struct log *log, const char *table)
{
    for (int i = 0; i < KV_SPACES_COUNT; i++) {
        if (rot->tables[i] == table) return; /* names are constants */
        if (rot->tables[i] != NULL) continue;
        rot->tables[i] = table;
        log_event_text(log, LOG_LEVEL_ERROR, "a page of the database is damaged; run `skerry repair check`",
                       "table", table);
        return;
    }
}

void rot_log_op(struct rot_log *rot, const struct log *log, const struct op *op)
{
    uint8_t bytes[8];
    char name[17] = "";
    if (op->corrupt.table == NULL) return; /* an op that healed the row has not failed, and still names it */
    if (op->corrupt.is_page) {
        tell_page(rot, log, op->corrupt.table);
        return;
    }
    if (is_told(rot, op->corrupt.row)) return;
    rot->told[rot->next] = op->corrupt.row;
    rot->next = (rot->next + 1) % ROT_LOG_ROWS;
    wire_store_u64(bytes, op->corrupt.row);
    hash_hex(bytes, sizeof bytes, name);
    struct log_line line;
    log_begin(&line, log, LOG_LEVEL_ERROR, "a stored row fails its check; run `skerry repair check`");
    log_text(&line, "table", op->corrupt.table);
    log_text(&line, "row", name);
    log_end(&line);
}
