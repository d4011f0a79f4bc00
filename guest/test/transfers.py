"""Raw connections: trees in both directions, relays, ports."""
import hashlib, os, socket, stat, struct, tempfile, threading, time
from client import *
from raw import *


def test_put_and_get_a_tree(binary):
    with Guest(binary) as g:
        root = g.dir + "/t"
        big = os.urandom(700000)
        tree = folder(
            b"anything", file(b"a", b"hello", 0o640), file(b"with\nnewline \xff", b"", 0o4755), file(b"big", big),
            folder(b"sub", folder(b"empty", mode=0o700), link(b"l", b"../../outside"), link(b"gone", b"nowhere"), mode=0o555), file(b"none", b"x", 0))
        assert put(g, root, tree + END) == (0, "")
        assert open(root + "/big", "rb").read() == big
        s = os.stat(root.encode() + b"/with\nnewline \xff")
        assert stat.S_IMODE(s.st_mode) == 0o4755 and s.st_mtime_ns == 1000000 * 10**9 + 5
        assert stat.S_IMODE(os.stat(root + "/sub").st_mode) == 0o555 and os.stat(root + "/sub").st_mtime_ns == 1000000 * 10**9 + 5
        assert os.readlink(root + "/sub/l") == "../../outside" and stat.S_IMODE(os.stat(root + "/none").st_mode) == 0
        assert put(g, root, tree + END) == (0, "")  # filled and replaced
        os.mkfifo(root + "/fifo")
        x = socket.socket(socket.AF_UNIX)
        x.bind(root + "/socket")
        t = get(g, root)
        e = {i[1]: i for i in t.entries}
        assert t.errno == 0 and e[b"t"][0] == "D" and e[b"t/a"] == ("F", b"t/a", 0o640, (1000000, 5), b"hello", 0)
        assert e[b"t/big"][4] == big and e[b"t/sub/l"][4] == b"../../outside" and e[b"t/sub"][2] == 0o555
        assert e[b"t/fifo"] == ("S", b"t/fifo", 1) and e[b"t/socket"] == ("S", b"t/socket", 2)
        assert e[b"t/with\nnewline \xff"][2] == 0o4755 and b"t/sub/empty" in e and len(e) == 11, e.keys()


def test_put_targets(binary):
    with Guest(binary, "--cwd", "/tmp") as g:
        os.mkdir(g.dir + "/d")
        os.symlink("d", g.dir + "/ld")
        f = file(b"name", b"1") + END
        assert put(g, g.dir + "/f", f)[0] == 0 and open(g.dir + "/f").read() == "1"
        assert put(g, g.dir + "/d", f, flags=1)[0] == 0 and open(g.dir + "/d/name").read() == "1"
        assert put(g, g.dir + "/d/", f, flags=0)[0] == 21
        assert put(g, g.dir + "/new", f, flags=1)[0] == 0 and open(g.dir + "/new").read() == "1"
        assert put(g, g.dir + "/no/where/f", f)[0] == 2
        assert put(g, g.dir + "/no/where/f", f, flags=2)[0] == 0 and open(g.dir + "/no/where/f").read() == "1"
        assert put(g, g.dir + "/ld", folder(b"x", file(b"in", b"2")) + END)[0] == 0 and open(g.dir + "/d/in").read() == "2"
        os.symlink("/etc/passwd", g.dir + "/evil")
        assert put(g, g.dir + "/evil", f)[0] == 17 and os.readlink(g.dir + "/evil") == "/etc/passwd"
        assert put(g, "", f)[0] == 2
        relative = os.path.relpath(g.dir, "/tmp") + "/rel"
        assert put(g, relative, f)[0] == 0 and open(g.dir + "/rel").read() == "1"
        assert put(g, "/proc/nope", f)[0] in (2, 13)


