/* Two members make their documents equal, and tell each other of whom they have news.
 *
 *     asking                                   answering
 *     DOCS_DIGESTS of all groups            -->
 *                                          <--  DOCS_WANT: the groups that differ
 *     DOCS (mine of them), in batches       <->  DOCS (its own), each batch after TAKEN of the one before
 *     KNOWN: whose announcements, how new   -->
 *                                          <--  ANNOUNCEMENTS that are newer; WANTED: those I should send
 *     ANNOUNCEMENTS                         -->
 *
 * One at a time with each member. Documents go in the order of their keys, so that a layout version comes behind
 * the one it is made from. What is wrong with one document of a batch is wrong with the batch: nothing of it is
 * taken (H12).
 */
#ifndef NODE_CLUSTER_EXCHANGE_H
#define NODE_CLUSTER_EXCHANGE_H

#include "node/cluster/links.h"

enum {
    EXCHANGE_ASKING_MAX = 4,          /* members we compare documents with at a time */
    EXCHANGE_DOCUMENTS_MAX = 1 << 20, /* in all: some 1 GiB of memory */
    EXCHANGE_VERSIONS_MAX = 4096,     /* layout versions in all; at one a day, eleven years */
    EXCHANGE_TIME_BITS = 62,          /* a document written after the year 148,000 could never be replaced */
    EXCHANGE_MEMBER_DOCUMENTS_MAX = 4 * LIMITS_MEMBERS_MAX, /* removed nodes leave theirs */
};

struct exchange {
    uint8_t digest[16]; /* of the documents of the view */
    uint64_t layout_number;
    uint64_t started_count, finished_count; /* since the start */
    uint64_t documents_taken;
};

bool exchange_init(struct cluster *cluster);

/* The view is another one. */
void exchange_on_view(struct cluster *cluster);

/* A link of two members is there: say who we are and how our documents stand. */
void exchange_greet(struct cluster *cluster, struct channel *channel);

/* HELLO, DOCS…, KNOWN, WANTED, ANNOUNCEMENTS on a link of two members. */
void exchange_on_message(struct cluster *cluster, struct channel *channel, const struct message *message);

void exchange_on_gone(struct cluster *cluster, struct channel *channel);

/* Gossip says that the member's documents or announcements are others than ours: dial it, or use the link there
 * is. */
void exchange_with(struct cluster *cluster, const struct member *member);

#endif
