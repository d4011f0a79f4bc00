/* GET: sends a tree to the host. What changes, vanishes or cannot be read on the way is said, and never ends the transfer. */
#include "guest.h"
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
  int fd;
  size_t length;
  uint8_t bytes[TREE_BUFFER];
} out;

/* Nobody is left to be told when the host is gone. */
static void push(const void *from, size_t length) {
  const uint8_t *bytes = from;
  while (length) {
    ssize_t n = write(out.fd, bytes, length);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(0);
    bytes += n;
    length -= (size_t)n;
  }
}

static void flush(void) {
  push(out.bytes, out.length);
  out.length = 0;
}

static void give(const void *bytes, size_t length) {
  if (length > sizeof out.bytes - out.length) flush();
  memcpy(out.bytes + out.length, bytes, length);
  out.length += length;
}

static void give_int(uint64_t value, int bytes) {
  uint8_t raw[8];
  put_int(raw, value, bytes);
  give(raw, (size_t)bytes);
}

static void give_text(const char *text) {
  size_t length = strlen(text);
  give_int(length, 2);
  give(text, length);
}

static void give_entry(char record, const struct stat *s, const char *name) {
  give(&record, 1);
  give_int(s->st_mode & 07777, 4);
  give_int((uint64_t)s->st_mtim.tv_sec, 8);
  give_int((uint64_t)s->st_mtim.tv_nsec, 4);
  give_text(name);
}

static void say_end(int error, const char *text) {
  give("X", 1);
  give_int((uint64_t)error, 4);
  give_text(text);
  flush();
}

_Noreturn static void end(int error, const char *text) {
  say_end(error, text);
  shutdown(out.fd, SHUT_WR);
  _exit(0);
}

static void skip(uint8_t kind, const char *name) {
  give("S", 1);
  give_int(kind, 1);
  give_text(name);
}

static void pad(uint64_t left) {
  while (left) {
    if (out.length == sizeof out.bytes) flush();
    size_t n = sizeof out.bytes - out.length;
    if (n > left) n = (size_t)left;
    memset(out.bytes + out.length, 0, n);
    out.length += n;
    left -= n;
  }
}

/* Returns how much of the content could not be had. */
static uint64_t give_content(int file, uint64_t left) {
  bool direct = left >= BULK;
  if (direct) flush();
  while (left) {
    ssize_t n;
    if (direct) {
      n = sendfile(out.fd, file, NULL, left < 0x7ffff000 ? (size_t)left : 0x7ffff000);
      if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) _exit(0);
      if (n < 0 && (errno == EINVAL || errno == ENOSYS)) {
        direct = false;
        continue;
      }
    } else {
      if (out.length == sizeof out.bytes) flush();
      size_t room = sizeof out.bytes - out.length;
      n = read(file, out.bytes + out.length, left < room ? (size_t)left : room);
      if (n > 0) out.length += (size_t)n;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    left -= (uint64_t)n;
  }
  return left;
}

static void get_file(int folder, const char *name, const char *as, int follow) {
  /* Not blocking: what was a file a moment ago may be a FIFO now. */
  int file = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
  struct stat s, after;
  if (file < 0 || fstat(file, &s) || !S_ISREG(s.st_mode)) {
    if (file >= 0) close(file);
    skip(KIND_UNREADABLE, as);
    return;
  }
  uint64_t size = (uint64_t)s.st_size;
  give_entry('F', &s, as);
  give_int(size, 8);
  uint64_t missing = give_content(file, size);
  pad(missing);
  bool changed = missing || fstat(file, &after) || after.st_size != s.st_size ||
                 after.st_mtim.tv_sec != s.st_mtim.tv_sec || after.st_mtim.tv_nsec != s.st_mtim.tv_nsec;
  give_int(changed, 1);
  close(file);
}

static void get_link(int folder, const char *name, const char *as) {
  struct stat s;
  char target[PATH_MAX];
  ssize_t n = readlinkat(folder, name, target, sizeof target - 1);
  if (n < 0 || fstatat(folder, name, &s, AT_SYMLINK_NOFOLLOW)) {
    skip(KIND_UNREADABLE, as);
    return;
  }
  target[n] = 0;
  give_entry('L', &s, as);
  give_text(target);
}

static unsigned char type_of(int folder, const char *name, int follow) {
  struct stat s;
  if (fstatat(folder, name, &s, follow ? 0 : AT_SYMLINK_NOFOLLOW)) return DT_UNKNOWN;
  return (unsigned char)(s.st_mode >> 12 & 017);
}

static void get(int folder, const char *name, const char *as, unsigned char type, int follow, int depth);

static void get_folder(int folder, const char *name, const char *as, int follow, int depth) {
  int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
  struct stat s;
  DIR *entries = NULL;
  if (fd < 0 || fstat(fd, &s) || !(entries = fdopendir(fd))) {
    if (fd >= 0) close(fd);
    skip(KIND_UNREADABLE, as);
    return;
  }
  if (depth == DEPTH_MAX) end(ELOOP, "folders are nested too deeply");
  give_entry('D', &s, as);
  for (struct dirent *e; (e = readdir(entries));)
    if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
      get(fd, e->d_name, e->d_name, e->d_type == DT_UNKNOWN ? type_of(fd, e->d_name, 0) : e->d_type, 0, depth + 1);
  give("U", 1);
  closedir(entries);
}

static void get(int folder, const char *name, const char *as, unsigned char type, int follow, int depth) {
  switch (type) {
    case DT_REG: get_file(folder, name, as, follow); break;
    case DT_DIR: get_folder(folder, name, as, follow, depth); break;
    case DT_LNK: get_link(folder, name, as); break;
    case DT_FIFO: skip(KIND_FIFO, as); break;
    case DT_SOCK: skip(KIND_SOCKET, as); break;
    case DT_CHR: case DT_BLK: skip(KIND_DEVICE, as); break;
    default: skip(KIND_UNREADABLE, as); break;
  }
}

/* `/`, `.` and `..` have no name of their own to send. */
static const char *root_name(char *path) {
  static char real[PATH_MAX];
  const char *last = cut_last(path);
  if (*last && strcmp(last, ".") && strcmp(last, "..")) return last;
  last = realpath(path, real) ? cut_last(real) : "";
  return *last ? last : "root";
}

void tree_get(int fd, const char *path, uint8_t flags) {
  struct stat s;
  out.fd = fd;
  int error = fstatat(AT_FDCWD, path, &s, flags & 1 ? 0 : AT_SYMLINK_NOFOLLOW) ? errno : 0;
  if (!error && S_ISREG(s.st_mode) && faccessat(AT_FDCWD, path, R_OK, AT_EACCESS)) error = errno;
  if (error) {
    raw_reply(fd, error, "");
    _exit(0);
  }
  raw_opened(fd, true);
  char *copy = must(strdup(path));
  get(AT_FDCWD, path, root_name(copy), (unsigned char)(s.st_mode >> 12 & 017), flags & 1, 0);
  free(copy);
  if (!(flags & MORE)) end(0, "");
  say_end(0, "");
}
