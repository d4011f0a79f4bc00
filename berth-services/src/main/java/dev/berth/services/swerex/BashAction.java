package dev.berth.services.swerex;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A command for a session's shell.
 *
 * @param timeout how long it may take; absent for as long as it likes
 * @param interactiveCommand starts a program that goes on reading the session's input: the action
 *     ends when one of {@code expect} appears
 * @param interactiveQuit ends such a program, and waits for the shell itself
 * @param errorMessage put before the message of {@link Failure#NON_ZERO_EXIT_CODE}
 * @param expect regular expressions, as in swe-rex: the action ends when the output matches one of
 *     them, with the output before the match. Escape what is meant literally: {@code >>> } needs
 *     nothing, {@code name\? } does. With one of them use {@link Check#IGNORE}, or the exit code is
 *     asked for while the program still reads
 */
public record BashAction(
    String command,
    String session,
    @Nullable Duration timeout,
    boolean interactiveCommand,
    boolean interactiveQuit,
    Check check,
    String errorMessage,
    List<String> expect) {
  public BashAction {
    expect = List.copyOf(expect);
  }

  /** A plain command in the default session. */
  public static BashAction of(String command) {
    return new BashAction(
        command, SessionRequest.DEFAULT, null, false, false, Check.SILENT, "", List.of());
  }

  /** The same in this session. */
  public BashAction in(String name) {
    return new BashAction(
        command, name, timeout, interactiveCommand, interactiveQuit, check, errorMessage, expect);
  }

  /** The same with a timeout. */
  public BashAction within(Duration limit) {
    return new BashAction(
        command, session, limit, interactiveCommand, interactiveQuit, check, errorMessage, expect);
  }

  /** The same with another check of the exit code. */
  public BashAction checking(Check what) {
    return new BashAction(
        command, session, timeout, interactiveCommand, interactiveQuit, what, errorMessage, expect);
  }

  /** The same, ending at any of these strings too. */
  public BashAction expecting(String... strings) {
    return new BashAction(
        command,
        session,
        timeout,
        interactiveCommand,
        interactiveQuit,
        check,
        errorMessage,
        List.of(strings));
  }

  /** The same as the start of an interactive program. */
  public BashAction interactive() {
    return new BashAction(command, session, timeout, true, false, check, errorMessage, expect);
  }

  /** The same as the end of an interactive program. */
  public BashAction quitting() {
    return new BashAction(command, session, timeout, false, true, check, errorMessage, expect);
  }
}
