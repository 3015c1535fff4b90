"""Single contacts: upsert, rename, delete. Rules of the flag: design «Consent»; of renames: facts on PUT /contacts."""

import contextlib
from collections.abc import Iterable

import msgspec

from connectors.brevo.account import POST_CONTACT, Contact
from connectors.brevo.errors import Clash, InDoubt, NotAllowed, NotFound, Refused
from schemas.commands import DeleteContact, RenameContact, UpsertContact
from streams.sink.attributes import Totals
from streams.sink.items import Item
from streams.sink.known import KnownContact, digest
from streams.sink.ledger import Ledger
from streams.sink.settings import Destination
from streams.sink.wishes import Wish, phone_attributes, wish

_KIND = "contact"
_PUT = "PUT /contacts/{identifier}"
_GET = "GET /contacts/{identifier}"
_LONG_MS = 60_000
_CLOCKS_DIFFER_MS = 60_000  # Brevo's clock and ours, at most
_OPTED_OUT_BEFORE = (
    "it was blocklisted at Brevo before, and not by us: the opt-in does not lift that (consent.resubscribe: false)"
)
_WITHOUT_PHONE = "sent without the phone, which Brevo does not take for this contact"


class Contacts:
    def __init__(self, destination: Destination, ledger: Ledger) -> None:
        self._brevo, self._lists, self._counters = destination.account, destination.lists, destination.counters
        self._resubscribe = destination.resubscribe
        self._ledger, self._totals = ledger, Totals(destination)

    def known(self, email: str) -> KnownContact | None:
        return self._ledger.recall(_KIND, email, KnownContact)

    def keep(self, email: str, known: KnownContact) -> None:
        """Brevo has a part of what is wanted; the rest follows."""
        self._ledger.keep(_KIND, email, known)

    def wish(self, group: list[Item]) -> Wish:
        upserts = [command for item in group if isinstance(command := item.command(), UpsertContact)]
        commands = [self._totals.sendable(command) for command in upserts]
        self._counters.unknown_lists.update(key for key in commands[-1].lists if key not in self._lists)
        phoneless = any(item.phoneless for item in group)
        return wish(commands, self.known(commands[-1].email), self._lists, phoneless=phoneless)

    async def prepare(self, wishes: Iterable[Wish]) -> bool:
        """To be awaited before any of them is sent; False if they are to be made anew. Raises BrevoError."""
        return await self._totals.create(name for found in wishes for name in found.desired)

    async def do(self, item: Item) -> bool:
        """False if it has to go by an import instead. Raises BrevoError if it has to be tried again."""
        if item.kind == "rename":
            await self._rename(item)
        elif item.kind == "delete":
            await self._delete(item)
        else:
            return await self._upsert(item)
        return True

    # --- upsert -----------------------------------------------------------------------------------

    async def _upsert(self, item: Item) -> bool:
        group = self._ledger.lanes.group(item)
        found = self.wish(group)
        while not await self.prepare([found]):
            found = self.wish(group)
        if not found.reasons:
            self._ledger.settle(group, "equal")
            return True
        try:
            return await self._send(item, group, found)
        except Clash as error:
            if item.phoneless or not found.desired.keys() & phone_attributes(self._newest(group)):
                self._ledger.refuse(group, error)
                return True
        except Refused as error:
            self._ledger.refuse(group, error)
            return True
        item.phoneless = True
        return await self._upsert(item)

    async def _send(self, item: Item, group: list[Item], found: Wish) -> bool:
        email = group[-1].email
        known = self.known(email)
        body, after, stands = found.update(), found.after_update(known), False
        concerns_flag = found.flag is not None or found.lift
        try:
            if concerns_flag:
                contact = await self._brevo.contact(email)
                after.blocked = after.blocked or (found.flag is True and not contact.email_blacklisted)
                if stands := found.flag is False and self._stands(contact, known):
                    del body["emailBlacklisted"]
                elif found.lift and contact.email_blacklisted and _is_ours(contact, known):
                    body["emailBlacklisted"] = False
            if body:
                await self._brevo.update_contact(email, body)
            if body or concerns_flag:
                message = self._opted_out_before(email, found.decided_at) if stands else ""
                self.sent(group, after, _PUT if body else _GET, message)
                return True
        except NotFound:
            pass
        if self._no_turn_for_creation():
            item.by_import = True
            return False
        await self._create(group, found)
        return True

    def _stands(self, contact: Contact, known: KnownContact | None) -> bool:
        """Whether it is blocklisted, and not by us: then the person, or the merchant, did it at Brevo."""
        return contact.email_blacklisted and not self._resubscribe and not _is_ours(contact, known)

    def _opted_out_before(self, email: str, opted_in_at: int) -> str:
        """Brevo's webhooks have not told of it; whoever asks the contacts has to know. Returns the receipt's message.

        When it was is not known, but it was before the opt-in that does not lift it.
        """
        self._ledger.opted_out(email, opted_in_at - 1)
        return _OPTED_OUT_BEFORE

    async def _create(self, group: list[Item], found: Wish) -> None:
        email, asked_at = group[-1].email, self._ledger.now()
        try:
            await self._brevo.create_contact(found.creation(email))
        except Clash as error:
            if "EMAIL" not in error.identifiers:
                raise
            # Somebody else made it meanwhile, or nothing but its existence was asked for: its flag is not ours.
            if body := found.update():
                await self._brevo.update_contact(email, body)
            self.sent(group, found.after_update(self.known(email)), _PUT)
        else:
            self.sent(group, found.after_creation(asked_at), POST_CONTACT.name)

    def _no_turn_for_creation(self) -> bool:
        """Where POST /contacts shares the hundred requests an hour, an import takes many new contacts in one."""
        return self._brevo.limiter.delay(POST_CONTACT) > _LONG_MS

    def sent(self, group: list[Item], known: KnownContact, request: str, message: str = "") -> None:
        """Brevo has taken the group's newest state."""
        if any(item.phoneless for item in group):
            newest = self._newest(group)
            refused = {name: digest(newest.attributes[name]) for name in phone_attributes(newest)}
            known = msgspec.structs.replace(known, refused={**known.refused, **refused})
            self._counters.phones_refused += 1
            message = "; ".join(filter(None, (message, _WITHOUT_PHONE)))
        self._ledger.keep(_KIND, group[-1].email, known)
        self._ledger.settle(group, "done", message=message, request=request)

    @staticmethod
    def _newest(group: list[Item]) -> UpsertContact:
        command = group[-1].command()
        assert isinstance(command, UpsertContact)
        return command

    # --- rename and delete ------------------------------------------------------------------------

    async def _rename(self, item: Item) -> None:
        """PUT attributes.EMAIL lifts a blocklisting, so the flag is repeated in the same request and then verified."""
        command = item.command()
        assert isinstance(command, RenameContact)
        before = await self._look(command.email)
        if before is None:
            await self._renamed_before(item, command)
            return
        known = self.known(command.email)
        stays = command.subscribed is not True or self._stands(before, known)
        item.blocklisted = item.blocklisted or (before.email_blacklisted and stays)
        body: dict[str, object] = {"attributes": {"EMAIL": command.to}}
        if item.blocklisted:
            body["emailBlacklisted"] = True
        try:
            await self._brevo.update_contact(command.email, body)
        except Clash as error:
            undecided = known is not None and known.undecided and _is_ours(before, known)
            await self._both_exist(item, command, undecided=undecided)
            self._ledger.settle([item], "refused", message=f"both contacts exist: {error}", request=_PUT)
        except Refused as error:
            self._ledger.refuse([item], error)
        else:
            await self._renamed(item, command)

    async def _both_exist(self, item: Item, command: RenameContact, *, undecided: bool) -> None:
        """The new one stays, takes over an opt-out, and its upsert follows; the old one leaves our lists, or goes."""
        known = self.known(command.email)
        if item.blocklisted and not undecided:
            await self._brevo.update_contact(command.to, {"emailBlacklisted": True})
        if command.old_goes:
            with contextlib.suppress(NotFound, NotAllowed):  # Brevo does not give up the owner's own contact
                await self._brevo.delete_contact(command.email)
            self._ledger.keep(_KIND, command.email, None)
            return
        if known is not None and (members := [number for number, member in known.lists.items() if member]):
            await self._brevo.update_contact(command.email, {"unlinkListIds": members})
            self.keep(command.email, msgspec.structs.replace(known, lists=dict.fromkeys(known.lists, False)))

    async def _renamed(self, item: Item, command: RenameContact, message: str = "") -> None:
        if item.blocklisted:
            await self._verify(command.to)
        self._move(command)
        self._ledger.settle([item], "done", message=message, request=_PUT)

    async def _renamed_before(self, item: Item, command: RenameContact) -> None:
        """There is no such contact: never was, or an attempt whose answer was lost has renamed it."""
        if self.known(command.email) is not None and await self._look(command.to) is not None:
            await self._renamed(item, command, "the contact had its new e-mail already")
            return
        self._ledger.keep(_KIND, command.email, None)
        self._ledger.settle([item], "done", message="there was no contact to rename")

    async def _verify(self, email: str) -> None:
        after = await self._look(email)
        if after is None or after.email_blacklisted:
            return
        await self._brevo.update_contact(email, {"emailBlacklisted": True})
        again = await self._look(email)
        if again is not None and not again.email_blacklisted:
            raise InDoubt(
                "Brevo lifted a blocklisting at an e-mail change and did not take it back; it is tried again.",
                request=_PUT,
            )

    async def _look(self, email: str) -> Contact | None:
        try:
            return await self._brevo.contact(email)
        except NotFound:
            return None

    def _move(self, command: RenameContact) -> None:
        known = self.known(command.email)
        if known is not None:
            self._ledger.keep(_KIND, command.to, known)
        self._ledger.keep(_KIND, command.email, None)

    async def _delete(self, item: Item) -> None:
        command = item.command()
        assert isinstance(command, DeleteContact)
        message = ""
        try:
            await self._brevo.delete_contact(command.email)
        except NotFound:
            message = "there was no such contact"
        except Refused as error:
            self._ledger.refuse([item], error)
            return
        self._ledger.keep(_KIND, command.email, None)
        self._ledger.settle([item], "done", message=message, request="DELETE /contacts/{identifier}")


def _is_ours(contact: Contact, known: KnownContact | None) -> bool:
    """Whether we have blocklisted it: later, or since it exists. Who was there before us was blocklisted by others."""
    if known is None:
        return False
    if known.blocked_since is not None and contact.created_ms >= known.blocked_since - _CLOCKS_DIFFER_MS:
        return True
    return known.blocked
