"""Signs in with keystoneauth1, unmodified, for the tests. Usage: keystone.py ENDPOINT

One order per line of standard input: {"method": "password" or "token", "auth": {what v3.Password or v3.Token takes},
"path": what to GET as who signed in, "endpoint"?, "ca_cert"?}. The same person in the same place keeps a session, as in a
program that runs for long. One answer per line of standard output: {"status", "body", "token", "access"} or {"raised"}.
"""

import json
import sys

from keystoneauth1.exceptions import ClientException
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

sessions = {}


def session_of(endpoint, method, auth, ca_cert):
    name = json.dumps([endpoint, method, auth, ca_cert], sort_keys=True)
    if name not in sessions:
        plugin = {"password": v3.Password, "token": v3.Token}[method](f"{endpoint}/v3", **auth)
        sessions[name] = Session(auth=plugin, verify=ca_cert or True)
    return sessions[name]


def call(endpoint, order):
    endpoint = order.get("endpoint", endpoint)
    session = session_of(endpoint, order["method"], order["auth"], order.get("ca_cert"))
    try:
        response = session.get(endpoint + order["path"])
        access = session.auth.get_access(session)
    except ClientException as error:
        members = {"http_status": getattr(error, "http_status", None), "message": str(error)}
        return {"raised": {"exception": type(error).__name__, **members}}
    members = ("user_id", "username", "project_id", "project_name", "domain_id", "domain_name", "role_names")
    shown = {name: getattr(access, name) for name in members}
    times = {"issued": access.issued.isoformat(), "expires": access.expires.isoformat()}
    return {
        "status": response.status_code,
        "body": response.json(),
        "token": access.auth_token,
        "access": {**shown, **times},
    }


for line in sys.stdin:
    print(json.dumps(call(sys.argv[1], json.loads(line))), flush=True)
