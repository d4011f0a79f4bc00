package dev.berth.services.swerex;

/**
 * Where a {@link Runtime} comes from: something that is started and stopped, also more than once.
 * Thread-safe. Whoever starts it stops it.
 */
public interface Deployment extends AutoCloseable {
  /**
   * Starts it and waits until its runtime answers.
   *
   * @throws SwerexException {@link Failure#PULL_FAILED}, {@link Failure#DEPLOYMENT_STARTUP};
   *     nothing is left then
   * @throws dev.berth.RequestException if its configuration cannot be met here, or it is started
   */
  void start() throws InterruptedException;

  /** Its runtime. {@link Failure#DEPLOYMENT_NOT_STARTED}. */
  Runtime runtime();

  /** Whether its runtime answers, and if not why. {@link Failure#DEPLOYMENT_NOT_STARTED}. */
  Liveness isAlive() throws InterruptedException;

  /** Ends it and all that runs in it. Does nothing if it is not started. */
  void stop();

  /** The same as {@link #stop()}. */
  @Override
  default void close() {
    stop();
  }

  /** A deployment of a runtime that is simply made, and ends when it is closed. */
  static Deployment of(Source source) {
    return new PlainDeployment(source);
  }

  /** Makes a runtime. */
  @FunctionalInterface
  interface Source {
    /** Makes it; whoever calls this closes it. */
    Runtime open() throws InterruptedException;
  }
}
