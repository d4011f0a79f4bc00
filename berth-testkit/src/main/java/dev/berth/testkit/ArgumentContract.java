package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Command;
import dev.berth.ExecResult;
import dev.berth.OutputSink;
import dev.berth.Sandbox;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What goes into a command and comes out of it is the same, byte for byte. */
public interface ArgumentContract extends ContractSubject {
  @Test
  default void argumentsArriveExactly(Sandbox sandbox) throws Exception {
    List<String> arguments =
        List.of(
            "",
            " ",
            "two words",
            "line\nbreak",
            "'single'",
            "\"double\"",
            "$HOME `id` $(id) *",
            "\\",
            "-rf",
            "--",
            "a=b",
            "tab\t",
            "ünï→😀",
            "x".repeat(100_000),
            "");
    List<String> command = new ArrayList<>(List.of("printf", "<%s>\\n"));
    command.addAll(arguments);

    ExecResult result = sandbox.exec(Command.of(command));

    StringBuilder expected = new StringBuilder();
    arguments.forEach(argument -> expected.append('<').append(argument).append(">\n"));
    assertThat(result.stdout()).isEqualTo(expected.toString());
  }

  @Test
  default void programsAreFoundOnTheCommandsOwnPath(Sandbox sandbox, RemoteFolder folder)
      throws Exception {
    Shell.text(
        sandbox,
        "printf '#!/bin/sh\\necho found\\n' > "
            + folder.path("contract-program")
            + "; chmod 755 "
            + folder.path("contract-program"));

    ExecResult result =
        sandbox.exec(
            Command.of("contract-program").withEnv("PATH", folder.path() + ":/usr/bin:/bin"));

    assertThat(result.stdout()).isEqualTo("found\n");
  }

  @Test
  default void outputBytesAreExact(Sandbox sandbox) throws Exception {
    StringBuilder octal = new StringBuilder();
    byte[] all = new byte[256];
    for (int i = 0; i < 256; i++) {
      octal.append(String.format("\\%03o", i));
      all[i] = (byte) i;
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();

    sandbox.exec(
        Command.shell("printf '" + octal + "'; printf '\\377\\376\\200' >&2"),
        (channel, bytes) -> {
          byte[] chunk = new byte[bytes.remaining()];
          bytes.get(chunk);
          (channel == OutputSink.Channel.STDOUT ? out : err).writeBytes(chunk);
        });

    assertThat(out.toByteArray()).isEqualTo(all);
    assertThat(err.toByteArray()).isEqualTo(new byte[] {(byte) 0xff, (byte) 0xfe, (byte) 0x80});
  }

  @Test
  default void malformedTextIsReplacedInTheResult(Sandbox sandbox) throws Exception {
    assertThat(sandbox.exec("printf 'a\\377b \\303\\244'").stdout()).isEqualTo("a\uFFFDb ä");
  }

  @Test
  default void inputTextArrives(Sandbox sandbox) throws Exception {
    assertThat(sandbox.exec(Command.of("cat").withStdin("first\nsecond ü")).stdout())
        .isEqualTo("first\nsecond ü");
    assertThat(sandbox.exec(Command.of("cat").withStdin("")).stdout()).isEmpty();
  }

  @Test
  default void inputBytesArriveExactlyAndInAnyNumber(Sandbox sandbox) throws Exception {
    byte[] input = TestFiles.bytes(3 << 20);

    ExecResult result = sandbox.exec(Command.of("sha256sum").withStdin(input));

    assertThat(result.stdout()).startsWith(TestFiles.sha256(input));
  }

  @Test
  default void withoutInputACommandReadsTheEndAtOnce(Sandbox sandbox) throws Exception {
    ExecResult result = sandbox.exec("cat; read -r line || echo end");

    assertThat(result.stdout()).isEqualTo("end\n");
  }

  @Test
  default void inputThatNobodyReadsHoldsNothingUp(Sandbox sandbox) throws Exception {
    ExecResult result = sandbox.exec(Command.of("head", "-c", "1").withStdin(new byte[4 << 20]));

    assertThat(result.ok()).isTrue();
    assertThat(result.stdout()).isEqualTo("\0");
  }
}
