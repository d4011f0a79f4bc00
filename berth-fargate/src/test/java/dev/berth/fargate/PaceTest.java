package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class PaceTest {
  private static final long INTERVAL = 10_000_000;

  @Test
  void neverMoreThanTheBurstAndOneForEachInterval() throws Exception {
    Pace pace = new Pace(5, Duration.ofNanos(INTERVAL));
    long began = System.nanoTime();
    ConcurrentSkipListSet<Long> passed = new ConcurrentSkipListSet<>();
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        all.add(
            callers.submit(() -> {
              pace.await();
              passed.add(System.nanoTime());
              return null;
            }));
      }
      for (Future<?> one : all) {
        one.get();
      }
    }
    // Who passes may be late, never early.
    int number = 0;
    for (long at : passed) {
      assertThat(at - began).isGreaterThanOrEqualTo((number++ - 4) * INTERVAL);
    }
    assertThat(passed).hasSize(40);
  }

  @Test
  void aPauseIsWithinItsSpan() {
    Duration first = Duration.ofMillis(500);
    Duration longest = Duration.ofSeconds(20);
    assertThat(Pace.backoff(0, first, longest)).isBetween(first.dividedBy(2), first);
    assertThat(Pace.backoff(60, first, longest)).isBetween(longest.dividedBy(2), longest);
  }
}
