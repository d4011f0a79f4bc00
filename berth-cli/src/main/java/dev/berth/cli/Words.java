package dev.berth.cli;

import dev.berth.Command;
import dev.berth.SandboxSpec;
import java.util.List;

/** What stands at the end of a command line: an image or an id, and a command. */
final class Words {
  private static final String NO_IMAGE = "-";

  private Words() {}

  /** A spec with this image; with none for {@code -}, as providers without images want it. */
  static SandboxSpec.Builder image(String word) {
    SandboxSpec.Builder spec = SandboxSpec.builder();
    return word.equals(NO_IMAGE) ? spec : spec.image(word);
  }

  /** The command, without the {@code --} that may stand before it. */
  static Command command(List<String> words) {
    return Command.of(
        !words.isEmpty() && words.get(0).equals("--") ? words.subList(1, words.size()) : words);
  }
}
