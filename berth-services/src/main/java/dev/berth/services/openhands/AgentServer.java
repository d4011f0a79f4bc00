package dev.berth.services.openhands;

import dev.berth.OutputSink.Channel;
import dev.berth.RequestException;
import dev.berth.services.http.JsonClient;
import dev.berth.services.openhands.GitChange.Status;
import dev.berth.services.openhands.OpenHandsException.Failure;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A client of an OpenHands agent server: commands, files, git, conversations. What the server sends
 * is taken within bounds and never trusted. Thread-safe; nothing to close but its conversations.
 *
 * <p>Calls throw {@link OpenHandsException}, or {@link dev.berth.ServiceException} if the server is
 * one of a {@link ApptainerWorkspace} and its process has ended.
 */
public final class AgentServer {
  private static final int MOST_CHANGES = 100_000;
  private static final int PAGE = 100;

  private final Calls calls;
  private final Commands commands;
  private final String workingDir;

  /**
   * A client of the server there.
   *
   * @param key its session key; empty if it wants none
   * @param workingDir where commands run and agents work unless they name another folder, absolute
   */
  public AgentServer(URI url, String key, String workingDir) {
    this(url, key, workingDir, Liveness.UNKNOWN);
  }

  AgentServer(URI url, String key, String workingDir, Liveness liveness) {
    this.calls = new Calls(url, key, liveness);
    this.commands = new Commands(calls);
    this.workingDir = absolute("work in", workingDir);
  }

  Calls calls() {
    return calls;
  }

  /** Where commands run and agents work unless they name another folder. */
  public String workingDir() {
    return workingDir;
  }

  /** What the server says of itself: versions, tools, abilities. */
  public JsonNode info() throws InterruptedException {
    return calls.get("/server_info", Map.of(), Calls.SOON);
  }

  /** Runs a line of shell with all defaults and waits for its end. */
  public CommandResult execute(String command) throws InterruptedException {
    return execute(CommandRequest.of(command));
  }

  /** Runs a command and waits for its end. A failing command is a result, not an exception. */
  public CommandResult execute(CommandRequest request) throws InterruptedException {
    return execute(request, (channel, text) -> {});
  }

  /**
   * The same, and hands the output to {@code output} as the server gives it: in parts of up to 1
   * MiB, and the last part only at the end.
   */
  public CommandResult execute(CommandRequest request, BiConsumer<Channel, String> output)
      throws InterruptedException {
    return commands.execute(request, workingDir, output);
  }

  /**
   * Copies a file of the host to the server.
   *
   * @param to absolute; its folder is made if need be
   * @return how many bytes the server wrote
   */
  public long upload(Path file, String to, Duration within) throws InterruptedException {
    String path = JsonClient.path("/api/file/upload", Map.of("path", absolute("upload to", to)));
    if (!Files.isReadable(file) || Files.isDirectory(file)) {
      throw new RequestException(
          "Tried to upload " + file + ", but it is no file that can be read here.");
    }
    JsonNode answer =
        calls.translated(
            "POST /api/file/upload",
            () ->
                calls
                    .checked(
                        "POST /api/file/upload",
                        Set.of(),
                        () -> calls.client().upload(path, Map.of(), "file", file, within))
                    .json());
    return answer.path("file_size").asLong(-1);
  }

