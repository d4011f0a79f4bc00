/* A command's standard input: what its pipe does not take at once waits here, one window at most. */
#include "guest.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

void input_tell(struct command *cmd) {
  if (cmd->input_conn < 0) return;
  struct conn *c = conns[cmd->input_conn];
  frame(&c->out, TAKEN, "881", cmd->id, cmd->input_taken, cmd->input_closed);
  conn_dirty(c);
}

static void closed(struct command *cmd) {
  watch_close(&cmd->input);
  buffer_free(&cmd->input_waiting);
  cmd->input_closed = true;
}

/* A PTY has no end of input but its VEOF character, which only means that at the start of a line: else it takes two. */
static bool write_end(struct command *cmd) {
  struct termios t;
  char end[2] = {4, 4};
  if (tcgetattr(cmd->input.fd, &t) == 0) end[0] = end[1] = (char)t.c_cc[VEOF];
  size_t count = cmd->input_newline ? 1 : 2;
  return write(cmd->input.fd, end, count) >= 0 || errno != EAGAIN;
}

static void finish(struct command *cmd) {
  if (!cmd->input_end || cmd->input_waiting.length || cmd->input.fd < 0) return;
  if (!(cmd->flags & FLAG_TTY)) {
    watch_close(&cmd->input);
  } else if (write_end(cmd)) {
    cmd->input_end = false;
    cmd->input_newline = true;
  } else {
    watch_set(&cmd->input, EPOLLOUT);
  }
}

/* Returns how much went; an error other than a full pipe closes the input. */
static size_t give(struct command *cmd, const uint8_t *bytes, size_t length) {
  size_t done = 0;
  while (done < length) {
    ssize_t n = write(cmd->input.fd, bytes + done, length - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) {
      closed(cmd);
      break;
    }
    done += (size_t)n;
  }
  if (done) cmd->input_newline = bytes[done - 1] == '\n';
  cmd->input_taken += done;
  return done;
}

static void on_writable(struct watch *w, uint32_t events) {
  struct command *cmd = CONTAINER(w, struct command, input);
  struct buffer *b = &cmd->input_waiting;
  uint64_t before = cmd->input_taken;
  if (b->length) {
    size_t n = give(cmd, b->data + b->head, b->length);
    if (!cmd->input_closed) buffer_drop(b, n);
  } else if (events & EPOLLERR && !(cmd->flags & FLAG_TTY)) {
    closed(cmd);
  }
  if (!cmd->input_closed && !b->length) {
    watch_set(w, 0);
    finish(cmd);
  }
  if (cmd->input_taken != before || cmd->input_closed) input_tell(cmd);
}

void input_open(struct command *cmd, int fd) { watch_open(&cmd->input, fd, 0, on_writable); }

bool input_add(struct command *cmd, struct conn *c, uint64_t offset, bool end, const uint8_t *bytes, size_t length) {
  if (!(cmd->flags & (FLAG_STDIN | FLAG_TTY))) cmd->input_closed = true;
  cmd->input_conn = (int8_t)c->slot;
  if (cmd->input_closed || cmd->input.fd < 0) {
    cmd->input_closed = true;
    input_tell(cmd);
    return true;
  }
  if (offset > cmd->input_have || offset + length > cmd->input_taken + INPUT_WINDOW) return false;
  uint64_t known = cmd->input_have - offset;
  if (known > length || (known == length && !end)) {
    input_tell(cmd);
    return true;
  }
  bytes += known;
  length -= (size_t)known;
  cmd->input_have += length;
  if (end) cmd->input_end = true;
  size_t done = cmd->input_waiting.length ? 0 : give(cmd, bytes, length);
  if (!cmd->input_closed && done < length) {
    buffer_add(&cmd->input_waiting, bytes + done, length - done);
    watch_set(&cmd->input, EPOLLOUT);
  }
  finish(cmd);
  input_tell(cmd);
  return true;
}

void input_end(struct command *cmd) {
  bool open = cmd->input.fd >= 0;
  closed(cmd);
  if (open && cmd->input_taken < cmd->input_have) input_tell(cmd);
}
