"""Which names look like a secret's, and which texts were bound to them: neither is recorded.

This is a safeguard for slips. A secret that is no text, or that is seen before it gets a telling name, is recorded.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

MIN_LENGTH = 4  # characters: a shorter text says too little to look for it elsewhere
MAX_TEXTS = 64

_SECRET = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|pwd|secret|secrets|api_?key|secret_?key|access_?key|private_?key|credential|credentials)(?:$|_)"
    r"|^(?:token|auth|authorization|bearer)$"
    r"|(?:auth|access|api|bearer|refresh|session|csrf|jwt|oauth|hf|hub|github|gitlab|wandb|slack|bot|service|user|id)_?token$"
)
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[-\s.]+")
_VARIABLE = re.compile(r"(?:(?:^|_)(?:TOKEN|KEY|PASS)|PASSWD|PASSWORD)$", re.IGNORECASE)
_NAMED = re.compile(r"([\w-]+)(?:\s*=|['\"]\s*[:,])")
_IN_ADDRESS = re.compile(r"://[^\s/:@]*:([^\s/@]+)@")


@lru_cache(1024)
def is_secret(name: str) -> bool:
    """True for `password`, `apiKey`, `AWS_SECRET_ACCESS_KEY`, `hf_token`; False for a language model's `pad_token`,
    `tokens`, and for `PWD`, the shell's current folder.
    """
    return name != "PWD" and _SECRET.search(_WORDS.sub("_", name).lower()) is not None


def in_environment(environment: Mapping[str, str]) -> list[str]:
    """The texts of an environment that look like secrets: of telling variables, and passwords in addresses.

    Variables are named more strictly than what a program binds: `NPM_TOKEN` is no language model's. A file's path is
    no secret.
    """
    found = [text for name, text in environment.items() if _VARIABLE.search(name) or is_secret(name)]
    found += [password for text in environment.values() for password in _IN_ADDRESS.findall(text)]
    likely = [text for text in dict.fromkeys(found) if len(text) >= 2 * MIN_LENGTH and not text.isalpha()]
    return [text for text in likely if "\0" in text or not os.path.exists(text)][:MAX_TEXTS]


#: The texts that are known for secrets. The recorder adds to it; what holds one of them is not kept.
texts: list[str] = in_environment(os.environ)


def remember(text: str) -> None:
    """What holds this text is not kept from now on."""
    if len(text) >= MIN_LENGTH and len(texts) < MAX_TEXTS and text not in texts:
        texts.append(text)


def in_text(text: str) -> bool:
    """Whether a text holds a known secret."""
    return any(secret in text for secret in texts)


def names_one(text: str) -> bool:
    """Whether a text shows what a name gives away: `password='...'`, `'password': ...`, `'password', ...`."""
    return any(map(is_secret, _NAMED.findall(text)))


def in_bytes(data: bytes) -> bool:
    """Whether data holds a known secret, as UTF-8 or as Python or JSON write it."""
    return any(form in data for text in texts for form in _forms(text))


@lru_cache(MAX_TEXTS)
def _forms(text: str) -> tuple[bytes, ...]:
    forms = (text, repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(repr(text)[1:-1])[1:-1])
    return tuple(dict.fromkeys(form.encode("utf-8", "surrogatepass") for form in forms))


def without(arguments: Iterable[str]) -> list[str]:
    """A program's arguments without the secrets among them, which are known from now on.

    `--api-key VALUE`, `--api-key=VALUE`, `api_key=VALUE` and `model.api_key=VALUE` are seen.
    """
    shown: list[str] = []
    hide = False
    for argument in arguments:
        option, equals, given = argument.partition("=")
        secret = (argument.startswith("-") or bool(equals)) and is_secret(option.lstrip("-").rpartition(".")[2])
        if hide or (secret and equals):
            remember(argument if hide else given)
            shown.append("<redacted>" if hide else f"{option}=<redacted>")
            hide = False
        else:
            shown.append(argument)
            hide = secret
    return shown
