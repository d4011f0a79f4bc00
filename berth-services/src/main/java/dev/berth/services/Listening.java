package dev.berth.services;

import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * A socket that listens, as the kernel's tables show it.
 *
 * @param inode its number, as a process's descriptors show it, too
 * @param user who made it
 */
record Listening(String inode, String user) {
  private static final int MOST = 1 << 20;

  /**
   * A line of the table. Who asks for more at once has the kernel search its whole hash of
   * connections for them, for milliseconds.
   */
  private static final int LINE = 150;

  private static final String MAPPED =
      "0".repeat(16) + words(new byte[] {0, 0, (byte) 0xff, (byte) 0xff});

  /**
   * The one that takes connections to this address and port; no two can, as long as none of them
   * shares its port on purpose.
   *
   * @param net a process's {@code /proc/PID/net}: its network
   */
  static Optional<Listening> find(Path net, InetAddress address, int port) throws IOException {
    Set<String> ends = ends(address, port);
    if (address instanceof Inet4Address) {
      Optional<Listening> found = find(net.resolve("tcp"), ends);
      if (found.isPresent()) {
        return found;
      }
    }
    return find(net.resolve("tcp6"), ends);
  }

  /** The local ends, as the tables show them, that take connections to this address. */
  private static Set<String> ends(InetAddress address, int port) {
    String end = String.format(":%04X", port);
    String own = words(address.getAddress());
    String any = "0".repeat(32);
    return address instanceof Inet4Address
        ? Set.of(own + end, "0".repeat(8) + end, any + end, MAPPED + own + end)
        : Set.of(own + end, any + end);
  }

  /** Four bytes at a time as the number that they are to this machine. */
  private static String words(byte[] bytes) {
    ByteBuffer from = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    StringBuilder text = new StringBuilder();
    while (from.hasRemaining()) {
      text.append(String.format("%08X", from.getInt()));
    }
    return text.toString();
  }

  /** Reads line by line; those that listen come first. */
  private static Optional<Listening> find(Path table, Set<String> ends) throws IOException {
    byte[] buffer = new byte[LINE];
    StringBuilder text = new StringBuilder();
    boolean head = true;
    try (InputStream from = new FileInputStream(table.toFile())) {
      for (int taken = 0; taken < MOST; ) {
        int count = from.read(buffer);
        if (count < 0) {
          break;
        }
        taken += count;
        text.append(new String(buffer, 0, count, StandardCharsets.ISO_8859_1));
        for (int end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
          String[] fields = text.substring(0, end).strip().split("\\s+", 11);
          text.delete(0, end + 1);
          if (!head && (fields.length < 10 || !fields[3].equals("0A"))) {
            return Optional.empty();
          }
          if (!head && ends.contains(fields[1])) {
            return Optional.of(new Listening(fields[9], fields[7]));
          }
          head = false;
        }
      }
    } catch (FileNotFoundException e) {
      // A host without IPv6, or the process has ended.
    }
    return Optional.empty();
  }
}
