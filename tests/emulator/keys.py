"""The keys with which the emulated Entra ID signs its tokens (RS256), and their published form.

Entra publishes every valid key as a JSON Web Key with the certificate and its SHA-1 thumbprint
(OpenID Connect discovery, "jwks_uri").  The keys are fixed so that the emulator starts at once
and needs no library; they protect nothing.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass

PUBLIC_EXPONENT = 65537
SHA256_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017, 9.2


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number_bytes(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


@dataclass(frozen=True)
class SigningKey:
    name: str
    modulus: int
    private_exponent: int
    certificate: str

    @property
    def thumbprint(self):
        """The kid and the x5t of Entra's keys: SHA-1 of the certificate."""
        return base64url(hashlib.sha1(base64.b64decode(self.certificate)).digest())

    def sign(self, message):
        """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2.1)."""
        size = (self.modulus.bit_length() + 7) // 8
        digest = SHA256_DIGEST_INFO + hashlib.sha256(message).digest()
        padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        signature = pow(int.from_bytes(padded, "big"), self.private_exponent, self.modulus)
        return signature.to_bytes(size, "big")

    def jwk(self, issuer=None):
        key = {
            "kty": "RSA", "use": "sig", "kid": self.thumbprint, "x5t": self.thumbprint,
            "n": base64url(number_bytes(self.modulus)),
            "e": base64url(number_bytes(PUBLIC_EXPONENT)),
            "x5c": [self.certificate],
        }
        if issuer:
            key["issuer"] = issuer
        return key


def json_web_token(key, claims, algorithm="RS256", header=None):
    """A signed token; "none" and "HS256" make the forgeries a receiver must refuse."""
    fields = {"typ": "JWT", "alg": algorithm, "kid": key.thumbprint, "x5t": key.thumbprint}
    fields.update(header or {})
    signed = ".".join(base64url(json.dumps(part, separators=(",", ":")).encode())
                      for part in (fields, claims))
    if algorithm == "none":
        signature = b""
    elif algorithm == "HS256":
        signature = hmac.digest(number_bytes(key.modulus), signed.encode(), "sha256")
    else:
        signature = key.sign(signed.encode())
    return signed + "." + base64url(signature)


