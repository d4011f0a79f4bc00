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
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Stands in front of the rig as IAM does in AWS: lets a call through only if the caller's policies
 * allow it on its resource and under its conditions, and answers as IAM's simulator. Moto's own
 * checks know neither resources nor conditions.
 */
final class IamGate implements AutoCloseable {
  private static final Set<String> DROPPED =
      Set.of("host", "content-length", "connection", "expect", "upgrade", "transfer-encoding");

  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Set<String> used = new ConcurrentSkipListSet<>();
  private final Queue<String> refused = new ConcurrentLinkedQueue<>();
  private final Map<String, PolicySet> roles = new ConcurrentHashMap<>();
  private final URI behind;
  private final PolicySet caller;
  private final HttpServer server;
  private final String before = System.getProperty("aws.endpointUrl");

  IamGate(URI behind, PolicySet caller) throws IOException {
    this.behind = behind;
    this.caller = caller;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 64);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  /** What the simulator says of a role. */
  void role(String arn, PolicySet policies) {
    roles.put(arn, policies);
  }

  /** Points this JVM's AWS clients here, until it is closed. */
  void use() {
    System.setProperty("aws.endpointUrl", "http://127.0.0.1:" + server.getAddress().getPort());
  }

  /** The actions that were asked for and allowed. */
  Set<String> used() {
    return used;
  }

  Queue<String> refused() {
    return refused;
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      AwsCall call =
          AwsCall.of(
              exchange.getRequestMethod(),
              exchange.getRequestURI(),
              String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")),
              exchange.getRequestHeaders().getFirst("X-Amz-Target"),
              new String(body, StandardCharsets.UTF_8));
      for (AwsCall.Right right : call.rights()) {
        if (!caller.allows(right.action(), right.resource(), right.context())) {
          refused.add(right.toString());
          refuse(exchange, call, right);
          return;
        }
        used.add(right.action());
      }
      if (call.action().equals("iam:SimulatePrincipalPolicy")) {
        answer(exchange, 200, "text/xml", simulated(call));
        return;
      }
      forward(exchange, body);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      e.printStackTrace();
      exchange.sendResponseHeaders(500, -1);
    }
  }

  private String simulated(AwsCall call) {
    PolicySet of = roles.getOrDefault(call.form("PolicySourceArn"), PolicySet.of());
    Map<String, String> context = new ConcurrentHashMap<>();
    for (int i = 1; !call.form("ContextEntries.member." + i + ".ContextKeyName").isEmpty(); i++) {
      String entry = "ContextEntries.member." + i + ".";
      context.put(
          call.form(entry + "ContextKeyName"), call.form(entry + "ContextKeyValues.member.1"));
    }
    String action = call.form("ActionNames.member.1");
    String decision =
        of.allows(action, call.form("ResourceArns.member.1"), context) ? "allowed" : "implicitDeny";
    return "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">"
        + "<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>"
        + "<member><EvalActionName>"
        + action
        + "</EvalActionName><EvalDecision>"
        + decision
        + "</EvalDecision></member></EvaluationResults></SimulatePrincipalPolicyResult>"
        + "</SimulatePrincipalPolicyResponse>";
  }

  private static void refuse(HttpExchange exchange, AwsCall call, AwsCall.Right right)
      throws IOException {
    String words =
        "User: arn:aws:iam::123456789012:user/gate is not authorized to perform: "
            + right.action()
            + " on resource: "
            + right.resource()
            + " because no identity-based policy allows the "
            + right.action()
            + " action; asked with "
            + right.context();
    switch (call.service()) {
      case "ec2" ->
          answer(
              exchange,
              403,
              "text/xml",
              "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>"
                  + words
                  + "</Message></Error></Errors><RequestID>gate</RequestID></Response>");
      case "iam", "sts" ->
          answer(
              exchange,
              403,
              "text/xml",
              "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>"
                  + words
                  + "</Message></Error><RequestId>gate</RequestId></ErrorResponse>");
      case "s3" -> exchange.sendResponseHeaders(403, -1);
      default ->
          answer(
              exchange,
              400,
              "application/x-amz-json-1.1",
              "{\"__type\":\"AccessDeniedException\",\"message\":\"" + words + "\"}");
    }
  }

  private static void answer(HttpExchange exchange, int code, String type, String text)
      throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(code, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  private void forward(HttpExchange exchange, byte[] body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(behind.resolve(exchange.getRequestURI()))
            .method(exchange.getRequestMethod(), HttpRequest.BodyPublishers.ofByteArray(body));
    exchange
        .getRequestHeaders()
        .forEach((name, values) -> {
          if (!DROPPED.contains(name.toLowerCase(Locale.ROOT))) {
            values.forEach(value -> request.header(name, value));
          }
        });
    HttpResponse<byte[]> response =
        http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    for (Map.Entry<String, List<String>> header : response.headers().map().entrySet()) {
      String name = header.getKey();
      if (!name.startsWith(":") && !DROPPED.contains(name.toLowerCase(Locale.ROOT))) {
        exchange.getResponseHeaders().put(name, header.getValue());
      }
    }
    boolean empty = response.body().length == 0 || exchange.getRequestMethod().equals("HEAD");
    exchange.sendResponseHeaders(response.statusCode(), empty ? -1 : response.body().length);
    if (!empty) {
      exchange.getResponseBody().write(response.body());
    }
  }

  @Override
  public void close() {
    System.setProperty("aws.endpointUrl", before);
    server.stop(0);
    threads.shutdownNow();
  }
}
