/* The supervisor: a fork of the guest that starts one command, is the subreaper of what the command forks, and carries out orders to
   signal or end it. It has no memory of its own to speak of, and holds no descriptor but the one to the guest. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CONTROL = 3, RETRY_MS = 20, PATIENCE_MS = 5000 };
extern char **environ;

static struct {
  struct identity identity;
  char **arguments, **environment, *path, *cwd;
  bool tty, whole;
  /* Written by the child between vfork and exec, which shares this memory. */
  volatile uint8_t stage;
  volatile int error;
} plan;

static char *terminated(struct text t) {
  /* In place: what follows a string in its frame is the zero byte of a length, or the spare byte of the buffer. */
  t.at[t.length] = 0;
  return t.at;
}

static const char *lookup(char **environment, const char *name) {
  size_t length = strlen(name);
  for (; *environment; environment++)
    if (!strncmp(*environment, name, length) && (*environment)[length] == '=') return *environment + length + 1;
  return NULL;
}

static void put_environment(char **to, size_t *count, char *entry) {
  size_t name = strcspn(entry, "=");
  size_t at = 0;
  while (at < *count && (strncmp(to[at], entry, name) || to[at][name] != '=')) at++;
  if (entry[name]) {
    to[at] = entry;
    if (at == *count) ++*count;
  } else if (at < *count) {
    to[at] = to[--*count];
  }
}

static bool build_environment(struct spawn *s) {
  size_t own = 0, count = 0;
  while (environ[own]) own++;
  char **list = plan.environment = must(calloc(own + s->environments + 2, sizeof *list));
  for (; count < own; count++) list[count] = environ[count];
  bool home = false;
  for (uint32_t i = 0; i < s->environments; i++) {
    char *entry = terminated(get_text(&s->environment));
    if (!strncmp(entry, "HOME=", 5)) home = true;
    put_environment(list, &count, entry);
  }
  list[count] = NULL;
  if (home || (!plan.identity.change && lookup(list, "HOME"))) return true;
  static char entry[sizeof plan.identity.home + 5] = "HOME=";
  if (!plan.identity.home[0]) {
    struct identity own_identity;
    if (identity_find((struct text){"", 0}, &own_identity)) return true;
    strcpy(plan.identity.home, own_identity.home);
  }
  strcat(entry, plan.identity.home);
  put_environment(list, &count, entry);
  list[count] = NULL;
  return true;
}

static void fail(uint8_t stage, int error) {
  plan.error = error;
  plan.stage = stage;
  _exit(127);
}

static void change_directory(void) {
  if (plan.cwd) {
    if (chdir(plan.cwd)) fail(STAGE_DIRECTORY, errno);
  } else if (chdir(settings.cwd ? settings.cwd : "/") && chdir("/")) {
    fail(STAGE_DIRECTORY, errno);
  }
}

static void run(void) {
  char candidate[4096];
  const char *name = plan.arguments[0], *path = plan.path;
  int error = ENOENT;
  if (strchr(name, '/')) {
    execve(name, plan.arguments, plan.environment);
    fail(STAGE_EXEC, errno);
  }
  size_t length = strlen(name);
  if (!length) fail(STAGE_EXEC, ENOENT);
  for (const char *end;; path = end + 1) {
    end = strchrnul(path, ':');
    size_t folder = (size_t)(end - path);
    if (folder + length + 2 <= sizeof candidate) {
      memcpy(candidate, path, folder);
      if (folder) candidate[folder++] = '/';
      memcpy(candidate + folder, name, length + 1);
      execve(candidate, plan.arguments, plan.environment);
      /* Only a file that is there is one that may not be run; a folder that may not be searched is as good as empty. */
      if (errno == EACCES) error = access(candidate, F_OK) ? error : EACCES;
      else if (errno != ENOENT && errno != ENOTDIR) fail(STAGE_EXEC, errno);
    }
    if (!*end) break;
  }
  fail(STAGE_EXEC, error);
}

static void leader(void) {
  setsid();
  if (plan.tty) ioctl(0, TIOCSCTTY, 0);
  if (settings.nofile_soft != settings.nofile_hard)
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){settings.nofile_soft, settings.nofile_hard});
  if (settings.memory) setrlimit(RLIMIT_AS, &(struct rlimit){settings.memory, settings.memory});
  int error = identity_become(&plan.identity);
  if (error) fail(STAGE_USER, error);
  change_directory();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  run();
}

static uint64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void tell(const struct report *r) {
  if (send(CONTROL, r, sizeof *r, MSG_NOSIGNAL) < 0) {} /* the guest is gone: seen at the next receive */
}

_Noreturn static void give_up(uint8_t stage, int error) {
  struct report r = {.kind = REPORT_FAILED, .error = error, .stage = stage};
  tell(&r);
  _exit(0);
}

static uint64_t micros(struct timeval t) { return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec; }

struct watching {
  pid_t leader;
  bool leader_gone, terminating, killing;
  uint64_t start_us, deadline_us, kill_us;
  struct report result;
};

