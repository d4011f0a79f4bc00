package dev.berth.services.swerex;

import dev.berth.Command;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.OutputSink;
import dev.berth.Sandbox;
import dev.berth.TransferException;
import dev.berth.core.state.Scratch;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.IllegalCharsetNameException;
import java.nio.charset.StandardCharsets;
import java.nio.charset.UnsupportedCharsetException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Text files of a sandbox, and copies into it, for {@link NativeRuntime}. Thread-safe. */
final class SandboxFiles {
  private static final Duration WITHIN = Duration.ofMinutes(10);
  private static final int NONE = 91;
  private static final int DENIED = 92;
  private static final int FOLDER = 93;
  private static final int NO_FOLDER = 94;

  private static final String READ =
      "[ -e \"$1\" ] || exit 91; [ ! -d \"$1\" ] || exit 93; [ -r \"$1\" ] || exit 92;"
          + " exec cat <\"$1\"";

  /** Into an existing file, so that its mode and whatever links to it stay. */
  private static final String WRITE =
      "case $1 in */*) d=${1%/*}/;; *) d=.;; esac;"
          + " [ -d \"$d\" ] || mkdir -p -- \"$d\" || exit 94;"
          + " [ ! -d \"$1\" ] || exit 93; [ ! -e \"$1\" ] || [ -w \"$1\" ] || exit 92;"
          + " exec cat >\"$1\"";

  private final Sandbox sandbox;

  SandboxFiles(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  String read(ReadFile file) throws InterruptedException {
    String tried = "read '" + file.path() + "'";
    path(tried, file.path());
    Charset charset = charset(tried, file.encoding());
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Command command =
        Command.of("/bin/sh", "-c", READ, "berth-read", file.path())
            .withTimeout(WITHIN)
            .withOutputLimit(1 << 16);
    ExecResult result =
        sandbox.exec(
            command,
            (channel, part) -> {
              if (channel == OutputSink.Channel.STDOUT) {
                if (bytes.size() + part.remaining() > Runtime.MAX_FILE) {
                  throw failed(tried, "it has more than 16 MiB; use execute and a pipe", null);
                }
                byte[] copy = new byte[part.remaining()];
                part.get(copy);
                bytes.writeBytes(copy);
              }
            });
    judge(tried, file.path(), result);
    return text(tried, bytes.toByteArray(), charset, file.errors());
  }

  private static String text(String tried, byte[] bytes, Charset charset, String errors) {
    CodingErrorAction action =
        switch (errors) {
          case "strict" -> CodingErrorAction.REPORT;
          case "replace" -> CodingErrorAction.REPLACE;
          case "ignore" -> CodingErrorAction.IGNORE;
          default ->
              throw new SwerexException(
                  Failure.OTHER,
                  "Tried to "
                      + tried
                      + " with errors '"
                      + errors
                      + "'; they can be strict, replace or ignore.");
        };
    try {
      return charset
          .newDecoder()
          .onMalformedInput(action)
          .onUnmappableCharacter(action)
          .decode(ByteBuffer.wrap(bytes))
          .toString();
    } catch (CharacterCodingException e) {
      throw failed(tried, "it is no text in " + charset + "; read it with errors 'replace'", e);
    }
  }

  private static Charset charset(String tried, String name) {
    // Python writes latin-1 and utf_8 too.
    for (String each : List.of(name, name.replaceAll("[-_ ]", ""))) {
      try {
        return Charset.forName(each);
      } catch (UnsupportedCharsetException | IllegalCharsetNameException e) {
        // Said below.
      }
    }
    throw new SwerexException(
        Failure.OTHER, "Tried to " + tried + " in the unknown charset '" + name + "'.");
  }

  void write(String path, String content) throws InterruptedException {
    String tried = "write '" + path + "'";
    path(tried, path);
    byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > Runtime.MAX_FILE) {
      throw failed(tried, "that is more than 16 MiB; upload it", null);
    }
    Command command =
        Command.of("/bin/sh", "-c", WRITE, "berth-write", path)
            .withStdin(bytes)
            .withTimeout(WITHIN)
            .withOutputLimit(1 << 16);
    judge(tried, path, sandbox.exec(command));
  }

  private static void path(String tried, String path) {
    if (path.isEmpty() || path.indexOf('\0') >= 0) {
      throw failed(tried, "that is no path", null);
    }
  }

  private static void judge(String tried, String path, ExecResult result) {
    if (result.errorType() == ErrorType.TIMEOUT) {
      throw failed(tried, "it took more than " + WITHIN, null);
    }
    if (result.errorType() != null) {
      throw new SwerexException(
          Failure.UNREACHABLE, "Tried to " + tried + ", but " + result.exit().detail() + ".");
    }
    switch (result.returnCode()) {
      case 0 -> {}
      case NONE -> throw failed(tried, "there is no such file", new NoSuchFileException(path));
      case DENIED -> throw failed(tried, "that is not allowed", new AccessDeniedException(path));
      case FOLDER -> throw failed(tried, "it is a folder", new FileSystemException(path));
      case NO_FOLDER ->
          throw failed(
              tried,
              "its folder cannot be made: " + result.stderr().strip(),
              new NotDirectoryException(path));
      default ->
          throw failed(
              tried,
              "in the sandbox: "
                  + result.exit().detail()
                  + result.stderr().strip()
                  + " (exit code "
                  + result.returnCode()
                  + ")",
              null);
    }
  }

  static SwerexException failed(String tried, String why, @Nullable Exception cause) {
    return new SwerexException(Failure.FILE, "Tried to " + tried + ", but " + why + ".", "", cause);
  }

  /**
   * Copies {@code local} so that it is {@code target} afterwards, not inside that: by a link of the
   * target's name, put into the target's folder.
   */
  void upload(Path local, String target) throws InterruptedException {
    String tried = "upload '" + local + "' to '" + target + "'";
    path(tried, target);
    if (!Files.isDirectory(local) && !Files.isRegularFile(local)) {
      throw failed(
          tried, "there is no such file or folder here", new NoSuchFileException(local.toString()));
    }
    String plain = target.replaceAll("/+$", "");
    int slash = plain.lastIndexOf('/');
    String name = plain.substring(slash + 1);
    String folder = slash < 0 ? "." : slash == 0 ? "/" : plain.substring(0, slash);
    if (name.isEmpty() || name.equals(".") || name.equals("..")) {
      throw failed(tried, "the target's path ends with no name", null);
    }
    try (Scratch scratch = Scratch.make()) {
      Path named = scratch.path().resolve(name);
      Files.createSymbolicLink(named, local.toRealPath());
      put(named, folder);
    } catch (TransferException e) {
      throw failed(tried, String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw failed(tried, "on the host: " + e, e);
    }
  }

  /** The folder is there more often than not. */
  private void put(Path named, String folder) throws InterruptedException {
    ExecResult made =
        sandbox.exec(
            Command.of(
                    "/bin/sh", "-c", "[ -d \"$1\" ] || mkdir -p -- \"$1\"", "berth-folder", folder)
                .withTimeout(WITHIN));
    if (!made.ok() && !made.stderr().isEmpty()) {
      throw failed(
          "make the folder '" + folder + "'",
          made.stderr().strip(),
          new NotDirectoryException(folder));
    }
    sandbox.upload(named, folder);
  }
}
