package dev.berth.core.guest;

import java.io.IOException;

/** The guest broke the protocol. Its message says how; the connection is of no more use. */
final class ProtocolException extends IOException {
  private static final long serialVersionUID = 1L;

  ProtocolException(String message) {
    super(message);
  }
}
