package dev.berth.services;

import dev.berth.Command;
import dev.berth.OutputSink;
import dev.berth.RequestException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * A server to host in a sandbox: what to run, where it listens, when it is well, what is kept of
 * its log. Immutable; one spec may start many services.
 *
 * <pre>{@code
 * ServiceSpec spec =
 *     ServiceSpec.command("python3", "-m", "http.server", "--bind", "{host}", "{port}")
 *         .health(HealthCheck.http("/"))
 *         .build();
 * }</pre>
 *
 * In arguments and in the values of variables, <code>{port}</code> and <code>{host}</code> stand
 * for the port and the address that the server is to listen on.
 */
public final class ServiceSpec {
  /** How much of the log is kept unless the spec says otherwise: 1 MiB. */
  public static final int DEFAULT_LOG_LIMIT = 1 << 20;

  private static final String RUNSCRIPT = "/.singularity.d/runscript";
  private static final int MOST_LOG = 64 << 20;
  private static final int MOST_PORTS = 16;

  final IntFunction<List<String>> command;
  final String name;
  final @Nullable Integer port;
  final int ports;
  final boolean exclusive;
  final String host;
  final Map<String, String> env;
  final Set<String> secrets;
  final Set<String> forwarded;
  final byte @Nullable [] stdin;
  final @Nullable String directory;
  final @Nullable String user;
  final HealthCheck health;
  final @Nullable HealthCheck readiness;
  final Duration startTimeout;
  final Duration stopGrace;
  final int maxRestarts;
  final int logLimit;
  final OutputSink logSink;

  private ServiceSpec(Builder from) {
    command = from.command;
    name = from.name;
    port = from.port;
    ports = from.ports;
    exclusive = from.exclusive;
    host = from.host;
    env = Collections.unmodifiableMap(new LinkedHashMap<>(from.env));
    secrets = Set.copyOf(from.secrets);
    forwarded = Collections.unmodifiableSet(new LinkedHashSet<>(from.forwarded));
    stdin = from.stdin;
    directory = from.directory;
    user = from.user;
    health = from.health;
    readiness = from.readiness;
    startTimeout = from.startTimeout;
    stopGrace = from.stopGrace;
    maxRestarts = from.maxRestarts;
    logLimit = from.logLimit;
    logSink = from.logSink;
    check();
  }

  private void check() {
    if (port != null && (port < 1 || port + ports - 1 > 65_535)) {
      throw new RequestException(
          "Tried to serve on port " + port + "; ports are 1 to 65535, all that are asked for.");
    }
    if (ports < 1 || ports > MOST_PORTS) {
      throw new RequestException(
          "Tried to reserve " + ports + " ports in a row; it must be 1 to " + MOST_PORTS + ".");
    }
    Address.of(host);
    if (startTimeout.isNegative() || startTimeout.isZero()) {
      throw new RequestException(
          "Tried to set the start timeout to " + startTimeout + "; it must be above zero.");
    }
    if (maxRestarts < 0) {
      throw new RequestException(
          "Tried to allow " + maxRestarts + " restarts; it must be 0 or more.");
    }
    if (logLimit < 1024 || logLimit > MOST_LOG) {
      throw new RequestException(
          "Tried to keep " + logLimit + " bytes of log; it must be 1 KiB to 64 MiB.");
    }
    // What no command can be given is refused now, and not when the server is to start.
    Map<String, String> variables = new LinkedHashMap<>(env);
    forwarded.forEach(each -> variables.putIfAbsent(each, ""));
    where(Command.of("server").withEnv(variables));
  }

  /**
   * Does nothing if the ports that it asks for, or as many free ones, can be had at its address on
   * this host: for those who have much to do before they start it. Whoever takes them meanwhile is
   * noticed when it starts.
   *
   * @throws RequestException if they cannot
   */
  public void requirePorts() {
    Address address = Address.of(host);
    (port == null ? Reservation.any(address, ports) : Reservation.of(address, port, ports)).close();
  }

