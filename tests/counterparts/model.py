"""Checks replies of the Redshift Data API against AWS's own model of the service, as botocore has it.

botocore's parser drops what it does not know, and takes what is missing as absent; so the raw body is looked at here.
"""

import datetime
import json
import numbers

import boto3
from botocore.config import Config

import support


def client(url, checked=None):
    """A client of the Redshift Data API at `url`. Each reply is checked; faults are added to `checked`, a list, or
    raised where none is given."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=60)
    made = boto3.client("redshift-data", endpoint_url=url, config=config, **support.KEYS)

    def check(response_dict, operation_model, **_):
        found = faults(operation_model, response_dict)
        if checked is not None:
            checked.extend(found)
        elif found:
            raise AssertionError("; ".join(found))

    made.meta.events.register("before-parse.redshift-data", check)
    return made


def faults(operation, response):
    """What is wrong with a raw response, as texts."""
    name = operation.name
    body = json.loads(response["body"] or b"{}")
    headers = {key.lower(): value for key, value in response["headers"].items()}
    found = []
    if not headers.get("x-amzn-requestid"):
        found.append(f"{name}: no x-amzn-RequestId")
    if not headers.get("content-type", "").startswith("application/x-amz-json-1.1"):
        found.append(f"{name}: content type {headers.get('content-type')!r}")
    if response["status_code"] < 300:
        return found + list(walk(operation.output_shape, body, name))
    code = body.get("__type", "").rsplit("#", 1)[-1]
    # Errors that every AWS service may answer with are in no service's model.
    common = {"ValidationException", "UnknownOperationException", "SerializationException", "AccessDeniedException",
              "ThrottlingException", "RequestEntityTooLargeException"}
    for shape in operation.error_shapes:
        if shape.name == code:
            members = {key: value for key, value in body.items() if key != "__type"}
            # The message is written in either case by AWS's own services.
            if "message" in members and "Message" in shape.members:
                members["Message"] = members.pop("message")
            return found + list(walk(shape, members, f"{name}: {code}"))
    return found if code in common else [*found, f"{name}: error {code!r} is not one of this operation"]


def walk(shape, value, path):
    """Members that the shape does not have, required ones that are missing, and values of another type."""
    if value is None:
        yield f"{path} is null"
    elif shape.type_name == "structure":
        if not isinstance(value, dict):
            yield f"{path} is no structure"
            return
        for key in value:
            if key not in shape.members:
                yield f"{path} has {key!r}, which AWS does not have"
        for key in shape.required_members:
            if key not in value:
                yield f"{path} lacks {key!r}, which is required"
        if getattr(shape, "is_tagged_union", False) and len(value) != 1:
            yield f"{path} is a union and has {sorted(value)}"
        for key, member in shape.members.items():
            if key in value:
                yield from walk(member, value[key], f"{path}.{key}")
    elif shape.type_name == "list":
        if not isinstance(value, list):
            yield f"{path} is no list"
            return
        for index, item in enumerate(value):
            yield from walk(shape.member, item, f"{path}[{index}]")
    elif shape.type_name in ("string", "blob"):
        if not isinstance(value, str):
            yield f"{path} is no text: {value!r}"
        elif getattr(shape, "enum", None) and value not in shape.enum:
            yield f"{path} is {value!r}, none of {shape.enum}"
    elif shape.type_name == "boolean":
        if not isinstance(value, bool):
            yield f"{path} is no boolean: {value!r}"
    elif shape.type_name in ("integer", "long"):
        if not isinstance(value, int) or isinstance(value, bool):
            yield f"{path} is no whole number: {value!r}"
    elif shape.type_name in ("double", "float", "timestamp"):
        if not isinstance(value, numbers.Number) or isinstance(value, bool):
            yield f"{path} is no number: {value!r}"
        elif shape.type_name == "timestamp":
            # Seconds; a count of milliseconds would be far in the future.
            if abs(value - datetime.datetime.now().timestamp()) > 2 * 86400:
                yield f"{path} is no time near now: {value!r}"
    else:
        raise NotImplementedError(f"{path} is a {shape.type_name}, which was in no reply before")
