package dev.berth.apptainer;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.core.image.ImageKey;
import dev.berth.core.image.ImageKind;
import dev.berth.core.image.ImageProducer;
import dev.berth.core.image.ImageReference;
import dev.berth.core.image.ImageRewrites;
import dev.berth.core.image.ImageStore;
import dev.berth.core.image.ImageUse;
import dev.berth.core.image.PullPolicy;
import dev.berth.core.image.StoredImage;
import dev.berth.core.process.HostCommand;
import dev.berth.core.process.HostResult;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.FolderRemoval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The images of Apptainer sandboxes: fetched, built and converted by {@code apptainer}, each once, and kept in the user's image store. Thread-safe. */
public final class ApptainerImages {
  private static final Duration LONGEST_FETCH = Duration.ofHours(2);

  private final ApptainerConfig.Images config;
  private final ApptainerBinary binary;
  private final ImageStore store;
  private final ImageRewrites rewrites;
  private final Semaphore processes;

  ApptainerImages(ApptainerConfig.Images config, ApptainerBinary binary, CacheHome cache, Semaphore processes) {
    this.config = config;
    this.binary = binary;
    this.store = new ImageStore(cache, FolderRemoval.with(cache));
    this.rewrites = ImageRewrites.of(config.rewrites());
    this.processes = processes;
  }

  /**
   * An image that can be started.
   *
   * @param path the file or folder
   * @param use the right to it, to be closed; null for a file or folder of the user's own
   * @param notices what has to be said
   */
  record Ready(Path path, @Nullable ImageUse use, List<String> notices) implements AutoCloseable {
    @Override
    public void close() {
      if (use != null) {
        use.close();
      }
    }
  }

  /** Makes sure that what a spec names can be started. */
  Ready obtain(String image, Consumer<String> progress) throws InterruptedException {
    ImageReference reference = ImageReference.parse(image);
    if (reference.local()) {
      return local(reference.path(), progress);
    }
    ImageUse use = fetch(reference, config.pull(), progress);
    return new Ready(use.path(), use, List.of());
  }

  /**
   * Fetches an image into the store, as the policy says.
   *
   * @param progress takes lines for people
   * @return where it is
   * @throws CreateException if it could not be had
   */
  public Path pull(String image, PullPolicy policy, Consumer<String> progress) throws InterruptedException {
    ImageReference reference = ImageReference.parse(image);
    if (reference.local()) {
      throw new RequestException("Tried to pull " + image + ", but that is a file or folder of this host; name an image such as alpine:3.20 or docker://alpine:3.20.");
    }
    try (ImageUse use = fetch(reference, policy, progress)) {
      return use.path();
    }
  }

  /**
   * Builds an image from a definition file and puts it into the store under this name, replacing what was there.
   *
   * @return where it is
   * @throws CreateException if the build failed; the message ends with the end of its log
   */
  public Path build(String name, Path definition, Consumer<String> progress) throws InterruptedException {
    ImageReference reference = ImageReference.parse(name);
    if (reference.local()) {
      throw new RequestException("Tried to build an image under the name '" + name + "'; a name must not look like a path. Use one such as tools:1.");
    }
    if (!Files.isRegularFile(definition)) {
      throw new RequestException("Tried to build from " + definition + ", but there is no such definition file.");
    }
    Path file = definition.toAbsolutePath();
    ImageProducer producer = (target, lines) -> run("build " + name + " from " + definition, arguments("build", target, file.toString()), file.getParent(), lines);
    try (ImageUse use = store.obtain(ImageKey.of(reference, kind()), PullPolicy.ALWAYS, producer, LONGEST_FETCH, progress)) {
      return use.path();
    }
  }

  /** What is in the store. */
  public List<StoredImage> list() throws InterruptedException {
    return store.list();
  }

  /**
   * Removes an image, in whatever form it is kept.
   *
   * @param patience how long to wait for those who use it
   * @return whether there was one
   * @throws RequestException if it is still used then
   */
  public boolean remove(String image, Duration patience) throws InterruptedException {
    ImageReference reference = ImageReference.parse(image);
    boolean removed = false;
    for (ImageKind kind : ImageKind.values()) {
      removed |= store.remove(ImageKey.of(reference, kind), patience);
    }
    return removed;
  }

