package dev.berth.services;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import dev.berth.Command;
import dev.berth.Network;
import dev.berth.OutputSink;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxLostException;
import dev.berth.SandboxSpec;
import dev.berth.ServiceException;
import dev.berth.apptainer.ApptainerConfig;
import dev.berth.apptainer.ApptainerProvider;
import dev.berth.local.LocalProvider;
import dev.berth.services.http.JsonClient;
import dev.berth.spi.SandboxProvider;
import dev.berth.testkit.HostProcesses;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Real servers in real sandboxes: the same tests for each kind of sandbox. */
class ServiceIT {
  private static final Duration LONG = Duration.ofSeconds(30);

  /** A host process as the sandbox. */
  @Nested
  class Local extends Tests {
    @Override
    SandboxProvider provider() {
      return new LocalProvider();
    }

    @Override
    SandboxSpec spec() {
      return SandboxSpec.builder().build();
    }
  }

  /** Apptainer on the host's network. */
  @Nested
  class Apptainer extends Tests {
    @Override
    SandboxProvider provider() {
      return new ApptainerProvider(ApptainerConfig.defaults());
    }

    @Override
    SandboxSpec spec() {
      return SandboxSpec.of(TestImage.folder().toString());
    }

    @Test
    void theImagesOwnRunscript() throws Exception {
      String script =
          "import http.server, sys; print('args', sys.argv[1:], flush=True);"
              + " http.server.HTTPServer((sys.argv[1], int(sys.argv[2])),"
              + " http.server.SimpleHTTPRequestHandler).serve_forever()";
      // The image's runscript is bash with the arguments that it is given.
      ServiceSpec run =
          ServiceSpec.runscript("-c", "exec python3 -c \"$SCRIPT\" {host} {port} $LANG")
              .env("SCRIPT", script)
              .health(HealthCheck.http("/"))
              .build();
      try (Service service = Service.start(sandbox, run)) {
        String lang = sandbox.exec("echo -n $LANG").stdout();
        assertThat(client(service).get("/", LONG).status()).isEqualTo(200);
        assertThat(service.log())
            .startsWith("args ['127.0.0.1', '" + service.port() + "'")
            .contains(lang);
      }
    }
  }

  /** Apptainer with loopback alone. */
  @Nested
  class ApptainerWithoutNetwork extends Tests {
    @Override
    SandboxProvider provider() {
      return new ApptainerProvider(ApptainerConfig.defaults());
    }

    @Override
    SandboxSpec spec() {
      SandboxSpec.Builder spec =
          SandboxSpec.of(TestImage.folder().toString()).toBuilder().network(Network.NONE);
      for (int port = 8000; port < 8010; port++) {
        spec.port(port);
      }
      return spec.build();
    }

    @Test
    void onlyDeclaredPorts() {
      assertThatExceptionOfType(RequestException.class)
          .isThrownBy(() -> Service.start(sandbox, files().port(9000).build()))
          .withMessageContaining("9000");
    }

