/* ReadItem: one read, one answer in the form the client accepts. */
#include "node/request/item.h"
#include "node/request/operations.h"

struct get {
    struct op_key key;
    enum item_form form;
};

static void on_stored(struct request *request)
{
    struct get *get = request->work;
    const struct op_read *read = &request->op.read;
    if (request->op.err != ERR_OK) {
        answer_err(request, request->op.err);
        return;
    }
    item_answer(request, get->form, &get->key, read->has_item, &read->state);
}

static const struct request_calls calls = {.on_stored = on_stored};

void get_begin(struct request *request, const struct http_head *head, const struct http_route *route)
{
    struct get *get = operation_work(request, sizeof *get, &calls);
    if (get == NULL || !operation_key(request, route, &get->key)) return;
    get->form = item_form_of(head);
    if (get->form == ITEM_FORM_NONE) {
        answer_error(request, 406, "NotAcceptable",
                     "Accept names neither application/json nor application/octet-stream");
        return;
    }
    request->op.kind = OP_READ;
    request->op.read = (struct op_read){.key = get->key};
    request_store(request, false);
}
