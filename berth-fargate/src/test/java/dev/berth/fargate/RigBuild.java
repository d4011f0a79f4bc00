package dev.berth.fargate;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * One build, for real: fetches the source from S3, runs the commands of the buildspec that was
 * sent, phase by phase, and ends as CodeBuild documents that builds end.
 */
final class RigBuild {
  private static final String[] COMMANDS = {"INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"};
  private static final int SECONDS = 180;

  private final String id;
  private final JsonNode asked;
  private final ObjectNode shape;
  private final Path folder;
  private final Map<String, String> tools;
  private final UnaryOperator<String> secrets;
  private final BiConsumer<String, List<String>> log;
  private final List<ObjectNode> phases = new ArrayList<>();
  private final List<String> masked = new ArrayList<>();
  private final Thread thread;
  private String phase = "QUEUED";
  private String status = "IN_PROGRESS";
  private Instant ended;
  private boolean stopped;
  private Process process;
  private final Instant started = Instant.now();

  RigBuild(
      String id,
      JsonNode asked,
      ObjectNode shape,
      Path folder,
      Map<String, String> tools,
      UnaryOperator<String> secrets,
      BiConsumer<String, List<String>> log,
      Runnable turn,
      String fault) {
    this.id = id;
    this.asked = asked;
    this.shape = shape;
    this.folder = folder;
    this.tools = tools;
    this.secrets = secrets;
    this.log = log;
    thread = Thread.ofPlatform().daemon().name(id).start(() -> live(turn, fault));
  }

  String id() {
    return id;
  }

  JsonNode asked() {
    return asked;
  }

  synchronized String status() {
    return status;
  }

  synchronized String phase() {
    return phase;
  }

  /** The stream of its log, in the group of the project. */
  String stream() {
    return id.substring(id.indexOf(':') + 1);
  }

  private void live(Runnable turn, String fault) {
    try {
      turn.run();
      begin("PROVISIONING");
      if (fault != null) {
        end(fault, "PROVISIONING", "the rig was told so");
        return;
      }
      Files.createDirectories(folder);
      begin("DOWNLOAD_SOURCE");
      String location = asked.path("sourceLocationOverride").asString("");
      if (asked.path("sourceTypeOverride").asString("").equals("S3")) {
        fetch(location);
      }
      Map<String, String> env = environment();
      JsonNode spec = new YAMLMapper().readTree(asked.path("buildspecOverride").asString(""));
      for (String each : COMMANDS) {
        begin(each);
        JsonNode commands =
            spec.path("phases").path(each.toLowerCase(java.util.Locale.ROOT)).path("commands");
        for (JsonNode command : commands) {
          int code = run(command.asString(), env);
          if (code != 0) {
            end(
                "FAILED",
                each,
                "COMMAND_EXECUTION_ERROR: Error while executing command: "
                    + command.asString().strip()
                    + ". Reason: exit status "
                    + code);
            return;
          }
        }
      }
      begin("COMPLETED");
      end("SUCCEEDED", null, null);
    } catch (IOException | RuntimeException | InterruptedException e) {
      end("FAILED", phase(), "CLIENT_ERROR: " + e.getMessage());
    } finally {
      // A stop interrupts it.
      boolean cleared = Thread.interrupted();
      Tool.Result removed = Tool.result(Map.of(), List.of("rm", "-rf", folder.toString()));
      if (removed.code() != 0 && !cleared) {
        System.err.println("the rig could not remove " + folder + ": " + removed.output());
      }
    }
  }

