package dev.berth.cli;

import dev.berth.CommandFailedException;
import dev.berth.CreateException;
import dev.berth.ProcessExit;
import dev.berth.PtyException;
import dev.berth.RequestException;
import dev.berth.SandboxException;
import dev.berth.SandboxLostException;
import dev.berth.ServiceException;
import dev.berth.TransferException;
import dev.berth.UnsupportedRequestException;

/** What a failure means for a script: its exit code. */
final class Failures {
  /** Wrong usage, picocli's code for it too. */
  static final int USAGE = 2;

  /** The work was done and its result is bad: a check failed, a file could not be copied. */
  static final int FAILED = 1;

  /** The sandbox failed, so that there is no result of the command. */
  static final int SANDBOX = ProcessExit.NO_RESULT;

  private Failures() {}

  static int exitCode(SandboxException failure) {
    return switch (failure) {
      case RequestException wrong -> USAGE;
      case UnsupportedRequestException cannot -> SANDBOX;
      case CreateException notUp -> SANDBOX;
      case SandboxLostException lost -> SANDBOX;
      case PtyException noTerminal -> SANDBOX;
      case ServiceException notServing -> SANDBOX;
      case TransferException notCopied -> FAILED;
      case CommandFailedException failed -> failed.result().returnCode();
    };
  }
}
