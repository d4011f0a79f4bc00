package dev.berth.services.swerex;

import dev.berth.services.http.CallException;
import dev.berth.services.http.Json;
import dev.berth.services.http.Reply;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** What the calls of swe-rex look like as JSON. */
final class Wire {
  private static final int LONGEST_MESSAGE = 64 << 10;

  /** The status of an answer that carries an exception. */
  private static final int EXCEPTION = 511;

  private static final String SWEREX = "swerex.exceptions.";

  /**
   * The exceptions that are told apart; of all others only the text is taken. A name is looked up
   * here and nowhere else.
   */
  private static final Map<String, Failure> FAILURES =
      Map.ofEntries(
          Map.entry(SWEREX + "SessionNotInitializedError", Failure.SESSION_NOT_INITIALIZED),
          // What 1.4 says when a session's shell has ended.
          Map.entry("pexpect.exceptions.EOF", Failure.SESSION_NOT_INITIALIZED),
          Map.entry(SWEREX + "SessionExistsError", Failure.SESSION_EXISTS),
          Map.entry(SWEREX + "SessionDoesNotExistError", Failure.SESSION_DOES_NOT_EXIST),
          Map.entry(SWEREX + "NonZeroExitCodeError", Failure.NON_ZERO_EXIT_CODE),
          Map.entry(SWEREX + "BashIncorrectSyntaxError", Failure.INCORRECT_SYNTAX),
          Map.entry(SWEREX + "CommandTimeoutError", Failure.COMMAND_TIMEOUT),
          // What it says when an interrupt, or the start of a session, had no effect.
          Map.entry("pexpect.exceptions.TIMEOUT", Failure.COMMAND_TIMEOUT),
          Map.entry(SWEREX + "NoExitCodeError", Failure.NO_EXIT_CODE),
          Map.entry(SWEREX + "DeploymentNotStartedError", Failure.DEPLOYMENT_NOT_STARTED),
          Map.entry(SWEREX + "DeploymentStartupError", Failure.DEPLOYMENT_STARTUP),
          Map.entry(SWEREX + "DockerPullError", Failure.PULL_FAILED),
          Map.entry("builtins.FileNotFoundError", Failure.FILE),
          Map.entry("builtins.FileExistsError", Failure.FILE),
          Map.entry("builtins.IsADirectoryError", Failure.FILE),
          Map.entry("builtins.NotADirectoryError", Failure.FILE),
          Map.entry("builtins.PermissionError", Failure.FILE),
          Map.entry("builtins.OSError", Failure.FILE),
          Map.entry("builtins.UnicodeDecodeError", Failure.FILE),
          Map.entry("builtins.UnicodeEncodeError", Failure.FILE),
          Map.entry("shutil.Error", Failure.FILE),
          Map.entry("zipfile.BadZipFile", Failure.FILE));

  private Wire() {}

  static Map<String, @Nullable Object> body(SessionRequest request) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("session", request.session());
    body.put("session_type", "bash");
    body.put("startup_source", request.startupSource());
    body.put("startup_timeout", seconds(request.startupTimeout()));
    return body;
  }

  static Map<String, @Nullable Object> body(BashAction action) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("action_type", "bash");
    body.put("command", action.command());
    body.put("session", action.session());
    body.put("timeout", action.timeout() == null ? null : seconds(action.timeout()));
    body.put("is_interactive_command", action.interactiveCommand());
    body.put("is_interactive_quit", action.interactiveQuit());
    body.put("check", action.check() == Check.IGNORE ? "ignore" : "silent");
    body.put("error_msg", action.errorMessage());
    body.put("expect", action.expect());
    return body;
  }

  static Map<String, @Nullable Object> body(BashInterrupt interrupt) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("action_type", "bash_interrupt");
    body.put("session", interrupt.session());
    body.put("timeout", seconds(interrupt.timeout()));
    body.put("n_retry", interrupt.retries());
    body.put("expect", interrupt.expect());
    return body;
  }

  static Map<String, @Nullable Object> body(ExecuteRequest request) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("command", request.shell() ? request.command().get(0) : request.command());
    body.put("shell", request.shell());
    body.put("timeout", request.timeout() == null ? null : seconds(request.timeout()));
    body.put("check", false);
    body.put("error_msg", request.errorMessage());
    body.put("env", request.env());
    body.put("cwd", request.directory());
    body.put("merge_output_streams", request.mergeOutput());
    return body;
  }

  private static double seconds(Duration duration) {
    return duration.toMillis() / 1000.0;
  }

  /**
   * The answer of a call that succeeded.
   *
   * @throws SwerexException if it failed, by what the answer says, or is no answer of the protocol
   */
  static JsonNode answer(String call, Reply reply) {
    int status = reply.status();
    if (status == EXCEPTION) {
      JsonNode exception = tree(call, reply).path("swerexception");
      throw new SwerexException(
          FAILURES.getOrDefault(text(exception, "class_path", call), Failure.OTHER),
          "Tried to call "
              + call
              + ", but the server failed: "
              + shortened(text(exception, "message", call)));
    }
    if (status == 401 || status == 403) {
      throw new SwerexException(
          Failure.UNAUTHORIZED,
          "Tried to call " + call + ", but the key was refused; give the one it was started with.");
    }
    if (!reply.ok()) {
      throw new SwerexException(
          status == 404 ? Failure.UNREACHABLE : Failure.OTHER,
          "Tried to call "
              + call
              + ", but the answer was status "
              + status
              + ": "
              + shortened(new String(reply.body(), StandardCharsets.UTF_8)));
    }
    JsonNode answer = tree(call, reply);
    if (!answer.isObject()) {
      throw wrong(call, "an object");
    }
    return answer;
  }

  static Observation observation(JsonNode answer, List<String> expect, boolean exitCodeAsked) {
    String call = "run_in_session";
    String matched = text(answer, "expect_string", call);
    boolean expected = expect.contains(matched);
    return new Observation(
        text(answer, "output", call),
        exitCodeAsked && !expected ? number(answer, "exit_code", call) : null,
        text(answer, "failure_reason", call),
        expected ? matched : "");
  }

  /** A text; empty where there is none or null. */
  static String text(JsonNode answer, String name, String call) {
    JsonNode value = answer.path(name);
    if (value.isMissingNode() || value.isNull()) {
      return "";
    }
    if (!value.isString()) {
      throw wrong(call, "a text as " + name);
    }
    return value.stringValue();
  }

  /** A whole number; null where there is none. */
  static @Nullable Integer number(JsonNode answer, String name, String call) {
    JsonNode value = answer.path(name);
    if (value.isMissingNode() || value.isNull()) {
      return null;
    }
    if (!value.isIntegralNumber() || !value.canConvertToInt()) {
      throw wrong(call, "a whole number as " + name);
    }
    return value.intValue();
  }

  private static JsonNode tree(String call, Reply reply) {
    try {
      return Json.tree(reply.body(), call);
    } catch (CallException e) {
      throw Calls.failure(call, e);
    }
  }

  private static SwerexException wrong(String call, String due) {
    return new SwerexException(
        Failure.UNREACHABLE,
        "Tried to call "
            + call
            + ", but the answer is none of swe-rex: "
            + due
            + " is due; is there another server?");
  }

  private static String shortened(String text) {
    return text.length() > LONGEST_MESSAGE ? text.substring(0, LONGEST_MESSAGE) + "…" : text;
  }
}
