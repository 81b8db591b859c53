"""Client assertions: what an application shows in place of a secret.

"Microsoft identity platform application authentication certificate credentials" (PS256 with
x5t#S256), "Workload identity federation", RFC 7515, 7518 (3.5) and 7523; the signatures are
RFC 8017, 8.1.2 (PSS) and 8.2.2 (PKCS #1 v1.5).
"""

import base64
import hashlib
import json
import time

from keys import SHA256_DIGEST_INFO, base64url

SKEW_S = 300
LIFE_LIMIT_S = 24 * 3600
SALT = 32  # PS256: as long as the hash


class BadAssertion(Exception):
    """code: what Entra answers (AADSTS...)."""

    def __init__(self, code, words):
        super().__init__(words)
        self.code = code


def decoded(part):
    if "=" in part:
        raise ValueError("padding")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class Assertion:
    def __init__(self, text):
        try:
            head, body, signature = text.split(".")
            self.header, self.claims = json.loads(decoded(head)), json.loads(decoded(body))
            self.signature = decoded(signature)
        except ValueError as error:
            raise BadAssertion(50027, f"JWT token is invalid or malformed: {error}.") from None
        self.signed = f"{head}.{body}".encode()

    def check_claims(self, audience, now=None):
        now = now or time.time()
        expires, begins = self.claims.get("exp"), self.claims.get("nbf", 0)
        if not isinstance(expires, int) or expires + SKEW_S < now or begins - SKEW_S > now:
            raise BadAssertion(700024, "Client assertion is not within its valid time range.")
        if expires - now > LIFE_LIMIT_S:
            raise BadAssertion(700024, "Client assertion lives too long.")
        if self.claims.get("aud") != audience:
            raise BadAssertion(50027, f"JWT audience '{self.claims.get('aud')}' is not "
                               f"'{audience}'.")


# Certificates

def pem_to_der(pem):
    text = pem.split("-----BEGIN CERTIFICATE-----")[1].split("-----END CERTIFICATE-----")[0]
    return base64.b64decode("".join(text.split()))


def elements(der):
    """(tag, content) of each element of DER."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7f
            length, at = int.from_bytes(der[at:at + size], "big"), at + size
        yield tag, der[at:at + length]
        at += length


def public_key(der):
    """(modulus, exponent) of an X.509 certificate (RFC 5280, 4.1)."""
    ((_, certificate),) = elements(der)
    fields = [content for tag, content in elements(next(elements(certificate))[1]) if tag != 0xa0]
    key_info = fields[5]  # serial, algorithm, issuer, validity, subject, key
    bits = [content for tag, content in elements(key_info) if tag == 0x03][0]
    ((_, key),) = elements(bits[1:])
    modulus, exponent = [int.from_bytes(content, "big") for _, content in elements(key)]
    return modulus, exponent


# Signatures

def opened(signature, modulus, exponent):
    size = (modulus.bit_length() + 7) // 8
    if len(signature) != size:
        return b""
    return pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")


def mask(seed, size):
    return b"".join(hashlib.sha256(seed + i.to_bytes(4, "big")).digest()
                    for i in range(size // 32 + 1))[:size]


def pss_fits(message, signature, modulus, exponent):
    """RFC 8017, 9.1.2, with a salt of exactly 32 bytes."""
    bits = modulus.bit_length() - 1
    encoded = opened(signature, modulus, exponent)[-((bits + 7) // 8):]
    if len(encoded) < 32 + SALT + 2 or encoded[-1] != 0xbc:
        return False
    masked, digest = encoded[:-33], encoded[-33:-1]
    data = bytearray(x ^ y for x, y in zip(masked, mask(digest, len(masked))))
    data[0] &= 0xff >> (8 * len(encoded) - bits)
    padding = len(data) - SALT - 1
    if any(data[:padding]) or data[padding] != 1:
        return False
    salt = bytes(data[padding + 1:])
    hashed = hashlib.sha256(message).digest()
    return hashlib.sha256(bytes(8) + hashed + salt).digest() == digest


def pkcs1_fits(message, signature, modulus, exponent):
    digest = SHA256_DIGEST_INFO + hashlib.sha256(message).digest()
    encoded = opened(signature, modulus, exponent)
    return encoded == b"\x00\x01" + b"\xff" * (len(encoded) - len(digest) - 3) + b"\x00" + digest


# Who it is

def check_certificate(assertion, application):
    """Signed with the key of a certificate that the application has."""
    if assertion.header.get("alg") != "PS256":
        raise BadAssertion(50027, f"JWT algorithm '{assertion.header.get('alg')}' is not PS256.")
    thumbprint = assertion.header.get("x5t#S256")
    for pem in application.get("certificates", []):
        der = pem_to_der(pem)
        if base64url(hashlib.sha256(der).digest()) == thumbprint:
            break
    else:
        raise BadAssertion(700027, "The certificate with identifier used to sign the client "
                           "assertion is not registered on application.")
    if not pss_fits(assertion.signed, assertion.signature, *public_key(der)):
        raise BadAssertion(700027, "Client assertion failed signature validation.")
    chain = assertion.header.get("x5c")
    if chain is not None and base64.b64decode(chain[0]) != der:
        raise BadAssertion(700027, "x5c does not begin with the certificate of x5t#S256.")
    client = application["client_id"].lower()
    if assertion.claims.get("iss") != client or assertion.claims.get("sub") != client:
        raise BadAssertion(700021, "Client assertion application identifier doesn't match "
                           "'client_id' parameter.")


def check_federated(assertion, application, keys):
    """Signed by an issuer that the application trusts for this subject and audience."""
    fits = {name: assertion.claims.get(claim) for name, claim in
            (("issuer", "iss"), ("subject", "sub"), ("audience", "aud"))}
    if fits not in application.get("federated", []):
        raise BadAssertion(700213, "No matching federated identity record found for presented "
                           f"assertion subject '{fits['subject']}'.")
    key = next((key for key in keys if key.thumbprint == assertion.header.get("kid")), None)
    if key is None or assertion.header.get("alg") != "RS256" or not pkcs1_fits(
            assertion.signed, assertion.signature, key.modulus, 65537):
        raise BadAssertion(700027, "Client assertion failed signature validation.")
