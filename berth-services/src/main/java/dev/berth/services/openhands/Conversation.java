package dev.berth.services.openhands;

import dev.berth.services.http.Reply;
import dev.berth.services.openhands.OpenHandsException.Failure;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A conversation with an agent on a server. Its events come over a WebSocket to the callback; all
 * else is calls. Thread-safe. Whoever opens it closes it.
 *
 * <p>All calls throw {@link OpenHandsException}, or {@link dev.berth.ServiceException} if the
 * server is one of an {@link ApptainerWorkspace} and its process has ended.
 */
public final class Conversation implements AutoCloseable {
  private static final int CONFLICT = 409;
  private static final int PAGE = 50;

  private final AgentServer server;
  private final Calls calls;
  private final String id;
  private final String path;
  private final boolean deleteOnClose;

  /** The model that was last set from here; null if none was. */
  private volatile @Nullable Settings settings;

  private final Progress progress = new Progress();
  private final EventStream stream;
  private volatile boolean closed;

  private Conversation(
      AgentServer server, String id, boolean deleteOnClose, History history, EventCallback callback)
      throws InterruptedException {
    this.server = server;
    this.calls = server.calls();
    this.id = id;
    this.path = "/api/conversations/" + id;
    this.deleteOnClose = deleteOnClose;
    this.stream = new EventStream(calls, id, history, progress, callback);
  }

  static Conversation open(AgentServer server, ConversationSpec spec) throws InterruptedException {
    JsonNode made =
        server
            .calls()
            .post("/api/conversations", spec.json(server.workingDir()), spec.readyTimeout());
    String id = Shapes.id(made, "conversations");
    Conversation opened =
        new Conversation(server, id, spec.deleteOnClose(), History.ALL, spec.callback());
    opened.settings = spec.agent().settings();
    return ready(opened, spec.readyTimeout());
  }

  static Conversation attach(AgentServer server, String id, History history, EventCallback callback)
      throws InterruptedException {
    JsonNode found =
        server.calls().get("/api/conversations/" + Shapes.part(id), Map.of(), Calls.SOON);
    String known = Shapes.id(found, "conversations");
    return ready(new Conversation(server, known, false, history, callback), Duration.ofSeconds(30));
  }

  private static Conversation ready(Conversation made, Duration within)
      throws InterruptedException {
    boolean done = false;
    try {
      made.progress.awaitReady(within);
      done = true;
      return made;
    } finally {
      if (!done) {
        made.stream.close();
      }
    }
  }

  /** Its id on the server. */
  public String id() {
    return id;
  }

  /** Says something to the agent. It reads it when it runs. */
  public void send(String text) throws InterruptedException {
    post("/events", ConversationSpec.message(text, false));
  }

  /**
   * Has the agent work until it is done, or cannot go on; joins a run that is on already. When this
   * returns the callback has had the run's events.
   *
   * @param within how long to wait; the agent works on if that is over
   * @return what it is doing now: {@code FINISHED}, or {@code PAUSED}, {@code
   *     WAITING_FOR_CONFIRMATION}, {@code IDLE}
   * @throws OpenHandsException RUN_FAILED, STUCK, TIMED_OUT, or of another failure
   */
  public ExecutionStatus run(Duration within) throws InterruptedException {
    Await await = new Await(within);
    start(Set.of(CONFLICT));
    return await.end();
  }

  /**
   * Has the agent work, and returns at once.
   *
   * @throws OpenHandsException BUSY if it works already
   */
  public void start() throws InterruptedException {
    start(Set.of());
  }

  private void start(Set<Integer> taken) throws InterruptedException {
    requireOpen();
    calls.call("POST", path + "/run", null, taken, Calls.SOON);
    // The server answers; a stream that has lost it need not wait any longer.
    stream.wake();
  }

  /** Waits for the end of a run that is on, as {@link #run} does; starts none. */
  public ExecutionStatus await(Duration within) throws InterruptedException {
    return new Await(within).end();
  }

  /** Ends the run after the step that it is at; {@link #run} goes on. */
  public void pause() throws InterruptedException {
    post("/pause", null);
  }

  /** Ends the run at once, the call to the model included; {@link #run} goes on. */
  public void interrupt() throws InterruptedException {
    post("/interrupt", null);
  }

  /** Lets the agent do what it asks to do, and go on: {@link #await} waits for that. */
  public void accept() throws InterruptedException {
    respond(true, "");
  }

