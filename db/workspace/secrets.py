"""What must not be shown: passwords in URLs, tokens, and the values of variables that hold them."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

HIDDEN = "***"

_SECRET_NAME = re.compile(
    r"(?i)passw(?:or)?d|passphrase|sshpass|secret|credential|authorization|api_?key|(?:access|private|auth)_?key"
    r"|token(?:$|[_.-])|(?:^|[_.-])pwd(?:$|[_.-])"
)
_NOT_SECRET_NAME = re.compile(r"(?i)^(?:old)?pwd$|[_.-](?:file|path|dir|home|sock|url|uri|id|name|command)$")
"""The shell's own ``PWD`` and ``OLDPWD`` are folders; what ends so says where a secret lies."""

_ORDINARY = frozenset({"curate", "label-studio", "password", "postgres", "postgresql", "secret"})
"""Words that messages and commands are made of: as passwords they hide nothing, and would blot those out."""

SHORTEST = 6
"""A shorter value of a variable is not looked for in texts: it would blot out ordinary words."""

_URL_PASSWORD = re.compile(r"(?P<before>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]*(?:@[^\s/@]*)*(?=@)", re.I)
_QUERY = re.compile(r"(?P<before>[?&;](?:[^=&\s]*(?:password|token|secret|key)[^=&\s]*)=)[^&\s'\"]+", re.I)
_HEADER = re.compile(
    r"(?P<before>\b(?:Token|Bearer|Basic)\s+)(?=\S*(?:[0-9=]|[a-z][A-Z]))[A-Za-z0-9._~+/=-]{8,}"
)
"""What follows must look like a token: "Basic instruction" is a class."""


def is_secret_name(name: str) -> bool:
    """Return whether a key or an environment variable of that name holds a secret.

    Example:
        >>> [is_secret_name(name) for name in ("PGPASSWORD", "HF_TOKEN", "PWD", "TOKENIZERS_PARALLELISM")]
        [True, True, False, False]
    """
    return _SECRET_NAME.search(name) is not None and _NOT_SECRET_NAME.search(name) is None


def _secrets(environment: Mapping[str, str]) -> list[str]:
    """Return the values to hide, the longest first: what secret variables hold, unless it is a path."""
    values = {value for name, value in environment.items() if is_secret_name(name)}
    return sorted(
        (v for v in values if len(v) >= SHORTEST and v.casefold() not in _ORDINARY and not _is_path(v)),
        key=len,
        reverse=True,
    )


def _is_path(value: str) -> bool:
    """Return whether a value names a place on this machine; a key in base64 may begin with ``/`` too."""
    if not os.path.isabs(value):
        return False
    parent = os.path.dirname(value.rstrip("/\\"))
    return os.path.lexists(value) or (os.path.dirname(parent) != parent and os.path.isdir(parent))


def redact(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Return a text without the secrets that are recognised in it.

    Passwords in URLs, ``token=…`` in queries, ``Bearer …`` headers, and the values of environment variables
    that are named like a secret (``LABEL_STUDIO_API_KEY``). Paths are never hidden.

    Example:
        >>> redact("postgresql://me:hunter2@host/db said no", {})
        'postgresql://me:***@host/db said no'
    """
    text = _URL_PASSWORD.sub(rf"\g<before>{HIDDEN}", text)
    text = _QUERY.sub(rf"\g<before>{HIDDEN}", text)
    text = _HEADER.sub(rf"\g<before>{HIDDEN}", text)
    environment = os.environ if environment is None else environment
    for value in _secrets(environment):
        text = text.replace(value, HIDDEN)
    return text


def guard() -> None:
    """Keep secrets out of what this process logs, and out of the traceback if it or a thread of it crashes.

    Who has put hooks of their own for crashes keeps them.
    """
    logging.setLogRecordFactory(_guarded_record)
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _guarded_traceback
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _guarded_thread


def _guarded_thread(crash: threading.ExceptHookArgs) -> None:
    _guarded_traceback(crash.exc_type, crash.exc_value or crash.exc_type(), crash.exc_traceback)


def _guarded_record(*arguments: Any, **named: Any) -> logging.LogRecord:
    """Return a log record whose text and traceback hold no secret."""
    record = logging.LogRecord(*arguments, **named)
    record.msg, record.args = redact(record.getMessage()), ()
    if record.exc_info and record.exc_info[0] is not None:
        record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip())
    return record


def _guarded_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))


def redact_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they may be stored or shown: secret keys hidden, URLs without passwords."""
    shown: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            shown[name] = redact_values(value)
        elif is_secret_name(name) and isinstance(value, str) and value:
            shown[name] = HIDDEN
        else:
            shown[name] = redact(value) if isinstance(value, str) else value
    return shown
