package dev.berth.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.TypeConversionException;

/** The verbs by name. Each one's class is loaded when it is asked for, not before. */
final class Verbs {
  /** The verb whose own verbs handle images. */
  static final String IMAGE = "image";

  static final List<String> NAMES =
      List.of(
          "run",
          "start",
          "exec",
          "shell",
          "cp",
          "ps",
          "status",
          "logs",
          "stop",
          "serve",
          "image pull",
          "image build",
          "image ls",
          "image rm",
          "image prune",
          "doctor",
          "setup",
          "gc",
          "bench",
          "demo",
          "eval",
          "version");

  /** Options that may stand before the verb, too. */
  static final List<String> ANYWHERE = List.of("--provider", "--config", "--debug");

  private Verbs() {}

  /** Those with which a command line begins, their values among them. */
  static List<String> optionsBefore(List<String> words) {
    int end = 0;
    while (end < words.size() && ANYWHERE.contains(words.get(end).split("=", 2)[0])) {
      boolean alone = words.get(end).equals("--debug") || words.get(end).contains("=");
      end = Math.min(words.size(), end + (alone ? 1 : 2));
    }
    return words.subList(0, end);
  }

  static @Nullable Verb find(String name) {
    return switch (name) {
      case "run" -> new RunVerb();
      case "start" -> new StartVerb();
      case "exec" -> new ExecVerb();
      case "shell" -> new ShellVerb();
      case "cp" -> new CpVerb();
      case "ps" -> new PsVerb();
      case "status" -> new StatusVerb();
      case "logs" -> new LogsVerb();
      case "stop" -> new StopVerb();
      case "serve" -> new ServeVerb();
      case "image pull" -> new ImagePullVerb();
      case "image build" -> new ImageBuildVerb();
      case "image ls" -> new ImageLsVerb();
      case "image rm" -> new ImageRmVerb();
      case "image prune" -> new ImagePruneVerb();
      case "doctor" -> new DoctorVerb();
      case "setup" -> new SetupVerb();
      case "gc" -> new GcVerb();
      case "bench" -> new BenchVerb();
      case "demo" -> new DemoVerb();
      case "eval" -> new EvalVerb();
      case "version" -> new VersionVerb();
      default -> null;
    };
  }

  /** A parser that fills the options of a verb, and those common to all. */
  static CommandLine commandLine(Verb verb, CommonOptions common) {
    CommandLine line = new CommandLine(verb);
    line.addMixin("common", common);
    line.setExpandAtFiles(false);
    for (OptionSpec option : line.getCommandSpec().options()) {
      if (option.type().isEnum()) {
        takeLowerCase(line, option.type());
      }
    }
    line.setStopAtPositional(verb.endsAtPositional());
    line.setUsageHelpAutoWidth(true);
    return line;
  }

  /** Reads one of an enum's values as people write it: in lower case. */
  private static <T> void takeLowerCase(CommandLine line, Class<T> type) {
    line.registerConverter(type, word -> choose(type, word));
  }

  private static <T> T choose(Class<T> type, String word) {
    List<String> allowed = new ArrayList<>();
    for (T constant : type.getEnumConstants()) {
      String name = constant.toString().toLowerCase(Locale.ROOT);
      if (name.equals(word.toLowerCase(Locale.ROOT))) {
        return constant;
      }
      allowed.add(name);
    }
    throw new TypeConversionException(
        "'" + word + "' is not one of: " + String.join(", ", allowed));
  }

  /** All verbs, or those of one group, with a line for each. */
  static String overview(String group) {
    StringBuilder text = new StringBuilder("Usage: berth ");
    text.append(group.isEmpty() ? "VERB" : group + " VERB").append(" [OPTION…] [ARGUMENT…]\n");
    text.append("Commands, files and servers in isolated sandboxes.\n\n");
    for (String name : NAMES) {
      if (name.startsWith(group)) {
        CommandLine line = commandLine(known(name), new CommonOptions());
        String what = line.getCommandSpec().usageMessage().description()[0];
        text.append("  ").append(name).append(" ".repeat(14 - name.length())).append(what);
        text.append('\n');
      }
    }
    text.append(
        "\nMore about one: berth VERB --help. --provider, --config and --debug may also stand"
            + " before the verb.\nStack traces: --debug or BERTH_DEBUG=1.");
    return text.toString();
  }

  private static Verb known(String name) {
    Verb verb = find(name);
    if (verb == null) {
      throw new IllegalStateException("no class for the verb " + name);
    }
    return verb;
  }
}
