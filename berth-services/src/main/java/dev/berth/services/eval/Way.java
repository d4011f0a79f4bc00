package dev.berth.services.eval;

import dev.berth.Command;
import dev.berth.ExecResult;
import dev.berth.Sandbox;
import dev.berth.Transfer;
import dev.berth.services.eval.Attempt.Ended;
import dev.berth.services.swerex.Repository;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import javax.xml.stream.XMLStreamException;

/** Leads an instance through its phases in a sandbox that is there. */
final class Way {
  private final Sandbox sandbox;
  private final Attempt attempt;
  private final Task task;

  Way(Sandbox sandbox, Attempt attempt) {
    this.sandbox = sandbox;
    this.attempt = attempt;
    this.task = attempt.task();
  }

  /** Goes to the end, if all is as expected. */
  void go() throws InterruptedException, Ended {
    Repository repository = task.repository();
    if (repository != null) {
      attempt.enter(Phase.REPOSITORY);
      place(repository);
    }
    if (!task.setup().isEmpty()) {
      attempt.enter(Phase.SETUP);
      int number = 0;
      for (List<String> command : task.setup()) {
        must(Command.of(command), "set-up command " + ++number);
      }
    }
    if (!task.testPatch().isEmpty()) {
      attempt.enter(Phase.TEST_PATCH);
      new Patching(sandbox, attempt).apply(task.testPatch());
    }
    if (task.before() != Expected.SKIP) {
      attempt.enter(Phase.BEFORE);
      boolean passed = task.before() == Expected.PASS;
      test(passed ? all() : task.failToPass(), passed);
    }
    if (!task.patch().isEmpty()) {
      attempt.enter(Phase.PATCH);
      attempt.patchedBy(new Patching(sandbox, attempt).apply(task.patch()));
    }
    attempt.enter(Phase.AFTER);
    attempt.judgedBy(test(all(), true));
  }

  private Set<String> all() {
    Set<String> all = new java.util.LinkedHashSet<>(task.failToPass());
    all.addAll(task.passToPass());
    return all;
  }

  private ExecResult test(Set<String> tests, boolean toPass) throws InterruptedException, Ended {
    String path = task.report();
    if (path == null) {
      ExecResult result = attempt.run(sandbox, Command.of(task.test()));
      attempt.judgedBy(result);
      boolean passed = result.returnCode() == 0;
      if (passed != toPass) {
        throw new Ended(
            Verdict.FAILED,
            passed
                ? "the test passes without the patch already"
                : "the test ended with code " + result.returnCode());
      }
      return result;
    }
    // What an earlier run has left there says nothing of this one.
    must(Command.of("rm", "-f", "--", path), "removing the last test report");
    ExecResult result = attempt.run(sandbox, Command.of(task.test()));
    attempt.judgedBy(result);
    long passed = report(path, tests).passedOf(tests);
    if (toPass && passed < tests.size()) {
      throw new Ended(
          Verdict.FAILED, (tests.size() - passed) + " of " + tests.size() + " tests do not pass");
    } else if (!toPass && passed > 0) {
      throw new Ended(
          Verdict.FAILED, passed + " of " + tests.size() + " tests pass without the patch already");
    }
    return result;
  }

  private JunitReport report(String path, Set<String> tests) throws InterruptedException, Ended {
    byte[] xml = attempt.read(sandbox, path);
    if (xml == null) {
      attempt.log().say("there is no test report " + path + " of at most 16 MiB");
      return JunitReport.none();
    }
    try {
      return JunitReport.read(xml, tests);
    } catch (XMLStreamException e) {
      throw new Ended(Verdict.FAILED, "the test report " + path + " is no JUnit XML");
    }
  }

  private void place(Repository repository) throws InterruptedException, Ended {
    switch (repository) {
      case Repository.InImage there -> {
        if (!isAtOrAfter(there.commit())) {
          checkOut(there.commit());
        }
      }
      case Repository.Clone clone -> {
        String directory = directory();
        must(
            Command.of("git", "clone", "--quiet", "--", clone.url(), directory).inDirectory("/"),
            "cloning " + clone.url());
        checkOut(clone.commit());
      }
      case Repository.Folder folder -> {
        copy(folder.path());
        checkOut(folder.commit());
      }
    }
  }

  /** SWE-bench's images have commits of their own on top, which belong there. */
  private boolean isAtOrAfter(String commit) throws InterruptedException, Ended {
    return commit.equals("HEAD")
        || git("merge-base", "--is-ancestor", commit, "HEAD").returnCode() == 0;
  }

  private void checkOut(String commit) throws InterruptedException, Ended {
    if (commit.equals("HEAD")) {
      return;
    }
    int code = git("checkout", "--quiet", "--force", "--detach", commit).returnCode();
    if (code != 0) {
      throw new Ended(Verdict.FAILED, "checking out " + commit + " ended with code " + code);
    }
  }

  private ExecResult git(String... words) throws InterruptedException, Ended {
    List<String> command = new ArrayList<>(List.of("git"));
    command.addAll(List.of(words));
    return attempt.run(sandbox, Command.of(command).withEnv(Patching.trusting()));
  }

  private void copy(Path folder) throws InterruptedException, Ended {
    String directory = directory();
    must(Command.of("mkdir", "-p", "--", directory).inDirectory("/"), "making " + directory);
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        Transfer copied = sandbox.upload(entry, directory);
        if (!copied.skipped().isEmpty()) {
          attempt.log().say("not copied: " + String.join(", ", copied.skipped()));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "Tried to copy " + folder + " into the sandbox, but " + e.getMessage() + ".", e);
    }
  }

  private String directory() {
    String directory = task.directory();
    if (directory == null) {
      throw new IllegalStateException("a repository without a directory");
    }
    return directory;
  }

  private void must(Command command, String what) throws InterruptedException, Ended {
    int code = attempt.run(sandbox, command).returnCode();
    if (code != 0) {
      throw new Ended(Verdict.FAILED, what + " ended with code " + code);
    }
  }
}
