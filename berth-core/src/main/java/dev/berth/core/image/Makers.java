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
  private static final int LONGEST = 1 << 20;

  private Makers() {}

  /**
   * Kills the programs that have this name of a leftover, which no other has, on their command line
   * or in their environment, and what they have started.
   */
  static void kill(String leftover) {
    List<ProcessHandle> makers = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        if (names(process.resolve("cmdline"), leftover)
            || names(process.resolve("environ"), leftover)) {
          ProcessHandle.of(Long.parseLong(process.getFileName().toString())).ifPresent(makers::add);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // Without /proc nothing can be found; the leftover goes nevertheless.
    }
    List<ProcessHandle> all = new ArrayList<>(makers);
    makers.forEach(maker -> maker.descendants().forEach(all::add));
    all.forEach(process -> HostProcess.of(process.pid()).ifPresent(HostProcess::kill));
  }

  private static boolean names(Path file, String text) {
    try (FileInputStream in = new FileInputStream(file.toFile())) {
      return new String(in.readNBytes(LONGEST), StandardCharsets.ISO_8859_1).contains(text);
    } catch (IOException gone) {
      return false;
    }
  }
}
