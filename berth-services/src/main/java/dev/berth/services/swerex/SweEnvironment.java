package dev.berth.services.swerex;

import dev.berth.RequestException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What an agent works in: a deployment, one lasting session in it, and the repository of the task.
 *
 * <pre>{@code
 * try (var environment = new SweEnvironment(deployment, new Repository.InImage("testbed", "HEAD"))) {
 *   environment.start();
 *   environment.communicate("python -m pytest -q", Duration.ofMinutes(10), Check.RAISE);
 *   environment.reset();
 * }
 * }</pre>
 *
 * Calls fail with {@link SwerexException}, as those of {@link Runtime}. For one thread at a time,
 * except {@link #interrupt} and {@link #close}.
 */
public final class SweEnvironment implements AutoCloseable {
  /** How long {@link #communicate(String)} waits, as SWE-agent does. */
  public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(25);

  private static final Duration PREPARING = Duration.ofSeconds(120);
  private static final Duration SESSION_START = Duration.ofSeconds(10);
  private static final String PROFILE = "/root/.bashrc";

  private final Deployment deployment;
  private final @Nullable Repository repository;
  private final String folder;
  private final List<String> startupCommands;
  private final Duration startupTimeout;
  private final ReentrantLock changing = new ReentrantLock();
  private @Nullable Checkout checkout;

  /** An environment that is not started yet; its repository, if it has one, is at the root. */
  public SweEnvironment(Deployment deployment, @Nullable Repository repository) {
    this(deployment, repository, "/", List.of(), Duration.ofSeconds(500));
  }

  /**
   * The same with more said.
   *
   * @param folder where the repository's folder is, absolute
   * @param startupCommands run in the session when all else is ready; each must succeed
   * @param startupTimeout for each of them
   */
  public SweEnvironment(
      Deployment deployment,
      @Nullable Repository repository,
      String folder,
      List<String> startupCommands,
      Duration startupTimeout) {
    if (!folder.startsWith("/")) {
      throw new RequestException(
          "Tried to put the repository into '" + folder + "'; name an absolute folder.");
    }
    this.deployment = deployment;
    this.repository = repository;
    this.folder = folder.endsWith("/") ? folder : folder + "/";
    this.startupCommands = List.copyOf(startupCommands);
    this.startupTimeout = startupTimeout;
  }

  /**
   * Starts the deployment, opens the session, prepares the repository and runs the startup
   * commands. If that fails the deployment is stopped.
   */
  public void start() throws InterruptedException {
    changing.lockInterruptibly();
    boolean done = false;
    try {
      deployment.start();
      boolean profile =
          Integer.valueOf(0).equals(execute(ExecuteRequest.of("test", "-r", PROFILE)).exitCode());
      runtime()
          .createSession(
              new SessionRequest(
                  SessionRequest.DEFAULT, profile ? List.of(PROFILE) : List.of(), SESSION_START));
      setEnvironment(Map.of("LANG", "C.UTF-8", "LC_ALL", "C.UTF-8"));
      reset();
      for (String command : startupCommands) {
        communicate(command, startupTimeout, Check.RAISE);
      }
      done = true;
    } finally {
      if (!done) {
        close();
      }
      changing.unlock();
    }
  }

  /**
   * Goes back to the beginning as far as files of the repository go: copies it in if it is not
   * there, and sets it to its commit. What else was changed stays; see {@link #hardReset}.
   */
  public void reset() throws InterruptedException {
    communicate("cd /", DEFAULT_TIMEOUT, Check.RAISE);
    if (repository == null) {
      return;
    }
    Checkout now = checkout;
    if (now == null) {
      now = new Checkout(repository, folder + repository.name(), runtime());
    }
    now.prepare();
    checkout = now;
    communicate(now.enter(), PREPARING, Check.RAISE);
  }

  /** Stops the deployment and starts it anew, with everything. */
  public void hardReset() throws InterruptedException {
    close();
    start();
  }

  /** Runs a command in the session; its exit code does not matter. */
  public String communicate(String command) throws InterruptedException {
    return communicate(command, DEFAULT_TIMEOUT, Check.IGNORE);
  }

  /**
   * Runs a command in the session and gives what it printed. {@link Failure#COMMAND_TIMEOUT}: it
   * still runs then; {@link #interrupt} ends it.
   *
   * @param check {@link Check#RAISE} for {@link Failure#NON_ZERO_EXIT_CODE} if it fails
   */
  public String communicate(String command, Duration timeout, Check check)
      throws InterruptedException {
    return runtime().runInSession(BashAction.of(command).within(timeout).checking(check)).output();
  }

  /** Ends what runs in the session. */
  public String interrupt() throws InterruptedException {
    return runtime().interrupt(BashInterrupt.of(SessionRequest.DEFAULT)).output();
  }

  /** Runs a command outside the session. */
  public Execution execute(ExecuteRequest request) throws InterruptedException {
    return runtime().execute(request);
  }

  /** A text file's content. */
  public String readFile(String path) throws InterruptedException {
    return runtime().readFile(ReadFile.of(path));
  }

  /** The same in another encoding. */
  public String readFile(ReadFile file) throws InterruptedException {
    return runtime().readFile(file);
  }

  /** Writes a text file, with the folders above it. */
  public void writeFile(String path, String content) throws InterruptedException {
    runtime().writeFile(path, content);
  }

  /** Sets variables in the session, for its shell and all that it starts. */
  public void setEnvironment(Map<String, String> variables) throws InterruptedException {
    if (variables.isEmpty()) {
      return;
    }
    variables
        .keySet()
        .forEach(name -> {
          if (!name.matches("[A-Za-z_][A-Za-z0-9_]*")) {
            throw new RequestException(
                "Tried to set the variable '"
                    + name
                    + "'; a name is made of letters, digits and '_'.");
          }
        });
    String command =
        variables.entrySet().stream()
            .map(each -> "export " + each.getKey() + "=" + Shell.quoted(each.getValue()))
            .collect(Collectors.joining(" && "));
    communicate(command, DEFAULT_TIMEOUT, Check.RAISE);
  }

  /** The runtime below. {@link Failure#DEPLOYMENT_NOT_STARTED}. */
  public Runtime runtime() {
    return deployment.runtime();
  }

  /** Stops the deployment; it can be started again. */
  @Override
  public void close() {
    deployment.stop();
    checkout = null;
  }
}
