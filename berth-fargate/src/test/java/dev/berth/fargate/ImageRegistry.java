package dev.berth.fargate;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A real registry on loopback, which stands for ECR and, below {@code hub/}, for Docker Hub. It
 * lets in who has moto's ECR token, or the hub's password. Closing it ends it.
 */
final class ImageRegistry implements AutoCloseable {
  static final String HUB_USER = "hubber";
  static final String HUB_PASSWORD = "hub-Pa55";

  /** What {@code htpasswd -nbB} makes of moto's token, and of the two above. */
  private static final String HTPASSWD =
      "AWS:$2b$04$abcdefghijklmnopqrstuu/cMn6kFoLFEf9ShbIPSVtJoiKQtizZG\n"
          + HUB_USER
          + ":$2b$04$abcdefghijklmnopqrstuuHOFYUWQ9p0MkFUvwHTQX7TEgrEjcx96\n";

  private static final String TOKEN = "AWS:123456789012-auth-token";
  private static final Pattern LISTENING = Pattern.compile("listening on 127\\.0\\.0\\.1:(\\d+)");

  private final HttpClient http = HttpClient.newHttpClient();
  private final Process process;
  private final String address;

  ImageRegistry(Path folder) throws IOException {
    Files.createDirectories(folder);
    Path config = folder.resolve("config.yml");
    Path passwords = folder.resolve("htpasswd");
    Path log = folder.resolve("log");
    Files.writeString(passwords, HTPASSWD);
    Files.writeString(
        config,
        "version: 0.1\nstorage: {filesystem: {rootdirectory: "
            + folder.resolve("blobs")
            + "}}\nhttp: {addr: '127.0.0.1:0'}\nauth: {htpasswd: {realm: rig, path: "
            + passwords
            + "}}\n");
    process = Tool.server(log, program(), "serve", config.toString()).start();
    try {
      await("registry")
          .atMost(Duration.ofSeconds(60))
          .until(() -> !process.isAlive() || LISTENING.matcher(Files.readString(log)).find());
      Matcher found = LISTENING.matcher(Files.readString(log));
      if (!found.find()) {
        throw new IllegalStateException("the registry did not start: " + Files.readString(log));
      }
      address = "127.0.0.1:" + found.group(1);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private static String program() {
    String set = System.getenv("BERTH_REGISTRY");
    if (set != null && !set.isEmpty()) {
      return set;
    }
    Path unpacked = Path.of("/opt/berth/registry/usr/bin/docker-registry");
    return Files.exists(unpacked) ? unpacked.toString() : "docker-registry";
  }

  /** Host and port. */
  String address() {
    return address;
  }

  /** The digest of an image; null if there is none. */
  String digest(String name, String tag) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(
                URI.create("http://" + address + "/v2/" + name + "/manifests/" + tag))
            .header(
                "Authorization",
                "Basic "
                    + Base64.getEncoder().encodeToString(TOKEN.getBytes(StandardCharsets.UTF_8)))
            .header("Accept", "application/vnd.oci.image.manifest.v1+json")
            .header("Accept", "application/vnd.docker.distribution.manifest.v2+json")
            .method("HEAD", HttpRequest.BodyPublishers.noBody())
            .timeout(Duration.ofSeconds(20))
            .build();
    HttpResponse<Void> answer = http.send(request, HttpResponse.BodyHandlers.discarding());
    return switch (answer.statusCode()) {
      case 200 -> answer.headers().firstValue("Docker-Content-Digest").orElse("");
      case 404 -> null;
      default -> throw new IllegalStateException("the registry answered " + answer.statusCode());
    };
  }

  @Override
  public void close() {
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
