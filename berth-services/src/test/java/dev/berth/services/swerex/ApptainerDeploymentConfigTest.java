package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Network;
import dev.berth.RequestException;
import dev.berth.SandboxSpec;
import dev.berth.apptainer.ApptainerConfig;
import dev.berth.core.image.PullPolicy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ApptainerDeploymentConfigTest {
  @TempDir Path folder;

  private ApptainerDeploymentConfig read(String yaml) throws Exception {
    return ApptainerDeploymentConfig.read(Files.writeString(folder.resolve("d.yaml"), yaml));
  }

  @Test
  void hasTheDefaultsOfTheFork() throws Exception {
    assertThat(read("type: apptainer"))
        .isEqualTo(ApptainerDeploymentConfig.defaults())
        .isEqualTo(
            new ApptainerDeploymentConfig(
                "python:3.11",
                null,
                List.of(),
                Duration.ofSeconds(180),
                PullPolicy.MISSING,
                false,
                null,
                null));
    assertThat(read("")).isEqualTo(ApptainerDeploymentConfig.defaults());
  }

  @Test
  void readsEveryField() throws Exception {
    assertThat(
            read(
                """
                type: apptainer
                image: alpine:3.20
                port: 8080
                apptainer_args: [--fakeroot, --platform, linux/amd64, --env, A=1]
                startup_timeout: 12.5
                pull: always
                remove_images: true
                python_standalone_dir: /root
                """))
        .isEqualTo(
            new ApptainerDeploymentConfig(
                "alpine:3.20",
                8080,
                List.of("--fakeroot", "--env", "A=1"),
                Duration.ofMillis(12_500),
                PullPolicy.ALWAYS,
                true,
                "/root",
                "linux/amd64"));
    assertThat(read("apptainer_args: ['--platform=linux/arm64']").platform())
        .isEqualTo("linux/arm64");
    assertThat(read("{\"image\": \"a\", \"port\": null, \"platform\": null}").image())
        .isEqualTo("a");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "imag: a",
        "type: docker",
        "docker_args: []",
        "image: ''",
        "image: null",
        "port: 0",
        "port: 70000",
        "port: many",
        "startup_timeout: 0",
        "startup_timeout: -1",
        "pull: sometimes",
        "remove_images: perhaps",
        "python_standalone_dir: root",
        "platform: linux/riscv64",
        "platform: amd64",
        "{platform: linux/amd64, apptainer_args: [--platform=linux/amd64]}",
        "apptainer_args: [--platform]",
        "apptainer_args: [--platform=linux/amd64, --platform=linux/amd64]",
        "apptainer_args: [--no-such-flag]",
        "apptainer_args: [image.sif]",
        "apptainer_args: [--app, x]",
        "apptainer_args: [--env-file, x]",
        "apptainer_args: [--network, mine]",
        "apptainer_args: [--network-args, 'portmap=8080:80/tcp']",
        "apptainer_args: [--network-args, 'portmap=8080:8000/udp']",
        "apptainer_args: [--network-args, 'portmap=70000:8000/tcp']",
        "apptainer_args: [--network-args, 'IP=10.0.0.1']",
        "apptainer_args: [--network, none, --network-args, 'portmap=8080:8000/tcp']",
        "apptainer_args: [--bind]",
        "apptainer_args: [--env, A]",
        "apptainer_args: [--memory, much]",
        "apptainer_args: [--cpus, many]",
        "apptainer_args: [--nv=false]",
        "apptainer_args: [--bind, 'etc:/e']",
        "apptainer_args: [--bind, '/etc:e']",
        "apptainer_args: [--bind, '/etc:/e:rw:more']",
        "apptainer_args: [--bind, '/etc:/e:exec']",
        "apptainer_args: [--bind, '']",
        "apptainer_args: [--env, '1A=x']",
        "apptainer_args: [--env, 'A B=x']",
        "apptainer_args: [--pwd, here]",
        "apptainer_args: [--cpus, '0']",
        "apptainer_args: [--cpus, '-1']",
        "apptainer_args: [--memory, '1k']",
        "{port: 8080, apptainer_args: [--network=none]}",
        "[a]"
      })
  void refuses(String yaml) {
    assertThatThrownBy(() -> read(yaml)).isInstanceOf(RequestException.class);
  }

  @Test
  void saysWhatIsKnown() {
    assertThatThrownBy(() -> read("imag: a"))
        .hasMessageContaining("imag")
        .hasMessageContaining("image");
    assertThatThrownBy(
            () -> read("{platform: linux/amd64, apptainer_args: [--platform=linux/arm64]}"))
        .hasMessageContaining("one place");
    assertThatThrownBy(() -> read("apptainer_args: [--nope]"))
        .hasMessageContaining("--nope")
        .hasMessageContaining("--bind");
  }

  @Test
  void mapsTheFlagsOfApptainer() {
    ApptainerArgs args =
        ApptainerArgs.parse(
            List.of(
                "--contain",
                "-B",
                "/etc:/e,/usr:/u:ro",
                "--bind=/opt",
                "--env",
                "A=1,B=x=y",
                "--pwd",
                "/w",
                "-f",
                "--net",
                "--network=none",
                "--cpus",
                "1.5",
                "--memory",
                "512M",
                "--nv",
                "--hostname",
                "h",
                "--overlay=/o",
                "--no-home"));
    SandboxSpec.Builder builder = SandboxSpec.builder().image("a");
    args.applyTo(builder);
    SandboxSpec spec = builder.build();
    assertThat(spec.env()).isEqualTo(Map.of("A", "1", "B", "x=y"));
    assertThat(spec.providerOptions())
        .isEqualTo(Map.of("binds", List.of("/etc:/e", "/usr:/u:ro", "/opt")));
    assertThat(spec.workdir()).isEqualTo("/w");
    assertThat(spec.network()).isEqualTo(Network.NONE);
    assertThat(spec.resources().cpu()).isEqualTo(1.5);
    assertThat(spec.resources().memoryMib()).isEqualTo(512);
    ApptainerConfig config = args.applyTo(ApptainerConfig.defaults());
    assertThat(config.create().fakeroot()).isTrue();
    assertThat(config.create().extraStartArgs())
        .containsExactly("--nv", "--hostname", "h", "--overlay", "/o");
    assertThat(args.noNetwork()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "--net, '', ",
    "--net --network bridge, bridge, ",
    "--net --network=ptp --network-args portmap=8080:8000/tcp, ptp, 8080",
    "--net --network-args=portmap=8080:8000/tcp, '', 8080",
    "--net --network none, none, ",
    "--contain, , "
  })
  void readsWhatNetworkIsAskedFor(String words, String network, Integer port) {
    ApptainerArgs args = ApptainerArgs.parse(List.of(words.split(" ")));
    assertThat(args.network()).isEqualTo(network);
    assertThat(args.mappedPort()).isEqualTo(port);
  }

  @ParameterizedTest
  @CsvSource({"4194304,4", "8192k,8", "512M,512", "1.5g,0", "2G,2048", "2gb,2048", "2k,0"})
  void readsMemory(String text, long mebibytes) {
    if (mebibytes == 0) {
      assertThatThrownBy(() -> ApptainerArgs.parse(List.of("--memory", text)))
          .isInstanceOf(RequestException.class);
    } else {
      assertThat(ApptainerArgs.parse(List.of("--memory", text)).memoryMib()).isEqualTo(mebibytes);
    }
  }

  @Test
  void namesFilesAsSweAgentDoes() {
    Path home = Path.of("/home/me");
    assertThat(
            ApptainerDeploymentConfig.of("swebench/sweb.eval.x86_64.a_1776_b-1:latest")
                .sweAgentSif(home))
        .isEqualTo(
            Path.of("/home/me/.apptainer/cache/swebench_sweb.eval.x86_64.a_1776_b-1_latest.sif"));
    assertThat(ApptainerDeploymentConfig.of("docker://a/b:1").sweAgentSif(home))
        .isEqualTo(home.resolve(".apptainer/cache/a_b_1.sif"));
  }

  @Test
  void isATemplateOfInstances() {
    ApptainerDeploymentConfig template =
        ApptainerDeploymentConfig.of("mine:1").withApptainerArgs("--nv");
    BatchInstance bench =
        new BatchInstance("i", "", "b:1", BatchInstance.SWE_BENCH_PLATFORM, null, Map.of());
    BatchInstance plain = new BatchInstance("i", "", null, null, null, Map.of());
    assertThat(template.forInstance(bench))
        .isEqualTo(template.withImage("b:1").withPlatform("linux/amd64"));
    assertThat(template.forInstance(plain)).isEqualTo(template.withPlatform("linux/amd64"));
    assertThat(template.withPlatform("linux/arm64").forInstance(plain).platform())
        .isEqualTo("linux/arm64");
    assertThat(template.withPlatform("linux/arm64").forInstance(bench).platform())
        .isEqualTo("linux/amd64");
  }

  @Test
  void writesADefinition() {
    String fetched = SwerexDefinition.of("python:3.11").text();
    assertThat(fetched)
        .startsWith("Bootstrap: docker\nFrom: python:3.11\n\n%post\n")
        .contains(
            "swe-rex==1.4.0", "%environment\n", "%startscript\n    exec swerex-remote \"$@\"\n")
        .doesNotContain("%%", "%files");
    assertThat(SwerexDefinition.of("/a/b").withPackages(Path.of("/p")).text())
        .startsWith("Bootstrap: localimage\nFrom: /a/b\n\n%files\n    /p /opt/swe-rex\n\n%post\n")
        .doesNotContain("apt-get", "pip install");
    for (String wrong : List.of("", "a\n%post")) {
      assertThatThrownBy(() -> SwerexDefinition.of(wrong)).isInstanceOf(RequestException.class);
    }
    assertThatThrownBy(() -> new SwerexDefinition("a", "1; id", null))
        .isInstanceOf(RequestException.class);
    assertThatThrownBy(() -> SwerexDefinition.of("a").withPackages(Path.of("/a b")))
        .isInstanceOf(RequestException.class);
  }
}
