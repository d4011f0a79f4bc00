package dev.berth.services.swerex;

import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxLostException;
import dev.berth.SandboxStatus;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;

/**
 * The runtime by Berth's guest: it needs nothing installed in the image. A program is executed as
 * it stands; sessions need a shell, bash where the image has it, else sh, whose language commands
 * then are; files, and an environment of one's own, need {@code /bin/sh} and {@code cat}.
 *
 * <p>What it does otherwise than the swe-rex server, on purpose:
 *
 * <ul>
 *   <li>A command is one parse unit: it may have lines, comments, here-documents and functions as a
 *       script has; what the shell cannot parse runs not even in part.
 *   <li>{@code $?} is the exit code of the session's last command.
 *   <li>Of a command's output the first and the last 8 MiB are kept, and between them stands what
 *       was left out.
 *   <li>A failure's {@link SwerexException#output()} is what was printed until then.
 *   <li>After a timeout the command runs on; the next one in the session waits for it, unless it is
 *       {@linkplain #interrupt interrupted}.
 *   <li>A shell that ends ({@code exit 3}) is an observation with its exit code; later calls are
 *       {@link Failure#SESSION_NOT_INITIALIZED}.
 *   <li>What is expected is also found as it stands: {@code (gdb) } need not be escaped.
 * </ul>
 *
 * <p>The sandbox stays its owner's; closing the runtime ends its sessions.
 */
public final class NativeRuntime implements Runtime {
  private static final int MOST_SESSIONS = 256;

  /** Shells that start at once: more only wait for each other's files. */
  private static final int AT_ONCE = 16;

  private final Sandbox sandbox;
  private final Executions executions;
  private final SandboxFiles files;
  private final Map<String, NativeSession> sessions = new ConcurrentHashMap<>();
  private final Semaphore starts = new Semaphore(AT_ONCE, true);

  /** The runtime of this sandbox. Several of one sandbox know nothing of each other's sessions. */
  public NativeRuntime(Sandbox sandbox) {
    this.sandbox = sandbox;
    this.executions = new Executions(sandbox);
    this.files = new SandboxFiles(sandbox);
  }

  /** A call to the sandbox, whose failures are told in this interface's way. */
  private interface Call<T> {
    T make() throws InterruptedException;
  }

  private static <T> T translated(Call<T> call) throws InterruptedException {
    try {
      return call.make();
    } catch (SandboxLostException e) {
      throw new SwerexException(Failure.UNREACHABLE, String.valueOf(e.getMessage()), "", e);
    } catch (SandboxException e) {
      throw new SwerexException(Failure.OTHER, String.valueOf(e.getMessage()), "", e);
    }
  }

  @Override
  public Liveness isAlive() {
    SandboxStatus status = sandbox.status();
    return status == SandboxStatus.RUNNING
        ? new Liveness(true, "")
        : new Liveness(false, "The sandbox is " + status + ".");
  }

  @Override
  public String createSession(SessionRequest request) throws InterruptedException {
    String name = request.session();
    if (sessions.containsKey(name)) {
      throw exists(name);
    }
    if (sessions.size() >= MOST_SESSIONS) {
      throw new SwerexException(
          Failure.OTHER,
          "Tried to create session '"
              + name
              + "', but "
              + MOST_SESSIONS
              + " are open; close one first.");
    }
    starts.acquire();
    NativeSession session = null;
    try {
      NativeSession opened = translated(() -> NativeSession.open(sandbox, name));
      if (sessions.putIfAbsent(name, opened) != null) {
        opened.close();
        throw exists(name);
      }
      session = opened;
      String printed = translated(() -> opened.start(request));
      session = null;
      return printed;
    } finally {
      starts.release();
      if (session != null) {
        sessions.remove(name, session);
        session.close();
      }
    }
  }

  private static SwerexException exists(String name) {
    return new SwerexException(
        Failure.SESSION_EXISTS,
        "Tried to create session '" + name + "', but there is one; close it first.");
  }

  private NativeSession session(String name) {
    NativeSession session = sessions.get(name);
    if (session == null) {
      throw missing(name);
    }
    return session;
  }

  private static SwerexException missing(String name) {
    return new SwerexException(
        Failure.SESSION_DOES_NOT_EXIST,
        "Tried to use session '" + name + "', but there is none; create it first.");
  }

  @Override
  public Observation runInSession(BashAction action) throws InterruptedException {
    NativeSession session = session(action.session());
    return translated(() -> session.run(action));
  }

  @Override
  public Observation interrupt(BashInterrupt interrupt) throws InterruptedException {
    NativeSession session = session(interrupt.session());
    return translated(() -> session.interrupt(interrupt));
  }

  @Override
  public void closeSession(String name) throws InterruptedException {
    NativeSession session = sessions.remove(name);
    if (session == null) {
      throw missing(name);
    }
    session.close();
  }

  @Override
  public Execution execute(ExecuteRequest request) throws InterruptedException {
    return translated(() -> executions.execute(request));
  }

  @Override
  public String readFile(ReadFile file) throws InterruptedException {
    return translated(() -> files.read(file));
  }

  @Override
  public void writeFile(String path, String content) throws InterruptedException {
    translated(() -> {
      files.write(path, content);
      return path;
    });
  }

  @Override
  public void upload(Path local, String target) throws InterruptedException {
    translated(() -> {
      files.upload(local, target);
      return target;
    });
  }

  /**
   * Ends its sessions; it may be used again. An interrupt meanwhile is kept, and what is left then
   * ends with the sandbox.
   */
  @Override
  public void close() {
    List<NativeSession> left = new ArrayList<>(sessions.values());
    sessions.clear();
    try {
      for (NativeSession session : left) {
        session.close();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
