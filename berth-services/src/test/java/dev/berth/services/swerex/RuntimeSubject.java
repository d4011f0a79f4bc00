package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A {@link Runtime} under test, and what its tests share. The image has bash, coreutils and {@code
 * python3}.
 */
@Timeout(120)
abstract class RuntimeSubject {
  private static final AtomicInteger COUNT = new AtomicInteger();
  static final Duration SOON = Duration.ofSeconds(15);

  @TempDir Path host;
  final String session = "s" + COUNT.incrementAndGet();
  final String folder = "/tmp/contract-" + COUNT.incrementAndGet();
  private boolean opened;

  /** The runtime, the same for all tests of the class. */
  abstract Runtime runtime();

  /** What it is known to do otherwise. */
  Set<KnownDeviation> deviations() {
    return Set.of();
  }

  boolean deviates(KnownDeviation deviation) {
    return deviations().contains(deviation);
  }

  @AfterEach
  void end() throws Exception {
    if (!opened) {
      return;
    }
    try {
      runtime().closeSession(session);
    } catch (SwerexException e) {
      assertThat(e.failure()).isEqualTo(Failure.SESSION_DOES_NOT_EXIST);
    }
  }

  /** An action in this test's session, which is opened when it is first needed. */
  BashAction action(String command) throws Exception {
    if (!opened) {
      opened = true;
      runtime().createSession(new SessionRequest(session, List.of(), SOON));
    }
    return BashAction.of(command).in(session).within(SOON);
  }

  Observation run(String command) throws Exception {
    return runtime().runInSession(action(command));
  }

  String output(String command) throws Exception {
    return run(command).output();
  }

  void assertRuns(String command, String output, int exitCode) throws Exception {
    Observation seen = run(command);
    assertThat(seen.output()).isEqualTo(output);
    assertThat(seen.exitCode()).isEqualTo(exitCode);
    assertThat(seen.failureReason()).isEmpty();
    assertThat(seen.expectString()).isEmpty();
  }

  static SwerexException fails(Failure failure, ThrowingCallable call) {
    SwerexException e = catchThrowableOfType(SwerexException.class, call);
    assertThat(e).as("a failure of the kind " + failure).isNotNull();
    assertThat(e.failure()).as(e.getMessage()).isEqualTo(failure);
    return e;
  }
}
