package dev.berth.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The real command as a process of its own, with a state folder of its own. */
final class Cli {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final Path home;
  private final String provider;

  Cli(Path home, String provider) {
    this.home = home;
    this.provider = provider;
  }

  /** Runs a verb to its end, with this input. */
  Result run(byte[] input, String... words) {
    Running running = start(words);
    running.write(input);
    return running.end();
  }

  /** The same without input. */
  Result run(String... words) {
    return run(new byte[0], words);
  }

  /** Starts a verb. */
  Running start(String... words) {
    return launch(command(words), "");
  }

  /** Starts another program of this class path, on the same folders. */
  Running java(Class<?> program, String... words) {
    List<String> command = new ArrayList<>(java());
    command.set(command.size() - 1, program.getName());
    command.addAll(List.of(words));
    return launch(command, "");
  }

  /** Runs a line of shell in which {@code $BERTH} is the command, as {@code $BERTH exec …}. */
  Result shell(String line) {
    return shell(line, "");
  }

  /** The same with a variable {@code LINE} for another shell. */
  Result shell(String line, String inner) {
    Running running = launch(List.of("/bin/sh", "-c", line), inner);
    running.write(new byte[0]);
    return running.end();
  }

  /** The ids of the folders that are there: what is left of sandboxes, whether they run or not. */
  List<String> folders() {
    Path sandboxes = home.resolve("s/sandboxes");
    if (!Files.isDirectory(sandboxes)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(sandboxes)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The verb's provider is this one's. */
  private List<String> command(String... words) {
    List<String> command = new ArrayList<>(java());
    command.add(words[0]);
    command.addAll(List.of("--provider", provider));
    command.addAll(Arrays.asList(words).subList(1, words.length));
    return command;
  }

  private static List<String> java() {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "--enable-native-access=ALL-UNNAMED",
        "-cp",
        System.getProperty("java.class.path"),
        "dev.berth.cli.Main");
  }

  private Running launch(List<String> command, String line) {
    // Tests may run in the background, where a shell has SIGINT ignored, and under nohup.
    List<String> attentive = new ArrayList<>(List.of("env", "--default-signal"));
    attentive.addAll(command);
    ProcessBuilder builder = new ProcessBuilder(attentive);
    builder.environment().put("BERTH", String.join(" ", java()));
    builder.environment().put("BERTH_STATE_HOME", home.resolve("s").toString());
    builder.environment().put("BERTH_CACHE_HOME", home.resolve("c").toString());
    builder.environment().put("BERTH_TEST", "from here");
    builder.environment().put("LINE", line);
    builder.environment().remove("JAVA_TOOL_OPTIONS");
    try {
      return new Running(builder.start());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What a verb left: its exit code and its output. */
  record Result(int code, byte[] bytes, String stderr) {
    String stdout() {
      return new String(bytes, StandardCharsets.UTF_8);
    }
  }

  /** A verb at work; its output is read from the start, so that it never waits for us. */
  static final class Running {
    private final Process process;
    private final Reader out;
    private final Reader err;

    Running(Process process) {
      this.process = process;
      this.out = new Reader(process.getInputStream());
      this.err = new Reader(process.getErrorStream());
    }

    /** What it has printed so far. */
    String soFar() {
      return out.text();
    }

    /** Sends it a signal, by its name. */
    void signal(String name) {
      try {
        new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    /** Writes to its input, and ends that. */
    void write(byte[] input) {
      try (OutputStream to = process.getOutputStream()) {
        to.write(input);
      } catch (IOException e) {
        // It takes no input; what it says of that is in its output.
      }
    }

    /** Writes a line to its input. */
    void type(String line) {
      try {
        process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Waits for its end. */
    Result end() {
      try {
        if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
          process.destroyForcibly();
          throw new AssertionError("no end after " + LIMIT + "; stderr: " + err.text());
        }
        out.join();
        err.join();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return new Result(process.exitValue(), out.bytes(), err.text());
    }
  }

  /** Collects a stream. */
  private static final class Reader {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final Thread thread;

    Reader(InputStream from) {
      thread = Thread.startVirtualThread(() -> read(from));
    }

    private void read(InputStream from) {
      try {
        from.transferTo(bytes);
      } catch (IOException e) {
        // The process is gone.
      }
    }

    void join() throws InterruptedException {
      thread.join(LIMIT);
    }

    byte[] bytes() {
      return bytes.toByteArray();
    }

    String text() {
      return bytes.toString(StandardCharsets.UTF_8);
    }
  }
}
