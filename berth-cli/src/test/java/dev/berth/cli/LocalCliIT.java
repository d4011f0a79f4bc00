package dev.berth.cli;

import java.io.IOException;

class LocalCliIT extends RealCli {
  LocalCliIT() throws IOException {
    super("local", "-");
  }
}
