package dev.berth.fargate;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * Identity policies, evaluated as the IAM user guide says ("Policy evaluation logic"): a matching
 * Deny wins, else one matching Allow is needed. It knows the condition operators that our policies
 * use and refuses others.
 */
record PolicySet(List<JsonNode> policies) {
  static PolicySet of(JsonNode... policies) {
    return new PolicySet(List.of(policies));
  }

  boolean allows(String action, String resource, Map<String, String> context) {
    boolean allowed = false;
    for (JsonNode statement : statements()) {
      if (matches(statement.path("Action"), action.toLowerCase(Locale.ROOT), true)
          && matches(statement.path("Resource"), resource, false)
          && holds(statement.path("Condition"), context)) {
        if (statement.path("Effect").asString("").equals("Deny")) {
          return false;
        }
        allowed = true;
      }
    }
    return allowed;
  }

  /** All actions that some statement allows. */
  Set<String> actions() {
    Set<String> actions = new TreeSet<>();
    for (JsonNode statement : statements()) {
      if (statement.path("Effect").asString("").equals("Allow")) {
        actions.addAll(texts(statement.path("Action")));
      }
    }
    return actions;
  }

  private List<JsonNode> statements() {
    List<JsonNode> all = new ArrayList<>();
    policies.forEach(policy -> policy.path("Statement").forEach(all::add));
    return all;
  }

  private static boolean matches(JsonNode patterns, String value, boolean anyCase) {
    return texts(patterns).stream()
        .anyMatch(each -> like(anyCase ? each.toLowerCase(Locale.ROOT) : each, value));
  }

  private static boolean holds(JsonNode conditions, Map<String, String> context) {
    for (Map.Entry<String, JsonNode> operator : conditions.properties()) {
      for (Map.Entry<String, JsonNode> key : operator.getValue().properties()) {
        String actual = context.get(key.getKey());
        List<String> wanted = texts(key.getValue());
        boolean met =
            switch (operator.getKey()) {
              case "StringEquals", "Bool" -> actual != null && wanted.contains(actual);
              case "ArnEquals", "ArnLike", "StringLike" ->
                  actual != null && wanted.stream().anyMatch(each -> like(each, actual));
              default -> throw new IllegalStateException("unknown operator " + operator.getKey());
            };
        if (!met) {
          return false;
        }
      }
    }
    return true;
  }

  private static boolean like(String pattern, String value) {
    StringBuilder regex = new StringBuilder();
    for (char c : pattern.toCharArray()) {
      regex.append(c == '*' ? ".*" : c == '?' ? "." : Pattern.quote(String.valueOf(c)));
    }
    return value.matches("(?s)" + regex);
  }

  static List<String> texts(JsonNode node) {
    return node.isArray()
        ? node.valueStream().map(each -> each.asString("")).toList()
        : List.of(node.asString(""));
  }
}
