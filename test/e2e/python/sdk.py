"""Calls huaweicloudsdksms, unmodified, for the tests. Usage: sdk.py ENDPOINT

One call per line of standard input: {"key": {access_key, secret_key, project_id?, security_token?, region?, endpoint?,
ca_cert?}, "method": "show_server", "members": {"source_id": ...}}. One answer per line of standard output: {"reply"} or
{"raised"}, with "received", the HTTP reply underneath, and "sent", the headers of its request.
"""

import json
import sys

import huaweicloudsdksms.v3 as sms
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import SdkException, ServiceResponseException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkcore.http.http_handler import HttpHandler
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkcore.sdk_stream_response import SdkStreamResponse

received = {}
sent = {}


def lower(headers):
    return {name.lower(): value for name, value in headers.items()}


def keep(response, **_):
    received.update(status=response.status_code, headers=lower(response.headers), text=response.text)
    sent.clear()
    sent.update(lower(response.request.headers))


def build_client(endpoint, key):
    endpoint = key.get("endpoint", endpoint)
    credentials = BasicCredentials(key["access_key"], key["secret_key"], key.get("project_id"))
    if "security_token" in key:
        credentials.with_security_token(key["security_token"])
    builder = (
        sms.SmsClient.new_builder()
        .with_credentials(credentials)
        .with_http_config(HttpConfig(ssl_ca_cert=key.get("ca_cert")))
        .with_http_handler(HttpHandler().add_response_handler(keep))
    )
    if "region" in key:
        credentials.with_iam_endpoint(endpoint)
        return builder.with_region(Region(key["region"], endpoint)).build()
    return builder.with_endpoint(endpoint).build()


def build(kind, value):
    """A value as the model that the SDK declares for it."""
    if kind.startswith("list["):
        return [build(kind[len("list[") : -1], item) for item in value]
    model = getattr(sms, kind, None)
    if model is None:
        return value
    return model(**{name: build(model.openapi_types[name], member) for name, member in value.items()})


def plain(value):
    """A reply as JSON, without the members it does not have; a download as its text."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, SdkStreamResponse):
        chunks = []
        value.consume_download_stream(lambda stream: chunks.extend(stream))
        return {"download": b"".join(chunks).decode()}
    if hasattr(value, "openapi_types"):
        members = {name: getattr(value, name) for name in value.openapi_types}
        return {name: plain(member) for name, member in members.items() if member is not None}
    return value


def call(endpoint, order):
    method = order["method"]
    request = "".join(word.capitalize() for word in method.split("_")) + "Request"
    received.clear()
    sent.clear()
    try:
        client = build_client(endpoint, order["key"])
        return {"reply": plain(getattr(client, method)(build(request, order["members"])))}
    except ServiceResponseException as error:
        members = ("status_code", "error_code", "error_msg", "request_id")
        return {"raised": {"exception": type(error).__name__, **{name: getattr(error, name) for name in members}}}
    except SdkException as error:
        return {"raised": {"exception": type(error).__name__, "error_msg": str(error)}}


for line in sys.stdin:
    print(json.dumps({**call(sys.argv[1], json.loads(line)), "received": received, "sent": sent}), flush=True)
