"""The wire itself: hello, protocol errors, bounds."""
import os, random, socket, struct, time
from client import *


def fault(c, code):
    while True:
        kind, p = c.recv()
        if kind == 0x8F:
            break
    assert p[0] == code and len(p) > 5, p
    try:
        while c.s.recv(65536):
            pass
    except ConnectionResetError:
        pass
    c.close()


def test_hello(binary):
    d = tempfile.mkdtemp()
    open(d + "/token", "w").write("secret\n")
    with Guest(binary, "--token-file", d + "/token") as g:
        assert not os.path.exists(d + "/token")
        c = g.conn(token="secret")
        assert len(c.identity) == 16 and c.pid == g.process.pid and c.uid == os.getuid()
        assert g.conn(token="secret").identity == c.identity
        for token in ("", "secre", "secret\n", "secretsecret", "Secret", "secret"):
            x = Conn(g.address, hello=False)  # the token itself is no proof of it
            x.send(frame(1, struct.pack(">IH", MAGIC, VERSION) + text(token)))
            fault(x, 2)
        x, y = Conn(g.address, hello=False), Conn(g.address, hello=False)
        proof = x.knock("secret")
        for wrong in (bytes(32), proof[:31], proof + b"x", y.knock("secret")):
            z = Conn(g.address, hello=False)
            z.knock("secret")
            z.send(frame(1, struct.pack(">IH", MAGIC, VERSION) + text(wrong)))
            fault(z, 2)
        y.send(frame(1, struct.pack(">IH", MAGIC, VERSION) + text(proof)))  # another connection's
        fault(y, 2)
        x.send(frame(1, struct.pack(">IH", MAGIC, VERSION + 1) + text(proof)))
        fault(x, 2)
        x = Conn(g.address, hello=False)
        x.send(frame(0x12, bytes(64)))
        fault(x, 1)
        x = Conn(g.address, hello=False)
        x.knock("secret")
        x.send(frame(0x12, bytes(32)))
        fault(x, 1)
        c.send(frame(0x12, bytes(32)))  # too late
        fault(c, 1)
        c = g.conn(token="secret")
        x = Conn(g.address, hello=False)
        x.send(spawn_frame(5, ["true"]))
        fault(x, 1)
        assert c.run(["true"]).code == 0


def test_ping_and_frames_in_pieces(binary):
    with Guest(binary, tcp=True) as g:
        c = g.conn()
        c.send(frame(0x0D, b"abcdefgh"))
        assert c.expect(0x89) == b"abcdefgh"
        id = new_id()
        for b in spawn_frame(id, ["echo", "x"]):
            c.send(bytes([b]))
        assert c.collect(id).out == b"x\n"
        c.send(b"".join(frame(0x0D, struct.pack(">Q", i)) for i in range(20000)))
        for i in range(20000):
            assert c.expect(0x89) == struct.pack(">Q", i)
        args = ["true"] + ["x" * 100000] * 10
        assert c.run(args).how == 0
        assert c.run(["true"] + ["x" * 200000]).code == 7  # E2BIG
        c.consume = False
        e = c.run(["sh", "-c", "seq 1 300000"])
        assert e.out_bytes == len(e.out) == sum(len(str(i)) + 1 for i in range(1, 300001))


