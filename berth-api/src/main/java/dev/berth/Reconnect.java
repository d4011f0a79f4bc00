package dev.berth;

/** The ability to leave a sandbox running and take hold of it again from another process. */
public interface Reconnect {
  /**
   * A JSON descriptor with all that {@code connect} needs. It holds no secret; the host's file
   * permissions guard the sandbox.
   */
  String serialize();

  /**
   * Leaves the sandbox running when its handle is closed or this process ends: it gives up the
   * lease, so that only its time to live and idle limit end it.
   */
  void detach() throws InterruptedException;
}
