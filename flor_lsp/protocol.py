"""LSP's base protocol as its specification has it, on top of pygls: whatever comes, the server answers and goes on."""

from __future__ import annotations

import json
import logging
from concurrent.futures import Future, InvalidStateError
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.protocol.json_rpc import JsonRPCNotification, JsonRPCRequestMessage

from flor.errors import FlorError

if TYPE_CHECKING:
    from flor_lsp.server import FlorServer

log = logging.getLogger("flor_lsp")

_ERRORS = types.ErrorCodes
_LSP_ERRORS = types.LSPErrorCodes
_CLIENT_REPLIES = ("result", "error")
#: Notifications that name a request or a job by its id, and under what.
_NAMING_ONE = {types.CANCEL_REQUEST: "id", types.WINDOW_WORK_DONE_PROGRESS_CANCEL: "token"}


class ReplyError(JsonRpcException):
    """What a request is answered with instead of a result: one sentence for the user."""

    def __init__(self, message: str, code: int = _LSP_ERRORS.RequestFailed) -> None:
        super().__init__(message, code)


class Protocol(LanguageServerProtocol):
    """A message is looked at before anything is made of it. Documents are the server's own."""

    _server: FlorServer

    def __init__(self, server: FlorServer, converter: Any) -> None:
        super().__init__(server, converter)
        self._began = False  # `initialize` has come

    # ---- what comes

    def structure_message(self, data: Any) -> Any:
        """pygls asks this of every object in a message: `handle_message` does it of the message."""
        return data

    def handle_message(self, message: Any) -> None:
        """A message as it came."""
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            self._refuse(None, _ERRORS.InvalidRequest, "a message is a JSON object with jsonrpc 2.0")
            return
        id_ = message.get("id")
        if "method" not in message and id_ is not None and any(key in message for key in _CLIENT_REPLIES):
            self._reply_came(message)
            return
        method = message.get("method")
        is_request = "id" in message
        if not isinstance(method, str) or (is_request and not _is_id(id_)):
            self._refuse(id_ if _is_id(id_) else None, _ERRORS.InvalidRequest, "a request has a method and an id")
            return
        if (refusal := self._untimely(method)) is not None:
            if is_request:
                self._refuse(id_, *refusal)
            return
        if is_request and types.METHOD_TO_TYPES.get(method, ((), ()))[1] is None:
            self._refuse(id_, _ERRORS.InvalidRequest, f"{method} is a notification: it has no id")
            return
        try:
            structured = self._structured(message, method, is_request)
        except JsonRpcException:
            if is_request:
                self._refuse(id_, _ERRORS.InvalidParams, f"the parameters of {method} are not as they should be")
            else:
                log.warning("a notification %s was not as it should be", method)
            return
        if method == types.INITIALIZE:
            self._began = True
        super().handle_message(structured)

    def _structured(self, message: dict[str, Any], method: str, is_request: bool) -> Any:
        """A message, typed if LSP has such a one. Raises JsonRpcException."""
        params = message.get("params")
        key = _NAMING_ONE.get(method)
        if key is not None and not (isinstance(params, dict) and _is_id(params.get(key))):
            raise JsonRpcInvalidParams
        if self.get_message_type(method) is not None:
            return super().structure_message(message)
        if is_request:
            return JsonRPCRequestMessage(message["id"], method, self.VERSION, params)
        return JsonRPCNotification(method, self.VERSION, params)

    def _untimely(self, method: str) -> tuple[int, str] | None:
        """Why a message cannot be heeded now."""
        if method == types.EXIT:
            return None
        if self._shutdown:
            return _ERRORS.InvalidRequest, "the server was shut down"
        if not self._began and method != types.INITIALIZE:
            return _ERRORS.ServerNotInitialized, "the first request is initialize"
        if self._began and method == types.INITIALIZE:
            return _ERRORS.InvalidRequest, "the server was initialized before"
        return None

    def _reply_came(self, message: dict[str, Any]) -> None:
        try:
            is_own = self._result_types.get(message["id"]) is None  # a reply to one of Flor's own requests
            untyped = message.get("result")
            structured = super().structure_message(message)
            error = getattr(structured, "error", None)
            self._handle_response(structured.id, untyped if is_own else getattr(structured, "result", None), error)
        except (JsonRpcException, InvalidStateError, AttributeError, TypeError):
            self._request_futures.pop(message["id"], None) if _is_id(message["id"]) else None
            log.warning("a reply of the client was not as it should be")

    # ---- what goes

    def _refuse(self, id_: Any, code: int, message: str) -> None:
        self._send_data({"jsonrpc": self.VERSION, "id": id_, "error": {"code": code, "message": message}})

    def _send_handler_result(self, future: Future[Any], *, msg_id: Any) -> None:
        self._request_futures.pop(msg_id, None)
        if future.cancelled():
            self._refuse(msg_id, _LSP_ERRORS.RequestCancelled, "the request was cancelled")
            return
        error = future.exception()
        if error is None:
            self._send_response(msg_id, result=future.result())
        else:
            self._refuse(msg_id, *error_of(error))

    # ---- the session

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> Any:
        """As the specification has it: 0 after `shutdown`, else 1."""
        self._server.exit_code = 0 if self._shutdown else 1
        yield from super().lsp_exit(*args)

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """A document is the client's from now on."""
        self._server.documents.open(params.text_document)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Its text has changed."""
        self._server.documents.change(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """It is what is on disk again."""
        self._server.documents.close(params.text_document.uri)


def _is_id(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def error_of(error: BaseException) -> tuple[int, str]:
    """The code and the sentence that a request is answered with which failed."""
    match error:
        case JsonRpcException():
            return error.code or _ERRORS.InternalError, error.message or "it failed"
        case FlorError():
            return _LSP_ERRORS.RequestFailed, str(error)
    log.error("a request failed", exc_info=error)
    return _ERRORS.InternalError, f"flor-lsp failed: {type(error).__name__}: {error}"


def on_unreadable(protocol: Protocol, error: Exception) -> None:
    """What could not be read as JSON is said to be so."""
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError):
        protocol._refuse(None, _ERRORS.ParseError, "a message is no JSON")
    elif isinstance(error, JsonRpcException):
        log.info("a message was refused: %s", error.message)
    else:
        log.error("a message could not be handled", exc_info=error)