def test_protocol_errors(binary):
    with Guest(binary) as g:
        bad = [
            b"\0\0\0\0", b"\xff\xff\xff\xff", struct.pack(">I", (1 << 20) + 1), frame(0x7F), frame(0x00), frame(0x12), frame(0x81),
            frame(1, struct.pack(">IH", MAGIC, VERSION) + text("")), frame(0x0B, b"x"), frame(0x0D, b"1234567"), frame(0x0D, b"123456789"),
            frame(2, b"x" * 10), spawn_frame(0, ["true"]), spawn_frame(1, []), spawn_frame(1, ["true"], flags=64), spawn_frame(1, ["true"], window=100),
            spawn_frame(1, ["true"], window=1 << 21), spawn_frame(1, ["a\0b"]), spawn_frame(1, ["true"], env=["a\0=b"]), spawn_frame(1, ["true"])[:-1] + b"",
            frame(3, struct.pack(">QBQQ", 1, 2, 0, 0)), frame(4, struct.pack(">QQB", 1, 0, 2)), frame(4, struct.pack(">QQB", 1, 0, 0) + b"x" * 65537),
            frame(5, struct.pack(">QBQ", 1, 3, 0)), frame(6, struct.pack(">QBB", 1, 0, 0)), frame(6, struct.pack(">QBB", 1, 65, 0)), frame(6, struct.pack(">QBB", 1, 9, 3)),
            frame(0x0A, struct.pack(">QBQI", 1, 0, 0, 1)), frame(0x11, b"\5"), frame(0x11, b"\3" + text("/x") + text("") + b"\x08"),
            frame(2, struct.pack(">QHIIIIHH", 1, 0, 0, 0, 0, 0, 0, 0) + text("") + text("") + b"\xff\xff\xff\xff" + b"\0" * 8),
            frame(2, struct.pack(">QHIIIIHH", 1, 0, 0, 0, 0, 0, 0, 0) + text("") + b"\xff\xff\xff\xff" + b"\0" * 8),
        ]
        d = g.conn()
        for b in bad:
            c = g.conn()
            c.send(b if b != bad[19] else struct.pack(">I", len(b) - 4) + b[4:])
            fault(c, 1)
        id = d.spawn(["sleep", "9"], flags=STDIN | TAKE)
        d.expect(0x82)
        for offset, data in ((1, b"x"), (0, b"x" * 65536)):
            c = g.conn()
            for _ in range(1 if offset else 20):
                try:
                    c.input(id, offset, data)
                    offset += len(data)
                except OSError:
                    break
            fault(c, 1)
        d.close()
        assert g.conn().run(["true"]).code == 0


def test_truncated_frames(binary):
    with Guest(binary) as g:
        whole = spawn_frame(77, ["echo", "never"])
        for cut in range(1, len(whole), 3):
            c = g.conn()
            c.send(whole[:cut])
            c.close()
        c = g.conn()
        c.send(struct.pack(">IB", 1 << 20, 2))  # announces much and sends nothing: costs no memory
        if "asan" not in binary:
            assert g.rss_kib() < 1000
        assert g.conn().list() == {}


def test_garbage(binary):
    with Guest(binary) as g:
        rnd = random.Random(5)
        for i in range(150):
            c = Conn(g.address, hello=bool(i % 2))
            try:
                for _ in range(5):
                    kind = rnd.randrange(2, 0x13)
                    if kind == 0x0E or kind == 0x0C:
                        continue
                    c.send(frame(kind, rnd.randbytes(rnd.randrange(0, 60))) if i % 3 else rnd.randbytes(200))
            except OSError:
                pass
            c.close()
        assert g.conn().run(["true"]).code == 0


def test_at_most_64_connections(binary):
    with Guest(binary) as g:
        held = [g.conn() for _ in range(64)]
        x = Conn(g.address, hello=False)
        fault(x, 3)
        assert held[63].run(["true"]).code == 0
        held[5].close()
        eventually(lambda: works(g))


def works(g):
    try:
        c = g.conn()
        c.close()
        return True
    except (AssertionError, OSError, EOFError):
        return False


def test_silent_connection_is_closed(binary):
    with Guest(binary) as g:
        x = Conn(g.address, hello=False)
        t = time.time()
        x.s.settimeout(15)
        assert x.s.recv(100) == b"" and 9 < time.time() - t < 12


def test_out_of_descriptors(binary):
    with Guest(binary, prefix=["prlimit", "--nofile=40:40"]) as g:
        c = g.conn()
        ids = [c.spawn(["sleep", "30"]) for _ in range(20)]
        failed = 0
        for _ in ids:
            kind, p = c.recv()
            if kind == 0x85:
                e = Exit(p)
                assert (e.how, e.stage, e.code) == (2, 1, 24), e
                failed += 1
        assert 3 < failed < 20
        for id in ids:
            c.terminate(id)
        while failed < 20:
            failed += c.recv()[0] == 0x85
        assert c.run(["true"]).code == 0
