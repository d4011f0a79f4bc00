package dev.berth.cli;

import dev.berth.Signal;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The signals that this process gets, and where they go: while a command runs, to it; before that
 * they interrupt the main thread, so that whatever is half made is taken down again; while a
 * sandbox is being taken down they are only remembered. A second one within 2 s does not ask any
 * more. SIGQUIT stays the JVM's, which lets nobody else have it.
 */
final class Signals {
  private static final Signal[] ENDING = {Signal.INT, Signal.TERM, Signal.HUP};
  private static final Signal[] PASSED = {Signal.USR1, Signal.USR2, Signal.WINCH};
  private static final long IMPATIENT_NANOS = 2_000_000_000L;

  private final Thread main;
  private final IntConsumer exit;
  // Guarded by this.
  private @Nullable Receiver receiver;
  private boolean shielded;
  private @Nullable Signal first;
  private long firstAt;

  private Signals(Thread main, IntConsumer exit) {
    this.main = main;
    this.exit = exit;
  }

  /** Takes the ending signals over for the calling thread. {@code exit} is for the impatient. */
  static Signals install(IntConsumer exit) {
    Signals signals = new Signals(Thread.currentThread(), exit);
    for (Signal signal : ENDING) {
      signals.handle(signal);
    }
    return signals;
  }

  /** From now on signals go to {@code receiver}, whichever came before too. */
  void sendTo(Receiver receiver) {
    for (Signal signal : PASSED) {
      handle(signal);
    }
    synchronized (this) {
      this.receiver = receiver;
    }
  }

  /** From now on signals are remembered only: something is being taken down. */
  synchronized void shield() {
    receiver = null;
    shielded = true;
    first = null;
  }

  /** What a shell reports of a process that the signal which interrupted this one has ended. */
  synchronized int exitCode() {
    return 128 + (first == null ? Signal.INT : first).number();
  }

  private void handle(Signal signal) {
    try {
      sun.misc.Signal.handle(new sun.misc.Signal(signal.name()), got -> got(signal));
    } catch (IllegalArgumentException e) {
      // The JVM was told to keep it (-Xrs): then it has its usual effect.
    }
  }

  /** Runs on a thread that the JVM makes for each signal. */
  private void got(Signal signal) {
    Receiver to;
    boolean again;
    synchronized (this) {
      to = receiver;
      if (isEnding(signal)) {
        again = first != null && System.nanoTime() - firstAt < IMPATIENT_NANOS;
        first = signal;
        firstAt = System.nanoTime();
      } else {
        again = false;
      }
      if (to == null && !again) {
        if (isEnding(signal) && !shielded) {
          main.interrupt();
        }
        return;
      }
    }
    if (to == null) {
      exit.accept(128 + signal.number());
      return;
    }
    try {
      if (again) {
        to.kill();
      } else {
        to.got(signal);
      }
    } catch (InterruptedException | RuntimeException e) {
      // The command has ended or its sandbox is lost; the main thread hears of that by itself.
    }
  }

  private static boolean isEnding(Signal signal) {
    return signal == Signal.INT || signal == Signal.TERM || signal == Signal.HUP;
  }

  /** Where signals go while a command runs. */
  interface Receiver {
    /** The first of its kind for a while. */
    void got(Signal signal) throws InterruptedException;

    /** The user is impatient. */
    void kill() throws InterruptedException;
  }
}
