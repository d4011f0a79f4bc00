package dev.berth.fargate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Podman with a store of its own, which outlives the tests so that images need not be imported
 * again.
 */
final class Podman {
  private final Path home;
  private final Map<String, String> env;
  private final java.util.Set<String> images = java.util.concurrent.ConcurrentHashMap.newKeySet();

  private volatile java.util.function.Predicate<String> puller = image -> false;

  Podman(Path home) throws IOException {
    this.home = Files.createDirectories(home);
    Path config = home.resolve("containers.conf");
    // Neither systemd's cgroups nor higher limits than our own are to be had everywhere.
    Files.writeString(
        config,
        """
        [engine]
        runtime = "runc"
        cgroup_manager = "cgroupfs"
        events_logger = "none"
        [containers]
        default_ulimits = ["nofile=4096:4096", "nproc=8192:8192"]
        """);
    env = Map.of("CONTAINERS_CONF", config.toString());
  }

  String run(String... arguments) {
    return Tool.run(env, line(arguments));
  }

  String run(Map<String, String> more, List<String> arguments) {
    Map<String, String> all = new java.util.HashMap<>(env);
    all.putAll(more);
    return Tool.run(all, line(arguments.toArray(String[]::new)));
  }

  Tool.Result result(String... arguments) {
    return Tool.result(env, line(arguments));
  }

  boolean has(String image) {
    return images.contains(image)
        || result("image", "exists", image).code() == 0 && images.add(image);
  }

  /** Who gets images that are in no store yet; says whether it is there now. */
  void pullBy(java.util.function.Predicate<String> registry) {
    puller = registry;
  }

  /** Whether it is there, or could be fetched. */
  boolean hasOrPulls(String image) {
    return has(image) || puller.test(image);
  }

  Map<String, String> env() {
    return env;
  }

  /** The words before a command of podman's own. */
  List<String> words() {
    return line();
  }

  /** Makes an image of a folder, once for each version of it. */
  synchronized void load(String image, Path folder) {
    if (!has(image)) {
      String shell =
          "tar -C \"$1\" -c --exclude=./proc/* --exclude=./sys/* . | "
              + String.join(" ", line("import", "-", image));
      Tool.run(env, List.of("sh", "-c", shell, "sh", folder.toString()));
    }
  }

  /** What another rig's death has left: the label says whose it was. */
  void sweep() {
    for (String line :
        run("ps", "-a", "--format", "{{.ID}} {{.Labels.berthrig}}").lines().toList()) {
      String[] words = line.split(" ");
      if (words.length == 2
          && words[1].matches("\\d+")
          && ProcessHandle.of(Long.parseLong(words[1])).isEmpty()) {
        result("rm", "-f", "-t", "0", "-v", words[0]);
      }
    }
    run("volume", "ls", "--format", "{{.Name}}")
        .lines()
        .filter(name -> gone(name, "bf-"))
        .forEach(name -> result("volume", "rm", "-f", name));
    Tool.run("ip", "netns", "list")
        .lines()
        .map(line -> line.split(" ")[0])
        .filter(name -> gone(name, "bf-"))
        .forEach(name -> Tool.result(Map.of(), List.of("ip", "netns", "del", name)));
  }

  private static boolean gone(String name, String prefix) {
    String[] parts = name.split("-");
    return name.startsWith(prefix)
        && parts.length > 2
        && parts[1].matches("\\d+")
        && ProcessHandle.of(Long.parseLong(parts[1])).isEmpty();
  }

  private List<String> line(String... arguments) {
    List<String> line =
        new ArrayList<>(
            List.of(
                "podman",
                "--root",
                home.resolve("store").toString(),
                "--runroot",
                home.resolve("run").toString(),
                "--storage-driver",
                "overlay",
                "--cgroup-manager",
                "cgroupfs"));
    line.addAll(List.of(arguments));
    return line;
  }
}
