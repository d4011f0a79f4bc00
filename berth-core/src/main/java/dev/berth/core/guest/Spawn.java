package dev.berth.core.guest;

import dev.berth.Command;
import dev.berth.RequestException;
import dev.berth.TerminalSize;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * A SPAWN frame, ready to be sent, and to be sent again: by its id the guest knows it and starts
 * nothing twice.
 *
 * @param timeout when the guest ends it; null for never
 */
record Spawn(
    long id, int flags, int window, FrameWriter frame, String program, @Nullable Duration timeout) {
  static final int WINDOW = 1 << 18;
  static final int KEPT_WINDOW = 1 << 20;

  /**
   * Longer than any reconnect takes, so that a command is never dropped while its host tries to
   * come back.
   */
  private static final Duration LINGER = GuestClient.MOST_PATIENCE.multipliedBy(2);

  private static final long MOST_MILLIS = 0xffff_ffffL;

  /**
   * A frame for this command with the sandbox's defaults under it.
   *
   * @throws RequestException if it does not fit into a frame
   */
  static Spawn of(
      Command command, Defaults defaults, int flags, @Nullable TerminalSize size, Faults faults) {
    long id = 0;
    while (id == 0) {
      id = ThreadLocalRandom.current().nextLong();
    }
    boolean kept = (flags & Wire.KEEP) != 0;
    int all = flags | (command.killsRemains() ? Wire.WHOLE : 0);
    Duration given = command.timeout();
    Duration timeout = given == null && !kept ? defaults.timeout() : given;
    if (Command.FOREVER.equals(timeout)) {
      timeout = null;
    }
    int window = kept ? KEPT_WINDOW : WINDOW;
    Map<String, String> env = new LinkedHashMap<>(defaults.env());
    env.putAll(command.env());
    FrameWriter frame = new FrameWriter(512).begin(Wire.SPAWN);
    frame.u64(id).u16(all).u32(guestTimeout(timeout)).u32(command.grace().toMillis());
    frame.u32(LINGER.toMillis()).u32(window);
    frame.u16(size == null ? 0 : size.rows()).u16(size == null ? 0 : size.columns());
    frame.str(or(command.directory(), defaults.directory()));
    frame.str(or(command.user(), defaults.user()));
    frame.u32(env.size());
    env.forEach((name, value) -> frame.str(name + "=" + value));
    List<String> arguments = command.arguments();
    frame.u32(arguments.size());
    arguments.forEach(frame::str);
    if (frame.size() - 4 > Wire.MAX_FRAME) {
      throw faults.request(
          "Tried to run a command whose arguments and environment take "
              + frame.size()
              + " bytes; at most 1 MiB can be sent. Upload a file and name it instead.");
    }
    return new Spawn(id, all, window, frame.end(), command.arguments().get(0), timeout);
  }

  /**
   * In the guest's milliseconds, rounded up; 0, no limit, for what it cannot count: then the host's
   * own deadline ends the command.
   */
  private static long guestTimeout(@Nullable Duration timeout) {
    if (timeout == null || timeout.compareTo(Duration.ofMillis(MOST_MILLIS)) > 0) {
      return 0;
    }
    return Math.max(1, timeout.plusNanos(999_999).toMillis());
  }

  private static byte[] or(@Nullable String first, @Nullable String second) {
    String text = first != null ? first : second;
    return text == null ? new byte[0] : text.getBytes(StandardCharsets.UTF_8);
  }
}
