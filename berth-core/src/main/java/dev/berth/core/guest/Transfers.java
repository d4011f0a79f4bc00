package dev.berth.core.guest;

import dev.berth.Transfer;
import dev.berth.TransferException;
import dev.berth.TransferLimits;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Copies files and folders between the host and a sandbox, each over a connection of its own.
 * Thread-safe.
 */
final class Transfers {
  private static final Duration LAST_WORDS = Duration.ofSeconds(3);
  private static final int INSIDE = 1;
  private static final int MAKE_PARENTS = 2;
  private static final int FOLLOW = 1;

  /** Of both directions: the connection may be used once more. */
  private static final int MORE = 4;

  private static final int DEFAULT_MODE = 0644;

  private final GuestClient client;
  private final Defaults defaults;

  Transfers(GuestClient client, Defaults defaults) {
    this.client = client;
    this.defaults = defaults;
  }

  /** One transfer's way to fail: its cause is told by what is thrown. */
  private interface Body<T> {
    T run(RawConnection raw) throws IOException, InterruptedException;
  }

  @SuppressWarnings("try") // A watch is not spoken to: it works by being open.
  Transfer upload(Path local, String remote, TransferLimits limits) throws InterruptedException {
    String tried = "upload '" + local + "' to '" + remote + "'";
    return over(
        tried,
        Wire.PUT,
        remote,
        INSIDE,
        limits,
        raw -> {
          Transfer sent;
          try {
            sent = new TreeSender(raw).send(local);
          } catch (TreeStream.EntryException e) {
            if (e.getCause() instanceof ClosedByInterruptException interrupt) {
              throw interrupt;
            }
            throw client.faults().transfer("Tried to " + tried + ", but " + e.getMessage(), e);
          } catch (ClosedByInterruptException e) {
            throw e;
          } catch (IOException e) {
            // The guest says why it does not read on, if it can.
            try (Watch watch = Watch.limit(raw, LAST_WORDS)) {
              raw.gather().clear(0);
              awaitEnd(raw);
            }
            throw e;
          }
          raw.open();
          awaitEnd(raw);
          return sent;
        });
  }

  /** Writes a text to a file, whose folders are made. */
  void write(String remote, String text) throws InterruptedException {
    String tried = "write the file '" + remote + "'";
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    over(
        tried,
        Wire.PUT,
        remote,
        MAKE_PARENTS,
        TransferLimits.DEFAULT,
        raw -> {
          byte[] name =
              remote.substring(remote.lastIndexOf('/') + 1).getBytes(StandardCharsets.UTF_8);
          if (!HostName.isComponent(name)) {
            throw client.faults().request("Tried to " + tried + ", but that names no file.");
          }
          TreeStream.head(
              raw.gather(),
              'F',
              new HostFolder.Entry(DEFAULT_MODE, FileTime.from(Instant.now()), bytes.length, name),
              name);
          raw.gather().u64(bytes.length).raw(bytes, 0, bytes.length).u8(0);
          TreeStream.end(raw.gather(), 0, "");
          raw.open();
          awaitEnd(raw);
          return bytes;
        });
  }

  /** Reads the guest's one answer to what was put. */
  private static void awaitEnd(RawConnection raw) throws IOException {
    raw.open();
    TreeReader answer = new TreeReader(raw);
    int record = answer.u8();
    if (record != 'X') {
      throw new ProtocolException("an answer of type " + record + " to a tree");
    }
    answer.end();
  }

  Transfer download(String remote, Path local, TransferLimits limits) throws InterruptedException {
    String tried = "download '" + remote + "' to '" + local + "'";
    boolean inside = Files.isDirectory(local);
    Path whole = local.toAbsolutePath();
    Path folder = inside ? whole : whole.getParent();
    Path name = inside ? null : whole.getFileName();
    if (folder == null || !Files.isDirectory(folder)) {
      throw client
          .faults()
          .transfer(
              "Tried to "
                  + tried
                  + ", but there is no folder '"
                  + folder
                  + "' on the host. Make it first.",
              null);
    }
    return over(
        tried,
        Wire.GET,
        remote,
        FOLLOW,
        limits,
        raw -> {
          raw.open();
          return receive(raw, tried, folder, name, new Allowance(limits, folder));
        });
  }

