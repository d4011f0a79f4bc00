/* Connections that stopped being framed. Each is served by a process of its own, which may block as it likes. */
#include "guest.h"
#include "tree.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HOST = 3, OTHER = 4, KIND_CONNECT = 1, KIND_ACCEPT, KIND_PUT, KIND_GET, CONNECT_MS = 10000, RELAY_BUFFER = 65536, NEXT_MS = 1000 };

int raw_open;
static pid_t workers[RAW_MAX];

void raw_ended(pid_t pid) {
  for (int i = 0; i < raw_open; i++)
    if (workers[i] == pid) {
      workers[i] = workers[--raw_open];
      end_activity();
      end_connections();
      return;
    }
}

static bool write_all(int fd, const uint8_t *bytes, size_t length) {
  while (length) {
    ssize_t n = write(fd, bytes, length);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    length -= (size_t)n;
  }
  return true;
}

int raw_reply(int fd, int error, const char *reason) {
  struct buffer b = {0};
  frame(&b, OPENED, "4s", (unsigned)error, error && !*reason ? strerror(error) : reason);
  bool sent = write_all(fd, b.data, b.length);
  buffer_free(&b);
  return sent ? 0 : -1;
}

void raw_opened(int fd, bool more) {
  struct buffer b = {0};
  frame(&b, OPENED, "4s", 0u, "");
  if (send(fd, b.data, b.length, MSG_NOSIGNAL | (more ? MSG_MORE : 0)) != (ssize_t)b.length) _exit(0);
  buffer_free(&b);
}

bool raw_address(const char *text, uint16_t port, struct sockaddr_storage *to, socklen_t *length) {
  struct sockaddr_in *four = (struct sockaddr_in *)to;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;
  memset(to, 0, sizeof *to);
  if (inet_pton(AF_INET, strcmp(text, "localhost") ? text : "127.0.0.1", &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    *length = sizeof *four;
    return true;
  }
  if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1) return false;
  six->sin6_family = AF_INET6;
  six->sin6_port = htons(port);
  *length = sizeof *six;
  return true;
}

static int connect_to(const struct sockaddr *address, socklen_t length) {
  int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
  if (fd < 0) return -1;
  if (connect(fd, address, length) == 0) return fd;
  if (errno == EINPROGRESS) {
    struct pollfd p = {fd, POLLOUT, 0};
    if (poll(&p, 1, CONNECT_MS) == 1) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
    else error = ETIMEDOUT;
  } else {
    error = errno;
  }
  if (!error) return fd;
  close(fd);
  errno = error;
  return -1;
}

static int connect_inside(const char *address, uint16_t port) {
  struct sockaddr_storage a;
  socklen_t length;
  if (port == 0) {
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    errno = ENAMETOOLONG;
    if (strlen(address) >= sizeof u.sun_path) return -1;
    strcpy(u.sun_path, address);
    return connect_to((struct sockaddr *)&u, sizeof u);
  }
  errno = EINVAL;
  if (!raw_address(address, port, &a, &length)) return -1;
  int fd = connect_to((struct sockaddr *)&a, length);
  if (fd < 0 && errno == ECONNREFUSED && !strcmp(address, "localhost") && raw_address("::1", port, &a, &length)) {
    fd = connect_to((struct sockaddr *)&a, length);
    if (fd < 0) errno = ECONNREFUSED;
  }
  return fd;
}

/* One direction: at most one buffer is under way; the end of the source is passed on once it is empty. */
struct flow {
  int from, to;
  size_t start, end;
  bool eof, done;
  uint8_t bytes[RELAY_BUFFER];
};

static bool pour(struct flow *f) {
  if (f->start == f->end && !f->eof) {
    ssize_t n = read(f->from, f->bytes, sizeof f->bytes);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    f->start = 0;
    f->end = (size_t)n;
    f->eof = n == 0;
  }
  while (f->start < f->end) {
    ssize_t n = write(f->to, f->bytes + f->start, f->end - f->start);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    f->start += (size_t)n;
  }
  if (f->eof && !f->done) {
    f->done = true;
    shutdown(f->to, SHUT_WR);
  }
  return true;
}

