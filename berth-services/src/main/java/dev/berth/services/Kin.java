package dev.berth.services;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * A service's processes as this host's {@code /proc} shows them: all below the supervisor of its
 * command. They are found by a mark in their environment, which every process that the server
 * starts inherits. Sandboxes on other hosts have none here.
 */
final class Kin {
  /** The variable that carries the mark; its value is no secret. */
  static final String MARK = "BERTH_SERVICE";

  private static final Path PROC = Path.of("/proc");
  private static final Path SUBORDINATE = Path.of("/etc/subuid");

  private static final int MOST = 20_000;

  /** Not every kernel is built with it. */
  private static final Path SEES_CHILDREN =
      Path.of("/proc/self/task/" + ProcessHandle.current().pid() + "/children");

  private final long leader;
  private final long supervisor;

  private Kin(long leader, long supervisor) {
    this.leader = leader;
    this.supervisor = supervisor;
  }

  /** Who listens on a port. */
  enum Listener {
    /** Nobody. */
    NOBODY,
    /** One of ours. */
    KIN,
    /** Another process. */
    STRANGER,
    /** Somebody whose descriptors cannot be seen. */
    UNKNOWN
  }

  /** Finds the processes with this mark: the topmost one and its parent. */
  static Optional<Kin> find(String mark) {
    byte[] entry = entry(mark);
    for (long pid : newestFirst()) {
      if (hasMark(pid, entry)) {
        long top = pid;
        long parent = parent(top);
        while (parent > 1 && hasMark(parent, entry)) {
          top = parent;
          parent = parent(top);
        }
        return parent > 1 ? Optional.of(new Kin(top, parent)) : Optional.empty();
      }
    }
    return Optional.empty();
  }

  private static byte[] entry(String mark) {
    return (MARK + "=" + mark + "\0").getBytes(StandardCharsets.US_ASCII);
  }

  private static List<Long> newestFirst() {
    List<Long> pids = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(PROC, "[0-9]*")) {
      all.forEach(each -> pids.add(Long.parseLong(each.getFileName().toString())));
    } catch (IOException e) {
      return List.of();
    }
    pids.sort(Comparator.reverseOrder());
    return pids;
  }

  private static boolean hasMark(long pid, byte[] entry) {
    try {
      byte[] all = Files.readAllBytes(PROC.resolve(pid + "/environ"));
      for (int at = 0; at + entry.length <= all.length; at++) {
        if ((at == 0 || all[at - 1] == 0)
            && java.util.Arrays.equals(all, at, at + entry.length, entry, 0, entry.length)) {
          return true;
        }
      }
    } catch (IOException e) {
      // Gone, or not ours to see.
    }
    return false;
  }

  private static long parent(long pid) {
    try {
      String stat =
          new String(Files.readAllBytes(PROC.resolve(pid + "/stat")), StandardCharsets.ISO_8859_1);
      return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 4).split(" ", 2)[0]);
    } catch (IOException | RuntimeException e) {
      return 0;
    }
  }

  /**
   * Who listens on this port of the host, as far as can be told without knowing the server's
   * processes: this user with its subordinate ids, or another one. Processes of subordinate ids are
   * not open to the user's eyes.
   */
  static Listener owner(InetAddress address, int port) {
    try {
      String own = Files.getAttribute(PROC.resolve("self"), "unix:uid").toString();
      return Listening.find(PROC.resolve("self/net"), address, port)
          .map(Listening::user)
          .filter(user -> !user.equals(own) && !isSubordinate(own, Long.parseLong(user)))
          .map(user -> Listener.STRANGER)
          .orElse(Listener.UNKNOWN);
    } catch (IOException e) {
      return Listener.STRANGER;
    }
  }

  private static boolean isSubordinate(String user, long id) {
    try {
      String name = System.getProperty("user.name");
      for (String line : Files.readAllLines(SUBORDINATE, StandardCharsets.ISO_8859_1)) {
        String[] fields = line.strip().split(":", -1);
        if (fields.length == 3 && (fields[0].equals(name) || fields[0].equals(user))) {
          long above = id - Long.parseLong(fields[1]);
          if (above >= 0 && above < Long.parseLong(fields[2])) {
            return true;
          }
        }
      }
    } catch (IOException | NumberFormatException e) {
      // None, or none that can be read.
    }
    return false;
  }

  /** Who listens on this port where a connection to this address comes, in the server's network. */
  Listener listener(InetAddress address, int port) {
    if (!Files.exists(SEES_CHILDREN)) {
      return Listener.UNKNOWN;
    }
    Optional<Listening> listening;
    try {
      // The server may have ended already; the supervisor shares its network.
      Path net = PROC.resolve(leader + "/net");
      listening =
          Listening.find(
              Files.exists(net) ? net : PROC.resolve(supervisor + "/net"), address, port);
    } catch (IOException e) {
      return Listener.UNKNOWN;
    }
    if (listening.isEmpty()) {
      return Listener.NOBODY;
    }
    String wanted = "socket:[" + listening.get().inode() + "]";
    boolean blind = false;
    for (long pid : below(supervisor)) {
      try {
        if (holds(pid, wanted)) {
          return Listener.KIN;
        }
      } catch (NoSuchFileException e) {
        // It has ended.
      } catch (IOException e) {
        blind = true;
      }
    }
    return blind ? Listener.UNKNOWN : Listener.STRANGER;
  }

  private static boolean holds(long pid, String wanted) throws IOException {
    try (DirectoryStream<Path> all = Files.newDirectoryStream(PROC.resolve(pid + "/fd"))) {
      for (Path each : all) {
        try {
          if (Files.readSymbolicLink(each).toString().equals(wanted)) {
            return true;
          }
        } catch (NoSuchFileException e) {
          // Closed meanwhile.
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return false;
  }

  /** The processes below one, parents before their children. */
  private static List<Long> below(long top) {
    List<Long> found = new ArrayList<>();
    Deque<Long> todo = new ArrayDeque<>(List.of(top));
    while (!todo.isEmpty() && found.size() < MOST) {
      long pid = todo.poll();
      for (long child : children(pid)) {
        found.add(child);
        todo.add(child);
      }
    }
    return found;
  }

  private static List<Long> children(long pid) {
    List<Long> children = new ArrayList<>();
    try (DirectoryStream<Path> tasks =
        Files.newDirectoryStream(PROC.resolve(pid + "/task"), "[0-9]*")) {
      for (Path task : tasks) {
        String text =
            new String(Files.readAllBytes(task.resolve("children")), StandardCharsets.US_ASCII);
        for (String each : text.split(" ", -1)) {
          if (!each.isBlank()) {
            children.add(Long.parseLong(each.strip()));
          }
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // It has ended.
    }
    return children;
  }
}
