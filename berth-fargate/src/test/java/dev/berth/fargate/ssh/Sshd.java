package dev.berth.fargate.ssh;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A real OpenSSH server on this host's loopback, as this user, with keys of its own. It can be
 * killed and started again on the same port.
 */
final class Sshd implements AutoCloseable {
  /** So that a JVM that is killed, as some tests do, leaves no server behind. */
  private static final String WITH_THIS_JVM =
      "exec 3<&0; \"$@\" </dev/null 3<&- & server=$!; cat <&3 >/dev/null; kill -9 $server";

  private final Path folder;
  private final String address;
  private final int port;
  private final List<String> prefix;
  private @Nullable Process process;

  private Sshd(Path folder, String address, int port, List<String> prefix) {
    this.prefix = prefix;
    this.folder = folder;
    this.address = address;
    this.port = port;
  }

  /** One that listens. */
  static Sshd start(Path folder, String... options) throws IOException, InterruptedException {
    Sshd sshd = prepare(folder, "127.0.0.1", freePort(), options);
    sshd.start();
    return sshd;
  }

  /** One that is not started yet. */
  static Sshd prepare(Path folder, String address, int port, String... options)
      throws IOException, InterruptedException {
    return prepare(List.of(), folder, address, port, options);
  }

  /** The same, run by a command that runs it elsewhere. */
  static Sshd prepare(List<String> prefix, Path folder, String address, int port, String... options)
      throws IOException, InterruptedException {
    Files.createDirectories(folder);
    Sshd sshd = new Sshd(folder, address, port, prefix);
    sshd.newHostKey();
    sshd.keygen("user");
    Files.writeString(folder.resolve("banner"), "task-1\n");
    Files.writeString(folder.resolve("log"), "");
    List<String> lines =
        new ArrayList<>(
            List.of(
                "ListenAddress " + address + ":" + port,
                "HostKey " + folder.resolve("host"),
                "AuthorizedKeysFile " + folder.resolve("user.pub"),
                "Banner " + folder.resolve("banner"),
                "PidFile none",
                "UsePAM no",
                "StrictModes no",
                "PermitRootLogin prohibit-password",
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "MaxStartups 500",
                "MaxSessions 500",
                "Subsystem sftp internal-sftp"));
    lines.addAll(List.of(options));
    Files.write(folder.resolve("sshd_config"), lines);
    return sshd;
  }

  static String tool(String name) {
    String given = System.getenv("BERTH_SSHD");
    return Path.of(given == null ? "/opt/berth/sshd/bin" : given).resolve(name).toString();
  }

  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  void start() throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(prefix);
    command.addAll(List.of("sh", "-c", WITH_THIS_JVM, "sh", tool("sshd"), "-D"));
    command.addAll(List.of("-E", folder.resolve("log").toString()));
    command.addAll(List.of("-f", folder.resolve("sshd_config").toString()));
    process =
        new ProcessBuilder(command)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.appendTo(folder.resolve("log").toFile()))
            .start();
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (!listens()) {
      if (System.nanoTime() > deadline) {
        throw new IOException("sshd does not listen: " + log());
      }
      TimeUnit.MILLISECONDS.sleep(2);
    }
  }

  /** Whether the port listens, seen without connecting: a connection would take its time. */
  private boolean listens() throws IOException {
    String wanted = ":%04X 00000000:0000 0A".formatted(port);
    long pid = Objects.requireNonNull(process).pid();
    return Files.readString(Path.of("/proc/" + pid + "/net/tcp")).contains(wanted);
  }

  /** Kills the server and all its sessions. When this returns the port is free. */
  void kill() throws InterruptedException {
    Process last = Objects.requireNonNull(process);
    List<ProcessHandle> all = settled(last);
    last.destroyForcibly();
    all.forEach(ProcessHandle::destroyForcibly);
    last.waitFor();
    for (ProcessHandle each : all) {
      each.onExit().orTimeout(20, TimeUnit.SECONDS).join();
    }
  }

  /** A session that was opened just now forks once more, and what it forks would live on. */
  private static List<ProcessHandle> settled(Process server) throws InterruptedException {
    List<ProcessHandle> before = List.of();
    while (true) {
      List<ProcessHandle> now = server.descendants().sorted().toList();
      if (now.equals(before)) {
        return now;
      }
      before = now;
      TimeUnit.MILLISECONDS.sleep(100);
    }
  }

  /** From its next start on it shows another host key. */
  void newHostKey() throws IOException, InterruptedException {
    keygen("host");
  }

  private void keygen(String name) throws IOException, InterruptedException {
    Files.deleteIfExists(folder.resolve(name));
    Files.deleteIfExists(folder.resolve(name + ".pub"));
    Process run =
        new ProcessBuilder(
                tool("ssh-keygen"),
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                "",
                "-f",
                folder.resolve(name).toString())
            .inheritIO()
            .start();
    if (run.waitFor() != 0) {
      throw new IOException("ssh-keygen failed");
    }
  }

  int port() {
    return port;
  }

  Path folder() {
    return folder;
  }

  String hostKey() throws IOException {
    return Files.readString(folder.resolve("host.pub")).strip();
  }

  String userKey() throws IOException {
    return Files.readString(folder.resolve("user"));
  }

  String log() throws IOException {
    Path file = folder.resolve("log");
    return Files.exists(file) ? Files.readString(file) : "";
  }

  /** A tunnel to it. */
  SshTunnel.Builder tunnel() throws IOException {
    return SshTunnel.to(address)
        .port(port)
        .user(System.getProperty("user.name"))
        .key(userKey())
        .hostKey(hostKey())
        .task("task-1")
        .readyWithin(Duration.ofSeconds(20));
  }

  @Override
  public void close() throws InterruptedException {
    if (process != null) {
      kill();
    }
  }
}
