/* The guest of a sandbox: see PROTOCOL.md. This file reads the command line and sets the stage. */
#include "guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MARK = 4 }; /* see launch.c */

struct settings settings;

_Noreturn static void die(const char *tried, const char *reason) {
  fprintf(stderr, "berth-guest: tried to %s but %s\n", tried, reason);
  exit(1);
}

_Noreturn static void usage(const char *wrong) {
  fprintf(stderr, "berth-guest: %s\nusage: berth-guest serve (--fd N | --socket PATH | --tcp ADDRESS:PORT) [OPTION…]\n"
                  "       berth-guest launch SOCKET LOG -- COMMAND [ARG…]\n       berth-guest remove PATH…\n"
                  "       berth-guest version\n", wrong);
  exit(2);
}

static int64_t amount(const char *option, const char *text) {
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno || *end || end == text || value < 0) usage(option);
  return value;
}

static int listen_unix(const char *path) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof a.sun_path) die("listen", "the socket's path is too long");
  strcpy(a.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  mode_t mask = umask(0177);
  if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 128)) die("listen", strerror(errno));
  umask(mask);
  return fd;
}

static int listen_tcp(char *text) {
  char *colon = strrchr(text, ':');
  if (!colon) usage("--tcp needs ADDRESS:PORT");
  *colon = 0;
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)amount("--tcp needs a port", colon + 1))};
  struct sockaddr_in6 b = {.sin6_family = AF_INET6, .sin6_port = a.sin_port};
  if (*text == '[' && colon > text + 1 && colon[-1] == ']') {
    colon[-1] = 0;
    text++;
  }
  bool six = strchr(text, ':');
  if (inet_pton(six ? AF_INET6 : AF_INET, text, six ? (void *)&b.sin6_addr : (void *)&a.sin_addr) != 1)
    usage("--tcp needs an address in digits");
  int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr *address = six ? (struct sockaddr *)&b : (struct sockaddr *)&a;
  socklen_t length = six ? sizeof b : sizeof a;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) || bind(fd, address, length) || listen(fd, 128) ||
      getsockname(fd, address, &length))
    die("listen", strerror(errno));
  printf("port %d\n", ntohs(six ? b.sin6_port : a.sin_port));
  fflush(stdout);
  return fd;
}

static void read_token(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, settings.token, sizeof settings.token);
  if (n < 0 || unlink(path)) die("read the token", strerror(errno));
  close(fd);
  if (n && settings.token[n - 1] == '\n') n--;
  settings.token_length = (size_t)n;
}

static void limit_processors(int64_t count) {
  cpu_set_t all, few;
  CPU_ZERO(&few);
  if (sched_getaffinity(0, sizeof all, &all)) return;
  for (int i = 0; i < CPU_SETSIZE && count > 0; i++)
    if (CPU_ISSET(i, &all)) {
      CPU_SET(i, &few);
      count--;
    }
  sched_setaffinity(0, sizeof few, &few);
}

static int parse(int argc, char **argv) {
  int fd = -1;
  for (int i = 0; i < argc; i++) {
    const char *option = argv[i];
    if (!strcmp(option, "--end-init")) settings.end_init = settings.guarded = true;
    else if (!strcmp(option, "--guardian")) settings.guarded = true;
    else if (!strcmp(option, "--no-map")) settings.no_map = true;
    else {
      char *value = i + 1 < argc ? argv[++i] : NULL;
      if (!value) usage("an option is unknown, or lacks its value");
      if (!strcmp(option, "--fd")) fd = (int)amount("--fd needs a number", value);
      else if (!strcmp(option, "--socket")) fd = listen_unix(settings.socket_path = value);
      else if (!strcmp(option, "--tcp")) fd = listen_tcp(value);
      else if (!strcmp(option, "--token-file")) read_token(value);
      else if (!strcmp(option, "--lease")) settings.lease = amount("--lease needs milliseconds", value);
      else if (!strcmp(option, "--ttl")) settings.ttl = amount("--ttl needs milliseconds", value);
      else if (!strcmp(option, "--idle")) settings.idle = amount("--idle needs milliseconds", value);
      else if (!strcmp(option, "--memory")) settings.memory = (uint64_t)amount("--memory needs bytes", value);
      else if (!strcmp(option, "--cpus")) limit_processors(amount("--cpus needs a number", value));
      else if (!strcmp(option, "--cwd")) settings.cwd = value;
      else if (strcmp(option, "--tag")) usage("an option is unknown");
    }
  }
  if (fd < 0) usage("one of --fd, --socket and --tcp is needed");
  int listening = 0;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &(socklen_t){sizeof listening}) || !listening)
    die("serve", "the descriptor is not a listening socket");
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

/* The guardian stays behind as the parent: whatever kills the guest, all that it left is killed too, and an instance whose guest is no
   more is ended: its init would stay, and nobody would be left to keep its lease. */
static void guard(int listening, bool marked) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  /* Before the fork, so that no early death is missed; the guest sets a mask of its own. */
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  settings.guardian = getpid();
  pid_t guest = fork();
  if (guest < 0) die("start", strerror(errno));
  if (guest == 0) return;
  if (marked) keeper_hold(MARK);
  close(3); /* descriptor 4 is the mark by which the host finds the guardian, and below it the guest */
  int null = open("/dev/null", O_RDWR); /* what runs under this user could write to the host's log through /proc */
  dup2(null, 1);
  dup2(null, 2);
  close_from(5);
  close(listening); /* held here, it would let hosts connect to a guest that is no more */
  for (;;) {
    int signal, status;
    sigwait(&all, &signal);
    if (signal == SIGTERM) kill(guest, SIGTERM);
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
      if (pid == guest) {
        tree_end(10000);
        if (settings.end_init) end_pid_namespace();
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
      }
  }
}

static int serve(int argc, char **argv) {
  struct stat inherited;
  bool marked = fstat(MARK, &inherited) == 0 && S_ISREG(inherited.st_mode); /* before anything of ours is open */
  settings.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  while (settings.null_fd >= 0 && settings.null_fd < 3) settings.null_fd = fcntl(settings.null_fd, F_DUPFD_CLOEXEC, 3);
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0) dup2(settings.null_fd, fd);
  int fd = parse(argc, argv);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  settings.nofile_soft = files.rlim_cur;
  settings.nofile_hard = files.rlim_max;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (getrandom(settings.identity, sizeof settings.identity, 0) != sizeof settings.identity) die("start", "there is no randomness");
  if (chdir("/")) die("start", strerror(errno));
  if (settings.guarded) guard(fd, marked);
  if (marked) { /* what carries the guest has it at its number; by that the host tells them apart */
    int mark = settings.guarded ? -1 : fcntl(MARK, F_DUPFD_CLOEXEC, MARK + 1);
    close(MARK);
    if (mark >= 0) keeper_hold(mark);
  }
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  settings.users = users_possible();
  prctl(PR_SET_DUMPABLE, 0);
  loop_init();
  end_init();
  conn_listen(fd);
  loop_run();
  return 0;
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "";
  if (!strcmp(verb, "serve")) return serve(argc - 2, argv + 2);
  if (!strcmp(verb, "launch")) return launch(argc - 2, argv + 2);
  if (!strcmp(verb, "remove")) return remove_trees(argc - 2, argv + 2);
  if (!strcmp(verb, "version")) return puts("berth-guest " GUEST_VERSION) < 0;
  usage("which verb?");
}