  private void fetch(String location) throws IOException {
    int slash = location.indexOf('/');
    try (Aws aws = new Aws(FargateRig.REGION);
        ZipInputStream zip =
            new ZipInputStream(
                aws.s3()
                    .getObject(ask ->
                        ask.bucket(location.substring(0, slash))
                            .key(location.substring(slash + 1))))) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        Files.copy(zip, folder.resolve(Path.of(entry.getName()).getFileName().toString()));
      }
    }
  }

  private Map<String, String> environment() {
    Map<String, String> env = new HashMap<>(tools);
    for (JsonNode variable : asked.path("environmentVariablesOverride")) {
      String value = variable.path("value").asString("");
      if (variable.path("type").asString("").equals("SECRETS_MANAGER")) {
        int colon = value.lastIndexOf(':');
        value =
            JsonMapper.shared()
                .readTree(secrets.apply(value.substring(0, colon)))
                .path(value.substring(colon + 1))
                .asString("");
        masked.add(value);
      }
      env.put(variable.path("name").asString(""), value);
    }
    return env;
  }

  private int run(String command, Map<String, String> env)
      throws IOException, InterruptedException {
    say("[Container] Running command " + command.strip());
    ProcessBuilder builder =
        new ProcessBuilder("sh", "-c", command)
            .directory(folder.toFile())
            .redirectErrorStream(true);
    builder.environment().clear();
    builder.environment().putAll(env);
    builder.environment().put("REGISTRY_AUTH_FILE", folder.resolve(".auth.json").toString());
    Process running;
    synchronized (this) {
      if (stopped) {
        throw new IllegalStateException("stopped");
      }
      running = builder.start();
      process = running;
    }
    running.getOutputStream().close();
    try (BufferedReader lines = running.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        say(line);
      }
    }
    return running.waitFor(SECONDS, TimeUnit.SECONDS) ? running.exitValue() : -1;
  }

  private void say(String line) {
    String text = line;
    for (String secret : masked) {
      text = text.replace(secret, "***");
    }
    log.accept(stream(), text.lines().toList());
  }

  private synchronized void begin(String next) {
    if (stopped) {
      throw new IllegalStateException("stopped");
    }
    phases.add(phase(phase, "SUCCEEDED", null));
    phase = next;
  }

  private static ObjectNode phase(String type, String status, String message) {
    ObjectNode node =
        JsonMapper.shared().createObjectNode().put("phaseType", type).put("phaseStatus", status);
    if (message != null) {
      int colon = message.indexOf(": ");
      node.putArray("contexts")
          .addObject()
          .put("statusCode", colon < 0 ? "CLIENT_ERROR" : message.substring(0, colon))
          .put("message", message.substring(colon < 0 ? 0 : colon + 2));
    }
    return node;
  }

  private synchronized void end(String how, String failed, String message) {
    if (!status.equals("IN_PROGRESS")) {
      return;
    }
    if (failed != null) {
      phases.add(phase(failed, how, message));
    }
    phase = "COMPLETED";
    ended = Instant.now();
    status = how;
  }

  void stop() {
    synchronized (this) {
      end("STOPPED", phase, "the build was stopped");
      stopped = true;
      if (process != null) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
      }
    }
    thread.interrupt();
  }

  void join() throws InterruptedException {
    thread.join();
  }

  /** As BatchGetBuilds says it. */
  synchronized ObjectNode describe(String group) {
    ObjectNode node = shape.deepCopy();
    node.put("id", id).put("buildStatus", status).put("currentPhase", phase);
    node.put("buildComplete", ended != null);
    node.put("startTime", started.toEpochMilli() / 1000.0);
    node.remove("endTime");
    if (ended != null) {
      node.put("endTime", ended.toEpochMilli() / 1000.0);
    }
    var all = node.putArray("phases");
    phases.forEach(all::add);
    ObjectNode source = node.putObject("source");
    source.put("type", asked.path("sourceTypeOverride").asString(""));
    source.put("location", asked.path("sourceLocationOverride").asString(""));
    ObjectNode environment = node.putObject("environment");
    environment.put("type", "LINUX_CONTAINER");
    environment.put("computeType", asked.path("computeTypeOverride").asString(""));
    environment.set("environmentVariables", asked.path("environmentVariablesOverride"));
    node.putObject("logs").put("groupName", group).put("streamName", stream());
    return node;
  }
}
