package dev.berth.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** The real command with a sandbox that runs; all that is left is cleared away and counted. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(180)
abstract class RealCli
    implements CommandsOfCli, SandboxesOfCli, ServeOfCli, SignalsOfCli, TerminalsOfCli {
  private final String provider;
  private final String image;
  private final Path home;
  private final Cli cli;
  private String id = "";

  RealCli(String provider, String image) throws IOException {
    this.provider = provider;
    this.image = image;
    // Short: a socket's path has room for 107 bytes.
    this.home = Files.createTempDirectory(Path.of("/tmp"), "bc");
    this.cli = new Cli(home, provider);
  }

  @BeforeAll
  void start() {
    Cli.Result started = cli.run("start", "--label", "test=cli", "--ttl", "10m", image);
    assertThat(started.code()).as(started.stderr()).isZero();
    id = started.stdout().strip();
    assertThat(id).isNotEmpty();
  }

  @AfterAll
  void stop() throws Exception {
    Cli.Result stopped = cli.run("stop", "--all");
    assertThat(stopped.stderr()).isEmpty();
    assertThat(cli.folders()).isEmpty();
    new ProcessBuilder("rm", "-rf", home.toString()).start().waitFor();
  }

  @Override
  public Cli cli() {
    return cli;
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public String image() {
    return image;
  }

  @Override
  public String provider() {
    return provider;
  }
}
