package dev.berth.fargate.ssh;

import dev.berth.core.guest.Link;
import java.io.IOException;
import java.nio.channels.ByteChannel;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The way to a guest that listens on the task's loopback: each connection is a stream of SSH. */
record SshLink(Healing way, int port, byte[] secret, Supplier<@Nullable String> ended)
    implements Link {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @Override
  public ByteChannel connect(Duration atMost) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + atMost.toNanos();
    SshConnection connection = way.connection(atMost);
    Duration left = Duration.ofNanos(Math.max(1_000_000, deadline - System.nanoTime()));
    return connection.channel("127.0.0.1", port, left);
  }

  @Override
  public boolean gone() {
    return way.lost() != null || ended.get() != null;
  }

  @Override
  public String whyGone() {
    String why = ended.get();
    return why != null ? why : Objects.requireNonNullElseGet(way.lost(), Link.super::whyGone);
  }

  /** The door is the server's: guest and server stand on one loopback. */
  @Override
  public boolean reaches(Duration atMost) throws InterruptedException {
    long deadline = System.nanoTime() + atMost.toNanos();
    try {
      SshConnection connection = way.connection(atMost);
      return connection.answers(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())));
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public byte[] token() {
    return secret.clone();
  }

  @Override
  public Duration patience() {
    return PATIENCE;
  }

  /** Says nothing of the token. */
  @Override
  public String toString() {
    return "SshLink[port=" + port + "]";
  }
}
