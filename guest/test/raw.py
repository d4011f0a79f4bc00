"""Raw connections and tree streams, for tests."""
import struct
from client import Conn, MAGIC, VERSION, frame, text

END = b"X" + struct.pack(">IH", 0, 0)


def open_raw(guest, payload, early=b""):
    c = Conn(guest.address, hello=False)
    c.send(frame(0x01, struct.pack(">IH", MAGIC, VERSION) + text("")) + frame(0x11, payload) + early)
    assert c.recv()[0] == 0x81
    kind, p = c.recv()
    assert kind == 0x8C, kind
    c.errno = struct.unpack_from(">I", p)[0]
    return c


def rest(c):
    b = c.buf[c.pos :]
    c.buf, c.pos = bytearray(), 0
    while True:
        try:
            x = c.s.recv(1 << 20)
        except ConnectionResetError:
            return bytes(b)
        if not x:
            return bytes(b)
        b += x


def entry(kind, name, mode=0o644, mtime=(1000000, 5)):
    return kind + struct.pack(">IqIH", mode, *mtime, len(name)) + name


def file(name, data, mode=0o644, changed=0):
    return entry(b"F", name, mode) + struct.pack(">Q", len(data)) + data + bytes([changed])


def folder(name, *inside, mode=0o755):
    return entry(b"D", name, mode) + b"".join(inside) + b"U"


def link(name, target):
    return entry(b"L", name, 0o777) + struct.pack(">H", len(target)) + target


def put(guest, path, stream, user="", flags=0):
    """errno of OPENED, or of the answer, and its text."""
    c = open_raw(guest, b"\3" + text(path) + text(user) + bytes([flags]), stream if len(stream) < 100000 else b"")
    if c.errno:
        return c.errno, ""
    if len(stream) >= 100000:
        try:
            c.send(stream)
        except OSError:
            pass
    answer = rest(c)
    c.close()
    if not answer:
        return None, ""
    assert answer[:1] == b"X", answer[:50]
    error, n = struct.unpack(">IH", answer[1:7])
    assert len(answer) == 7 + n
    return error, answer[7:].decode()


class Stream:
    """Parses what GET sends into (kind, path, mode, mtime, rest) tuples."""

    def __init__(self, data):
        self.d, self.at, self.entries, path = data, 0, [], []
        while True:
            kind = self.take(1)
            if kind == b"X":
                self.errno, n = self.ints(">IH")
                self.take(n)
                assert self.at == len(data)
                return
            if kind == b"U":
                path.pop()
                continue
            if kind == b"S":
                (k, n) = self.ints(">BH")
                self.entries.append(("S", b"/".join(path + [self.take(n)]), k))
                continue
            mode, s, ns, n = self.ints(">IqIH")
            name = self.take(n)
            full = b"/".join(path + [name])
            if kind == b"D":
                path.append(name)
                self.entries.append(("D", full, mode, (s, ns)))
            elif kind == b"F":
                (size,) = self.ints(">Q")
                self.entries.append(("F", full, mode, (s, ns), self.take(size), self.take(1)[0]))
            elif kind == b"L":
                self.entries.append(("L", full, mode, (s, ns), self.take(*self.ints(">H"))))
            else:
                raise AssertionError(kind)

    def take(self, n):
        b = self.d[self.at : self.at + n]
        assert len(b) == n
        self.at += n
        return b

    def ints(self, f):
        return struct.unpack(f, self.take(struct.calcsize(f)))


def get(guest, path, user="", flags=0):
    c = open_raw(guest, b"\4" + text(path) + text(user) + bytes([flags]))
    if c.errno:
        return c.errno
    s = Stream(rest(c))
    c.close()
    return s
