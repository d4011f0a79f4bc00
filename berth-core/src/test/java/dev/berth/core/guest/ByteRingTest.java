package dev.berth.core.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class ByteRingTest {
  @Test
  void isAQueueOfBytes() {
    Random random = new Random(2);
    ByteRing ring = new ByteRing(1 << 14);
    ArrayDeque<Byte> model = new ArrayDeque<>();
    for (int i = 0; i < 5000; i++) {
      byte[] more = new byte[random.nextInt(Math.min(3000, ring.free() + 1))];
      random.nextBytes(more);
      ring.put(more, 0, more.length);
      for (byte b : more) {
        model.add(b);
      }
      ByteBuffer front = ring.front();
      assertThat(front.remaining() > 0).isEqualTo(!model.isEmpty());
      byte[] some = new byte[random.nextInt(4000)];
      int got = ring.get(some, 0, some.length);
      for (int j = 0; j < got; j++) {
        assertThat(some[j]).isEqualTo(model.remove());
      }
      assertThat(ring.size()).isEqualTo(model.size());
    }
  }

  @Test
  void holdsItsBoundAndNoMore() {
    ByteRing ring = new ByteRing(4096);
    ring.put(new byte[4096], 0, 4096);
    assertThat(ring.free()).isZero();
    assertThatThrownBy(() -> ring.put(new byte[1], 0, 1)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aFrontStaysAsItWasWhileMoreIsPut() {
    ByteRing ring = new ByteRing(1 << 16);
    ring.put(new byte[] {1, 2, 3}, 0, 3);
    ByteBuffer front = ring.front();
    ring.put(new byte[50_000], 0, 50_000);
    assertThat(front).isEqualTo(ByteBuffer.wrap(new byte[] {1, 2, 3}));
  }
}
