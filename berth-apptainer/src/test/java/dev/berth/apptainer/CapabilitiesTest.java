package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CapabilitiesTest {
  @Test
  void whatIsNotPermittedIsMissing() {
    String status = "Name:\tx\nCapInh:\t0000000000000000\nCapPrm:\t000001fffeffffff\n";

    assertThat(Capabilities.missing(status, 40)).containsExactly("CAP_SYS_RESOURCE");
    assertThat(Capabilities.missing("CapPrm:\t000001ffffffffff\n", 40)).isEmpty();
    // A kernel that does not know the last ones does not lack them.
    assertThat(Capabilities.missing("CapPrm:\t0000003fffffffff\n", 37)).isEmpty();
    assertThat(Capabilities.missing("CapPrm:\t0000003fffffffff\n", 40))
        .containsExactly("CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE");
    assertThat(Capabilities.missing("nothing", 40)).isEmpty();
  }
}
