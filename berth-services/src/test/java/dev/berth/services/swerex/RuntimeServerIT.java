package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Command;
import dev.berth.ExecResult;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A sandbox without Python under the swe-rex protocol, for the real Python client and others. */
@Timeout(120)
class RuntimeServerIT {
  private static final String KEY = RuntimeServer.newKey();

  private static Berth berth;
  private static Sandbox sandbox;
  private NativeRuntime runtime;
  private RuntimeServer server;
  private final HttpClient http = HttpClient.newHttpClient();

  @BeforeAll
  static void makeSandbox() throws Exception {
    berth = Berth.builder().provider("apptainer").build();
    sandbox = berth.create(SandboxSpec.of(SwerexImage.bare()));
  }

  @AfterAll
  static void endSandbox() {
    berth.close();
  }

  @BeforeEach
  void start() {
    runtime = new NativeRuntime(sandbox);
    server = RuntimeServer.start(runtime, "127.0.0.1", 0, KEY);
  }

  @AfterEach
  void stop() {
    server.close();
    runtime.close();
    http.close();
  }

  @Test
  void thePythonClientAsSweAgentUsesIt() throws Exception {
    String script;
    try (InputStream in = RuntimeServerIT.class.getResourceAsStream("client.py")) {
      script = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    try (Sandbox client = berth.create(SandboxSpec.of(SwerexImage.path()))) {
      ExecResult result =
          client.exec(
              Command.of("python3", "-c", script)
                  .withEnv("URL", server.url().toString())
                  .withStdin(KEY + "\n")
                  .withTimeout(Duration.ofSeconds(100)));
      assertThat(result.stdout() + result.stderr()).contains("all well");
      assertThat(result.returnCode()).isZero();
    }
  }

  private HttpResponse<String> post(String path, String id, byte[] body, String... headers)
      throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(server.url().resolve(path))
            .header("X-API-Key", KEY)
            .POST(HttpRequest.BodyPublishers.ofByteArray(body));
    if (!id.isEmpty()) {
      request.header("X-Request-ID", id);
    }
    if (headers.length > 0) {
      request.headers(headers);
    }
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private HttpResponse<String> post(String path, String body) throws Exception {
    return post(path, "", body.getBytes(StandardCharsets.UTF_8));
  }

  private static String execute(String line) {
    return "{\"command\": \"" + line + "\", \"shell\": true}";
  }

  @Test
  void theKeyIsNeeded() throws Exception {
    for (String key : List.of("", "wrong", KEY + "x", KEY.substring(1))) {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(server.url().resolve("/execute"))
              .POST(HttpRequest.BodyPublishers.ofString(execute("touch /tmp/unwanted")));
      if (!key.isEmpty()) {
        request.header("X-API-Key", key);
      }
      assertThat(http.send(request.build(), HttpResponse.BodyHandlers.ofString()).statusCode())
          .isEqualTo(401);
    }
    assertThat(sandbox.exec("ls /tmp/unwanted").ok()).isFalse();
  }

  /** More than there may be calls: all of them are strangers, and each keeps its body back. */
  @Test
  void strangersKeepNobodyOut() throws Exception {
    List<Socket> strangers = new ArrayList<>();
    try {
      for (int i = 0; i < 300; i++) {
        Socket socket = new Socket(server.url().getHost(), server.url().getPort());
        strangers.add(socket);
        socket
            .getOutputStream()
            .write(
                "POST /execute HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
                    .getBytes(StandardCharsets.US_ASCII));
      }
      assertThat(post("/execute", execute("echo in")).body()).contains("in");
      Socket last = strangers.get(299);
      last.setSoTimeout(60_000);
      assertThat(last.getInputStream().readAllBytes()).as("cut off").isEmpty();
    } finally {
      for (Socket socket : strangers) {
        socket.close();
      }
    }
  }

  /** More than there may be, and none of them ever sends the whole head of a request. */
  @Test
  void halfSentHeadsAreCutOff() throws Exception {
    List<Socket> halves = new ArrayList<>();
    try {
      for (int i = 0; i < 400; i++) {
        Socket socket = new Socket(server.url().getHost(), server.url().getPort());
        halves.add(socket);
        socket.getOutputStream().write("POST /execute HTTP/1.1\r\nHost:".getBytes());
      }
      assertThat(post("/execute", execute("echo in")).body()).contains("in");
      for (Socket socket : halves) {
        socket.setSoTimeout(60_000);
        assertThat(socket.getInputStream().read()).as("cut off").isEqualTo(-1);
      }
      assertThat(post("/execute", execute("echo still")).body()).contains("still");
    } finally {
      for (Socket socket : halves) {
        socket.close();
      }
    }
  }

  /** They send requests without end, but no key, and read none of the answers. */
  @Test
  void callersWhoNeverReadAreCutOff() throws Exception {
    byte[] requests =
        "GET /is_alive HTTP/1.1\r\nHost: x\r\n\r\n".repeat(400).getBytes(StandardCharsets.US_ASCII);
    List<FutureTask<Boolean>> all = new ArrayList<>();
    List<Socket> sockets = new ArrayList<>();
    try {
      for (int i = 0; i < 2; i++) {
        Socket socket = new Socket();
        sockets.add(socket);
        socket.setReceiveBufferSize(4096);
        socket.connect(new InetSocketAddress(server.url().getHost(), server.url().getPort()));
        all.add(
            new FutureTask<>(() -> {
              try {
                while (true) {
                  socket.getOutputStream().write(requests);
                }
              } catch (SocketException e) {
                return true;
              }
            }));
        Thread.ofVirtual().start(all.get(i));
      }
      for (FutureTask<Boolean> each : all) {
        assertThat(each.get(90, TimeUnit.SECONDS)).as("cut off").isTrue();
      }
      assertThat(post("/execute", execute("echo in")).body()).contains("in");
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }

  @Test
  void largeCallsTakeTurnsAndAreWholeAndLeaveNoFile() throws Exception {
    String content = "0123456789abcdef".repeat(900_000);
    List<FutureTask<Integer>> all = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      String body = "{\"path\": \"/tmp/large" + i + "\", \"content\": \"" + content + "\"}";
      all.add(new FutureTask<>(() -> post("/write_file", body).statusCode()));
      Thread.ofVirtual().start(all.get(i));
    }
    for (FutureTask<Integer> each : all) {
      assertThat(each.get(60, TimeUnit.SECONDS)).isEqualTo(200);
    }
    assertThat(sandbox.exec("cat /tmp/large? | wc -c; rm /tmp/large?").stdout())
        .isEqualTo(8L * content.length() + "\n");
    assertThat(
            post("/write_file", "{\"path\": \"/tmp/f\", \"content\": \"" + "x".repeat(17 << 20))
                .statusCode())
        .isEqualTo(413);
    try (var files = Files.newDirectoryStream(Path.of("/tmp"), "berth-call-*")) {
      assertThat(files).isEmpty();
    }
  }

  @Test
  void aRepeatedCallIsNotMadeAgain() throws Exception {
    byte[] call = execute("sleep 0.5; echo x >>/tmp/once; wc -l </tmp/once").getBytes();
    List<FutureTask<String>> all = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      all.add(new FutureTask<>(() -> post("/execute", "one", call).body()));
      Thread.ofVirtual().start(all.get(i));
    }
    for (FutureTask<String> each : all) {
      assertThat(each.get(20, TimeUnit.SECONDS)).contains("\"stdout\":\"1\\n\"");
    }
    assertThat(post("/execute", "one", call).body()).contains("\"stdout\":\"1\\n\"");
    assertThat(post("/execute", "two", call).body()).contains("\"stdout\":\"2\\n\"");
    byte[] failing = "{\"session\": \"none\"}".getBytes();
    assertThat(post("/close_session", "three", failing).statusCode()).isEqualTo(511);
    post("/create_session", "{\"session\": \"none\", \"startup_timeout\": 20}");
    assertThat(post("/close_session", "three", failing).statusCode()).isEqualTo(511);
    assertThat(post("/close_session", "four", failing).statusCode()).isEqualTo(200);
  }

