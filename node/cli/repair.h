/* `skerry repair`: what its commands share. */
#ifndef NODE_CLI_REPAIR_H
#define NODE_CLI_REPAIR_H

#include "node/cli/operator.h"
#include "node/cli/progress.h"
#include "node/edge/repair.h"

/* What a check found, wherever it ran: {"where", "pages"?, "rows": {…}, "findings": […], "unsettled", "skipped"?}.
 */
json_t *repair_document(const char *where);

/* A finding of a check here, as the server would send it. */
json_t *repair_page(const struct lmdb_finding *finding);
json_t *repair_row(const struct op_finding *finding);

/* Print the document and give it up. CLI_DONE when nothing was found, else CLI_FAILED. */
int repair_report(json_t *document, unsigned form);

/* Check the data directory of `repair`, which is open, into a document. NULL, said, when memory ran out. */
json_t *repair_check_here(struct repair *repair, struct progress *progress);

int repair_check_main(int argc, char **argv);
int repair_salvage_main(int argc, char **argv);

#endif
