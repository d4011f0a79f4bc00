/* A command's output: from its pipes or PTY into the rings, and from there to the connection that takes it. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { FIRST_CHUNK = 4096, PIPE_DEFAULT = 65536, LEFT_MAX = 1 << 20 };

static struct channel *channel_of(struct watch *w) { return CONTAINER(w, struct channel, watch); }

static struct command *owner(struct channel *ch) {
  return ch->number == 1 ? CONTAINER(ch, struct command, out[0]) : CONTAINER(ch, struct command, out[1]);
}

uint64_t output_sendable(const struct command *cmd, int channel) {
  const struct channel *ch = &cmd->out[channel];
  uint64_t limit = ch->consumed + cmd->window;
  if (limit > ch->ring.end) limit = ch->ring.end;
  return limit > ch->sent ? limit - ch->sent : 0;
}

void output_queue(struct command *cmd) {
  if (cmd->queued || cmd->taker < 0) return;
  struct conn *c = conns[cmd->taker];
  cmd->queued = true;
  cmd->ready_next = NULL;
  if (c->ready_last) c->ready_last->ready_next = cmd;
  else c->ready_first = cmd;
  c->ready_last = cmd;
  conn_dirty(c);
}

void output_unqueue(struct command *cmd) {
  if (!cmd->queued) return;
  cmd->queued = false;
  struct conn *c = conns[cmd->taker];
  if (!c) return; /* it is being closed, its queue with it */
  struct command *before = NULL;
  if (c->ready_first == cmd) {
    c->ready_first = cmd->ready_next;
  } else {
    for (before = c->ready_first; before->ready_next != cmd;) before = before->ready_next;
    before->ready_next = cmd->ready_next;
  }
  if (c->ready_last == cmd) c->ready_last = before;
}

/* How many bytes may be read now: a host that does not consume stops the command, unless it is a kept one that nobody listens to. */
static uint64_t room(const struct command *cmd, const struct channel *ch) {
  if (cmd->flags & FLAG_KEEP && cmd->taker < 0) return cmd->window;
  uint64_t held = ch->ring.end - ch->consumed;
  return held < cmd->window ? cmd->window - held : 0;
}

static void adapt(struct channel *ch, size_t got, size_t wanted) {
  if (got < wanted || ch->chunk >= WINDOW_MAX) return;
  ch->chunk *= 4;
  /* A pipe that is always full costs a switch to the command and back each time: a longer one halves the wake-ups. */
  if (ch->chunk == PIPE_DEFAULT * 4) fcntl(ch->watch.fd, F_SETPIPE_SZ, PIPE_DEFAULT * 4);
}

static ssize_t read_into(struct channel *ch, size_t want, size_t limit) {
  struct iovec v[2];
  uint64_t base = ch->ring.base;
  int n = ring_space(&ch->ring, want, limit, v);
  ssize_t got = readv(ch->watch.fd, v, n);
  if (got > 0) ch->ring.end += (uint64_t)got;
  /* Old bytes went for new ones that really came, not for all that might have. */
  if (ch->ring.end > ch->ring.capacity && base < ch->ring.end - ch->ring.capacity) base = ch->ring.end - ch->ring.capacity;
  ch->ring.base = base;
  return got;
}

static char sink[PIPE_DEFAULT];

static void on_leftover(struct watch *w, uint32_t events) {
  (void)events;
  ssize_t n = read(w->fd, sink, sizeof sink);
  if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR))) return;
  watch_close(w);
  command_released(owner(channel_of(w)));
}

static void on_output(struct watch *w, uint32_t events) {
  struct channel *ch = channel_of(w);
  struct command *cmd = owner(ch);
  (void)events;
  uint64_t want = room(cmd, ch);
  if (want > ch->chunk) want = ch->chunk;
  if (!want) {
    watch_set(w, 0);
    return;
  }
  ssize_t n = read_into(ch, (size_t)want, cmd->window);
  if (n > 0) {
    adapt(ch, (size_t)n, (size_t)want);
    output_queue(cmd);
  } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
    watch_close(w);
  }
}

void output_open(struct command *cmd, int channel, int fd) {
  struct channel *ch = &cmd->out[channel];
  ch->chunk = FIRST_CHUNK;
  watch_open(&ch->watch, fd, 0, on_output);
}

/* Only once STARTED is on its way, so that it comes before any OUTPUT. */
void output_watch(struct command *cmd) {
  watch_set(&cmd->out[0].watch, EPOLLIN);
  watch_set(&cmd->out[1].watch, EPOLLIN);
}

