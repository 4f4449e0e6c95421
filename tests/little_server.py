"""A little HTTP server on loopback that does as it is told, and the certificates of one."""

import datetime
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PATIENCE_SECONDS = 20.0
"""For what comes at once, unless the test fails."""


class Visit:
    """One connection, as the server sees it."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        self._connection = connection
        self.number = number
        """From 0 on."""

    def next_request(self) -> bytes:
        """A whole request; nothing at the connection's end."""
        received = b""
        while not received.endswith(b"\r\n\r\n"):
            if not (more := self._connection.recv(65536)):
                return b""
            received += more
        return received

    def say(self, *told: bytes) -> None:
        for piece in told:
            self._connection.sendall(piece)

    def shutdown(self) -> None:
        """Say that nothing more will be said."""
        self._connection.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Hang up in the rudest way."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()


Behaviour = Callable[[Visit], None]
"""What the server does with a connection; it closes it afterwards."""


class LittleServer:
    """Serves each connection in a thread of its own; `visits` are those so far."""

    def __init__(self, behaviour: Behaviour, context: ssl.SSLContext | None) -> None:
        self._behaviour = behaviour
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.visits = 0
        self._connections: list[socket.socket] = []
        self._is_closing = False
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            if self._is_closing:
                connection.close()
                return
            self._threads.append(threading.Thread(target=self._serve, args=(connection, self.visits)))
            self.visits += 1
            self._threads[-1].start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        connection.settimeout(PATIENCE_SECONDS)
        # What the client does to a connection is the test's business, and told by the client's own errors.
        self._connections.append(connection)
        with suppress(OSError), connection:
            if self._context is None:
                self._behaviour(Visit(connection, number))
                return
            with self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as wrapped:
                self._connections.append(wrapped)
                wrapped.do_handshake()
                self._behaviour(Visit(wrapped, number))

    def close(self) -> None:
        self._is_closing = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._threads[0].join(PATIENCE_SECONDS)
        self._socket.close()
        for connection in self._connections:
            with suppress(OSError):  # it may be closed already
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()


@contextmanager
def serving(behaviour: Behaviour, context: ssl.SSLContext | None = None) -> Iterator[LittleServer]:
    """A server that runs within the block."""
    server = LittleServer(behaviour, context)
    try:
        yield server
    finally:
        server.close()


def make_certificate(folder: Path, names: Sequence[str] = ("localhost",)) -> tuple[Path, ssl.SSLContext]:
    """A certificate that vouches for itself, as a bundle for clients and a context for a server."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)
    return certificate, context
