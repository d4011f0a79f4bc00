package dev.berth.services.swerex;

import dev.berth.RequestException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A repository in a sandbox: how it gets there, and back to its commit. */
final class Checkout {
  private static final Duration LONGEST = Duration.ofMinutes(10);

  private final Repository repository;
  private final String path;
  private final Runtime runtime;

  /** What the commit was at the beginning: an agent's own commits move HEAD and branches. */
  private @Nullable String base;

  Checkout(Repository repository, String path, Runtime runtime) {
    this.repository = repository;
    this.path = path;
    this.runtime = runtime;
  }

  /** Makes sure that it is there and as it was at its commit. */
  void prepare() throws InterruptedException {
    boolean plain =
        repository instanceof Repository.Folder folder
            && !Files.exists(folder.path().resolve(".git"));
    if (plain) {
      // Without git nothing but a new copy is as it was.
      run("clear the old copy", "rm -rf -- \"$1\"", path);
    }
    if (plain || exitCode("test -d \"$1\"", path) != 0) {
      bringIn();
    }
    if (plain) {
      return;
    }
    // It may belong to whoever built the image.
    exitCode("git config --global --add safe.directory \"$1\"", path);
    if (base == null) {
      base = resolve();
    }
    run(
        "set it to its commit",
        "cd \"$1\" && git reset --quiet --hard && git checkout --quiet --force \"$2\" && git clean -fdq",
        path,
        base);
  }

  /** What brings the session into it. */
  String enter() {
    return "cd " + Shell.quoted(path) + " && export ROOT=$(pwd -P)";
  }

  private void bringIn() throws InterruptedException {
    switch (repository) {
      case Repository.InImage in ->
          throw new SwerexException(
              Failure.FILE,
              "Tried to use the repository at "
                  + path
                  + ", but the image has no such folder; name an image that has it.");
      case Repository.Clone clone ->
          run("clone it", "git clone --quiet --no-checkout -- \"$2\" \"$1\"", path, clone.url());
      case Repository.Folder folder -> copy(folder.path());
    }
  }

  private void copy(Path folder) throws InterruptedException {
    if (!Files.isDirectory(folder)) {
      throw new RequestException(
          "Tried to copy the repository " + folder + ", but there is no such folder.");
    }
    runtime.upload(folder, path);
  }

  private String resolve() throws InterruptedException {
    String find = "cd \"$1\" && git rev-parse --verify --quiet \"$2^{commit}\"";
    Execution found = execute(find, path, repository.commit());
    if (!Integer.valueOf(0).equals(found.exitCode())
        && repository instanceof Repository.Clone
        && exitCode("cd \"$1\" && git fetch --quiet origin \"$2\"", path, repository.commit())
            == 0) {
      found = execute(find, path, "FETCH_HEAD");
    }
    if (!Integer.valueOf(0).equals(found.exitCode())) {
      throw new SwerexException(
          Failure.NON_ZERO_EXIT_CODE,
          "Tried to find the commit "
              + repository.commit()
              + " in "
              + path
              + ", but it is not there, or git is not.",
          found.stdout() + found.stderr(),
          null);
    }
    return found.stdout().strip();
  }

  private void run(String what, String line, String... arguments) throws InterruptedException {
    Execution done = execute(line, arguments);
    if (!Integer.valueOf(0).equals(done.exitCode())) {
      String output = done.stdout() + done.stderr();
      throw new SwerexException(
          Failure.NON_ZERO_EXIT_CODE,
          "Tried to prepare the repository at "
              + path
              + ", but could not "
              + what
              + ": "
              + output.substring(Math.max(0, output.length() - 2000)).strip(),
          output,
          null);
    }
  }

  private int exitCode(String line, String... arguments) throws InterruptedException {
    Integer code = execute(line, arguments).exitCode();
    return code == null ? -1 : code;
  }

  /** Arguments are none of the line's text, so that nothing in them is shell. */
  private Execution execute(String line, String... arguments) throws InterruptedException {
    List<String> command = new java.util.ArrayList<>(List.of("/bin/sh", "-c", line, "sh"));
    command.addAll(List.of(arguments));
    return runtime.execute(
        new ExecuteRequest(command, false, LONGEST, false, "", null, null, false));
  }
}
