package dev.berth.services.openhands;

/**
 * Gets a conversation's events: in order, each once, one at a time, from a thread of the
 * conversation's or, when its WebSocket stays lost, from the one that waits for the run's end.
 * While it works no more events are read, which may make the server wait. What it throws is logged,
 * and the next event comes all the same.
 */
@FunctionalInterface
public interface EventCallback {
  /** Takes no notice. */
  EventCallback NONE = event -> {};

  /** One more event. */
  void onEvent(Event event);
}
