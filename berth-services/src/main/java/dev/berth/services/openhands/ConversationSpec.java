package dev.berth.services.openhands;

import dev.berth.RequestException;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A conversation to open. Immutable; made with {@link #of} and the methods that change one part.
 *
 * @param agent who works in it
 * @param id its id, so that asking twice gives one conversation; null for a new one
 * @param workingDir where the agent works, absolute; null for the workspace's
 * @param initialMessage said to the agent at once; null for nothing
 * @param maxIterations how many steps a run may take
 * @param stuckDetection whether a run ends when the agent repeats itself
 * @param confirmation when the agent asks before it acts
 * @param secrets name → value, which the agent's commands get as variables when they name them
 * @param autoTitle whether the server has the model find a title, which costs a call
 * @param deleteOnClose whether {@link Conversation#close()} deletes it
 * @param readyTimeout how long it may take until events come
 * @param callback gets its events, from the first on
 */
public record ConversationSpec(
    Agent agent,
    @Nullable UUID id,
    @Nullable String workingDir,
    @Nullable String initialMessage,
    int maxIterations,
    boolean stuckDetection,
    ConfirmationPolicy confirmation,
    Map<String, String> secrets,
    boolean autoTitle,
    boolean deleteOnClose,
    Duration readyTimeout,
    EventCallback callback) {

  /** Checks and copies. */
  public ConversationSpec {
    if (maxIterations < 1) {
      throw new RequestException(
          "Tried to allow a run " + maxIterations + " steps; it must be 1 or more.");
    }
    if (workingDir != null && !workingDir.startsWith("/")) {
      throw new RequestException(
          "Tried to have an agent work in '" + workingDir + "'; the folder must be absolute.");
    }
    if (readyTimeout.isNegative() || readyTimeout.isZero()) {
      throw new RequestException(
          "Tried to wait " + readyTimeout + " for a conversation; it must be above zero.");
    }
    secrets = Collections.unmodifiableMap(new LinkedHashMap<>(secrets));
  }

  /** With all defaults. */
  public static ConversationSpec of(Agent agent) {
    return new ConversationSpec(
        agent,
        null,
        null,
        null,
        500,
        true,
        ConfirmationPolicy.NEVER,
        Map.of(),
        false,
        false,
        Duration.ofSeconds(30),
        EventCallback.NONE);
  }

  /** The same under this id. */
  public ConversationSpec withId(UUID other) {
    return but(parts -> parts.id = other);
  }

  /** The same in another folder. */
  public ConversationSpec in(String folder) {
    return but(parts -> parts.workingDir = folder);
  }

  /** The same with a first message. */
  public ConversationSpec withInitialMessage(String text) {
    return but(parts -> parts.initialMessage = text);
  }

  /** The same with another bound on a run's steps. */
  public ConversationSpec withMaxIterations(int most) {
    return but(parts -> parts.maxIterations = most);
  }

  /** The same with or without an end for agents that repeat themselves. */
  public ConversationSpec withStuckDetection(boolean detect) {
    return but(parts -> parts.stuckDetection = detect);
  }

  /** The same with another policy. */
  public ConversationSpec withConfirmation(ConfirmationPolicy policy) {
    return but(parts -> parts.confirmation = policy);
  }

  /** The same with these secrets. */
  public ConversationSpec withSecrets(Map<String, String> others) {
    return but(parts -> parts.secrets = others);
  }

  /** The same with a title made by the model. */
  public ConversationSpec withAutoTitle() {
    return but(parts -> parts.autoTitle = true);
  }

  /** The same, deleted when it is closed. */
  public ConversationSpec deletedOnClose() {
    return but(parts -> parts.deleteOnClose = true);
  }

  /** The same with another time to get ready. */
  public ConversationSpec withReadyTimeout(Duration within) {
    return but(parts -> parts.readyTimeout = within);
  }

  /** The same with another callback. */
  public ConversationSpec withCallback(EventCallback other) {
    return but(parts -> parts.callback = other);
  }

  private ConversationSpec but(Consumer<Parts> change) {
    Parts parts = new Parts(this);
    change.accept(parts);
    return parts.spec();
  }

  Map<String, Object> json(String defaultDir) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("agent", agent.json());
    json.put(
        "workspace",
        Map.of(
            "kind", "LocalWorkspace", "working_dir", workingDir == null ? defaultDir : workingDir));
    json.put("max_iterations", maxIterations);
    json.put("stuck_detection", stuckDetection);
    json.put("confirmation_policy", confirmation.json());
    json.put("autotitle", autoTitle);
    Map<String, String> modules = new LinkedHashMap<>();
    for (String tool : agent.tools()) {
      if (Agent.DEFAULT_TOOLS.contains(tool)) {
        // Where the server finds them if it has not loaded them yet.
        modules.put(tool, "openhands.tools." + tool + ".definition");
      }
    }
    json.put("tool_module_qualnames", modules);
    if (id != null) {
      json.put("conversation_id", id.toString());
    }
    if (initialMessage != null) {
      json.put("initial_message", message(initialMessage, false));
    }
    if (!secrets.isEmpty()) {
      Map<String, Object> all = new LinkedHashMap<>();
      secrets.forEach(
          (name, value) -> all.put(name, Map.of("kind", "StaticSecret", "value", value)));
      json.put("secrets", all);
    }
    return json;
  }

  static Map<String, Object> message(String text, boolean run) {
    return Map.of(
        "role",
        "user",
        "content",
        java.util.List.of(Map.of("type", "text", "text", text)),
        "run",
        run);
  }

  /** Without secrets. */
  @Override
  public String toString() {
    return "ConversationSpec[" + agent + ", secrets=" + secrets.keySet() + "]";
  }

  /** What a spec is made of while one part of it is changed. */
  private static final class Parts {
    Agent agent;
    @Nullable UUID id;
    @Nullable String workingDir;
    @Nullable String initialMessage;
    int maxIterations;
    boolean stuckDetection;
    ConfirmationPolicy confirmation;
    Map<String, String> secrets;
    boolean autoTitle;
    boolean deleteOnClose;
    Duration readyTimeout;
    EventCallback callback;

    Parts(ConversationSpec from) {
      agent = from.agent;
      id = from.id;
      workingDir = from.workingDir;
      initialMessage = from.initialMessage;
      maxIterations = from.maxIterations;
      stuckDetection = from.stuckDetection;
      confirmation = from.confirmation;
      secrets = from.secrets;
      autoTitle = from.autoTitle;
      deleteOnClose = from.deleteOnClose;
      readyTimeout = from.readyTimeout;
      callback = from.callback;
    }

    ConversationSpec spec() {
      return new ConversationSpec(
          agent,
          id,
          workingDir,
          initialMessage,
          maxIterations,
          stuckDetection,
          confirmation,
          secrets,
          autoTitle,
          deleteOnClose,
          readyTimeout,
          callback);
    }
  }
}
