package dev.berth.cli;

import dev.berth.SandboxProcess;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/** The output of a background command, shown from what is kept of it on to its end. */
final class Replay {
  private final SandboxProcess process;
  private final Console console;
  private volatile Console.@Nullable LostOutput lost;

  Replay(SandboxProcess process, Console console) {
    this.process = process;
    this.console = console;
  }

  /** Shows it; returns when the command has ended. */
  void show() throws InterruptedException {
    Thread errors = pass(2, process.stderr(), console.err());
    Thread output = pass(1, process.stdout(), console.out());
    output.join();
    errors.join();
    Console.LostOutput failed = lost;
    if (failed != null) {
      throw failed;
    }
  }

  private Thread pass(int descriptor, InputStream from, OutputStream to) {
    Thread thread = new Thread(() -> show(descriptor, from, to), "berth-output-" + descriptor);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private void show(int descriptor, InputStream from, OutputStream to) {
    byte[] chunk = new byte[1 << 16];
    try {
      for (int n = from.read(chunk); n >= 0; n = from.read(chunk)) {
        try {
          to.write(chunk, 0, n);
        } catch (IOException e) {
          lost = Console.lost(descriptor, e);
          return;
        }
      }
    } catch (IOException e) {
      // The sandbox is lost; what came until then is shown.
    }
  }
}
