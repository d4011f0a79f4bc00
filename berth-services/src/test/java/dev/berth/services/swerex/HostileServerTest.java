package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A server in a sandbox is whoever took its place. */
@Timeout(60)
class HostileServerTest {
  static boolean loaded;

  /** Says so if anybody loads it. */
  static class Trap extends RuntimeException {
    private static final long serialVersionUID = 1L;

    static {
      loaded = true;
    }

    Trap(String message) {
      super(message);
    }
  }

  private static SwerexException fails(Failure failure, ThrowingCallable call) {
    SwerexException e = catchThrowableOfType(SwerexException.class, call);
    assertThat(e).isNotNull();
    assertThat(e.failure()).as(e.getMessage()).isEqualTo(failure);
    return e;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "dev.berth.services.swerex.HostileServerTest$Trap",
        "java.lang.ProcessBuilder",
        "os.system",
        "swerex.exceptions.../../x",
        ""
      })
  void aNameFromTheServerIsNoClass(String name) throws Exception {
    String body =
        "{\"swerexception\":{\"message\":\"m\",\"class_path\":\""
            + name
            + "\",\"traceback\":\"t\",\"extra_info\":{\"a\":[1]}}}";
    try (HostileServer server = HostileServer.answering(511, body)) {
      fails(Failure.OTHER, () -> server.runtime().runInSession(BashAction.of("x")));
      assertThat(server.runtime().isAlive().alive()).isFalse();
    }
    assertThat(loaded).isFalse();
  }

  @Test
  void aLongMessageIsCut() throws Exception {
    String body = "{\"swerexception\":{\"message\":\"" + "m".repeat(2_000_000) + "\"}}";
    try (HostileServer server = HostileServer.answering(511, body)) {
      assertThat(fails(Failure.OTHER, () -> server.runtime().runInSession(BashAction.of("x"))))
          .extracting(e -> e.getMessage().length())
          .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.INTEGER)
          .isLessThan(100_000);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "7",
        "\"text\"",
        "{",
        "{}{}",
        "<html>",
        "{\"output\":7}",
        "{\"output\":[\"a\"]}",
        "{\"output\":{\"a\":1}}",
        "{\"output\":\"\",\"exit_code\":\"0\"}",
        "{\"output\":\"\",\"exit_code\":1.5}",
        "{\"output\":\"\",\"exit_code\":99999999999}",
        "{\"output\":\"\",\"exit_code\":1e400}",
        "{\"output\":\"\",\"exit_code\":true}",
        "{\"output\":\"\",\"expect_string\":1}"
      })
  void whatIsNoAnswerIsRefused(String body) throws Exception {
    try (HostileServer server = HostileServer.answering(200, body)) {
      fails(Failure.UNREACHABLE, () -> server.runtime().runInSession(BashAction.of("x")));
    }
    try (HostileServer server = HostileServer.answering(511, body)) {
      SwerexException e =
          catchThrowableOfType(
              SwerexException.class, () -> server.runtime().runInSession(BashAction.of("x")));
      assertThat(e.failure()).isIn(Failure.OTHER, Failure.UNREACHABLE);
    }
  }

  @ParameterizedTest
  @CsvSource({"[,100000", "{\"a\":,100000", "[[],2000000"})
  void deepNestingIsRefused(String open, int times) throws Exception {
    try (HostileServer server = HostileServer.answering(200, open.repeat(times))) {
      fails(Failure.UNREACHABLE, () -> server.runtime().runInSession(BashAction.of("x")));
      assertThat(server.runtime().isAlive().alive()).isFalse();
    }
  }

  @Test
  void anEndlessAnswerIsBrokenOff() throws Exception {
    HostileServer.Behaviour endless =
        (exchange, number) -> {
          exchange.sendResponseHeaders(200, 0);
          byte[] spaces = "{\"output\":\"".concat(" ".repeat(65_536)).getBytes("UTF-8");
          try (OutputStream out = exchange.getResponseBody()) {
            while (true) {
              out.write(spaces);
            }
          }
        };
    try (HostileServer server = new HostileServer(endless)) {
      fails(Failure.OTHER, () -> server.runtime().runInSession(BashAction.of("x")));
      fails(Failure.FILE, () -> server.runtime().readFile(ReadFile.of("/x")));
      assertThat(server.asked).hasSize(2);
    }
  }

  @Test
  void anAnswerThatNeverEndsHasADeadline() throws Exception {
    CountDownLatch over = new CountDownLatch(1);
    HostileServer.Behaviour trickle =
        (exchange, number) -> {
          exchange.sendResponseHeaders(200, 0);
          try (OutputStream out = exchange.getResponseBody()) {
            while (!over.await(50, TimeUnit.MILLISECONDS)) {
              out.write(' ');
              out.flush();
            }
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        };
    try (HostileServer server = new HostileServer(trickle)) {
      RemoteRuntime runtime = server.runtime().withPatience(Duration.ofMillis(300));
      fails(
          Failure.UNREACHABLE,
          () -> runtime.runInSession(BashAction.of("x").within(Duration.ofMillis(200))));
      fails(Failure.UNREACHABLE, () -> runtime.readFile(ReadFile.of("/x")));
      over.countDown();
    }
  }

  @Test
  void redirectsAreNotFollowed() throws Exception {
    try (HostileServer other = HostileServer.answering(200, "{}");
        HostileServer server =
            new HostileServer((exchange, number) -> {
              exchange.getResponseHeaders().set("Location", other.url() + "/run_in_session");
              HostileServer.send(exchange, 307, "");
            })) {
      fails(Failure.OTHER, () -> server.runtime().runInSession(BashAction.of("x")));
      assertThat(other.asked).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({"401,UNAUTHORIZED", "403,UNAUTHORIZED", "404,UNREACHABLE", "500,OTHER", "422,OTHER"})
  void statusesAreFailures(int status, Failure failure) throws Exception {
    try (HostileServer server = HostileServer.answering(status, "{\"detail\":\"no\"}")) {
      SwerexException e = fails(failure, () -> server.runtime().execute(ExecuteRequest.of("true")));
      assertThat(e.getMessage()).doesNotContain("key\"").doesNotContain("Bearer");
      assertThat(server.runtime().isAlive().alive()).isFalse();
      assertThat(server.asked.get(0).key()).isEqualTo("key");
    }
  }

  @Test
  void aLostAnswerIsAskedForByItsIdAlone() throws Exception {
    HostileServer.Behaviour loses =
        (exchange, number) -> {
          if (number > 1) {
            HostileServer.send(exchange, 200, "{\"output\":\"once\",\"exit_code\":0}");
          }
        };
    try (HostileServer server = new HostileServer(loses)) {
      assertThat(server.runtime().runInSession(BashAction.of("touch x")).output())
          .isEqualTo("once");
      assertThat(server.asked).hasSize(2);
      assertThat(server.asked.get(0).body()).contains("touch x");
      assertThat(server.asked.get(1).body()).isEqualTo("[]");
      assertThat(server.asked.get(1).id()).isEqualTo(server.asked.get(0).id());
      assertThat(server.asked.get(1).path()).isEqualTo("/run_in_session");
    }
  }

  @Test
  void anAnswerThatTheServerDoesNotHaveIsNotGuessed() throws Exception {
    HostileServer.Behaviour forgets =
        (exchange, number) -> {
          if (number > 1) {
            HostileServer.send(exchange, 422, "{\"detail\":[]}");
          }
        };
    try (HostileServer server = new HostileServer(forgets)) {
      assertThat(
              fails(
                  Failure.UNREACHABLE,
                  () -> server.runtime().execute(ExecuteRequest.ofShell("touch x"))))
          .hasMessageContaining("may have run or not");
      assertThat(server.asked).hasSize(2);
    }
  }

  @Test
  void askingAgainHasAnEnd() throws Exception {
    try (HostileServer server = new HostileServer((exchange, number) -> {})) {
      fails(Failure.UNREACHABLE, () -> server.runtime().execute(ExecuteRequest.of("true")));
      assertThat(server.asked).hasSize(3);
      assertThat(server.asked.stream().map(HostileServer.Asked::id).distinct()).hasSize(1);
      fails(Failure.UNREACHABLE, () -> server.runtime().readFile(ReadFile.of("/x")));
      // What does no harm twice is sent whole.
      assertThat(server.asked.get(5).body()).contains("/x");
    }
  }

  @Test
  void nobodyThereIsSaidAtOnce() throws Exception {
    HostileServer server = HostileServer.answering(200, "{}");
    server.close();
    fails(Failure.UNREACHABLE, () -> server.runtime().execute(ExecuteRequest.of("true")));
    assertThat(server.runtime().isAlive().alive()).isFalse();
    server.runtime().close();
  }

  @Test
  void linksOutOfAFolderAreNotFollowed(@TempDir Path host) throws Exception {
    Path secret = Files.writeString(host.resolve("secret"), "s");
    Path top = Files.createDirectories(host.resolve("top/in"));
    Files.writeString(top.resolve("f"), "f");
    Files.createSymbolicLink(top.resolve("inside"), Path.of("f"));
    try (HostileServer server = HostileServer.answering(200, "{}")) {
      server.runtime().upload(host.resolve("top"), "/x");
      assertThat(server.asked).hasSize(1);
      Path out = Files.createSymbolicLink(top.resolve("out"), secret);
      fails(Failure.FILE, () -> server.runtime().upload(host.resolve("top"), "/x"));
      Files.delete(out);
      Path loop = Files.createSymbolicLink(top.resolve("loop"), host.resolve("top"));
      fails(Failure.FILE, () -> server.runtime().upload(host.resolve("top"), "/x"));
      Files.delete(loop);
      Files.createSymbolicLink(top.resolve("dangling"), Path.of("none"));
      fails(Failure.FILE, () -> server.runtime().upload(host.resolve("top"), "/x"));
      assertThat(server.asked).hasSize(1);
    }
  }
}
