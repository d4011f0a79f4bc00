package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.apptainer.ApptainerConfig.Format;
import dev.berth.core.image.PullPolicy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** When an image is fetched, by how many at a time, and what is left of who was killed. */
class ImageFetchIT extends ImageRig {
  @Test
  void neverFetchesNothing() throws Exception {
    registry.hold();
    try {
      assertThatThrownBy(
              () -> images().pull(registry.uri("a/b_c:1"), PullPolicy.NEVER, progress::add))
          .isInstanceOf(CreateException.class)
          .hasMessageContaining("pull policy is never");
    } finally {
      registry.goOn();
    }
  }

  @Test
  void missingFetchesOnce() throws Exception {
    registry.push("once/missing:1", "first");
    Path first = images().pull(registry.uri("once/missing:1"), PullPolicy.MISSING, progress::add);
    registry.push("once/missing:1", "second");

    assertThat(images().pull(registry.uri("once/missing:1"), PullPolicy.MISSING, progress::add))
        .isEqualTo(first);
    assertThat(version(first)).isEqualTo("first");
    assertThat(
            version(images().pull(registry.uri("once/missing:1"), PullPolicy.NEVER, progress::add)))
        .isEqualTo("first");
  }

  @Test
  void alwaysGivesTheNewContentAndRunningSandboxesKeepTheOld() throws Exception {
    registry.push("moving/tag:1", "old");
    ApptainerConfig.Images always =
        new ApptainerConfig.Images(PullPolicy.ALWAYS, Format.FOLDER, Map.of(), null, true);
    try (ApptainerProvider provider =
        new ApptainerProvider(ApptainerConfig.defaults().with(always))) {
      try (Sandbox old = provider.create(SandboxSpec.of(registry.uri("moving/tag:1")))) {
        assertThat(old.exec("cat /version").stdout()).isEqualTo("old");
        assertThatThrownBy(
                () -> provider.images().remove(registry.uri("moving/tag:1"), Duration.ZERO))
            .isInstanceOf(RequestException.class)
            .hasMessageContaining("sandbox " + old.id());

        registry.push("moving/tag:1", "new");
        try (Sandbox fresh = provider.create(SandboxSpec.of(registry.uri("moving/tag:1")))) {
          assertThat(fresh.exec("cat /version").stdout()).isEqualTo("new");
          assertThat(old.exec("/usr/bin/cat /version").stdout()).isEqualTo("old");
        }
      } finally {
        provider.images().remove(registry.uri("moving/tag:1"), LONG);
      }
    }
  }

  @Test
  void threadsAndProcessesFetchItOnce() throws Exception {
    registry.push("crowd/image:1", "crowd");
    List<Process> children = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      children.add(ImageChild.start(cache.root(), registry.uri("crowd/image:1"), 8, Map.of()));
    }
    Set<String> results = new HashSet<>();
    ApptainerImages images = images();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Path>> pulls = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        pulls.add(
            threads.submit(() ->
                images.pull(registry.uri("crowd/image:1"), PullPolicy.MISSING, progress::add)));
      }
      for (Future<Path> pull : pulls) {
        results.add("made " + pull.get());
      }
    }
    for (Process child : children) {
      results.addAll(child.inputReader().lines().toList());
      assertThat(child.waitFor()).isZero();
    }

    assertThat(results).hasSize(1);
    assertThat(inStore("v-")).hasSize(1);
    // One run of apptainer asks for the manifest once or twice; 40 would show.
    assertThat(registry.pulls("crowd/image:1")).isBetween(1L, 3L);
  }

  @Test
  void manyImagesWithTheSameLayersAtOnce() throws Exception {
    List<String> names = List.of("many/one:1", "many/two:1", "many/three:1", "many/four:1");
    for (String name : names) {
      registry.push(name, name);
    }
    ApptainerImages images = images();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Path>> pulls = new ArrayList<>();
      for (String name : names) {
        pulls.add(
            threads.submit(
                () -> images.pull(registry.uri(name), PullPolicy.MISSING, progress::add)));
      }
      for (int i = 0; i < names.size(); i++) {
        assertThat(version(pulls.get(i).get())).isEqualTo(names.get(i));
      }
    }
  }

  @Test
  void aCommonLayerIsFetchedOnceAndPrunedWithTime() throws Exception {
    registry.pushWide("layers/one:1", "one");
    registry.pushWide("layers/two:1", "two");
    images().pull(registry.uri("layers/one:1"), PullPolicy.MISSING, progress::add);
    images().pull(registry.uri("layers/two:1"), PullPolicy.MISSING, progress::add);

    // Apptainer asks for a layer that it has, too, but hangs up before it comes.
    assertThat(registry.sent("layers/one")).isGreaterThan(RegistryRig.WIDE);
    assertThat(registry.sent("layers/two")).isLessThan(RegistryRig.WIDE / 2);
    Path pool = cache.images().resolve(".parts");
    assertThat(pool).isNotEmptyDirectory();
    images().prune(Duration.ofHours(1));
    assertThat(pool).isNotEmptyDirectory();
    images().prune(Duration.ZERO);
    assertThat(pool).isEmptyDirectory();
  }

  @Test
  void whatAKilledPullerLeftGoesWithTheNextPull() throws Exception {
    registry.push("killed/puller:1", "whole");
    killAPuller();

    assertThat(
            version(
                images().pull(registry.uri("killed/puller:1"), PullPolicy.MISSING, progress::add)))
        .isEqualTo("whole");
    assertThat(inStore("v-")).hasSize(1);
  }

  @Test
  void whatAKilledPullerLeftGoesWithAReap() throws Exception {
    registry.push("killed/puller:1", "whole");
    killAPuller();

    assertThat(images().reap()).isNotEmpty();
    await().atMost(LONG).until(() -> !pulling(registry.uri("killed/puller:1")));
    assertThat(inStore("")).isEmpty();
    assertThat(images().reap()).isEmpty();
  }

  private void killAPuller() throws Exception {
    registry.hold();
    try (Stop child =
        new Stop(ImageChild.start(cache.root(), registry.uri("killed/puller:1"), 1, Map.of()))) {
      await().atMost(LONG).until(() -> pulling(registry.uri("killed/puller:1")));
      child.process().destroyForcibly().waitFor();
      // What it had started does not know yet.
      assertThat(pulling(registry.uri("killed/puller:1"))).isTrue();
      assertThat(inStore("new-")).isNotEmpty();
    } finally {
      registry.goOn();
    }
  }

  @Test
  void anInterruptedPullLeavesNothing() throws Exception {
    registry.push("interrupted/puller:1", "whole");
    registry.hold();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<Path> pull =
          threads.submit(() ->
              images()
                  .pull(registry.uri("interrupted/puller:1"), PullPolicy.MISSING, progress::add));
      await()
          .atMost(LONG)
          .until(
              () -> inStore("new-").stream().anyMatch(path -> Files.exists(path.resolve("tmp"))));
      threads.shutdownNow();
      assertThatThrownBy(pull::get)
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(InterruptedException.class);
    } finally {
      registry.goOn();
    }
  }
}
