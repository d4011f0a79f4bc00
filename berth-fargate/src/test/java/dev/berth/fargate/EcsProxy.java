package dev.berth.fargate;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Stands in front of moto: hands everything on, starts and ends real containers for tasks, says
 * what ECS says of them, and lets calls fail as {@link Faults} says. {@code docs/fargate-rig.md}
 * lists what is ours here.
 */
final class EcsProxy implements AutoCloseable {
  private static final String ECS = "AmazonEC2ContainerServiceV20141113.";
  private static final Set<String> DROPPED =
      Set.of("host", "content-length", "connection", "expect", "upgrade", "transfer-encoding");
  private static final JsonMapper JSON = JsonMapper.shared();

  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private volatile Other other = (target, body, moto) -> null;
  private final Map<String, JsonNode> definitions = new ConcurrentHashMap<>();
  private final Set<String> inactive = ConcurrentHashMap.newKeySet();
  private final Map<String, RigTask> tasks = new ConcurrentHashMap<>();
  private final Map<String, String[]> tokens = new ConcurrentHashMap<>();
  private final Map<String, Object> tokenLocks = new ConcurrentHashMap<>();
  private final AtomicInteger numbers = new AtomicInteger();
  private final ConcurrentLinkedQueue<String> bodies = new ConcurrentLinkedQueue<>();
  private final PublicAddresses publicAddresses = new PublicAddresses();
  private final AtomicInteger requests = new AtomicInteger();
  private final CallRates rates = new CallRates();
  private volatile java.time.Duration definitionAge = java.time.Duration.ZERO;
  private final URI moto;
  private final Podman podman;
  private final Path folder;
  private final Faults faults;
  private final HttpServer server;

  EcsProxy(URI moto, Podman podman, Path folder, Faults faults) throws IOException {
    this.moto = moto;
    this.podman = podman;
    this.folder = folder;
    this.faults = faults;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 256);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  URI uri() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  Collection<RigTask> tasks() {
    return tasks.values();
  }

  /** All that callers have sent to ECS, to look for what must not be there. */
  Collection<String> bodies() {
    return bodies;
  }

