/* Ports inside the sandbox: LISTEN, the connections that came and wait to be accepted by the host, UNLISTEN. */
#include "guest.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPT_MS = 10000, ORPHAN_MS = 30000, RETRY_MS = 100 };

struct listener {
  struct watch watch;
  struct timer timer; /* its end without a connection, or the next try after an error */
  struct listener *next;
  struct conn *conn;
  uint64_t id;
  uint16_t port;
};
struct waiting {
  struct timer timer;
  struct waiting *next;
  uint64_t id, listener;
  int fd;
};
static struct listener *listeners;
static struct waiting *waiting;
static int listener_count, waiting_count;
static uint64_t connections;

static struct waiting *unlink_waiting(uint64_t id) {
  for (struct waiting **at = &waiting; *at; at = &(*at)->next)
    if ((*at)->id == id) {
      struct waiting *w = *at;
      *at = w->next;
      waiting_count--;
      timer_off(&w->timer);
      loop_free_later(w);
      return w;
    }
  return NULL;
}

int raw_take(uint64_t id) {
  struct waiting *w = unlink_waiting(id);
  return w ? w->fd : -1;
}

static void on_not_accepted(struct timer *t) { close(raw_take(CONTAINER(t, struct waiting, timer)->id)); }

static void end_listener(struct listener *l) {
  struct listener **at = &listeners;
  while (*at != l) at = &(*at)->next;
  *at = l->next;
  listener_count--;
  timer_off(&l->timer);
  watch_close(&l->watch);
  loop_free_later(l);
}

static void on_orphaned(struct timer *t) { end_listener(CONTAINER(t, struct listener, timer)); }

static void on_retry(struct timer *t) { watch_set(&CONTAINER(t, struct listener, timer)->watch, EPOLLIN); }

static void on_incoming(struct watch *watch, uint32_t events) {
  struct listener *l = CONTAINER(watch, struct listener, watch);
  (void)events;
  int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      watch_set(watch, 0);
      timer_set(&l->timer, RETRY_MS, on_retry);
    }
    return;
  }
  if (waiting_count >= WAITING_MAX) {
    close(fd);
    return;
  }
  struct waiting *w = must(calloc(1, sizeof *w));
  w->id = ++connections;
  w->listener = l->id;
  w->fd = fd;
  w->next = waiting;
  waiting = w;
  waiting_count++;
  timer_set(&w->timer, ACCEPT_MS, on_not_accepted);
  frame(&l->conn->out, INCOMING, "88", l->id, w->id);
  conn_dirty(l->conn);
}

static int open_port(const char *address, uint16_t port, uint16_t *got) {
  struct sockaddr_storage a;
  socklen_t length;
  if (!raw_address(*address ? address : "127.0.0.1", port, &a, &length)) {
    errno = EINVAL;
    return -1;
  }
  int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (bind(fd, (struct sockaddr *)&a, length) || listen(fd, 128) || getsockname(fd, (struct sockaddr *)&a, &length)) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  *got = ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port : ((struct sockaddr_in6 *)&a)->sin6_port);
  return fd;
}

static int find_port(const char *address, uint16_t port, uint16_t first, uint16_t last, uint16_t *got) {
  int fd = open_port(address, port, got);
  if (fd >= 0 || (errno != EADDRINUSE && errno != EACCES)) return fd;
  if (!first && !last) return open_port(address, 0, got);
  for (uint32_t next = first; next <= last; next++) {
    fd = open_port(address, (uint16_t)next, got);
    if (fd >= 0 || (errno != EADDRINUSE && errno != EACCES)) return fd;
  }
  return -1;
}

void raw_listen(struct conn *c, uint64_t id, struct text address, uint16_t port, uint16_t first, uint16_t last) {
  struct listener *l = listeners;
  while (l && l->id != id) l = l->next;
  uint32_t error = 0;
  uint16_t got = 0;
  if (l) {
    got = l->port;
    timer_off(&l->timer);
    l->conn = c;
    watch_set(&l->watch, EPOLLIN);
  } else if (listener_count >= LISTENERS_MAX || ending) {
    error = EAGAIN;
  } else {
    char text[64] = "";
    if (address.length < sizeof text) memcpy(text, address.at, address.length);
    else text[0] = '?';
    int fd = find_port(text, port, first, last, &got);
    if (fd < 0) {
      error = (uint32_t)errno;
    } else {
      l = must(calloc(1, sizeof *l));
      l->id = id;
      l->port = got;
      l->conn = c;
      l->next = listeners;
      listeners = l;
      listener_count++;
      watch_open(&l->watch, fd, EPOLLIN, on_incoming);
    }
  }
  frame(&c->out, LISTENING, "842", id, error, got);
  /* What was announced to a host that went away without taking it is announced to the next one. */
  for (struct waiting *w = waiting; w && l; w = w->next)
    if (w->listener == id) frame(&c->out, INCOMING, "88", id, w->id);
}

void raw_unlisten(uint64_t id) {
  for (struct listener *l = listeners; l; l = l->next)
    if (l->id == id) {
      end_listener(l);
      return;
    }
}

/* A listener waits a while for its host to come back; what connects meanwhile waits in the kernel. */
void raw_detach(struct conn *c) {
  for (struct listener *l = listeners; l; l = l->next)
    if (l->conn == c) {
      l->conn = NULL;
      watch_set(&l->watch, 0);
      timer_set(&l->timer, ORPHAN_MS, on_orphaned);
    }
}
