package dev.berth.fargate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** One container of a task, as its definition and the overrides say, by podman. */
final class RigContainer {
  final JsonNode definition;
  final String name;
  final boolean essential;
  private final Podman podman;
  private final String container;
  private final Path log;
  private final Path pidFile;
  private volatile String status = "PENDING";
  private volatile String health = "UNKNOWN";
  private volatile long pid;
  private volatile int exitCode = -1;
  private volatile String reason = "";

  RigContainer(Podman podman, JsonNode definition, String task, Path folder) {
    this.podman = podman;
    this.definition = definition;
    this.name = definition.path("name").asString("");
    this.essential = definition.path("essential").asBoolean(true);
    this.container = task + "-" + name;
    this.log = folder.resolve(container + ".log");
    this.pidFile = folder.resolve(container + ".pid");
  }

  String status() {
    return status;
  }

  String health() {
    return health;
  }

  int exitCode() {
    return exitCode;
  }

  String reason() {
    return reason;
  }

  /** Its id for podman, for tests that reach in from outside. */
  String container() {
    return container;
  }

  String log() {
    try {
      return Files.exists(log) ? Files.readString(log) : "";
    } catch (IOException e) {
      return "";
    }
  }

  /** Makes it ready to be started, as soon as its image is there. */
  void create(
      TaskNetwork network,
      Map<String, String> volumes,
      Map<String, String> secrets,
      JsonNode override,
      boolean dies) {
    String image = definition.path("image").asString("");
    if (!podman.hasOrPulls(image)) {
      reason = "CannotPullContainerError: failed to resolve ref " + image + ": not found";
      status = "STOPPED";
      return;
    }
    List<String> line =
        new ArrayList<>(
            List.of(
                "create",
                "--name",
                container,
                "--label",
                "berthrig=" + ProcessHandle.current().pid(),
                "--network",
                "ns:" + network.path(),
                "--log-driver",
                "k8s-file",
                "--log-opt",
                "path=" + log,
                "--cap-add",
                capabilities(),
                "--pids-limit",
                "2000",
                "--pidfile",
                pidFile.toString(),
                "--pull",
                "never"));
    Map<String, String> env = new HashMap<>(secrets);
    environment(definition, env);
    environment(override, env);
    env.keySet().forEach(variable -> line.addAll(List.of("--env", variable)));
    for (JsonNode mount : definition.path("mountPoints")) {
      line.addAll(
          List.of(
              "-v",
              volumes.get(mount.path("sourceVolume").asString(""))
                  + ":"
                  + mount.path("containerPath").asString("")
                  + (mount.path("readOnly").asBoolean(false) ? ":ro" : "")));
    }
    text("user", "--user", line);
    text("workingDirectory", "--workdir", line);
    if (definition.path("readonlyRootFilesystem").asBoolean(false)) {
      line.add("--read-only");
    }
    if (dies) {
      line.addAll(List.of("--entrypoint", "[\"/bin/false\"]"));
    } else if (definition.has("entryPoint")) {
      line.addAll(List.of("--entrypoint", definition.get("entryPoint").toString()));
    }
    line.add(image);
    JsonNode command =
        override.has("command") ? override.get("command") : definition.path("command");
    command.forEach(word -> line.add(word.asString()));
    try {
      podman.run(env, line);
    } catch (IllegalStateException e) {
      reason = "CannotCreateContainerError: " + e.getMessage();
      status = "STOPPED";
    }
  }

  void start() {
    try {
      podman.run("start", container);
      pid = Long.parseLong(Files.readString(pidFile).strip());
      status = "RUNNING";
    } catch (IOException | IllegalStateException e) {
      reason = "CannotStartContainerError: " + e.getMessage();
      status = "STOPPED";
    }
  }

  /** What Docker gives and Podman does not, less what the definition drops. */
  private String capabilities() {
    List<String> more = new ArrayList<>(List.of("NET_RAW", "AUDIT_WRITE", "MKNOD"));
    definition
        .path("linuxParameters")
        .path("capabilities")
        .path("drop")
        .forEach(dropped -> more.remove(dropped.asString()));
    return String.join(",", more);
  }

  private void text(String key, String flag, List<String> line) {
    if (definition.has(key)) {
      line.addAll(List.of(flag, definition.get(key).asString()));
    }
  }

  private static void environment(JsonNode of, Map<String, String> to) {
    for (JsonNode pair : of.path("environment")) {
      to.put(pair.path("name").asString(""), pair.path("value").asString(""));
    }
  }

  /** Looks whether it still runs; an ended one is asked for its code. */
  void look() {
    // A zombie is one whose monitor is just reaping it.
    if (status.equals("RUNNING") && !alive()) {
      Tool.Result code = podman.result("inspect", "--format", "{{.State.ExitCode}}", container);
      exitCode = code.code() == 0 ? Integer.parseInt(code.output().strip()) : 137;
      status = "STOPPED";
    }
  }

  private boolean alive() {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      return !stat.substring(stat.lastIndexOf(')') + 2).startsWith("Z");
    } catch (IOException e) {
      return false;
    }
  }

  boolean checked() {
    return definition.has("healthCheck");
  }

  /** Runs its health check once, in the container. */
  void check() {
    JsonNode command = definition.path("healthCheck").path("command");
    List<String> line =
        new ArrayList<>(
            List.of("nsenter", "-t", "" + pid, "-m", "-u", "-i", "-n", "-p", "--root", "--wd"));
    if (command.path(0).asString("").equals("CMD-SHELL")) {
      line.addAll(List.of("/bin/sh", "-c", command.path(1).asString("")));
    } else {
      for (int i = 1; i < command.size(); i++) {
        line.add(command.get(i).asString());
      }
    }
    health =
        Tool.result(Map.of(), line).code() == 0
            ? "HEALTHY"
            : health.equals("HEALTHY") ? "UNHEALTHY" : health;
  }

  /**
   * Ends and removes it: SIGTERM, and SIGKILL after its {@code stopTimeout}, which the rig
   * shortens.
   */
  void end(Duration grace) {
    podman.result("rm", "-f", "-t", "" + grace.toSeconds(), "-v", container);
    if (exitCode < 0 && status.equals("RUNNING")) {
      exitCode = 143;
    }
    status = "STOPPED";
  }
}
