package dev.berth.fargate.ssh;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.sshd.client.channel.ChannelExec;
import org.apache.sshd.client.kex.DHGClient;
import org.apache.sshd.client.session.ClientConnectionService;
import org.apache.sshd.client.session.ClientSessionImpl;
import org.apache.sshd.client.session.ClientUserAuthService;
import org.apache.sshd.common.channel.Window;
import org.apache.sshd.common.cipher.BuiltinCiphers;
import org.apache.sshd.common.cipher.Cipher;
import org.apache.sshd.common.config.keys.KeyUtils;
import org.apache.sshd.common.io.nio2.Nio2Session;
import org.apache.sshd.common.kex.AbstractDH;
import org.apache.sshd.common.kex.BuiltinDHFactories;
import org.apache.sshd.common.keyprovider.KeyPairProvider;
import org.apache.sshd.common.signature.BuiltinSignatures;
import org.apache.sshd.common.signature.Signature;
import org.apache.sshd.common.util.buffer.ByteArrayBuffer;
import org.apache.sshd.common.util.closeable.AbstractCloseable;

/**
 * Loads what an SSH session needs while nobody waits for it: in a JVM that has just started, the
 * library's classes and the ciphers cost several times what a session costs later.
 */
final class WarmUp {
  private static final AtomicBoolean BEGUN = new AtomicBoolean();

  private WarmUp() {}

  /** Begins, once in this process, in a thread that ends by itself; nothing depends on it. */
  static void begin(String privateKey, List<String> hostKeys) {
    if (BEGUN.compareAndSet(false, true)) {
      Thread.ofPlatform()
          .daemon()
          .name("berth-ssh-warm-up")
          .start(() -> {
            try {
              run(privateKey, hostKeys);
            } catch (IOException | GeneralSecurityException | RuntimeException e) {
              // Whoever opens a tunnel meets the same, and says it.
            } catch (Exception e) {
              // The library declares no narrower one.
            }
          });
    }
  }

  static void run(String privateKey, List<String> hostKeys) throws Exception {
    SshClients.hold();
    try {
      SshKeys.privateKey(privateKey);
      SshKeys.publicKeys(hostKeys);
      for (Class<?> each :
          List.of(
              ClientSessionImpl.class,
              Nio2Session.class,
              ClientUserAuthService.class,
              ClientConnectionService.class,
              DHGClient.class,
              ChannelExec.class,
              Window.class,
              AbstractCloseable.class,
              SshConnection.class,
              SshChannel.class)) {
        MethodHandles.lookup().ensureInitialized(each);
      }
      sign();
      agree();
      encrypt();
    } finally {
      SshClients.release();
    }
  }

  private static void sign() throws Exception {
    KeyPair pair = KeyUtils.generateKeyPair(KeyPairProvider.SSH_ED25519, 256);
    Signature signature = BuiltinSignatures.ed25519.create();
    signature.initSigner(null, pair.getPrivate());
    signature.update(null, new byte[100]);
    byte[] signed = signature.sign(null);
    signature.initVerifier(null, pair.getPublic());
    signature.update(null, new byte[100]);
    signature.verify(null, signed);
  }

  private static void agree() throws Exception {
    AbstractDH one = BuiltinDHFactories.curve25519.create();
    AbstractDH other = BuiltinDHFactories.curve25519.create();
    one.getE();
    one.setF(other.getE());
    one.getK();
    one.getHash().init();
  }

  private static void encrypt() throws Exception {
    Cipher cipher = BuiltinCiphers.aes128gcm.create();
    cipher.init(Cipher.Mode.Encrypt, new byte[cipher.getKdfSize()], new byte[cipher.getIVSize()]);
    byte[] bytes = new byte[4 + 64 + cipher.getAuthenticationTagSize()];
    cipher.updateWithAAD(bytes, 0, 4, 64);
    new ByteArrayBuffer(bytes);
  }
}
