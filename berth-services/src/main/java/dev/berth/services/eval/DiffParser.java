package dev.berth.services.eval;

import dev.berth.services.eval.UnifiedDiff.Change;
import dev.berth.services.eval.UnifiedDiff.Hunk;
import dev.berth.services.eval.UnifiedDiff.Unfit;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads a patch line by line. For one thread, once. */
final class DiffParser {
  private static final Pattern HUNK =
      Pattern.compile(
          "@@ -(\\d{1,9})(?:,(\\d{1,9}))? \\+(\\d{1,9})(?:,(\\d{1,9}))? @@.*", Pattern.DOTALL);
  private static final String NOTHING = "/dev/null";

  private final List<String> lines;
  private final List<Change> changes = new ArrayList<>();
  private int at;

  // Of the file at hand.
  private boolean open;
  private @Nullable String header;
  private @Nullable String from;
  private @Nullable String to;
  private boolean added;
  private boolean deleted;
  private @Nullable Boolean executable;
  private List<Hunk> hunks = new ArrayList<>();

  DiffParser(String patch) {
    this.lines = UnifiedDiff.lines(patch);
  }

  UnifiedDiff parse() throws Unfit {
    while (at < lines.size()) {
      String line = lines.get(at++).stripTrailing();
      if (line.startsWith("diff --git ")) {
        finish();
        open = true;
        header = line;
      } else if (line.startsWith("--- ") && at < lines.size() && lines.get(at).startsWith("+++ ")) {
        names(line);
      } else if (line.startsWith("@@ ")) {
        hunks.add(hunk(line));
      } else if (open) {
        extended(line);
      }
    }
    finish();
    if (changes.isEmpty()) {
      throw new Unfit("there is no change in it");
    }
    return new UnifiedDiff(List.copyOf(changes));
  }

  private void names(String line) throws Unfit {
    if (!open || !hunks.isEmpty()) {
      finish();
      open = true;
    }
    String old = name(line);
    String now = name(lines.get(at++).stripTrailing());
    added |= old == null;
    deleted |= now == null;
    from = old;
    to = now;
  }

  /** What git says between its own line and the names. */
  private void extended(String line) throws Unfit {
    if (line.startsWith("new file mode ")) {
      added = true;
      executable = line.endsWith("755");
    } else if (line.startsWith("deleted file mode ")) {
      deleted = true;
    } else if (line.startsWith("new mode ")) {
      executable = line.endsWith("755");
    } else if (line.startsWith("rename from ")) {
      from = checked(line.substring("rename from ".length()));
    } else if (line.startsWith("rename to ")) {
      to = checked(line.substring("rename to ".length()));
    } else if (line.startsWith("copy from ")
        || line.startsWith("GIT binary patch")
        || line.startsWith("Binary files ")) {
      throw new Unfit("it copies files or holds binary ones, for which the image needs git");
    }
  }

  private void finish() throws Unfit {
    if (!open) {
      return;
    }
    if (from == null && to == null) {
      String name = ofHeader();
      from = added ? null : name;
      to = name;
    }
    String path = to == null ? from : to;
    if (path == null) {
      throw new Unfit("it names no file where it should");
    }
    changes.add(new Change(path, added ? null : from, deleted, executable, hunks));
    open = false;
    header = null;
    from = null;
    to = null;
    added = false;
    deleted = false;
    executable = null;
    hunks = new ArrayList<>();
  }

  /** An empty or only re-moded file is named by git's own line alone: {@code a/NAME b/NAME}. */
  private @Nullable String ofHeader() throws Unfit {
    if (header == null) {
      return null;
    }
    String names = header.substring("diff --git ".length());
    int middle = names.length() / 2;
    String second = names.length() % 2 == 1 ? names.substring(middle + 1) : "";
    if (second.length() < 3 || !names.substring(2, middle).equals(second.substring(2))) {
      throw new Unfit("its line '" + header + "' cannot be understood");
    }
    return checked(second.substring(2));
  }

  /** Without the mark before it, a time after it, and the first part of the path. */
  private static @Nullable String name(String line) throws Unfit {
    String name = line.substring(4);
    int tab = name.indexOf('\t');
    name = (tab < 0 ? name : name.substring(0, tab)).strip();
    if (name.equals(NOTHING)) {
      return null;
    }
    int slash = name.indexOf('/');
    return checked(name.substring(slash + 1));
  }

  private static String checked(String path) throws Unfit {
    if (path.startsWith("\"")) {
      throw new Unfit("it quotes a name, " + path + ", for which the image needs git");
    }
    if (path.isEmpty() || path.startsWith("/") || ("/" + path + "/").contains("/../")) {
      throw new Unfit("it names '" + path + "', which is outside of the patched folder");
    }
    return path;
  }

  private Hunk hunk(String line) throws Unfit {
    Matcher head = HUNK.matcher(line);
    if (!open || !head.matches()) {
      throw new Unfit("its line '" + line + "' cannot be understood");
    }
    int start = Integer.parseInt(head.group(1));
    int old = head.group(2) == null ? 1 : Integer.parseInt(head.group(2));
    int now = head.group(4) == null ? 1 : Integer.parseInt(head.group(4));
    List<String> before = new ArrayList<>();
    List<String> after = new ArrayList<>();
    List<List<String>> last = List.of();
    while (before.size() < old || after.size() < now || noNewlineFollows()) {
      if (at == lines.size()) {
        throw new Unfit("it ends within a change");
      }
      String text = lines.get(at++);
      if (UnifiedDiff.isNoNewline(text)) {
        last.forEach(DiffParser::cutNewline);
        continue;
      }
      last =
          switch (text.charAt(0)) {
            case '-' -> List.of(before);
            case '+' -> List.of(after);
            // Some editors take the blank off an empty line.
            case ' ', '\n' -> List.of(before, after);
            default -> throw new Unfit("its change at line " + at + " is not whole");
          };
      String content = text.charAt(0) == '\n' ? text : text.substring(1);
      last.forEach(to -> to.add(content));
    }
    if (before.size() != old || after.size() != now) {
      throw new Unfit("its change at line " + at + " has another length than it says");
    }
    // Where nothing is taken away, the number is that of the line before.
    return new Hunk(old == 0 ? start : start - 1, before, after);
  }

  private boolean noNewlineFollows() {
    return at < lines.size() && UnifiedDiff.isNoNewline(lines.get(at));
  }

  private static void cutNewline(List<String> lines) {
    String last = lines.remove(lines.size() - 1);
    lines.add(last.endsWith("\n") ? last.substring(0, last.length() - 1) : last);
  }
}
