package dev.berth.fargate;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One task, for real: its containers in one network namespace, started in the order of their {@code
 * dependsOn}, ended when an essential one ends. Its states are those that ECS documents.
 */
final class RigTask {
  private static final Duration LOOK = Duration.ofMillis(5);
  private static final Duration CHECK = Duration.ofMillis(10);
  private static final Duration CHECK_HEALTHY = Duration.ofSeconds(5);
  private static final Duration GRACE = Duration.ofSeconds(1);
  private static final Duration LATE = Duration.ofSeconds(3);

  /** How many are there: the more, the less often each is looked at. */
  private static final AtomicInteger ALIVE = new AtomicInteger();

  private final String arn;
  private final String name;
  private final List<String> addresses;
  private final int number;
  private final JsonNode definition;
  private final JsonNode overrides;
  private final Podman podman;
  private final Faults faults;
  private final Function<JsonNode, String> secrets;
  private final Consumer<RigContainer> logs;
  private final Runnable ended;
  private final List<RigContainer> containers = new ArrayList<>();
  private final Map<String, String> volumes = new HashMap<>();
  private volatile Instant created = Instant.now();
  private final Thread thread;
  private volatile TaskNetwork network;
  private volatile String status = "PROVISIONING";
  private volatile boolean stopping;
  private volatile String stopCode;
  private volatile String stopReason;
  private volatile Instant started;
  private volatile Instant stopped;

  RigTask(
      String arn,
      List<String> addresses,
      int number,
      JsonNode definition,
      JsonNode overrides,
      Podman podman,
      Path folder,
      Faults faults,
      Function<JsonNode, String> secrets,
      Consumer<RigContainer> logs,
      Runnable ended) {
    this.arn = arn;
    this.addresses = addresses;
    this.number = number;
    this.definition = definition;
    this.overrides = overrides;
    this.podman = podman;
    this.faults = faults;
    this.secrets = secrets;
    this.logs = logs;
    this.ended = ended;
    this.name = "bf-" + ProcessHandle.current().pid() + "-" + number;
    for (JsonNode container : definition.path("containerDefinitions")) {
      containers.add(new RigContainer(podman, container, name, folder));
    }
    this.thread = Thread.ofPlatform().daemon().name(name).start(this::live);
  }

  private void live() {
    ALIVE.incrementAndGet();
    try {
      if (come()) {
        last();
      }
    } catch (RuntimeException | InterruptedException e) {
      end("TaskFailedToStart", "ResourceInitializationError: " + e);
    } finally {
      clear();
    }
  }

  /** Brings it up; false if it is to end instead. */
  private boolean come() throws InterruptedException {
    Faults.Start fault = faults.start();
    if (fault == Faults.Start.NETWORK) {
      end("TaskFailedToStart", "Timeout waiting for network interface provisioning to complete.");
      return false;
    }
    if (!passes(faults.provisioning())) {
      return false;
    }
    network = new TaskNetwork(name, number, addresses);
    status = "PENDING";
    if (fault == Faults.Start.SECRETS) {
      end(
          "TaskFailedToStart",
          "ResourceInitializationError: unable to pull secrets or registry auth: execution resource"
              + " retrieval failed: unable to retrieve secret from asm");
      return false;
    }
    if (fault == Faults.Start.IMAGE) {
      end(
          "TaskFailedToStart",
          "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to"
              + " resolve ref");
      return false;
    }
    if (!passes(faults.pulling())) {
      return false;
    }
    for (JsonNode volume : definition.path("volumes")) {
      JsonNode efs = volume.path("efsVolumeConfiguration");
      String named =
          efs.isMissingNode()
              ? name + "-" + volume.path("name").asString("")
              : podman.shared(efs.path("fileSystemId").asString("") + accessPoint(efs));
      podman.result("volume", "create", named);
      volumes.put(volume.path("name").asString(""), named);
    }
    List<Thread> creations =
        containers.stream().map(c -> Thread.ofPlatform().start(() -> create(c, fault))).toList();
    for (Thread creation : creations) {
      creation.join();
    }
    List<RigContainer> waiting = new ArrayList<>(containers);
    Instant nextCheck = Instant.now();
    Instant late = nextCheck.plus(LATE);
    while (!waiting.isEmpty()) {
      for (RigContainer container : List.copyOf(waiting)) {
        if (!stopping && ready(container) && !held(container, fault, late)) {
          if (!container.status().equals("STOPPED")) {
            container.start();
          }
          waiting.remove(container);
          if (container.status().equals("STOPPED")) {
            end("TaskFailedToStart", container.reason());
            return false;
          }
        }
      }
      if (!watch(nextCheck)) {
        return false;
      }
      if (Instant.now().isAfter(nextCheck)) {
        nextCheck = Instant.now().plus(CHECK.multipliedBy(Math.max(1, ALIVE.get() / 2)));
      }
    }
    status = "RUNNING";
    started = Instant.now();
    return true;
  }

