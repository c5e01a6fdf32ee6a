/* What an operator's change means as documents: checked against the view, then written together. Pure: a request's
 * target and body in, documents or a refusal out. */
#ifndef NODE_REQUEST_ADMIN_CHANGE_H
#define NODE_REQUEST_ADMIN_CHANGE_H

#include "node/request/admin_json.h"

enum admin_action {
    ADMIN_BUCKET_CREATE,
    ADMIN_BUCKET_DELETE,
    ADMIN_BUCKET_PERMISSIONS,
    ADMIN_ALIAS_ADD,
    ADMIN_ALIAS_REMOVE,
    ADMIN_CORS_SET,
    ADMIN_KEY_CREATE,
    ADMIN_KEY_RENAME,
    ADMIN_KEY_DELETE,
};

struct admin_change {
    enum admin_action action;
    uint8_t bucket_id[KEYS_BUCKET_ID_BYTES]; /* in for all but create; out for create */
    struct span key_id;                      /* of the path; out for create */
    struct span secret;                      /* out: of a key just made or imported, plain */
    struct op_document documents[4];
    uint32_t documents_count;
    struct op_document *many; /* for deletions: as many as needed; else NULL */
    uint32_t many_count;

    int status; /* of a refusal; 0 when the change stands */
    const char *code;
    char message[AUTH_MESSAGE_CHARS];
};

/* Fill in the documents of `change`, or its refusal. Memory from `arena`. */
void admin_change_plan(struct service *service, const struct admin_body *body, struct arena *arena,
                       struct admin_change *change);

/* Is this a name a bucket may have? */
bool admin_is_alias(struct span text);

#endif
