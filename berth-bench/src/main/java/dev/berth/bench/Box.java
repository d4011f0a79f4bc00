package dev.berth.bench;

import java.nio.file.Path;

/**
 * A running sandbox of one contender. All calls wait for the operation's end and throw if it
 * failed; thread-safe.
 */
interface Box {
  /** {@code sh -c true}. */
  void runTrue() throws InterruptedException;

  /** Any line of shell; for what is not measured. */
  void run(String line) throws InterruptedException;

  /** A file to any path inside. */
  void upload(Path local, String remote) throws InterruptedException;

  /** A file from any path inside. */
  void download(String remote, Path local) throws InterruptedException;

  /** Ends it. */
  void stop() throws InterruptedException;
}
