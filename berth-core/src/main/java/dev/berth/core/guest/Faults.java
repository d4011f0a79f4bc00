package dev.berth.core.guest;

import dev.berth.PtyException;
import dev.berth.RequestException;
import dev.berth.SandboxLostException;
import dev.berth.TransferException;
import org.jspecify.annotations.Nullable;

/** Makes the errors of one sandbox, each with its provider and id. */
record Faults(String provider, String id) {
  SandboxLostException lost(String tried, String why) {
    return new SandboxLostException(
        provider, id, "Tried to " + tried + ", but the sandbox is lost: " + why + ".", null);
  }

  RequestException request(String message) {
    return new RequestException(provider, id, message, null);
  }

  PtyException pty(String message) {
    return new PtyException(provider, id, message, null);
  }

  TransferException transfer(String message, @Nullable Throwable cause) {
    return new TransferException(provider, id, message, cause);
  }
}
