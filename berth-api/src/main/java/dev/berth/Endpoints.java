package dev.berth;

/** The ability to reach servers in the sandbox from the host. */
public interface Endpoints {
  /**
   * The address of a server that listens, or will listen, on this port of the sandbox's loopback.
   * It stays valid until the sandbox stops.
   *
   * @throws RequestException if the port is not among {@link SandboxSpec#ports()}
   */
  SandboxEndpoint endpoint(int port) throws InterruptedException;
}
