package dev.berth.core.guest;

import dev.berth.Command;
import dev.berth.OutputSink;
import dev.berth.ProcessSummary;
import dev.berth.RequestException;
import dev.berth.SandboxException;
import dev.berth.TerminalSize;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Starts commands that their callers hold by a handle, and finds them again. */
final class Processes {
  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(60);
  private static final Duration PIECE_WITHIN = Duration.ofSeconds(10);

  private final GuestClient client;
  private final Defaults defaults;
  private final ReentrantLock peeking = new ReentrantLock();

  Processes(GuestClient client, Defaults defaults) {
    this.client = client;
    this.defaults = defaults;
  }

  GuestProcess start(Command command) throws InterruptedException {
    return begin(command, Wire.STDIN | Wire.TAKE, null);
  }

  GuestProcess startBackground(Command command, boolean withInput) throws InterruptedException {
    return begin(command, Wire.KEEP | (withInput ? Wire.STDIN : 0), null);
  }

  GuestProcess open(Command command, TerminalSize size) throws InterruptedException {
    return begin(command, Wire.KEEP | Wire.STDIN | Wire.TTY | Wire.TAKE, size);
  }

  GuestProcess start(Command command, TerminalSize size) throws InterruptedException {
    return begin(command, Wire.STDIN | Wire.TTY | Wire.TAKE, size);
  }

  private GuestProcess begin(Command command, int flags, @Nullable TerminalSize size)
      throws InterruptedException {
    Spawn spawn = Spawn.of(command, defaults, flags, size, client.faults());
    boolean kept = (flags & Wire.KEEP) != 0;
    RemoteCommand remote =
        new RemoteCommand(
            client,
            spawn.id(),
            spawn,
            kept && command.stdin() == null ? Input.shared() : Input.of(command.stdin()),
            (flags & Wire.TAKE) != 0,
            Output.read(Wire.STDOUT, spawn.window(), kept, 0),
            Output.read(Wire.STDERR, spawn.window(), kept, 0));
    boolean done = false;
    try {
      client.begin(remote);
      awaitAnswer(remote, "start " + spawn.program());
      Exit exit = remote.exit();
      SandboxException refused =
          exit == null ? null : Exec.refusal(exit, command, defaults, client.faults());
      if (refused != null) {
        throw refused;
      }
      done = true;
      return new GuestProcess(remote, !kept, size != null);
    } finally {
      if (!done) {
        remote.dispose();
      }
    }
  }

  private void awaitAnswer(RemoteCommand remote, String tried) throws InterruptedException {
    remote.lock().lockInterruptibly();
    try {
      long left = ANSWER_WITHIN.toNanos();
      while (!remote.isAnswered() && left > 0) {
        left = remote.answered().awaitNanos(left);
      }
      String lost = remote.lost();
      if (remote.unknown()) {
        throw unknown(tried);
      }
      if (lost != null || left <= 0) {
        throw client
            .faults()
            .lost(tried, lost != null ? lost : "its guest did not answer in a minute");
      }
    } finally {
      remote.lock().unlock();
    }
  }

  GuestProcess attach(String processId, long stdoutOffset, long stderrOffset)
      throws InterruptedException {
    if (stdoutOffset < 0 || stderrOffset < 0) {
      throw client
          .faults()
          .request(
              "Tried to attach to a command at a negative offset; 0 is the start of its output.");
    }
    long id = parse(processId);
    Output out = Output.read(Wire.STDOUT, Spawn.KEPT_WINDOW, true, stdoutOffset);
    Output err = Output.read(Wire.STDERR, Spawn.KEPT_WINDOW, true, stderrOffset);
    RemoteCommand known = client.command(id);
    boolean terminal = isTerminal(processId);
    if (known != null) {
      known.retake(true, out, err);
      return new GuestProcess(known, false, terminal);
    }
    RemoteCommand remote = new RemoteCommand(client, id, null, Input.resumed(), true, out, err);
    boolean done = false;
    try {
      client.begin(remote);
      awaitAnswer(remote, "attach to command " + processId);
      done = true;
      return new GuestProcess(remote, false, terminal);
    } finally {
      if (!done) {
        client.abandon(remote);
      }
    }
  }

  byte[] keptOutput(String processId, OutputSink.Channel channel) throws InterruptedException {
    long id = parse(processId);
    String tried = "read the output of command " + processId;
    int number = channel == OutputSink.Channel.STDOUT ? Wire.STDOUT : Wire.STDERR;
    ByteArrayOutputStream kept = new ByteArrayOutputStream();
    // Two who asked for one command's output at once would get each other's answers.
    peeking.lockInterruptibly();
    try {
      long offset = 0;
      while (kept.size() < Spawn.KEPT_WINDOW) {
        long from = offset;
        Peeked piece =
            client.ask(
                tried,
                new Peeked.Key(id, number),
                Peeked.class,
                PIECE_WITHIN,
                to -> to.begin(Wire.PEEK).u64(id).u8(number).u64(from).u32(Wire.MAX_DATA).end());
        if (piece.offset() < 0) {
          throw unknown(tried);
        }
        int room = Spawn.KEPT_WINDOW - kept.size();
        kept.write(piece.bytes(), 0, Math.min(room, piece.bytes().length));
        offset = piece.offset() + piece.bytes().length;
        if (piece.bytes().length == 0 || offset <= from) {
          break;
        }
      }
    } finally {
      peeking.unlock();
    }
    return kept.toByteArray();
  }

  private RequestException unknown(String tried) {
    return client
        .faults()
        .request(
            "Tried to "
                + tried
                + ", but the sandbox has no such command; processes() lists what there is.");
  }

  private boolean isTerminal(String processId) throws InterruptedException {
    return list().stream().anyMatch(each -> each.id().equals(processId) && each.terminal());
  }

  List<ProcessSummary> list() throws InterruptedException {
    return client
        .ask(
            "list its commands",
            Wire.LISTING,
            Listing.class,
            Duration.ofSeconds(10),
            to -> to.begin(Wire.LIST).end())
        .processes();
  }

  private long parse(String processId) {
    if (processId.length() == 16) {
      try {
        return Long.parseUnsignedLong(processId, 16);
      } catch (NumberFormatException e) {
        // Said below.
      }
    }
    throw new RequestException(
        client.faults().provider(),
        client.faults().id(),
        "Tried to find command '"
            + processId
            + "'; a command's id is 16 hexadecimal digits, as processes() lists it.",
        null);
  }
}
