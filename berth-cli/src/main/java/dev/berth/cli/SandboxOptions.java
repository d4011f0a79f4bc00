package dev.berth.cli;

import dev.berth.Network;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.Volume;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What a new sandbox is made of, besides its image. */
final class SandboxOptions {
  @Option(names = "--cpus", paramLabel = "N", description = "Processors, fractions allowed.")
  private @Nullable Double cpus;

  @Option(
      names = {"-m", "--memory"},
      paramLabel = "SIZE",
      converter = Sizes.class,
      description = "Memory, such as 512m or 2g.")
  private @Nullable Long memory;

  @Option(names = "--gpus", paramLabel = "N", description = "GPUs.")
  private @Nullable Integer gpus;

  @Option(
      names = {"-v", "--volume"},
      paramLabel = "SRC:DST[:ro]",
      converter = Binds.class,
      description = "Mount a folder or file of this host.")
  private List<Volume> volumes = List.of();

  @Option(
      names = "--network",
      paramLabel = "host|none",
      description = "The host's network (default), or loopback alone.")
  private @Nullable Network network;

  @Option(
      names = "--ttl",
      paramLabel = "DURATION",
      converter = Durations.class,
      description = "End the sandbox after this long, such as 30s or 2h.")
  private @Nullable Duration ttl;

  @Option(
      names = {"-l", "--label"},
      paramLabel = "NAME=TEXT",
      description = "A label that berth ps shows.")
  private List<String> labels = List.of();

  void applyTo(SandboxSpec.Builder spec) {
    Long mebibytes = memory == null ? null : (Long) Sizes.mebibytes(memory);
    if (cpus != null || mebibytes != null || gpus != null) {
      spec.resources(new SandboxResources(cpus, mebibytes, null, gpus, null));
    }
    volumes.forEach(spec::volume);
    if (network != null) {
      spec.network(network);
    }
    if (ttl != null) {
      spec.ttl(ttl);
    }
    spec.metadata(Pairs.labels(labels));
  }
}
