/* What the files of the guest share. PROTOCOL.md is the contract that all of this serves. */
#ifndef BERTH_GUEST_H
#define BERTH_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define GUEST_VERSION "1.0.0"

enum {
  FRAME_MAX = 1 << 20,
  DATA_MAX = 65536,
  INPUT_WINDOW = 262144,
  WINDOW_MIN = 4096,
  WINDOW_DEFAULT = 262144,
  WINDOW_MAX = 1 << 20,
  CONNS_MAX = 64, /* a connection is one bit of a 64-bit set */
  RECORDS_MAX = 4096,
  KEPT_MAX = 256,
  RAW_MAX = 256,
  WAITING_MAX = 64,
  LISTENERS_MAX = 64,
  NONCE_SIZE = 32,
  PROOF_SIZE = 32,
};

enum frame {
  HELLO = 0x01, SPAWN, ATTACH, INPUT, CONSUMED, SIGNAL, TERMINATE, RESIZE, FORGET, PEEK, LIST, LIMITS, PING, SHUTDOWN,
  LISTEN, UNLISTEN, OPEN, KNOCK,
  WELCOME = 0x81, STARTED, OUTPUT, TAKEN, EXIT, UNKNOWN, DETACHED, LISTING, PONG, LISTENING, INCOMING, OPENED, PROOF,
  FAULT = 0x8F,
};
enum fault { FAULT_PROTOCOL = 1, FAULT_REFUSED, FAULT_MANY, FAULT_ENDING };
enum { HOW_EXITED, HOW_SIGNAL, HOW_FAILED, HOW_LOST };
enum { STAGE_NONE, STAGE_RESOURCES, STAGE_USER, STAGE_DIRECTORY, STAGE_TERMINAL, STAGE_EXEC };
enum { CAUSE_ITSELF, CAUSE_TIMEOUT, CAUSE_HOST, CAUSE_LINGER, CAUSE_ENDING };
enum { FLAG_TTY = 1, FLAG_STDIN = 2, FLAG_KEEP = 4, FLAG_MERGE = 8, FLAG_TAKE = 16, FLAG_WHOLE = 32, FLAG_ALL = 63 };
enum { USERS_OWN, USERS_MAPPED, USERS_ALL };
enum { SCOPE_LEADER, SCOPE_GROUP, SCOPE_TREE };

#define CONTAINER(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

/* What `serve` was told, and what never changes after its start. */
struct settings {
  const char *cwd;
  uint8_t token[64];
  size_t token_length;
  uint8_t identity[16];
  uint64_t memory; /* RLIMIT_AS of commands, 0: as it is */
  int64_t lease, ttl, idle; /* ms, 0: none */
  bool end_init, guarded, no_map;
  pid_t guardian; /* 0 without one */
  const char *socket_path; /* to unlink at the end, or NULL */
  uint64_t nofile_soft, nofile_hard; /* the limit commands get back */
  uint8_t users;
  int null_fd; /* /dev/null, opened once */
};
extern struct settings settings;

/* loop.c: epoll, timers, signals. Nothing in here or in what it calls may block. */
struct watch {
  int fd; /* -1: none */
  uint32_t events; /* 0: not watched now */
  void (*ready)(struct watch *, uint32_t events);
};
struct timer {
  uint64_t when; /* ms on the monotonic clock */
  size_t slot; /* its place in the heap, counted from 1; 0: not set */
  void (*fire)(struct timer *);
};
void loop_init(void);
void loop_run(void);
uint64_t now_ms(void);
void watch_open(struct watch *, int fd, uint32_t events, void (*ready)(struct watch *, uint32_t));
void watch_set(struct watch *, uint32_t events);
int watch_release(struct watch *); /* stops watching and hands the descriptor to the caller */
void watch_close(struct watch *);
void timer_set(struct timer *, uint64_t ms, void (*fire)(struct timer *));
void timer_off(struct timer *);
void loop_free_later(void *); /* freed once no event of this round can point to it */

