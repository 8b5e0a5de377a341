/* WebSocket frames as a client reads and writes them (RFC 6455, section 5). */
#ifndef FRAME_H
#define FRAME_H
#include <stddef.h>
#include <stdint.h>

enum { FRAME_TEXT = 1, FRAME_CLOSE = 8, FRAME_PING = 9, FRAME_PONG = 10 };

typedef struct {
    int opcode;
    const char *data;
    size_t length;
} Frame;

/* Read the frame at the start of `bytes`: its whole size, or 0 when it is not all there yet. A server sends no masked
   frames, and the servers under test send no fragments. */
size_t frame_read(const uint8_t *bytes, size_t length, Frame *frame);

/* Write a masked frame into `out`, which has room for `length` + 14 bytes; returns its size. */
size_t frame_write(uint8_t *out, int opcode, const char *data, size_t length);

#endif