  /** When callers have asked what of ECS. */
  CallRates rates() {
    return rates;
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      requests.incrementAndGet();
      byte[] body = exchange.getRequestBody().readAllBytes();
      String target = exchange.getRequestHeaders().getFirst("X-Amz-Target");
      Answer answer =
          target != null && target.startsWith(ECS)
              ? ecs(exchange, target.substring(ECS.length()), body)
              : publicAddresses(elsewhere(exchange, target, body));
      if (answer == null) {
        return;
      }
      answer.headers.forEach((name, values) -> {
        if (!DROPPED.contains(name.toLowerCase(java.util.Locale.ROOT)) && !name.startsWith(":")) {
          exchange.getResponseHeaders().put(name, values);
        }
      });
      exchange.sendResponseHeaders(answer.code, answer.body.length == 0 ? -1 : answer.body.length);
      exchange.getResponseBody().write(answer.body);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      e.printStackTrace();
      exchange.sendResponseHeaders(500, -1);
    }
  }

  /** How many calls of whatever service have come. */
  int requests() {
    return requests.get();
  }

  PublicAddresses publicAddresses() {
    return publicAddresses;
  }

  private Answer publicAddresses(Answer answer) {
    return answer == null
        ? null
        : new Answer(answer.code, answer.headers, publicAddresses.shown(answer.body));
  }

  /** Answers for a service that is not ECS. */
  interface Other {
    /** Null: not its matter. */
    Answer answer(String target, byte[] body, Moved moto) throws IOException, InterruptedException;
  }

  /** The same question, perhaps changed, to moto. */
  interface Moved {
    Answer ask(byte[] body) throws IOException, InterruptedException;
  }

  void other(Other service) {
    other = service;
  }

  record Answer(int code, Map<String, List<String>> headers, byte[] body) {
    static Answer json(int code, JsonNode node) {
      return new Answer(
          code,
          Map.of("Content-Type", List.of("application/x-amz-json-1.1")),
          node.toString().getBytes(StandardCharsets.UTF_8));
    }

    static Answer error(int code, String type, String message) {
      return json(code, JSON.createObjectNode().put("__type", type).put("message", message));
    }
  }

  private Answer elsewhere(HttpExchange exchange, String target, byte[] body)
      throws IOException, InterruptedException {
    Answer answer =
        target == null ? null : other.answer(target, body, changed -> forward(exchange, changed));
    if (answer == LOST) {
      return null;
    }
    return answer == null ? forward(exchange, body) : answer;
  }

  /** One that never arrives. */
  static final Answer LOST = new Answer(0, Map.of(), new byte[0]);

  private Answer ecs(HttpExchange exchange, String operation, byte[] body)
      throws IOException, InterruptedException {
    rates.count(operation, exchange.getRequestHeaders().getFirst("X-Amz-Date"));
    bodies.add(operation + " " + new String(body, StandardCharsets.UTF_8));
    Faults.Call fault = faults.take(operation);
    if (fault != null) {
      switch (fault) {
        case THROTTLED -> {
          return Answer.error(400, "ThrottlingException", "Rate exceeded");
        }
        case THROTTLED_IN_WORDS -> {
          return Answer.error(
              400,
              "ClientException",
              "Unable to start the task: EC2: Request limit: Rate exceeded");
        }
        case BROKEN -> {
          return Answer.error(
              500, "ServerException", "Service Unavailable. Please try again later.");
        }
        case DENIED -> {
          return Answer.error(
              400,
              "AccessDeniedException",
              "User: arn:aws:iam::123456789012:user/x is not authorized to perform: ecs:"
                  + operation
                  + " on resource: arn:aws:ecs:us-east-1:123456789012:cluster/x because no"
                  + " identity-based policy allows the ecs:"
                  + operation
                  + " action");
        }
        case NO_CAPACITY -> {
          return failure(
              "Capacity is unavailable at this time. Please try again later or in a different"
                  + " availability zone");
        }
        case MISSING -> {
          return failure("MISSING");
        }
        case ANSWER_LOST -> {
          perform(exchange, operation, body);
          return null;
        }
      }
    }
    return perform(exchange, operation, body);
  }

  private static Answer failure(String reason) {
    ObjectNode answer = JSON.createObjectNode();
    answer.putArray("tasks");
    answer.putArray("failures").addObject().put("reason", reason);
    return Answer.json(200, answer);
  }

  private Answer perform(HttpExchange exchange, String operation, byte[] body)
      throws IOException, InterruptedException {
    ObjectNode asked = (ObjectNode) JSON.readTree(body);
    switch (operation) {
      case "RegisterTaskDefinition" -> {
        return register(exchange, asked);
      }
      case "DeregisterTaskDefinition" -> {
        inactive.add(asked.path("taskDefinition").asString(""));
        return forward(exchange, body);
      }
      case "DescribeTaskDefinition" -> {
        return registered(forward(exchange, body));
      }
      case "RunTask" -> {
        return runTask(exchange, asked);
      }
      case "StopTask" -> {
        RigTask task = task(asked.path("task").asString(""));
        if (task != null) {
          task.stop(asked.path("reason").asString("Task stopped by user"));
        }
        return described(forward(exchange, body), "task");
      }
      case "DescribeTasks" -> {
        return described(forward(exchange, body), "tasks");
      }
      default -> {
        return forward(exchange, body);
      }
    }
  }

  private Answer register(HttpExchange exchange, ObjectNode asked)
      throws IOException, InterruptedException {
    ObjectNode given = asked.deepCopy();
    // Moto wants a memory for each container before it runs a task; Fargate does not.
    for (JsonNode container : given.path("containerDefinitions")) {
      if (!container.has("memory")) {
        ((ObjectNode) container).put("memory", 128);
      }
    }
    Answer answer = forward(exchange, given.toString().getBytes(StandardCharsets.UTF_8));
    if (answer.code == 200) {
      String arn =
          JSON.readTree(answer.body).path("taskDefinition").path("taskDefinitionArn").asString("");
      definitions.put(arn, asked);
    }
    return answer;
  }

  /** ECS says when a definition was registered, moto does not. */
  private Answer registered(Answer answer) {
    if (answer.code != 200) {
      return answer;
    }
    ObjectNode node = (ObjectNode) JSON.readTree(answer.body);
    double then = java.time.Instant.now().minus(definitionAge).toEpochMilli() / 1000.0;
    ((ObjectNode) node.path("taskDefinition")).put("registeredAt", then);
    return Answer.json(200, node);
  }

  /** The definitions that were not deregistered. */
  List<String> active() {
    return definitions.keySet().stream().filter(arn -> !inactive.contains(arn)).toList();
  }

  /** From now on all definitions are that old. */
  void definitionAge(java.time.Duration age) {
    definitionAge = age;
  }

  private Answer runTask(HttpExchange exchange, ObjectNode asked)
      throws IOException, InterruptedException {
    String token = asked.path("clientToken").asString("");
    String arn = asked.path("taskDefinition").asString("");
    if (!token.isEmpty()) {
      // Two at once with one token are one.
      synchronized (tokenLocks.computeIfAbsent(token, key -> new Object())) {
        String[] known = tokens.get(token);
        if (known != null) {
          return known[0].equals(asked.toString())
              ? described(
                  new Answer(200, Map.of(), known[1].getBytes(StandardCharsets.UTF_8)), "tasks")
              : Answer.error(
                  400, "ConflictException", "The clientToken was used with other parameters");
        }
        Answer answer = start(exchange, asked, arn);
        if (answer.code == 200) {
          tokens.put(
              token,
              new String[] {asked.toString(), new String(answer.body, StandardCharsets.UTF_8)});
        }
        return answer.code == 200 ? described(answer, "tasks") : answer;
      }
    }
    Answer answer = start(exchange, asked, arn);
    return answer.code == 200 ? described(answer, "tasks") : answer;
  }

  private Answer start(HttpExchange exchange, ObjectNode asked, String definition)
      throws IOException, InterruptedException {
    if (inactive.contains(definition)) {
      return Answer.error(400, "ClientException", "TaskDefinition is inactive");
    }
    if (!definitions.containsKey(definition)) {
      return Answer.error(400, "ClientException", "TaskDefinition not found.");
    }
    ObjectNode given = asked.deepCopy();
    given.remove("clientToken");
    Answer answer = forward(exchange, given.toString().getBytes(StandardCharsets.UTF_8));
    for (JsonNode task : JSON.readTree(answer.body).path("tasks")) {
      String arn = task.path("taskArn").asString("");
      String address = "";
      for (JsonNode detail : task.path("attachments").path(0).path("details")) {
        if (detail.path("name").asString("").equals("privateIPv4Address")) {
          address = detail.path("value").asString("");
        }
      }
      TaskNetwork.keep(address);
      List<String> addresses = new java.util.ArrayList<>(List.of(address));
      if (asked.toString().contains("\"assignPublicIp\":\"ENABLED\"")) {
        addresses.add(publicAddresses.of(task));
      }
      tasks.put(
          arn,
          new RigTask(
              arn,
              addresses,
              numbers.incrementAndGet(),
              definitions.get(definition),
              asked.path("overrides"),
              podman,
              folder,
              faults,
              this::secret,
              container -> log(arn, container),
              () -> stopInMoto(arn, asked.path("cluster").asString("default"))));
    }
    return answer;
  }

  private RigTask task(String arnOrId) {
    return tasks.values().stream()
        .filter(task -> task.arn().equals(arnOrId) || task.arn().endsWith("/" + arnOrId))
        .findFirst()
        .orElse(null);
  }

  private Answer described(Answer answer, String key) {
    if (answer.code != 200) {
      return answer;
    }
    ObjectNode node = (ObjectNode) JSON.readTree(answer.body);
    JsonNode all = node.path(key);
    for (JsonNode task : all.isArray() ? all : List.of(all)) {
      RigTask real = tasks.get(task.path("taskArn").asString(""));
      if (real != null) {
        real.describe((ObjectNode) task);
      }
    }
    return Answer.json(200, node);
  }

  /** The text of a secret or parameter, as the agent of ECS gets it. */
  private String secret(JsonNode valueFrom) {
    ObjectNode ask = JSON.createObjectNode().put("SecretId", valueFrom.asString(""));
    return call("secretsmanager", "secretsmanager.GetSecretValue", ask)
        .path("SecretString")
        .asString("");
  }

  /** Hands a container's log to its log group, as the awslogs driver does. */
  private void log(String task, RigContainer container) {
    JsonNode options = container.definition.path("logConfiguration").path("options");
    String group = options.path("awslogs-group").asString("");
    List<String> lines = container.log().lines().toList();
    if (group.isEmpty() || lines.isEmpty()) {
      return;
    }
    ObjectNode stream = JSON.createObjectNode().put("logGroupName", group);
    stream.put(
        "logStreamName",
        options.path("awslogs-stream-prefix").asString("")
            + "/"
            + container.name
            + task.substring(task.lastIndexOf('/')));
    call("logs", "Logs_20140328.CreateLogStream", stream);
    ObjectNode events = stream.deepCopy();
    long now = System.currentTimeMillis();
    for (String line : lines) {
      // Podman writes: time, stream, F for a full line, text.
      String[] words = line.split(" ", 4);
      events
          .withArray("logEvents")
          .addObject()
          .put("timestamp", now)
          .put("message", words.length < 4 ? "" : words[3]);
    }
    call("logs", "Logs_20140328.PutLogEvents", events);
  }

  private void stopInMoto(String arn, String cluster) {
    call("ecs", ECS + "StopTask", JSON.createObjectNode().put("cluster", cluster).put("task", arn));
  }

  /** A call of the rig's own to moto. */
  JsonNode call(String service, String target, JsonNode body) {
    try {
      HttpRequest request =
          HttpRequest.newBuilder(moto)
              .header("X-Amz-Target", target)
              .header("Content-Type", "application/x-amz-json-1.1")
              .header(
                  "Authorization",
                  "AWS4-HMAC-SHA256 Credential=rig/20260101/"
                      + FargateRig.REGION
                      + "/"
                      + service
                      + "/aws4_request, SignedHeaders=host, Signature=0")
              .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
              .build();
      HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() != 200) {
        throw new IllegalStateException(target + ": " + response.body());
      }
      return JSON.readTree(response.body());
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private Answer forward(HttpExchange exchange, byte[] body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(moto.resolve(exchange.getRequestURI()))
            .method(exchange.getRequestMethod(), HttpRequest.BodyPublishers.ofByteArray(body));
    exchange
        .getRequestHeaders()
        .forEach((name, values) -> {
          if (!DROPPED.contains(name.toLowerCase(java.util.Locale.ROOT))) {
            values.forEach(value -> request.header(name, value));
          }
        });
    HttpResponse<byte[]> response =
        http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    return new Answer(response.statusCode(), response.headers().map(), response.body());
  }

  /** Ends all tasks, and waits for that. */
  void endAll() throws InterruptedException {
    tasks.values().forEach(task -> task.stop("the test is over"));
    for (RigTask task : tasks.values()) {
      task.join();
      task.addresses().forEach(TaskNetwork::release);
    }
    tasks.clear();
  }

  @Override
  public void close() {
    try {
      endAll();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    server.stop(0);
    threads.shutdownNow();
  }
}
