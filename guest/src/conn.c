/* Framed connections: accepting, cutting what comes into frames, and sending what waits in as few writes as possible. */
#include "guest.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  OUT_STOP = 1 << 20,  /* with so much unsent, nothing more is read from the connection */
  OUT_LOW = 256 << 10, /* below, output is made and reading goes on */
  SCRATCH = 128 << 10,
  HELLO_MS = 10000,
  CLOSING_MS = 2000,
  PIECES = 16,
};

struct conn *conns[CONNS_MAX];
int conns_welcomed;
static struct watch listener;
static struct timer listener_again;
static struct conn *dirty[CONNS_MAX];
static int dirty_count;
/* Shared by all connections, so that an idle one needs no memory; one byte more, see buffer_room. */
static uint8_t scratch[SCRATCH + 1];

void conn_dirty(struct conn *c) {
  if (c->dirty || c->watch.fd < 0) return;
  c->dirty = true;
  dirty[dirty_count++] = c;
}

void conn_close(struct conn *c) {
  if (c->watch.fd < 0) return;
  watch_close(&c->watch);
  timer_off(&c->hello);
  conns[c->slot] = NULL;
  command_detach(c);
  raw_detach(c);
  buffer_free(&c->in);
  buffer_free(&c->out);
  if (c->welcomed) {
    conns_welcomed--;
    end_connections();
  }
  loop_free_later(c);
}

static void on_timer(struct timer *t) { conn_close(CONTAINER(t, struct conn, hello)); }

/* What was said last is to arrive: so the descriptor is closed only when the host has closed its end, or after a while. */
void conn_finish(struct conn *c) {
  c->closing = true;
  timer_set(&c->hello, CLOSING_MS, on_timer);
  conn_dirty(c);
}

void conn_fault(struct conn *c, enum fault code, const char *reason) {
  if (c->closing) return;
  frame(&c->out, FAULT, "1s", code, reason);
  conn_finish(c);
}

static void interest(struct conn *c) {
  bool reads = c->out.length <= OUT_STOP;
  watch_set(&c->watch, (reads ? EPOLLIN : 0) | (c->stalled ? EPOLLOUT : 0));
}

/* Handles the whole frames at the start of the bytes; returns how many bytes these were. */
static size_t consume(struct conn *c, uint8_t *bytes, size_t length) {
  size_t used = 0;
  while (length - used >= 4 && !c->closing && c->out.length <= OUT_STOP) {
    struct cursor head = {bytes + used, bytes + length, false};
    uint64_t size = get_int(&head, 4);
    if (size < 1 || size > FRAME_MAX) {
      conn_fault(c, FAULT_PROTOCOL, "frame length out of range");
      break;
    }
    if (length - used - 4 < size) break;
    used += 4 + size;
    uint8_t type = (uint8_t)get_int(&head, 1);
    struct cursor payload = {head.at, bytes + used, false};
    if (!frame_handle(c, type, &payload, length - used)) conn_fault(c, FAULT_PROTOCOL, "wrong frame");
    if (c->watch.fd < 0) break;
  }
  return used;
}

static void consume_waiting(struct conn *c) {
  size_t used = consume(c, c->in.data + c->in.head, c->in.length);
  if (c->watch.fd >= 0 && !c->closing) buffer_drop(&c->in, used);
}

static void readable(struct conn *c) {
  bool shared = c->closing || c->in.length == 0;
  size_t room = SCRATCH;
  uint8_t *to = scratch;
  if (!shared) {
    /* A frame that is still arriving gets room for itself, but never more at once than has been seen to come. */
    struct cursor head = {c->in.data + c->in.head, c->in.data + c->in.head + c->in.length, false};
    size_t missing = c->in.length >= 4 ? 4 + (size_t)get_int(&head, 4) - c->in.length : 4;
    room = missing < SCRATCH ? missing : SCRATCH;
    to = buffer_room(&c->in, room);
  }
  ssize_t n = read(c->watch.fd, to, room);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    conn_close(c);
    return;
  }
  if (c->closing) return;
  if (shared) {
    size_t used = consume(c, scratch, (size_t)n);
    if (c->watch.fd >= 0 && !c->closing) buffer_add(&c->in, scratch + used, (size_t)n - used);
  } else {
    c->in.length += (size_t)n;
    consume_waiting(c);
  }
}

static void on_ready(struct watch *w, uint32_t events) {
  struct conn *c = CONTAINER(w, struct conn, watch);
  if (events & EPOLLOUT) {
    c->stalled = false;
    conn_dirty(c);
  }
  if (events & EPOLLIN) readable(c);
  else if (events & (EPOLLHUP | EPOLLERR)) conn_close(c);
}

/* A frame on its way from a ring to the socket without a copy in between. */
struct piece {
  struct command *command;
  int channel; /* -1: its exit */
  uint64_t from;
  size_t size; /* with the head */
  int vectors;
  uint8_t head[EXIT_FRAME_MAX];
};
static struct piece pieces[PIECES];

static int piece_output(struct piece *p, struct command *cmd, int channel, struct iovec *v) {
  struct channel *ch = &cmd->out[channel];
  uint64_t n = output_sendable(cmd, channel);
  if (n > DATA_MAX) n = DATA_MAX;
  uint8_t *to = put_int(p->head, 18 + n, 4);
  *to++ = OUTPUT;
  to = put_int(to, cmd->id, 8);
  *to++ = ch->number;
  to = put_int(to, ch->sent, 8);
  p->command = cmd;
  p->channel = channel;
  p->from = ch->sent;
  p->size = (size_t)(to - p->head) + n;
  v[0] = (struct iovec){p->head, (size_t)(to - p->head)};
  p->vectors = 1 + ring_bytes(&ch->ring, ch->sent, n, v + 1);
  ch->sent += n;
  return p->vectors;
}

