/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/peer.h: which account of this machine is at the other end of a connection.
 *
 * The kernel is asked, by an exact look-up of the peer's own socket (its address and port to ours)
 * with NETLINK_SOCK_DIAG: it needs no privilege and works in containers and network namespaces, as
 * both ends of a loopback connection are in the namespace of the socket that asks. For AF_UNIX it
 * is SO_PEERCRED.
 *
 * Why the answer can be trusted. The kernel finds a socket by the whole of both addresses and
 * ports, and there is one connection between two such ends at a time. Another account can come to
 * use the peer's port towards ours only when the peer's socket has left the kernel's table, and can
 * then only get a connection by a handshake that resets ours; so the connection is looked at again
 * after the look-up, and if it still stands, the socket that was found is its other end. What is
 * left of a closed socket (TIME_WAIT, or one that no process holds) is listed as account 0 with
 * inode 0, and a handshake in progress is not a connection: neither counts. The owner is the
 * account that created the socket; a process that hands its open connection to another account
 * lends it its own rights.
 */
#ifndef CRONJOB_HTTP_PEER_H
#define CRONJOB_HTTP_PEER_H

#include <sys/types.h>

#include "base/err.h"

/*
 * RC_NOT_FOUND: the peer is not on this machine, or has closed its end already, so that nobody can
 * say who it was. RC_IO: the kernel could not be asked. Takes some microseconds; never waits.
 */
MUST_USE enum rc http_peer_uid(int socket, uid_t *ret_uid, struct err *err);

#endif
