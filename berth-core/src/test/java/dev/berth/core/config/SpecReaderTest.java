package dev.berth.core.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Network;
import dev.berth.RequestException;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.Volume;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpecReaderTest {
  @Test
  void readsEveryPart() {
    SandboxSpec spec =
        parse(
            """
            image: python:3.12
            ttl: 3600
            idle_limit: 0.5
            lease: 30
            ready_timeout: 60
            workdir: /src
            user: 1000
            env: {VERSION: 3.10, DEBUG: true, EMPTY: ""}
            files: {/etc/motd: "hello\\n"}
            metadata: {task: 7}
            resources: {cpu: 0.5, memory_mib: 512, disk_gib: 2, gpu: 1, gpu_type: a100}
            entrypoint: [sleep, 100]
            provider_options: {binds: "/a:/b", names: [x, y]}
            ports: [80, 8080]
            volumes:
              - {host_path: /data, container_path: /in, readonly: true}
              - {efs_filesystem_id: fs-1, efs_access_point_id: ap-1, container_path: /efs}
            environment_dir: ./env
            network: none
            outside_endpoints: [{url: "http://localhost:8080/v1", env_var: MODEL_URL}]
            """);

    assertThat(spec)
        .isEqualTo(
            SandboxSpec.builder()
                .image("python:3.12")
                .ttl(Duration.ofHours(1))
                .idleLimit(Duration.ofMillis(500))
                .lease(Duration.ofSeconds(30))
                .readyTimeout(Duration.ofMinutes(1))
                .workdir("/src")
                .user("1000")
                .env("VERSION", "3.10")
                .env("DEBUG", "true")
                .env("EMPTY", "")
                .file("/etc/motd", "hello\n")
                .metadata("task", "7")
                .resources(new SandboxResources(0.5, 512L, 2L, 1, "a100"))
                .entrypoint(List.of("sleep", "100"))
                .providerOption("binds", List.of("/a:/b"))
                .providerOption("names", List.of("x", "y"))
                .port(80)
                .port(8080)
                .volume(Volume.ofHost("/data", "/in", true))
                .volume(new Volume(null, "/efs", false, "fs-1", "ap-1"))
                .environmentDir("./env")
                .network(Network.NONE)
                .outsideEndpoint("http://localhost:8080/v1", "MODEL_URL")
                .build());
  }

  @Test
  void nothingIsAllDefaults() {
    assertThat(parse("")).isEqualTo(SandboxSpec.builder().build());
    assertThat(parse("{ttl: null, image: null, resources: null, ports: []}"))
        .isEqualTo(SandboxSpec.builder().build());
  }

  @Test
  void anEntrypointOfOneTextIsALineOfShell() {
    assertThat(parse("entrypoint: sleep 100 | cat").entrypoint())
        .containsExactly("/bin/sh", "-c", "sleep 100 | cat");
    assertThat(parse("entrypoint: [/init]").entrypoint()).containsExactly("/init");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "imge: x | imge | image, ",
        "resources: {cpus: 1} | spec.resources.cpus | cpu, disk_gib, gpu, gpu_type, memory_mib",
        "resources: {cpu: much} | spec.resources.cpu | much",
        "resources: {memory_mib: 1.5} | spec.resources.memory_mib | 1.5",
        "resources: 4 | spec.resources | block",
        "ttl: 0 | spec.ttl | above 0",
        "ttl: 1h | spec.ttl | 1h",
        "network: bridge | spec.network | host or none",
        "ports: [http] | spec.ports | http",
        "ports: [0] | port 0 | 65535",
        "ports: [1, 1] | [1, 1] | once",
        "workdir: rel | rel | absolute",
        "env: {1A: x} | 1A | letters",
        "volumes: {a: b} | spec.volumes | list of blocks",
        "volumes: [{host_path: /a}] | spec.volumes[0].container_path | must be given",
        "volumes: [{container_path: /a}] | /a | exactly one source",
        "volumes: [{host_path: /a, container_path: /b, ro: true}] | spec.volumes[0].ro | readonly",
        "outside_endpoints: [{url: 'http://h'}] | env_var | must be given",
        "provider_options: {binds: {a: b}} | spec.provider_options.binds | list of texts",
      })
  void whatIsWrongIsNamed(String text, String where, String what) {
    assertThatThrownBy(() -> parse(text))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining(where)
        .hasMessageContaining(what);
  }

  @Test
  void readsAFile(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("spec.json"), "{\"image\": \"x\"}");

    assertThat(SpecReader.read(file)).isEqualTo(SandboxSpec.of("x"));
  }

  private static SandboxSpec parse(String text) {
    return SpecReader.parse("spec.yaml", text);
  }
}
