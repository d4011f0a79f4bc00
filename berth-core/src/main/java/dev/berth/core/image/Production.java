package dev.berth.core.image;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.SandboxException;
import dev.berth.UnsupportedRequestException;
import dev.berth.core.process.FreshName;
import dev.berth.core.state.Lease;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Consumer;

/** Makes one image unless another process is at it: then waits for that one's result. */
final class Production {
  private final ImageStore store;
  private final ImageEntry entry;
  private final ImageKey key;
  private final ImageProducer producer;

  Production(ImageStore store, ImageEntry entry, ImageKey key, ImageProducer producer) {
    this.store = store;
    this.entry = entry;
    this.key = key;
    this.producer = producer;
  }

  ImageUse run(PullPolicy policy, Deadline deadline, Consumer<String> progress)
      throws InterruptedException {
    try {
      String before = version();
      String failedBefore = Failure.read(failureFile()).nonce();
      File file = store.lockFile(entry, "produce").toFile();
      Optional<Lease> lock = Gate.tryTake(file);
      boolean waited = lock.isEmpty();
      if (waited) {
        progress.accept("Waiting for another process to make " + key.reference());
      }
      while (lock.isEmpty()) {
        if (deadline.passed()) {
          throw deadline.exceeded();
        }
        deadline.pause();
        lock = Gate.tryTake(file);
      }
      Lease held = lock.get();
      try (held) {
        boolean another = waited && !version().equals(before);
        if (policy == PullPolicy.MISSING || another) {
          Optional<ImageUse> use = store.find(key);
          if (use.isPresent()) {
            return use.get();
          }
        }
        Failure failure = Failure.read(failureFile());
        if (waited && !failure.nonce().equals(failedBefore)) {
          throw failure.exception();
        }
        // Not there, and nobody failed: never begun, or its maker was killed.
        return make(progress);
      }
    } catch (IOException e) {
      throw ImageStore.failed("make the image " + key.reference(), e);
    }
  }

  private ImageUse make(Consumer<String> progress) throws IOException, InterruptedException {
    store.tidy(entry);
    Path made = entry.fresh(key.kind());
    try {
      producer.produce(made, progress);
      if (!Files.exists(made, LinkOption.NOFOLLOW_LINKS)) {
        throw new CreateException(
            null,
            null,
            "Tried to make the image " + key.reference() + ", but nothing came of it.",
            null);
      }
      ImageUse use =
          store.gated(
              entry,
              "store the image " + key.reference(),
              () -> entry.use(entry.publish(key, made).version()));
      Files.deleteIfExists(failureFile());
      return use;
    } catch (SandboxException e) {
      Failure.write(failureFile(), e);
      throw e;
    } finally {
      store.remove(ImageStore.folder(made));
      tidyEvenIfInterrupted();
    }
  }

  private void tidyEvenIfInterrupted() {
    boolean interrupted = Thread.interrupted();
    try {
      store.tidy(entry);
    } catch (InterruptedException e) {
      interrupted = true;
    } catch (SandboxException e) {
      // A leftover is found again the next time; what came of the making counts.
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private String version() throws IOException, InterruptedException {
    return store.gated(
        entry,
        "look for the image " + key.reference(),
        () -> entry.current().map(ImageEntry.Current::version).orElse(""));
  }

  private Path failureFile() throws IOException {
    return store.lockFile(entry, "failure");
  }

  /** How the last making failed, for those of other processes that waited for it. */
  private record Failure(String nonce, String type, String message) {
    static Failure read(Path file) {
      try (FileInputStream in = new FileInputStream(file.toFile())) {
        String[] parts = new String(in.readNBytes(65536), StandardCharsets.UTF_8).split("\n", 3);
        return parts.length == 3
            ? new Failure(parts[0], parts[1], parts[2])
            : new Failure("", "", Arrays.toString(parts));
      } catch (IOException e) {
        return new Failure("", "", "");
      }
    }

    static void write(Path file, SandboxException e) {
      String type =
          switch (e) {
            case RequestException wrong -> "request";
            case UnsupportedRequestException unsupported -> "unsupported";
            default -> "create";
          };
      String text = FreshName.of(16) + "\n" + type + "\n" + e.getMessage();
      try (FileOutputStream out = new FileOutputStream(file.toFile())) {
        out.write(text.getBytes(StandardCharsets.UTF_8));
      } catch (IOException full) {
        // Those who wait will try themselves and see.
      }
    }

    SandboxException exception() {
      return switch (type) {
        case "request" -> new RequestException(message);
        case "unsupported" -> new UnsupportedRequestException(null, null, message, null);
        default -> new CreateException(null, null, message, null);
      };
    }
  }
}
