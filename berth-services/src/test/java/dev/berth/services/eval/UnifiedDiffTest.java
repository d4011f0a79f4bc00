package dev.berth.services.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.berth.services.eval.UnifiedDiff.Change;
import dev.berth.services.eval.UnifiedDiff.Unfit;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UnifiedDiffTest {
  @TempDir private Path folder;

  @Test
  void changesWhereItSaysOrNearby() throws Unfit {
    String patch = "--- a/f\n+++ b/f\n@@ -2,3 +2,3 @@\n b\n-c\n+C\n d\n";
    assertThat(apply(patch, "a\nb\nc\nd\n")).isEqualTo("a\nb\nC\nd\n");
    assertThat(apply(patch, "x\ny\nz\na\nb\nc\nd\n")).isEqualTo("x\ny\nz\na\nb\nC\nd\n");
    assertThatExceptionOfType(Unfit.class)
        .isThrownBy(() -> apply(patch, "a\nb\nd\n"))
        .withMessageContaining("near line 2 of f");
  }

  @Test
  void laterHunksFollowEarlierOnes() throws Unfit {
    String patch =
        "--- a/f\t2020-01-01\n+++ b/f\t2020-01-02\n@@ -1 +1,2 @@\n-a\n+A\n+A2\n@@ -3,0 +5 @@\n+new\n";
    assertThat(apply(patch, "a\nb\nc\nd\n")).isEqualTo("A\nA2\nb\nc\nnew\nd\n");
  }

  @Test
  void keepsTheMissingNewlineAtTheEnd() throws Unfit {
    String patch =
        "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n";
    assertThat(apply(patch, "a\nb")).isEqualTo("a\nc");
    assertThatExceptionOfType(Unfit.class).isThrownBy(() -> apply(patch, "a\nb\n"));
  }

  @Test
  void linesThatLookLikeHeadersAreContent() throws Unfit {
    String patch = "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n--- x\n+++ y\n a\n";
    assertThat(apply(patch, "-- x\na\n")).isEqualTo("++ y\na\n");
  }

  @Test
  void understandsWhatGitSays() throws Unfit {
    UnifiedDiff diff =
        UnifiedDiff.parse(
            """
            diff --git a/old name b/new name
            similarity index 100%
            rename from old name
            rename to new name
            diff --git a/empty b/empty
            new file mode 100644
            index 0000000..e69de29
            diff --git a/run b/run
            old mode 100644
            new mode 100755
            diff --git a/gone b/gone
            deleted file mode 100644
            --- a/gone
            +++ /dev/null
            @@ -1 +0,0 @@
            -x
            diff --git a/made b/made
            new file mode 100755
            --- /dev/null
            +++ b/made
            @@ -0,0 +1 @@
            +y
            """);
    assertThat(diff.changes())
        .extracting(Change::path)
        .containsExactly("new name", "empty", "run", "gone", "made");
    assertThat(diff.changes())
        .extracting(Change::from)
        .containsExactly("old name", null, "run", "gone", null);
    assertThat(diff.changes())
        .extracting(Change::deleted)
        .containsExactly(false, false, false, true, false);
    assertThat(diff.changes())
        .extracting(Change::executable)
        .containsExactly(null, false, true, null, true);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "hello\n",
        "--- a/../../etc/passwd\n+++ b/../../etc/passwd\n@@ -1 +1 @@\n-a\n+b\n",
        "--- a//etc/passwd\n+++ b//etc/passwd\n@@ -1 +1 @@\n-a\n+b\n",
        "--- a/f\n+++ b/f\n@@ -1,9 +1 @@\n-a\n+b\n",
        "--- a/f\n+++ b/f\n@@ -1 +1 @@\n?\n",
        "--- a/f\n+++ b/f\n@@ -x +1 @@\n-a\n+b\n",
        "@@ -1 +1 @@\n-a\n+b\n",
        "diff --git a/f b/f\nGIT binary patch\n",
        "diff --git \"a/\\303\" \"b/\\303\"\n",
        "diff --git a/f b/g\n"
      })
  void refusesWhatItCannotDo(String patch) {
    assertThatExceptionOfType(Unfit.class).isThrownBy(() -> UnifiedDiff.parse(patch));
  }

  /** Against the real {@code diff}: of any two texts, it makes the second of the first. */
  @Test
  void doesWhatDiffMeans() throws Exception {
    Random random = new Random(7);
    for (int round = 0; round < 40; round++) {
      String before = text(random);
      String after = text(random);
      Path a = Files.writeString(folder.resolve("a"), before);
      Path b = Files.writeString(folder.resolve("b"), after);
      Process diff =
          new ProcessBuilder(
                  "diff",
                  "-U" + random.nextInt(4),
                  "--label",
                  "a/f",
                  "--label",
                  "b/f",
                  a.toString(),
                  b.toString())
              .start();
      String patch = new String(diff.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
      if (diff.waitFor() == 1) {
        assertThat(apply(patch, before)).as(patch).isEqualTo(after);
      }
    }
  }

  private static String text(Random random) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(30); i > 0; i--) {
      text.append((char) ('a' + random.nextInt(4)))
          .append(i > 1 || random.nextBoolean() ? "\n" : "");
    }
    return text.toString();
  }

  private static String apply(String patch, String text) throws Unfit {
    Change change = UnifiedDiff.parse(patch).changes().get(0);
    return UnifiedDiff.apply(change.path(), text, change.hunks());
  }
}
