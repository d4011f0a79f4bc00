/* The records of commands: started, attached to, ended, forgotten. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUCKETS = 1024 };
static struct command *buckets[BUCKETS];
static int records, kept;
struct command *newest;
static struct command *oldest;
int commands_running;

static struct command **bucket(uint64_t id) { return &buckets[(id * 0x9E3779B97F4A7C15u) >> 54]; }

struct command *command_find(uint64_t id) {
  struct command *cmd = *bucket(id);
  while (cmd && cmd->id != id) cmd = cmd->bucket_next;
  return cmd;
}

static uint64_t bit(const struct conn *c) { return 1ULL << c->slot; }

/* What lingers on the pipes is still read and dropped; only then the memory can go. */
void command_released(struct command *cmd) {
  if (!cmd->forgotten || cmd->out[0].watch.fd >= 0 || cmd->out[1].watch.fd >= 0) return;
  buffer_free(&cmd->input_waiting);
  free(cmd->reason);
  free(cmd->name);
  loop_free_later(cmd);
}

static void drop(struct command *cmd) {
  struct command **at = bucket(cmd->id);
  while (*at != cmd) at = &(*at)->bucket_next;
  *at = cmd->bucket_next;
  if (cmd->newer) cmd->newer->older = cmd->older;
  else newest = cmd->older;
  if (cmd->older) cmd->older->newer = cmd->newer;
  else oldest = cmd->newer;
  output_unqueue(cmd);
  timer_off(&cmd->timeout);
  timer_off(&cmd->linger);
  records--;
  if (cmd->flags & FLAG_KEEP) kept--;
  cmd->forgotten = true;
  ring_free(&cmd->out[0].ring);
  ring_free(&cmd->out[1].ring);
  command_released(cmd);
}

void command_forget(struct command *cmd) {
  if (cmd->ended) drop(cmd);
}

static void on_linger(struct timer *t) {
  struct command *cmd = CONTAINER(t, struct command, linger);
  if (cmd->ended) drop(cmd);
  else command_terminate(cmd, 0, CAUSE_LINGER);
}

static void on_timeout(struct timer *t) {
  struct command *cmd = CONTAINER(t, struct command, timeout);
  command_terminate(cmd, cmd->grace, CAUSE_TIMEOUT);
}

static void attachment_changed(struct command *cmd) {
  if (cmd->flags & FLAG_KEEP) return;
  if (cmd->attached) timer_off(&cmd->linger);
  else timer_set(&cmd->linger, cmd->linger_ms, on_linger);
}

static void tell_started(struct command *cmd) {
  for (; cmd->owed_start; cmd->owed_start &= cmd->owed_start - 1) {
    struct conn *c = conns[__builtin_ctzll(cmd->owed_start)];
    frame(&c->out, STARTED, "848", cmd->id, (unsigned)cmd->pid, cmd->input_have);
    conn_dirty(c);
  }
}

/* Who does not take the output gets EXIT at once, the taker behind its last OUTPUT. */
static void tell_exit(struct command *cmd) {
  for (uint64_t to = cmd->owed_exit; to; to &= to - 1) {
    int slot = __builtin_ctzll(to);
    if (slot == cmd->taker) continue;
    uint8_t bytes[EXIT_FRAME_MAX];
    buffer_add(&conns[slot]->out, bytes, exit_frame(cmd, bytes));
    cmd->owed_exit &= ~(1ULL << slot);
    conn_dirty(conns[slot]);
  }
  output_queue(cmd);
}

static void drop_old_kept(void) {
  int ended = 0;
  for (struct command *cmd = newest; cmd && kept > KEPT_MAX;) {
    struct command *older = cmd->older;
    if (cmd->flags & FLAG_KEEP && cmd->ended && ++ended > KEPT_MAX && !cmd->owed_exit) drop(cmd);
    cmd = older;
  }
}

static void ended(struct command *cmd) {
  bool started = cmd->started;
  cmd->ended = true;
  commands_running--;
  end_activity();
  timer_off(&cmd->timeout);
  watch_close(&cmd->control);
  input_end(cmd);
  output_end(cmd);
  if (started) tell_started(cmd);
  cmd->owed_start = 0;
  tell_exit(cmd);
  if (cmd->cause == CAUSE_LINGER && !cmd->attached) drop(cmd);
  else if (cmd->flags & FLAG_KEEP) drop_old_kept();
}