  /** Lets this time pass; false if it is to end meanwhile. */
  private boolean passes(Duration time) throws InterruptedException {
    Instant over = Instant.now().plus(time);
    while (Instant.now().isBefore(over)) {
      if (stopping) {
        return false;
      }
      Thread.sleep(LOOK);
    }
    return true;
  }

  private void create(RigContainer container, Faults.Start fault) {
    Map<String, String> env = new HashMap<>();
    for (JsonNode secret : container.definition.path("secrets")) {
      env.put(secret.path("name").asString(""), secrets.apply(secret.path("valueFrom")));
    }
    JsonNode override = definition.path("no override");
    for (JsonNode each : overrides.path("containerOverrides")) {
      if (each.path("name").asString("").equals(container.name)) {
        override = each;
      }
    }
    container.create(network, volumes, env, override, instead(container, fault));
  }

  private boolean isMain(RigContainer container) {
    return container == containers.get(0);
  }

  /** What a container runs in place of what it is meant to; nothing: what it is meant to. */
  private List<String> instead(RigContainer container, Faults.Start fault) {
    return switch (fault) {
      case MAIN_DIES -> isMain(container) ? List.of("/bin/false") : List.of();
      case SIDECAR_DIES -> isMain(container) ? List.of() : List.of("/bin/false");
      case SIDECAR_DEAF -> isMain(container) ? List.of() : List.of("/bin/sh", "-c", "sleep 1000");
      default -> List.of();
    };
  }

  /** Whether a container that could be started is not. */
  private boolean held(RigContainer container, Faults.Start fault, Instant late) {
    if (fault == Faults.Start.TAKEN_AWAY && isMain(container)) {
      interrupt();
    }
    return switch (fault) {
      case TAKEN_AWAY, MAIN_NEVER -> isMain(container);
      case SIDECAR_LATE -> !isMain(container) && Instant.now().isBefore(late);
      default -> false;
    };
  }

  private static String accessPoint(JsonNode efs) {
    return efs.path("authorizationConfig").path("accessPointId").asString("");
  }

  private boolean ready(RigContainer container) {
    for (JsonNode dependency : container.definition.path("dependsOn")) {
      RigContainer other =
          containers.stream()
              .filter(c -> c.name.equals(dependency.path("containerName").asString("")))
              .findFirst()
              .orElseThrow();
      boolean met =
          switch (dependency.path("condition").asString("")) {
            case "HEALTHY" -> other.health().equals("HEALTHY");
            case "SUCCESS" -> other.status().equals("STOPPED") && other.exitCode() == 0;
            case "COMPLETE" -> other.status().equals("STOPPED");
            default -> !other.status().equals("PENDING");
          };
      if (!met) {
        return false;
      }
    }
    return true;
  }

  /** One look at what runs; false once it is over. */
  private boolean watch(Instant nextCheck) throws InterruptedException {
    Thread.sleep(LOOK.multipliedBy(Math.max(1, ALIVE.get() / 2)));
    for (RigContainer container : containers) {
      container.look();
      handLog(container);
      if (container.status().equals("STOPPED") && container.essential && !stopping) {
        end("EssentialContainerExited", "Essential container in task exited");
        return false;
      }
      if (container.checked()
          && container.status().equals("RUNNING")
          && Instant.now().isAfter(nextCheck)) {
        container.check();
      }
    }
    return !stopping;
  }

