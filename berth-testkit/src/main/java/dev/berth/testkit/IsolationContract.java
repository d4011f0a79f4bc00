package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Command;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.TransferException;
import dev.berth.spi.SandboxProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a sandbox sees of the host: nothing with {@link Trait#ISOLATED}; without it, as the provider
 * says, everything.
 */
public interface IsolationContract extends ContractSubject {
  @Test
  default void filesOfTheHostAreSeenOnlyWhereNothingIsIsolated(Sandbox sandbox) throws Exception {
    for (Path parent :
        new Path[] {
          Path.of("/tmp"), Path.of("/var/tmp"), Path.of(System.getProperty("user.home"))
        }) {
      if (Files.isWritable(parent)) {
        Path file = Files.createTempFile(parent, ".contract-host-file", "");
        try {
          assertThat(sandbox.exec(Command.of("cat", file.toString())).ok())
              .as("%s is seen", file)
              .isEqualTo(!can(Trait.ISOLATED));
        } finally {
          Files.delete(file);
        }
      }
    }
  }

  @Test
  default void processesOfTheHostAreSeenOnlyWhereNothingIsIsolated(Sandbox sandbox)
      throws Exception {
    Mark mark = Mark.fresh();
    Process process = new ProcessBuilder(mark.loop().arguments()).start();
    try {
      assertThat(mark.alive(sandbox) > 0)
          .as("a process of the host is seen")
          .isEqualTo(!can(Trait.ISOLATED));
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  default void aSandboxTakesMoreThan64MebibytesOfFiles(SandboxProvider provider) throws Exception {
    try (Sandbox sandbox = provider.create(spec())) {
      for (String parent : new String[] {"/tmp", "/var/tmp"}) {
        try (RemoteFolder folder = RemoteFolder.below(sandbox, parent)) {
          Shell.text(sandbox, "head -c 209715200 /dev/zero > " + folder.path("large"));
          assertThat(Shell.text(sandbox, "stat -c %s " + folder.path("large")))
              .isEqualTo("209715200");
        }
      }
    }
  }

  @Test
  default void isolatedSandboxesDoNotSeeEachOther(SandboxProvider provider, Sandbox sandbox)
      throws Exception {
    String file = "/tmp/contract-" + UUID.randomUUID();
    Mark mark = Mark.fresh();
    try (Sandbox other = provider.create(spec());
        var loop = other.start(mark.loop())) {
      Shell.text(other, "echo mine > " + file);
      mark.awaitAlive(other, 1);
      try {
        assertThat(loop.isAlive()).isTrue();
        assertThat(sandbox.exec(Command.of("cat", file)).ok()).isEqualTo(!can(Trait.ISOLATED));
        assertThat(mark.alive(sandbox) > 0).isEqualTo(!can(Trait.ISOLATED));
        assertThat(other.id()).isNotEqualTo(sandbox.id());
      } finally {
        Shell.text(other, "rm " + file);
      }
    }
  }

  @Test
  default void aPlantedLinkLeadsNoTransferToTheHostsFiles(Sandbox sandbox, @TempDir Path host)
      throws Exception {
    Path canary = Files.createDirectory(host.resolve("canary"));
    Path secret = Files.writeString(canary.resolve("secret"), "contract-secret-of-the-host");
    Path source = Files.writeString(host.resolve("source"), "from the test");
    for (String parent :
        mountPoint().map(mount -> new String[] {"/tmp", mount}).orElse(new String[] {"/tmp"})) {
      try (RemoteFolder folder = RemoteFolder.below(sandbox, parent)) {
        Shell.text(
            sandbox,
            "ln -s "
                + Shell.quote(canary.toString())
                + " "
                + folder.path("link")
                + "; ln -s "
                + Shell.quote(secret.toString())
                + " "
                + folder.path("file"));
        if (can(Trait.ISOLATED)) {
          // These paths lead nowhere inside; that they lead somewhere on the host must not matter.
          fails(() -> sandbox.download(folder.path("link/secret"), host.resolve("out")));
          fails(() -> sandbox.upload(source, folder.path("link/planted")));
        }
        sandbox.download(folder.path(), host.resolve("whole"));
        assertThat(host.resolve("whole/link")).isSymbolicLink();
        assertThat(host.resolve("whole/file")).isSymbolicLink();
      }
      assertThat(canary)
          .isDirectoryContaining(file -> file.equals(secret))
          .isDirectoryNotContaining(file -> !file.equals(secret));
      assertThat(TestFiles.text(secret)).isEqualTo("contract-secret-of-the-host");
      assertThat(host.resolve("out")).doesNotExist();
      new ProcessBuilder("rm", "-rf", host.resolve("whole").toString()).start().waitFor();
    }
  }

  private static void fails(org.assertj.core.api.ThrowableAssert.ThrowingCallable transfer) {
    assertThatThrownBy(transfer).isInstanceOfAny(TransferException.class, RequestException.class);
  }
}
