package dev.berth.core.config;

import dev.berth.RequestException;
import dev.berth.core.process.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads a text file that a person wrote: UTF-8, at most 1 MiB. */
final class TextFile {
  private static final int LARGEST = 1 << 20;

  private TextFile() {}

  static String read(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(LARGEST + 1);
      if (bytes.length > LARGEST) {
        throw new RequestException("Tried to read " + file + ", but it is larger than 1 MiB.");
      }
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new RequestException(
          null, null, "Tried to read " + file + ", but it is no UTF-8 text.", e);
    } catch (IOException e) {
      throw new RequestException(
          null, null, "Tried to read " + file + ", but " + Reason.of(e) + ".", e);
    }
  }
}
