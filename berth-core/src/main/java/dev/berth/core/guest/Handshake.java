package dev.berth.core.guest;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * What is said first on each connection. Where the way to a guest is not guarded, both sides prove
 * that they know its token, the guest first, and neither says it: so whoever listens in the guest's
 * place learns nothing that would be of use, and what he overhears holds for no other connection.
 */
final class Handshake {
  private static final int NONCE = 32;
  private static final SecureRandom RANDOM = new SecureRandom();

  private Handshake() {}

  /**
   * Has the guest prove itself, if there is a token, and gives the HELLO to be sent next. The
   * caller bounds the time.
   *
   * @throws ProtocolException if it is another that answers
   */
  static FrameWriter hello(byte[] token, ByteChannel channel, FrameReader reader)
      throws IOException {
    byte[] proof = token.length == 0 ? token : prove(token, channel, reader);
    return new FrameWriter(128)
        .begin(Wire.HELLO)
        .u32(Wire.MAGIC)
        .u16(Wire.VERSION)
        .str(proof)
        .end();
  }

  private static byte[] prove(byte[] token, ByteChannel channel, FrameReader reader)
      throws IOException {
    byte[] nonces = new byte[2 * NONCE];
    RANDOM.nextBytes(nonces);
    ByteBuffer knock = new FrameWriter(64).begin(Wire.KNOCK).raw(nonces, 0, NONCE).end().view();
    while (knock.hasRemaining()) {
      channel.write(knock);
    }
    int type = reader.next();
    if (type == Wire.FAULT) {
      throw Connection.fault(reader);
    }
    if (type != Wire.PROOF) {
      throw type < 0
          ? new IOException("the guest closed the connection before it answered")
          : new ProtocolException("a frame of type " + type + " in place of PROOF");
    }
    System.arraycopy(reader.bytes(NONCE), 0, nonces, NONCE, NONCE);
    byte[] given = reader.bytes(NONCE);
    reader.end();
    if (!MessageDigest.isEqual(given, mac(token, "berth guest", nonces))) {
      throw new ProtocolException("what answers does not know the token of this sandbox's guest");
    }
    return mac(token, "berth host", nonces);
  }

  static byte[] mac(byte[] token, String who, byte[] nonces) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(token, "HmacSHA256"));
      mac.update(who.getBytes(StandardCharsets.US_ASCII));
      return mac.doFinal(nonces);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has HmacSHA256", e);
    }
  }
}
