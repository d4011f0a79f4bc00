package dev.berth.testkit;

import dev.berth.Command;
import dev.berth.Sandbox;

/**
 * A folder of a test's own in a sandbox, deleted after the test. A test method that has a parameter
 * of this type gets one in the shared sandbox.
 */
public final class RemoteFolder implements AutoCloseable {
  private final Sandbox sandbox;
  private final String path;

  private RemoteFolder(Sandbox sandbox, String path) {
    this.sandbox = sandbox;
    this.path = path;
  }

  static RemoteFolder in(Sandbox sandbox) {
    return below(sandbox, "/tmp");
  }

  static RemoteFolder below(Sandbox sandbox, String parent) {
    return new RemoteFolder(
        sandbox,
        Shell.text(
            sandbox, "umask 022; mktemp -d " + Shell.quote(parent + "/contract.XXXXXXXXXX")));
  }

  /** Its absolute path. */
  public String path() {
    return path;
  }

  /** The absolute path of a name in it. */
  public String path(String name) {
    return path + "/" + name;
  }

  @Override
  public void close() {
    try {
      if (sandbox.isRunning()) {
        sandbox.exec(
            Command.of(
                "/bin/sh", "-c", "chmod -R u+rwX \"$1\" 2>/dev/null; rm -rf \"$1\"", "sh", path));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
