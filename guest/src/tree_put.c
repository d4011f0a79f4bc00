/* PUT: writes a tree that the host sends. Below its root everything is made relative to open folders, and no link is followed. */
#include "guest.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
  int fd, pipe[2];
  const uint8_t *early; /* what the guest had read already comes first */
  size_t early_length, start, end;
  uint8_t bytes[TREE_BUFFER];
} in;

struct level {
  int folder;
  mode_t mode;
  struct timespec times[2];
};
static struct level levels[DEPTH_MAX + 1]; /* levels[0] holds the folder that the root goes to */
static int depth;

static void say(int error, const char *name) {
  char text[600];
  int length = 0;
  if (error) length = snprintf(text, sizeof text, "%s%s%s", name, *name ? ": " : "", strerror(error));
  if (length > (int)sizeof text - 1) length = (int)sizeof text - 1;
  uint8_t record[7 + sizeof text] = {'X'};
  put_int(put_int(record + 1, (uint64_t)error, 4), (uint64_t)length, 2);
  memcpy(record + 7, text, (size_t)length);
  send(in.fd, record, 7 + (size_t)length, MSG_NOSIGNAL);
}

_Noreturn static void answer(int error, const char *name) {
  say(error, name);
  shutdown(in.fd, SHUT_WR);
  uint64_t until = now_ms() + GIVE_UP_MS;
  for (uint64_t now; error && (now = now_ms()) < until;) {
    struct pollfd p = {in.fd, POLLIN, 0};
    if (poll(&p, 1, (int)(until - now)) <= 0 || read(in.fd, in.bytes, sizeof in.bytes) <= 0) break;
  }
  _exit(0);
}

static bool fill(void) {
  ssize_t n;
  if (in.early_length) {
    in.start = 0;
    in.end = in.early_length < sizeof in.bytes ? in.early_length : sizeof in.bytes;
    memcpy(in.bytes, in.early, in.end);
    in.early += in.end;
    in.early_length -= in.end;
    return true;
  }
  do n = read(in.fd, in.bytes, sizeof in.bytes);
  while (n < 0 && errno == EINTR);
  in.start = 0;
  in.end = n > 0 ? (size_t)n : 0;
  return n > 0;
}

/* The host went away in the middle: nobody is there to be answered. */
static void take(void *to, size_t length) {
  while (length) {
    if (in.start == in.end && !fill()) _exit(0);
    size_t n = in.end - in.start < length ? in.end - in.start : length;
    memcpy(to, in.bytes + in.start, n);
    in.start += n;
    to = (char *)to + n;
    length -= n;
  }
}

static uint64_t take_int(int bytes) {
  uint8_t raw[8];
  take(raw, (size_t)bytes);
  uint64_t value = 0;
  for (int i = 0; i < bytes; i++) value = value << 8 | raw[i];
  return value;
}

struct entry {
  mode_t mode;
  struct timespec times[2];
  char name[256];
};

static void take_name(char name[256]) {
  size_t length = (size_t)take_int(2);
  if (length > 255) answer(ENAMETOOLONG, "");
  take(name, length);
  name[length] = 0;
  if (!length || strlen(name) != length || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
    answer(EPROTO, "a name that is none");
}

static void take_entry(struct entry *e) {
  e->mode = (mode_t)take_int(4) & 07777;
  e->times[0] = (struct timespec){.tv_nsec = UTIME_OMIT};
  e->times[1].tv_sec = (time_t)take_int(8);
  e->times[1].tv_nsec = (long)take_int(4);
  if (e->times[1].tv_nsec > 999999999) answer(EPROTO, "a time that is none");
  take_name(e->name);
}

static bool write_out(int file, const uint8_t *bytes, size_t length) {
  while (length) {
    ssize_t n = write(file, bytes, length);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    length -= (size_t)n;
  }
  return true;
}

/* Moves pages from the socket to the file. 1: done, 0: not supported here, -1: failed. */
static int move(int file, uint64_t *left) {
  if (!in.pipe[1]) {
    if (pipe2(in.pipe, O_CLOEXEC)) return 0;
    fcntl(in.pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
  }
  while (*left) {
    ssize_t n = splice(in.fd, NULL, in.pipe[1], NULL, *left < PIPE_SIZE ? *left : PIPE_SIZE, SPLICE_F_MOVE | SPLICE_F_MORE);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EINVAL) return 0;
    if (n <= 0) _exit(0);
    *left -= (uint64_t)n;
    while (n) {
      ssize_t written = splice(in.pipe[0], NULL, file, NULL, (size_t)n, SPLICE_F_MOVE);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EINVAL) {
        uint8_t some[4096];
        written = read(in.pipe[0], some, (size_t)n < sizeof some ? (size_t)n : sizeof some);
        if (written > 0 && !write_out(file, some, (size_t)written)) return -1;
      }
      if (written <= 0) return -1;
      n -= written;
    }
  }
  return 1;
}

static bool receive(int file, uint64_t left) {
  while (left) {
    if (in.start == in.end) {
      if (left >= BULK && !in.early_length) {
        int moved = move(file, &left);
        if (moved) return moved > 0;
      }
      if (!fill()) _exit(0);
    }
    size_t n = in.end - in.start;
    if (n > left) n = (size_t)left;
    if (!write_out(file, in.bytes + in.start, n)) return false;
    in.start += n;
    left -= n;
  }
  return true;
}

