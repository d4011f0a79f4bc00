package dev.berth.core.guest;

import dev.berth.SandboxStatus;
import java.util.List;
import java.util.Optional;

/**
 * What a provider supplies for one sandbox besides the guest in it: the way there, and its end.
 * Everything else is {@link GuestSandbox}. Thread-safe.
 */
public interface GuestHost {
  /** The sandbox's id. */
  String id();

  /** The provider's name. */
  String provider();

  /** The way to the guest. */
  Link link();

  /** See {@link dev.berth.Sandbox#notices()}. */
  List<String> notices();

  /**
   * The state of what carries the guest, without asking the guest: {@link SandboxStatus#RUNNING} if
   * all that can be seen from outside is well. Answers within 2 s.
   */
  SandboxStatus status();

  /** See {@link dev.berth.Reconnect#serialize()}. */
  String descriptor();

  /**
   * Notes that the sandbox is to outlive this process (its guest has been told), and gives up the
   * lease file.
   */
  void detach();

  /**
   * Ends what carries the guest and deletes everything it stored. Does nothing the second time. The
   * guest may or may not have been told to end before.
   */
  void destroy();

  /** Lets go without ending anything: this process is not the owner any more. */
  void release();

  /**
   * Whether processes in the sandbox see this host's network, so that its addresses are theirs.
   * Else all ways between servers inside and outside lead through the guest.
   */
  default boolean sharesNetwork() {
    return true;
  }

  /** What the sandbox can do beyond what the guest does; see {@link dev.berth.Sandbox#ability}. */
  default <A> Optional<A> ability(Class<A> type) {
    return Optional.empty();
  }
}
