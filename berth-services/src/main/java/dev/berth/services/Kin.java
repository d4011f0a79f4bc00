package dev.berth.services;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A service's processes as this host's {@code /proc} shows them: all below the supervisor of its
 * command. They are found by a mark in their environment, which every process that the server
 * starts inherits. Sandboxes on other hosts have none here.
 */
final class Kin {
  /** The variable that carries the mark; its value is no secret. */
  static final String MARK = "BERTH_SERVICE";

  private static final Path PROC = Path.of("/proc");
  /** Fields of the kernel's tables. */
  private static final int USER = 7;

  private static final int INODE = 9;
  private static final int MOST = 20_000;
  private static final int MOST_ROUNDS = 20;

  /** Not every kernel is built with it. */
  private static final Path SEES_CHILDREN =
      Path.of("/proc/self/task/" + ProcessHandle.current().pid() + "/children");

  private static final String MAPPED =
      "0".repeat(16) + words(new byte[] {0, 0, (byte) 0xff, (byte) 0xff});

  private final byte[] entry;
  private final long leader;
  private final long supervisor;
  private final long guest;

  private Kin(byte[] entry, long leader, long supervisor) {
    this.entry = entry;
    this.leader = leader;
    this.supervisor = supervisor;
    this.guest = parent(supervisor);
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
        return parent > 1 ? Optional.of(new Kin(entry, top, parent)) : Optional.empty();
      }
    }
    return Optional.empty();
  }

  private static byte[] entry(String mark) {
    return (MARK + "=" + mark + "\0").getBytes(StandardCharsets.US_ASCII);
  }

  /**
   * Kills those that are left when the command has ended by itself: they hang below the guest then,
   * and are no command's any more.
   */
  void killLeft() {
    for (int i = 0; i < MOST_ROUNDS; i++) {
      List<Long> left = below(guest).stream().filter(pid -> hasMark(pid, entry)).toList();
      if (left.isEmpty()) {
        return;
      }
      left.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
    }
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
          new String(
              Files.readAllBytes(PROC.resolve(pid + "/stat")), StandardCharsets.ISO_8859_1);
      return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 4).split(" ", 2)[0]);
    } catch (IOException | RuntimeException e) {
      return 0;
    }
  }

  /**
   * Who listens on this port of the host, as far as can be told without knowing the server's
   * processes: this user, or another one.
   */
  static Listener owner(InetAddress address, int port) {
    Set<String> ends = ends(address, port);
    try {
      String own = Files.getAttribute(PROC.resolve("self"), "unix:uid").toString();
      Set<String> owners = new HashSet<>(listening(PROC.resolve("self/net/tcp"), ends, USER));
      owners.addAll(listening(PROC.resolve("self/net/tcp6"), ends, USER));
      owners.remove(own);
      return owners.isEmpty() ? Listener.UNKNOWN : Listener.STRANGER;
    } catch (IOException e) {
      return Listener.STRANGER;
    }
  }

  /** Who listens on this port where a connection to this address comes, in the server's network. */
  Listener listener(InetAddress address, int port) {
    if (!Files.exists(SEES_CHILDREN)) {
      return Listener.UNKNOWN;
    }
    Set<String> inodes = new HashSet<>();
    Set<String> ends = ends(address, port);
    try {
      // The server may have ended already; the supervisor shares its network.
      String of = Files.exists(PROC.resolve(leader + "/net/tcp")) ? "" + leader : "" + supervisor;
      inodes.addAll(listening(PROC.resolve(of + "/net/tcp"), ends, INODE));
      inodes.addAll(listening(PROC.resolve(of + "/net/tcp6"), ends, INODE));
    } catch (IOException e) {
      return Listener.UNKNOWN;
    }
    if (inodes.isEmpty()) {
      return Listener.NOBODY;
    }
    boolean blind = false;
    for (long pid : below(supervisor)) {
      try {
        inodes.removeAll(sockets(pid));
      } catch (NoSuchFileException e) {
        // It has ended.
      } catch (IOException e) {
        blind = true;
      }
      if (inodes.isEmpty()) {
        return Listener.KIN;
      }
    }
    return blind ? Listener.UNKNOWN : Listener.STRANGER;
  }

  /** The local ends, as the kernel's tables show them, that take connections to this address. */
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

  /** A field of the sockets that listen at one of these. Those that listen come first. */
  private static Set<String> listening(Path table, Set<String> ends, int field)
      throws IOException {
    Set<String> values = new HashSet<>();
    try (BufferedReader lines = Files.newBufferedReader(table, StandardCharsets.ISO_8859_1)) {
      lines.readLine();
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] fields = line.strip().split("\\s+", 11);
        if (fields.length < 10 || !fields[3].equals("0A")) {
          break;
        }
        if (ends.contains(fields[1])) {
          values.add(fields[field]);
        }
      }
    } catch (NoSuchFileException e) {
      // A host without IPv6.
    }
    return values;
  }

  private static Set<String> sockets(long pid) throws IOException {
    Set<String> inodes = new HashSet<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(PROC.resolve(pid + "/fd"))) {
      for (Path each : all) {
        try {
          String target = Files.readSymbolicLink(each).toString();
          if (target.startsWith("socket:[")) {
            inodes.add(target.substring("socket:[".length(), target.length() - 1));
          }
        } catch (NoSuchFileException e) {
          // Closed meanwhile.
        }
      }
    } catch (java.nio.file.DirectoryIteratorException e) {
      throw e.getCause();
    }
    return inodes;
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
        for (String each : text.split(" ")) {
          if (!each.isBlank()) {
            children.add(Long.parseLong(each.strip()));
          }
        }
      }
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      // It has ended.
    }
    return children;
  }
}
