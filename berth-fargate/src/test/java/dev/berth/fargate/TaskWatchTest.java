package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TaskWatchTest {
  private final Map<String, String> states = new ConcurrentHashMap<>();
  private final AtomicInteger calls = new AtomicInteger();
  private volatile boolean broken;

  private List<TaskState> describe(List<String> arns) {
    calls.incrementAndGet();
    assertThat(arns).hasSizeLessThanOrEqualTo(100);
    if (broken) {
      throw new CreateException(null, null, "throttled", null);
    }
    return arns.stream()
        .filter(states::containsKey)
        .map(arn -> state(arn, states.get(arn)))
        .toList();
  }

  private static TaskState state(String arn, String status) {
    return new TaskState(
        arn, status, status, "10.0.0.1", "eni-1", null, null, List.of(), Map.of(), null, null);
  }

  @Test
  void twoHundredTasksAreAskedForTogetherAndWithoutAThreadEach() throws Exception {
    try (TaskWatch watch = new TaskWatch(this::describe, Duration.ofSeconds(2));
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<TaskState>> waits = new ArrayList<>();
      int before = Thread.activeCount();
      for (int i = 0; i < 200; i++) {
        String arn = "arn-" + i;
        watch.add(arn);
        waits.add(
            threads.submit(
                () -> watch.await(arn, s -> s.status().equals("RUNNING"), Duration.ofSeconds(30))));
      }
      await().until(() -> calls.get() >= 2);
      for (int i = 0; i < 200; i++) {
        states.put("arn-" + i, "RUNNING");
      }
      for (Future<TaskState> wait : waits) {
        assertThat(wait.get(30, TimeUnit.SECONDS).status()).isEqualTo("RUNNING");
      }
      assertThat(calls.get()).as("a round is two calls").isLessThan(60);
      assertThat(Thread.activeCount() - before).as("platform threads").isLessThan(10);
    }
  }

  @Test
  void whatIsWrongForAMomentIsAskedAgain() throws Exception {
    try (TaskWatch watch = new TaskWatch(this::describe, Duration.ofMillis(300))) {
      broken = true;
      watch.add("a");
      await().until(() -> calls.get() >= 2);
      states.put("a", "RUNNING");
      broken = false;
      assertThat(watch.await("a", s -> true, Duration.ofSeconds(20))).isNotNull();
    }
  }

  @Test
  void aWaitHasAnEnd() throws Exception {
    try (TaskWatch watch = new TaskWatch(this::describe, Duration.ofSeconds(1))) {
      states.put("a", "PENDING");
      watch.add("a");
      TaskState state = watch.await("a", s -> s.status().equals("RUNNING"), Duration.ofMillis(700));
      assertThat(state).isNotNull();
      assertThat(state.status()).isEqualTo("PENDING");
      assertThat(watch.await("unknown", s -> true, Duration.ofSeconds(20))).isNull();
      watch.remove("a");
      assertThat(watch.latest("a")).isNull();
    }
  }

  @Test
  void whoLetsGoOfATaskLeavesItToTheOthers() {
    try (TaskWatch watch = new TaskWatch(this::describe, Duration.ofMillis(300))) {
      states.put("a", "RUNNING");
      watch.add("a");
      watch.add("a");
      await().until(() -> watch.latest("a") != null);
      watch.remove("a");
      assertThat(watch.latest("a")).isNotNull();
      watch.remove("a");
      assertThat(watch.latest("a")).isNull();
      watch.remove("a");
      watch.add("a");
      await().until(() -> watch.latest("a") != null);
    }
  }

  @Test
  void aSuspectIsAskedForSoonAndACalmOneIsNot() throws Exception {
    try (TaskWatch watch = new TaskWatch(this::describe, Duration.ofMillis(300))) {
      states.put("a", "RUNNING");
      watch.add("a");
      watch.await("a", s -> true, Duration.ofSeconds(20));
      int calm = calls.get();
      states.put("a", "STOPPED");
      assertThat(watch.latest("a").status()).isEqualTo("RUNNING");
      watch.suspect("a");
      await().atMost(Duration.ofSeconds(10)).until(() -> watch.latest("a").over());
      assertThat(calls.get()).isGreaterThan(calm);
    }
  }
}
