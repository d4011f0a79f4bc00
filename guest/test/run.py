#!/usr/bin/env python3
"""The guest's tests: run.py BINARY… runs all of them against each of the binaries."""
import os, sys, tempfile, threading, time, traceback
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import client, commands, ends, transfers, frames, host


def main():
    binaries = [os.path.abspath(b) for b in sys.argv[1:] if not b.startswith("-k")]
    only = [b[2:] for b in sys.argv[1:] if b.startswith("-k")]
    jobs = [
        (name, function, binary)
        for binary in binaries
        for module in (commands, ends, transfers, frames, host)
        for name, function in vars(module).items()
        if name.startswith("test_") and all(o in name for o in only)
    ]
    passed, failed, skipped, lock = 0, 0, 0, threading.Lock()

    def one(job):
        nonlocal passed, failed, skipped
        name, function, binary = job
        start = time.time()
        try:
            function(binary)
            with lock:
                passed += 1
        except client.Skip as e:
            with lock:
                skipped += 1
                print(f"SKIP {name}: {e}", flush=True)
        except BaseException:
            with lock:
                failed += 1
                print(f"FAIL {name} [{binary}] after {time.time() - start:.1f} s\n{traceback.format_exc()}", flush=True)
        if time.time() - start > 8:
            print(f"slow: {name} {time.time() - start:.1f} s", flush=True)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, jobs))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(failed > 0)


main()
