/* Fuzzes what reads the host's bytes: cutting them into frames and taking the frames apart. What the frames would do is replaced by
   stand-ins that touch all that they are given, as the real ones would, so that a wrong bound shows.

   With clang and -DLIBFUZZER it is a libFuzzer target, else a program that mutates frames of its own with a fixed seed. */
#include "../src/wire.c"
#include "../src/ring.c"
#include "../src/conn.c"
#include "../src/frames.c"
#include "../src/proof.c"

#include <stdio.h>
#include <time.h>

struct settings settings = {0};
bool ending;
int commands_running, raw_open;
struct command *newest;
static struct command known = {.id = 1, .window = 4096, .name = "name", .taker = -1};
static volatile unsigned touched;

static void touch(struct text t) {
  for (uint32_t i = 0; i < t.length; i++) touched += (uint8_t)t.at[i];
}

static void touch_terminated(struct text t) {
  touch(t);
  t.at[t.length] = 0;
}

uint64_t now_ms(void) { return 0; }
void watch_open(struct watch *w, int fd, uint32_t events, void (*ready)(struct watch *, uint32_t)) { *w = (struct watch){fd, events, ready}; }
void watch_set(struct watch *w, uint32_t events) { w->events = events; }
void watch_close(struct watch *w) { w->fd = -1; }
void timer_set(struct timer *t, uint64_t ms, void (*fire)(struct timer *)) { (void)t, (void)ms, (void)fire; }
void timer_off(struct timer *t) { (void)t; }
void loop_free_later(void *memory) { (void)memory; }
struct command *command_find(uint64_t id) { return id == 1 ? &known : NULL; }
void command_spawn(struct conn *c, struct spawn *s) {
  (void)c;
  touch_terminated(s->cwd);
  touch_terminated(s->user);
  for (uint32_t i = 0; i < s->environments; i++) touch_terminated(get_text(&s->environment));
  for (uint32_t i = 0; i < s->arguments; i++) touch_terminated(get_text(&s->argument));
  if (s->environment.bad || s->argument.bad) abort();
}
void command_attach(struct command *m, struct conn *c, bool take, uint64_t out, uint64_t err) { (void)m, (void)c, (void)take, (void)out, (void)err; }
void command_detach(struct conn *c) { (void)c; }
void command_consumed(struct command *m, struct conn *c, uint8_t channel, uint64_t offset) { touched += (unsigned)m->out[channel - 1].number, (void)c, (void)offset; }
void command_signal(struct command *m, uint8_t signal, uint8_t scope) { (void)m, (void)signal, (void)scope; }
void command_terminate(struct command *m, uint32_t grace, uint8_t cause) { (void)m, (void)grace, (void)cause; }
void command_forget(struct command *m) { (void)m; }
void output_queue(struct command *m) { (void)m; }
void output_unqueue(struct command *m) { (void)m; }
uint64_t output_sendable(const struct command *m, int channel) { return (void)m, (void)channel, 0; }
size_t exit_frame(const struct command *m, uint8_t *to) { return (void)m, (void)to, 0; }
bool input_add(struct command *m, struct conn *c, uint64_t offset, bool end, const uint8_t *bytes, size_t length) {
  (void)m, (void)c, (void)end;
  for (size_t i = 0; i < length; i++) touched += bytes[i];
  return offset < 1000;
}
bool raw_start(struct conn *c, struct cursor *p, size_t behind) {
  for (size_t i = 0; i < behind; i++) touched += p->end[i];
  uint8_t kind = (uint8_t)get_int(p, 1);
  struct text path = get_text(p);
  if (!p->bad) touch_terminated(path);
  if (kind & 1) conn_close(c);
  return get_done(p);
}
void raw_listen(struct conn *c, uint64_t id, struct text address, uint16_t port, uint16_t first, uint16_t last) {
  (void)c, (void)id, (void)port, (void)first, (void)last;
  touch(address);
}
void raw_unlisten(uint64_t id) { (void)id; }
void raw_detach(struct conn *c) { (void)c; }
void end_limits(int64_t lease, int64_t ttl, int64_t idle) { (void)lease, (void)ttl, (void)idle; }
void end_activity(void) {}
void end_connections(void) {}
void end_begin(uint32_t grace) { (void)grace; }

