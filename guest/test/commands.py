"""Commands: starting, output, input, ends, reattaching."""
import os, signal, socket, struct, time
from client import *


def test_exit_codes_and_output(binary):
    with Guest(binary) as g:
        c = g.conn()
        for code in (0, 1, 125, 126, 127, 255):
            e = c.run(["sh", "-c", f"exit {code}"])
            assert (e.how, e.code, e.cause) == (0, code, 0), e
        e = c.run(["sh", "-c", "printf out; printf err >&2; kill -TERM $$"])
        assert (e.how, e.code, e.out, e.err, e.out_bytes, e.err_bytes) == (1, 15, b"out", b"err", 3, 3), e
        assert e.wall > 0 and e.rss > 0
        e = c.run(["sh", "-c", "echo a; echo b >&2; echo c"], flags=TAKE | MERGE)
        assert (e.out, e.err) == (b"a\nb\nc\n", b"")
        e = c.run(["sh", "-c", "cat; exit 4"])  # without STDIN it is /dev/null
        assert e.code == 4 and e.out == b""


def test_failed_starts_are_typed(binary):
    with Guest(binary) as g:
        c = g.conn()
        for kw, stage, errno in (
            (dict(argv=["/nope"]), 5, 2), (dict(argv=["nope"]), 5, 2), (dict(argv=["/etc/passwd"]), 5, 13), (dict(argv=["/etc"]), 5, 13),
            (dict(argv=[""]), 5, 2), (dict(argv=["true"], cwd="/nope"), 3, 2), (dict(argv=["true"], cwd="/etc/passwd"), 3, 20),
            (dict(argv=["true"], user="no-such-user"), 2, 2), (dict(argv=["true"], user=":"), 2, 2),
        ):
            e = c.run(**kw)
            assert (e.how, e.stage, e.code, e.started) == (2, stage, errno, False) and e.what, (kw, e, e.stage)


def test_environment_and_folder(binary):
    with Guest(binary, "--cwd", "/usr", env={"PATH": os.environ["PATH"], "GONE": "1", "STAYS": "2", "HOME": "/h"}) as g:
        c = g.conn()
        e = c.run(["env"], env=["A=b=c", "GONE", "EMPTY=", "A=d"])
        lines = e.out.decode().split("\n")
        assert {"STAYS=2", "A=d", "EMPTY=", "HOME=/h"} <= set(lines) and not [l for l in lines if l.startswith(("GONE", "A=b"))], e.out
        assert c.run(["pwd"]).out == b"/usr\n" and c.run(["pwd"], cwd="/tmp").out == b"/tmp\n"
        e = c.run(["my-own"], env=["PATH=/nope:/tmp"])
        assert e.stage == 5
        assert c.run(["true"], env=["PATH=/bin"]).how == 0
        assert c.run(["sh", "-c", "echo $HOME"], env=["HOME"]).out != b"/h\n"
    with Guest(binary, "--cwd", "/nope", env={}) as g:
        assert g.conn().run(["pwd"]).out == b"/\n"


def test_clean_start_of_commands(binary):
    with Guest(binary) as g:
        c = g.conn()
        e = c.run(["sh", "-c", "ls /proc/self/fd | wc -l; grep -E 'Sig(Blk|Ign|Cgt)|Shd' /proc/self/status; ulimit -Sn"])
        lines = e.out.decode().split("\n")
        assert lines[0] == "4", e.out  # three and the one of ls
        for l in lines[1:]:
            if l.startswith(("SigBlk", "SigIgn")):
                assert int(l.split()[1], 16) == 0, l
        import resource
        assert lines[-2] == str(resource.getrlimit(resource.RLIMIT_NOFILE)[0]), e.out
        pid, session = c.run(["sh", "-c", "cut -d' ' -f 1,6 /proc/$$/stat"]).out.split()
        assert pid == session


def test_limits_of_commands(binary):
    with Guest(binary, "--memory", str(1 << 30), "--cpus", "1") as g:
        e = g.conn().run(["sh", "-c", "ulimit -v; nproc"])
        assert e.out == b"1048576\n1\n", e.out


