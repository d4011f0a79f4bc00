package dev.berth.core.guest;

import dev.berth.ProcessSummary;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The guest's commands as it lists them. */
record Listing(List<ProcessSummary> processes) {
  private static final int SMALLEST_ENTRY = 31;

  static Listing read(FrameReader in) throws IOException {
    long count = in.u32();
    if (count > Wire.MAX_FRAME / SMALLEST_ENTRY) {
      throw new ProtocolException("a listing of " + count + " commands");
    }
    List<ProcessSummary> processes = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      String id = RemoteCommand.name(in.u64());
      boolean running = in.u8() == 0;
      long pid = in.u32();
      int flags = in.u16();
      Duration age = Duration.ofMillis(in.count());
      String program = in.str(256);
      processes.add(
          new ProcessSummary(
              id, pid, program, running, (flags & Wire.KEEP) != 0, (flags & Wire.TTY) != 0, age));
    }
    return new Listing(List.copyOf(processes));
  }
}
