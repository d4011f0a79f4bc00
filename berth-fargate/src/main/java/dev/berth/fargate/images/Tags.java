package dev.berth.fargate.images;

import java.util.Optional;
import java.util.regex.Pattern;

/** The tags in ECR: a name for people, and the whole hash of what is behind it. */
final class Tags {
  private static final int LONGEST_NAME = 60;

  private Tags() {}

  /**
   * ECR takes 128 characters: letters, digits, {@code _ . -}, and neither of the last two first.
   */
  static String of(String name, String hash) {
    String clean = name.replaceAll("[^A-Za-z0-9._-]+", "-").replaceAll("^[.-]+", "");
    String cut = clean.substring(0, Math.min(clean.length(), LONGEST_NAME));
    return (cut.isEmpty() ? "image" : cut) + "-" + hash;
  }

  /**
   * An image of a public registry.
   *
   * @param reference with its registry, and with a tag or a digest
   */
  record Public(String reference) {
    private static final Pattern PARTS =
        Pattern.compile(
            "(?<path>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
                + "(?::(?<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?");
    private static final Pattern HOST =
        Pattern.compile("[a-z0-9-]+(\\.[a-z0-9-]+)*\\.[a-z][a-z0-9-]*");

    /**
     * What an image's name means if it is in a public registry; empty if it is in ECR already, or
     * its registry is an address, has a port, or is this host.
     */
    static Optional<Public> of(String name) {
      int slash = name.indexOf('/');
      String first = slash < 0 ? "" : name.substring(0, slash);
      boolean hosted = first.contains(".") || first.contains(":") || first.equals("localhost");
      String host = hosted ? first : "docker.io";
      String rest = hosted ? name.substring(slash + 1) : name;
      if (!HOST.matcher(host).matches()
          || host.contains(".dkr.ecr")
          || host.contains(".dkr-ecr")
          || host.equals("public.ecr.aws")) {
        return Optional.empty();
      }
      if (host.equals("index.docker.io") || host.equals("registry-1.docker.io")) {
        host = "docker.io";
      }
      var parts = PARTS.matcher(rest);
      if (!parts.matches()) {
        return Optional.empty();
      }
      String path = parts.group("path");
      if (host.equals("docker.io") && path.indexOf('/') < 0) {
        path = "library/" + path;
      }
      String tag = parts.group("tag") == null ? "latest" : parts.group("tag");
      String digest = parts.group("digest");
      return Optional.of(
          new Public(host + "/" + path + (digest == null ? ":" + tag : "@" + digest)));
    }

    /** The tag of its copy. */
    String mirrorTag() {
      String last = reference.substring(reference.lastIndexOf('/') + 1);
      int end = last.indexOf('@');
      return Tags.of(
          "mirror-" + (end < 0 ? last : last.substring(0, end)), BuildContext.sha256(reference));
    }
  }
}
