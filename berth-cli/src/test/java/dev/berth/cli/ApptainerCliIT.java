package dev.berth.cli;

import java.io.IOException;
import java.util.Objects;

class ApptainerCliIT extends RealCli {
  ApptainerCliIT() throws IOException {
    super(
        "apptainer",
        Objects.requireNonNull(
            System.getenv("BERTH_IMAGE"),
            "BERTH_IMAGE is not set; start the tests as ./berth test"));
  }
}
