package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import dev.berth.Command;
import dev.berth.CreateException;
import dev.berth.Endpoints;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.UnsupportedRequestException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Agent-server mode: a server in a task, which asks a model on this host. */
@Tag("rig")
@Tag("root")
@ExtendWith({RigExtension.class, NothingLeft.class})
@Timeout(120)
class AgentServerIT {
  private static final int PORT = 8000;

  /** Answers every request with what the model answers. */
  private static final String AGENT =
      """
      import http.server, os, urllib.request
      class Agent(http.server.BaseHTTPRequestHandler):
          def do_GET(self):
              answer = urllib.request.urlopen(os.environ['MODEL'], timeout=20).read()
              self.send_response(200); self.end_headers()
              self.wfile.write(b'agent: ' + answer)
      http.server.ThreadingHTTPServer(('127.0.0.1', 8000), Agent).serve_forever()
      """;

  private static FargateRig rig;

  @BeforeAll
  static void open() {
    rig = RigExtension.rig();
  }

  private static FargateConfig config() {
    return FargateRig.place().sshSidecar(FargateRig.sidecar()).containerPort(PORT).build();
  }

  private static SandboxSpec.Builder spec(String model) {
    return SandboxSpec.builder()
        .image(FargateRig.MAIN_IMAGE)
        .entrypoint(List.of("python3", "-c", AGENT))
        .outsideEndpoint(model, "MODEL");
  }

  @Test
  void anAgentIsReachedAndReachesItsModel() throws Exception {
    HttpServer model =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    model.createContext(
        "/v1/word",
        exchange -> {
          byte[] answer = "model".getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    model.start();
    String url = "http://127.0.0.1:" + model.getAddress().getPort() + "/v1/word";
    try (FargateProvider provider = new FargateProvider(config());
        Sandbox sandbox = provider.create(spec(url).build());
        HttpClient http = HttpClient.newHttpClient()) {
      FargateTask task = sandbox.ability(FargateTask.class).orElseThrow();
      URI agent = URI.create("http://127.0.0.1:" + task.localPort().orElseThrow());
      awaitAnswer(http, agent);
      assertThat(sandbox.ability(Endpoints.class).orElseThrow().endpoint(PORT).url())
          .isEqualTo(agent);
      assertThat(sandbox.status()).isEqualTo(SandboxStatus.RUNNING);
      assertThat(sandbox.resolvedEndpointUrl("MODEL"))
          .hasValue("http://127.0.0.1:" + task.modelTunnelPort().orElseThrow() + "/v1/word");
      assertThat(sandbox.resolveOutsideEndpoint(url + "?x=1")).endsWith("/v1/word?x=1");

      rig.task(sandbox).network().cut();
      TimeUnit.SECONDS.sleep(3); // The cut itself, not a wait for anything.
      rig.task(sandbox).network().mend();
      awaitAnswer(http, agent);

      // A session that is stopped answers no more, and holds the port that leads to the model.
      long sidecar = rig.task(sandbox).container(TaskDefinitions.SIDECAR).pid();
      List<ProcessHandle> sessions = Processes.below(sidecar, "sshd: root");
      assertThat(sessions).isNotEmpty();
      sessions.forEach(session -> Tool.run("kill", "-STOP", "" + session.pid()));
      await()
          .atMost(Duration.ofSeconds(60))
          .until(() -> sessions.stream().noneMatch(ProcessHandle::isAlive));
      awaitAnswer(http, agent);

      assertThatThrownBy(() -> sandbox.exec(Command.of("true")))
          .isInstanceOf(UnsupportedRequestException.class)
          .hasMessageContaining("agent-server mode")
          .hasMessageContaining("exec_server_port");
      assertThatThrownBy(() -> sandbox.upload(Path.of("/etc/hosts"), "/tmp/x"))
          .isInstanceOf(UnsupportedRequestException.class);
      assertThatThrownBy(() -> sandbox.download("/etc/hosts", Path.of("/tmp/x")))
          .isInstanceOf(UnsupportedRequestException.class);
    } finally {
      model.stop(0);
    }
  }

  private static void awaitAnswer(HttpClient http, URI agent) {
    await()
        .atMost(Duration.ofSeconds(60))
        .ignoreExceptions()
        .untilAsserted(() -> assertThat(get(http, agent)).isEqualTo("agent: model"));
  }

  private static String get(HttpClient http, URI uri) throws Exception {
    return http.send(
            HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(10)).build(),
            HttpResponse.BodyHandlers.ofString())
        .body();
  }

  @Test
  void anAgentThatEndsAtOnceFailsTheCreate() {
    try (FargateProvider provider = new FargateProvider(config())) {
      assertThatThrownBy(() ->
              provider.create(
                  spec("http://127.0.0.1:1/").entrypoint(List.of("sh", "-c", "exit 9")).build()))
          .isInstanceOf(CreateException.class)
          .hasMessageContaining("main: exit code 9");
    }
  }

  @Test
  void aTaskEndsByItselfWhenNobodyIsLoggedInAnyMore() throws Exception {
    try (FargateProvider provider = new FargateProvider(config())) {
      Sandbox sandbox =
          provider.create(spec("http://127.0.0.1:1/").lease(Duration.ofSeconds(5)).build());
      RigTask task = rig.task(sandbox);
      task.network().cut();
      await().atMost(Duration.ofSeconds(60)).until(() -> task.status().equals("STOPPED"));
      assertThat(task.container(TaskDefinitions.SIDECAR).log()).contains("the lease has run out");
      sandbox.close();
    }
  }
}
