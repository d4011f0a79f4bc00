package dev.berth.cli;

import dev.berth.SandboxException;
import dev.berth.core.Berth;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.SandboxRecord;
import dev.berth.core.state.StateHome;
import dev.berth.local.LocalProvider;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * What crashed processes have left on this host: every verb looks for it when its own work is done.
 * The look is cheap, and does not count as a visit, which would give an abandoned guest more time:
 * whether a lease is held, and whether anybody listens at the guest's socket.
 */
final class Leftovers {
  private Leftovers() {}

  /** Clears them away, if there are any; what cannot be is for the next time, or {@code gc}. */
  static void clear() {
    try {
      for (String provider : providers(StateHome.ofEnvironment().list())) {
        try (Berth berth = Berth.builder().provider(provider).build()) {
          berth.reap();
        }
      }
    } catch (SandboxException e) {
      // The provider, or the state folder, cannot be had just now; berth gc says so.
    } catch (InterruptedException e) {
      // The next one will.
      Thread.currentThread().interrupt();
    }
  }

  private static Set<String> providers(List<SandboxFolder> folders) {
    Set<String> providers = new TreeSet<>();
    for (SandboxFolder folder : folders) {
      String provider = folder.provider();
      if (!folder.owned() && !elsewhere(folder) && !listens(folder)) {
        // What nothing was started in, any provider clears away.
        providers.add(provider.isEmpty() ? LocalProvider.NAME : provider);
      }
    }
    return providers;
  }

  /**
   * Whether it was left running on purpose where no socket of this host leads: whether it still
   * does is no cheap question.
   */
  private static boolean elsewhere(SandboxFolder folder) {
    return !folder.socket().toFile().exists()
        && folder
            .record()
            .filter(SandboxRecord::detached)
            .filter(record -> record.expires() == null || record.expires().isAfter(Instant.now()))
            .isPresent();
  }

  private static boolean listens(SandboxFolder folder) {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      return channel.connect(UnixDomainSocketAddress.of(folder.socket()));
    } catch (IOException e) {
      return false;
    }
  }
}
