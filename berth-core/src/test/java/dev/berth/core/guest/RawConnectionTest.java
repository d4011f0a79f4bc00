package dev.berth.core.guest;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.berth.TransferLimits;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import org.junit.jupiter.api.Test;

class RawConnectionTest {
  /** What is read from it is the end, or an error. */
  private record Ending(boolean broken) implements ByteChannel {
    @Override
    public int read(ByteBuffer to) throws IOException {
      if (broken) {
        throw new IOException("the way broke");
      }
      return -1;
    }

    @Override
    public int write(ByteBuffer from) {
      int all = from.remaining();
      from.position(from.limit());
      return all;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}
  }

  private static void open(ByteChannel channel) throws IOException {
    Spares.Spare spare = new Spares.Spare(channel, new FrameReader(channel), System.nanoTime());
    try (RawConnection raw = RawConnection.again(spare, to -> to.u8(3), TransferLimits.DEFAULT)) {
      raw.open();
    }
  }

  @Test
  void whatTheGuestLetGoOfWasNotBegun() {
    assertThatExceptionOfType(RawConnection.Stale.class).isThrownBy(() -> open(new Ending(false)));
  }

  @Test
  void whatBrokeOnTheWayMayHaveBeenDone() {
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> open(new Ending(true)))
        .isNotInstanceOf(RawConnection.Stale.class)
        .withMessage("the way broke");
  }
}