/* wire.c: bounded reading, growing buffers, frames. */
struct cursor {
  uint8_t *at, *end;
  bool bad; /* something was missing; every later get gives 0 */
};
struct text {
  char *at;
  uint32_t length;
};
uint64_t get_int(struct cursor *, int bytes);
struct text get_text(struct cursor *); /* a str; NUL in it makes the cursor bad */
bool get_done(const struct cursor *); /* all was there, and nothing is left over */
struct buffer {
  uint8_t *data;
  size_t head, length, capacity;
};
void *must(void *allocated); /* ends the guest when there is no memory */
uint8_t *buffer_room(struct buffer *, size_t more);
void buffer_add(struct buffer *, const void *, size_t);
void buffer_drop(struct buffer *, size_t);
void buffer_free(struct buffer *);
uint8_t *put_int(uint8_t *, uint64_t value, int bytes);
void frame(struct buffer *, uint8_t type, const char *format, ...); /* 1 2 4 8: integers of so many bytes, s: C string, b: size_t and bytes as str, r: size_t and bytes */

/* proof.c: that the token is known. */
void proof(const char *who, const uint8_t *nonces, size_t length, uint8_t result[PROOF_SIZE]);

/* ring.c: the last bytes of one output channel, addressed by their offset in it. */
struct ring {
  uint8_t *data;
  size_t capacity;
  uint64_t base, end; /* it holds the offsets base … end-1 */
};
int ring_space(struct ring *, size_t want, size_t limit, struct iovec[2]);
int ring_bytes(const struct ring *, uint64_t from, size_t length, struct iovec[2]);
void ring_drop(struct ring *, uint64_t to);
void ring_free(struct ring *);

/* conn.c: framed connections. */
struct command;
struct conn {
  struct watch watch;
  struct timer hello;
  int slot;
  bool knocked, welcomed, dirty, closing, stalled;
  uint8_t nonces[2 * NONCE_SIZE]; /* the host's and ours, once it has knocked */
  struct buffer in, out;
  struct command *ready_first, *ready_last; /* commands with output or an exit for this connection */
};
extern struct conn *conns[CONNS_MAX];
extern int conns_welcomed;
void conn_listen(int fd);
void conn_dirty(struct conn *); /* has something to write at the end of this round */
void conn_fault(struct conn *, enum fault, const char *reason);
void conn_finish(struct conn *); /* closes once all is sent */
void conn_close(struct conn *);
void conns_flush(void);
bool conns_drained(void);

/* frames.c: what each frame from the host does. False: the payload was wrong. */
bool frame_handle(struct conn *, uint8_t type, struct cursor *payload, size_t behind);

/* command.c: the records of commands. */
struct spawn { /* a SPAWN frame, pointing into it */
  uint64_t id;
  uint16_t flags, rows, columns;
  uint32_t timeout, grace, linger, window, environments, arguments;
  struct text cwd, user;
  struct cursor environment, argument; /* the strings, already checked */
};
struct channel {
  struct watch watch;
  struct ring ring;
  uint64_t sent, consumed;
  size_t chunk; /* how much the next read asks for */
  uint8_t number;
};
struct command {
  uint64_t id;
  struct command *bucket_next, *ready_next, *older, *newer;
  struct watch control, input;
  struct channel out[2];
  struct buffer input_waiting;
  uint64_t input_have, input_taken;
  pid_t supervisor, pid;
  uint16_t flags;
  uint32_t window, grace, linger_ms;
  uint64_t attached, owed_start, owed_exit; /* sets of connections */
  int8_t taker, input_conn; /* connection or -1 */
  bool queued, started, ended, forgotten, input_end, input_closed, input_newline;
  uint8_t how, cause, stage;
  uint32_t code;
  uint64_t started_ms, wall_us, cpu_us, rss_kib;
  char *reason;
  struct timer timeout, linger;
  char *name;
};
extern struct command *newest;
extern int commands_running;
struct command *command_find(uint64_t id);
void command_spawn(struct conn *, struct spawn *);
void command_attach(struct command *, struct conn *, bool take, uint64_t out, uint64_t err);
void command_detach(struct conn *); /* the connection is gone */
void command_consumed(struct command *, struct conn *, uint8_t channel, uint64_t offset);
void command_signal(struct command *, uint8_t signal, uint8_t scope);
void command_terminate(struct command *, uint32_t grace, uint8_t cause);
void command_forget(struct command *);
void command_released(struct command *); /* one of its descriptors was closed: forgotten ones are freed with the last */