    @Test
    void aPortOfTheHostIsNotTheSandboxs() throws Exception {
      try (ServerSocket taken = new ServerSocket()) {
        taken.setReuseAddress(true);
        taken.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 8000));
      } catch (java.net.BindException alreadyTaken) {
        // As good.
      }
      try (Service service = Service.start(sandbox, files().port(8000).build())) {
        assertThat(service.endpoint().url().getPort()).isNotEqualTo(8000);
      }
    }
  }

  /** What holds everywhere. One sandbox for all: each test leaves it clean. */
  @TestInstance(TestInstance.Lifecycle.PER_CLASS)
  abstract static class Tests {
    SandboxProvider provider;
    Sandbox sandbox;

    abstract SandboxProvider provider();

    abstract SandboxSpec spec();

    @BeforeAll
    void create() throws InterruptedException {
      provider = provider();
      sandbox = provider.create(spec());
    }

    @AfterAll
    void stop() {
      provider.close();
    }

    @Test
    void answers() throws Exception {
      try (Service service = Service.start(sandbox, files().build())) {
        assertThat(client(service).get("/", LONG).status()).isEqualTo(200);
        assertThat(service.isAlive()).isTrue();
        assertThat(service.trouble(LONG)).isEmpty();
        assertThat(service.endpoint().url().getHost()).isEqualTo("127.0.0.1");
        await().atMost(LONG).until(() -> service.log().contains("GET / HTTP/1.1"));
      }
    }

    @Test
    void variablesSecretsInputAndFolder() throws Exception {
      String secret = "s3cret-" + UUID.randomUUID();
      String input = "input-" + UUID.randomUUID();
      ServiceSpec spec =
          python(
                  """
                  import os, sys
                  given = sys.stdin.read()
                  print('key', os.environ['KEY'], 'at', os.environ['AT'], os.getcwd(), flush=True)
                  print('home', os.environ.get('PATH') is not None, os.environ.get('NOT_SET_HERE'), flush=True)
                  ANSWER = os.environ['KEY'] + ' ' + given
                  """
                      + ANSWERING)
              .secretEnv("KEY", secret)
              .env("AT", "{host}:{port}")
              .forwardEnv("PATH", "NOT_SET_HERE")
              .stdin(input)
              .directory("/tmp")
              .health(HealthCheck.http("/").header("X-Key", secret))
              .build();
      try (Service service = Service.start(sandbox, spec)) {
        assertThat(client(service).get("/", LONG).text()).isEqualTo(secret + " " + input);
        assertThat(service.log())
            .contains("key *** at 127.0.0.1:" + service.port() + " /tmp")
            .contains("home True None")
            .doesNotContain(secret);
        assertThat(HostProcesses.naming(secret)).isEmpty();
        assertThat(HostProcesses.naming(input)).isEmpty();
        assertThat(sandbox.exec("cat /proc/[0-9]*/cmdline").stdout()).doesNotContain(secret);
        assertThat(service + spec.toString() + service.endpoint()).doesNotContain(secret);
      }
    }

    @Test
    void aSecretAmongTheArgumentsIsRefused() {
      ServiceSpec spec =
          ServiceSpec.command("server", "--key=s3cret-key").secretEnv("KEY", "s3cret-key").build();
      assertThatExceptionOfType(RequestException.class)
          .isThrownBy(() -> Service.start(sandbox, spec))
          .withMessageContaining("KEY")
          .withMessageNotContaining("s3cret-key");
    }

    @Test
    void aServerThatDiesSaysSoAtOnce() {
      ServiceSpec spec =
          ServiceSpec.command("sh", "-c", "echo starting; echo no such database >&2; exit 7")
              .startTimeout(Duration.ofMinutes(5))
              .build();
      ServiceException died =
          catchThrowableOfType(ServiceException.class, () -> Service.start(sandbox, spec));
      assertThat(died).hasMessageContaining("exit code 7").hasMessageContaining("no such database");
      assertThat(died.exit()).get().extracting(exit -> exit.returnCode()).isEqualTo(7);
      assertThat(died.log()).contains("starting", "no such database");
      assertThat(died.sandboxId()).isEqualTo(sandbox.id());
    }

    @Test
    void aServerThatDiesWhileItIsAskedSaysSoAtOnce() {
      // Its child keeps the connection open, so that the question itself has no end.
      ServiceSpec spec =
          python(
                  """
                  import os, socket, sys, time
                  s = socket.socket()
                  s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                  s.bind((sys.argv[1], int(sys.argv[2])))
                  s.listen()
                  while not (c := s.accept()[0]).recv(1): pass
                  if os.fork() == 0: time.sleep(60)
                  print('given up', flush=True)
                  os._exit(3)
                  """)
              .health(HealthCheck.http("/"))
              .startTimeout(Duration.ofMinutes(5))
              .build();
      long began = System.nanoTime();
      ServiceException died =
          catchThrowableOfType(ServiceException.class, () -> Service.start(sandbox, spec));
      assertThat(died).hasMessageContaining("exit code 3").hasMessageContaining("given up");
      assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(9));
    }

    @Test
    void noSuchProgram() {
      ServiceSpec spec = ServiceSpec.command("no-such-server").build();
      ServiceException died =
          catchThrowableOfType(ServiceException.class, () -> Service.start(sandbox, spec));
      assertThat(died).hasMessageContaining("no-such-server");
    }

    @Test
    void neverWell() {
      String mark = "never-" + UUID.randomUUID();
      ServiceSpec spec =
          files("--directory", "/" + mark)
              .health(HealthCheck.http("/missing"))
              .startTimeout(Duration.ofSeconds(2))
              .build();
      ServiceException never =
          catchThrowableOfType(ServiceException.class, () -> Service.start(sandbox, spec));
      assertThat(never)
          .hasMessageContaining("GET /missing was answered with 404")
          .hasMessageContaining("2000 ms");
      assertThat(never.exit()).isEmpty();
      assertThat(HostProcesses.naming(mark)).isEmpty();
    }

    @Test
    void neverListens() {
      ServiceSpec spec =
          ServiceSpec.command("sleep", "60").startTimeout(Duration.ofMillis(500)).build();
      assertThatExceptionOfType(ServiceException.class)
          .isThrownBy(() -> Service.start(sandbox, spec))
          .withMessageContaining("did not listen");
    }

    @Test
    void neverReady() {
      ServiceSpec spec =
          files()
              .health(HealthCheck.http("/"))
              .readiness(HealthCheck.http("/ready"))
              .startTimeout(Duration.ofSeconds(2))
              .build();
      assertThatExceptionOfType(ServiceException.class)
          .isThrownBy(() -> Service.start(sandbox, spec))
          .withMessageContaining("was not ready (GET /ready was answered with 404)");
    }

    @Test
    void diesLaterAndIsRestarted() throws Exception {
      ServiceSpec spec = files().health(HealthCheck.http("/")).maxRestarts(2).build();
      try (Service service = Service.start(sandbox, spec)) {
        String url = service.endpoint().url().toString();
        sandbox.exec(Command.of("pkill", "-KILL", "-f", "http.server.* " + service.port() + "$"));

        assertThat(service.await(LONG)).isPresent();
        assertThat(service.isAlive()).isFalse();
        assertThat(service.trouble(LONG)).get().asString().contains("exit code 137");
        assertThatExceptionOfType(ServiceException.class)
            .isThrownBy(service::requireAlive)
            .withMessageContaining("137");

        service.restart();
        service.requireAlive();
        assertThat(service.endpoint().url()).hasToString(url);
        assertThat(client(service).get("/", LONG).status()).isEqualTo(200);

        service.restart();
        assertThat(client(service).get("/", LONG).status()).isEqualTo(200);
        assertThatExceptionOfType(RequestException.class)
            .isThrownBy(service::restart)
            .withMessageContaining("2 times");
        assertThat(service.isAlive()).isTrue();
      }
    }

    @Test
    void aFloodIsBounded() throws Exception {
      String line = "x".repeat(99) + "\n";
      ConcurrentLinkedQueue<String> streamed = new ConcurrentLinkedQueue<>();
      OutputSink sink =
          (channel, bytes) -> {
            if (streamed.size() < 10) {
              streamed.add(StandardCharsets.UTF_8.decode(bytes).toString());
            }
          };
      ServiceSpec spec =
          python(
                  "import sys, threading\n"
                      + "print('first', flush=True)\n"
                      + "def flood():\n"
                      + "  for i in range(200000): sys.stderr.write('x' * 99 + '\\n')\n"
                      + "  print('flooded', file=sys.stderr, flush=True)\n"
                      + "threading.Thread(target=flood, daemon=True).start()\n"
                      + ANSWERING)
              .logLimit(100_000)
              .logSink(sink)
              .health(HealthCheck.http("/"))
              .build();
      try (Service service = Service.start(sandbox, spec)) {
        await().atMost(LONG).until(() -> service.log().contains("flooded"));
        assertThat(service.log().length()).isBetween(90_000, 100_000);
        assertThat(service.log()).startsWith(line).doesNotContain("first");
        assertThat(streamed.peek()).startsWith("first");
        assertThat(client(service).get("/", LONG).status()).isEqualTo(200);
      }
    }

    @Test
    void aSinkThatFailsIsLeftOut() throws Exception {
      OutputSink sink =
          (channel, bytes) -> {
            throw new IllegalStateException("full");
          };
      ServiceSpec spec = files().logSink(sink).build();
      try (Service service = Service.start(sandbox, spec)) {
        client(service).get("/", LONG);
        await().atMost(LONG).until(() -> service.log().contains("sink failed"));
        assertThat(client(service).get("/", LONG).status()).isEqualTo(200);
      }
    }

    @Test
    void stopLeavesNothing() throws Exception {
      String mark = "stubborn-" + UUID.randomUUID();
      ServiceSpec spec =
          python(
                  """
                  import os, signal, subprocess
                  signal.signal(signal.SIGTERM, signal.SIG_IGN)
                  loop = 'trap "" TERM; i=0; while [ $i -lt 240 ]; do sleep 0.25; i=$((i+1)); done'
                  subprocess.Popen(['sh', '-c', loop, os.environ['NAME']], start_new_session=True)
                  if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0: os.execvp('sh', ['sh', '-c', loop, os.environ['NAME']])
                    os._exit(0)
                  """
                      + ANSWERING)
              .env("NAME", mark)
              .stopGrace(Duration.ofMillis(300))
              .build();
      Service service = Service.start(sandbox, spec);
      await().atMost(LONG).until(() -> HostProcesses.naming(mark).size() == 2);
      service.stop();
      assertThat(HostProcesses.naming(mark)).isEmpty();
      assertThat(service.isAlive()).isFalse();
      assertThat(sandbox.processes()).isEmpty();
      service.stop();
      assertThatExceptionOfType(RequestException.class).isThrownBy(service::restart);
    }

    @Test
    void whatAnEndedServerLeftBehindIsEndedToo() {
      String mark = "left-" + UUID.randomUUID();
      ServiceSpec spec =
          ServiceSpec.command(
                  "sh", "-c", "sh -c 'sleep 60; :' $NAME & sh -c 'setsid sleep 60' & exit 4")
              .env("NAME", mark)
              .build();
      assertThatExceptionOfType(ServiceException.class)
          .isThrownBy(() -> Service.start(sandbox, spec))
          .withMessageContaining("exit code 4");
      assertThat(HostProcesses.naming(mark)).isEmpty();
    }

    @Test
    void theEndOfItsSandboxIsItsEnd() throws Exception {
      try (Sandbox other = provider.create(spec());
          Service service = Service.start(other, files().build())) {
        other.stop();
        assertThat(service.await(LONG)).isPresent();
        assertThat(service.isAlive()).isFalse();
        assertThatExceptionOfType(SandboxLostException.class).isThrownBy(service::requireAlive);
        assertThatExceptionOfType(SandboxLostException.class)
            .isThrownBy(() -> Service.start(other, files().build()));
      }
    }

    @Test
    void anInterruptedStartLeavesNothing() throws Exception {
      String mark = "interrupted-" + UUID.randomUUID();
      AtomicReference<Throwable> thrown = new AtomicReference<>();
      Thread starting =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  Service.start(
                          sandbox,
                          ServiceSpec.command("sh", "-c", "trap '' TERM; sleep 60; :", mark)
                              .build())
                      .close();
                } catch (InterruptedException | RuntimeException e) {
                  thrown.set(e);
                }
              });
      await().atMost(LONG).until(() -> !HostProcesses.naming(mark).isEmpty());
      starting.interrupt();
      starting.join();
      assertThat(thrown.get()).isInstanceOf(InterruptedException.class);
      assertThat(HostProcesses.naming(mark)).isEmpty();
    }

    static ServiceSpec.Builder files(String... more) {
      List<String> all =
          new java.util.ArrayList<>(List.of("python3", "-m", "http.server", "--bind", "{host}"));
      all.addAll(List.of(more));
      all.add("{port}");
      return ServiceSpec.command(all).env("PYTHONUNBUFFERED", "1");
    }

    static ServiceSpec.Builder python(String script) {
      return ServiceSpec.command("python3", "-c", script, "{host}", "{port}")
          .env("PYTHONUNBUFFERED", "1");
    }
  }

  /** Answers every GET with ANSWER. */
  static final String ANSWERING =
      """
      import http.server, sys
      class H(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
          body = globals().get('ANSWER', 'ok').encode()
          self.send_response(200)
          self.send_header('Content-Length', str(len(body)))
          self.end_headers()
          self.wfile.write(body)
      http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), H).serve_forever()
      """;

  static JsonClient client(Service service) {
    return new JsonClient(service.endpoint().url(), Map.of());
  }
}
