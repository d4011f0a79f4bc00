package dev.berth.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.berth.CommandFailedException;
import dev.berth.CreateException;
import dev.berth.ExecResult;
import dev.berth.ProcessExit;
import dev.berth.PtyException;
import dev.berth.RequestException;
import dev.berth.SandboxLostException;
import dev.berth.ServiceException;
import dev.berth.TransferException;
import dev.berth.UnsupportedRequestException;
import dev.berth.UnusableException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class FailuresTest {
  @Test
  void exitCodes() {
    assertThat(Failures.exitCode(new RequestException("x"))).isEqualTo(2);
    assertThat(Failures.exitCode(new UnsupportedRequestException(null, null, "x", null)))
        .isEqualTo(125);
    assertThat(Failures.exitCode(new CreateException(null, null, "x", null))).isEqualTo(125);
    assertThat(Failures.exitCode(new UnusableException(null, null, "x", null))).isEqualTo(125);
    assertThat(Failures.exitCode(new SandboxLostException(null, null, "x", null))).isEqualTo(125);
    assertThat(Failures.exitCode(new PtyException(null, null, "x", null))).isEqualTo(125);
    assertThat(Failures.exitCode(new ServiceException(null, null, "x", null, "", null)))
        .isEqualTo(125);
    assertThat(Failures.exitCode(new TransferException(null, null, "x", null))).isEqualTo(1);
  }

  @Test
  void aCommandsOwnCodeIsItsOwn() {
    ProcessExit exit = new ProcessExit(42, null, Duration.ZERO, Duration.ZERO, 0, "");
    ExecResult result = new ExecResult("", "", false, false, exit);
    CommandFailedException failed =
        catchThrowableOfType(CommandFailedException.class, result::orThrow);
    assertThat(Failures.exitCode(failed)).isEqualTo(42);
  }
}
