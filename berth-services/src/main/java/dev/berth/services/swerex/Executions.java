package dev.berth.services.swerex;

import dev.berth.Command;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.OutputSink;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Runs single commands in a sandbox for {@link NativeRuntime}. Thread-safe. */
final class Executions {
  private static final int NOT_FOUND = 127;
  private static final int SHOWN = 4096;
  private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  private final Sandbox sandbox;
  // The names of what every command gets; asked for once, when first needed.
  private volatile @Nullable Set<String> names;

  Executions(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  Execution execute(ExecuteRequest request) throws InterruptedException {
    Transcript out = new Transcript();
    Transcript err = new Transcript();
    ExecResult result;
    try {
      result = sandbox.exec(command(request), sink(out, err));
    } catch (RequestException e) {
      String folder = request.directory();
      if (folder == null) {
        throw e;
      }
      // All else that a request can be refused for was looked at before.
      throw new SwerexException(
          Failure.FILE, String.valueOf(e.getMessage()), "", new NoSuchFileException(folder));
    }
    String stdout = TerminalText.decode(out.bytes());
    String stderr = TerminalText.decode(err.bytes());
    refuse(request, result, stdout + stderr);
    int code = result.exit().signal() > 0 ? -result.exit().signal() : result.returnCode();
    if (request.check() && code != 0) {
      throw new SwerexException(
          Failure.NON_ZERO_EXIT_CODE,
          (request.errorMessage().isEmpty() ? "" : request.errorMessage() + ": ")
              + "Tried to execute "
              + shown(request)
              + " but it failed with exit code "
              + code
              + ". Stdout: '"
              + end(stdout)
              + "'. Stderr: '"
              + end(stderr)
              + "'",
          stdout + stderr,
          null);
    }
    return new Execution(stdout, stderr, code);
  }

  private Command command(ExecuteRequest request) throws InterruptedException {
    Command command =
        Command.of(words(request))
            .withTimeout(request.timeout() == null ? Command.FOREVER : request.timeout())
            .withOutputLimit(0);
    if (request.env() != null) {
      command = command.withEnv(request.env());
    }
    if (request.directory() != null) {
      command = command.inDirectory(request.directory());
    }
    return command;
  }

  private static OutputSink sink(Transcript out, Transcript err) {
    return (channel, bytes) -> {
      byte[] copy = new byte[bytes.remaining()];
      bytes.get(copy);
      (channel == OutputSink.Channel.STDOUT ? out : err).add(copy, 0, copy.length);
    };
  }

  private static void refuse(ExecuteRequest request, ExecResult result, String output) {
    ErrorType type = result.errorType();
    String tried = "Tried to execute " + shown(request) + " but ";
    if (type == ErrorType.TIMEOUT) {
      throw new SwerexException(
          Failure.COMMAND_TIMEOUT,
          tried + "it did not end within " + request.timeout() + "; it was killed.",
          output,
          null);
    }
    if (type != null) {
      throw new SwerexException(
          Failure.UNREACHABLE, tried + result.exit().detail() + ".", output, null);
    }
    if (!result.exit().detail().isEmpty()) {
      String program = request.command().get(0);
      throw new SwerexException(
          Failure.FILE,
          tried + result.exit().detail() + ".",
          output,
          result.returnCode() == NOT_FOUND
              ? new NoSuchFileException(program)
              : new AccessDeniedException(program));
    }
  }

  private List<String> words(ExecuteRequest request) throws InterruptedException {
    String before = request.env() == null ? "" : unset(request.env());
    if (!request.shell() && before.isEmpty() && !request.mergeOutput()) {
      return request.command();
    }
    before += request.mergeOutput() ? "exec 2>&1\n" : "";
    List<String> words = new ArrayList<>(List.of("/bin/sh", "-c"));
    if (request.shell()) {
      words.add(before + request.command().get(0));
      words.addAll(request.command().subList(1, request.command().size()));
    } else {
      words.add(before + "exec \"$@\"");
      words.add("sh");
      words.addAll(request.command());
    }
    return words;
  }

  /** A line that takes away what the request's environment does not have. */
  private String unset(Map<String, String> env) throws InterruptedException {
    Set<String> known = names;
    if (known == null) {
      known = new TreeSet<>();
      String all = sandbox.exec(Command.of("cat", "/proc/self/environ")).stdout();
      for (String variable : all.split("\0")) {
        String name = variable.substring(0, Math.max(0, variable.indexOf('=')));
        if (NAME.matcher(name).matches()) {
          known.add(name);
        }
      }
      names = known;
    }
    StringBuilder line = new StringBuilder();
    for (String name : known) {
      if (!env.containsKey(name)) {
        line.append(line.isEmpty() ? "unset " : " ").append(name);
      }
    }
    return line.isEmpty() ? "" : line.append('\n').toString();
  }

  private static String shown(ExecuteRequest request) {
    String words = String.join(" ", request.command());
    return "'" + (words.length() > SHOWN ? words.substring(0, SHOWN) + "…" : words) + "'";
  }

  private static String end(String text) {
    return text.length() > SHOWN ? "…" + text.substring(text.length() - SHOWN) : text;
  }
}
