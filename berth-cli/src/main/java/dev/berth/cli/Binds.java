package dev.berth.cli;

import dev.berth.Volume;
import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** {@code SRC:DST[:ro|rw]}; a relative SRC is meant below the current folder. */
final class Binds implements ITypeConverter<Volume> {
  @Override
  public Volume convert(String text) {
    return parse(text);
  }

  static Volume parse(String text) {
    int first = text.indexOf(':');
    int second = first < 0 ? -1 : text.indexOf(':', first + 1);
    String source = first < 0 ? "" : text.substring(0, first);
    String target = first < 0 ? "" : text.substring(first + 1, second < 0 ? text.length() : second);
    String mode = second < 0 ? "rw" : text.substring(second + 1);
    boolean readonly = mode.equals("ro");
    if (source.isEmpty() || !target.startsWith("/") || !(readonly || mode.equals("rw"))) {
      throw new TypeConversionException(
          "'" + text + "' is no mount; write it as SRC:DST or SRC:DST:ro, DST starting with /");
    }
    String absolute = Path.of(source).toAbsolutePath().normalize().toString();
    return Volume.ofHost(absolute, target, readonly);
  }
}
