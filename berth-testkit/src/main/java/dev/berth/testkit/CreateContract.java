package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.UnsupportedRequestException;
import dev.berth.spi.SandboxProvider;
import dev.berth.spi.SandboxSummary;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A sandbox that is there is ready; one that could not come up has left nothing. */
public interface CreateContract extends ContractSubject {
  @Test
  default void aSandboxIsReadyWhenItIsHandedOut(SandboxProvider provider) throws Exception {
    SandboxSpec spec =
        spec().toBuilder().metadata("contract", "ready").env("CONTRACT_READY", "yes").build();
    try (Sandbox sandbox = provider.create(spec)) {
      assertThat(sandbox.status()).isEqualTo(SandboxStatus.RUNNING);
      assertThat(sandbox.id()).isNotBlank();
      assertThat(sandbox.provider()).isEqualTo(provider.name());
      assertThat(sandbox.spec().env()).containsEntry("CONTRACT_READY", "yes");
      assertThat(sandbox.spec().metadata()).containsEntry("contract", "ready");
      assertThat(Shell.text(sandbox, "echo $CONTRACT_READY")).isEqualTo("yes");
    }
  }

  @Test
  default void aSandboxIsListedWhileItIsThere(SandboxProvider provider) throws Exception {
    Sandbox sandbox =
        provider.create(
            spec().toBuilder().metadata("contract", "listed").ttl(Duration.ofMinutes(5)).build());
    try (sandbox) {
      SandboxSummary summary =
          provider.list().stream()
              .filter(s -> s.id().equals(sandbox.id()))
              .findFirst()
              .orElseThrow();

      assertThat(summary.status()).isEqualTo(SandboxStatus.RUNNING);
      assertThat(summary.provider()).isEqualTo(provider.name());
      assertThat(summary.metadata()).containsEntry("contract", "listed");
      assertThat(summary.owned()).isTrue();
      assertThat(summary.expires()).isNotNull().isAfter(summary.created());
    }
    assertThat(ids(provider, "listed")).doesNotContain(sandbox.id());
  }

  @Test
  default void filesOfTheSpecAreThere(SandboxProvider provider) throws Exception {
    String folder = "/tmp/contract-" + UUID.randomUUID();
    String text = "first\n\tünï→😀\n\n";
    SandboxSpec spec =
        spec().toBuilder()
            .file(folder + "/deep/er/file", text)
            .file(folder + "/empty", "")
            .file(folder + "/two words", "x".repeat(1 << 20))
            .build();
    try (Sandbox sandbox = provider.create(spec)) {
      assertThat(sandbox.exec("cat " + folder + "/deep/er/file").stdout()).isEqualTo(text);
      assertThat(Shell.text(sandbox, "stat -c %s " + folder + "/empty '" + folder + "/two words'"))
          .isEqualTo("0\n1048576");
      Shell.text(sandbox, "rm -r " + folder);
    }
  }

  @Test
  default void aFileThatCannotBeWrittenFailsTheCreate(SandboxProvider provider) throws Exception {
    assertThatThrownBy(
            () -> created(provider, spec().toBuilder().file("/proc/contract/no/file", "x").build()))
        .isInstanceOfAny(CreateException.class, RequestException.class)
        .hasMessageContaining("/proc/contract/no/file");
  }

  @Test
  default void anImpossibleImageFailsTheCreate(SandboxProvider provider) throws Exception {
    assertThatThrownBy(() ->
            created(provider, spec().toBuilder().image("/contract/no/such/image.sif").build()))
        .isInstanceOfAny(
            CreateException.class, RequestException.class, UnsupportedRequestException.class)
        .hasMessageContaining("/contract/no/such/image.sif");
  }

  @Test
  default void anUnknownOptionIsRefusedByName(SandboxProvider provider) throws Exception {
    assertThatThrownBy(() ->
            created(
                provider,
                spec().toBuilder().providerOption("contract_unknown", List.of("x")).build()))
        .isInstanceOfAny(RequestException.class, UnsupportedRequestException.class)
        .hasMessageContaining("contract_unknown");
  }

  @Test
  default void whatCannotBeGivenIsRefusedOrStated(SandboxProvider provider) throws Exception {
    SandboxResources resources = new SandboxResources(1.0, 512L, 1L, null, null);
    try (Sandbox sandbox = created(provider, spec().toBuilder().resources(resources).build())) {
      assertThat(Shell.text(sandbox, "echo limited")).isEqualTo("limited");
      assertThat(sandbox.notices()).allSatisfy(notice -> assertThat(notice).isNotBlank());
    } catch (RequestException | UnsupportedRequestException | CreateException refused) {
      assertThat(refused).hasMessageMatching("(?s).*(cpu|memory|disk).*");
    }
  }

