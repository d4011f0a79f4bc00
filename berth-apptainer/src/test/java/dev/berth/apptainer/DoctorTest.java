package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.spi.Finding;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class DoctorTest {
  @Test
  void aMissingFuseDeviceMattersOnlyToImagesKeptAsSif() {
    Path none = Path.of("/dev/no-fuse");
    assertThat(Doctor.fuse(false, false, none).level()).isEqualTo(Finding.Level.OK);
    Finding wanted = Doctor.fuse(false, true, none);
    assertThat(wanted.level()).isEqualTo(Finding.Level.WARNING);
    assertThat(wanted.remedy()).contains("modprobe fuse").contains("images.format: folder");
    assertThat(Doctor.fuse(true, true, none).level()).isEqualTo(Finding.Level.OK);
    assertThat(Doctor.fuse(false, true, Path.of("/dev/null")).level()).isEqualTo(Finding.Level.OK);
  }
}
