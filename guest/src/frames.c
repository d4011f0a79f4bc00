/* What the host's frames ask for. A false return is a protocol error, and ends the connection. */
#include "guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

enum { MAGIC = 0x42525448, VERSION = 2 };

/* The host's proof, for nonces that hold for this connection alone; without a token there is nothing to prove. */
static bool proven(const struct conn *c, struct text given) {
  if (!settings.token_length) return given.length == 0;
  uint8_t wanted[PROOF_SIZE];
  unsigned difference = 0;
  if (!c->knocked || given.length != PROOF_SIZE) return false;
  proof("berth host", c->nonces, sizeof c->nonces, wanted);
  for (int i = 0; i < PROOF_SIZE; i++) difference |= (uint8_t)given.at[i] ^ wanted[i];
  return !difference;
}

/* Proves itself first: so whoever listens in the guest's place learns nothing from a host. */
static bool knock(struct conn *c, struct cursor *p) {
  if (c->knocked || c->welcomed) return false;
  for (int i = 0; i < NONCE_SIZE; i++) c->nonces[i] = (uint8_t)get_int(p, 1);
  uint8_t *own = c->nonces + NONCE_SIZE, result[PROOF_SIZE];
  if (!get_done(p) || getrandom(own, NONCE_SIZE, 0) != NONCE_SIZE) return false;
  c->knocked = true;
  proof("berth guest", c->nonces, sizeof c->nonces, result);
  frame(&c->out, PROOF, "rr", (size_t)NONCE_SIZE, own, sizeof result, result);
  return true;
}

static bool hello(struct conn *c, struct cursor *p) {
  bool magic = get_int(p, 4) == MAGIC;
  bool version = get_int(p, 2) == VERSION;
  uint32_t length = (uint32_t)get_int(p, 4);
  struct text given = {(char *)p->at, length};
  if (p->bad || (size_t)(p->end - p->at) != length || !magic || c->welcomed) return false;
  if (!version || !proven(c, given)) {
    conn_fault(c, FAULT_REFUSED, version ? "token refused" : "this guest speaks version 2");
    return true;
  }
  c->welcomed = true;
  conns_welcomed++;
  timer_off(&c->hello);
  end_connections();
  frame(&c->out, WELCOME, "42r4441s", MAGIC, VERSION, sizeof settings.identity, settings.identity, (unsigned)getpid(),
        (unsigned)getuid(), (unsigned)getgid(), settings.users, GUEST_VERSION);
  return true;
}

static bool strings(struct cursor *p, uint32_t *count, struct cursor *all) {
  *count = (uint32_t)get_int(p, 4);
  *all = *p;
  for (uint32_t i = 0; i < *count && !p->bad; i++) get_text(p);
  all->end = p->at;
  return !p->bad;
}

static bool spawn(struct conn *c, struct cursor *p) {
  struct spawn s = {0};
  s.id = get_int(p, 8);
  s.flags = (uint16_t)get_int(p, 2);
  s.timeout = (uint32_t)get_int(p, 4);
  s.grace = (uint32_t)get_int(p, 4);
  s.linger = (uint32_t)get_int(p, 4);
  s.window = (uint32_t)get_int(p, 4);
  s.rows = (uint16_t)get_int(p, 2);
  s.columns = (uint16_t)get_int(p, 2);
  s.cwd = get_text(p);
  s.user = get_text(p);
  if (!strings(p, &s.environments, &s.environment) || !strings(p, &s.arguments, &s.argument) || !get_done(p)) return false;
  if (!s.id || !s.arguments || s.flags & ~FLAG_ALL) return false;
  if (s.window && (s.window < WINDOW_MIN || s.window > WINDOW_MAX)) return false;
  if (!s.window) s.window = WINDOW_DEFAULT;
  struct command *known = command_find(s.id);
  if (known) command_attach(known, c, s.flags & FLAG_TAKE, 0, 0);
  else command_spawn(c, &s);
  return true;
}

static bool input(struct conn *c, struct cursor *p) {
  uint64_t id = get_int(p, 8), offset = get_int(p, 8);
  uint8_t flags = (uint8_t)get_int(p, 1);
  size_t length = (size_t)(p->end - p->at);
  if (p->bad || flags > 1 || length > DATA_MAX) return false;
  struct command *cmd = command_find(id);
  /* To a command that is unknown by now: its exit was forgotten, so its host cannot miss the input. */
  return !cmd || input_add(cmd, c, offset, flags, p->at, length);
}

static void peek(struct conn *c, struct command *cmd, uint8_t channel, uint64_t offset, uint32_t max) {
  struct ring *r = &cmd->out[channel - 1].ring;
  if (offset < r->base) offset = r->base;
  if (offset > r->end) offset = r->end;
  uint64_t length = r->end - offset;
  if (length > max) length = max;
  if (length > DATA_MAX) length = DATA_MAX;
  struct iovec v[2] = {{"", 0}, {"", 0}};
  ring_bytes(r, offset, (size_t)length, v);
  frame(&c->out, OUTPUT, "818rr", cmd->id, channel + 0x10, offset, v[0].iov_len, v[0].iov_base, v[1].iov_len, v[1].iov_base);
}

