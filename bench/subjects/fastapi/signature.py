"""SDK-HMAC-SHA256, as far as the measurement's requests go: paths without escapes, no query."""

import hashlib
import hmac
import re
import time
from calendar import timegm

from starlette.requests import Request

AUTHORIZATION = re.compile(
    r"SDK-HMAC-SHA256 Access=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{64})"
)
WINDOW_S = 15 * 60


def is_signed(request: Request, body: bytes, access_key: str, secret_key: bytes) -> bool:
    headers = request.headers
    claim = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if claim is None or claim[1] != access_key or request.url.query:
        return False
    names = claim[2].split(";")
    date = headers.get("x-sdk-date", "")
    if "x-sdk-date" not in names or any(name not in headers for name in names) or not is_recent(date):
        return False
    canonical = "\n".join(
        [
            request.method,
            f"{request.url.path}/",
            "",
            *(f"{name}:{headers[name].strip()}" for name in names),
            "",
            claim[2],
            hashlib.sha256(body).hexdigest(),
        ]
    )
    to_sign = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    expected = hmac.digest(secret_key, to_sign.encode(), "sha256").hex()
    return hmac.compare_digest(expected, claim[3])


def is_recent(date: str) -> bool:
    try:
        signed_at = timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return False
    return abs(time.time() - signed_at) <= WINDOW_S
