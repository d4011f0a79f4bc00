package dev.berth.fargate.ssh;

import dev.berth.SandboxStatus;
import dev.berth.core.guest.GuestHost;
import dev.berth.core.guest.Link;
import java.util.List;

/** A guest of which there is nothing but the way. */
record GuestHostOf(Link link) implements GuestHost {
  @Override
  public String id() {
    return "way";
  }

  @Override
  public String provider() {
    return "test";
  }

  @Override
  public List<String> notices() {
    return List.of();
  }

  @Override
  public SandboxStatus status() {
    return SandboxStatus.RUNNING;
  }

  @Override
  public String descriptor() {
    return "{}";
  }

  @Override
  public void detach() {}

  @Override
  public void destroy() {}

  @Override
  public void release() {}
}
