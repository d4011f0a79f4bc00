/* The one loop: epoll for descriptors, a heap for timers, a signalfd for signals. */
#include "guest.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int epoll_fd;
static struct timer **heap; /* heap[1] is the next to fire */
static size_t heap_count, heap_capacity;
static void **doomed;
static size_t doomed_count, doomed_capacity;
static struct watch signals;

uint64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void watch_set(struct watch *w, uint32_t events) {
  if (w->fd < 0 || w->events == events) return;
  struct epoll_event e = {.events = events, .data.ptr = w};
  /* Taken out rather than masked: a hang-up is reported even with an empty mask, and would spin. */
  int op = !events ? EPOLL_CTL_DEL : w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  epoll_ctl(epoll_fd, op, w->fd, &e);
  w->events = events;
}

void watch_open(struct watch *w, int fd, uint32_t events, void (*ready)(struct watch *, uint32_t)) {
  *w = (struct watch){fd, 0, ready};
  watch_set(w, events);
}

/* Closing alone would not do: a process being forked may still hold the descriptor, and epoll with it. */
int watch_release(struct watch *w) {
  int fd = w->fd;
  watch_set(w, 0);
  w->fd = -1;
  return fd;
}

void watch_close(struct watch *w) {
  if (w->fd >= 0) close(watch_release(w));
}

static void heap_place(struct timer *t, size_t slot) {
  heap[slot] = t;
  t->slot = slot;
}

static void heap_up(struct timer *t, size_t slot) {
  for (; slot > 1 && heap[slot / 2]->when > t->when; slot /= 2) heap_place(heap[slot / 2], slot);
  heap_place(t, slot);
}

static void heap_down(struct timer *t, size_t slot) {
  for (size_t child; (child = slot * 2) <= heap_count; slot = child) {
    if (child < heap_count && heap[child + 1]->when < heap[child]->when) child++;
    if (heap[child]->when >= t->when) break;
    heap_place(heap[child], slot);
  }
  heap_place(t, slot);
}

void timer_off(struct timer *t) {
  size_t slot = t->slot;
  if (!slot) return;
  t->slot = 0;
  struct timer *last = heap[heap_count--];
  if (last == t) return;
  if (slot > 1 && heap[slot / 2]->when > last->when) heap_up(last, slot);
  else heap_down(last, slot);
}

void timer_set(struct timer *t, uint64_t ms, void (*fire)(struct timer *)) {
  timer_off(t);
  t->when = now_ms() + ms;
  t->fire = fire;
  if (heap_count + 1 >= heap_capacity) {
    heap_capacity = heap_capacity ? heap_capacity * 2 : 32;
    heap = must(realloc(heap, heap_capacity * sizeof *heap));
  }
  heap_up(t, ++heap_count);
}

void loop_free_later(void *memory) {
  if (doomed_count == doomed_capacity) {
    doomed_capacity = doomed_capacity ? doomed_capacity * 2 : 32;
    doomed = must(realloc(doomed, doomed_capacity * sizeof *doomed));
  }
  doomed[doomed_count++] = memory;
}

static void reap(void) {
  for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;)
    raw_ended(pid);
}

static void on_signal(struct watch *w, uint32_t events) {
  (void)events;
  struct signalfd_siginfo info[4];
  ssize_t n = read(w->fd, info, sizeof info);
  bool child = false;
  for (ssize_t i = 0; i < n / (ssize_t)sizeof *info; i++) {
    if (info[i].ssi_signo == SIGCHLD) child = true;
    else end_begin(2000);
  }
  if (child) reap();
}

static void on_child(int signal) { (void)signal; }

/* Signals are blocked instead of ignored: what is forked then starts with default dispositions for free and only has to empty its
   mask. The empty handler of SIGCHLD, which never runs here, is for the supervisors: it ends their ppoll. */
void loop_init(void) {
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  sigset_t set;
  for (int s = 1; s < NSIG; s++) signal(s, SIG_DFL);
  sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child}, NULL);
  sigfillset(&set);
  for (int s = 1; s < NSIG; s++)
    if (s == SIGSEGV || s == SIGBUS || s == SIGFPE || s == SIGILL || s == SIGABRT || s == SIGTRAP || s == SIGSYS) sigdelset(&set, s);
  sigprocmask(SIG_SETMASK, &set, NULL);
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  watch_open(&signals, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), EPOLLIN, on_signal);
}

void loop_run(void) {
  for (;;) {
    int timeout = -1;
    if (heap_count) {
      uint64_t now = now_ms();
      uint64_t wait = heap[1]->when > now ? heap[1]->when - now : 0;
      timeout = wait > 3600000 ? 3600000 : (int)wait;
    }
    struct epoll_event events[64];
    int n = epoll_wait(epoll_fd, events, 64, timeout);
    if (n < 0 && errno != EINTR) _exit(71);
    for (int i = 0; i < n; i++) {
      struct watch *w = events[i].data.ptr;
      if (w->fd >= 0 && w->events) w->ready(w, events[i].events);
    }
    for (uint64_t now = heap_count ? now_ms() : 0; heap_count && heap[1]->when <= now;) {
      struct timer *t = heap[1];
      timer_off(t);
      t->fire(t);
    }
    conns_flush();
    if (ending) end_check();
    while (doomed_count) free(doomed[--doomed_count]);
  }
}
