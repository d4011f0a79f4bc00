package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.SandboxSpec;
import dev.berth.core.state.StateHome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlaceTest {
  @TempDir Path folder;

  private static final FargateConfig CONFIG =
      FargateConfig.builder()
          .region("r")
          .cluster("c")
          .subnets(List.of("s"))
          .securityGroups(List.of("g"))
          .build();

  private String tag(StateHome state) {
    try (Place place = Place.of(CONFIG)) {
      return place
          .tags("aaaaaaaaaaaa", SandboxSpec.of("image"), state)
          .getOrDefault(Tasks.HOME, "none");
    }
  }

  /** Containers often have equal host names, users and paths: their folders differ all the same. */
  @Test
  void eachStateFolderIsItsOwn() throws Exception {
    StateHome state = StateHome.at(folder);
    assertThat(Place.home(state)).isEmpty();
    String first = tag(state);
    assertThat(Place.home(state)).contains(first);
    assertThat(tag(StateHome.at(folder))).isEqualTo(first);
    Files.delete(folder.resolve("fargate-home"));
    assertThat(tag(state)).isNotEqualTo(first);
  }

  @Test
  void whoeverIsFirstNamesItForAll() throws Exception {
    StateHome state = StateHome.at(folder);
    List<Future<String>> tags = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      for (int i = 0; i < 8; i++) {
        tags.add(threads.submit(() -> tag(state)));
      }
    }
    String home = Place.home(state).orElseThrow();
    for (Future<String> tag : tags) {
      assertThat(tag.get()).isEqualTo(home);
    }
    assertThat(folder.toFile().list()).containsExactly("fargate-home");
  }
}