  @Test
  void wrongRequests() throws Exception {
    for (String wrong :
        List.of(
            "",
            "[]",
            "null",
            "{",
            "{\"command\": 1}",
            "{\"command\": [1]}",
            "{}",
            "{\"command\": \"x\", \"timeout\": \"1\"}",
            "{\"command\": \"x\", \"timeout\": -1}",
            "{\"command\": \"x\", \"timeout\": 1e300}",
            "{\"command\": \"x\", \"env\": []}",
            "{\"command\": \"x\", \"env\": {\"A\": 1}}",
            "{\"command\": \"x\", \"shell\": 1}",
            "{\"command\": [], \"shell\": true}",
            "{\"command\": \"x\", \"env\": {\"A=\": \"1\"}}",
            "{\"command\": \"x\", \"cwd\": \"relative\"}",
            "{\"a\":".repeat(1000) + "1" + "}".repeat(1000))) {
      assertThat(post("/execute", wrong).statusCode()).as(wrong).isIn(413, 422, 511);
    }
    assertThat(
            post("/run_in_session", "{\"action_type\": \"other\", \"command\": \"x\"}")
                .statusCode())
        .isEqualTo(422);
    assertThat(post("/create_session", "{\"session_type\": \"zsh\"}").statusCode()).isEqualTo(422);
    assertThat(post("/nothing", "{}").statusCode()).isEqualTo(404);
    assertThat(post("/is_alive", "{}").statusCode()).isEqualTo(405);
    assertThat(post("/execute", "x".repeat(300), execute("true").getBytes()).statusCode())
        .isEqualTo(400);
    assertThat(post("/write_file", "", new byte[70 << 20]).statusCode()).isEqualTo(413);
    assertThat(post("/execute", execute("echo fine")).body()).contains("fine");
  }

