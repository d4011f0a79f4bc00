package dev.berth.services.swerex;

/** The image with the real swe-rex server, as {@code setup/swerex-image.sh} builds it. */
final class SwerexImage {
  private SwerexImage() {}

  static ApptainerDeploymentConfig config() {
    return ApptainerDeploymentConfig.of(path());
  }

  static String path() {
    return variable("BERTH_SWEREX_IMAGE", "setup/swerex-image.sh");
  }

  /** The image without it. */
  static String bare() {
    return variable("BERTH_IMAGE", "setup/image.sh");
  }

  private static String variable(String name, String script) {
    String value = System.getenv(name);
    if (value == null || value.isEmpty()) {
      throw new IllegalStateException(name + " must name the image that " + script + " builds");
    }
    return value;
  }
}
