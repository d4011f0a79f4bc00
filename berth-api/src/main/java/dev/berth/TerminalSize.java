package dev.berth;

/** The size of a terminal in character cells. */
public record TerminalSize(int rows, int columns) {
  /** 24 rows of 80 columns. */
  public static final TerminalSize DEFAULT = new TerminalSize(24, 80);

  /** Checks that both are 1–65535. */
  public TerminalSize {
    if (rows < 1 || rows > 65535 || columns < 1 || columns > 65535) {
      throw new RequestException(
          "Tried to make a terminal of "
              + rows
              + " rows and "
              + columns
              + " columns; both must be 1 to 65535.");
    }
  }
}
