"""Names that operating systems, network drives and tools give to files and folders of their own: never images of a class."""

import fnmatch
import re

# Patterns of names, of files and folders alike; case does not matter. One that is no wildcard stands for that name alone.
LITTER = (
    "._*",  # macOS, beside each file on a foreign drive and in an archive: named like the image, but no image
    ".DS_Store",
    "__MACOSX",
    "Icon\r",
    "Network Trash Folder",
    "Temporary Items",
    "Desktop DB",
    "Desktop DF",
    "TheVolumeSettingsFolder",
    "Thumbs.db",  # Windows
    "Thumbs.db:*",  # what a drive without streams makes of one
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    "$RECYCLE.BIN",
    "System Volume Information",
    "FOUND.[0-9][0-9][0-9]",  # what a check of the disk has saved
    "lost+found",
    "@eaDir",  # Synology: thumbnails of each image
    "@tmp",
    "@Recycle",  # QNAP
    "@Recently-Snapshot",
    "@SynoResource",
    "*@SynoEAStream",
    "*@SynoResource",
    "#recycle",
    "#snapshot",
    "picasa.ini",
    "ZbThumbnail.info",
    "pspbrwse.jbf",
    "__pycache__",
    "~$*",  # an office program, while a file is open
)
HIDDEN = "."  # .thumbnails, .ipynb_checkpoints, .git, .Trash-1000


def litter(name: str) -> str | None:
    """Returns what litter is told as: the pattern that its name matches, or the name of a hidden file; else None."""
    if found := _ANY.fullmatch(name.casefold()):
        pattern = LITTER[found.lastindex - 1] if found.lastindex else name
        return pattern if "*" in pattern else name
    return name if name.startswith(HIDDEN) else None


# One expression with a group for each pattern, because millions of names are looked up.
_ANY = re.compile("|".join(f"({fnmatch.translate(pattern.casefold())})" for pattern in LITTER))