SIGNING_KEYS = {key.name: key for key in (
    SigningKey(
        name="first",
        modulus=int(
            "ebf82578056f77d16dafbfa4b4e09ecfcd9caee7eda9731a53d5755924af5c44203c39f0e8192e205731"
            "2070368349d056a989001fbba28aed434dcdfc94c27ef1348939701e5bd97a962db69c29fd1361d587ca"
            "e24b111c3463a3b80dc16daff0003b84371cfba02e223f086a8a929dd47cb9782335f836015998c46906"
            "a1184a923daaed5db0039ed4941a4f0d8e90bd31eeedeae556d24ecc4a7b790cabbde58c59d8fa1b9ca4"
            "fcc7b206d8576a2fcc1d0c93387658bff189351a8a339129b5547c53dcd5a442e6f437df434254363bd9"
            "81a9c2c22ec73320f47562f68e03d320c725c9aa22d61a22ddb7a91c077cbab8f13aa505c45fcab2e08c"
            "46beaa21", 16),
        private_exponent=int(
            "474bdb3a57de15a44c116984a0f82b53db2aa7b840d94d835b6828042eaee3605c230658b130067d540a"
            "ee63a93ce2dd158a34f03a264dd6cf1862564626465be792399206bbcd81b8e5ce5b19f51fd7aedc3f22"
            "c05bf108061642fdd5fe271f9d12dce8b66445ece0738d7b0401e989d18d7bd67e410cc57883f34208ff"
            "ad455e972bee3435524a7725f4e5fac8e640c1a46034e3d9068f682f57209d0a84c6347526bd6330a70a"
            "8390b7e32df2885e98a68917ddbdf416052872a886050667eda997a99d1f89c7622cfbdfc12224247197"
            "4e97d1216410ad882de524294ab966cdc2ce4fa0eaa812cdc153c167d07b0de75dd47628b54e2ad6acde"
            "16ef7e47", 16),
        certificate=(
            "MIIDJTCCAg2gAwIBAgIUXVFJ3qtsF2tTg9pPg+Gj22TSeXgwDQYJKoZIhvcNAQELBQAwITEfMB0GA1UEAwwW"
            "ZW11bGF0b3Igc2lnbmluZyBrZXkgMTAgFw0yNjExMjMyMDEyMThaGA8yMTI2MTAzMDIwMTIxOFowITEfMB0G"
            "A1UEAwwWZW11bGF0b3Igc2lnbmluZyBrZXkgMTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAOv4"
            "JXgFb3fRba+/pLTgns/NnK7n7alzGlPVdVkkr1xEIDw58OgZLiBXMSBwNoNJ0FapiQAfu6KK7UNNzfyUwn7x"
            "NIk5cB5b2XqWLbacKf0TYdWHyuJLERw0Y6O4DcFtr/AAO4Q3HPugLiI/CGqKkp3UfLl4IzX4NgFZmMRpBqEY"
            "SpI9qu1dsAOe1JQaTw2OkL0x7u3q5VbSTsxKe3kMq73ljFnY+hucpPzHsgbYV2ovzB0Mkzh2WL/xiTUaijOR"
            "KbVUfFPc1aRC5vQ330NCVDY72YGpwsIuxzMg9HVi9o4D0yDHJcmqItYaIt23qRwHfLq48TqlBcRfyrLgjEa+"
            "qiECAwEAAaNTMFEwHQYDVR0OBBYEFBwLEC5c0fTGe6XRg4sDVFnrSdo3MB8GA1UdIwQYMBaAFBwLEC5c0fTG"
            "e6XRg4sDVFnrSdo3MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAJDwn/Xk9R8QB7y5hg+Y"
            "ek7lo+wW0MlowxN3FkBup6u6fphjHc2+IE+X5X1mT6F/sTY5hL8LP2kOSNFxy+Dww6be5I0Xro23KndUfFCZ"
            "7fLcJShf7eC4TH81K2OuxRGjy889tVUIkqcHH++NH2hg040GhuIEvtlYMv1x5Oyc0fNxiDytPO4X7I+OoBpr"
            "Dd/OzbLO4pFJRqb0h8M8bP59rU/C+nleciPQ9VZENM/59vyg5erQm1zTq1bc0gtfXFYA3zj77TKR0OiejgCT"
            "ubcxcTJfMMacyVF8A8lFzA/3n6I7HuWS2xUpP1RDui7QBkkjZd4w6Jm1VSaunj4EKfkwrkY=")),
    SigningKey(
        name="second",
        modulus=int(
            "b781443d50d70cfc3c3c5bd557491c3556e4700d217e9d76a9147b072d5d81c5eb7c0964d99ead8d7b36"
            "077c1a6c05033776f6bea9c47c717e2a617a4f0bc05cc33fb67f15c0b11e9cfd8e047b042a94d13d8527"
            "0911be2201735d02f00acfdee09b1f60a7aceb8665a9bf96f99d322ad28a52331ff3c24c4e284f481fcf"
            "8951b2efdea6b36b1ff6b751863aa97dd8e0f8d441cadb8d62f99d6473b289b9bad887db234400cd7590"
            "f3242326dd48d17fa4bd480911c7b654a889a5334a407c6ad3161a773a74b5cf30583915154ecd67e758"
            "2b870868bd620c42a4bfd7338ed1040c62b1de07388e5b8a0ae0419cb66c0b5488f993906d2812ad300e"
            "0b7b43af", 16),
        private_exponent=int(
            "403d4e04c30c8d9cad7f99cc6d22886ff9cbbd98332e0e74b04b1da88d0e8b741c744f1b917d55974e57"
            "4336844f654fd3765f79ae97bcd2c44e94d24ae2bbc41d8bebd8c06634fb190d404ebc3be0a6393bb6a5"
            "cc2c7c698e25731da8a7b84e774586ae00f4ed7c9e9156a3451ded26858eeba8bf1a47de0b8c5bf8cd3e"
            "0b7d472dba94867425ae8a547bb2c6f1970a081b8979a695ae2d016cf19fa58ec22c69c3e68b4738a326"
            "d7a16e564566203d3fb060c676842ed61dc3462d0a69538629496cad3dd73d2507f96270c1dafe1fd666"
            "1ca3af8a40339d5613079bc2ee07869b258ee92f2e64a5f8972d58a8efab4e1dcbae3f0cdf72642bf8d1"
            "7939cc99", 16),
        certificate=(
            "MIIDJTCCAg2gAwIBAgIUeqaBgb7UkxguN1eAx5hqlnuvRX4wDQYJKoZIhvcNAQELBQAwITEfMB0GA1UEAwwW"
            "ZW11bGF0b3Igc2lnbmluZyBrZXkgMjAgFw0yNjExMjMyMDEyMThaGA8yMTI2MTAzMDIwMTIxOFowITEfMB0G"
            "A1UEAwwWZW11bGF0b3Igc2lnbmluZyBrZXkgMjCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBALeB"
            "RD1Q1wz8PDxb1VdJHDVW5HANIX6ddqkUewctXYHF63wJZNmerY17Ngd8GmwFAzd29r6pxHxxfiphek8LwFzD"
            "P7Z/FcCxHpz9jgR7BCqU0T2FJwkRviIBc10C8ArP3uCbH2CnrOuGZam/lvmdMirSilIzH/PCTE4oT0gfz4lR"
            "su/eprNrH/a3UYY6qX3Y4PjUQcrbjWL5nWRzsom5utiH2yNEAM11kPMkIybdSNF/pL1ICRHHtlSoiaUzSkB8"
            "atMWGnc6dLXPMFg5FRVOzWfnWCuHCGi9YgxCpL/XM47RBAxisd4HOI5bigrgQZy2bAtUiPmTkG0oEq0wDgt7"
            "Q68CAwEAAaNTMFEwHQYDVR0OBBYEFEkCnYL/HUWxdbd9/TtgVvhQGsVMMB8GA1UdIwQYMBaAFEkCnYL/HUWx"
            "dbd9/TtgVvhQGsVMMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAESG1sJQyJEYCwbRvmLe"
            "bi2P70eFsHPG+8keFDJS3SWnyMSpaoYHhUgIIcwJPb0BiTriRsiPgkL7Hp2y376EXJ8MexbsB98f6+eL6Y3Y"
            "4hhaVV/HlTJT2NL3rH1oy89vDrGeg2iHtJ3+WAgh+5ZUbI0UtZsoqjVDL/RxwDeAZQPECawTA0+6m1pIVHjh"
            "+duOuTRWqX+KFwoidWolpOf05Gpm4l2x7XIMrpzSZc5wue3g5aDmkatr67dnNREpJ7yKXYWZOpioSSt+P5W7"
            "YNc/cyDP+Iwt5GhsoMnGv6Us4+pOo++vhFqDzq5lZZaOFU7PE5eZcUIidv8qCa7qa/5G6sQ=")),)}
