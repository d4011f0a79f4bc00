"""What runs on the host's side: launch and remove."""
import contextlib, signal, os, socket, stat, subprocess, sys, tempfile, time
from client import *


def test_launch(binary):
    d = tempfile.mkdtemp()
    p = subprocess.Popen([binary, "launch", d + "/s", d + "/log", "--", "sh", "-c", f"echo started; exec {binary} serve --fd 3 --lease 2000"])
    eventually(lambda: os.path.exists(d + "/log") and b"started" in open(d + "/log", "rb").read())
    assert stat.S_IMODE(os.stat(d + "/s").st_mode) == 0o600 == stat.S_IMODE(os.stat(d + "/log").st_mode)
    c = Conn(d + "/s")
    if os.getuid() == 0:
        assert os.readlink(f"/proc/{c.pid}/fd/0") == "/dev/null"
    again = subprocess.run([binary, "launch", d + "/s", d + "/log", "--", "true"], capture_output=True)
    assert again.returncode == 127 and again.stderr.count(b"\n") == 1 and os.path.exists(d + "/s")
    c.send(frame(0x0E, b"\0\0\0\0"))
    assert p.wait(10) == 0
    for args in ([d + "/t", d + "/log", "--", "/no/such/command"], [d + "/no/t", d + "/log", "--", "true"], [d + "/" + "x" * 200, d + "/log", "--", "true"], ["x"]):
        r = subprocess.run([binary, "launch", *args], capture_output=True)
        assert r.returncode == 127 and r.stderr.count(b"\n") == 1, r
        assert not os.path.exists(d + "/t")


def test_launch_ends_what_its_guardian_cannot(binary):
    """Guest and guardian are killed at one blow; what they leave on the host ends all the same, and the keeper last."""
    d = tempfile.mkdtemp()
    mark = marker()
    assert subprocess.run([binary, "launch", "--detach", d + "/s", d + "/log", "--", binary, "serve", "--fd", "3", "--guardian", "--tag", mark]).returncode == 0
    c = Conn(d + "/s")
    c.spawn(["sh", "-c", f"setsid sleep {mark} & sleep {mark} & wait"])
    c.expect(0x82)
    keeper = int(open(f"/proc/{os.path.basename(str(c.pid))}/status").read().split("PPid:")[1].split()[0])
    keeper = int(open(f"/proc/{keeper}/status").read().split("PPid:")[1].split()[0])
    assert open(f"/proc/{keeper}/cmdline", "rb").read().startswith(b"berth-guest keep\0")
    for pid in alive(b"--tag\0" + mark.encode()):
        with contextlib.suppress(ProcessLookupError):  # it may end with one that was killed before
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: not alive(mark.encode()), 15)
    eventually(lambda: keeper not in alive(b"berth-guest keep"))


def test_launch_gives_up_with_its_caller(binary):
    d = tempfile.mkdtemp()
    mark = marker()
    p = subprocess.Popen([binary, "launch", d + "/s", d + "/log", "--", "sleep", mark])
    eventually(lambda: [l for l in alive(b"sleep\0" + mark.encode()) if l != p.pid])
    p.kill()
    p.wait()
    eventually(lambda: not alive(mark.encode()))
    for code in (0, 7, 127):
        assert subprocess.run([binary, "launch", d + f"/s{code}", d + "/log", "--", "sh", "-c", f"exit {code}"]).returncode == code


def test_command_line(binary):
    run = lambda *a: subprocess.run([binary, *a], capture_output=True, stdin=subprocess.DEVNULL)
    assert run("version").stdout.startswith(b"berth-guest ")
    for a in ((), ("nope",), ("serve",), ("serve", "--fd"), ("serve", "--fd", "x"), ("serve", "--what", "1", "--fd", "0"), ("serve", "--tcp", "nowhere"), ("serve", "--fd", "0", "--lease", "-1")):
        assert run(*a).returncode == 2, a
    assert run("serve", "--fd", "0").returncode == 1


def test_remove(binary):
    d = tempfile.mkdtemp()
    t = d + "/t"
    os.makedirs(t + "/a/b/c")
    os.mkdir(d + "/outside")
    open(d + "/outside/f", "w").close()
    os.symlink("../outside", t + "/link")
    os.mkfifo(t + "/a/fifo")
    open(t + "/a/b/f", "w").close()
    overlay = os.path.join("", "work", "work")  # as fuse and kernel overlays leave it
    os.makedirs(os.path.join(t, overlay, "x"))
    for path, mode in (("a/b", 0o555), (overlay, 0), ("a", 0o100)):
        os.chmod(os.path.join(t, path), mode)
    at = os.open(t, os.O_RDONLY)
    for i in range(700):
        os.mkdir("d" * 100, dir_fd=at)
        nxt = os.open("d" * 100, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = nxt
    os.close(at)
    prefix = []
    if os.getuid() == 0:
        os.system(f"chown -hR 65534:65534 {d}; chmod 755 {d}")
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    r = subprocess.run([*prefix, binary, "remove", t, d + "/never"], capture_output=True)
    assert r.returncode == 0 and not r.stderr, r
    assert not os.path.lexists(t) and os.listdir(d + "/outside") == ["f"]
    os.symlink("outside", d + "/l")
    r = subprocess.run([binary, "remove", d + "/l"], capture_output=True)
    assert r.returncode == 0 and not os.path.lexists(d + "/l") and os.listdir(d + "/outside") == ["f"]
    if prefix:
        r = subprocess.run([*prefix, binary, "remove", "/root/nope", "/etc/passwd", "/etc/apt"], capture_output=True)
        assert r.returncode == 1 and r.stderr.count(b"\n") == 3, r
        assert os.path.exists("/etc/passwd") and os.listdir("/etc/apt")


def test_remove_does_not_cross_mounts(binary):
    if os.getuid() != 0:
        raise Skip("needs a mount")
    d = tempfile.mkdtemp()
    os.makedirs(d + "/t/m")
    assert os.system(f"mount -t tmpfs none {d}/t/m") == 0
    try:
        open(d + "/t/m/f", "w").close()
        r = subprocess.run([binary, "remove", d + "/t"], capture_output=True)
        assert r.returncode == 1 and os.listdir(d + "/t/m") == ["f"], r
    finally:
        os.system(f"umount {d}/t/m")
    assert subprocess.run([binary, "remove", d]).returncode == 0


def test_remove_files_of_subordinate_ids(binary):
    user = "berth-tester"
    if os.getuid() != 0 or os.system(f"grep -q ^{user}: /etc/subuid && command -v newuidmap > /dev/null"):
        raise Skip(f"needs root, newuidmap and a user {user} with subordinate ids")
    base = int([l.split(":")[1] for l in open("/etc/subuid") if l.startswith(user + ":")][0])
    d = tempfile.mkdtemp()
    os.makedirs(d + "/t/x/y")
    open(d + "/t/x/y/f", "w").close()
    os.system(f"chown -R {user}:{user} {d}; chown -R {base + 5}:{base + 6} {d}/t/x; chmod 000 {d}/t/x/y")
    r = subprocess.run(["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", binary, "remove", d + "/t"], capture_output=True)
    assert r.returncode == 0 and not os.path.exists(d + "/t"), r
    os.rmdir(d)
