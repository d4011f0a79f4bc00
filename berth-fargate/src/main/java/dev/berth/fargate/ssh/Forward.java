package dev.berth.fargate.ssh;

import dev.berth.RequestException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A port that leads somewhere: one of this host's loopback that leads to an address seen from the
 * task, or one of the task's loopback that leads to an address seen from this host.
 *
 * @param port where it listens; 0 for any that is free
 * @param host the name or address that it leads to, as the other end sees it
 * @param hostPort the port that it leads to
 */
public record Forward(int port, String host, int hostPort) {
  private static final Pattern FORM =
      Pattern.compile("(?:(\\d{1,5}):)?(\\[[0-9a-fA-F:.]+]|[^:\\[\\]\\s]+):(\\d{1,5})");

  /** Checks the ports. */
  public Forward {
    if (port < 0 || port > 65535 || hostPort < 1 || hostPort > 65535 || host.isBlank()) {
      throw wrong(port + ":" + host + ":" + hostPort);
    }
  }

  /** As {@code ssh -L} writes it: {@code PORT:HOST:HOSTPORT}, or {@code HOST:HOSTPORT}. */
  public static Forward parse(String text) {
    Matcher found = FORM.matcher(text);
    if (!found.matches()) {
      throw wrong(text);
    }
    String host = found.group(2);
    String bare = host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
    int port = found.group(1) == null ? 0 : Integer.parseInt(found.group(1));
    return new Forward(port, bare, Integer.parseInt(found.group(3)));
  }

  private static RequestException wrong(String text) {
    return new RequestException(
        "Tried to read '"
            + text
            + "' as a forward; write PORT:HOST:HOSTPORT, with ports from 1 to 65535 (PORT 0: any).");
  }
}
