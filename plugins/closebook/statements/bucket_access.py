"""Reads from Airflow how a bucket is reached: the connection that the documents' URL names."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from closebook import server_identity
from closebook.errors import Misconfigured
from closebook.settings.airflow_connections import unread_connections
from closebook.statements.bucket import BucketAccess

_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
REGION_OF_OTHER_SERVERS = "us-east-1"
"""A server that is not Amazon's has no regions, and expects this name in signatures."""


def bucket_access(connection_id: str | None, bucket: str, folder: str) -> BucketAccess:
    """Return the access of an Airflow connection of the type ``aws``.

    Without a connection the credentials are those of the machine: its role or its variables
    ``AWS_…``. Raises Misconfigured if the connection is missing or has no credentials, and for an
    address without TLS on another machine.
    """
    if connection_id is not None:
        # Airflow's hook would go on with the machine's credentials.
        for missing in unread_connections([connection_id]).values():
            raise missing  # guard: bucket.missing-connection-is-told
    try:
        from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError as error:
        raise Misconfigured(
            "CB-CONFIG-BUCKET-PROVIDER-MISSING",
            f"documents are in a bucket, and a package for that is missing ({error}): install "
            "requirements.txt of this version",
        ) from error
    who = f"the Airflow connection {connection_id}" if connection_id else "this machine's role"
    hook: Any = AwsBaseHook(aws_conn_id=connection_id, client_type="s3")
    session = hook.get_session()
    try:
        credentials = Boto3CredentialProvider(session)
    except ValueError as error:
        raise Misconfigured(
            "CB-CONFIG-BUCKET-NO-CREDENTIALS",
            f"{who} has no credentials for the bucket {bucket}: set login and password of the "
            "connection to an access key and its secret, or give it a role",
        ) from error
    endpoint: str | None = hook.conn_config.get_service_endpoint_url("s3")
    for variable in _ENDPOINT_VARIABLES:
        endpoint = endpoint or os.environ.get(variable)
    if endpoint is not None:
        server_identity.refuse_open_bucket(who, endpoint)
    options: dict[str, Any] = {
        "region": session.region_name or REGION_OF_OTHER_SERVERS,
        "virtual_hosted_style_request": _style(hook.conn_config.extra_config) == "virtual",
    }
    if endpoint is not None:
        options["endpoint"] = endpoint.rstrip("/")
    return BucketAccess(bucket, folder, who, credentials, options, _certificates(who, hook.verify))


def _style(extra: Mapping[str, Any]) -> str | None:
    style: str | None = (extra.get("config_kwargs") or {}).get("s3", {}).get("addressing_style")
    return style


def _certificates(who: str, verify: bool | str | None) -> bytes | None:
    if verify is False:
        raise Misconfigured(
            "CB-CONFIG-BUCKET-NOT-VERIFIED",
            f"{who} has verify=false, so that its server would not have to prove who it is: set "
            "verify to the file of its certificate authority, or leave it out",
        )
    if not isinstance(verify, str):
        return None
    try:
        return Path(verify).read_bytes()
    except OSError as error:
        raise Misconfigured(
            "CB-CONFIG-BUCKET-CERTIFICATES-UNREADABLE",
            f"{who} names the certificates {verify}, which cannot be read: {error.strerror}",
        ) from error
