package dev.berth.fargate.ssh;

import java.security.PublicKey;
import java.util.Objects;
import java.util.Set;
import org.apache.sshd.client.session.ClientSession;
import org.apache.sshd.common.AttributeRepository;
import org.apache.sshd.common.AttributeRepository.AttributeKey;
import org.apache.sshd.common.config.keys.KeyUtils;
import org.jspecify.annotations.Nullable;

/** Who one connection must lead to, and what was seen of whoever answered. */
final class Peer {
  private static final AttributeKey<Peer> KEY = new AttributeKey<>();
  private static final int LONGEST = 4096;

  private final Set<PublicKey> hostKeys;
  private final @Nullable String task;
  private volatile boolean strange;
  private volatile @Nullable String banner;

  /**
   * Somebody with one of these host keys; if {@code task} is not null, who also names it in his
   * banner.
   */
  Peer(Set<PublicKey> hostKeys, @Nullable String task) {
    this.hostKeys = hostKeys;
    this.task = task;
  }

  static @Nullable Peer of(ClientSession session) {
    AttributeRepository context = session.getConnectionContext();
    return context == null ? null : context.getAttribute(KEY);
  }

  AttributeRepository context() {
    return AttributeRepository.ofKeyValuePair(KEY, this);
  }

  boolean accepts(PublicKey key) {
    boolean known = hostKeys.stream().anyMatch(each -> KeyUtils.compareKeys(each, key));
    strange |= !known;
    return known;
  }

  void greeted(String text) {
    banner = text.length() > LONGEST ? text.substring(0, LONGEST) : text;
  }

  /** Why it is not who was meant, or null; to be asked once the connection is authenticated. */
  @Nullable String refusal() {
    if (strange) {
      return "the host key that was shown is not the sidecar's: another host answers at its address";
    }
    if (task != null && !Objects.requireNonNullElse(banner, "").strip().equals(task)) {
      return "the sidecar that answers belongs to another task";
    }
    return null;
  }

  /** Whether the key that was shown was not the one that was wanted. */
  boolean strange() {
    return strange;
  }
}
