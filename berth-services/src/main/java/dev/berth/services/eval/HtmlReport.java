package dev.berth.services.eval;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Base64;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Results as one page that needs nothing but itself: no font, script or picture from elsewhere, and
 * its own policy lets it load none. All text in it, of which most comes out of sandboxes, is
 * escaped.
 */
final class HtmlReport {
  private static final int TAIL_OF_PASSED = 2 << 10;
  private static final int TAIL_OF_OTHERS = 16 << 10;

  private HtmlReport() {}

  /** Writes it, whole or not at all. */
  static void write(Path file, String title, List<Result> results, EvalFolder logs)
      throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    try (BufferedWriter out = Files.newBufferedWriter(fresh, StandardCharsets.UTF_8)) {
      head(out, title, results);
      for (Result result : results) {
        row(out, result, logs);
      }
      String script = resource("report.js");
      out.write("</tbody></table>\n<script>" + script + "</script>\n</body></html>\n");
    }
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private static void head(BufferedWriter out, String title, List<Result> results)
      throws IOException {
    String style = resource("report.css");
    out.write("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    out.write("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ");
    out.write("style-src 'sha256-" + sha256(style) + "'; script-src 'sha256-");
    out.write(sha256(resource("report.js")) + "'\">\n");
    out.write("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.write("<meta name=\"color-scheme\" content=\"light dark\">\n");
    out.write("<title>" + escape(title) + "</title>\n<style>" + style + "</style></head>\n");
    out.write("<body><h1>" + escape(title) + "</h1>\n<p class=\"sum\">");
    Map<Verdict, Integer> counts = new EnumMap<>(Verdict.class);
    Duration total = Duration.ZERO;
    for (Result result : results) {
      counts.merge(result.verdict(), 1, Integer::sum);
      total = total.plus(result.total());
    }
    for (Verdict verdict : Verdict.values()) {
      String word = verdict.word();
      out.write("<span class=\"" + word + "\">" + counts.getOrDefault(verdict, 0) + " " + word);
      out.write("</span> ");
    }
    out.write("<span>" + seconds(total) + " s of sandboxes</span></p>\n");
    out.write("<table><thead><tr>");
    for (String name : new String[] {"instance", "verdict", "ended in", "attempts", "seconds"}) {
      out.write("<th><button type=\"button\">" + name + "</button></th>");
    }
    out.write("<th>what happened</th></tr></thead><tbody>\n");
  }

  private static void row(BufferedWriter out, Result result, EvalFolder logs) throws IOException {
    String word = result.verdict().word();
    out.write("<tr><td>" + escape(result.id()) + "</td><td class=\"" + word + "\">" + word);
    out.write("</td><td>" + result.phase().word() + "</td><td class=\"n\">" + result.attempts());
    out.write("</td><td class=\"n\">" + seconds(result.total()) + "</td><td>");
    out.write("<details><summary>");
    String reason = result.reason();
    out.write(escape(reason.isEmpty() ? "as expected" : reason) + "</summary>\n<p>");
    for (Map.Entry<Phase, Duration> phase : result.took().entrySet()) {
      Integer code = result.exitCodes().get(phase.getKey());
      out.write(phase.getKey().word() + " " + seconds(phase.getValue()) + " s");
      out.write((code == null ? "" : " (exit code " + code + ")") + " · ");
    }
    out.write(result.patchedBy() == null ? "no patch" : "patched by " + escape(result.patchedBy()));
    out.write("</p>\n<pre>");
    boolean passed = result.verdict() == Verdict.PASSED;
    out.write(escape(logs.tail(result.id(), passed ? TAIL_OF_PASSED : TAIL_OF_OTHERS)));
    out.write("</pre></details></td></tr>\n");
  }

  /** Safe in text and in quoted attributes; what XML and HTML forbid becomes {@code ?}. */
  static String escape(String text) {
    StringBuilder safe = new StringBuilder(text.length() + 16);
    for (int at = 0; at < text.length(); ) {
      int c = text.codePointAt(at);
      at += Character.charCount(c);
      switch (c) {
        case '&' -> safe.append("&amp;");
        case '<' -> safe.append("&lt;");
        case '>' -> safe.append("&gt;");
        case '"' -> safe.append("&quot;");
        case '\'' -> safe.append("&#39;");
        case '\n', '\t' -> safe.append((char) c);
        default -> {
          int type = Character.getType(c);
          // Marks of direction would show a text in another order than it has.
          boolean hidden =
              Character.isISOControl(c)
                  || type == Character.SURROGATE
                  || type == Character.FORMAT
                  || type == Character.UNASSIGNED;
          safe.appendCodePoint(hidden ? '?' : c);
        }
      }
    }
    return safe.toString();
  }

  private static String seconds(Duration duration) {
    return String.format(Locale.ROOT, "%.2f", duration.toNanos() / 1e9);
  }

  private static String resource(String name) throws IOException {
    try (InputStream in = HtmlReport.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("no resource " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static String sha256(String text) {
    try {
      byte[] sum =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return Base64.getEncoder().encodeToString(sum);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