  private HttpResponse<String> upload(byte[] content, String target, String unzip)
      throws Exception {
    ByteArrayOutputStream form = new ByteArrayOutputStream();
    form.writeBytes(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n".getBytes());
    form.writeBytes(content);
    form.writeBytes(
        ("\r\n--b\r\nContent-Disposition: form-data; name=\"target_path\"\r\n\r\n"
                + target
                + "\r\n--b\r\nContent-Disposition: form-data; name=\"unzip\"\r\n\r\n"
                + unzip
                + "\r\n--b--\r\n")
            .getBytes());
    return post(
        "/upload", "", form.toByteArray(), "Content-Type", "multipart/form-data; boundary=b");
  }

  private static byte[] zip(String... names) throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (String name : names) {
        zip.putNextEntry(new ZipEntry(name));
        zip.write('x');
        zip.closeEntry();
      }
    }
    return bytes.toByteArray();
  }

  @Test
  void hostileUploads() throws Exception {
    assertThat(upload(zip("a/b", "c"), "/tmp/z/ok", "true").statusCode()).isEqualTo(200);
    assertThat(runtime.readFile(ReadFile.of("/tmp/z/ok/a/b"))).isEqualTo("x");
    for (String name : List.of("../evil", "a/../../evil", "..", "a/./b")) {
      assertThat(upload(zip(name), "/tmp/z/no", "true").statusCode()).as(name).isEqualTo(511);
    }
    assertThat(upload(zip("/tmp/z/absolute"), "/tmp/z/below", "true").statusCode()).isIn(200, 511);
    assertThat(sandbox.exec("ls /tmp/z/absolute /tmp/evil /tmp/z/evil /tmp/z/no").stdout())
        .isEmpty();
    assertThat(upload("no zip".getBytes(), "/tmp/z/none", "true").statusCode()).isEqualTo(511);
    assertThat(upload("x".getBytes(), "/tmp/z/f", "maybe").statusCode()).isEqualTo(422);
    assertThat(upload("x".getBytes(), "/", "false").statusCode()).isEqualTo(511);
    assertThat(upload("x".getBytes(), "/proc/f", "false").statusCode()).isEqualTo(511);
    for (String body :
        List.of(
            "",
            "--b",
            "--b\r\n",
            "--b--\r\n",
            "--c\r\n\r\n",
            "--b\r\n\r\nno end",
            "--b\r\n" + "h: x\r\n".repeat(9000) + "\r\n\r\n--b--",
            "--b\r\nContent-Disposition: form-data; name=f\r\n\r\nx\r\n".repeat(100) + "--b--")) {
      assertThat(
              post(
                      "/upload",
                      "",
                      body.getBytes(),
                      "Content-Type",
                      "multipart/form-data; boundary=b")
                  .statusCode())
          .isEqualTo(422);
    }
    assertThat(post("/upload", "{}").statusCode()).isEqualTo(422);
    assertThat(upload("x".getBytes(), "/tmp/z/f", "false").statusCode()).isEqualTo(200);
    assertThat(runtime.readFile(ReadFile.of("/tmp/z/f"))).isEqualTo("x");
  }

  @Test
  void aCallerWhoGoesAwayHurtsNobody() throws Exception {
    URI url = server.url();
    for (int i = 0; i < 20; i++) {
      try (Socket socket = new Socket(url.getHost(), url.getPort())) {
        socket
            .getOutputStream()
            .write(
                ("POST /execute HTTP/1.1\r\nHost: x\r\nX-API-Key: "
                        + KEY
                        + "\r\nContent-Length: 100000\r\n\r\n{")
                    .getBytes(StandardCharsets.US_ASCII));
      }
    }
    assertThat(post("/execute", execute("echo fine")).body()).contains("fine");
  }

  @Test
  void manyAtOnce() throws Exception {
    List<FutureTask<Integer>> all = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      all.add(new FutureTask<>(() -> post("/execute", execute("true")).statusCode()));
      Thread.ofVirtual().start(all.get(i));
    }
    for (FutureTask<Integer> each : all) {
      assertThat(each.get(60, TimeUnit.SECONDS)).isIn(200, 503);
    }
  }

  @Test
  void placesThatCannotBe() {
    assertThatThrownBy(() -> RuntimeServer.start(runtime, "127.0.0.1", server.url().getPort(), KEY))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("taken")
        .hasMessageNotContaining(KEY);
    assertThatThrownBy(() -> RuntimeServer.start(runtime, "127.0.0.1", 0, "short"))
        .isInstanceOf(RequestException.class);
    assertThatThrownBy(() -> RuntimeServer.start(runtime, "192.0.2.1", 0, KEY))
        .isInstanceOf(RequestException.class);
    assertThatThrownBy(() -> RuntimeServer.start(runtime, "127.0.0.1", 70000, KEY))
        .isInstanceOf(RequestException.class);
  }
}
