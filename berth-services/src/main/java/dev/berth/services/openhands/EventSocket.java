package dev.berth.services.openhands;

import dev.berth.services.http.Http;
import dev.berth.services.http.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One WebSocket to an agent server, whose frames wait here to be taken. No more are read than there
 * is room for: a server that floods is held up by TCP.
 */
final class EventSocket implements WebSocket.Listener, AutoCloseable {
  /** The key was refused. */
  static final int UNAUTHORIZED = 4001;

  /** There is no such conversation. */
  static final int NOT_FOUND = 4004;

  /** A frame is beyond the bound: said by this side. */
  static final int TOO_LARGE = 1009;

  private static final int GONE = 1006;
  private static final int MOST_FRAME = 16 << 20;
  private static final int MOST_FRAMES = 256;
  private static final int MOST_WAITING = 16 << 20;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  /** Guarded by the lock, as are the fields below. */
  private final ArrayDeque<String> frames = new ArrayDeque<>();

  private final StringBuilder partial = new StringBuilder();
  private @Nullable WebSocket socket;
  private int waiting;
  private boolean owed;
  private @Nullable Ended ended;
  private long heard = System.nanoTime();

  private EventSocket() {}

  /** The connection has ended; nothing comes any more. */
  static final class Ended extends IOException {
    private static final long serialVersionUID = 1L;
    private final int code;

    Ended(int code, String message) {
      super(message);
      this.code = code;
    }

    /** The WebSocket's close code; 1006 for a connection that broke. */
    int code() {
      return code;
    }
  }

  /** Connects, and sends the key as the first frame. */
  static EventSocket open(URI url, String key, Duration within) throws Ended, InterruptedException {
    EventSocket made = new EventSocket();
    CompletableFuture<WebSocket> connecting =
        Http.client().newWebSocketBuilder().connectTimeout(within).buildAsync(url, made);
    boolean done = false;
    try {
      WebSocket socket = connecting.get(within.toMillis(), TimeUnit.MILLISECONDS);
      if (!key.isEmpty()) {
        authenticate(socket, key, within);
      }
      done = true;
      return made;
    } catch (ExecutionException | TimeoutException e) {
      // The cause's text may hold what the server sent; its class says enough.
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new Ended(GONE, "no WebSocket could be had: " + cause.getClass().getSimpleName());
    } finally {
      if (!done) {
        connecting.cancel(true);
        made.close();
      }
    }
  }

  private static void authenticate(WebSocket socket, String key, Duration within)
      throws TimeoutException, InterruptedException {
    byte[] auth = Json.bytes(Map.of("type", "auth", "session_api_key", key));
    try {
      socket
          .sendText(new String(auth, StandardCharsets.UTF_8), true)
          .get(within.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      // The server has closed it already; why, is to be read.
    }
  }

  /**
   * The next frame; null if none comes in time.
   *
   * @throws Ended once all frames are taken and no more can come
   */
  @Nullable String poll(Duration within) throws Ended, InterruptedException {
    long nanos = within.toNanos();
    lock.lockInterruptibly();
    try {
      while (frames.isEmpty()) {
        if (ended != null) {
          throw ended;
        }
        if (nanos <= 0) {
          return null;
        }
        nanos = changed.awaitNanos(nanos);
      }
      String frame = frames.remove();
      waiting -= frame.length();
      if (owed && hasRoom()) {
        owed = false;
        request();
      }
      return frame;
    } finally {
      lock.unlock();
    }
  }

  /** How long the server has sent nothing although it could have. */
  Duration silence() {
    lock.lock();
    try {
      return owed ? Duration.ZERO : Duration.ofNanos(System.nanoTime() - heard);
    } finally {
      lock.unlock();
    }
  }

  /** Asks the server for a sign of life. */
  void ping() {
    WebSocket to = socket;
    if (to != null) {
      to.sendPing(ByteBuffer.allocate(0));
    }
  }

  @Override
  public void close() {
    end(GONE, "closed here");
    lock.lock();
    try {
      if (socket != null) {
        socket.abort();
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void onOpen(WebSocket opened) {
    lock.lock();
    try {
      socket = opened;
      if (ended != null) {
        opened.abort();
      } else {
        opened.request(1);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public @Nullable CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
    lock.lock();
    try {
      heard = System.nanoTime();
      if (ended != null) {
        return null;
      }
      if (partial.length() + part.length() > MOST_FRAME) {
        partial.setLength(0);
        partial.trimToSize();
        ended =
            new Ended(
                TOO_LARGE, "the server sent a frame of more than " + MOST_FRAME + " characters");
        changed.signalAll();
        from.abort();
        return null;
      }
      partial.append(part);
      if (last) {
        waiting += partial.length();
        frames.add(partial.toString());
        partial.setLength(0);
        if (partial.capacity() > 1 << 16) {
          partial.trimToSize();
        }
        changed.signalAll();
      }
      if (!last || hasRoom()) {
        request();
      } else {
        owed = true;
      }
    } finally {
      lock.unlock();
    }
    return null;
  }

  @Override
  public @Nullable CompletionStage<?> onBinary(WebSocket from, ByteBuffer part, boolean last) {
    end(1003, "the server sent bytes where text is due");
    from.abort();
    return null;
  }

  @Override
  public @Nullable CompletionStage<?> onPing(WebSocket from, ByteBuffer message) {
    return sign();
  }

  @Override
  public @Nullable CompletionStage<?> onPong(WebSocket from, ByteBuffer message) {
    return sign();
  }

  @Override
  public @Nullable CompletionStage<?> onClose(WebSocket from, int code, String reason) {
    end(code, "the server closed the WebSocket with code " + code);
    return null;
  }

  @Override
  public void onError(WebSocket from, Throwable error) {
    end(GONE, "the WebSocket broke: " + error.getClass().getSimpleName());
  }

  private @Nullable CompletionStage<?> sign() {
    lock.lock();
    try {
      heard = System.nanoTime();
      request();
    } finally {
      lock.unlock();
    }
    return null;
  }

  private boolean hasRoom() {
    return frames.size() < MOST_FRAMES && waiting < MOST_WAITING;
  }

  private void request() {
    if (socket != null) {
      socket.request(1);
    }
  }

  private void end(int code, String message) {
    lock.lock();
    try {
      if (ended == null) {
        ended = new Ended(code, message);
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
