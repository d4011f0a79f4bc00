/* Everything below a process, found through /proc: a tree that keeps growing while it is being killed must not get away. */
#include "guest.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct pids {
  pid_t *list;
  int count, capacity;
};

static void add(struct pids *p, pid_t pid) {
  if (p->count == p->capacity) {
    p->capacity = p->capacity ? p->capacity * 2 : 64;
    p->list = must(realloc(p->list, (size_t)p->capacity * sizeof *p->list));
  }
  p->list[p->count++] = pid;
}

static bool children_of_thread(pid_t pid, const char *thread, struct pids *to) {
  char name[64], bytes[4096];
  snprintf(name, sizeof name, "/proc/%d/task/%s/children", (int)pid, thread);
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  pid_t value = 0;
  for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0;)
    for (ssize_t i = 0; i < n; i++) {
      if (isdigit((unsigned char)bytes[i])) {
        value = value * 10 + (bytes[i] - '0');
      } else if (value) {
        add(to, value);
        value = 0;
      }
    }
  close(fd);
  return true;
}

static void children_of(pid_t pid, struct pids *to) {
  char name[32], thread[16];
  struct stat s;
  snprintf(name, sizeof name, "/proc/%d/task", (int)pid);
  if (stat(name, &s)) return;
  if (s.st_nlink == 3) { /* one thread, so its name is known */
    snprintf(thread, sizeof thread, "%d", (int)pid);
    children_of_thread(pid, thread, to);
    return;
  }
  DIR *threads = opendir(name);
  if (!threads) return;
  for (struct dirent *e; (e = readdir(threads));)
    if (isdigit((unsigned char)e->d_name[0])) children_of_thread(pid, e->d_name, to);
  closedir(threads);
}

static pid_t parent_of(const char *pid) {
  char name[64], bytes[512];
  snprintf(name, sizeof name, "/proc/%.16s/stat", pid);
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t n = read(fd, bytes, sizeof bytes - 1);
  close(fd);
  if (n <= 0) return 0;
  bytes[n] = 0;
  char *after = strrchr(bytes, ')'); /* the name before it can hold anything */
  return after && strlen(after) > 4 ? (pid_t)atoi(after + 4) : 0;
}

static bool contains(const struct pids *p, pid_t pid) {
  for (int i = 0; i < p->count; i++)
    if (p->list[i] == pid) return true;
  return false;
}

/* For kernels without the children files. A pass over /proc sees parents in any order, so it is repeated until it adds nothing. */
static void scan(pid_t root, struct pids *to) {
  for (int before = -1; before != to->count;) {
    before = to->count;
    DIR *all = opendir("/proc");
    if (!all) return;
    for (struct dirent *e; (e = readdir(all));) {
      if (!isdigit((unsigned char)e->d_name[0])) continue;
      pid_t pid = (pid_t)atoi(e->d_name), parent = parent_of(e->d_name);
      if (parent && (parent == root || contains(to, parent)) && !contains(to, pid)) add(to, pid);
    }
    closedir(all);
  }
}

static bool has_children_files(void) {
  static int known = -1;
  if (known < 0) {
    char name[64];
    snprintf(name, sizeof name, "/proc/self/task/%d/children", (int)getpid());
    known = access(name, F_OK) == 0;
  }
  return known;
}

static void descendants(pid_t root, struct pids *to) {
  to->count = 0;
  if (!has_children_files()) {
    scan(root, to);
    return;
  }
  children_of(root, to);
  for (int i = 0; i < to->count; i++) children_of(to->list[i], to);
}

int tree_signal(pid_t root, int signal) {
  struct pids all = {0};
  descendants(root, &all);
  for (int i = 0; i < all.count; i++) kill(all.list[i], signal);
  if (signal == SIGTERM)
    for (int i = 0; i < all.count; i++) kill(all.list[i], SIGCONT); /* a stopped process would not hear it */
  free(all.list);
  return all.count;
}

static int by_value(const void *a, const void *b) {
  pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
  return (x > y) - (x < y);
}

static bool found(const struct pids *sorted, pid_t pid) {
  return sorted->count && bsearch(&pid, sorted->list, (size_t)sorted->count, sizeof pid, by_value);
}

/* Stops the processes of this list that were not stopped before, the newest first, and what is below them. */
static void stop_all(const struct pids *list, const struct pids *before, struct pids *fresh) {
  for (int i = list->count - 1; i >= 0; i--) {
    if (found(before, list->list[i]) || contains(fresh, list->list[i])) continue;
    kill(list->list[i], SIGSTOP);
    add(fresh, list->list[i]);
    struct pids below = {0};
    if (has_children_files()) children_of(list->list[i], &below);
    stop_all(&below, before, fresh);
    free(below.list);
  }
}

static pid_t parent_of_pid(pid_t pid) {
  char name[16];
  snprintf(name, sizeof name, "%d", (int)pid);
  return parent_of(name);
}

/* Stops each process the moment it is seen, and only then asks for its children: a stopped process makes no more of them, so it is asked once.
   Passes look for new ones at the root alone, where orphans come to, until there are none; then all are killed. So a chain of processes that each
   start the next and end is overtaken, however many links it has left behind. */
void tree_kill(pid_t root) {
  struct pids now = {0}, stopped = {0}, fresh = {0};
  for (int pass = 0; pass < 1000; pass++) {
    now.count = fresh.count = 0;
    if (has_children_files()) children_of(root, &now);
    else scan(root, &now);
    stop_all(&now, &stopped, &fresh);
    if (!fresh.count) break;
    for (int i = 0; i < fresh.count; i++) add(&stopped, fresh.list[i]);
    qsort(stopped.list, (size_t)stopped.count, sizeof *stopped.list, by_value);
  }
  for (int i = 0; i < stopped.count; i++) {
    /* A number that is not in the tree any more may belong to somebody else by now. */
    pid_t parent = parent_of_pid(stopped.list[i]);
    kill(stopped.list[i], parent == root || found(&stopped, parent) ? SIGKILL : SIGCONT);
  }
  free(now.list);
  free(fresh.list);
  free(stopped.list);
}

int tree_children(pid_t parent, pid_t **children) {
  struct pids all = {0};
  if (has_children_files()) {
    children_of(parent, &all);
  } else {
    struct pids below = {0};
    char name[16];
    scan(parent, &below);
    for (int i = 0; i < below.count; i++) {
      snprintf(name, sizeof name, "%d", (int)below.list[i]);
      if (parent_of(name) == parent) add(&all, below.list[i]);
    }
    free(below.list);
  }
  *children = all.list;
  return all.count;
}

void tree_end(int limit_ms) {
  uint64_t until = now_ms() + (uint64_t)limit_ms;
  for (;;) {
    tree_kill(getpid());
    for (int tries = 0; tries < 10; tries++) {
      pid_t pid;
      while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {}
      if ((pid < 0 && errno == ECHILD) || now_ms() >= until) return;
      nanosleep(&(struct timespec){0, 2000000}, NULL);
    }
  }
}

void close_from(int first) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
#endif
  DIR *all = opendir("/proc/self/fd");
  if (!all) {
    for (int fd = first; fd < 4096; fd++) close(fd);
    return;
  }
  for (struct dirent *e; (e = readdir(all));) {
    int fd = atoi(e->d_name);
    if (fd >= first && fd != dirfd(all)) close(fd);
  }
  closedir(all);
}
