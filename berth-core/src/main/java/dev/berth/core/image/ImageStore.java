package dev.berth.core.image;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.SandboxException;
import dev.berth.core.process.Reason;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.Lease;
import dev.berth.core.state.StateHome;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * The images that this user has fetched, converted or built. Each is made once, however many
 * threads and processes ask for it at the same time, and appears whole or not at all. Thread-safe.
 *
 * <p>Locks keep producers from doing the same work twice; nothing but that rests on them. Where
 * they are lost (NFS), each producer still makes its own version and puts it in place in one step.
 */
public final class ImageStore {
  /** What this JVM's threads are making, by the image's folder. */
  private static final ConcurrentHashMap<Path, Attempt> ATTEMPTS = new ConcurrentHashMap<>();

  private final Path root;
  private final FolderRemoval removal;

  /** The store of this cache. */
  public ImageStore(CacheHome cache, FolderRemoval removal) {
    this.root = cache.images();
    this.removal = removal;
  }

  /**
   * Makes sure that the image is there, as the policy says, and begins to use it. Of all who ask
   * while it is being made one makes it and the others wait for that; if it fails they fail with
   * the same error; if its maker dies or is interrupted another takes over.
   *
   * @param atMost how long to wait for another to make it; the producer has its own limits
   * @param progress takes lines for people; called by the thread that makes the image
   * @throws CreateException if it is not there and must not be made, could not be made, or did not
   *     appear in time
   */
  public ImageUse obtain(
      ImageKey key,
      PullPolicy policy,
      ImageProducer producer,
      Duration atMost,
      Consumer<String> progress)
      throws InterruptedException {
    if (policy != PullPolicy.ALWAYS) {
      Optional<ImageUse> use = find(key);
      if (use.isPresent()) {
        return use.get();
      }
    }
    if (policy == PullPolicy.NEVER) {
      throw new CreateException(
          null,
          null,
          "Tried to use the image "
              + key.reference()
              + ", but it is not in the store and the pull policy is never; fetch it with `berth"
              + " image pull`, or use the policy missing.",
          null);
    }
    Deadline deadline = new Deadline(key, atMost);
    Production production = new Production(this, entry(key), key, producer);
    while (true) {
      Attempt mine = new Attempt(progress);
      Attempt running = ATTEMPTS.putIfAbsent(entry(key).folder(), mine);
      if (running == null) {
        return mine.run(
            () -> production.run(policy, deadline, mine::report),
            () -> ATTEMPTS.remove(entry(key).folder(), mine));
      }
      if (running.await(deadline, progress)) {
        Optional<ImageUse> use = find(key);
        if (use.isPresent()) {
          return use.get();
        }
      }
    }
  }

  /** Begins to use an image that is in the store. */
  public Optional<ImageUse> find(ImageKey key) throws InterruptedException {
    ImageEntry entry = entry(key);
    if (!entry.mayExist()) {
      return Optional.empty();
    }
    return gated(
        entry,
        "use the image " + key.reference(),
        () -> {
          Optional<ImageEntry.Current> current = entry.current();
          return current.isPresent()
              ? Optional.of(entry.use(current.get().version()))
              : Optional.empty();
        });
  }

  /** What is in the store, by reference. */
  public List<StoredImage> list() throws InterruptedException {
    List<StoredImage> images = new ArrayList<>();
    for (ImageEntry entry : entries()) {
      gated(entry, "list the images", () -> stored(entry)).ifPresent(images::add);
    }
    images.sort((a, b) -> a.key().reference().compareTo(b.key().reference()));
    return images;
  }

  /**
   * What is in the store under a name that a person gave, in every form: of a file of this host
   * what was unpacked of it, whatever its state then.
   */
  public List<StoredImage> named(String name) throws InterruptedException {
    ImageReference reference = ImageReference.parse(name);
    Optional<Path> file =
        reference.local() ? Optional.of(ImageKey.real(reference.path())) : Optional.empty();
    return list().stream()
        .filter(image -> {
          String stored = image.key().reference();
          return stored.equals(name)
              || stored.equals(reference.text())
              || file.isPresent() && file.equals(image.key().file());
        })
        .toList();
  }

  /**
   * Removes an image.
   *
   * @param patience how long to wait until nobody uses it
   * @return whether there was one
   * @throws RequestException if it is still used; the message says by whom
   */
  public boolean remove(ImageKey key, Duration patience) throws InterruptedException {
    ImageEntry entry = entry(key);
    Deadline deadline = new Deadline(key, patience);
    while (true) {
      List<String> users = new ArrayList<>();
      boolean was =
          gated(
              entry,
              "remove the image " + key.reference(),
              () -> {
                boolean there = entry.current().isPresent();
                users.addAll(entry.users(""));
                if (users.isEmpty()) {
                  entry.forget();
                }
                return there;
              });
      if (users.isEmpty()) {
        tidy(entry);
        return was;
      }
      if (deadline.passed()) {
        throw new RequestException(
            "Tried to remove the image "
                + key.reference()
                + ", but it is used by "
                + String.join(", ", users)
                + "; stop that first, or wait for it.");
      }
      deadline.pause();
    }
  }

