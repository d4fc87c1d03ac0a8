"""What must hold before the gateway listens: keys where others can reach it, and certificates that can be read."""

import ipaddress
import ssl
from pathlib import Path
from typing import Any

from goeswith.errors import ConfigError
from goeswith.profile import Profile
from goeswith.settings import TlsSettings
from serving.gateway.keys import read_keys


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_exposure(profile: Profile) -> None:
    """Raise ``ConfigError`` for an address that others reach while nobody needs a key, and for files that are not there or no certificates."""
    host, valid = profile.gateway.host, [key for key in read_keys(profile.keys) if key.revoked is None]
    if not is_loopback(host) and not valid:
        remedy = "goeswith keys create --name NAME --scopes ask; or set GOESWITH_GATEWAY__HOST=127.0.0.1"
        raise ConfigError(f"the gateway would listen on {host} without any key: everybody who reaches it could ask", remedy)
    _check_pair("GATEWAY__TLS", profile.gateway.tls)
    _check_pair("TRITON__TLS", profile.triton.tls)


def tls_options(tls: TlsSettings) -> dict[str, Any]:
    """Return how uvicorn serves TLS; with ``ca`` each client shows a certificate that it signed."""
    if not tls.certificate:
        return {}
    mutual = {"ssl_ca_certs": tls.ca, "ssl_cert_reqs": ssl.CERT_REQUIRED} if tls.ca else {}
    return {"ssl_certfile": tls.certificate, "ssl_keyfile": tls.key, **mutual}


def _check_pair(setting: str, tls: TlsSettings) -> None:
    both = f"set GOESWITH_{setting}__CERTIFICATE and GOESWITH_{setting}__KEY"
    if bool(tls.certificate) != bool(tls.key):
        raise ConfigError("a certificate needs its key, and a key its certificate", both)
    if setting.startswith("GATEWAY") and tls.ca and not tls.certificate:
        raise ConfigError("clients cannot show certificates over plain text", both)
    for name, path in tls.model_dump().items():
        if path and not Path(path).is_file():
            raise ConfigError(f"there is no file {path!r}", f"correct GOESWITH_{setting}__{name.upper()}")
    _load(setting, tls)


def _load(setting: str, tls: TlsSettings) -> None:
    """Read the files as TLS will: better now than at the first question."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key)
        if tls.ca:
            context.load_verify_locations(tls.ca)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(f"GOESWITH_{setting}: {error}", "give PEM files; the key without a passphrase, and of this certificate") from error
