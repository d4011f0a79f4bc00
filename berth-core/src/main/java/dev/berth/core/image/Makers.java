package dev.berth.core.image;

import dev.berth.core.process.HostProcess;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Programs that still make an image whose asker was killed. */
final class Makers {
  /** The variable that holds the mark. */
  static final String MARK = "BERTH_MAKES";

  private static final int LONGEST = 1 << 20;

  private Makers() {}

  /**
   * Kills the programs that were started with {@link ImageStore#mark the mark} of this maker, which
   * no other has, and what they have started. Who merely has its name on a command line, such as an
   * editor or a search, is none of them.
   */
  static void kill(String maker) {
    String mark = MARK + "=" + maker;
    List<ProcessHandle> makers = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        if (has(process.resolve("environ"), mark)) {
          ProcessHandle.of(Long.parseLong(process.getFileName().toString())).ifPresent(makers::add);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // Without /proc nothing can be found; the leftover goes nevertheless.
    }
    List<ProcessHandle> all = new ArrayList<>(makers);
    makers.forEach(process -> process.descendants().forEach(all::add));
    all.forEach(process -> HostProcess.of(process.pid()).ifPresent(HostProcess::kill));
  }

  private static boolean has(Path environment, String variable) {
    try (FileInputStream in = new FileInputStream(environment.toFile())) {
      String text = new String(in.readNBytes(LONGEST), StandardCharsets.ISO_8859_1);
      return List.of(text.split("\0", -1)).contains(variable);
    } catch (IOException gone) {
      return false;
    }
  }
}
