package dev.berth.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.ParseResult;

class VerbsTest {
  @Test
  void theOverviewNamesEveryVerb() {
    for (String name : Verbs.NAMES) {
      assertThat(Verbs.find(name)).as(name).isNotNull();
      assertThat(Verbs.overview("")).contains("  " + name + " ");
    }
  }

  @Test
  void theHelpOfEveryVerbFitsAndNamesIt() {
    for (String name : Verbs.NAMES) {
      CommandLine line = line(name);
      assertThat(line.getUsageMessage()).startsWith("Usage: berth " + name);
    }
  }

  @Test
  void optionsAfterTheImageBelongToTheCommand() {
    ParseResult parsed = parse("run", "-e", "A=1", "-it", "img", "ls", "-e", "--timeout", "x");
    assertThat(words(parsed)).containsExactly("img", "ls", "-e", "--timeout", "x");
    assertThat(parsed.matchedOptionValue("-e", List.of())).isEqualTo(List.of("A=1"));
    assertThat(parsed.hasMatchedOption("-t")).isTrue();
  }

  @Test
  void twoDashesMayStandOnEitherSideOfTheImage() {
    assertThat(words(parse("run", "img", "--", "ls", "-l")))
        .containsExactly("img", "--", "ls", "-l");
    assertThat(words(parse("run", "--", "img", "ls", "-l"))).containsExactly("img", "ls", "-l");
  }

  @Test
  void argumentsAreTakenAsTheyAre() {
    assertThat(words(parse("exec", "id", "echo", "@file", "${HOME}", "\"q\"", "")))
        .containsExactly("id", "echo", "@file", "${HOME}", "\"q\"", "");
  }

  @Test
  void wrongUsageIsRefused() {
    for (List<String> wrong :
        List.of(
            List.of("run", "img"),
            List.of("run", "--memory", "5q", "img", "ls"),
            List.of("run", "--network", "bridge", "img", "ls"),
            List.of("run", "--timeout", "1s", "--timeout", "2s", "img", "ls"),
            List.of("run", "--no-such", "img", "ls"),
            List.of("exec", "id"),
            List.of("cp", "a"),
            List.of("cp", "a", "b", "c"),
            List.of("status"))) {
      assertThatExceptionOfType(CommandLine.ParameterException.class)
          .as("%s", wrong)
          .isThrownBy(
              () -> parse(wrong.get(0), wrong.subList(1, wrong.size()).toArray(new String[0])));
    }
  }

  @Test
  void someOptionsMayStandBeforeTheVerb() {
    assertThat(
            Verbs.optionsBefore(
                List.of("--config", "f", "--debug", "--provider=local", "ps", "-x")))
        .containsExactly("--config", "f", "--debug", "--provider=local");
    assertThat(Verbs.optionsBefore(List.of("run", "--debug"))).isEmpty();
    assertThat(Verbs.optionsBefore(List.of("-it", "run"))).isEmpty();
    assertThat(Verbs.optionsBefore(List.of("--config"))).containsExactly("--config");
  }

  @Test
  void choicesAreShownAsTheyAreTyped() {
    assertThatExceptionOfType(CommandLine.ParameterException.class)
        .isThrownBy(() -> parse("run", "--network", "bridge", "img", "ls"))
        .withMessageContaining("'bridge' is not one of: host, none");
    assertThatExceptionOfType(CommandLine.ParameterException.class)
        .isThrownBy(() -> parse("image pull", "--policy", "sometimes", "img"))
        .withMessageContaining("never, missing, always");
    assertThat(parse("run", "--network", "NONE", "img", "ls").hasMatchedOption("--network"))
        .isTrue();
  }

  private static CommandLine line(String name) {
    return Verbs.commandLine(Objects.requireNonNull(Verbs.find(name)), new CommonOptions());
  }

  private static ParseResult parse(String name, String... words) {
    return line(name).parseArgs(words);
  }

  private static List<String> words(ParseResult parsed) {
    return parsed.matchedPositionals().stream()
        .flatMap(positional -> positional.stringValues().stream())
        .toList();
  }
}
