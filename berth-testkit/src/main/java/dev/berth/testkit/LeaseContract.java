package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.berth.Sandbox;
import dev.berth.spi.SandboxProvider;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A sandbox whose owner died ends by itself, and whoever comes next removes what it stored. */
public interface LeaseContract extends ContractSubject {
  @Test
  default void theSandboxOfAKilledOwnerEnds(SandboxProvider provider) throws Exception {
    Mark mark = Mark.fresh();
    String id;
    try (ChildJvm owner = ChildJvm.start(this, Map.of(), "create", "3000", mark.name())) {
      id = owner.answer();
      assertThat(leftovers(id)).as("what a living sandbox consists of").isNotEmpty();
      owner.kill();
    }

    mark.awaitGoneOnHost(Duration.ofSeconds(30));
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> {
          provider.reap();
          assertThat(leftovers(id)).isEmpty();
        });
    assertThat(provider.list()).noneMatch(summary -> summary.id().equals(id));
  }

  @Test
  default void reapingSparesWhatIsOwned(SandboxProvider provider, Sandbox sandbox)
      throws Exception {
    Mark mark = Mark.fresh();
    try (ChildJvm owner = ChildJvm.start(this, Map.of(), "create", "4000", mark.name())) {
      String id = owner.answer();

      provider.reap();
      provider.reap();

      assertThat(sandbox.isRunning()).isTrue();
      assertThat(provider.list()).anyMatch(summary -> summary.id().equals(id) && summary.owned());
      assertThat(HostProcesses.naming(mark.name())).isNotEmpty();
      owner.kill();
      mark.awaitGoneOnHost(Duration.ofSeconds(40));
      await()
          .atMost(Duration.ofSeconds(20))
          .untilAsserted(() -> {
            provider.reap();
            assertThat(leftovers(id)).isEmpty();
          });
    }
  }

  @Test
  default void anOwnerThatLivesKeepsItsSandboxBeyondTheLease(SandboxProvider provider)
      throws Exception {
    try (Sandbox sandbox =
        provider.create(spec().toBuilder().lease(Duration.ofSeconds(2)).build())) {
      assertThat(sandbox.exec("sleep 5; echo still").stdout()).isEqualTo("still\n");
      assertThat(sandbox.isRunning()).isTrue();
    }
  }
}
