package dev.berth.testkit;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.spi.SandboxProvider;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * What a provider's test says about itself; the tests come with the themes, see {@link
 * SandboxContract}. The implementing class needs a constructor without parameters that other
 * processes can call too: some tests start a second JVM on the same class path (system properties
 * whose names start with {@code berth.} are passed on) and open the provider there.
 */
@ExtendWith(ContractExtension.class)
@Timeout(120)
public interface ContractSubject {
  /**
   * Opens the provider. The kit calls it once for each test class, for some tests once more, and
   * closes what it got.
   */
  SandboxProvider open();

  /**
   * The least that a sandbox of this provider needs, usually its image. In it there must be {@code
   * /bin/sh}, the coreutils, {@code setsid} and a {@code /tmp} that the default user may write to;
   * for {@link EndpointContract} also {@code python3}. The kit adds to it what a test needs.
   */
  SandboxSpec spec();

  /** What this provider can do. */
  Set<Trait> traits();

  /**
   * Ends a sandbox brutally and from outside, as a crash of what carries it would, without going
   * through the sandbox's handle.
   */
  void kill(Sandbox sandbox) throws Exception;

  /**
   * All that is still there of a sandbox: processes, mounts, folders, files; a line for each, and
   * none once it has been stopped or reaped. {@link HostProcesses} finds processes and mounts that
   * name the id.
   */
  List<String> leftovers(String sandboxId) throws Exception;

  /**
   * The folder of the sandbox that is shared with the host to make transfers quick, if the provider
   * has one.
   */
  default Optional<String> mountPoint() {
    return Optional.empty();
  }

  /** Whether the provider has this trait. */
  default boolean can(Trait trait) {
    return traits().contains(trait);
  }
}
