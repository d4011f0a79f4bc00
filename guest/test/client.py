"""A host in few lines, for tests: frames as in PROTOCOL.md, nothing clever."""
import hmac, os, random, select, shutil, socket, struct, subprocess, tempfile, time

TTY, STDIN, KEEP, MERGE, TAKE, WHOLE = 1, 2, 4, 8, 16, 32
MAGIC, VERSION = 0x42525448, 2


def text(s):
    b = s if isinstance(s, bytes) else s.encode()
    return struct.pack(">I", len(b)) + b


def frame(kind, payload=b""):
    return struct.pack(">IB", len(payload) + 1, kind) + payload


def new_id():
    return random.getrandbits(63) + 1


def spawn_frame(id, argv, flags=TAKE, timeout=0, grace=0, linger=60000, window=0, rows=0, cols=0, cwd="", user="", env=()):
    p = struct.pack(">QHIIIIHH", id, flags, timeout, grace, linger, window, rows, cols) + text(cwd) + text(user)
    p += struct.pack(">I", len(env)) + b"".join(map(text, env))
    p += struct.pack(">I", len(argv)) + b"".join(map(text, argv))
    return frame(0x02, p)


class Skip(Exception):
    pass


class Exit:
    def __init__(self, p):
        (self.id, self.how, self.code, self.cause, self.out_bytes, self.err_bytes, self.wall, self.cpu, self.rss, self.stage, n) = struct.unpack(
            ">QBIBQQQQQBI", p[:59])
        self.what = p[59:].decode()
        assert len(p) == 59 + n

    def __repr__(self):
        return f"Exit(how={self.how} code={self.code} cause={self.cause} what={self.what!r})"


class Conn:
    def __init__(self, address, token="", hello=True):
        self.s = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.s.settimeout(20)
        self.s.connect(address)
        self.buf = bytearray()
        self.pos = 0
        self.consume = True
        self.results = {}
        if hello:
            self.hello(token)

    def knock(self, token):
        """Has the guest prove itself, and gives the proof that it wants in turn."""
        ours = os.urandom(32)
        self.send(frame(0x12, ours))
        p = self.expect(0x8D)
        assert len(p) == 64
        nonces, key = ours + p[:32], token.encode()
        assert hmac.compare_digest(p[32:], hmac.digest(key, b"berth guest" + nonces, "sha256"))
        return hmac.digest(key, b"berth host" + nonces, "sha256")

    def hello(self, token=""):
        self.send(frame(0x01, struct.pack(">IH", MAGIC, VERSION) + text(self.knock(token) if token else "")))
        kind, p = self.recv()
        assert kind == 0x81, (kind, p)
        self.welcome = p
        self.identity = p[6:22]
        self.pid, self.uid, self.gid, self.users = struct.unpack(">IIIB", p[22:35])

    def send(self, b):
        self.s.sendall(b)

    def need(self, n, timeout):
        while len(self.buf) - self.pos < n:
            if self.pos:
                del self.buf[: self.pos]
                self.pos = 0
            self.s.settimeout(timeout)
            b = self.s.recv(262144)
            if not b:
                raise EOFError
            self.buf += b

    def recv(self, timeout=20):
        self.need(4, timeout)
        (n,) = struct.unpack_from(">I", self.buf, self.pos)
        assert 1 <= n <= 1 << 20, n
        self.need(4 + n, timeout)
        at = self.pos + 4
        self.pos = at + n
        return self.buf[at], bytes(self.buf[at + 1 : at + n])

    def quiet(self, seconds):
        """True when nothing comes for that long."""
        return self.pos == len(self.buf) and not select.select([self.s], [], [], seconds)[0]

    def expect(self, kind, timeout=20):
        k, p = self.recv(timeout)
        assert k == kind, (hex(k), p[:100])
        return p

    def attach(self, id, take=1, out=0, err=0):
        self.send(frame(0x03, struct.pack(">QBQQ", id, take, out, err)))

    def input(self, id, offset, data, end=0):
        self.send(frame(0x04, struct.pack(">QQB", id, offset, end) + data))

    def consumed(self, id, channel, offset):
        self.send(frame(0x05, struct.pack(">QBQ", id, channel, offset)))

    def signal(self, id, number, scope=0):
        self.send(frame(0x06, struct.pack(">QBB", id, number, scope)))

    def terminate(self, id, grace=0):
        self.send(frame(0x07, struct.pack(">QI", id, grace)))

    def forget(self, id):
        try:
            self.send(frame(0x09, struct.pack(">Q", id)))
        except OSError:
            pass  # an ending guest may be gone by now

    def spawn(self, argv, **kw):
        id = kw.pop("id", None) or new_id()
        self.send(spawn_frame(id, argv, **kw))
        return id

    def collect_rest(self, id):
        return self.collect(id, started=True)

    def collect(self, id, consume=True, forget=True, timeout=20, started=False):
        """Output and exit of one command; checks offsets and order on the way."""
        out = {1: bytearray(), 2: bytearray()}
        start = {}
        while True:
            kind, p = self.recv(timeout)
            if kind == 0x82:
                started = True
            elif kind == 0x83:
                i, ch, off = struct.unpack(">QBQ", p[:17])
                assert i == id and started
                start.setdefault(ch, off)
                assert off == start[ch] + len(out[ch]), (off, len(out[ch]))
                out[ch] += p[17:]
                if consume:
                    self.consumed(id, ch, start[ch] + len(out[ch]))
            elif kind == 0x85:
                e = Exit(p)
                assert e.id == id
                e.out, e.err, e.start, e.started = bytes(out[1]), bytes(out[2]), start, started
                if forget:
                    self.forget(id)
                return e
            elif kind == 0x84:
                self.taken = struct.unpack(">QQB", p)
            else:
                raise AssertionError((hex(kind), p))

    def run(self, argv, **kw):
        return self.collect(self.spawn(argv, **kw))

    def list(self):
        self.send(frame(0x0B))
        p = self.expect(0x88)
        (n,) = struct.unpack_from(">I", p)
        at, rows = 4, {}
        for _ in range(n):
            id, state, pid, flags, age, k = struct.unpack_from(">QBIHQI", p, at)
            at += 27
            rows[id] = (state, pid, flags, age, p[at : at + k])
            at += k
        assert at == len(p)
        return rows

    def close(self):
        self.s.close()


