package dev.berth.services.eval;

import dev.berth.SandboxSpec;
import dev.berth.services.swerex.Repository;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An instance made ready to be run: what its row says, with the template's parts filled in.
 * Immutable. {@link Tasks} makes them.
 *
 * @param id unique in its run
 * @param spec what its sandbox is made of
 * @param directory where commands run and patches apply; null for the sandbox's working directory
 * @param repository what is to be at {@code directory}; null if nothing needs to be got there
 * @param setup commands, each of which must end with code 0
 * @param testPatch changes the tests; empty for none
 * @param patch the fix; empty for none
 * @param test the command that is judged
 * @param report the JUnit XML file that {@code test} leaves; null to go by its exit code
 * @param failToPass tests that are to pass with the patch and not without
 * @param passToPass tests that are to pass with the patch
 * @param before what {@code test} does without the patch
 * @param timeout for all of it, from the sandbox's being there
 * @param unused the row's fields that mean nothing here
 */
public record Task(
    String id,
    SandboxSpec spec,
    @Nullable String directory,
    @Nullable Repository repository,
    List<List<String>> setup,
    String testPatch,
    String patch,
    List<String> test,
    @Nullable String report,
    Set<String> failToPass,
    Set<String> passToPass,
    Expected before,
    Duration timeout,
    Set<String> unused) {
  /** Copies. */
  public Task {
    setup = setup.stream().map(List::copyOf).toList();
    test = List.copyOf(test);
    failToPass = new LinkedHashSet<>(failToPass);
    passToPass = new LinkedHashSet<>(passToPass);
    unused = Set.copyOf(unused);
  }

  /**
   * Short, and another as soon as what decides the verdict is another: the limits on time and
   * resources do not.
   */
  String digest() {
    MessageDigest sha;
    try {
      sha = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
    for (Object part :
        new @Nullable Object[] {
          spec.image(),
          spec.env(),
          spec.files(),
          directory,
          repository,
          setup,
          testPatch,
          patch,
          test,
          report,
          failToPass,
          passToPass,
          before
        }) {
      byte[] bytes = String.valueOf(part).getBytes(StandardCharsets.UTF_8);
      sha.update((bytes.length + ":").getBytes(StandardCharsets.UTF_8));
      sha.update(bytes);
    }
    return HexFormat.of().formatHex(sha.digest(), 0, 8);
  }
}
