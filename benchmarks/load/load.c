/* load: many WebSocket clients in one thread, told what to do line by line on its standard input.

   usage: load chatcore|socket.io PORT TOKENS WORKSPACE CHANNEL      TOKENS: a file, one access token a line

   open COUNT AT_ONCE        connect and sign in, so many at a time; once
   flow SENDERS RATE SECONDS the first SENDERS send RATE messages a second in all, everyone reads; RATE 0: the next message when
                             everyone has the last one
   drop                      every connection vanishes
   resume MISSED SECONDS     all connect again at the same moment, with their cursors; done when each is live and has got MISSED
                             messages
   wait SECONDS              read, answer pings, and say how much still came

   Each command is answered by one line of JSON. Times are in milliseconds. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "peer.h"

#define SECOND 1000000000ull
#define GRACE (5 * SECOND)
#define OPEN_LIMIT (120 * SECOND)

static World world;
static Peer *peers;
static int count, timer;
static int commanded; /* there is something on standard input */

/* --- the loop ------------------------------------------------------------------------------------------------------ */

static void wake_at(uint64_t moment) {
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(moment / SECOND), .tv_nsec = (long)(moment % SECOND)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void silence_timer(void) {
    uint64_t rings;
    if (read(timer, &rings, sizeof rings) < 0) return; /* somebody set it anew meanwhile */
}

/* Do what is to be done now, after waiting at most so many milliseconds for it. */
static void pump(int milliseconds) {
    struct epoll_event events[512];
    int ready = epoll_wait(world.epoll, events, 512, milliseconds);
    for (int i = 0; i < ready; i++) {
        if (events[i].data.ptr == &commanded) commanded = 1;
        else if (events[i].data.ptr == &timer) silence_timer();
        else peer_ready(&world, events[i].data.ptr, events[i].events);
    }
}

static void add_source(int fd, void *mark) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};
    epoll_ctl(world.epoll, EPOLL_CTL_ADD, fd, &event);
}

static void begin_counting(void) {
    histogram_clear(&world.latency);
    world.received = world.in_time = world.replies = world.refusals = world.disorder = world.resumed = 0;
    world.failed = world.closed = 0;
    world.since = now_ns();
    world.until = UINT64_MAX;
    for (int i = 0; i < count; i++) peers[i].received = 0;
}

static void print_times(void) {
    printf("\"p50\":%.3f,\"p95\":%.3f,\"p99\":%.3f,\"most\":%.3f}\n", histogram_ms(&world.latency, 50),
        histogram_ms(&world.latency, 95), histogram_ms(&world.latency, 99), histogram_ms(&world.latency, 100));
}

/* --- commands ------------------------------------------------------------------------------------------------------ */

/* Once in a process: epoll knows the peers by their addresses. */
static void open_peers(int wanted, int at_once) {
    peers = calloc((size_t)wanted, sizeof *peers);
    count = wanted;
    begin_counting();
    int next = 0;
    uint64_t began = now_ns();
    while (world.live + world.failed < wanted && now_ns() - began < OPEN_LIMIT) {
        for (; next < wanted && next - world.live - world.failed < at_once; next++) {
            peers[next].number = next;
            peer_open(&world, &peers[next], 0);
        }
        pump(100);
    }
    printf("{\"live\":%d,\"failed\":%d,\"seconds\":%.3f,", world.live, wanted - world.live, (double)(now_ns() - began) / 1e9);
    print_times();
}

static int everyone_has(uint64_t sent) { return world.received >= sent * (uint64_t)world.live; }

static uint64_t send_due(uint64_t sent, int senders, double rate, uint64_t start) {
    uint64_t due;
    while ((due = start + (uint64_t)((double)sent / rate * 1e9)) <= now_ns()) {
        peer_say(&world, &peers[sent % (uint64_t)senders], sent, due);
        sent++;
    }
    wake_at(due);
    return sent;
}

static uint64_t send_next(uint64_t sent, int senders) {
    if (!everyone_has(sent)) return sent;
    peer_say(&world, &peers[sent % (uint64_t)senders], sent, now_ns());
    return sent + 1;
}

