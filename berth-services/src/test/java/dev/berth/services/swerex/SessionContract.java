package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What every {@link Runtime} does with commands in a session. */
abstract class SessionContract extends RuntimeSubject {
  @Test
  void runsACommand() throws Exception {
    assertRuns("echo hi", "hi\n", 0);
  }

  @Test
  void givesStandardErrorInOrder() throws Exception {
    assertRuns("echo out; echo err >&2; echo out2", "out\nerr\nout2\n", 0);
  }

  @Test
  void givesOutputWithoutALineEnd() throws Exception {
    assertRuns("printf 'no end'", "no end", 0);
  }

  @ParameterizedTest
  @CsvSource({"false,1", "(exit 7),7", "sh -c 'kill -9 $$' 2>/dev/null,137", "! true,1"})
  void givesTheExitCode(String command, int code) throws Exception {
    assertThat(run(command).exitCode()).isEqualTo(code);
  }

  @Test
  void saysOfAnUnknownCommand() throws Exception {
    Observation seen = run("no_such_command_here");
    assertThat(seen.exitCode()).isEqualTo(127);
    assertThat(seen.output()).contains("no_such_command_here");
  }

  @Test
  void checksTheExitCodeAsAsked() throws Exception {
    assertThat(runtime().runInSession(action("true").checking(Check.RAISE)).exitCode()).isZero();
    assertThat(runtime().runInSession(action("false").checking(Check.SILENT)).exitCode())
        .isEqualTo(1);
    assertThat(runtime().runInSession(action("false").checking(Check.IGNORE)).exitCode()).isNull();
    SwerexException e =
        fails(
            Failure.NON_ZERO_EXIT_CODE,
            () ->
                runtime()
                    .runInSession(
                        new BashAction(
                            "echo why; (exit 3)",
                            session,
                            SOON,
                            false,
                            false,
                            Check.RAISE,
                            "It went wrong",
                            List.of())));
    assertThat(e).hasMessageContaining("It went wrong").hasMessageContaining("3");
    assertThat(e.output()).isEqualTo("why\n");
  }

  @Test
  void keepsDirectoryVariablesFunctionsAndAliases() throws Exception {
    run("cd /tmp; export A='a b'; B=c; f() { echo \"f$1\"; }; alias g='echo g'; set -- x y");
    assertRuns("pwd; echo \"$A$B$2\"; f 1", "/tmp\na bcy\nf1\n", 0);
    assertRuns("sh -c 'echo $A$B'", "a b\n", 0);
    assertRuns("g", "g\n", 0);
  }

  @Test
  void definesFunctionsOverManyLines() throws Exception {
    assertRuns("f() {\n  local x=$1\n  echo \"<$x>\"\n}\nf 2", "<2>\n", 0);
    assertRuns("f 3", "<3>\n", 0);
  }

  @Test
  void runsManyLines() throws Exception {
    assertRuns("echo a\necho b\nfalse", "a\nb\n", 1);
    assertRuns("echo a \\\n  b", "a b\n", 0);
    assertRuns("for i in 1 2; do\n  echo $i\ndone\nif true\nthen echo t; fi", "1\n2\nt\n", 0);
    assertRuns("echo 'two\nlines'", "two\nlines\n", 0);
    assertRuns("echo a &&\necho b", "a\nb\n", 0);
  }

  @Test
  void runsConstructsOfBash() throws Exception {
    assertRuns(
        "x=(1 2 3); [[ a == a ]] && echo ${x[@]} $((1+2)) `echo bt` $(echo sub) {p,q}1",
        "1 2 3 3 bt sub p1 q1\n",
        0);
    assertRuns("case a in a) echo A;; esac; cat <<<word; diff <(echo 1) <(echo 1)", "A\nword\n", 0);
    assertRuns("while read -r l; do echo \"<$l>\"; done < <(printf '1\\n2\\n')", "<1>\n<2>\n", 0);
  }

  @Test
  void takesHereDocuments() throws Exception {
    run("A=1");
    assertRuns("cat <<EOF\na $A\nb\nEOF", "a 1\nb\n", 0);
    assertRuns("cat <<'EOF'\na $A\nEOF\necho after", "a $A\nafter\n", 0);
    assertRuns(
        "cat > " + folder + "-h <<'EOF'\n#!/bin/sh\n\n  \"x\" \\\nEOF\nwc -l < " + folder + "-h",
        "3\n",
        0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "   ", "\n", "# only a comment", "# a\n# b\n"})
  void takesWhatIsNoCommand(String nothing) throws Exception {
    assertRuns(nothing, "", 0);
  }

  @Test
  void leavesCommentsOut() throws Exception {
    assertRuns("# first\n\necho x # last\n# end", "x\n", 0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"echo \"", "if true", "echo a; )", "for", "a() {"})
  void refusesWhatIsNoShell(String wrong) throws Exception {
    fails(Failure.INCORRECT_SYNTAX, () -> run("echo ran\n" + wrong));
    assertRuns("echo still", "still\n", 0);
  }

