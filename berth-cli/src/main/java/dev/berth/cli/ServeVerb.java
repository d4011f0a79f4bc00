package dev.berth.cli;

import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.core.Berth;
import dev.berth.services.swerex.NativeRuntime;
import dev.berth.services.swerex.RuntimeServer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Offers a sandbox to programs that speak another protocol, until it is interrupted. */
@Command(
    name = "berth serve",
    sortOptions = false,
    description = "Offer a sandbox under the swe-rex protocol, until interrupted.")
final class ServeVerb implements Verb {
  private static final String KEY = "BERTH_SERVE_KEY";
  private static final long LOOK_MILLIS = 1000;
  private static final int LONGEST_KEY = 4096;

  /** What can be said of a sandbox that is there already; all else is of a new one. */
  private static final Set<String> OF_ANY =
      Set.of(
          "--swe-rex",
          "--host",
          "--port",
          "--key-file",
          "--json",
          "--sandbox",
          "--provider",
          "--config",
          "--debug");

  @Option(names = "--swe-rex", required = true, description = "The protocol; there is no other.")
  private boolean swerex;

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      description = "Where to listen (127.0.0.1). Anything but loopback lets others in.")
  private String host = "127.0.0.1";

  @Option(names = "--port", paramLabel = "N", description = "The port; 0, the default, for any.")
  private int port;

  @Option(
      names = "--key-file",
      paramLabel = "FILE",
      description = {
        "A file with the key that callers need.",
        "Else it is that of $" + KEY + ", else a random one, printed once."
      })
  private @Nullable Path keyFile;

  @Option(
      names = "--sandbox",
      paramLabel = "ID",
      description = "A sandbox that is there, and stays, instead of a new one.")
  private @Nullable String id;

  @Option(names = "--json", description = "Print where it answers as JSON.")
  private boolean json;

  @Mixin private final PlaceOptions place = new PlaceOptions();
  @Mixin private final SandboxOptions options = new SandboxOptions();
  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(
      arity = "0..1",
      paramLabel = "IMAGE",
      description = "A .sif file, a folder, a URI or an image's name; - for none.")
  private @Nullable String image;

  @Spec private @Nullable CommandSpec parsed;

  @Override
  public boolean holdsMany() {
    return true;
  }

  @Override
  public int run(Shell shell) throws InterruptedException {
    check();
    String given = key(shell);
    String key = given == null ? RuntimeServer.newKey() : given;
    try (Steps steps = new Steps(shell.console())) {
      if (id != null) {
        try (Berth berth = provider.open(id);
            Sandbox sandbox = Sandboxes.connect(berth, id)) {
          return serve(sandbox, key, given == null, shell);
        }
      }
      SandboxSpec.Builder spec = Words.image(String.valueOf(image));
      place.applyTo(spec, shell.env());
      options.applyTo(spec);
      try (Berth berth = provider.open(steps);
          Sandbox sandbox = berth.create(spec.build())) {
        steps.close();
        sandbox.notices().forEach(shell.console()::say);
        return serve(sandbox, key, given == null, shell);
      } finally {
        shell.signals().shield();
      }
    }
  }

  private void check() {
    if (port < 0 || port > 65535) {
      throw new RequestException("Tried to serve on port " + port + "; a port is 0 to 65535.");
    }
    CommandSpec spec = parsed;
    if (spec == null) {
      return;
    }
    if ((id == null) == (image == null)) {
      throw new ParameterException(
          spec.commandLine(), "Name either an IMAGE, or a sandbox with --sandbox");
    }
    if (id != null) {
      for (OptionSpec each : spec.commandLine().getParseResult().matchedOptions()) {
        if (!OF_ANY.contains(each.longestName())) {
          throw new ParameterException(
              spec.commandLine(),
              each.longestName() + " is for a new sandbox, not for one that is there");
        }
      }
    }
  }

  /** The key that was chosen, refused here if need be: a sandbox takes its time. */
  private @Nullable String key(Shell shell) {
    String key = keyFile == null ? shell.env().get(KEY) : keyOf(keyFile, shell.console());
    if (key != null && key.length() < RuntimeServer.SHORTEST_KEY) {
      throw new RequestException(
          "Tried to take the key of "
              + (keyFile == null ? "$" + KEY : keyFile)
              + ", but it has "
              + key.length()
              + " characters; it must have at least "
              + RuntimeServer.SHORTEST_KEY
              + ".");
    }
    return key;
  }

  private static String keyOf(Path file, Console console) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(LONGEST_KEY + 1);
      if (bytes.length > LONGEST_KEY) {
        throw new RequestException(
            "Tried to read a key from "
                + file
                + ", but it has more than "
                + LONGEST_KEY
                + " bytes; is it another file?");
      }
      if (Files.getPosixFilePermissions(file).contains(PosixFilePermission.OTHERS_READ)) {
        console.say("note: every user of this host may read the key in " + file);
      }
      return new String(bytes, StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new RequestException(
          null, null, "Tried to read a key from " + file + ", but " + e + ".", e);
    }
  }

  private int serve(Sandbox sandbox, String key, boolean tell, Shell shell)
      throws InterruptedException {
    // The JDK's server reads it once, before its first start.
    System.setProperty("jdk.httpserver.maxConnections", "2048");
    try (NativeRuntime runtime = new NativeRuntime(sandbox);
        RuntimeServer server = RuntimeServer.start(runtime, host, port, key)) {
      if (json) {
        Json line = new Json().put("url", server.url().toString()).put("sandbox", sandbox.id());
        shell.console().print((tell ? line.put("key", key) : line).toString());
      } else {
        shell.console().print(server.url() + (tell ? "\nkey " + key : ""));
      }
      // One that does not answer for a while may only be slow.
      SandboxStatus status = sandbox.status();
      while (status == SandboxStatus.RUNNING || status == SandboxStatus.UNKNOWN) {
        Thread.sleep(LOOK_MILLIS);
        status = sandbox.status();
      }
    }
    shell.console().say("the sandbox " + sandbox.id() + " has ended");
    return Failures.SANDBOX;
  }
}