_Noreturn static void relay(int other, const uint8_t *early, size_t length) {
  static struct flow in, out;
  in.from = out.to = HOST;
  in.to = out.from = other;
  fcntl(HOST, F_SETFL, O_NONBLOCK);
  fcntl(other, F_SETFL, O_NONBLOCK);
  setsockopt(other, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  while (!in.done || !out.done) {
    if (length && in.start == in.end) {
      in.start = 0;
      in.end = length < sizeof in.bytes ? length : sizeof in.bytes;
      memcpy(in.bytes, early, in.end);
      early += in.end;
      length -= in.end;
    }
    if (!pour(&in) || !pour(&out)) break;
    if (length && in.start == in.end) continue;
    struct pollfd p[2] = {{HOST, 0, 0}, {other, 0, 0}};
    struct flow *flows[2] = {&in, &out};
    for (int i = 0; i < 2; i++) {
      if (flows[i]->start < flows[i]->end) p[1 - i].events |= POLLOUT;
      else if (!flows[i]->eof) p[i].events |= POLLIN;
    }
    /* A side with nothing to wait for would still report its hang-up, and spin. */
    for (int i = 0; i < 2; i++)
      if (!p[i].events) p[i].fd = -1;
    if (!in.done || !out.done) poll(p, 2, -1);
  }
  _exit(0);
}

struct request {
  uint8_t kind, flags;
  struct text path, user;
  uint16_t port;
  int other; /* the accepted connection */
};

static int become(struct text user) {
  struct identity id = {0};
  int error = user.length ? identity_find(user, &id) : 0;
  if (!error) error = identity_map(&id);
  return error ? error : identity_become(&id);
}

static bool parse(struct request *r, struct cursor *p, uint64_t *connection) {
  *r = (struct request){.kind = (uint8_t)get_int(p, 1), .other = -1, .path = {"", 0}, .user = {"", 0}};
  uint8_t known = 0;
  if (r->kind == KIND_ACCEPT) {
    *connection = get_int(p, 8);
  } else {
    r->path = get_text(p);
    if (r->kind == KIND_CONNECT) {
      r->port = (uint16_t)get_int(p, 2);
    } else {
      r->user = get_text(p);
      r->flags = (uint8_t)get_int(p, 1);
      known = MORE | (r->kind == KIND_PUT ? 3 : 1);
    }
  }
  return get_done(p) && r->kind >= KIND_CONNECT && r->kind <= KIND_GET && !(r->flags & ~known);
}

/* The next transfer of the same kind of user over the same connection, which saves the host a connection and this machine a process. */
static void next(struct request *r, struct text user, const uint8_t **early, size_t *length) {
  static uint8_t bytes[TREE_BUFFER + 1]; /* a path's end is written behind it */
  size_t got = 0, size = 0;
  struct pollfd p = {HOST, POLLIN, 0};
  if (poll(&p, 1, NEXT_MS) != 1) _exit(0);
  while (got < 4 || got - 4 < size) {
    ssize_t n = read(HOST, bytes + got, TREE_BUFFER - got);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(0);
    got += (size_t)n;
    struct cursor head = {bytes, bytes + got, false};
    if (got >= 4) size = (size_t)get_int(&head, 4);
    if (size > TREE_BUFFER - 4) _exit(0);
  }
  struct cursor payload = {bytes + 4, bytes + 4 + size, false};
  uint64_t none;
  if (get_int(&payload, 1) != OPEN || !parse(r, &payload, &none) || r->kind < KIND_PUT || r->user.length != user.length ||
      memcmp(r->user.at, user.at, user.length))
    _exit(0);
  static char empty[1];
  if (r->path.length) r->path.at[r->path.length] = 0;
  else r->path.at = empty;
  *early = bytes + 4 + size;
  *length = got - 4 - size;
}

_Noreturn static void serve(struct request *r, int host, const struct buffer *unsent, const uint8_t *early, size_t length) {
  pid_t guest = getppid();
  r->path.at[r->path.length] = 0;
  if (r->other >= 0) {
    int other = fcntl(r->other, F_DUPFD_CLOEXEC, OTHER + 1);
    if (host != HOST) dup3(host, HOST, O_CLOEXEC);
    dup3(other, OTHER, O_CLOEXEC);
    close_from(OTHER + 1);
  } else {
    if (host != HOST) dup3(host, HOST, O_CLOEXEC);
    close_from(HOST + 1);
  }
  fcntl(HOST, F_SETFL, 0);
  if (!write_all(HOST, unsent->data + unsent->head, unsent->length)) _exit(0);
  int error = become(r->user);
  /* Changing ids undoes it, so it comes after. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != guest) _exit(0);
  int other = OTHER;
  if (!error && r->kind == KIND_CONNECT && (other = connect_inside(r->path.at, r->port)) < 0) error = errno;
  if (!error && r->kind >= KIND_PUT && (!settings.cwd || chdir(settings.cwd)) && chdir("/")) error = errno;
  if (error) {
    raw_reply(HOST, error, "");
    _exit(0);
  }
  for (struct text user = r->user; r->kind >= KIND_PUT; next(r, user, &early, &length)) {
    if (r->kind == KIND_PUT) tree_put(HOST, early, length, r->path.at, r->flags);
    else tree_get(HOST, r->path.at, r->flags);
  }
  if (raw_reply(HOST, 0, "")) _exit(0);
  relay(other, early, length);
}

static void refuse(struct conn *c, int error, const char *reason) {
  frame(&c->out, OPENED, "4s", (unsigned)error, reason);
  conn_finish(c);
}

bool raw_start(struct conn *c, struct cursor *p, size_t behind) {
  struct request r;
  uint64_t connection = 0;
  if (!parse(&r, p, &connection)) return false;
  if (ending || raw_open >= RAW_MAX) {
    refuse(c, ending ? ESHUTDOWN : EAGAIN, ending ? "the guest is ending" : "too many raw connections");
    return true;
  }
  if (r.kind == KIND_ACCEPT && (r.other = raw_take(connection)) < 0) {
    refuse(c, ENOENT, "no such connection is waiting");
    return true;
  }
  static char empty[1];
  if (!r.path.length) r.path.at = empty;
  pid_t pid = fork();
  if (pid == 0) {
    serve(&r, c->watch.fd, &c->out, p->end, behind);
  }
  int error = errno;
  if (r.other >= 0) close(r.other);
  if (pid < 0) {
    refuse(c, error, strerror(error));
    return true;
  }
  workers[raw_open++] = pid;
  conn_close(c);
  return true;
}
