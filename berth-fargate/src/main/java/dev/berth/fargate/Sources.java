package dev.berth.fargate;

import java.math.BigInteger;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import software.amazon.awssdk.services.ec2.model.IpPermission;

/** From where some inbound rules let somebody in: blocks of addresses, and what has names. */
final class Sources {
  private static final Pattern BLOCK = Pattern.compile("[0-9a-fA-F.:]+/\\d{1,3}");

  private final List<String> blocks = new ArrayList<>();
  private final List<String> names = new ArrayList<>();

  Sources(List<IpPermission> rules) {
    for (IpPermission rule : rules) {
      rule.ipRanges().forEach(range -> blocks.add(range.cidrIp()));
      rule.ipv6Ranges().forEach(range -> blocks.add(range.cidrIpv6()));
      rule.userIdGroupPairs().forEach(pair -> names.add(pair.groupId()));
      rule.prefixListIds().forEach(list -> names.add(list.prefixListId()));
    }
  }

  boolean anywhere() {
    return blocks.contains("0.0.0.0/0") || blocks.contains("::/0");
  }

  /** Whether some are security groups or prefix lists, which say no addresses. */
  boolean named() {
    return !names.isEmpty();
  }

  /** Whether an address that this host knows as its own is among them. */
  boolean here() {
    try {
      return NetworkInterface.networkInterfaces()
          .flatMap(NetworkInterface::inetAddresses)
          .filter(address -> !address.isLoopbackAddress() && !address.isLinkLocalAddress())
          .anyMatch(address -> blocks.stream().anyMatch(block -> within(address, block)));
    } catch (SocketException e) {
      return false;
    }
  }

  /** Whether a block as AWS writes it holds an address. */
  static boolean within(InetAddress address, String block) {
    if (!BLOCK.matcher(block).matches()
        || block.contains(":") != (address instanceof Inet6Address)) {
      return false;
    }
    String[] parts = block.split("/", 2);
    byte[] first;
    try {
      // Digits and dots or colons alone: nothing is looked up.
      first = InetAddress.getByName(parts[0]).getAddress();
    } catch (UnknownHostException e) {
      return false;
    }
    byte[] ours = address.getAddress();
    int free = ours.length * 8 - Integer.parseInt(parts[1]);
    return first.length == ours.length
        && free >= 0
        && new BigInteger(1, first)
            .shiftRight(free)
            .equals(new BigInteger(1, ours).shiftRight(free));
  }

  @Override
  public String toString() {
    List<String> all = new ArrayList<>(blocks);
    all.addAll(names);
    return String.join(", ", all);
  }
}
