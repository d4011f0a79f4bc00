package dev.berth.core.config;

import dev.berth.Command;
import dev.berth.Network;
import dev.berth.RequestException;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.Volume;
import dev.berth.spi.ConfigSection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Reads a {@link SandboxSpec} from YAML or JSON: the names of its parts in snake case, times in
 * seconds.
 */
public final class SpecReader {
  private SpecReader() {}

  /** Reads a file of at most 1 MiB whose top level is the spec. */
  public static SandboxSpec read(Path file) {
    return parse(file.toString(), TextFile.read(file));
  }

  static SandboxSpec parse(String file, String text) {
    return read(ConfigSection.of(file + ": spec", YamlReader.read(file, text).values()));
  }

  /** Reads a section, which it finishes. */
  public static SandboxSpec read(ConfigSection section) {
    SandboxSpec.Builder spec = SandboxSpec.builder();
    text(section, "image", spec::image);
    seconds(section, "ttl", spec::ttl);
    seconds(section, "idle_limit", spec::idleLimit);
    seconds(section, "lease", spec::lease);
    seconds(section, "ready_timeout", spec::readyTimeout);
    text(section, "workdir", spec::workdir);
    text(section, "user", spec::user);
    spec.env(section.pairs("env"));
    section.pairs("files").forEach(spec::file);
    spec.metadata(section.pairs("metadata"));
    spec.resources(resources(section.section("resources")));
    spec.entrypoint(entrypoint(section));
    ConfigSection options = section.section("provider_options");
    options.keys().forEach(name -> spec.providerOption(name, options.texts(name)));
    for (String port : section.texts("ports")) {
      spec.port(
          number(section, "ports", port, Integer::valueOf, "a list of ports from 1 to 65535"));
    }
    section.sections("volumes").forEach(volume -> spec.volume(volume(volume)));
    text(section, "environment_dir", spec::environmentDir);
    text(section, "network", text -> spec.network(network(section, text)));
    for (ConfigSection endpoint : section.sections("outside_endpoints")) {
      spec.outsideEndpoint(need(endpoint, "url"), need(endpoint, "env_var"));
    }
    section.finish();
    return spec.build();
  }

  private static SandboxResources resources(ConfigSection section) {
    return new SandboxResources(
        number(section, "cpu", Double::valueOf, "a number of processors, such as 0.5 or 4"),
        number(section, "memory_mib", Long::valueOf, "a whole number of MiB"),
        number(section, "disk_gib", Long::valueOf, "a whole number of GiB"),
        number(section, "gpu", Integer::valueOf, "a whole number of GPUs"),
        section.text("gpu_type"));
  }

  /** A text is a line of shell; a list is a program and its arguments. */
  private static List<String> entrypoint(ConfigSection section) {
    List<String> words = section.texts("entrypoint");
    return words.isEmpty() || section.isList("entrypoint")
        ? words
        : List.of("/bin/sh", "-c", words.get(0));
  }

  private static Volume volume(ConfigSection section) {
    return new Volume(
        section.text("host_path"),
        need(section, "container_path"),
        section.flag("readonly", false),
        section.text("efs_filesystem_id"),
        section.text("efs_access_point_id"));
  }

  private static Network network(ConfigSection section, String text) {
    return switch (text) {
      case "host" -> Network.HOST;
      case "none" -> Network.NONE;
      default -> throw section.wrong("network", text, "host or none");
    };
  }

  private static void text(ConfigSection section, String key, Consumer<String> to) {
    String text = section.text(key);
    if (text != null) {
      to.accept(text);
    }
  }

  private static void seconds(ConfigSection section, String key, Consumer<Duration> to) {
    Duration seconds = section.seconds(key, Command.FOREVER);
    if (!seconds.equals(Command.FOREVER)) {
      to.accept(seconds);
    }
  }

  private static String need(ConfigSection section, String key) {
    String text = section.text(key);
    if (text == null) {
      throw new RequestException(
          "Tried to read " + section.path() + "." + key + ", but it is missing; it must be given.");
    }
    return text;
  }

  private static <N> @Nullable N number(
      ConfigSection section, String key, Function<String, N> read, String allowed) {
    String text = section.text(key);
    return text == null ? null : number(section, key, text, read, allowed);
  }

  private static <N> N number(
      ConfigSection section, String key, String text, Function<String, N> read, String allowed) {
    try {
      return read.apply(text);
    } catch (NumberFormatException e) {
      throw section.wrong(key, text, allowed);
    }
  }
}
