package dev.berth.services.swerex;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What a session's terminal prints, cut into commands by the marks of {@link ShellLine}. One thread
 * feeds it, others wait. Thread-safe.
 */
final class SessionOutput {
  /** How long a shell that prompts anew may take to run what was typed since. */
  private static final long REFUSAL = TimeUnit.SECONDS.toNanos(5);

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final MarkScanner scanner;
  // All below is guarded by the lock.
  private final Transcript transcript = new Transcript();
  private String previous = "";
  private String current = "";
  private boolean started;
  private int startCode;
  private @Nullable Ended ended;
  private boolean prompted;
  private boolean promptedAgain;
  private boolean folded;
  private @Nullable Gone gone;

  /** What can come of waiting. */
  sealed interface Outcome permits Ended, Matched, Gone, Late {}

  /**
   * The command ended.
   *
   * @param parsed false if the shell refused to run any of it
   * @param whole false if the shell dropped it on the way, as it does at an interrupt
   */
  record Ended(String output, int code, boolean parsed, boolean whole) implements Outcome {
    /**
     * Whether the shell dropped it before it ran any of it, which only an interrupt makes it do.
     */
    boolean wasDropped() {
      return !parsed && !whole && code > 128;
    }
  }

  /** An expected string came. */
  record Matched(String output, String string) implements Outcome {}

  /** The shell is gone. {@code lost} says why if its sandbox is, and then there is no code. */
  record Gone(String output, int code, @Nullable String lost) implements Outcome {}

  /**
   * Time is up.
   *
   * @param refused whether the shell prompts although a command was typed
   */
  record Late(String output, boolean refused) implements Outcome {}

  SessionOutput() {
    scanner =
        new MarkScanner(
            new MarkScanner.Sink() {
              @Override
              public void text(byte[] bytes, int from, int to) {
                transcript.add(bytes, from, to);
              }

              @Override
              public boolean mark(char kind, String token, int code, boolean folds) {
                return SessionOutput.this.mark(kind, token, code, folds);
              }
            });
  }

  /** Takes what was read. */
  void feed(byte[] bytes, int length) {
    lock.lock();
    try {
      scanner.feed(bytes, 0, length);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Nothing more comes: the shell ended with this code, or its sandbox is lost. */
  void end(int code, @Nullable String lost) {
    lock.lock();
    try {
      scanner.end();
      gone = new Gone("", code, lost);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private boolean mark(char kind, String token, int code, boolean folds) {
    if (!token.equals(current)) {
      if (!token.equals(previous)) {
        return false;
      }
      // One that was interrupted may still say that it ends when its prompt was there already.
      if (kind == 'p') {
        promptedAgain |= prompted;
        prompted = true;
      }
      return true;
    }
    switch (kind) {
      case 's' -> {
        if (started || ended != null) {
          return false;
        }
        started = true;
        startCode = code;
        byte[] before = withoutEcho();
        transcript.clear();
        transcript.add(before, 0, before.length);
      }
      case 'e' -> {
        if (ended != null) {
          return false;
        }
        folded = folds;
        finish(code, true);
      }
      case 'p' -> {
        if (ended == null) {
          finish(code, false);
        }
        prompted = true;
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private void finish(int code, boolean whole) {
    String output = TerminalText.readable(started ? transcript.bytes() : withoutEcho(), folded);
    transcript.clear();
    ended = new Ended(output, code, started, whole);
  }

  /** What was printed, without the typed line, if the terminal or the shell showed that. */
  private byte[] withoutEcho() {
    byte[] bytes = transcript.bytes();
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    int echo = text.indexOf(ShellLine.head(current));
    if (echo < 0) {
      return bytes;
    }
    return java.util.Arrays.copyOf(bytes, Math.max(0, text.lastIndexOf('\n', echo) + 1));
  }

  /** A command is about to be typed, by this token. */
  void begin(String token) {
    lock.lock();
    try {
      // What the shell dropped has not changed its prompt.
      previous = started || ended != null ? current : previous;
      current = token;
      started = false;
      ended = null;
      // The prompt after the last command may be here already, or yet to come.
      promptedAgain = false;
    } finally {
      lock.unlock();
    }
  }

  /** Whether what was begun has not ended. */
  boolean isBusy() {
    return isBusy(token());
  }

  /** Whether what was begun by this token has not ended. */
  boolean isBusy(String token) {
    lock.lock();
    try {
      return ended == null && gone == null && !token.isEmpty() && token.equals(current);
    } finally {
      lock.unlock();
    }
  }

  /** What the shell said as it began the command. */
  int startCode() {
    lock.lock();
    try {
      return startCode;
    } finally {
      lock.unlock();
    }
  }

  /** How the shell went, if it did. */
  @Nullable Gone gone() {
    lock.lock();
    try {
      return gone;
    } finally {
      lock.unlock();
    }
  }

  /** The token of what was begun last. */
  String token() {
    lock.lock();
    try {
      return current;
    } finally {
      lock.unlock();
    }
  }

  /** Waits until what was begun has started; an end without output is that. */
  Outcome awaitStart(Deadline deadline) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = deadline.left();
      while (!started && gone == null && left > 0) {
        changed.awaitNanos(left);
        left = deadline.left();
      }
      if (started) {
        return new Ended("", 0, true, true);
      }
      return gone == null ? new Late(text(), false) : new Gone(text(), gone.code(), gone.lost());
    } finally {
      lock.unlock();
    }
  }

  /** Waits for the end of what was begun, or for an expected string. */
  Outcome await(Deadline deadline, Expected expected) throws InterruptedException {
    return await(token(), deadline, expected);
  }

  /** The same for what was begun by this token, be it by another. */
  Outcome await(String token, Deadline deadline, Expected expected) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long seen = 0;
      long refusalAt = 0;
      while (true) {
        if (!token.equals(current)) {
          // Another was begun since. What this one printed was told to whoever began it.
          return new Ended("", 0, true, true);
        }
        if (!expected.isEmpty() && started && transcript.total() > seen) {
          Matched matched = match(expected, seen);
          if (matched != null) {
            return matched;
          }
          seen = transcript.total();
        }
        if (ended != null) {
          return ended;
        }
        if (gone != null) {
          return new Gone(text(), gone.code(), gone.lost());
        }
        long left = deadline.left();
        if (promptedAgain && !started) {
          refusalAt = refusalAt == 0 ? System.nanoTime() + REFUSAL : refusalAt;
          left = Math.min(left, refusalAt - System.nanoTime());
        }
        if (left <= 0) {
          return new Late(text(), promptedAgain && !started && deadline.left() > 0);
        }
        changed.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }

  private @Nullable Matched match(Expected expected, long seen) {
    long fresh = transcript.total() - seen + expected.overlap();
    byte[] end = transcript.last((int) Math.min(fresh, Transcript.HALF));
    if (expected.find(TerminalText.readable(end, true)) == null) {
      return null;
    }
    String all = TerminalText.readable(transcript.bytes(), true);
    Expected.Match match = expected.find(all);
    if (match == null) {
      return null;
    }
    byte[] rest = all.substring(match.end()).getBytes(StandardCharsets.UTF_8);
    transcript.clear();
    transcript.add(rest, 0, rest.length);
    return new Matched(all.substring(0, match.start()), match.string());
  }

  private String text() {
    return TerminalText.readable(transcript.bytes(), folded);
  }
}
