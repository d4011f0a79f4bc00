package dev.berth.fargate.ssh;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ArrivedTest {
  private final Arrived arrived = new Arrived();

  @Test
  void bytesOneByOneTakeLittleMoreMemoryThanTogether() {
    for (int i = 0; i < 1 << 20; i++) {
      arrived.add(new byte[] {(byte) i}, 0, 1);
    }
    assertThat(arrived.bytes()).isEqualTo(1 << 20);
    assertThat(arrived.buffers()).isLessThan(100);
  }

  @Test
  void whatComesInPiecesIsTakenInOtherPieces() {
    Random random = new Random(1);
    byte[] all = new byte[1 << 20];
    random.nextBytes(all);
    ByteArrayOutputStream taken = new ByteArrayOutputStream();
    int from = 0;
    while (taken.size() < all.length) {
      int part = Math.min(all.length - from, random.nextInt(random.nextBoolean() ? 10 : 50_000));
      arrived.add(all, from, part);
      from += part;
      ByteBuffer to = ByteBuffer.allocate(random.nextInt(40_000));
      assertThat(arrived.take(to)).isEqualTo(to.position());
      taken.write(to.array(), 0, to.position());
      assertThat(arrived.bytes()).isEqualTo(from - taken.size());
      assertThat(arrived.isEmpty()).isEqualTo(from == taken.size());
    }
    assertThat(taken.toByteArray()).isEqualTo(all);
  }
}
