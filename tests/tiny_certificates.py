"""A certificate authority of a test, and what it signs."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Signed:
    """The files of a certificate and its key."""

    certificate: str
    key: str


class Authority:
    """Signs certificates for 127.0.0.1; ``ca`` is the file of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = _builder(self._name, self._name, self._key).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.ca = str(_write(folder / f"{name}.pem", own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)))

    def sign(self, name: str) -> Signed:
        """Return a certificate for a server on loopback, or for a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
        made = _builder(_named(name), self._name, key).add_extension(names, critical=False).sign(self._key, hashes.SHA256())
        plain = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        certificate = _write(self._folder / f"{name}.crt", made.public_bytes(serialization.Encoding.PEM))
        return Signed(certificate=str(certificate), key=str(_write(self._folder / f"{name}.key", plain)))


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
