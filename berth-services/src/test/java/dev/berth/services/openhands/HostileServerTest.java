package dev.berth.services.openhands;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.services.openhands.OpenHandsException.Failure;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What runs in the sandbox may be anything: it must neither hang nor fill this process. */
class HostileServerTest {
  private static final String STARTED = "{\"id\":\"c1\"}";
  private static final Duration LONG = Duration.ofSeconds(60);

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "null",
        "7",
        "{}",
        "{\"items\":7}",
        "{\"items\":[1,2]}",
        "{\"items\":[[]]}",
        "{\"items\":[],\"next_page_id\":\"again\"}",
        "{\"items\":[{\"command_id\":\"c1\",\"order\":5,\"stdout\":\"x\"}]}",
        "{\"items\":[{},{},{},{},{},{},{},{},{}]}",
        "not JSON",
        "{\"items\":[]} trailing",
      })
  void outputOfAWrongShapeIsRefused(String page) throws Exception {
    try (FakeServer server =
        FakeServer.http((method, path, out) -> method.equals("POST") ? STARTED : page)) {
      assertFailure(Failure.MALFORMED, () -> server.client().execute("true"));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "[]",
        "{\"id\":7}",
        "{\"id\":\"../../x\"}",
        "{\"id\":{\"id\":\"c1\"}}",
        "{\"id\":\"\"}"
      })
  void idsThatAreNoneAreRefused(String started) throws Exception {
    AtomicInteger calls = new AtomicInteger();
    try (FakeServer server =
        FakeServer.http((method, path, out) -> {
          calls.incrementAndGet();
          return started;
        })) {
      assertFailure(Failure.MALFORMED, () -> server.client().execute("true"));
      assertFailure(
          Failure.MALFORMED,
          () -> server.client().open(ConversationSpec.of(Agent.of(new Settings("m", "sk", null)))));
      assertThat(calls).hasValue(2);
    }
  }

  @Test
  void valuesOfWrongTypesAreNotTaken() throws Exception {
    String page =
        "{\"items\":[{\"command_id\":\"c1\",\"order\":0,\"stdout\":[1],\"stderr\":{\"@class\":\"java.lang.Runtime\"},\"exit_code\":\"0\"},"
            + "{\"command_id\":\"other\",\"order\":1,\"stdout\":\"not ours\",\"exit_code\":9},"
            + "{\"command_id\":\"c1\",\"order\":1,\"stdout\":\"out\",\"exit_code\":3}]}";
    try (FakeServer server =
        FakeServer.http((method, path, out) -> method.equals("POST") ? STARTED : page)) {
      CommandResult result = server.client().execute("true");
      assertThat(result.stdout()).isEqualTo("out");
      assertThat(result.stderr()).isEmpty();
      assertThat(result.exitCode()).isEqualTo(3);
    }
  }

  @Test
  void deepJsonIsRefused() throws Exception {
    String deep = "{\"a\":".repeat(100_000) + "1" + "}".repeat(100_000);
    try (FakeServer server = FakeServer.http((method, path, out) -> deep)) {
      assertFailure(Failure.MALFORMED, () -> server.client().info());
    }
  }

  @Test
  void endlessJsonIsCutOff() throws Exception {
    AtomicLong sent = new AtomicLong();
    try (FakeServer server =
        FakeServer.http((method, path, out) -> {
          out.write("HTTP/1.1 200 OK\r\n\r\n{\"a\":\"".getBytes(StandardCharsets.US_ASCII));
          byte[] more = new byte[1 << 16];
          java.util.Arrays.fill(more, (byte) 'x');
          while (sent.addAndGet(more.length) < 1L << 32) {
            out.write(more);
          }
          return null;
        })) {
      assertFailure(Failure.MALFORMED, () -> server.client().info());
      assertThat(sent).hasValueLessThan(1L << 30);
    }
  }

  @Test
  void anEndlessFileIsCutOffAndLeavesNothing(@TempDir Path folder) throws Exception {
    try (FakeServer server =
        FakeServer.http((method, path, out) -> {
          out.write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
          while (true) {
            out.write(new byte[1 << 16]);
          }
        })) {
      assertFailure(
          Failure.MALFORMED,
          () -> server.client().download("/x", folder.resolve("x"), 1 << 20, LONG));
      assertThat(folder).isEmptyDirectory();
    }
  }

  @Test
  void aServerThatSaysNothingIsWaitedForAsLongAsSaid(@TempDir Path folder) throws Exception {
    CountDownLatch done = new CountDownLatch(1);
    try (FakeServer server =
        FakeServer.http((method, path, out) -> {
          out.write(
              "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
                  .getBytes(StandardCharsets.US_ASCII));
          out.flush();
          hold(done);
          return null;
        })) {
      assertFailure(
          Failure.TIMED_OUT,
          () -> server.client().download("/x", folder.resolve("x"), 100, Duration.ofMillis(300)));
      done.countDown();
      assertThat(folder).isEmptyDirectory();
    }
  }

  @Test
  void aRejectedBodyIsNotRepeatedInTheMessage() throws Exception {
    String body =
        "{\"detail\":[{\"loc\":[\"body\",\"agent\"],\"msg\":\"bad agent\",\"input\":{\"api_key\":\"sk-mine\"}}]}";
    try (FakeServer server =
        FakeServer.http((method, path, out) -> {
          out.write(
              ("HTTP/1.1 422 No\r\nConnection: close\r\nContent-Length: "
                      + body.length()
                      + "\r\n\r\n"
                      + body)
                  .getBytes(StandardCharsets.US_ASCII));
          return null;
        })) {
      assertThatThrownBy(() -> server.client().info())
          .hasMessageContaining("body agent bad agent")
          .message()
          .doesNotContain("sk-mine");
    }
  }

  /** A server that has one conversation; its stored events, if any, are on one page. */
  private static FakeServer conversation(FakeServer.Sockets sockets, String... stored)
      throws IOException {
    return new FakeServer(
        (method, path, out) ->
            path.contains("/events/search")
                ? "{\"items\":[" + String.join(",", stored) + "],\"next_page_id\":null}"
                : "{\"id\":\"abc\",\"execution_status\":\"finished\"}",
        sockets);
  }

  private static Conversation attach(FakeServer server, EventCallback callback)
      throws InterruptedException {
    return server.client().attach("abc", History.ALL, callback);
  }

  private static void subscribed(OutputStream out, int number) throws IOException {
    FakeServer.text(out, FakeServer.event("state-" + number, Event.STATE_UPDATE));
  }

  @Test
  void aFloodingSocketIsHeldUp() throws Exception {
    AtomicLong sent = new AtomicLong();
    CountDownLatch hold = new CountDownLatch(1);
    CountDownLatch begun = new CountDownLatch(1);
    String padding = "x".repeat(100_000);
    try (FakeServer server =
            conversation((number, in, out) -> {
              subscribed(out, number);
              for (int i = 0; i < 20_000; i++) {
                FakeServer.text(
                    out,
                    FakeServer.event("e" + i, "MessageEvent")
                        .replace("\"k\"", '"' + padding + '"'));
                sent.addAndGet(padding.length());
              }
            });
        Conversation conversation =
            attach(
                server,
                event -> {
                  begun.countDown();
                  hold(hold);
                })) {
      assertThat(begun.await(60, TimeUnit.SECONDS)).isTrue();
      // It stops to grow, far from the 2 GB that the server would like to send.
      long[] last = {-1};
      Awaitility.await()
          .atMost(LONG)
          .pollInterval(Duration.ofMillis(300))
          .until(() -> {
            long now = sent.get();
            boolean still = now == last[0];
            last[0] = now;
            return still;
          });
      assertThat(sent).hasValueLessThan(64 << 20);
      hold.countDown();
      assertThat(conversation.id()).isEqualTo("abc");
    }
  }

  @Test
  void aHugeFrameEndsTheStream() throws Exception {
    AtomicLong sent = new AtomicLong();
    try (FakeServer server =
            conversation((number, in, out) -> {
              subscribed(out, number);
              // A frame of 2^62 bytes, of which as many come as are taken.
              out.write(new byte[] {(byte) 0x81, 127, 0x40, 0, 0, 0, 0, 0, 0, 0});
              byte[] more = new byte[1 << 16];
              java.util.Arrays.fill(more, (byte) 'x');
              while (sent.addAndGet(more.length) < 1L << 31) {
                out.write(more);
              }
            });
        Conversation conversation = attach(server, EventCallback.NONE)) {
      assertFailure(Failure.MALFORMED, () -> conversation.run(LONG));
      assertThat(sent).hasValueLessThan(128 << 20);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "[]",
        "not JSON",
        "{\"id\":\"x y\",\"kind\":\"MessageEvent\"}",
        "{\"id\":7,\"kind\":[]}",
      })
  void aFrameThatIsNoEventEndsTheStream(String frame) throws Exception {
    try (FakeServer server =
            conversation((number, in, out) -> {
              subscribed(out, number);
              FakeServer.text(out, frame);
              in.readAllBytes();
            });
        Conversation conversation = attach(server, EventCallback.NONE)) {
      assertFailure(Failure.MALFORMED, () -> conversation.run(LONG));
    }
  }

  @Test
  void finalCloseCodesAreFinal() throws Exception {
    try (FakeServer server = conversation((number, in, out) -> FakeServer.close(out, 4001))) {
      assertFailure(Failure.UNAUTHORIZED, () -> attach(server, EventCallback.NONE).close());
    }
    try (FakeServer server = conversation((number, in, out) -> FakeServer.close(out, 4004))) {
      assertFailure(Failure.NOT_FOUND, () -> attach(server, EventCallback.NONE).close());
      assertThat(server.connections).hasValue(1);
    }
  }

  @Test
  void aBusyServerIsTriedAgainAndNothingIsLostOrRepeated() throws Exception {
    List<String> ids = Collections.synchronizedList(new ArrayList<>());
    try (FakeServer server =
            conversation(
                (number, in, out) -> {
                  if (number == 1) {
                    FakeServer.close(out, 1013);
                    return;
                  }
                  // Live before the word that it is subscribed, then old ones, new ones, all again.
                  subscribed(out, number);
                  FakeServer.text(out, FakeServer.event("b", "MessageEvent"));
                  FakeServer.text(out, FakeServer.event("live-" + number, "ActionEvent"));
                  FakeServer.text(out, FakeServer.event("live-" + number, "ActionEvent"));
                  if (number > 2) {
                    in.readAllBytes();
                  }
                },
                FakeServer.event("a", "SystemPromptEvent"),
                FakeServer.event("b", "MessageEvent"));
        Conversation conversation = attach(server, event -> ids.add(event.id()))) {
      Awaitility.await().atMost(LONG).until(() -> ids.contains("live-3"));
      assertThat(ids).containsExactly("a", "b", "live-2", "live-3");
      assertThat(conversation.connections()).isEqualTo(2);
      assertThat(server.connections).hasValue(3);
    }
  }

  @Test
  void pagesThatLeadNowhereEndTheStream() throws Exception {
    try (FakeServer server =
        new FakeServer(
            (method, path, out) ->
                path.contains("/events/search")
                    ? "{\"items\":[],\"next_page_id\":\"x\"}"
                    : "{\"id\":\"abc\"}",
            (number, in, out) -> {
              subscribed(out, number);
              in.readAllBytes();
            })) {
      assertFailure(Failure.MALFORMED, () -> attach(server, EventCallback.NONE).close());
    }
  }

  @Test
  void aCallbackThatThrowsMissesNothing() throws Exception {
    List<String> ids = Collections.synchronizedList(new ArrayList<>());
    try (FakeServer server =
            conversation((number, in, out) -> {
              subscribed(out, number);
              FakeServer.text(out, FakeServer.event("one", "MessageEvent"));
              FakeServer.text(out, FakeServer.event("two", "MessageEvent"));
              in.readAllBytes();
            });
        Conversation conversation =
            attach(
                server,
                event -> {
                  ids.add(event.id());
                  throw new IllegalStateException("on purpose");
                })) {
      Awaitility.await().atMost(LONG).until(() -> ids.size() == 2);
      assertThat(conversation.connections()).isEqualTo(1);
    }
  }

  private static void hold(CountDownLatch until) {
    try {
      until.await(60, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void assertFailure(Failure failure, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            OpenHandsException.class,
            e -> assertThat(e.failure()).as(e.toString()).isEqualTo(failure));
  }
}
