package dev.berth.fargate.ssh;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.state.StateHome;
import dev.berth.spi.SandboxProvider;
import dev.berth.testkit.HostProcesses;
import dev.berth.testkit.SandboxContract;
import dev.berth.testkit.Trait;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;

/** The contract, with the guest behind a real sshd: the way into a task, without the task. */
@Tag("rig")
class SshContractIT implements SandboxContract {
  @Override
  public SandboxProvider open() {
    return new SshLocalProvider();
  }

  @Override
  public SandboxSpec spec() {
    return SandboxSpec.builder().build();
  }

  @Override
  public Set<Trait> traits() {
    return EnumSet.of(
        Trait.ROOT_USER, Trait.ANY_USER, Trait.ENDPOINTS, Trait.TERMINALS, Trait.RECONNECT);
  }

  @Override
  public void kill(Sandbox sandbox) {
    HostProcesses.kill(line -> line.contains("--tag " + sandbox.id()));
  }

  @Override
  public List<String> leftovers(String id) {
    List<String> found = new ArrayList<>(HostProcesses.naming(id));
    StateHome.ofEnvironment().find(id).ifPresent(folder -> found.add("folder " + folder.path()));
    return found;
  }
}
