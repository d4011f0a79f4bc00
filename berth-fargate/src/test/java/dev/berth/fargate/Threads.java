package dev.berth.fargate;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The threads of this JVM, virtual ones too. */
final class Threads {
  private static final Pattern LINE = Pattern.compile("#\\d+ \"([^\"]+)\".*");

  /** One for all of the process, and those of pools that end a minute after their use. */
  private static final Pattern STAYS =
      Pattern.compile(
          "berth-clock|berth-open|sshd-(kex-flusher|TcpIpServerChannel-ConnectorCleanup).*");

  private Threads() {}

  /** The names of those that are Berth's, of SSH or of AWS, but for those that stay. */
  static List<String> ofBerth() throws IOException {
    Path folder = Files.createTempDirectory("berth-threads");
    Path dump = folder.resolve("dump");
    List<String> found = new ArrayList<>();
    try {
      ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
          .dumpThreads(dump.toString(), HotSpotDiagnosticMXBean.ThreadDumpFormat.TEXT_PLAIN);
      for (String line : Files.readAllLines(dump)) {
        Matcher matcher = LINE.matcher(line);
        if (matcher.matches()) {
          String name = matcher.group(1);
          boolean ours =
              name.startsWith("berth-")
                  || name.startsWith("sshd-")
                  || name.startsWith("sdk-")
                  || name.startsWith("aws-")
                  || name.startsWith("idle-connection");
          if (ours && !STAYS.matcher(name).matches()) {
            found.add(name);
          }
        }
      }
      return found;
    } finally {
      Files.deleteIfExists(dump);
      Files.delete(folder);
    }
  }
}
