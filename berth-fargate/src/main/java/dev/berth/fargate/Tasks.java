package dev.berth.fargate;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.SandboxException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.exception.SdkServiceException;
import software.amazon.awssdk.services.ecs.model.AssignPublicIp;
import software.amazon.awssdk.services.ecs.model.ContainerOverride;
import software.amazon.awssdk.services.ecs.model.DesiredStatus;
import software.amazon.awssdk.services.ecs.model.Failure;
import software.amazon.awssdk.services.ecs.model.InvalidParameterException;
import software.amazon.awssdk.services.ecs.model.LaunchType;
import software.amazon.awssdk.services.ecs.model.RunTaskRequest;
import software.amazon.awssdk.services.ecs.model.RunTaskResponse;
import software.amazon.awssdk.services.ecs.model.Tag;
import software.amazon.awssdk.services.ecs.model.Task;
import software.amazon.awssdk.services.ecs.model.TaskField;
import software.amazon.awssdk.services.ecs.model.TaskOverride;

/** The tasks of one cluster: begun once each, asked about, ended. Thread-safe. */
final class Tasks implements AutoCloseable {
  /** The tag that says which sandbox a task is. */
  static final String ID = "berth:sandbox";

  /** The tag that says where its folder is, as a hash: whose it is. */
  static final String HOME = "berth:home";

  /** The tag that says when it ends at the latest, in seconds since 1970. */
  static final String EXPIRES = "berth:expires";

  private static final System.Logger LOG = System.getLogger(Tasks.class.getName());
  private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(20);
  private static final Duration STATUS_WITHIN = Duration.ofMillis(1800);
  private static final int LONGEST_REASON = 255;

  private final FargateConfig config;
  private final Aws aws;
  // ECS's documented rates, for an account and region, at once and then per second: RunTask on
  // Fargate 20 in any second, together with StopTask 100 and 40; DescribeTasks and ListTasks 100
  // and 20. We keep below, for we are not alone there.
  private final Pace starts = new Pace(2, Duration.ofMillis(75));
  private final Pace ends = new Pace(10, Duration.ofMillis(50));
  private final Pace reads = new Pace(20, Duration.ofMillis(60));
  private final TaskWatch watch;
  private final TaskQuestions questions;

  /**
   * What one task is started with.
   *
   * @param open becomes true as soon as an answer is missing that says that nothing was started
   */
  record Start(
      String id,
      String definition,
      List<ContainerOverride> overrides,
      Map<String, String> tags,
      AtomicBoolean open) {}

  Tasks(FargateConfig config, Aws aws) {
    this.config = config;
    this.aws = aws;
    this.watch = new TaskWatch(this::describe, config.pollInterval());
    this.questions = new TaskQuestions(this::describeNow);
  }

  TaskWatch watch() {
    return watch;
  }

  /** Who started a task, as ECS notes it: so it can be found although its answer was lost. */
  static String startedBy(String id) {
    return "berth-" + id;
  }

  /**
   * Starts a task. What passes – throttling, no room, an answer that was lost – is tried again with
   * the same token as long as it is not certain that nothing was started, so that there are never
   * two.
   *
   * @return its ARN
   * @throws CreateException if it could not be started
   * @throws Inactive if the definition was deregistered meanwhile
   */
  String run(Start start, Duration within) throws InterruptedException {
    long deadline = System.nanoTime() + within.toNanos();
    String token = UUID.randomUUID().toString();
    String why = "";
    for (int tries = 0; tries <= config.runTaskMaxRetries(); tries++) {
      if (tries > 0) {
        Duration pause = Pace.backoff(tries - 1, FIRST_PAUSE, LONGEST_PAUSE);
        if (System.nanoTime() + pause.toNanos() - deadline > 0) {
          throw failed(
              start.id(), "it was tried " + tries + " times within " + within + "; " + why);
        }
        Thread.sleep(pause);
      }
      starts.await();
      try {
        RunTaskResponse answer = send(request(start, token));
        if (!answer.tasks().isEmpty()) {
          String arn = answer.tasks().get(0).taskArn();
          watch.add(arn);
          return arn;
        }
        why = reasons(answer.failures());
        if (!EcsTexts.throttled(why) && !noRoom(answer.failures())) {
          throw failed(start.id(), why);
        }
        // Nothing was started, for certain; the token now stands for that answer.
        token = UUID.randomUUID().toString();
      } catch (SdkException e) {
        why = Aws.reason(e);
        if (EcsTexts.inactiveDefinition(why)) {
          throw new Inactive(e);
        }
        if (passes(e) && !refused(e)) {
          start.open().set(true);
        }
        if (!passes(e)) {
          throw Aws.failed(start.id(), "start a task in the cluster " + config.cluster(), e, "");
        }
      }
    }
    throw failed(start.id(), "it was tried " + (config.runTaskMaxRetries() + 1) + " times; " + why);
  }

