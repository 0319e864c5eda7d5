"""URLs: which may be used, and which belong to this computer or a private network."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from venice_core.errors import BadInput


def is_public(address: str) -> bool:
    """Return whether an IP address, or one embedded in it, belongs to the public internet."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is None:
            return ip in _GLOBAL_UNICAST and ip.is_global and ip.teredo is None
        ip = inner
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")


def check_url(url: str) -> str:
    """Return the base URL without a trailing slash. Raises BadInput for http:// except on this machine."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        parts = urlsplit("")
    odd = "@" in parts.netloc or "?" in url or "#" in url or not _has_port(parts)
    if parts.scheme not in ("http", "https") or not parts.hostname or odd:
        raise BadInput(f"“{url}” is not the address of a service, such as https://api.venice.ai/api/v1.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise BadInput(f"“{url}” is not encrypted: http:// is allowed for this computer only; use https://.")
    return url.strip().rstrip("/")


def is_local(url: str) -> bool:
    """Return whether a URL leads to this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def same_origin(one: str, other: str) -> bool:
    """Return whether two URLs lead to the same server."""
    try:
        first, second = urlsplit(one), urlsplit(other)
    except ValueError:
        return False
    return (first.scheme, first.netloc.lower()) == (second.scheme, second.netloc.lower())


def _has_port(parts: SplitResult) -> bool:
    """Return whether the port is valid or absent."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by name or number; similar names may resolve elsewhere."""
    if host == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    # newer Pythons look at the address within by themselves
    inner = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (inner or ip).is_loopback
