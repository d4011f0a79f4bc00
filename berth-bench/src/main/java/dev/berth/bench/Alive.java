package dev.berth.bench;

/**
 * What sandboxes cost while they are alive and do nothing, in KiB for each of them.
 *
 * @param sandboxes how many there were
 * @param guestKib proportional memory (PSS) of the guests and of all other processes of Berth's
 * @param guestProcesses how many of those there were in all
 * @param heapKib Java heap in use after a collection
 * @param directKib direct buffers
 * @param residentKib growth of the JVM's resident memory, which holds the former two
 * @param apptainerKib proportional memory of Apptainer's own processes, for comparison
 * @param threadsBefore platform threads of the JVM before the first sandbox
 * @param threadsAlive the same while all were alive and each had just run a command
 */
record Alive(
    int sandboxes,
    double guestKib,
    int guestProcesses,
    double heapKib,
    double directKib,
    double residentKib,
    double apptainerKib,
    int threadsBefore,
    int threadsAlive) {
  static final double TARGET_KIB = 2048;

  /**
   * Guest and host side together, by the larger of two accounts of the host side: what it holds,
   * and what its process grew by.
   */
  double totalKib() {
    return guestKib + Math.max(heapKib + directKib, residentKib);
  }

  boolean memoryReached() {
    return totalKib() <= TARGET_KIB;
  }

  /**
   * The carriers of virtual threads may become a few more; a thread for each sandbox would show.
   */
  boolean threadsReached() {
    return threadsAlive - threadsBefore < Math.max(6, sandboxes / 4);
  }
}
