"""Lease, time to live, idleness, shutdown, and the guest's own death."""
import os, signal, socket, struct, subprocess, time
from client import *


def limits(c, lease=-1, ttl=-1, idle=-1):
    c.send(frame(0x0C, struct.pack(">qqq", lease, ttl, idle)))


def gone(g, within):
    g.process.wait(within)
    assert not os.path.exists(g.address)
    return g.process.returncode


def test_lease(binary):
    with Guest(binary, "--lease", "600") as g:
        c, m = g.conn(), marker()
        c.spawn(["sh", "-c", f"trap '' TERM; setsid sleep {m} & sleep {m}; sleep {m}"], linger=10**8)
        time.sleep(1)
        assert g.process.poll() is None
        other = Conn(g.address, hello=False)  # does not count: it has not said who it is
        t = time.time()
        c.close()
        gone(g, 10)
        assert 0.5 < time.time() - t < 5 and not alive(m.encode())
    with Guest(binary, "--lease", "300") as g:  # counted from the start
        assert gone(g, 5) == 0


def test_ttl_and_change_of_limits(binary):
    with Guest(binary, "--ttl", "500") as g:
        c = g.conn()
        c.spawn(["sleep", "100"])
        t = time.time()
        assert c.expect(0x82)
        assert Exit(c.expect(0x85)).cause == 4
        assert gone(g, 5) == 0
    with Guest(binary, "--ttl", "700", "--lease", "400") as g:
        c = g.conn()
        limits(c, 0, 0, 0)
        c.run(["true"])
        c.close()
        time.sleep(1.2)
        c = g.conn()
        limits(c, ttl=200)
        assert gone(g, 5) == 0


def test_idle(binary):
    with Guest(binary, "--idle", "1500") as g:
        c = g.conn()
        c.run(["sleep", "2"])
        for _ in range(3):
            time.sleep(0.3)
            c.list()
        assert g.process.poll() is None
        t = time.time()
        while g.process.poll() is None and time.time() - t < 5:
            try:
                c.send(frame(0x0D, b"12345678"))
            except OSError:
                break
            time.sleep(0.05)
        gone(g, 5)
        assert 1 < time.time() - t < 5


def test_shutdown(binary):
    with Guest(binary) as g:
        c, d, m = g.conn(), g.conn(), marker()
        polite = c.spawn(["sh", "-c", "trap 'echo bye; exit 3' TERM; while :; do sleep 0.02; done"])
        c.expect(0x82)
        stubborn = d.spawn(["sh", "-c", f"trap '' TERM; while :; do sleep {m}; done"])
        d.expect(0x82)
        c.run(["sh", "-c", f"setsid sleep {m} > /dev/null 2>&1 &"])
        time.sleep(0.3)
        c.send(frame(0x0E, struct.pack(">I", 500)))
        e = c.collect_rest(polite)
        assert (e.how, e.code, e.cause, e.out) == (0, 3, 4, b"bye\n"), e
        c.send(spawn_frame(new_id(), ["true"]))
        k, p = c.recv()
        assert (k == 0x85 and Exit(p).how == 2) or k == 0x8F
        e = d.collect_rest(stubborn)
        assert (e.how, e.code, e.cause) == (1, 9, 4), e
        assert gone(g, 8) == 0 and not alive(m.encode())


def test_sigterm_is_shutdown(binary):
    with Guest(binary) as g:
        c, m = g.conn(), marker()
        for s in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGUSR1):
            g.process.send_signal(s)
        assert c.run(["true"]).code == 0
        c.spawn(["sleep", m])
        c.expect(0x82)
        assert g.stop() == 0 and not alive(m.encode())


def test_death_of_the_guest_ends_its_commands(binary):
    with Guest(binary) as g:
        c, m = g.conn(), marker()
        c.spawn(["sh", "-c", f"trap '' TERM; setsid sleep {m} & sleep {m}"])
        c.expect(0x82)
        eventually(lambda: len(alive(m.encode())) >= 2)
        g.process.kill()
        eventually(lambda: not alive(m.encode()))


def test_guardian(binary):
    with Guest(binary, "--guardian") as g:
        c, m = g.conn(), marker()
        assert c.pid != g.process.pid
        c.run(["sh", "-c", f"setsid sleep {m} > /dev/null 2>&1 &"])  # an orphan, below no supervisor
        eventually(lambda: alive(m.encode()))
        os.kill(c.pid, 9)
        eventually(lambda: not alive(m.encode()))
        g.process.wait(10)
    with Guest(binary, "--guardian") as g:
        assert g.conn().run(["true"]).code == 0
        assert g.stop() == 0


def test_end_init(binary):
    if os.getuid() != 0:
        raise Skip("needs a pid namespace")
    d = tempfile.mkdtemp()
    p = subprocess.Popen(["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", f"{binary} serve --socket {d}/s --lease 300 --end-init & trap 'exit 9' TERM; while :; do sleep 0.1; done"])
    assert p.wait(15) == 9


def test_parting_host_gets_rid_of_its_listener_and_all(binary):
    with Guest(binary) as g:
        for _ in range(100):
            c = g.conn()
            c.spawn(["sleep", "50"], linger=0)
            c.close()
        d = g.conn()
        eventually(lambda: not d.list(), 20)
        d.close()
        if "asan" not in binary:
            assert g.rss_kib() < 2048, g.rss_kib()
        eventually(lambda: g.files() < 20)