def test_transfers_in_a_row(binary):
    with Guest(binary) as g:
        one = file(b"x", b"1" * 1000)
        request = lambda kind, path, flags, user="": bytes([kind]) + text(path) + text(user) + bytes([flags])
        opened = frame(0x8C, struct.pack(">I", 0) + text(""))

        def want(c, answer):
            while len(c.buf) - c.pos < len(answer):
                more = c.s.recv(65536)
                assert more, (bytes(c.buf[c.pos :]), answer)
                c.buf += more
            assert c.buf[c.pos : c.pos + len(answer)] == answer
            c.pos += len(answer)

        c = open_raw(g, request(3, g.dir + "/f0", 4), one + END)
        want(c, END)
        for i in range(1, 30):
            path = f"{g.dir}/f{i}"
            c.send(frame(0x11, request(3, path, 4)) + (one + END if i % 2 else b""))
            want(c, opened)
            if i % 2 == 0:
                c.send(folder(b"d", one) + END)
            want(c, END)
            c.send(frame(0x11, request(4, path, 5)))
            tree = os.stat(path)
            want(c, opened)
            want(c, (file(f"f{i}".encode(), b"1" * 1000) if i % 2 else folder(f"f{i}".encode(), one)) + END)
        assert len(os.listdir(g.dir)) >= 30 and len(g.workers()) == 1
        # The last of a row, one that fails, one of another user, another kind and a broken frame end it.
        c.send(frame(0x11, request(3, g.dir + "/last", 0)) + one + END)
        want(c, opened)
        assert rest(c) == END
        for bad in (request(3, g.dir + "/no/where", 4), request(3, g.dir + "/u", 4, "daemon"), b"\1" + text("127.0.0.1") + b"\0\1", b"\3"):
            c = open_raw(g, request(3, g.dir + "/g", 4), one + END)
            want(c, END)
            c.send(frame(0x11, bad) + one + END)
            assert rest(c)[4:9] in (b"", struct.pack(">BI", 0x8C, 2)), bad
        assert not os.path.exists(g.dir + "/u")
        # An idle one ends by itself, and with its host.
        c = open_raw(g, request(3, g.dir + "/g", 4), one + END)
        want(c, END)
        began = time.monotonic()
        assert rest(c) == b"" and time.monotonic() - began < 30
        c = open_raw(g, request(3, g.dir + "/g", 4), one + END)
        want(c, END)
        c.close()
        eventually(lambda: not g.workers())


def test_put_cannot_leave_its_root(binary):
    with Guest(binary) as g:
        t = g.dir + "/t"
        os.mkdir(t)
        os.mkdir(g.dir + "/outside")
        os.symlink("../outside", t + "/link")
        os.mkfifo(t + "/fifo")
        for bad in (file(b"..", b"x"), file(b"a/b", b"x"), file(b"", b"x"), file(b".", b"x"), file(b"a\0b", b"x"), b"?", b"U" * 2):
            error, why = put(g, t, entry(b"D", b"t") + bad + b"U" + END)
            assert error not in (0, None), (bad, error)
        assert put(g, t, folder(b"t", folder(b"link", file(b"x", b"x"))) + END)[0] in (20, 40, 17)
        assert put(g, t, folder(b"t", file(b"link", b"x")) + END)[0] == 17
        assert put(g, t, folder(b"t", file(b"fifo", b"x")) + END)[0] == 17
        assert put(g, t, folder(b"t", link(b"link", b"other")) + END)[0] == 0 and os.readlink(t + "/link") == "other"
        assert os.listdir(g.dir + "/outside") == [] and os.listdir(t) == ["link", "fifo"] or set(os.listdir(t)) == {"link", "fifo"}
        assert put(g, t, folder(b"t") + folder(b"u") + END)[0] not in (0, None)
        assert put(g, t, entry(b"D", b"t") + END)[0] not in (0, None)
        deep = entry(b"D", b"d") * 300
        assert put(g, g.dir + "/deep", deep + b"U" * 300 + END)[0] == 40
        assert g.conn().run(["true"]).code == 0


def test_put_that_breaks_off(binary):
    with Guest(binary) as g:
        c = open_raw(g, b"\3" + text(g.dir + "/f") + text("") + b"\0", entry(b"F", b"f") + struct.pack(">Q", 1 << 40) + b"x" * 1000)
        c.close()
        assert put(g, g.dir + "/x", entry(b"D", b"x") + b"X" + struct.pack(">IH", 5, 2) + b"io")[0] == 5
        d = g.conn()
        eventually(lambda: d.run(["pgrep", "-c", "-P", str(g.process.pid)]).out == b"1\n")


