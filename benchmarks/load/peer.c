#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"

#define READ_SIZE (1 << 20)
static uint8_t reading[READ_SIZE + 1];

uint64_t now_ns(void) {
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return (uint64_t)moment.tv_sec * 1000000000u + (uint64_t)moment.tv_nsec;
}

static void keep(Buffer *buffer, const uint8_t *bytes, size_t length) {
    if (buffer->length + length > buffer->room) {
        buffer->room = (buffer->length + length) * 2;
        buffer->bytes = realloc(buffer->bytes, buffer->room);
        if (!buffer->bytes) abort();
    }
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

static void watch(World *world, Peer *peer, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = peer};
    epoll_ctl(world->epoll, operation, peer->fd, &event);
}

static void end(World *world, Peer *peer) {
    if (peer->state == PEER_LIVE) world->live--;
    close(peer->fd);
    peer->state = PEER_CLOSED;
    peer->kept.length = peer->out.length = 0;
}

static void lose(World *world, Peer *peer, const char *why) {
    if (peer->state == PEER_LIVE) {
        world->closed++;
    } else if (world->failed++ == 0) {
        fprintf(stderr, "a connection could not be opened: %s\n", why);
    }
    end(world, peer);
}

void peer_drop(World *world, Peer *peer) {
    if (peer->state == PEER_CLOSED) return;
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    end(world, peer);
}

/* --- out ----------------------------------------------------------------------------------------------------------- */

static void flush(World *world, Peer *peer) {
    while (peer->out.length) {
        ssize_t sent = send(peer->fd, peer->out.bytes, peer->out.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno != EAGAIN) return; /* the reader will notice */
            watch(world, peer, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }
        peer->out.length -= (size_t)sent;
        memmove(peer->out.bytes, peer->out.bytes + sent, peer->out.length);
    }
    watch(world, peer, EPOLL_CTL_MOD, EPOLLIN);
}

static void put(World *world, Peer *peer, const uint8_t *bytes, size_t length) {
    if (peer->out.length == 0) {
        ssize_t sent = send(peer->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent == (ssize_t)length) return;
        if (sent > 0) bytes += sent, length -= (size_t)sent;
    }
    keep(&peer->out, bytes, length);
    flush(world, peer);
}

static void put_text(World *world, Peer *peer, int opcode, const char *text, size_t length) {
    uint8_t frame[8192 + 14];
    if (length > 8192) abort();
    put(world, peer, frame, frame_write(frame, opcode, text, length));
}

static void put_upgrade(World *world, Peer *peer) {
    char request[512];
    int length = snprintf(request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: bG9hZCBnZW5lcmF0b3IuLg==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        world->dialect->path, ntohs(world->address.sin_port));
    put(world, peer, (const uint8_t *)request, (size_t)length);
}

static void put_sign_in(World *world, Peer *peer) {
    char text[4096];
    const char *token = world->tokens[peer->number % world->token_count];
    size_t length = world->dialect->sign_in(text, sizeof text, &world->place, token, peer->resumed ? peer->seq : 0);
    put_text(world, peer, FRAME_TEXT, text, length);
}

void peer_say(World *world, Peer *peer, uint64_t number, uint64_t stamp) {
    char text[1024];
    size_t length = world->dialect->say(text, sizeof text, &world->place, number, stamp);
    put_text(world, peer, FRAME_TEXT, text, length);
}

/* --- in ------------------------------------------------------------------------------------------------------------ */

static void welcomed(World *world, Peer *peer, const Hearing *hearing, uint64_t moment) {
    if (peer->state != PEER_OPENING) return;
    peer->state = PEER_LIVE;
    world->live++;
    world->resumed += (uint64_t)(peer->resumed && hearing->resumed);
    if (hearing->seq > peer->seq) peer->seq = hearing->seq;
    histogram_add(&world->latency, (moment - peer->began) / 1000);
}

static void delivered(World *world, Peer *peer, const Hearing *hearing, uint64_t moment) {
    if (hearing->seq && hearing->seq <= peer->seq) world->disorder++;
    if (hearing->seq) peer->seq = hearing->seq;
    if (hearing->stamp < world->since) return;
    peer->received++;
    world->received++;
    if (peer->state != PEER_LIVE) return; /* replayed: how old it is says nothing */
    if (moment <= world->until) world->in_time++;
    histogram_add(&world->latency, moment > hearing->stamp ? (moment - hearing->stamp) / 1000 : 0);
}

