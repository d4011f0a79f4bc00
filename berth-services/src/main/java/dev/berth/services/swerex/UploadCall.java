package dev.berth.services.swerex;

import dev.berth.core.state.Scratch;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.commons.fileupload2.core.FileUploadException;
import org.apache.commons.fileupload2.core.MultipartInput;
import org.apache.commons.fileupload2.core.ParameterParser;
import org.jspecify.annotations.Nullable;

/**
 * The upload of swe-rex: a form with a file, where it goes, and whether it is a zip file to be
 * unpacked there. The file stands in a folder of its own on the host meanwhile. Thread-safe.
 */
final class UploadCall {
  /** The largest file, in bytes. */
  static final long MOST_BYTES = 8L << 30;

  private static final int MOST_PARTS = 16;
  private static final int MOST_FIELD = 64 << 10;
  private static final int BUFFER = 64 << 10;

  /** The JDK says why it refuses a zip file only if that has this name. */
  private static final String FILE = "file.zip";

  private final Runtime runtime;

  UploadCall(Runtime runtime) {
    this.runtime = runtime;
  }

  /** What has come. Closing it removes the folder. */
  record Received(Scratch scratch, String target, boolean unzip) implements AutoCloseable {
    Path file() {
      return scratch.path().resolve(FILE);
    }

    @Override
    public void close() {
      scratch.close();
    }
  }

  /** Reads the form. */
  Received receive(@Nullable String contentType, InputStream in)
      throws IOException, RuntimeServer.Refused {
    Map<String, String> type = parameters(contentType == null ? "" : contentType);
    String boundary = type.get("boundary");
    if (!type.containsKey("multipart/form-data") || boundary == null || boundary.isEmpty()) {
      throw new RuntimeServer.Refused(422, "An upload must be multipart/form-data.");
    }
    Scratch scratch = Scratch.make();
    boolean done = false;
    try {
      Received received = read(in, boundary, scratch);
      done = true;
      return received;
    } catch (FileUploadException e) {
      throw new RuntimeServer.Refused(422, "The form cannot be read: " + e.getMessage());
    } finally {
      if (!done) {
        scratch.close();
      }
    }
  }

  private static Received read(InputStream in, String boundary, Scratch scratch)
      throws IOException, RuntimeServer.Refused {
    MultipartInput form =
        MultipartInput.builder()
            .setInputStream(in)
            .setBoundary(boundary.getBytes(StandardCharsets.ISO_8859_1))
            .setBufferSize(BUFFER)
            .get();
    Map<String, String> fields = new LinkedHashMap<>();
    boolean file = false;
    int parts = 0;
    for (boolean more = form.skipPreamble(); more; more = form.readBoundary()) {
      if (++parts > MOST_PARTS) {
        throw new RuntimeServer.Refused(422, "The form has too many parts.");
      }
      String name = name(form.readHeaders());
      if (name.equals("file") && !file) {
        try (OutputStream out = Files.newOutputStream(scratch.path().resolve(FILE))) {
          form.readBodyData(new Limited(out, MOST_BYTES));
        }
        file = true;
      } else {
        ByteArrayOutputStream value = new ByteArrayOutputStream();
        form.readBodyData(new Limited(value, MOST_FIELD));
        fields.put(name, value.toString(StandardCharsets.UTF_8));
      }
    }
    String target = fields.getOrDefault("target_path", "");
    if (!file || target.isEmpty()) {
      throw new RuntimeServer.Refused(422, "The form needs file and target_path.");
    }
    return new Received(scratch, target, truth(fields.getOrDefault("unzip", "false")));
  }

  private static boolean truth(String text) throws RuntimeServer.Refused {
    return switch (text.toLowerCase(java.util.Locale.ROOT)) {
      case "true", "1", "yes", "on" -> true;
      case "false", "0", "no", "off" -> false;
      default -> throw new RuntimeServer.Refused(422, "unzip must be true or false.");
    };
  }

  private static String name(String headers) {
    for (String header : headers.split("\r\n")) {
      int colon = header.indexOf(':');
      if (colon > 0 && header.substring(0, colon).strip().equalsIgnoreCase("content-disposition")) {
        return parameters(header.substring(colon + 1)).getOrDefault("name", "");
      }
    }
    return "";
  }

  private static Map<String, String> parameters(String header) {
    ParameterParser parser = new ParameterParser();
    parser.setLowerCaseNames(true);
    Map<String, String> all = new LinkedHashMap<>();
    // One without a value stands for itself.
    parser.parse(header, ';').forEach((name, value) -> all.put(name, value == null ? "" : value));
    return all;
  }

  /** Hands on what was received. */
  RuntimeServer.Answer put(Received received) throws InterruptedException, IOException {
    try {
      Path what = received.file();
      if (received.unzip()) {
        what = Files.createDirectory(received.scratch().path().resolve("tree"));
        ZipTree.unpack(received.file(), what);
      }
      runtime.upload(what, received.target());
      return RuntimeServer.Answer.of(200, Map.of());
    } catch (SwerexException e) {
      return RuntimeCalls.failed(e);
    }
  }

  /** Takes so many bytes and no more. */
  private static final class Limited extends OutputStream {
    private final OutputStream to;
    private long left;

    Limited(OutputStream to, long most) {
      this.to = to;
      this.left = most;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      left -= length;
      if (left < 0) {
        throw new FileUploadException("a part is too large");
      }
      to.write(bytes, offset, length);
    }
  }
}
