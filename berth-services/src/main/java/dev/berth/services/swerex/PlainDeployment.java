package dev.berth.services.swerex;

import dev.berth.RequestException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** A deployment that is nothing but its runtime. */
final class PlainDeployment implements Deployment {
  private final Source source;
  private final ReentrantLock changing = new ReentrantLock();
  private volatile @Nullable Runtime runtime;

  PlainDeployment(Source source) {
    this.source = source;
  }

  @Override
  public void start() throws InterruptedException {
    changing.lockInterruptibly();
    try {
      if (runtime != null) {
        throw new RequestException("Tried to start a deployment that is started; stop it first.");
      }
      runtime = source.open();
    } finally {
      changing.unlock();
    }
  }

  @Override
  public Runtime runtime() {
    Runtime now = runtime;
    if (now == null) {
      throw notStarted();
    }
    return now;
  }

  @Override
  public Liveness isAlive() throws InterruptedException {
    return runtime().isAlive();
  }

  @Override
  public void stop() {
    changing.lock();
    try {
      Runtime now = runtime;
      runtime = null;
      if (now != null) {
        now.close();
      }
    } finally {
      changing.unlock();
    }
  }

  static SwerexException notStarted() {
    return new SwerexException(
        Failure.DEPLOYMENT_NOT_STARTED,
        "Tried to use a deployment that is not started; start it first.");
  }
}
