"""Errors as the contract has them: RFC 9457, with a code."""


class Problem(Exception):
    """A refusal: its status, its code, words for a person, and the field at fault where one is."""

    def __init__(self, status, code, detail, param=None):
        super().__init__(detail)
        self.status, self.code, self.detail, self.param = status, code, detail, param

    def body(self, request_id):
        fields = {
            "type": f"urn:tessera:problem:{self.code}",
            "title": self.code.replace("_", " "),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        return fields | ({"param": self.param} if self.param else {})


def invalid(param, detail):
    return Problem(400, "invalid_request", detail, param)