  /**
   * A folder in which producers may keep files that they want to use again, such as the layers of
   * images. It may not exist yet. Pruning deletes what was put there before its limit, at any time.
   */
  public Path parts() {
    return root.resolve(".parts");
  }

  /**
   * Removes the images that nobody uses and nobody has begun to use for this long, and what was
   * left of old versions and killed producers, and parts.
   *
   * @return the removed ones
   */
  public List<StoredImage> prune(Duration unusedFor) throws InterruptedException {
    Instant limit = Instant.now().minus(unusedFor);
    List<StoredImage> removed = new ArrayList<>();
    for (ImageEntry entry : entries()) {
      gated(
              entry,
              "prune the images",
              () -> {
                Optional<StoredImage> image = stored(entry);
                boolean old =
                    image.isPresent()
                        && !image.get().inUse()
                        && !image.get().lastUsed().isAfter(limit);
                if (old) {
                  entry.forget();
                }
                return image.filter(found -> old);
              })
          .ifPresent(removed::add);
      sweep(entry);
    }
    pruneParts(limit);
    return removed;
  }

  private void pruneParts(Instant limit) {
    File[] parts = parts().toFile().listFiles();
    for (File part : parts == null ? new File[0] : parts) {
      if (part.lastModified() <= limit.toEpochMilli()) {
        // If that fails it is found again the next time.
        part.delete();
      }
    }
  }

  /**
   * Removes what killed producers have left and old versions that nobody uses any more, of images
   * that nobody is making just now: who makes one tidies up after itself.
   *
   * @return what was removed
   */
  public List<Path> sweep() throws InterruptedException {
    List<Path> removed = new ArrayList<>();
    for (ImageEntry entry : entries()) {
      removed.addAll(sweep(entry));
    }
    return removed;
  }

  private List<Path> sweep(ImageEntry entry) throws InterruptedException {
    try {
      Optional<Lease> alone = Gate.tryTake(lockFile(entry, "produce").toFile());
      if (alone.isEmpty()) {
        return List.of();
      }
      try (Lease held = alone.get()) {
        return tidy(entry);
      }
    } catch (IOException e) {
      throw failed("tidy up the images", e);
    }
  }

  /**
   * Variables for the programs that a producer starts, by which they are found and ended should
   * this process be killed before them.
   *
   * @param target what {@link ImageProducer#produce} was given
   */
  public static Map<String, String> mark(Path target) {
    return Map.of(Makers.MARK, folder(target).getFileName().toString());
  }

  /**
   * Deletes what nobody can begin to use any more.
   *
   * @return that
   */
  List<Path> tidy(ImageEntry entry) throws InterruptedException {
    List<Path> garbage = gated(entry, "tidy up the images", entry::garbage);
    garbage.stream()
        .filter(ImageEntry::unfinished)
        .forEach(leftover -> Makers.kill(leftover.getFileName().toString()));
    // What cannot be deleted now is found again the next time.
    removal.remove(garbage.toArray(Path[]::new));
    gated(
        entry,
        "tidy up the images",
        () -> {
          entry.deleteIfEmpty();
          return true;
        });
    return garbage;
  }

  /** The folder of the producer that makes this. */
  static Path folder(Path target) {
    return Objects.requireNonNull(target.getParent());
  }

  void remove(Path leftover) {
    if (Files.exists(leftover, LinkOption.NOFOLLOW_LINKS)) {
      removal.remove(leftover);
    }
  }

  Path lockFile(ImageEntry entry, String what) throws IOException {
    Path folder = root.resolve(".locks");
    Files.createDirectories(
        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    return folder.resolve(entry.name() + "." + what);
  }

  /** Does something with an image's folder that no other thread or process may do meanwhile. */
  <T> T gated(ImageEntry entry, String tried, Gate.Action<T> action) throws InterruptedException {
    try {
      return Gate.pass(lockFile(entry, "gate").toFile(), action);
    } catch (IOException e) {
      throw failed(tried, e);
    }
  }

  static SandboxException failed(String tried, IOException e) {
    return new CreateException(null, null, "Tried to " + tried + ", but " + Reason.of(e) + ".", e);
  }

  /** This host's name in a form that fits into a file's name. */
  static String hostTag() {
    return StateHome.host().replaceAll("[^A-Za-z0-9.]", "_");
  }

  private ImageEntry entry(ImageKey key) {
    return new ImageEntry(root.resolve(key.fileName()));
  }

  private List<ImageEntry> entries() {
    String[] names = root.toFile().list();
    return names == null
        ? List.of()
        : Arrays.stream(names)
            .filter(name -> !name.startsWith("."))
            .map(name -> new ImageEntry(root.resolve(name)))
            .toList();
  }

  private static Optional<StoredImage> stored(ImageEntry entry) throws IOException {
    Optional<ImageEntry.Current> current = entry.current();
    if (current.isEmpty()) {
      return Optional.empty();
    }
    ImageEntry.Current image = current.get();
    return Optional.of(
        new StoredImage(
            image.key(),
            entry.path(image.version()),
            image.bytes(),
            image.created(),
            entry.lastUsed(),
            !entry.users(image.version()).isEmpty()));
  }
}