  /** Does not let it; the agent is told the reason when it runs next. */
  public void reject(String reason) throws InterruptedException {
    respond(false, reason);
  }

  private void respond(boolean accept, String reason) throws InterruptedException {
    post("/events/respond_to_confirmation", Map.of("accept", accept, "reason", reason));
  }

  /** When the agent asks before it acts, from now on. */
  public void confirmation(ConfirmationPolicy policy) throws InterruptedException {
    post("/confirmation_policy", Map.of("policy", policy.json()));
  }

  /** Adds secrets: variables for commands of the agent that name them; masked in their output. */
  public void secrets(Map<String, String> values) throws InterruptedException {
    post("/secrets", Map.of("secrets", Map.copyOf(values)));
  }

  /**
   * Has the older events summed up.
   *
   * @throws OpenHandsException BUSY if its agent has nothing that does so
   */
  public void condense() throws InterruptedException {
    post("/condense", null);
  }

  /** Has the agent use another model from now on. */
  public void switchModel(Settings other) throws InterruptedException {
    post("/switch_llm", Map.of("llm", other.json("agent")));
    settings = other;
  }

  /**
   * A new conversation that begins as this one stands. The callback gets its new events. The server
   * forgets the model's key in it: it is set again if this conversation was opened here; in one
   * that was attached, call {@link #switchModel} first.
   */
  public Conversation fork(EventCallback callback) throws InterruptedException {
    requireOpen();
    JsonNode made = calls.post(path + "/fork", Map.of(), Calls.SOON);
    Conversation fork = attach(server, Shapes.id(made, "fork"), History.NEW, callback);
    Settings known = settings;
    boolean done = false;
    try {
      if (known != null) {
        fork.switchModel(known);
      }
      done = true;
      return fork;
    } finally {
      if (!done) {
        fork.close();
      }
    }
  }

  /** The agent's last word; empty if it has not finished anything yet. */
  public Optional<String> finalResponse() throws InterruptedException {
    String text =
        Shapes.text(
            calls.get(path + "/agent_final_response", Map.of(), Calls.SOON).path("response"));
    return text.isEmpty() ? Optional.empty() : Optional.of(text);
  }

  /** What the agent is doing, asked of the server. */
  public ExecutionStatus status() throws InterruptedException {
    return ExecutionStatus.read(state().path("execution_status"));
  }

  /** What has been used of its models so far, asked of the server. */
  public Usage usage() throws InterruptedException {
    return Usage.read(state().path("stats"));
  }

  /** All of its state, as the server tells it; without the model's key. */
  public JsonNode state() throws InterruptedException {
    return calls.get(path, Map.of(), Calls.SOON);
  }

  /** Its stored events from the first on, at most so many. */
  public List<Event> events(int most) throws InterruptedException {
    List<Event> events = new ArrayList<>();
    String page = null;
    do {
      Map<String, String> query =
          new HashMap<>(Map.of("limit", "" + Math.clamp(most - events.size(), 1, PAGE)));
      if (page != null) {
        query.put("page_id", page);
      }
      JsonNode found = calls.get(path + "/events/search", query, Calls.SOON);
      List<JsonNode> items = Shapes.items(found, PAGE, "events/search");
      items.forEach(each -> events.add(Event.read(each)));
      page = items.isEmpty() ? null : Shapes.nextPage(found);
    } while (page != null && events.size() < most);
    return List.copyOf(events.subList(0, Math.min(most, events.size())));
  }

  /** How often its event stream was connected: 1 if it was never lost. */
  public long connections() {
    return progress.connections();
  }

  /** Deletes it on the server, and closes it. */
  public void delete() throws InterruptedException {
    calls.call("DELETE", path, null, Set.of(404), Calls.SOON);
    closed = true;
    stream.close();
  }

  /**
   * Ends the event stream, and deletes the conversation if its spec says so. A run goes on without
   * it. A server that is gone is no failure.
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    stream.close();
    if (deleteOnClose) {
      boolean interrupted = Thread.interrupted();
      try {
        calls.call("DELETE", path, null, Set.of(404), Duration.ofSeconds(10));
      } catch (InterruptedException e) {
        interrupted = true;
      } catch (RuntimeException e) {
        // It went with its server.
      } finally {
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }
  }

  private Reply post(String call, @Nullable Object body) throws InterruptedException {
    requireOpen();
    return calls.call("POST", path + call, body, Set.of(), Calls.SOON);
  }

  private void requireOpen() {
    if (closed) {
      throw new OpenHandsException(
          Failure.CLOSED, "Tried to use the conversation " + id + ", but it was closed here.");
    }
  }

  private interface Question<T> {
    T ask() throws InterruptedException;
  }

  /** Waiting for the end of a run. The stream tells it; the server is asked now and then, too. */
  private final class Await {
    private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
    private static final Duration LOOK_WITHIN = Duration.ofSeconds(10);

