package dev.berth.apptainer;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A real OCI registry ({@code docker-registry}) on loopback, filled with small images that have a
 * shell, {@code cat} and {@code sleep}, by its own HTTP interface. Closing it ends it.
 */
final class RegistryRig implements AutoCloseable {
  static final String USER = "tester";
  static final String PASSWORD = "s3cret-Pa55-w0rd";

  /** How much {@link #pushWide} adds. */
  static final int WIDE = 32 << 20;

  /** What {@code htpasswd -nbB} makes of the two. */
  private static final String HTPASSWD =
      USER + ":$2b$04$/pV5lSyBXPas2HLEKFdsK.GB52WMlDNJmJkysXZgFVD/OTA9QEkvG\n";

  private static final Pattern LISTENING = Pattern.compile("listening on 127\\.0\\.0\\.1:(\\d+)");
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final Path folder;
  private final Path log;
  private final boolean closed;
  private final Process process;
  private final HttpClient http = HttpClient.newHttpClient();
  private final int port;

  private RegistryRig(Path folder, boolean closed) throws IOException {
    this.folder = folder;
    this.closed = closed;
    this.log = folder.resolve("log");
    Path config = folder.resolve("config.yml");
    Files.writeString(
        config,
        "version: 0.1\nlog: {accesslog: {disabled: false}}\nstorage: {filesystem: {rootdirectory: "
            + folder.resolve("blobs")
            + "}}\nhttp: {addr: '127.0.0.1:0'}\n");
    if (closed) {
      Files.writeString(folder.resolve("htpasswd"), HTPASSWD);
      Files.writeString(
          config,
          Files.readString(config)
              + "auth: {htpasswd: {realm: test, path: "
              + folder.resolve("htpasswd")
              + "}}\n");
    }
    process =
        new ProcessBuilder(program(), "serve", config.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    await().atMost(PATIENCE).until(() -> !process.isAlive() || LISTENING.matcher(log()).find());
    Matcher matcher = LISTENING.matcher(log());
    if (!matcher.find()) {
      throw new IllegalStateException("the registry did not start: " + log());
    }
    port = Integer.parseInt(matcher.group(1));
  }

  /** One that lets everybody in. */
  static RegistryRig open(Path folder) throws IOException {
    return new RegistryRig(Files.createDirectories(folder), false);
  }

  /** One that wants {@link #USER} and {@link #PASSWORD}. */
  static RegistryRig withPassword(Path folder) throws IOException {
    return new RegistryRig(Files.createDirectories(folder), true);
  }

  private static String program() {
    String set = System.getenv("BERTH_REGISTRY");
    if (set != null) {
      return set;
    }
    Stream<String> path = Arrays.stream(System.getenv("PATH").split(":"));
    return path.map(place -> Path.of(place, "docker-registry"))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(() ->
            new IllegalStateException(
                "these tests need docker-registry; run ./berth test, or export BERTH_REGISTRY=$(sh"
                    + " setup/registry.sh)"))
        .toString();
  }

  /** {@code 127.0.0.1:PORT}. */
  String host() {
    return "127.0.0.1:" + port;
  }

  /** The URI of an image in it. */
  String uri(String name) {
    return "docker://" + host() + "/" + name;
  }

  String log() throws IOException {
    return Files.readString(log);
  }

  /** How many manifests were asked for by this tag. */
  long pulls(String name) throws IOException {
    String wanted = "\"GET /v2/" + name.replace(":", "/manifests/") + " ";
    return log().lines().filter(line -> line.contains(wanted) && line.contains("\" 200 ")).count();
  }

  /** Answers nobody until {@link #goOn}. */
  void hold() throws Exception {
    signal("-STOP");
  }

  void goOn() throws Exception {
    signal("-CONT");
  }

  private void signal(String signal) throws Exception {
    new ProcessBuilder("kill", signal, Long.toString(process.pid())).start().waitFor();
  }

  /** Pushes {@code name:tag}: a base layer, and one that holds {@code /version} with this text. */
  void push(String name, String version) throws Exception {
    push(name, GoNames.host(), List.of(baseLayer(), version(version, null)));
  }

  /** Pushes the same with {@link #WIDE} bytes more in a layer that all of these have in common. */
  void pushWide(String name, String version) throws Exception {
    Path layer = folder.resolve("wide.tgz");
    if (!Files.exists(layer)) {
      byte[] noise = new byte[WIDE];
      new java.util.Random(1).nextBytes(noise);
      Path content = Files.createDirectories(folder.resolve("wide"));
      Files.write(content.resolve("noise"), noise);
      layer(layer, content, ".");
    }
    push(name, GoNames.host(), List.of(baseLayer(), layer, version(version, null)));
  }

  /** How many bytes of this image's layers were sent. */
  long sent(String name) throws IOException {
    Matcher lines =
        Pattern.compile("\"GET /v2/" + name + "/blobs/\\S+ HTTP/1.1\" \\d+ (\\d+)").matcher(log());
    return lines.results().mapToLong(line -> Long.parseLong(line.group(1))).sum();
  }

  /**
   * Pushes an image that says of itself that it is for this processor, and holds one program that
   * is.
   */
  void pushForeign(String name, String architecture, byte[] program) throws Exception {
    push(name, architecture, List.of(version("foreign", program)));
  }

  /** Pushes an image of the whole test image, which takes a while to unpack. */
  void pushLarge(String name) throws Exception {
    push(
        name, GoNames.host(), List.of(layer(folder.resolve("large.tgz"), TestImage.folder(), ".")));
  }

  private void push(String reference, String architecture, List<Path> layers) throws Exception {
    String name = reference.substring(0, reference.indexOf(':'));
    List<String> descriptors = new ArrayList<>();
    List<String> ids = new ArrayList<>();
    for (Path layer : layers) {
      byte[] bytes = Files.readAllBytes(layer);
      descriptors.add(
          descriptor(
              "application/vnd.oci.image.layer.v1.tar+gzip", upload(name, bytes), bytes.length));
      try (var in = new java.util.zip.GZIPInputStream(new java.io.ByteArrayInputStream(bytes))) {
        ids.add('"' + digest(in.readAllBytes()) + '"');
      }
    }
    byte[] config =
        ("{\"architecture\":\""
                + architecture
                + "\",\"os\":\"linux\",\"config\":{\"Env\":[\"PATH=/usr/bin:/bin\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":["
                + String.join(",", ids)
                + "]}}")
            .getBytes(java.nio.charset.StandardCharsets.UTF_8);
    String manifest =
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":"
            + descriptor(
                "application/vnd.oci.image.config.v1+json", upload(name, config), config.length)
            + ",\"layers\":["
            + String.join(",", descriptors)
            + "]}";
    URI place = URI.create("http://" + host() + "/v2/" + reference.replace(":", "/manifests/"));
    send(
        HttpRequest.newBuilder(place)
            .header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
            .PUT(HttpRequest.BodyPublishers.ofString(manifest)));
  }

  private String upload(String name, byte[] blob) throws Exception {
    String digest = digest(blob);
    HttpResponse<String> begun =
        send(
            HttpRequest.newBuilder(
                    URI.create("http://" + host() + "/v2/" + name + "/blobs/uploads/"))
                .POST(HttpRequest.BodyPublishers.noBody()));
    URI place =
        URI.create("http://" + host())
            .resolve(begun.headers().firstValue("Location").orElseThrow());
    URI whole = URI.create(place + (place.getQuery() == null ? "?" : "&") + "digest=" + digest);
    send(
        HttpRequest.newBuilder(whole)
            .header("Content-Type", "application/octet-stream")
            .PUT(HttpRequest.BodyPublishers.ofByteArray(blob)));
    return digest;
  }

  private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    if (closed) {
      request.header(
          "Authorization",
          "Basic "
              + Base64.getEncoder()
                  .encodeToString(
                      (USER + ":" + PASSWORD).getBytes(java.nio.charset.StandardCharsets.UTF_8)));
    }
    HttpResponse<String> response =
        http.send(request.timeout(PATIENCE).build(), HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() / 100 != 2) {
      throw new IllegalStateException("the registry answered " + response + " " + response.body());
    }
    return response;
  }

  private static String descriptor(String type, String digest, int size) {
    return "{\"mediaType\":\"" + type + "\",\"digest\":\"" + digest + "\",\"size\":" + size + "}";
  }

  private static String digest(byte[] bytes) throws Exception {
    return "sha256:" + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  private Path version(String text, byte @Nullable [] program) throws Exception {
    Path content = Files.createTempDirectory(folder, "layer");
    Files.writeString(content.resolve("version"), text);
    if (program != null) {
      Files.createDirectories(content.resolve("usr/bin"));
      Files.write(content.resolve("usr/bin/program"), program);
    }
    return layer(folder.resolve(content.getFileName() + ".tgz"), content, ".");
  }

  /** A shell and two programs, with the libraries that they need, of the test image. */
  Path baseLayer() throws Exception {
    Path layer = folder.resolve("base.tgz");
    return Files.exists(layer) ? layer : layer(layer, TestImage.folder(), smallParts());
  }

  /** The paths of the small image's parts in the test image. */
  private static String[] smallParts() throws IOException {
    Path image = TestImage.folder();
    List<String> parts =
        new ArrayList<>(
            List.of(
                "bin",
                "sbin",
                "lib",
                "lib64",
                "usr/bin/sh",
                "usr/bin/dash",
                "usr/bin/cat",
                "usr/bin/sleep",
                "tmp"));
    try (Stream<Path> files =
        Files.find(
            image.resolve("usr"),
            4,
            (file, attributes) ->
                file.getFileName().toString().matches("libc\\.so\\.6|ld-linux.*\\.so\\.[0-9]+"),
            new FileVisitOption[0])) {
      files.map(file -> image.relativize(file).toString()).forEach(parts::add);
    }
    return parts.stream()
        .filter(part -> Files.exists(image.resolve(part), java.nio.file.LinkOption.NOFOLLOW_LINKS))
        .toArray(String[]::new);
  }

  private static Path layer(Path file, Path content, String... parts) throws Exception {
    List<String> tar =
        new ArrayList<>(
            List.of(
                "tar",
                "-C",
                content.toString(),
                "--owner=0",
                "--group=0",
                "-czf",
                file.toString()));
    tar.addAll(List.of(parts));
    Process process = new ProcessBuilder(tar).redirectErrorStream(true).start();
    String said =
        new String(
            process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IllegalStateException("tar: " + said);
    }
    return file;
  }

  @Override
  public void close() throws Exception {
    goOn();
    process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
  }

  /** What container images call processors. */
  private static final class GoNames {
    private static final Map<String, String> NAMES =
        Map.of("amd64", "amd64", "x86_64", "amd64", "aarch64", "arm64");

    static String host() {
      return NAMES.getOrDefault(System.getProperty("os.arch"), System.getProperty("os.arch"));
    }
  }
}
