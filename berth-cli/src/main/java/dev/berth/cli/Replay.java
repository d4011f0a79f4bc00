package dev.berth.cli;

import dev.berth.SandboxProcess;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** The output of a background command, shown again: what is kept of it, or on to its end. */
final class Replay {
  /** A guest sends what it keeps at once; after so long a silence that was all. */
  private static final Duration SILENCE = Duration.ofMillis(150);

  /** More than a guest keeps: a command that prints faster than we show would have no end. */
  private static final long ALL_KEPT = 2L << 20;

  private final SandboxProcess process;
  private final Console console;
  private final AtomicLong shown = new AtomicLong();
  private volatile Console.@Nullable LostOutput lost;

  Replay(SandboxProcess process, Console console) {
    this.process = process;
    this.console = console;
  }

  /** Shows it; with {@code toEnd} returns only when the command has ended. */
  void show(boolean toEnd) throws InterruptedException {
    Thread errors = pass(2, process.stderr(), console.err());
    Thread output = pass(1, process.stdout(), console.out());
    if (toEnd) {
      output.join();
      errors.join();
    } else {
      untilSilent(output, errors);
    }
    Console.LostOutput failed = lost;
    if (failed != null) {
      throw failed;
    }
  }

  private void untilSilent(Thread output, Thread errors) throws InterruptedException {
    long before = -1;
    while (shown.get() != before && shown.get() < ALL_KEPT) {
      before = shown.get();
      if (output.join(SILENCE) && errors.join(SILENCE)) {
        return;
      }
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
        shown.addAndGet(n);
      }
    } catch (IOException e) {
      // The sandbox is lost; what came until then is shown.
    }
  }
}
