package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.CreateException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TaskQuestionsTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private final ConcurrentLinkedQueue<Integer> sizes = new ConcurrentLinkedQueue<>();
  private final CountDownLatch all = new CountDownLatch(1);

  private static TaskState state(String arn) {
    return new TaskState(
        arn, "RUNNING", "RUNNING", null, null, null, null, List.of(), Map.of(), null, null);
  }

  /** Answers once everybody has asked, but for tasks named "gone". */
  private List<TaskState> describe(List<String> arns) {
    sizes.add(arns.size());
    try {
      assertThat(all.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return arns.stream().filter(arn -> !arn.equals("gone")).map(arn -> state(arn)).toList();
  }

  @Test
  void manyWhoAskAtOnceShareCalls() throws Exception {
    TaskQuestions questions = new TaskQuestions(this::describe);
    CountDownLatch asking = new CountDownLatch(250);
    List<Future<Optional<TaskState>>> answers = new ArrayList<>();
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 250; i++) {
        String arn = "task-" + i;
        answers.add(
            callers.submit(() -> {
              asking.countDown();
              return questions.ask(arn, LONG);
            }));
      }
      asking.await();
      all.countDown();
      for (int i = 0; i < 250; i++) {
        assertThat(answers.get(i).get().orElseThrow().arn()).isEqualTo("task-" + i);
      }
    }
    assertThat(sizes).allMatch(size -> size <= 100).hasSizeLessThan(25);
    assertThat(sizes.stream().mapToInt(Integer::intValue).sum()).isEqualTo(250);
    assertThat(questions.ask("gone", LONG)).isEmpty();
  }

  @Test
  void aFailureIsEverybodysWhoAskedWithThatCall() {
    TaskQuestions questions =
        new TaskQuestions(arns -> {
          throw new CreateException(null, null, "throttled", null);
        });
    assertThatThrownBy(() -> questions.ask("a", LONG)).hasMessage("throttled");
    assertThatThrownBy(() -> questions.ask("b", LONG)).hasMessage("throttled");
  }

  @Test
  void anErrorIsSaidToWhoAskedAndEndsNoFurtherQuestion() {
    TaskQuestions questions =
        new TaskQuestions(arns -> {
          if (arns.contains("broken")) {
            throw new NoClassDefFoundError("x");
          }
          return List.of(state(arns.get(0)));
        });
    assertThatThrownBy(() -> questions.ask("broken", LONG))
        .hasCauseInstanceOf(NoClassDefFoundError.class);
    assertThat(questions.ask("a", LONG)).isPresent();
  }

  @Test
  void nobodyWaitsForLongerThanHeWants() {
    TaskQuestions questions = new TaskQuestions(this::describe);
    assertThatThrownBy(() -> questions.ask("a", Duration.ofMillis(50)))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("did not answer within PT0.05S");
    all.countDown();
    assertThat(questions.ask("a", LONG)).isPresent();
  }
}