  /**
   * Sends it in a thread of its own: an interrupt must not leave it open whether there is a task.
   * If the caller goes, what was started is ended.
   */
  private RunTaskResponse send(RunTaskRequest request) throws InterruptedException {
    FutureTask<RunTaskResponse> call = new FutureTask<>(() -> aws.ecsOnce().runTask(request));
    Thread.ofVirtual().name("berth-run-task").start(call);
    try {
      return call.get();
    } catch (InterruptedException e) {
      Thread.ofVirtual().name("berth-stop-task").start(() -> stopAll(call));
      throw e;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof SdkException sdk) {
        throw sdk;
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  private void stopAll(FutureTask<RunTaskResponse> call) {
    try {
      for (Task task : call.get().tasks()) {
        stop(task.taskArn(), "Its creation was interrupted");
      }
    } catch (ExecutionException | SandboxException e) {
      // Refused, so there is none; or not to be ended now: nobody prepares it, and so it ends.
      LOG.log(System.Logger.Level.DEBUG, "a task whose start was interrupted", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The definition is none any more. */
  static final class Inactive extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Inactive(Throwable cause) {
      super(cause);
    }
  }

  /** Whether ECS itself said no: then nothing was started. */
  private static boolean refused(SdkException e) {
    return e instanceof SdkServiceException service && service.statusCode() < 500;
  }

  /**
   * Whether a failure may pass: throttling in whatever clothes, trouble of ECS or of the network.
   */
  static boolean passes(SdkException e) {
    if (Aws.denied(e)) {
      // Its text names a resource, and may name it by any word.
      return false;
    }
    String text = Aws.reason(e);
    if (e instanceof SdkServiceException service) {
      return service.isThrottlingException()
          || service.statusCode() >= 500
          || EcsTexts.throttled(text)
          || EcsTexts.noRoom(text);
    }
    return e instanceof SdkClientException && !EcsTexts.unconfigured(text);
  }

  private RunTaskRequest request(Start start, String token) {
    RunTaskRequest.Builder request =
        RunTaskRequest.builder()
            .cluster(config.cluster())
            .taskDefinition(start.definition())
            .launchType(LaunchType.FARGATE)
            .count(1)
            .clientToken(token)
            .startedBy(startedBy(start.id()))
            .enableECSManagedTags(true)
            .tags(
                start.tags().entrySet().stream()
                    .map(tag -> Tag.builder().key(tag.getKey()).value(tag.getValue()).build())
                    .toList())
            .overrides(TaskOverride.builder().containerOverrides(start.overrides()).build())
            .networkConfiguration(network ->
                network.awsvpcConfiguration(vpc ->
                    vpc.subnets(config.subnets())
                        .securityGroups(config.securityGroups())
                        .assignPublicIp(
                            Boolean.TRUE.equals(config.assignPublicIp())
                                ? AssignPublicIp.ENABLED
                                : AssignPublicIp.DISABLED)));
    if (config.platformVersion() != null) {
      request.platformVersion(config.platformVersion());
    }
    return request.build();
  }

  private static boolean noRoom(List<Failure> failures) {
    return failures.stream()
        .anyMatch(failure ->
            EcsTexts.noRoomBecause(String.valueOf(failure.reason()))
                || EcsTexts.noRoom(String.valueOf(failure.detail())));
  }

  private static String reasons(List<Failure> failures) {
    List<String> reasons = new ArrayList<>();
    for (Failure failure : failures) {
      String detail = failure.detail() == null ? "" : " (" + failure.detail() + ")";
      reasons.add("ECS says: " + failure.reason() + detail);
    }
    return reasons.isEmpty()
        ? "ECS started nothing and does not say why"
        : String.join("; ", reasons);
  }

  private CreateException failed(String id, String why) {
    return new CreateException(
        FargateProvider.NAME,
        id,
        "Tried to start a task in the cluster " + config.cluster() + ", but " + why + ".",
        null);
  }

  /** What ECS says of these, at most a hundred; those that it does not know are left out. */
  List<TaskState> describe(List<String> arns) {
    try {
      reads.await();
      return aws
          .ecs()
          .describeTasks(ask -> ask.cluster(config.cluster()).tasks(arns).include(TaskField.TAGS))
          .tasks()
          .stream()
          .map(TaskState::of)
          .toList();
    } catch (SdkException e) {
      throw Aws.failed(null, "ask for tasks of the cluster " + config.cluster(), e, "");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return List.of();
    }
  }

  private List<TaskState> describeNow(List<String> arns) {
    try {
      reads.await();
      return aws
          .ecs()
          .describeTasks(ask ->
              ask.cluster(config.cluster())
                  .tasks(arns)
                  .overrideConfiguration(limit -> limit.apiCallTimeout(STATUS_WITHIN)))
          .tasks()
          .stream()
          .map(TaskState::of)
          .toList();
    } catch (SdkException e) {
      throw Aws.failed(null, "ask for the task " + String.join(", ", arns), e, "");
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts this thread", e);
    }
  }

  /** What ECS says of one now, within 2 s; empty if it does not know it any more. */
  Optional<TaskState> ask(String arn) {
    return questions.ask(arn, STATUS_WITHIN);
  }

  /** The tasks that run or come up, of all sandboxes of this kind in the cluster. */
  List<TaskState> all() throws InterruptedException {
    return of(null);
  }

  /** Those that were started for one sandbox. */
  List<TaskState> of(@Nullable String id) throws InterruptedException {
    List<String> arns = new ArrayList<>();
    try {
      for (var page :
          aws.ecs()
              .listTasksPaginator(ask -> {
                ask.cluster(config.cluster());
                // Beside startedBy ECS takes no other filter.
                if (id == null) {
                  ask.desiredStatus(DesiredStatus.RUNNING);
                } else {
                  ask.startedBy(startedBy(id));
                }
              })) {
        arns.addAll(page.taskArns());
        reads.await();
      }
    } catch (SdkException e) {
      throw Aws.failed(null, "list the tasks of the cluster " + config.cluster(), e, "");
    }
    List<TaskState> states = new ArrayList<>();
    for (int i = 0; i < arns.size(); i += 100) {
      states.addAll(describe(arns.subList(i, Math.min(arns.size(), i + 100))));
    }
    return states.stream().filter(state -> !state.over()).toList();
  }

  /** Ends a task; does nothing if it is gone. It is tried again while that may help. */
  void stop(String arn, String reason) throws InterruptedException {
    String said = reason.length() > LONGEST_REASON ? reason.substring(0, LONGEST_REASON) : reason;
    for (int tries = 0; ; tries++) {
      ends.await();
      try {
        aws.ecsOnce().stopTask(ask -> ask.cluster(config.cluster()).task(arn).reason(said));
        return;
      } catch (InvalidParameterException e) {
        // ECS forgets tasks an hour after their end.
        if (ask(arn).isEmpty()) {
          return;
        }
        throw Aws.failed(null, "stop the task " + arn, e, "");
      } catch (SdkException e) {
        if (!passes(e) || tries >= 6) {
          throw Aws.failed(
              null, "stop the task " + arn, e, " It ends by itself when its lease runs out.");
        }
        Thread.sleep(Pace.backoff(tries, FIRST_PAUSE, LONGEST_PAUSE));
      }
    }
  }

  /** Refuses a configuration that names no place for tasks. */
  void check() {
    missing(config.cluster().isEmpty(), "cluster");
    missing(config.subnets().isEmpty(), "subnets");
    missing(config.securityGroups().isEmpty(), "security_groups");
  }

  private static void missing(boolean missing, String key) {
    if (missing) {
      throw new RequestException(
          FargateProvider.NAME,
          null,
          "Tried to create a Fargate sandbox without "
              + key
              + "; set it in the configuration, or set region alone and let SSM say it.",
          null);
    }
  }

  @Override
  public void close() {
    watch.close();
  }
}
