/* What is said over the WebSocket: Chatcore's own protocol, or Socket.IO's. */
#ifndef DIALECT_H
#define DIALECT_H
#include <stddef.h>
#include <stdint.h>

typedef enum {
    HEARD_NOTHING,  /* not ours to care about */
    HEARD_GREETING, /* the server waits for the sign-in */
    HEARD_WELCOME,  /* signed in, and in the room */
    HEARD_REFUSAL,
    HEARD_MESSAGE, /* delivered: `stamp` is what the sender put in */
    HEARD_REPLY,   /* acknowledged to its sender */
    HEARD_PING     /* wants `pong` */
} Heard;

typedef struct {
    Heard what;
    uint64_t stamp;
    uint64_t seq;   /* of a message, or of a welcome; 0 without */
    int resumed;    /* of a welcome */
} Hearing;

typedef struct {
    const char *workspace, *channel;
    char epoch[80]; /* the server's, learned from the first welcome */
} Place;

typedef struct {
    const char *name, *path, *pong;
    int greets; /* sign in after HEARD_GREETING, not at once */
    Hearing (*hear)(Place *place, const char *text, size_t length);
    /* These write a text into `out` and return its length. `seq` 0: no cursor. */
    size_t (*sign_in)(char *out, size_t room, const Place *place, const char *token, uint64_t seq);
    size_t (*say)(char *out, size_t room, const Place *place, uint64_t number, uint64_t stamp);
} Dialect;

extern const Dialect CHATCORE, SOCKET_IO;

#endif
