package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Command;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.core.state.StateHome;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What runs in a sandbox attacks the end that the host has of it: its guest, the guest's socket,
 * the sandbox's own disappearance.
 */
@Timeout(120)
class AttackIT {
  private static final Duration STOP_WITHIN = Duration.ofSeconds(6);

  /**
   * Takes the listening socket out of the instance's init, puts the guest aside, and answers in its
   * place.
   */
  private static final String IMPOSTOR =
      """
      import ctypes, os, signal, socket, struct, sys, threading, time
      what, aside = sys.argv[1], sys.argv[2]
      libc = ctypes.CDLL(None, use_errno=True)
      pidfd = libc.syscall(434, 1, 0)
      fd = libc.syscall(438, pidfd, 3, 0)
      if fd < 0:
          print('no socket', ctypes.get_errno(), flush=True); sys.exit(3)
      listening = socket.socket(fileno=fd)
      listening.setblocking(True)
      if what == 'shut': listening.listen(0)
      guests = []
      for pid in filter(str.isdigit, os.listdir('/proc')):
          try: line = open('/proc/%s/cmdline' % pid, 'rb').read().split(b'\\0')
          except OSError: continue
          if line[1:2] == [b'serve']: guests.append(int(pid))
      print('stolen', flush=True)
      time.sleep(0.3)
      if os.fork(): time.sleep(1000)
      signal.signal(signal.SIGHUP, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)
      os.setsid()
      for pid in sorted(guests)[:2]:  # the guardian and its guest
          os.kill(pid, signal.SIGKILL if aside == 'kill' else signal.SIGSTOP)
      welcome = struct.pack('>BIH', 0x81, 0x42525448, 1) + os.urandom(16) + struct.pack('>IIIB', 1, 0, 0, 0) + struct.pack('>I', 1) + b'1'
      def serve(c):
          try:
              if what == 'garbage': c.sendall(os.urandom(100000))
              elif what == 'huge': c.sendall(struct.pack('>IB', 0xffffffff, 1) + b'x' * 1000)
              elif what == 'endless':
                  c.sendall(struct.pack('>I', len(welcome)) + welcome)
                  pong = struct.pack('>IBQ', 9, 0x89, 7) * 1000
                  while True: c.sendall(pong)
              elif what == 'big':
                  while True: c.sendall(struct.pack('>IB', 1 << 20, 0x82) + b'y' * ((1 << 20) - 1))
              time.sleep(1000)
          except OSError: pass
      if what == 'shut': time.sleep(1000)
      while True:
          c, _ = listening.accept()
          threading.Thread(target=serve, args=(c,), daemon=True).start()
      """;

  private ApptainerProvider provider;

  @BeforeEach
  void open() {
    provider = new ApptainerProvider(ApptainerConfig.defaults());
  }

  @AfterEach
  void close() {
    provider.close();
  }

  private Sandbox create() throws InterruptedException {
    return provider.create(SandboxSpec.of(TestImage.folder().toString()));
  }

  private static void assertGone(String id) {
    assertThat(CrashRig.running(id)).isEmpty();
    assertThat(StateHome.ofEnvironment().find(id)).isEmpty();
    assertThat(StateHome.ofEnvironment().root().resolve("leases").resolve(id)).doesNotExist();
  }

