package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.berth.CreateException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SifFileTest {
  private static final String SETUP = "Bootstrap: scratch\n%setup\n";

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "#!/usr/bin/env run-singularity\n\0SIF_MAGIC\0",
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0SIF_MAGIC\0",
        "#!/usr/bin/env run-singularity\nhsqs",
        "hsqs"
      })
  void images(String head) throws IOException {
    for (String name : new String[] {"a.sif", "a.simg", "a"}) {
      Path file = file(name, head);
      assertThatCode(() -> SifFile.check(file)).doesNotThrowAnyException();
    }
  }

  /** Apptainer would build each of these, or of their like, and run what they say on this host. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        SETUP + "touch x",
        SETUP + "######SIF_MAGIC\0\ntouch x",
        "#!/bin/sh\n" + SETUP + "touch x",
        "#!12345678901234567890123456789#SIF_MAGIC\0\n" + SETUP,
        "#!1\nBootstrap: scratch\n########SIF_MAGIC\0\n%setup\ntouch x",
        ""
      })
  void definitionsAndOthers(String text) throws IOException {
    for (String name : new String[] {"a.sif", "a.def", "a"}) {
      Path file = file(name, text);
      assertThatExceptionOfType(CreateException.class)
          .isThrownBy(() -> SifFile.check(file))
          .withMessageContaining("does not begin like one");
    }
  }

  private Path file(String name, String text) throws IOException {
    byte[] bytes = java.util.Arrays.copyOf(text.getBytes(StandardCharsets.US_ASCII), 4096);
    return Files.write(folder.resolve(name), bytes);
  }
}