static int piece_exit(struct piece *p, struct command *cmd, struct iovec *v) {
  p->command = cmd;
  p->channel = -1;
  p->size = exit_frame(cmd, p->head);
  p->vectors = 1;
  v[0] = (struct iovec){p->head, p->size};
  cmd->owed_exit &= ~(1ULL << cmd->taker);
  return 1;
}

/* Takes from the queue of commands, each in turn one frame a channel, until the pass is full. */
static int gather(struct conn *c, struct iovec *v, int *pieces_count) {
  int vectors = 0, count = 0;
  while (c->ready_first && count + 3 <= PIECES) {
    struct command *cmd = c->ready_first;
    output_unqueue(cmd);
    for (int channel = 0; channel < 2; channel++)
      if (output_sendable(cmd, channel)) vectors += piece_output(&pieces[count++], cmd, channel, v + vectors);
    if (output_sendable(cmd, 0) || output_sendable(cmd, 1)) output_queue(cmd);
    else if (cmd->ended && cmd->owed_exit & 1ULL << c->slot && cmd->out[0].sent == cmd->out[0].ring.end &&
             cmd->out[1].sent == cmd->out[1].ring.end)
      vectors += piece_exit(&pieces[count++], cmd, v + vectors);
  }
  *pieces_count = count;
  return vectors;
}

/* Of a frame sent in part the rest is copied; frames not begun are taken back, and made again later. */
static void settle(struct conn *c, int count, const struct iovec *v, size_t written) {
  for (int i = 0; i < count; i++) {
    struct piece *p = &pieces[i];
    if (written >= p->size) {
      written -= p->size;
    } else if (written) {
      for (int k = 0; k < p->vectors; k++) {
        size_t skip = written < v[k].iov_len ? written : v[k].iov_len;
        buffer_add(&c->out, (uint8_t *)v[k].iov_base + skip, v[k].iov_len - skip);
        written -= skip;
      }
    } else {
      if (p->channel < 0) p->command->owed_exit |= 1ULL << c->slot;
      else if (p->command->out[p->channel].sent > p->from) p->command->out[p->channel].sent = p->from;
      output_queue(p->command);
    }
    v += p->vectors;
  }
}

static void flush(struct conn *c) {
  while (!c->stalled) {
    struct iovec v[1 + PIECES * 3];
    int vectors = 0, count = 0;
    size_t total = c->out.length;
    if (total) v[vectors++] = (struct iovec){c->out.data + c->out.head, total};
    int first = vectors;
    if (!c->closing && total < OUT_LOW) vectors += gather(c, v + vectors, &count);
    if (!vectors) break;
    for (int i = 0; i < count; i++) total += pieces[i].size;
    struct msghdr message = {.msg_iov = v, .msg_iovlen = (size_t)vectors};
    ssize_t n = sendmsg(c->watch.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
      settle(c, count, v + first, 0);
      conn_close(c);
      return;
    }
    size_t written = n < 0 ? 0 : (size_t)n;
    size_t old = written < c->out.length ? written : c->out.length;
    c->stalled = written < total;
    buffer_drop(&c->out, old);
    settle(c, count, v + first, written - old);
  }
  if (c->closing && !c->stalled) shutdown(c->watch.fd, SHUT_WR);
  if (c->in.length && !c->closing && c->out.length <= OUT_STOP) consume_waiting(c);
  if (c->watch.fd >= 0) interest(c);
}

void conns_flush(void) {
  /* Handling what had waited can make more to send, on this connection or others. */
  while (dirty_count) {
    struct conn *c = dirty[--dirty_count];
    c->dirty = false;
    if (c->watch.fd >= 0) flush(c);
  }
}

bool conns_drained(void) {
  for (int i = 0; i < CONNS_MAX; i++)
    if (conns[i] && conns[i]->welcomed && (conns[i]->out.length || conns[i]->ready_first)) return false;
  return true;
}

static void listen_again(struct timer *t) {
  (void)t;
  watch_set(&listener, EPOLLIN);
}

static void on_connection(struct watch *w, uint32_t events) {
  (void)events;
  int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      /* The connection stays in the backlog and would wake the loop for ever. */
      watch_set(w, 0);
      timer_set(&listener_again, 100, listen_again);
    }
    return;
  }
  int slot = 0;
  while (slot < CONNS_MAX && conns[slot]) slot++;
  if (slot == CONNS_MAX || ending) {
    struct buffer b = {0};
    frame(&b, FAULT, "1s", ending ? FAULT_ENDING : FAULT_MANY, ending ? "the guest is ending" : "too many connections");
    send(fd, b.data, b.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    buffer_free(&b);
    close(fd);
    return;
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  struct conn *c = must(calloc(1, sizeof *c));
  c->slot = slot;
  conns[slot] = c;
  watch_open(&c->watch, fd, EPOLLIN, on_ready);
  timer_set(&c->hello, HELLO_MS, on_timer);
}

void conn_listen(int fd) { watch_open(&listener, fd, EPOLLIN, on_connection); }
