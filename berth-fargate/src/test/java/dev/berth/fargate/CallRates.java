package dev.berth.fargate;

import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * When which call of ECS's came, held against the rates that AWS documents for an account and
 * region ("Request throttling for the Amazon ECS API", "AWS Fargate throttling quotas"). Each is a
 * bucket of so many tokens that is filled at a rate; a call takes one and is refused when there is
 * none. Thread-safe.
 */
final class CallRates {
  /** One documented bucket; calls of all its operations share it. */
  record Bucket(String name, int burst, int perSecond, List<String> operations) {}

  private static final DateTimeFormatter SIGNED =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'");

  static final List<Bucket> DOCUMENTED =
      List.of(
          new Bucket("RunTask on Fargate", 20, 20, List.of("RunTask")),
          new Bucket("launches on Fargate", 100, 20, List.of("RunTask")),
          new Bucket(
              "cluster resource modify",
              100,
              40,
              List.of("RunTask", "StartTask", "StopTask", "ExecuteCommand")),
          new Bucket("cluster resource read", 100, 20, List.of("DescribeTasks", "ListTasks")),
          new Bucket(
              "task definition modify",
              20,
              1,
              List.of("RegisterTaskDefinition", "DeregisterTaskDefinition")),
          new Bucket(
              "task definition read",
              50,
              20,
              List.of(
                  "DescribeTaskDefinition", "ListTaskDefinitions", "ListTaskDefinitionFamilies")),
          new Bucket("tag modify", 20, 10, List.of("TagResource", "UntagResource")),
          new Bucket("cluster read", 50, 20, List.of("DescribeClusters", "ListClusters")));

  /** By operation, how many calls in which second. */
  private final Map<String, NavigableMap<Long, Integer>> calls = new TreeMap<>();

  /**
   * Counts a call, at the time at which its sender has signed it, to the second: when it is read
   * here says more of how busy this machine is.
   */
  synchronized void count(String operation, String signed) {
    long second = LocalDateTime.parse(signed, SIGNED).toEpochSecond(ZoneOffset.UTC);
    calls.computeIfAbsent(operation, key -> new TreeMap<>()).merge(second, 1, Integer::sum);
  }

  synchronized void clear() {
    calls.clear();
  }

  /** Which documented rates were not kept, and by how much. */
  synchronized List<String> broken() {
    List<String> broken = new ArrayList<>();
    for (Bucket bucket : DOCUMENTED) {
      NavigableMap<Long, Integer> seconds = new TreeMap<>();
      bucket
          .operations()
          .forEach(operation ->
              calls
                  .getOrDefault(operation, new TreeMap<>())
                  .forEach((second, count) -> seconds.merge(second, count, Integer::sum)));
      long tokens = bucket.burst();
      long last = seconds.isEmpty() ? 0 : seconds.firstKey();
      for (Map.Entry<Long, Integer> second : seconds.entrySet()) {
        tokens = Math.min(bucket.burst(), tokens + (second.getKey() - last) * bucket.perSecond());
        tokens -= second.getValue();
        last = second.getKey();
        if (tokens < 0) {
          broken.add(bucket.name() + ": " + -tokens + " calls too many in second " + last);
          break;
        }
      }
    }
    return broken;
  }

  /** By operation, how many calls there were, and how many in the busiest second. */
  synchronized Map<String, String> summary() {
    Map<String, String> summary = new TreeMap<>();
    calls.forEach((operation, seconds) -> {
      int all = seconds.values().stream().mapToInt(Integer::intValue).sum();
      summary.put(operation, all + " calls, " + Collections.max(seconds.values()) + " in a second");
    });
    return summary;
  }
}