static void failed(struct command *cmd, uint8_t stage, int error) {
  cmd->how = HOW_FAILED;
  cmd->code = (uint32_t)error;
  cmd->stage = stage;
  cmd->reason = must(strdup(strerror(error)));
  ended(cmd);
}

static void on_report(struct watch *w, uint32_t events) {
  struct command *cmd = CONTAINER(w, struct command, control);
  (void)events;
  for (;;) {
    struct report r;
    ssize_t n = recv(w->fd, &r, sizeof r, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n != sizeof r) {
      /* Killed by what it supervised, most likely: at least the command's own group must not outlive it. */
      if (cmd->pid > 1) kill(-cmd->pid, SIGKILL);
      cmd->how = HOW_LOST;
      cmd->reason = must(strdup("its supervisor was killed"));
      ended(cmd);
      return;
    }
    if (r.kind == REPORT_STARTED) {
      cmd->started = true;
      cmd->pid = r.pid;
      tell_started(cmd);
      output_watch(cmd);
    } else if (r.kind == REPORT_FAILED) {
      failed(cmd, r.stage, r.error);
      return;
    } else {
      cmd->wall_us = r.wall_us;
      cmd->cpu_us = r.cpu_us;
      cmd->rss_kib = r.rss_kib;
      bool exited = (r.status & 0x7f) == 0;
      cmd->how = exited ? HOW_EXITED : HOW_SIGNAL;
      cmd->code = (uint32_t)(exited ? r.status >> 8 & 0xff : r.status & 0x7f);
      ended(cmd);
      return;
    }
  }
}

static int open_pty(const struct spawn *s, int *slave) {
  int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (master < 0) master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (master < 0) return -1;
  struct winsize size = {s->rows ? s->rows : 24, s->columns ? s->columns : 80, 0, 0};
  if (ioctl(master, TIOCSPTLCK, &(int){0}) || ioctl(master, TIOCSWINSZ, &size) ||
      (*slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
    int error = errno;
    close(master);
    errno = error;
    return -1;
  }
  return master;
}

/* theirs: the command's ends, to be closed after the fork; ours: input, output, errors. */
static uint8_t open_stdio(const struct spawn *s, int theirs[3], int ours[3]) {
  if (s->flags & FLAG_TTY) {
    if ((ours[1] = open_pty(s, &theirs[0])) < 0) return STAGE_TERMINAL;
    if ((ours[0] = fcntl(ours[1], F_DUPFD_CLOEXEC, 3)) < 0) return STAGE_TERMINAL;
    return STAGE_NONE;
  }
  int p[2];
  if (s->flags & FLAG_STDIN) {
    if (pipe2(p, O_CLOEXEC)) return STAGE_RESOURCES;
    theirs[0] = p[0];
    ours[0] = p[1];
    fcntl(p[1], F_SETFL, O_NONBLOCK);
  }
  for (int i = 1; i <= (s->flags & FLAG_MERGE ? 1 : 2); i++) {
    if (pipe2(p, O_CLOEXEC)) return STAGE_RESOURCES;
    theirs[i] = p[1];
    ours[i] = p[0];
    fcntl(p[0], F_SETFL, O_NONBLOCK);
  }
  return STAGE_NONE;
}

static struct command *record(struct conn *c, const struct spawn *s) {
  struct command *cmd = must(calloc(1, sizeof *cmd));
  cmd->id = s->id;
  cmd->flags = s->flags;
  cmd->window = s->window;
  cmd->grace = s->grace;
  cmd->linger_ms = s->linger;
  cmd->control.fd = cmd->input.fd = cmd->out[0].watch.fd = cmd->out[1].watch.fd = -1;
  cmd->out[0].number = 1;
  cmd->out[1].number = 2;
  cmd->taker = s->flags & FLAG_TAKE ? (int8_t)c->slot : -1;
  cmd->input_conn = -1;
  cmd->input_newline = true;
  cmd->attached = cmd->owed_start = cmd->owed_exit = bit(c);
  cmd->started_ms = now_ms();
  struct cursor first = s->argument;
  struct text name = get_text(&first);
  cmd->name = must(strndup(name.at, name.length < 256 ? name.length : 256));
  struct command **at = bucket(s->id);
  cmd->bucket_next = *at;
  *at = cmd;
  cmd->older = newest;
  if (newest) newest->newer = cmd;
  else oldest = cmd;
  newest = cmd;
  records++;
  commands_running++;
  if (s->flags & FLAG_KEEP) kept++;
  return cmd;
}

static void refuse(struct conn *c, uint64_t id, int error, const char *reason) {
  struct command none = {.id = id, .how = HOW_FAILED, .code = (uint32_t)error, .stage = STAGE_RESOURCES, .reason = (char *)reason};
  uint8_t bytes[EXIT_FRAME_MAX];
  buffer_add(&c->out, bytes, exit_frame(&none, bytes));
}

void command_spawn(struct conn *c, struct spawn *s) {
  if (ending) {
    refuse(c, s->id, ESHUTDOWN, "the guest is ending");
    return;
  }
  if (records >= RECORDS_MAX) {
    refuse(c, s->id, EAGAIN, "too many commands");
    return;
  }
  struct command *cmd = record(c, s);
  int theirs[3] = {-1, -1, -1}, ours[3] = {-1, -1, -1}, control[2] = {-1, -1};
  uint8_t failure = open_stdio(s, theirs, ours);
  if (!failure && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control)) failure = STAGE_RESOURCES;
  int error = errno;
  if (!failure) {
    cmd->supervisor = fork();
    error = errno;
    if (cmd->supervisor == 0) supervise(s, control[1], theirs);
    if (cmd->supervisor < 0) failure = STAGE_RESOURCES;
  }
  for (int i = 0; i < 3; i++)
    if (theirs[i] >= 0) close(theirs[i]);
  if (control[1] >= 0) close(control[1]);
  if (failure) {
    for (int i = 0; i < 3; i++)
      if (ours[i] >= 0) close(ours[i]);
    if (control[0] >= 0) close(control[0]);
    failed(cmd, failure, error);
    return;
  }
  if (ours[0] >= 0) input_open(cmd, ours[0]);
  output_open(cmd, 0, ours[1]);
  output_open(cmd, 1, ours[2]);
  watch_open(&cmd->control, control[0], EPOLLIN, on_report);
  if (s->timeout) timer_set(&cmd->timeout, s->timeout, on_timeout);
}

