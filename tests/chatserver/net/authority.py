"""Certificates for 127.0.0.1, made by openssl."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest


def make_certificate(folder: Path) -> Path:
    """A folder with `cert`, `key`, and `both` of them in one file."""
    if shutil.which("openssl") is None:
        pytest.fail("there is no openssl here to make a certificate: install it")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=chat",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key", "-out", folder / "cert"],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "both").write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return folder


def der(pem: Path) -> bytes:
    """The certificate in a file, as a TLS client is shown it."""
    return ssl.PEM_cert_to_DER_cert(pem.read_text())
