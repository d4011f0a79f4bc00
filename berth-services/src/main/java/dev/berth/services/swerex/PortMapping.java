package dev.berth.services.swerex;

import dev.berth.RequestException;
import dev.berth.UnsupportedRequestException;
import dev.berth.apptainer.ApptainerConfig;
import dev.berth.apptainer.ApptainerProvider;
import dev.berth.services.Reservation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A port of this host that leads to the server in a sandbox with a network of its own, by
 * Apptainer's CNI plugins: for root alone. The port is kept until this is closed; the rules that
 * lead it there are Apptainer's, which takes them back when the sandbox ends.
 */
record PortMapping(String network, Reservation reservation) implements AutoCloseable {
  /** Where the server listens in a sandbox with a network of its own. */
  static final int INNER_PORT = 8000;

  private static final Set<String> PRIVILEGES =
      Set.of("--no-privs", "--keep-privs", "--drop-caps", "--add-caps", "--allow-setuid");
  private static final Set<String> NAMESPACES = Set.of("--fakeroot", "-f", "--userns", "-u");

  /**
   * The one that the flags ask for; null if they ask for none, or for any and there can be none,
   * which {@code step} is told.
   *
   * @throws RequestException if the port is not available, or is said twice
   * @throws UnsupportedRequestException if this network cannot be made here
   */
  static @Nullable PortMapping of(
      ApptainerArgs args, @Nullable Integer port, Consumer<String> step) {
    String network = args.network();
    if (network == null || args.noNetwork()) {
      return null;
    }
    Integer mapped = args.mappedPort();
    if (port != null && mapped != null && !port.equals(mapped)) {
      throw new RequestException(
          "Tried to deploy on port "
              + port
              + " and, in apptainer_args, on "
              + mapped
              + "; say it in one place.");
    }
    Optional<String> why = impossible(args);
    if (why.isPresent() && !network.isEmpty()) {
      throw new UnsupportedRequestException(
          ApptainerProvider.NAME,
          null,
          "Tried to use --network "
              + network
              + " in apptainer_args, but "
              + why.get()
              + "; leave it out, and the sandbox is on this host's network.",
          null);
    }
    if (why.isPresent()) {
      step.accept(
          "--net is not used: "
              + why.get()
              + "; the server listens on this host's loopback instead");
      return null;
    }
    return new PortMapping(
        network.isEmpty() ? "bridge" : network,
        Reservation.take("127.0.0.1", port == null ? mapped : port));
  }

  /** Why there can be none; empty if there can, as far as can be told. */
  private static Optional<String> impossible(ApptainerArgs args) {
    try {
      if (!Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0)) {
        return Optional.of("a network of its own needs root");
      }
    } catch (IOException e) {
      return Optional.of("it cannot be told who this is (" + e.getMessage() + ")");
    }
    if (args.fakeroot() || args.raw().stream().anyMatch(NAMESPACES::contains)) {
      return Optional.of("there is none in a user namespace of its own (--fakeroot, --userns)");
    }
    String path = System.getenv().getOrDefault("PATH", "") + ":/usr/sbin:/sbin";
    if (Stream.of(path.split(":"))
        .noneMatch(each -> Files.isExecutable(Path.of(each, "iptables")))) {
      return Optional.of("mapping its port needs iptables, which this host has not");
    }
    return Optional.empty();
  }

  /** The port of this host. */
  int port() {
    return reservation.port();
  }

  /** The configuration with what makes it. */
  ApptainerConfig applyTo(ApptainerConfig config) {
    ApptainerConfig.Create create = config.create();
    List<String> flags = new ArrayList<>(create.extraStartArgs());
    flags.addAll(List.of("--net", "--network", network));
    flags.addAll(List.of("--network-args", "portmap=" + port() + ":" + INNER_PORT + "/tcp"));
    if (flags.stream().noneMatch(PRIVILEGES::contains)) {
      // CNI does not work with a user namespace, so that this root is the host's.
      flags.add("--no-privs");
    }
    return config.with(
        new ApptainerConfig.Create(
            create.mode(),
            create.mountPoint(),
            create.startTimeout(),
            flags,
            create.applyResourceLimits(),
            create.fakeroot(),
            create.contain(),
            create.lease()));
  }

  @Override
  public void close() {
    reservation.close();
  }
}
