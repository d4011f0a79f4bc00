package dev.berth.apptainer;

import dev.berth.CreateException;
import dev.berth.core.process.Reason;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The head of a .sif file, as far as it tells a whole one from a damaged one. Apptainer's own
 * messages speak of loop devices and signatures then. The format is the Singularity Image Format's,
 * version 1.
 */
final class SifFile {
  private static final byte[] MAGIC = "SIF_MAGIC\0".getBytes(StandardCharsets.US_ASCII);
  private static final int MAGIC_AT = 32;
  private static final int DATA_AT = 112;
  private static final int HEAD = 128;

  private SifFile() {}

  /**
   * Looks at a file that its name calls a .sif file; at no other, as Apptainer knows older forms of
   * images too.
   *
   * @throws CreateException if it is none, or not all of one
   */
  static void check(Path file) {
    if (!file.toString().endsWith(".sif")) {
      return;
    }
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      byte[] head = new byte[HEAD];
      int length = in.length() < HEAD ? 0 : HEAD;
      in.readFully(head, 0, length);
      ByteBuffer fields = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN);
      if (!fields.slice(MAGIC_AT, MAGIC.length).equals(ByteBuffer.wrap(MAGIC))) {
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
