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
import dev.berth.core.process.Reason;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.FolderRemoval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The images of Apptainer sandboxes: fetched, built and converted by {@code apptainer}, each once,
 * and kept in the user's image store. Thread-safe.
 */
public final class ApptainerImages {
  private static final Duration LONGEST_FETCH = Duration.ofHours(2);

  /** Without them Apptainer has nowhere to mount what every container has. */
  private static final List<String> NEEDED = List.of("dev", "proc");

  /** {@code scheme://user:password@host}; an @ before a digest is none of that. */
  private static final Pattern PASSWORD =
      Pattern.compile("^[A-Za-z0-9+]+://[^/@]+:[^/@]+@(?!sha\\d+:)");

  private final ApptainerConfig.Images config;
  private final ApptainerBinary binary;
  private final ImageStore store;
  private final FolderRemoval removal;
  private final Layers layers;
  private final ImageRewrites rewrites;
  private final Semaphore processes;

  ApptainerImages(
      ApptainerConfig.Images config, ApptainerBinary binary, CacheHome cache, Semaphore processes) {
    this.config = config;
    this.binary = binary;
    this.removal = FolderRemoval.with(cache);
    this.store = new ImageStore(cache, removal);
    this.layers = new Layers(store.parts());
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
    ImageReference reference = parse(image);
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
  public Path pull(String image, PullPolicy policy, Consumer<String> progress)
      throws InterruptedException {
    ImageReference reference = parse(image);
    if (reference.local()) {
      throw new RequestException(
          "Tried to pull "
              + image
              + ", but that is a file or folder of this host; name an image such as alpine:3.20 or"
              + " docker://alpine:3.20.");
    }
    try (ImageUse use = fetch(reference, policy, progress)) {
      return use.path();
    }
  }

  /**
   * Builds an image from a definition file and puts it into the store under this name, replacing
   * what was there.
   *
   * @return where it is
   * @throws CreateException if the build failed; the message ends with the end of its log
   */
  public Path build(String name, Path definition, Consumer<String> progress)
      throws InterruptedException {
    return build(name, definition, PullPolicy.ALWAYS, progress);
  }

  /** The same as the policy says: whatever is there under the name may do, or must. */
  public Path build(String name, Path definition, PullPolicy policy, Consumer<String> progress)
      throws InterruptedException {
    ImageReference reference = parse(name);
    if (reference.local()) {
      throw new RequestException(
          "Tried to build an image under the name '"
              + name
              + "'; a name must not look like a path. Use one such as tools:1.");
    }
    if (!Files.isRegularFile(definition)) {
      throw new RequestException(
          "Tried to build from " + definition + ", but there is no such definition file.");
    }
    Path file = definition.toAbsolutePath();
    ImageProducer producer =
        (target, lines) ->
            make(
                "build " + name + " from " + definition,
                arguments("build", target, file.toString()),
                file.getParent(),
                target,
                lines);
    try (ImageUse use =
        store.obtain(ImageKey.of(reference, kind()), policy, producer, LONGEST_FETCH, progress)) {
      return use.path();
    }
  }

  /** What is in the store. */
  public List<StoredImage> list() throws InterruptedException {
    return store.list();
  }

  /**
   * Removes an image, in whatever form it is kept; of a .sif file what was unpacked of it, never
   * the file itself.
   *
   * @param patience how long to wait for those who use it
   * @return whether there was one
   * @throws RequestException if it is still used then
   */
  public boolean remove(String image, Duration patience) throws InterruptedException {
    parse(image);
    boolean removed = false;
    for (StoredImage stored : store.named(image)) {
      removed |= store.remove(stored.key(), patience);
    }
    return removed;
  }

  /**
   * Removes what nobody has begun to use for this long, and the layers that were fetched before
   * that.
   */
  public List<StoredImage> prune(Duration unusedFor) throws InterruptedException {
    return store.prune(unusedFor);
  }

  /**
   * Removes what killed fetches and builds have left.
   *
   * @return a line for each
   */
  List<String> reap() throws InterruptedException {
    return store.sweep().stream().map(left -> "unfinished image " + left).toList();
  }

  private ImageKind kind() {
    return config.format() == ApptainerConfig.Format.SIF ? ImageKind.SIF : ImageKind.FOLDER;
  }

  private ImageUse fetch(ImageReference reference, PullPolicy policy, Consumer<String> progress)
      throws InterruptedException {
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
    ImageProducer producer =
        (target, lines) -> {
          make(
              "fetch " + source,
              arguments(sif ? "pull" : "build", target, source.text()),
              null,
              target,
              lines);
          Architecture.check(reference, target);
        };
    return store.obtain(ImageKey.of(reference, kind()), policy, producer, LONGEST_FETCH, progress);
  }

  private Ready local(Path path, Consumer<String> progress) throws InterruptedException {
    if (!Files.exists(path)) {
      throw new RequestException(
          "Tried to use the image "
              + path
              + ", but there is no such file or folder; a registry's image needs no leading / or ."
              + " in its name.");
    }
    if (!Files.isReadable(path)) {
      throw new RequestException(
          "Tried to use the image " + path + ", but it may not be read by this user.");
    }
    if (Files.isDirectory(path)) {
      return folder(path);
    }
    SifFile.check(path);
    boolean wanted = kind() == ImageKind.FOLDER;
    if (!wanted && mountable()) {
      return new Ready(path, null, List.of());
    }
    ImageKey key = key(path);
    ImageProducer producer =
        (target, lines) -> {
          lines.accept("Unpacking " + path + ", once");
          make(
              "unpack " + path,
              List.of("build", "--sandbox", "--fix-perms", target.toString(), path.toString()),
              null,
              target,
              lines);
          forgetOlder(path, key);
        };
    ImageUse use = store.obtain(key, PullPolicy.MISSING, producer, LONGEST_FETCH, progress);
    return new Ready(
        use.path(),
        use,
        wanted
            ? List.of()
            : List.of(
                "The image " + path + " is used unpacked, because /dev/fuse is not usable here."));
  }

  /**
   * What was unpacked of a file that has changed since goes, unless it is still used: then pruning
   * finds it.
   */
  private void forgetOlder(Path path, ImageKey current) throws InterruptedException {
    for (StoredImage older : store.named(path.toString())) {
      if (!older.key().equals(current) && !older.inUse()) {
        try {
          store.remove(older.key(), Duration.ZERO);
        } catch (RequestException e) {
          // Somebody has begun to use it this moment.
        }
      }
    }
  }

  private static Ready folder(Path path) {
    for (String needed : NEEDED) {
      if (!Files.isDirectory(path.resolve(needed))) {
        throw new RequestException(
            "Tried to use the folder "
                + path
                + " as an image, but it is not a root file system: it has no folder "
                + needed
                + " (an empty one is enough).");
      }
    }
    return new Ready(path, null, List.of());
  }

  private static ImageKey key(Path file) {
    try {
      return ImageKey.unpackedOf(file);
    } catch (IOException e) {
      throw new CreateException(
          ApptainerProvider.NAME,
          null,
          "Tried to look at the image " + file + ", but " + Reason.of(e) + ".",
          e);
    }
  }

  /** Whether a .sif file can be mounted: as root by the kernel, else by FUSE. */
  private static boolean mountable() {
    Path fuse = Path.of("/dev/fuse");
    return Doctor.isRoot() || Files.isReadable(fuse) && Files.isWritable(fuse);
  }

  private static ImageReference parse(String image) {
    if (PASSWORD.matcher(image).find()) {
      throw new RequestException(
          "Tried to use an image URI with a user and a password in it; URIs show in ps and in logs."
              + " Log in with apptainer registry login, or set APPTAINER_DOCKER_USERNAME and"
              + " APPTAINER_DOCKER_PASSWORD.");
    }
    return ImageReference.parse(image);
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

  /** Lets root's builds run where root is not given all capabilities. */
  private static Map<String, String> allowances() {
    List<String> missing = Doctor.isRoot() ? Capabilities.missing() : List.of();
    return missing.isEmpty() ? Map.of() : Map.of("APPTAINER_DROP_CAPS", String.join(",", missing));
  }

  /**
   * Lets {@code apptainer} make an image. Its temporary files and its cache are beside the target,
   * in the folder of this making: on the same file system, and found and deleted with it if this
   * process is killed.
   */
  private void make(
      String tried,
      List<String> arguments,
      @Nullable Path directory,
      Path target,
      Consumer<String> lines)
      throws InterruptedException {
    Path folder = Objects.requireNonNull(target.getParent());
    String chosen = System.getenv("APPTAINER_TMPDIR");
    Path temporary =
        chosen == null || chosen.isEmpty()
            ? folder.resolve("tmp")
            : Path.of(chosen).resolve(folder.getFileName() + ".tmp");
    Path cache = folder.resolve("cache");
    HostCommand command =
        binary
            .command(arguments)
            .withEnv("APPTAINER_TMPDIR", temporary.toString())
            .withEnv("APPTAINER_CACHEDIR", cache.toString())
            .withEnv(ImageStore.mark(target))
            .withEnv(allowances())
            .withTimeout(LONGEST_FETCH)
            .withLines(lines);
    processes.acquire();
    try {
      Files.createDirectory(temporary);
      layers.lendTo(cache);
      HostResult result = (directory == null ? command : command.inDirectory(directory)).run();
      if (!result.ok()) {
        throw new CreateException(
            ApptainerProvider.NAME,
            null,
            "Tried to " + tried + ", but " + result.description(),
            null);
      }
      layers.takeFrom(cache);
    } catch (IOException e) {
      throw new CreateException(
          ApptainerProvider.NAME,
          null,
          "Tried to "
              + tried
              + ", but its temporary files could not be written: "
              + Reason.of(e)
              + ".",
          e);
    } finally {
      processes.release();
      removal.remove(temporary, cache);
    }
  }
}