/* False when there is no child left. */
static bool reap(struct watching *w) {
  for (;;) {
    int status;
    struct rusage usage;
    pid_t pid = wait4(-1, &status, WNOHANG, &usage);
    if (pid == 0) return true;
    if (pid < 0) return errno != ECHILD;
    if (pid != w->leader) continue;
    w->leader_gone = true;
    w->result = (struct report){.kind = REPORT_ENDED, .pid = pid, .status = status, .wall_us = now_us() - w->start_us,
                                .cpu_us = micros(usage.ru_utime) + micros(usage.ru_stime), .rss_kib = (uint64_t)usage.ru_maxrss};
    if (!w->terminating) return true;
  }
}

static void start_killing(struct watching *w) {
  w->terminating = w->killing = true;
  if (!w->kill_us) w->kill_us = now_us();
  tree_kill(getpid());
  if (!w->leader_gone) kill(-w->leader, SIGKILL); /* for want of /proc, again */
}

static void obey(struct watching *w, const struct order *o) {
  if (o->kind == ORDER_TERMINATE) {
    uint64_t deadline = now_us() + (uint64_t)o->grace * 1000;
    if (!w->terminating || deadline < w->deadline_us) w->deadline_us = deadline;
    /* Without /proc the leader's group is all that can be found. */
    if (o->grace && !w->terminating && !tree_signal(getpid(), SIGTERM) && !w->leader_gone) kill(-w->leader, SIGTERM);
    w->terminating = true;
    return;
  }
  if (w->leader_gone) return;
  if (o->scope == SCOPE_TREE) tree_signal(getpid(), o->signal);
  else if (o->scope == SCOPE_GROUP) kill(-(o->group > 1 ? o->group : w->leader), o->signal);
  else kill(w->leader, o->signal);
}

static int time_left(const struct watching *w) {
  if (w->killing) return RETRY_MS;
  if (!w->terminating) return -1;
  uint64_t now = now_us();
  return now >= w->deadline_us ? 0 : (int)((w->deadline_us - now) / 1000 + 1);
}

_Noreturn static void attend(struct watching *w) {
  sigset_t all_but_child;
  sigfillset(&all_but_child);
  sigdelset(&all_but_child, SIGCHLD);
  for (;;) {
    int ms = time_left(w);
    struct pollfd p = {CONTROL, POLLIN, 0};
    int ready = ppoll(&p, 1, ms < 0 ? NULL : &(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, &all_but_child);
    if (ready > 0) {
      struct order o;
      ssize_t n = recv(CONTROL, &o, sizeof o, MSG_DONTWAIT);
      if (n == sizeof o) {
        obey(w, &o);
      } else if (n == 0) { /* the guest died, and so must all of its commands */
        start_killing(w);
        tree_end(PATIENCE_MS);
        _exit(0);
      }
    }
    bool children = reap(w);
    if (w->leader_gone && plan.whole && !w->killing) {
      start_killing(w);
      children = reap(w);
    }
    if (w->leader_gone && (!w->terminating || !children)) break;
    if (w->terminating && now_us() >= w->deadline_us) start_killing(w);
    /* A process that hangs in the kernel must not keep the host from hearing of its leader's end. */
    if (w->leader_gone && w->kill_us && now_us() - w->kill_us > PATIENCE_MS * 1000) break;
  }
  tell(&w->result);
  _exit(0);
}

static void place(int control, const int stdio[3]) {
  int in = stdio[0] >= 0 ? stdio[0] : settings.null_fd;
  dup2(in, 0);
  dup2(plan.tty ? 0 : stdio[1], 1);
  dup2(plan.tty || stdio[2] < 0 ? 1 : stdio[2], 2);
  if (control != CONTROL) dup3(control, CONTROL, O_CLOEXEC);
  close_from(CONTROL + 1);
}

_Noreturn void supervise(struct spawn *s, int control, const int stdio[3]) {
  struct watching w = {.start_us = now_us()};
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  plan.tty = s->flags & FLAG_TTY;
  plan.whole = s->flags & FLAG_WHOLE;
  place(control, stdio);
  terminated(s->user);
  if (s->cwd.length) plan.cwd = terminated(s->cwd);
  int error = s->user.length ? identity_find(s->user, &plan.identity) : 0;
  if (!error) error = identity_map(&plan.identity);
  if (error) give_up(STAGE_USER, error);
  if (plan.tty && plan.identity.change && fchown(0, plan.identity.uid, (gid_t)-1)) {} /* nice to have: `tty` can be opened again */
  plan.arguments = must(calloc(s->arguments + 1, sizeof *plan.arguments));
  build_environment(s);
  for (uint32_t i = 0; i < s->arguments; i++) plan.arguments[i] = terminated(get_text(&s->argument));
  plan.path = (char *)lookup(plan.environment, "PATH");
  if (!plan.path) plan.path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  w.leader = vfork();
  if (w.leader == 0) leader();
  if (w.leader < 0) give_up(STAGE_RESOURCES, errno);
  if (plan.stage) give_up(plan.stage, plan.error);
  struct report started = {.kind = REPORT_STARTED, .pid = w.leader};
  for (int fd = 0; fd < CONTROL; fd++) close(fd); /* else their ends would never be seen */
  tell(&started);
  attend(&w);
}
