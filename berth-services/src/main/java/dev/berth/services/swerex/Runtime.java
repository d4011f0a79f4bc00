package dev.berth.services.swerex;

import java.nio.file.Path;

/**
 * Lasting shell sessions, single commands and files in one sandbox. What swe-rex calls a runtime,
 * with its defaults and its failures: {@code NativeRuntime} needs nothing in the image, {@link
 * RemoteRuntime} talks to a swe-rex server.
 *
 * <p>All methods may be called from any thread; calls in one session wait for each other, except
 * {@link #interrupt}. Closing it ends its sessions, not the sandbox.
 *
 * <p>Every call throws {@link SwerexException} with the {@linkplain SwerexException#failure() kind}
 * named at it, and with {@link Failure#UNREACHABLE} when the sandbox or its server is gone.
 */
@SuppressWarnings("JavaLangClash") // the field's own name for it
public interface Runtime extends AutoCloseable {
  /** Whether it answers, and if not why. Never throws {@link SwerexException}. */
  Liveness isAlive() throws InterruptedException;

  /**
   * Starts a lasting shell. {@link Failure#SESSION_EXISTS} if the name is taken.
   *
   * @return what the shell printed as it started
   */
  String createSession(SessionRequest request) throws InterruptedException;

  /**
   * Runs a command in a session and waits for its end, or for an {@linkplain BashAction#expect()
   * expected string}. {@link Failure#SESSION_DOES_NOT_EXIST}, {@link Failure#COMMAND_TIMEOUT},
   * {@link Failure#INCORRECT_SYNTAX}, {@link Failure#NO_EXIT_CODE}, and {@link
   * Failure#NON_ZERO_EXIT_CODE} if the action checks it.
   */
  Observation runInSession(BashAction action) throws InterruptedException;

  /** Interrupts what runs in a session (^C), and waits until the shell answers again. */
  Observation interrupt(BashInterrupt interrupt) throws InterruptedException;

  /** Ends a session and all that runs in it. {@link Failure#SESSION_DOES_NOT_EXIST}. */
  void closeSession(String session) throws InterruptedException;

  /**
   * Runs a command outside any session. {@link Failure#COMMAND_TIMEOUT}, {@link Failure#FILE} if
   * its program or its folder is not there, and {@link Failure#NON_ZERO_EXIT_CODE} if it checks.
   */
  Execution execute(ExecuteRequest request) throws InterruptedException;

  /** A text file's content, at most {@value #MAX_FILE} bytes. {@link Failure#FILE}. */
  String readFile(ReadFile file) throws InterruptedException;

  /** Writes a text file, with the folders above it. {@link Failure#FILE}. */
  void writeFile(String path, String content) throws InterruptedException;

  /**
   * Copies a file of the host to this path of the sandbox, or a folder's content into this folder,
   * which need not exist. {@link Failure#FILE}.
   */
  void upload(Path local, String target) throws InterruptedException;

  @Override
  void close();

  /** The largest file that {@link #readFile} gives, in bytes: 16 MiB. */
  int MAX_FILE = 16 << 20;
}
