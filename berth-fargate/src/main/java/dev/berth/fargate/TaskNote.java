package dev.berth.fargate;

import dev.berth.CreateException;
import dev.berth.core.state.SandboxFolder;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * What a sandbox's folder says of its task, for whoever takes hold of it or clears it away. No
 * secret is in it: the guest's token is kept in the task.
 *
 * @param arn null while the answer to its start is awaited
 * @param address null until it is known
 * @param ready whether it has come up
 */
record TaskNote(
    String region, String cluster, @Nullable String arn, @Nullable String address, boolean ready) {
  private static final String FILE = "task";

  void write(SandboxFolder folder) {
    Properties lines = new Properties();
    lines.setProperty("region", region);
    lines.setProperty("cluster", cluster);
    if (arn != null) {
      lines.setProperty("arn", arn);
    }
    lines.setProperty("ready", "" + ready);
    if (address != null) {
      lines.setProperty("address", address);
    }
    Path file = folder.path().resolve(FILE);
    Path fresh = folder.path().resolve(FILE + ".new");
    try {
      try (Writer out =
          new OutputStreamWriter(new FileOutputStream(fresh.toFile()), StandardCharsets.UTF_8)) {
        lines.store(out, null);
      }
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new CreateException(
          FargateProvider.NAME,
          folder.id(),
          "Tried to write down which task the sandbox is, but " + e.getMessage() + ".",
          e);
    }
  }

  /** Empty if there is none, or it cannot be read. */
  static Optional<TaskNote> read(SandboxFolder folder) {
    Properties lines = new Properties();
    try (InputStreamReader in =
        new InputStreamReader(
            new FileInputStream(folder.path().resolve(FILE).toFile()), StandardCharsets.UTF_8)) {
      lines.load(in);
    } catch (IOException | IllegalArgumentException e) {
      return Optional.empty();
    }
    String region = lines.getProperty("region");
    String cluster = lines.getProperty("cluster");
    return region == null || cluster == null
        ? Optional.empty()
        : Optional.of(
            new TaskNote(
                region,
                cluster,
                lines.getProperty("arn"),
                lines.getProperty("address"),
                Boolean.parseBoolean(lines.getProperty("ready"))));
  }
}
