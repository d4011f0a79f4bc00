/* The keeper: what `launch` leaves on the host for as long as the sandbox lives. All that carries the sandbox is below it. It does nothing
   but wait for the guardian's death, which a lock on the mark shows; what is still there a while later, it ends: FUSE helpers whose
   monitor was killed, an instance whose guest and guardian were. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOCKET = 3, MARK = 4, FEW = 64, LOOK_MS = 50, LOOK_MAX_MS = 1000, BY_ITSELF_MS = 3000, PATIENCE_MS = 10000 };

static struct {
  pid_t command; /* 0 once it has ended */
  int told, starter; /* where its status is wanted, and what hangs up when nobody wants it any more; or -1 */
  int guardian; /* a pidfd, or -1 */
  uint64_t overdue; /* when what is left is ended; 0: not yet */
} k;

static void on_child(int signal) { (void)signal; }

/* Held by the guardian, or a guest without one, and by nothing else: a record lock belongs to a process, not to a descriptor. The
   descriptor's position, which all that inherited it share, tells that the lock has been held, whoever looks too late to see it. */
void keeper_hold(int mark) {
  struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
  fcntl(mark, F_SETLK, &lock);
  lseek(mark, 1, SEEK_SET);
}

static void look_for_guardian(void) {
  bool was_held = lseek(MARK, 0, SEEK_CUR) > 0; /* asked first: what is held then and not now is over */
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (fcntl(MARK, F_GETLK, &lock) || lock.l_pid < 0) return;
  if (lock.l_type != F_UNLCK && lock.l_pid > 0) k.guardian = (int)syscall(SYS_pidfd_open, lock.l_pid, 0);
  else if (lock.l_type == F_UNLCK && was_held) k.overdue = now_ms() + BY_ITSELF_MS;
}

static void tell(int status) {
  if (k.told >= 0 && write(k.told, &status, sizeof status) < 0) {} /* the starter was killed */
  close(k.told);
  close(k.starter);
  k.told = k.starter = -1;
}

static void reap(void) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG));) {
    if (pid < 0) {
      if (k.command) tell(127);
      _exit(0);
    }
    if (pid != k.command) continue;
    k.command = 0;
    if (k.told >= 0) tell(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }
}

/* Its command line names the sandbox and what was launched, and is longer than this. */
static void rename_self(char **argv, int argc) {
  static const char name[] = "berth-guest keep";
  size_t length = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);
  memset(argv[0], 0, length);
  memcpy(argv[0], name, sizeof name - 1);
  prctl(PR_SET_NAME, "berth-keep");
}

_Noreturn static void keep(void) {
  sigset_t all_but_child;
  sigfillset(&all_but_child);
  sigdelset(&all_but_child, SIGCHLD);
  for (int wait = LOOK_MS;;) {
    reap();
    if (k.guardian < 0 && !k.overdue) look_for_guardian();
    uint64_t now = now_ms();
    if (k.overdue && now >= k.overdue) {
      tree_end(PATIENCE_MS);
      _exit(0);
    }
    int ms = -1;
    if (k.overdue) ms = (int)(k.overdue - now);
    else if (k.guardian < 0) ms = wait = wait * 2 < LOOK_MAX_MS ? wait * 2 : LOOK_MAX_MS;
    struct pollfd p[2] = {{k.guardian, POLLIN, 0}, {k.starter, 0, 0}};
    if (ppoll(p, 2, ms < 0 ? NULL : &(struct timespec){ms / 1000, ms % 1000 * 1000000L}, &all_but_child) <= 0) continue;
    if (p[0].revents) {
      close(k.guardian);
      k.guardian = -1;
      k.overdue = now_ms() + BY_ITSELF_MS;
    }
    if (p[1].revents) { /* whoever started it gave it up */
      if (k.command) kill(k.command, SIGKILL);
      close(k.starter);
      k.starter = -1;
    }
  }
}

/* Forks the keeper and, below it, what is to be run: returns there alone. The caller's own process ends with the command's status or,
   if it is not to wait for that, with 0 as soon as the command runs. */
int keeper_start(char **argv, int argc, bool detached) {
  int told[2], starter[2], failure[2];
  if (pipe2(told, O_CLOEXEC) || pipe2(starter, O_CLOEXEC) || pipe2(failure, O_CLOEXEC)) return -1;
  pid_t keeper = fork();
  if (keeper < 0) return -1;
  if (keeper > 0) {
    int status = 127;
    int others[] = {SOCKET, MARK, told[1], starter[0], failure[0], failure[1]};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) close(others[i]);
    if (read(told[0], &status, sizeof status) != sizeof status) status = 127;
    _exit(status);
  }
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t all, before;
  sigfillset(&all);
  sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child}, NULL);
  sigprocmask(SIG_SETMASK, &all, &before);
  k.command = fork();
  if (k.command == 0) {
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return failure[1];
  }
  if (k.command < 0) _exit(127);
  k.told = told[1];
  k.starter = starter[0];
  k.guardian = -1;
  close(failure[1]);
  char byte;
  bool runs = read(failure[0], &byte, 1) == 0; /* the exec closes the other end */
  if (detached && runs) tell(0);
  for (int fd = MARK + 1; fd < FEW; fd++)
    if (fd != k.told && fd != k.starter) close(fd);
  close(SOCKET); /* held here, the socket would let hosts connect to a guest that is no more */
  dup2(0, 1);
  dup2(0, 2);
  rename_self(argv, argc);
  if (chdir("/")) {}
  keep();
}