static void hear(World *world, Peer *peer, const Frame *frame, uint64_t moment) {
    Hearing hearing = world->dialect->hear(&world->place, frame->data, frame->length);
    switch (hearing.what) {
        case HEARD_MESSAGE: delivered(world, peer, &hearing, moment); break;
        case HEARD_REPLY: world->replies++; break;
        case HEARD_GREETING: put_sign_in(world, peer); break;
        case HEARD_WELCOME: welcomed(world, peer, &hearing, moment); break;
        case HEARD_PING: put_text(world, peer, FRAME_TEXT, world->dialect->pong, strlen(world->dialect->pong)); break;
        case HEARD_REFUSAL:
            if (world->refusals++ == 0) fprintf(stderr, "refused: %.*s\n", (int)(frame->length < 400 ? frame->length : 400), frame->data);
            break;
        case HEARD_NOTHING: break;
    }
}

/* The size of the answer to the upgrade; 0 while it is not all there, -1 when it is not a yes. */
static ssize_t upgraded(const uint8_t *bytes, size_t length) {
    const uint8_t *found = memmem(bytes, length, "\r\n\r\n", 4);
    if (!found) return 0;
    return length > 12 && memcmp(bytes, "HTTP/1.1 101", 12) == 0 ? found + 4 - bytes : -1;
}

/* What was understood of these bytes; -1 when the connection ended over them. */
static ssize_t understand(World *world, Peer *peer, const uint8_t *bytes, size_t length, uint64_t moment) {
    size_t done = 0, size;
    if (peer->state == PEER_UPGRADING) {
        ssize_t head = upgraded(bytes, length);
        if (head < 0) {
            lose(world, peer, "the upgrade was refused");
            return -1;
        }
        if (head == 0) return 0;
        done = (size_t)head;
        peer->state = PEER_OPENING;
        if (!world->dialect->greets) put_sign_in(world, peer);
    }
    Frame frame;
    while ((size = frame_read(bytes + done, length - done, &frame))) {
        if (frame.opcode == FRAME_TEXT) hear(world, peer, &frame, moment);
        else if (frame.opcode == FRAME_PING) put_text(world, peer, FRAME_PONG, frame.data, frame.length);
        else if (frame.opcode == FRAME_CLOSE) {
            lose(world, peer, "closed by the server");
            return -1;
        }
        done += size;
    }
    return (ssize_t)done;
}

static void take_in(World *world, Peer *peer) {
    size_t length = peer->kept.length;
    if (length > READ_SIZE / 2) abort(); /* no server under test sends such a frame */
    memcpy(reading, peer->kept.bytes ? peer->kept.bytes : reading, length);
    ssize_t got = recv(peer->fd, reading + length, READ_SIZE - length, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) lose(world, peer, got ? strerror(errno) : "the server hung up");
        return;
    }
    length += (size_t)got;
    reading[length] = 0;
    ssize_t done = understand(world, peer, reading, length, now_ns());
    if (done < 0) return;
    peer->kept.length = 0;
    if ((size_t)done < length) keep(&peer->kept, reading + done, length - (size_t)done);
}

static void connected(World *world, Peer *peer) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        lose(world, peer, strerror(error));
        return;
    }
    peer->state = PEER_UPGRADING;
    watch(world, peer, EPOLL_CTL_MOD, EPOLLIN);
    put_upgrade(world, peer);
}

void peer_open(World *world, Peer *peer, int cursor) {
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (peer->fd < 0) {
        perror("socket");
        exit(1);
    }
    int one = 1;
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    peer->state = PEER_CONNECTING;
    peer->resumed = cursor;
    peer->received = 0;
    peer->began = now_ns();
    if (!cursor) peer->seq = 0;
    watch(world, peer, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
    if (connect(peer->fd, (struct sockaddr *)&world->address, sizeof world->address) && errno != EINPROGRESS)
        lose(world, peer, strerror(errno));
}

void peer_ready(World *world, Peer *peer, uint32_t events) {
    if (peer->state == PEER_CONNECTING) {
        connected(world, peer);
        return;
    }
    if (peer->state != PEER_CLOSED && events & EPOLLOUT) flush(world, peer);
    if (peer->state != PEER_CLOSED && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) take_in(world, peer);
}
