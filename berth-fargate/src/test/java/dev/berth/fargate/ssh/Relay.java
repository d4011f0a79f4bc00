package dev.berth.fargate.ssh;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A network between a tunnel and its server that can be cut: while it is, nothing goes through and
 * nobody is told, and who connects waits in vain. Afterwards it goes on, with what was on its way.
 */
final class Relay implements AutoCloseable {
  private final ServerSocket server;
  private final int target;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition healed = lock.newCondition();
  private boolean cut;
  private volatile int generation;

  Relay(int target) throws IOException {
    this.target = target;
    this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  int port() {
    return server.getLocalPort();
  }

  void cut() {
    lock.lock();
    cut = true;
    lock.unlock();
  }

  void heal() {
    lock.lock();
    cut = false;
    healed.signalAll();
    lock.unlock();
  }

  /** What is connected now never gets anything through again, and neither end is told. */
  void abandon() {
    lock.lock();
    generation += 1;
    lock.unlock();
  }

  private void pass(int since) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (cut || since != generation) {
        healed.await();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whether a connection comes through; one that was asked for during a cut may not. */
  private boolean arrives(int since) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (cut) {
        healed.await();
      }
      return since == generation;
    } finally {
      lock.unlock();
    }
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket client = server.accept();
        sockets.add(client);
        Thread.ofVirtual().start(() -> serve(client));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      int since = generation;
      if (!arrives(since)) {
        return;
      }
      try (Socket sshd = new Socket(InetAddress.getLoopbackAddress(), target)) {
        sockets.add(sshd);
        sshd.setTcpNoDelay(true);
        client.setTcpNoDelay(true);
        Thread back = Thread.ofVirtual().start(() -> pump(sshd, client, since));
        pump(client, sshd, since);
        back.join();
      }
    } catch (IOException | InterruptedException e) {
      // Both ends see their connection closed.
    }
  }

  /** The end of a side that was given up during a cut is not passed on: packets are lost. */
  private void pump(Socket from, Socket to, int since) {
    byte[] bytes = new byte[1 << 16];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      while (true) {
        int count = in.read(bytes);
        pass(since);
        if (count < 0) {
          to.shutdownOutput();
          return;
        }
        out.write(bytes, 0, count);
      }
    } catch (IOException | InterruptedException e) {
      return;
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    for (Socket each : sockets) {
      each.close();
    }
  }
}