  /** Once it has ended, and before anybody can know. */
  private void handLog(RigContainer container) {
    if (container.status().equals("STOPPED") && container.logged()) {
      logs.accept(container);
    }
  }

  private void last() throws InterruptedException {
    Instant nextCheck = Instant.now().plus(CHECK_HEALTHY);
    while (watch(nextCheck)) {
      if (Instant.now().isAfter(nextCheck)) {
        nextCheck = Instant.now().plus(CHECK_HEALTHY);
      }
    }
  }

  private void clear() {
    status = "STOPPING";
    List<Thread> ends =
        containers.stream().map(c -> Thread.ofPlatform().start(() -> c.end(GRACE))).toList();
    try {
      for (Thread end : ends) {
        end.join();
      }
      containers.forEach(this::handLog);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    status = "DEPROVISIONING";
    volumes.values().stream()
        .filter(volume -> volume.startsWith(name + "-"))
        .forEach(volume -> podman.result("volume", "rm", "-f", volume));
    if (network != null) {
      network.close();
    }
    stopped = Instant.now();
    ALIVE.decrementAndGet();
    status = "STOPPED";
    ended.run();
  }

  private synchronized void end(String code, String reason) {
    if (stopCode == null) {
      stopCode = code;
      stopReason = reason;
    }
    stopping = true;
  }

  /** As StopTask: notes the wish, and returns. */
  void stop(String reason) {
    end("UserInitiated", reason);
  }

  /** What Fargate does when it takes a machine away. */
  void interrupt() {
    end("SpotInterruption", "Your Spot Task was interrupted.");
  }

  void join() throws InterruptedException {
    thread.join();
  }

  /** From now on it counts as that much older. */
  void age(Duration more) {
    created = created.minus(more);
  }

  /** Whether it was started with this text in its overrides. */
  boolean names(String text) {
    return overrides.toString().contains(text);
  }

  String arn() {
    return arn;
  }

  /** Its address in the VPC, and its public one if it has one. */
  List<String> addresses() {
    return addresses;
  }

  String status() {
    return status;
  }

  boolean stopping() {
    return stopping;
  }

  TaskNetwork network() {
    return network;
  }

  RigContainer container(String wanted) {
    return containers.stream().filter(c -> c.name.equals(wanted)).findFirst().orElseThrow();
  }

  List<RigContainer> containers() {
    return containers;
  }

  /** Puts this task's true state over what moto says of it. */
  void describe(ObjectNode task) {
    task.put("lastStatus", status);
    task.put("desiredStatus", stopping ? "STOPPED" : "RUNNING");
    task.put("createdAt", created.toEpochMilli() / 1000.0);
    if (started != null) {
      task.put("startedAt", started.toEpochMilli() / 1000.0);
    }
    task.remove(List.of("stoppedReason", "stopCode", "stoppedAt"));
    if (stopCode != null) {
      task.put("stopCode", stopCode);
      task.put("stoppedReason", stopReason);
      task.put("stoppingAt", created.toEpochMilli() / 1000.0);
    }
    if (stopped != null) {
      task.put("stoppedAt", stopped.toEpochMilli() / 1000.0);
    }
    ArrayNode all = task.putArray("containers");
    for (RigContainer container : containers) {
      ObjectNode one = all.addObject();
      one.put("name", container.name);
      one.put("containerArn", arn.replace(":task/", ":container/") + "/" + container.name);
      one.put("taskArn", arn);
      one.put("lastStatus", container.status());
      one.put("healthStatus", container.health());
      one.put("image", container.definition.path("image").asString(""));
      if (!container.reason().isEmpty()) {
        one.put("reason", container.reason());
      }
      if (container.exitCode() >= 0) {
        one.put("exitCode", container.exitCode());
      }
    }
    if (status.equals("PROVISIONING")) {
      for (JsonNode attachment : task.path("attachments")) {
        ((ObjectNode) attachment).put("status", "PRECREATED");
        ArrayNode details = (ArrayNode) attachment.path("details");
        for (int i = details.size() - 1; i >= 0; i--) {
          if (!details.get(i).path("name").asString("").equals("subnetId")) {
            details.remove(i);
          }
        }
      }
    }
  }
}
