"""Which fields a request body may have, and of which type.

The tables that the services keep in these terms follow the published OpenAPI descriptions.  A
field which is not in the table, or which Azure computes itself (readOnly), is refused.
"""

from messages import ArmError


class Scalar:
    def __init__(self, name, types):
        self.name = name
        self.types = types


STRING = Scalar("string", (str,))
BOOLEAN = Scalar("boolean", (bool,))
INTEGER = Scalar("integer", (int,))
NUMBER = Scalar("number", (int, float))
OBJECT = Scalar("object", (dict,))
READ_ONLY = Scalar("read-only", ())
REFERENCE = {"id": STRING}
TAGS = Scalar("tags", (dict,))


class Choice:
    """A string out of a fixed set; Azure compares it without case."""

    def __init__(self, *values):
        self.values = values


class ShapeError(Exception):
    pass


def check_body(body, shape, code):
    """Raises the 400 which Azure gives for a body that does not fit its description."""
    try:
        check(body, shape, "")
    except ShapeError as error:
        raise ArmError(400, code, "Cannot parse the request.",
                       [{"code": "InvalidJson", "message": str(error)}]) from None


def check(value, shape, path):
    if shape is READ_ONLY:
        raise ShapeError(f"Property '{path}' is read-only and cannot be set.")
    if value is None:
        return
    if isinstance(shape, Choice):
        check_choice(value, shape, path)
    elif isinstance(shape, Scalar):
        check_scalar(value, shape, path)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise ShapeError(f"Property '{path}' must be an array.")
        for index, element in enumerate(value):
            check(element, shape[0], f"{path}[{index}]")
    else:
        check_object(value, shape, path)


def check_choice(value, shape, path):
    known = [choice.lower() for choice in shape.values]
    if not isinstance(value, str) or value.lower() not in known:
        raise ShapeError(f"Error converting value '{value}' at path '{path}': "
                         f"it is one of {', '.join(shape.values)}.")


def check_scalar(value, shape, path):
    is_disguised_number = isinstance(value, bool) and shape in (INTEGER, NUMBER)
    if not isinstance(value, shape.types) or is_disguised_number:
        raise ShapeError(f"Property '{path}' must be of type {shape.name}.")
    if shape is TAGS:
        check_tags(value, path)


def check_tags(tags, path):
    """Limits of "Use tags to organize your Azure resources": 50 tags, 512 and 256 characters."""
    if len(tags) > 50:
        raise ShapeError(f"Property '{path}' has more than 50 tags.")
    for name, text in tags.items():
        if not isinstance(text, str):
            raise ShapeError(f"Property '{path}.{name}' must be of type string.")
        if len(name) > 512 or len(text) > 256 or any(letter in "<>%&\\?/" for letter in name):
            raise ShapeError(f"Tag '{name}' has an invalid name or a too long value.")


def check_object(value, shape, path):
    if not isinstance(value, dict):
        raise ShapeError(f"Property '{path}' must be an object.")
    for name, element in value.items():
        inner = f"{path}.{name}" if path else name
        if name not in shape:
            raise ShapeError(f"Could not find member '{name}' on object. Path '{inner}'.")
        check(element, shape[name], inner)
