/* Reading what came without ever leaving it, and building what goes out. */
#include "guest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *must(void *allocated) {
  if (!allocated) {
    static const char text[] = "berth-guest: out of memory\n";
    if (write(2, text, sizeof text - 1)) {}
    _exit(70);
  }
  return allocated;
}

uint64_t get_int(struct cursor *c, int bytes) {
  if (c->bad || c->end - c->at < bytes) {
    c->bad = true;
    return 0;
  }
  uint64_t value = 0;
  while (bytes--) value = value << 8 | *c->at++;
  return value;
}

struct text get_text(struct cursor *c) {
  uint32_t length = (uint32_t)get_int(c, 4);
  struct text text = {"", 0};
  if (c->bad || (size_t)(c->end - c->at) < length || memchr(c->at, 0, length)) {
    c->bad = true;
    return text;
  }
  text = (struct text){(char *)c->at, length};
  c->at += length;
  return text;
}

bool get_done(const struct cursor *c) { return !c->bad && c->at == c->end; }

/* One byte more than asked for is always there: a string at the very end of a frame can be terminated in place. */
uint8_t *buffer_room(struct buffer *b, size_t more) {
  if (b->head && (b->length == 0 || b->head + b->length + more + 1 > b->capacity)) {
    if (b->length) memmove(b->data, b->data + b->head, b->length);
    b->head = 0;
  }
  if (b->length + more + 1 > b->capacity) {
    size_t capacity = b->capacity ? b->capacity : 512;
    while (capacity < b->length + more + 1) capacity *= 2;
    b->data = must(realloc(b->data, capacity));
    b->capacity = capacity;
  }
  return b->data + b->head + b->length;
}

void buffer_add(struct buffer *b, const void *bytes, size_t length) {
  if (!length) return;
  memcpy(buffer_room(b, length), bytes, length);
  b->length += length;
}

void buffer_drop(struct buffer *b, size_t length) {
  b->head += length;
  b->length -= length;
  if (b->length) return;
  b->head = 0;
  if (b->capacity > 4096) buffer_free(b);
}

void buffer_free(struct buffer *b) {
  free(b->data);
  *b = (struct buffer){0};
}

uint8_t *put_int(uint8_t *to, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; i--, value >>= 8) to[i] = (uint8_t)value;
  return to + bytes;
}

void frame(struct buffer *b, uint8_t type, const char *format, ...) {
  size_t start = b->length;
  uint8_t *to = buffer_room(b, 5);
  to[4] = type;
  b->length += 5;
  va_list list;
  va_start(list, format);
  for (const char *f = format; *f; f++) {
    if (*f == '8') {
      put_int(buffer_room(b, 8), va_arg(list, uint64_t), 8);
      b->length += 8;
    } else if (*f >= '1' && *f <= '4') {
      put_int(buffer_room(b, 4), va_arg(list, unsigned), *f - '0');
      b->length += (size_t)(*f - '0');
    } else {
      size_t length = *f == 's' ? 0 : va_arg(list, size_t);
      const char *bytes = va_arg(list, const char *);
      if (*f == 's') length = strlen(bytes);
      if (*f != 'r') {
        put_int(buffer_room(b, 4), length, 4);
        b->length += 4;
      }
      buffer_add(b, bytes, length);
    }
  }
  va_end(list);
  put_int(b->data + b->head + start, b->length - start - 4, 4);
}
