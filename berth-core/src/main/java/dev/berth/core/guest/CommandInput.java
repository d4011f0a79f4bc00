package dev.berth.core.guest;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.Objects;

/** A command's input, for whoever writes it. For one thread at a time. */
final class CommandInput extends OutputStream {
  private final RemoteCommand command;

  CommandInput(RemoteCommand command) {
    this.command = command;
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] from, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, from.length);
    int done = 0;
    while (done < length) {
      Input input = command.input();
      command.lock().lock();
      try {
        while (input.room() == 0 && !input.closed() && !command.isOver()) {
          command.writable().await();
        }
        if (command.isOver() || input.closed() || input.ended()) {
          throw new IOException(
              command.lost() != null
                  ? "The sandbox of this command is lost: " + command.lost() + "."
                  : "The input of this command is closed.");
        }
        int part = Math.min(length - done, input.room());
        input.write(from, offset + done, part);
        done += part;
        command.client().outbox().add(to -> input.add(command.id(), to));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted while waiting for input to be taken");
      } finally {
        command.lock().unlock();
      }
      command.client().outbox().flush();
    }
  }

  @Override
  public void close() {
    command.lock().lock();
    try {
      command.input().end();
      command.client().outbox().add(to -> command.input().add(command.id(), to));
    } finally {
      command.lock().unlock();
    }
    command.client().outbox().flush();
  }
}