def test_disk_full(binary):
    if os.getuid() != 0:
        raise Skip("needs a file system of its own")
    with Guest(binary) as g:
        d = g.dir + "/small"
        os.mkdir(d)
        assert os.system(f"mount -t tmpfs -o size=1m none {d}") == 0
        try:
            for size in (3 << 20, 100 << 20):
                t = time.time()
                error, why = put(g, d + "/f", file(b"f", bytes(size)) + END)
                assert error == 28 and "space" in why and not os.listdir(d), (error, why)
                assert time.time() - t < 5
        finally:
            os.system(f"umount {d}")


def test_users_of_transfers(binary):
    if os.getuid() != 0:
        raise Skip("needs root")
    with Guest(binary) as g:
        assert put(g, g.dir + "/f", file(b"f", b"secret", 0o600) + END, user="nobody")[0] == 0
        assert os.stat(g.dir + "/f").st_uid == 65534
        assert put(g, g.dir + "/f2", file(b"f", b"secret", 0o600) + END, user="nosuch")[0] == 2
        os.chown(g.dir + "/f", 0, 0)
        assert get(g, g.dir + "/f", user="nobody") == 13
        os.mkdir(g.dir + "/d")
        open(g.dir + "/d/secret", "w").close()
        os.chmod(g.dir + "/d/secret", 0)
        assert get(g, g.dir + "/d", user="nobody").entries[1] == ("S", b"d/secret", 4)


def test_get_targets(binary):
    with Guest(binary) as g:
        open(g.dir + "/f", "w").write("x")
        os.symlink("f", g.dir + "/l")
        assert get(g, g.dir + "/nope") == 2
        assert get(g, g.dir + "/l").entries[0][::4] == ("L", b"f")
        assert get(g, g.dir + "/l", flags=1).entries[0][:2] == ("F", b"l")
        os.mkfifo(g.dir + "/fifo")
        assert get(g, g.dir + "/fifo").entries == [("S", b"fifo", 1)]
        assert get(g, "/dev/null").entries == [("S", b"null", 3)]
        assert get(g, "/proc/self/status").entries[0][4] == b""  # says its size is 0


def test_file_that_changes_while_it_is_sent(binary):
    with Guest(binary) as g:
        size = 64 << 20
        with open(g.dir + "/f", "wb") as f:
            f.truncate(size)
        c = open_raw(g, b"\4" + text(g.dir + "/f") + text("") + b"\0")
        c.need(1000, 5)
        os.truncate(g.dir + "/f", 1 << 20)
        s = Stream(rest(c))
        assert len(s.entries[0][4]) == size and s.entries[0][5] == 1 and s.errno == 0


def test_a_gigabyte_both_ways(binary):
    if "asan" in binary:
        raise Skip("once is enough")
    with Guest(binary) as g:
        size, block = 1 << 30, os.urandom(1 << 20)
        memory = os.statvfs("/dev/shm")  # so that it is not a test of the disk
        path = (tempfile.mkdtemp(dir="/dev/shm") if memory.f_bavail * memory.f_frsize > 2 * size else g.dir) + "/big"
        c = open_raw(g, b"\3" + text(path) + text("") + b"\0", entry(b"F", b"f") + struct.pack(">Q", size))
        h = hashlib.blake2b()
        for i in range(1024):
            piece = block[i:] + block[:i]
            h.update(piece)
            c.send(piece)
        c.send(b"\0" + END)
        assert rest(c) == END
        c.close()
        c = open_raw(g, b"\4" + text(path) + text("") + b"\0")
        k, buf, n = hashlib.blake2b(), bytearray(1 << 20), 0
        head = len(entry(b"F", b"big")) + 8
        c.need(head, 5)
        first = bytes(c.buf[c.pos + head :])
        k.update(first)
        n = len(first)
        while n < size:
            r = c.s.recv_into(buf, min(len(buf), size - n))
            k.update(memoryview(buf)[:r])
            n += r
        os.unlink(path)
        if path.startswith("/dev/shm"):
            os.rmdir(os.path.dirname(path))
        assert k.digest() == h.digest()


def echo_server(half_close=True):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen()

    def serve():
        while True:
            try:
                a, _ = s.accept()
            except OSError:
                return
            data = b""
            while True:
                x = a.recv(65536)
                if not x:
                    break
                data += x
            a.sendall(b"got %d " % len(data) + hashlib.md5(data).hexdigest().encode())
            a.close()

    threading.Thread(target=serve, daemon=True).start()
    return s


