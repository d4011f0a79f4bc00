package dev.berth.core.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** What is said first; that the real guest says the same is seen in the tests over SSH. */
class HandshakeTest {
  private static final byte[] TOKEN = "secret".getBytes(StandardCharsets.US_ASCII);

  /** A peer that says what it says, whatever it hears. */
  private static final class Peer implements ByteChannel {
    private final ByteArrayOutputStream heard = new ByteArrayOutputStream();
    private final java.nio.channels.ReadableByteChannel says;

    Peer(FrameWriter frames) {
      says = Channels.newChannel(new ByteArrayInputStream(frames.toByteArray()));
    }

    @Override
    public int read(ByteBuffer to) throws IOException {
      return says.read(to);
    }

    @Override
    public int write(ByteBuffer from) {
      byte[] bytes = new byte[from.remaining()];
      from.get(bytes);
      heard.writeBytes(bytes);
      return bytes.length;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}
  }

  private static FrameWriter hello(byte[] token, Peer peer) throws IOException {
    return Handshake.hello(token, peer, new FrameReader(peer));
  }

  @Test
  void theProofIsTheProtocols() {
    byte[] nonces = new byte[64];
    for (int i = 0; i < nonces.length; i++) {
      nonces[i] = (byte) i;
    }
    assertThat(HexFormat.of().formatHex(Handshake.mac(TOKEN, "berth guest", nonces)))
        .isEqualTo("611a2672f1ef8c71a07305ded63c8662cd1d6dc565ee0693a6cb91326ad78d7c");
  }

  @Test
  void withoutATokenNothingIsAsked() throws IOException {
    Peer peer = new Peer(new FrameWriter(16));
    assertThat(hello(new byte[0], peer).toByteArray())
        .isEqualTo(new byte[] {0, 0, 0, 11, 1, 'B', 'R', 'T', 'H', 0, Wire.VERSION, 0, 0, 0, 0});
    assertThat(peer.heard.size()).isZero();
  }

  @Test
  void whoeverCannotProveTheTokenHearsNothingButANonce() {
    for (FrameWriter answer :
        new FrameWriter[] {
          new FrameWriter(128).begin(Wire.PROOF).raw(new byte[64], 0, 64).end(),
          new FrameWriter(128).begin(Wire.PROOF).raw(new byte[63], 0, 63).end(),
          new FrameWriter(128).begin(Wire.PROOF).raw(new byte[65], 0, 65).end(),
          new FrameWriter(128).begin(Wire.WELCOME).raw(new byte[64], 0, 64).end(),
          new FrameWriter(128)
        }) {
      Peer peer = new Peer(answer);
      assertThatThrownBy(() -> hello(TOKEN, peer)).isInstanceOf(IOException.class);
      assertThat(peer.heard.size()).as("KNOCK alone").isEqualTo(37);
      assertThat(peer.heard.toString(StandardCharsets.ISO_8859_1)).doesNotContain("secret");
    }
  }
}
