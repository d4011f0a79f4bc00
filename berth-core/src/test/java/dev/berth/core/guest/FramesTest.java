package dev.berth.core.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class FramesTest {
  private static FrameReader reader(byte[] bytes) {
    return new FrameReader(Channels.newChannel(new ByteArrayInputStream(bytes)));
  }

  @Test
  void whatIsWrittenIsRead() throws IOException {
    FrameWriter writer = new FrameWriter(1);
    writer.begin(7).u8(1).u16(65535).u32(0xffff_ffffL).u64(-2).str("ä\n").end();
    writer.begin(8).raw(new byte[Wire.MAX_FRAME - 1], 0, Wire.MAX_FRAME - 1).end();
    writer.begin(9).end();
    FrameReader reader = reader(writer.toByteArray());
    assertThat(reader.next()).isEqualTo(7);
    assertThat(reader.u8()).isEqualTo(1);
    assertThat(reader.u16()).isEqualTo(65535);
    assertThat(reader.u32()).isEqualTo(0xffff_ffffL);
    assertThat(reader.u64()).isEqualTo(-2);
    assertThat(reader.str(10)).isEqualTo("ä\ufffd");
    reader.end();
    assertThat(reader.next()).isEqualTo(8);
    assertThat(reader.rest().remaining()).isEqualTo(Wire.MAX_FRAME - 1);
    assertThat(reader.next()).isEqualTo(9);
    reader.end();
    assertThat(reader.next()).isEqualTo(-1);
  }

  @Test
  void framesInPiecesOfAnySize() throws IOException {
    Random random = new Random(11);
    FrameWriter writer = new FrameWriter(16);
    int[] sizes = random.ints(300, 0, 70_000).toArray();
    for (int size : sizes) {
      byte[] data = new byte[size];
      Arrays.fill(data, (byte) size);
      writer.begin(size & 127).raw(data, 0, size).end();
    }
    ByteBuffer all = writer.view();
    ReadableByteChannel pieces =
        new ReadableByteChannel() {
          @Override
          public int read(ByteBuffer to) {
            if (!all.hasRemaining()) {
              return -1;
            }
            int count = 1 + random.nextInt(Math.min(to.remaining(), all.remaining()));
            to.put(all.slice(all.position(), count));
            all.position(all.position() + count);
            return count;
          }

          @Override
          public boolean isOpen() {
            return true;
          }

          @Override
          public void close() {}
        };
    FrameReader reader = new FrameReader(pieces);
    for (int size : sizes) {
      assertThat(reader.next()).isEqualTo(size & 127);
      ByteBuffer rest = reader.rest();
      assertThat(rest.remaining()).isEqualTo(size);
      if (size > 0) {
        assertThat(rest.get(size - 1)).isEqualTo((byte) size);
      }
    }
    assertThat(reader.next()).isEqualTo(-1);
  }

  @Test
  void anAnnouncedFrameTakesNoMemoryBeforeItComes() {
    // 1 MiB announced a thousand times, never sent: a reader that believed it would take a
    // gigabyte.
    FrameReader[] readers = new FrameReader[2000];
    for (int i = 0; i < readers.length; i++) {
      readers[i] = reader(new byte[] {0, 15, (byte) 255, (byte) 255, 1, 2, 3});
      FrameReader one = readers[i];
      assertThatThrownBy(one::next).isInstanceOf(ProtocolException.class);
    }
    assertThat(readers).hasSize(2000);
  }

  @Test
  void garbageIsRefusedOrReadWithinItsBounds() {
    Random random = new Random(3);
    for (int round = 0; round < 3000; round++) {
      byte[] bytes = new byte[random.nextInt(200)];
      random.nextBytes(bytes);
      for (int i = 0; i + 3 < bytes.length && random.nextBoolean(); i += 20) {
        bytes[i] = 0;
        bytes[i + 1] = 0;
        bytes[i + 2] = 0;
      }
      FrameReader reader = reader(bytes);
      try {
        for (int type = reader.next(); type >= 0; type = reader.next()) {
          if (type == Wire.EXIT) {
            Exit.read(reader);
          } else if (type == Wire.LISTING) {
            Listing.read(reader);
          } else {
            reader.str(100);
          }
          reader.end();
        }
      } catch (ProtocolException e) {
        assertThat(e.getMessage()).isNotBlank();
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }
  }
}
