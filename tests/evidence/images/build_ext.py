"""Build ext*.raw.xz: ext2, 3 and 4 volumes on which Linux made, linked, renamed and deleted much.

    sudo python tests/evidence/images/build_ext.py [NAME ...] [--seed 1] [--to FOLDER]

Invented data; no real person. What is in them comes from a seeded chance, written by the kernel
that mounts them: indexed directories, deleted names and directories, hard links, special files,
links inside and outside of their inode, orphans of a crash, encrypted names. Needs root, loop
devices and e2fsprogs (Debian 12). Bytes differ from run to run in times and checksums; the test
does not mind. `--seed` and `--to` make other volumes to try by hand.
"""

# ruff: noqa: PTH102, PTH104, PTH108, PTH123, PTH211

from __future__ import annotations

import argparse
import contextlib
import fcntl
import lzma
import os
import random
import shutil
import socket
import stat
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
STEPS = 500
CROWD = 120  # names: more than a block of 1 KiB holds
ADD_KEY, SET_POLICY = 0xC0506617, 0x800C6613  # FS_IOC_*, linux/fscrypt.h

VOLUMES: dict[str, tuple[int, list[str]]] = {
    # name → MiB, arguments of mke2fs
    "ext2-old": (2, ["-b", "1024", "-r", "0"]),
    "ext2-untyped": (2, ["-b", "1024", "-I", "128", "-O", "none,ext_attr,large_file"]),
    "ext2-4k": (4, ["-b", "4096", "-O", "none,filetype,sparse_super,dir_index"]),
    "ext3-2k": (6, ["-t", "ext3", "-b", "2048", "-I", "128"]),
    "ext3-groups": (4, ["-t", "ext3", "-b", "1024", "-g", "512", "-O", "^resize_inode"]),
    "ext4-1k": (4, ["-t", "ext4", "-b", "1024"]),
    "ext4-4k": (8, ["-t", "ext4", "-b", "4096"]),
    "ext4-inline": (4, ["-t", "ext4", "-b", "1024", "-O", "inline_data", "-I", "256"]),
    "ext4-inline-large": (8, ["-t", "ext4", "-b", "4096", "-O", "inline_data", "-I", "1024"]),
    "ext4-plain": (4, ["-t", "ext4", "-b", "1024", "-O", "^64bit,^metadata_csum,^flex_bg"]),
    "ext4-crc16": (4, ["-t", "ext4", "-b", "2048", "-O", "^metadata_csum,uninit_bg"]),
    "ext4-maps": (4, ["-t", "ext4", "-b", "1024", "-O", "^extents,^64bit"]),
    "ext4-super2": (4, ["-t", "ext4", "-b", "1024", "-O", "sparse_super2", "-g", "1024"]),
    "ext4-meta": (8, ["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode", "-g", "256"]),
    "ext4-big": (8, ["-t", "ext4", "-b", "4096", "-O", "bigalloc", "-C", "16384"]),
    "ext4-quota": (6, ["-t", "ext4", "-b", "1024", "-O", "quota,project,large_dir,ea_inode"]),
    "ext4-encrypt": (8, ["-t", "ext4", "-b", "4096", "-O", "encrypt"]),
    "ext4-casefold": (4, ["-t", "ext4", "-b", "1024", "-O", "casefold"]),
}

NOT_MOUNTED = {"ext4-casefold", "ext4-quota"}  # by every kernel; written by debugfs


