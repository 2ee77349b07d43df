"""The world of which the examples of calls speak: its people, projects, copies, keys and tokens, made for real.

Examples name things by ids of their own; `World.put` puts the ids that they have here in their place. Several worlds
can lie in one database when each has a tag, which stands in its addresses and names.
"""

from collections.abc import Callable
from dataclasses import dataclass
from posixpath import join, normpath
from typing import Any, cast
from zlib import crc32

from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import Account, CopyOperation, Principal
from studiolo.domain.copies import CopyRequest
from studiolo.domain.copy_group_requests import GroupRequest
from studiolo.domain.copy_targets import Member
from studiolo.domain.home_paths import file_id
from studiolo.domain.services import Services
from studiolo.testing.agents import FakeAgent

DOMAIN = "example.edu"
LATER = "2030-01-01"
SOURCE = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"  # what the examples call their two projects
TARGET = "83d6c5a1-0b64-4a5e-a1c9-9a1d3a7f6b20"


@dataclass(frozen=True)
class World:
    """An administrator, to whom everything belongs, a key of theirs, and what is called how here."""

    admin: Principal
    key: str
    names: dict[str, str]

    def put(self, text: str) -> str:
        """Return a text that speaks of this world's things instead of the examples'."""
        for written, real in self.names.items():
            text = text.replace(written, real)
        return text

    def id_of(self, written: str) -> str:
        """Return the id of a thing that the examples call so."""
        return self.names[written]


def shape(answer: Any) -> Any:
    """Return what the answers to a call have in common: the event, the names, that of the first thing in a list."""
    if isinstance(answer, dict):
        given = cast("dict[str, Any]", answer)
        inner = shape(given["data"]) if isinstance(given.get("data"), dict) else None
        return given.get("event"), {name for name in given if "-" not in name}, bool(given.get("error")), inner
    if isinstance(answer, list):
        return [shape(answer[0])] if answer else []
    return type(answer).__name__