def test_many_at_once(binary):
    with Guest(binary) as g:
        c = g.conn()
        ids = {c.spawn(["sh", "-c", f"echo {i}; exit {i % 200}"]): i for i in range(200)}
        out, left = {}, set(ids)
        while left:
            kind, p = c.recv()
            if kind == 0x83:
                out[struct.unpack(">Q", p[:8])[0]] = p[17:]
            elif kind == 0x85:
                e = Exit(p)
                left.remove(e.id)
                assert e.how == 0 and e.code == ids[e.id] % 200 and out[e.id] == b"%d\n" % ids[e.id], (e, out.get(e.id))
                c.forget(e.id)
        assert c.list() == {}
        assert g.files() < 20


def test_same_id_runs_once(binary):
    with Guest(binary) as g:
        c, d, path = g.conn(), g.conn(), g.dir + "/count"
        id = new_id()
        for _ in range(5):
            c.send(spawn_frame(id, ["sh", "-c", f"echo x >> {path}; sleep 0.3; echo done"]))
        c.expect(0x82)
        d.send(spawn_frame(id, ["sh", "-c", f"echo x >> {path}"], flags=0))
        e = d.collect(id, forget=False)
        assert e.out == b"" and e.out_bytes == 5
        exits = 0
        out = b""
        while exits < 1 or not out:
            kind, p = c.recv()
            exits += kind == 0x85
            out += p[17:] if kind == 0x83 else b""
        assert out == b"done\n" and open(path).read() == "x\n"
        assert c.quiet(0.1)
        c.send(spawn_frame(id, ["false"]))  # ended and not forgotten: the same result again
        e = c.collect(id)
        assert e.out_bytes == 5 and e.code == 0
        c.attach(id)
        assert c.expect(0x86) == struct.pack(">Q", id)


def test_timeout_kills_the_whole_tree(binary):
    with Guest(binary) as g:
        c, m = g.conn(), marker()
        script = f"""trap '' TERM; echo partial
        setsid sh -c "trap '' TERM; sleep {m}" & (setsid sh -c "trap '' TERM; sleep {m} & sleep {m}" & )
        python3 -c "import os,time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
time.sleep({m})" &
        while :; do sleep {m}; done"""
        t = time.time()
        id = c.spawn(["sh", "-c", script], timeout=700, grace=300)
        e = c.collect(id, timeout=60)
        assert (e.how, e.code, e.cause, e.out) == (1, 9, 1, b"partial\n"), e
        assert 0.9 < time.time() - t < 8
        assert not alive(m.encode())
        e = c.run(["sh", "-c", "trap 'echo bye; exit 7' TERM; while :; do sleep 0.05; done"], timeout=300, grace=5000)
        assert (e.how, e.code, e.cause, e.out) == (0, 7, 1, b"bye\n"), e


def test_leader_ends_and_others_live_on(binary):
    with Guest(binary) as g:
        c, m = g.conn(), marker()
        t = time.time()
        e = c.run(["sh", "-c", f"(setsid sh -c 'echo late; sleep {m}' &) ; sleep {m} & echo now; exit 3"])
        assert e.code == 3 and b"now" in e.out and time.time() - t < 5
        # One that is just being executed has no command line for a moment.
        eventually(lambda: len(alive(m.encode())) >= 2)
        assert c.run(["true"]).code == 0
        g.stop()
        eventually(lambda: not alive(m.encode()))


def test_whole(binary):
    with Guest(binary) as g:
        c, m = g.conn(), marker()
        for i in range(20):
            script = f"(setsid sh -c 'trap \"\" TERM; sleep {m}' &) ; sleep {m} & sh -c 'setsid sleep {m} & :' ; echo now; exit 3"
            id = c.spawn(["sh", "-c", script], flags=TAKE | WHOLE)
            e = c.collect(id)
            assert (e.how, e.code, e.cause, e.out) == (0, 3, 0, b"now\n"), e
            assert not alive(m.encode())
        e = c.collect(c.spawn(["true"], flags=TAKE | WHOLE))
        assert (e.how, e.code, e.cause) == (0, 0, 0), e