/* As readable() does, but from memory of just the right size. */
static void feed(struct conn *c, const uint8_t *bytes, size_t length) {
  if (c->in.length) {
    memcpy(buffer_room(&c->in, length), bytes, length);
    c->in.length += length;
    consume_waiting(c);
    return;
  }
  uint8_t *copy = must(malloc(length + 1));
  memcpy(copy, bytes, length);
  size_t used = consume(c, copy, length);
  if (c->watch.fd >= 0 && !c->closing) buffer_add(&c->in, copy + used, length - used);
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct conn connection;
  if (size < 2) return 0;
  struct conn *c = &connection;
  *c = (struct conn){.watch = {.fd = 1000}, .welcomed = data[0] & 1};
  conns[0] = c;
  conns_welcomed = c->welcomed;
  size_t piece = data[1] ? data[1] * 4u : size;
  for (size_t at = 2; at < size && c->watch.fd >= 0 && !c->closing; at += piece)
    feed(c, data + at, size - at < piece ? size - at : piece);
  buffer_free(&c->in);
  buffer_free(&c->out);
  dirty_count = 0;
  return 0;
}

#ifndef LIBFUZZER
enum { LARGEST = 4096, RUNS = 400000, SECONDS = 20 };
static uint64_t state = 0x9E3779B97F4A7C15u;

static uint32_t pick(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 33) % below;
}

/* One whole frame of each type, most about the command that is known. */
static void add_frame(struct buffer *b, uint32_t type) {
  uint64_t one = 1;
  switch (type) {
    case HELLO: frame(b, HELLO, "42s", MAGIC, VERSION, ""); break;
    case SPAWN:
      frame(b, SPAWN, "824444" "22ss4ss4ss", one + pick(3), FLAG_TAKE | FLAG_WHOLE, 1u, 2u, 3u, 4096u, 24, 80, "/tmp", "root", 2u, "A=b", "C", 2u, "echo", "x");
      break;
    case ATTACH: frame(b, ATTACH, "8188", one, 1, one, one); break;
    case INPUT: frame(b, INPUT, "881r", one, one, 1, (size_t)5, "input"); break;
    case CONSUMED: frame(b, CONSUMED, "818", one, 1, one); break;
    case SIGNAL: frame(b, SIGNAL, "811", one, 15, 2); break;
    case TERMINATE: frame(b, TERMINATE, "84", one, 5u); break;
    case RESIZE: frame(b, RESIZE, "822", one, 5, 6); break;
    case FORGET: frame(b, FORGET, "8", one); break;
    case PEEK: frame(b, PEEK, "8184", one, 1, one, 100u); break;
    case LIMITS: frame(b, LIMITS, "888", one, one, one); break;
    case PING: frame(b, PING, "8", one); break;
    case SHUTDOWN: frame(b, SHUTDOWN, "4", 1u); break;
    case LISTEN: frame(b, LISTEN, "8s222", one, "127.0.0.1", 80, 1, 2); break;
    case UNLISTEN: frame(b, UNLISTEN, "8", one); break;
    case OPEN: frame(b, OPEN, "1ss1", 2 + (int)pick(3), "/path", "user", 0); break;
    case KNOCK: frame(b, KNOCK, "r", (size_t)NONCE_SIZE, "0123456789abcdef0123456789abcdef"); break;
    default: frame(b, LIST, ""); break;
  }
}

static size_t make(uint8_t *data) {
  struct buffer b = {0};
  for (uint32_t n = 1 + pick(5); n; n--) add_frame(&b, 1 + pick(18));
  size_t size = 2 + (b.length < LARGEST - 64 ? b.length : LARGEST - 64);
  data[0] = (uint8_t)(pick(8) != 0);
  data[1] = (uint8_t)(pick(3) ? 0 : pick(256));
  memcpy(data + 2, b.data, size - 2);
  buffer_free(&b);
  static const uint32_t telling[] = {0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x10000, 0xfffff, 0x100000, 0x100001, 0x7fffffff, 0xffffffff};
  for (uint32_t n = pick(6); n; n--) {
    uint32_t at = 2 + pick((uint32_t)size - 2), cut = pick(9);
    switch (pick(5)) {
      case 0: data[at] ^= (uint8_t)(1u << pick(8)); break;
      case 1: data[at] = (uint8_t)pick(256); break;
      case 2:
        if (at + 4 <= size) put_int(data + at, telling[pick(sizeof telling / sizeof *telling)], 4);
        break;
      case 3:
        if (at + cut < size) memmove(data + at, data + at + cut, size - at - cut), size -= cut;
        break;
      case 4:
        if (size + cut < LARGEST) memmove(data + at + cut, data + at, size - at), size += cut;
        break;
    }
  }
  return size;
}

int main(void) {
  static uint8_t data[LARGEST];
  time_t until = time(NULL) + SECONDS;
  int runs = 0;
  newest = &known;
  for (; runs < RUNS && (runs % 1024 || time(NULL) < until); runs++) {
    size_t size = make(data);
    uint8_t *exact = must(malloc(size)); /* so that one byte too many is noticed */
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
  }
  printf("%d inputs, no finding\n", runs);
  return 0;
}
#endif