void command_attach(struct command *cmd, struct conn *c, bool take, uint64_t out, uint64_t err) {
  cmd->attached |= bit(c);
  attachment_changed(cmd);
  if (cmd->started || cmd->ended) {
    frame(&c->out, STARTED, "848", cmd->id, (unsigned)cmd->pid, cmd->input_have);
    conn_dirty(c);
  } else {
    cmd->owed_start |= bit(c);
  }
  if (cmd->flags & (FLAG_STDIN | FLAG_TTY)) {
    cmd->input_conn = (int8_t)c->slot;
    input_tell(cmd);
  }
  cmd->owed_exit |= bit(c);
  if (take) output_attach(cmd, c, out, err);
  else if (cmd->taker == c->slot) output_give_up(cmd);
  if (cmd->ended) tell_exit(cmd);
}

void command_detach(struct conn *c) {
  for (struct command *cmd = newest, *older; cmd; cmd = older) {
    older = cmd->older;
    if (!(cmd->attached & bit(c))) continue;
    cmd->attached &= ~bit(c);
    cmd->owed_start &= ~bit(c);
    cmd->owed_exit &= ~bit(c);
    if (cmd->input_conn == c->slot) cmd->input_conn = -1;
    if (cmd->taker == c->slot) output_give_up(cmd);
    attachment_changed(cmd);
  }
}

static void give_order(struct command *cmd, const struct order *o) {
  if (cmd->control.fd >= 0) send(cmd->control.fd, o, sizeof *o, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void command_signal(struct command *cmd, uint8_t signal, uint8_t scope) {
  struct order o = {.kind = ORDER_SIGNAL, .signal = signal, .scope = scope};
  if (scope == SCOPE_GROUP && cmd->flags & FLAG_TTY && cmd->out[0].watch.fd >= 0 &&
      ioctl(cmd->out[0].watch.fd, TIOCGPGRP, &o.group))
    o.group = 0;
  give_order(cmd, &o);
}

void command_terminate(struct command *cmd, uint32_t grace, uint8_t cause) {
  if (cmd->ended) return;
  /* The first reason is the one that counts; a later, shorter grace still hurries it up. */
  if (cmd->cause == CAUSE_ITSELF) cmd->cause = cause;
  give_order(cmd, &(struct order){.kind = ORDER_TERMINATE, .grace = grace});
}