@dataclass(frozen=True)
class Maker:
    """Makes worlds; `mail_to` returns the body of the last mail to an address."""

    services: Services
    agent: Callable[[ProjectId], FakeAgent]
    mail_to: Callable[[str], str]

    async def make(self, tag: str = "") -> World:
        """Make a world."""
        domain = f"{tag}.{DOMAIN}" if tag else DOMAIN
        admin_account, student = (
            await self._account("admin", domain, is_admin=True),
            await self._account("student", domain),
        )
        await self._account("taken", domain)
        admin = Principal(admin_account.account_id, is_admin=True)
        _, key = await self.services.api_keys.create(admin)
        source, target = await self._project(admin), await self._project(admin)
        await self._fill(admin, source)
        names = {
            **await self._secrets(admin, student, tag),
            **await self._organization(admin, domain, tag),
            **await self._copies(admin, source, target),
            "0f3c7a1e5b9d2c4f6a8e0b1d3c5f7a9e2b4d6c80": file_id(source, "sheet.ipynb"),
            "2f4cd30d-a5b5-4cb1-8a7c-1de9b0a4a4e6": admin_account.account_id,
            "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b": student.account_id,
        }
        if tag:
            names |= {f"@{DOMAIN}": f"@{domain}"}
        return World(admin, key, names)

    async def _account(self, name: str, domain: str, *, is_admin: bool = False) -> Account:
        return await self.services.accounts.create_as_operator(
            email_address=f"{name}@{domain}",
            password=f"{name}-password",
            first_name=name.title(),
            last_name="Example",
            is_admin=is_admin,
        )

    async def _project(self, admin: Principal) -> ProjectId:
        project = await self.services.projects.create(admin, "", "")
        self.agent(project.project_id).commands |= {"pwd": _print_home, "realpath": _print_paths}
        return project.project_id

    async def _fill(self, admin: Principal, source: ProjectId) -> None:
        for path in ("welcome.md", "public/welcome.md"):  # the first of which starts the project
            await self.services.files.write_text(admin, source, path, "hello\nworld")
        await self.services.queries.run(admin, {"public_paths": {"project_id": source, "path": "public"}})
        await self.services.histories.note(source, "sheet.ipynb")

    async def _secrets(self, admin: Principal, student: Account, tag: str) -> dict[str, str]:
        services, email_address = self.services, str(student.email_address)
        network = f"2001:db8:{crc32(tag.encode()) & 0xFFFF:x}::1"  # from one alone only so many resets are asked for
        token = await services.auth_tokens.mint(admin, account_id=student.account_id, password="")
        await services.password_resets.request(email_address, network)
        api_key, _ = await services.api_keys.create(admin, name="portal")
        old, _ = await services.api_keys.create(admin, name="old")
        exam, exam_token = await services.registration_tokens.create(admin, ephemeral_seconds=10800)
        return {
            "987654321": str(api_key.api_key_id),
            '"id": 7': f'"id": {old.api_key_id}',
            "4b7d2c90-8e1f-4a36-b5d8-0f3c9a6e7d21": exam.registration_token_id,
            "Zp8sQ1mX5vTn7RbY3kWd9LcG": exam_token,
            "BQokikJOvBiI2HlWgH4olfQ2": token,
            "w7XkQ2mB9tYc4RzLs8JvNf3P": _code_in(self.mail_to(email_address)),
        }

    async def _organization(self, admin: Principal, domain: str, tag: str) -> dict[str, str]:
        services, name = self.services, f"school{tag}"
        school = await services.organizations.create(admin, name)
        member = await services.organizations.create_user(
            admin,
            name,
            email_address=f"member@{domain}",
            first_name="Emmy",
            last_name="Noether",
            password=None,
        )
        await services.organizations.add_admin(admin, name, member.account_id)
        writer = await self._account("writer", domain)
        to: list[AccountId] = [AccountId(str(admin.account_id))]
        number = await services.messages.send(
            Principal(writer.account_id), to=to, subject="Homework 3", body="It is done."
        )
        return {
            **{f'"{one}': f'"{one}{tag}' for one in ("school", "college")},
            "7a9c1e3b-5d7f-4b2a-8c4e-6f8a0b2c4d6e": school.organization_id,
            "0c8e4f2a-7b1d-4a3c-9e5f-6d7a8b9c0d1e": member.account_id,
            '"id": 11': f'"id": {number}',
        }

    async def _copies(self, admin: Principal, source: ProjectId, target: ProjectId) -> dict[str, str]:
        async def copy() -> CopyOperation:
            request = CopyRequest(source, "welcome.md", target, scheduled=LATER)
            return await self.services.copies.create(admin, request)

        async def group(key: str) -> str:
            members = (Member(target),)
            request = GroupRequest("hand_out", source, "welcome.md", None, members, scheduled=LATER, group_key=key)
            return (await self.services.copy_groups.create(admin, request))[0].group_id

        waiting, cancelled = await copy(), await copy()
        await self.services.copies.cancel(admin, cancelled.copy_id)
        one, other = await group("one"), await group("other")
        await self.services.copy_groups.cancel(admin, one)
        return {
            SOURCE: source,
            TARGET: target,
            "65cd2079-098d-4147-bb54-12d44cebb8cb": waiting.copy_id,
            "a9d2f6c4-3b1e-4f7a-8c5d-0e6b2d4f8a1c": cancelled.copy_id,
            "b7a1e0c2-94d3-4c55-8f1e-2d6a7b9c0e14": one,
            "c8b2f1d3-a5e4-4d66-9a2f-3e7b8cad1f25": other,
        }


async def _print_home(_params: dict[str, Any]) -> dict[str, Any]:
    return {"stdout": "/projects/x\n", "stderr": "", "exit_code": 0}


async def _print_paths(params: dict[str, Any]) -> dict[str, Any]:
    paths = params["args"][params["args"].index("--") + 1 :]
    return {"stdout": "".join(f"{normpath(join('/home/x', path))}\0" for path in paths), "stderr": "", "exit_code": 0}


def _code_in(body: str) -> str:
    """Return the code that stands in a mail."""
    return next(line.strip() for line in body.splitlines() if len(line.strip()) == 24 and line.startswith("    "))
