package dev.berth.services.swerex;

import java.io.IOException;
import java.io.PushbackReader;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads comma separated values (RFC 4180): fields in quotes may hold commas, line ends and doubled
 * quotes. Line ends are LF or CRLF. Not thread-safe; the caller closes the reader.
 */
final class Csv {
  private static final int LARGEST_FIELD = 16 << 20;
  private static final int MOST_FIELDS = 1000;

  private final PushbackReader in;
  private int line = 1;

  Csv(Reader in) {
    this.in = new PushbackReader(in, 1);
  }

  /** The line that comes next, from 1. */
  int line() {
    return line;
  }

  /** The next row, or null at the end; an empty line is a row of one empty field. */
  @Nullable List<String> row() throws IOException {
    int first = in.read();
    if (first < 0) {
      return null;
    }
    in.unread(first);
    List<String> row = new ArrayList<>();
    StringBuilder field = new StringBuilder();
    while (true) {
      int c = in.read();
      if (c == '"' && field.isEmpty()) {
        quoted(field);
        c = in.read();
        if (c == '"') {
          throw new IOException("a quote stands after a closing quote");
        }
      }
      if (c == '\r') {
        int after = in.read();
        if (after == '\n') {
          c = '\n';
        } else if (after >= 0) {
          in.unread(after);
        }
      }
      if (c == ',' || c == '\n' || c < 0) {
        row.add(field.toString());
        field.setLength(0);
        if (row.size() > MOST_FIELDS) {
          throw new IOException("a row has more than " + MOST_FIELDS + " fields");
        }
        if (c != ',') {
          line++;
          return row;
        }
      } else {
        add(field, c);
      }
    }
  }

  private void quoted(StringBuilder field) throws IOException {
    while (true) {
      int c = in.read();
      if (c < 0) {
        throw new IOException("a quote is not closed");
      }
      if (c == '"') {
        int after = in.read();
        if (after != '"') {
          if (after >= 0) {
            in.unread(after);
          }
          return;
        }
      }
      if (c == '\n') {
        line++;
      }
      add(field, c);
    }
  }

  private static void add(StringBuilder field, int c) throws IOException {
    if (field.length() >= LARGEST_FIELD) {
      throw new IOException("a field is larger than 16 MiB");
    }
    field.append((char) c);
  }
}
