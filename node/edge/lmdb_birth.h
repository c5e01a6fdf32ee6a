/* A new database file: there whole, or not at all.
 *
 * LMDB makes data.mdb under its own name and syncs it with the first commit, and never the directory. When the
 * power goes in between, there is a file that it refuses ever after, or acknowledged writes in a file without a
 * name.
 */
#ifndef NODE_EDGE_LMDB_BIRTH_H
#define NODE_EDGE_LMDB_BIRTH_H

/* Make DIR/data.mdb when it is absent: as DIR/data.new/data.mdb, synced, then renamed. What a crash left of that
 * name is removed. In any case take the room of lock.mdb, which LMDB would write through a map without asking for
 * it (ENOSPC when there is none), and sync the directory, so that the database's name is durable before its first
 * commit is.
 *
 * 0, an errno, or a code of LMDB. The caller has the right to the directory alone (files.h). */
int lmdb_birth(const char *dir);

#endif
