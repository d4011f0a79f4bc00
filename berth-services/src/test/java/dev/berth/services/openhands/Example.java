package dev.berth.services.openhands;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * OpenHands' own example, in Java: an agent in a sandbox reads a repository, writes three facts
 * about it into a file, and deletes the file again.
 *
 * <p>{@code Example IMAGE [FOLDER]} with {@code LLM_API_KEY} (and {@code LLM_MODEL}, {@code
 * LLM_BASE_URL}) in the environment; FOLDER is the repository. With {@code --scripted} in place of
 * the variables, a model that only knows this task stands in.
 */
public final class Example {
  private static final Duration LONG_ENOUGH = Duration.ofMinutes(30);

  private Example() {}

  public static void main(String... arguments) throws Exception {
    List<String> rest = new java.util.ArrayList<>(List.of(arguments));
    if (rest.remove("--scripted")) {
      try (ScriptedModel model = new ScriptedModel(Example::script)) {
        run(rest, new Settings(ScriptedModel.MODEL, "none", model.url()));
      }
    } else {
      run(rest, Settings.ofEnvironment());
    }
  }

  private static void run(List<String> arguments, Settings settings) throws InterruptedException {
    Path image = Path.of(arguments.getFirst());
    WorkspaceSpec.Builder spec = WorkspaceSpec.builder().detachLogs(false);
    if (Files.exists(image)) {
      spec.sifFile(image);
    } else {
      spec.serverImage(arguments.getFirst());
    }
    if (arguments.size() > 1) {
      spec.mountDir(Path.of(arguments.get(1)));
    }
    try (ApptainerWorkspace workspace = ApptainerWorkspace.start(spec.build())) {
      double cost = work(workspace.server(), settings, event -> System.out.println("  " + event));
      System.out.println("EXAMPLE_COST: " + cost);
    }
  }

  /** The example itself. Returns what it cost. */
  static double work(AgentServer server, Settings settings, EventCallback callback)
      throws InterruptedException {
    CommandResult result = server.execute("echo 'Hello from sandboxed environment!' && pwd");
    System.out.println(
        "Command '" + result.command() + "' completed with exit code " + result.exitCode());
    System.out.println("Output: " + result.stdout());

    ConversationSpec spec = ConversationSpec.of(Agent.of(settings)).withCallback(callback);
    try (Conversation conversation = server.open(spec)) {
      conversation.send(
          "Read the current repo and write 3 facts about the project into FACTS.txt.");
      ExecutionStatus status = conversation.run(LONG_ENOUGH);
      System.out.println("First task: " + status);

      conversation.send("Great! Now delete that file.");
      status = conversation.run(LONG_ENOUGH);
      System.out.println("Second task: " + status);
      return conversation.usage().cost();
    }
  }

  /** What a model would do. */
  static ScriptedModel.Answer script(String said, List<String> results) {
    if (said.contains("3 facts")) {
      return switch (results.size()) {
        case 0 ->
            ScriptedModel.Answer.shell(
                "ls -A; head -n 3 README* 2>/dev/null; wc -l * 2>/dev/null | tail -n 1");
        case 1 ->
            ScriptedModel.Answer.shell(
                "{ echo \"1. It has $(ls -A | wc -l) entries.\";"
                    + " echo \"2. It begins with $(ls -A | head -n 1).\"; echo '3. It is a folder.'; } > FACTS.txt");
        case 2 -> ScriptedModel.Answer.shell("cat FACTS.txt");
        default -> ScriptedModel.Answer.finish("FACTS.txt has three facts.");
      };
    }
    return results.isEmpty()
        ? ScriptedModel.Answer.shell("rm FACTS.txt")
        : ScriptedModel.Answer.finish("FACTS.txt is gone.");
  }
}
