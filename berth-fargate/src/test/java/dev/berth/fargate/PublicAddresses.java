package dev.berth.fargate;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import tools.jackson.databind.JsonNode;

/**
 * Public addresses for tasks' network interfaces, which EC2 says and moto does not: out of a range
 * that is kept for documentation. Thread-safe.
 */
final class PublicAddresses {
  private final Map<String, String> byInterface = new ConcurrentHashMap<>();
  private volatile boolean hidden;
  private final AtomicInteger given = new AtomicInteger();

  /** A public address for the interface of this task. */
  String of(JsonNode task) {
    String address = "198.51.100." + (1 + given.getAndIncrement() % 250);
    for (JsonNode detail : task.path("attachments").path(0).path("details")) {
      if (detail.path("name").asString("").equals("networkInterfaceId")) {
        byInterface.put(detail.path("value").asString(""), address);
      }
    }
    return address;
  }

  /** From now on EC2 says of none that it has a public address, as in a private subnet. */
  void hide(boolean all) {
    hidden = all;
  }

  /** EC2's answer with the public address of each interface of ours. */
  byte[] shown(byte[] answer) {
    String text = new String(answer, StandardCharsets.UTF_8);
    if (hidden || !text.contains("<DescribeNetworkInterfacesResponse")) {
      return answer;
    }
    for (Map.Entry<String, String> known : byInterface.entrySet()) {
      String id = "<networkInterfaceId>" + known.getKey() + "</networkInterfaceId>";
      String association =
          "<association><publicIp>" + known.getValue() + "</publicIp></association>";
      text = text.replace(id, id + association);
    }
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
