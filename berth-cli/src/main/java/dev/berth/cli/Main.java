package dev.berth.cli;

import dev.berth.SandboxException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;

/** The {@code berth} command. The only place that ends the process. */
public final class Main {
  private final Shell shell;
  private final Console console;
  private boolean debug;

  private Main(Shell shell) {
    this.shell = shell;
    this.console = shell.console();
    String wanted = shell.env().get("BERTH_DEBUG");
    this.debug = wanted != null && !wanted.isEmpty() && !wanted.equals("0");
  }

  /** Runs the verb that {@code args} names and ends the process with its exit code. */
  public static void main(String[] args) {
    Map<String, String> env = System.getenv();
    Signals signals = Signals.install(System::exit);
    System.exit(
        new Main(new Shell(new Console(!env.getOrDefault("NO_COLOR", "").isEmpty()), signals, env))
            .run(List.of(args)));
  }

  private int run(List<String> words) {
    try {
      return dispatch(words);
    } catch (Console.LostOutput e) {
      e.report(console);
      return e.code();
    } catch (InterruptedException e) {
      trace(e);
      return shell.signals().exitCode();
    } catch (SandboxException e) {
      console.say(message(e));
      trace(e);
      return Failures.exitCode(e);
    } catch (RuntimeException | Error e) {
      console.say("unexpected: " + e + (debug ? "" : " (more with --debug)"));
      trace(e);
      return Failures.SANDBOX;
    }
  }

  private int dispatch(List<String> words) throws InterruptedException {
    List<String> before = Verbs.optionsBefore(words);
    words = words.subList(before.size(), words.size());
    debug |= before.contains("--debug");
    String name = words.isEmpty() ? "help" : words.get(0);
    if (name.equals("help") || name.equals("--help") || name.equals("-h")) {
      return help(words.size() > 1 ? words.subList(1, words.size()) : List.of());
    }
    if (name.equals("--version") || name.equals("-V")) {
      name = "version";
    }
    if (name.startsWith("-")) {
      return misplaced(name);
    }
    int used = 1;
    if (name.equals(Verbs.IMAGE) && words.size() > 1 && !words.get(1).startsWith("-")) {
      name = name + " " + words.get(1);
      used = 2;
    }
    Verb verb = Verbs.find(name);
    if (verb == null) {
      return name.equals(Verbs.IMAGE) ? help(List.of(Verbs.IMAGE)) : unknown(name);
    }
    // As if they stood where its own options do.
    List<String> all = new ArrayList<>(before);
    all.addAll(words.subList(used, words.size()));
    return parseAndRun(verb, name, all);
  }

  private int parseAndRun(Verb verb, String name, List<String> words) throws InterruptedException {
    CommonOptions common = new CommonOptions();
    CommandLine line = Verbs.commandLine(verb, common);
    try {
      line.parseArgs(words.toArray(new String[0]));
      debug |= common.debug();
      if (common.help()) {
        console.print(usage(line).stripTrailing());
        return 0;
      }
      return runAndTidy(verb);
    } catch (CommandLine.ParameterException e) {
      console.say(e.getMessage() + ". Try: berth " + name + " --help");
      return Failures.USAGE;
    }
  }

  /** Clears away what others have left, unless somebody is in a hurry. It changes no result. */
  private int runAndTidy(Verb verb) throws InterruptedException {
    if (!verb.holdsMany()) {
      // It ends sooner; but each sandbox has a platform thread.
      System.setProperty("dev.berth.reader", "platform");
    }
    boolean tidy = true;
    try {
      return verb.run(shell);
    } catch (InterruptedException e) {
      tidy = false;
      throw e;
    } finally {
      if (tidy) {
        Leftovers.clear();
      }
    }
  }

  private int help(List<String> words) {
    if (words.isEmpty() || words.equals(List.of(Verbs.IMAGE))) {
      String group = words.isEmpty() ? "" : Verbs.IMAGE;
      console.print(Verbs.overview(group));
      return 0;
    }
    Verb verb = Verbs.find(String.join(" ", words));
    if (verb == null) {
      return unknown(String.join(" ", words));
    }
    console.print(usage(Verbs.commandLine(verb, new CommonOptions())).stripTrailing());
    return 0;
  }

  private int misplaced(String option) {
    console.say(
        "the option '"
            + option
            + "' stands before a verb; it belongs after it, as in: berth VERB "
            + option
            + " …. Before it may stand "
            + String.join(", ", Verbs.ANYWHERE)
            + " alone. Try: berth --help");
    return Failures.USAGE;
  }

  private int unknown(String name) {
    List<String> near = Closest.to(name, Verbs.NAMES);
    console.say(
        "there is no verb '"
            + name
            + "'"
            + (near.isEmpty() ? "" : "; close to it: " + String.join(", ", near))
            + ". Try: berth --help");
    return Failures.USAGE;
  }

  private String usage(CommandLine line) {
    return line.getUsageMessage(console.colours() ? Ansi.ON : Ansi.OFF);
  }

  private static String message(SandboxException failure) {
    @Nullable String message = failure.getMessage();
    return message == null ? failure.toString() : message.stripTrailing();
  }

  private void trace(Throwable failure) {
    if (debug) {
      console.sayRaw(Traces.of(failure));
    }
  }

  /** Apart, so that a run without a failure loads none of it. */
  private static final class Traces {
    static String of(Throwable failure) {
      java.io.StringWriter text = new java.io.StringWriter();
      failure.printStackTrace(new java.io.PrintWriter(text));
      return text.toString();
    }
  }
}
