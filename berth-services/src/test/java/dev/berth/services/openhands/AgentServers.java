package dev.berth.services.openhands;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.services.openhands.OpenHandsException.Failure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What the tests with a real agent server share. */
final class AgentServers {
  private AgentServers() {}

  static String image() {
    String image = System.getenv("BERTH_OPENHANDS_IMAGE");
    assertThat(image).as("BERTH_OPENHANDS_IMAGE, see setup/openhands-image.sh").isNotBlank();
    return image;
  }

  static String read(Path file) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }

  static List<String> serversOn(int port) throws IOException {
    List<String> found = new ArrayList<>();
    try (var processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path each : processes) {
        String line = read(each.resolve("cmdline")).replace('\0', ' ');
        if (line.contains("openhands.agent_server") && line.contains(" " + port)) {
          found.add(line);
        }
      }
    }
    return found;
  }

  static void assertFailure(
      Failure failure, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            OpenHandsException.class, e -> assertThat(e.failure()).isEqualTo(failure));
  }
}
