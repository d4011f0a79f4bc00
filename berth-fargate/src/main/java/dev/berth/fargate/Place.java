package dev.berth.fargate;

import dev.berth.CreateException;
import dev.berth.SandboxSpec;
import dev.berth.core.state.StateHome;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One cluster of one account, with what is needed to run tasks there: the whole configuration, the
 * part that was found by discovery included. Thread-safe.
 */
final class Place implements AutoCloseable {
  /** The file of the state folder that has its random name. */
  private static final String NAME = "fargate-home";

  private static final Duration KEYS_HOLD = Duration.ofMinutes(10);

  private final FargateConfig config;
  private final Aws aws;
  private final Tasks tasks;
  private final TaskDefinitions definitions;
  private final ReentrantLock lock = new ReentrantLock();
  private @Nullable TaskKeys keys;
  private long fetched;

  private Place(FargateConfig config, Aws aws) {
    this.config = config;
    this.aws = aws;
    this.tasks = new Tasks(config, aws);
    this.definitions = new TaskDefinitions(config, aws);
  }

  /** The place that a configuration names, completed from SSM if it leaves that open. */
  static Place of(FargateConfig config) {
    Aws aws = new Aws(config.region());
    boolean done = false;
    try {
      Place place = new Place(Discovery.complete(config, aws), aws);
      done = true;
      return place;
    } finally {
      if (!done) {
        aws.close();
      }
    }
  }

  FargateConfig config() {
    return config;
  }

  Aws aws() {
    return aws;
  }

  Tasks tasks() {
    return tasks;
  }

  TaskDefinitions definitions() {
    return definitions;
  }

  /** Whether a task noted there is one of this cluster. */
  boolean holds(TaskNote note) {
    return note.cluster().equals(config.cluster()) && note.region().equals(aws.region());
  }

  /** The keys of our tunnels; fetched anew now and then, so that they can be changed. */
  TaskKeys keys() {
    SshSidecarConfig sidecar = TaskDefinitions.sidecar(config);
    lock.lock();
    try {
      TaskKeys held = keys;
      if (held == null || System.nanoTime() - fetched > KEYS_HOLD.toNanos()) {
        held = TaskKeys.fetch(aws, sidecar.privateKeySecretArn());
        keys = held;
        fetched = System.nanoTime();
      }
      return held;
    } finally {
      lock.unlock();
    }
  }

  /** The tags of a task: so it can be found, and told from others', when nobody remembers it. */
  Map<String, String> tags(String id, SandboxSpec spec, StateHome state) {
    Map<String, String> tags = new LinkedHashMap<>();
    tags.put(Tasks.ID, id);
    tags.put(Tasks.HOME, madeHome(state));
    Duration ttl = spec.ttl() == null ? config.maxTaskLifetime() : spec.ttl();
    tags.put(Tasks.EXPIRES, "" + Instant.now().plus(ttl).getEpochSecond());
    return tags;
  }

  /**
   * Whose a task is: this user's, on this host, in this state folder, which has a random name of
   * its own: two containers may have all the rest in common. Empty as long as it has none.
   */
  static Optional<String> home(StateHome state) {
    String name;
    try (FileInputStream in = new FileInputStream(name(state).toFile())) {
      name = new String(in.readNBytes(100), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return Optional.empty();
    }
    return Optional.of(
        hash(
            StateHome.host()
                + "\n"
                + System.getProperty("user.name")
                + "\n"
                + state.root()
                + "\n"
                + name));
  }

  /** The same; the state folder is given a name if it has none. */
  private static String madeHome(StateHome state) {
    if (!Files.exists(name(state))) {
      Path fresh = null;
      try {
        fresh = Files.createTempFile(state.root(), NAME, ".new");
        try (FileOutputStream out = new FileOutputStream(fresh.toFile())) {
          out.write(UUID.randomUUID().toString().getBytes(StandardCharsets.UTF_8));
        }
        // Of those who do this at once one gets through; a rename would take the place of another.
        Files.createLink(name(state), fresh);
      } catch (FileAlreadyExistsException e) {
        // Its name is as good.
      } catch (IOException | UnsupportedOperationException e) {
        throw unnamed(state, e);
      } finally {
        if (fresh != null) {
          fresh.toFile().delete();
        }
      }
    }
    return home(state).orElseThrow(() -> unnamed(state, null));
  }

  private static Path name(StateHome state) {
    return state.root().resolve(NAME);
  }

  private static CreateException unnamed(StateHome state, @Nullable Exception why) {
    return new CreateException(
        FargateProvider.NAME,
        null,
        "Tried to keep a name in the file "
            + name(state)
            + ", by which tasks are known as this folder's, but "
            + (why == null ? "it cannot be read" : why)
            + ".",
        why);
  }

  private static String hash(String text) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    tasks.close();
    aws.close();
  }
}
