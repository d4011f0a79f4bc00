package dev.berth.cli;

import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * How the demo goes on, on stderr: one line that is drawn again and again on a terminal, else a
 * line for each module.
 */
final class DemoProgress implements Evaluation.Listener {
  private static final int WIDTH = 78;

  private final Console console;
  private final boolean redraw;
  private final int modules;
  private final ReentrantLock lock = new ReentrantLock();
  private final Set<String> running = new LinkedHashSet<>();
  private int passed;
  private int others;

  DemoProgress(Console console, int modules) {
    this.console = console;
    this.redraw = console.errIsTerminal();
    this.modules = modules;
  }

  @Override
  public void begins(String module) {
    lock.lock();
    try {
      running.add(module);
      draw();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void ends(Evaluation.Verdict verdict) {
    lock.lock();
    try {
      running.remove(verdict.module());
      if (verdict.passed()) {
        passed++;
      } else {
        others++;
      }
      if (redraw) {
        draw();
      } else {
        String outcome = verdict.outcome().name().toLowerCase(Locale.ROOT);
        console.sayRaw(
            count()
                + " "
                + verdict.module()
                + " "
                + outcome
                + " in "
                + DemoVerb.seconds(verdict.wall())
                + "\n");
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void over() {
    if (redraw) {
      console.sayRaw("\r\u001b[K");
    }
  }

  private void draw() {
    if (redraw) {
      String failed = others == 0 ? "" : ", " + others + " not";
      String line =
          count() + " " + passed + " passed" + failed + "; running " + String.join(", ", running);
      String shown = line.length() > WIDTH ? line.substring(0, WIDTH - 1) + "…" : line;
      console.sayRaw("\r" + shown + "\u001b[K");
    }
  }

  private String count() {
    return "[" + (passed + others) + "/" + modules + "]";
  }
}
