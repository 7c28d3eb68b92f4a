"""A mail server that takes mail after STARTTLS and a log-in only, and prints each as a line of JSON: from, to, subject, text."""

import email.policy
import json
import os
import ssl
import tempfile
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Printer:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = message.get_body(("plain", "html")).get_content()
        line = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": message["Subject"],
            "text": text,
            "tls": session.ssl is not None,
        }
        print(json.dumps(line), flush=True)
        return "250 OK"


def log_in(server, session, envelope, mechanism, data):
    wanted = (os.environ["USER_NAME"].encode(), os.environ["PASSWORD"].encode())
    return AuthResult(success=(data.login, data.password) == wanted)


with tempfile.NamedTemporaryFile("w") as chain:
    chain.write(os.environ["KEY"] + os.environ["CERTIFICATE"])
    chain.flush()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(chain.name)

Controller(
    Printer(),
    hostname="0.0.0.0",
    port=5870,
    tls_context=tls,
    require_starttls=True,
    auth_required=True,
    authenticator=log_in,
    # It asks for "User Name", which Alertmanager does not understand.
    auth_exclude_mechanism=["LOGIN"],
).start()
threading.Event().wait()
