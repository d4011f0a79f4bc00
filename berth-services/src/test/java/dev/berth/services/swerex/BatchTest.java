package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.RequestException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BatchTest {
  @TempDir Path folder;

  @Test
  void aRowOfSweBenchNamesItsImageByItsId() throws Exception {
    BatchInstance instance =
        only(
            "a.jsonl",
            """
            {"instance_id": "Django__django-11099", "repo": "django/django", "base_commit": "d26b", \
            "problem_statement": "Line one\\nline two", "FAIL_TO_PASS": "[\\"a\\"]", "version": 3.0, "hints": null}
            """);
    assertThat(instance)
        .isEqualTo(
            new BatchInstance(
                "Django__django-11099",
                "Line one\nline two",
                "swebench/sweb.eval.x86_64.django_1776_django-11099:latest",
                "linux/amd64",
                new Repository.InImage("testbed", "d26b"),
                Map.of("repo", "django/django", "FAIL_TO_PASS", "[\"a\"]", "version", "3.0")));
  }

  @Test
  void aRowOfSweBenchMayNameItsImage() throws Exception {
    assertThat(
            only(
                    "a.json",
                    """
                    [{"instance_id": "a__b-1", "repo": "a/b", "base_commit": "c", "problem_statement": "", \
                    "image_name": "Mine:1"}]
                    """)
                .image())
        .isEqualTo("Mine:1");
  }

  @Test
  void everyFormatGivesTheSame() throws Exception {
    BatchInstance expected =
        new BatchInstance(
            "one",
            "fix, \"it\"",
            "alpine:3.20",
            null,
            new Repository.Clone("https://github.com/a/b.git", "v1"),
            Map.of("test", "make\ncheck"));
    assertThat(
            only(
                "a.jsonl",
                """

                {"instance_id":"one","problem_statement":"fix, \\"it\\"","image_name":"alpine:3.20",\
                "repo_name":"https://github.com/a/b.git","base_commit":"v1","extra_fields":{"test":"make\\ncheck"}}

                """))
        .isEqualTo(expected);
    assertThat(
            only(
                "a.json",
                """
                [{"id":"one","problem_statement":"fix, \\"it\\"","image_name":"alpine:3.20",
                "repo_name":"https://github.com/a/b.git","base_commit":"v1","test":"make\\ncheck"}]
                """))
        .isEqualTo(expected);
    assertThat(
            only(
                "a.yaml",
                """
                - instance_id: one
                  problem_statement: fix, "it"
                  image_name: alpine:3.20
                  repo_name: https://github.com/a/b.git
                  base_commit: v1
                  test: |-
                    make
                    check
                """))
        .isEqualTo(expected);
    assertThat(
            only(
                "a.csv",
                "\ufeffinstance_id,problem_statement,image_name,repo_name,base_commit,test,none\r\n"
                    + "one,\"fix, \"\"it\"\"\",alpine:3.20,https://github.com/a/b.git,v1,\"make\ncheck\",\r\n"))
        .isEqualTo(expected);
  }

  @Test
  void whatIsNoTextStandsAsJson() throws Exception {
    assertThat(
            only(
                    "a.yaml",
                    "[{id: 7, list: [1, two], block: {a: null}, flag: true, version: 3.10, big: 1e3}]")
                .fields())
        .isEqualTo(
            Map.of(
                "list",
                "[1,\"two\"]",
                "block",
                "{\"a\":null}",
                "flag",
                "true",
                "version",
                "3.10",
                "big",
                "1e3"));
  }

  @Test
  void repositoriesAreInTheImageClonedOrCopied() {
    assertThat(Repository.parse("testbed", "HEAD"))
        .isEqualTo(new Repository.InImage("testbed", "HEAD"));
    assertThat(Repository.parse("github.com/a/b", "c").name()).isEqualTo("b");
    assertThat(Repository.parse("git@github.com:a/b.git", "c"))
        .isInstanceOf(Repository.Clone.class)
        .returns("b", Repository::name);
    assertThat(Repository.parse("/tmp/x/", "c"))
        .isEqualTo(new Repository.Folder(Path.of("/tmp/x"), "c"));
    for (String bad : List.of("..", "a b", "$(id)", "https://example.org/..", "-x", "/")) {
      assertThatThrownBy(() -> Repository.parse(bad, "c")).isInstanceOf(RequestException.class);
    }
    assertThatThrownBy(() -> Repository.parse("a", "--help")).isInstanceOf(RequestException.class);
  }

  /** The figures are CPython's, for {@code random.seed(42); random.shuffle(list(range(n)))}. */
  @ParameterizedTest
  @CsvSource({"1,0", "2,0", "5,17", "40,14214", "700,86568616", "2294,2988296636"})
  void shufflesAsPythonDoes(int size, long sum) {
    List<Integer> list = IntStream.range(0, size).boxed().collect(Collectors.toList());
    PythonRandom.shuffle42(list);
    assertThat(IntStream.range(0, size).mapToLong(i -> (long) i * list.get(i)).sum())
        .isEqualTo(sum);
  }

  @Test
  void shufflesThenFiltersThenSlices() {
    List<BatchInstance> all =
        IntStream.rangeClosed(1, 10)
            .mapToObj(i -> instance("a-" + (11 - i)))
            .collect(Collectors.toList());
    assertThat(ids(new Batch(Path.of("x"), ".*", "", true), all))
        .containsExactly("a-7", "a-3", "a-2", "a-8", "a-5", "a-6", "a-9", "a-4", "a-1", "a-10");
    assertThat(ids(new Batch(Path.of("x"), "a-(1|2|3)$", "1:", false), all))
        .containsExactly("a-2", "a-1");
    assertThat(ids(new Batch(Path.of("x"), "a-1", "", false), all)).containsExactly("a-10", "a-1");
    assertThat(ids(new Batch(Path.of("x"), "-1", "", false), all)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "2,01",
    "-1,01234",
    "1:3,12",
    "1:,12345",
    ":-4,01",
    "::2,024",
    "::-1,543210",
    "4:1:-2,42",
    "10:,''",
    "-2:,45",
    ":100,012345",
    "-100:2,01",
    "5:0:-10,5",
    "'',012345",
    ":,012345"
  })
  void slicesAsPythonDoes(String slice, String expected) {
    assertThat(String.join("", Slice.parse(slice).of(List.of("0", "1", "2", "3", "4", "5"))))
        .isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "1:2:0", "1:2:3:4", "1.5", "--1", "99999999999"})
  void refusesWhatIsNoSlice(String slice) {
    assertThatThrownBy(() -> new Batch(Path.of("x"), ".*", slice, false))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("start:stop:step");
  }

  @Test
  void saysWhichRowIsWrong() throws Exception {
    assertWrong("a.jsonl", "{\"id\":\"a\"}\n{\"x\":1}", "row 2", "no instance_id");
    assertWrong("a.jsonl", "{\"id\":\"a\"}\n{\"id\":", "line 2");
    assertWrong("a.jsonl", "{\"id\":\"a\"}\n{\"id\":\"a\"}", "row 2", "was there before");
    assertWrong("a.json", "{\"id\":\"a\"}", "no list");
    assertWrong("a.json", "[{\"id\":\"a\"}][{\"id\":\"b\"}]", "more follows");
    assertWrong("a.json", "[" + "[".repeat(2000), "no JSON");
    assertWrong("a.yaml", "a: b", "no list");
    assertWrong("a.csv", "id,x\na,b,c\n", "line 2", "3 fields");
    assertWrong("a.csv", "id,x\na,\"b\n", "not closed");
    assertWrong("a.txt", "", ".jsonl");
    assertWrong("a.jsonl", "{\"id\":\"a\",\"image_name\":[]}", "image_name is no text");
    assertWrong("a.jsonl", "{\"instance_id\":\"a\",\"repo\":\"b\"}", "problem_statement");
    assertThatThrownBy(() -> Batch.of(folder.resolve("none.json")).read())
        .isInstanceOf(RequestException.class);
    assertThatThrownBy(() -> new Batch(Path.of("x"), "(", "", false))
        .isInstanceOf(RequestException.class);
  }

  private void assertWrong(String name, String text, String... says) throws IOException {
    Path file = Files.writeString(folder.resolve(name), text);
    assertThatThrownBy(() -> Batch.of(file).read())
        .isInstanceOf(RequestException.class)
        .hasMessageContainingAll(says);
  }

  private BatchInstance only(String name, String text) throws IOException {
    List<BatchInstance> all = Batch.of(Files.writeString(folder.resolve(name), text)).read();
    assertThat(all).hasSize(1);
    return all.get(0);
  }

  private static BatchInstance instance(String id) {
    return new BatchInstance(id, "", null, null, null, Map.of());
  }

  private static List<String> ids(Batch batch, List<BatchInstance> all) {
    return batch.choose(all).stream().map(BatchInstance::id).toList();
  }
}
