package dev.berth.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * One {@code apptainer} process per operation: {@code instance start}, {@code exec instance://…},
 * {@code instance stop}. Files go by a staging folder that is bound into the instance, and from
 * there by {@code cp} inside to where they belong. No flag that Apptainer does not need for this.
 * Instances are listed in a folder of their own, not with the user's.
 */
final class ProcessContender implements Contender {
  static final String STAGING = "/sandbox";

  private final String apptainer;
  private final List<String> flags;
  private final Path folder;
  private final Map<String, String> env;

  /**
   * @param flags what every container needs on this host to run at all
   * @param folder for staging folders and the list of instances
   */
  ProcessContender(String apptainer, List<String> flags, Path folder) {
    this.apptainer = apptainer;
    this.flags = flags;
    this.folder = folder;
    this.env = Map.of("APPTAINER_CONFIGDIR", folder.resolve("config").toString());
  }

  @Override
  public String name() {
    return "apptainer exec instance";
  }

  @Override
  public Box create(Path image) throws InterruptedException {
    String instance = "berth-bench-" + UUID.randomUUID();
    Path staging = folder.resolve(instance);
    try {
      Files.createDirectory(staging);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    HostProcessCall.runLeavingDaemon(
        command(
            List.of("instance", "start"),
            flags,
            List.of(
                "--writable-tmpfs", "--bind", staging + ":" + STAGING, image.toString(), instance)),
        env);
    return new ProcessBox(instance, staging);
  }

  /** A container for one command, as {@code apptainer exec IMAGE} makes it. */
  void runOnce(Path image) throws InterruptedException {
    HostProcessCall.run(
        command(List.of("exec"), flags, List.of(image.toString(), "sh", "-c", "true")), env);
  }

  /** Ends the instances that are left. */
  @Override
  public void close() {
    try {
      HostProcessCall.run(command(List.of("instance", "stop", "--all"), List.of(), List.of()), env);
    } catch (IllegalStateException e) {
      // There was none left, which it calls an error in some versions.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @SafeVarargs
  private List<String> command(List<String>... parts) {
    List<String> command = new ArrayList<>(List.of(apptainer));
    for (List<String> part : parts) {
      command.addAll(part);
    }
    return List.copyOf(command);
  }

  private final class ProcessBox implements Box {
    private final String instance;
    private final Path staging;
    private final List<String> runTrue;

    ProcessBox(String instance, Path staging) {
      this.instance = instance;
      this.staging = staging;
      this.runTrue = inside("sh", "-c", "true");
    }

    private List<String> inside(String... line) {
      return command(List.of("exec"), flags, List.of("instance://" + instance), List.of(line));
    }

    @Override
    public void runTrue() throws InterruptedException {
      HostProcessCall.run(runTrue, env);
    }

    @Override
    public void run(String line) throws InterruptedException {
      HostProcessCall.run(inside("sh", "-c", line), env);
    }

    @Override
    public void upload(Path local, String remote) throws InterruptedException {
      Path staged = staging.resolve(local.getFileName());
      copy(local, staged);
      HostProcessCall.run(inside("cp", STAGING + "/" + staged.getFileName(), remote), env);
    }

    @Override
    public void download(String remote, Path local) throws InterruptedException {
      Path staged = staging.resolve(local.getFileName());
      HostProcessCall.run(inside("cp", remote, STAGING + "/" + staged.getFileName()), env);
      copy(staged, local);
    }

    @Override
    public void stop() throws InterruptedException {
      HostProcessCall.run(command(List.of("instance", "stop"), List.of(), List.of(instance)), env);
    }

    private static void copy(Path from, Path to) {
      try {
        Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