def main() -> None:
    """Build those that are asked for, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *VOLUMES])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--to", type=Path, default=HERE)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    for name in options.names or VOLUMES:
        data = built(name, options.seed)
        packed = lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)
        (options.to / f"{name}.raw.xz").write_bytes(packed)


def built(name: str, seed: int) -> bytes:
    """Return the bytes of a volume."""
    size, arguments = VOLUMES[name]
    chance = random.Random(f"{name}/{seed}")  # noqa: S311 - repeatable, not secret
    with tempfile.TemporaryDirectory() as folder:
        image, root = Path(folder) / "image", Path(folder) / "root"
        root.mkdir()
        with image.open("wb") as stream:
            stream.truncate(size << 20)
        run("mke2fs", "-q", "-F", "-N", "1000", *arguments, image)
        if name in NOT_MOUNTED:
            busy(root, chance, STEPS // 4, special=False)
            image.unlink()
            with image.open("wb") as stream:
                stream.truncate(size << 20)
            run("mke2fs", "-q", "-F", "-N", "1000", *arguments, "-d", root, image)
            kept = Tree(root)
            removed = [path for path in kept.files if path.split(b"/")[-1].isalnum()]
            lost = chance.sample(removed, len(removed) // 3)
            commands = b"".join(b'rm "%s"\n' % path.removeprefix(kept.root) for path in lost)
            run("debugfs", "-w", "-f", "-", image, text=commands)
            return image.read_bytes()
        with mounted(image, root):
            if name == "ext4-encrypt":
                encrypt(root)
            busy(root, chance, STEPS)
        with mounted(image, root):  # deleted names are found again and partly written over
            busy(root, chance, STEPS // 3)
            crash = orphans(root, chance)
            run("fsfreeze", "--freeze", root)
            data = image.read_bytes()  # as if the power had gone
            run("fsfreeze", "--unfreeze", root)
            for descriptor in crash:
                os.close(descriptor)
        return data


def run(*command: str | Path, text: bytes = b"") -> None:
    """Run a tool; raises CalledProcessError."""
    subprocess.run(list(map(str, command)), input=text, stdout=subprocess.DEVNULL, check=True)


@contextlib.contextmanager
def mounted(image: Path, root: Path) -> Iterator[None]:
    """Mount a volume for a while."""
    run("mount", "-o", "loop", image, root)
    try:
        yield
    finally:
        run("umount", root)


def encrypt(root: Path) -> None:
    """Let everything in a new directory be encrypted, names too, with a key of zeros."""
    home = root / "vault"
    home.mkdir()
    descriptor = os.open(home, os.O_RDONLY)
    key = struct.pack("<II32sI I 32x", 2, 0, b"", 64, 0) + bytes(64)
    added = fcntl.ioctl(descriptor, ADD_KEY, bytearray(key), True)
    del added
    buffer = bytearray(key)
    fcntl.ioctl(descriptor, ADD_KEY, buffer, True)
    policy = struct.pack("<BBBB4x16s", 2, 1, 4, 0, bytes(buffer[8:24]))
    fcntl.ioctl(descriptor, SET_POLICY, policy)
    os.close(descriptor)


class Tree:
    """Files and directories that are there."""

    def __init__(self, root: Path) -> None:
        self.root = os.fsencode(root)
        self.folders: list[bytes] = [self.root]
        self.files: list[bytes] = []
        for home, folders, files in os.walk(self.root):
            self.folders += [home + b"/" + name for name in folders]
            self.files += [home + b"/" + name for name in files]


def busy(root: Path, chance: random.Random, steps: int, *, special: bool = True) -> None:
    """Make, link, rename and delete."""
    crowd = root / "crowd"
    crowd.mkdir(exist_ok=True)
    for number in range(CROWD):
        (crowd / f"{number}-{chance.randrange(10**9)}").touch()
    tree = Tree(root)
    for _ in range(steps):
        with contextlib.suppress(OSError):  # there is one, there is none, no space is left
            step(tree, chance, special=special)


def step(tree: Tree, chance: random.Random, *, special: bool) -> None:
    """Do one thing."""
    home, kind = chance.choice([*tree.folders[:12], tree.folders[-1]]), chance.random()
    path = home + b"/" + name(chance)
    if kind < 0.45:
        write(path, chance, special=special)
        tree.files.append(path)
    elif kind < 0.55:
        os.mkdir(path)
        tree.folders.append(path)
    elif kind < 0.71:
        make(tree, path, chance, special=special)
        tree.files.append(path)
    elif kind < 0.78:
        old = chance.choice(tree.files)
        os.rename(old, path)
        tree.files.remove(old)
        tree.files.append(path)
    elif kind < 0.91:
        for _ in range(min(chance.choice((1, 1, 2, 5)), len(tree.files))):
            os.unlink(tree.files.pop(chance.randrange(len(tree.files))))
    elif kind < 0.95 and len(tree.folders) > 9:
        gone = tree.folders.pop(chance.randrange(4, len(tree.folders)))
        shutil.rmtree(gone)
        tree.folders = [path for path in tree.folders if not path.startswith(gone + b"/")]
        tree.files = [path for path in tree.files if not path.startswith(gone + b"/")]


def write(path: bytes, chance: random.Random, *, special: bool) -> None:
    """Write a file; encrypted ones are empty, as their noise would not pack."""
    sizes = (0, 1, 3, 9, 20, 20, 300)
    with open(path, "xb") as stream:
        stream.write(b"content " * chance.choice(sizes[: 1 if b"vault" in path else None]))
        if chance.random() < 0.1:
            stream.seek(chance.choice((9000, 1 << 20, 1 << 23)))
            stream.write(b"behind a hole")
    if chance.random() < 0.2:
        os.utime(path, ns=(chance.randrange(1 << 60), chance.randrange(1 << 61)))
    if chance.random() < 0.1 and special:
        os.setxattr(path, "user.note", b"x" * chance.choice((4, 60, 600)))


def make(tree: Tree, path: bytes, chance: random.Random, *, special: bool) -> None:
    """Make a link, a second name or a special file."""
    kind = chance.random() if special else chance.random() / 2
    if kind < 0.4:
        os.symlink(b"t" * chance.choice((3, 59, 60, 61, 200, 900)), path)
    elif kind < 0.75:
        os.link(chance.choice(tree.files), path)
    elif kind < 0.95:
        os.mknod(path, chance.choice((stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK)) | 0o600, 0x103)
    else:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
            made.bind(path)


def name(chance: random.Random) -> bytes:
    """Invent a name; few are long, few are not UTF-8."""
    kind = chance.random()
    if kind < 0.8:
        return b"file%d" % chance.randrange(10**4)
    if kind < 0.85:
        return b"n" * chance.choice((1, 254, 255)) if kind < 0.82 else b"%d" % chance.randrange(30)
    if kind < 0.9:
        return chance.randbytes(chance.randrange(1, 30)).translate(None, b"\0/") or b"x"
    return chance.choice(("Größe", "Привет", "...", " ", "a b", "😀")).encode()


def orphans(root: Path, chance: random.Random) -> list[int]:
    """Open some files and delete them: they lie on the volume until they are closed."""
    files = Tree(root).files
    opened = []
    for path in chance.sample(files, min(6, len(files))):
        with contextlib.suppress(OSError):
            opened.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            os.unlink(path)
    return opened


if __name__ == "__main__":
    main()
