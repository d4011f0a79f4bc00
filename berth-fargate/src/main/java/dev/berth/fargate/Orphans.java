package dev.berth.fargate;

import dev.berth.SandboxException;
import dev.berth.SandboxStatus;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.Reaper;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.SandboxRecord;
import dev.berth.core.state.StateHome;
import dev.berth.spi.SandboxSummary;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The tasks of one cluster against what this host remembers of them: lists them, and ends those
 * that are nobody's. There are two ways for a task to be nobody's: its folder here is without an
 * owner, or it has our tags and no folder. Tasks of other hosts and users are left alone until they
 * are long past the end that their tag names.
 */
final class Orphans {
  private static final Duration OVERDUE = Duration.ofMinutes(10);

  /** A create that was killed right after its folder; its task may just be coming up. */
  private static final Duration YOUNG = Duration.ofMinutes(2);

  private final Place place;
  private final StateHome state;
  private final FolderRemoval removal;

  Orphans(Place place, StateHome state, FolderRemoval removal) {
    this.place = place;
    this.state = state;
    this.removal = removal;
  }

  List<SandboxSummary> list(List<SandboxFolder> folders) throws InterruptedException {
    Map<String, SandboxStatus> states = states(folders);
    List<SandboxSummary> summaries = new ArrayList<>();
    for (SandboxFolder folder : folders) {
      Optional<SandboxRecord> found = folder.record();
      if (found.isEmpty()) {
        continue;
      }
      SandboxRecord record = found.get();
      String arn = TaskNote.read(folder).map(TaskNote::arn).orElse("");
      summaries.add(
          new SandboxSummary(
              folder.id(),
              FargateProvider.NAME,
              states.getOrDefault(arn, SandboxStatus.UNKNOWN),
              record.spec().image(),
              record.created(),
              record.expires(),
              folder.owned(),
              record.spec().metadata(),
              folder.id()));
    }
    return List.copyOf(summaries);
  }

  /**
   * The states of the tasks of this cluster among these; one that ECS has forgotten has stopped.
   */
  private Map<String, SandboxStatus> states(List<SandboxFolder> folders) {
    Map<String, Boolean> ready = new HashMap<>();
    for (SandboxFolder folder : folders) {
      TaskNote note = TaskNote.read(folder).orElse(null);
      if (note != null && note.arn() != null && place.holds(note)) {
        ready.put(note.arn(), note.ready());
      }
    }
    List<String> arns = List.copyOf(ready.keySet());
    Map<String, SandboxStatus> states = new HashMap<>();
    try {
      for (int i = 0; i < arns.size(); i += 100) {
        List<String> some = arns.subList(i, Math.min(arns.size(), i + 100));
        List<TaskState> seen = place.tasks().describe(some);
        some.forEach(arn -> states.put(arn, SandboxStatus.STOPPED));
        seen.forEach(task ->
            states.put(
                task.arn(), FargateHost.status(task, ready.getOrDefault(task.arn(), false))));
      }
    } catch (SandboxException e) {
      // AWS is not to be had now: what is not known is not known.
      return states;
    }
    return states;
  }

  List<String> reap() throws InterruptedException {
    List<String> report = new ArrayList<>(new Reaper(state, removal).reap(new TaskCarrier()));
    add(report, "tasks", this::forgotten);
    add(report, "task definitions", place.definitions()::reap);
    add(report, "image builds", () -> ImageBuilder.builds(place.config(), place.aws()).reap());
    return report;
  }

  /** One kind of what is cleared away; gives a line for each. */
  private interface Step {
    List<String> run() throws InterruptedException;
  }

  /** What fails is reported beside what was done; alone, it is an error. */
  private static void add(List<String> report, String what, Step step) throws InterruptedException {
    try {
      report.addAll(step.run());
    } catch (SandboxException e) {
      SandboxException failure = FargateProvider.interrupted(e);
      if (report.isEmpty()) {
        throw failure;
      }
      report.add(what + ": could not be cleared away: " + failure.getMessage());
    }
  }

  /** Ends the tasks that are nobody's. */
  private List<String> forgotten() throws InterruptedException {
    List<String> report = new ArrayList<>();
    String home = Place.home(state).orElse(null);
    for (TaskState task : place.tasks().all()) {
      String why = nobodys(task, home);
      if (why != null) {
        try {
          place.tasks().stop(task.arn(), "Cleared away: " + why);
          report.add(task.arn() + ": ended (" + why + ")");
        } catch (SandboxException e) {
          report.add(task.arn() + ": could not be ended: " + e.getMessage());
        }
      }
    }
    return report;
  }

  /** Why a task is nobody's; null if it is somebody's, or not one of these at all. */
  private @Nullable String nobodys(TaskState task, @Nullable String home) {
    String id = task.tags().get(Tasks.ID);
    if (id == null) {
      return null;
    }
    Instant expires = expires(task);
    if (expires != null && expires.plus(OVERDUE).isBefore(Instant.now())) {
      return "its time is over";
    }
    Instant created = task.created();
    boolean young = created != null && created.plus(YOUNG).isAfter(Instant.now());
    boolean ours = home != null && home.equals(task.tags().get(Tasks.HOME));
    return ours && !young && state.find(id).isEmpty()
        ? "this host knows nothing of its sandbox any more"
        : null;
  }

  private static @Nullable Instant expires(TaskState task) {
    String text = task.tags().get(Tasks.EXPIRES);
    try {
      return text == null ? null : Instant.ofEpochSecond(Long.parseLong(text));
    } catch (NumberFormatException | java.time.DateTimeException e) {
      return null;
    }
  }

  /** What carries a sandbox: its task. */
  private final class TaskCarrier implements Reaper.Carrier {
    @Override
    public boolean mine(String name) {
      return name.equals(FargateProvider.NAME);
    }

    @Override
    public boolean alive(SandboxFolder folder) throws InterruptedException {
      TaskNote note = TaskNote.read(folder).orElse(null);
      if (note != null && !place.holds(note)) {
        // Another cluster's: whoever is configured for that sees to it.
        return true;
      }
      Optional<SandboxRecord> record = folder.record();
      if (note == null || note.arn() == null || record.isEmpty()) {
        return false;
      }
      boolean overdue =
          record
              .map(SandboxRecord::expires)
              .filter(end -> end.plus(OVERDUE).isBefore(Instant.now()))
              .isPresent();
      // While it runs its guest answers, or its lease will end it.
      return !overdue && place.tasks().ask(note.arn()).filter(task -> !task.over()).isPresent();
    }

    @Override
    public void dispose(SandboxFolder folder) throws InterruptedException {
      TaskNote note = TaskNote.read(folder).orElse(null);
      if (note == null) {
        return;
      }
      String arn = note.arn();
      if (arn != null) {
        place.tasks().stop(arn, "Cleared away: its owner is gone");
        return;
      }
      // Its maker was killed while the answer was on its way.
      for (TaskState task : place.tasks().of(folder.id())) {
        place.tasks().stop(task.arn(), "Cleared away: its owner is gone");
      }
    }
  }
}
