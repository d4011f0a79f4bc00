package dev.berth.services.eval;

import dev.berth.Command;
import dev.berth.Sandbox;
import dev.berth.services.eval.Attempt.Ended;
import dev.berth.services.eval.UnifiedDiff.Change;
import dev.berth.services.eval.UnifiedDiff.Unfit;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Applies a patch in the sandbox: with its {@code git}; if that is not there or refuses, with its
 * {@code patch}; if neither is there, by reading it here and writing the changed files with {@code
 * tee}, all or none. Which of them is there and what they say is known by exit codes.
 */
final class Patching {
  private static final int NOT_FOUND = 127;

  private final Sandbox sandbox;
  private final Attempt attempt;

  Patching(Sandbox sandbox, Attempt attempt) {
    this.sandbox = sandbox;
    this.attempt = attempt;
  }

  /**
   * Applies it.
   *
   * @return by which of the three
   * @throws Ended if it does not apply
   */
  String apply(String patch) throws InterruptedException, Ended {
    byte[] input = (patch.endsWith("\n") ? patch : patch + "\n").getBytes(StandardCharsets.UTF_8);
    boolean git = isThere("git");
    if (git && attempt.run(sandbox, git().withStdin(input)).returnCode() == 0) {
      return "git";
    }
    boolean other = isThere("patch");
    Command command = Command.of("patch", "--batch", "--forward", "--fuzz=5", "-p1");
    if (other && attempt.run(sandbox, command.withStdin(input)).returnCode() == 0) {
      return "patch";
    }
    if (git || other) {
      throw new Ended(Verdict.FAILED, "the patch does not apply; the log says where");
    }
    try {
      write(UnifiedDiff.parse(new String(input, StandardCharsets.ISO_8859_1)));
    } catch (Unfit e) {
      throw new Ended(Verdict.FAILED, "the patch does not apply: " + e.getMessage());
    }
    return "berth";
  }

  private boolean isThere(String program) throws InterruptedException, Ended {
    return attempt.quietly(sandbox, Command.of(program, "--version")).returnCode() == 0;
  }

  /**
   * Paths are meant as seen from the directory: were that inside of another repository, git would
   * look from that one's root, and leave out what is outside of the directory without a word.
   */
  private Command git() {
    Command command = Command.of("git", "apply", "--verbose", "-");
    String directory = attempt.task().directory();
    if (directory != null) {
      int slash = directory.lastIndexOf('/');
      command =
          command.withEnv(
              "GIT_CEILING_DIRECTORIES", slash <= 0 ? "/" : directory.substring(0, slash));
    }
    return command.withEnv(trusting());
  }

  /** The files may be another user's in the image. */
  static Map<String, String> trusting() {
    return Map.of(
        "GIT_CONFIG_COUNT", "1",
        "GIT_CONFIG_KEY_0", "safe.directory",
        "GIT_CONFIG_VALUE_0", "*");
  }

  /** First all new texts are made, then written. */
  private void write(UnifiedDiff diff) throws InterruptedException, Ended, Unfit {
    Map<Change, @Nullable String> texts = new LinkedHashMap<>();
    Map<String, String> soFar = new LinkedHashMap<>();
    for (Change change : diff.changes()) {
      String from = change.from();
      String old = from == null ? "" : soFar.get(from);
      if (old == null && from != null) {
        byte[] bytes = attempt.read(sandbox, from);
        if (bytes == null) {
          throw new Unfit(from + " cannot be read, or is larger than 16 MiB");
        }
        old = new String(bytes, StandardCharsets.ISO_8859_1);
      }
      String now = UnifiedDiff.apply(change.path(), old == null ? "" : old, change.hunks());
      if (change.deleted() && !now.isEmpty()) {
        throw new Unfit(change.path() + " is to be deleted, but holds more than the patch knows");
      }
      texts.put(change, change.deleted() ? null : now);
      soFar.put(change.path(), now);
    }
    for (Map.Entry<Change, @Nullable String> entry : texts.entrySet()) {
      Change change = entry.getKey();
      String text = entry.getValue();
      if (text != null) {
        write(change, text);
      }
      String from = change.from();
      if (from != null && (text == null || !from.equals(change.path()))) {
        must(Command.of("rm", "-f", "--", from));
      }
    }
  }

  private void write(Change change, String text) throws InterruptedException, Ended {
    String path = change.path();
    int slash = path.lastIndexOf('/');
    if (!path.equals(change.from()) && slash > 0) {
      must(Command.of("mkdir", "-p", "--", path.substring(0, slash)));
    }
    must(Command.of("tee", "--", path).withStdin(text.getBytes(StandardCharsets.ISO_8859_1)));
    Boolean executable = change.executable();
    if (executable != null) {
      must(Command.of("chmod", executable ? "a+x" : "a-x", "--", path));
    }
  }

  private void must(Command command) throws InterruptedException, Ended {
    int code = attempt.quietly(sandbox, command).returnCode();
    if (code != 0) {
      String program = command.arguments().get(0);
      throw new Ended(
          Verdict.FAILED,
          "the image has neither git nor patch, and its "
              + program
              + (code == NOT_FOUND ? " is not there" : " ended with code " + code));
    }
  }
}
