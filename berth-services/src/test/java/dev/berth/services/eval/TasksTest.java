package dev.berth.services.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.berth.RequestException;
import dev.berth.SandboxSpec;
import dev.berth.services.swerex.Batch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TasksTest {
  private static final Tasks TASKS =
      new Tasks(SandboxSpec.of("template"), Duration.ofMinutes(5), true);

  @TempDir private Path folder;

  @Test
  void readsRowsOfSweBenchAsTheyAre() throws IOException {
    Task task =
        read(
            """
            {"repo": "astropy/astropy", "instance_id": "astropy__astropy-12907", "base_commit": "d16bfe05",
             "patch": "diff", "test_patch": "tdiff", "problem_statement": "p", "hints_text": "", "version": "4.3",
             "created_at": "2022-03-03", "environment_setup_commit": "2983",
             "FAIL_TO_PASS": "[\\"a/tests/test_s.py::test_x[c6]\\", \\"a/tests/test_s.py::test_y\\"]",
             "PASS_TO_PASS": ["a/tests/test_s.py::test_z"]}
            """);
    assertThat(task.spec().image())
        .isEqualTo("swebench/sweb.eval.x86_64.astropy_1776_astropy-12907:latest");
    assertThat(task.directory()).isEqualTo("/testbed");
    assertThat(task.failToPass())
        .containsExactly("a/tests/test_s.py::test_x[c6]", "a/tests/test_s.py::test_y");
    assertThat(task.passToPass()).containsExactly("a/tests/test_s.py::test_z");
    assertThat(task.test()).startsWith("/bin/bash", "-c").endsWith("a/tests/test_s.py");
    assertThat(task.test().get(2)).contains("activate testbed");
    assertThat(task.report()).startsWith("/tmp/");
    assertThat(task.before()).isEqualTo(Expected.FAIL);
    assertThat(task.patch()).isEqualTo("diff");
    assertThat(task.testPatch()).isEqualTo("tdiff");
    assertThat(task.unused()).isEmpty();
  }

  @Test
  void readsRowsOfOurOwn() throws IOException {
    Task task =
        read(
            """
            {"id": "one", "image_name": "img", "directory": "/src", "setup": ["a", "b && c"],
             "env": {"K": "v", "N": 3}, "files": {"/src/x": "text"}, "patch": "p", "before": "pass",
             "test_command": ["python3", "-m", "unittest"], "timeout": 7.5, "test_comand": "oops"}
            """);
    assertThat(task.spec().image()).isEqualTo("img");
    assertThat(task.spec().env()).containsEntry("K", "v").containsEntry("N", "3");
    assertThat(task.spec().files()).containsEntry("/src/x", "text");
    assertThat(task.setup())
        .containsExactly(List.of("/bin/sh", "-c", "a"), List.of("/bin/sh", "-c", "b && c"));
    assertThat(task.test()).containsExactly("python3", "-m", "unittest");
    assertThat(task.report()).isNull();
    assertThat(task.before()).isEqualTo(Expected.PASS);
    assertThat(task.timeout()).isEqualTo(Duration.ofMillis(7500));
    assertThat(task.unused()).containsExactly("test_comand");
  }

  @Test
  void whatIsNotSaidIsTheTemplates() throws IOException {
    Task task = read("{\"id\": \"one\", \"test_command\": \"[ -f x ] && true\"}");
    assertThat(task.spec().image()).isEqualTo("template");
    assertThat(task.directory()).isNull();
    assertThat(task.before()).isEqualTo(Expected.SKIP);
    assertThat(task.test()).containsExactly("/bin/sh", "-c", "[ -f x ] && true");
    assertThat(task.timeout()).isEqualTo(Duration.ofMinutes(5));
  }

  @Test
  void anotherRowHasAnotherDigest() throws IOException {
    String row = "{\"id\": \"one\", \"test_command\": \"%s\", \"timeout\": %d}";
    String digest = read(row.formatted("true", 1)).digest();
    assertThat(read(row.formatted("true", 2)).digest()).isEqualTo(digest);
    assertThat(read(row.formatted("false", 1)).digest()).isNotEqualTo(digest);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'id': 'x'}",
        "{'id': 'x', 'FAIL_TO_PASS': ['test_a (m.C)']}",
        "{'id': 'x', 'FAIL_TO_PASS': ['--evil::a']}",
        "{'id': 'x', 'FAIL_TO_PASS': 'test_a'}",
        "{'id': 'x', 'test_command': 'true', 'FAIL_TO_PASS': ['a::b']}",
        "{'id': 'x', 'test_command': 'true', 'test_report': '/tmp/x'}",
        "{'id': 'x', 'test_command': 'true', 'directory': 'src'}",
        "{'id': 'x', 'test_command': 'true', 'before': 'maybe'}",
        "{'id': 'x', 'test_command': 'true', 'timeout': 'long'}",
        "{'id': 'x', 'test_command': 'true', 'timeout': 0}",
        "{'id': 'x', 'test_command': 'true', 'env': ['a']}",
        "{'id': 'x', 'test_command': 'true', 'env': {'A B': 'a'}}",
        "{'id': 'x', 'test_command': 'true', 'files': {'relative': 'a'}}",
        "{'id': 'x', 'test_command': 'true', 'env': 'A=b'}",
        "{'id': 'x', 'test_command': 'true', 'env': {'A': null}}",
        "{'id': 'x', 'test_command': 'true', 'env': {'A': ['b']}}",
        "{'id': 'x', 'test_command': 'true', 'files': ['/a']}",
        "{'id': 'x', 'test_command': 'true', 'timeout': -1}",
        "{'id': 'x', 'test_command': 'true', 'timeout': '1e30'}",
        "{'id': 'x', 'test_command': 'true', 'image_name': ' '}",
        "{'id': 'x', 'test_command': 'true', 'image_name': '/no/such.sif'}",
        "{'id': 'x', 'test_command': 'true', 'setup': [1]}",
        "{'id': 'x', 'test_command': 'true', 'setup': {'a': 'b'}}",
        "{'id': 'x', 'test_command': [1]}",
        "{'id': 'x', 'test_command': {'a': 'b'}}",
        "{'id': 'x', 'test_command': '  '}",
        "{'id': 'x', 'test_command': []}",
        "{'id': 'x', 'FAIL_TO_PASS': [1]}",
        "{'id': 'x', 'FAIL_TO_PASS': ['a.py::t'], 'PASS_TO_PASS': {'a': 1}}",
        "{'id': 'x', 'test_command': 'true', 'extra_fields': ['a']}",
        "{'id': 'x', 'test_command': 'true', 'repo_name': 'a b'}",
        "{'id': 'x', 'test_command': 'true', 'repo_name': 'r', 'base_commit': '--upload-pack=x'}",
        "{'id': 'x', 'test_command': 'true', 'repo_name': '/no/such/folder'}"
      })
  void wrongRowsAreRefusedByName(String row) {
    assertThatExceptionOfType(RequestException.class)
        .isThrownBy(() -> read(row.replace('\'', '"')))
        .satisfies(e -> assertThat(e.getMessage()).containsAnyOf("'x'", "rows.jsonl row 1"));
  }

  @Test
  void noTwoIdsShareALog() {
    assertThat(
            List.of(
                "a/b", "a%2Fb", "a_b", "..", ".", "ä", "A", "a", "x".repeat(300), "x".repeat(299)))
        .extracting(LogName::of)
        .doesNotHaveDuplicates()
        .allMatch(name -> name.matches("[A-Za-z0-9_%~-][A-Za-z0-9._%~-]{0,199}"));
  }

  private Task read(String row) throws IOException {
    Path file = folder.resolve("rows.jsonl");
    Files.writeString(file, row.replace('\n', ' '));
    return TASKS.of(Batch.of(file).read().get(0));
  }
}
