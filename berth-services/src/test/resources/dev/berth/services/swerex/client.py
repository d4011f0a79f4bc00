"""The unchanged Python client of swe-rex, as SWE-agent uses it, against the server at $URL."""
import asyncio, os, sys, time, builtins, pathlib, stat, tempfile
from swerex.exceptions import *
from swerex.runtime.abstract import *
from swerex.runtime.remote import RemoteRuntime

host, _, port = os.environ["URL"].rpartition(":")
KEY = sys.stdin.readline().strip()


def runtime(key=KEY):
    return RemoteRuntime(host=host, port=int(port), auth_token=key, timeout=20)


async def raises(kind, what):
    try:
        await what
    except Exception as e:
        assert type(e) is kind, (type(e), e)
        return e
    raise AssertionError(f"no {kind.__name__}")


def sh(command, **more):
    return BashAction(command=command, **{"timeout": 20, **more})


async def main():
    r = runtime()
    await r.wait_until_alive(timeout=10)
    alive = await runtime("wrong" * 8).is_alive()
    assert not alive.is_alive and "401" in alive.message, alive

    # Sessions.
    greeting = await r.create_session(CreateBashSessionRequest(startup_source=["/etc/profile"], startup_timeout=20))
    assert greeting.session_type == "bash", greeting
    await raises(SessionExistsError, r.create_session(CreateBashSessionRequest()))
    seen = await r.run_in_session(sh("cd /usr && export X='a b' && pwd"))
    assert (seen.output, seen.exit_code) == ("/usr\n", 0), seen
    assert (await r.run_in_session(sh('echo "$X" in $PWD'))).output == "a b in /usr\n"
    assert (await r.run_in_session(sh("(exit 3)", check="silent"))).exit_code == 3
    assert (await r.run_in_session(sh("false", check="ignore"))).exit_code is None
    failed = await raises(NonZeroExitCodeError, r.run_in_session(sh("echo why; false", error_msg="mine")))
    assert str(failed).startswith("mine: ") and "why" in str(failed), failed
    wrong = await raises(BashIncorrectSyntaxError, r.run_in_session(sh("echo 'open")))
    assert "bash_stderr" in wrong.extra_info, wrong.extra_info
    await raises(SessionDoesNotExistError, r.run_in_session(sh("true", session="none")))
    seen = await r.run_in_session(sh("cat <<'E'\nmany\n  lines\nE\nfor i in 1 2; do\necho $i\ndone # end"))
    assert seen.output == "many\n  lines\n1\n2\n", seen

    # Timeouts and interrupts.
    late = await raises(CommandTimeoutError, r.run_in_session(sh("echo part; sleep 60", timeout=0.5)))
    assert late.extra_info["output"] == "part\n", late.extra_info
    seen = await r.run_in_session(BashInterruptAction())
    assert seen.exit_code == 0 and seen.output.startswith("part"), seen
    assert (await r.run_in_session(sh("echo on"))).output == "on\n"
    waiting = asyncio.create_task(r.run_in_session(sh("sleep 60", check="silent")))
    while (await r.execute(Command(command=["pgrep", "-x", "sleep"]))).exit_code != 0:
        pass
    await r.run_in_session(BashInterruptAction())
    assert (await waiting).exit_code == 130

    # Interactive programs.
    seen = await r.run_in_session(sh("python3 -q", is_interactive_command=True, expect=[">>> "]))
    assert seen.expect_string == ">>> " and seen.exit_code == 0, seen
    seen = await r.run_in_session(sh("print(6 * 7)", is_interactive_command=True, expect=[">>> "]))
    assert seen.output == "42", seen
    await r.run_in_session(sh("exit()\n", is_interactive_quit=True))
    assert (await r.run_in_session(sh("echo back"))).output == "back\n"

    # Several sessions.
    for i in range(3):
        await r.create_session(CreateBashSessionRequest(session=f"s{i}", startup_timeout=20))
    many = [r.run_in_session(sh(f"sleep 0.1; echo {i}", session=f"s{i}")) for i in range(3)]
    assert [each.output for each in await asyncio.gather(*many)] == ["0\n", "1\n", "2\n"]
    await r.close_session(CloseBashSessionRequest(session="s0"))
    await raises(SessionDoesNotExistError, r.close_session(CloseBashSessionRequest(session="s0")))

    # Single commands.
    done = await r.execute(Command(command=["sh", "-c", "echo out; echo err >&2; exit 4"]))
    assert (done.stdout, done.stderr, done.exit_code) == ("out\n", "err\n", 4), done
    done = await r.execute(Command(command="echo $A; pwd", shell=True, env={"A": "b", "PATH": os.environ["PATH"]}, cwd="/usr"))
    assert done.stdout == "b\n/usr\n", done
    await raises(NonZeroExitCodeError, r.execute(Command(command="exit 1", shell=True, check=True)))
    await raises(CommandTimeoutError, r.execute(Command(command=["sleep", "60"], timeout=0.3)))
    await raises(FileNotFoundError, r.execute(Command(command="no such program")))

    # Files.
    await r.write_file(WriteFileRequest(path="/tmp/from-python/deep/f", content="größe\n"))
    assert (await r.read_file(ReadFileRequest(path="/tmp/from-python/deep/f"))).content == "größe\n"
    await raises(FileNotFoundError, r.read_file(ReadFileRequest(path="/tmp/none")))
    await raises(IsADirectoryError, r.read_file(ReadFileRequest(path="/tmp")))
    large = "x" * 5_000_000
    await r.write_file(WriteFileRequest(path="/tmp/large", content=large))
    assert (await r.read_file(ReadFileRequest(path="/tmp/large"))).content == large
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "tree"
        (tree / "sub" / "empty").mkdir(parents=True)
        (tree / "sub" / "tool").write_text("#!/bin/sh\necho tool\n")
        (tree / "sub" / "tool").chmod(0o755)
        (tree / "größe.bin").write_bytes(os.urandom(3_000_000))
        await r.upload(UploadRequest(source_path=str(tree), target_path="/tmp/up/tree"))
        listed = await r.execute(Command(command="cd /tmp/up/tree && find . | sort && sub/tool", shell=True))
        assert listed.stdout == ".\n./größe.bin\n./sub\n./sub/empty\n./sub/tool\ntool\n", listed
        await r.upload(UploadRequest(source_path=str(tree / "größe.bin"), target_path="/tmp/up/single"))
        same = await r.execute(Command(command=["cmp", "/tmp/up/single", "/tmp/up/tree/größe.bin"]))
        assert same.exit_code == 0, same

    # A server that is closed by one client goes on for the next.
    await r.close()
    await raises(SessionDoesNotExistError, r.run_in_session(sh("true")))
    await r.create_session(CreateBashSessionRequest(startup_timeout=20))
    await r.close()
    print("all well")


asyncio.run(main())
