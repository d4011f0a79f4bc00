package dev.berth.fargate.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.CreateException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class SharedTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private final AtomicInteger runs = new AtomicInteger();

  @Test
  void allGetTheResultAndTheProgressOfOne() throws Exception {
    CountDownLatch listening = new CountDownLatch(9);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> all = new ArrayList<>();
      Queue<String> heard = new ConcurrentLinkedQueue<>();
      for (int i = 0; i < 10; i++) {
        all.add(
            threads.submit(() ->
                Shared.run(
                    "all",
                    LONG,
                    line -> {
                      heard.add(line);
                      if (line.startsWith("waiting")) {
                        listening.countDown();
                      }
                    },
                    self -> {
                      runs.incrementAndGet();
                      self.report("begun");
                      listening.await();
                      assertThat(self.alone()).isFalse();
                      self.report("done");
                      return "it";
                    })));
      }
      for (Future<String> one : all) {
        assertThat(one.get()).isEqualTo("it");
      }
      assertThat(heard).filteredOn("done"::equals).hasSize(10);
    }
    assertThat(runs).hasValue(1);
  }

  @Test
  void allGetTheFailureAndWhoComesLaterTriesAnew() throws Exception {
    assertThatThrownBy(() ->
            Shared.run(
                "fails",
                LONG,
                line -> {},
                self -> {
                  throw new CreateException(null, null, "no", null);
                }))
        .isInstanceOf(CreateException.class);
    assertThat(Shared.run("fails", LONG, line -> {}, self -> "yes")).isEqualTo("yes");
  }

  @Test
  void anotherTakesOverFromOneThatIsInterrupted() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch heard = new CountDownLatch(1);
    Thread first =
        Thread.ofVirtual()
            .start(() -> {
              try {
                Shared.run(
                    "over",
                    LONG,
                    line -> {},
                    self -> {
                      begun.countDown();
                      new CountDownLatch(1).await();
                      return "never";
                    });
              } catch (InterruptedException e) {
                runs.incrementAndGet();
              }
            });
    begun.await();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<String> second =
          threads.submit(
              () -> Shared.run("over", LONG, line -> heard.countDown(), self -> "second"));
      heard.await();
      first.interrupt();
      assertThat(second.get()).isEqualTo("second");
    }
    first.join();
    assertThat(runs).hasValue(1);
  }

  @Test
  void aListenerThatFailsHearsNoMoreAndNobodyElseSuffers() throws Exception {
    AtomicInteger told = new AtomicInteger();
    String result =
        Shared.run(
            "listeners",
            LONG,
            line -> {
              told.incrementAndGet();
              throw new IllegalStateException(line);
            },
            self -> {
              self.report("one");
              self.report("two");
              return "made";
            });
    assertThat(result).isEqualTo("made");
    assertThat(told).hasValue(1);
  }

  @Test
  void whoWaitsHasADeadline() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    Thread first =
        Thread.ofVirtual()
            .start(() -> {
              try {
                Shared.run(
                    "late",
                    LONG,
                    line -> {},
                    self -> {
                      begun.countDown();
                      end.await();
                      return "late";
                    });
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    begun.await();
    assertThatThrownBy(() -> Shared.run("late", Duration.ofMillis(10), line -> {}, self -> "x"))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("codebuild_build_timeout");
    end.countDown();
    first.join();
  }
}
