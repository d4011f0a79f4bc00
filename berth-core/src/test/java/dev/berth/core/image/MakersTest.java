package dev.berth.core.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whom a leftover of the image store condemns. */
class MakersTest {
  private static final Path TARGET =
      Path.of("/images/a~1/new-host.name-12-345-abcdef0123456789/image.sif");
  private static final String MAKER = ImageStore.folder(TARGET).getFileName().toString();

  private final List<Process> started = new ArrayList<>();

  @AfterEach
  void end() {
    started.forEach(Process::destroyForcibly);
  }

  @Test
  void whoBearsTheMarkIsKilledAndWhoMerelySpeaksOfItIsNot() throws Exception {
    Map.Entry<String, String> mark = ImageStore.mark(TARGET).entrySet().iterator().next();
    Process maker = sleep(mark.getKey(), mark.getValue(), "x");
    Process reader = sleep("NONE", "", TARGET.toString());
    Process other = sleep("OF", mark.getValue(), "x");
    Process near = sleep(mark.getKey(), mark.getValue() + "0", mark.getKey() + "=" + MAKER);

    Makers.kill(MAKER);

    assertThat(maker.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(List.of(reader, other, near)).allMatch(Process::isAlive);
  }

  private Process sleep(String name, String value, String argument) throws Exception {
    ProcessBuilder builder = new ProcessBuilder("sh", "-c", "sleep 300; :", "sh", argument);
    builder.environment().put(name, value);
    Process process = builder.start();
    started.add(process);
    // Until it has become another program, its environment is ours.
    org.awaitility.Awaitility.await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> process.children().findAny().isPresent());
    return process;
  }
}
