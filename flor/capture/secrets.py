"""Which names look like a secret's. What is bound to them is not recorded when it is a string."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|pwd|secret|secrets|api_?key|secret_?key|access_?key|private_?key|credential|credentials)(?:$|_)"
    r"|^(?:token|auth|authorization|bearer)$"
    r"|(?:auth|access|api|bearer|refresh|session|csrf|jwt|oauth|hf|hub|github|gitlab|wandb|slack|bot|service|user|id)_?token$"
)
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[-\s.]+")


def is_secret(name: str) -> bool:
    """True for `password`, `apiKey`, `AWS_SECRET_ACCESS_KEY`, `hf_token`; False for a language model's `pad_token`,
    `tokens`.
    """
    return _SECRET.search(_WORDS.sub("_", name).lower()) is not None
