package dev.berth.fargate;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * S3 by S3Proxy, which checks signatures, over a folder. The bucket is there. Closing it ends it.
 */
final class ImageBucket implements AutoCloseable {
  static final String NAME = "berth-staging";

  private final Process process;
  private final Path root;
  private final String uri;

  ImageBucket(Path parts, Path folder) throws IOException {
    root = Files.createDirectories(folder.resolve("objects"));
    Files.createDirectories(root.resolve(NAME));
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    uri = "http://127.0.0.1:" + port;
    Path config = folder.resolve("s3proxy.conf");
    Path log = folder.resolve("s3proxy.log");
    Files.writeString(
        config,
        "s3proxy.endpoint="
            + uri
            + "\ns3proxy.authorization=aws-v4\ns3proxy.identity=rig\ns3proxy.credential=rig\n"
            + "jclouds.provider=filesystem-nio2\njclouds.filesystem.basedir="
            + root
            + "\n");
    process =
        Tool.server(
                log,
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-jar",
                parts.resolve("s3proxy.jar").toString(),
                "--properties",
                config.toString())
            .start();
    System.setProperty("aws.endpointUrlS3", uri);
    try (Aws aws = new Aws(FargateRig.REGION)) {
      await("s3proxy")
          .atMost(Duration.ofSeconds(90))
          .ignoreExceptions()
          .until(() -> !aws.s3().listBuckets().buckets().isEmpty());
    } catch (RuntimeException e) {
      close();
      throw new IllegalStateException("S3Proxy did not start: " + Files.readString(log), e);
    }
  }

  String uri() {
    return uri;
  }

  /** The names of what is in the bucket. */
  List<String> keys() throws IOException {
    Path bucket = root.resolve(NAME);
    try (Stream<Path> all = Files.walk(bucket)) {
      return all.filter(Files::isRegularFile)
          .map(path -> bucket.relativize(path).toString())
          .sorted()
          .toList();
    }
  }

  void clear() throws IOException {
    for (String key : keys()) {
      Files.delete(root.resolve(NAME).resolve(key));
    }
  }

  void put(String key) {
    try (Aws aws = new Aws(FargateRig.REGION)) {
      aws.s3()
          .putObject(
              ask -> ask.bucket(NAME).key(key),
              software.amazon.awssdk.core.sync.RequestBody.fromString("x"));
    }
  }

  /** As if it had been put there so long ago. */
  void age(String key, Duration age) throws IOException {
    Files.setLastModifiedTime(
        root.resolve(NAME).resolve(key), FileTime.from(Instant.now().minus(age)));
  }

  @Override
  public void close() {
    System.clearProperty("aws.endpointUrlS3");
    process.destroy();
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
