package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Command;
import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.state.StateHome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may do what, and who sees what, in a task and beside it. */
@Tag("rig")
@Tag("root")
@ExtendWith({RigExtension.class, NothingLeft.class})
@Timeout(120)
class FargateTrustIT {
  private static final String SECRET = "s3cret-of-the-spec";

  /**
   * Another process of the task at the guest's port: says HELLO without a proof, with one made up,
   * and with the guest's own; after each it asks for the list of commands. It prints the type of
   * each frame that it gets, and the code of a FAULT.
   */
  private static final String INTRUDER =
      """
      import os, socket, struct
      def frame(kind, payload): return struct.pack('>IB', len(payload) + 1, kind) + payload
      def hello(proof): return frame(1, b'BRTH' + struct.pack('>HI', 2, len(proof)) + proof)
      def exactly(s, n):
          got = b''
          while len(got) < n:
              more = s.recv(n - len(got))
              if not more: return b''
              got += more
          return got
      def frames(s):
          while True:
              head = exactly(s, 5)
              if not head: return
              size, kind = struct.unpack('>IB', head)
              yield kind, exactly(s, size - 1)
      def attempt(name, knock, proof):
          s = socket.create_connection(('127.0.0.1', 19542), 10); s.settimeout(20)
          said = []
          try:
              it = frames(s)
              if knock:
                  s.sendall(frame(0x12, os.urandom(32)))
                  kind, body = next(it)
                  said.append('%x' % kind)
                  proof = body[32:] if proof is None else proof
              s.sendall(hello(proof) + frame(0x0B, b''))
              for kind, body in it:
                  said.append('%x%s' % (kind, ':%d' % body[0] if kind == 0x8f else ''))
          except ConnectionError:
              pass
          print(name, *said)
      attempt('bare', False, b'')
      attempt('guessed', True, os.urandom(32))
      attempt('echoed', True, None)
      for path in ('/proc/1/mem', '/proc/1/environ', '/berth/token'):
          try:
              open(path, 'rb').read(1); print(path, 'was read')
          except OSError as e:
              print(path, 'refused')
      """;

  private static FargateRig rig;

  @BeforeAll
  static void open() {
    rig = RigExtension.rig();
  }

  @Test
  void anotherHostCannotPoseAsTheSidecar() {
    String other =
        rig.secret(
            "other-host-key",
            rig.privateKey()
                + "ssh-ed25519"
                + " AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n");
    SshSidecarConfig sidecar = FargateRig.sidecar().withExecServerPort(19542);
    assertThat(
            Failures.of(
                FargateRig.place()
                    .sshSidecar(sidecar.withSecrets(sidecar.publicKeySecretArn(), other))
                    .build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("host key");
  }

  @Test
  void aPrivateKeySecretWithoutAHostKeyIsRefused() {
    String bare = rig.secret("bare-key", rig.privateKey());
    SshSidecarConfig sidecar = FargateRig.sidecar().withExecServerPort(19542);
    assertThat(
            Failures.of(
                FargateRig.place()
                    .sshSidecar(sidecar.withSecrets(sidecar.publicKeySecretArn(), bare))
                    .build()))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("public half of the host key")
        .hasMessageNotContaining("BEGIN");
    assertThat(rig.faults().count("RunTask")).isZero();
  }

  /** Root in the main container can end the guest, but neither use nor look into it. */
  @ParameterizedTest
  @ValueSource(strings = {"0", "65534"})
  void anotherProcessOfTheTaskCannotUseTheGuest(String user) throws Exception {
    try (FargateProvider provider = new FargateProvider(FargateRig.execServer().build());
        Sandbox sandbox = provider.create(FargateRig.SPEC)) {
      assertThat(sandbox.exec(Command.of("python3", "-c", INTRUDER).asUser(user)).stdout())
          .isEqualTo(
              """
              bare 8f:2
              guessed 8d 8f:2
              echoed 8d 8f:2
              /proc/1/mem refused
              /proc/1/environ refused
              /berth/token refused
              """);
      assertThat(sandbox.exec("echo still").stdout()).isEqualTo("still\n");
    }
  }

  /** Every command line that this host sees while it runs, those in the containers among them. */
  private static final class Witness implements AutoCloseable {
    private final Set<String> lines = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean over = new AtomicBoolean();
    private final Thread thread =
        Thread.ofPlatform()
            .daemon()
            .start(() -> {
              while (!over.get()) {
                try {
                  lines.addAll(Processes.lines());
                } catch (java.io.IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              }
            });

    @Override
    public void close() throws InterruptedException {
      over.set(true);
      thread.join();
    }
  }

  @Test
  void noSecretIsWhereOthersCanReadIt() throws Exception {
    SandboxSpec spec = FargateRig.SPEC.toBuilder().env("TOKEN", SECRET).build();
    FargateConfig config = FargateRig.execServer().logGroup(FargateRig.LOG_GROUP).build();
    String key = rig.privateKey().lines().skip(1).findFirst().orElseThrow();
    Witness witness = new Witness();
    try (witness;
        FargateProvider provider = new FargateProvider(config);
        Sandbox sandbox = provider.create(spec)) {
      assertThat(sandbox.exec("echo $TOKEN").stdout()).isEqualTo(SECRET + "\n");
      RigTask task = rig.task(sandbox);
      String token =
          rig.podman()
              .run(
                  "exec",
                  task.container(TaskDefinitions.SIDECAR).container(),
                  "cat",
                  "/run/berth/token");
      assertThat(token).hasSizeGreaterThan(40);
      String[] secrets = {SECRET, token, key, "PRIVATE KEY"};

      assertThat(rig.proxy().bodies()).isNotEmpty();
      assertThat(String.join("\n", rig.proxy().bodies())).as("calls").doesNotContain(secrets);
      assertThat(sandbox.exec("cat /proc/*/cmdline; env -u TOKEN cat /proc/self/environ").stdout())
          .as("in the task")
          .doesNotContain(secrets);
      assertThat(sandbox.exec("ls -A /berth").stdout()).isEqualTo("guest\n");
      for (RigContainer container : task.containers()) {
        assertThat(container.log()).as("logs").doesNotContain(secrets);
      }
      witness.close();
      assertThat(witness.lines).anyMatch(line -> line.contains("serve --tcp"));
      assertThat(String.join("\n", witness.lines)).as("command lines").doesNotContain(secrets);
      assertThat(storedBy(sandbox)).as("files").doesNotContain(token, key, "PRIVATE KEY");
      assertThat(sandbox.toString() + sandbox.spec() + config).doesNotContain(secrets);
    }
  }

  private static String storedBy(Sandbox sandbox) throws Exception {
    Path folder = StateHome.ofEnvironment().find(sandbox.id()).orElseThrow().path();
    StringBuilder text = new StringBuilder();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        text.append(Files.readString(file));
      }
    }
    return text.toString();
  }
}
