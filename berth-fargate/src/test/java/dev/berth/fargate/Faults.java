package dev.berth.fargate;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;

/** What is to go wrong next. Thread-safe. */
final class Faults {
  /** What happens to one call. */
  enum Call {
    /** Refused: ThrottlingException. */
    THROTTLED,
    /**
     * Refused as ECS hands on what another service refused it: a ClientException with the words.
     */
    THROTTLED_IN_WORDS,
    /** An answer without a task and with a failure: no capacity. */
    NO_CAPACITY,
    /** An answer without a task and with a failure that will not pass. */
    MISSING,
    /** Done, but the answer is lost. */
    ANSWER_LOST,
    /** Refused: an error of the service, before anything is done. */
    BROKEN,
    /** Refused: this caller may not. */
    DENIED
  }

  /** At which stage of its start a task dies. */
  enum Start {
    NONE,
    NETWORK,
    SECRETS,
    IMAGE,
    SIDECAR_DIES,
    /** The sidecar is started some seconds after the task has its address. */
    SIDECAR_LATE,
    /** The sidecar runs, and nothing listens in it. */
    SIDECAR_DEAF,
    /** Taken away by AWS when the guest is in place, before the main container is started. */
    TAKEN_AWAY,
    /** The main container is never started. */
    MAIN_NEVER,
    MAIN_DIES
  }

  private final Map<String, Deque<Call>> calls = new ConcurrentHashMap<>();
  private final Deque<Start> starts = new ConcurrentLinkedDeque<>();
  private final Map<String, Integer> counts = new ConcurrentHashMap<>();
  private volatile Duration provisioning = Duration.ofMillis(50);
  private volatile Duration pulling = Duration.ZERO;

  /** The next calls of this operation meet these, one each. */
  void next(String operation, Call... faults) {
    Deque<Call> queue = calls.computeIfAbsent(operation, key -> new ArrayDeque<>());
    synchronized (queue) {
      queue.addAll(java.util.List.of(faults));
    }
  }

  Call take(String operation) {
    counts.merge(operation, 1, Integer::sum);
    Deque<Call> queue = calls.computeIfAbsent(operation, key -> new ArrayDeque<>());
    synchronized (queue) {
      return queue.poll();
    }
  }

  /** How often it was called. */
  int count(String operation) {
    return counts.getOrDefault(operation, 0);
  }

  void nextStart(Start fault) {
    starts.add(fault);
  }

  Start start() {
    Start next = starts.poll();
    return next == null ? Start.NONE : next;
  }

  void provisioning(Duration duration) {
    provisioning = duration;
  }

  Duration provisioning() {
    return provisioning;
  }

  /** How long a task has its address before its containers are made: the images are fetched. */
  void pulling(Duration duration) {
    pulling = duration;
  }

  Duration pulling() {
    return pulling;
  }

  void clear() {
    calls.clear();
    starts.clear();
    counts.clear();
    provisioning = Duration.ofMillis(50);
    pulling = Duration.ZERO;
  }
}