  /** A program and its arguments. */
  public static Builder command(String program, String... arguments) {
    List<String> all = new ArrayList<>(List.of(program));
    all.addAll(List.of(arguments));
    return command(all);
  }

  /** The same from a list. */
  public static Builder command(List<String> arguments) {
    List<String> all = List.copyOf(arguments);
    return command(port -> all);
  }

  /** The same from a function of the port. */
  public static Builder command(IntFunction<List<String>> arguments) {
    return new Builder(arguments);
  }

  /** The image's own runscript with these arguments, as {@code apptainer run} starts it. */
  public static Builder runscript(String... arguments) {
    return command(RUNSCRIPT, arguments).name("runscript");
  }

  /** The command for this address, with no time limit. Its variables are those of the spec. */
  Command command(Address address, int atPort) {
    List<String> arguments = new ArrayList<>();
    for (String argument : command.apply(atPort)) {
      String filled = fill(argument, address, atPort);
      for (String secret : secrets) {
        if (shows(filled, env.getOrDefault(secret, ""))) {
          throw new RequestException(
              "Tried to start "
                  + name
                  + " with the secret "
                  + secret
                  + " among its arguments, where every user of the host sees it; let the server read"
                  + " it from its environment or its input.");
        }
      }
      arguments.add(filled);
    }
    Command made = where(Command.of(arguments).withTimeout(Command.FOREVER));
    return stdin == null ? made : made.withStdin(stdin);
  }

  private Command where(Command command) {
    Command made = command.withGrace(stopGrace);
    made = directory == null ? made : made.inDirectory(directory);
    return user == null ? made : made.asUser(user);
  }

  /**
   * The variables for this address: the forwarded ones that {@code outside} has, then the spec's.
   */
  Map<String, String> variables(Map<String, String> outside, Address address, int atPort) {
    Map<String, String> all = new LinkedHashMap<>();
    for (String each : forwarded) {
      String value = outside.get(each);
      if (value != null) {
        all.put(each, value);
      }
    }
    env.forEach(
        (key, value) -> all.put(key, secrets.contains(key) ? value : fill(value, address, atPort)));
    return all;
  }

  /** The values that must not show: secrets, and what may be some: forwarded ones and the input. */
  List<String> secretsAmong(Map<String, String> variables) {
    List<String> values = new ArrayList<>();
    variables.forEach((key, value) -> {
      if (secrets.contains(key) || forwarded.contains(key)) {
        values.add(value);
      }
    });
    if (stdin != null) {
      values.add(new String(stdin, StandardCharsets.UTF_8).strip());
    }
    return values;
  }

  /** A short secret stands in too many innocent arguments. */
  private static boolean shows(String argument, String secret) {
    return secret.length() < ServiceLog.SHORTEST_SECRET
        ? !secret.isEmpty() && argument.equals(secret)
        : argument.contains(secret);
  }

  private static String fill(String text, Address address, int port) {
    return text.replace("{port}", Integer.toString(port)).replace("{host}", address.text());
  }

  /** The server's name alone: arguments and variables may be secret. */
  @Override
  public String toString() {
    return "ServiceSpec[" + name + "]";
  }

  /** Collects the parts of a spec. Not thread-safe. */
  public static final class Builder {
    private final IntFunction<List<String>> command;
    private String name = "the server";
    private @Nullable Integer port;
    private int ports = 1;
    private boolean exclusive;
    private String host = "127.0.0.1";
    private final Map<String, String> env = new LinkedHashMap<>();
    private final Set<String> secrets = new LinkedHashSet<>();
    private final Set<String> forwarded = new LinkedHashSet<>();
    private byte @Nullable [] stdin;
    private @Nullable String directory;
    private @Nullable String user;
    private HealthCheck health = HealthCheck.tcp();
    private @Nullable HealthCheck readiness;
    private Duration startTimeout = Duration.ofMinutes(1);
    private Duration stopGrace = Duration.ofSeconds(5);
    private int maxRestarts = 5;
    private int logLimit = DEFAULT_LOG_LIMIT;
    private OutputSink logSink = OutputSink.NONE;

