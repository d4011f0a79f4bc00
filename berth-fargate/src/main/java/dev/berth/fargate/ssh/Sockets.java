package dev.berth.fargate.ssh;

import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousSocketChannel;
import java.util.concurrent.ExecutorService;
import jdk.net.ExtendedSocketOptions;
import org.apache.sshd.common.FactoryManager;
import org.apache.sshd.common.PropertyResolver;
import org.apache.sshd.common.io.IoHandler;
import org.apache.sshd.common.io.IoServiceFactory;
import org.apache.sshd.common.io.nio2.Nio2CompletionHandler;
import org.apache.sshd.common.io.nio2.Nio2Service;
import org.apache.sshd.common.io.nio2.Nio2ServiceFactory;
import org.apache.sshd.common.io.nio2.Nio2ServiceFactoryFactory;
import org.apache.sshd.common.io.nio2.Nio2Session;
import org.apache.sshd.common.util.threads.NoCloseExecutor;

/**
 * Sockets that acknowledge at once what they receive. OpenSSH's server leaves Nagle's algorithm on
 * for all but terminals: its second small packet, which may be the end of a command, waits until
 * the first is acknowledged, which Linux would put off by 40 ms.
 */
final class Sockets extends Nio2ServiceFactoryFactory {
  private final ExecutorService threads;

  /** Served by these threads, which are not closed with them. */
  Sockets(ExecutorService threads) {
    this.threads = threads;
  }

  @Override
  public IoServiceFactory create(FactoryManager manager) {
    return new Nio2ServiceFactory(
        manager, new NoCloseExecutor(threads), new NoCloseExecutor(threads)) {
      @Override
      public Nio2Session createSession(
          Nio2Service service,
          IoHandler handler,
          AsynchronousSocketChannel socket,
          SocketAddress acceptedAt)
          throws IOException {
        return new Prompt(service, getFactoryManager(), handler, socket, acceptedAt);
      }
    };
  }

  private static final class Prompt extends Nio2Session {
    private final boolean canAcknowledge;

    Prompt(
        Nio2Service service,
        PropertyResolver properties,
        IoHandler handler,
        AsynchronousSocketChannel socket,
        SocketAddress acceptedAt)
        throws IOException {
      super(service, properties, handler, socket, acceptedAt);
      canAcknowledge = socket.supportedOptions().contains(ExtendedSocketOptions.TCP_QUICKACK);
    }

    /** The kernel falls back to delays by itself: it is told anew for each read. */
    @Override
    protected void doReadCycle(
        ByteBuffer buffer, Nio2CompletionHandler<Integer, Object> completion) {
      if (canAcknowledge) {
        try {
          getSocket().setOption(ExtendedSocketOptions.TCP_QUICKACK, true);
        } catch (IOException e) {
          // Closed, most likely, which the read will say.
        }
      }
      super.doReadCycle(buffer, completion);
    }
  }
}