/* output.c and input.c: what flows between a command and its connections. */
void output_open(struct command *, int channel, int fd);
void output_watch(struct command *);
void output_end(struct command *);
void output_attach(struct command *, struct conn *, uint64_t out, uint64_t err);
void output_give_up(struct command *);
void output_queue(struct command *);
void output_unqueue(struct command *);
uint64_t output_sendable(const struct command *, int channel);
void output_resume(struct command *);
size_t exit_frame(const struct command *, uint8_t *to);
enum { EXIT_FRAME_MAX = 512 };
void input_open(struct command *, int fd);
bool input_add(struct command *, struct conn *, uint64_t offset, bool end, const uint8_t *, size_t);
void input_end(struct command *);
void input_tell(struct command *);

/* supervisor.c: the process between the guest and a command. */
struct report { /* supervisor to guest */
  enum { REPORT_STARTED, REPORT_FAILED, REPORT_ENDED } kind;
  pid_t pid;
  int status, error;
  uint8_t stage;
  uint64_t wall_us, cpu_us, rss_kib;
};
struct order { /* guest to supervisor */
  enum { ORDER_SIGNAL, ORDER_TERMINATE } kind;
  int signal;
  uint8_t scope;
  pid_t group; /* the foreground group of a PTY, or 0 */
  uint32_t grace;
};
_Noreturn void supervise(struct spawn *, int control, const int stdio[3]);

/* proctree.c: everything below a process. */
int tree_signal(pid_t root, int signal); /* how many were found */
void tree_kill(pid_t root);
int tree_children(pid_t parent, pid_t **children); /* count; the caller frees */
void tree_end(int limit_ms); /* kills and reaps all below this process */
void close_from(int first);

/* users.c: who a command runs as. */
struct identity {
  uid_t uid;
  gid_t gid;
  gid_t groups[64];
  int group_count;
  bool change;
  char home[512];
};
uint8_t users_possible(void);
bool user_name(uid_t, char *name, size_t size);
int identity_find(struct text user, struct identity *); /* errno; user empty: the own one */
int identity_map(const struct identity *); /* enters a nested user namespace if one is needed */
int identity_become(const struct identity *);

/* raw.c: connections that stopped being framed. */
extern int raw_open;
bool raw_start(struct conn *, struct cursor *payload, size_t behind);
void raw_ended(pid_t);
int raw_reply(int fd, int error, const char *reason);
void raw_opened(int fd, bool more); /* more: something else follows at once, and may go with it */
struct sockaddr_storage;
bool raw_address(const char *text, uint16_t port, struct sockaddr_storage *, unsigned *length);

/* listen.c: ports inside the sandbox that announce their connections to the host. */
int raw_take(uint64_t connection); /* descriptor or -1 */
void raw_listen(struct conn *, uint64_t id, struct text address, uint16_t port, uint16_t first, uint16_t last);
void raw_unlisten(uint64_t id);
void raw_detach(struct conn *);

/* tree_put.c and tree_get.c: folder trees to and from the host, in a worker process. They return when all went well and another may
   follow; else they end the process. */
void tree_put(int fd, const uint8_t *early, size_t length, const char *path, uint8_t flags);
void tree_get(int fd, const char *path, uint8_t flags);

/* end.c: leases, limits and the end. */
extern bool ending;
void end_init(void);
void end_pid_namespace(void);
void end_limits(int64_t lease, int64_t ttl, int64_t idle);
void end_activity(void);
void end_connections(void); /* the number of welcomed connections or raw ones changed */
void end_begin(uint32_t grace);
void end_check(void);

/* keeper.c: the process on the host that all of a launched sandbox is below. */
int keeper_start(char **argv, int argc, bool detached); /* returns in what is to become the command, with what to write to if it cannot; -1 */
void keeper_hold(int mark);

int launch(int argc, char **argv);
int remove_trees(int argc, char **argv);

#endif
