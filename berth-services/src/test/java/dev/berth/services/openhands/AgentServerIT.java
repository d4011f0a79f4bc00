package dev.berth.services.openhands;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.berth.RequestException;
import dev.berth.UnsupportedRequestException;
import dev.berth.services.openhands.OpenHandsException.Failure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands, files, git and options with the real agent server in a real sandbox. */
class AgentServerIT {
  private static final Duration LONG = Duration.ofMinutes(2);

  @TempDir static Path mounted;
  private static ApptainerWorkspace workspace;
  private static AgentServer server;

  @BeforeAll
  static void start() throws Exception {
    workspace =
        ApptainerWorkspace.start(
            WorkspaceSpec.builder()
                .sifFile(Path.of(AgentServers.image()))
                .mountDir(mounted)
                .detachLogs(false)
                .build());
    server = workspace.server();
  }

  @AfterAll
  static void end() {
    if (workspace != null) {
      workspace.close();
    }
  }

  @Test
  void commandsHaveTheirOutputsCodesAndFolders() throws Exception {
    CommandResult result =
        server.execute(CommandRequest.of("echo out; echo err >&2; pwd; exit 3").in("/tmp"));
    assertThat(result.exitCode()).isEqualTo(3);
    assertThat(result.stdout()).isEqualTo("out\n/tmp\n");
    assertThat(result.stderr()).isEqualTo("err\n");
    assertThat(result.timeoutOccurred()).isFalse();
    assertThat(server.execute("true").stdout()).isEmpty();
    assertThatThrownBy(() -> CommandRequest.of("true").in("tmp"))
        .isInstanceOf(RequestException.class);
  }

  @Test
  void aCommandThatTakesTooLongIsEnded() throws Exception {
    CommandResult result =
        server.execute(
            CommandRequest.of("echo before; sleep 4321 & sleep 4321")
                .within(Duration.ofSeconds(1)));
    assertThat(result.exitCode()).isEqualTo(-1);
    assertThat(result.timeoutOccurred()).isTrue();
    assertThat(result.stdout()).isEqualTo("before\n");
    assertThat(result.stderr()).endsWith("Command timed out after 1 seconds");
    assertThat(workspace.sandbox().exec("pgrep -f 'sleep 432[1]'").stdout()).isEmpty();
  }

  @Test
  void outputOfMoreThanAHundredEventsArrivesWhole() throws Exception {
    int mebibytes = 104;
    AtomicLong characters = new AtomicLong();
    AtomicLong parts = new AtomicLong();
    long[] last = {-1};
    CommandResult result =
        server.execute(
            CommandRequest.of(
                    "seq -f %015.0f 0 " + (mebibytes * 65_536 - 1) + "; echo done >&2; exit 7")
                .within(LONG)
                .keeping(1 << 20),
            (channel, text) -> {
              if (channel == dev.berth.OutputSink.Channel.STDOUT) {
                characters.addAndGet(text.length());
                parts.incrementAndGet();
                // The order: lines of one length, whose numbers go up.
                long line = Long.parseLong(text.substring(0, text.indexOf('\n')));
                assertThat(line).isGreaterThan(last[0]);
                last[0] = line;
              }
            });
    assertThat(result.exitCode()).isEqualTo(7);
    assertThat(characters.get()).isEqualTo((long) mebibytes << 20);
    assertThat(parts.get()).isGreaterThan(100);
    assertThat(result.truncated()).isTrue();
    assertThat(result.stdout()).hasSize(1 << 20);
    assertThat(result.stderr()).isEqualTo("done\n");
  }

  @Test
  void filesGoInAndOut(@TempDir Path folder) throws Exception {
    byte[] bytes = new byte[3_000_000];
    new java.util.Random(1).nextBytes(bytes);
    Path file = Files.write(folder.resolve("a file"), bytes);
    assertThat(server.upload(file, "/tmp/up/load ü&?.bin", LONG)).isEqualTo(bytes.length);
    Path back = folder.resolve("back");
    assertThat(server.download("/tmp/up/load ü&?.bin", back, 1 << 24, LONG))
        .isEqualTo(bytes.length);
    assertThat(back).hasBinaryContent(bytes);
    server.createDirectory("/tmp/one/two");
    assertThat(workspace.sandbox().exec("test -d /tmp/one/two").returnCode()).isZero();

    AgentServers.assertFailure(
        Failure.NOT_FOUND, () -> server.download("/tmp/none", back, 1 << 24, LONG));
    AgentServers.assertFailure(
        Failure.MALFORMED, () -> server.download("/tmp/up/load ü&?.bin", back, 1000, LONG));
    assertThat(back).as("what was there stays").hasBinaryContent(bytes);
    assertThat(folder).isDirectoryNotContaining("glob:**/.berth-*");
    assertThatThrownBy(() -> server.upload(file, "relative", LONG))
        .isInstanceOf(RequestException.class);
  }

