package dev.berth.services.openhands;

import dev.berth.ServiceException;
import dev.berth.services.http.CallException;
import dev.berth.services.http.Json;
import dev.berth.services.openhands.OpenHandsException.Failure;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import tools.jackson.databind.JsonNode;

/**
 * A conversation's events in order and once each, over as many connections as it takes.
 *
 * <p>The server's own resending mixes old events with new ones. So each connection begins without
 * it: once the server says that it is subscribed, what was missed is read from its stored events by
 * pages, and only then what waits in the socket. An event that came both ways is known by its id.
 */
final class EventStream implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(EventStream.class.getName());
  private static final Duration CONNECT_WITHIN = Duration.ofSeconds(10);
  private static final Duration SUBSCRIBED_WITHIN = Duration.ofSeconds(30);
  private static final Duration CLOSED_WITHIN = Duration.ofSeconds(10);
  private static final Duration QUIET = Duration.ofSeconds(15);
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);
  private static final int PAGE = 50;
  private static final int REMEMBERED = 20_000;

  /** Reading starts so many stored events back: live ones may overtake each other a little. */
  private static final int OVERLAP = 20;

  private final Calls calls;
  private final String path;
  private final Progress progress;
  private final EventCallback callback;
  private final Thread thread;
  private final RecentIds recent = new RecentIds(REMEMBERED);
  private final ArrayDeque<String> lastStored = new ArrayDeque<>();
  private String lastTimestamp = "";
  private final Semaphore wake = new Semaphore(0);

  /** Held while events are taken: by the reading thread, or by one that cannot wait for it. */
  private final ReentrantLock taking = new ReentrantLock();

  private volatile boolean closed;

  /** Starts to read; {@code progress} says when the first connection is ready. */
  EventStream(
      Calls calls, String conversation, History history, Progress progress, EventCallback callback)
      throws InterruptedException {
    this.calls = calls;
    this.path = "/api/conversations/" + conversation + "/events/search";
    this.progress = progress;
    this.callback = callback;
    if (history == History.NEW) {
      skipHistory();
    }
    this.thread =
        Thread.ofVirtual()
            .name("berth-openhands-events")
            .start(() -> read("/sockets/events/" + conversation));
  }

  private void skipHistory() throws InterruptedException {
    JsonNode newest =
        calls.get(path, Map.of("limit", "1", "sort_order", "TIMESTAMP_DESC"), Calls.SOON);
    for (JsonNode each : Shapes.items(newest, 1, "events/search")) {
      Event event = Event.read(each);
      remember(event, true);
    }
  }

  /** Connects again at once if it is waiting to do so. */
  void wake() {
    wake.release();
  }

  /**
   * Reads the stored events that the connection has not brought, and has the callback called with
   * them by this thread. False if a callback was at work all the time.
   */
  boolean catchUp(Duration within) throws InterruptedException {
    if (!taking.tryLock(within.toNanos(), TimeUnit.NANOSECONDS)) {
      return false;
    }
    try {
      readStored();
      return true;
    } finally {
      taking.unlock();
    }
  }

  /** Ends it. The callback is not called any more once this returns, unless it calls this. */
  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    boolean interrupted = false;
    try {
      if (Thread.currentThread() != thread && !taking.isHeldByCurrentThread()) {
        thread.join(CLOSED_WITHIN);
        if (taking.tryLock(CLOSED_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
          taking.unlock();
        }
      }
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void read(String socketPath) {
    Duration pause = FIRST_PAUSE;
    try {
      while (!closed) {
        boolean ready = false;
        try (EventSocket socket =
            EventSocket.open(calls.socket(socketPath), calls.key(), CONNECT_WITHIN)) {
          subscribed(socket);
          ready = true;
          pause = FIRST_PAUSE;
          live(socket);
        } catch (EventSocket.Ended e) {
          failIfFinal(e);
          LOG.log(
              System.Logger.Level.DEBUG, "The event stream is reconnected: {0}", e.getMessage());
        } catch (OpenHandsException e) {
          if (e.failure() != Failure.UNREACHABLE
              && e.failure() != Failure.TIMED_OUT
              && e.failure() != Failure.SERVER
              && e.failure() != Failure.BUSY) {
            throw e;
          }
        } catch (ServiceException e) {
          // It may be restarted. Whoever waits for a run is told by its own calls.
        } finally {
          progress.disconnected();
        }
        if (!closed) {
          wake.drainPermits();
          wake.tryAcquire(pause.toNanos(), TimeUnit.NANOSECONDS);
          pause = ready ? FIRST_PAUSE : min(pause.multipliedBy(2), LONGEST_PAUSE);
        }
      }
    } catch (InterruptedException e) {
      // Closed.
    } catch (RuntimeException e) {
      progress.fail(e);
    }
  }

  private static Duration min(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }

  private static void failIfFinal(EventSocket.Ended end) {
    Failure failure =
        switch (end.code()) {
          case EventSocket.UNAUTHORIZED -> Failure.UNAUTHORIZED;
          case EventSocket.NOT_FOUND -> Failure.NOT_FOUND;
          case EventSocket.TOO_LARGE -> Failure.MALFORMED;
          default -> null;
        };
    if (failure != null) {
      throw new OpenHandsException(
          failure, "Tried to follow a conversation's events, but " + end.getMessage() + ".", end);
    }
  }

  /** Waits for the server's word that it is subscribed, and makes up for what was missed. */
  private void subscribed(EventSocket socket) throws EventSocket.Ended, InterruptedException {
    long deadline = System.nanoTime() + SUBSCRIBED_WITHIN.toNanos();
    while (!closed) {
      String frame = socket.poll(Duration.ofNanos(deadline - System.nanoTime()));
      if (frame == null) {
        throw new EventSocket.Ended(0, "the server did not say that it is subscribed");
      }
      Event event = event(frame);
      if (event.kind().equals(Event.STATE_UPDATE)) {
        // Made for this connection alone: no event of the conversation's.
        taking.lockInterruptibly();
        try {
          remember(event, false);
          readStored();
        } finally {
          taking.unlock();
        }
        progress.connected();
        return;
      }
      takeLive(event);
    }
  }

  private void live(EventSocket socket) throws EventSocket.Ended, InterruptedException {
    boolean asked = false;
    while (!closed) {
      String frame = socket.poll(QUIET);
      if (frame != null) {
        asked = false;
        takeLive(event(frame));
      } else if (asked && socket.silence().compareTo(QUIET) >= 0) {
        throw new EventSocket.Ended(0, "the server gave no sign of life");
      } else {
        asked = true;
        socket.ping();
      }
    }
  }

  /** Reads the stored events after those that were delivered. */
  private void readStored() throws InterruptedException {
    String cursor = lastStored.peekFirst();
    String page = cursor;
    boolean byTime = false;
    boolean first = true;
    while (!closed) {
      Map<String, String> query = new LinkedHashMap<>(Map.of("limit", Integer.toString(PAGE)));
      if (page != null) {
        query.put("page_id", page);
      }
      if (byTime) {
        query.put("timestamp__gte", lastTimestamp);
      }
      JsonNode found = calls.get(path, query, Calls.SOON);
      List<JsonNode> items = Shapes.items(found, PAGE, "events/search");
      if (first && cursor != null && !beginsWith(items, cursor)) {
        // Not known there (any more): the server begins at the first event instead.
        first = false;
        byTime = !lastTimestamp.isEmpty();
        page = null;
        continue;
      }
      first = false;
      for (JsonNode each : items) {
        take(Event.read(each), true);
      }
      String next = Shapes.nextPage(found);
      if (next == null) {
        return;
      }
      if (items.isEmpty() || next.equals(page)) {
        throw Shapes.wrong("events/search", "a page that leads nowhere");
      }
      page = next;
    }
  }

  private static boolean beginsWith(List<JsonNode> items, String id) {
    return !items.isEmpty() && Event.read(items.getFirst()).id().equals(id);
  }

  private void takeLive(Event event) throws InterruptedException {
    taking.lockInterruptibly();
    try {
      take(event, event.stored());
    } finally {
      taking.unlock();
    }
  }

  private void take(Event event, boolean stored) {
    if (closed || !remember(event, stored)) {
      return;
    }
    try {
      callback.onEvent(event);
    } catch (RuntimeException e) {
      LOG.log(System.Logger.Level.WARNING, "A callback failed at the event " + event, e);
    }
    if (event.kind().equals(Event.STATE_UPDATE)) {
      progress.state(event.json());
    } else if (event.kind().equals(Event.ERROR)) {
      progress.error(event.json());
    }
  }

  private boolean remember(Event event, boolean stored) {
    if (!recent.add(event.id())) {
      return false;
    }
    if (stored) {
      lastStored.add(event.id());
      if (lastStored.size() > OVERLAP) {
        lastStored.remove();
      }
      lastTimestamp = event.timestamp();
    }
    return true;
  }

  private static Event event(String frame) {
    try {
      return Event.read(Json.tree(frame.getBytes(StandardCharsets.UTF_8), "The event stream"));
    } catch (CallException e) {
      throw new OpenHandsException(
          Failure.MALFORMED,
          "Tried to follow a conversation's events, but the server sent a frame that is none.",
          e);
    }
  }
}
