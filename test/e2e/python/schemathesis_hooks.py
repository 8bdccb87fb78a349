"""What Schemathesis calls a failure and ferry promises all the same, each with its reason. Everything else is a failure.

Loaded by the configuration that schemathesis.test.ts writes.
"""

from itertools import count

import jsonschema_rs
import schemathesis

turn = count()

# The contract has 400 for what an object's state does not allow, and a document of schemas cannot tell states.
STATE = {"SMS.8009", "SMS.1038", "SMS.1039", "SMS.1040", "SMS.2015", "SMS.2216"}

# Rules that JSON Schema has no words for: between members, between calls, on the time, on what text may hold.
BEYOND_THE_SCHEMA = (
    "takes text without U+0000 and without halves of surrogate pairs",
    "registering a source takes ",
    "takes copystate, migrationcycle or both",
    " takes a task_id or a source_id",
    "an enrolment key has the role agent",
    "signing in takes ",
    "has passed: it is ",
    "takes the next_cursor of an earlier page",
    # IAM: `methods` names the member that has to be there, a user is named in one of two ways, a scope is one thing.
    " is missing: the method is ",
    "auth.identity.password.user takes ",
    "auth.scope ",
)


@schemathesis.hook
def before_call(context, case, kwargs):
    """The coverage phase has nobody's ids in its paths: it is to reach objects too, except where it tries the path."""
    if case.meta is None or case.meta.phase.name != "coverage" or case.meta.phase.data.parameter_location == "path":
        return
    config = case.operation.schema.config
    bound = {**config.parameters, **config.operations.get_for_operation(case.operation).parameters}
    for name in case.path_parameters:
        binding = bound.get(f"path.{name}")
        if binding is not None:
            entries = config.dictionaries[binding.dictionary].entries
            case.path_parameters[name] = entries[next(turn) % len(entries)].value


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """False for what is no failure."""
    if response.status_code == 431:
        # The runtime refuses a head of more than 64 KiB, the path included, before ferry sees it.
        return False
    kind = type(failure).__name__
    if kind == "RejectedPositiveData":
        return not is_promised_refusal(response)
    if kind == "AcceptedNegativeData":
        return not is_valid_without_nulls(case)
    if kind == "UnsupportedMethodResponse":
        # No page of the contract has 405: an unknown method is an unknown operation, as a gateway answers.
        return not (response.status_code == 404 and response.json().get("error_code") == "APIGW.0101")
    return True


def is_promised_refusal(response):
    if response.status_code != 400:
        return False
    body = response.json()
    if body.get("error_code") in STATE:
        return True
    message = body.get("error_msg") or body.get("error", {}).get("message", "")
    return any(words in message for words in BEYOND_THE_SCHEMA)


def is_valid_without_nulls(case):
    """A member that is null counts as absent."""
    body = case.operation.definition.raw.get("requestBody")
    if body is None or not isinstance(case.body, (dict, list)):
        return False
    without = drop_nulls(case.body)
    schema = body["content"]["application/json"]["schema"]
    return without != case.body and jsonschema_rs.is_valid(schema, without)


def drop_nulls(value):
    if isinstance(value, list):
        return [drop_nulls(item) for item in value]
    if isinstance(value, dict):
        return {name: drop_nulls(member) for name, member in value.items() if member is not None}
    return value
