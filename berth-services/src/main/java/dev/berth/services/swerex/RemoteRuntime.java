package dev.berth.services.swerex;

import dev.berth.SandboxEndpoint;
import dev.berth.core.state.Scratch;
import dev.berth.services.http.CallException;
import dev.berth.services.http.JsonClient;
import dev.berth.services.http.Reply;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A {@link Runtime} of a swe-rex server, such as {@code swerex-remote} of the Python package {@code
 * swe-rex} 1.4. What the server says is taken within bounds and never chooses a class.
 *
 * <p>A lost answer is asked for again by the call's id, which servers keep; a command is never sent
 * twice. If the server does not have the answer either, the call fails with {@link
 * Failure#UNREACHABLE}, and whether it ran is not known. Exit codes are checked here, not by the
 * server: it would not keep the answer of a failed call.
 *
 * <p>A command takes as long as its own timeout lets it, without one for ever. All other waits end
 * after {@linkplain #withPatience a patience} of ten minutes: the real server answers one call at a
 * time, so that a command in one session holds up all other calls, {@link #interrupt} too.
 *
 * <p>Folders are sent as a zip file, which the server unpacks without modes and times; a link is
 * sent as what it leads to, and refused if that is outside the folder.
 */
public final class RemoteRuntime implements Runtime {
  private static final Duration ALIVE_WITHIN = Duration.ofSeconds(5);
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  private final Calls calls;
  private final Duration patience;

  /**
   * A runtime of the server there, which is asked nothing yet.
   *
   * @param key what it wants in {@code X-API-Key}; empty for none
   */
  public RemoteRuntime(URI server, String key) {
    this(server, headers(Map.of(), key), PATIENCE);
  }

  /** The same at a sandbox's endpoint. */
  public RemoteRuntime(SandboxEndpoint endpoint, String key) {
    this(endpoint.url(), headers(endpoint.headers(), key), PATIENCE);
  }

  private RemoteRuntime(URI server, Map<String, String> headers, Duration patience) {
    this(new Calls(new JsonClient(server, headers)), patience);
  }

  private RemoteRuntime(Calls calls, Duration patience) {
    this.calls = calls;
    this.patience = patience;
  }

  private static Map<String, String> headers(Map<String, String> more, String key) {
    Map<String, String> headers = new LinkedHashMap<>(more);
    if (!key.isEmpty()) {
      headers.put("X-API-Key", key);
    }
    return headers;
  }

  /** The same server, with another time that an answer may take beyond the call's own timeout. */
  public RemoteRuntime withPatience(Duration longest) {
    return new RemoteRuntime(calls, longest);
  }

  @Override
  public Liveness isAlive() throws InterruptedException {
    return alive(ALIVE_WITHIN);
  }

  /** The same with another time to answer. */
  Liveness alive(Duration within) throws InterruptedException {
    try {
      Reply reply = calls.get("/is_alive", within);
      JsonNode answer = Wire.answer("is_alive", reply);
      return new Liveness(
          answer.path("is_alive").asBoolean(false), Wire.text(answer, "message", "is_alive"));
    } catch (CallException | SwerexException e) {
      return new Liveness(false, String.valueOf(e.getMessage()));
    }
  }

  @Override
  public String createSession(SessionRequest request) throws InterruptedException {
    JsonNode answer =
        calls.once("create_session", Wire.body(request), within(request.startupTimeout()));
    return Wire.text(answer, "output", "create_session");
  }

  @Override
  public Observation runInSession(BashAction action) throws InterruptedException {
    JsonNode answer = calls.once("run_in_session", Wire.body(action), within(action.timeout()));
    boolean asked =
        action.check() != Check.IGNORE && !action.interactiveCommand() && !action.interactiveQuit();
    Observation seen = Wire.observation(answer, action.expect(), asked);
    if (action.check() == Check.RAISE && asked && seen.expectString().isEmpty()) {
      Integer code = seen.exitCode();
      if (code == null) {
        throw new SwerexException(
            Failure.NO_EXIT_CODE,
            said(action.errorMessage())
                + "The command ended, but its exit code could not be had "
                + (seen.failureReason().isEmpty() ? "." : ": " + seen.failureReason()),
            seen.output(),
            null);
      }
      checked(code, action.errorMessage(), seen.output());
    }
    return seen;
  }

  @Override
  public Observation interrupt(BashInterrupt interrupt) throws InterruptedException {
    Duration tries = interrupt.timeout().multipliedBy(interrupt.retries() + 2L);
    JsonNode answer = calls.once("run_in_session", Wire.body(interrupt), within(tries));
    return Wire.observation(answer, interrupt.expect(), false);
  }

  @Override
  public void closeSession(String session) throws InterruptedException {
    calls.once(
        "close_session", Map.of("session", session, "session_type", "bash"), within(Duration.ZERO));
  }

  @Override
  public Execution execute(ExecuteRequest request) throws InterruptedException {
    JsonNode answer = calls.once("execute", Wire.body(request), within(request.timeout()));
    Execution done =
        new Execution(
            Wire.text(answer, "stdout", "execute"),
            Wire.text(answer, "stderr", "execute"),
            Wire.number(answer, "exit_code", "execute"));
    if (request.check()) {
      Integer code = done.exitCode();
      checked(code == null ? -1 : code, request.errorMessage(), done.stdout() + done.stderr());
    }
    return done;
  }

  @Override
  public String readFile(ReadFile file) throws InterruptedException {
    Map<String, Object> body =
        Map.of("path", file.path(), "encoding", file.encoding(), "errors", file.errors());
    String content = Wire.text(calls.again("read_file", body, patience), "content", "read_file");
    if (content.length() > MAX_FILE) {
      throw new SwerexException(
          Failure.FILE,
          "Tried to read " + file.path() + ", but it is larger than " + MAX_FILE + " bytes.");
    }
    return content;
  }

  @Override
  public void writeFile(String path, String content) throws InterruptedException {
    calls.again("write_file", Map.of("path", path, "content", content), patience);
  }

  @Override
  public void upload(Path local, String target) throws InterruptedException {
    if (Files.isRegularFile(local)) {
      calls.upload(local, Map.of("target_path", target, "unzip", "false"), patience);
      return;
    }
    try (Scratch scratch = Scratch.make()) {
      Path zip = scratch.path().resolve("folder.zip");
      FolderZip.write(local, zip);
      calls.upload(zip, Map.of("target_path", target, "unzip", "true"), patience);
    } catch (IOException e) {
      throw new SwerexException(
          Failure.FILE, "Tried to upload " + local + ", but " + e.getMessage() + ".", "", e);
    }
  }

  /** Asks the server to end its sessions. Never throws; a server that is gone has none. */
  @Override
  public void close() {
    boolean interrupted = Thread.interrupted();
    try {
      calls.once("close", null, ALIVE_WITHIN);
    } catch (SwerexException e) {
      // It is gone, or busy with a command that ends with it.
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** How long an answer may take: for ever without a timeout of its own. */
  private @Nullable Duration within(@Nullable Duration timeout) {
    return timeout == null ? null : timeout.plus(patience);
  }

  private static void checked(int code, String errorMessage, String output) {
    if (code != 0) {
      throw new SwerexException(
          Failure.NON_ZERO_EXIT_CODE,
          said(errorMessage) + "The command failed with exit code " + code + ".",
          output,
          null);
    }
  }

  private static String said(String errorMessage) {
    return errorMessage.isEmpty() ? "" : errorMessage + ": ";
  }
}