static void flow(int senders, double rate, double seconds) {
    begin_counting();
    uint64_t start = world.since, sent = 0;
    world.until = start + (uint64_t)(seconds * 1e9);
    while (now_ns() < world.until) {
        sent = rate > 0 ? send_due(sent, senders, rate, start) : send_next(sent, senders);
        pump(20);
    }
    while (!(everyone_has(sent) && world.replies + world.refusals >= sent) && now_ns() < world.until + GRACE) pump(20);
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < count; i++) {
        if (peers[i].state != PEER_LIVE) continue;
        if (peers[i].received < least) least = peers[i].received;
        if (peers[i].received > most) most = peers[i].received;
    }
    printf("{\"sent\":%llu,\"replies\":%llu,\"refusals\":%llu,\"received\":%llu,\"per_second\":%.0f,\"live\":%d,\"closed\":%d,"
           "\"least\":%llu,\"greatest\":%llu,\"disorder\":%llu,",
        (unsigned long long)sent, (unsigned long long)world.replies, (unsigned long long)world.refusals,
        (unsigned long long)world.received, (double)world.in_time / seconds, world.live, world.closed,
        (unsigned long long)(least == UINT64_MAX ? 0 : least), (unsigned long long)most, (unsigned long long)world.disorder);
    print_times();
}

static void drop(void) {
    for (int i = 0; i < count; i++) peer_drop(&world, &peers[i]);
    printf("{\"live\":%d}\n", world.live);
}

static int whole(uint64_t missed) {
    int found = 0;
    for (int i = 0; i < count; i++) found += peers[i].state == PEER_LIVE && peers[i].received >= missed;
    return found;
}

static void resume(uint64_t missed, double seconds) {
    begin_counting();
    uint64_t began = world.since, checked = 0, limit = (uint64_t)(seconds * 1e9);
    world.since = 0;
    for (int i = 0; i < count; i++) peer_open(&world, &peers[i], 1);
    while (now_ns() - began < limit) {
        pump(10);
        if (now_ns() - checked < SECOND / 100) continue;
        checked = now_ns();
        if (world.live + world.failed >= count && whole(missed) + world.failed >= count) break;
    }
    double took = (double)(now_ns() - began) / 1e9;
    uint64_t extra = 0;
    for (int i = 0; i < count; i++) extra += peers[i].received > missed ? peers[i].received - missed : 0;
    printf("{\"live\":%d,\"whole\":%d,\"resumed\":%llu,\"twice\":%llu,\"disorder\":%llu,\"failed\":%d,\"seconds\":%.3f,", world.live,
        whole(missed), (unsigned long long)world.resumed, (unsigned long long)extra, (unsigned long long)world.disorder,
        count - world.live, took);
    print_times();
}

static void wait_for(double seconds) {
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    begin_counting();
    world.since = 0;
    while (now_ns() < end) pump(50);
    printf("{\"live\":%d,\"received\":%llu}\n", world.live, (unsigned long long)world.received);
}

static int carry_out(const char *line) {
    int first, second;
    double rate, seconds;
    if (count == 0 && sscanf(line, "open %d %d", &first, &second) == 2) open_peers(first, second);
    else if (sscanf(line, "flow %d %lf %lf", &first, &rate, &seconds) == 3) flow(first, rate, seconds);
    else if (sscanf(line, "resume %d %lf", &first, &seconds) == 2) resume((uint64_t)first, seconds);
    else if (sscanf(line, "wait %lf", &seconds) == 1) wait_for(seconds);
    else if (strncmp(line, "drop", 4) == 0) drop();
    else return 0;
    fflush(stdout);
    return 1;
}

/* --- starting ------------------------------------------------------------------------------------------------------ */

static void read_tokens(const char *path) {
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    if (!file) {
        perror(path);
        exit(1);
    }
    while (getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = 0;
        world.tokens = realloc(world.tokens, sizeof *world.tokens * (size_t)(world.token_count + 1));
        world.tokens[world.token_count++] = strdup(line);
    }
    free(line);
    fclose(file);
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: load chatcore|socket.io PORT TOKENS WORKSPACE CHANNEL\n");
        return 2;
    }
    world.dialect = strcmp(argv[1], CHATCORE.name) == 0 ? &CHATCORE : &SOCKET_IO;
    world.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    world.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    read_tokens(argv[3]);
    world.place.workspace = argv[4];
    world.place.channel = argv[5];
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    world.epoll = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    add_source(timer, &timer);
    add_source(0, &commanded);
    char line[256];
    while (1) {
        while (!commanded) pump(1000);
        commanded = 0;
        if (!fgets(line, sizeof line, stdin)) return 0;
        if (!carry_out(line)) {
            fprintf(stderr, "what is: %s", line);
            return 2;
        }
    }
}
