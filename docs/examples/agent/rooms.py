"""The office's room bookings: one page over HTTPS, for whoever has the key.

It makes the certificate that it is known by (rooms.pem). Every request is appended to rooms.log.
"""

import datetime
import ssl
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ADDRESS = ("127.0.0.2", 8432)
KEY = "rooms-0123456789-key"


class Rooms(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with Path("rooms.log").open("a") as log:
            log.write(f"{self.requestline}\n{self.headers}")
        knows = self.headers.get("Authorization") == f"Bearer {KEY}"
        self.send_response(200 if knows else 401)
        self.end_headers()
        self.wfile.write(b"Tuesday 10:00: red room\n" if knows else b"Who are you?\n")

    def log_message(self, *_: object) -> None:
        pass


def certificate() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rooms")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(ADDRESS[0]))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    Path("rooms.key").write_bytes(private)
    Path("rooms.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))


certificate()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("rooms.pem", "rooms.key")
with HTTPServer(ADDRESS, Rooms) as server:
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
