/* What the two directions of the tree stream have in common. */
#ifndef BERTH_TREE_H
#define BERTH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
  DEPTH_MAX = 256,
  TREE_BUFFER = 65536,
  BULK = 262144,     /* from this size on bytes go from descriptor to descriptor */
  PIPE_SIZE = 1 << 20,
  GIVE_UP_MS = 2000, /* how long a receiver that gave up still drops what comes */
  MORE = 4,          /* flag of PUT and GET: another transfer may follow */
};
enum { KIND_FIFO = 1, KIND_SOCKET, KIND_DEVICE, KIND_UNREADABLE };

/* path's last component, without slashes behind it; cuts path there. Empty for `/` and the like. */
static inline const char *cut_last(char *path) {
  size_t length = 0;
  for (size_t i = 0; path[i]; i++)
    if (path[i] != '/') length = i + 1;
  path[length] = 0;
  while (length && path[length - 1] != '/') length--;
  return path + length;
}

#endif
