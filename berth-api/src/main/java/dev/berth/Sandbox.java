package dev.berth;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A running sandbox: commands, files and servers, isolated from the host as its provider can.
 *
 * <p>A provider hands out a sandbox only once it can run commands. Whoever created it owns it:
 * {@link #stop()}, or {@link #close()}, which is the same, ends every process in it and deletes
 * what it stored. Both may be called more than once. If the owner dies without either, the sandbox
 * ends by itself when its lease runs out ({@link SandboxSpec#lease()}).
 *
 * <p>All methods may be called from any thread at the same time; a long {@code exec} never holds up
 * {@code status} or {@code stop}. Those that wait declare {@link InterruptedException}; an
 * interrupted {@code exec} kills its command.
 */
public interface Sandbox extends AutoCloseable {

  /** The sandbox's id, unique on this host and for this user. */
  String id();

  /** The name of the provider that runs it. */
  String provider();

  /** What the sandbox was made of, with the provider's defaults filled in. */
  SandboxSpec spec();

  /**
   * What was asked for and is given otherwise, one sentence each: for instance a memory limit that
   * the host cannot enforce by cgroup and the guest enforces per process. Empty when everything is
   * as the spec says.
   */
  List<String> notices();

  /** The sandbox's state as it is now, asked of the sandbox, not remembered. Answers within 5 s. */
  SandboxStatus status();

  /** Whether {@link #status()} is {@link SandboxStatus#RUNNING}. */
  default boolean isRunning() {
    return status() == SandboxStatus.RUNNING;
  }

  /** Runs a line of shell ({@code /bin/sh -c}) with all defaults and waits for its end. */
  default ExecResult exec(String shellLine) throws InterruptedException {
    return exec(Command.shell(shellLine));
  }

  /**
   * Runs a command and waits for its end, at most for its timeout. A command that fails, is killed,
   * runs out of time or loses its sandbox is a result, not an exception: see {@link
   * ExecResult#errorType()}.
   *
   * @throws RequestException if the command cannot be asked for here (an unknown user, a relative
   *     folder)
   */
  default ExecResult exec(Command command) throws InterruptedException {
    return exec(command, OutputSink.NONE);
  }

  /**
   * The same, and hands the output to {@code sink} as it comes. The result holds it too, up to
   * {@link Command#outputLimit()}. A slow sink slows the command down; it does not grow memory.
   */
  ExecResult exec(Command command, OutputSink sink) throws InterruptedException;

  /**
   * Starts a command and returns while it runs, with its streams. Closing the process kills it; so
   * does the loss of this host.
   *
   * @throws SandboxLostException if the sandbox is gone
   */
  SandboxProcess start(Command command) throws InterruptedException;

  /**
   * Starts a command that outlives its caller: it runs on when the process handle is closed or this
   * host goes away, until it ends, is killed, or the sandbox ends. Its latest output is kept (1 MiB
   * a stream) for {@link #attach}. It has no timeout unless the command names one.
   */
  SandboxProcess startBackground(Command command) throws InterruptedException;

  /**
   * Takes hold of a background command or terminal by id, also from another process than the one
   * that started it, and replays its output from the given offset or from the oldest byte still
   * kept.
   *
   * @throws RequestException if there is no such command
   */
  SandboxProcess attach(String processId, long stdoutOffset, long stderrOffset)
      throws InterruptedException;

  /**
   * What is kept of a background command's output, as it is now: its latest, 1 MiB at most. Unlike
   * {@link #attach} it takes nothing from whoever reads the output as it comes.
   *
   * @throws RequestException if there is no such command
   */
  byte[] keptOutput(String processId, OutputSink.Channel channel) throws InterruptedException;

  /** The commands that run, and background ones that have ended and were not yet forgotten. */
  List<ProcessSummary> processes() throws InterruptedException;

  /**
   * Copies a file or a folder of the host into the sandbox, streaming, with modes, times and
   * symlinks. {@code remote} is absolute or relative to the working directory; if it is an existing
   * folder, the copy goes into it under its own name, as with {@code cp}.
   *
   * @throws TransferException if anything could not be copied
   */
  default Transfer upload(Path local, String remote) throws InterruptedException {
    return upload(local, remote, TransferLimits.DEFAULT);
  }

  /** The same with limits of its own. */
  Transfer upload(Path local, String remote, TransferLimits limits) throws InterruptedException;

  /**
   * Copies a file or a folder out of the sandbox, as {@link #upload} does inwards. Nothing is ever
   * written outside {@code local}, whatever the sandbox sends.
   */
  default Transfer download(String remote, Path local) throws InterruptedException {
    return download(remote, local, TransferLimits.DEFAULT);
  }

  /** The same with limits of its own. */
  Transfer download(String remote, Path local, TransferLimits limits) throws InterruptedException;

  /**
   * The URL under which processes in this sandbox reach {@code url}, which is meant as seen from
   * the host. A sandbox on the host's network gets it unchanged; an isolated one gets a port on its
   * own loopback that leads there, with scheme and path kept. The same host and port share one
   * port.
   */
  String resolveOutsideEndpoint(String url) throws InterruptedException;

  /**
   * The resolved URL of the {@link SandboxSpec#outsideEndpoints() outside endpoint} declared with
   * this environment variable.
   */
  Optional<String> resolvedEndpointUrl(String envVar);

  /**
   * An optional ability of this sandbox, such as {@link Endpoints}, {@link Terminals} or {@link
   * Reconnect}: present whole or not at all.
   */
  <A> Optional<A> ability(Class<A> type);

  /**
   * Ends every process in the sandbox and deletes what it stored. Does nothing if that was done
   * before.
   */
  void stop();

  /**
   * The same as {@link #stop()}, unless the sandbox was {@linkplain Reconnect#detach() detached}:
   * then only this handle's connection is closed.
   */
  @Override
  void close();
}