def test_terminate_and_signals(binary):
    with Guest(binary) as g:
        c, m = g.conn(), marker()
        id = c.spawn(["sh", "-c", f"sleep {m} & sleep {m}"])
        c.expect(0x82)
        c.terminate(id)
        e = c.collect_rest(id)
        assert (e.how, e.code, e.cause) == (1, 9, 2) and not alive(m.encode())
        for scope in (0, 1, 2):
            id = c.spawn(["sh", "-c", f"trap 'exit 42' USR1; echo go; while :; do sleep 0.02; done"])
            c.expect(0x82), c.expect(0x83)
            c.signal(id, signal.SIGUSR1, scope)
            e = c.collect_rest(id)
            assert e.how == 0 and e.code == 42 and e.cause == 0, (scope, e)
        id = new_id()
        c.signal(id, 15), c.terminate(id)
        assert c.expect(0x86) == c.expect(0x86) == struct.pack(">Q", id)


def test_supervisor_killed(binary):
    with Guest(binary) as g:
        c, m = g.conn(), marker()
        e = c.run(["sh", "-c", f"sleep 0.3; kill -9 $PPID; sleep {m}"])
        assert e.how == 3 and e.what, e
        eventually(lambda: not alive(m.encode()))
        assert c.run(["true"]).code == 0


def test_flood_with_slow_reader(binary):
    with Guest(binary) as g:
        c = g.conn()
        id = c.spawn(["sh", "-c", "exec yes"], window=65536)
        total = 0
        c.expect(0x82)
        while total < 65536:
            total += len(c.expect(0x83)) - 17
        assert total == 65536 and c.quiet(0.3)
        before = open(f"/proc/{struct.unpack('>Q', struct.pack('>Q', id))[0] and c.list()[id][1]}/stat").read().split()[13:15]
        time.sleep(0.3)
        assert before == open(f"/proc/{c.list()[id][1]}/stat").read().split()[13:15]  # it is stopped, not spinning
        c.consumed(id, 1, 10)
        p = c.expect(0x83)
        assert len(p) - 17 == 10
        if "asan" not in binary:
            assert g.rss_kib() < 1500, g.rss_kib()
        c.terminate(id)


def test_unread_connection_keeps_memory_bounded(binary):
    with Guest(binary) as g:
        c, d = g.conn(), g.conn()
        ids = [c.spawn(["sh", "-c", "exec yes"], window=1 << 20) for _ in range(4)]
        time.sleep(1)  # c does not read at all
        rss = g.rss_kib()
        if "asan" not in binary:
            assert rss < 4 * 1400 + 2000, rss
        assert d.run(["echo", "quick"]).out == b"quick\n"
        for _ in range(5000):  # answers that are not read: the guest stops reading instead of piling them up
            try:
                c.s.settimeout(0.2)
                c.send(frame(0x0A, struct.pack(">QBQI", ids[0], 1, 0, 65536)))
            except OSError:
                break
        if "asan" not in binary:
            assert g.rss_kib() < 4 * 1400 + 5000, g.rss_kib()
        for id in ids:
            d.terminate(id)
        d.close(), c.close()


