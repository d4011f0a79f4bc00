package dev.berth.core.launch;

import dev.berth.core.guest.Link;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/** The way to a guest through a Unix socket of this host, which only this user can reach. */
record UnixLink(Path socket, BooleanSupplier ended, BooleanSupplier halted) implements Link {

  @Override
  public ByteChannel connect(Duration atMost) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      // A Unix socket connects at once or not at all, unless its queue is full: then a blocking
      // call
      // would wait for a guest that has stopped accepting, for ever.
      channel.configureBlocking(false);
      if (!channel.connect(UnixDomainSocketAddress.of(socket))) {
        throw new IOException("its guest does not accept connections");
      }
      channel.configureBlocking(true);
      return channel;
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  @Override
  public boolean gone() {
    return ended.getAsBoolean();
  }

  @Override
  public boolean stopped() {
    return halted.getAsBoolean();
  }
}
