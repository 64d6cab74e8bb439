"""A certificate of one's own, so that browsers on other machines give a page their microphone."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from roboego.errors import InputError

VALID_DAYS = 365
RENEWED_DAYS = 30
"""A certificate that is good for less than that is made anew."""


def self_signed(folder: Path, names: tuple[str, ...]) -> tuple[Path, Path]:
    """A certificate and its key in `folder`: browsers ask once whether to trust it. Made if they are not there, and made anew (so that
    browsers ask again) when its time ends soon, or it is for other names.

    Args:
        names: host names and addresses that it is for.
    Raises:
        InputError: the folder cannot be written to.
    """
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if _is_good(certificate, key, names):
        return certificate, key
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "RoboEgo")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([_named(n) for n in names]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        key.touch(mode=0o600)
        key.chmod(0o600)
        key.write_bytes(secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    except OSError as error:
        raise InputError(f"cannot write a certificate into {folder}: {error.strerror}") from error
    return certificate, key


def _is_good(certificate: Path, key: Path, names: tuple[str, ...]) -> bool:
    """Whether both files are there, belong together, are for these names, and stay valid for a while."""
    try:
        there = x509.load_pem_x509_certificate(certificate.read_bytes())
        secret = serialization.load_pem_private_key(key.read_bytes(), password=None)
        its_names = there.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    lasts = there.not_valid_after_utc - datetime.now(UTC) > timedelta(days=RENEWED_DAYS)
    return lasts and set(its_names) == {_named(name) for name in names} and there.public_key() == secret.public_key()


def _named(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
