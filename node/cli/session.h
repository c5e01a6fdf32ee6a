/* What all `skerry k2v` commands share: where the server is and who asks (flags, environment, a file), the
 * exchange itself, and what its failures mean. */
#ifndef NODE_CLI_SESSION_H
#define NODE_CLI_SESSION_H

#include "node/cli/commands.h"
#include "node/cli/options.h"
#include "node/cli/output.h"
#include "node/cli/progress.h"
#include "node/cli/transfer.h"

struct session {
    /* As given by flags; NULL when not. */
    const char *endpoint_flag, *bucket_flag, *key_id_flag, *region_flag;
    const char *secret_file_flag, *env_file_flag;
    unsigned form; /* enum output_form */

    struct call_account account;
    struct buffer file;    /* the text of the environment file */
    struct buffer secret;  /* what account.secret points to */
    struct arena memory;   /* of the settings */
    struct arena exchange; /* of one exchange */
    struct transfer transfer;
    struct progress *progress; /* of the command, or NULL; shown while an exchange takes its time */
    bool progress_is_received; /* its bytes are those of the answer; else the command sees to them */
    struct answer answer;
};

/* {0} but for what must be something else. */
void session_init(struct session *session);

/* Read the command line: `own` are the options of the command, those of the session are added. CLI_GO, or the exit
 * code to end with (help printed, or the error said). */
int session_open(struct session *session, const struct usage *usage, const struct option *own, size_t own_count,
                 int argc, char **argv, struct arguments *arguments);

/* Find endpoint, bucket, key and secret; sends nothing. CLI_GO, or CLI_USAGE with the error said. */
int session_connect(struct session *session);

/* Send one call. CLI_GO with session->answer for every 2xx. Else the exit code, said on standard error; only
 * CLI_NOTHING_NEW (304) and CLI_CONFLICT (409) are left to the caller to put into words. An interrupt that is
 * watched for (interrupt.h) ends it as a failure. */
int session_call(struct session *session, const struct call *call, unsigned timeout_s);

/* The answer's body as JSON; NULL, said, when it is none. */
json_t *session_json(const struct session *session);

/* A key from the command line: UTF-8, and not empty where `what` (such as "partition key") must not be. False with
 * the error said. */
bool session_check_key(const char *what, const char *text, bool may_be_empty);

void session_deinit(struct session *session);

#endif
