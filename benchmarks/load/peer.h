/* One client: a socket from its connect to its end, never blocking. */
#ifndef PEER_H
#define PEER_H
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "dialect.h"
#include "histogram.h"

typedef enum { PEER_CLOSED, PEER_CONNECTING, PEER_UPGRADING, PEER_OPENING, PEER_LIVE } PeerState;

typedef struct {
    uint8_t *bytes;
    size_t length, room;
} Buffer;

typedef struct {
    int fd, number, resumed;
    PeerState state;
    Buffer kept, out; /* a part of a frame; what the socket did not take */
    uint64_t seq;     /* of the newest message: the cursor */
    uint64_t received;
    uint64_t began; /* when it was opened */
} Peer;

/* What all peers share, and what is counted over all of them. */
typedef struct {
    int epoll;
    struct sockaddr_in address;
    const Dialect *dialect;
    Place place;
    char **tokens;
    int token_count;
    int live, failed, closed;
    uint64_t since;    /* messages stamped before are left over from an earlier flow */
    uint64_t until;    /* deliveries after are counted, but not as in time */
    uint64_t received, in_time, replies, refusals, disorder, resumed;
    Histogram latency; /* from the stamp to the arrival; of an opening: from the connect to the welcome */
} World;

uint64_t now_ns(void);

/* Begin to connect; `cursor`: ask for what was missed. */
void peer_open(World *world, Peer *peer, int cursor);
/* Epoll says that there is something to do. */
void peer_ready(World *world, Peer *peer, uint32_t events);
void peer_say(World *world, Peer *peer, uint64_t number, uint64_t stamp);
/* Vanish without a word, as a machine does whose network is gone. */
void peer_drop(World *world, Peer *peer);

#endif
