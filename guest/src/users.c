/* Users, read from the sandbox's own files without NSS. All of it runs in forked processes: the files are the sandbox's, and reading
   them may take for ever. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_LIMIT = 1 << 20, FIELDS = 7 };

static char *read_whole(const char *path) {
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  struct stat s;
  if (fd < 0) return NULL;
  char *text = NULL;
  if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_size <= FILE_LIMIT) {
    size_t length = 0, size = (size_t)s.st_size;
    text = must(malloc(size + 1));
    for (ssize_t n; length < size && (n = read(fd, text + length, size - length)) > 0;) length += (size_t)n;
    text[length] = 0;
  }
  close(fd);
  return text;
}

/* Cuts the next line into its fields; missing ones are empty. */
static bool next_line(char **text, char *fields[FIELDS]) {
  char *line = strsep(text, "\n");
  if (!line) return false;
  for (int i = 0; i < FIELDS; i++) {
    char *field = strsep(&line, ":");
    fields[i] = field ? field : "";
  }
  return true;
}

static bool number(const char *text, uint32_t *value) {
  char *end;
  if (*text < '0' || *text > '9') return false;
  unsigned long long n = strtoull(text, &end, 10);
  *value = (uint32_t)n;
  return !*end && n < 0xFFFFFFFFu;
}

static bool find_user(const char *user, struct identity *id, char *name, size_t name_size) {
  char *text = read_whole("/etc/passwd"), *rest = text, *f[FIELDS];
  uint32_t wanted = 0, uid, gid;
  bool numeric = number(user, &wanted), hit = false;
  while (!hit && text && next_line(&rest, f)) {
    if (!number(f[2], &uid) || !number(f[3], &gid) || (numeric ? uid != wanted : strcmp(f[0], user))) continue;
    hit = true;
    id->uid = uid;
    id->gid = gid;
    snprintf(name, name_size, "%s", f[0]);
    snprintf(id->home, sizeof id->home, "%s", f[5]);
  }
  free(text);
  bool root = !strcmp(user, "root"); /* an image without /etc/passwd has that one all the same */
  if (!hit && (numeric || root)) id->uid = wanted;
  if (!hit && root) id->gid = 0;
  return hit || numeric || root;
}

bool user_name(uid_t uid, char *name, size_t size) {
  struct identity id = {0};
  char digits[16];
  *name = 0;
  snprintf(digits, sizeof digits, "%u", (unsigned)uid);
  return find_user(digits, &id, name, size) && *name;
}

/* The id of a group by name, or with a user's name all the groups that list it. */
static bool find_groups(const char *group, const char *member, struct identity *id) {
  char *text = read_whole("/etc/group"), *rest = text, *f[FIELDS];
  uint32_t gid;
  bool hit = false;
  while (text && next_line(&rest, f)) {
    if (!number(f[2], &gid)) continue;
    if (group && !strcmp(f[0], group)) {
      id->gid = gid;
      hit = true;
      break;
    }
    for (char *m; member && (m = strsep(&f[3], ","));)
      if (!strcmp(m, member) && id->group_count < 64) id->groups[id->group_count++] = gid;
  }
  free(text);
  return hit;
}

int identity_find(struct text user, struct identity *id) {
  *id = (struct identity){.uid = geteuid(), .gid = getegid()};
  char wanted[256], name[256] = "";
  if (user.length >= sizeof wanted) return EINVAL;
  if (user.length) memcpy(wanted, user.at, user.length);
  wanted[user.length] = 0;
  if (!user.length) snprintf(wanted, sizeof wanted, "%u", (unsigned)id->uid);
  char *group = strchr(wanted, ':');
  if (group) *group++ = 0;
  if (!find_user(wanted, id, name, sizeof name)) return ENOENT;
  if (!id->home[0]) strcpy(id->home, "/");
  if (!user.length) return 0;
  id->change = true;
  uint32_t gid;
  if (group && *group) {
    if (number(group, &gid)) id->gid = gid;
    else if (!find_groups(group, NULL, id)) return ENOENT;
  }
  if (name[0]) find_groups(NULL, name, id);
  return 0;
}

static bool write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  close(fd);
  return done;
}

static bool same(const struct identity *id) { return id->uid == geteuid() && id->gid == getegid(); }

static int enter_namespace(uid_t uid, gid_t gid) {
  char map[64];
  uid_t own_uid = geteuid();
  gid_t own_gid = getegid();
  if (unshare(CLONE_NEWUSER)) return errno;
  prctl(PR_SET_DUMPABLE, 1); /* else the map files belong to root */
  snprintf(map, sizeof map, "%u %u 1", (unsigned)uid, (unsigned)own_uid);
  if (!write_file("/proc/self/uid_map", map)) return errno ? errno : EPERM;
  write_file("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "%u %u 1", (unsigned)gid, (unsigned)own_gid);
  if (!write_file("/proc/self/gid_map", map)) return errno ? errno : EPERM;
  prctl(PR_SET_DUMPABLE, 0);
  return 0;
}

int identity_map(const struct identity *id) {
  if (!id->change || settings.users == USERS_ALL || same(id)) return 0;
  if (settings.users == USERS_OWN) return EPERM;
  return enter_namespace(id->uid, id->gid);
}

int identity_become(const struct identity *id) {
  if (!id->change || settings.users != USERS_ALL) return 0;
  if (setgroups((size_t)id->group_count, id->groups) || setresgid(id->gid, id->gid, id->gid) ||
      setresuid(id->uid, id->uid, id->uid))
    return errno;
  return 0;
}

/* Root that can become others needs the capabilities for it, and a user namespace that holds others. */
static bool can_become_others(void) {
  /* As in linux/capability.h, which musl does not bring along. */
  struct { uint32_t version; int pid; } head = {0x20080522, 0};
  struct { uint32_t effective, permitted, inheritable; } data[2] = {{0, 0, 0}};
  uint32_t needed = 1u << 7 | 1u << 6; /* CAP_SETUID, CAP_SETGID */
  if (geteuid() != 0 || syscall(SYS_capget, &head, data) || (data[0].effective & needed) != needed) return false;
  FILE *f = fopen("/proc/self/uid_map", "re");
  unsigned long long inside, outside, count, total = 0;
  if (!f) return true;
  while (fscanf(f, "%llu %llu %llu", &inside, &outside, &count) == 3) total += count;
  fclose(f);
  return total > 1;
}

uint8_t users_possible(void) {
  if (can_become_others()) return USERS_ALL;
  if (settings.no_map) return USERS_OWN;
  pid_t pid = fork();
  if (pid == 0) _exit(enter_namespace(0, 0) ? 1 : 0);
  int status = 1;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return USERS_OWN;
  return status ? USERS_OWN : USERS_MAPPED;
}