  private Transfer receive(
      RawConnection raw, String tried, Path folder, @Nullable Path name, Allowance allowance)
      throws IOException {
    try (HostFolder parent = HostFolder.open(folder)) {
      TreeReceiver receiver = new TreeReceiver(new TreeReader(raw), parent, name, allowance);
      Transfer received = receiver.receive();
      List<String> failures = receiver.tree().failures();
      if (!failures.isEmpty()) {
        throw failed(
            tried,
            failures.get(0)
                + (failures.size() > 1 ? " (and " + (failures.size() - 1) + " more)" : "")
                + "; everything else was copied",
            null);
      }
      return received;
    } catch (TreeStream.EntryException e) {
      if (e.getCause() instanceof ClosedByInterruptException interrupt) {
        throw interrupt;
      }
      throw client.faults().transfer("Tried to " + tried + ", but " + e.getMessage(), e);
    } catch (FileSystemException e) {
      throw failed(tried, TreeSender.why(e) + " on the host", e);
    }
  }

  private <T> T over(
      String tried, int kind, String remote, int flags, TransferLimits limits, Body<T> body)
      throws InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    String path = resolve(tried, remote);
    String lost = client.lost();
    if (lost != null) {
      throw client.faults().lost(tried, lost);
    }
    String user = defaults.user() == null ? "" : defaults.user();
    Consumer<FrameWriter> open = to -> to.u8(kind).str(path).str(user).u8(flags | MORE);
    Spares.Spare spare = client.spares().take();
    if (spare != null) {
      try {
        return over(tried, RawConnection.again(spare, open, limits), body);
      } catch (RawConnection.Stale e) {
        // Nothing was begun there: over a new one.
      }
    }
    try {
      return over(tried, RawConnection.connect(client.link(), open, limits), body);
    } catch (ClosedByInterruptException e) {
      Thread.interrupted();
      throw new InterruptedException();
    } catch (ProtocolException e) {
      throw failed(tried, "the guest broke the protocol (" + e.getMessage() + ")", e);
    } catch (IOException e) {
      throw broken(tried, null, e);
    }
  }

  private <T> T over(String tried, RawConnection raw, Body<T> body)
      throws RawConnection.Stale, InterruptedException {
    boolean well = false;
    try {
      client.enlist(raw);
      T result = body.run(raw);
      well = true;
      return result;
    } catch (ClosedByInterruptException e) {
      Thread.interrupted();
      throw new InterruptedException();
    } catch (RawConnection.Stale e) {
      throw e;
    } catch (RawConnection.Refused e) {
      throw refused(tried, e.errno, String.valueOf(e.getMessage()), e);
    } catch (TreeReader.Ended e) {
      throw refused(tried, e.errno, String.valueOf(e.getMessage()), e);
    } catch (ProtocolException e) {
      throw failed(tried, "the guest broke the protocol (" + e.getMessage() + ")", e);
    } catch (IOException e) {
      throw broken(tried, raw.givenUp(), e);
    } finally {
      client.dismiss(raw);
      if (well && raw.givenUp() == null) {
        raw.keepIn(client.spares());
      } else {
        Watch.quietly(raw);
      }
    }
  }

  private TransferException refused(String tried, long errno, String reason, IOException e) {
    String said = reason.contains(Errno.text(errno)) ? reason : reason + ": " + Errno.text(errno);
    return client
        .faults()
        .transfer(
            "Tried to " + tried + ", but in the sandbox: " + said + "." + Errno.remedy(errno), e);
  }

  private TransferException failed(String tried, String why, @Nullable Exception e) {
    return client.faults().transfer("Tried to " + tried + ", but " + why + ".", e);
  }

  private RuntimeException broken(String tried, @Nullable String givenUp, IOException e) {
    String lost = client.lost();
    if (lost == null && client.link().gone()) {
      lost = "its guest is gone";
    }
    if (lost != null) {
      return client.faults().lost(tried, lost);
    }
    return failed(
        tried, givenUp != null ? givenUp : "the connection broke (" + e.getMessage() + ")", e);
  }

  /**
   * Where a path leads: a relative one is below the sandbox's working directory, or else the
   * guest's.
   */
  private String resolve(String tried, String remote) {
    if (remote.isEmpty() || remote.indexOf('\0') >= 0) {
      throw client.faults().request("Tried to " + tried + ", but that is no path in the sandbox.");
    }
    String directory = defaults.directory();
    return remote.startsWith("/") || directory == null ? remote : directory + "/" + remote;
  }
}
