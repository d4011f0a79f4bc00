package dev.berth.cli;

import dev.berth.SandboxProcess;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** The output of a background command, shown from what is kept of it on to its end. */
final class Replay {
  private final SandboxProcess process;
  private final Console console;
  private volatile boolean closedOutput;

  Replay(SandboxProcess process, Console console) {
    this.process = process;
    this.console = console;
  }

  /** Shows it; returns when the command has ended. */
  void show() throws InterruptedException {
    Thread errors = pass("stderr", process.stderr(), console.err());
    Thread output = pass("stdout", process.stdout(), console.out());
    output.join();
    errors.join();
    if (closedOutput) {
      throw new Console.ClosedOutput();
    }
  }

  private Thread pass(String name, InputStream from, OutputStream to) {
    Thread thread = new Thread(() -> pass(from, to), "berth-" + name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private void pass(InputStream from, OutputStream to) {
    byte[] chunk = new byte[1 << 16];
    try {
      for (int n = from.read(chunk); n >= 0; n = from.read(chunk)) {
        try {
          to.write(chunk, 0, n);
        } catch (IOException e) {
          closedOutput = true;
          return;
        }
      }
    } catch (IOException e) {
      // The sandbox is lost; what came until then is shown.
    }
  }
}
