package dev.berth.services.eval;

import dev.berth.RequestException;
import dev.berth.SandboxSpec;
import dev.berth.core.image.ImageReference;
import dev.berth.services.swerex.BatchInstance;
import dev.berth.services.swerex.Repository;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes tasks of instances. What the row does not say, this does.
 *
 * @param template for the sandboxes; a row's image, variables and files go over it
 * @param timeout for instances that name none
 * @param before whether tests are run before the patch too
 */
public record Tasks(SandboxSpec template, Duration timeout, boolean before) {
  private static final String SWE_BENCH_IMAGES = "swebench/";

  /** What rows of SWE-bench say besides. */
  private static final Set<String> OF_NO_MEANING =
      Set.of(
          "repo", "hints_text", "created_at", "version", "environment_setup_commit", "difficulty");

  /** What {@code conda} calls the environment in SWE-bench's images, and where that is made. */
  private static final String SWE_BENCH_SHELL =
      ". /opt/miniconda3/bin/activate testbed && exec python -m pytest \"$@\"";

  /**
   * The task of an instance.
   *
   * @throws RequestException if its row is wrong or incomplete; the message names it
   */
  public Task of(BatchInstance instance) {
    Fields fields = new Fields(instance);
    SandboxSpec.Builder spec = template.toBuilder();
    if (instance.image() != null) {
      spec.image(instance.image());
    }
    spec.env(fields.pairs("env"));
    fields.pairs("files").forEach(spec::file);
    Repository repository = instance.repository();
    String directory = fields.text("directory");
    if (directory == null && repository != null) {
      directory = "/" + repository.name();
    }
    if (directory != null && !directory.startsWith("/")) {
      throw fields.wrong("directory", "'" + directory + "' is not absolute");
    }
    if (repository instanceof Repository.Folder folder && !Files.isDirectory(folder.path())) {
      throw fields.wrong("repo_name", folder.path() + " is no folder of this host");
    }
    String testPatch = orEmpty(fields.text("test_patch"));
    String patch = orEmpty(fields.text("patch"));
    Set<String> failToPass = fields.names("FAIL_TO_PASS");
    Set<String> passToPass = fields.names("PASS_TO_PASS");
    boolean named = !failToPass.isEmpty() || !passToPass.isEmpty();
    String report = fields.text("test_report");
    List<String> test = fields.command("test_command");
    if (test.isEmpty()) {
      if (!named) {
        throw fields.wrong(
            "test_command", "it is missing, and so are FAIL_TO_PASS and PASS_TO_PASS");
      }
      report = report == null ? "/tmp/berth-" + LogName.of(instance.id()) + ".xml" : report;
      test = pytest(fields, instance.image(), report, failToPass, passToPass);
    } else if (named && report == null) {
      throw fields.wrong(
          "test_report",
          "tests are named but test_command decides; name the JUnit XML file that it leaves, or"
              + " 'none' to go by its exit code");
    } else if (!named && report != null && !report.equals("none")) {
      throw fields.wrong("test_report", "no FAIL_TO_PASS or PASS_TO_PASS names a test to look up");
    } else if (report != null && report.equals("none")) {
      report = null;
    }
    return new Task(
        instance.id(),
        built(spec, fields),
        directory,
        repository,
        fields.commands("setup"),
        testPatch,
        patch,
        test,
        report,
        failToPass,
        passToPass,
        // A report of which nothing is to fail says nothing before the patch.
        expected(fields, patch.isEmpty() || report != null && failToPass.isEmpty()),
        fields.seconds("timeout", timeout),
        unused(fields));
  }

  private static SandboxSpec built(SandboxSpec.Builder builder, Fields fields) {
    SandboxSpec spec;
    try {
      spec = builder.build();
    } catch (RequestException e) {
      throw fields.refused(e);
    }
    ImageReference image = spec.image() == null ? null : ImageReference.parse(spec.image());
    if (image != null && image.local() && !Files.exists(image.path())) {
      throw fields.wrong("image_name", "there is no " + image + " on this host");
    }
    return spec;
  }

  private static Set<String> unused(Fields fields) {
    Set<String> unused = new LinkedHashSet<>(fields.unused());
    unused.removeAll(OF_NO_MEANING);
    return unused;
  }

  private Expected expected(Fields fields, boolean pointless) {
    String said = fields.text("before");
    Expected row =
        switch (said) {
          case null -> pointless ? Expected.SKIP : Expected.FAIL;
          case "fail" -> Expected.FAIL;
          case "pass" -> Expected.PASS;
          case "skip" -> Expected.SKIP;
          default -> throw fields.wrong("before", "'" + said + "' is none of fail, pass, skip");
        };
    return before ? row : Expected.SKIP;
  }

  /** Whole files are run: the tests' names may be many and hold anything. */
  private static List<String> pytest(
      Fields fields,
      @Nullable String image,
      String report,
      Set<String> failToPass,
      Set<String> passToPass) {
    Set<String> files = new LinkedHashSet<>();
    for (Set<String> tests : List.of(failToPass, passToPass)) {
      for (String test : tests) {
        int end = test.indexOf("::");
        if (end <= 0 || test.startsWith("-")) {
          throw fields.wrong(
              "test_command",
              "it is missing, and '" + test + "' is no name that pytest knows (FILE::TEST)");
        }
        files.add(test.substring(0, end));
      }
    }
    List<String> command = new ArrayList<>();
    if (image != null && image.toLowerCase(Locale.ROOT).contains(SWE_BENCH_IMAGES)) {
      command.addAll(List.of("/bin/bash", "-c", SWE_BENCH_SHELL, "bash"));
    } else {
      command.addAll(List.of("python3", "-m", "pytest"));
    }
    command.addAll(List.of("-q", "-p", "no:cacheprovider", "--junitxml=" + report));
    command.addAll(files);
    return command;
  }

  private static String orEmpty(@Nullable String text) {
    return text == null ? "" : text;
  }
}
