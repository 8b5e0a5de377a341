#define _GNU_SOURCE
#include "dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every message is this long in both dialects; the stamp is 16 hexadecimal digits. */
#define CONTENT "@@%016llx@@ The deploy is done; have a look at the dashboard when you find the time, and tell me."

static int begins(const char *text, size_t length, const char *with) {
    size_t size = strlen(with);
    return length >= size && memcmp(text, with, size) == 0;
}

static const char *after(const char *text, size_t length, const char *what) {
    const char *found = memmem(text, length, what, strlen(what));
    return found ? found + strlen(what) : NULL;
}

/* The stamp lies at nearly the same place in every message, so it is looked for there first. */
static uint64_t stamp_in(const char *text, size_t length) {
    static size_t place;
    if (place + 20 > length || text[place] != '@' || text[place + 1] != '@') {
        const char *found = memmem(text, length, "@@", 2);
        if (!found || (size_t)(found - text) + 20 > length) return 0;
        place = (size_t)(found - text);
    }
    uint64_t stamp = 0;
    for (const char *digit = text + place + 2; digit < text + place + 18; digit++)
        stamp = stamp << 4 | (uint64_t)(*digit <= '9' ? *digit - '0' : *digit - 'a' + 10);
    return stamp;
}

/* --- Chatcore ---------------------------------------------------------------------------------------------------- */

#define RECEIVED "{\"type\":\"message_received\",\"workspaceId\":\""

static Hearing chatcore_message(const char *text, size_t length) {
    Hearing hearing = {.what = HEARD_MESSAGE, .stamp = stamp_in(text, length)};
    size_t head = sizeof RECEIVED - 1 + 36;
    const char *seq = length > head ? after(text + head, length - head < 16 ? length - head : 16, "\"seq\":") : NULL;
    if (seq) hearing.seq = strtoull(seq, NULL, 10);
    return hearing;
}

static Hearing chatcore_welcome(Place *place, const char *text, size_t length) {
    Hearing hearing = {.what = HEARD_WELCOME, .resumed = after(text, length, "\"resumed\":true") != NULL};
    const char *epoch = after(text, length, "\"epoch\":\""), *seq = after(text, length, "\"seq\":");
    if (!epoch || !seq) return (Hearing){.what = HEARD_REFUSAL};
    size_t size = strcspn(epoch, "\"");
    if (size < sizeof place->epoch) memcpy(place->epoch, epoch, size), place->epoch[size] = 0;
    hearing.seq = strtoull(seq, NULL, 10);
    return hearing;
}

static Hearing chatcore_hear(Place *place, const char *text, size_t length) {
    if (begins(text, length, RECEIVED)) return chatcore_message(text, length);
    if (begins(text, length, "{\"type\":\"reply\",\"id\":\"join\",\"ok\":true")) return chatcore_welcome(place, text, length);
    if (begins(text, length, "{\"type\":\"reply\"") && after(text, length < 60 ? length : 60, "\"ok\":true"))
        return (Hearing){.what = HEARD_REPLY};
    if (begins(text, length, "{\"type\":\"reply\"") || begins(text, length, "{\"type\":\"error\""))
        return (Hearing){.what = HEARD_REFUSAL};
    return (Hearing){.what = HEARD_NOTHING};
}

static size_t chatcore_sign_in(char *out, size_t room, const Place *place, const char *token, uint64_t seq) {
    char since[128] = "";
    if (seq) snprintf(since, sizeof since, ",\"since\":{\"epoch\":\"%s\",\"seq\":%llu}", place->epoch, (unsigned long long)seq);
    return (size_t)snprintf(out, room,
        "{\"type\":\"join_workspace\",\"id\":\"join\",\"data\":{\"workspaceId\":\"%s\",\"accessToken\":\"%s\"%s}}",
        place->workspace, token, since);
}

static size_t chatcore_say(char *out, size_t room, const Place *place, uint64_t number, uint64_t stamp) {
    return (size_t)snprintf(out, room,
        "{\"type\":\"send_message\",\"id\":\"%llu\",\"data\":{\"channelId\":\"%s\",\"content\":\"" CONTENT
        "\",\"tempId\":\"%llx-%llu\"}}",
        (unsigned long long)number, place->channel, (unsigned long long)stamp, (unsigned long long)stamp,
        (unsigned long long)number);
}

const Dialect CHATCORE = {"chatcore", "/api/realtime", "", 0, chatcore_hear, chatcore_sign_in, chatcore_say};

/* --- Socket.IO: Engine.IO 4 packets (0 open, 2 ping, 3 pong, 4 message) around Socket.IO 5 ones (40 connect, 42 event, 43 ack,
       44 refused) ---------------------------------------------------------------------------------------------------- */

static Hearing socket_io_hear(Place *place, const char *text, size_t length) {
    (void)place;
    if (begins(text, length, "42[\"message_received\""))
        return (Hearing){.what = HEARD_MESSAGE, .stamp = stamp_in(text, length)};
    if (begins(text, length, "43")) return (Hearing){.what = after(text, length, "\"ok\":true") ? HEARD_REPLY : HEARD_REFUSAL};
    if (begins(text, length, "40")) return (Hearing){.what = HEARD_WELCOME};
    if (begins(text, length, "44")) return (Hearing){.what = HEARD_REFUSAL};
    if (begins(text, length, "2")) return (Hearing){.what = HEARD_PING};
    if (begins(text, length, "0")) return (Hearing){.what = HEARD_GREETING};
    return (Hearing){.what = HEARD_NOTHING};
}

static size_t socket_io_sign_in(char *out, size_t room, const Place *place, const char *token, uint64_t seq) {
    (void)place, (void)seq;
    return (size_t)snprintf(out, room, "40{\"token\":\"%s\"}", token);
}

static size_t socket_io_say(char *out, size_t room, const Place *place, uint64_t number, uint64_t stamp) {
    return (size_t)snprintf(out, room,
        "42%llu[\"send_message\",{\"channelId\":\"%s\",\"content\":\"" CONTENT "\",\"tempId\":\"%llx-%llu\"}]",
        (unsigned long long)number, place->channel, (unsigned long long)stamp, (unsigned long long)stamp,
        (unsigned long long)number);
}

const Dialect SOCKET_IO = {
    "socket.io", "/socket.io/?EIO=4&transport=websocket", "3", 1, socket_io_hear, socket_io_sign_in, socket_io_say};
