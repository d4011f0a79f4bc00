"""make.py WHEELS OUT: makes OUT/instances.jsonl of bugs.json and the wheels that it names.

Each instance is a release of a package as it was served, with what its tests need beside it
(OUT/src/PACKAGE-VERSION); the tests of the next release as test_patch; and of what that release
changed, the files that fix the bug as patch.
"""

import difflib
import json
import os
import re
import sys
import zipfile

# What runs tests that are not unittest's.
PYTEST = ["pytest", "pluggy", "iniconfig", "packaging"]


def wheel(wheels, package, version=None):
    """The one wheel of a package, of this version if there are several."""
    wanted = package.replace("-", "_").lower() + "-" + (version or "")
    found = [f for f in os.listdir(wheels) if f.lower().replace("-", "_").startswith(wanted.replace("-", "_"))]
    found = [f for f in found if version is None or f.split("-")[1] == version]
    if len(found) != 1:
        raise SystemExit(f"make.py: tried to find the wheel of {package} {version or ''} but there are {found}")
    return os.path.join(wheels, found[0])


def read(archive, name):
    """A file's lines; none if it is not there."""
    try:
        return archive.read(name).decode().splitlines(keepends=True)
    except KeyError:
        return []


def diff(old, new, names):
    """What git would apply."""
    patch = []
    for name in names:
        before, after = read(old, name), read(new, name)
        if before == after:
            continue
        a = "a/" + name if before else "/dev/null"
        b = "b/" + name if after else "/dev/null"
        for line in difflib.unified_diff(before, after, a, b):
            patch.append(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
    return "".join(patch)


def unpack(path, folder):
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)


def instance(bug, wheels, out):
    folder = os.path.join(out, "src", f"{bug['package']}-{bug['old']}")
    unpack(wheel(wheels, bug["package"], bug["old"]), folder)
    for need in bug["needs"] + ([] if "test_command" in bug else PYTEST):
        unpack(wheel(wheels, need), os.path.join(folder, ".needs"))
    with zipfile.ZipFile(wheel(wheels, bug["package"], bug["old"])) as old:
        with zipfile.ZipFile(wheel(wheels, bug["package"], bug["new"])) as new:
            patch, tests = diff(old, new, bug["fix"]), diff(old, new, bug["tests"])
    row = {
        "instance_id": bug["id"],
        "problem_statement": bug["about"],
        "repo_name": folder,
        "directory": "/" + re.sub(r"\W", "-", bug["package"]),
        "test_patch": tests,
        "patch": patch,
    }
    row["env"] = {"PYTHONPATH": row["directory"] + ":" + row["directory"] + "/.needs", "PYTHONDONTWRITEBYTECODE": "1"}
    for key in ("test_command", "FAIL_TO_PASS", "PASS_TO_PASS"):
        if key in bug:
            row[key] = bug[key]
    return row


def main(wheels, out):
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "bugs.json"), encoding="utf-8") as file:
        bugs = json.load(file)
    with open(os.path.join(out, "instances.jsonl"), "w", encoding="utf-8") as file:
        for bug in bugs:
            file.write(json.dumps(instance(bug, wheels, out)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