  @Test
  void gitSaysWhatHasChanged() throws Exception {
    CommandResult made =
        server.execute(
            "git init -q repo && cd repo && git config user.email a@b && git config user.name a"
                + " && echo one > kept && echo two > gone && git add . && git commit -qm first"
                + " && echo more >> kept && rm gone && echo new > added");
    assertThat(made.exitCode()).as(made.stderr()).isZero();
    assertThat(server.gitChanges("repo"))
        .containsExactlyInAnyOrder(
            new GitChange(GitChange.Status.UPDATED, "kept"),
            new GitChange(GitChange.Status.DELETED, "gone"),
            new GitChange(GitChange.Status.ADDED, "added"));
    GitDiff diff = server.gitDiff("repo/kept");
    assertThat(diff.original()).isEqualTo("one");
    assertThat(diff.modified()).isEqualTo("one\nmore");
    server.execute("rm -rf repo");
  }

  @Test
  void aPortThatIsTakenSaysSo() {
    int port = workspace.url().getPort();
    WorkspaceSpec taken =
        WorkspaceSpec.builder().sifFile(Path.of(AgentServers.image())).hostPort(port).build();
    assertThatThrownBy(() -> ApptainerWorkspace.start(taken))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("Port " + port + " is not available");
  }

  /** So is a bind whose source goes away after the spec was made. */
  @Test
  void aGpuThatIsNotThereIsSaidBeforeAnImageIsFetched() throws Exception {
    assumeFalse(Files.exists(Path.of("/dev/nvidiactl")), "this machine has an NVIDIA driver");
    List<String> progress = new ArrayList<>();
    WorkspaceSpec.Builder nowhere =
        WorkspaceSpec.builder().serverImage("registry.invalid/no/such:image");
    WorkspaceSpec gpu = nowhere.enableGpu(true).build();
    assertThatThrownBy(() -> ApptainerWorkspace.start(gpu, progress::add))
        .isInstanceOf(UnsupportedRequestException.class)
        .hasMessageContaining("NVIDIA");
    Path gone = Files.createTempFile("berth-bind", "");
    WorkspaceSpec bind =
        nowhere.enableGpu(false).extraBindMounts(List.of(gone + ":/bound")).build();
    Files.delete(gone);
    assertThatThrownBy(() -> ApptainerWorkspace.start(bind, progress::add))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining(gone.toString());
    assertThat(progress).isEmpty();
  }

  @Test
  void optionsTakeEffect(@TempDir Path folder) throws Exception {
    Files.writeString(folder.resolve("bound"), "from the host");
    Path onHost = Files.createTempFile(Path.of("/tmp"), "berth-openhands-", "");
    Path atHome =
        Files.createTempFile(Path.of(System.getProperty("user.home")), "berth-openhands-", "");
    StringBuffer log = new StringBuffer();
    WorkspaceSpec spec =
        WorkspaceSpec.builder()
            .serverImage(AgentServers.image())
            .useFakeroot(false)
            .enableDockerCompat(false)
            .disableMountLocations(List.of("home"))
            .extraBindMounts(List.of(folder + ":/bound:ro"))
            .extraPorts(true)
            .forwardEnv(List.of("BERTH_OPENHANDS_IMAGE"))
            .logs((channel, bytes) -> log.append(StandardCharsets.UTF_8.decode(bytes)))
            .workingDir("/tmp/" + onHost.getFileName() + ".d")
            .build();
    int port;
    try (ApptainerWorkspace other = ApptainerWorkspace.start(spec)) {
      port = other.url().getPort();
      CommandResult seen =
          other
              .server()
              .execute(
                  "id -u; cat /bound/bound; echo; touch /bound/x 2>/dev/null || echo read-only; pwd;"
                      + " ls "
                      + onHost
                      + "; ls "
                      + atHome
                      + " 2>/dev/null || echo no home");
      assertThat(seen.stdout())
          .isEqualTo(
              ownId() + "\nfrom the host\nread-only\n" + onHost + ".d\n" + onHost + "\nno home\n");
      assertThat(Path.of("/tmp/.openhands")).doesNotExist();
      assertThat(other.sandbox().exec("ls -A /sandbox/.openhands").stdout())
          .contains("bash_events");
      assertThat(other.vscodePort()).contains(port + 1);
      assertThat(other.vncPort()).contains(port + 2);
      assertThat(
              other
                  .sandbox()
                  .exec("cat /proc/$(pgrep -f openhands.agent_serve[r])/environ | tr '\\0' '\\n'")
                  .stdout()
                  .lines())
          .contains(
              "OH_VSCODE_PORT=" + (port + 1), "BERTH_OPENHANDS_IMAGE=" + AgentServers.image());
      assertThat(log.toString()).contains("Starting OpenHands Agent Server on 127.0.0.1:" + port);
    } finally {
      Files.deleteIfExists(Path.of(onHost + ".d"));
      Files.delete(onHost);
      Files.delete(atHome);
    }
    assertThat(AgentServers.serversOn(port)).isEmpty();
  }

  private static String ownId() throws IOException {
    return Files.getAttribute(Path.of("/proc/self"), "unix:uid").toString();
  }
}
