package dev.berth.services.swerex;

import dev.berth.RequestException;
import dev.berth.core.image.ImageReference;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The definition file of an image with Python and the swe-rex server built in, for {@code apptainer
 * build}, {@code berth image build} or {@link dev.berth.apptainer.ApptainerImages#build}. An {@link
 * ApptainerDeployment} of such an image installs nothing.
 *
 * @param base an image of a registry, or a {@code .sif} file or folder of this host
 * @param version of swe-rex
 * @param packages a folder of this host with swe-rex and all that it needs, as {@code pip install
 *     --target} makes it for the image's Python, so that the build needs no network; null to fetch
 *     them from the package index
 */
public record SwerexDefinition(String base, String version, @Nullable Path packages) {
  /** The version that Berth is tested with. */
  public static final String VERSION = "1.4.0";

  private static final String HOME = "/opt/swe-rex";

  /** Checks. */
  public SwerexDefinition {
    if (base.isBlank() || base.chars().anyMatch(Character::isISOControl)) {
      throw new RequestException(
          "Tried to build on the image '" + base + "'; name one such as python:3.11.");
    }
    if (!version.matches("[0-9][0-9A-Za-z.]*")) {
      throw new RequestException(
          "Tried to build with swe-rex '" + version + "'; name a version such as 1.4.0.");
    }
    if (packages != null) {
      packages = packages.toAbsolutePath();
      if (packages.toString().matches(".*[\\s\"'].*")) {
        throw new RequestException(
            "Tried to build with the packages in "
                + packages
                + "; a definition file takes no path with blanks or quotes.");
      }
    }
  }

  /** On this image, with swe-rex from the package index. */
  public static SwerexDefinition of(String base) {
    return new SwerexDefinition(base, VERSION, null);
  }

  /** The same with packages from this host. */
  public SwerexDefinition withPackages(Path folder) {
    return new SwerexDefinition(base, version, folder);
  }

  /** The definition file. */
  public String text() {
    ImageReference image = ImageReference.parse(base);
    String from =
        image.local()
            ? "Bootstrap: localimage\nFrom: " + image.path()
            : "Bootstrap: "
                + image.scheme()
                + "\nFrom: "
                + image.text().substring(image.scheme().length() + "://".length());
    return from
        + "\n\n"
        + (packages == null ? "" : "%files\n    " + packages + " " + HOME + "\n\n")
        + "%post\n"
        + (packages == null ? fetched() : copied()).indent(4)
        + """

        %environment
            export LC_ALL=C.UTF-8
            export PYTHONUNBUFFERED=1

        %startscript
            exec swerex-remote "$@"

        %runscript
            exec swerex-remote "$@"
        """;
  }

  /** In a virtual environment of its own, so that the image's packages stay as they are. */
  private String fetched() {
    return """
    set -e
    if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))'; then
      if command -v apt-get; then
        apt-get update
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 python3-venv
        rm -rf /var/lib/apt/lists/*
      elif command -v apk; then
        apk add --no-cache python3 bash
      elif command -v dnf; then
        dnf install -y python3.11
      else
        echo 'This image has no Python 3.10 or newer, and no package manager that is known.' >&2
        exit 1
      fi
    fi
    python=$(command -v python3.11 || command -v python3)
    "$python" -m venv HOME
    HOME/bin/python -m pip install --no-cache-dir swe-rex==VERSION
    ln -sf HOME/bin/swerex-remote /usr/local/bin/swerex-remote
    swerex-remote --version
    """
        .replace("HOME", HOME)
        .replace("VERSION", version);
  }

  private String copied() {
    return """
    set -e
    python=$(command -v python3)
    site=$("$python" -c 'import site; print(site.getsitepackages()[0])')
    mkdir -p "$site" /usr/local/bin
    echo HOME >"$site/swe-rex.pth"
    printf '#!%s\\nfrom swerex.server import main\\nmain()\\n' "$python" >/usr/local/bin/swerex-remote
    chmod 755 /usr/local/bin/swerex-remote
    test "$(swerex-remote --version)" = VERSION
    """
        .replace("HOME", HOME)
        .replace("VERSION", version);
  }
}