/* Makes way for a new file or link: a file is replaced by either, a link only by a link. */
static bool clear_way(int folder, const char *name, bool for_link) {
  struct stat s;
  if (fstatat(folder, name, &s, AT_SYMLINK_NOFOLLOW)) return errno == ENOENT;
  errno = S_ISDIR(s.st_mode) ? EISDIR : EEXIST;
  if (!S_ISREG(s.st_mode) && !(for_link && S_ISLNK(s.st_mode))) return false;
  return unlinkat(folder, name, 0) == 0;
}

static void put_file(const char *name, struct entry *e) {
  int folder = levels[depth].folder;
  uint64_t size = take_int(8);
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int file = openat(folder, name, flags, e->mode & 0777);
  if (file < 0 && errno == EEXIST && clear_way(folder, name, false)) file = openat(folder, name, flags, e->mode & 0777);
  if (file < 0) answer(errno, name);
  if (!receive(file, size) || (e->mode & 07000 && fchmod(file, e->mode)) || futimens(file, e->times) || close(file)) {
    int error = errno;
    unlinkat(folder, name, 0);
    answer(error, name);
  }
  take_int(1);
}

static void put_link(const char *name, struct entry *e) {
  char target[4096];
  int folder = levels[depth].folder;
  size_t length = (size_t)take_int(2);
  if (length >= sizeof target) answer(ENAMETOOLONG, name);
  take(target, length);
  target[length] = 0;
  if (strlen(target) != length) answer(EPROTO, name);
  if (symlinkat(target, folder, name) &&
      (errno != EEXIST || !clear_way(folder, name, true) || symlinkat(target, folder, name)))
    answer(errno, name);
  utimensat(folder, name, e->times, AT_SYMLINK_NOFOLLOW); /* some file systems keep no times of links */
}

static void put_folder(const char *name, struct entry *e) {
  int folder = levels[depth].folder;
  if (depth == DEPTH_MAX) answer(ELOOP, name);
  if (mkdirat(folder, name, 0700) && errno != EEXIST) answer(errno, name);
  /* Only the root may be a link to a folder. */
  int made = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0));
  if (made < 0) answer(errno, name);
  struct stat now;
  /* A folder that is there already may be read-only; until close_folder() gives it its mode, its owner may fill it. */
  if (!fstat(made, &now) && (now.st_mode & 0700) != 0700) fchmod(made, (now.st_mode & 07777) | 0700);
  levels[++depth] = (struct level){made, e->mode, {e->times[0], e->times[1]}};
}

static void close_folder(void) {
  struct level *l = &levels[depth--];
  if (fchmod(l->folder, l->mode) || futimens(l->folder, l->times)) answer(errno, "a folder's mode or time");
  close(l->folder);
}

static int make_parents(char *path) {
  for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = 0;
    int failed = mkdir(path, 0755) && errno != EEXIST && errno != EISDIR && errno != EROFS && errno != EACCES;
    *slash = '/';
    if (failed) return errno;
  }
  return 0;
}

static int open_folder(const char *path) { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }

/* Opens the folder that the root goes to. *name: what it is called there, or NULL when the root's own name is meant. */
static int open_parent(char *path, uint8_t flags, const char **name) {
  int inside = flags & 1 ? open_folder(path) : -1;
  if (inside >= 0) {
    *name = NULL;
    return inside;
  }
  int error = flags & 2 ? make_parents(path) : 0;
  *name = cut_last(path);
  if (error || !**name) {
    errno = error ? error : EEXIST;
    return -1;
  }
  size_t before = (size_t)(*name - path);
  char *parent = must(malloc(before + 2));
  memcpy(parent, path, before);
  strcpy(parent + before, ".");
  int fd = open_folder(parent);
  free(parent);
  return fd;
}

void tree_put(int fd, const uint8_t *early, size_t length, const char *path, uint8_t flags) {
  const char *name = NULL;
  char *copy = must(strdup(path));
  in.fd = fd;
  in.early = early;
  in.early_length = length;
  umask(0);
  errno = ENOENT;
  levels[0].folder = *copy ? open_parent(copy, flags, &name) : -1;
  if (levels[0].folder < 0) {
    raw_reply(fd, errno, "");
    _exit(0);
  }
  raw_opened(fd, length > 0);
  bool root = false;
  for (;;) {
    struct entry e;
    uint8_t kind = (uint8_t)take_int(1);
    if (kind == 'X') {
      int error = (int)take_int(4);
      for (size_t left = (size_t)take_int(2); left; left--) take_int(1);
      if (error || depth || !(flags & MORE)) answer(error ? error : depth ? EPROTO : 0, "");
      say(0, "");
      if (in.start < in.end || in.early_length) _exit(0);
      close(levels[0].folder);
      free(copy);
      return;
    }
    if (kind == 'U') {
      if (!depth) answer(EPROTO, "no folder is open");
      close_folder();
      continue;
    }
    if (depth == 0 && root) answer(EPROTO, "a second root");
    root = true;
    if (kind == 'S') {
      take_int(1);
      take_name(e.name);
      continue;
    }
    if (kind != 'D' && kind != 'F' && kind != 'L') answer(EPROTO, "an unknown record");
    take_entry(&e);
    const char *as = depth || !name ? e.name : name;
    if (kind == 'D') put_folder(as, &e);
    else if (kind == 'F') put_file(as, &e);
    else put_link(as, &e);
  }
}
