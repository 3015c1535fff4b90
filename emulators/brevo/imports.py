"""``/contacts/import`` and ``/processes``: asynchronous, on the clock given.

An import takes effect at its end, all rows at once; imports run one after another. It is finished by whoever looks next
at the account after that moment (``settle``), so that no task is needed which could hold up a standing clock.
``notifyUrl`` is kept and not called, since what Brevo sends there is not published.
"""

import csv
import io

from starlette.requests import Request
from starlette.responses import Response

from emulators.brevo.account import Account
from emulators.brevo.body import Body, Page
from emulators.brevo.directory import Change, normalised
from emulators.brevo.errors import Refusal, invalid, json_response, not_found, out_of_range
from emulators.brevo.lists import ListCalls
from emulators.brevo.state import Process

LARGEST = 10 * 1024 * 1024
QUEUED = 1_000
"""Milliseconds from the request to the start of the work."""
ROWS_PER_SECOND = 1_000

# The directory's name for a clash: Brevo's report about it.
REPORTS = {
    "invalid_emails": "invalid_emails",
    "id": "duplicate_contact_id",
    "EXT_ID": "duplicate_ext_id",
    "email": "duplicate_email_id",
    "SMS": "duplicate_phone_id",
    "WHATSAPP": "duplicate_whatsapp_id",
    "LANDLINE_NUMBER": "duplicate_landline_number_id",
}


class Imports:
    """Takes, carries out and reports imports."""

    def __init__(self, account: Account, lists: ListCalls) -> None:
        self._account = account
        self._state = account.state
        self._lists = lists
        self._waiting: list[tuple[Process, Import]] = []

    async def start(self, request: Request) -> Response:
        raw = await request.body()
        if len(raw) > LARGEST:
            raise out_of_range(f"The body has {len(raw)} bytes, but at most {LARGEST} are allowed")
        body = await Body.of(request)
        if body.one_of("fileUrl", "fileBody", "jsonBody") != "jsonBody":
            raise invalid("Only jsonBody is emulated: fileUrl and fileBody are not")
        rows = body.records("jsonBody")
        job = Import(
            rows=rows,
            list_ids=self._list_ids(body),
            updates=bool(body.flag("updateExistingContacts", True)),
            empties=bool(body.flag("emptyContactsAttributes", False)),
            blocklisted=body.flag("emailBlacklist"),
            sms_blocklisted=body.flag("smsBlacklist"),
        )
        body.flag("disableNotification")
        process = self._queue(len(rows), body.text("notifyUrl"))
        self._waiting.append((process, job))
        return json_response({"processId": process.id}, 202)

    def settle(self) -> None:
        """Finishes the imports whose end has come."""
        now = self._account.now()
        while self._waiting and self._waiting[0][0].ends <= now:
            process, job = self._waiting.pop(0)
            job.run(self._account, process)
            process.done = True

    async def listed(self, request: Request) -> Response:
        page = Page.of(request, default=10, largest=50)
        found = [self._written(request, process) for process in self._state.processes.values()]
        return json_response({"processes": page.cut(found), "count": len(found)})

    async def get(self, request: Request) -> Response:
        return json_response(self._written(request, self._named(request)))

    async def report(self, request: Request) -> Response:
        """The CSV of refused rows, to which ``info.import`` points."""
        rows = self._named(request).problems.get(request.path_params["report"])
        if rows is None:
            raise not_found("There is no such report")
        text = io.StringIO()
        csv.writer(text, delimiter=";", lineterminator="\n").writerows([("EMAIL", "VALUE"), *rows])
        return Response(text.getvalue(), media_type="text/csv")

    def _list_ids(self, body: Body) -> list[int]:
        if body.one_of("listIds", "newList") == "listIds":
            return self._account.check_lists(body.integers("listIds") or [])
        new = body.record("newList") or Body({})
        folder = new.integer("folderId") or min(self._state.folders)
        return [self._lists.add(new.required_text("listName"), folder)]

    def _queue(self, rows: int, notify_url: str | None) -> Process:
        now = self._account.now()
        begins = max([now + QUEUED, *(process.ends for process in self._state.processes.values())])
        ends = begins + QUEUED + rows * 1_000 // ROWS_PER_SECOND
        process = Process(self._account.next_id("process"), now, begins, ends, rows, notify_url)
        self._state.processes[process.id] = process
        return process

    def _named(self, request: Request) -> Process:
        text = request.path_params["process_id"]
        found = self._state.processes.get(int(text)) if text.isdecimal() else None
        if found is None:
            raise not_found("Process not found")
        return found

    def _written(self, request: Request, process: Process) -> dict[str, object]:
        found: dict[str, object] = {
            "id": process.id,
            "name": "IMPORTUSER",
            "status": process.status(self._account.now()),
        }
        if process.done:
            urls = {
                report: f"{request.base_url}files/processes/{process.id}/{report}.csv"
                if report in process.problems
                else None
                for report in REPORTS.values()
            }
            found["info"] = {"import": urls}
        return found


class Import:
    """The rows of one import and what is to happen to all of them."""

    def __init__(
        self,
        *,
        rows: list[Body],
        list_ids: list[int],
        updates: bool,
        empties: bool,
        blocklisted: bool | None,
        sms_blocklisted: bool | None,
    ) -> None:
        self._rows = rows
        self._list_ids = list_ids
        self._updates = updates
        self._empties = empties
        self._blocklisted = blocklisted
        self._sms_blocklisted = sms_blocklisted

    def run(self, account: Account, process: Process) -> None:
        for row in self._rows:
            given = row.values.get("email")
            try:
                email = normalised(given if isinstance(given, str) else "")
            except Refusal:
                process.problems.setdefault("invalid_emails", []).append((str(given), str(given)))
                continue
            self._take(account, process, email, row)

    def _take(self, account: Account, process: Process, email: str, row: Body) -> None:
        directory = account.state.directory
        existing = directory.find("email", email)
        if existing is not None and not self._updates:
            return
        change = self._change(account, email, row)
        if clashes := directory.clashes(existing, change):
            for name in clashes:
                value = change.identifiers()[name]
                process.problems.setdefault(REPORTS[name], []).append((email, value))
        elif existing is None:
            directory.create(change, process.ends)
        else:
            directory.update(existing, change, process.ends)

    def _change(self, account: Account, email: str, row: Body) -> Change:
        given = row.values.get("attributes")
        values = {name.upper(): value for name, value in given.items()} if isinstance(given, dict) else {}
        values.pop("EMAIL", None)
        kept = account.state.schema.kept(values, strict=False)
        if not self._empties:
            kept = {name: value for name, value in kept.items() if value is not None}
        return Change(
            by="import",
            email=email,
            attributes=kept,
            list_ids=[number for number in self._list_ids if number in account.state.lists],
            blocklisted=self._blocklisted,
            sms_blocklisted=self._sms_blocklisted,
        )
