package dev.berth.fargate.ssh;

import dev.berth.RequestException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PublicKey;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.sshd.common.NamedResource;
import org.apache.sshd.common.config.keys.AuthorizedKeyEntry;
import org.apache.sshd.common.config.keys.PublicKeyEntryResolver;
import org.apache.sshd.common.util.security.SecurityUtils;
import org.jspecify.annotations.Nullable;

/** Reads keys from texts; no message says anything of a private one. */
final class SshKeys {
  private SshKeys() {}

  static KeyPair privateKey(@Nullable String text) {
    if (text == null || text.isBlank()) {
      throw wrong("the private key is missing");
    }
    byte[] bytes = (text.strip() + "\n").getBytes(StandardCharsets.UTF_8);
    try {
      Iterable<KeyPair> found =
          SecurityUtils.loadKeyPairIdentities(
              null, NamedResource.ofName("key"), new ByteArrayInputStream(bytes), null);
      Iterator<KeyPair> keys = found == null ? List.<KeyPair>of().iterator() : found.iterator();
      if (keys.hasNext()) {
        return keys.next();
      }
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      // What a parser says of a private key may quote it.
    }
    throw wrong("the private key is none that OpenSSH or PEM write, or it has a passphrase");
  }

  static Set<PublicKey> publicKeys(List<String> lines) {
    Set<PublicKey> keys = new LinkedHashSet<>();
    for (String line : lines) {
      try {
        AuthorizedKeyEntry entry = AuthorizedKeyEntry.parseAuthorizedKeyEntry(line.strip());
        PublicKey key = entry.resolvePublicKey(null, PublicKeyEntryResolver.FAILING);
        if (key != null) {
          keys.add(key);
        }
      } catch (IOException | GeneralSecurityException | RuntimeException e) {
        throw wrong("the host key '" + line.strip() + "' is no public key");
      }
    }
    if (keys.isEmpty()) {
      throw wrong("the sidecar's host key is missing, without which another host could pose as it");
    }
    return Set.copyOf(keys);
  }

  private static RequestException wrong(String why) {
    return new RequestException("Tried to prepare an SSH tunnel, but " + why + ".");
  }
}
