package dev.berth.fargate.ssh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.berth.Command;
import dev.berth.ExecResult;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.guest.Defaults;
import dev.berth.core.guest.GuestSandbox;
import dev.berth.core.guest.Probe;
import dev.berth.core.process.GuestBinary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest and its sshd in a network namespace of their own, behind a router that can stop
 * forwarding: then packets are lost, and nobody is told.
 */
@Tag("rig")
@Tag("root")
@DisabledIfEnvironmentVariable(
    named = "BERTH_FARGATE",
    matches = "none",
    disabledReason = "this machine lets root make no network namespaces, see setup/fargate.sh")
@Timeout(150)
class NetworkCutIT {
  private static final String USER = "berth-tester";
  private static final int SSHD = 2222;
  private static final int GUEST = 19542;
  private static final int LINES = 420;

  @TempDir Path folder;
  private final String name = "bt" + ProcessHandle.current().pid();
  private final String net = "10.213." + ProcessHandle.current().pid() % 120 * 2;
  private final List<Process> processes = new ArrayList<>();
  private Sshd sshd;

  private String router() {
    return name + "r";
  }

  private String task() {
    return name + "t";
  }

  private static void run(String line) throws IOException, InterruptedException {
    Process process = new ProcessBuilder("sh", "-ec", line).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes());
    assertThat(process.waitFor()).as("%s: %s", line, said).isZero();
  }

  private List<String> inTask() {
    return List.of(
        "ip",
        "netns",
        "exec",
        task(),
        "setpriv",
        "--reuid",
        USER,
        "--regid",
        USER,
        "--init-groups");
  }

  @BeforeEach
  void start() throws Exception {
    run(
        """
        ip netns add %1$s; ip netns add %2$s
        ip link add %3$sh type veth peer name host netns %1$s
        ip -n %1$s link add task type veth peer name eth0 netns %2$s
        ip addr add %4$s.1/30 dev %3$sh; ip link set %3$sh up
        ip -n %1$s addr add %4$s.2/30 dev host; ip -n %1$s link set host up
        ip -n %1$s addr add %4$s.5/30 dev task; ip -n %1$s link set task up
        ip -n %2$s addr add %4$s.6/30 dev eth0; ip -n %2$s link set eth0 up
        ip -n %2$s link set lo up; ip -n %2$s route add default via %4$s.5
        ip route add %4$s.4/30 via %4$s.2
        """
            .formatted(router(), task(), name, net));
    forward(true);
    sshd = Sshd.prepare(inTask(), folder.resolve("sshd"), net + ".6", SSHD);
    Files.createDirectory(folder.resolve("work"));
    run(
        "chmod 711 "
            + folder
            + "; chown -R "
            + USER
            + " "
            + folder.resolve("sshd")
            + " "
            + folder.resolve("work"));
    sshd.start();
  }

  /** Without it the router drops what comes, silently. */
  private void forward(boolean on) throws IOException, InterruptedException {
    run(
        "ip netns exec %s sh -c 'echo %d >/proc/sys/net/ipv4/ip_forward'"
            .formatted(router(), on ? 1 : 0));
  }

  @AfterEach
  void stop() throws Exception {
    processes.forEach(Process::destroyForcibly);
    if (sshd != null) {
      sshd.close();
    }
    run("ip netns del %s; ip netns del %s".formatted(router(), task()));
    run("ip link del %sh 2>/dev/null || :".formatted(name));
  }

  private void launch(Path token) throws IOException {
    Path program = folder.resolve("sshd").resolve("guest");
    List<String> command = new ArrayList<>(inTask());
    command.addAll(List.of(program.toString(), "serve", "--tcp", "127.0.0.1:" + GUEST));
    command.addAll(List.of("--token-file", token.toString(), "--lease", "120000"));
    command.addAll(List.of("--cwd", folder.resolve("work").toString()));
    processes.add(new ProcessBuilder(command).redirectErrorStream(true).start());
  }

  @Test
  void cutsOf3AndOf30SecondsLoseNothing() throws Exception {
    try (SshTunnel tunnel = sshd.tunnel().user(USER).build()) {
      tunnel.open();
      Path volume = folder.resolve("sshd");
      byte[] token =
          Sidecar.prepare(
              tunnel,
              volume.resolve("own").toString(),
              volume.toString(),
              GuestBinary.program(GuestBinary.architecture()),
              Sidecar.newToken());
      launch(volume.resolve("token"));
      try (Sandbox sandbox =
          GuestSandbox.create(
              new GuestHostOf(tunnel.link(GUEST, token)),
              SandboxSpec.builder().build(),
              Defaults.NONE,
              Probe.NONE,
              Duration.ofSeconds(30))) {
        FutureTask<ExecResult> call =
            new FutureTask<>(() ->
                sandbox.exec(
                    Command.shell(
                            "echo run >>runs; i=0; while [ $i -lt "
                                + LINES
                                + " ]; do echo $i; i=$((i+1)); sleep 0.1; done; exit 7")
                        .withTimeout(Duration.ofMinutes(2))));
        Thread.ofVirtual().start(call);
        await().until(() -> sandbox.exec("cat runs").stdout().equals("run\n"));
        SshConnection before = tunnel.connection(Duration.ofSeconds(5));

        forward(false);
        TimeUnit.SECONDS.sleep(3); // The cut itself, not a wait for anything.
        forward(true);
        assertThat(sandbox.exec("echo after 3").stdout()).isEqualTo("after 3\n");
        assertThat(tunnel.connection(Duration.ofSeconds(5)))
            .as("the same session went on")
            .isSameAs(before);

        long began = System.nanoTime();
        forward(false);
        await().atMost(Duration.ofSeconds(10)).until(() -> !tunnel.isOpen());
        long left = Duration.ofSeconds(30).toNanos() - (System.nanoTime() - began);
        TimeUnit.NANOSECONDS.sleep(left); // The cut itself, not a wait for anything.
        forward(true);
        assertThat(sandbox.exec("echo after 30").stdout()).isEqualTo("after 30\n");

        ExecResult result = call.get(60, TimeUnit.SECONDS);
        assertThat(result.returnCode()).as("%s", result).isEqualTo(7);
        assertThat(result.stdout())
            .isEqualTo(
                IntStream.range(0, LINES).mapToObj(i -> i + "\n").collect(Collectors.joining()));
        assertThat(sandbox.exec("cat runs").stdout()).isEqualTo("run\n");
      }
    }
  }
}
