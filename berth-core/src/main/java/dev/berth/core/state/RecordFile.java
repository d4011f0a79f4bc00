package dev.berth.core.state;

import dev.berth.Network;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.Volume;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A {@link SandboxRecord} as a file of {@code name=value} lines. Not JSON: every start of the CLI
 * reads one, and a JSON library takes longer to load than all the rest.
 */
final class RecordFile {
  private static final String VERSION = "1";

  private final Properties lines;

  private RecordFile(Properties lines) {
    this.lines = lines;
  }

  /** Replaces the file in one step; mode 0600. */
  static void write(File file, SandboxRecord record) throws IOException {
    RecordFile fields = new RecordFile(new Properties());
    fields.put(record);
    File next = new File(file.getPath() + ".new");
    Files.deleteIfExists(next.toPath());
    Files.createFile(
        next.toPath(),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try (Writer out = new OutputStreamWriter(new FileOutputStream(next), StandardCharsets.UTF_8)) {
      fields.lines.store(out, null);
    }
    Files.move(next.toPath(), file.toPath(), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Reads it. A file that is no whole record is an IOException. */
  static SandboxRecord read(File file) throws IOException {
    Properties lines = new Properties();
    try (InputStreamReader in =
        new InputStreamReader(new FileInputStream(file), StandardCharsets.UTF_8)) {
      lines.load(in);
      return new RecordFile(lines).record();
    } catch (RuntimeException e) {
      throw new IOException("it is no record of a sandbox: " + e.getMessage(), e);
    }
  }

  private void put(SandboxRecord record) {
    put("version", VERSION);
    put("id", record.id());
    put("provider", record.provider());
    put("created", record.created());
    put("expires", record.expires());
    put("detached", record.detached());
    SandboxSpec spec = record.spec();
    put("image", spec.image());
    put("ttl", spec.ttl());
    put("idle_limit", spec.idleLimit());
    put("lease", spec.lease());
    put("ready_timeout", spec.readyTimeout());
    put("workdir", spec.workdir());
    put("user", spec.user());
    puts("env", spec.env());
    puts("metadata", spec.metadata());
    put("cpu", spec.resources().cpu());
    put("memory_mib", spec.resources().memoryMib());
    put("disk_gib", spec.resources().diskGib());
    put("gpu", spec.resources().gpu());
    put("gpu_type", spec.resources().gpuType());
    puts("entrypoint", spec.entrypoint());
    puts("option_name", new ArrayList<>(spec.providerOptions().keySet()));
    spec.providerOptions().forEach((name, values) -> puts("option." + name, values));
    puts("port", spec.ports());
    for (int i = 0; i < spec.volumes().size(); i++) {
      Volume volume = spec.volumes().get(i);
      put("volume." + i, volume.containerPath());
      put("volume." + i + ".host_path", volume.hostPath());
      put("volume." + i + ".readonly", volume.readonly());
      put("volume." + i + ".efs_filesystem_id", volume.efsFileSystemId());
      put("volume." + i + ".efs_access_point_id", volume.efsAccessPointId());
    }
    put("environment_dir", spec.environmentDir());
    put("network", spec.network());
    for (int i = 0; i < spec.outsideEndpoints().size(); i++) {
      put("outside." + i, spec.outsideEndpoints().get(i).envVar());
      put("outside." + i + ".url", spec.outsideEndpoints().get(i).url());
    }
  }

  private SandboxRecord record() {
    if (!VERSION.equals(get("version"))) {
      throw new IllegalArgumentException("its version is " + get("version"));
    }
    return new SandboxRecord(
        need("id"),
        need("provider"),
        Instant.parse(need("created")),
        get("expires", Instant::parse),
        Boolean.parseBoolean(get("detached")),
        spec());
  }

  private SandboxSpec spec() {
    SandboxSpec.Builder spec = SandboxSpec.builder();
    take("image", spec::image);
    take("ttl", text -> spec.ttl(Duration.parse(text)));
    take("idle_limit", text -> spec.idleLimit(Duration.parse(text)));
    take("lease", text -> spec.lease(Duration.parse(text)));
    take("ready_timeout", text -> spec.readyTimeout(Duration.parse(text)));
    take("workdir", spec::workdir);
    take("user", spec::user);
    spec.env(pairs("env")).metadata(pairs("metadata")).entrypoint(list("entrypoint"));
    spec.resources(
        new SandboxResources(
            get("cpu", Double::valueOf),
            get("memory_mib", Long::valueOf),
            get("disk_gib", Long::valueOf),
            get("gpu", Integer::valueOf),
            get("gpu_type")));
    list("option_name").forEach(name -> spec.providerOption(name, list("option." + name)));
    list("port").forEach(port -> spec.port(Integer.parseInt(port)));
    for (int i = 0; get("volume." + i) != null; i++) {
      spec.volume(
          new Volume(
              get("volume." + i + ".host_path"),
              need("volume." + i),
              Boolean.parseBoolean(get("volume." + i + ".readonly")),
              get("volume." + i + ".efs_filesystem_id"),
              get("volume." + i + ".efs_access_point_id")));
    }
    take("environment_dir", spec::environmentDir);
    take("network", text -> spec.network(Network.valueOf(text)));
    for (int i = 0; get("outside." + i) != null; i++) {
      spec.outsideEndpoint(need("outside." + i + ".url"), need("outside." + i));
    }
    return spec.build();
  }

  private void put(String name, @Nullable Object value) {
    if (value != null) {
      lines.setProperty(name, value.toString());
    }
  }

  private void puts(String name, List<?> values) {
    for (int i = 0; i < values.size(); i++) {
      put(name + "." + i, values.get(i));
    }
  }

  private void puts(String name, Map<String, String> pairs) {
    puts(name, new ArrayList<>(pairs.keySet()));
    puts(name + ".value", new ArrayList<>(pairs.values()));
  }

  private @Nullable String get(String name) {
    return lines.getProperty(name);
  }

  private <T> @Nullable T get(String name, Function<String, T> read) {
    String text = get(name);
    return text == null ? null : read.apply(text);
  }

  private String need(String name) {
    String text = get(name);
    if (text == null) {
      throw new IllegalArgumentException("it has no " + name);
    }
    return text;
  }

  private void take(String name, Consumer<String> to) {
    String text = get(name);
    if (text != null) {
      to.accept(text);
    }
  }

  private List<String> list(String name) {
    List<String> values = new ArrayList<>();
    for (int i = 0; get(name + "." + i) != null; i++) {
      values.add(need(name + "." + i));
    }
    return values;
  }

  private Map<String, String> pairs(String name) {
    Map<String, String> pairs = new LinkedHashMap<>();
    List<String> names = list(name);
    for (int i = 0; i < names.size(); i++) {
      pairs.put(names.get(i), need(name + ".value." + i));
    }
    return pairs;
  }
}
