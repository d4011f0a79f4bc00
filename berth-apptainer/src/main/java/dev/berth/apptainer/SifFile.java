package dev.berth.apptainer;

import dev.berth.CreateException;
import dev.berth.core.process.Reason;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The head of an image file, as far as it tells an image from something else, and a whole one from
 * a damaged one. Apptainer's own messages speak of loop devices and signatures then; and what is no
 * image it takes for a definition when it is to unpack it, and runs the commands in that on this
 * host. The formats are the Singularity Image Format, version 1, and squashfs, bare or after the
 * first line that Singularity 2 gave it.
 */
final class SifFile {
  private static final byte[] MAGIC = "SIF_MAGIC\0".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] SQUASHFS = "hsqs".getBytes(StandardCharsets.US_ASCII);
  private static final int MAGIC_AT = 32;
  private static final int DATA_AT = 112;
  private static final int HEAD = 128;

  private SifFile() {}

  /**
   * Looks at a file that is to be used as an image, whatever its name.
   *
   * @throws CreateException if it is none, or not all of one
   */
  static void check(Path file) {
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      byte[] head = new byte[HEAD];
      int length = in.length() < HEAD ? 0 : HEAD;
      in.readFully(head, 0, length);
      ByteBuffer fields = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN);
      int line = firstLine(head);
      if (starts(head, line, SQUASHFS)) {
        return;
      }
      if (!starts(head, MAGIC_AT, MAGIC) || !empty(head, line)) {
        throw damaged(file, "it is no SIF file: it does not begin like one", null);
      }
      long end = fields.getLong(DATA_AT) + fields.getLong(DATA_AT + Long.BYTES);
      if (end > in.length()) {
        throw damaged(
            file,
            "it is cut off: it has " + in.length() + " bytes, and says that it should have " + end,
            null);
      }
    } catch (IOException e) {
      throw damaged(file, Reason.of(e), e);
    }
  }

  /** Where the line ends that a shell would run; 0 if it begins with none. */
  private static int firstLine(byte[] head) {
    if (head[0] != '#' || head[1] != '!') {
      return 0;
    }
    int at = 0;
    while (at < MAGIC_AT && head[at] != '\n') {
      at++;
    }
    return at < MAGIC_AT ? at + 1 : 0;
  }

  private static boolean starts(byte[] head, int at, byte[] with) {
    return Arrays.equals(head, at, at + with.length, with, 0, with.length);
  }

  /** Text there could be a definition around the rest. */
  private static boolean empty(byte[] head, int from) {
    for (int at = from; at < MAGIC_AT; at++) {
      if (head[at] != 0) {
        return false;
      }
    }
    return true;
  }

  private static CreateException damaged(
      Path file, String why, @org.jspecify.annotations.Nullable IOException e) {
    return new CreateException(
        ApptainerProvider.NAME,
        null,
        "Tried to use the image "
            + file
            + ", but "
            + why
            + ". Fetch, copy or build it again (apptainer sif list shows what is in a whole one).",
        e);
  }
}
