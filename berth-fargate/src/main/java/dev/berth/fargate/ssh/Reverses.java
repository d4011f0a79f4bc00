package dev.berth.fargate.ssh;

import dev.berth.RequestException;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The ports of a task that lead out, over one connection after the other. A port that was given out
 * once stays the same: if the server still holds it for a session of ours that was cut, that
 * session's process is ended. Opened by one thread at a time, asked by any.
 */
final class Reverses {
  private static final Duration HELD_AT_MOST = Duration.ofSeconds(15);
  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);
  private static final long PAUSE_MILLIS = 200;

  /** The server's process for this session, and its start: the number alone could be reused. */
  private static final String WHO = "set -- $(cat /proc/$PPID/stat) && echo $PPID ${22}";

  private static final Pattern PROCESS = Pattern.compile("(\\d{1,10}) (\\d{1,20})\\s*");

  private final Map<Target, Integer> preferred = new LinkedHashMap<>();
  private final Map<Target, Integer> ports = new ConcurrentHashMap<>();
  private @Nullable String endStale;

  private record Target(String host, int port) {
    static Target of(Forward forward) {
      return new Target(forward.host(), forward.hostPort());
    }
  }

  Reverses(List<Forward> wanted) {
    for (Forward each : wanted) {
      int port = each.port() == 0 ? each.hostPort() : each.port();
      preferred.putIfAbsent(Target.of(each), port);
    }
  }

  /** The port that leads to this one's target. */
  int port(Forward reverse) {
    Integer known = ports.get(Target.of(reverse));
    if (known == null) {
      throw new RequestException(
          "Tried to find the task's port for " + reverse + "; it is not open.");
    }
    return known;
  }

  /** Opens all of them on this connection. */
  void open(SshConnection on) throws IOException, InterruptedException {
    for (var each : preferred.entrySet()) {
      Integer known = ports.get(each.getKey());
      if (known == null) {
        ports.put(each.getKey(), choose(on, each.getKey(), each.getValue()));
      } else {
        reclaim(on, each.getKey(), known);
      }
    }
    if (!preferred.isEmpty()) {
      endStale = howToEnd(on);
    }
  }

  private static int choose(SshConnection on, Target target, int port)
      throws IOException, InterruptedException {
    try {
      return on.reverse(port, target.host(), target.port());
    } catch (IOException e) {
      if (!on.isOpen()) {
        throw e;
      }
      return on.reverse(0, target.host(), target.port());
    }
  }

  private void reclaim(SshConnection on, Target target, int port)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + HELD_AT_MOST.toNanos();
    while (true) {
      try {
        on.reverse(port, target.host(), target.port());
        return;
      } catch (IOException e) {
        if (!on.isOpen() || System.nanoTime() - deadline > 0) {
          throw new IOException("the task's port " + port + " is held by somebody else", e);
        }
      }
      String command = endStale;
      if (command != null) {
        endStale = null;
        on.run(command, new byte[0], ANSWER_WITHIN);
      }
      Thread.sleep(PAUSE_MILLIS);
    }
  }

  /**
   * The command that ends this session's process on the server, should the session be cut; null
   * where there is no shell to tell: then the server's own keepalive has to notice.
   */
  private static @Nullable String howToEnd(SshConnection on)
      throws IOException, InterruptedException {
    SshConnection.Said said = on.run(WHO, new byte[0], ANSWER_WITHIN);
    Matcher process = PROCESS.matcher(said.text());
    return said.code() == 0 && process.matches()
        ? "set -- $(cat /proc/%1$s/stat) && [ \"${22}\" = %2$s ] && kill -9 %1$s"
            .formatted(process.group(1), process.group(2))
        : null;
  }
}