  /** Removes what nobody has begun to use for this long. */
  public List<StoredImage> prune(Duration unusedFor) throws InterruptedException {
    return store.prune(unusedFor);
  }

  private ImageKind kind() {
    return config.format() == ApptainerConfig.Format.SIF ? ImageKind.SIF : ImageKind.FOLDER;
  }

  private ImageUse fetch(ImageReference reference, PullPolicy policy, Consumer<String> progress) throws InterruptedException {
    if (policy != PullPolicy.ALWAYS) {
      // Kept in the other form it serves as well, and need not be fetched again.
      for (ImageKind kind : ImageKind.values()) {
        Optional<ImageUse> use = store.find(ImageKey.of(reference, kind));
        if (use.isPresent()) {
          return use.get();
        }
      }
    }
    ImageReference source = rewrites.apply(reference);
    boolean sif = kind() == ImageKind.SIF;
    ImageProducer producer = (target, lines) -> run("fetch " + source, arguments(sif ? "pull" : "build", target, source.text()), null, lines);
    return store.obtain(ImageKey.of(reference, kind()), policy, producer, LONGEST_FETCH, progress);
  }

  private Ready local(Path path, Consumer<String> progress) throws InterruptedException {
    if (!Files.exists(path)) {
      throw new RequestException("Tried to use the image " + path + ", but there is no such file or folder; a registry's image needs no leading / or . in its name.");
    }
    if (!Files.isReadable(path)) {
      throw new RequestException("Tried to use the image " + path + ", but it may not be read by this user.");
    }
    if (Files.isDirectory(path) || mountable()) {
      return new Ready(path, null, List.of());
    }
    ImageReference version = new ImageReference(fingerprint(path));
    ImageProducer producer = (target, lines) -> run("unpack " + path, List.of("build", "--sandbox", "--fix-perms", target.toString(), path.toString()), null, lines);
    ImageUse use = store.obtain(ImageKey.of(version, ImageKind.FOLDER), PullPolicy.MISSING, producer, LONGEST_FETCH, progress);
    return new Ready(use.path(), use, List.of("The image " + path + " is used unpacked, because /dev/fuse is not usable here."));
  }

  /** Whether a .sif file can be mounted: as root by the kernel, else by FUSE. */
  private static boolean mountable() {
    Path fuse = Path.of("/dev/fuse");
    return Doctor.isRoot() || Files.isReadable(fuse) && Files.isWritable(fuse);
  }

  private static String fingerprint(Path file) {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file.toRealPath(), BasicFileAttributes.class);
      return "file://" + file.toRealPath() + "?size=" + attributes.size() + "&modified=" + attributes.lastModifiedTime().toMillis();
    } catch (IOException e) {
      throw new CreateException(ApptainerProvider.NAME, null, "Tried to look at the image " + file + ", but " + e.getMessage() + ".", e);
    }
  }

  private List<String> arguments(String verb, Path target, String source) {
    List<String> arguments = new ArrayList<>(List.of(verb));
    if (verb.equals("build") && kind() == ImageKind.FOLDER) {
      // Folders that their owner may not write could not be deleted again.
      arguments.addAll(List.of("--sandbox", "--fix-perms"));
    }
    if (config.insecure()) {
      arguments.add("--no-https");
    }
    if (config.authFile() != null) {
      arguments.addAll(List.of("--authfile", config.authFile().toString()));
    }
    arguments.addAll(List.of(target.toString(), source));
    return arguments;
  }

  private void run(String tried, List<String> arguments, @Nullable Path directory, Consumer<String> lines) throws InterruptedException {
    HostCommand command = binary.command(arguments).withTimeout(LONGEST_FETCH).withLines(lines);
    processes.acquire();
    try {
      HostResult result = (directory == null ? command : command.inDirectory(directory)).run();
      if (!result.ok()) {
        throw new CreateException(ApptainerProvider.NAME, null, "Tried to " + tried + ", but " + result.description(), null);
      }
    } finally {
      processes.release();
    }
  }
}
