package dev.berth.fargate;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.MissingNode;

/**
 * One call to AWS, and what IAM asks about it, after the service authorization reference: the
 * action, what it is done to, and what is told of the circumstances.
 */
final class AwsCall {
  private static final String ACCOUNT = "123456789012";
  private static final Pattern SCOPE = Pattern.compile("Credential=[^/]+/\\d+/([^/]+)/([^/]+)/");

  private final String service;
  private final String region;
  private final String action;
  private final JsonNode body;
  private final Map<String, String> form;

  /** What the caller must be allowed for a call. */
  record Right(String action, String resource, Map<String, String> context) {}

  private AwsCall(
      String service, String region, String action, JsonNode body, Map<String, String> form) {
    this.service = service;
    this.region = region;
    this.action = service + ":" + action;
    this.body = body;
    this.form = form;
  }

  static AwsCall of(String method, URI uri, String authorization, String target, String body) {
    Matcher scope = SCOPE.matcher(authorization);
    if (!scope.find()) {
      throw new IllegalStateException("unsigned: " + method + " " + uri);
    }
    String region = scope.group(1);
    String service = scope.group(2);
    if (service.equals("s3")) {
      return new AwsCall(service, region, s3(method, uri), MissingNode.getInstance(), path(uri));
    }
    if (target != null) {
      return new AwsCall(
          service,
          region,
          target.substring(target.indexOf('.') + 1),
          JsonMapper.shared().readTree(body),
          Map.of());
    }
    Map<String, String> form = new HashMap<>();
    for (String pair : body.split("&", -1)) {
      String[] parts = pair.split("=", 2);
      form.put(
          URLDecoder.decode(parts[0], StandardCharsets.UTF_8),
          parts.length == 2 ? URLDecoder.decode(parts[1], StandardCharsets.UTF_8) : "");
    }
    return new AwsCall(
        service, region, form.getOrDefault("Action", ""), MissingNode.getInstance(), form);
  }

  private static String s3(String method, URI uri) {
    boolean object = uri.getPath().indexOf('/', 1) > 0;
    return switch (method) {
      case "PUT", "POST" -> "PutObject";
      case "DELETE" -> "DeleteObject";
      default -> object ? "GetObject" : "ListBucket";
    };
  }

  private static Map<String, String> path(URI uri) {
    return Map.of("path", uri.getPath().substring(1).replaceAll("/$", ""));
  }

  String service() {
    return service;
  }

  String action() {
    return action;
  }

  String form(String key) {
    return form.getOrDefault(key, "");
  }

  List<Right> rights() {
    List<Right> rights = new ArrayList<>();
    switch (action) {
      // Everybody may ask who he is.
      case "sts:GetCallerIdentity" -> {}
      case "ecs:RunTask" -> {
        rights.add(right(text("taskDefinition"), Map.of("ecs:cluster", cluster())));
        if (body.has("tags")) {
          rights.add(tag("task/" + name(text("cluster")) + "/new", "RunTask"));
        }
      }
      case "ecs:RegisterTaskDefinition" -> {
        String definition = "task-definition/" + text("family") + ":1";
        rights.add(right(arn("ecs", definition), Map.of()));
        if (body.has("tags")) {
          rights.add(tag(definition, "RegisterTaskDefinition"));
        }
        for (String role : List.of(text("executionRoleArn"), text("taskRoleArn"))) {
          if (!role.isEmpty()) {
            Map<String, String> to = Map.of("iam:PassedToService", "ecs-tasks.amazonaws.com");
            rights.add(new Right("iam:PassRole", role, to));
          }
        }
      }
      case "ecs:DescribeTasks" ->
          body.path("tasks").forEach(task -> rights.add(right(task(task.asString("")), Map.of())));
      case "ecs:StopTask" -> rights.add(right(task(text("task")), Map.of()));
      case "ecs:ListTasks" -> rights.add(right("*", Map.of("ecs:cluster", cluster())));
      case "ecs:DescribeClusters" ->
          body.path("clusters")
              .forEach(each ->
                  rights.add(right(arn("ecs", "cluster/" + name(each.asString(""))), Map.of())));
      case "secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret" ->
          rights.add(right(text("SecretId"), Map.of()));
      case "ssm:GetParameter" ->
          rights.add(right(arn("ssm", "parameter" + text("Name")), Map.of()));
      case "logs:GetLogEvents" ->
          rights.add(
              right(
                  arn("logs", "log-group:" + text("logGroupName"))
                      + ":log-stream:"
                      + text("logStreamName"),
                  Map.of()));
      case "ecr:DescribeImages", "ecr:BatchGetImage" ->
          rights.add(right(arn("ecr", "repository/" + text("repositoryName")), Map.of()));
      case "ecr:DescribeRepositories" ->
          body.path("repositoryNames")
              .forEach(each ->
                  rights.add(right(arn("ecr", "repository/" + each.asString("")), Map.of())));
      case "codebuild:BatchGetProjects" ->
          body.path("names")
              .forEach(each ->
                  rights.add(right(arn("codebuild", "project/" + each.asString("")), Map.of())));
      case "iam:GetRole" -> rights.add(right(role(form("RoleName")), Map.of()));
      case "iam:SimulatePrincipalPolicy" -> rights.add(right(form("PolicySourceArn"), Map.of()));
      case "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject" ->
          rights.add(right("arn:aws:s3:::" + form("path"), Map.of()));
      // These know no resources.
      default -> rights.add(right("*", Map.of()));
    }
    return rights;
  }

  private Right right(String resource, Map<String, String> context) {
    return new Right(action, resource, context);
  }

  private Right tag(String resource, String creating) {
    return new Right("ecs:TagResource", arn("ecs", resource), Map.of("ecs:CreateAction", creating));
  }

  private String text(String key) {
    return body.path(key).asString("");
  }

  private String cluster() {
    return arn("ecs", "cluster/" + name(text("cluster")));
  }

  private String task(String arnOrId) {
    return arnOrId.startsWith("arn:")
        ? arnOrId
        : arn("ecs", "task/" + name(text("cluster")) + "/" + arnOrId);
  }

  private static String name(String arnOrName) {
    return arnOrName.substring(arnOrName.lastIndexOf('/') + 1);
  }

  private static String role(String name) {
    return "arn:aws:iam::" + ACCOUNT + ":role/" + name;
  }

  private String arn(String of, String resource) {
    return "arn:aws:" + of + ":" + region + ":" + ACCOUNT + ":" + resource;
  }
}