  private static long stop(Sandbox sandbox) {
    long at = System.nanoTime();
    sandbox.stop();
    long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - at);
    assertGone(sandbox.id());
    return took;
  }

  @ParameterizedTest
  @ValueSource(strings = {"garbage kill", "huge kill", "endless kill", "silent kill", "shut stop"})
  void anImpostorBehindTheRealSocketIsFoundOut(
      String how, @TempDir Path folder, TestReporter reporter) throws Exception {
    impostor(how, folder, reporter);
  }

  /** Behind a frozen guest it is found out once the guest has been silent for long. */
  @ParameterizedTest
  @Tag("soak")
  @ValueSource(strings = {"garbage stop", "huge stop", "endless stop", "big stop", "silent stop"})
  void aPatientImpostorIsFoundOut(String how, @TempDir Path folder, TestReporter reporter)
      throws Exception {
    impostor(how, folder, reporter);
  }

  private void impostor(String how, Path folder, TestReporter reporter) throws Exception {
    Sandbox sandbox = create();
    long before = used();
    try (sandbox) {
      String[] words = how.split(" ");
      StringBuilder said = new StringBuilder();
      FutureTask<ExecResult> attack =
          new FutureTask<>(() ->
              sandbox.exec(
                  Command.of("python3", "-c", IMPOSTOR, words[0], words[1]),
                  (channel, bytes) -> said.append(StandardCharsets.UTF_8.decode(bytes))));
      Thread.ofVirtual().start(attack);
      org.awaitility.Awaitility.await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> said.toString().contains("\n") || attack.isDone());
      assertThat(said.toString()).startsWith("stolen");
      TimeUnit.MILLISECONDS.sleep(600);

      long at = System.nanoTime();
      String fetched = "";
      FutureTask<String> download =
          new FutureTask<>(() -> {
            try {
              return "got " + sandbox.download("/etc/passwd", folder.resolve("got"));
            } catch (SandboxException e) {
              return e.getClass().getSimpleName();
            }
          });
      // On a platform thread: what blocks it in the kernel shows.
      Thread.ofPlatform().daemon().start(download);
      if (words[1].equals("kill")) {
        ExecResult lost = attack.get(10, TimeUnit.SECONDS);
        assertThat(lost.errorType()).isEqualTo(ErrorType.SANDBOX);
        assertThat(sandbox.status()).isNotEqualTo(SandboxStatus.RUNNING);
        fetched = download.get(30, TimeUnit.SECONDS);
      } else {
        assertThat(sandbox.status()).isNotEqualTo(SandboxStatus.RUNNING);
      }
      assertThat(sandbox.exec(Command.of("true").withTimeout(Duration.ofSeconds(3))).errorType())
          .isNotNull();
      long after = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - at);
      long stopped = stop(sandbox);
      if (fetched.isEmpty()) {
        fetched = download.get(10, TimeUnit.SECONDS);
      }
      reporter.publishEntry(
          how,
          "noticed and used after ms "
              + after
              + ", download: "
              + fetched
              + ", stopped within ms "
              + stopped
              + ", MiB more "
              + ((used() - before) >> 20));
      assertThat(stopped).isLessThan(STOP_WITHIN.toMillis());
      assertThat(fetched).isIn("TransferException", "SandboxLostException");
      assertThat(used() - before).isLessThan(64L << 20);
    }
  }

  private static long used() {
    System.gc();
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "kill -9 -1; sleep 1000",
        "kill -STOP -1; sleep 1000",
        "trap '' TERM HUP INT; kill -TERM -1; kill -HUP -1; sleep 1000",
        "f() { f | f & }; f; sleep 1000",
        "f() { while :; do setsid sh -c 'while :; do :; done' & done; }; f & f & sleep 1000"
      })
  void whateverItDoesToItsProcessesItIsStopped(String line, TestReporter reporter)
      throws Exception {
    Sandbox sandbox = create();
    // A moment for the guest to say that it has started, before it may be past saying anything.
    sandbox.startBackground(Command.shell("ulimit -p 400 || exit 1; sleep 0.3; " + line));
    TimeUnit.MILLISECONDS.sleep(1000);
    reporter.publishEntry(line, "status " + sandbox.status());
    long stopped = stop(sandbox);
    reporter.publishEntry("stopped within ms", "" + stopped);
    assertThat(stopped).isLessThan(10_000);
  }

  @Test
  void whateverItLeavesOnDiskIsDeleted(TestReporter reporter) throws Exception {
    Sandbox sandbox = create();
    String fill =
        """
        import os
        os.chdir('/sandbox')
        for d in range(200):
            os.mkdir('d%d' % d)
            for f in range(100): open('d%d/f%d' % (d, f), 'w').close()
        os.chdir('/tmp')
        for i in range(2000):
            os.mkdir('deep'); os.chdir('deep')
        os.chdir('/var/tmp')
        for i in range(50):
            os.mkdir('locked%d' % i); open('locked%d/f' % i, 'w').close(); os.chmod('locked%d/f' % i, 0o6000)
            os.mkdir('locked%d/in' % i); os.chmod('locked%d/in' % i, 0); os.chmod('locked%d' % i, 0o1000)
        os.symlink('/', 'root'); os.symlink('/etc', '/tmp/etc'); os.mkfifo('fifo')
        open('/new\\nline ..', 'w').close(); os.chmod('/sandbox', 0)
        import socket; s = socket.socket(socket.AF_UNIX); s.bind('sock')
        os.chmod('/tmp', 0); os.chmod('/var/tmp', 0)
        print('filled')
        """;
    ExecResult result =
        sandbox.exec(Command.of("python3", "-c", fill).withTimeout(Duration.ofSeconds(60)));
    reporter.publishEntry("fill", result.toString());
    assertThat(result.stdout()).isEqualTo("filled\n");
    long stopped = stop(sandbox);
    reporter.publishEntry("stopped within ms", "" + stopped);
    assertThat(stopped).isLessThan(30_000);
  }

  @Test
  void filesOfSubordinateIdsAreDeleted(TestReporter reporter) throws Exception {
    ApptainerConfig defaults = ApptainerConfig.defaults();
    try (ApptainerProvider fakeroot =
        new ApptainerProvider(defaults.with(defaults.create().withFakeroot(true)))) {
      Sandbox sandbox = fakeroot.create(SandboxSpec.of(TestImage.folder().toString()));
      ExecResult result =
          sandbox.exec(
              "for i in 1 2 33 1000 30000; do mkdir -p /sandbox/d$i/in /opt/d$i && echo x > /sandbox/d$i/in/f && chmod 0 /sandbox/d$i/in/f /sandbox/d$i/in && chown -R $i:$i /sandbox/d$i /opt/d$i && chmod 700 /sandbox/d$i; done; ls -ln /sandbox");
      assertThat(result.returnCode()).as(result.toString()).isZero();
      long stopped = stop(sandbox);
      reporter.publishEntry("stopped within ms", "" + stopped);
      assertThat(stopped).isLessThan(10_000);
    }
  }

  /** Values of variables, input and files are to be read by those who were given them alone. */
  @Test
  void secretsAreNowhere(@TempDir Path folder, TestReporter reporter) throws Exception {
    String secret = "s3cr3t" + Long.toHexString(System.nanoTime());
    String known = "kn0wn" + secret;
    SandboxSpec spec =
        SandboxSpec.of(TestImage.folder().toString()).toBuilder()
            .env("SPEC_KEY", secret + "A")
            .build();
    try (Sandbox sandbox = provider.create(spec)) {
      FutureTask<ExecResult> call =
          new FutureTask<>(() ->
              sandbox.exec(
                  Command.shell("read x; sleep 4; echo $x")
                      .withEnv("COMMAND_KEY", secret + "B")
                      .withStdin((secret + "C\n").getBytes(StandardCharsets.UTF_8))));
      Thread.ofVirtual().start(call);
      org.awaitility.Awaitility.await()
          .until(() ->
              sandbox.exec("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout().contains("sleep 4"));
      for (ProcessHandle process : ProcessHandle.allProcesses().toList()) {
        assertThat(CrashRig.read(Path.of("/proc/" + process.pid() + "/cmdline")))
            .doesNotContain(secret);
      }
      // The pattern is not on the command line that looks for it, nor in its environment.
      String search =
          """
          import os, sys
          wanted = bytes.fromhex(sys.argv[1]); hits = []; looked = 0
          own = {str(os.getpid()), str(os.getppid())}
          for top in ('/.singularity.d', '/tmp', '/var', '/etc', '/home', '/sandbox', '/run', '/dev', '/root', '/opt', '/srv', '/mnt'):
              for at, _, names in os.walk(top):
                  for name in names:
                      path = os.path.join(at, name)
                      if os.path.isfile(path):
                          try: looked += 1; hits += [path] if wanted in open(path, 'rb').read(1 << 22) else []
                          except OSError: pass
          for pid in filter(str.isdigit, os.listdir('/proc')):
              line = b''
              for name in ('cmdline', 'environ', 'comm', 'fd/1', 'fd/2', 'fd/4'):
                  path = '/proc/%s/%s' % (pid, name)
                  try:
                      if name == 'cmdline': line = open(path, 'rb').read()
                      if name.startswith('fd') and not os.path.isfile(path): continue
                      looked += 1
                      # Commands have what they were given; carriers and guest may not.
                      if wanted in open(path, 'rb').read() and (name != 'environ' or pid == '1' or line.split(b'\\0')[1:2] == [b'serve']): hits.append(path + ' of ' + repr(line))
                  except OSError: pass
          print(looked, 'looked at;', hits)
          """;
      sandbox.exec("echo -n " + known.substring(0, 5) + "$SPEC_KEY > /tmp/known");
      ExecResult found =
          sandbox.exec(
              Command.of(
                      "python3",
                      "-c",
                      search,
                      java.util.HexFormat.of().formatHex(secret.getBytes(StandardCharsets.UTF_8)))
                  .withTimeout(Duration.ofSeconds(60)));
      reporter.publishEntry("found", found.stdout() + found.stderr());
      assertThat(found.stdout())
          .as("the one that was put there, to see that the search works")
          .endsWith("looked at; ['/tmp/known']\n");
      // On the host: in the record, which no sandbox sees, and nowhere else; above all not in logs.
      Path home = StateHome.ofEnvironment().root().resolve("sandboxes").resolve(sandbox.id());
      sandbox.exec("rm /tmp/known");
      List<String> hits = new ArrayList<>();
      Files.walkFileTree(
          home,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
              if (attributes.isRegularFile() && CrashRig.read(file).contains(secret)) {
                hits.add(home.relativize(file).toString());
              }
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
              return FileVisitResult.CONTINUE; // The overlay's work folder is closed to everybody.
            }
          });
      assertThat(hits).isSubsetOf("record");
      assertThat(call.get(20, TimeUnit.SECONDS).stdout()).isEqualTo(secret + "C\n");
    }
  }
}