    /** So long a run may not have begun although it was asked for. */
    private static final Duration BEGINS_WITHIN = Duration.ofSeconds(2);

    /** So long the stream may lag behind what the server says of itself. */
    private static final Duration LAG = Duration.ofSeconds(5);

    private static final Duration OUTAGE = Duration.ofSeconds(20);

    private final Duration within;
    private final long began = System.nanoTime();
    private long before;
    private boolean ran;
    private long endedSince;
    private long connections;
    private long outSince;

    Await(Duration within) {
      this.within = within;
      this.before = progress.beginRun();
    }

    ExecutionStatus end() throws InterruptedException {
      while (true) {
        requireOpen();
        Duration left = within.minus(since(began));
        if (left.isNegative()) {
          throw new OpenHandsException(
              Failure.TIMED_OUT,
              "Tried to run the conversation "
                  + id
                  + ", but it was not done in "
                  + within
                  + "; its agent may work on: pause it, or wait again.");
        }
        boolean settled =
            progress.awaitSettled(before, left.compareTo(LOOK_EVERY) < 0 ? left : LOOK_EVERY);
        RuntimeException failure = progress.failure();
        if (failure != null) {
          throw failure;
        }
        calls.liveness().check();
        Optional<ExecutionStatus> status = look();
        if (status.isPresent() && status.get() != ExecutionStatus.RUNNING) {
          if (settled || accepted()) {
            return checked(status.get());
          }
        } else if (status.isPresent()) {
          // A run that a hook has continued, or one that another caller has begun.
          before = progress.settled();
          ran = true;
          endedSince = 0;
        }
      }
    }

    private Optional<ExecutionStatus> look() throws InterruptedException {
      return patiently(() -> {
        JsonNode state = calls.get(path, Map.of(), LOOK_WITHIN);
        return ExecutionStatus.read(state.path("execution_status"));
      });
    }

    /** Empty while the server cannot answer, which may pass. */
    private <T> Optional<T> patiently(Question<T> question) throws InterruptedException {
      try {
        T answer = question.ask();
        outSince = 0;
        return Optional.of(answer);
      } catch (OpenHandsException e) {
        boolean mayPass =
            switch (e.failure()) {
              case UNREACHABLE, TIMED_OUT, SERVER, BUSY -> true;
              default -> false;
            };
        outSince = outSince == 0 ? System.nanoTime() : outSince;
        if (!mayPass || since(outSince).compareTo(OUTAGE) > 0) {
          throw e;
        }
        return Optional.empty();
      }
    }

    /**
     * Without the stream's word: it is not running any more, and not only not yet. A stream that
     * was lost has caught up with the run's end; one that cannot in time is read by calls.
     */
    private boolean accepted() throws InterruptedException {
      if (!ran && since(began).compareTo(BEGINS_WITHIN) < 0) {
        return false;
      }
      if (endedSince == 0) {
        endedSince = System.nanoTime();
        connections = progress.connections();
      }
      boolean connected = progress.isConnected();
      if (!connected) {
        stream.wake();
      }
      if (connected && progress.connections() > connections) {
        return true;
      }
      return since(endedSince).compareTo(LAG) >= 0
          && patiently(() -> stream.catchUp(LOOK_EVERY)).orElse(false);
    }

    private ExecutionStatus checked(ExecutionStatus status) {
      if (status == ExecutionStatus.ERROR) {
        String error = progress.error();
        throw new OpenHandsException(
            Failure.RUN_FAILED,
            "Tried to run the conversation "
                + id
                + ", but it ended in an error"
                + (error.isEmpty() ? "." : ": " + error));
      }
      if (status == ExecutionStatus.STUCK) {
        throw new OpenHandsException(
            Failure.STUCK,
            "Tried to run the conversation " + id + ", but its agent repeats itself.");
      }
      return status;
    }

    private static Duration since(long nanos) {
      return Duration.ofNanos(System.nanoTime() - nanos);
    }
  }
}
