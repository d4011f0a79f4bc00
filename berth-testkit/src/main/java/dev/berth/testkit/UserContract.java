package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Command;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.UnsupportedRequestException;
import org.junit.jupiter.api.Test;

/** Who runs a command: the user asked for, or a clear refusal. */
public interface UserContract extends ContractSubject {
  @Test
  default void theDefaultUserOwnsWhatItMakes(Sandbox sandbox, RemoteFolder folder)
      throws Exception {
    String user = Shell.text(sandbox, "id -u");

    assertThat(user).matches("[0-9]+");
    assertThat(
            Shell.text(
                sandbox, ": > " + folder.path("mine") + "; stat -c %u " + folder.path("mine")))
        .isEqualTo(user);
  }

  @Test
  default void theDefaultUserCanBeNamedByItsNumber(Sandbox sandbox) throws Exception {
    String user = Shell.text(sandbox, "id -u");

    assertThat(Shell.text(sandbox, Command.of("id", "-u").asUser(user))).isEqualTo(user);
  }

  @Test
  default void rootIsUidZeroOrRefused(Sandbox sandbox) throws Exception {
    for (String root : new String[] {"root", "0"}) {
      Command command = Command.of("id", "-u").asUser(root);

      if (can(Trait.ROOT_USER)) {
        assertThat(Shell.text(sandbox, command)).isEqualTo("0");
      } else {
        refused(sandbox, command);
      }
    }
  }

  @Test
  default void anyNumericUserAndGroupOrARefusal(Sandbox sandbox) throws Exception {
    Command command = Command.shell("id -u; id -g").asUser("12345:23456");

    if (can(Trait.ANY_USER)) {
      assertThat(Shell.text(sandbox, command)).isEqualTo("12345\n23456");
    } else {
      refused(sandbox, command);
    }
  }

  @Test
  default void anUnknownNameIsRefusedByName(Sandbox sandbox) {
    Command command = Command.of("id").asUser("contract-nobody-at-all");

    assertThatExceptionOfType(RequestException.class)
        .isThrownBy(() -> sandbox.exec(command))
        .withMessageContaining("contract-nobody-at-all");
  }

  @Test
  default void aRefusedUserHarmsNobody(Sandbox sandbox) throws Exception {
    assertThatThrownBy(() -> sandbox.exec(Command.of("id").asUser("contract-nobody:at:all")))
        .isInstanceOf(RequestException.class);

    assertThat(sandbox.isRunning()).isTrue();
    assertThat(Shell.text(sandbox, "echo well")).isEqualTo("well");
  }

  private static void refused(Sandbox sandbox, Command command) {
    assertThatThrownBy(() -> sandbox.exec(command))
        .isInstanceOfAny(UnsupportedRequestException.class, RequestException.class)
        .hasMessageContaining(command.user());
  }
}
