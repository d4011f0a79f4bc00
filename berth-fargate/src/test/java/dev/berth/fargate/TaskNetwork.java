package dev.berth.fargate;

import java.util.List;
import java.util.Map;

/**
 * A network namespace that carries a task's address, joined to the host by a pair of interfaces.
 * Nothing of the task gets further than the host; and nothing of the host that is meant for the
 * task gets anywhere else, also when the task is gone.
 */
final class TaskNetwork implements AutoCloseable {
  /** The host's end of all pairs. */
  static final String HOST = "169.254.77.1";

  private final String name;
  private final String host;
  private final List<String> addresses;

  /** The first address is the one that the task speaks from. */
  TaskNetwork(String name, int number, List<String> addresses) {
    this.name = name;
    this.host = "bf" + Long.toString(ProcessHandle.current().pid() % 100000) + "x" + number;
    this.addresses = addresses;
    Tool.result(Map.of(), List.of("ip", "address", "add", HOST + "/32", "dev", "lo"));
    String script =
        """
        set -e
        ip netns add $1
        ip link add $2 type veth peer name eth0 netns $1
        ip link set $2 up
        ip -n $1 link set lo up
        ip -n $1 link set eth0 up
        ip -n $1 route add $3/32 dev eth0
        """;
    Tool.run("sh", "-c", script, "sh", name, host, HOST);
    for (String address : addresses) {
      keep(address);
      Tool.run("ip", "-n", name, "address", "add", address + "/32", "dev", "eth0");
      Tool.run("ip", "route", "add", address + "/32", "dev", host, "src", HOST);
    }
  }

  /** From now on, nothing for this address leaves the host, whether or not a task has it. */
  static void keep(String address) {
    Tool.result(
        Map.of(), List.of("ip", "route", "add", "unreachable", address + "/32", "metric", "4000"));
  }

  static void release(String address) {
    Tool.result(
        Map.of(), List.of("ip", "route", "del", "unreachable", address + "/32", "metric", "4000"));
  }

  /** Removes what all tasks share, and what a killed rig left, unless another rig is at work. */
  static void sweep() {
    String script =
        """
        ip -o link | grep -q ': bf[0-9]' && exit 0
        ip route flush type unreachable metric 4000
        ip address del $1/32 dev lo
        """;
    Tool.result(Map.of(), List.of("sh", "-c", script, "sh", HOST));
  }

  String path() {
    return "/run/netns/" + name;
  }

  /** Lets nothing through, as a firewall does that drops. */
  void cut() {
    Tool.run("ip", "link", "set", host, "down");
  }

  void mend() {
    Tool.run("ip", "link", "set", host, "up");
    for (String address : addresses) {
      Tool.run("ip", "route", "replace", address + "/32", "dev", host, "src", HOST);
    }
  }

  @Override
  public void close() {
    Tool.result(Map.of(), List.of("ip", "link", "del", host));
    Tool.result(Map.of(), List.of("ip", "netns", "del", name));
  }
}