void output_resume(struct command *cmd) {
  if (!cmd->started || cmd->ended) return;
  for (int i = 0; i < 2; i++)
    if (!cmd->out[i].watch.events && room(cmd, &cmd->out[i])) watch_set(&cmd->out[i].watch, EPOLLIN);
}

/* The leader is dead: what is in its pipes by now is its output, and is read at once, past the window if need be (a pipe is bounded
   too). What others write there later is dropped. */
void output_end(struct command *cmd) {
  for (int i = 0; i < 2; i++) {
    struct channel *ch = &cmd->out[i];
    if (ch->watch.fd < 0) continue;
    int left = 0;
    bool tty = cmd->flags & FLAG_TTY;
    bool keeps_last = cmd->flags & FLAG_KEEP && cmd->taker < 0;
    if (tty || ioctl(ch->watch.fd, FIONREAD, &left)) left = LEFT_MAX;
    ssize_t n = 1;
    while (left > 0 && n > 0) {
      size_t want = left < PIPE_DEFAULT ? (size_t)left : PIPE_DEFAULT;
      if (tty) want = FIRST_CHUNK;
      if (keeps_last && want > cmd->window) want = cmd->window;
      size_t held = (size_t)(ch->ring.end - ch->ring.base);
      n = read_into(ch, want, keeps_last || held + want < cmd->window ? cmd->window : held + want);
      if (n > 0) left -= (int)n;
    }
    if (n > 0) n = read(ch->watch.fd, sink, sizeof sink); /* mostly the end of file, which saves a round */
    if (n == 0 || (n < 0 && errno != EAGAIN) || !cmd->started) {
      watch_close(&ch->watch);
    } else {
      ch->watch.ready = on_leftover;
      watch_set(&ch->watch, EPOLLIN);
    }
  }
}

void output_attach(struct command *cmd, struct conn *c, uint64_t out, uint64_t err) {
  output_unqueue(cmd);
  if (cmd->taker >= 0 && cmd->taker != c->slot) {
    struct conn *former = conns[cmd->taker];
    frame(&former->out, DETACHED, "8", cmd->id);
    conn_dirty(former);
  }
  cmd->taker = (int8_t)c->slot;
  uint64_t offsets[2] = {out, err};
  for (int i = 0; i < 2; i++) {
    struct channel *ch = &cmd->out[i];
    uint64_t at = offsets[i];
    if (at < ch->ring.base) at = ch->ring.base;
    if (at > ch->ring.end) at = ch->ring.end;
    ch->sent = ch->consumed = at;
    if (!(cmd->flags & FLAG_KEEP)) ring_drop(&ch->ring, at);
  }
  output_queue(cmd);
  output_resume(cmd);
}

void output_give_up(struct command *cmd) {
  output_unqueue(cmd);
  cmd->taker = -1;
  output_resume(cmd);
}

void command_consumed(struct command *cmd, struct conn *c, uint8_t channel, uint64_t offset) {
  struct channel *ch = &cmd->out[channel - 1];
  if (cmd->taker != c->slot || offset <= ch->consumed) return;
  ch->consumed = offset < ch->sent ? offset : ch->sent;
  if (!(cmd->flags & FLAG_KEEP)) ring_drop(&ch->ring, ch->consumed);
  if (output_sendable(cmd, channel - 1)) output_queue(cmd);
  output_resume(cmd);
}

size_t exit_frame(const struct command *cmd, uint8_t *frame) {
  uint8_t *to = frame + 4;
  size_t length = cmd->reason ? strlen(cmd->reason) : 0;
  *to++ = EXIT;
  to = put_int(to, cmd->id, 8);
  *to++ = cmd->how;
  to = put_int(to, cmd->code, 4);
  *to++ = cmd->cause;
  to = put_int(to, cmd->out[0].ring.end, 8);
  to = put_int(to, cmd->out[1].ring.end, 8);
  to = put_int(to, cmd->wall_us, 8);
  to = put_int(to, cmd->cpu_us, 8);
  to = put_int(to, cmd->rss_kib, 8);
  *to++ = cmd->stage;
  to = put_int(to, length, 4);
  if (length) memcpy(to, cmd->reason, length);
  to += length;
  put_int(frame, (uint64_t)(to - frame - 4), 4);
  return (size_t)(to - frame);
}
