package dev.berth.services.swerex;

import dev.berth.RequestException;
import java.nio.file.Path;

/**
 * The repository that an instance works on, and the commit that it is reset to. In the sandbox it
 * stands at {@code /} + {@link #name()}.
 */
public sealed interface Repository {
  /** The name of its folder below the root of the sandbox. */
  String name();

  /** What it is reset to: a commit, a branch or a tag; {@code HEAD} for what is checked out. */
  String commit();

  /** One that the image holds already, as SWE-bench's do in {@code /testbed}. */
  record InImage(String name, String commit) implements Repository {
    /** Checks. */
    public InImage {
      Repository.check(name, commit);
    }
  }

  /** One that is cloned, inside the sandbox, with the image's own {@code git}. */
  record Clone(String url, String commit) implements Repository {
    /** Checks. */
    public Clone {
      Repository.check(Repository.last(url), commit);
    }

    @Override
    public String name() {
      return Repository.last(url);
    }
  }

  /** A folder of this host, which is copied in. */
  record Folder(Path path, String commit) implements Repository {
    /** Checks. */
    public Folder {
      path = path.toAbsolutePath().normalize();
      Repository.check(name(path), commit);
    }

    @Override
    public String name() {
      return name(path);
    }

    private static String name(Path path) {
      Path name = path.getFileName();
      return name == null ? "" : name.toString();
    }
  }

  /**
   * What a batch file's {@code repo_name} says: a URL is cloned, a name without a slash is in the
   * image, any other is a folder of this host.
   */
  static Repository parse(String text, String commit) {
    if (text.contains("://") || text.startsWith("git@") || text.startsWith("github.com/")) {
      return new Clone(text.startsWith("github.com/") ? "https://" + text : text, commit);
    }
    return text.contains("/") ? new Folder(Path.of(text), commit) : new InImage(text, commit);
  }

  private static String last(String url) {
    String path = url.endsWith("/") ? url.substring(0, url.length() - 1) : url;
    String last = path.substring(Math.max(path.lastIndexOf('/'), path.lastIndexOf(':')) + 1);
    return last.endsWith(".git") ? last.substring(0, last.length() - 4) : last;
  }

  private static void check(String name, String commit) {
    if (!name.matches("[\\w.+-]+") || name.matches("\\.{1,2}") || name.startsWith("-")) {
      throw new RequestException(
          "Tried to use '"
              + name
              + "' as a repository's folder; it must be one name of letters, digits, '.', '_', '+'"
              + " and '-'.");
    }
    if (commit.isBlank() || commit.startsWith("-")) {
      throw new RequestException(
          "Tried to use '"
              + commit
              + "' as a commit of "
              + name
              + "; name a commit, a branch or a tag.");
    }
  }
}
