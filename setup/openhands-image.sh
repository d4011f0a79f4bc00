#!/bin/sh
# setup/openhands-image.sh [DIR]: builds DIR, a root file system with OpenHands' agent server in it, from Debian trixie's packages (the server needs Python 3.12, which older releases lack) and PyPI's wheels.
# DIR is for root /opt/berth/openhands, else a folder under the user's home. No root rights, no chroot: packages are only unpacked, and the image's Python runs by its own loader. Prints DIR on stdout.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

image=$(place openhands "$@")
requirements=$here/../berth-services/src/main/resources/dev/berth/services/openhands/requirements.txt
# Raise it when this script changes what the image holds: an older image is then built anew.
version=3
stamp=var/lib/berth-image
wanted="trixie $version $(cksum <"$requirements")"
current() { [ "$(cat "$image/$stamp" 2>/dev/null)" = "$wanted" ]; }
begin "$image" "$stamp" "$image"

say "building an image with OpenHands' agent server (about 50 MB of packages, 90 MB of wheels) at $image"
mirror=$(debian_mirror)
(
  lock "$(cache_home)/apt/lock"
  apt_private openhands "$mirror trixie"
  # The server's tools need git, ps and tmux.
  apt_unpack "$tmp" base-files bash ca-certificates coreutils dash diffutils findutils git grep gzip hostname mawk \
    ncurses-base netbase procps python3 python3-pip sed tar tmux usr-is-merged util-linux
)

root_files "$tmp"
cd "$tmp"
mkdir -p etc/ssl/certs workspace "${stamp%/*}"
find usr/share/ca-certificates -name '*.crt' -exec cat {} + >etc/ssl/certs/ca-certificates.crt
rm -rf usr/share/gitweb

# The image's own Python, run on this host by the image's own loader and libc.
python_of "$tmp"
cat >usr/bin/berth-host-python <<END
#!/bin/sh
unset PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE
exec "$tmp/$loader" --library-path "$tmp/$libdir" --argv0 "\$0" "$tmp/$python" "\$@"
END
chmod +x usr/bin/berth-host-python
site=usr/local/lib/${python##*/}/dist-packages
mkdir -p "$site" home/build
# One of them (func-timeout) PyPI has as source only, of pure Python: pip builds a wheel of it, with no compiler.
"$tmp/usr/bin/berth-host-python" -B -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-cache-dir \
  --no-compile --no-deps --break-system-packages --target "$tmp/$site" -r "$requirements" </dev/null >&2 ||
  die "tried to install OpenHands' agent server with pip but it failed (above)"
rm -rf "$site/bin" "$site/litellm/proxy/_experimental/out"

# An official image's entry point takes --host and --port; so does this one's. Without the variable, litellm fetches a price list when it is imported, and may lock itself up where there is no network.
apptainer_scripts "$tmp"
cat >.singularity.d/runscript <<'END'
#!/bin/sh
export LITELLM_LOCAL_MODEL_COST_MAP=True LANG=C.UTF-8 PYTHONUNBUFFERED=1
exec /usr/bin/python3 -m openhands.agent_server "$@"
END

# Compiles what the server imports, and finds out whether all of it is there. Left out, each sandbox would do so again at each start.
HOME=$tmp/home/build LITELLM_LOCAL_MODEL_COST_MAP=True "$tmp/usr/bin/berth-host-python" - "$tmp/$site" <<'END' >"$tmp/home/build/log" 2>&1 ||
import importlib, sys
sys.path.append(sys.argv[1])
for name in ("agent_server.__main__", "agent_server.api", "tools.terminal", "tools.file_editor", "tools.task_tracker", "tools.preset.default"):
    importlib.import_module("openhands." + name)
for name in ("uvicorn.loops.auto", "uvicorn.protocols.http.auto", "uvicorn.protocols.websockets.wsproto_impl", "uvicorn.lifespan.on", "libtmux",
             "openhands.tools.terminal.terminal.tmux_terminal", "openhands.tools.file_editor.impl", "litellm.main", "litellm.utils", "tiktoken_ext.openai_public"):
    try:
        importlib.import_module(name)
    except ImportError as missing:
        print("not compiled in advance:", missing, file=sys.stderr)
import litellm
try:
    # What is imported only with the first call; nobody answers.
    litellm.completion(model="openai/gpt-4o", api_base="http://127.0.0.1:1/v1", api_key="none", messages=[{"role": "user", "content": "x"}], num_retries=0, timeout=2)
except Exception:
    pass
END
  { tail -n 20 "$tmp/home/build/log" >&2; die "tried to import the agent server but could not (above)"; }
rm -rf home/build usr/bin/berth-host-python
cd - >/dev/null

echo "$wanted" >"$tmp/$stamp"
finish "$image"
printf '%s\n' "$image"
