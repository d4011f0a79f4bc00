package dev.berth.services.openhands;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.ServiceException;
import dev.berth.services.openhands.OpenHandsException.Failure;
import dev.berth.services.openhands.ScriptedModel.Answer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** The real agent server in a real sandbox; only the language model is a script. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class OpenHandsIT {
  private static final Duration LONG = Duration.ofMinutes(2);

  @TempDir static Path mounted;
  private static ScriptedModel model;
  private static ApptainerWorkspace workspace;
  private static AgentServer server;
  private static Settings settings;
  private static final CountDownLatch PAUSING = new CountDownLatch(1);
  private static final CountDownLatch PAUSED = new CountDownLatch(1);
  private static final CountDownLatch HANGING = new CountDownLatch(2);
  private static volatile Runnable onStep = () -> {};

  @BeforeAll
  static void start() throws Exception {
    model = new ScriptedModel(OpenHandsIT::script);
    settings = new Settings(ScriptedModel.MODEL, "sk-model-key", model.url());
    Files.writeString(mounted.resolve("README.md"), "# A project\n");
    workspace =
        ApptainerWorkspace.start(
            WorkspaceSpec.builder()
                .sifFile(Path.of(AgentServers.image()))
                .mountDir(mounted)
                .detachLogs(false)
                .build());
    server = workspace.server();
  }

  @AfterAll
  static void end() {
    if (workspace != null) {
      workspace.close();
    }
    if (model != null) {
      model.close();
    }
  }

  private static Answer script(String said, List<String> results) throws InterruptedException {
    if (said.contains("FACTS") || said.contains("delete that file")) {
      return Example.script(said, results);
    }
    if (said.contains("ten steps")) {
      onStep.run();
      return results.size() < 10
          ? Answer.shell("echo step " + results.size())
          : Answer.finish("ten steps done");
    }
    if (said.contains("pause")) {
      if (results.isEmpty()) {
        PAUSING.countDown();
        PAUSED.await(60, TimeUnit.SECONDS);
        return Answer.shell("echo paused after this");
      }
      return Answer.finish("went on");
    }
    if (said.contains("hang")) {
      HANGING.countDown();
      TimeUnit.SECONDS.sleep(50);
    }
    if (said.contains("secret")) {
      return results.isEmpty()
          ? Answer.shell("echo \"<$MY_TOKEN>\"; printf %s \"$MY_TOKEN\" | wc -c")
          : Answer.finish(results.getLast());
    }
    if (said.contains("touch")) {
      return results.isEmpty()
          ? Answer.shell("touch " + said.substring(said.indexOf('/')).strip())
          : Answer.finish("touched");
    }
    return Answer.finish("nothing to do");
  }

  private static ConversationSpec spec() {
    return ConversationSpec.of(Agent.of(settings)).withReadyTimeout(LONG);
  }

  @Test
  void theExamplesTwoTasksWriteAndDeleteTheFile() throws Exception {
    List<Event> events = Collections.synchronizedList(new ArrayList<>());
    CommandResult hello = server.execute("echo 'Hello from sandboxed environment!' && pwd");
    assertThat(hello.exitCode()).isZero();
    assertThat(hello.stdout()).isEqualTo("Hello from sandboxed environment!\n/workspace\n");
    try (Conversation conversation = server.open(spec().withCallback(events::add))) {
      assertThat(conversation.status()).isEqualTo(ExecutionStatus.IDLE);
      conversation.send("Read the repo and write 3 facts about the project into FACTS.txt.");
      assertThat(conversation.run(LONG)).isEqualTo(ExecutionStatus.FINISHED);
      // In the container, and so on the host, whose folder it is.
      assertThat(workspace.sandbox().exec("cat /workspace/FACTS.txt").stdout().lines())
          .hasSize(3)
          .first()
          .asString()
          .startsWith("1. It has ");
      assertThat(mounted.resolve("FACTS.txt")).isNotEmptyFile();
      assertThat(conversation.finalResponse()).contains("FACTS.txt has three facts.");
      Usage first = conversation.usage();
      assertThat(first.promptTokens()).isEqualTo(4L * ScriptedModel.PROMPT_TOKENS);

      conversation.send("Great! Now delete that file.");
      assertThat(conversation.run(LONG)).isEqualTo(ExecutionStatus.FINISHED);
      assertThat(workspace.sandbox().exec("test -e /workspace/FACTS.txt").returnCode())
          .isEqualTo(1);
      assertThat(mounted.resolve("FACTS.txt")).doesNotExist();

      // Six calls of 1000 and 50 tokens at gpt-4o's 2.5 and 10 dollars a million.
      Usage usage = conversation.usage();
      assertThat(usage.cost()).isCloseTo(0.018, org.assertj.core.data.Offset.offset(1e-9));
      assertThat(usage.completionTokens()).isEqualTo(6L * ScriptedModel.COMPLETION_TOKENS);
      assertThat(kinds(events))
          .containsSubsequence(
              "SystemPromptEvent", "MessageEvent", "ActionEvent", "ObservationEvent");
      assertThat(events.stream().filter(event -> event.kind().equals("ActionEvent"))).hasSize(6);
      assertOnceAndInOrder(events, conversation);
      assertThat(model.keys()).contains("Bearer sk-model-key");
      assertThat(conversation.state().toString()).doesNotContain("sk-model-key");
    }
  }

  private static List<String> kinds(List<Event> events) {
    return events.stream().map(Event::kind).toList();
  }

  /** What was delivered is, in order, what the server stored; besides, what it only sends. */
  private static void assertOnceAndInOrder(List<Event> delivered, Conversation conversation)
      throws InterruptedException {
    List<String> ids = delivered.stream().map(Event::id).toList();
    assertThat(ids).doesNotHaveDuplicates();
    List<String> stored = conversation.events(10_000).stream().map(Event::id).toList();
    assertThat(ids).containsSubsequence(stored);
  }

  @Test
  void aPausedRunGoesOn() throws Exception {
    try (Conversation conversation = server.open(spec());
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      conversation.send("please pause");
      Future<ExecutionStatus> run = threads.submit(() -> conversation.run(LONG));
      assertThat(PAUSING.await(60, TimeUnit.SECONDS)).isTrue();
      AgentServers.assertFailure(Failure.BUSY, conversation::start);
      Future<?> pause =
          threads.submit(() -> {
            conversation.pause();
            return null;
          });
      PAUSED.countDown();
      pause.get();
      assertThat(run.get()).isIn(ExecutionStatus.PAUSED, ExecutionStatus.FINISHED);
      assertThat(conversation.run(LONG)).isEqualTo(ExecutionStatus.FINISHED);
      assertThat(conversation.finalResponse()).contains("went on");
    }
  }

  @Test
  void aRunIsInterruptedAtOnceAndARunTimesOut() throws Exception {
    try (Conversation conversation = server.open(spec().deletedOnClose());
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      conversation.send("please hang");
      AgentServers.assertFailure(
          Failure.TIMED_OUT, () -> conversation.run(Duration.ofMillis(1500)));
      assertThat(conversation.status()).isEqualTo(ExecutionStatus.RUNNING);
      // Not run(), which would go on with what had been interrupted before it was asked.
      Future<ExecutionStatus> run = threads.submit(() -> conversation.await(LONG));
      long began = System.nanoTime();
      conversation.interrupt();
      assertThat(run.get()).isEqualTo(ExecutionStatus.PAUSED);
      assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(30));
    }
  }

  @Test
  void anAgentAsksBeforeItActs() throws Exception {
    try (Conversation conversation =
        server.open(spec().withConfirmation(ConfirmationPolicy.ALWAYS))) {
      conversation.send("touch /tmp/rejected");
      assertThat(conversation.run(LONG)).isEqualTo(ExecutionStatus.WAITING_FOR_CONFIRMATION);
      conversation.reject("not that one");
      assertThat(conversation.events(1000).stream().map(Event::kind))
          .contains("UserRejectObservation");

      conversation.send("touch /tmp/accepted");
      assertThat(conversation.run(LONG)).isEqualTo(ExecutionStatus.WAITING_FOR_CONFIRMATION);
      assertThat(workspace.sandbox().exec("ls /tmp/accepted /tmp/rejected").stdout()).isEmpty();
      conversation.confirmation(ConfirmationPolicy.NEVER);
      conversation.accept();
      assertThat(conversation.await(LONG)).isEqualTo(ExecutionStatus.FINISHED);
      assertThat(workspace.sandbox().exec("ls /tmp/accepted /tmp/rejected").stdout())
          .isEqualTo("/tmp/accepted\n");
    }
  }

  @Test
  void secretsAreThereForCommandsAndNotInEvents() throws Exception {
    String secret = "tok-" + UUID.randomUUID();
    List<Event> events = Collections.synchronizedList(new ArrayList<>());
    try (Conversation conversation = server.open(spec().withCallback(events::add))) {
      conversation.secrets(Map.of("MY_TOKEN", secret));
      conversation.send("show the secret");
      assertThat(conversation.run(LONG)).isEqualTo(ExecutionStatus.FINISHED);
      assertThat(conversation.finalResponse().orElse("")).contains(String.valueOf(secret.length()));
      assertThat(events.toString()).doesNotContain(secret);
    }
    try (Conversation conversation =
        server.open(spec().withSecrets(Map.of("MY_TOKEN", "at the start " + secret)))) {
      conversation.send("show the secret");
      conversation.run(LONG);
      assertThat(conversation.finalResponse().orElse(""))
          .contains(String.valueOf(13 + secret.length()));
    }
  }

  @Test
  void aCutWebSocketLosesAndRepeatsNothing() throws Exception {
    List<Event> events = Collections.synchronizedList(new ArrayList<>());
    try (CutProxy proxy = new CutProxy(workspace.url())) {
      AgentServer throughProxy = new AgentServer(proxy.url(), server.calls().key(), "/workspace");
      AtomicLong steps = new AtomicLong();
      onStep =
          () -> {
            if (steps.incrementAndGet() % 4 == 0) {
              proxy.cut();
            }
          };
      try (Conversation conversation =
          throughProxy.open(spec().withCallback(events::add).withInitialMessage("go ten steps"))) {
        assertThat(conversation.run(LONG)).isEqualTo(ExecutionStatus.FINISHED);
        assertOnceAndInOrder(events, conversation);
        assertThat(conversation.connections()).isGreaterThan(1);
        assertThat(events.stream().filter(event -> event.kind().equals("ObservationEvent")))
            .hasSize(11);
      } finally {
        onStep = () -> {};
      }
    }
  }

  @Test
  void whatAWebSocketThatStaysLostHasNotBroughtIsThereWhenTheRunEnds() throws Exception {
    List<Event> events = Collections.synchronizedList(new ArrayList<>());
    try (CutProxy proxy = new CutProxy(workspace.url())) {
      AgentServer throughProxy = new AgentServer(proxy.url(), server.calls().key(), "/workspace");
      AtomicLong steps = new AtomicLong();
      onStep =
          () -> {
            if (steps.incrementAndGet() == 3) {
              proxy.refuseWebSockets();
              proxy.cut();
            }
          };
      try (Conversation conversation =
          throughProxy.open(spec().withCallback(events::add).withInitialMessage("go ten steps"))) {
        assertThat(conversation.run(LONG)).isEqualTo(ExecutionStatus.FINISHED);
        assertOnceAndInOrder(events, conversation);
        assertThat(events.stream().filter(event -> event.kind().equals("ObservationEvent")))
            .hasSize(11);
      } finally {
        onStep = () -> {};
      }
    }
  }

  @Test
  void conversationsAreFoundForkedCondensedAndDeleted() throws Exception {
    UUID id = UUID.randomUUID();
    List<Event> forked = Collections.synchronizedList(new ArrayList<>());
    try (Conversation conversation = server.open(spec().withId(id));
        Conversation same = server.open(spec().withId(id))) {
      assertThat(same.id()).isEqualTo(conversation.id()).isEqualTo(id.toString());
      conversation.send("hello");
      assertThat(conversation.run(LONG)).isEqualTo(ExecutionStatus.FINISHED);
      assertThat(server.conversations(1000)).contains(id.toString());
      assertThat(server.conversations(1)).hasSize(1);
      conversation.condense();
      try (Conversation fork = conversation.fork(forked::add)) {
        assertThat(fork.id()).isNotEqualTo(conversation.id());
        assertThat(fork.usage()).isEqualTo(Usage.NONE);
        int before = fork.events(1000).size();
        fork.send("hello again");
        fork.run(LONG);
        assertThat(fork.events(1000)).hasSizeGreaterThan(before);
        assertThat(forked.stream().filter(event -> event.kind().equals("MessageEvent")))
            .singleElement()
            .satisfies(event -> assertThat(event.text()).contains("hello again"));
        fork.delete();
      }
      List<Event> all = Collections.synchronizedList(new ArrayList<>());
      try (Conversation again = server.attach(id.toString(), History.ALL, all::add)) {
        assertOnceAndInOrder(all, again);
      }
      conversation.delete();
      assertThat(server.conversations(1000)).doesNotContain(id.toString());
      AgentServers.assertFailure(
          Failure.NOT_FOUND, () -> server.attach(id.toString(), History.NEW, EventCallback.NONE));
      AgentServers.assertFailure(Failure.CLOSED, () -> conversation.send("too late"));
    }
  }

  @Test
  void aModelThatFailsEndsTheRunWithItsError() throws Exception {
    Agent hopeless =
        new Agent(
            new Settings("openai/gpt-4o", "sk-never-shown", "http://127.0.0.1:1/v1"),
            Agent.DEFAULT_TOOLS,
            0,
            Map.of(
                "llm",
                Map.of(
                    "model", "openai/gpt-4o",
                    "api_key", "sk-never-shown",
                    "base_url", "http://127.0.0.1:1/v1",
                    "num_retries", 0,
                    "usage_id", "agent")));
    try (Conversation conversation = server.open(ConversationSpec.of(hopeless))) {
      conversation.send("hello");
      assertThatThrownBy(() -> conversation.run(LONG))
          .isInstanceOfSatisfying(
              OpenHandsException.class,
              e -> {
                assertThat(e.failure()).isEqualTo(Failure.RUN_FAILED);
                assertThat(e).hasMessageContaining("error: LLM");
                assertThat(e.getMessage()).doesNotContain("sk-never-shown");
              });
    }
    assertThatThrownBy(() ->
            server.open(
                ConversationSpec.of(
                    new Agent(
                        settings, List.of(), 0, Map.of("llm", Map.of("api_key", "sk-mine"))))))
        .isInstanceOf(OpenHandsException.class)
        .message()
        .contains("422")
        .doesNotContain("sk-mine");
  }

  @Test
  void nobodyElseGetsIn() throws Exception {
    AgentServer stranger = new AgentServer(workspace.url(), "wrong", "/workspace");
    AgentServers.assertFailure(Failure.UNAUTHORIZED, () -> stranger.execute("id"));
    try (Conversation conversation = server.open(spec())) {
      try (EventSocket socket =
          EventSocket.open(
              stranger.calls().socket("/sockets/events/" + conversation.id()), "wrong", LONG)) {
        assertThatThrownBy(() -> socket.poll(LONG))
            .isInstanceOfSatisfying(
                EventSocket.Ended.class,
                e -> assertThat(e.code()).isEqualTo(EventSocket.UNAUTHORIZED));
      }
      try (EventSocket socket =
          EventSocket.open(
              server.calls().socket("/sockets/events/" + UUID.randomUUID()),
              server.calls().key(),
              LONG)) {
        assertThatThrownBy(() -> socket.poll(LONG))
            .isInstanceOfSatisfying(
                EventSocket.Ended.class,
                e -> assertThat(e.code()).isEqualTo(EventSocket.NOT_FOUND));
      }
    }
    String key = server.calls().key();
    try (var processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path each : processes) {
        assertThat(AgentServers.read(each.resolve("cmdline"))).doesNotContain(key);
      }
    }
    assertThat(workspace.log())
        .doesNotContain(key)
        .contains("Starting OpenHands Agent Server on 127.0.0.1:");
    String port = String.format(":%04X", workspace.url().getPort());
    List<String> listening =
        Files.readAllLines(Path.of("/proc/net/tcp")).stream()
            .map(line -> line.strip().split("\\s+"))
            .filter(fields -> fields[3].equals("0A") && fields[1].endsWith(port))
            .map(fields -> fields[1])
            .toList();
    assertThat(listening).containsExactly("0100007F" + port);
  }

  @Test
  @Order(Integer.MAX_VALUE)
  void aKilledServerIsNoticedAndCanBeRestarted() throws Exception {
    List<Event> events = Collections.synchronizedList(new ArrayList<>());
    try (Conversation conversation = server.open(spec().withCallback(events::add));
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      conversation.send("please hang");
      Future<ExecutionStatus> run = threads.submit(() -> conversation.run(LONG));
      assertThat(HANGING.await(60, TimeUnit.SECONDS)).isTrue();
      long killed = System.nanoTime();
      workspace.sandbox().exec("kill -9 $(pgrep -f openhands.agent_serve[r])");
      assertThatThrownBy(run::get)
          .isInstanceOf(ExecutionException.class)
          .cause()
          .isInstanceOf(ServiceException.class)
          .hasMessageContaining("ended with exit code 137");
      assertThat(Duration.ofNanos(System.nanoTime() - killed)).isLessThan(Duration.ofSeconds(20));
      assertThat(workspace.isAlive()).isFalse();
      assertThatThrownBy(() -> server.execute("true")).isInstanceOf(ServiceException.class);

      workspace.restart();
      assertThat(server.execute("echo again").stdout()).isEqualTo("again\n");
      // The conversation is stored, and its stream comes back.
      conversation.send("now ten steps");
      assertThat(conversation.run(LONG)).isEqualTo(ExecutionStatus.FINISHED);
      assertThat(conversation.connections()).isEqualTo(2);
      assertOnceAndInOrder(events, conversation);
      assertThat(conversation.finalResponse()).contains("ten steps done");
    }
    int port = workspace.url().getPort();
    workspace.close();
    assertThat(AgentServers.serversOn(port)).isEmpty();
    assertThat(mounted).isDirectoryContaining("glob:**/README.md");
  }
}
