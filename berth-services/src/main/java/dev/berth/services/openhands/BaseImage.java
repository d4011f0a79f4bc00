package dev.berth.services.openhands;

import dev.berth.CreateException;
import dev.berth.apptainer.ApptainerImages;
import dev.berth.core.image.PullPolicy;
import dev.berth.core.state.Scratch;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * An image with the agent server in it, built from one without: the base and, from the Python
 * package index, the versions of the server and of all it needs that this client was tested with.
 *
 * <p>The build knows the index as this host does: the host's pip configuration and certificates are
 * lent to it, and are in no layer of the image.
 */
final class BaseImage {
  private static final String REQUIREMENTS = "requirements.txt";
  private static final String LENT = "/.berth-build";

  /** Raise it when the definition changes: images are then built anew. */
  private static final int VERSION = 1;

  private final String base;
  private final Map<String, String> env;

  BaseImage(String base, Map<String, String> env) {
    this.base = base;
    this.env = env;
  }

  /**
   * Builds it, unless it is in the store.
   *
   * @return the image's name there
   */
  String build(ApptainerImages images, Consumer<String> progress) throws InterruptedException {
    String requirements = requirements();
    String name = name(requirements);
    try (Scratch scratch = Scratch.make()) {
      Path folder = scratch.path();
      Files.writeString(folder.resolve(REQUIREMENTS), requirements);
      lend(folder);
      Path definition = folder.resolve("server.def");
      Files.writeString(definition, definition(folder));
      images.build(name, definition, PullPolicy.MISSING, progress);
      return name;
    } catch (IOException e) {
      throw new CreateException(
          "apptainer",
          null,
          "Tried to build an agent server's image from " + base + ", but " + e.getMessage() + ".",
          e);
    }
  }

  private static String requirements() {
    try (InputStream in = BaseImage.class.getResourceAsStream(REQUIREMENTS)) {
      if (in == null) {
        throw new IllegalStateException("this build of Berth has no " + REQUIREMENTS);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException("Berth's jar cannot be read", e);
    }
  }

  /** What the image is made of, as a name; a folder or file as base counts as what it is now. */
  private String name(String requirements) {
    StringBuilder of = new StringBuilder(base).append('\0').append(VERSION).append('\0');
    if (isPath()) {
      try {
        of.append(Files.getLastModifiedTime(Path.of(base)).toMillis()).append('\0');
      } catch (IOException e) {
        throw new CreateException(
            "apptainer",
            null,
            "Tried to build an agent server's image from " + base + ", but it cannot be read.",
            e);
      }
    }
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256")
              .digest(of.append(requirements).toString().getBytes(StandardCharsets.UTF_8));
      return "berth/openhands-agent-server:" + HexFormat.of().formatHex(digest, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private boolean isPath() {
    return base.startsWith("/") || base.startsWith(".") || base.endsWith(".sif");
  }

  /** The host's certificates and pip configuration, and what its variables say to pip. */
  private void lend(Path folder) throws IOException {
    List<String> settings = new ArrayList<>(List.of("[global]"));
    String own = env.getOrDefault("PIP_CONFIG_FILE", "");
    for (Path each :
        own.isEmpty()
            ? List.of(
                Path.of("/etc/pip.conf"),
                Path.of(env.getOrDefault("HOME", "/"), ".pip/pip.conf"),
                Path.of(env.getOrDefault("HOME", "/"), ".config/pip/pip.conf"))
            : List.of(Path.of(own))) {
      if (Files.isReadable(each)) {
        for (String line : Files.readAllLines(each)) {
          if (line.matches("\\s*(index-url|extra-index-url|trusted-host|proxy|timeout)\\s*=.*")) {
            settings.add(line.strip());
          }
        }
      }
    }
    for (String each : List.of("index-url", "extra-index-url", "trusted-host", "proxy")) {
      String value =
          env.getOrDefault("PIP_" + each.replace('-', '_').toUpperCase(java.util.Locale.ROOT), "");
      if (!value.isBlank() && value.indexOf('\n') < 0) {
        settings.removeIf(line -> line.startsWith(each));
        settings.add(each + " = " + value);
      }
    }
    for (String each :
        List.of(
            env.getOrDefault("PIP_CERT", ""),
            env.getOrDefault("SSL_CERT_FILE", ""),
            "/etc/ssl/certs/ca-certificates.crt",
            "/etc/pki/tls/certs/ca-bundle.crt")) {
      if (!each.isEmpty() && Files.isReadable(Path.of(each))) {
        Files.copy(Path.of(each), folder.resolve("certificates"));
        settings.add("cert = " + LENT + "/certificates");
        break;
      }
    }
    Files.write(folder.resolve("pip.conf"), settings);
  }

  private String definition(Path folder) {
    String source =
        isPath()
            ? "Bootstrap: localimage\nFrom: " + Path.of(base).toAbsolutePath()
            : "Bootstrap: docker\nFrom: " + base.replaceFirst("^docker://", "");
    StringBuilder files = new StringBuilder();
    for (String each : List.of(REQUIREMENTS, "pip.conf", "certificates")) {
      if (Files.exists(folder.resolve(each))) {
        files
            .append("    ")
            .append(each)
            .append(' ')
            .append(LENT)
            .append('/')
            .append(each)
            .append('\n');
      }
    }
    return """
    %s

    %%files
    %s
    %%post
        set -eu
        trap 'rm -rf %s' EXIT
        for python in python3 python3.14 python3.13 python3.12 ""; do
          [ -n "$python" ] || { echo "the base image has no Python 3.12 or newer" >&2; exit 1; }
          command -v "$python" >/dev/null || continue
          "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' && break
        done
        if ! { command -v tmux && command -v git && command -v ps; } >/dev/null; then
          if command -v apt-get >/dev/null; then
            apt-get -o APT::Sandbox::User=root update -q
            DEBIAN_FRONTEND=noninteractive apt-get -o APT::Sandbox::User=root install -qy --no-install-recommends tmux git procps
          elif command -v apk >/dev/null; then
            apk add tmux git procps
          elif command -v dnf >/dev/null; then
            dnf install -qy tmux git procps-ng
          else
            echo "the base image lacks tmux, git or ps, and a way to install them" >&2
            exit 1
          fi
        fi
        mkdir -p /opt/openhands /workspace
        export PIP_CONFIG_FILE=%s/pip.conf PIP_CERT= SSL_CERT_FILE= PIP_FIND_LINKS=
        unset PIP_CERT SSL_CERT_FILE PIP_FIND_LINKS
        "$python" -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-cache-dir \\
          --no-deps --target /opt/openhands -r %s/requirements.txt
        printf '%%s\\n' '#!/bin/sh' \\
          'export LITELLM_LOCAL_MODEL_COST_MAP=True LANG=C.UTF-8 PYTHONUNBUFFERED=1' \\
          'export PYTHONPATH=/opt/openhands' \\
          "exec $python -m openhands.agent_server \\"\\$@\\"" >/opt/openhands/serve
        chmod 755 /opt/openhands/serve

    %%runscript
        exec /opt/openhands/serve "$@"
    """
        .formatted(source, files, LENT, LENT, LENT);
  }
}
