package dev.berth.testkit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** What the host's /proc shows: command lines and mounts. */
public final class HostProcesses {
  private HostProcesses() {}

  /**
   * The processes of this host whose command line has this text in it, and the mounts that have it
   * in theirs: a line for each.
   */
  public static List<String> naming(String text) {
    List<String> found = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        String line = read(process.resolve("cmdline")).replace('\0', ' ').strip();
        if (line.contains(text)) {
          found.add("process " + process.getFileName() + ": " + line);
        }
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    read(Path.of("/proc/self/mountinfo"))
        .lines()
        .filter(mount -> mount.contains(text))
        .forEach(mount -> found.add("mount " + mount));
    return found;
  }

  /**
   * The processes of this user that keep a file open, by any of their first descriptors, whose path
   * has this text in it: a line for each.
   */
  public static List<String> holding(String text) {
    List<String> found = new ArrayList<>();
    for (long pid : pids(line -> true)) {
      for (int descriptor = 0; descriptor < 10; descriptor++) {
        try {
          Path link = Path.of("/proc/" + pid + "/fd/" + descriptor);
          if (Files.readSymbolicLink(link).toString().contains(text)) {
            found.add("process " + pid + " holds " + Files.readSymbolicLink(link));
          }
        } catch (IOException e) {
          // Not open, or not ours to see.
        }
      }
    }
    return found;
  }

  /** Sends SIGKILL to the processes whose command line, joined by blanks, fits. */
  public static void kill(Predicate<String> commandLine) {
    pids(commandLine).forEach(HostProcesses::kill);
  }

  /** Sends SIGKILL to the parents of those whose command line, joined by blanks, fits. */
  public static void killParent(Predicate<String> commandLine) {
    for (long pid : pids(commandLine)) {
      ProcessHandle.of(pid).flatMap(ProcessHandle::parent).ifPresent(parent -> kill(parent.pid()));
    }
  }

  private static void kill(long pid) {
    ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
  }

  private static List<Long> pids(Predicate<String> commandLine) {
    List<Long> found = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        if (commandLine.test(read(process.resolve("cmdline")).replace('\0', ' ').strip())) {
          found.add(Long.parseLong(process.getFileName().toString()));
        }
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    return found;
  }

  /** A file's text; empty if its process is gone meanwhile or is not ours to see. */
  private static String read(Path file) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    } catch (IOException gone) {
      return "";
    }
  }
}