def test_resume_loses_and_doubles_nothing(binary):
    with Guest(binary) as g:
        id, got, total = new_id(), bytearray(), 3000000
        c = g.conn()
        c.send(spawn_frame(id, ["sh", "-c", f"seq 1 {total} | head -c {total}; exit 9"], window=50000))
        expected = b"".join(b"%d\n" % i for i in range(1, 500000))[:total]
        drops = 0
        while True:
            kind, p = c.recv()
            if kind == 0x83:
                off = struct.unpack(">Q", p[9:17])[0]
                assert off == len(got), (off, len(got))
                got += p[17:]
                c.consumed(id, 1, max(0, len(got) - random.randrange(0, 30000)))
                if (len(got) > (drops + 1) * total // 12 or random.random() < 0.1) and drops < 25:
                    drops += 1
                    c.close()
                    c = g.conn()
                    c.attach(id, 1, len(got), 0)
                elif drops % 5 == 0:
                    c.consumed(id, 1, len(got))
                if c.quiet(0.02):
                    c.consumed(id, 1, len(got))
            elif kind == 0x85:
                break
        assert Exit(p).code == 9 and got == expected and drops > 5, (len(got), drops)


def test_takeover_and_giving_up(binary):
    with Guest(binary) as g:
        c, d = g.conn(), g.conn()
        id = c.spawn(["sh", "-c", "echo one; read x; echo two; read x; echo three"], flags=STDIN | TAKE)
        c.expect(0x82)
        assert c.expect(0x83)[17:] == b"one\n"
        d.attach(id, 1, 4, 0)
        assert d.expect(0x82) and d.expect(0x84)
        assert c.expect(0x87) == struct.pack(">Q", id)
        d.input(id, 0, b"\n")
        got = sorted([d.recv(), d.recv()])
        assert got[0][0] == 0x83 and got[0][1][17:] == b"two\n" and got[1][0] == 0x84, got
        d.attach(id, 0)  # gives it up
        d.expect(0x82), d.expect(0x84)
        d.input(id, 1, b"\n", 1)
        frames = [d.recv(), d.recv()]
        assert sorted(k for k, _ in frames) == [0x84, 0x85], frames
        assert Exit(c.expect(0x85)).out_bytes == 14
        d.attach(id, 1, 8, 0)
        e = d.collect(id)
        assert e.out == b"three\n" and e.start == {1: 8}


def test_keep_replays_the_last_window(binary):
    with Guest(binary) as g:
        c = g.conn()
        id = c.spawn(["sh", "-c", "seq 1 20000; echo END; sleep 0.5; exit 5"], flags=KEEP | TAKE, window=8192)
        e = c.collect(id, forget=False)
        everything = e.out
        c.attach(id, 1, 0, 0)
        e = c.collect(id, forget=False, consume=False)
        assert e.out == everything[-8192:] and e.start[1] == len(everything) - 8192 and e.code == 5, e
        c.attach(id, 1, len(everything) - 4, 0)
        assert c.collect(id).out == b"END\n"
        # Nobody listens: the oldest bytes go, and the command is not held up.
        id = c.spawn(["sh", "-c", "seq 1 200000; echo END"], flags=KEEP, window=4096)
        e = c.collect(id, forget=False)
        assert e.out_bytes == sum(len(str(i)) + 1 for i in range(1, 200001)) + 4
        c.send(frame(0x0A, struct.pack(">QBQI", id, 1, 0, 100)))
        p = c.expect(0x83)
        assert p[8] == 0x11 and struct.unpack(">Q", p[9:17])[0] == e.out_bytes - 4096 and len(p) == 117
        c.send(frame(0x0A, struct.pack(">QBQI", id, 1, e.out_bytes, 100)))
        assert len(c.expect(0x83)) == 17
        c.attach(id, 1, 0, 0)
        assert c.collect(id).out.endswith(b"200000\nEND\n")


def test_kept_records_are_bounded(binary):
    with Guest(binary) as g:
        c = g.conn()
        for i in range(270):
            c.collect(c.spawn(["true"], flags=KEEP), forget=False)
        assert len(c.list()) == 256


def test_linger(binary):
    with Guest(binary) as g:
        c, d, m = g.conn(), g.conn(), marker()
        id = c.spawn(["sleep", m], linger=300)
        stays = c.spawn(["sleep", m + "1"], linger=300, flags=KEEP | TAKE)
        again = c.spawn(["sleep", m + "2"], linger=1500)
        c.expect(0x82), c.expect(0x82), c.expect(0x82)
        c.close()
        d.attach(again)
        d.expect(0x82)
        eventually(lambda: id not in d.list())
        assert not [p for p in alive(m.encode()) if open(f"/proc/{p}/cmdline", "rb").read().endswith(m.encode() + b"\0")]
        assert set(d.list()) == {stays, again}
        time.sleep(1.6)
        assert set(d.list()) == {stays, again}


def test_input(binary):
    with Guest(binary) as g:
        c = g.conn()
        id = c.spawn(["sh", "-c", "cat; echo done"], flags=STDIN | TAKE)
        c.input(id, 0, b"hello "), c.input(id, 0, b"hello wor"), c.input(id, 6, b"world", 1), c.input(id, 6, b"world", 1)
        e = c.collect(id)
        assert e.out == b"hello worlddone\n", e.out
        # A command that reads nothing: what it does not take is held, and no more than the window is accepted.
        id = c.spawn(["sleep", "30"], flags=STDIN | TAKE)
        c.expect(0x82)
        sent, taken = 0, 0
        while sent < taken + 262144:
            c.input(id, sent, b"x" * 65536)
            sent += 65536
            taken = struct.unpack(">QQB", c.expect(0x84))[1]
        assert 0 < taken < sent
        c.terminate(id)
        # A command that closes its input.
        id = c.spawn(["sh", "-c", "exec 0<&-; echo closed; sleep 1"], flags=STDIN | TAKE)
        c.buf, c.pos = bytearray(), 0
        while c.recv()[0] != 0x83:
            pass
        c.input(id, 0, b"x" * 1000)
        while True:
            kind, p = c.recv()
            if kind == 0x84 and struct.unpack(">QQB", p)[0] == id:
                break
        assert p[16] == 1


def test_big_input_echoed(binary):
    with Guest(binary) as g:
        c = g.conn()
        data, sent, taken, got = os.urandom(3000000), 0, 0, bytearray()
        id = c.spawn(["cat"], flags=STDIN | TAKE, window=20000)
        while True:
            while sent < len(data) and sent + 60000 < taken + 262144:
                piece = data[sent : sent + 60000]
                c.input(id, sent, piece, int(sent + len(piece) == len(data)))
                sent += len(piece)
            kind, p = c.recv()
            if kind == 0x84:
                taken = struct.unpack(">QQB", p)[1]
            elif kind == 0x83:
                got += p[17:]
                c.consumed(id, 1, len(got))
            elif kind == 0x85:
                break
        assert got == data


def test_terminal(binary):
    with Guest(binary) as g:
        c = g.conn()
        id = c.spawn(["sh", "-c", "stty size; trap 'stty size; exit 6' WINCH; echo ready; while :; do sleep 0.05; done"], flags=TTY | TAKE, rows=30, cols=100)
        c.expect(0x82)
        out = b""
        while b"ready" not in out:
            out += c.expect(0x83)[17:]
        assert out.startswith(b"30 100\r\n"), out
        c.send(frame(0x08, struct.pack(">QHH", id, 55, 66)))
        e = c.collect_rest(id)
        assert e.code == 6 and b"55 66" in e.out, (e, e.out)
        id = c.spawn(["sh", "-c", "tty; echo up; exec sleep 30"], flags=TTY | TAKE)
        c.expect(0x82)
        while b"up" not in c.expect(0x83):
            pass
        c.input(id, 0, b"\x03")
        e = c.collect_rest(id)
        assert e.how == 1 and e.code == 2, e
        id = c.spawn(["sh", "-c", "echo up; exec sleep 30"], flags=TTY | TAKE)
        c.expect(0x82)
        while b"up" not in c.expect(0x83):
            pass
        c.signal(id, signal.SIGINT, 1)
        assert c.collect_rest(id).code == 2
        id = c.spawn(["sh", "-c", "stty -echo; cat > /dev/null; echo ended"], flags=TTY | TAKE)
        c.input(id, 0, b"no newline", 1)
        assert c.collect(id).out.endswith(b"ended\r\n")
        e = c.run(["sh", "-c", "seq 1 5000"], flags=TTY | TAKE)
        assert e.out.count(b"\n") == 5000 and e.err == b"" and e.out_bytes == len(e.out)


def test_list(binary):
    with Guest(binary) as g:
        c, m = g.conn(), marker()
        a = c.collect(c.spawn(["true"], flags=TAKE), forget=False).id
        b = c.spawn(["sleep", m], flags=KEEP | TAKE)
        c.expect(0x82)
        rows = c.list()
        assert rows[a][0] == 1 and rows[a][4] == b"true" and rows[b][0] == 0 and rows[b][2] == KEEP | TAKE and rows[b][4] == b"sleep"
        eventually(lambda: m.encode() in open(f"/proc/{rows[b][1]}/cmdline", "rb").read())
        c.forget(a), c.forget(b)
        assert set(c.list()) == {b}
        long = c.spawn(["/" + "x" * 1000])
        c.collect(long, forget=False)
        assert len(c.list()[long][4]) == 256


def test_users(binary):
    with Guest(binary) as g:
        c = g.conn()
        if os.getuid() == 0:
            assert c.users == 2
            assert c.run(["id", "-un"], user="nobody").out == b"nobody\n"
            e = c.run(["sh", "-c", "id -u; id -g; echo $HOME"], user="12345:daemon")
            assert e.out == b"12345\n1\n/\n", e.out
    if os.getuid() != 0:
        raise Skip("only root can start guests as others")
    with Guest(binary, user=65534) as g:
        c = g.conn()
        if c.users == 1:
            e = c.run(["sh", "-c", "id -u; id -g; echo $HOME"], user="root")
            assert e.out == b"0\n0\n/root\n", (e, e.out)
            e = c.run(["sh", "-c", "id -u; id -g"], user="1234:5678")
            assert e.out == b"1234\n5678\n", (e, e.out)
            e = c.run(["sleep", "30"], user="root", timeout=200, grace=100)
            assert e.cause == 1 and e.how == 1
    with Guest(binary, "--no-map", user=65534) as g:
        c = g.conn()
        assert c.users == 0 and c.run(["true"], user="nobody").how == 0
        e = c.run(["true"], user="root")
        assert (e.how, e.stage) == (2, 2), e


def test_fork_bomb(binary):
    if os.getuid() != 0:
        raise Skip("needs a user of its own for its limit of processes")
    m = marker()
    uid = random.randrange(200000, 900000)
    with Guest(binary, user=uid) as g:
        c = g.conn()
        e = c.run(["bash", "-c", f"ulimit -u 300; : {m}; b() {{ b {m} | b {m} & }}; b; while :; do b; sleep 0.01; done"], timeout=1200, grace=100)
        assert e.cause == 1 and e.how == 1, e
        time.sleep(0.2)
        left = [p for p in os.listdir("/proc") if p.isdigit() and p != str(g.process.pid) and owner(p) == uid]
        assert not left, left
        assert c.run(["true"]).code == 0


def owner(pid):
    try:
        return os.stat(f"/proc/{pid}").st_uid if "Z" not in open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] else None
    except OSError:
        return None


def test_another_host_learns_how_much_input_the_guest_has(binary):
    """More than a pipe holds: what the guest has and what the command has taken are two numbers, and only the first says where to go on."""
    with Guest(binary) as g:
        gate = g.dir + "/gate"
        c = g.conn()
        id = c.spawn(["sh", "-c", f"until [ -e {gate} ]; do sleep 0.02; done; exec cat"], flags=STDIN | KEEP)
        assert struct.unpack(">QIQ", c.expect(0x82))[2] == 0
        sent = os.urandom(200000)
        for at in range(0, len(sent), 50000):
            c.input(id, at, sent[at : at + 50000])
        for _ in range(4):
            taken = struct.unpack(">QQB", c.expect(0x84))[1]
        assert taken < len(sent), taken
        c.close()
        d = g.conn()
        d.attach(id)
        assert struct.unpack(">QIQ", d.expect(0x82))[2] == len(sent)
        d.input(id, len(sent), b"and on", end=1)
        open(gate, "w").close()
        e = d.collect(id, started=True)
        assert e.code == 0 and e.out == sent + b"and on", (e, len(e.out))