  /**
   * Copies a file of the server to the host.
   *
   * @param from absolute
   * @param to replaced if it exists; left as it was if this fails
   * @param most how many bytes are taken at most
   * @return how many bytes there were
   */
  public long download(String from, Path to, long most, Duration within)
      throws InterruptedException {
    String path = JsonClient.path("/api/file/download", Map.of("path", absolute("download", from)));
    Path target = to.toAbsolutePath();
    try {
      // A folder of its own: the client wants a file that is not there yet.
      Path folder = Files.createTempDirectory(target.getParent(), ".berth-");
      try {
        Path part = folder.resolve("part");
        long size =
            calls.translated(
                "GET /api/file/download", () -> calls.client().download(path, part, most, within));
        Files.move(part, target, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        return size;
      } finally {
        Files.deleteIfExists(folder.resolve("part"));
        Files.delete(folder);
      }
    } catch (FileNotFoundException | java.nio.file.FileSystemException e) {
      throw new RequestException(
          null, null, "Tried to write " + to + ", but " + e.getMessage() + ".", e);
    } catch (IOException e) {
      throw new OpenHandsException(
          Failure.UNREACHABLE, "Tried to download " + from + ", but " + e.getMessage() + ".", e);
    }
  }

  /** Makes a folder on the server, with those above it; does nothing if it exists. */
  public void createDirectory(String path) throws InterruptedException {
    calls.call(
        "POST",
        JsonClient.path(
            "/api/file/create_directory", Map.of("path", absolute("create the folder", path))),
        null,
        Set.of(),
        Calls.SOON);
  }

  /**
   * What differs from the last commit in the repository there.
   *
   * @param path relative to the working directory, or absolute
   */
  public List<GitChange> gitChanges(String path) throws InterruptedException {
    JsonNode answer = calls.get("/api/git/changes", Map.of("path", joined(path)), Calls.SOON);
    if (!answer.isArray() || answer.size() > MOST_CHANGES) {
      throw Shapes.wrong("git/changes", "no list of at most " + MOST_CHANGES + " changes");
    }
    List<GitChange> changes = new ArrayList<>();
    for (JsonNode each : answer) {
      changes.add(
          new GitChange(
              switch (Shapes.text(each.path("status"))) {
                case "ADDED" -> Status.ADDED;
                case "UPDATED" -> Status.UPDATED;
                case "DELETED" -> Status.DELETED;
                case "MOVED" -> Status.MOVED;
                default -> Status.OTHER;
              },
              Shapes.text(each.path("path"))));
    }
    return List.copyOf(changes);
  }

  /** A file as the repository has it and as it is; the path as with {@link #gitChanges}. */
  public GitDiff gitDiff(String path) throws InterruptedException {
    JsonNode answer = calls.get("/api/git/diff", Map.of("path", joined(path)), Calls.SOON);
    return new GitDiff(text(answer.path("original")), text(answer.path("modified")));
  }

  /**
   * Opens a conversation with a new agent; see {@link ConversationSpec}. Whoever calls this closes
   * it.
   */
  public Conversation open(ConversationSpec spec) throws InterruptedException {
    return Conversation.open(this, spec);
  }

  /**
   * Takes hold of a conversation that the server has.
   *
   * @param events which of its events the callback gets
   * @throws OpenHandsException NOT_FOUND if there is none of this id
   */
  public Conversation attach(String id, History events, EventCallback callback)
      throws InterruptedException {
    return Conversation.attach(this, id, events, callback);
  }

  /** The ids of the server's conversations, at most so many, the newest first. */
  public List<String> conversations(int most) throws InterruptedException {
    List<String> ids = new ArrayList<>();
    String page = null;
    do {
      Map<String, String> query = new LinkedHashMap<>();
      query.put("limit", Integer.toString(Math.clamp(most - ids.size(), 1, PAGE)));
      if (page != null) {
        query.put("page_id", page);
      }
      JsonNode found = calls.get("/api/conversations/search", query, Calls.SOON);
      List<JsonNode> items = Shapes.items(found, PAGE, "conversations/search");
      items.forEach(each -> ids.add(Shapes.id(each, "conversations/search")));
      page = items.isEmpty() ? null : Shapes.nextPage(found);
    } while (page != null && ids.size() < most);
    return List.copyOf(ids.subList(0, Math.min(most, ids.size())));
  }

  private String joined(String path) {
    return path.startsWith("/") ? path : workingDir + "/" + path;
  }

  private static @Nullable String text(JsonNode node) {
    return node.isString() ? node.stringValue() : null;
  }

  private static String absolute(String what, String path) {
    if (!path.startsWith("/")) {
      throw new RequestException(
          "Tried to " + what + " '" + path + "' on the agent server; the path must be absolute.");
    }
    return path;
  }
}
