package dev.berth.fargate.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.berth.RequestException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BuildContextTest {
  @TempDir Path temp;
  private Path folder;

  @BeforeEach
  void fill() throws IOException {
    folder = Files.createDirectories(temp.resolve("context"));
    Files.writeString(folder.resolve("Dockerfile"), "FROM scratch\n");
    Files.createDirectories(folder.resolve("sub/empty"));
    Files.writeString(folder.resolve("sub/file"), "text");
    mode("sub/file", "rw-r--r--");
  }

  private void mode(String name, String mode) throws IOException {
    Files.setPosixFilePermissions(folder.resolve(name), PosixFilePermissions.fromString(mode));
  }

  private String hash() {
    return BuildContext.of(folder).hash();
  }

  private static byte[] zip(BuildContext context) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    context.zip(bytes);
    return bytes.toByteArray();
  }

  /** What CodeBuild finds after it has unpacked both. */
  private static Map<String, TarArchiveEntry> unpacked(byte[] zip) throws IOException {
    Map<String, TarArchiveEntry> entries = new LinkedHashMap<>();
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(zip))) {
      assertThat(in.getNextEntry().getName()).isEqualTo(BuildContext.TAR);
      TarArchiveInputStream tar = new TarArchiveInputStream(in, "UTF-8");
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        entries.put(entry.getName(), entry);
      }
    }
    return entries;
  }

  @Test
  void theHashIsWholeAndTheSameForTheSameContentWhereverAndWheneverItWasWritten()
      throws IOException {
    String first = hash();
    assertThat(first).matches("[0-9a-f]{64}");
    Path other = Files.createDirectories(temp.resolve("other"));
    Files.createDirectories(other.resolve("sub/empty"));
    Files.writeString(other.resolve("sub/file"), "text");
    Files.writeString(other.resolve("Dockerfile"), "FROM scratch\n");
    Files.setLastModifiedTime(other.resolve("Dockerfile"), FileTime.from(Instant.EPOCH));
    Files.setPosixFilePermissions(
        other.resolve("sub/file"), PosixFilePermissions.fromString("rw-------"));
    assertThat(BuildContext.of(other).hash()).isEqualTo(first);
    assertThat(zip(BuildContext.of(other))).isEqualTo(zip(BuildContext.of(folder)));
  }

  /** A path of these bytes, whatever the locale. */
  private Path encoded(String escaped) {
    return Path.of(URI.create(folder.toUri() + escaped));
  }

  @Test
  void namesAndTargetsAreUtf8WhateverTheLocale() throws IOException {
    Files.createDirectory(encoded("%C3%BC"));
    Files.writeString(encoded("%C3%BC/%E2%82%AC%2b%25"), "text");
    Files.createSymbolicLink(encoded("link"), encoded("%C3%BC").getFileName());
    Files.createSymbolicLink(encoded("away"), encoded("%C3%BC").toRealPath());
    Map<String, TarArchiveEntry> all = unpacked(zip(BuildContext.of(folder)));
    assertThat(all).containsKeys("\u00fc/", "\u00fc/\u20ac+%");
    assertThat(all.get("link").getLinkName()).isEqualTo("\u00fc");
    assertThat(all.get("away").getLinkName()).startsWith("/").endsWith("/context/\u00fc");
  }

  @Test
  void namesAndTargetsThatAreNoTextAreRefused() throws IOException {
    Files.createSymbolicLink(encoded("link"), encoded("%FF").getFileName());
    assertThatThrownBy(this::hash)
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("link")
        .hasMessageContaining("not UTF-8");
    Files.delete(encoded("link"));
    Files.writeString(encoded("sub/a%FF"), "text");
    assertThatThrownBy(this::hash)
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("sub/a\ufffd")
        .hasMessageContaining("not UTF-8");
  }

  @Test
  void bytesPathsKindsTargetsAndExecBitsChangeTheHash() throws IOException {
    String before = hash();
    mode("sub/file", "rwxr--r--");
    String executable = hash();
    assertThat(executable).isNotEqualTo(before);
    mode("sub/file", "rw-r--r--");
    assertThat(hash()).isEqualTo(before);
    Files.writeString(folder.resolve("sub/file"), "tex2");
    assertThat(hash()).isNotEqualTo(before);
    Files.writeString(folder.resolve("sub/file"), "text");
    Files.move(folder.resolve("sub/file"), folder.resolve("sub/file2"));
    assertThat(hash()).isNotEqualTo(before);
    Files.createSymbolicLink(folder.resolve("sub/file"), Path.of("file2"));
    String link = hash();
    Files.delete(folder.resolve("sub/file"));
    Files.createSymbolicLink(folder.resolve("sub/file"), Path.of("file3"));
    assertThat(hash()).isNotEqualTo(link);
    Files.delete(folder.resolve("sub/empty"));
    Files.writeString(folder.resolve("sub/empty"), "");
    assertThat(hash()).isNotEqualTo(link);
  }

  @Test
  void whereOneFileEndsAndTheNextBeginsCounts() throws IOException {
    Files.writeString(folder.resolve("a"), "1");
    Files.writeString(folder.resolve("b"), "23");
    String before = hash();
    Files.writeString(folder.resolve("a"), "12");
    Files.writeString(folder.resolve("b"), "3");
    assertThat(hash()).isNotEqualTo(before);
  }

  @Test
  void linksArePackedAsLinksAndNothingBehindThemIsRead() throws IOException {
    Path secret = temp.resolve("secret");
    Files.writeString(secret, "outside");
    Files.createSymbolicLink(folder.resolve("out"), secret);
    Path outside = Files.createDirectories(temp.resolve("outside"));
    Files.writeString(outside.resolve("deep"), "outside too");
    Files.createSymbolicLink(folder.resolve("folder"), outside);
    Files.createSymbolicLink(folder.resolve("loop"), Path.of("."));
    String before = hash();
    Map<String, TarArchiveEntry> entries = unpacked(zip(BuildContext.of(folder)));
    assertThat(entries.get("out").isSymbolicLink()).isTrue();
    assertThat(entries.get("out").getLinkName()).isEqualTo(secret.toString());
    assertThat(entries.get("folder").isSymbolicLink()).isTrue();
    assertThat(entries).doesNotContainKeys("folder/deep", "loop/Dockerfile");
    Files.writeString(secret, "changed");
    assertThat(hash()).isEqualTo(before);
  }

  @Test
  void modesAndLongNamesComeAcross() throws IOException {
    String longName = "d".repeat(90) + "/" + "ü".repeat(100);
    Files.createDirectories(folder.resolve(longName).getParent());
    Files.writeString(folder.resolve(longName), "x");
    mode("sub/file", "r-x------");
    Map<String, TarArchiveEntry> entries = unpacked(zip(BuildContext.of(folder)));
    assertThat(entries).containsKey(longName);
    assertThat(entries.get("sub/file").getMode() & 0777).isEqualTo(0755);
    assertThat(entries.get("Dockerfile").getMode() & 0777).isEqualTo(0644);
    assertThat(entries.get("sub/empty/").isDirectory()).isTrue();
  }

  @Test
  void whatIsNoContextIsRefusedWithItsName() throws IOException {
    refused(temp.resolve("nowhere"), "it is not there");
    Path none = Files.createDirectories(temp.resolve("none"));
    refused(none, "no file Dockerfile");
    Files.createSymbolicLink(none.resolve("Dockerfile"), folder.resolve("Dockerfile"));
    refused(none, "no file Dockerfile");
    try (RandomAccessFile huge = new RandomAccessFile(folder.resolve("huge").toFile(), "rw")) {
      huge.setLength(BuildContext.MOST_BYTES + 1);
    }
    refused(folder, "4 GiB, at huge");
    Files.delete(folder.resolve("huge"));
  }

  @Test
  void aPipeIsRefusedAndNotWaitedFor() throws Exception {
    Process made =
        new ProcessBuilder("mkfifo", folder.resolve("sub/pipe").toString()).inheritIO().start();
    assertThat(made.waitFor()).isZero();
    refused(folder, "sub/pipe is a socket, a pipe or a device");
  }

  @Test
  void whatMayNotBeReadIsNamed() throws IOException {
    mode("sub/file", "---------");
    assumeThat(Files.isReadable(folder.resolve("sub/file"))).as("root reads all").isFalse();
    refused(folder, "sub/file cannot be read");
    mode("sub", "---------");
    refused(folder, "sub cannot be read");
    mode("sub", "rwx------");
  }

  @Test
  void aFolderThatChangesMeanwhileIsNotPacked() throws IOException {
    BuildContext context = BuildContext.of(folder);
    Files.writeString(folder.resolve("sub/file"), "tex2");
    assertThatThrownBy(() -> context.zip(OutputStream.nullOutputStream()))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("changed while it was read");
    Files.writeString(folder.resolve("sub/file"), "longer");
    assertThatThrownBy(() -> context.zip(OutputStream.nullOutputStream()))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("grew while it was read");
    assertThat(new File(temp.toFile(), "context")).exists();
  }

  private static void refused(Path folder, String why) {
    assertThatThrownBy(() -> BuildContext.of(folder))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining(why);
  }
}
