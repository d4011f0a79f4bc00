/* `launch`: makes the socket where the sandbox cannot reach it, and hands it on to whatever starts the sandbox. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SOCKET = 3, MARK = 4, FAILED = 127 };

static int failed(const char *tried, const char *what) {
  int error = errno;
  fprintf(stderr, "berth-guest: tried to %s %s but %s\n", tried, what, strerror(error));
  return FAILED;
}

int launch(int argc, char **argv) {
  char **whole = argv - 2;
  int whole_count = argc + 2;
  bool detached = argc > 0 && !strcmp(argv[0], "--detach");
  argc -= detached;
  argv += detached;
  if (argc < 4 || strcmp(argv[2], "--")) {
    fputs("berth-guest: usage: launch [--detach] SOCKET LOG -- COMMAND [ARG…]\n", stderr);
    return FAILED;
  }
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(argv[0]) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return failed("listen at", argv[0]);
  }
  strcpy(address.sun_path, argv[0]);
  int null = open("/dev/null", O_RDWR);
  for (int fd = null; fd >= 0 && fd < 2; fd = dup(null)) {} /* no descriptor below 3 may be free now */
  int log = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (log < 0) return failed("open the log", argv[1]);
  int listening = socket(AF_UNIX, SOCK_STREAM, 0);
  mode_t mask = umask(0177);
  if (listening < 0 || bind(listening, (struct sockaddr *)&address, sizeof address)) return failed("listen at", argv[0]);
  umask(mask);
  int complaints = fcntl(2, F_DUPFD_CLOEXEC, MARK + 1);
  if (listen(listening, 128) || null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 ||
      dup2(listening, SOCKET) < 0) {
    int status = failed("listen at", argv[0]);
    unlink(argv[0]);
    return status;
  }
  if (listening != SOCKET) close(listening);
  if (null > SOCKET) close(null);
  /* What is started keeps this empty file open: by that the host finds every process of the sandbox's carrier again, whatever these do to
     their names, sessions and environment. */
  char path[4096];
  snprintf(path, sizeof path, "%s.mark", argv[1]);
  int mark = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW, 0400);
  if (mark < 0 || (mark != MARK && (dup2(mark, MARK) < 0 || close(mark)))) {
    int status = failed("open the mark", path);
    unlink(argv[0]);
    return status;
  }
  int keeper = keeper_start(whole, whole_count, detached);
  if (keeper < 0) {
    int status = failed("fork for", argv[3]);
    unlink(argv[0]);
    return status;
  }
  setsid();
  execvp(argv[3], argv + 3);
  int error = errno;
  if (write(keeper, "", 1) != 1) _exit(FAILED);
  dup2(complaints, 2);
  errno = error;
  int status = failed("run", argv[3]);
  unlink(argv[0]);
  return status;
}
