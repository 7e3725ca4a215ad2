"""Errors of others in our words: what the operating system and TensorFlow say about a file, and pydantic about a value."""

import errno
import os

from components.fewshot.settings.sentences import place, reason

ABOUT_FILES = {
    errno.ENOENT: "no such file or directory",
    errno.ENOTDIR: "a file stands where a directory is needed",
    errno.EISDIR: "a directory stands where a file is needed",
    errno.EACCES: "this user may not read or write it; change its permissions",
    errno.EPERM: "this user may not read or write it; change its permissions",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.ENOSPC: "the disk is full; free some space",
    errno.EEXIST: "it exists already",
    errno.ELOOP: "its links go round in a circle",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EMFILE: "too many files are open; raise the limit (`ulimit -n`)",
}
_BY_WORDS = {os.strerror(number): words for number, words in ABOUT_FILES.items()}


def in_words(error: BaseException) -> str | None:
    """Returns an error as one line in our words; None for one that nobody foresaw, and for the words of this project."""
    if isinstance(error, OSError) and error.errno is not None:
        words = ABOUT_FILES.get(error.errno, os.strerror(error.errno).lower())
        return f"{os.fsdecode(error.filename)}: {words}" if isinstance(error.filename, str | bytes) else words
    if type(error).__module__.startswith("tensorflow"):  # by name: importing it takes seconds
        path, _, said = getattr(error, "message", "").partition("; ")
        return f"{path}: {_BY_WORDS[said]}" if said in _BY_WORDS else None
    if type(error).__name__ == "ValidationError" and callable(errors := getattr(error, "errors", None)):
        found = errors()
        return ": ".join(part for part in (place(found[0]), reason(found)) if part)
    return None


def sentence_of(error: BaseException) -> str | None:
    """Returns an error that a user can do something about as one line, or None for one that nobody foresaw."""
    foreseen = isinstance(error, ValueError | OSError) and not isinstance(error, UnicodeError)
    return in_words(error) or (" ".join(str(error).split()) if foreseen else None)
