package dev.berth.services.http;

import java.io.FileNotFoundException;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;

/** A form with fields and one file, which is read while it is sent. */
final class Multipart {
  private static final String LINE = "\r\n";

  private final Map<String, String> fields;
  private final String name;
  private final Path file;
  private final String boundary = "berth-" + UUID.randomUUID();

  Multipart(Map<String, String> fields, String name, Path file) {
    this.fields = fields;
    this.name = name;
    this.file = file;
  }

  String contentType() {
    return "multipart/form-data; boundary=" + boundary;
  }

  BodyPublisher publisher() throws FileNotFoundException {
    StringBuilder head = new StringBuilder();
    fields.forEach((field, value) ->
        part(head, "name=\"" + quoted(field) + "\"").append(LINE).append(value).append(LINE));
    String fileName = file.getFileName() == null ? "file" : file.getFileName().toString();
    part(head, "name=\"" + quoted(name) + "\"; filename=\"" + quoted(fileName) + "\"")
        .append("Content-Type: application/octet-stream" + LINE)
        .append(LINE);
    // All parts know their length, so that the form has one: some servers take no chunks.
    return BodyPublishers.concat(
        text(head.toString()),
        BodyPublishers.ofFile(file),
        text(LINE + "--" + boundary + "--" + LINE));
  }

  private StringBuilder part(StringBuilder to, String disposition) {
    return to.append("--")
        .append(boundary)
        .append(LINE)
        .append("Content-Disposition: form-data; ")
        .append(disposition)
        .append(LINE);
  }

  /** As browsers do it. */
  private static String quoted(String text) {
    return text.replace("\"", "%22").replace("\r", "%0D").replace("\n", "%0A");
  }

  private static BodyPublisher text(String text) {
    return BodyPublishers.ofByteArray(text.getBytes(StandardCharsets.UTF_8));
  }
}
