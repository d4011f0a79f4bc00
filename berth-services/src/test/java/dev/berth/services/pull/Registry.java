package dev.berth.services.pull;

import static org.awaitility.Awaitility.await;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * A real OCI registry ({@code docker-registry}) on loopback, to which one small image can be
 * pushed: a shell, {@code cat} and {@code sleep}, so that a server in it needs a folder bound at
 * its {@code /usr}. Closing it ends it.
 */
final class Registry implements AutoCloseable {
  private static final Pattern LISTENING = Pattern.compile("listening on 127\\.0\\.0\\.1:(\\d+)");
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final String OCI = "application/vnd.oci.image.";

  private final Path folder;
  private final Process process;
  private final HttpClient http = HttpClient.newHttpClient();
  private final String host;

  Registry(Path folder) throws IOException {
    this.folder = folder;
    Path config =
        Files.writeString(
            folder.resolve("config.yml"),
            "version: 0.1\nlog: {accesslog: {disabled: false}}\nstorage: {filesystem: {rootdirectory: "
                + folder.resolve("blobs")
                + "}}\nhttp: {addr: '127.0.0.1:0'}\n");
    String program = System.getenv("BERTH_REGISTRY");
    if (program == null) {
      throw new IllegalStateException("export BERTH_REGISTRY=$(sh setup/registry.sh)");
    }
    process =
        new ProcessBuilder(program, "serve", config.toString())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("log").toFile())
            .start();
    await().atMost(PATIENCE).until(() -> !process.isAlive() || LISTENING.matcher(log()).find());
    Matcher listening = LISTENING.matcher(log());
    if (!listening.find()) {
      throw new IllegalStateException("the registry did not start: " + log());
    }
    host = "127.0.0.1:" + listening.group(1);
  }

  String host() {
    return host;
  }

  private String log() throws IOException {
    return Files.readString(folder.resolve("log"));
  }

  /** How often the manifest of this image was given out. */
  long pulls(String name) throws IOException {
    String wanted = "\"GET /v2/" + name.replace(":", "/manifests/") + " ";
    return log().lines().filter(line -> line.contains(wanted) && line.contains("\" 200 ")).count();
  }

  /** Pushes {@code name:tag}, made of parts of this image, with these words as its entrypoint. */
  void push(String reference, Path image, List<String> entrypoint, List<String> env)
      throws Exception {
    String name = reference.substring(0, reference.indexOf(':'));
    byte[] layer = layer(image);
    String diff;
    try (var in = new GZIPInputStream(new ByteArrayInputStream(layer))) {
      diff = digest(in.readAllBytes());
    }
    String arch = System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64";
    byte[] config =
        ("{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{\"Env\":%s,\"Entrypoint\":%s},"
                + "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}")
            .formatted(arch, list(env), list(entrypoint), diff)
            .getBytes(StandardCharsets.UTF_8);
    String manifest =
        "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":%s,\"layers\":[%s]}"
            .formatted(
                OCI + "manifest.v1+json",
                descriptor("config.v1+json", upload(name, config), config.length),
                descriptor("layer.v1.tar+gzip", upload(name, layer), layer.length));
    send(
        HttpRequest.newBuilder(place("/v2/" + reference.replace(":", "/manifests/")))
            .header("Content-Type", OCI + "manifest.v1+json")
            .PUT(HttpRequest.BodyPublishers.ofString(manifest)));
  }

  private static String list(List<String> words) {
    return words.stream()
        .map(word -> '"' + word + '"')
        .collect(java.util.stream.Collectors.joining(",", "[", "]"));
  }

  private byte[] layer(Path image) throws Exception {
    List<String> words =
        new ArrayList<>(
            List.of(
                "tar",
                "-C",
                image.toString(),
                "--owner=0",
                "--group=0",
                "-cz",
                "bin",
                "sbin",
                "lib",
                "lib64",
                "usr/bin/sh",
                "usr/bin/dash",
                "usr/bin/cat",
                "usr/bin/sleep"));
    try (Stream<Path> files =
        Files.find(
            image.resolve("usr"),
            4,
            (file, attributes) ->
                file.getFileName().toString().matches("libc\\.so\\.6|ld-linux.*\\.so\\.[0-9]+"))) {
      files.map(file -> image.relativize(file).toString()).forEach(words::add);
    }
    words.removeIf(word ->
        word.matches("lib64|sbin")
            && !Files.exists(image.resolve(word), java.nio.file.LinkOption.NOFOLLOW_LINKS));
    Process tar = new ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    byte[] bytes = tar.getInputStream().readAllBytes();
    if (tar.waitFor() != 0) {
      throw new IllegalStateException("tar failed, see above");
    }
    return bytes;
  }

  private URI place(String path) {
    return URI.create("http://" + host + path);
  }

  private String upload(String name, byte[] blob) throws Exception {
    HttpResponse<String> begun =
        send(
            HttpRequest.newBuilder(place("/v2/" + name + "/blobs/uploads/"))
                .POST(HttpRequest.BodyPublishers.noBody()));
    URI to = place("/").resolve(begun.headers().firstValue("Location").orElseThrow());
    String digest = digest(blob);
    send(
        HttpRequest.newBuilder(URI.create(to + "&digest=" + digest))
            .PUT(HttpRequest.BodyPublishers.ofByteArray(blob)));
    return digest;
  }

  private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    HttpResponse<String> response =
        http.send(request.timeout(PATIENCE).build(), HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() / 100 != 2) {
      throw new IllegalStateException("the registry answered " + response + " " + response.body());
    }
    return response;
  }

  private static String descriptor(String type, String digest, int size) {
    return "{\"mediaType\":\"%s%s\",\"digest\":\"%s\",\"size\":%d}"
        .formatted(OCI, type, digest, size);
  }

  private static String digest(byte[] bytes) throws Exception {
    return "sha256:" + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  @Override
  public void close() throws Exception {
    http.close();
    process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
  }
}