class Guest:
    def __init__(self, binary, *options, user=None, tcp=False, env=None, prefix=()):
        self.dir = tempfile.mkdtemp(prefix="g")
        os.chmod(self.dir, 0o777)
        self.address = self.dir + "/s"
        self.log = open(self.dir + "/log", "w+b")
        where = ["--tcp", "127.0.0.1:0"] if tcp else ["--socket", self.address]
        self.process = subprocess.Popen([*prefix, binary, "serve", *where, *options], stdout=subprocess.PIPE if tcp else self.log,
                                        stderr=self.log, user=user, group=user, extra_groups=[] if user else None, env=env)
        if tcp:
            self.address = ("127.0.0.1", int(self.process.stdout.readline().split()[1]))
        else:
            for _ in range(1000):
                try:
                    socket.socket(socket.AF_UNIX).connect(self.address)
                    break
                except OSError:
                    time.sleep(0.005)
                    assert self.process.poll() is None, self.errors()

    def conn(self, **kw):
        return Conn(self.address, **kw)

    def errors(self):
        return open(self.dir + "/log", "rb").read().decode(errors="replace")

    def rss_kib(self, pid=None):
        for line in open(f"/proc/{pid or self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1])

    def workers(self):
        """Its children."""
        return open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split()

    def files(self):
        """How many descriptors it has open. To be asked last: it is not dumpable, so only root may look."""
        try:
            return len(os.listdir(f"/proc/{self.process.pid}/fd"))
        except PermissionError:
            raise Skip("all but its open files was tested: only root may count them")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        errors = self.errors()
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            if self.process.poll() is None:
                self.process.kill()
            shutil.rmtree(self.dir, ignore_errors=True)
        if kind is None:
            assert not [l for l in errors.splitlines() if "ERROR" in l or "runtime error" in l], errors


def eventually(what, seconds=8):
    end = time.time() + seconds
    while not what():
        assert time.time() < end, "waited in vain"
        time.sleep(0.01)


def alive(marker):
    """The processes whose command line has this marker."""
    found = []
    for p in os.listdir("/proc"):
        if p.isdigit():
            try:
                if marker in open(f"/proc/{p}/cmdline", "rb").read() and open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()[0] != "Z":
                    found.append(int(p))
            except OSError:
                pass
    return found


def marker():
    return f"{random.randrange(10**6, 10**7)}.{random.randrange(10**6)}"
