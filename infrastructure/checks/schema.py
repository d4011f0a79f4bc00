#!/usr/bin/env python3
"""Compares all resources and data sources with a version of the provider's schema, as the npm
package @cdktf/provider-aws has it in its TypeScript declarations: says which attributes and blocks
do not exist there, and which required ones are missing.

    pip install --target py python-hcl2
    npm pack @cdktf/provider-aws && tar xzf cdktf-provider-aws-*.tgz
    PYTHONPATH=py python3 checks/schema.py package/lib *.tf
"""

import re
import sys
from pathlib import Path

import hcl2

META = {"count", "for_each", "depends_on", "lifecycle", "provider"}
INTERFACE = re.compile(r"^export interface (\w+)[^{]*\{\n(.*?)^\}", re.M | re.S)
FIELD = re.compile(r"readonly (\w+)(\??): (\w*)")


def snake(camel):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", camel).lower()


def interfaces(library, kind, type_):
    """The declared interfaces: name -> {field: (required, type)}."""
    folder = ("data-" if kind == "data" else "") + type_.removeprefix("aws_" if kind != "data" else "").replace("_", "-")
    text = (library / folder / "index.d.ts").read_text()
    return {
        name: {snake(field): (not optional, of) for field, optional, of in FIELD.findall(body)}
        for name, body in INTERFACE.findall(text)
    }


def check(where, block, fields, found, faults):
    given = {key.strip('"'): value for key, value in block.items() if not key.startswith("__")}
    for key in META:
        given.pop(key, None)
    faults += [f"{where}: there is no {key}" for key in given if key not in fields]
    faults += [f"{where}: {key} is missing" for key, (required, _) in fields.items() if required and key not in given]
    for key, value in given.items():
        nested = found.get(fields.get(key, (False, ""))[1])
        for each in (value if isinstance(value, list) else [value]) if nested else []:
            if isinstance(each, dict):
                check(f"{where}.{key}", each, nested, found, faults)


def main():
    library, faults, count = Path(sys.argv[1]), [], 0
    for file in sys.argv[2:]:
        with open(file) as text:
            parsed = hcl2.load(text)
        for kind in ("resource", "data"):
            for block in parsed.get(kind, []):
                for quoted, named in block.items():
                    if quoted.startswith("__"):
                        continue
                    type_ = quoted.strip('"')
                    found = interfaces(library, kind, type_)
                    config = next(name for name in found if name.endswith("Config"))
                    for name, body in named.items():
                        check(f"{file}: {type_}.{name}", body, found[config], found, faults)
                        count += 1
    print("\n".join(faults + [f"{count} blocks, {len(faults)} faults"]))
    sys.exit(1 if faults else 0)


main()
