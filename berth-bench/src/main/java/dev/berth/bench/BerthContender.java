package dev.berth.bench;

import dev.berth.Command;
import dev.berth.ExecResult;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.spi.ConfigSection;
import dev.berth.spi.ProviderFactory;
import dev.berth.spi.SandboxProvider;
import java.nio.file.Path;
import java.util.Map;
import java.util.ServiceLoader;

/** Berth's {@code apptainer} provider, with its defaults or with {@code .sif} files mounted. */
final class BerthContender implements Contender {
  private static final String PROVIDER = "apptainer";

  private final SandboxProvider provider;

  /**
   * With all defaults, {@code apptainer} from this folder: a {@code .sif} file is unpacked once.
   */
  static BerthContender byDefault(Path binFolder) {
    return new BerthContender(Map.of("bin_path", binFolder.toString()));
  }

  /** With {@code .sif} files mounted as they are. */
  static BerthContender mounting(Path binFolder) {
    return new BerthContender(
        Map.of("bin_path", binFolder.toString(), "images", Map.of("format", "sif")));
  }

  private BerthContender(Map<String, Object> config) {
    provider =
        ServiceLoader.load(ProviderFactory.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(factory -> factory.name().equals(PROVIDER))
            .findFirst()
            .orElseThrow(() ->
                new RequestException(
                    "Tried to measure the provider "
                        + PROVIDER
                        + ", but it is not on the class path."))
            .create(ConfigSection.of("bench", config));
  }

  @Override
  public String name() {
    return "Berth";
  }

  @Override
  public Box create(Path image) throws InterruptedException {
    return new BerthBox(sandbox(image));
  }

  Sandbox sandbox(Path image) throws InterruptedException {
    return provider.create(SandboxSpec.of(image.toString()));
  }

  @Override
  public void close() {
    provider.close();
  }

  private record BerthBox(Sandbox sandbox) implements Box {
    private static final Command TRUE = Command.of("sh", "-c", "true");

    @Override
    public void runTrue() throws InterruptedException {
      check(sandbox.exec(TRUE));
    }

    @Override
    public void run(String line) throws InterruptedException {
      check(sandbox.exec(line));
    }

    @Override
    public void upload(Path local, String remote) throws InterruptedException {
      sandbox.upload(local, remote);
    }

    @Override
    public void download(String remote, Path local) throws InterruptedException {
      sandbox.download(remote, local);
    }

    @Override
    public void stop() {
      sandbox.stop();
    }

    private static void check(ExecResult result) {
      result.orThrow();
    }
  }
}