def test_connect(binary):
    with Guest(binary) as g:
        server = echo_server()
        port = server.getsockname()[1]
        for address in ("127.0.0.1", "localhost"):
            data = os.urandom(1000000)
            c = open_raw(g, b"\1" + text(address) + struct.pack(">H", port), data[:70000])
            assert c.errno == 0
            c.send(data[70000:])
            c.s.shutdown(socket.SHUT_WR)
            assert rest(c) == b"got 1000000 " + hashlib.md5(data).hexdigest().encode()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for address, p, errno in (("127.0.0.1", port, 111), ("localhost", port, 111), ("example.org", 80, 22), ("/nope", 0, 2)):
            assert open_raw(g, b"\1" + text(address) + struct.pack(">H", p)).errno == errno, address
        c = open_raw(g, b"\1" + text(g.address) + struct.pack(">H", 0))  # itself, by its Unix socket
        c.hello()
        assert c.run(["echo", "nested"]).out == b"nested\n"


def test_relay_ends(binary):
    with Guest(binary) as g:
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        s.listen()
        c = open_raw(g, b"\1" + text("127.0.0.1") + struct.pack(">H", s.getsockname()[1]))
        a, _ = s.accept()
        a.sendall(b"first")
        a.shutdown(socket.SHUT_WR)
        assert rest(c) == b"first"
        c.send(b"still open")
        assert a.recv(100) == b"still open"
        c.close()
        a.settimeout(5)
        assert a.recv(100) == b""
        d = g.conn()
        eventually(lambda: d.run(["pgrep", "-c", "-P", str(g.process.pid)]).out == b"1\n")


def test_listen(binary):
    with Guest(binary) as g:
        c = g.conn()

        def listen(conn, id, port, first=0, last=0):
            conn.send(frame(0x0F, struct.pack(">Q", id) + text("127.0.0.1") + struct.pack(">HHH", port, first, last)))
            i, error, got = struct.unpack(">QIH", conn.expect(0x8A))
            assert i == id
            return error, got

        error, port = listen(c, 7, 0)
        assert error == 0 and port
        a = socket.create_connection(("127.0.0.1", port))
        listener, id = struct.unpack(">QQ", c.expect(0x8B))
        assert listener == 7
        r = open_raw(g, b"\2" + struct.pack(">Q", id), b"early ")
        assert r.errno == 0
        r.send(b"bytes")
        r.s.shutdown(socket.SHUT_WR)
        got = b""
        while x := a.recv(100):
            got += x
        assert got == b"early bytes"
        a.sendall(b"answer")
        a.close()
        assert rest(r) == b"answer"
        assert open_raw(g, b"\2" + struct.pack(">Q", id)).errno == 2
        error, second = listen(c, 8, port, port, port + 50)
        assert error == 0 and second != port
        c.close()
        d = g.conn()
        a = socket.create_connection(("127.0.0.1", port))  # waits for the host to come back
        assert listen(d, 7, 0) == (0, port)
        assert struct.unpack(">QQ", d.expect(0x8B))[0] == 7
        d.send(frame(0x10, struct.pack(">Q", 7)))
        d.list()
        try:
            socket.create_connection(("127.0.0.1", port))
            raise AssertionError("still listening")
        except ConnectionRefusedError:
            pass
        d.send(frame(0x0F, struct.pack(">Q", 9) + text("not an address") + struct.pack(">HHH", 0, 0, 0)))
        assert struct.unpack(">QIH", d.expect(0x8A))[1] == 22
        many = [socket.create_connection(("127.0.0.1", second)) for _ in range(3)]
        assert listen(d, 8, 0)[1] == second
        for _ in range(3):
            d.expect(0x8B)


def test_raw_connections_are_bounded(binary):
    with Guest(binary) as g:
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        s.listen(300)
        held = []
        for i in range(256):
            c = open_raw(g, b"\1" + text("127.0.0.1") + struct.pack(">H", s.getsockname()[1]))
            assert c.errno == 0
            held.append(c)
        assert open_raw(g, b"\1" + text("127.0.0.1") + struct.pack(">H", s.getsockname()[1])).errno == 11
        for c in held:
            c.close()
        d = g.conn()
        s.close()
        eventually(lambda: d.run(["pgrep", "-c", "-P", str(g.process.pid)]).out == b"1\n", 15)
