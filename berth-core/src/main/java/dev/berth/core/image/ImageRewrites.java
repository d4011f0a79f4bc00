package dev.berth.core.image;

import dev.berth.RequestException;
import java.util.List;
import java.util.Map;

/**
 * Rules that send image URIs elsewhere, to a mirror for instance: the first whose prefix fits
 * replaces it, and the rest are not looked at. A prefix or replacement without {@code ://} is meant
 * with {@code docker://} before it. Paths are never rewritten.
 */
public record ImageRewrites(List<Rule> rules) {
  /** None. */
  public static final ImageRewrites NONE = new ImageRewrites(List.of());

  /** Copies. */
  public ImageRewrites {
    rules = List.copyOf(rules);
  }

  /** Rules from prefix → replacement pairs, in their order. */
  public static ImageRewrites of(Map<String, String> pairs) {
    return new ImageRewrites(
        pairs.entrySet().stream().map(pair -> new Rule(pair.getKey(), pair.getValue())).toList());
  }

  /** The reference to fetch instead of this one. */
  public ImageReference apply(ImageReference reference) {
    if (reference.local()) {
      return reference;
    }
    for (Rule rule : rules) {
      if (reference.text().startsWith(rule.prefix())) {
        return new ImageReference(
            rule.replacement() + reference.text().substring(rule.prefix().length()));
      }
    }
    return reference;
  }

  /** One rule. */
  public record Rule(String prefix, String replacement) {
    /** Adds the scheme. */
    public Rule {
      if (prefix.isBlank() || replacement.isBlank()) {
        throw new RequestException(
            "Tried to rewrite images from '"
                + prefix
                + "' to '"
                + replacement
                + "'; both must say something, such as docker.io/ and mirror.example/hub/.");
      }
      prefix = withScheme(prefix);
      replacement = withScheme(replacement);
    }

    private static String withScheme(String text) {
      return text.contains("://") ? text : "docker://" + text;
    }
  }
}
