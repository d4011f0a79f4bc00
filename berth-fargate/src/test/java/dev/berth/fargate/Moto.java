package dev.berth.fargate;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Moto, unmodified, on loopback: the control plane. Closing it ends it. */
final class Moto implements AutoCloseable {
  private final HttpClient http = HttpClient.newHttpClient();
  private final Process process;
  private final URI uri;

  Moto(Path rig, Path log) throws IOException {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    uri = URI.create("http://127.0.0.1:" + port + "/");
    ProcessBuilder builder =
        Tool.server(
            log,
            Files.readString(rig.resolve("python")).strip(),
            "-m",
            "moto.server",
            "-H",
            "127.0.0.1",
            "-p",
            "" + port);
    builder.environment().put("PYTHONPATH", rig.resolve("moto").toString());
    process = builder.start();
    try {
      await("moto")
          .atMost(Duration.ofSeconds(90))
          .ignoreExceptions()
          .until(() -> get("moto-api/data.json").statusCode() == 200);
      // Tasks' states are the rig's: left alone, each question would push moto's own further.
      HttpRequest request =
          HttpRequest.newBuilder(uri.resolve("moto-api/state-manager/set-transition"))
              .POST(
                  HttpRequest.BodyPublishers.ofString(
                      "{\"model_name\":\"ecs::task\",\"transition\":"
                          + "{\"progression\":\"manual\",\"times\":1000000}}"))
              .build();
      http.send(request, HttpResponse.BodyHandlers.discarding());
    } catch (InterruptedException e) {
      close();
      throw new IllegalStateException(e);
    } catch (RuntimeException e) {
      close();
      throw new IllegalStateException("moto did not start: " + Files.readString(log), e);
    }
  }

  URI uri() {
    return uri;
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return http.send(
        HttpRequest.newBuilder(uri.resolve(path)).timeout(Duration.ofSeconds(5)).build(),
        HttpResponse.BodyHandlers.ofString());
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