static void list(struct conn *c) {
  uint32_t count = 0;
  struct buffer rows = {0};
  for (struct command *cmd = newest; cmd; cmd = cmd->older) count++;
  /* All records have to fit into one frame, whatever their names are. */
  size_t most = count ? (FRAME_MAX - 16) / count - 31 : 256;
  for (struct command *cmd = newest; cmd; cmd = cmd->older) {
    size_t length = strlen(cmd->name);
    uint8_t row[31], *to = put_int(row, cmd->id, 8);
    *to++ = cmd->ended;
    to = put_int(to, (uint64_t)cmd->pid, 4);
    to = put_int(to, cmd->flags, 2);
    to = put_int(to, now_ms() - cmd->started_ms, 8);
    if (length > most) length = most;
    to = put_int(to, length, 4);
    buffer_add(&rows, row, (size_t)(to - row));
    buffer_add(&rows, cmd->name, length);
  }
  frame(&c->out, LISTING, "4r", count, rows.length, rows.data);
  buffer_free(&rows);
}

/* Frames about one command that answer UNKNOWN when there is none; they start with its id. */
static bool about_command(struct conn *c, uint8_t type, struct cursor *p) {
  uint64_t id = get_int(p, 8), first = 0, second = 0;
  uint32_t number = 0;
  uint8_t channel = 0, scope = 0;
  switch (type) {
    case ATTACH: number = (uint32_t)get_int(p, 1), first = get_int(p, 8), second = get_int(p, 8); break;
    case CONSUMED: channel = (uint8_t)get_int(p, 1), first = get_int(p, 8); break;
    case SIGNAL: number = (uint32_t)get_int(p, 1), scope = (uint8_t)get_int(p, 1); break;
    case TERMINATE: number = (uint32_t)get_int(p, 4); break;
    case RESIZE: number = (uint32_t)get_int(p, 4); break;
    case PEEK: channel = (uint8_t)get_int(p, 1), first = get_int(p, 8), number = (uint32_t)get_int(p, 4); break;
  }
  if (!get_done(p)) return false;
  if ((type == PEEK || type == CONSUMED) && channel != 1 && channel != 2) return false;
  if (type == ATTACH && number > 1) return false;
  if (type == SIGNAL && (number < 1 || number > 64 || scope > SCOPE_TREE)) return false;
  struct command *cmd = command_find(id);
  if (!cmd) {
    if (type != CONSUMED && type != FORGET) frame(&c->out, UNKNOWN, "8", id);
    return true;
  }
  switch (type) {
    case ATTACH: command_attach(cmd, c, number, first, second); break;
    case CONSUMED: command_consumed(cmd, c, channel, first); break;
    case SIGNAL: command_signal(cmd, (uint8_t)number, scope); break;
    case TERMINATE: command_terminate(cmd, number, CAUSE_HOST); break;
    case RESIZE:
      if (cmd->flags & FLAG_TTY && cmd->out[0].watch.fd >= 0)
        ioctl(cmd->out[0].watch.fd, TIOCSWINSZ, &(struct winsize){(uint16_t)(number >> 16), (uint16_t)number, 0, 0});
      break;
    case FORGET: command_forget(cmd); break;
    case PEEK: peek(c, cmd, channel, first, number); break;
  }
  return true;
}

static bool about_guest(struct conn *c, uint8_t type, struct cursor *p) {
  uint64_t id = 0;
  int64_t limits[3] = {-1, -1, -1};
  uint32_t grace = 0;
  struct text address = {0};
  uint16_t ports[3] = {0};
  if (type == PING || type == LISTEN || type == UNLISTEN) id = get_int(p, 8);
  if (type == LISTEN) {
    address = get_text(p);
    for (int i = 0; i < 3; i++) ports[i] = (uint16_t)get_int(p, 2);
  }
  if (type == LIMITS)
    for (int i = 0; i < 3; i++) limits[i] = (int64_t)get_int(p, 8);
  if (type == SHUTDOWN) grace = (uint32_t)get_int(p, 4);
  if (!get_done(p)) return false;
  switch (type) {
    case PING: frame(&c->out, PONG, "8", id); break;
    case LIST: list(c); break;
    case LIMITS: end_limits(limits[0], limits[1], limits[2]); break;
    case SHUTDOWN: end_begin(grace); break;
    case LISTEN: raw_listen(c, id, address, ports[0], ports[1], ports[2]); break;
    case UNLISTEN: raw_unlisten(id); break;
  }
  return true;
}

bool frame_handle(struct conn *c, uint8_t type, struct cursor *p, size_t behind) {
  conn_dirty(c);
  if (type == HELLO) return hello(c, p);
  if (type == KNOCK) return knock(c, p);
  if (!c->welcomed) return false;
  if (type != PING) end_activity();
  switch (type) {
    case SPAWN: return spawn(c, p);
    case INPUT: return input(c, p);
    case ATTACH: case CONSUMED: case SIGNAL: case TERMINATE: case RESIZE: case FORGET: case PEEK: return about_command(c, type, p);
    case LIST: case LIMITS: case PING: case SHUTDOWN: case LISTEN: case UNLISTEN: return about_guest(c, type, p);
    case OPEN: return raw_start(c, p, behind);
    default: return false;
  }
}