  @Test
  void keepsCharacters() throws Exception {
    assertRuns("echo 'äöü €uro 😀 漢字'", "äöü €uro 😀 漢字\n", 0);
    assertRuns(
        "echo 'it'\"'\"'s' \\\"q\\\" '\\\\' '$A `x` * ? ~ #' '%s'",
        "it's \"q\" \\\\ $A `x` * ? ~ # %s\n", 0);
    assertRuns("printf 'a\\tb\\n'", "a\tb\n", 0);
    assertRuns("printf '\\033[31mred\\033[0m\\n'", "red\n", 0);
    assertRuns("printf '\\377\\n'", "\\xff\n", 0);
  }

  @Test
  void keepsTabsInCommands() throws Exception {
    Observation seen = run("printf %s 'a\tb'");
    assertThat(seen.output()).isEqualTo(deviates(KnownDeviation.EATS_TABS) ? "ab" : "a\tb");
  }

  @Test
  void keepsExclamationMarks() throws Exception {
    Observation seen = run("echo \"a !x\"");
    if (deviates(KnownDeviation.EXPANDS_HISTORY)) {
      assertThat(seen.output()).isNotEqualTo("a !x\n");
    } else {
      assertThat(seen.output()).isEqualTo("a !x\n");
    }
  }

  @Test
  void takesLinesThatEndInAnOperator() throws Exception {
    Observation semicolon = run("echo a;\necho b");
    Observation background = run("true &\necho a");
    if (deviates(KnownDeviation.JOINS_LINES_WRONGLY)) {
      assertThat(background.exitCode()).isEqualTo(2);
      assertThat(semicolon.output()).contains("syntax error");
    } else {
      assertThat(background.output()).endsWith("a\n");
      assertThat(semicolon.output()).isEqualTo("a\nb\n");
    }
  }

  @Test
  void takesTheHereDocumentOfALoop() throws Exception {
    BashAction action =
        action("while read -r l; do echo \"<$l>\"; done <<EOF\n1\nEOF\necho end")
            .within(Duration.ofSeconds(2));
    if (deviates(KnownDeviation.LOSES_THE_HERE_DOCUMENT_OF_A_LOOP)) {
      fails(Failure.COMMAND_TIMEOUT, () -> runtime().runInSession(action));
    } else {
      assertThat(runtime().runInSession(action).output()).isEqualTo("<1>\nend\n");
    }
  }

  @Test
  void takesNoOutputForItsOwn() throws Exception {
    String own = "SHELLPS1PREFIX UNIQUESTRING29234 EXITCODESTART5EXITCODEEND";
    Observation seen = run("echo 'a " + own + " b'; (exit 4)");
    if (deviates(KnownDeviation.TAKES_OUTPUT_FOR_THE_PROMPT)) {
      assertThat(seen.output()).doesNotContain("SHELLPS1PREFIX");
    } else {
      assertThat(seen.output()).isEqualTo("a " + own + " b\n");
      assertThat(seen.exitCode()).isEqualTo(4);
    }
  }

  @Test
  void remembersTheLastExitCode() throws Exception {
    run("(exit 5)");
    assertThat(output("echo $?"))
        .isEqualTo(deviates(KnownDeviation.FORGETS_THE_LAST_EXIT_CODE) ? "0\n" : "5\n");
  }

  @Test
  void givesMuchOutput() throws Exception {
    Observation seen =
        runtime().runInSession(action("seq 1 100000").within(Duration.ofSeconds(60)));
    assertThat(seen.output()).hasSize(588895).startsWith("1\n2\n").endsWith("\n100000\n");
    assertThat(seen.exitCode()).isZero();
    assertThat(output("echo x | cat; head -c 200000 /dev/zero | tr '\\0' y")).hasSize(200002);
  }

  @Test
  void takesLongCommands() throws Exception {
    assertRuns("echo " + "x".repeat(20_000) + " | wc -c", "20001\n", 0);
    assertRuns("cat <<'EOF' | wc -c\n" + "y".repeat(10_000) + "\nEOF", "10001\n", 0);
    StringBuilder lines = new StringBuilder("cat <<'EOF' | wc -l\n");
    for (int i = 0; i < 500; i++) {
      lines.append("line ").append(i).append('\n');
    }
    assertRuns(lines + "EOF", "500\n", 0);
  }

  @Test
  void runsBackgroundJobs() throws Exception {
    assertThat(output("sleep 0.3 & echo started")).endsWith("started\n");
    assertThat(run("wait; echo done").output()).contains("done");
    run("nohup sleep 60 >/dev/null 2>&1 & p=$!");
    assertRuns("kill $p; wait $p 2>/dev/null; echo $?", "143\n", 0);
  }
}
