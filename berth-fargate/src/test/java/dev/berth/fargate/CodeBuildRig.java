package dev.berth.fargate;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Phaser;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Answers for CodeBuild and ECR what moto does not: builds that are really done, one build per
 * token, projects that are updated, images that are really there. {@code docs/fargate-rig.md} lists
 * it.
 */
final class CodeBuildRig implements EcsProxy.Other {
  private static final String CODEBUILD = "CodeBuild_20161006.";
  private static final String ECR = "AmazonEC2ContainerRegistry_V20150921.";
  private static final JsonMapper JSON = JsonMapper.shared();

  private final FargateRig rig;
  private final ImageRegistry registry;
  private final Map<String, String> tools;
  private final Map<String, RigBuild> builds = new ConcurrentHashMap<>();
  private final Map<String, String[]> tokens = new ConcurrentHashMap<>();
  private final Map<String, ObjectNode> updates = new ConcurrentHashMap<>();
  private final ConcurrentLinkedDeque<String> order = new ConcurrentLinkedDeque<>();
  private final ConcurrentLinkedDeque<String> faults = new ConcurrentLinkedDeque<>();
  private final ConcurrentLinkedQueue<String> bodies = new ConcurrentLinkedQueue<>();
  private volatile Phaser held;

  CodeBuildRig(FargateRig rig, ImageRegistry registry, Map<String, String> tools) {
    this.rig = rig;
    this.registry = registry;
    this.tools = tools;
  }

  /** Keeps builds in the queue while it is open. */
  interface Hold extends AutoCloseable {
    @Override
    void close();
  }

  /** Builds that begin from now on wait in the queue until {@link #release}. */
  Hold hold() {
    held = new Phaser(1);
    return this::release;
  }

  void release() {
    Phaser gate = held;
    held = null;
    if (gate != null) {
      gate.arriveAndDeregister();
    }
  }

  /** The next build ends with this status. */
  void next(String status) {
    faults.add(status);
  }

  Collection<RigBuild> builds() {
    return builds.values();
  }

  /** All that was sent to CodeBuild. */
  Collection<String> bodies() {
    return bodies;
  }

  void clear() throws InterruptedException {
    release();
    for (RigBuild build : builds.values()) {
      build.stop();
      build.join();
    }
    builds.clear();
    order.clear();
    faults.clear();
    bodies.clear();
    tokens.clear();
  }

  @Override
  public EcsProxy.Answer answer(String target, byte[] body, EcsProxy.Moved moto)
      throws IOException, InterruptedException {
    if (!target.startsWith(CODEBUILD) && !target.startsWith(ECR)) {
      return null;
    }
    String operation = target.substring(target.indexOf('.') + 1);
    ObjectNode asked = (ObjectNode) JSON.readTree(body);
    if (target.startsWith(CODEBUILD)) {
      bodies.add(operation + " " + asked);
    }
    Faults.Call fault = rig.faults().take(operation);
    if (fault == Faults.Call.THROTTLED) {
      return EcsProxy.Answer.error(400, "ThrottlingException", "Rate exceeded");
    }
    if (fault == Faults.Call.NO_CAPACITY) {
      return EcsProxy.Answer.error(
          400, "AccountLimitExceededException", "Cannot have more than 60 builds in queue");
    }
    if (fault == Faults.Call.DENIED) {
      return EcsProxy.Answer.error(
          400, "AccessDeniedException", "User: x is not authorized to perform: " + operation);
    }
    EcsProxy.Answer answer = perform(operation, asked, moto);
    return fault == Faults.Call.ANSWER_LOST ? EcsProxy.LOST : answer;
  }

  private EcsProxy.Answer perform(String operation, ObjectNode asked, EcsProxy.Moved moto)
      throws IOException, InterruptedException {
    return switch (operation) {
      case "CreateProject" -> moto.ask(bytes(located(asked)));
      case "UpdateProject" -> update(asked);
      case "BatchGetProjects" -> projects(moto.ask(bytes(asked)));
      case "StartBuild" -> start(asked, moto);
      case "StopBuild" -> stop(asked);
      case "BatchGetBuilds" -> described(asked);
      case "ListBuildsForProject" -> list(moto.ask(bytes(asked)));
      case "DescribeImages" -> images(asked);
      default -> moto.ask(bytes(asked));
    };
  }

  /** Moto wants a place also of no source. */
  private static ObjectNode located(ObjectNode asked) {
    ObjectNode given = asked.deepCopy();
    if (given.path("source").path("type").asString("").equals("NO_SOURCE")) {
      ((ObjectNode) given.path("source")).put("location", "none");
    }
    return given;
  }

  private EcsProxy.Answer update(ObjectNode asked) {
    updates.put(asked.path("name").asString(""), asked);
    ObjectNode answer = JSON.createObjectNode();
    answer.set("project", asked);
    return EcsProxy.Answer.json(200, answer);
  }

  private EcsProxy.Answer projects(EcsProxy.Answer answer) {
    ObjectNode node = (ObjectNode) JSON.readTree(answer.body());
    for (JsonNode project : node.path("projects")) {
      ObjectNode update = updates.get(project.path("name").asString(""));
      if (update != null) {
        update
            .properties()
            .forEach(each -> ((ObjectNode) project).set(each.getKey(), each.getValue()));
      }
    }
    return EcsProxy.Answer.json(answer.code(), node);
  }

