package dev.berth.spi;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import java.util.List;

/**
 * Makes sandboxes in one way. Thread-safe. Closing it ends the sandboxes that it made and that were
 * not detached.
 */
public interface SandboxProvider extends AutoCloseable {
  /** The name under which it is configured and chosen. */
  String name();

  /**
   * Makes a sandbox and returns it once it can run commands, its {@code files} are written and its
   * probe has passed.
   *
   * @throws dev.berth.RequestException if the spec is wrong for this provider; nothing was started
   * @throws dev.berth.UnsupportedRequestException if this provider, here, cannot do what the spec
   *     asks
   * @throws dev.berth.CreateException if it could not come up; nothing is left behind
   */
  Sandbox create(SandboxSpec spec) throws InterruptedException;

  /**
   * Takes hold of a running sandbox, also one that another process made.
   *
   * @param descriptor what {@link dev.berth.Reconnect#serialize()} gave
   * @throws dev.berth.SandboxLostException if it is gone
   */
  Sandbox connect(String descriptor) throws InterruptedException;

  /** The sandboxes of this user, whichever process made them. */
  List<SandboxSummary> list() throws InterruptedException;

  /**
   * Ends and deletes what is nobody's any more: sandboxes whose owner and guest are gone, leftovers
   * of crashes. Returns a line for each.
   */
  List<String> reap() throws InterruptedException;

  @Override
  void close();
}
