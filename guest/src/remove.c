/* `remove`: deletes trees that a sandbox left. They may be hostile: links, other file systems, folders without any rights, files of
   subordinate ids. */
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RANGES = 16, OPEN_MAX_FOLDERS = 64 };

static dev_t device;
static int worst; /* the first error that kept something */

static void keep(int error) {
  if (!worst) worst = error;
}

/* Opens a folder, giving its owner the rights to empty it if they are missing. */
static int open_folder(int parent, const char *name) {
  int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  struct stat s;
  int fd = openat(parent, name, flags);
  if (fd < 0 && errno == EACCES) {
    /* Through O_PATH, so that it cannot be a link by now: fchmodat would follow it. */
    char self[64];
    int path = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (path >= 0) {
      snprintf(self, sizeof self, "/proc/self/fd/%d", path);
      if (fstat(path, &s) == 0 && s.st_dev == device) {
        if (chmod(self, 0700)) {} /* shows in the next line */
      }
      close(path);
      fd = openat(parent, name, flags);
    }
  }
  if (fd < 0) return -1;
  if (fstat(fd, &s) || s.st_dev != device) {
    close(fd);
    errno = EXDEV;
    return -1;
  }
  if ((s.st_mode & 0700) != 0700 && fchmod(fd, 0700)) {} /* shows when an entry cannot be deleted */
  return fd;
}

/* Empties an open folder and closes it. Deep trees are walked with one descriptor a level for a while; below that, folders are first
   moved up to `top`, so that neither descriptors nor the stack run out. */
static void empty(int fd, int top, int depth) {
  static unsigned long moved;
  DIR *entries = fdopendir(fd);
  if (!entries) {
    keep(errno);
    close(fd);
    return;
  }
  for (struct dirent *e; (e = readdir(entries));) {
    if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
    int kept_by = 0; /* why an entry that may be a file could not be unlinked: EPERM, in a sticky folder of another id */
    if (e->d_type != DT_DIR) {
      if (unlinkat(fd, e->d_name, 0) == 0) continue;
      kept_by = errno;
      if (kept_by != EISDIR && kept_by != EPERM) {
        if (kept_by != ENOENT) keep(kept_by);
        continue;
      }
    }
    if (depth >= OPEN_MAX_FOLDERS) {
      char name[64];
      snprintf(name, sizeof name, ".berth-removing-%d-%lu", (int)getpid(), moved++);
      if (renameat(fd, e->d_name, top, name)) keep(errno);
      continue;
    }
    int below = open_folder(fd, e->d_name), closed = below < 0 ? errno : 0;
    if (closed == ENOTDIR && kept_by) closed = kept_by;
    if (below >= 0) empty(below, top, depth + 1);
    /* That it is not empty is not the reason if it could not even be opened: who may not do that tries again with more rights. */
    if (unlinkat(fd, e->d_name, AT_REMOVEDIR) && errno != ENOENT) keep(closed ? closed : errno);
  }
  closedir(entries);
}

/* True when the path is gone. */
static bool remove_one(const char *path) {
  struct stat s;
  for (int round = 0;; round++) {
    worst = 0;
    if (lstat(path, &s)) return errno == ENOENT || errno == ENOTDIR;
    if (!S_ISDIR(s.st_mode)) {
      if (unlink(path)) keep(errno);
      return !worst;
    }
    device = s.st_dev;
    int top = open_folder(AT_FDCWD, path);
    if (top < 0) {
      if (rmdir(path) == 0) return true;
      keep(errno);
      return false;
    }
    int again = fcntl(top, F_DUPFD_CLOEXEC, 3);
    empty(again, top, 0);
    close(top);
    if (rmdir(path) == 0) return true;
    /* Not empty without an error: what was moved up, or came while it was read, is still to be done. */
    if (errno != ENOTEMPTY || worst) {
      keep(errno);
      return false;
    }
    if (round > 100000) return false;
  }
}

