"""How the OpenAPI document tells of the doors whose bodies are streams (`web/streams`)."""

from typing import Any

from studiolo.web.openapi_idempotency import IDEMPOTENCY_KEY
from studiolo.web.openapi_schemas import DoorError, Schemas

TAG = "transfers"
ABOUT = (
    "Bytes of files, archives and the output of commands: HTTP's own methods, headers and statuses. The key goes into"
    " the `Authorization` header as ever; an error is JSON, `{error, code}`, with its own status."
)
_TUS_VERSION = {
    "name": "Tus-Resumable",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "const": "1.0.0"},
}
_EVENT = {
    "type": "object",
    "description": "Each event.",
    "required": ["event", "data"],
    "properties": {
        "id": {"type": "string", "description": "Its number, for `Last-Event-ID`."},
        "event": {"type": "string", "enum": ["stdout", "stderr", "truncated", "exit", "gone", "refused"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
}
_BYTES = {"schema": {"type": "string", "format": "binary"}}


def paths(schemas: Schemas) -> dict[str, Any]:
    """Return the paths."""
    project, path, upload = _in_path("project_id"), _in_path("path"), _in_path("upload_id")
    error = {"description": "Why not.", "content": {"application/json": {"schema": schemas.of(DoorError)}}}

    def operation(
        name: str,
        summary: str,
        statuses: dict[str, str],
        *parameters: dict[str, Any],
        body: str | None = None,
        answer: dict[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        described: dict[str, Any] = {status: {"description": words} for status, words in statuses.items()}
        if answer is not None:
            for status in ("200", "201", "206"):
                if status in described:
                    described[status]["content"] = answer
        return {
            "operationId": name,
            "tags": [TAG],
            "summary": summary,
            "security": [{"basic": []}, {"bearer": []}],
            "parameters": list(parameters),
            **({"requestBody": {"required": True, "content": {body: _BYTES}}} if body else {}),
            "responses": {**described, "default": error},
            **more,
        }

    parts = {"200": "The file.", "206": "The part that was asked for.", "304": "Nothing has changed."}
    placed = {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["size_bytes", "etag"],
                "additionalProperties": False,
                "properties": {"size_bytes": {"type": "integer"}, "etag": {"type": "string"}},
            }
        }
    }
    return {
        "/api/v1/files/{project_id}/{path}": {
            "get": operation(
                "download_file",
                "Download a file, or a part of it; `path` keeps its slashes.",
                parts,
                project,
                path,
                _header("Range", "One range of bytes."),
                _header("If-Range", "The ETag or date of the file whose part is wanted."),
                _header("If-None-Match", "ETags of what is known already."),
                answer={"*/*": _BYTES},
            ),
            "head": operation("describe_file", "Tell what a download would send.", parts, project, path),
            "put": operation(
                "upload_file",
                "Upload a file in one request; nobody sees it before all of it has come.",
                {"200": "The file was replaced.", "201": "The file is new."},
                project,
                path,
                _header("If-None-Match", "`*`: only if there is no such file yet."),
                _header("If-Match", "The ETag of the file that may be replaced."),
                _header("Repr-Digest", "`sha-256=:BASE64:` has what arrived checked (RFC 9530)."),
                body="application/octet-stream",
                answer=placed,
            ),
        },
        "/api/v1/archives/{project_id}": {
            "get": operation(
                "download_archive",
                "Download some paths in one archive, which is made while it is sent.",
                {"200": "The archive."},
                project,
                _in_query("path", "May be repeated; without it the whole home.", "array"),
                _in_query("format", "`zip` or `tar.gz`."),
                answer={"application/zip": _BYTES, "application/gzip": _BYTES},
            )
        },
        "/api/v1/uploads/{project_id}": {
            "options": operation(
                "show_upload_options", "Tell what of the tus protocol is spoken.", {"204": "See the headers."}, project
            ),
            "post": operation(
                "create_upload",
                "Begin an upload that can be resumed: the tus protocol 1.0.0.",
                {"201": "`Location` says where the bytes go."},
                project,
                _TUS_VERSION,
                {**_header("Upload-Length", "The file's size in bytes."), "required": True},
                {**_header("Upload-Metadata", "`path`, and if you like `sha256`, each in Base64."), "required": True},
                IDEMPOTENCY_KEY,
            ),
        },
        "/api/v1/uploads/{project_id}/{upload_id}": {
            "head": operation(
                "show_upload",
                "Tell how far an upload is.",
                {"200": "See `Upload-Offset`."},
                project,
                upload,
                _TUS_VERSION,
            ),
            "patch": operation(
                "append_to_upload",
                "Go on with an upload; with its last byte it becomes the file.",
                {"204": "`Upload-Offset` says how far it is now."},
                project,
                upload,
                _TUS_VERSION,
                {**_header("Upload-Offset", "Where these bytes belong."), "required": True},
                _header("Upload-Checksum", "`sha1` or `sha256`, and the checksum of these bytes in Base64."),
                body="application/offset+octet-stream",
            ),
            "delete": operation(
                "discard_upload", "Give an upload up.", {"204": "It is gone."}, project, upload, _TUS_VERSION
            ),
        },
        "/api/v1/exec_output": {
            "get": operation(
                "exec_output",
                "Follow what a command started by `start_exec` says, as server-sent events.",
                {"200": "Events `stdout`, `stderr`, `truncated` and at last `exit`.", "204": "There is nothing more."},
                {**_in_query("project_id", "Of which project."), "required": True},
                {**_in_query("job_id", "Which command."), "required": True},
                _header("Last-Event-ID", "The last event that was heard."),
                answer={"text/event-stream": {"schema": _EVENT}},
            )
        },
    }


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _in_query(name: str, about: str, kind: str = "string") -> dict[str, Any]:
    schema = {"type": kind, **({"items": {"type": "string"}} if kind == "array" else {})}
    return {"name": name, "in": "query", "description": about, "schema": schema}


def _header(name: str, about: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": about, "schema": {"type": "string"}}
