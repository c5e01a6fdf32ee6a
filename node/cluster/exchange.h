/* Two members make their documents equal, and tell each other of whom they have news.
 *
 *     asking                                   answering
 *     DOCS_DIGESTS of all groups            -->
 *                                          <--  DOCS_WANT: the groups that differ
 *     DOCS (mine of them), in batches       <->  DOCS (its own), each batch after TAKEN of the one before
 *     KNOWN: whose announcements, how new   -->
 *                                          <--  ANNOUNCEMENTS that are newer; WANTED: those I should send
 *     ANNOUNCEMENTS                         -->
 *     KNOWN again, as long as an answer was full: it holds a message of each at most
 *
 * One at a time with each member. Documents go in the order of their keys, so that a layout version comes behind
 * the one it is made from. What is malformed in one document of a batch is wrong with the batch: nothing of it is
 * taken (H12). A document that is sound but more than there may be, of the far future (document_rules()), or a
 * layout version whose parent is not here, is left out: it may come from a third, so nobody is to blame; it is
 * counted, and said once a minute. The documents of both then go on to differ; they are compared again every
 * EXCHANGE_QUIET_MS, and taken when there is room.
 *
 * An exchange that gets nowhere, or to no end, is dropped with its link, whatever else is said there: it holds a
 * view. KNOWN and WANTED cost us far more than who says them: more of them than an exchange needs are passed over,
 * and none is answered while much waits to be sent.
 */
#ifndef NODE_CLUSTER_EXCHANGE_H
#define NODE_CLUSTER_EXCHANGE_H

#include "node/cluster/links.h"

enum {
    EXCHANGE_ASKING_MAX = 4,       /* members we compare documents with at a time */
    EXCHANGE_STALL_INTERVALS = 60, /* probe intervals without a step: a batch over a slow link takes half of it */
    EXCHANGE_END_INTERVALS = 3600, /* probe intervals of one exchange: all documents there may be, at 150 kbit/s */
    EXCHANGE_QUIET_MS = 30000,     /* after an exchange that left both as different as they were */
    EXCHANGE_SAY_AGAIN_MS = 60000, /* that documents were left out */
    EXCHANGE_PAGES_MAX = LIMITS_MEMBERS_MAX / MESSAGE_ANNOUNCEMENTS_MAX, /* of announcements, asked for in a row */
    EXCHANGE_ANSWERS_MAX = 2 * (EXCHANGE_PAGES_MAX + 1), /* to KNOWN and WANTED in a row: both ends may ask; one
                                                            more each probe interval */
    EXCHANGE_QUEUED_BYTES_MAX = 1 << 20, /* waiting to be sent: then no KNOWN or WANTED is answered */
    EXCHANGE_VERSIONS_MAX = LIMITS_LAYOUT_VERSIONS_MAX * DOCUMENT_OWN_PERCENT / 100, /* made here */
    EXCHANGE_MEMBER_DOCUMENTS_MAX = LIMITS_MEMBER_DOCUMENTS_MAX,
};

struct exchange {
    uint8_t digest[16]; /* of the documents of the view */
    uint64_t layout_number;
    uint64_t started_count, finished_count; /* since the start */
    uint64_t documents_taken;
    uint64_t documents_left_out;
    uint64_t left_out_said_ms; /* 0: never */
};

bool exchange_init(struct cluster *cluster);

/* The view is another one. */
void exchange_on_view(struct cluster *cluster);

/* A link of two members is there: say who we are and how our documents stand. */
void exchange_greet(struct cluster *cluster, struct channel *channel);

/* HELLO, DOCS…, KNOWN, WANTED, ANNOUNCEMENTS on a link of two members. */
void exchange_on_message(struct cluster *cluster, struct channel *channel, const struct message *message);

void exchange_on_gone(struct cluster *cluster, struct channel *channel);

/* Now and then, once a probe interval or so: what has got nowhere for too long is dropped. */
void exchange_on_time(struct cluster *cluster);

/* Gossip says that the member's documents or announcements are others than ours: dial it, or use the link there
 * is. */
void exchange_with(struct cluster *cluster, const struct member *member);

/* Documents were changed here: in a cluster of up to GOSSIP_SMALL_MAX nodes all that are up have them at once.
 * What is changed meanwhile goes when that exchange is over. */
void exchange_with_all(struct cluster *cluster);

#endif
