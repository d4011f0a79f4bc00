package dev.berth.apptainer;

import dev.berth.SandboxException;
import dev.berth.core.image.PullPolicy;
import dev.berth.core.state.CacheHome;
import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;

/** Another JVM that pulls one image in several threads and prints what came of it, a line each. */
final class ImageChild {
  private ImageChild() {}

  /** Starts it: cache folder, image, threads, and the registry credentials' file or "-". */
  static Process start(Path cache, String image, int threads, Map<String, String> env)
      throws Exception {
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx256m",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            ImageChild.class.getName(),
            cache.toString(),
            image,
            Integer.toString(threads));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().putAll(env);
    return builder.start();
  }

  public static void main(String[] arguments) throws Exception {
    CacheHome cache = new CacheHome(new File(arguments[0]).toPath());
    ApptainerConfig.Images config =
        new ApptainerConfig.Images(
            PullPolicy.MISSING, ApptainerConfig.Format.FOLDER, Map.of(), null, true);
    ApptainerImages images =
        new ApptainerImages(config, ApptainerBinary.find(null), cache, new Semaphore(32));
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Callable<String> pull =
          () -> {
            try {
              return "made " + images.pull(arguments[1], PullPolicy.MISSING, line -> {});
            } catch (SandboxException e) {
              return "failed " + String.valueOf(e.getMessage()).replace('\n', ' ');
            }
          };
      List<Future<String>> results = new ArrayList<>();
      for (int i = 0; i < Integer.parseInt(arguments[2]); i++) {
        results.add(threads.submit(pull));
      }
      for (Future<String> result : results) {
        System.out.println(result.get());
      }
    }
  }
}
