package dev.berth.cli;

import java.util.function.Consumer;

/**
 * The steps of some long work on stderr: one line that is drawn again and again on a terminal, else
 * a line for each step and none for a percentage. Thread-safe.
 */
final class Steps implements Consumer<String>, AutoCloseable {
  private static final int WIDTH = 78;

  private final Console console;
  private final boolean redraw;
  private String last = "";

  Steps(Console console) {
    this.console = console;
    this.redraw = console.errIsTerminal();
  }

  @Override
  public synchronized void accept(String step) {
    String line = Table.clean(step.strip());
    if (line.isEmpty() || line.equals(last)) {
      return;
    }
    last = line;
    if (redraw) {
      String shown = line.length() > WIDTH ? line.substring(0, WIDTH - 1) + "…" : line;
      console.sayRaw("\r" + shown + "\u001b[K");
    } else if (line.indexOf('%') < 0) {
      console.show(line);
    }
  }

  /** Takes the drawn line away, once. */
  @Override
  public synchronized void close() {
    if (redraw && !last.isEmpty()) {
      console.sayRaw("\r\u001b[K");
      last = "";
    }
  }
}
