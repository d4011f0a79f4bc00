/* A ring of output bytes. It starts small, grows as it is needed, and a byte's place follows from its offset alone. */
#include "guest.h"

#include <stdlib.h>
#include <string.h>

static int segments(const struct ring *r, uint64_t from, size_t length, struct iovec out[2]) {
  if (!length) return 0;
  size_t at = from % r->capacity, first = r->capacity - at;
  if (first >= length) {
    out[0] = (struct iovec){r->data + at, length};
    return 1;
  }
  out[0] = (struct iovec){r->data + at, first};
  out[1] = (struct iovec){r->data, length - first};
  return 2;
}

static void grow(struct ring *r, size_t capacity) {
  struct ring next = {must(malloc(capacity)), capacity, r->base, r->end};
  for (uint64_t at = r->base; at < r->end;) {
    struct iovec old[2], new[2];
    segments(r, at, (size_t)(r->end - at), old);
    segments(&next, at, (size_t)(r->end - at), new);
    size_t n = old[0].iov_len < new[0].iov_len ? old[0].iov_len : new[0].iov_len;
    memcpy(new[0].iov_base, old[0].iov_base, n);
    at += n;
  }
  free(r->data);
  *r = next;
}

/* Room for `want` bytes behind the end; past `limit` bytes the oldest make place. */
int ring_space(struct ring *r, size_t want, size_t limit, struct iovec out[2]) {
  size_t need = (size_t)(r->end - r->base) + want;
  if (need > r->capacity && r->capacity < limit) {
    size_t capacity = r->capacity ? r->capacity : 4096;
    while (capacity < need && capacity < limit) capacity *= 2;
    grow(r, capacity < limit ? capacity : limit);
  }
  if (need > r->capacity) r->base = r->end + want - r->capacity;
  return segments(r, r->end, want, out);
}

int ring_bytes(const struct ring *r, uint64_t from, size_t length, struct iovec out[2]) {
  return segments(r, from, length, out);
}

void ring_drop(struct ring *r, uint64_t to) {
  if (to > r->base) r->base = to;
  if (r->base == r->end && r->capacity > 4096) ring_free(r);
}

void ring_free(struct ring *r) {
  free(r->data);
  r->data = NULL;
  r->capacity = 0;
  r->base = r->end;
}
