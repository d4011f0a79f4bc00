/* Lease, time to live, idleness; and the end, which leaves nothing behind. */
#include "guest.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OWN_GRACE = 1000, AFTER_GRACE = 2000, LAST_WORDS = 1000, INIT_TRIES = 500 };

bool ending;
static struct timer lease, ttl, idle, deadline;
static int64_t lease_ms, idle_ms;
static uint64_t last_activity, lease_end;
static bool spoken; /* something but HELLO and PING came since the lease last ran */
static bool overdue, killed;

static void on_limit(struct timer *t) {
  (void)t;
  end_begin(OWN_GRACE);
}

static bool busy(void) { return commands_running || raw_open; }

static void on_idle(struct timer *t) {
  uint64_t now = now_ms();
  if (busy()) last_activity = now;
  uint64_t quiet = now - last_activity;
  if (quiet >= (uint64_t)idle_ms) end_begin(OWN_GRACE);
  else timer_set(t, (uint64_t)idle_ms - quiet, on_idle);
}

void end_activity(void) {
  spoken = true;
  if (idle_ms) last_activity = now_ms();
}

/* A connection that only looked whether there is a guest does not lengthen the lease: it runs on as if nobody had come. */
void end_connections(void) {
  bool connected = conns_welcomed || raw_open;
  uint64_t now = now_ms();
  if (connected || !lease_ms) {
    if (lease.slot) lease_end = lease.when;
    timer_off(&lease);
  } else if (!lease.slot) {
    uint64_t left = lease_end > now ? lease_end - now : 0;
    timer_set(&lease, spoken ? (uint64_t)lease_ms : left, on_limit);
    spoken = false;
  }
}

void end_limits(int64_t new_lease, int64_t new_ttl, int64_t new_idle) {
  if (new_lease >= 0) {
    lease_ms = new_lease;
    spoken = true;
    timer_off(&lease);
    end_connections();
  }
  if (new_ttl >= 0) {
    timer_off(&ttl);
    if (new_ttl) timer_set(&ttl, (uint64_t)new_ttl, on_limit);
  }
  if (new_idle >= 0) {
    idle_ms = new_idle;
    timer_off(&idle);
    last_activity = now_ms();
    if (new_idle) timer_set(&idle, (uint64_t)new_idle, on_idle);
  }
}

void end_init(void) { end_limits(settings.lease, settings.ttl, settings.idle); }

static bool supervises(pid_t pid) {
  for (struct command *cmd = newest; cmd; cmd = cmd->older)
    if (cmd->supervisor == pid && !cmd->ended) return true;
  return false;
}

/* What ended commands left running hears of the end like everything else. */
static void terminate_orphans(void) {
  pid_t *children;
  int count = tree_children(getpid(), &children);
  for (int i = 0; i < count; i++) {
    if (supervises(children[i])) continue;
    kill(children[i], SIGTERM);
    tree_signal(children[i], SIGTERM);
  }
  free(children);
}

static void on_deadline(struct timer *t) {
  (void)t;
  overdue = true;
}

void end_begin(uint32_t grace) {
  if (!ending) {
    for (struct command *cmd = newest; cmd; cmd = cmd->older) command_terminate(cmd, grace, CAUSE_ENDING);
    if (grace) terminate_orphans();
  } else if (deadline.slot && deadline.when < now_ms() + grace + AFTER_GRACE) {
    return;
  } else {
    for (struct command *cmd = newest; cmd; cmd = cmd->older) command_terminate(cmd, grace, CAUSE_ENDING);
  }
  ending = true;
  timer_set(&deadline, commands_running ? (uint64_t)grace + AFTER_GRACE : grace, on_deadline);
}

/* An instance's init passes SIGTERM on to the process group that it started, the guest's, and ends itself only once that group
   is gone. So a child in a session of its own outlives the guest for this; it dies with the namespace. */
void end_pid_namespace(void) {
  if (getpid() == 1 || fork() != 0) return;
  close_from(0);
  setsid();
  for (int tries = 0; tries < INIT_TRIES; tries++) {
    kill(1, SIGTERM);
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
  kill(1, SIGKILL);
  _exit(0);
}

/* After each round of the loop while ending: first until all is dead, then until the host has heard of it or had time to. */
void end_check(void) {
  if (!killed) {
    bool alone = waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
    if (!overdue && !(alone && !commands_running)) return;
    tree_end(3000);
    killed = true;
    timer_set(&deadline, LAST_WORDS, on_deadline);
    overdue = false;
  }
  if (!overdue && (commands_running || !conns_drained())) return;
  if (settings.socket_path) unlink(settings.socket_path);
  if (settings.end_init && getppid() != settings.guardian) end_pid_namespace(); /* else the guardian does it */
  _exit(0);
}
