package dev.berth.services.swerex;

import dev.berth.Command;
import dev.berth.ExecResult;
import dev.berth.Sandbox;
import dev.berth.services.HealthCheck;
import dev.berth.services.HttpHealth;
import dev.berth.services.ServiceSpec;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How the server of the Python package {@code swe-rex} is found, installed and run in a sandbox.
 */
final class SwerexServer {
  private static final String PATH = "PATH=$PATH:/usr/local/bin:$HOME/.local/bin\n";

  /**
   * Prints the Python that has swe-rex: in the folder that was named, else the one that runs {@code
   * swerex-remote}, which may be that of a virtual environment, with an option behind it if pipx
   * made it, else {@code python3}. Only the last is asked whether it has it, which takes as long as
   * Python starts.
   */
  private static final String FIND =
      PATH
          + """
          if [ -n "$1" ]; then
            for python in "$1/python3.11/bin/python3" "$1/bin/python3"; do
              [ -x "$python" ] && echo "$python" && exit
            done
            exit 3
          fi
          script=$(command -v swerex-remote) && IFS= read -r python <"$script" && python=${python#'#!'} && python=${python%% *} &&
            case $python in /*/python*) [ -x "$python" ] && echo "$python" && exit ;; esac
          python3 -c 'import importlib.util as u, sys; sys.exit(u.find_spec("swerex") is None)' >/dev/null 2>&1 &&
            command -v python3
          """;

  private static final String INSTALL =
      PATH
          + """
          command -v pipx >/dev/null || python3 -m pip install --user pipx ||
            python3 -m pip install --user --break-system-packages pipx || exit
          if command -v pipx >/dev/null; then pipx install swe-rex; else python3 -m pipx install swe-rex; fi
          """;

  /** The key comes on standard input: every process of the host can read arguments. */
  private static final String MAIN =
      """
      import sys
      sys.argv = ["swerex-remote", "--host", sys.argv[1], "--port", sys.argv[2],
                  "--auth-token", sys.stdin.readline().strip()]
      from swerex.server import main
      main()
      """;

  private SwerexServer() {}

  /** The Python that has, or should have, swe-rex; empty if none has. */
  static Optional<String> find(Sandbox sandbox, @Nullable String standaloneDir, Duration within)
      throws InterruptedException {
    ExecResult result =
        sandbox.exec(
            Command.of("/bin/sh", "-c", FIND, "sh", standaloneDir == null ? "" : standaloneDir)
                .withTimeout(within));
    String python = result.stdout().strip();
    return result.returnCode() == 0 && python.startsWith("/")
        ? Optional.of(python)
        : Optional.empty();
  }

  /**
   * Installs swe-rex with pipx.
   *
   * @return the end of what was printed if it failed
   */
  static Optional<String> install(Sandbox sandbox, Duration within) throws InterruptedException {
    ExecResult result =
        sandbox.exec(Command.of("/bin/sh", "-c", INSTALL + " 2>&1").withTimeout(within));
    if (result.returnCode() == 0) {
      return Optional.empty();
    }
    String log = (result.stdout() + result.stderr()).strip();
    return Optional.of(log.substring(Math.max(0, log.length() - 2000)));
  }

  static ServiceSpec spec(
      String python, String host, @Nullable Integer port, String token, Duration within) {
    HealthCheck health = new HttpHealth("/is_alive", Set.of(200), Map.of("X-API-Key", token));
    ServiceSpec.Builder spec =
        ServiceSpec.command(List.of(python, "-c", MAIN, "{host}", "{port}"))
            .name("swe-rex")
            .host(host)
            .stdin(token + "\n")
            .health(health)
            .startTimeout(within)
            // It waits for running commands, which end with it in any case.
            .stopGrace(Duration.ZERO);
    return (port == null ? spec : spec.port(port)).build();
  }
}
