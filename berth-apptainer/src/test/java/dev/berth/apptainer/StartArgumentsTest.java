package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Network;
import dev.berth.RequestException;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.UnsupportedRequestException;
import dev.berth.Volume;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class StartArgumentsTest {
  private static final StartArguments.Places PLACES =
      new StartArguments.Places(
          "berth-x",
          Path.of("/g,u\"est"),
          Path.of("/staging"),
          Path.of("/overlay"),
          Path.of("/scratch"));
  private static final ApptainerConfig DEFAULTS = ApptainerConfig.defaults();

  @Test
  void isolatesUnlessAsked() {
    List<String> arguments = start(DEFAULTS, spec()).arguments();
    assertThat(arguments)
        .startsWith("instance", "start", "--containall")
        .containsSequence("--workdir", "/scratch")
        .containsSequence("--overlay", "/overlay");
    assertThat(arguments).doesNotContain("--userns", "--fakeroot", "--net").endsWith("--end-init");
    assertThat(arguments)
        .containsSequence("/image", "berth-x", "serve", "--fd", "3", "--tag", "berth-x");
  }

  @Test
  void quotesPathsForMount() {
    assertThat(start(DEFAULTS, spec()).arguments())
        .contains(
            "type=bind,\"source=/g,u\"\"est\",\"destination=/.singularity.d/startscript\",ro");
  }

  @Test
  void directModeRunsTheGuestByExec() {
    ApptainerConfig direct = DEFAULTS.with(DEFAULTS.create().withMode(ApptainerConfig.Mode.DIRECT));
    assertThat(start(direct, spec()).arguments())
        .startsWith("exec")
        .containsSequence("/image", StartArguments.GUEST, "serve")
        .doesNotContain("--end-init");
  }

  @Test
  void rootGetsAUserNamespaceUnlessItsPrivilegesAreSaidOtherwise() {
    Limits none = Limits.of(SandboxResources.NONE, true, false, new Limits.HostAbilities(null, 2));
    assertThat(StartArguments.of(DEFAULTS, spec(), "/image", PLACES, none, true).arguments())
        .contains("--userns");
    ApptainerConfig own =
        DEFAULTS.with(
            new ApptainerConfig.Exec(
                true, List.of(), List.of("--no-privs"), Duration.ofSeconds(1), 1));
    assertThat(StartArguments.of(own, spec(), "/image", PLACES, none, true).arguments())
        .contains("--no-privs")
        .doesNotContain("--userns");
  }

  @Test
  void limitsAndNetworkAndLifetimesReachTheGuestOrApptainer() {
    SandboxSpec spec =
        spec().toBuilder()
            .network(Network.NONE)
            .ttl(Duration.ofSeconds(60))
            .idleLimit(Duration.ofSeconds(5))
            .lease(Duration.ofSeconds(7))
            .build();
    assertThat(start(DEFAULTS, spec).arguments())
        .containsSequence("--net", "--network", "none")
        .containsSequence("--ttl", "60000")
        .containsSequence("--idle", "5000")
        .containsSequence("--lease", "7000");
    ApptainerConfig unmapped =
        DEFAULTS.with(
            new ApptainerConfig.Exec(false, List.of(), List.of(), Duration.ofSeconds(1), 1));
    assertThat(start(unmapped, spec).arguments()).contains("--no-map");
  }

  @Test
  void theSmallTmpfsIsReplacedAndThatIsSaid() {
    ApptainerConfig config =
        DEFAULTS.with(
            new ApptainerConfig.Exec(
                true, List.of(), List.of("--writable-tmpfs"), Duration.ofSeconds(1), 1));
    StartArguments start = start(config, spec());
    assertThat(start.arguments()).doesNotContain("--writable-tmpfs").contains("--overlay");
    assertThat(start.notices()).anyMatch(notice -> notice.contains("--writable-tmpfs"));
    ApptainerConfig own =
        DEFAULTS.with(
            new ApptainerConfig.Exec(
                true, List.of(), List.of("--overlay", "/mine"), Duration.ofSeconds(1), 1));
    assertThat(start(own, spec()).arguments()).containsOnlyOnce("--overlay").contains("/mine");
  }

  @Test
  void bindsAreCheckedBeforeAnythingStarts() {
    assertThat(
            start(
                    DEFAULTS,
                    spec().toBuilder()
                        .providerOption("binds", List.of("/etc:/host-etc:ro"))
                        .build())
                .arguments())
        .containsSequence("--bind", "/etc:/host-etc:ro");
    for (String wrong :
        List.of(
            "etc:/x",
            "/etc:x",
            "/etc:/x:ro:more",
            "/no/such/path:/x",
            ":/x",
            "/etc:/x:nodev",
            "/etc:/x,/usr:/y")) {
      assertThatThrownBy(() ->
              start(DEFAULTS, spec().toBuilder().providerOption("binds", List.of(wrong)).build()))
          .as(wrong)
          .isInstanceOf(RequestException.class)
          .hasMessageContaining(wrong);
    }
    assertThatThrownBy(() ->
            start(DEFAULTS, spec().toBuilder().providerOption("bind", List.of("/etc")).build()))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("binds");
    assertThatThrownBy(() ->
            start(
                DEFAULTS, spec().toBuilder().volume(Volume.ofHost("/no/such", "/x", true)).build()))
        .isInstanceOf(RequestException.class);
    assertThatThrownBy(() ->
            start(
                DEFAULTS,
                spec().toBuilder().volume(new Volume(null, "/x", true, "fs-1", null)).build()))
        .isInstanceOf(UnsupportedRequestException.class);
  }

  @Test
  void whatCannotBeHeldByCgroupIsHeldByTheGuestAndSaid() {
    SandboxResources asked = new SandboxResources(1.5, 512L, 1L, null, "a100");
    Limits cgroup = Limits.of(asked, true, false, new Limits.HostAbilities(null, 8));
    assertThat(cgroup.apptainerFlags()).containsExactly("--cpus", "1.500", "--memory", "512m");
    assertThat(cgroup.notices())
        .hasSize(2)
        .anyMatch(notice -> notice.contains("disk_gib"))
        .anyMatch(notice -> notice.contains("gpu_type"));
    Limits guest = Limits.of(asked, true, false, new Limits.HostAbilities("because.", 8));
    assertThat(guest.apptainerFlags()).isEmpty();
    assertThat(guest.guestFlags())
        .containsExactly("--cpus", "2", "--memory", Long.toString(512L << 20));
    assertThat(guest.notices()).hasSize(4).anyMatch(notice -> notice.contains("because."));
    assertThat(Limits.of(asked, true, true, new Limits.HostAbilities(null, 8)).notices())
        .anyMatch(notice -> notice.contains("--fakeroot"));
    assertThat(Limits.of(asked, false, false, new Limits.HostAbilities(null, 8)).notices())
        .anyMatch(notice -> notice.contains("apply_resource_limits"));
  }

  private static StartArguments start(ApptainerConfig config, SandboxSpec spec) {
    return StartArguments.of(
        config,
        spec,
        "/image",
        PLACES,
        Limits.of(spec.resources(), true, false, new Limits.HostAbilities(null, 2)),
        false);
  }

  private static SandboxSpec spec() {
    return SandboxSpec.of("/image");
  }
}