  private synchronized EcsProxy.Answer start(ObjectNode asked, EcsProxy.Moved moto)
      throws IOException, InterruptedException {
    String token = asked.path("idempotencyToken").asString("");
    String[] known = tokens.get(token);
    if (known != null) {
      return known[0].equals(asked.toString())
          ? one(builds.get(known[1]))
          : EcsProxy.Answer.error(
              400, "InvalidInputException", "The token was used with other parameters");
    }
    ObjectNode plain = JSON.createObjectNode();
    plain.set("projectName", asked.path("projectName"));
    EcsProxy.Answer answer = moto.ask(bytes(plain));
    if (answer.code() != 200) {
      return answer;
    }
    ObjectNode shape = (ObjectNode) JSON.readTree(answer.body()).path("build");
    String id = shape.path("id").asString("");
    Phaser gate = held;
    String group = group(id);
    RigBuild build =
        new RigBuild(
            id,
            asked,
            shape,
            rig.folder().resolve("build-" + id.substring(id.indexOf(':') + 1)),
            tools,
            this::secret,
            (stream, lines) -> log(group, stream, lines),
            () -> {
              if (gate != null) {
                gate.register();
                gate.arriveAndDeregister();
                try {
                  gate.awaitAdvanceInterruptibly(0);
                } catch (InterruptedException e) {
                  throw new IllegalStateException("stopped", e);
                }
              }
            },
            faults.poll());
    builds.put(id, build);
    order.addFirst(id);
    if (!token.isEmpty()) {
      tokens.put(token, new String[] {asked.toString(), id});
    }
    return one(build);
  }

  private EcsProxy.Answer stop(ObjectNode asked) {
    RigBuild build = builds.get(asked.path("id").asString(""));
    if (build == null) {
      return EcsProxy.Answer.error(400, "ResourceNotFoundException", "there is no such build");
    }
    build.stop();
    return one(build);
  }

  private static String group(String id) {
    return "/aws/codebuild/" + id.substring(0, id.indexOf(':'));
  }

  private EcsProxy.Answer one(RigBuild build) {
    ObjectNode answer = JSON.createObjectNode();
    answer.set("build", build.describe(group(build.id())));
    return EcsProxy.Answer.json(200, answer);
  }

  private EcsProxy.Answer described(ObjectNode asked) {
    ObjectNode answer = JSON.createObjectNode();
    ArrayNode found = answer.putArray("builds");
    for (JsonNode id : asked.path("ids")) {
      RigBuild build = builds.get(id.asString(""));
      if (build != null) {
        found.add(build.describe(group(build.id())));
      }
    }
    return EcsProxy.Answer.json(200, answer);
  }

  /** Moto says the ids of a project, but the oldest first, whatever was asked for. */
  private EcsProxy.Answer list(EcsProxy.Answer answer) {
    if (answer.code() != 200) {
      return answer;
    }
    List<String> known = new ArrayList<>();
    JSON.readTree(answer.body()).path("ids").forEach(id -> known.add(id.asString()));
    ObjectNode node = JSON.createObjectNode();
    ArrayNode ids = node.putArray("ids");
    order.stream().filter(known::contains).limit(100).forEach(ids::add);
    return EcsProxy.Answer.json(200, node);
  }

  private EcsProxy.Answer images(ObjectNode asked) throws IOException, InterruptedException {
    String name = asked.path("repositoryName").asString("");
    ObjectNode answer = JSON.createObjectNode();
    ArrayNode details = answer.putArray("imageDetails");
    for (JsonNode id : asked.path("imageIds")) {
      String tag = id.path("imageTag").asString("");
      String digest = registry.digest(name, tag);
      if (digest == null) {
        return EcsProxy.Answer.error(
            400,
            "ImageNotFoundException",
            "The image with imageId {imageTag:'" + tag + "'} does not exist within " + name);
      }
      details.addObject().put("imageDigest", digest).putArray("imageTags").add(tag);
    }
    return EcsProxy.Answer.json(200, answer);
  }

  private String secret(String arn) {
    return rig.proxy()
        .call(
            "secretsmanager",
            "secretsmanager.GetSecretValue",
            JSON.createObjectNode().put("SecretId", arn))
        .path("SecretString")
        .asString("");
  }

  private void log(String group, String stream, List<String> lines) {
    if (lines.isEmpty()) {
      return;
    }
    ObjectNode place = JSON.createObjectNode().put("logGroupName", group);
    try {
      rig.proxy().call("logs", "Logs_20140328.CreateLogGroup", place.deepCopy());
    } catch (IllegalStateException there) {
      // Made by an earlier line.
    }
    place.put("logStreamName", stream);
    try {
      rig.proxy().call("logs", "Logs_20140328.CreateLogStream", place.deepCopy());
    } catch (IllegalStateException there) {
      // Likewise.
    }
    long now = System.currentTimeMillis();
    ArrayNode events = place.putArray("logEvents");
    lines.stream()
        .filter(line -> !line.isEmpty())
        .forEach(line -> events.addObject().put("timestamp", now).put("message", line));
    if (!events.isEmpty()) {
      rig.proxy().call("logs", "Logs_20140328.PutLogEvents", place);
    }
  }

  private static byte[] bytes(JsonNode node) {
    return node.toString().getBytes(StandardCharsets.UTF_8);
  }
}