static int read_ranges(const char *file, unsigned long ranges[RANGES][2]) {
  FILE *f = fopen(file, "re");
  if (!f) return 0;
  char line[256], number[16], name[256];
  snprintf(number, sizeof number, "%u", (unsigned)getuid());
  /* Accounts of a directory service are not in the file; a wrong name from the environment is refused by newuidmap. */
  const char *user = user_name(getuid(), name, sizeof name) ? name : getenv("USER");
  int count = 0;
  while (count < RANGES && fgets(line, sizeof line, f)) {
    char *rest = line, *who = strsep(&rest, ":");
    if (!rest || (strcmp(who, number) && (!user || strcmp(who, user)))) continue;
    if (sscanf(rest, "%lu:%lu", &ranges[count][0], &ranges[count][1]) == 2 && ranges[count][1]) count++;
  }
  fclose(f);
  return count;
}

/* Runs newuidmap or newgidmap for the process: our own id as 0, and the subordinate ones behind it. */
static bool map(const char *tool, const char *file, pid_t pid, unsigned own) {
  unsigned long ranges[RANGES][2], next = 1;
  int count = read_ranges(file, ranges);
  if (!count) return false;
  char numbers[RANGES * 3 + 4][24], *argv[RANGES * 3 + 6];
  int n = 0;
  snprintf(numbers[n++], sizeof *numbers, "%d", (int)pid);
  snprintf(numbers[n++], sizeof *numbers, "0");
  snprintf(numbers[n++], sizeof *numbers, "%u", own);
  snprintf(numbers[n++], sizeof *numbers, "1");
  for (int i = 0; i < count; i++) {
    snprintf(numbers[n++], sizeof *numbers, "%lu", next);
    snprintf(numbers[n++], sizeof *numbers, "%lu", ranges[i][0]);
    snprintf(numbers[n++], sizeof *numbers, "%lu", ranges[i][1]);
    next += ranges[i][1];
  }
  argv[0] = (char *)tool;
  for (int i = 0; i < n; i++) argv[i + 1] = numbers[i];
  argv[n + 1] = NULL;
  pid_t child = fork();
  if (child == 0) {
    execvp(tool, argv);
    _exit(127);
  }
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* The same again as root of a user namespace that holds all of our ids. */
static void again_mapped(char **paths) {
  int up[2], down[2];
  char byte;
  unsigned uid = getuid(), gid = getgid();
  if (pipe2(up, O_CLOEXEC) || pipe2(down, O_CLOEXEC)) return;
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(down[1]);
    if (unshare(CLONE_NEWUSER) || write(up[1], "u", 1) != 1 || read(down[0], &byte, 1) != 1) _exit(1);
    if (setresgid(0, 0, 0) || setresuid(0, 0, 0)) _exit(1);
    for (; *paths; paths++) remove_one(*paths);
    _exit(0);
  }
  close(up[1]);
  close(down[0]);
  if (child > 0 && read(up[0], &byte, 1) == 1 && map("newuidmap", "/etc/subuid", child, uid) &&
      map("newgidmap", "/etc/subgid", child, gid) && write(down[1], "m", 1) == 1) {}
  close(down[1]);
  close(up[0]);
  if (child > 0) waitpid(child, NULL, 0);
}

int remove_trees(int argc, char **argv) {
  char **left = must(calloc((size_t)argc + 1, sizeof *left));
  int count = 0, failed = 0;
  bool denied = false;
  for (int i = 0; i < argc; i++) {
    if (remove_one(argv[i])) continue;
    left[count++] = argv[i];
    denied |= worst == EACCES || worst == EPERM;
  }
  if (denied && geteuid() != 0) again_mapped(left);
  for (int i = 0; i < count; i++) {
    if (remove_one(left[i])) continue;
    fprintf(stderr, "berth-guest: tried to remove %s but %s\n", left[i], strerror(worst ? worst : EBUSY));
    failed = 1;
  }
  free(left);
  return failed;
}
