#include "frame.h"

#include <string.h>

size_t frame_read(const uint8_t *bytes, size_t length, Frame *frame) {
    if (length < 2) return 0;
    size_t head = 2, size = bytes[1] & 127;
    if (size == 126) {
        if (length < 4) return 0;
        size = (size_t)bytes[2] << 8 | bytes[3];
        head = 4;
    } else if (size == 127) {
        if (length < 10) return 0;
        size = 0;
        for (int i = 2; i < 10; i++) size = size << 8 | bytes[i];
        head = 10;
    }
    if (length - head < size) return 0;
    frame->opcode = bytes[0] & 15;
    frame->data = (const char *)bytes + head;
    frame->length = size;
    return head + size;
}

size_t frame_write(uint8_t *out, int opcode, const char *data, size_t length) {
    static const uint8_t mask[4] = {0x6d, 0x61, 0x73, 0x6b};
    size_t head = 0;
    out[head++] = (uint8_t)(0x80 | opcode);
    if (length < 126) {
        out[head++] = (uint8_t)(0x80 | length);
    } else if (length < 65536) {
        out[head++] = 0x80 | 126;
        out[head++] = (uint8_t)(length >> 8);
        out[head++] = (uint8_t)length;
    } else {
        out[head++] = 0x80 | 127;
        for (int shift = 56; shift >= 0; shift -= 8) out[head++] = (uint8_t)((uint64_t)length >> shift);
    }
    memcpy(out + head, mask, 4);
    head += 4;
    for (size_t i = 0; i < length; i++) out[head + i] = (uint8_t)data[i] ^ mask[i & 3];
    return head + length;
}
