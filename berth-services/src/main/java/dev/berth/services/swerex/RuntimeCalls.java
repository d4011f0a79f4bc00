package dev.berth.services.swerex;

import dev.berth.RequestException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The calls of swe-rex, from JSON to a {@link Runtime} and back. Thread-safe. */
final class RuntimeCalls {
  static final String UPLOAD = "/upload";
  static final String READ_FILE = "/read_file";
  private static final int EXCEPTION = 511;
  private static final int WRONG = 422;
  private static final Map<String, ?> NOTHING = Map.of();

  private final Runtime runtime;

  RuntimeCalls(Runtime runtime) {
    this.runtime = runtime;
  }

  /** The method of a call; null if there is no such call. */
  @Nullable String method(String path) {
    return switch (path) {
      case "/", "/is_alive" -> "GET";
      case "/create_session",
          "/run_in_session",
          "/close_session",
          "/execute",
          READ_FILE,
          "/write_file",
          "/close",
          UPLOAD ->
          "POST";
      default -> null;
    };
  }

  /** Makes a call; a failure of the runtime is an answer too. */
  RuntimeServer.Answer call(String path, CallBodies.Body body)
      throws InterruptedException, IOException, RuntimeServer.Refused {
    try {
      return RuntimeServer.Answer.of(200, result(path, body));
    } catch (SwerexException e) {
      return failed(e);
    } catch (RequestException e) {
      throw new RuntimeServer.Refused(WRONG, String.valueOf(e.getMessage()));
    }
  }

  private Map<String, ?> result(String path, CallBodies.Body body)
      throws InterruptedException, IOException, RuntimeServer.Refused {
    switch (path) {
      case "/":
        return Map.of("message", "Berth speaks swe-rex here.");
      case "/is_alive":
        Liveness liveness = runtime.isAlive();
        return Map.of("is_alive", liveness.alive(), "message", liveness.message());
      case "/close":
        runtime.close();
        return NOTHING;
      default:
        return result(path, body.tree());
    }
  }

  private Map<String, ?> result(String path, JsonNode body)
      throws InterruptedException, RuntimeServer.Refused {
    switch (path) {
      case "/create_session":
        one(body, "session_type", "bash");
        return Map.of("output", runtime.createSession(session(body)), "session_type", "bash");
      case "/run_in_session":
        return action(body);
      case "/close_session":
        one(body, "session_type", "bash");
        runtime.closeSession(text(body, "session", SessionRequest.DEFAULT));
        return Map.of("session_type", "bash");
      case "/execute":
        Execution done = runtime.execute(execute(body));
        Map<String, @Nullable Object> result = new LinkedHashMap<>();
        result.put("stdout", done.stdout());
        result.put("stderr", done.stderr());
        result.put("exit_code", done.exitCode());
        return result;
      case READ_FILE:
        ReadFile file =
            new ReadFile(
                text(body, "path", null),
                text(body, "encoding", "UTF-8"),
                text(body, "errors", "strict"));
        return Map.of("content", runtime.readFile(file));
      default:
        runtime.writeFile(text(body, "path", null), text(body, "content", null));
        return NOTHING;
    }
  }

  private static SessionRequest session(JsonNode body) throws RuntimeServer.Refused {
    Duration within = seconds(body, "startup_timeout", Duration.ofSeconds(1));
    return new SessionRequest(
        text(body, "session", SessionRequest.DEFAULT),
        texts(body, "startup_source"),
        within == null ? Duration.ofSeconds(1) : within);
  }

  private Map<String, ?> action(JsonNode body) throws InterruptedException, RuntimeServer.Refused {
    String type = text(body, "action_type", "bash");
    String session = text(body, "session", SessionRequest.DEFAULT);
    if (type.equals("bash_interrupt")) {
      Duration each = seconds(body, "timeout", Duration.ofMillis(200));
      return observed(
          runtime.interrupt(
              new BashInterrupt(
                  session,
                  each == null ? Duration.ofMillis(200) : each,
                  number(body, "n_retry", 3),
                  texts(body, "expect"))),
          true);
    }
    one(body, "action_type", "bash");
    BashAction action =
        new BashAction(
            text(body, "command", null),
            session,
            seconds(body, "timeout", null),
            flag(body, "is_interactive_command"),
            flag(body, "is_interactive_quit"),
            check(text(body, "check", "raise")),
            text(body, "error_msg", ""),
            texts(body, "expect"));
    return observed(
        runtime.runInSession(action), action.interactiveCommand() || action.interactiveQuit());
  }

  /** The real server says 0 where it asks for no exit code, and its clients may count on that. */
  private static Map<String, ?> observed(Observation seen, boolean zero) {
    Map<String, @Nullable Object> result = new LinkedHashMap<>();
    Integer code = seen.exitCode();
    result.put("output", seen.output());
    result.put("exit_code", code == null && zero ? Integer.valueOf(0) : code);
    result.put("failure_reason", seen.failureReason());
    result.put("expect_string", seen.expectString());
    result.put("session_type", "bash");
    return result;
  }

