package dev.berth.fargate;

import dev.berth.SandboxSpec;
import dev.berth.core.state.StateHome;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One cluster of one account, with what is needed to run tasks there: the whole configuration, the
 * part that was found by discovery included. Thread-safe.
 */
final class Place implements AutoCloseable {
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
    tags.put(Tasks.HOME, home(state));
    Duration ttl = spec.ttl() == null ? config.maxTaskLifetime() : spec.ttl();
    tags.put(Tasks.EXPIRES, "" + Instant.now().plus(ttl).getEpochSecond());
    return tags;
  }

  /** Whose a task is: this user's, on this host, in this state folder. */
  static String home(StateHome state) {
    String text = StateHome.host() + "\n" + System.getProperty("user.name") + "\n" + state.root();
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
