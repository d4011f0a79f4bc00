package dev.berth.services;

import dev.berth.Endpoints;
import dev.berth.Network;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxEndpoint;
import dev.berth.UnsupportedRequestException;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Where a service listens and how it is reached, kept for it until it is closed. On the host's
 * network that is a reserved port of the host. A sandbox with a network of its own has all ports
 * for itself, and the declared ones lead to it: there only services of the same sandbox can be in
 * each other's way.
 */
final class Place implements AutoCloseable {
  /** The declared ports in use, as "sandbox:port". */
  private static final Set<String> USED = ConcurrentHashMap.newKeySet();

  private final int port;
  private final Address address;
  private final SandboxEndpoint endpoint;
  private final @Nullable Reservation reservation;
  private final List<String> used;

  private Place(
      int port,
      Address address,
      SandboxEndpoint endpoint,
      @Nullable Reservation reservation,
      List<String> used) {
    this.port = port;
    this.address = address;
    this.endpoint = endpoint;
    this.reservation = reservation;
    this.used = used;
  }

  /**
   * A place for a service of this kind.
   *
   * @throws RequestException if its port is not available
   */
  static Place take(Sandbox sandbox, ServiceSpec spec) throws InterruptedException {
    Address address = Address.of(spec.host);
    return sandbox.spec().network() == Network.HOST
        ? onHost(address, spec)
        : inside(sandbox, address, spec);
  }

  private static Place onHost(Address address, ServiceSpec spec) {
    Reservation reservation =
        spec.port == null
            ? Reservation.any(address, spec.ports)
            : Reservation.of(address, spec.port, spec.ports);
    int port = reservation.port();
    URI url = URI.create("http://" + address.reached() + ":" + port);
    return new Place(port, address, new SandboxEndpoint(url, Map.of()), reservation, List.of());
  }

  private static Place inside(Sandbox sandbox, Address address, ServiceSpec spec)
      throws InterruptedException {
    Endpoints endpoints =
        sandbox
            .ability(Endpoints.class)
            .orElseThrow(() ->
                new UnsupportedRequestException(
                    sandbox.provider(),
                    sandbox.id(),
                    "Tried to host "
                        + spec.name
                        + " in a sandbox whose servers cannot be reached; use a provider with"
                        + " endpoints.",
                    null));
    List<Integer> wanted = spec.port == null ? sandbox.spec().ports() : List.of(spec.port);
    for (int port : wanted) {
      if (spec.port == null && !sandbox.spec().ports().containsAll(row(port, spec.ports))) {
        continue;
      }
      List<String> names =
          row(port, spec.ports).stream().map(each -> sandbox.id() + ":" + each).toList();
      if (claim(names)) {
        boolean done = false;
        try {
          for (int each : row(port, spec.ports)) {
            endpoints.endpoint(each);
          }
          Place place = new Place(port, address, endpoints.endpoint(port), null, names);
          done = true;
          return place;
        } finally {
          if (!done) {
            names.forEach(USED::remove);
          }
        }
      }
    }
    throw new RequestException(
        sandbox.provider(),
        sandbox.id(),
        spec.port == null
            ? "Tried to host "
                + spec.name
                + " in a sandbox without the host's network, but none of the ports that it declares ("
                + sandbox.spec().ports()
                + ") is free; declare one more when the sandbox is made."
            : "Tried to serve on port "
                + spec.port
                + ", but Port "
                + spec.port
                + " is not available: another service of the sandbox has it.",
        null);
  }

  private static List<Integer> row(int first, int count) {
    return java.util.stream.IntStream.range(first, first + count).boxed().toList();
  }

  /** All of them or none. */
  private static boolean claim(List<String> names) {
    for (int i = 0; i < names.size(); i++) {
      if (!USED.add(names.get(i))) {
        names.subList(0, i).forEach(USED::remove);
        return false;
      }
    }
    return true;
  }

  /** The port in the sandbox. */
  int port() {
    return port;
  }

  /** The address in the sandbox. */
  Address address() {
    return address;
  }

  /** How the host reaches it. */
  SandboxEndpoint endpoint() {
    return endpoint;
  }

  /** Whether the port is the host's own, for whose sake others may have it. */
  boolean isShared() {
    return reservation != null;
  }

  /** The server starts now, and cannot share the port with its reservation. */
  void open() {
    if (reservation != null) {
      reservation.open();
    }
  }

  /**
   * Whether somebody has a port of it; to be asked only when it was opened and the server is dead.
   */
  boolean isTaken() {
    return reservation != null && reservation.isTaken();
  }

  @Override
  public void close() {
    if (reservation != null) {
      reservation.close();
    }
    used.forEach(USED::remove);
  }
}