  @Test
  default void aSandboxThatIsNotReadyInTimeLeavesNothing(SandboxProvider provider)
      throws Exception {
    assertThatThrownBy(
            () -> created(provider, spec().toBuilder().readyTimeout(Duration.ofNanos(1)).build()))
        .isInstanceOf(CreateException.class);
  }

  @Test
  default void aWorkingDirectoryIsTheDefaultOfCommands(SandboxProvider provider) throws Exception {
    try (Sandbox sandbox = provider.create(spec().toBuilder().workdir("/var/tmp").build())) {
      assertThat(Shell.text(sandbox, "pwd")).isEqualTo("/var/tmp");
    }
  }

  @Test
  default void anEntrypointIsStarted(SandboxProvider provider) throws Exception {
    Mark mark = Mark.fresh();
    try (Sandbox sandbox =
        provider.create(spec().toBuilder().entrypoint(mark.loop().arguments()).build())) {
      mark.awaitAlive(sandbox, 1);
    }
    mark.awaitGoneOnHost(Duration.ofSeconds(20));
  }

  @Test
  default void manySandboxesComeUpAtOnce(SandboxProvider provider) throws Exception {
    List<Future<Sandbox>> creations = new ArrayList<>();
    Set<String> ids = new HashSet<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 8; i++) {
        String number = "" + i;
        creations.add(
            threads.submit(
                () -> provider.create(spec().toBuilder().env("CONTRACT_NUMBER", number).build())));
      }
      for (int i = 0; i < 8; i++) {
        Sandbox sandbox = creations.get(i).get(100, TimeUnit.SECONDS);
        assertThat(Shell.text(sandbox, "echo $CONTRACT_NUMBER")).isEqualTo("" + i);
        ids.add(sandbox.id());
      }
      List<Future<?>> ends = new ArrayList<>();
      for (Future<Sandbox> creation : creations) {
        Sandbox sandbox = creation.get();
        ends.add(threads.submit(sandbox::stop));
      }
      for (Future<?> end : ends) {
        end.get(60, TimeUnit.SECONDS);
      }
    }
    assertThat(ids).hasSize(8);
    for (String id : ids) {
      assertThat(leftovers(id)).isEmpty();
    }
  }

  @Test
  default void anInterruptedCreateLeavesNothing(SandboxProvider provider) throws Exception {
    String tag = "interrupted " + UUID.randomUUID();
    SandboxSpec spec = spec().toBuilder().metadata("contract", tag).build();
    for (int delay : new int[] {0, 5, 20, 60, 120}) {
      CountDownLatch begun = new CountDownLatch(1);
      FutureTask<Sandbox> creation =
          new FutureTask<>(() -> {
            begun.countDown();
            return provider.create(spec);
          });
      Thread thread = Thread.ofPlatform().start(creation);
      begun.await();
      thread.join(Duration.ofMillis(delay + 1));
      thread.interrupt();
      try {
        // It had come up before the interrupt reached it.
        creation.get(60, TimeUnit.SECONDS).close();
      } catch (java.util.concurrent.ExecutionException e) {
        assertThat(e).hasCauseInstanceOf(InterruptedException.class);
      }
    }
    await().atMost(Duration.ofSeconds(10)).until(() -> ids(provider, tag).isEmpty());
  }

  /** Creates, and if that fails sees to it that nothing of it is there. */
  private Sandbox created(SandboxProvider provider, SandboxSpec spec) throws Exception {
    String tag = "failed " + UUID.randomUUID();
    try {
      return provider.create(spec.toBuilder().metadata("contract", tag).build());
    } catch (SandboxException e) {
      assertThat(ids(provider, tag)).isEmpty();
      String id = e.sandboxId();
      if (id != null) {
        assertThat(leftovers(id)).isEmpty();
      }
      throw e;
    }
  }

  /** The ids of the sandboxes with this label: others may come and go meanwhile. */
  private static List<String> ids(SandboxProvider provider, String label)
      throws InterruptedException {
    return provider.list().stream()
        .filter(s -> label.equals(s.metadata().get("contract")))
        .map(SandboxSummary::id)
        .toList();
  }
}
