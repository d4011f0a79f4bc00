package dev.berth.core.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Network;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.Volume;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordFileTest {
  @TempDir Path folder;

  @Test
  void everythingComesBackButTheTextOfFiles() throws Exception {
    SandboxSpec spec =
        SandboxSpec.builder()
            .image("docker://alpine:3.20")
            .ttl(Duration.ofMinutes(5))
            .idleLimit(Duration.ofMillis(1500))
            .lease(Duration.ofSeconds(30))
            .readyTimeout(Duration.ofSeconds(9))
            .workdir("/w ö")
            .user("1000:100")
            .env("A", "line\nwith = and : and # ünïcode \\ 𝄞 ")
            .env("EMPTY", "")
            .file("/secret", "text")
            .metadata("a key: with=things", " v ")
            .metadata("", "empty key")
            .resources(new SandboxResources(0.5, 64L, 3L, 1, "a100"))
            .entrypoint(List.of("sh", "-c", ""))
            .providerOption("binds", List.of("/a:/b", "/c:/d:ro"))
            .providerOption("none", List.of())
            .port(80)
            .port(8080)
            .volume(Volume.ofHost("/host", "/in", true))
            .volume(new Volume(null, "/efs", false, "fs-1", "ap-2"))
            .environmentDir("/env")
            .network(Network.NONE)
            .outsideEndpoint("http://localhost:8080/v1", "MODEL_URL")
            .build();
    SandboxRecord record = SandboxRecord.of("abcdefghijkl", "local", spec).asDetached();

    SandboxRecord read = roundTrip(record);

    SandboxSpec expected = new WithoutFiles(spec).spec();
    assertThat(read.spec()).isEqualTo(expected);
    assertThat(read.spec().env()).containsExactlyEntriesOf(spec.env());
    assertThat(read).usingRecursiveComparison().ignoringFields("spec").isEqualTo(record);
    assertThat(read.expires()).isEqualTo(record.created().plus(Duration.ofMinutes(5)));
  }

  @Test
  void anEmptySpecComesBack() throws Exception {
    SandboxRecord record = SandboxRecord.of("abcdefghijkl", "local", SandboxSpec.builder().build());

    assertThat(roundTrip(record)).isEqualTo(record);
    assertThat(record.expires()).isNull();
  }

  @Test
  void whatIsNoRecordIsRefused() throws Exception {
    for (String text : List.of("", "version=2", "version=1\nid=x", "version=1\\u00zz")) {
      Path file = Files.writeString(folder.resolve("record"), text);
      assertThatThrownBy(() -> RecordFile.read(file.toFile())).isInstanceOf(IOException.class);
    }
  }

  @Test
  void leftoversOfAKilledWriterDoNotMatter() throws Exception {
    Files.writeString(folder.resolve("record.new"), "half");
    anEmptySpecComesBack();
    assertThat(folder.resolve("record.new")).doesNotExist();
  }

  private SandboxRecord roundTrip(SandboxRecord record) throws IOException {
    File file = folder.resolve("record").toFile();
    RecordFile.write(file, record);
    return RecordFile.read(file);
  }

  /** The same spec but for its files. */
  private record WithoutFiles(SandboxSpec from) {
    SandboxSpec spec() {
      return new SandboxSpec(
          from.image(),
          from.ttl(),
          from.idleLimit(),
          from.lease(),
          from.readyTimeout(),
          from.workdir(),
          from.user(),
          from.env(),
          java.util.Map.of(),
          from.metadata(),
          from.resources(),
          from.entrypoint(),
          from.providerOptions(),
          from.ports(),
          from.volumes(),
          from.environmentDir(),
          from.network(),
          from.outsideEndpoints());
    }
  }
}
