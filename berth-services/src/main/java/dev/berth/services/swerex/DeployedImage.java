package dev.berth.services.swerex;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.apptainer.ApptainerImages;
import dev.berth.core.image.ImageReference;
import dev.berth.core.image.PullPolicy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * The image of a deployment: in Berth's store, or a file that SWE-agent has pulled. The second is
 * read where it is, never written: its name is not the image's alone ({@code a/b_c} and {@code
 * a_b/c} share one), and nothing there keeps two pulls apart.
 */
final class DeployedImage {
  private final ApptainerDeploymentConfig config;
  private final Path sif;

  DeployedImage(ApptainerDeploymentConfig config, Path home) {
    this.config = config;
    this.sif = config.sweAgentSif(home);
  }

  /**
   * Makes sure that it is there, as the policy says.
   *
   * @return what a sandbox is made from
   */
  String ready(ApptainerImages images, Consumer<String> step) throws InterruptedException {
    ImageReference reference = ImageReference.parse(config.image());
    if (reference.local()) {
      if (!Files.exists(reference.path())) {
        throw new RequestException(
            "Tried to deploy "
                + config.image()
                + ", but there is no such file or folder; a registry's image needs no leading / or ."
                + " in its name.");
      }
      return config.image();
    }
    if (config.pull() != PullPolicy.ALWAYS && Files.isRegularFile(sif)) {
      step.accept("Using " + sif + ", which SWE-agent has pulled");
      return sif.toString();
    }
    try {
      if (config.pull() != PullPolicy.NEVER) {
        step.accept("Pulling " + config.image() + ", unless it is there");
      }
      images.pull(config.image(), config.pull(), step);
      return config.image();
    } catch (CreateException e) {
      throw new SwerexException(
          Failure.PULL_FAILED, e.getMessage() + " There is no " + sif + " either.", "", e);
    }
  }

  /** Deletes it, unless somebody uses it. */
  void remove(ApptainerImages images, Consumer<String> step) {
    if (ImageReference.parse(config.image()).local()) {
      step.accept("Not removing " + config.image() + ", which is your own file or folder");
      return;
    }
    boolean interrupted = Thread.interrupted();
    try {
      boolean pulled = config.pull() != PullPolicy.ALWAYS && Files.isRegularFile(sif);
      if (images.remove(pulled ? sif.toString() : config.image(), Duration.ZERO) || pulled) {
        step.accept("Removing " + (pulled ? sif : config.image()));
      }
      if (pulled) {
        Files.deleteIfExists(sif);
      }
    } catch (RequestException e) {
      step.accept("Not removing " + config.image() + ": " + e.getMessage());
    } catch (IOException e) {
      step.accept("Not removing " + sif + ": " + e);
    } catch (InterruptedException e) {
      interrupted = true;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
