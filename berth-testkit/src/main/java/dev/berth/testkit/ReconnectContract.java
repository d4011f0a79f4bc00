package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Command;
import dev.berth.Reconnect;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxLostException;
import dev.berth.SandboxProcess;
import dev.berth.spi.SandboxProvider;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * Taking hold of a sandbox from another process. A provider without {@link Trait#RECONNECT} does
 * not have the ability at all.
 */
public interface ReconnectContract extends ContractSubject {
  /** The sandbox's ability; empty, as it must then be, for a provider without the trait. */
  private Optional<Reconnect> reconnect(Sandbox sandbox) {
    Optional<Reconnect> reconnect = sandbox.ability(Reconnect.class);
    assertThat(reconnect.isPresent())
        .as("the ability is there if the provider says so")
        .isEqualTo(can(Trait.RECONNECT));
    return reconnect;
  }

  @Test
  default void anotherProcessSeesTheSameSandbox(Sandbox sandbox, RemoteFolder folder)
      throws Exception {
    Optional<Reconnect> reconnect = reconnect(sandbox);
    if (reconnect.isPresent()) {
      Shell.text(sandbox, "echo first > " + folder.path("state"));
      String line =
          "cat "
              + folder.path("state")
              + "; printenv "
              + SharedSpec.NAME
              + "; echo second > "
              + folder.path("state")
              + "; exit 7";
      try (ChildJvm child =
          ChildJvm.start(this, Map.of(), "exec", reconnect.get().serialize(), line)) {
        assertThat(child.answer()).isEqualTo("7 first\n" + SharedSpec.VALUE + "\n");
        assertThat(child.exitCode()).isZero();
      }

      assertThat(sandbox.isRunning()).as("it belongs to its owner still").isTrue();
      assertThat(Shell.text(sandbox, "cat " + folder.path("state"))).isEqualTo("second");
    }
  }

  @Test
  default void anotherProcessAttachesToABackgroundCommand(Sandbox sandbox) throws Exception {
    Optional<Reconnect> reconnect = reconnect(sandbox);
    if (reconnect.isPresent()) {
      SandboxProcess process =
          sandbox.startBackground(
              Command.shell("echo before; read -r line; echo \"$line\"; exit 8"));
      process.close();
      try (ChildJvm child =
          ChildJvm.start(this, Map.of(), "attach", reconnect.get().serialize(), process.id())) {
        assertThat(child.answer()).isEqualTo("8 before\ngo on\n");
        assertThat(child.exitCode()).isZero();
      }
    }
  }

  @Test
  default void inputGoesOnWhereAnotherHostLeftIt(
      Sandbox sandbox, SandboxProvider provider, RemoteFolder folder) throws Exception {
    Optional<Reconnect> reconnect = reconnect(sandbox);
    if (reconnect.isPresent()) {
      // More than the command's pipe holds, so that the guest still has a part of it.
      byte[] first = new byte[200_000];
      String gate = folder.path("gate");
      SandboxProcess process =
          sandbox.startBackground(
              Command.shell(
                  "until [ -e "
                      + gate
                      + " ]; do sleep 0.05; done; head -c 200000 | wc -c; read -r l; echo \"$l\""));
      process.stdin().write(first);
      process.close();
      try (Sandbox other = provider.connect(reconnect.get().serialize());
          SandboxProcess same = other.attach(process.id(), 0, 0)) {
        same.stdin().write("go on\n".getBytes(StandardCharsets.UTF_8));
        Shell.text(sandbox, "touch " + gate);
        assertThat(new String(same.stdout().readAllBytes(), StandardCharsets.UTF_8).strip())
            .matches("200000\\s+go on");
      }
    }
  }

  @Test
  default void aDescriptorHoldsNoSecret(Sandbox sandbox) {
    reconnect(sandbox)
        .ifPresent(reconnect -> {
          assertThat(reconnect.serialize()).startsWith("{").doesNotContain(SharedSpec.SECRET);
          assertThat(reconnect.serialize()).isEqualTo(reconnect.serialize());
        });
  }

  @Test
  default void aDetachedSandboxOutlivesItsHandleAndItsProvider() throws Exception {
    Mark mark = Mark.fresh();
    String id;
    String descriptor;
    try (SandboxProvider first = open()) {
      Sandbox sandbox = first.create(spec().toBuilder().ttl(Duration.ofMinutes(2)).build());
      Optional<Reconnect> reconnect = reconnect(sandbox);
      if (reconnect.isEmpty()) {
        return;
      }
      id = sandbox.id();
      descriptor = reconnect.get().serialize();
      sandbox.startBackground(mark.loop()).close();
      reconnect.get().detach();
      sandbox.close();
    }
    try (SandboxProvider second = open()) {
      second.reap();
      assertThat(second.list()).anyMatch(summary -> summary.id().equals(id) && !summary.owned());

      Sandbox again = second.connect(descriptor);
      assertThat(again.id()).isEqualTo(id);
      assertThat(again.isRunning()).isTrue();
      assertThat(mark.alive(again)).isPositive();
      again.stop();
      assertThat(leftovers(id)).isEmpty();
      mark.awaitGoneOnHost(Duration.ofSeconds(10));
      assertThatExceptionOfType(SandboxLostException.class)
          .isThrownBy(() -> second.connect(descriptor));
    }
  }

  @Test
  default void connectingToWhatIsGoneSaysSo(SandboxProvider provider) throws Exception {
    Sandbox sandbox = provider.create(spec());
    Optional<Reconnect> reconnect = reconnect(sandbox);
    String descriptor = reconnect.map(Reconnect::serialize).orElse("{}");
    sandbox.stop();

    if (reconnect.isPresent()) {
      assertThatExceptionOfType(SandboxLostException.class)
          .isThrownBy(() -> provider.connect(descriptor));
    } else {
      assertThatThrownBy(() -> provider.connect(descriptor))
          .isInstanceOf(dev.berth.SandboxException.class);
    }
  }

  @Test
  default void whatIsNoDescriptorIsRefused(SandboxProvider provider) {
    for (String descriptor : List.of("", "no json", "{}", "[1]", "{\"id\": \"../../x\"}")) {
      assertThatThrownBy(() -> provider.connect(descriptor))
          .as("connect to '%s'", descriptor)
          .isInstanceOfAny(
              RequestException.class,
              SandboxLostException.class,
              dev.berth.UnsupportedRequestException.class);
    }
  }
}
