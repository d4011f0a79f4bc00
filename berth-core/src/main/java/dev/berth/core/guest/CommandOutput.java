package dev.berth.core.guest;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.Objects;

/** One output stream of a command, for whoever reads it. For one thread at a time. */
final class CommandOutput extends InputStream {
  private final RemoteCommand command;
  private final Output output;

  CommandOutput(RemoteCommand command, Output output) {
    this.command = command;
    this.output = output;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] to, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, to.length);
    if (length == 0) {
      return 0;
    }
    int got;
    command.lock().lock();
    try {
      while (output.ring().size() == 0) {
        String lost = command.lost();
        if (lost != null) {
          throw new IOException("The sandbox of this command is lost: " + lost + ".");
        }
        if (command.out() != output && command.err() != output) {
          throw new IOException("Another handle has taken over the output of this command.");
        }
        if (command.isDrained() || output.isDiscarded() || !command.takes()) {
          return -1;
        }
        command.readable().await();
      }
      ByteRing ring = output.ring();
      got = Math.min(length, ring.size());
      ring.copy(0, got, to, offset);
      output.drop(ring, got);
      output.tell(command.id(), command.client().outbox());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while waiting for output");
    } finally {
      command.lock().unlock();
    }
    command.client().outbox().flush();
    return got;
  }

  @Override
  public int available() {
    command.lock().lock();
    try {
      return output.ring().size();
    } finally {
      command.lock().unlock();
    }
  }

  @Override
  public void close() {
    command.lock().lock();
    try {
      output.discard();
      output.tell(command.id(), command.client().outbox());
      command.readable().signalAll();
    } finally {
      command.lock().unlock();
    }
    command.client().outbox().flush();
  }
}
