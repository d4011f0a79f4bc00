package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.CreateException;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.StateHome;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class FargateHostTest {
  /** One that leaves everything where it is. */
  private static final FolderRemoval NONE =
      new FolderRemoval(() -> {
        throw new CreateException(null, null, "no program", null);
      });

  @TempDir Path root;

  @Test
  void anInterruptWaitsForTheEndOfTheTask() {
    SandboxFolder folder = StateHome.at(root).create(FargateProvider.NAME);
    Thread caller = Thread.currentThread();
    AtomicBoolean disturbed = new AtomicBoolean(true);
    caller.interrupt();

    boolean ended =
        FargateHost.end(
            folder,
            NONE,
            () -> {
              caller.interrupt();
              disturbed.set(Thread.currentThread().isInterrupted());
            });

    assertThat(Thread.interrupted()).as("kept").isTrue();
    assertThat(disturbed).isFalse();
    assertThat(ended).isTrue();
    assertThat(folder.owned()).isFalse();
  }

  @Test
  void whatCouldNotBeEndedIsLeftToTheReaper() {
    SandboxFolder folder = StateHome.at(root).create(FargateProvider.NAME);
    boolean ended =
        FargateHost.end(
            folder,
            NONE,
            () -> {
              throw new InterruptedException();
            });
    assertThat(ended).isFalse();
    assertThat(folder.exists()).isTrue();
    assertThat(folder.owned()).isFalse();
  }
}
