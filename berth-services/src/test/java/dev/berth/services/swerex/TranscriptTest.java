package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is kept of much output. */
class TranscriptTest {
  private final Transcript transcript = new Transcript();

  private void add(byte[] bytes) {
    transcript.add(bytes, 0, bytes.length);
  }

  @Test
  void allOfLittle() {
    add("one".getBytes(StandardCharsets.UTF_8));
    add("two".getBytes(StandardCharsets.UTF_8));
    assertThat(transcript.bytes()).asString().isEqualTo("onetwo");
    assertThat(transcript.last(4)).asString().isEqualTo("etwo");
    assertThat(transcript.last(99)).asString().isEqualTo("onetwo");
    transcript.clear();
    assertThat(transcript.bytes()).isEmpty();
    assertThat(transcript.total()).isZero();
  }

  @Test
  void bothEndsOfMuch() {
    byte[] all = new byte[5 * Transcript.HALF / 2 + 12345];
    new Random(7).nextBytes(all);
    Random pieces = new Random(8);
    for (int at = 0; at < all.length; ) {
      int to = Math.min(all.length, at + 1 + pieces.nextInt(300_000));
      transcript.add(all, at, to);
      at = to;
    }
    byte[] kept = transcript.bytes();
    int half = Transcript.HALF;
    assertThat(Arrays.equals(kept, 0, half, all, 0, half)).isTrue();
    assertThat(
            Arrays.equals(
                kept, kept.length - half, kept.length, all, all.length - half, all.length))
        .isTrue();
    assertThat(new String(kept, half, kept.length - 2 * half, StandardCharsets.UTF_8))
        .contains((all.length - 2 * half) + " bytes left out");
    assertThat(transcript.last(1000))
        .isEqualTo(Arrays.copyOfRange(all, all.length - 1000, all.length));
  }

  @Test
  void onePieceThatIsLargerThanAllThatIsKept() {
    byte[] all = new byte[3 * Transcript.HALF + 5];
    new Random(9).nextBytes(all);
    add(all);
    byte[] kept = transcript.bytes();
    assertThat(kept[0]).isEqualTo(all[0]);
    assertThat(transcript.last(Transcript.HALF))
        .isEqualTo(Arrays.copyOfRange(all, all.length - Transcript.HALF, all.length));
    assertThat(transcript.total()).isEqualTo(all.length);
  }

  @Test
  void aLittleMoreThanTheFirstHalf() {
    byte[] all = new byte[Transcript.HALF + 3];
    Arrays.fill(all, (byte) 'x');
    add(all);
    assertThat(transcript.bytes()).isEqualTo(all);
    assertThat(transcript.last(10)).hasSize(10).containsOnly('x');
  }

  @Test
  void textOfAnyBytes() {
    assertThat(TerminalText.decode(new byte[] {'a', (byte) 0xff, (byte) 0xc3, 'b'}))
        .isEqualTo("a\\xff\\xc3b");
    assertThat(TerminalText.decode("größe €".getBytes(StandardCharsets.UTF_8)))
        .isEqualTo("größe €");
    byte[] escapes =
        "\u001b[1;31mred\u001b[0m \u001b]0;title\u0007t \u001b]8;;x\u001b\\l \u001bPdcs\u001b\\d \u001b(Bb \u001b=k"
            .getBytes(StandardCharsets.UTF_8);
    assertThat(TerminalText.readable(escapes, false)).isEqualTo("red t l d b k");
    assertThat(TerminalText.readable("a\r\nb\n".getBytes(StandardCharsets.UTF_8), true))
        .isEqualTo("a\nb\n");
  }
}
