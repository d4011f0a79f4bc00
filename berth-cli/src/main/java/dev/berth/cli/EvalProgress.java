package dev.berth.cli;

import dev.berth.services.eval.Evaluation;
import dev.berth.services.eval.Result;
import dev.berth.services.eval.Task;
import dev.berth.services.eval.Verdict;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * How an evaluation goes on, on stderr: one line that is drawn again and again on a terminal;
 * elsewhere nothing, or a line for each result.
 */
final class EvalProgress implements Evaluation.Listener, AutoCloseable {
  private static final int WIDTH = 78;

  private final Console console;
  private final boolean redraw;
  private final boolean lines;
  private final int total;
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by the lock.
  private final Set<String> running = new LinkedHashSet<>();
  private int passed;
  private int others;
  private int retries;

  /** With {@code lines}, each result has one where there is no terminal. */
  EvalProgress(Console console, int total, boolean lines) {
    this.console = console;
    this.redraw = console.errIsTerminal();
    this.lines = lines;
    this.total = total;
  }

  @Override
  public void begins(Task task) {
    lock.lock();
    try {
      running.add(task.id());
      draw();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void ends(Result result, boolean again) {
    lock.lock();
    try {
      running.remove(result.id());
      if (again) {
        retries++;
      } else if (result.verdict() == Verdict.PASSED) {
        passed++;
      } else {
        others++;
      }
      draw();
      if (lines && !redraw && !again) {
        console.sayRaw(
            count()
                + " "
                + Table.clean(result.id())
                + " "
                + result.verdict().word()
                + " in "
                + EvalTable.seconds(result.total())
                + "\n");
      }
    } finally {
      lock.unlock();
    }
  }

  /** Takes the drawn line away. */
  @Override
  public void close() {
    if (redraw) {
      console.sayRaw("\r\u001b[K");
    }
  }

  private void draw() {
    if (redraw) {
      String failed = others == 0 ? "" : ", " + others + " not";
      String again = retries == 0 ? "" : ", " + retries + " begun again";
      String line =
          Table.clean(
              count()
                  + " "
                  + passed
                  + " passed"
                  + failed
                  + again
                  + "; running "
                  + String.join(", ", running));
      String shown = line.length() > WIDTH ? line.substring(0, WIDTH - 1) + "…" : line;
      console.sayRaw("\r" + shown + "\u001b[K");
    }
  }

  private String count() {
    return "[" + (passed + others) + "/" + total + "]";
  }
}