    private Builder(IntFunction<List<String>> command) {
      this.command = command;
    }

    /** What messages call the server. */
    public Builder name(String name) {
      this.name = name;
      return this;
    }

    /**
     * The port it listens on, instead of a free one. A sandbox without the host's network must
     * declare it ({@link dev.berth.SandboxSpec#ports()}); without this, one of its declared ports
     * is taken.
     */
    public Builder port(int port) {
      this.port = port;
      return this;
    }

    /** How many ports in a row it uses, from its port on: all are reserved. 1 without this. */
    public Builder consecutivePorts(int count) {
      this.ports = count;
      return this;
    }

    /**
     * The server listens without SO_REUSEADDR, so that it cannot take a port that is reserved for
     * it: the reservation is let go just before it starts. Few servers need this.
     */
    public Builder exclusivePort() {
      this.exclusive = true;
      return this;
    }

    /** The address it listens on, an IP address; loopback without this. */
    public Builder host(String host) {
      this.host = host;
      return this;
    }

    /** One more variable of its environment. */
    public Builder env(String name, String value) {
      env.put(name, value);
      return this;
    }

    /** More variables of its environment. */
    public Builder env(Map<String, String> variables) {
      env.putAll(variables);
      return this;
    }

    /**
     * One more variable, which is a secret: placeholders in it are left alone, it is refused among
     * the arguments, and left out of {@link Service#log()} and of failures. The log sink gets what
     * the server prints as it is.
     */
    public Builder secretEnv(String name, String value) {
      env.put(name, value);
      secrets.add(name);
      return this;
    }

    /** Variables of this process that the server gets too; those that are not set are left out. */
    public Builder forwardEnv(String... names) {
      forwarded.addAll(List.of(names));
      return this;
    }

    /** What it reads on its standard input, which then ends; without this it is empty. */
    public Builder stdin(String text) {
      this.stdin = text.getBytes(StandardCharsets.UTF_8);
      return this;
    }

    /** Its working directory, absolute; the sandbox's without this. */
    public Builder directory(String directory) {
      this.directory = directory;
      return this;
    }

    /** Who runs it; the sandbox's user without this. */
    public Builder user(String user) {
      this.user = user;
      return this;
    }

    /** When it is well; when it accepts connections, without this. */
    public Builder health(HealthCheck health) {
      this.health = health;
      return this;
    }

    /** When, once well, it is ready for its first call. */
    public Builder readiness(HealthCheck readiness) {
      this.readiness = readiness;
      return this;
    }

    /** How long it may take until it is well and ready: one minute without this. */
    public Builder startTimeout(Duration timeout) {
      this.startTimeout = timeout;
      return this;
    }

    /** How long it has between SIGTERM and SIGKILL when it is stopped: 5 s without this. */
    public Builder stopGrace(Duration grace) {
      this.stopGrace = grace;
      return this;
    }

    /** How often it may be restarted: 5 times without this. */
    public Builder maxRestarts(int count) {
      this.maxRestarts = count;
      return this;
    }

    /** How many bytes of the end of its log are kept: 1 MiB without this. */
    public Builder logLimit(int bytes) {
      this.logLimit = bytes;
      return this;
    }

    /**
     * Gets its log as it comes, besides what is kept. A slow sink slows the server down; one that
     * throws is dropped, which the log then says.
     */
    public Builder logSink(OutputSink sink) {
      this.logSink = sink;
      return this;
    }

    /**
     * The spec.
     *
     * @throws RequestException if a part is out of its range
     */
    public ServiceSpec build() {
      return new ServiceSpec(this);
    }
  }
}