  private static ExecuteRequest execute(JsonNode body) throws RuntimeServer.Refused {
    JsonNode command = body.path("command");
    JsonNode env = body.path("env");
    Map<String, String> variables = null;
    if (env.isObject()) {
      variables = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> each : env.properties()) {
        variables.put(each.getKey(), string(each.getValue(), "env"));
      }
    } else if (!env.isMissingNode() && !env.isNull()) {
      throw wrong("env", "an object");
    }
    String directory = text(body, "cwd", "");
    return new ExecuteRequest(
        command.isString() ? List.of(command.stringValue()) : texts(body, "command"),
        flag(body, "shell"),
        seconds(body, "timeout", null),
        flag(body, "check"),
        text(body, "error_msg", ""),
        variables,
        directory.isEmpty() ? null : directory,
        flag(body, "merge_output_streams"));
  }

  private static Check check(String name) throws RuntimeServer.Refused {
    return switch (name) {
      case "silent" -> Check.SILENT;
      case "raise" -> Check.RAISE;
      case "ignore" -> Check.IGNORE;
      default -> throw wrong("check", "silent, raise or ignore");
    };
  }

  private static RuntimeServer.Refused wrong(String name, String due) {
    return new RuntimeServer.Refused(WRONG, name + " must be " + due + ".");
  }

  private static void one(JsonNode body, String name, String only) throws RuntimeServer.Refused {
    if (!text(body, name, only).equals(only)) {
      throw wrong(name, only);
    }
  }

  private static String string(JsonNode value, String name) throws RuntimeServer.Refused {
    if (!value.isString()) {
      throw wrong(name, "text");
    }
    return value.stringValue();
  }

  private static String text(JsonNode body, String name, @Nullable String otherwise)
      throws RuntimeServer.Refused {
    JsonNode value = body.path(name);
    return (value.isMissingNode() || value.isNull()) && otherwise != null
        ? otherwise
        : string(value, name);
  }

  private static List<String> texts(JsonNode body, String name) throws RuntimeServer.Refused {
    JsonNode value = body.path(name);
    List<String> texts = new ArrayList<>();
    if (value.isArray()) {
      for (JsonNode each : value) {
        texts.add(string(each, name));
      }
    } else if (!value.isMissingNode()) {
      throw wrong(name, "a list of texts");
    }
    return texts;
  }

  private static boolean flag(JsonNode body, String name) throws RuntimeServer.Refused {
    JsonNode value = body.path(name);
    if (!value.isMissingNode() && !value.isBoolean()) {
      throw wrong(name, "true or false");
    }
    return value.asBoolean(false);
  }

  private static int number(JsonNode body, String name, int otherwise)
      throws RuntimeServer.Refused {
    JsonNode value = body.path(name);
    if (value.isMissingNode()) {
      return otherwise;
    }
    if (!value.isIntegralNumber() || !value.canConvertToInt()) {
      throw wrong(name, "a whole number");
    }
    return value.intValue();
  }

  private static @Nullable Duration seconds(
      JsonNode body, String name, @Nullable Duration otherwise) throws RuntimeServer.Refused {
    JsonNode value = body.path(name);
    if (value.isMissingNode()) {
      return otherwise;
    }
    if (value.isNull()) {
      return null;
    }
    double seconds = value.isNumber() ? value.doubleValue() : Double.NaN;
    if (!(seconds >= 0 && seconds <= 1e9)) {
      throw wrong(name, "a number of seconds");
    }
    return Duration.ofNanos((long) (seconds * 1e9));
  }

  /** A failure as the Python client builds it again, by the name of its class there. */
  static RuntimeServer.Answer failed(SwerexException failure) {
    String message = String.valueOf(failure.getMessage());
    Map<String, Object> more = new LinkedHashMap<>();
    if (failure.failure() == Failure.INCORRECT_SYNTAX) {
      more.put("bash_stdout", "");
      more.put("bash_stderr", failure.output());
    } else if (!failure.output().isEmpty()) {
      more.put("output", failure.output());
    }
    Map<String, Object> exception = new LinkedHashMap<>();
    exception.put("message", message);
    exception.put("class_path", pythonClass(failure));
    exception.put("traceback", "");
    exception.put("extra_info", more);
    return RuntimeServer.Answer.of(EXCEPTION, Map.of("swerexception", exception));
  }

  private static String pythonClass(SwerexException failure) {
    return switch (failure.failure()) {
      case SESSION_NOT_INITIALIZED -> "swerex.exceptions.SessionNotInitializedError";
      case SESSION_EXISTS -> "swerex.exceptions.SessionExistsError";
      case SESSION_DOES_NOT_EXIST -> "swerex.exceptions.SessionDoesNotExistError";
      case NON_ZERO_EXIT_CODE -> "swerex.exceptions.NonZeroExitCodeError";
      case INCORRECT_SYNTAX -> "swerex.exceptions.BashIncorrectSyntaxError";
      case COMMAND_TIMEOUT -> "swerex.exceptions.CommandTimeoutError";
      case NO_EXIT_CODE -> "swerex.exceptions.NoExitCodeError";
      case DEPLOYMENT_NOT_STARTED -> "swerex.exceptions.DeploymentNotStartedError";
      case DEPLOYMENT_STARTUP -> "swerex.exceptions.DeploymentStartupError";
      case PULL_FAILED -> "swerex.exceptions.DockerPullError";
      case FILE ->
          switch (failure.getCause()) {
            case NoSuchFileException none -> "builtins.FileNotFoundError";
            case AccessDeniedException denied -> "builtins.PermissionError";
            case NotDirectoryException file -> "builtins.NotADirectoryError";
            case FileSystemException folder -> "builtins.IsADirectoryError";
            case null, default -> "builtins.OSError";
          };
      case UNAUTHORIZED, UNREACHABLE, OTHER -> "swerex.exceptions.SwerexException";
    };
  }
}
